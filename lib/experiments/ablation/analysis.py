"""From the runs of the chapter *architecture/ablation* to its tables and its verdict."""

from __future__ import annotations

from typing import Any

import pandas as pd
from IPython.display import Markdown

from evidence.format import NBSP
from evidence.statistics import Interval, bootstrap, sign_flip
from evidence.tuning import Tuned
from evidence.verdicts import CONTRADICTED, SUPPORTED, Evidence, Verdict, ledger
from experiments.ablation.runs import TASKS
from gatedrnn.models import count_parameters
from gatedrnn.variants import VARIANTS, Ablated

TASK_NAMES = {"recall": "recall", "mnist1d": "MNIST-1D"}
GATES = {
    "lstm": {"input": "lstm_no_input", "forget": "lstm_no_forget", "output": "lstm_no_output"},
    "gru": {"reset": "gru_no_reset", "update": "gru_no_update"},
}
BET = {"lstm": "forget", "gru": "update"}


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
    found = {}
    for cell, gates in GATES.items():
        for task in TASKS:
            losses = {gate: -change(table, task, variant, match) for gate, variant in gates.items()}
            bet = losses.pop(BET[cell])
            other = min(losses.values(), key=lambda loss: -loss.mean())
            difference = (bet - other).to_numpy()
            p = sign_flip(difference, ledger()["A4"].margin)
            found[f"{cell.upper()}, {TASK_NAMES[task]}"] = Evidence(bootstrap(difference), p)
    return found


def factor(strata: dict[str, str]) -> str:
    """What tells the conditions apart: `cell`, `task` or both, from the words by `CELL, task`."""
    for place, name in enumerate(("the cell", "the task")):
        groups: dict[str, set[str]] = {}
        for key, word in strata.items():
            groups.setdefault(key.split(", ")[place], set()).add(word)
        if all(len(words) == 1 for words in groups.values()):
            return name
    return "the cell and the task"


def sentence(verdict: Verdict) -> str:
    """What the verdict says to a reader who has to choose."""
    words = {CONTRADICTED: "is not the one missed most", SUPPORTED: "is the one missed most"}
    parts = []
    for cell in GATES:
        by_word: dict[str, list[str]] = {}
        for stratum in verdict.strata:
            if stratum.name.startswith(cell.upper()):
                by_word.setdefault(stratum.word, []).append(stratum.name.split(", ")[1])
        said = [
            f"{words.get(word, 'cannot be told from the others')} on {' and '.join(on)}" for word, on in by_word.items()
        ]
        parts.append(f"the {BET[cell]} gate of the {cell.upper()} " + ", and ".join(said))
    text = "; ".join(parts) + "."
    return text[0].upper() + text[1:]


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
    lines = ["| cell | variant | what changes | learned numbers in the cell |", "|---|---|---|---|"]
    for name, variant in VARIANTS.items():
        what = "$f_t = 1 - i_t$" if variant.opposite else "".join(changed[gate] for gate in variant.frozen) or "nothing"
        count = count_parameters(Ablated(name, 2, hidden_size))
        label = "whole" if name == variant.cell else variant.label
        lines.append(f"| {variant.cell.upper()} | {label} | {what} | {count:,} |")
    return Markdown("\n".join(lines))


def result_table(runs: pd.DataFrame, task: str) -> Markdown:
    """Means and deviations over seeds on one task, a line a variant, as a Markdown table."""
    solved = "solved | " if task == "recall" else ""
    lines = [
        f"| variant | rate | accuracy, equal width, % | equal parameters, % | {solved}steps | clipped |",
        "|---|--:|--:|--:|" + ("--:|" if solved else "") + "--:|--:|",
    ]
    rows = runs[runs["task"] == task]
    for variant in VARIANTS:
        part = rows[(rows["variant"] == variant) & (rows["match"] == "width")]
        wider = rows[(rows["variant"] == variant) & (rows["match"] == "parameters")]
        name = (
            f"whole {variant.upper()}" if variant in GATES else f"{VARIANTS[variant].cell.upper()}, {_short(variant)}"
        )
        cells = [
            name.replace(" ", NBSP),
            f"{part['learning_rate'].iloc[0]:g}",
            _spread(part),
            _spread(wider) if len(wider) else "the same",
            *([f"{int(part['solved_at'].notna().sum())}/{len(part)}"] if solved else []),
            f"{part['steps_taken'].mean():.0f}",
            f"{100 * part['clipped'].mean():.0f}{NBSP}%",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return Markdown("\n".join(lines))


def points_text(interval: Interval) -> str:
    """A change in points, such as `−12 [−15, −9] points`."""
    return f"{interval.signed(0)} points".replace(", ", f",{NBSP}")


def _spread(part: pd.DataFrame) -> str:
    return f"{100 * part['accuracy'].mean():.1f}{NBSP}±{NBSP}{100 * part['accuracy'].std():.1f}"


def _short(variant: str) -> str:
    return VARIANTS[variant].label.split(", ")[-1]
