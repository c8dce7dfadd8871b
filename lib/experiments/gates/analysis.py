"""From runs to tables and intervals, for the chapter *memory/gates*."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from evidence.blocks import over_time
from evidence.ladder import Ladder
from evidence.statistics import Interval, paired_difference
from experiments.gates.look import MOVES, TIMES
from experiments.gates.marks import MARKS

ARMS = {
    "lstm": ("lstm", "width", "LSTM"),
    "gru": ("gru", "width", "GRU"),
    "gru-parameters": ("gru", "parameters", "GRU, equal parameters"),
    "coupled": ("lstm_coupled", "width", "LSTM with f = 1 − i"),
}
"""Key → cell, size and name of what is compared."""
GATED = ("lstm", "gru")
GATE_NAMES = {"i": "input i", "f": "forget f", "o": "output o", "r": "reset r", "z": "update z"}
MOVE_NAMES = {"add": "add: keep and write", "hold": "hold", "write": "replace", "blank": "blank"}
SHORT = {
    label: meaning.replace("letters since", "since").removesuffix(" (unmarked)") for label, meaning in MARKS.items()
}
"""Name of each label, in tables and figures."""
READ = {"memory": "c against h", "shown": "h against h"}
"""Where an LSTM is read, and how the comparison with a GRU's h is told."""
NAMES = {**{arm: name for arm, (_, _, name) in ARMS.items()}, **GATE_NAMES, **MOVE_NAMES, **SHORT}
"""What columns hold → how it is told."""
QUANTITIES = {
    "bits": ("bits a\ncharacter", 0.02),
    "sentence memory": ("sentence,\nc against h", 0.1),
    "sentence shown": ("sentence,\nh against h", 0.1),
    "bracket shown": ("brackets,\nh against h", 0.1),
    "closing": ("bits for\neach ]", 0.5),
}
"""What is compared at every budget and under every look → how it is told, and the least difference that would matter."""
LONG = 10
"""Characters beyond which a memory time counts as long: one of `TIMES`."""
Frames = Mapping[str, pd.DataFrame]
"""Runs by the condition that they were made under."""


def grid(arms: Iterable[str], rate: Callable[..., float], **fixed: Any) -> list[dict[str, Any]]:
    """Configurations of some arms, each with the learning rate chosen for its cell."""
    return [
        {**fixed, "cell": ARMS[arm][0], "match": ARMS[arm][1], "learning_rate": rate(cell=ARMS[arm][0])} for arm in arms
    ]


def looks(points: Iterable[Mapping[str, Any]], length: int) -> dict[str, list[dict[str, Any]]]:
    """The same configurations at other rates and from other starts, by the name of the look."""
    changed: dict[str, Callable[[Mapping[str, Any]], dict[str, Any]]] = {
        "rate × 3": lambda point: {"learning_rate": float(f"{3 * point['learning_rate']:.3g}")},
        "rate ÷ 3": lambda point: {"learning_rate": float(f"{point['learning_rate'] / 3:.3g}")},
        "bias 1": lambda _: {"start": "bias:1"},
        "chrono": lambda _: {"start": f"chrono:{max(length, 3)}"},
    }
    given = list(points)
    return {name: [{**point, **change(point)} for point in given] for name, change in changed.items()}


def lower(points: Iterable[Mapping[str, Any]], tried: pd.DataFrame) -> list[dict[str, Any]]:
    """The same configurations, each at the next lower rate that was tried for its cell, or else at a third of its own.

    Args:
        tried: the runs of the tuning.
    """
    found = []
    for point in points:
        rates = tried.loc[tried["cell"] == point["cell"], "learning_rate"]
        below = max(rates[rates < point["learning_rate"]], default=float(f"{point['learning_rate'] / 3:.3g}"))
        found.append({**point, "learning_rate": float(below)})
    return found


def at_better_rates(runs: pd.DataFrame, other: pd.DataFrame) -> Interval:
    """Bits a character, LSTM − GRU at equal width, each at whichever of two rates scores better over the seeds of `other`."""
    best = []
    for arm in GATED:
        pair = [rows(frame, arm)["bits"].loc[rows(other, arm).index] for frame in (runs, other)]
        best.append(min(pair, key=lambda bits: bits.mean()).to_numpy())
    return paired_difference(*best)


