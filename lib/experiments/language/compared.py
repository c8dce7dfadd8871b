"""What this chapter hands over for the table of the page *verdicts*."""

from __future__ import annotations

import pandas as pd

from evidence.comparisons import GATED, Comparison, values_of
from experiments.language import analysis


def comparisons(runs: pd.DataFrame, baselines: pd.DataFrame) -> list[Comparison]:
    """The comparisons of this chapter."""
    name, value = analysis.strongest(baselines)
    lstm, gru = (analysis.bits(runs, cell) for cell in GATED)
    gap = analysis.gap(runs).signed(3)
    text = "the next character of the King James Bible"
    return [Comparison(text, "bits per character", True, 2, name, values_of(value, lstm, gru), gap, ["U1", "U5"])]
