"""What differs between a committed summary and the same chapter computed now."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeGuard

EXACT = 1e-9
WIDER = 10.0
"""How many times as wide as the interval computed now the committed one may be, where the runs were computed anew."""
NUMERIC = ("torch", "numpy", "scipy", "pandas")


@dataclass(frozen=True)
class Drift:
    """A difference between a chapter as computed now and its committed summary."""

    chapter: str
    what: str
    fatal: bool

    def __str__(self) -> str:
        return f"{'DRIFT' if self.fatal else 'note '} {self.chapter}: {self.what}"


def compare(past: Mapping[str, Any], now: Mapping[str, Any], locked: bool = False) -> Iterator[Drift]:
    """Differences between a committed summary and the same chapter computed now.

    Args:
        past: the summary.
        now: what `summarise` makes of the chapter.
        locked: whether all its runs came from the results lock.
    """
    name = now["chapter"]
    versions = [[side["versions"].get(package) for package in NUMERIC] for side in (past, now)]
    alike = past["machine"] == now["machine"] and versions[0] == versions[1] and past["kernels"] == now["kernels"]
    if past["chapter"] != name or past["parameters"] != now["parameters"]:
        yield Drift(name, "its name or its parameters are not those of the summary", True)
        return
    exact = locked or alike
    timed = not now["values"] and not now["checks"] and all(each.get("measured") for each in now["verdicts"])
    if not exact and not timed:
        yield Drift(name, "computed here, on another kind of processor or with other versions: compared loosely", False)
    elif exact and versions[0] != versions[1]:
        yield Drift(name, f"{', '.join(NUMERIC)}: {versions[0]} before, {versions[1]} now", False)
    before, after = ({each["id"]: each for each in side["verdicts"]} for side in (past, now))
    for key in sorted({*before, *after}):
        if key not in before or key not in after:
            yield Drift(name, f"verdict {key}: only in the {'committed' if key in before else 'new'} results", True)
        elif after[key].get("measured"):
            yield from _compare_timed(name, key, before[key], after[key])
        elif exact:
            yield from _exactly(name, f"verdict {key}", before[key], after[key])
        else:
            yield from _compare_verdict(name, key, before[key], after[key])
    for part in ("kernels", "comparisons", "values", "checks") if exact else ():
        yield from _exactly(name, part, past[part], now[part])
    for key, held in past["checks"].items() if not exact else ():
        if (holds := now["checks"].get(key)) is not held:
            said = "is not made" if holds is None else "holds" if holds else "does not hold"
            yield Drift(name, f"check {key}: {said} now", False)


def _exactly(chapter: str, key: str, past: Any, now: Any) -> Iterator[Drift]:
    """Every part that differs, each named by its place."""
    if isinstance(past, Mapping) and isinstance(now, Mapping):
        for name in sorted({*past, *now}):
            yield from _exactly(chapter, f"{key}, {name}", past.get(name), now.get(name))
    elif isinstance(past, list) and isinstance(now, list) and len(past) == len(now):
        for number, (before, after) in enumerate(zip(past, now, strict=True), 1):
            yield from _exactly(chapter, f"{key} {number}", before, after)
    elif not _equal(past, now):
        yield Drift(chapter, f"{key}: {past!r} before, {now!r} now", True)


def _compare_timed(chapter: str, key: str, past: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[Drift]:
    if not past.get("measured"):
        yield Drift(chapter, f"{key}: timed now, and not before", True)
    if past.get("word") != now["word"]:
        yield Drift(chapter, f"verdict {key}: {past.get('word')} before, {now['word']} now", False)


def _compare_verdict(chapter: str, key: str, past: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[Drift]:
    if past.get("word") != now["word"]:
        yield Drift(chapter, f"verdict {key}: {past.get('word')} before, {now['word']} now", True)
    effect, low, high = (past.get(name) for name in ("effect", "low", "high"))
    if not (_is_number(effect) and _is_number(low) and _is_number(high)):
        yield Drift(chapter, f"verdict {key}: its effect or its interval is missing", True)
        return
    interval = f"{low:.4g} to {high:.4g}"
    if not low - EXACT <= now["effect"] <= high + EXACT:
        yield Drift(chapter, f"verdict {key}: its effect {now['effect']:.4g} is outside {interval}", True)
    if not (low <= effect <= high and high - low <= WIDER * (now["high"] - now["low"]) + EXACT):
        computed = f"{now['low']:.4g} to {now['high']:.4g}"
        yield Drift(chapter, f"verdict {key}: its interval is {interval}, that computed now {computed}", True)


def _equal(before: Any, after: Any) -> bool:
    if _is_number(before) and _is_number(after):
        return math.isclose(before, after, rel_tol=EXACT) or (math.isnan(before) and math.isnan(after))
    return before == after


def _is_number(value: Any) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool)
