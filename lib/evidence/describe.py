"""Alternative texts: a figure in words for those who cannot see it, made from the data that are drawn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

MOST = 12
"""Groups that are told one by one; of more only the ends are."""


def describe(
    data: pd.DataFrame,
    y: str,
    by: str | Sequence[str],
    *,
    what: str,
    names: Mapping[str, str] | None = None,
    form: str = "{:.3g}",
) -> str:
    """What a figure of one quantity shows: median and range of each group.

    Args:
        data: tidy data, one row an observation.
        y: column of the quantity.
        by: columns whose values make the groups, in the order in which they are told.
        what: the figure in a few words, its axes and units.
        names: values of `by` → how they are told.
        form: format of a number.

    Returns:
        Such as `First failing length by cell. LSTM: median 81, from 62 to 96 (10 values). …`.

    Raises:
        ValueError: a column that does not exist, or no finite value.
    """
    columns = [by] if isinstance(by, str) else list(by)
    if unknown := [name for name in (y, *columns) if name not in data]:
        raise ValueError(f"column {unknown[0]!r} is unknown; allowed: {', '.join(map(str, data))}")
    finite = data[np.isfinite(data[y].astype(float))]
    if finite.empty:
        raise ValueError(f"y = {y!r} is not allowed: it has no finite value")
    groups = [(key, part[y].astype(float)) for key, part in finite.groupby(columns, sort=False)]
    if len(groups) > MOST:
        groups = sorted(groups, key=lambda group: group[1].median())
        groups = [groups[0], groups[len(groups) // 2], groups[-1]]
        what = f"{what.rstrip('.')}. Of all groups the lowest, the middle and the highest"
    told = [f"{_name(key, names or {})}: {_spread(values, form)}" for key, values in groups]
    return f"{what.rstrip('.')}. {'. '.join(told)}."


def _name(key: object, names: Mapping[str, str]) -> str:
    parts = key if isinstance(key, tuple) else (key,)
    return ", ".join(names.get(str(part), str(part)) for part in parts)


def _spread(values: pd.Series, form: str) -> str:
    low, middle, high = (form.format(value) for value in (values.min(), values.median(), values.max()))
    if low == high:
        return f"{middle}" if len(values) == 1 else f"{middle} ({len(values)} values, all alike)"
    return f"median {middle}, from {low} to {high} ({len(values)} values)"
