"""From runs to a verdict: the ledger of claims and the rule that turns measured intervals into one word."""

from __future__ import annotations

import math
import os
import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from evidence import paths
from evidence.record import comparable, current, read_json
from evidence.statistics import Equivalence, Interval, holm

SUPPORTED, CONTRADICTED, DEPENDS, INCONCLUSIVE = "supported", "contradicted", "depends", "inconclusive"


@dataclass(frozen=True)
class Claim:
    """A line of the ledger; its margin was fixed before the experiment ran."""

    id: str
    claim: str
    metric: str
    unit: str
    rule: str
    chapter: str
    margin: float = 0.0
    also: tuple[str, ...] = ()
    """Further chapters whose conditions count as much as those of `chapter`."""
    favours: str = ""
    """The cell that is ahead where the metric lies on the margin's side of no difference: `LSTM`, `GRU`, or neither."""
    redone: str = ""
    """Why the answer is being redone; empty where it stands."""

    def lead(self, estimate: float) -> float:
        """An estimate in units of the margin: 1 is just what was said to matter, in favour of `favours`; 0 is no difference."""
        if self.unit == "ratio":
            return math.log(estimate) / math.log(self.margin)
        return estimate / self.margin


@dataclass(frozen=True)
class Stratum:
    """The verdict on a claim under one condition."""

    name: str
    estimate: float
    low: float
    high: float
    word: str
    p: float | None = None


@dataclass(frozen=True)
class Verdict:
    """The verdict on a claim, with the conditions that it rests on."""

    id: str
    word: str
    effect: float
    low: float
    high: float
    unit: str
    factor: str | None = None
    p: float | None = None
    strata: list[Stratum] = field(default_factory=list)

    @property
    def text(self) -> str:
        """Such as `supported` or `depends (on the kernel)`."""
        return f"{self.word} (on {self.factor})" if self.word == DEPENDS and self.factor else self.word


@dataclass(frozen=True)
class Evidence:
    """What was measured under one condition: an interval, and where the rule needs them, tests.

    Args:
        interval: of the claim's metric.
        p: of the test against the claim's margin, where one was made.
        equivalence: for claims of equivalence.
    """

    interval: Interval
    p: float | None = None
    equivalence: Equivalence | None = None


@cache
def ledger() -> dict[str, Claim]:
    """All claims of the book, by id."""
    text = resources.files("evidence").joinpath("ledger.toml").read_text(encoding="utf-8")
    entries = tomllib.loads(text).items()
    return {key: Claim(id=key, **{**entry, "also": tuple(entry.get("also", ()))}) for key, entry in entries}


def decide(
    id: str, strata: Mapping[str, Evidence | Interval] | Evidence | Interval | bool, factor: str | None = None
) -> Verdict:
    """Apply a claim's rule to what was measured.

    Args:
        id: claim of the ledger, such as `P1`.
        strata: evidence by condition, or one for all; for a claim of the rule `exact`, whether it holds.
        factor: what tells the conditions apart, for "depends on …".

    Returns:
        The verdict: that of all conditions if they agree, `depends` if the claim holds in some and fails in others,
        else `inconclusive`. Its effect is that of the condition in the middle; its interval spans all of them.
    """
    if id not in ledger():
        raise ValueError(f"claim {id!r} is unknown; allowed: {', '.join(ledger())}")
    claim = ledger()[id]
    if claim.rule == "none":
        raise ValueError(f"claim {id!r} has the rule 'none': no experiment can settle it")
    if isinstance(strata, bool | np.bool_):
        if claim.rule != "exact":
            raise ValueError(f"claim {id!r} has the rule {claim.rule!r}: it needs an interval, not {strata!r}")
        return Verdict(
            id, SUPPORTED if strata else CONTRADICTED, float(strata), float(strata), float(strata), claim.unit
        )
    if claim.rule == "exact":
        raise ValueError(f"claim {id!r} has the rule 'exact': it needs True or False, not an interval")
    parts = strata if isinstance(strata, Mapping) else {"all": strata}
    if not parts:
        raise ValueError(f"claim {id!r}: no evidence was given")
    judged = [_judge(claim, name, each) for name, each in parts.items()]
    return _overall(claim, judged, factor)


