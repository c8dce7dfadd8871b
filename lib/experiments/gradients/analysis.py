"""From the runs of the chapter *memory/gradients* to what fresh networks keep and pass on, and the evidence on claim M1."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from evidence.figures import LABELS
from evidence.significance import interaction
from evidence.verdicts import Evidence, weigh

GATED = ("lstm", "gru")
TIMED = ("default", "bias:1", "bias:3", "chrono")
"""Starts of the gates that are weighed, and that learn."""
LOOKED = ("default", "bias:0", "bias:1", "bias:3", "bias:5", "chrono")
"""Starts of the gates that are looked at."""
PLAIN = {"default": "the tanh network", "orthogonal": "the orthogonal one"}
"""Starts of the tanh network, as a condition names them."""
DEAD = -24 * float(np.log10(2))
"""log10 of the gain below which a gradient is lost: single precision rounds it away beside that of the last step."""
CURVES = ("gain", "input", "kept", "apart")


def points(cells: Sequence[str], starts: Sequence[str], delay: int, fixed: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Fresh networks to look at: gated cells with each start, and the tanh network with both of its own.

    Args:
        cells: gated ones. starts: of their gates; chrono takes the delay as its longest time. fixed: further keywords.
    """
    cases = [(cell, f"chrono:{delay}" if start == "chrono" else start) for cell in cells for start in starts]
    cases += [("rnn", start) for start in PLAIN]
    return [{"task": "recall", "delay": delay, **fixed, "cell": cell, "start": start} for cell, start in cases]


ATTACKS: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "another start": lambda given: {} if given["cell"] == "rnn" else {"start": f"orthogonal+{given['start']}"},
    "width × 2": lambda given: {"hidden_size": 2 * given["hidden_size"]},
    "another task": lambda _: {"task": "adding"},
}
"""What each attack changes in a look at a fresh network; *another start*: the gated cells' matrices orthogonal as well."""


def attacked(name: str, given: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The same networks under an attack."""
    return [{**each, **ATTACKS[name](each)} for each in given]


def long(runs: pd.DataFrame) -> pd.DataFrame:
    """One row a run and lag: `cell`, `start` without its numbers or matrices, `delay`, `seed`, `lag`, and `CURVES`."""
    parts = []
    for row in runs.to_dict("records"):
        curves = {name: row["curves"][name] for name in ("lag", *CURVES)}
        keys = {"cell": row["cell"], "start": kind(row["start"]), "delay": row["delay"], "seed": row["seed"]}
        parts.append(pd.DataFrame(curves).astype({"lag": int}).assign(**keys))
    return pd.concat(parts, ignore_index=True)


def kind(start: str) -> str:
    """A start without the matrices of an attack and the longest time of chrono, such as `bias:3` or `chrono`."""
    gates = start.removeprefix("orthogonal+")
    return "chrono" if gates.startswith("chrono") else gates


def start_name(start: str) -> str:
    """How a start is told."""
    return kind(start).replace(":", " ")


def name_of(cell: str, start: str) -> str:
    """How a case is told, such as `GRU, bias 3`."""
    return f"{LABELS[cell]}, {start_name(start)}"


def at(table: pd.DataFrame, lag: int, column: str = "gain") -> pd.Series:
    """Median over seeds of a column of `long` at one lag, by cell and start."""
    return table[table["lag"] == lag].groupby(["cell", "start"], sort=False)[column].median()


def ratios(table: pd.DataFrame, lags: Sequence[int]) -> dict[str, pd.Series]:
    """Gain, gated ÷ tanh, of the gated cell that passes less, by start, lag and tanh network, one value a seed.

    The claim is about both cells, so the weaker one of the same seed counts. A gain above 1 counts as 1: nothing has
    vanished there, and a gradient that grows is no better kept.
    """
    return {name: _ratio(*both) for name, both in _pairs(table, lags).items()}


def evidence(table: pd.DataFrame, lags: Sequence[int]) -> dict[str, Evidence]:
    """Evidence on M1 by the conditions of `ratios`; where neither gradient arrives, a ratio of the two tells nothing."""
    return {
        name: weigh("M1", _ratio(*both), left_out="neither gradient arrives" if _dead(*both) else "")
        for name, both in _pairs(table, lags).items()
    }


def differ(table: pd.DataFrame, lags: Sequence[int]) -> float | None:
    """P that the ratios are the same under all conditions that count; None where fewer than two do."""
    counted = [np.log(_ratio(*both)) for both in _pairs(table, lags).values() if not _dead(*both)]
    return interaction(counted) if len(counted) > 1 else None


def _pairs(table: pd.DataFrame, lags: Sequence[int]) -> dict[str, tuple[pd.Series, pd.Series]]:
    """log10 of the gain of the weaker gated cell and of a tanh network, at most 0, by seed, for each condition."""
    gains = table.assign(gain=table["gain"].clip(upper=0.0)).set_index(["cell", "start", "lag", "seed"])["gain"]
    gains = gains.sort_index()
    found = {}
    for start, plain, lag in itertools.product(TIMED, PLAIN, lags):
        both = pd.concat([gains[cell, start, lag] for cell in GATED], axis=1).min(axis=1)
        found[f"{start_name(start)}, {lag} steps, against {PLAIN[plain]}"] = (
            both,
            gains["rnn", plain, lag][both.index],
        )
    return found


def _ratio(gated: pd.Series, plain: pd.Series) -> pd.Series:
    return 10.0 ** (gated - plain)


def _dead(gated: pd.Series, plain: pd.Series) -> bool:
    return max(gated.median(), plain.median()) < DEAD
