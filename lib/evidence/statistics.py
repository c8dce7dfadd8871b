"""Intervals and tests, thin over scipy and statsmodels; the rules for their use are printed in the verdicts chapter.

Paired means: two results with the same seed, hence the same data and batches.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import stats
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import proportion_confint
from statsmodels.stats.weightstats import ttost_paired

Values = npt.ArrayLike


@dataclass(frozen=True)
class Interval:
    """An estimate with its confidence interval."""

    estimate: float
    low: float
    high: float
    level: float = 0.95
    n: int = 0

    def __post_init__(self) -> None:
        if not 0 < self.level < 1:
            raise ValueError(f"level = {self.level!r} is not allowed: a number between 0 and 1, such as 0.95")

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


@dataclass(frozen=True)
class Equivalence:
    """Result of two one-sided tests: `p` is the larger one; equivalent where p < 0.05."""

    p: float
    margin: float
    equivalent: bool


def bootstrap(
    values: Values, statistic: Callable[..., Any] = np.mean, level: float = 0.95, resamples: int = 9999, seed: int = 0
) -> Interval:
    """Bootstrap interval of a statistic over independent values (BCa; the percentile where all values are equal).

    Args:
        values: (n,) one value a seed, n ≥ 2.
        statistic: takes (n,) and `axis`.
        level: confidence level.
        resamples: bootstrap samples.
        seed: of the resampling.
    """
    sample = _sample("values", values)
    _resampling(level, resamples)
    estimate = float(statistic(sample))
    if np.ptp(sample) == 0:
        return Interval(estimate, estimate, estimate, level, len(sample))
    low = high = np.nan
    for method in ("BCa", "percentile"):  # BCa degenerates when nearly all values are equal
        if not np.isfinite([low, high]).all():
            with warnings.catch_warnings(action="ignore"), np.errstate(all="ignore"):
                found = stats.bootstrap(
                    (sample,),
                    statistic,
                    confidence_level=level,
                    n_resamples=resamples,
                    method=method,
                    rng=np.random.default_rng(seed),
                ).confidence_interval
            low, high = float(found.low), float(found.high)
    return Interval(estimate, low, high, level, len(sample))


def paired_bootstrap(
    a: Values,
    b: Values,
    statistic: Callable[..., Any] = np.mean,
    level: float = 0.95,
    resamples: int = 9999,
    seed: int = 0,
) -> Interval:
    """Bootstrap interval of a statistic of the paired differences a − b.

    Args:
        a, b: (n,) values of the same seeds in the same order.
        statistic, level, resamples, seed: as for `bootstrap`.
    """
    first, second = _pair(a, b)
    return bootstrap(first - second, statistic, level, resamples, seed)


def ratio_bootstrap(a: Values, b: Values, level: float = 0.95, resamples: int = 9999, seed: int = 0) -> Interval:
    """Bootstrap interval of the median paired ratio a / b, resampled on the logarithm.

    Args:
        a, b: (n,) positive values measured side by side, such as the times of one round.
        level, resamples, seed: as for `bootstrap`.
    """
    first, second = _pair(a, b)
    _resampling(level, resamples)
    if (first <= 0).any() or (second <= 0).any():
        raise ValueError("a, b: ratios need values above 0")
    sample = np.log(first / second)
    generator = np.random.default_rng(seed)
    medians = np.median(generator.choice(sample, (resamples, len(sample))), axis=1)
    tail = (1 - level) / 2
    low, high = np.exp(np.quantile(medians, [tail, 1 - tail]))
    return Interval(float(np.exp(np.median(sample))), float(low), float(high), level, len(sample))


def sign_flip(differences: Values, margin: float = 0.0, alternative: str = "two-sided") -> float:
    """Exact permutation p of paired differences against `margin`, by flipping signs (sampled above n = 13).

    Args:
        differences: (n,) paired differences.
        margin: value under the null hypothesis.
        alternative: `two-sided`, `less` or `greater`.
    """
    sample = _sample("differences", differences) - margin
    if not sample.any():
        return 1.0
    found = stats.permutation_test(
        (sample,),
        np.mean,
        permutation_type="samples",
        n_resamples=9999,
        alternative=alternative,
        rng=np.random.default_rng(0),
    )
    return float(found.pvalue)


def tost_paired(a: Values, b: Values, margin: float) -> Equivalence:
    """Equivalence of paired means within ±margin, by two one-sided t tests (Lakens 2017).

    Args:
        a, b: (n,) values of the same seeds in the same order.
        margin: largest difference that counts as comparable, in the unit of the values; fixed beforehand.
    """
    if not 0 < margin < np.inf:
        raise ValueError(f"margin = {margin!r} is not allowed: it must be a number above 0")
    first, second = _pair(a, b)
    if np.ptp(first - second) == 0:
        inside = abs(float((first - second)[0])) < margin
        return Equivalence(0.0 if inside else 1.0, margin, inside)
    p = float(ttost_paired(first, second, -margin, margin)[0])
    return Equivalence(p, margin, p < 0.05)


def wilson(successes: int, n: int, level: float = 0.95) -> Interval:
    """Wilson score interval of a success rate (Wilson 1927).

    Args:
        successes: successful seeds, 0 ≤ successes ≤ n.
        n: seeds, n ≥ 1.
        level: confidence level.
    """
    if not (n >= 1 and 0 <= successes <= n):
        raise ValueError(f"successes = {successes!r} of n = {n!r} is not allowed: 0 ≤ successes ≤ n and n ≥ 1")
    _resampling(level, 1)
    low, high = proportion_confint(successes, n, alpha=1 - level, method="wilson")
    low, high = (0.0 if successes == 0 else float(low)), (1.0 if successes == n else float(high))  # not 1e-17
    return Interval(successes / n, low, high, level, n)


def holm(p: Values) -> np.ndarray:
    """P values adjusted for testing them all, in the order given (Holm 1979)."""
    sample = np.asarray(p, dtype=float)
    if sample.ndim != 1 or not ((sample >= 0) & (sample <= 1)).all():
        raise ValueError(f"p = {p!r} is not allowed: numbers from 0 to 1 in one dimension")
    return multipletests(sample, method="holm")[1] if sample.size else sample


def interquartile_mean(values: Values, axis: int | None = None) -> Any:
    """Mean of the middle half (Agarwal et al. 2021)."""
    sample = np.asarray(values, dtype=float)
    if not sample.size:
        raise ValueError(f"values of shape {sample.shape} is not allowed: at least 1 value")
    return stats.trim_mean(sample.ravel() if axis is None else sample, 0.25, axis=0 if axis is None else axis)


def stratified_iqm(scores: Values, level: float = 0.95, resamples: int = 9999, seed: int = 0) -> Interval:
    """Interquartile mean over tasks and seeds, seeds resampled within each task (Agarwal et al. 2021).

    Args:
        scores: (tasks, seeds) normalised scores.
        level, resamples, seed: as for `bootstrap`.
    """
    table = np.asarray(scores, dtype=float)
    if table.ndim != 2 or not table.size or table.shape[1] < 2 or not np.isfinite(table).all():
        allowed = "(tasks, seeds) of finite numbers with at least 2 seeds"
        raise ValueError(f"scores of shape {table.shape} is not allowed: {allowed}")
    _resampling(level, resamples)
    generator = np.random.default_rng(seed)
    tasks, seeds = table.shape
    chosen = generator.integers(0, seeds, (resamples, tasks, seeds))
    samples = np.take_along_axis(np.broadcast_to(table, (resamples, tasks, seeds)), chosen, axis=2)
    values = interquartile_mean(samples.reshape(resamples, -1), axis=1)
    tail = (1 - level) / 2
    low, high = np.quantile(values, [tail, 1 - tail])
    return Interval(float(interquartile_mean(table)), float(low), float(high), level, seeds)


def probability_of_improvement(a: Values, b: Values) -> float:
    """Share of pairs (one of a, one of b) in which a is larger; ties count half (Agarwal et al. 2021)."""
    first, second = (np.asarray(each, dtype=float) for each in (a, b))
    if not (first.size and second.size):
        raise ValueError(f"a of shape {first.shape}, b of shape {second.shape} is not allowed: at least 1 value each")
    return float((np.sign(first[:, None] - second[None, :]).mean() + 1) / 2)


def _resampling(level: float, resamples: int) -> None:
    if not 0 < level < 1:
        raise ValueError(f"level = {level!r} is not allowed: a number between 0 and 1, such as 0.95")
    if isinstance(resamples, bool) or resamples != int(resamples) or resamples < 1:
        raise ValueError(f"resamples = {resamples!r} is not allowed: a whole number of at least 1")


def _sample(name: str, values: Values) -> np.ndarray:
    sample = np.asarray(values, dtype=float)
    if sample.ndim != 1 or len(sample) < 2 or not np.isfinite(sample).all():
        raise ValueError(f"{name} of shape {sample.shape} is not allowed: at least 2 finite values in one dimension")
    return sample


def _pair(a: Values, b: Values) -> tuple[np.ndarray, np.ndarray]:
    first, second = _sample("a", a), _sample("b", b)
    if first.shape != second.shape:
        raise ValueError(f"a of shape {first.shape}, b of shape {second.shape}: pairs need equal shapes")
    return first, second
