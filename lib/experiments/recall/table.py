"""The table of the chapter *memory/recall*."""

from __future__ import annotations

import pandas as pd
from IPython.display import Markdown

from evidence.figures import LABELS
from evidence.format import NBSP
from experiments.recall.analysis import cases, gated, name, pick


def result_table(table: pd.DataFrame) -> Markdown:
    """A line a task, start, cell and width: solved seeds and median steps by length, rates, clipped steps, diverged runs."""
    lengths = sorted(table["length"].unique())
    times = [f"T{NBSP}={NBSP}{each}" for each in lengths]
    heads = ["task, start", "cell, units", "rates", *times, "clipped", "diverged"]
    lines = [f"| {' | '.join(heads)} |", "|---|---|---" + "|--:" * (len(lengths) + 2) + "|"]
    for case in cases(cells=gated(table)):
        for _, rows in pick(table, **case).groupby("width"):
            rates = ", ".join(f"{each:g}" for each in rows.sort_values("length")["learning_rate"].unique())
            seen = [_seen(pick(rows, length=length)) for length in lengths]
            label = f"{case['task']}, {name(case['start'])}".replace("framework ", "")
            clipped = f"{100 * rows['clipped'].mean():.0f}{NBSP}%"
            cells = [label, f"{LABELS[case['cell']]}, {rows['width'].iloc[0]}", rates, *seen, clipped]
            cells.append(str(int(rows["diverged"].sum())))
            lines.append(f"| {' | '.join(cells)} |")
    return Markdown("\n".join(lines))


def _seen(rows: pd.DataFrame) -> str:
    """Such as `9/10 · 170`; steps are censored where half of the runs or more were not solved."""
    if rows.empty:
        return ""
    steps = f"{rows['steps'].median():.0f}" if rows["solved"].mean() > 0.5 else f">{rows['steps_allowed'].max()}"
    return f"{int(rows['solved'].sum())}/{len(rows)}{NBSP}·{NBSP}{steps}"
