"""Success rates: differences of two, tested and with intervals that stay honest where all runs succeed or all fail."""

from __future__ import annotations

import math

from evidence.statistics import Equivalence, Interval, wilson

Count = tuple[int, int]
"""Successes, and how many tried."""


def newcombe(a: Count, b: Count, level: float = 0.95) -> Interval:
    """Difference of two success rates a − b, from −1 to 1, with its interval from two Wilson ones (Newcombe 1998).

    Unlike a bootstrap it does not shrink to nothing where all runs succeed or all fail. The runs count as independent.
    """
    first, second = wilson(*a, level), wilson(*b, level)
    gap = first.estimate - second.estimate
    down = math.hypot(first.estimate - first.low, second.high - second.estimate)
    up = math.hypot(first.high - first.estimate, second.estimate - second.low)
    return Interval(gap, max(gap - down, -1.0), min(gap + up, 1.0), level, a[1] + b[1])


def tail(a: Count, b: Count, margin: float, side: str) -> float:
    """One-sided p of the difference a − b: the least α at which the interval of level 1 − 2α clears the margin.

    Args:
        a, b: successes and how many tried.
        margin: from −1 to 1.
        side: `below`, the difference lies below the margin; or `above`.
    """

    def clears(alpha: float) -> bool:
        found = newcombe(a, b, 1 - 2 * alpha)
        return found.high < margin if side == "below" else found.low > margin

    low, high = 1e-9, 0.5 - 1e-9
    if not clears(high):
        return 1.0
    for _ in range(50):
        middle = math.sqrt(low * high)
        low, high = (low, middle) if clears(middle) else (middle, high)
    return high


def equivalence(a: Count, b: Count, margin: float) -> Equivalence:
    """Two one-sided tests that the difference a − b lies within ± margin."""
    p = max(tail(a, b, margin, "below"), tail(a, b, -margin, "above"))
    return Equivalence(p, margin, p < 0.05)
