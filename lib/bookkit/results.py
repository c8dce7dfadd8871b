"""The committed results: the runs behind the published book, and a summary of each chapter to compare with."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bookkit import execute
from bookkit.errors import BookError
from bookkit.places import Places
from bookkit.progress import Display
from bookkit.tasks import Build
from bookkit.toc import Chapter, chapters

EXACT = 1e-9
NUMERIC = ("torch", "numpy", "scipy", "pandas")
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
)


@dataclass(frozen=True)
class Drift:
    """A difference between a chapter as computed now and its committed summary."""

    chapter: str
    what: str
    fatal: bool

    def __str__(self) -> str:
        return f"{'DRIFT' if self.fatal else 'note '} {self.chapter}: {self.what}"


def write(places: Places, display: Display) -> int:
    """Compute what is missing, then write the results lock and the summaries. Returns the exit status."""
    from evidence import store

    status = Build(places, display).run()
    if status:
        return status
    os.environ |= {"BOOK_STORE": str(places.runs), "BOOK_LOCK": str(places.lock)}
    sweeps: dict[str, set[str]] = {}
    records = _records(places)
    for chapter, record in records:
        if not record.get("published", True):
            raise BookError(f"chapter {chapter.name} was executed with other than its published parameters")
        for sweep in record.get("sweeps", []):
            sweeps.setdefault(sweep["name"], set()).update(sweep["keys"])
    for name, keys in sorted(sweeps.items()):
        store.lock_sweep(name, keys)
        display.say(f"{name}: {len(keys)} runs locked")
    _remove_others(places.lock, {f"{name}.jsonl" for name in sweeps})
    used = {key.partition("-")[2] for keys in sweeps.values() for key in keys}  # a key ends in its origin's id
    _remove_others(places.lock / "origins", {f"{id}.json" for id in used})
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
    """What is committed of a chapter's record: numbers and verdicts; of measured ones, the words only.

    Timings differ from machine to machine and from day to day, so no timed number is kept. The last chapter only
    repeats what the others say, so it has no summary.
    """
    if chapter.kind == "last":
        return None
    timing = chapter.kind == "timing"
    numbers = {name: number for name, number in record.get("numbers", {}).items() if not number.get("measured")}
    measured = {f"verdict-{each['id']}" for each in record.get("verdicts", []) if each.get("measured")}
    return {
        "chapter": record["chapter"],
        "machine": record["machine"].get("kind"),
        "versions": record["versions"],
        "kernels": sorted({kernel for sweep in record.get("sweeps", []) for kernel in sweep.get("kernels", [])}),
        "parameters": record["parameters"],
        "numbers": {} if timing else {name: value for name, value in numbers.items() if name not in measured},
        "values": {name: each["text"] for name, each in record.get("values", {}).items() if not each["measured"]},
        "checks": {name: each["holds"] for name, each in record.get("checks", {}).items() if not each["measured"]},
        "verdicts": [_verdict(verdict) for verdict in record.get("verdicts", [])],
        "comparisons": record.get("comparisons", []),
    }


def check(places: Places) -> int:
    """Compare the executed chapters with the committed summaries; print every difference.

    On the same kind of processor, with the same versions and kernels, numbers must be equal. Elsewhere a number must lie within
    the tolerance that it states, the effect of a verdict within the committed interval, and the word must be equal.
    What was timed is compared by its word, and a change is told but is no error.

    Returns:
        0, or 1 when something drifted.

    Raises:
        BookError: a chapter was not executed or has no summary.
    """
    found: list[Drift] = []
    compared = 0
    for chapter, record in _records(places):
        now = summarise(chapter, record)
        if now is None:
            continue
        path = summary_path(places, chapter)
        if not path.is_file():
            raise BookError(f"{path.relative_to(places.root)} is missing: 'make results' writes it")
        compared += 1
        found += compare(json.loads(path.read_text(encoding="utf-8")), now)
    for drift in found:
        print(drift)
    fatal = sum(drift.fatal for drift in found)
    print(f"check-results: {compared} chapters compared with results/, {fatal} drifted, {len(found) - fatal} notes")
    return 1 if fatal else 0


def compare(past: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[Drift]:
    """Differences between a committed summary and the same chapter computed now."""
    name = now["chapter"]
    versions = [[side["versions"].get(package) for package in NUMERIC] for side in (past, now)]
    alike = past["machine"] == now["machine"] and versions[0] == versions[1] and past["kernels"] == now["kernels"]
    if past["parameters"] != now["parameters"]:
        yield Drift(name, "its parameters are not those of the summary", True)
        return
    for kind in ("numbers", "verdicts"):
        before, after = _by_id(past[kind]), _by_id(now[kind])
        for key in sorted({*before, *after}):
            if key not in before or key not in after:
                yield Drift(name, f"{key}: only in the {'committed' if key in before else 'new'} results", True)
            elif kind == "numbers":
                yield from _compare_number(name, key, before[key], after[key], alike)
            else:
                yield from _compare_verdict(name, key, before[key], after[key], alike)
    if alike and past.get("comparisons", []) != now.get("comparisons", []):
        yield Drift(name, "its comparisons with models without recurrence are others than before", True)


def summary_path(places: Places, chapter: Chapter) -> Path:
    """Where the summary of a chapter is committed."""
    return places.summaries / f"{chapter.name.replace('/', '-')}.json"


def _records(places: Places) -> list[tuple[Chapter, dict[str, Any]]]:
    records = []
    for chapter in chapters(places.root):
        record = execute.read_record(places.executed / chapter.name)
        if not record:
            raise BookError(f"chapter {chapter.name} was not executed: 'make book' does it")
        records.append((chapter, record))
    return records


def _verdict(verdict: Mapping[str, Any]) -> dict[str, Any]:
    if verdict.get("measured"):
        return {"id": verdict["id"], "word": verdict["word"], "text": verdict["word"], "p": None, "measured": True}
    return {key: verdict[key] for key in KEPT if key in verdict}


def _compare_number(
    chapter: str, key: str, past: Mapping[str, Any], now: Mapping[str, Any], alike: bool
) -> Iterator[Drift]:
    before, after = past["value"], now["value"]
    if _equal(before, after):
        return
    said = f"{key}: {before!r} before, {after!r} now"
    tolerance = now.get("tolerance")
    if alike:
        yield Drift(chapter, f"{said}, on the same kind of processor", True)
    elif tolerance is not None and _is_number(before) and _is_number(after):
        if abs(after - before) > tolerance:
            yield Drift(chapter, f"{said}, further apart than {tolerance}", True)
    elif not key.startswith("verdict-"):
        yield Drift(chapter, f"{said}, on another kind of processor", False)


def _compare_verdict(
    chapter: str, key: str, past: Mapping[str, Any], now: Mapping[str, Any], alike: bool
) -> Iterator[Drift]:
    measured = bool(past.get("measured") or now.get("measured"))
    if past["word"] != now["word"]:
        yield Drift(chapter, f"verdict {key}: {past['word']} before, {now['word']} now", not measured)
    if measured or "effect" not in past or "effect" not in now:
        return
    if alike:
        for part in ("effect", "low", "high"):
            if not _equal(past[part], now[part]):
                yield Drift(chapter, f"verdict {key}, {part}: {past[part]!r} before, {now[part]!r} now", True)
    elif not past["low"] - EXACT <= now["effect"] <= past["high"] + EXACT:
        interval = f"{past['low']:.4g} to {past['high']:.4g}"
        yield Drift(chapter, f"verdict {key}: its effect {now['effect']:.4g} is outside {interval}", True)


def _by_id(entries: Any) -> dict[str, Any]:
    return dict(entries) if isinstance(entries, Mapping) else {entry["id"]: entry for entry in entries}


def _equal(before: Any, after: Any) -> bool:
    if _is_number(before) and _is_number(after):
        return before == after or abs(before - after) <= EXACT * max(abs(before), abs(after))
    return before == after


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _remove_others(folder: Path, kept: set[str]) -> None:
    for path in folder.glob("*.json*"):
        if path.name not in kept:
            path.unlink()
