"""What this chapter hands over for the table of the page *verdicts*."""

from __future__ import annotations

import pandas as pd

from evidence.comparisons import GATED, Comparison, gap_text, values_of
from experiments.demand import analysis


def comparisons(runs: pd.DataFrame, base: pd.DataFrame, stepped: pd.DataFrame, every: pd.DataFrame) -> list[Comparison]:
    """The comparisons of this chapter: a day ahead, and one half-hour ahead."""
    kind = analysis.best(base)
    near = every[every["kind"].isin(["autoregression", "persistence"])].set_index("kind")["mae"]
    found = []
    for task, name, value, rows in (
        ("electricity demand, a day ahead", analysis.PLAIN[kind], base.loc[kind, "mae"], runs),
        ("electricity demand, half an hour ahead", str(near.idxmin()), near.min(), stepped),
    ):
        lstm, gru = (analysis.MEGAWATTS * analysis.part(rows, cell)["mae"] for cell in GATED)
        values = values_of(analysis.MEGAWATTS * value, lstm, gru)
        found.append(Comparison(task, "mean absolute error, MW", True, 1, name, values, gap_text(lstm, gru, 1), ["U5"]))
    return found