def emptied(points: Iterable[Mapping[str, Any]], empty: int) -> list[dict[str, Any]]:
    """Configurations of `latch.run` with what these have, the carried state never emptied and every `empty` batches."""
    kept = ("cell", "hidden_size", "steps", "learning_rate", "batch", "length")
    return [{**{name: point[name] for name in kept}, "empty": each} for point in points for each in (0, empty)]


def stuck(cold: pd.DataFrame, least: float = 0.5) -> pd.Series:
    """How many runs read so many bits worse from an empty state than from the last state of training, by cell and `empty`."""
    worse = cold["cold"] - cold["warm"] > least
    return worse.groupby([cold["cell"], cold["empty"]]).sum()


def rows(runs: pd.DataFrame, arm: str) -> pd.DataFrame:
    """Runs of one arm, by seed."""
    cell, match, _ = ARMS[arm]
    return runs[(runs["cell"] == cell) & (runs["match"] == match)].set_index("seed").sort_index()


def difference(runs: pd.DataFrame, name: str, other: str = "gru") -> Interval:
    """A metric, LSTM − another arm, paired by seed."""
    both = pd.concat([rows(runs, "lstm")[name], rows(runs, other)[name]], axis=1, join="inner").to_numpy()
    return paired_difference(both[:, 0], both[:, 1])


def tabled(runs: pd.DataFrame, made: Callable[[pd.Series], Any]) -> pd.DataFrame:
    """What is made of each run, under each other, with its `arm` and `seed`, in the book's order."""
    parts = [
        pd.DataFrame(made(row)).assign(arm=arm, seed=seed) for arm in ARMS for seed, row in rows(runs, arm).iterrows()
    ]
    return pd.concat(parts, ignore_index=True)


def time_table(runs: pd.DataFrame) -> pd.DataFrame:
    """One row a run and memory time: the share of units that keep longer, trained (`share`) and before (`fresh`)."""
    return tabled(
        runs, lambda row: {"time": TIMES, "share": row["curves"]["times"], "fresh": row["curves"]["fresh times"]}
    )


def move_table(runs: pd.DataFrame) -> pd.DataFrame:
    """One row a run and move: the share of characters and units at which it is made."""
    return tabled(runs, lambda row: {"move": list(MOVES), "share": row["curves"]["moves"]})


def clamp_table(runs: pd.DataFrame) -> pd.DataFrame:
    """One row a run and gate that is held at its mean: bits per character lost."""
    return tabled(runs, lambda row: {name: row["curves"][name] for name in ("clamp", "lost")})


def cost_table(runs: pd.DataFrame) -> pd.DataFrame:
    """One row a run: bits for each bracket and end of a sentence; bits lost on each bracket without the unit that follows
    them (`cut`), and without another (`other`)."""

    def costs(row: pd.Series) -> list[dict[str, float]]:
        lost = {name: np.mean(row["curves"][name]) - np.mean(row["curves"]["closing"]) for name in ("cut", "other")}
        return [{"closing": row["closing"], "stops": row["stops"], **lost}]

    return tabled(runs, costs)


def stretches(runs: pd.DataFrame, arm: str, name: str = "closing") -> np.ndarray:
    """Costs of closing brackets by seed and stretch of the text."""
    return np.array(list(rows(runs, arm)["curves"].map(lambda each: each[name])))


def dearer(runs: pd.DataFrame) -> Interval:
    """Bits for each closing bracket, LSTM − GRU, over seeds and stretches of the text."""
    return over_time(np.subtract, *(stretches(runs, arm) for arm in GATED))


def unit_cost(runs: pd.DataFrame, arm: str, name: str = "cut") -> Interval:
    """Bits lost on each closing bracket without the unit that follows them (`other`: another), over seeds and stretches."""
    return over_time(np.subtract, stretches(runs, arm, name), stretches(runs, arm))


def level_cost(runs: pd.DataFrame, arm: str) -> Interval:
    """Bits for each closing bracket, over seeds and stretches of the text."""
    return over_time(lambda mean: mean, stretches(runs, arm))


