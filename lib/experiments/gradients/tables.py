"""Tables of the chapter *memory/gradients*."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
from IPython.display import Markdown

from evidence.format import NBSP, power
from experiments.gradients.analysis import at, kind, name_of


def fresh_table(runs: pd.DataFrame, table: pd.DataFrame, lags: Sequence[int], delay: int) -> Markdown:
    """Median gain at fixed lags and half-life of fresh networks, by cell and start.

    Args:
        runs: looks at one delay. table: the same, of `analysis.long`.
    """
    heads = ["cell, start", *(f"{lag}{NBSP}steps" for lag in lags), "half-life of the gain"]
    lines = [f"| {' | '.join(heads)} |", "|---" + "|--:" * (len(lags) + 1) + "|"]
    gains = {lag: at(table, lag) for lag in lags}
    halves = runs.assign(start=runs["start"].map(kind)).groupby(["cell", "start"], sort=False)["half_life"].median()
    for (cell, start), half in halves.items():  # type: ignore[misc]
        shown = [power(float(gains[lag][cell, start])) for lag in lags]
        ended = f">{NBSP}{delay}" if half > delay else f"{half:.1f}"
        lines.append(f"| {' | '.join([name_of(cell, start), *shown, ended])} |")
    return Markdown("\n".join(lines))


def learner_table(table: pd.DataFrame) -> Markdown:
    """Solved runs, median steps, rate and diverged runs, by delay, cell and start."""
    heads = ["delay", "cell, start", "gain over it at the start", "rate", "solved", "median steps", "diverged"]
    lines = [f"| {' | '.join(heads)} |", "|--:|---" + "|--:" * (len(heads) - 2) + "|"]
    for (delay, cell, start), rows in table.groupby(["delay", "cell", "start"], sort=False):
        many = rows["solved"].mean() > 0.5
        steps = f"{rows['steps'].median():.0f}" if many else f">{NBSP}{rows['steps_allowed'].max():.0f}"
        counted = f"{rows['solved'].sum():.0f}/{len(rows)}"
        ended = f"{rows['diverged'].sum():.0f}"
        rate = f"{rows['learning_rate'].iloc[0]:g}"
        cells = [
            str(delay),
            name_of(str(cell), str(start)),
            power(float(rows["gain"].median())),
            rate,
            counted,
            steps,
            ended,
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return Markdown("\n".join(lines))
