"""The ledger with the verdicts of all chapters: united, and adjusted for the number of claims."""

from __future__ import annotations

import os
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pandas as pd

from evidence import paths
from evidence.ledger import Claim, ledger
from evidence.record import comparable, current, read_json
from evidence.significance import heterogeneity, holm
from evidence.statistics import Interval
from evidence.verdicts import DECIDED, DEPENDS, INCONCLUSIVE, LEFT_OUT, NOT_TRAINED, Attack, Stratum, attacked, overall

SHOWN = ("effect", "low", "high", "figure", "sentence", "measured", "strata", "ahead", "matters", "sample", "attacks")


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
        if p is not None and p >= level and verdict["word"] in (*DECIDED, DEPENDS):
            word = INCONCLUSIVE
        row = {"id": claim.id, "claim": claim.claim, "word": word, "metric": claim.metric, "unit": claim.unit}
        row |= {key: verdict.get(key) for key in SHOWN}
        row |= {"unadjusted": verdict.get("text"), "joined": claim.id in joined, "redone": claim.redone}
        rows.append({**row, "margin": claim.margin, "rule": claim.rule, "p_holm": p, "chapter": claim.chapter})
    return pd.DataFrame(rows)


def _united(claim: Claim, parts: list[dict[str, Any]]) -> dict[str, Any]:
    """One verdict from those of several chapters, all their conditions weighed alike; the last one shows the figure.

    A chapter that is not trained out tells nothing, unless none is; an attack that overturned one of them counts for all.
    """
    done = [part for part in parts if part["word"] != NOT_TRAINED]
    strata = [
        Stratum(**stratum) if part in done else replace(Stratum(**stratum), word=LEFT_OUT, left_out=NOT_TRAINED)
        for part in parts
        for stratum in part["strata"]
    ]
    factor = next((part["factor"] for part in reversed(parts) if part["factor"]), None)
    counted = [Interval(each.estimate, each.low, each.high, n=each.n) for each in strata if each.word != LEFT_OUT]
    differ = heterogeneity(counted) if len(counted) > 1 and all(each.n > 1 for each in counted) else None
    tried = [Attack(**attack) for part in parts for attack in part.get("attacks") or []]
    whole = attacked(overall(claim, strata, factor or "the task", differ), tried)
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
