"""From the runs of the chapter *architecture/ablation* to its tables, its verdict and what is checked."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from IPython.display import Markdown

from evidence.format import NBSP
from evidence.significance import interaction
from evidence.statistics import Interval, mean_interval
from evidence.tuning import Tuned
from evidence.verdicts import Evidence, weigh
from experiments.ablation.runs import TASKS
from gatedrnn.models import count_parameters
from gatedrnn.variants import VARIANTS, Ablated

TASK_NAMES = {"recall": "recall", "mnist1d": "MNIST-1D"}
GATES = {
    "lstm": {"input": "lstm_no_input", "forget": "lstm_no_forget", "output": "lstm_no_output"},
    "gru": {"reset": "gru_no_reset", "update": "gru_no_update"},
}
BET = {"lstm": "forget", "gru": "update"}
SHOWN = {name: each for name, each in VARIANTS.items() if not each.constant}
"""The variants that the chapter compares."""
NAMES = TASK_NAMES | {
    name: f"{each.cell.upper()}, {'whole' if name == each.cell else each.label}" for name, each in VARIANTS.items()
}
"""Tasks and variants as they are printed."""


def changes(runs: pd.DataFrame) -> pd.DataFrame:
    """Accuracy of each ablated run minus that of the whole cell with the same task and seed, in points.

    Args:
        runs: rows of the sweep, of `match` `width` and `parameters`.

    Returns:
        One row a run of an ablated cell.
    """
    rows = runs.assign(cell=runs["variant"].map(lambda name: VARIANTS[name].cell))
    whole = rows[rows["variant"] == rows["cell"]].set_index(["task", "cell", "seed"])["accuracy"]
    rows = rows[rows["variant"] != rows["cell"]].copy()
    keys = pd.MultiIndex.from_frame(rows[["task", "cell", "seed"]])
    rows["change"] = 100 * (rows["accuracy"].to_numpy() - whole.loc[keys].to_numpy())
    columns = ["task", "cell", "variant", "match", "seed", "accuracy", "change", "parameters", "width", "learning_rate"]
    return rows[columns].reset_index(drop=True)


def change(table: pd.DataFrame, task: str, variant: str, match: str = "width") -> pd.Series:
    """Changes of one variant on one task, by seed."""
    part = table[(table["task"] == task) & (table["variant"] == variant) & (table["match"] == match)]
    return part.set_index("seed")["change"].sort_index()


def evidence(table: pd.DataFrame, match: str = "width") -> dict[str, Evidence]:
    """Evidence on claim A4 by cell and task: loss without the gate bet on, minus the largest loss without another.

    The other gate is the one whose removal costs most on average. Differences are paired by seed; the exact
    sign-flip test is against the margin of the ledger.
    """
    return {name: weigh("A4", values) for name, values in leads(table, match).items()}


def differ(table: pd.DataFrame) -> float:
    """P that what `evidence` weighs is the same under all conditions."""
    return interaction(list(leads(table).values()))


def leads(table: pd.DataFrame, match: str = "width") -> dict[str, np.ndarray]:
    """What `evidence` weighs, by seed."""
    found = {}
    for cell, gates in GATES.items():
        for task in TASKS:
            losses = {gate: -change(table, task, variant, match) for gate, variant in gates.items()}
            bet = losses.pop(BET[cell])
            other = min(losses.values(), key=lambda loss: -loss.mean())
            found[f"{cell.upper()}, {TASK_NAMES[task]}"] = (bet - other).to_numpy()
    return found


def loss(table: pd.DataFrame, task: str, variant: str, match: str = "width") -> Interval:
    """Points of accuracy that a variant lacks against the whole cell."""
    return mean_interval(-change(table, task, variant, match))


def gains(runs: pd.DataFrame, second: pd.DataFrame) -> dict[str, Interval]:
    """What another first bias is worth, by task: accuracy of `second` minus that of `runs` at equal seeds, in points."""
    rows, found = runs[runs["match"] == "width"].set_index(["task", "variant", "seed"])["accuracy"], {}
    for task, part in second.groupby("task", sort=False):
        keys = pd.MultiIndex.from_frame(part[["task", "variant", "seed"]])
        found[str(task)] = mean_interval(100 * (part["accuracy"].to_numpy() - rows.loc[keys].to_numpy()))
    return found


def rise(runs: pd.DataFrame, task: str, variant: str) -> float:
    """Points by which the mean accuracy of a variant rose over the last quarter of its steps, at equal width."""
    part = runs[(runs["task"] == task) & (runs["variant"] == variant) & (runs["match"] == "width")]
    curves = [100 * np.array(each["accuracy"]) for each in part["curves"]]
    return float(np.mean([values[-1] - values[-1 - max(1, len(values) // 4)] for values in curves]))


def second_grid(tuned: Tuned, fixed: dict[str, Any], budget: dict[str, dict[str, int]]) -> list[dict[str, Any]]:
    """The two surprising cells again with another first bias, at the learning rates they were tuned to."""
    again = [("recall", "lstm", 3.0), ("mnist1d", "lstm_no_input", 0.0)]
    return [
        {
            **fixed,
            "task": task,
            "variant": variant,
            "bias": bias,
            **budget[task],
            "held_out": "test",
            "learning_rate": tuned.rate(task=task, variant=variant),
        }
        for task, variant, bias in again
    ]


def variant_table(hidden_size: int) -> Markdown:
    """The variants with their equation and parameters at equal width, for MNIST-1D, as a Markdown table."""
    changed = {"i": "$i_t = 1$", "f": "$f_t = 1$", "o": "$o_t = 1$", "r": "$r_t = 1$", "z": "$z_t = 0$"}
    lines = ["| cell | what changes | learned numbers in the cell |", "|---|---|--:|"]
    for name, variant in SHOWN.items():
        what = "$f_t = 1 - i_t$" if variant.opposite else "".join(changed[gate] for gate in variant.frozen) or "nothing"
        count = count_parameters(Ablated(name, 2, hidden_size))
        lines.append(f"| {NAMES[name]} | {what} | {count:,} |")
    return Markdown("\n".join(lines))


def result_table(runs: pd.DataFrame, task: str) -> Markdown:
    """Means and deviations over seeds on one task, a line a variant, as a Markdown table."""
    solved = "solved | " if task == "recall" else ""
    lines = [
        f"| variant | rate | accuracy, equal width, % | equal parameters, % | {solved}steps | clipped |",
        "|---|--:|--:|--:|" + ("--:|" if solved else "") + "--:|--:|",
    ]
    rows = runs[runs["task"] == task]
    for variant in SHOWN:
        part = rows[(rows["variant"] == variant) & (rows["match"] == "width")]
        wider = rows[(rows["variant"] == variant) & (rows["match"] == "parameters")]
        cells = [
            NAMES[variant].replace(" ", NBSP),
            f"{part['learning_rate'].iloc[0]:g}",
            _spread(part),
            _spread(wider) if len(wider) else "the same",
            *([f"{int(part['solved_at'].notna().sum())}/{len(part)}"] if solved else []),
            f"{part['steps_taken'].mean():.0f}",
            f"{100 * part['clipped'].mean():.0f}{NBSP}%",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return Markdown("\n".join(lines))


def _spread(part: pd.DataFrame) -> str:
    return f"{100 * part['accuracy'].mean():.1f}{NBSP}±{NBSP}{100 * part['accuracy'].std():.1f}"
