"""From runs to tables and intervals, for the chapter *memory/gates*."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import pandas as pd
import torch
from IPython.display import Markdown

from evidence.format import NBSP
from evidence.statistics import Interval, paired_difference
from experiments.gates.look import SQUARES, Look
from experiments.gates.marks import MARKS, STOPS
from tasks import kjv

ARMS = {
    "lstm": ("lstm", "width", "LSTM"),
    "gru": ("gru", "width", "GRU"),
    "gru-parameters": ("gru", "parameters", "GRU, equal parameters"),
    "coupled": ("lstm_coupled", "width", "LSTM with f = 1 − i"),
}
"""Key → cell, size and name of what is compared."""
GATES = {"lstm": ("i", "f", "o"), "gru": ("r", "z")}
GATE_NAMES = {"i": "input i", "f": "forget f", "o": "output o", "r": "reset r", "z": "update z"}
SHORT = {
    label: meaning.replace("letters since", "since").removesuffix(" (unmarked)") for label, meaning in MARKS.items()
}
"""Name of each label, in tables and figures."""
NAMES = {**{arm: name for arm, (_, _, name) in ARMS.items()}, **GATE_NAMES, **SHORT}
"""What columns hold → how it is told."""
LONG = 10
"""Characters beyond which a memory time counts as long."""


def grid(arms: Iterable[str], rate: Callable[..., float], **fixed: Any) -> list[dict[str, Any]]:
    """Configurations of some arms, each with the learning rate chosen for its cell."""
    return [
        {**fixed, "cell": ARMS[arm][0], "match": ARMS[arm][1], "learning_rate": rate(cell=ARMS[arm][0])} for arm in arms
    ]


def rows(runs: pd.DataFrame, arm: str) -> pd.DataFrame:
    """Runs of one arm, by seed."""
    cell, match, _ = ARMS[arm]
    return runs[(runs["cell"] == cell) & (runs["match"] == match)].set_index("seed").sort_index()


def drawn(runs: pd.DataFrame, *arms: str) -> int:
    """How many runs of some arms there are: what a figure that shows these arms is made of."""
    return sum(len(rows(runs, arm)) for arm in arms)


def difference(runs: pd.DataFrame, name: str, other: str = "gru") -> Interval:
    """A metric, LSTM − another arm, paired by seed."""
    a, b = rows(runs, "lstm")[name], rows(runs, other)[name]
    return paired_difference(a.to_numpy(), b.loc[a.index].to_numpy())


def tabled(runs: pd.DataFrame, made: Callable[[pd.Series], Any]) -> pd.DataFrame:
    """What is made of each run, under each other, with its `arm` and `seed`, in the book's order."""
    parts = [
        pd.DataFrame(made(row)).assign(arm=arm, seed=seed) for arm in ARMS for seed, row in rows(runs, arm).iterrows()
    ]
    return pd.concat(parts, ignore_index=True)


def unit_table(runs: pd.DataFrame) -> pd.DataFrame:
    """One row a run and unit: memory time, trained and before training, and the largest |memory|."""
    names = {"time": "time", "fresh_time": "fresh time", "reach": "reach"}
    return tabled(runs, lambda row: {new: row["curves"][old] for new, old in names.items()} | {"start": row["start"]})


def gate_table(runs: pd.DataFrame) -> pd.DataFrame:
    """One row a run, gate and unit: share of characters at which it is shut (`left`) and open (`right`)."""

    def shares(row: pd.Series) -> pd.DataFrame:
        gates = GATES["gru" if row["cell"] == "gru" else "lstm"]
        sides = [{side: row["curves"][f"{side} {gate}"] for side in ("left", "right")} for gate in gates]
        return pd.concat([pd.DataFrame(each).assign(gate=gate) for gate, each in zip(gates, sides, strict=True)])

    return tabled(runs, shares)


def clamp_table(runs: pd.DataFrame) -> pd.DataFrame:
    """One row a run and clamp: bits per character lost."""
    return tabled(runs, lambda row: {name: row["curves"][name][1:] for name in ("clamp", "lost")})


def cut_table(runs: pd.DataFrame) -> pd.DataFrame:
    """One row a run: bits for each bracket and end of a sentence; bits lost on each bracket without the probe's unit, and
    without another (mean)."""

    def costs(row: pd.Series) -> list[dict[str, float]]:
        chosen, *others = row["curves"]["cut"]
        return [{"closing": row["closing"], "stops": row["stops"], "chosen": chosen, "others": float(np.mean(others))}]

    return tabled(runs, costs)


