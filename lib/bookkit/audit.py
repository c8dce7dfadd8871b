"""`make audit`: a sample of the locked runs is computed again; what came of all audits so far, for the execution page."""

from __future__ import annotations

import datetime
import json
import os
import secrets
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from bookkit.errors import BookError
from bookkit.places import Places
from bookkit.progress import Display, duration
from evidence.running import RunError

MOST = 24 * 60
"""Minutes that an audit may take."""
Line = dict[str, Any]


def records(root: Path) -> Path:
    """The audits so far, one line each (committed)."""
    return root / "results" / "audits.jsonl"


def write(places: Places, display: Display, minutes: float, seed: int | None) -> int:
    """Audit, tell what came of it, and add a line to the records. Returns 1 where a run differs, else 0.

    Raises:
        BookError: nothing to audit, or a number out of range.
    """
    from evidence import audit

    if not 0 < minutes <= MOST:
        raise BookError(f"MINUTES = {minutes:g} is not allowed: a number above 0, at most {MOST}")
    os.environ |= {"BOOK_LOCK": str(places.lock)}
    seed = secrets.randbelow(10**6) if seed is None else seed
    stock = audit.evidence()
    if not stock.runs:
        raise BookError(f"nothing to audit: no locked run in {places.lock} is of the code of today")
    before = read(records(places.root))
    display.say(
        f"audit with SEED={seed}: {minutes:g} minutes; {sum(map(len, stock.runs.values()))} locked runs, "
        f"{stock.seconds / 3600:.1f} core-hours" + (f"; {stock.stale} of other code or kernels" if stock.stale else "")
    )
    findings = []
    try:
        for found in audit.audit(stock, minutes, seed, ages(before, stock.runs)):
            findings.append(found)
            if found.outcome == "differs":
                display.say(f"differs: {found.sweep} {found.key}: {found.difference}")
    except (RunError, ValueError) as error:
        raise BookError(f"audit: {error}") from None
    line = summarise(findings, stock, minutes, seed)
    with records(places.root).open("a", encoding="utf-8") as file:
        file.write(json.dumps(line, ensure_ascii=False, separators=(",", ":")) + "\n")
    counts = ", ".join(f"{count} {word}" for word, count in line["outcomes"].items())
    display.say(f"{len(findings)} runs computed again in {duration(line['seconds'])} of one core: {counts}")
    for each in line["differences"]:
        display.say(f"error: {each}")
    return int(bool(line["differences"]))


def summarise(findings: Iterable[Any], stock: Any, minutes: float, seed: int) -> Line:
    """One line of the records."""
    from evidence import provenance

    findings = list(findings)
    costs = {row["key"]: row["recorded"]["seconds"] for rows in stock.runs.values() for row in rows}
    audited: dict[str, dict[str, float]] = {}
    for found in findings:
        if found.outcome in ("equal", "near"):
            audited.setdefault(found.sweep, {})[short(found.key)] = round(found.share, 3)
    differing = [found for found in findings if found.outcome == "differs"]
    return {
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "seed": seed,
        "minutes": minutes,
        "machine": provenance.machine()["kind"],
        "torch": provenance.versions()["torch"],
        "outcomes": dict(Counter(found.outcome for found in findings)),
        "seconds": round(sum(found.seconds for found in findings), 1),
        "locked_seconds": round(sum(costs[found.key] * found.share for found in findings), 1),
        "differences": [f"{found.sweep} {found.key}: {found.difference}" for found in differing],
        "audited": audited,
    }


def read(path: Path) -> list[Line]:
    """The audits so far, the oldest first.

    Raises:
        BookError: a line is broken.
    """
    if not path.is_file():
        return []
    found = []
    for number, text in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        try:
            line = json.loads(text)
            line["audited"].items(), line["outcomes"].items(), line["machine"], line["differences"]
        except (ValueError, KeyError, TypeError, AttributeError):
            raise BookError(f"{path}:{number}: not the record of an audit") from None
        found.append(line)
    return found


def ages(lines: list[Line], sweeps: Iterable[str]) -> dict[str, float]:
    """For each sweep how long ago it was audited: 0 in the last audit, 1 never, or longer ago than any other."""
    last = {name: number for number, line in enumerate(lines) for name in line["audited"]}
    return {name: 1 - (last[name] + 1) / (len(lines) or 1) if name in last else 1.0 for name in sweeps}


def short(key: str) -> str:
    """A run's key as the records name it: enough of its configuration's digest and of its origin's."""
    config, _, origin = key.partition("-")
    return config[:8] + origin[:4]


def so_far(root: Path) -> dict[str, Any]:
    """What all audits so far say of the evidence of today, for the execution page."""
    from evidence import lock

    lines = read(records(root))
    costs = {short(key): cost for (_, key), cost in lock.costs(root / "results" / "runs").items()}
    shares: dict[str, float] = {}
    for line in lines:
        for keys in line["audited"].values():
            for key, share in keys.items():
                shares[key] = max(share, shares.get(key, 0.0))
    known = {key: share for key, share in shares.items() if key in costs}
    total = sum(costs.values())
    return {
        "audits": len(lines),
        "last": lines[-1]["date"] if lines else "",
        "runs": len(known),
        "all_runs": len(costs),
        "share": sum(costs[key] * share for key, share in known.items()) / total if total else 0.0,
        "hours": total / 3600,
        "machines": sorted({line["machine"] for line in lines}),
        "differences": [each for line in lines for each in line["differences"]],
    }
