"""What this chapter hands over for the table of the page *verdicts*."""

from __future__ import annotations

import pandas as pd

from evidence.comparisons import GATED, Comparison, values_of
from experiments.music import analysis


def comparisons(runs: pd.DataFrame, best: pd.DataFrame) -> list[Comparison]:
    """The comparisons of this chapter: with each head."""
    papers = analysis.PUBLISHED
    parts = [
        f"LSTM {papers[name]['lstm']:.2f}, GRU {papers[name]['gru']:.2f} {{cite}}`{key}`"
        for name, key in (("Chung et al. 2014", "chung2014empirical"), ("Bai et al. 2018", "bai2018empirical"))
    ]
    tuned = " and ".join(f"{value:.2f}" for value in papers["Zakovskis et al. 2021, tuned"].values())
    printed = "; ".join([*parts, f"tuned {tuned} {{cite}}`zakovskis2021gates`"])
    found = []
    for head, words in (("keys", "each key by itself"), ("chord", "keys that know each other")):
        name, value = analysis.best_baseline(best, head)
        lstm, gru = (analysis.nll(runs, cell, head) for cell in GATED)
        values, unit, gap = values_of(value, lstm, gru), "NLL, nats a quarter note", analysis.gap(runs, head).signed(3)
        elsewhere = f"{printed} (their own split)" if head == "keys" else ""
        task = f"Bach's chorales, {words}"
        found.append(Comparison(task, unit, True, 2, name, values, gap, ["U5"], elsewhere))
    return found
