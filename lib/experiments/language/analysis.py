"""From the runs of the chapter *applications/language* to grids, tables and verdicts."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from evidence.figures import LABELS
from evidence.statistics import Interval, paired_difference
from evidence.tuning import Tuned
from evidence.verdicts import Evidence, weigh
from experiments.language import words
from experiments.language.runs import CELLS
from tasks import kjv

GATED = ("lstm", "gru")
MATCHES = ("width", "parameters")
FIRST = 3
"""Order of the n-gram that a practitioner would try first."""
CLASSES = {"place": words.PLACES, "rarity": words.RARITIES, "gap": words.GAPS}


def points(budget: dict[str, Any], tuned: Tuned, temperatures: list[float]) -> list[dict[str, Any]]:
    """Every cell at its rate and equal width, looked into; and the GRU at equal parameters."""
    rates = {cell: {"cell": cell, "learning_rate": tuned.rate(cell=cell), **budget} for cell in CELLS}
    looked = [{**each, "match": "width", "look": True, "temperatures": temperatures} for each in rates.values()]
    return [*looked, {**rates["gru"], "match": "parameters"}]


def longer(budget: dict[str, Any], tuned: Tuned, steps: int) -> list[dict[str, Any]]:
    """The gated cells at equal width for more steps, at half their rates: a constant rate for long is a smaller one."""
    given = {**budget, "steps": steps, "every": max(1, steps // 8), "match": "width"}
    return [{"cell": cell, "learning_rate": tuned.rate(cell=cell) / 2, **given} for cell in GATED]


def baseline_grid(highest: int, most: int, read: int, lanes: int) -> list[dict[str, Any]]:
    """N-grams on the whole training text, on what a network has read, a fifth and a 25th of it; and the compressors."""
    shared = {"most": most, "lanes": lanes}
    portions = (0, max(1, read // 25), max(1, read // 5), read)
    counts = [{"kind": "ngram", "highest": highest, "characters": each, **shared} for each in portions]
    return [*counts, *({"kind": kind, "highest": 0, "characters": 0, **shared} for kind in ("bz2", "lzma"))]


def ladders(baselines: pd.DataFrame) -> pd.DataFrame:
    """One row a model: `kind`, `order`, `characters` (0: all), `validation`, `test`, `parameters`.

    `attrs["whole"]` is the length of the training text.
    """
    rows = []
    for run in baselines.to_dict("records"):
        alone = {"order": [0], "validation": [np.nan], "test": [run["test"]], "parameters": [np.nan]}
        curves = run["curves"] if run["kind"] == "ngram" else alone
        values = pd.DataFrame({name: curves[name] for name in alone})
        rows.append(values.assign(kind=run["kind"], characters=run["characters"]))
    found = pd.concat(rows, ignore_index=True)
    found.attrs["whole"] = min(len(kjv.split().train), int(baselines["most"].iloc[0]))
    return found


def counted(baselines: pd.DataFrame, characters: int = 0) -> pd.DataFrame:
    """The n-grams that have counted so many characters (0: all), by order."""
    part = baselines[(baselines["kind"] == "ngram") & (baselines["characters"] == characters)]
    return part.set_index("order", drop=False).rename_axis(None)


def best_order(baselines: pd.DataFrame, characters: int = 0) -> pd.Series:
    """The n-gram with the best validation score after reading so many characters (0: all)."""
    part = counted(baselines, characters)
    return part.loc[part["validation"].idxmin()]


def strongest(baselines: pd.DataFrame) -> tuple[str, float]:
    """The best model without recurrence: its name and bits per character on the test text."""
    whole = best_order(baselines)
    others = baselines[baselines["kind"] != "ngram"].set_index("kind")["test"]
    if others.min() < whole["test"]:
        return str(others.idxmin()), float(others.min())
    return f"{int(whole['order'])}-gram", float(whole["test"])


def bits(runs: pd.DataFrame, cell: str, match: str = "width") -> pd.Series:
    """Test bits per character by seed."""
    match = match if cell == "gru" else "width"
    part = runs[(runs["cell"] == cell) & (runs["match"] == match)]
    return part.set_index("seed")["test"].astype(float).sort_index()


def gap(runs: pd.DataFrame, match: str = "width") -> Interval:
    """LSTM − GRU in bits, paired by seed: below zero the LSTM is better."""
    return paired_difference(bits(runs, "lstm"), bits(runs, "gru", match))


def evidence(runs: pd.DataFrame) -> dict[str, Evidence]:
    """Evidence on claim U1; the test is against the ledger's margin."""
    return {f"equal {match}": weigh("U1", bits(runs, "lstm") - bits(runs, "gru", match)) for match in MATCHES}


def skill(runs: pd.DataFrame, baselines: pd.DataFrame) -> dict[str, Evidence]:
    """Claim U5: 1 − bits ÷ bits of the trigram, which is what one would try first, for both cells."""
    against = counted(baselines).loc[FIRST, "test"]
    return {f"language: {LABELS[cell]}": weigh("U5", 1 - bits(runs, cell) / against) for cell in GATED}


def unrolled(runs: pd.DataFrame, *names: str) -> pd.DataFrame:
    """One row a run and point of the curves with these names, which are its columns; beside `cell` and `seed`."""
    parts = [
        pd.DataFrame({name: run["curves"][name] for name in names}).assign(cell=run["cell"], seed=run["seed"])
        for run in runs.to_dict("records")
    ]
    return pd.concat(parts, ignore_index=True)


def context_table(runs: pd.DataFrame) -> pd.DataFrame:
    """One row a run and length of the past: `cell`, `seed`, `context` (characters shown), `shortened` (bits)."""
    return unrolled(runs[runs["look"]], "context", "shortened")


def class_table(runs: pd.DataFrame) -> pd.DataFrame:
    """One row a run and class of characters: `by` (place, rarity, gap), `kind`, `cell`, `seed`, `bits`."""
    parts = [unrolled(runs[runs["look"]], f"{by}_bits").rename(columns={f"{by}_bits": "bits"}) for by in CLASSES]
    for part, (by, names) in zip(parts, CLASSES.items(), strict=True):
        part["by"], part["kind"] = by, list(names) * (len(part) // len(names))
    return pd.concat(parts, ignore_index=True).dropna(subset="bits")


def class_means(runs: pd.DataFrame) -> pd.Series:
    """Mean bits of a class of characters over seeds, by kind and cell."""
    return class_table(runs).groupby(["kind", "cell"])["bits"].mean()
