"""What this chapter hands over for the table of the page *verdicts*."""

from __future__ import annotations

import pandas as pd

from evidence.comparisons import GATED, Comparison, gap_text, values_of
from experiments.streaming import analysis


def comparisons(runs: pd.DataFrame, base: pd.DataFrame) -> list[Comparison]:
    """The comparisons of this chapter."""
    kind = analysis.best(base)
    value = base.set_index("kind").loc[kind, "rmse"]
    lstm, gru = (analysis.part(runs, cell)["rmse"] for cell in GATED)
    task, unit = "glucose half an hour ahead, learned online", "RMSE, mg/dL"
    values, name = values_of(value, lstm, gru), analysis.PLAIN[kind]
    return [Comparison(task, unit, True, 2, name, values, gap_text(lstm, gru, 2), ["U3"])]
