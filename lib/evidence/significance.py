"""Tests of paired results: against a margin, for equivalence, for non-inferiority, and of whether conditions differ.

They go with the intervals of `evidence.statistics`. A side is taken only where interval and test agree (`side`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.weightstats import ttost_paired

from evidence.statistics import LEVEL, Interval, Values, check_pair, check_sample, mean_interval, t_quantile

EXACT = 20
"""Most pairs of which every pattern of signs is counted (2²⁰ = 1,048,576); of more a sample is."""
SAMPLED = 19_999
"""Patterns or permutations of such a sample."""
SIDES = ("two-sided", "less", "greater")


@dataclass(frozen=True)
class Equivalence:
    """Result of two one-sided tests: `p` is the larger one; equivalent where p < 0.05."""

    p: float
    margin: float
    equivalent: bool


def sign_flip(differences: Values, margin: float = 0.0, alternative: str = "two-sided") -> float:
    """Permutation p of paired differences against `margin`, by flipping signs: exact up to `EXACT` pairs (Fisher 1935).

    The smallest p of n pairs is 2 / 2ⁿ: 0.25 for three, 0.06 for five, 0.002 for ten.

    Args:
        differences: (n,) paired differences. margin: value under the null hypothesis.
        alternative: `two-sided`, `less` or `greater`.
    """
    if alternative not in SIDES:
        raise ValueError(f"alternative = {alternative!r} is not allowed: {', '.join(SIDES)}")
    sample = check_sample("differences", differences) - margin
    sums, observed = _flipped(sample), sample.sum()
    near = 1e-9 * np.abs(sample).sum()  # equal sums, added up in another order
    exact = len(sample) <= EXACT
    greater, less = (
        float((np.sum(side) + (not exact)) / (len(sums) + (not exact)))  # the sample as it is counts as one pattern
        for side in (sums >= observed - near, sums <= observed + near)
    )
    return {"greater": greater, "less": less, "two-sided": min(1.0, 2 * min(greater, less))}[alternative]


def _flipped(sample: np.ndarray) -> np.ndarray:
    """Sums under all patterns of signs, or under a sample of them."""
    if len(sample) > EXACT:
        return np.random.default_rng(0).choice((-1.0, 1.0), (SAMPLED, len(sample))) @ sample
    half = len(sample) // 2
    parts = []
    for part in (sample[:half], sample[half:]):  # all patterns of each half; their sums are all sums
        signs = 1 - 2 * ((np.arange(2 ** len(part))[:, None] >> np.arange(len(part))) & 1)
        parts.append(signs @ part)
    return np.add.outer(*parts).ravel()


def side(differences: Values, level: float = LEVEL) -> int:
    """1 or −1 where t interval and sign-flip test agree that the mean difference lies above or below 0, else 0.

    Args:
        differences: (n,) paired differences. level: of the interval; the test is at 1 − level.
    """
    interval = mean_interval(differences, level)
    if sign_flip(differences) >= round(1 - level, 12):  # 0.05, not 0.05000000000000004
        return 0
    return int(interval.low > 0) - int(interval.high < 0)


def tost_paired(a: Values, b: Values, margin: float) -> Equivalence:
    """Equivalence of paired means within ±margin, by two one-sided t tests (Lakens 2017).

    Args:
        a, b: (n,) values of the same seeds in the same order.
        margin: largest difference that counts as comparable, in the unit of the values; fixed beforehand.
    """
    _check_margin(margin)
    first, second = check_pair(a, b)
    if np.ptp(first - second) == 0:
        inside = abs(float((first - second)[0])) < margin
        return Equivalence(0.0 if inside else 1.0, margin, inside)
    p = float(ttost_paired(first, second, -margin, margin)[0])
    return Equivalence(p, margin, p < 0.05)


def noninferior(a: Values, b: Values, margin: float) -> float:
    """One-sided sign-flip p that a falls behind b by `margin` or more on average: small where a is good enough.

    Args:
        a, b: (n,) values of the same seeds in the same order, larger is better.
        margin: largest loss that is still good enough, in the unit of the values; fixed beforehand.
    """
    _check_margin(margin)
    first, second = check_pair(a, b)
    return sign_flip(first - second, -margin, "greater")


def interaction(differences: Values) -> float:
    """Permutation p that paired differences have the same mean under all conditions: what "depends" rests on.

    Within each seed the conditions are exchanged at random; the statistic is the spread of the conditions' means. Two
    conditions are tested exactly, by flipping the sign of their difference.

    Args:
        differences: (conditions, seeds), at least 2 of each, in one unit; the same seeds under all conditions.
    """
    table = np.asarray(differences, dtype=float)
    if table.ndim != 2 or min(table.shape) < 2 or not np.isfinite(table).all():
        allowed = "(conditions, seeds) of finite numbers, at least 2 of each"
        raise ValueError(f"differences of shape {table.shape} is not allowed: {allowed}")
    if len(table) == 2:
        return sign_flip(table[0] - table[1])
    generator = np.random.default_rng(0)
    observed = table.mean(1).var()
    drawn = np.broadcast_to(table.T, (SAMPLED, *table.T.shape))
    spread = generator.permuted(drawn, axis=2).mean(1).var(1)
    return float((1 + np.sum(spread >= observed * (1 - 1e-9))) / (1 + SAMPLED))


def p_of(interval_at: Callable[[float], Interval], value: float) -> float:
    """Two-sided p against a value, from intervals: 1 − the level at which the value is just left out.

    Args:
        interval_at: a level → the interval. value: under the null hypothesis.
    """

    def leaves_out(alpha: float) -> bool:
        found = interval_at(1 - alpha)
        return not found.low <= value <= found.high

    low, high = 1e-9, 1 - 1e-9
    if not leaves_out(high):
        return 1.0
    for _ in range(50):
        middle = math.sqrt(low * high)
        low, high = (low, middle) if leaves_out(middle) else (middle, high)
    return high


def t_test(interval: Interval, value: float = 0.0) -> float:
    """Two-sided p against a value, from an interval that is estimate ± t quantile (n − 1) × standard error."""
    error = (interval.high - interval.low) / 2 / t_quantile(interval.level, interval.n)
    if error == 0:
        return float(interval.estimate == value)
    return float(2 * stats.t.sf(abs(interval.estimate - value) / error, interval.n - 1))


def holm(p: Values) -> np.ndarray:
    """P values adjusted for testing them all, in the order given (Holm 1979)."""
    sample = np.asarray(p, dtype=float)
    if sample.ndim != 1 or not ((sample >= 0) & (sample <= 1)).all():
        raise ValueError(f"p = {p!r} is not allowed: numbers from 0 to 1 in one dimension")
    return multipletests(sample, method="holm")[1] if sample.size else sample


def _check_margin(margin: float) -> None:
    if not 0 < margin < np.inf:
        raise ValueError(f"margin = {margin!r} is not allowed: it must be a number above 0")


def heterogeneity(intervals: Sequence[Interval]) -> float:
    """P that conditions which share no seeds have one and the same effect, from their t intervals (Cochran 1954).

    Args:
        intervals: of at least 2 conditions, each estimate ± t quantile (n − 1) × standard error.
    """
    if len(intervals) < 2:
        raise ValueError(f"intervals = {list(intervals)!r} is not allowed: at least 2")
    estimates = np.array([each.estimate for each in intervals])
    errors = np.array([(each.high - each.low) / 2 / t_quantile(each.level, each.n) for each in intervals])
    if (errors == 0).any():
        return float(np.ptp(estimates) == 0)
    weights = errors**-2.0
    spread = weights @ (estimates - weights @ estimates / weights.sum()) ** 2
    return float(stats.chi2.sf(spread, len(intervals) - 1))
