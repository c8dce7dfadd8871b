"""Learning rates: chosen for each configuration on seeds that are not reported, the whole curve kept."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from evidence.sweeps import gather

FIRST_SEED = 1000
"""Tuning seeds count from here, reported seeds from 0."""


@dataclass(frozen=True)
class Tuned:
    """The tuning runs, and the chosen rate of each configuration."""

    runs: pd.DataFrame
    best: pd.DataFrame
    """One row a configuration: its columns, `learning_rate`, and the mean `score` that won."""

    def rate(self, **configuration: Any) -> float:
        """Chosen learning rate of a configuration."""
        rows = self.best
        for name, value in configuration.items():
            rows = rows[rows[name] == value]
        if len(rows) != 1:
            raise ValueError(f"configuration {configuration!r} matches {len(rows)} tuned ones; it must match 1")
        return float(rows["learning_rate"].iloc[0])


def tune(
    run: Callable[..., dict[str, Any]],
    grid: Iterable[Mapping[str, Any]],
    rates: Sequence[float],
    *,
    seeds: int,
    name: str,
    score: str = "accuracy",
    widenings: int = 1,
    refine: bool = False,
    sure: int = 0,
    **fixed: Any,
) -> Tuned:
    """Choose a learning rate for each configuration: the one with the best mean score, of equals the quickest.

    With few seeds the best of many rates may be a lucky one, at the edge of where training breaks. `sure` asks the winner again.

    Args:
        run: as for `evidence.sweeps.sweep`; takes `learning_rate`.
        grid: the configurations that get a rate of their own.
        rates: increasing, at least two; the grid is widened by its own ratio at an edge that wins.
        seeds: tuning seeds, from `FIRST_SEED` on.
        name: of the sweep.
        score: metric, larger is better; diverged runs count as zero.
        widenings: how often an edge may be moved.
        refine: whether the two rates half-way (on a log axis) between the best and its neighbours are tried as well, at the end.
        sure: seeds that a winner has in the end; 0: `seeds`. Whoever leads with fewer is run with so many.
        fixed: further keywords of `run`, the same for all.
    """
    points = [dict(point) for point in grid]
    tried = {index: dict.fromkeys(sorted(rates), seeds) for index in range(len(points))}
    if min(map(len, tried.values()), default=0) < 2:
        raise ValueError(f"rates = {list(rates)!r} is not allowed: at least two")

    def measured() -> Tuned:
        parts = []
        for count in sorted({count for each in tried.values() for count in each.values()}):
            configs = [
                {**point, **fixed, "learning_rate": rate}
                for index, point in enumerate(points)
                for rate in sorted(tried[index])
                if tried[index][rate] == count
            ]
            parts.append(gather(run, configs, range(FIRST_SEED, FIRST_SEED + count), name=name))
        runs = parts[0] if len(parts) == 1 else pd.concat(parts, ignore_index=True)
        return Tuned(runs, pd.DataFrame([_best(runs, point, score) for point in points]))

    def winners() -> dict[int, float]:
        return dict(enumerate(found.best["learning_rate"]))

    found = measured()
    for step in [_wider] * widenings + [_finer] * refine:
        further = {index: step(sorted(tried[index]), rate) for index, rate in winners().items()}
        if any(len(each) > len(tried[index]) for index, each in further.items()):
            tried = {index: dict.fromkeys(each, seeds) for index, each in further.items()}
            found = measured()
    while unsure := {index: rate for index, rate in winners().items() if tried[index][rate] < sure}:
        for index, rate in unsure.items():
            tried[index][rate] = sure
        found = measured()
    return found


def _best(runs: pd.DataFrame, point: Mapping[str, Any], score: str) -> dict[str, Any]:
    rows = runs
    for name, value in point.items():
        rows = rows[rows[name] == value]
    rows = rows.assign(score=rows[score].where(~rows["diverged"], 0.0))
    means = rows.groupby("learning_rate")[["score", "steps_taken"]].mean().reset_index()
    best = means.sort_values(["score", "steps_taken"], ascending=[False, True]).iloc[0]
    return {**point, "learning_rate": float(best["learning_rate"]), "score": float(best["score"])}


def _wider(rates: list[float], best: float) -> list[float]:
    """One more rate beyond the edge that won, at the grid's own ratio."""
    if best == rates[0]:
        return [_round(rates[0] * rates[0] / rates[1]), *rates]
    if best == rates[-1]:
        return [*rates, _round(rates[-1] * rates[-1] / rates[-2])]
    return rates


def _finer(rates: list[float], best: float) -> list[float]:
    """Two more rates, half-way on a log axis between the best and its neighbours."""
    place = rates.index(best)
    near = rates[max(0, place - 1) : place] + rates[place + 1 : place + 2]
    return sorted({*rates, *(_round(math.sqrt(best * each)) for each in near)})


def _round(rate: float) -> float:
    return float(f"{rate:.2g}")
