"""The swap test: LSTM and GRU exchanged in the rows, so that every checked statement of a direction must fail.

A check that cannot fail says nothing. With `BOOK_SWAP` set, each row of a reported sweep gets the results of the other
cell's row under the same condition. Tuning is not exchanged: it chooses what is run. Nor is a sweep of one of the cells
alone, or a row whose condition the other cell was not run under: what is checked on these alone still holds.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

OTHER = {"lstm": "gru", "gru": "lstm"}
KEPT: tuple[str, ...] = ("variant",)
"""Columns that name a cell with a gate changed: the other cell has no such gate to exchange it with."""
OWN: tuple[tuple[str, ...], ...] = (
    (),
    ("learning_rate",),
    ("learning_rate", "match"),
    ("learning_rate", "match", "look"),
    ("learning_rate", "start"),
    ("learning_rate", "start", "match"),
    ("learning_rate", "start", "match", "dropout", "weight_decay", "stopping"),
)
"""What a cell may have as its own under the same condition, the least first: its partner is sought in this order."""


def asked() -> bool:
    """Whether this process runs for the swap test."""
    return bool(os.environ.get("BOOK_SWAP"))


def exchanged(frame: pd.DataFrame, condition: Iterable[str]) -> pd.DataFrame:
    """The same rows; for the swap test each LSTM with the results of its GRU, and each GRU with those of its LSTM.

    Args:
        frame: one row a run.
        condition: columns of the configuration; all others are results. The cell is in the first that names both, those
            of `KEPT` apart.
    """
    if not asked():
        return frame
    keys = [name for name in condition if name in frame]
    named = [name for name in keys if {*OTHER} <= {each for each in frame[name] if isinstance(each, str)}]
    cell = next((name for name in named if name not in KEPT), None)
    if cell is None:
        return frame
    taken = frame.copy()
    order = _partners(frame[keys].to_dict("records"), cell)
    for name in frame.columns.difference(keys):
        taken[name] = frame[name].iloc[order].set_axis(frame.index)
    taken.attrs = frame.attrs
    return taken


def _partners(rows: list[dict], cell: str) -> list[int]:
    """Place of the row that each row gets its results from: of its partner, or its own where it has none."""
    found: dict[int, int] = {}
    for own in OWN:
        named = [name for name in rows[0] if name not in (cell, *own)]
        places: dict[str, list[int]] = {}
        for place, row in enumerate(rows):
            places.setdefault(_key(row, row[cell], named), []).append(place)
        for place, row in enumerate(rows):
            if place in found or row[cell] not in OTHER:
                continue
            if others := places.get(_key(row, OTHER[row[cell]], named)):
                found[place] = min(others, key=lambda other: _distance(row, rows[other], own))
    return [found.get(place, place) for place in range(len(rows))]


def _key(row: Mapping[str, Any], cell: str, named: list[str]) -> str:
    return json.dumps([cell, *(row[name] for name in named)], default=str)


def _distance(one: Mapping[str, Any], other: Mapping[str, Any], own: tuple[str, ...]) -> tuple[int, float]:
    """How many columns of `own` differ in two rows, and how far apart their learning rates are, as a logarithm."""
    rates = [each["learning_rate"] for each in (one, other) if "learning_rate" in own and "learning_rate" in each]
    apart = abs(math.log(rates[0] / rates[1])) if len(rates) == 2 and min(rates) > 0 else 0.0
    return sum(one.get(name) != other.get(name) for name in own if name != "learning_rate"), apart
