"""From runs to tables and intervals, for the chapter *memory/gates*."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import pandas as pd

from evidence.statistics import Interval, paired_bootstrap
from experiments.gates.look import SQUARES
from experiments.gates.marks import MARKS

ARMS = {
    "lstm": ("lstm", "width", "LSTM"),
    "gru": ("gru", "width", "GRU"),
    "gru-parameters": ("gru", "parameters", "GRU, equal parameters"),
    "coupled": ("lstm_coupled", "width", "LSTM with f = 1 − i"),
}
"""Key → cell, size and name of what is compared."""
GATES = {"lstm": ("i", "f", "o"), "gru": ("r", "z")}
COUNTS = ("word", "clause", "sentence", "paragraph", "verse")
"""Labels that count characters; the others say whether one is inside something."""


def grid(arms: Iterable[str], rate: Callable[..., float], **fixed: Any) -> list[dict[str, Any]]:
    """Configurations of some arms, each with the learning rate chosen for its cell."""
    return [
        {**fixed, "cell": ARMS[arm][0], "match": ARMS[arm][1], "learning_rate": rate(cell=ARMS[arm][0])} for arm in arms
    ]


def rows(runs: pd.DataFrame, arm: str) -> pd.DataFrame:
    """Runs of one arm, by seed."""
    cell, match, _ = ARMS[arm]
    return runs[(runs["cell"] == cell) & (runs["match"] == match)].set_index("seed").sort_index()


def arms_in(runs: pd.DataFrame) -> list[str]:
    """The arms that were run, in the book's order."""
    return [arm for arm in ARMS if len(rows(runs, arm))]


def drawn(runs: pd.DataFrame, *arms: str) -> int:
    """How many runs of some arms there are: what a figure that shows these arms is made of."""
    return sum(len(rows(runs, arm)) for arm in arms)


def metric(runs: pd.DataFrame, arm: str, name: str) -> pd.Series:
    """One number a seed: a column of the runs."""
    return rows(runs, arm)[name].astype(float)


def difference(a: pd.Series, b: pd.Series) -> Interval:
    """a − b, paired by seed."""
    return paired_bootstrap(a.to_numpy(), b.loc[a.index].to_numpy())


def states(row: pd.Series) -> list[str]:
    """What a run's probes read: `c`, `tanh c` and `h` of an LSTM, `h` of a GRU."""
    return [name for name in ("c", "tanh c", "h") if f"{name} single" in row["curves"]]


def probe_table(runs: pd.DataFrame) -> pd.DataFrame:
    """One row a run, label and state read: `single`, `every`; and for the memory two kinds of chance."""
    table = []
    for arm in arms_in(runs):
        for seed, row in rows(runs, arm).iterrows():
            curves = row["curves"]
            for place, label in enumerate(MARKS):
                for state in (*states(row), "shifted", "fresh"):
                    scores = {kind: curves[f"{state} {kind}"][place] for kind in ("single", "every")}
                    table.append({"arm": arm, "seed": seed, "label": label, "state": state, **scores})
    return pd.DataFrame(table)


def probed(runs: pd.DataFrame, arm: str, label: str, kind: str) -> pd.Series:
    """Correlation of the memory with a label, one number a seed.

    An LSTM's memory may be read as c or as tanh c. A `single` unit is read as fitted better on the text for choosing; for
    `every`, all units, each label is read as tells more in the mean over seeds, a choice in the LSTM's favour.
    """
    part, place = rows(runs, arm)["curves"], list(MARKS).index(label)
    ways = [name for name in ("c", "tanh c") if f"{name} single" in part.iloc[0]] or ["h"]
    scores = pd.DataFrame({way: [curves[f"{way} {kind}"][place] for curves in part] for way in ways}, index=part.index)
    if kind == "every":
        return scores[scores.mean().idxmax()]
    fits = pd.DataFrame({way: [curves[f"{way} chosen"][place] for curves in part] for way in ways}, index=part.index)
    return scores.where(fits.eq(fits.max(axis=1), axis=0)).bfill(axis=1).iloc[:, 0]


