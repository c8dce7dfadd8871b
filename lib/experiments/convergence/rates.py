"""Rates for the end and for speed, and the target, of the chapter *performance/convergence*."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from evidence.tuning import Tuned
from experiments.convergence.analysis import GATED, times
from experiments.convergence.runs import SOLVED
from tasks import chorales, mnist1d


def together(*tunings: Tuned) -> Tuned:
    """Several tunings as one."""
    runs, best = ([getattr(each, name) for each in tunings] for name in ("runs", "best"))
    return Tuned(pd.concat(runs, ignore_index=True), pd.concat(best, ignore_index=True))


def targets(tuned: Tuned, way: float = 0.9) -> dict[str, float]:
    """A quality on that part of the way from guessing to what both gated cells reached in all tuning runs at their rates.

    Guessing is right once in so many classes; for the chorales it knows how often each key sounds. Rounded to the easier side,
    accuracy to 5 points and NLL to 0.1 nats. At the whole way, where curves level off, a target is met by luck. Recall: solved.
    """
    reached: dict[str, list[float]] = {"mnist1d": [], "chorales": []}
    for case in tuned.best.to_dict("records"):
        if case["task"] in reached and case["cell"] in GATED:
            rows = tuned.runs
            for name in ("task", "cell", "learning_rate"):
                rows = rows[rows[name] == case[name]]
            pick = min if case["task"] == "chorales" else max
            reached[case["task"]] += [pick(curves["quality"]) for curves in rows["curves"]]
    share = (1 - way) / mnist1d.CLASSES + way * min(reached["mnist1d"])
    nll = (1 - way) * chorales.unigram() + way * max(reached["chorales"])
    easy = {"mnist1d": np.floor(20 * share) / 20, "chorales": np.ceil(10 * nll) / 10}
    return {**{task: round(float(value), 2) for task, value in easy.items()}, "recall": SOLVED}


def reaching(tuned: Tuned, goals: dict[str, float]) -> pd.DataFrame:
    """Steps to the target of every tuning run: the rows of `times` with `learning_rate`."""
    found = times(tuned.runs, goals)
    return found.assign(learning_rate=tuned.runs["learning_rate"].to_numpy())


def soonest(tuned: Tuned, goals: dict[str, float]) -> Tuned:
    """The same tuning runs, judged by speed: for each case the rate with the fewest steps to the target on average.

    A run that never met it counts with all its steps. Of equals the rate for the end, which costs no further runs.
    """
    means = reaching(tuned, goals).groupby(["task", "cell", "learning_rate"])["time"].mean()
    best = tuned.best.copy()
    rates = []
    for task, cell, rate in zip(best["task"], best["cell"], best["learning_rate"], strict=True):
        each = means[task, cell]
        rates.append(rate if each[rate] == each.min() else float(each.idxmin()))
    best["learning_rate"] = rates
    return Tuned(tuned.runs, best)


def quicker(points: list[dict[str, Any]], sooner: Tuned) -> list[dict[str, Any]]:
    """Those points that have another rate for speed, at that rate."""
    found = [{**point, "learning_rate": sooner.rate(task=point["task"], cell=point["cell"])} for point in points]
    return [new for new, old in zip(found, points, strict=True) if new != old]


def at_speed(runs: pd.DataFrame, others: pd.DataFrame | None, sooner: Tuned) -> pd.DataFrame:
    """The runs at the rates for speed: those of `runs` that have them already, and the others."""
    keys = ["task", "cell", "learning_rate"]
    same = runs.merge(sooner.best[keys], on=keys)
    return same if others is None else pd.concat([same, others], ignore_index=True)
