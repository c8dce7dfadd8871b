"""Errors over time or text: what seeds and stretches of the data leave open together.

One stream is read by all seeds. Ten seeds that agree on it say nothing about another stretch of it: so seeds are drawn
anew, and with them moving blocks of neighbouring parts (Künsch 1989; rows and columns both: Owen 2007).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np

from evidence.statistics import LEVEL, Interval, Values, around, check_level

RESAMPLES = 1999
Statistic = Callable[..., np.ndarray]
"""Mean errors (R,) of each table → the statistic (R,), such as `np.subtract` or a ratio's logarithm."""


def over_time(
    statistic: Statistic,
    *tables: Values,
    length: int = 1,
    level: float = LEVEL,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Interval:
    """Interval of a statistic of mean errors, over seeds and moving blocks of time.

    Args:
        statistic: mean errors of each table, each (R,) → (R,). For a ratio give its logarithm.
        tables: (seeds, parts) errors of the same seeds and the same parts in order of time; a table of one row has no
            seeds, such as a baseline's.
        length: neighbouring parts that are drawn together: longer than errors remember.
        level: confidence level. resamples, seed: of the bootstrap.
    """
    errors = [_table(each) for each in tables]
    parts = errors[0].shape[1]
    seeds = max(len(each) for each in errors)
    if any(each.shape[1] != parts or len(each) not in (1, seeds) for each in errors):
        shapes = ", ".join(str(each.shape) for each in errors)
        raise ValueError(f"tables of shapes {shapes} are not allowed: the same parts, and the same seeds or one row")
    if not 1 <= length <= parts // 2:
        raise ValueError(f"length = {length!r} is not allowed: a whole number from 1 to {parts // 2}, half the parts")
    check_level(level)
    rows, columns = draws(seeds, parts, length, resamples, seed)
    means = [(((rows @ each) if len(each) > 1 else each) * columns).sum(1) for each in errors]
    estimate = float(statistic(*(np.array([each.mean()]) for each in errors))[0])
    fewer = min(count for count in (seeds, parts // length) if count > 1)
    return around(estimate, statistic(*means), fewer, level)


@cache
def draws(seeds: int, parts: int, length: int, resamples: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """How much each seed (R, seeds) and each part of time (R, parts) counts in each resample; a row adds up to 1."""
    generator = np.random.default_rng(seed)
    rows = generator.multinomial(seeds, np.full(seeds, 1 / seeds), resamples) / seeds
    blocks = -(-parts // length)
    starts = generator.integers(0, parts, (resamples, blocks))  # a block runs on from the end to the beginning
    chosen = ((starts[:, :, None] + np.arange(length)) % parts).reshape(resamples, -1)[:, :parts]
    columns = np.zeros((resamples, parts))
    np.add.at(columns, (np.arange(resamples)[:, None], chosen), 1 / parts)
    return rows, columns


def _table(errors: Values) -> np.ndarray:
    table = np.atleast_2d(np.asarray(errors, dtype=float))
    if table.ndim != 2 or table.shape[1] < 2 or not np.isfinite(table).all():
        raise ValueError(
            f"table of shape {table.shape} is not allowed: (seeds, parts) of finite errors, at least 2 parts"
        )
    return table
