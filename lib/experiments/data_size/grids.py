"""What is run in the chapter *performance/data_size*: what tuning chooses, in three steps, and the points of the sweeps."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from evidence.tuning import Tuned
from experiments.shared import borrowed as shared
from experiments.shared.tuned_leads import draws, picks, scores

SMALL = 500
"""Training sets of at most so many sequences count as small: settled before the runs that are reported."""
GATED = ("lstm", "gru")
PLACE = ["task", "cell", "examples"]
"""What gets settings of its own."""
DAMPINGS: dict[str, dict[str, Any]] = {
    "none": {"dropout": 0.0, "weight_decay": 0.0, "stopping": False},
    "dropout": {"dropout": 0.5, "weight_decay": 0.0, "stopping": False},
    "decay": {"dropout": 0.0, "weight_decay": 0.1, "stopping": False},
    "dropout and decay": {"dropout": 0.5, "weight_decay": 0.1, "stopping": False},
    "stopping": {"dropout": 0.0, "weight_decay": 0.0, "stopping": True},
    "all three": {"dropout": 0.5, "weight_decay": 0.1, "stopping": True},
}
"""What is done against learning by heart."""
CASE = [*PLACE, "start", *DAMPINGS["none"], "steps", "batch"]
"""What gets a learning rate of its own."""
MOST, LEAST = 3, 0.05
"""Rates of one case that are run on the reported seeds, at most, and the share of resamples that has to choose each."""
TOP = 4
"""The largest budget is so many times that of the tuning."""
TIMES = {"rate × 3": 3.0, "rate ÷ 3": 1 / 3}
CHANGED: dict[str, dict[str, Any]] = {"another split": {"exchanged": True}}
ATTACKS = {
    "rate × 3": "faster",
    "rate ÷ 3": "slower",
    "another start": "second-start",
    "width × 2": "wider",
    "another split": "exchanged",
}
"""Attacks by their name in the ledger, and what their sweeps are called; another budget is a rung of the ladder."""
Point = dict[str, Any]


def cases(
    sizes: Mapping[str, Iterable[int]],
    budget: Mapping[str, Mapping[str, int]],
    cells: Iterable[str],
    starts: Iterable[str],
) -> list[Point]:
    """First step: every cell on every training set with every start, nothing done against learning by heart."""
    return [
        {"task": task, "cell": cell, "examples": examples, "start": start, **DAMPINGS["none"], **budget[task]}
        for task in sizes
        for examples, cell, start in itertools.product(sizes[task], cells, starts)
    ]


def damped(first: Tuned, dampings: Iterable[str]) -> list[Point]:
    """Second step: with the best start of each, all else that may be done."""
    names = [name for name in dampings if name != "none"]
    return [{**case, **DAMPINGS[name]} for case in winners(first) for name in names]


def winners(*tuned: Tuned) -> list[Point]:
    """Of every cell and training set what scored highest over some steps of the tuning; of equals the first."""
    best = pd.concat([each.best for each in tuned], ignore_index=True)
    best = best.assign(order=best.groupby(PLACE, sort=False).ngroup())
    first = best.sort_values("score", ascending=False, kind="stable").drop_duplicates(PLACE)
    return first.sort_values("order")[CASE].to_dict("records")


def at_rates(tuned: Tuned) -> list[Point]:
    """Third step done: the winners at their rates."""
    return tuned.best[[*CASE, "learning_rate"]].to_dict("records")


def contending(tuned: Tuned, **place: Any) -> list[float]:
    """Rates that a resample of the tuning seeds may choose: the one of all seeds, and the most frequent others.

    The choice is made among these again where leads are resampled (`experiments.shared.tuned_leads`).
    """
    table = scores(tuned.runs, **place)
    won = picks(table, draws(len(table), 1))
    share = np.bincount(won, minlength=table.shape[1]) / len(won)
    share[won[0]] += 1
    likely = [at for at in np.argsort(-share, kind="stable")[:MOST] if share[at] >= LEAST]
    return sorted(float(table.columns[at]) for at in likely)


def points(tuned: Tuned) -> list[Point]:
    """What is reported: every case at every contending rate, the GRU also with as many parameters where the set is small."""
    found = []
    for case in at_rates(tuned):
        rates = contending(tuned, **{name: case[name] for name in PLACE})
        for match, rate in itertools.product(_matches(case), rates):
            found.append({**case, "match": match, "learning_rate": rate})
    return found


def chosen(tuned: Tuned) -> list[Point]:
    """The same at the chosen rates alone."""
    return [{**case, "match": match} for case in at_rates(tuned) for match in _matches(case)]


def scaled(points: Iterable[Mapping[str, Any]], factor: float) -> list[Point]:
    """Points with so many times the steps."""
    return [{**point, "steps": max(1, round(point["steps"] * factor))} for point in points]


def small(points: Iterable[Mapping[str, Any]]) -> list[Point]:
    """Points of LSTM and GRU on small training sets at equal width."""
    return [
        dict(point)
        for point in points
        if point["examples"] <= SMALL and point["match"] == "width" and point["cell"] in GATED
    ]


def attacked(name: str, tuned: Tuned, first: Tuned, hidden_size: int) -> list[Point]:
    """Points on small training sets under an attack of `ATTACKS`, with the steps of the tuning.

    Args:
        name: the attack. tuned: the last step of the tuning. first: its first, which knows the second-best starts.
        hidden_size: width of the LSTM.
    """
    found = []
    for point in small(chosen(tuned)):
        if name in TIMES:
            point["learning_rate"] = _rounded(point["learning_rate"] * TIMES[name])
        elif name == "another start":
            point |= _second(first, point)
        wide = 2 if name == "width × 2" else 1
        found.append({**point, "hidden_size": wide * hidden_size, **CHANGED.get(name, {})})
    return found


def borrowed(tuned: Tuned) -> list[Point]:
    """Points on small training sets with all steps, each cell with all that tuning chose for the other one."""
    points = scaled(small(chosen(tuned)), TOP)
    return shared.borrowed(points, ("task", "examples"), ("start", "learning_rate", *DAMPINGS["none"]))


def looks(tuned: Tuned) -> dict[str, list[Point]]:
    """Points on small training sets with nothing done against learning by heart, and with early stopping for all."""
    points = small(chosen(tuned))
    return {
        "undamped": [{**point, **DAMPINGS["none"]} for point in points],
        "stopped": [{**point, "stopping": True} for point in points],
    }


def at_rate(tuned: Tuned, rate: float) -> list[Point]:
    """Points on small training sets with all steps and the same rate for both cells, all else as chosen."""
    return [{**point, "learning_rate": rate} for point in scaled(small(chosen(tuned)), TOP)]


def slow(tuned: Tuned) -> list[Point]:
    """The same with a third of the rate that was chosen at a quarter of the steps."""
    points = scaled(small(chosen(tuned)), TOP)
    return [{**point, "learning_rate": _rounded(point["learning_rate"] / 3)} for point in points]


def _rounded(rate: float) -> float:
    return float(f"{rate:.3g}")


def _second(first: Tuned, point: Mapping[str, Any]) -> Point:
    """Start and rate of the same case that came in first among the other starts."""
    best = first.best[first.best["start"] != point["start"]]
    for name in PLACE:
        best = best[best[name] == point[name]]
    row = best.sort_values("score", ascending=False, kind="stable").iloc[0]
    return {"start": str(row["start"]), "learning_rate": float(row["learning_rate"])}


def _matches(case: Mapping[str, Any]) -> tuple[str, ...]:
    return ("width", "parameters") if case["cell"] == "gru" and case["examples"] <= SMALL else ("width",)
