"""The swap test: LSTM and GRU exchanged in the rows, so that every checked statement of a direction must fail.

A check that cannot fail says nothing. With `BOOK_SWAP` set, each row of a reported sweep gets the results of the other
cell's row under the same condition. Tuning is not exchanged: it chooses what is run.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable

import pandas as pd

OTHER = {"lstm": "gru", "gru": "lstm"}
CELL = ("cell", "network")
"""Names of the column that holds the cell."""
OWN: tuple[tuple[str, ...], ...] = (
    (),
    ("learning_rate",),
    ("learning_rate", "start"),
    ("learning_rate", "start", "match"),
)
"""What a cell may have as its own under the same condition, the least first: its partner is sought in this order."""


def asked() -> bool:
    """Whether this process runs for the swap test."""
    return bool(os.environ.get("BOOK_SWAP"))


def exchanged(frame: pd.DataFrame, condition: Iterable[str]) -> pd.DataFrame:
    """The same rows; for the swap test each LSTM with the results of its GRU, and each GRU with those of its LSTM.

    Args:
        frame: one row a run.
        condition: columns of the configuration; all others are results.
    """
    keys = [name for name in condition if name in frame]
    cell = next((name for name in CELL if name in keys), None)
    if not asked() or cell is None or not {*OTHER} <= {*frame[cell]}:
        return frame
    results = [name for name in frame if name not in keys]
    partner: dict[int, int] = {}
    for own in OWN:
        named = [name for name in keys if name not in (cell, *own)]
        places = {_key(row, cell, named): place for place, row in reversed(list(enumerate(frame.to_dict("records"))))}
        for place, row in enumerate(frame.to_dict("records")):
            if row[cell] in OTHER and place not in partner:
                wanted = _key({**row, cell: OTHER[row[cell]]}, cell, named)
                if wanted in places:
                    partner[place] = places[wanted]
    taken = frame.copy()
    order = [partner.get(place, place) for place in range(len(frame))]
    for name in results:
        column = frame[name].iloc[order]
        taken[name] = column.set_axis(frame.index)
    taken.attrs = frame.attrs
    return taken


def _key(row: dict, cell: str, named: list[str]) -> str:
    return json.dumps([row[cell], *(row[name] for name in named)], default=str)