def _overall(claim: Claim, strata: list[Stratum], factor: str | None) -> Verdict:
    words = {stratum.word for stratum in strata}
    mixed = DEPENDS if {SUPPORTED, CONTRADICTED} <= words else INCONCLUSIVE
    word = words.pop() if len(words) == 1 else mixed
    middle = sorted(stratum.estimate for stratum in strata)[(len(strata) - 1) // 2]
    low, high = min(stratum.low for stratum in strata), max(stratum.high for stratum in strata)
    return Verdict(claim.id, word, middle, low, high, claim.unit, factor, _p(word, strata), strata)


def _p(word: str, strata: list[Stratum]) -> float | None:
    """The p of a verdict: what would have to be chance for it to be wrong.

    A verdict that all conditions share is wrong where one of them is: the largest p. One that depends says that some condition
    supports the claim and some other contradicts it: for each side the smallest p, times the number of conditions
    (Bonferroni), and of the two sides the larger.
    """
    if word != DEPENDS:
        return max((stratum.p for stratum in strata if stratum.p is not None), default=None)
    sides = [
        [each.p for each in strata if each.word == side and each.p is not None] for side in (SUPPORTED, CONTRADICTED)
    ]
    return max((min(1.0, len(strata) * min(side)) for side in sides if side), default=None)


def _judge(claim: Claim, name: str, given: Evidence | Interval) -> Stratum:
    evidence = given if isinstance(given, Evidence) else Evidence(given)
    interval = evidence.interval
    word = INCONCLUSIVE
    if claim.rule == "equivalent":
        if evidence.equivalence is None:
            raise ValueError(f"claim {claim.id!r} has the rule 'equivalent': evidence {name!r} lacks its test")
        if not math.isclose(evidence.equivalence.margin, claim.margin):
            margins = f"± {evidence.equivalence.margin}; the ledger's margin is {claim.margin}"
            raise ValueError(f"claim {claim.id!r}: evidence {name!r} was tested against {margins}")
        if evidence.equivalence.equivalent:
            word = SUPPORTED
        elif interval.low > claim.margin or interval.high < -claim.margin:
            word = CONTRADICTED
        p = evidence.p if word == CONTRADICTED else evidence.equivalence.p
    else:
        sign = 1 if claim.rule == "above" else -1
        near, far = sorted((sign * interval.low, sign * interval.high))
        if near > sign * claim.margin:
            word = SUPPORTED
        elif far < sign * claim.margin or (far == near == sign * claim.margin):
            word = CONTRADICTED
        p = evidence.p
    return Stratum(name, interval.estimate, interval.low, interval.high, word, p)


def record(verdict: Verdict, *, figure: str, sentence: str, measured: bool = False) -> Verdict:
    """Keep a verdict in the chapter's record.

    Args:
        verdict: from `decide`.
        figure: id of the figure that shows it.
        sentence: what it means for a reader who has to choose; made from numbers.
        measured: whether it rests on timings, which differ from machine to machine.
    """
    if running := current():
        entry = {**asdict(verdict), "text": verdict.text, "figure": figure, "sentence": sentence, "measured": measured}
        running.add("verdicts", entry, key="id")
    return verdict


def table(level: float = 0.05) -> pd.DataFrame:
    """The ledger with the verdicts found so far, one row a claim, Holm-adjusted over the claims that were tested.

    Reads `records`. Where the ledger names several chapters for a claim, their conditions are weighed together (`joined`).
    A verdict whose adjusted p is `level` or more is inconclusive; its word before that is `unadjusted`. Claims without an
    experiment have the word "no experiment yet".
    """
    verdicts = [(each["chapter"], verdict) for each in records() for verdict in each["verdicts"]]
    verdicts.sort(key=lambda each: each[0] == ledger()[each[1]["id"]].chapter)  # the claim's own chapter comes last
    found = {verdict["id"]: verdict for name, verdict in verdicts}
    joined: set[str] = set()
    for claim in ledger().values():
        counted = (claim.chapter, *claim.also)
        parts = [each for name, each in verdicts if each["id"] == claim.id and name in counted]
        if len(parts) > 1:
            found[claim.id] = _united(claim, parts)
            joined.add(claim.id)
    tested = [key for key, verdict in found.items() if verdict["p"] is not None]
    adjusted = dict(zip(tested, holm([found[key]["p"] for key in tested]), strict=True))
    rows = []
    for claim in ledger().values():
        verdict: dict[str, Any] = found.get(claim.id, {})
        word = verdict.get("text", "not an experiment" if claim.rule == "none" else "no experiment yet")
        p = adjusted.get(claim.id)
        if p is not None and p >= level and verdict["word"] in (SUPPORTED, CONTRADICTED, DEPENDS):
            word = INCONCLUSIVE
        row = {"id": claim.id, "claim": claim.claim, "word": word, "metric": claim.metric, "unit": claim.unit}
        row |= {key: verdict.get(key) for key in ("effect", "low", "high", "figure", "sentence", "measured", "strata")}
        row |= {"unadjusted": verdict.get("text"), "joined": claim.id in joined, "redone": claim.redone}
        rows.append({**row, "margin": claim.margin, "rule": claim.rule, "p_holm": p, "chapter": claim.chapter})
    return pd.DataFrame(rows)


def _united(claim: Claim, parts: list[dict[str, Any]]) -> dict[str, Any]:
    """One verdict from those of several chapters, all their conditions weighed alike; the last one shows the figure."""
    strata = [Stratum(**stratum) for part in parts for stratum in part["strata"]]
    factor = next((part["factor"] for part in reversed(parts) if part["factor"]), None)
    whole = _overall(claim, strata, factor or "the chapter")
    sentence = " ".join(dict.fromkeys(part["sentence"] for part in parts))
    measured = any(part["measured"] for part in parts)
    return {**parts[-1], **asdict(whole), "text": whole.text, "sentence": sentence, "measured": measured}


def records() -> list[dict[str, Any]]:
    """Records of the chapters just executed (`BOOK_EXECUTED`), else the committed summaries.

    Raises:
        ValueError: a file is no JSON.
    """
    executed = os.environ.get("BOOK_EXECUTED")
    files = (
        Path(executed).rglob("chapter.json") if executed else (paths.root() / "results" / "summaries").glob("*.json")
    )
    found = [read_json(path) for path in sorted(files)]
    if running := current():  # what it says rests on theirs
        others = [each for each in found if each["chapter"] != running.record["chapter"]]
        running.record["foreign"] = [each["chapter"] for each in others if not comparable(each)]
        running.save()
    return found
