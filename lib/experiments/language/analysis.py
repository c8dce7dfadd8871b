"""From the runs of the chapter *applications/language* to grids, tables and verdicts."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from evidence.figures import LABELS
from evidence.statistics import Interval, bootstrap, paired_bootstrap, sign_flip
from evidence.tuning import Tuned
from evidence.verdicts import Evidence, ledger
from experiments.language import words
from experiments.language.runs import CELLS
from tasks import kjv

GATED = ("lstm", "gru")
MATCHES = ("width", "parameters")
CLASSES = {"place": words.PLACES, "rarity": words.RARITIES, "gap": words.GAPS}


def points(budget: dict[str, Any], tuned: Tuned, temperatures: list[float]) -> list[dict[str, Any]]:
    """Every cell at its rate and equal width, looked into; and the GRU at equal parameters."""
    found = []
    for cell in CELLS:
        case = {"cell": cell, "learning_rate": tuned.rate(cell=cell), **budget}
        found.append({**case, "match": "width", "look": True, "temperatures": temperatures})
        if cell == "gru":
            found.append({**case, "match": "parameters"})
    return found


def longer(budget: dict[str, Any], tuned: Tuned, steps: int) -> list[dict[str, Any]]:
    """The gated cells at equal width for more steps, at half their rates: a constant rate for long is a smaller one."""
    given = {**budget, "steps": steps, "every": max(1, steps // 8), "match": "width"}
    return [{"cell": cell, "learning_rate": tuned.rate(cell=cell) / 2, **given} for cell in GATED]


def baseline_grid(highest: int, most: int, portions: list[int], lanes: int) -> list[dict[str, Any]]:
    """N-grams on the whole training text and on portions of it, and the two compressors."""
    shared = {"most": most, "lanes": lanes}
    counts = [{"kind": "ngram", "highest": highest, "characters": each, **shared} for each in (0, *portions)]
    return [*counts, *({"kind": kind, "highest": 0, "characters": 0, **shared} for kind in ("bz2", "lzma"))]


def ladders(baselines: pd.DataFrame) -> pd.DataFrame:
    """One row a model: `kind`, `order`, `characters` (0: all), `validation`, `test`, `parameters`.

    `attrs["whole"]` is the length of the training text.
    """
    rows = []
    for run in baselines.to_dict("records"):
        keys = {"kind": run["kind"], "characters": run["characters"]}
        if run["kind"] != "ngram":
            rows.append({**keys, "order": 0, "validation": np.nan, "test": run["test"], "parameters": np.nan})
            continue
        names = ("order", "validation", "test", "parameters")
        values = zip(*(run["curves"][name] for name in names), strict=True)
        rows += [{**keys, **dict(zip(names, each, strict=True))} for each in values]
    found = pd.DataFrame(rows)
    found.attrs["whole"] = min(len(kjv.split().train), int(baselines["most"].iloc[0]))
    return found


def counted(seconds: dict[int, float], baselines: pd.DataFrame) -> dict[int, tuple[float, float]]:
    """Order → seconds and validation bits of the n-grams on the whole training text, up to the best order."""
    whole = baselines[(baselines["kind"] == "ngram") & (baselines["characters"] == 0)].set_index("order")["validation"]
    best = int(best_order(baselines)["order"])
    return {order: (each, float(whole[order])) for order, each in seconds.items() if 1 < order <= best}


def portions(read: int) -> list[int]:
    """Amounts of text at which n-grams are counted too: all that a run reads, and a fifth and a 25th of it."""
    return [max(1, read // 25), max(1, read // 5), read]


def best_order(baselines: pd.DataFrame, characters: int = 0) -> pd.Series:
    """The n-gram with the best validation score after reading so many characters (0: all)."""
    part = baselines[(baselines["kind"] == "ngram") & (baselines["characters"] == characters)]
    return part.loc[part["validation"].astype(float).idxmin()]


def strongest(baselines: pd.DataFrame) -> tuple[str, float]:
    """The best model without recurrence: its name and bits per character on the test text."""
    whole = best_order(baselines)
    others = baselines[baselines["kind"] != "ngram"].set_index("kind")["test"].astype(float)
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
    return paired_bootstrap(bits(runs, "lstm"), bits(runs, "gru", match))


def evidence(runs: pd.DataFrame) -> dict[str, Evidence]:
    """Evidence on claim U1; the test is against the ledger's margin."""
    margin = ledger()["U1"].margin
    found = {}
    for match in MATCHES:
        p = sign_flip(bits(runs, "lstm") - bits(runs, "gru", match), margin)
        found[f"equal {match}"] = Evidence(gap(runs, match), p)
    return found


def skill(runs: pd.DataFrame, baselines: pd.DataFrame) -> dict[str, Evidence]:
    """Claim U5: 1 − bits ÷ bits of the strongest baseline, for both cells."""
    _, against = strongest(baselines)
    found = {}
    for cell in GATED:
        better = 1 - bits(runs, cell) / against
        found[f"language: {LABELS[cell]}"] = Evidence(bootstrap(better), sign_flip(better))
    return found


def curve_table(runs: pd.DataFrame, lanes: int, length: int) -> pd.DataFrame:
    """One row an evaluation of a run at equal width: `cell`, `seed`, `step`, `characters` read, `validation` bits."""
    rows = []
    for run in runs[runs["match"] == "width"].to_dict("records"):
        curves = run["curves"]
        for step, value in zip(curves["step"], curves["validation"], strict=True):
            keys = {"cell": run["cell"], "seed": run["seed"], "steps": run["steps"], "step": step}
            rows.append({**keys, "characters": step * lanes * length, "validation": value})
    return pd.DataFrame(rows)


def trend(long_runs: pd.DataFrame, cell: str) -> float:
    """Bits saved by the last doubling of the training, from the curve of the longer run."""
    curves = long_runs[long_runs["cell"] == cell]["curves"].iloc[0]
    half = curves["step"][-1] / 2
    return float(np.interp(half, curves["step"], curves["validation"]) - curves["validation"][-1])


def context_table(runs: pd.DataFrame) -> pd.DataFrame:
    """One row a run and length of the past: `cell`, `seed`, `characters`, `bits`."""
    rows = []
    for run in runs[runs["look"]].to_dict("records"):
        for characters, value in zip(run["curves"]["context"], run["curves"]["shortened"], strict=True):
            rows.append({"cell": run["cell"], "seed": run["seed"], "characters": characters, "bits": value})
    return pd.DataFrame(rows)


def class_table(runs: pd.DataFrame) -> pd.DataFrame:
    """One row a run and class of characters: `by` (place, rarity, gap), `kind`, `cell`, `seed`, `bits`."""
    rows = []
    for run in runs[runs["look"]].to_dict("records"):
        for by, names in CLASSES.items():
            for kind, value in zip(names, run["curves"][f"{by}_bits"], strict=True):
                if value is not None:
                    rows.append({"by": by, "kind": kind, "cell": run["cell"], "seed": run["seed"], "bits": value})
    return pd.DataFrame(rows)


def class_gap(table: pd.DataFrame, by: str, kind: str) -> Interval:
    """LSTM − GRU in bits on one class of characters, paired by seed."""
    part = table[(table["by"] == by) & (table["kind"] == kind)].pivot(index="seed", columns="cell", values="bits")
    return paired_bootstrap(part["lstm"], part["gru"])


def class_mean(table: pd.DataFrame, by: str, kind: str, cell: str) -> float:
    """Mean bits of a cell on one class of characters, over seeds."""
    part = table[(table["by"] == by) & (table["kind"] == kind) & (table["cell"] == cell)]
    return float(part["bits"].mean())
