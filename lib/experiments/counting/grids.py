"""What is run in the chapter *memory/counting*: what tuning chooses, and the points of its sweeps, for strings and brackets."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pandas as pd

from evidence.tuning import Tuned

GATED = ("lstm", "gru")
STARTS = ("default", "bias:1", "chrono")
STRINGS = [
    dict(zip(("language", "asked"), each, strict=True))
    for each in itertools.product(("anbn", "anbncn"), ("all", "determined"))
]
"""Languages, and the letters that the loss is on: what is counted."""
BRACKETS: list[dict[str, Any]] = [{}]
"""One task."""
CASE = ["language", "asked", "cell", "match", "start"]
"""What gets a learning rate of its own; brackets have neither language nor letters."""
TIMES = {"rate × 3": 3.0, "rate ÷ 3": 1 / 3}
CHANGED: dict[str, dict[str, Any]] = {"no clipping": {"clip": 1e9}, "another task": {"kinds": 3}}
ATTACKS = {
    "rate × 3": "faster",
    "rate ÷ 3": "slower",
    "another start": "second-start",
    "width × 2": "wider",
    "no clipping": "unclipped",
    "another task": "kinds",
}
"""Attacks by their name in the ledger, and what their sweeps are called; another budget is a rung of the ladder."""
Place = Mapping[str, Any]
Point = dict[str, Any]


def cases(places: Iterable[Place], starts: Sequence[str]) -> list[Point]:
    """Both cells with every start, at equal width."""
    return [
        {**place, "cell": cell, "match": "width", "start": start}
        for place, start, cell in itertools.product(places, starts, GATED)
    ]


def ranked(tuned: Tuned, place: int) -> pd.DataFrame:
    """Of each task and cell the start that came in at this place in tuning, 0 the best, with its rate; of equals the first."""
    order = tuned.best.sort_values("score", ascending=False, kind="stable")
    nth = order.groupby([name for name in CASE if name in order and name != "start"], sort=False).cumcount()
    return order[nth == place].sort_index()


def companions(best: pd.DataFrame, places: Iterable[Place], others: Iterable[str]) -> list[Point]:
    """What is compared beside both cells at equal width, each with the best start of the GRU where it has gates.

    Args:
        best: from `ranked`. places: where a GRU with as many parameters as the LSTM runs. others: cells of the first task.
    """
    starts = best[best["cell"] == "gru"]
    found = []
    for place in places:
        rows = starts[[all(row[name] == value for name, value in place.items()) for _, row in starts.iterrows()]]
        found.append({**place, "cell": "gru", "match": "parameters", "start": str(rows["start"].iloc[0])})
    first = {name: best[name].iloc[0] for name in ("language", "asked") if name in best}
    gated = str(starts["start"].iloc[0])
    return found + [
        {**first, "cell": cell, "match": "width", "start": gated if cell == "gru_before" else "default"}
        for cell in others
    ]


def points(table: pd.DataFrame, **fixed: Any) -> list[Point]:
    """Rows of tuning as points of a sweep, at their chosen rates; `fixed`: further keywords of all."""
    names = [name for name in (*CASE, "learning_rate") if name in table]
    return [{**row, **fixed} for row in table[names].to_dict("records")]


def rungs(table: pd.DataFrame, budgets: Iterable[int], **fixed: Any) -> list[Point]:
    """The same at each budget of steps."""
    return [{**point, "steps": steps} for steps in budgets for point in points(table, **fixed)]


def attacked(name: str, tuned: Tuned, **fixed: Any) -> list[Point]:
    """Both cells under an attack of `ATTACKS`; `fixed`: keywords of all, those of the middle rung."""
    table = ranked(tuned, 1 if name == "another start" else 0)
    found = []
    for point in points(table, **fixed):
        if name in TIMES:
            point["learning_rate"] = float(f"{point['learning_rate'] * TIMES[name]:.3g}")
        elif name == "width × 2":
            point["hidden_size"] *= 2
        found.append({**point, **CHANGED.get(name, {})})
    return found


def part(tuned: Tuned, **of: Any) -> Tuned:
    """What was tuned under one condition."""
    frames = []
    for frame in (tuned.runs, tuned.best):
        for name, value in of.items():
            frame = frame[frame[name] == value]
        frames.append(frame)
    return Tuned(*frames)