def probe_table(runs: pd.DataFrame) -> pd.DataFrame:
    """One row a run and label: correlations of all units read as `memory` (c of an LSTM, h of a GRU), before training
    (`fresh`), and as `shown` (h of both); and of the `single` unit of the memory that fitted best on other text.

    An LSTM's memory may be read as c or as tanh c: by all units as tells more in the mean over seeds, a choice in its favour;
    by one unit as fitted better on the text for choosing.
    """
    parts = []
    for arm in ARMS:
        curves = rows(runs, arm)["curves"]
        for place, label in enumerate(MARKS if len(curves) else ()):
            ways = [name for name in ("c", "tanh c") if f"{name} single" in curves.iloc[0]] or ["h"]
            read = {
                kind: pd.DataFrame({way: [each[f"{way} {kind}"][place] for each in curves] for way in ways})
                for kind in ("every", "single", "chosen")
            }
            part = pd.DataFrame({"memory": read["every"][read["every"].mean().idxmax()]})
            better = read["chosen"].eq(read["chosen"].max(axis=1), axis=0)
            part["single"] = read["single"].where(better).bfill(axis=1).iloc[:, 0]
            part["fresh"] = [each["fresh every"][place] for each in curves]
            part["shown"] = [each["h every"][place] for each in curves]
            parts.append(part.assign(arm=arm, label=label, seed=curves.index))
    return pd.concat(parts, ignore_index=True)


def gap(table: pd.DataFrame, label: str, read: str = "memory", other: str = "gru") -> Interval:
    """How much better the LSTM tells a label than another arm does, in correlation, paired by seed."""
    values = table[table["label"] == label].pivot(index="seed", columns="arm", values=read)
    return paired_difference(values["lstm"].to_numpy(), values[other].to_numpy())


def plane(runs: pd.DataFrame, arm: str = "lstm") -> np.ndarray:
    """Share of characters and units in each square of the plane of forget (rows) and input gate (columns), one a seed.

    Nothing for a GRU, whose one gate leaves it on the line between two corners.
    """
    curves = rows(runs, arm)["curves"]
    return np.array([each.get("plane", np.zeros(SQUARES**2)) for each in curves]).reshape(-1, SQUARES, SQUARES)


def corners(runs: pd.DataFrame, arm: str = "lstm") -> pd.DataFrame:
    """Shares of the four corners, one row a seed: `add` keeps and writes, `hold` keeps, `write` replaces, `blank` does
    neither."""
    places = {"add": (-1, -1), "hold": (-1, 0), "write": (0, -1), "blank": (0, 0)}
    return pd.DataFrame({name: plane(runs, arm)[:, row, column] for name, (row, column) in places.items()})


def marks_counted(look: Look) -> dict[str, int]:
    """How many closing brackets and ends of a sentence the bits for each rest on: those of the stretches looked at."""
    following = kjv.split().test[look.rows("test")[1 + look.warm :]]
    wanted = {"closing": "]", "stops": STOPS}
    return {name: int(torch.isin(following, kjv.encode(symbols)).sum()) for name, symbols in wanted.items()}


def strip_table(runs: pd.DataFrame, passage: str) -> pd.DataFrame:
    """One row a line of the strip and character, for `draw_strip`: of the seed whose unit scored in the middle."""
    lines = []
    table = probe_table(runs)
    for label, arm in [("bracket", arm) for arm in ("lstm", "gru", "coupled")] + [
        ("sentence", a) for a in ("lstm", "gru")
    ]:
        part = table[(table["label"] == label) & (table["arm"] == arm)].sort_values("single")
        seed = part["seed"].iloc[len(part) // 2]
        title = f"{ARMS[arm][2]}: the unit for “{SHORT[label]}”, seed {seed}"
        line = {"character": list(passage), "value": rows(runs, arm).loc[seed, "curves"][f"strip {label}"]}
        lines.append(pd.DataFrame(line).assign(row=title, arm=arm, label=label, place=range(len(passage))))
    return pd.concat(lines, ignore_index=True)


def result_table(runs: dict[str, pd.DataFrame]) -> Markdown:
    """A line an arm under each condition: what it had, and means over seeds of what it reached."""
    heads = [
        "cell",
        "condition",
        "seeds",
        "width",
        "parameters",
        "learning rate",
        "bits per character",
        "bits for each `]`",
    ]
    lines = [f"| {' | '.join([*heads, f'units above {LONG} characters'])} |", "|---|---|" + "--:|" * 7]
    for name, frame in runs.items():
        long = unit_table(frame).groupby("arm", sort=False)["time"].agg(lambda times: 100 * (times > LONG).mean())
        for arm in long.index:
            part = rows(frame, arm)
            had = [
                len(part),
                part["width"].iloc[0],
                f"{part['parameters'].iloc[0]:,}",
                f"{part['learning_rate'].iloc[0]:g}",
            ]
            reached = [f"{part['bits'].mean():.3f}", f"{part['closing'].mean():.1f}", f"{long[arm]:.0f}{NBSP}%"]
            lines.append(f"| {' | '.join(map(str, [ARMS[arm][2], name, *had, *reached]))} |")
    return Markdown("\n".join(lines))


def difference_table(table: pd.DataFrame) -> Markdown:
    """LSTM − another cell in the correlation with each label, with 95 % intervals over seeds."""
    columns = {
        "LSTM − GRU, c against h": ("memory", "gru"),
        "LSTM − GRU, h against h": ("shown", "gru"),
        "LSTM − LSTM with f = 1 − i, c against c": ("memory", "coupled"),
    }
    lines = [f"| label | {' | '.join(columns)} |", "|---|" + "--:|" * len(columns)]
    for label, name in SHORT.items():
        found = [gap(table, label, *each).signed(2).replace(", ", f",{NBSP}") for each in columns.values()]
        lines.append(f"| {name} | {' | '.join(found)} |")
    return Markdown("\n".join(lines))
