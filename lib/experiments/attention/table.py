"""The table of the chapter *outlook/attention*."""

from __future__ import annotations

import pandas as pd
from IPython.display import Markdown

from evidence.format import NBSP
from experiments.attention.analysis import NAMES, TASK_NAMES
from experiments.attention.grids import plain_start

HEADS = ("task", "model", "equal", "steps", "score", "units", "parameters", "kept", "start", "rate", "cut", "diverged")


def result_table(table: pd.DataFrame) -> Markdown:
    """A line a task, model, width and budget: mean score ± its spread over seeds, and what the model was given."""
    lines = [f"| {' | '.join(HEADS)} |", "|---|---|---|" + "--:|" * 5 + "---|" + "--:|" * 3]
    keys = ["task", "cell", "attention", "match", "steps"]
    for (task, cell, attention, match, steps), rows in table.groupby(keys, sort=False):
        model = NAMES[cell] if attention == "none" else f"{NAMES[cell]} + {NAMES[attention]}"
        first = rows.iloc[0]
        score = f"{rows['score'].mean():.1f}{NBSP}±{NBSP}{rows['score'].std():.1f}".replace("-", "−")
        given = [f"{steps:,}", score, str(first["width"]), f"{first['parameters']:,}", size(first["kept"])]
        given += [plain_start(first["start"]), f"{first['learning_rate']:g}"]
        given += [f"{100 * rows['clipped'].mean():.0f}{NBSP}%", str(int(rows["diverged"].sum()))]
        lines.append(f"| {' | '.join([TASK_NAMES[task], model, match, *given])} |")
    return Markdown("\n".join(lines))


def size(count: float) -> str:
    """Bytes as a reader takes them in, such as `256 bytes` or `64 KiB`."""
    if count < 1024:
        return f"{count:.0f}{NBSP}bytes"
    return f"{count / 1024:.{0 if count >= 10240 else 1}f}{NBSP}KiB"
