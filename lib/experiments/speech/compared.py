"""What this chapter hands over for the table of the page *verdicts*."""

from __future__ import annotations

import pandas as pd

from evidence.comparisons import GATED, Comparison, gap_text, values_of
from experiments.speech import analysis


def comparisons(runs: pd.DataFrame, early: pd.DataFrame, plain: pd.DataFrame) -> list[Comparison]:
    """The comparisons of this chapter: digit strings in both reading directions, and Japanese vowels."""
    found = []
    others = [(name, analysis.errors(runs, name, 1, "parameters").mean()) for name in analysis.PLAIN]
    name, value = min(others, key=lambda each: each[1])
    for directions, way in analysis.WAYS.items():
        lstm, gru = (analysis.errors(runs, cell, directions, "width") for cell in GATED)
        task, unit = f"synthetic digit strings, cells reading in {way}", "% of labels wrong"
        values = values_of(value, lstm, gru)
        found.append(Comparison(task, unit, True, 1, analysis.PLAIN[name], values, gap_text(lstm, gru, 1), ["U2"]))
    heard = [early[early["cell"] == cell].set_index("seed")["curves"].sort_index() for cell in GATED]
    lstm, gru = (each.map(lambda curves: 100 * curves["heard"][-1]).astype(float) for each in heard)
    ends = plain[plain["frames"] == plain["frames"].max()].set_index("kind")["accuracy"]
    which = {"mean": "regression on the mean", "static": "regression on mean, deviation, first and last frame"}
    values, best = values_of(100 * ends.max(), lstm, gru), which[str(ends.idxmax())]
    task, unit = "the speaker of a Japanese vowel", "% right"
    found.append(Comparison(task, unit, False, 1, best, values, gap_text(lstm, gru, 1), ["U2"]))
    return found
