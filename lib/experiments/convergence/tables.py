"""The table of the chapter *performance/convergence*, and what columns of its data mean."""

from __future__ import annotations

import numpy as np
import pandas as pd
from IPython.display import Markdown

from evidence.figures import LABELS
from evidence.format import NBSP
from experiments.convergence.analysis import CLOCKS, TASK_NAMES, scaled

MATCHES = {"width": "equal width", "parameters": "equal parameters"}
LAYERS = {"1": "one layer", "2": "two layers", "3": "three layers"}
NAMES = {**LABELS, **TASK_NAMES, **CLOCKS, **MATCHES, **LAYERS}
"""What columns hold → how it is told."""


def result_table(runs: pd.DataFrame, quick: pd.DataFrame, table: pd.DataFrame) -> Markdown:
    """A line a task, cell and size: what it had, where it ended, and how soon its seeds met the target.

    Args:
        runs: at the rates chosen for the end. quick: at those chosen for speed. table: of `times`, from `quick`.
    """
    heads = ["task", "cell", "width", "parameters", "rate for the end", "final quality, mean ± SD", "clipped there"]
    heads += ["rate for speed", "at the target", "median steps to it"]
    lines = [f"| {' | '.join(heads)} |", "|---|---|" + "--:|" * (len(heads) - 2)]
    keys = ["task", "cell", "match"]
    fast, times = quick.groupby(keys)["learning_rate"].first(), table.groupby(keys)
    for (task, cell, match), rows in runs.groupby(keys, sort=False):
        first, met = rows.iloc[0], times.get_group((task, cell, match))
        half = met["time"].where(met["reached"], np.inf).median()
        cells = [
            TASK_NAMES[task].replace("-", "\N{NON-BREAKING HYPHEN}"),
            LABELS[cell] if match == "width" else f"{LABELS[cell]}, {MATCHES[match]}",
            f"{first['width']}",
            f"{first['parameters']:,}",
            f"{first['learning_rate']:g}",
            quality(task, rows["quality"]),
            f"{100 * rows['clipped'].mean():.0f}{NBSP}%",
            f"{fast[task, cell, match]:g}",
            f"{met['reached'].sum()}/{len(met)}",
            f"{half:.0f}" if np.isfinite(half) else "censored",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return Markdown("\n".join(lines))


def quality(task: str, values: pd.Series) -> str:
    """Mean and standard deviation with their unit; one value where every seed has it."""
    digits, unit = (2, "nats") if task == "chorales" else (1, "%")
    shown = scaled(task, values)
    texts = [f"{each:.{digits}f}" for each in (shown.mean(), shown.std())]
    alike = len({f"{each:.{digits}f}" for each in shown}) == 1
    return (f"all {texts[0]} {unit}" if alike else f"{texts[0]} ± {texts[1]} {unit}").replace(" ", NBSP)
