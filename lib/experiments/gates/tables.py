"""Tables of the chapter *memory/gates*."""

from __future__ import annotations

import pandas as pd
from IPython.display import Markdown

from evidence.figures import LABELS
from evidence.format import NBSP
from experiments.gates.analysis import ARMS, LONG, SHORT, Frames, gap, rows
from experiments.gates.look import TIMES


def result_table(frames: Frames, beside: pd.DataFrame | None = None) -> Markdown:
    """A line an arm under each condition: what it had, and means over seeds of what it reached; then one for each other cell.

    Args:
        beside: runs of cells that are no arm.
    """
    heads = ["cell", "condition", "seeds", "width", "parameters", "learning rate", "bits per character"]
    heads += ["bits for each `]`", f"units above {LONG} characters", "diverged"]
    parts = [(label, name, rows(frame, arm)) for name, frame in frames.items() for arm, (*_, label) in ARMS.items()]
    if beside is not None:
        parts += [
            (LABELS[str(cell)], f"{steps:,} steps", part) for (cell, steps), part in beside.groupby(["cell", "steps"])
        ]
    lines = [f"| {' | '.join(heads)} |", "|---|---|" + "--:|" * (len(heads) - 2)]
    for label, name, part in parts:
        if part.empty:
            continue
        long = 100 * part["curves"].map(lambda each: each["times"][TIMES.index(LONG)]).mean()
        first = part.iloc[0]
        had = [label, name, len(part), first["width"], f"{first['parameters']:,}", f"{first['learning_rate']:g}"]
        reached = [f"{part['bits'].mean():.3f}", f"{part['closing'].mean():.2f}", f"{long:.0f}{NBSP}%"]
        lines.append(f"| {' | '.join(map(str, [*had, *reached, int(part['diverged'].sum())]))} |")
    return Markdown("\n".join(lines))


def difference_table(table: pd.DataFrame) -> Markdown:
    """LSTM − another cell in the correlation with each label, with 95 % intervals over seeds."""
    columns = {
        "LSTM − GRU, c against h": ("memory", "gru"),
        "LSTM − GRU, h against h": ("shown", "gru"),
        "the same, GRU of equal parameters": ("shown", "gru-parameters"),
        "LSTM − LSTM with f = 1 − i, c against c": ("memory", "coupled"),
    }
    lines = [f"| label | {' | '.join(columns)} |", "|---|" + "--:|" * len(columns)]
    for label, name in SHORT.items():
        found = [gap(table, label, *each).signed(2).replace(", ", f",{NBSP}") for each in columns.values()]
        lines.append(f"| {name} | {' | '.join(found)} |")
    return Markdown("\n".join(lines))
