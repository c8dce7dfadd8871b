"""The committed results: the runs behind the published book, and a summary of each chapter to compare with."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from bookkit import execute, fingerprint
from bookkit.drift import Drift, compare
from bookkit.errors import BookError
from bookkit.places import Places, read_json
from bookkit.progress import Display
from bookkit.tasks import Build
from bookkit.toc import Chapter, chapters

PARTS = {
    "chapter": str,
    "machine": str,
    "versions": dict,
    "kernels": list,
    "parameters": dict,
    "verdicts": list,
    "comparisons": list,
    "values": dict,
    "checks": dict,
}
"""What a summary consists of."""
KEPT = (
    "id",
    "word",
    "text",
    "effect",
    "low",
    "high",
    "unit",
    "factor",
    "p",
    "strata",
    "figure",
    "sentence",
    "measured",
    "ahead",
    "matters",
    "sample",
    "attacks",
)


def write_finished(places: Places, display: Display, names: Iterable[str]) -> int:
    """Put the finished runs of some sweeps into the lock, whether a chapter uses them yet or not."""
    from evidence import locking

    os.environ |= {"BOOK_STORE": str(places.runs), "BOOK_LOCK": str(places.lock)}
    for name in names:
        try:
            display.say(f"{name}: {locking.lock_finished(name)} runs locked")
        except ValueError as error:
            raise BookError(str(error)) from None
    return 0


def write(places: Places, display: Display, prune: bool = False) -> int:
    """Compute what is missing, then write the results lock and the summaries. Returns the exit status.

    What the lock holds beside, and the code of today could have made, stays there unless it is to be pruned.
    """
    from evidence import locking

    status = Build(places, display).run()
    if status:
        return status
    os.environ |= {"BOOK_STORE": str(places.runs), "BOOK_LOCK": str(places.lock)}
    sweeps: dict[str, set[str]] = {}
    fresh: set[str] = set()
    records = _records(places)
    for chapter, record in records:
        if not record.get("published", True):
            raise BookError(f"chapter {chapter.name} was executed with other than its published parameters")
        for sweep in record.get("sweeps", []):
            sweeps.setdefault(sweep["name"], set()).update(sweep["keys"])
            if execute.read_stamp(places.executed / chapter.name)["fresh"]:
                fresh.add(sweep["name"])
    for name, keys in sorted(sweeps.items()):
        try:
            locking.lock_sweep(name, keys, name in fresh, prune)
        except ValueError as error:
            raise BookError(str(error)) from None
        display.say(f"{name}: {len(keys)} runs locked")
    others = {path.stem for path in places.lock.glob("*.jsonl")} - {*sweeps}
    kept = {*sweeps, *(() if prune else filter(locking.still_valid, others))}
    _remove_others(places.lock, {f"{name}.jsonl" for name in kept})
    locking.prune_origins()
    written = set()
    for chapter, record in records:
        summary = summarise(chapter, record)
        if summary is not None:
            path = summary_path(places, chapter)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(summary, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
            written.add(path.name)
        # the lock now holds the very runs that this chapter used: no reason to execute it again
        folder = places.executed / chapter.name
        execute.stamp(folder, execute.read_stamp(folder)["inputs"], places, record)
    _remove_others(places.summaries, written)
    display.say(f"{places.root / 'results'}: {len(sweeps)} sweeps, {len(written)} summaries")
    return 0


def summarise(chapter: Chapter, record: Mapping[str, Any]) -> dict[str, Any] | None:
    """What is committed of a chapter's record: values, checks and verdicts; of measured verdicts, the words only.

    Timings differ from machine to machine and from day to day, so no timed number is kept. The last chapter only
    repeats what the others say, so it has no summary.
    """
    if chapter.kind == "last":
        return None
    return {
        "chapter": record["chapter"],
        "machine": record["machine"].get("kind"),
        "versions": record["versions"],
        "kernels": sorted({kernel for sweep in record.get("sweeps", []) for kernel in sweep.get("kernels", [])}),
        "parameters": record["parameters"],
        "values": {name: each["text"] for name, each in record.get("values", {}).items() if not each["measured"]},
        "checks": {name: each["holds"] for name, each in record.get("checks", {}).items() if not each["measured"]},
        "verdicts": [_verdict(verdict) for verdict in record.get("verdicts", [])],
        "comparisons": record.get("comparisons", []),
    }


def check(places: Places) -> int:
    """Compare the executed chapters with the committed summaries; print every difference.

    Where all runs of a chapter came from the results lock, all that was not timed must be equal, on any processor; so it
    must where they were computed on the same kind of processor, with the same versions and kernels. Elsewhere the
    effect of a verdict must lie within the committed interval, that interval be of the order of the new one, and the
    word be equal; a check that came out otherwise is told. A change of what was timed is told but is no error, so is a
    results lock that no chapter uses; a summary of no chapter is one.

    Returns:
        0, or 1 when something drifted.

    Raises:
        BookError: a chapter was not executed, or has no sound summary.
    """
    found: list[Drift] = []
    expected: set[Path] = set()
    records = _records(places)
    for chapter, record in records:
        stamp = execute.read_stamp(places.executed / chapter.name)
        if stamp["lock"] != fingerprint.lock_digests(places, stamp["lock"]):
            raise BookError(f"the results lock of chapter {chapter.name} changed: 'make book' executes it again")
        now = summarise(chapter, record)
        if now is not None:
            path = summary_path(places, chapter)
            expected.add(path)
            found += compare(_read_summary(path, places.root), now, not stamp["fresh"] and _all_locked(places, record))
    found += _foreign(places, expected, {sweep["name"] for _, record in records for sweep in record.get("sweeps", [])})
    for drift in found:
        print(drift)
    fatal = sum(drift.fatal for drift in found)
    notes = len(found) - fatal
    print(f"check-results: {len(expected)} chapters compared with results/, {fatal} drifted, {notes} notes")
    return 1 if fatal else 0


def summary_path(places: Places, chapter: Chapter) -> Path:
    """Where the summary of a chapter is committed."""
    return places.summaries / f"{chapter.name.replace('/', '-')}.json"


def _records(places: Places) -> list[tuple[Chapter, dict[str, Any]]]:
    records = []
    for chapter in chapters(places.root):
        folder = places.executed / chapter.name
        if not folder.is_dir():
            raise BookError(f"chapter {chapter.name} was not executed: 'make book' does it")
        if damaged := execute.damaged(folder):
            raise BookError(f"chapter {chapter.name}: {damaged}; 'make book' executes it again")
        records.append((chapter, execute.read_record(folder)))
    return records


def _read_summary(path: Path, root: Path) -> dict[str, Any]:
    name = path.relative_to(root)
    if not path.is_file():
        raise BookError(f"{name} is missing: 'make results' writes it")
    found = read_json(path)
    if not _is_summary(found):
        raise BookError(f"{name} is truncated or altered: 'make results' writes it anew")
    return found


def _is_summary(found: Mapping[str, Any]) -> bool:
    if not all(isinstance(found.get(part), kind) for part, kind in PARTS.items()):
        return False
    return all(isinstance(each, dict) and "id" in each for each in found["verdicts"])


def _all_locked(places: Places, record: Mapping[str, Any]) -> bool:
    """Whether a chapter computed no run, and the results lock holds all that it found."""
    from evidence.lock import read

    def locked(name: str) -> set[str]:
        path = places.lock / f"{name}.jsonl"
        lines = path.read_text(encoding="utf-8", errors="replace").split("\n") if path.is_file() else []
        return {row["key"] for row in read(lines) if row and "key" in row}

    sweeps = record.get("sweeps", [])
    return bool(sweeps) and all(not each["computed"] and locked(each["name"]) >= {*each["keys"]} for each in sweeps)


def _foreign(places: Places, summaries: set[Path], sweeps: set[str]) -> Iterator[Drift]:
    """Committed files that no chapter accounts for."""
    for path in sorted(each for each in places.summaries.glob("[!.]*") if each not in summaries):
        yield Drift(str(path.relative_to(places.root)), "is the summary of no chapter", True)
    for path in sorted(each for each in places.lock.glob("*.jsonl") if each.stem not in sweeps):
        yield Drift(str(path.relative_to(places.root)), "no chapter uses these runs", False)


def _verdict(verdict: Mapping[str, Any]) -> dict[str, Any]:
    if verdict.get("measured"):
        return {"id": verdict["id"], "word": verdict["word"], "text": verdict["word"], "p": None, "measured": True}
    return {key: verdict[key] for key in KEPT if key in verdict}


def _remove_others(folder: Path, kept: set[str]) -> None:
    for path in folder.glob("*.json*"):
        if path.name not in kept:
            path.unlink()
