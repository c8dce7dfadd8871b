"""How much of the variance of an outcome goes with each factor of a balanced design, and how much with the seed."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import numpy as np
import pandas as pd

TIMES = " × "


def cube(table: pd.DataFrame, factors: Sequence[str], outcome: str) -> np.ndarray:
    """An outcome over a balanced design, (levels of each factor…, seeds).

    Raises:
        ValueError: the design is not balanced, or a run is there twice.
    """
    series = table.set_index([*factors, "seed"])[outcome].astype(float)
    shape = [table[each].nunique() for each in (*factors, "seed")]
    if series.index.has_duplicates or len(series) != math.prod(shape):
        raise ValueError(f"{len(series)} runs over {', '.join(factors)}: not each combination once for each seed")
    return series.sort_index().to_numpy().reshape(shape)


def shares(y: np.ndarray, factors: Sequence[str]) -> pd.Series:
    """Shares of the variance of an outcome, by an exact decomposition of its sum of squares; they add up to 1.

    A factor's share is the variance of its level means; that of `a × b` is what both do together beyond the sum of
    what each does alone, and so on; `seed` is what is left within a condition. All are 0 where nothing varies.

    Args:
        y: as from `cube`. factors: names of its axes but the last.
    """
    total = float(((y - y.mean()) ** 2).sum())
    explained: dict[tuple[int, ...], float] = {}
    for order in range(1, len(factors) + 1):
        for group in itertools.combinations(range(len(factors)), order):
            means = y.mean(axis=tuple(axis for axis in range(y.ndim) if axis not in group))
            smaller = sum(value for key, value in explained.items() if set(key) < set(group))
            explained[group] = float(((means - y.mean()) ** 2).sum()) * y.size / means.size - smaller
    found = {TIMES.join(factors[axis] for axis in key): value for key, value in explained.items()}
    return pd.Series({**found, "seed": total - sum(explained.values())}) / (total or 1.0)


def grouped(found: pd.Series, kept: Sequence[str], rest: str = "other combinations") -> pd.Series:
    """The shares of single factors, of the named combinations and of the seed; all other combinations in one."""
    alone = [name for name in found.index if TIMES not in name or name in kept]
    return pd.concat([found[alone], pd.Series({rest: found.drop(alone).sum()})])


def with_intervals(
    y: np.ndarray, factors: Sequence[str], kept: Sequence[str], resamples: int = 500, seed: int = 0
) -> pd.DataFrame:
    """Grouped shares, with percentile bootstrap 95 % intervals over seeds: all runs of a seed stay together.

    Returns:
        `share`, `low` and `high`, from 0 to 1, by factor.
    """
    generator = np.random.default_rng(seed)
    drawn = generator.integers(y.shape[-1], size=(resamples, y.shape[-1]))
    again = pd.DataFrame([grouped(shares(y[..., each], factors), kept) for each in drawn])
    low, high = again.quantile(0.025), again.quantile(0.975)
    return pd.DataFrame({"share": grouped(shares(y, factors), kept), "low": low, "high": high})
