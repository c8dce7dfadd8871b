"""What this chapter hands over for the table of the page *verdicts*."""

from __future__ import annotations

import pandas as pd

from evidence.comparisons import GATED, Comparison, gap_text, values_of
from experiments.sensors import analysis
from experiments.sensors.figures import KIND_NAMES

PRINTED = "ROCKET, learning from a fifth more: {} {{cite}}`dempster2020rocket`"
ROCKET = {"plaid": "90", "acsf1": "89"}
"""Test accuracy in percent that its authors list."""


def comparisons(runs: pd.DataFrame, base: pd.DataFrame, factors: dict[str, int]) -> list[Comparison]:
    """The comparisons of this chapter: each data set, at the factor of its longest sequences that the cells read.

    Args:
        runs: cells with their best starts. base: of all models without recurrence, with `kind`.
        factors: by data set.
    """
    found = []
    for data, factor in factors.items():
        rows = analysis.pick(runs, data=data, factor=factor, match="width")
        pool = analysis.means(rows, ["pool"]).idxmax()
        lstm, gru = (
            100 * analysis.pick(rows, pool=pool, cell=cell).set_index("seed")["accuracy"].sort_index() for cell in GATED
        )
        plain = analysis.means(analysis.pick(base, data=data, factor=factor), ["kind"])
        task = f"appliances by their current, {analysis.DATA_NAMES[data]}, {analysis.shortened(factor)}"
        values, name = values_of(plain.max(), lstm, gru), KIND_NAMES[str(plain.idxmax())]
        printed = PRINTED.format(ROCKET[data]) if factor == 1 else ""
        gap, claims = gap_text(lstm, gru, 1), ["M2", "P6"]
        found.append(Comparison(task, "% right", False, 1, name, values, gap, claims, printed))
    return found
