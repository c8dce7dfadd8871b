"""Tables of the chapter *architecture/ablation*."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd
from IPython.display import Markdown

from evidence.format import NBSP
from experiments.ablation.analysis import CELL_NAMES, TASK_NAMES, pick
from experiments.ablation.figures import told
from experiments.ablation.plan import CHANGED, GATES, cell_of


def start_table(ranked: pd.DataFrame) -> Markdown:
    """The score of the whole cells in tuning from each start, a line a task and cell, the best first."""
    lines = ["| task | cell | starts of the whole cell, best first: score in tuning |", "|---|---|---|"]
    for (task, cell), rows in ranked.groupby(["task", "cell"], sort=False):
        starts = [f"{each['start']}:{NBSP}{each['score']:.3f}" for each in rows.to_dict("records")]
        lines.append(f"| {TASK_NAMES[str(task)]} | {CELL_NAMES[str(cell)]} | {', '.join(starts)} |")
    return Markdown("\n".join(lines))


def result_table(table: pd.DataFrame, wider: pd.DataFrame, tasks: Iterable[str]) -> Markdown:
    """Means and deviations over seeds, a line a task and variant.

    Args:
        table: of `analysis.scored`, the reported runs. wider: losses with as many parameters as the whole cell.
    """
    heads = [
        "task",
        "variant",
        "start, rate",
        "points",
        "numbers learned",
        "lost, equal parameters",
        "clipped",
        "diverged",
    ]
    lines = [f"| {' | '.join(heads)} |", "|---|---|---|--:|--:|--:|--:|--:|"]
    order = [each for cell in GATES for each in (cell, *(name for name in CHANGED if cell_of(name) == cell))]
    for task in tasks:
        for variant in order:
            part = pick(table, task=task, variant=variant, match="width")
            given = pick(wider, task=task, variant=variant, match="parameters")["loss"]
            cells = [
                TASK_NAMES[task],
                told(variant),
                f"{part['start'].iloc[0]}, {part['learning_rate'].iloc[0]:g}",
                f"{part['points'].mean():.1f}{NBSP}±{NBSP}{part['points'].std():.1f}",
                f"{part['parameters'].iloc[0]:,}",
                f"{given.mean():.1f}".replace("-", "−") if len(given) else "",
                f"{100 * part['clipped'].mean():.0f}{NBSP}%",
                str(int(part["diverged"].astype(bool).sum())),
            ]
            lines.append(f"| {' | '.join(cells)} |")
    return Markdown("\n".join(lines))
