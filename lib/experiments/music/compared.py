"""What this chapter hands over for the table of the page *verdicts*."""

from __future__ import annotations

import pandas as pd

from evidence.comparisons import GATED, Comparison, values_of
from experiments.music import analysis


def comparisons(runs: pd.DataFrame, best: pd.DataFrame) -> list[Comparison]:
    """The comparisons of this chapter: with each head."""
    cited = {"Chung et al. 2014": "chung2014empirical", "Bai et al. 2018": "bai2018empirical"}
    papers = {key: analysis.PUBLISHED[name] for name, key in cited.items()}
    parts = [f"LSTM {each['lstm']:.2f}, GRU {each['gru']:.2f} {{cite}}`{key}`" for key, each in papers.items()]
    tuned = " and ".join(f"{value:.2f}" for value in analysis.PUBLISHED["Zakovskis et al. 2021, tuned"].values())
    printed = "; ".join([*parts, f"tuned {tuned} {{cite}}`zakovskis2021gates`"]) + " (their own split)"
    found = []
    for head, words, elsewhere in (("keys", "each key by itself", printed), ("chord", "keys that know each other", "")):
        name, value = analysis.best_baseline(best, head)
        values = values_of(value, *(analysis.nll(runs, cell, head) for cell in GATED))
        task, gap = f"Bach's chorales, {words}", analysis.gap(runs, head).signed(3)
        found.append(Comparison(task, "NLL, nats a quarter note", True, 2, name, values, gap, ["U5"], elsewhere))
    return found
