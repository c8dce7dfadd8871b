"""Time to solve, where some runs never do: right-censored at the end of their budget.

Pairs with the same budget need none of this: the mean of min(time, budget) is their restricted mean, and its difference is
paired like any other (`restricted`).
"""

from __future__ import annotations

from functools import cache

import numpy as np
from scipy import stats

from evidence.statistics import LEVEL, Interval, Values, around, check_level, check_sample

RESAMPLES = 1999


def restricted(times: Values, solved: Values, horizon: float) -> np.ndarray:
    """min(time, horizon) of each run (n,): what is averaged, or paired and subtracted, where all ran until the horizon.

    Args:
        times: (n,) when each solved the task, or stopped. solved: (n,) whether it did. horizon: the budget.

    Raises:
        ValueError: a run stopped unsolved before the horizon; then `restricted_mean` is needed.
    """
    when, done = _runs(times, solved, horizon)
    if (~done & (when < horizon)).any():
        raise ValueError(f"horizon = {horizon!r} is not allowed: a run stopped unsolved at {when[~done].min():g}")
    return np.minimum(when, horizon)


def restricted_mean(
    times: Values, solved: Values, horizon: float, level: float = LEVEL, resamples: int = RESAMPLES, seed: int = 0
) -> Interval:
    """Mean time to solve, of which no more than the horizon is counted: area under the Kaplan–Meier curve (Royston 2013).

    Args:
        times: (n,) when each run solved the task, or stopped. solved: (n,) whether it did.
        horizon: the budget, above 0. level: confidence level. resamples, seed: of the bootstrap over runs.
    """
    when, done = _runs(times, solved, horizon)
    check_level(level)
    area = areas(when, done, horizon, _draws(len(when), resamples, seed))
    return around(float(area[0]), area[1:], len(when), level)


def areas(times: np.ndarray, solved: np.ndarray, horizon: float, weights: np.ndarray) -> np.ndarray:
    """Area under the Kaplan–Meier curve up to the horizon, with each run (n,) taken as often as `weights` (R, n) say."""
    order = np.lexsort((~solved, times))  # of equal times those that solved first
    when, counted = np.minimum(times[order], horizon), weights[:, order]
    at_risk = counted[:, ::-1].cumsum(1)[:, ::-1]
    events = counted * (solved[order] & (times[order] <= horizon))
    left = np.cumprod(1 - np.divide(events, at_risk, out=np.zeros_like(at_risk, float), where=at_risk > 0), axis=1)
    curve = np.hstack([np.ones((len(counted), 1)), left])
    return curve @ np.diff(when, prepend=0.0, append=horizon)


def logrank(times_a: Values, solved_a: Values, times_b: Values, solved_b: Values) -> float:
    """Two-sided p of the log-rank test that both solve the task equally fast (Mantel 1966).

    Args:
        times_a, times_b: (n,), (m,) when each run solved the task, or stopped. solved_a, solved_b: whether it did.
    """
    samples = []
    for times, solved in ((times_a, solved_a), (times_b, solved_b)):
        when, done = _runs(times, solved, 1.0)
        samples.append(stats.CensoredData.right_censored(when, ~done))
    if not sum(each.num_censored() < len(each) for each in samples):
        return 1.0  # nobody solved it
    return float(stats.logrank(*samples).pvalue)


@cache
def _draws(n: int, resamples: int, seed: int) -> np.ndarray:
    """How often each run counts (1 + resamples, n); in the first line each once."""
    drawn = np.random.default_rng(seed).multinomial(n, np.full(n, 1 / n), resamples)
    return np.vstack([np.ones(n), drawn])


def _runs(times: Values, solved: Values, horizon: float) -> tuple[np.ndarray, np.ndarray]:
    when, done = check_sample("times", times), np.asarray(solved, dtype=bool)
    if when.shape != done.shape or (when < 0).any():
        raise ValueError(f"times of shape {when.shape}, solved of shape {done.shape}: one time from 0 on for each run")
    if not 0 < horizon < np.inf:
        raise ValueError(f"horizon = {horizon!r} is not allowed: a number above 0")
    return when, done
