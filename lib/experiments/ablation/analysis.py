"""From the runs of the chapter *architecture/ablation* to losses, the evidence on its claim, and its ladder of budgets."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from evidence.ladder import Ladder
from evidence.ledger import ledger
from evidence.significance import interaction
from evidence.statistics import Interval, mean_interval
from evidence.verdicts import Evidence, weigh
from experiments.ablation.plan import GATES, HELD, TASKS, cell_of
from gatedrnn.variants import VARIANTS

TASK_NAMES = {"recall": "recall", "registers": "two registers", "mnist1d": "MNIST-1D", "characters": "characters"}
CELL_NAMES = {"lstm": "LSTM", "gru": "GRU"}
BET = {"lstm": "forget", "gru": "update"}
"""The gate that the claim bets on."""
GUESSING = {"recall": 100 / 8, "registers": 100 / 4, "mnist1d": 100 / 10, "characters": 0.0}
"""Points of a guess."""
FULL = 100.0
"""Every answer right; of characters, as good as the n-gram."""
CEILING = 99.0
"""Points from which on a run counts as having solved its task; characters have no ceiling."""
WORKS = 0.5
"""Share of the way from guessing to `FULL` that a whole cell must have come for its losses to tell anything."""
PAIR = ["task", "cell", "steps", "seed"]
"""What a changed cell and its whole cell have in common."""
NAMES = {
    **TASK_NAMES,
    **{name: f"{CELL_NAMES[cell_of(name)]}, {VARIANTS[name].label}" for name in VARIANTS if name not in GATES},
    **{cell: f"whole {name}" for cell, name in CELL_NAMES.items()},
}
"""Values of the columns that a figure is told by, as they are told."""


def anchors(baselines: pd.DataFrame) -> tuple[float, float]:
    """Bits per character of the letter frequencies alone, and of the longest n-gram."""
    bits = baselines.sort_values("order")["bits"]
    return float(bits.iloc[0]), float(bits.iloc[-1])


def scored(runs: pd.DataFrame, ends: tuple[float, float]) -> pd.DataFrame:
    """The runs with their `cell` and their `points`.

    Points are right answers in %; of characters the share in % of the way from the letter frequencies to the n-gram.
    """
    plain, best = ends
    bits = runs["bits"].astype(float).where(~runs["diverged"].astype(bool), plain).fillna(plain)
    points = np.where(runs["task"] == "characters", 100 * (plain - bits) / (plain - best), 100 * _right(runs))
    return runs.assign(cell=[cell_of(each) for each in runs["variant"]], points=points)


def _right(runs: pd.DataFrame) -> np.ndarray:
    return runs["accuracy"].astype(float).fillna(0.0).to_numpy()


def losses(table: pd.DataFrame) -> pd.DataFrame:
    """What every changed cell lacks against its whole cell of the same task, budget and seed: `loss`, in points."""
    changed = table["variant"] != table["cell"]
    whole = table[~changed].drop_duplicates(PAIR).set_index(PAIR)["points"]
    rows = table[changed]
    keys = pd.MultiIndex.from_frame(rows[PAIR])
    found = rows.assign(loss=whole.reindex(keys).to_numpy() - rows["points"].to_numpy())
    columns = [*PAIR, "variant", "match", "loss", "points", "learning_rate", "width", "parameters"]
    return found[columns].dropna(subset="loss").reset_index(drop=True)


def pick(table: pd.DataFrame, **which: object) -> pd.DataFrame:
    """Rows with these values."""
    for name, value in which.items():
        table = table[table[name] == value]
    return table


def loss(lost: pd.DataFrame, task: str, variant: str, match: str = "width") -> Interval:
    """Points that a changed cell lacks against its whole cell, over seeds."""
    return mean_interval(pick(lost, task=task, variant=variant, match=match)["loss"])


def told(lost: pd.DataFrame, variant: str) -> dict[str, str]:
    """Points that a changed cell lacks, by task, for what a check rests on."""
    return {TASK_NAMES[task]: loss(lost, task, variant).signed() for task in TASKS}


def leads(lost: pd.DataFrame, match: str = "width") -> dict[tuple[str, str], np.ndarray]:
    """The claim's metric by seed: loss without the gate bet on, minus the largest loss without another, by cell and task.

    The other gate is the one whose loss is largest on average.
    """
    found = {}
    for cell, gates in GATES.items():
        for task in [each for each in TASKS if each in set(lost["task"])]:
            part = pick(lost, task=task, match=match)
            each = {
                gate: pick(part, variant=name).set_index("seed")["loss"].sort_index() for gate, name in gates.items()
            }
            bet = each.pop(BET[cell])
            found[cell, task] = (bet - max(each.values(), key=lambda values: values.mean())).to_numpy()
    return found


def idle(table: pd.DataFrame, cell: str, task: str) -> str:
    """Why a cell's losses on a task tell nothing; else empty."""
    part = pick(table, cell=cell, task=task, match="width")
    part = part[part["variant"].isin([cell, *GATES[cell].values()])]
    whole = pick(part, variant=cell)["points"].mean()
    if whole < GUESSING[task] + WORKS * (FULL - GUESSING[task]):
        return "the whole cell does not learn it"
    return "every run solved it" if task != "characters" and part["points"].min() >= CEILING else ""


def name(cell: str, task: str) -> str:
    """How a condition is called."""
    return f"{CELL_NAMES[cell]}, {TASK_NAMES[task]}"


def evidence(table: pd.DataFrame) -> dict[str, Evidence]:
    """Evidence on A4 by cell and task, paired by seed; `table` of `scored`, at one budget."""
    return {name(*key): weigh("A4", values, left_out=idle(table, *key)) for key, values in leads(losses(table)).items()}


def differ(table: pd.DataFrame, found: Mapping[str, Evidence]) -> float | None:
    """P that what counts in `found` is the same under all conditions; None where fewer than two count."""
    counted = [values for key, values in leads(losses(table)).items() if not found[name(*key)].left_out]
    return interaction(counted) if len(counted) > 1 else None


def ladders(table: pd.DataFrame) -> dict[str, Ladder]:
    """The claim's metric at each budget by condition; `table` of `scored`, at several budgets."""
    found: dict[str, dict[int, float]] = {}
    for steps, part in table.groupby("steps"):
        for key, values in leads(losses(part)).items():
            found.setdefault(name(*key), {})[int(str(steps))] = float(values.mean())
    return {each: Ladder(values, ledger()["A4"].margin) for each, values in found.items()}


def attacked(runs: Mapping[str, pd.DataFrame], ends: tuple[float, float]) -> dict[str, dict[str, Evidence]]:
    """Evidence under each attack."""
    return {attack: evidence(scored(given, ends)) for attack, given in runs.items()}


def most_missed(lost: pd.DataFrame, cell: str, task: str) -> str:
    """The gate of a cell without which most is lost on a task, on average."""
    return max(GATES[cell], key=lambda gate: loss(lost, task, GATES[cell][gate]).estimate)


def held(table: pd.DataFrame) -> pd.DataFrame:
    """Where the units of cells with a gate held keep it, one row a run: `held_low`, `held`, `held_high`."""
    rows = table[table["variant"].isin(HELD) & (table["match"] == "width")]
    columns = ["task", "cell", "variant", "seed", "held_low", "held", "held_high"]
    return rows[columns].astype({each: float for each in columns[4:]}).reset_index(drop=True)


def diverged(table: pd.DataFrame) -> dict[str, int]:
    """Runs that diverged, by cell."""
    return {CELL_NAMES[cell]: int(pick(table, cell=cell)["diverged"].astype(bool).sum()) for cell in GATES}
