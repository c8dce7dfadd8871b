"""Intervals, thin over scipy and statsmodels; the chapter *verdicts* says when each is used and how often it holds the truth.

Pairs are two results with the same seed, hence the same data and batches. The tests that go with the intervals are in
`evidence.significance`, what is censored in `evidence.survival`, errors over time or text in `evidence.blocks`; how often
each interval holds the truth is simulated in `evidence.coverage`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt
from scipy import stats
from statsmodels.stats.proportion import proportion_confint

Values = npt.ArrayLike
LEVEL = 0.95


@dataclass(frozen=True)
class Interval:
    """An estimate with its confidence interval; `n`: how many values it rests on."""

    estimate: float
    low: float
    high: float
    level: float = LEVEL
    n: int = 0

    def __post_init__(self) -> None:
        check_level(self.level)

    def format(self, form: str = "{:.2f}", unit: str = "") -> str:
        """Such as `1.20 [1.10, 1.31] ms`."""
        text = f"{form.format(self.estimate)} [{form.format(self.low)}, {form.format(self.high)}]"
        return f"{text} {unit}".rstrip()

    def __str__(self) -> str:
        """With three significant digits, such as `−3.1 [−4.02, −2.2]`."""
        texts = (f"{value:.3g}".replace("-", "−") for value in (self.estimate, self.low, self.high))
        return "{} [{}, {}]".format(*texts)

    def signed(self, digits: int = 1) -> str:
        """A difference, such as `+3.1 [+2.0, −0.4]`; zero has no sign."""
        texts = (f"{value:+.{digits}f}" for value in (self.estimate, self.low, self.high))
        plain = (text.lstrip("+-") if not float(text) else text.replace("-", "−") for text in texts)
        return "{} [{}, {}]".format(*plain)

    def mapped(self, function: Callable[[float], float]) -> Interval:
        """The same on another scale: a rising function of estimate and ends, such as `math.exp`."""
        return Interval(function(self.estimate), function(self.low), function(self.high), self.level, self.n)


def mean_interval(values: Values, level: float = LEVEL) -> Interval:
    """t interval of a mean (Student 1908); no width where all values are equal.

    Args:
        values: (n,) one value a seed, n ≥ 2. level: confidence level.
    """
    sample = check_sample("values", values)
    check_level(level)
    half = half_width(sample, level)
    middle = float(sample.mean())
    return Interval(middle, middle - half, middle + half, level, len(sample))


def half_width(sample: np.ndarray, level: float = LEVEL) -> float:
    """Half of the t interval of the mean of (n,) values: what so many seeds leave open to either side."""
    error = float(sample.std(ddof=1)) / math.sqrt(len(sample)) if np.ptp(sample) else 0.0
    return t_quantile(level, len(sample)) * error


def paired_difference(a: Values, b: Values, level: float = LEVEL) -> Interval:
    """t interval of the mean difference a − b.

    Args:
        a, b: (n,) values of the same seeds in the same order. level: confidence level.
    """
    first, second = check_pair(a, b)
    return mean_interval(first - second, level)


def paired_ratio(a: Values, b: Values, level: float = LEVEL) -> Interval:
    """t interval of the mean ratio a / b, taken on the logarithm: of the geometric mean.

    Args:
        a, b: (n,) values above 0 of the same seeds in the same order. level: confidence level.
    """
    return mean_interval(log_ratios(a, b), level).mapped(math.exp)


def median_interval(values: Values, level: float = LEVEL) -> Interval:
    """Interval of a median between two of the sorted values, for timings, whose outliers are the machine's (Thompson 1936).

    Exact for whatever distribution: the ends are the innermost pair of values that hold the median with at least `level`.
    Below 6 values no pair does at 95 %: there it is the t interval of the mean, which holds the median too.

    Args:
        values: (n,) one value a round, n ≥ 2. level: confidence level.
    """
    sample = np.sort(check_sample("values", values))
    check_level(level)
    n, middle = len(sample), float(np.median(sample))
    outside = left_out(level, n)
    if outside < 0:
        found = mean_interval(sample, level)
        return Interval(middle, found.low, found.high, level, n)
    return Interval(middle, float(sample[outside]), float(sample[-1 - outside]), level, n)


@cache
def left_out(level: float, n: int) -> int:
    """How many of n sorted values may be left out on each side so that the rest hold the median; −1 where none may."""
    outside = (n - 1) // 2
    while outside >= 0 and 2 * stats.binom.cdf(outside, n, 0.5) > 1 - level:
        outside -= 1
    return outside


def median_ratio(a: Values, b: Values, level: float = LEVEL) -> Interval:
    """Interval of the median ratio a / b of timings, see `median_interval`.

    Args:
        a, b: (n,) values above 0 measured side by side, such as the times of one round. level: confidence level.
    """
    return median_interval(log_ratios(a, b), level).mapped(math.exp)


def wilson(successes: int, n: int, level: float = LEVEL) -> Interval:
    """Wilson score interval of a success rate (Wilson 1927).

    Args:
        successes: successful seeds, 0 ≤ successes ≤ n. n: seeds, n ≥ 1. level: confidence level.
    """
    if not (n >= 1 and 0 <= successes <= n):
        raise ValueError(f"successes = {successes!r} of n = {n!r} is not allowed: 0 ≤ successes ≤ n and n ≥ 1")
    check_level(level)
    low, high = proportion_confint(successes, n, alpha=1 - level, method="wilson")
    low, high = (0.0 if successes == 0 else float(low)), (1.0 if successes == n else float(high))  # not 1e-17
    return Interval(successes / n, low, high, level, n)


def paired_rates(a: Values, b: Values, level: float = LEVEL) -> Interval:
    """Difference of two success rates a − b, paired by seed, from −1 to 1 (Bonett and Price 2012).

    It does not shrink to nothing where all runs succeed or all fail.

    Args:
        a, b: (n,) whether each seed succeeded, as 0 and 1, in the same order. level: confidence level.
    """
    first, second = check_pair(a, b)
    for name, each in (("a", first), ("b", second)):
        if not np.isin(each, (0, 1)).all():
            raise ValueError(f"{name} = {each.tolist()!r} is not allowed: successes as 0 and 1")
    check_level(level)
    n = len(first)
    won, lost = (int(((first - second) == side).sum()) for side in (1, -1))
    more, less = (won + 1) / (n + 2), (lost + 1) / (n + 2)
    half = t_quantile(level, math.inf) * math.sqrt((more + less - (more - less) ** 2) / (n + 2))
    estimate, middle = (won - lost) / n, more - less
    low, high = max(min(middle - half, estimate), -1.0), min(max(middle + half, estimate), 1.0)
    return Interval(estimate, low, high, level, n)


def around(estimate: float, draws: np.ndarray, n: int, level: float = LEVEL) -> Interval:
    """Interval from the spread of bootstrap draws, with the t quantile of the values that were drawn from.

    The quantiles of the draws themselves are too narrow for few values: those of 5 hold a mean in 80 % of all cases.

    Args:
        estimate: from all values. draws: (resamples,) of the same statistic. n: values drawn from, n ≥ 2; of several
            kinds, such as seeds and blocks, the fewer. level: confidence level.
    """
    check_level(level)
    half = t_quantile(level, n) * float(draws.std()) * math.sqrt(n / (n - 1))
    return Interval(estimate, estimate - half, estimate + half, level, n)


@cache
def t_quantile(level: float, n: float) -> float:
    """By how many standard errors the t interval of n values reaches to either side; of the normal one for n = ∞."""
    return float(stats.t.ppf((1 + level) / 2, n - 1))


def log_ratios(a: Values, b: Values) -> np.ndarray:
    """log(a / b) of (n,) values above 0, pair by pair."""
    first, second = check_pair(a, b)
    if (first <= 0).any() or (second <= 0).any():
        raise ValueError("a, b: ratios need values above 0")
    return np.log(first / second)


def check_level(level: float) -> None:
    """Refuse a confidence level that is no share, such as 95."""
    if not 0 < level < 1:
        raise ValueError(f"level = {level!r} is not allowed: a number between 0 and 1, such as 0.95")


def check_sample(name: str, values: Values) -> np.ndarray:
    """(n,) finite values, n ≥ 2; otherwise an error that names the parameter."""
    sample = np.asarray(values, dtype=float)
    if sample.ndim != 1 or len(sample) < 2 or not np.isfinite(sample).all():
        raise ValueError(f"{name} of shape {sample.shape} is not allowed: at least 2 finite values in one dimension")
    return sample


def check_pair(a: Values, b: Values) -> tuple[np.ndarray, np.ndarray]:
    """Two samples of equal length; otherwise an error that names what is wrong."""
    first, second = check_sample("a", a), check_sample("b", b)
    if first.shape != second.shape:
        raise ValueError(f"a of shape {first.shape}, b of shape {second.shape}: pairs need equal shapes")
    return first, second
