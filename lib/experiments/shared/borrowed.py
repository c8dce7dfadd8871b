"""What each cell makes of the settings that tuning chose for the other one: a lead may be one of settings, not of cells."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pandas as pd

from evidence.swap import OTHER

Point = dict[str, Any]
NAME = "the other's setting"
"""The attack in the ledger: each cell with the better of both settings."""


def borrowed(points: Iterable[Mapping[str, Any]], place: Sequence[str], settings: Sequence[str]) -> list[Point]:
    """LSTM and GRU of each place, each with the settings of the other one there.

    Args:
        points: of both cells, one each a place. place: what names one, such as the task. settings: what is taken over.
    """
    known = {(point["cell"], *(point[name] for name in place)): point for point in points}
    return [
        {**point, **{name: known[OTHER[cell], *where][name] for name in settings}}
        for (cell, *where), point in known.items()
        if cell in OTHER
    ]


def better(own: pd.DataFrame, other: pd.DataFrame, place: Sequence[str], quality: str) -> pd.DataFrame:
    """Of each cell and place the runs with its own settings or with the other's, whichever are better on the mean.

    Args:
        own, other: runs, the same cells and places; the seeds that both have count. place: as for `borrowed`.
        quality: a column, larger is better; of equals its own.
    """
    known = [*place, "cell"]
    shared = {*own["seed"]} & {*other["seed"]}
    sides = [each[each["seed"].isin(shared)] for each in (own, other)]
    means = [each.groupby(known)[quality].mean() for each in sides]
    wins = (means[1] > means[0].reindex(means[1].index)).rename("wins").reset_index()
    kept = [
        each.merge(wins[wins["wins"] == won], on=known).drop(columns="wins")
        for each, won in zip(sides, (False, True), strict=True)
    ]
    return pd.concat(kept, ignore_index=True)