def probe_table(runs: pd.DataFrame) -> pd.DataFrame:
    """One row a run and label: correlations of all units read as `memory` (c of an LSTM, h of a GRU) and as `shown` (h of
    all), and before training where that was looked at (`fresh memory`, `fresh shown`).

    An LSTM's memory may be read as c or as tanh c: as tells more in the mean over seeds, a choice in its favour.
    """
    parts = []
    for arm in ARMS:
        curves = rows(runs, arm)["curves"]
        for place, label in enumerate(MARKS if len(curves) else ()):
            part = pd.DataFrame({"arm": arm, "label": label, "seed": curves.index})
            for prefix in ("", "fresh "):
                if f"{prefix}h" not in curves.iloc[0]:
                    continue
                ways = [f"{prefix}{name}" for name in ("c", "tanh c", "h") if f"{prefix}{name}" in curves.iloc[0]]
                found = pd.DataFrame({way: [each[way][place] for each in curves] for way in ways})
                carried = found.drop(columns=f"{prefix}h") if len(ways) > 1 else found
                part[f"{prefix}memory"] = carried[carried.mean().idxmax()]
                part[f"{prefix}shown"] = found[f"{prefix}h"]
            parts.append(part)
    return pd.concat(parts, ignore_index=True)


def gap(table: pd.DataFrame, label: str, read: str = "memory", other: str = "gru") -> Interval:
    """How much better the LSTM tells a label than another arm does, in correlation, paired by seed."""
    values = _by_arm(table, label, read)[["lstm", other]].dropna()
    return paired_difference(values["lstm"].to_numpy(), values[other].to_numpy())


def learned(table: pd.DataFrame, arm: str, label: str, read: str) -> Interval:
    """How much better a trained arm tells a label than the same networks before training, paired by seed."""
    both = (_by_arm(table, label, f"{prefix}{read}")[arm].dropna().to_numpy() for prefix in ("", "fresh "))
    return paired_difference(*both)


def _by_arm(table: pd.DataFrame, label: str, read: str) -> pd.DataFrame:
    return table[table["label"] == label].pivot(index="seed", columns="arm", values=read)


def gaps(frames: Frames) -> pd.DataFrame:
    """LSTM − GRU under each condition, one row a quantity of `QUANTITIES` and seed."""
    parts = []
    for name, runs in frames.items():
        table = probe_table(runs)
        for quantity in QUANTITIES:
            label, _, read = quantity.partition(" ")
            metric = pd.DataFrame({arm: rows(runs, arm)[label] for arm in GATED if not read})
            values = _by_arm(table, label, read) if read else metric
            found = (values["lstm"] - values["gru"]).dropna().rename("difference").reset_index()
            parts.append(found.assign(condition=name, quantity=quantity))
    return pd.concat(parts, ignore_index=True)


def ladders(table: pd.DataFrame) -> dict[str, Ladder]:
    """LSTM − GRU at each budget in steps, by quantity: of `gaps` whose conditions are budgets."""
    means = table.groupby(["quantity", "condition"])["difference"].mean()
    return {
        quantity: Ladder({int(steps): float(mean) for steps, mean in means[quantity].items()}, margin)
        for quantity, (_, margin) in QUANTITIES.items()
    }


def signs(table: pd.DataFrame, quantity: str) -> dict[str, Interval]:
    """LSTM − GRU in one quantity with its interval over seeds, by condition."""
    part = table[table["quantity"] == quantity]
    return {
        str(name): paired_difference(each["difference"], np.zeros(len(each)))
        for name, each in part.groupby("condition", sort=False)
    }


def budget_table(frames: Frames) -> pd.DataFrame:
    """What `draw_ladder` shows: one row a run of LSTM and GRU, with `steps`, `bits`, and correlations by label and place."""
    parts = []
    for runs in frames.values():
        table = probe_table(runs)
        for arm in GATED:
            part = rows(runs, arm)[["steps", "bits"]].assign(arm=arm)
            for label in ("sentence", "bracket"):
                for read in READ:
                    part[f"{label} {read}"] = _by_arm(table, label, read)[arm]
            parts.append(part.reset_index())
    return pd.concat(parts, ignore_index=True)


def strip_table(runs: pd.DataFrame, passage: str) -> pd.DataFrame:
    """One row an arm, seed and character of the strip: what the unit that follows the brackets shows, from 0 (2nd
    percentile of the seed's strip) to 1 (98th)."""

    def line(row: pd.Series) -> dict[str, Any]:
        values = np.array(row["curves"]["strip"])
        low, high = np.quantile(values, [0.02, 0.98])
        scaled = ((values - low) / max(high - low, 1e-9)).clip(0, 1)
        return {"place": range(len(passage)), "character": list(passage), "value": scaled}

    return tabled(runs[runs["cell"].isin(GATED) & (runs["match"] == "width")], line)