def untrained(runs: pd.DataFrame, arm: str, label: str, kind: str) -> pd.Series:
    """Correlation of the memory of the same networks before training with a label, one number a seed."""
    place = list(MARKS).index(label)
    return rows(runs, arm)["curves"].map(lambda curves: float(curves[f"fresh {kind}"][place]))


def unit_table(runs: pd.DataFrame) -> pd.DataFrame:
    """One row a run and unit: memory time and correlation with itself, trained and fresh, and the largest |memory|."""
    names = {
        "time": "time",
        "stays": "stays",
        "reach": "reach",
        "fresh time": "fresh_time",
        "fresh stays": "fresh_stays",
    }
    table = []
    for arm in arms_in(runs):
        for seed, row in rows(runs, arm).iterrows():
            part = pd.DataFrame({new: row["curves"][old] for old, new in names.items()})
            table.append(part.assign(arm=arm, seed=seed, start=row["start"], unit=range(len(part))))
    return pd.concat(table, ignore_index=True)


def per_seed(table: pd.DataFrame, arm: str, column: str, quantile: float = 0.5) -> pd.Series:
    """Quantile over units, one number a seed."""
    return table[table["arm"] == arm].groupby("seed")[column].quantile(quantile)


def gate_table(runs: pd.DataFrame) -> pd.DataFrame:
    """One row a run, gate and unit: share of characters at which it is shut (`left`) and open (`right`)."""
    table = []
    for arm in arms_in(runs):
        for seed, row in rows(runs, arm).iterrows():
            for gate in GATES["gru" if ARMS[arm][0] == "gru" else "lstm"]:
                shares = {side: row["curves"][f"{side} {gate}"] for side in ("left", "right")}
                part = pd.DataFrame(shares)
                table.append(part.assign(arm=arm, seed=seed, gate=gate, unit=range(len(part))))
    return pd.concat(table, ignore_index=True)


def plane(runs: pd.DataFrame, arm: str = "lstm") -> np.ndarray:
    """Mean share of characters and units in each square of the plane of forget (rows) and input gate (columns)."""
    each = [np.array(curves["plane"]) for curves in rows(runs, arm)["curves"]]
    return np.mean(each, axis=0).reshape(SQUARES, SQUARES)


def corners(runs: pd.DataFrame, arm: str = "lstm") -> pd.DataFrame:
    """Shares of the four corners, one row a seed: `add` keeps and writes, `hold` keeps, `write` replaces, `blank` does
    neither."""
    table = {}
    for seed, curves in rows(runs, arm)["curves"].items():
        square = np.array(curves["plane"]).reshape(SQUARES, SQUARES)
        table[seed] = {"add": square[-1, -1], "hold": square[-1, 0], "write": square[0, -1], "blank": square[0, 0]}
    return pd.DataFrame(table).T


def clamp_table(runs: pd.DataFrame) -> pd.DataFrame:
    """One row a run and clamp: bits per character lost."""
    table = []
    for arm in arms_in(runs):
        for seed, row in rows(runs, arm).iterrows():
            for clamp, lost in zip(row["curves"]["clamp"], row["curves"]["lost"], strict=True):
                if clamp != "none":
                    table.append({"arm": arm, "seed": seed, "clamp": clamp, "lost": lost})
    return pd.DataFrame(table)


def cut_table(runs: pd.DataFrame) -> pd.DataFrame:
    """One row a run: bits lost on each closing bracket without the probe's unit, and without another (mean)."""
    table = []
    for arm in arms_in(runs):
        for seed, row in rows(runs, arm).iterrows():
            chosen, *others = row["curves"]["cut"]
            kept = {"closing": row["closing"], "stops": row["stops"], "bits": row["bits"]}
            table.append({"arm": arm, "seed": seed, "chosen": chosen, "others": float(np.mean(others)), **kept})
    return pd.DataFrame(table)
