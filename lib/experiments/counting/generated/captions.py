"""Captions and descriptions of the figures of the chapter *memory/counting*, from its runs."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from evidence.figures import LABELS
from evidence.tuning import Tuned
from experiments.counting.analysis import LANGUAGES
from experiments.counting.generated.words import fails


def horizon_caption(runs: pd.DataFrame, seeds: int) -> str:
    """Caption of the headline figure."""
    longest, tested, failed = int(runs["longest"].iloc[0]), int(runs["tested"].iloc[0]), ~runs["censored"]
    never = f"Triangles at the dashed line never failed: {int((~failed).sum())} of {len(runs)} runs."
    if failed.all():
        never = f"All {len(runs)} runs failed at some n."
    return (
        f"The counting horizon: n of the shortest string with a wrong letter, for networks trained on n ≤ {longest} (shaded) and "
        f"tested on every n up to {tested} (dashed). {seeds} seeds, every one a dot; bars are medians. {never} Hollow: as many "
        "parameters as the LSTM. Right: seeds that learned the whole training range. Crosses: tables that look up what followed "
        "the last letters in the same strings; the number at a cross says how many letters they see."
    )


def horizon_alt(runs: pd.DataFrame) -> str:
    """The headline figure in words."""
    parts = []
    for (language, cell, match), part in runs.groupby(["language", "cell", "match"], sort=False):
        held = "" if match == "width" else ", equal parameters"
        parts.append(f"{LANGUAGES[language]}, {LABELS[cell]}{held}: {fails(part)}")
    return "Dots of the first failing n on a log scale. Median and range: " + "; ".join(parts) + "."


def counters_caption(traces: pd.DataFrame, longest: int) -> str:
    """Caption of the figure of counting units."""
    return (
        f"What each cell counts with on aⁿbⁿ: the unit that follows the count best, in the run whose horizon is the median of "
        f"its cell, turned so that it rises in the first half. Dots: the last letter a. Solid: n in the training range "
        f"(≤ {longest}); dashed: beyond it. A counter climbs in a straight line and comes back as far. The scales "
        "differ: c of an LSTM has no bound, h of a GRU lies between −1 and 1."
    )


def counters_alt(traces: pd.DataFrame) -> str:
    """The figure of counting units in words."""
    parts = []
    for (cell, shown), part in traces.groupby(["cell", "shown"], sort=False):
        turn = float(part.loc[part["step"] == shown, "memory"].iloc[0])
        parts.append(
            f"{LABELS[cell]}, n = {shown}: {turn:.2f} at the last a, {float(part['memory'].iloc[-1]):.2f} at the end"
        )
    return ("Lines of one unit over the letters read. " + "; ".join(parts) + ".").replace(" -", " −")


def training_alt(table: pd.DataFrame) -> str:
    """The figure of the horizon over training in words."""
    last = table[table["step"] == table.groupby("kind")["step"].transform("max")]
    found = last.groupby(["kind", "cell"], sort=False)["fails_at"].median()
    texts = [f"{kind}, {LABELS[cell]}: {value:g}" for (kind, cell), value in found.items()]
    return "Lines of the first failing n over training. Medians at the end: " + "; ".join(texts) + "."


def nesting_alt(curves: pd.DataFrame) -> str:
    """The figure of nesting in words."""
    part = curves[curves["match"] == "width"]
    found = 100 * part.groupby(["cell", "depth"], sort=False)["right"].median()
    depths = sorted(part["depth"].unique())
    chosen = [depth for depth in depths if depth % 4 == 0 or depth == depths[0]]
    texts = [
        f"{LABELS[cell]} " + ", ".join(f"{found[cell, depth]:.0f} % at {depth}" for depth in chosen)
        for cell in dict.fromkeys(part["cell"])
    ]
    return "Curves of right answers by nesting depth, medians: " + "; ".join(texts) + "."


def tuning_alt(tunings: Mapping[str, Tuned]) -> str:
    """The figure of tuning in words."""
    texts = []
    for name, tuned in tunings.items():
        rates = ", ".join(f"{LABELS[row.cell]} {row.learning_rate:g}" for row in tuned.best.itertuples())
        texts.append(f"{name}: {rates}")
    return "Misfit on the training range against learning rate; the rates chosen are, " + "; ".join(texts) + "."
