"""From the runs of the chapter *applications/music* to grids, tables and verdicts."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from evidence.figures import LABELS
from evidence.statistics import Interval, paired_difference
from evidence.tuning import Tuned
from evidence.verdicts import Evidence, weigh
from experiments.music import chords
from experiments.music.runs import CELLS, HEADS
from tasks import chorales

GATED = ("lstm", "gru")
MATCHES = ("width", "parameters")
PUBLISHED = {
    "Chung et al. 2014": {"lstm": 8.67, "gru": 8.54},
    "Bai et al. 2018": {"lstm": 8.45, "gru": 8.43, "rnn": 8.91, "other": 8.10},
    "Zakovskis et al. 2021, tuned": {"any": 8.33, "any too": 8.20},
}
"""NLL in nats a quarter note as printed in the papers, on another split; `other` is a convolutional network."""
PRINTED = {paper: each["lstm"] - each["gru"] for paper, each in PUBLISHED.items() if {*GATED} <= {*each}}
"""Of the papers that compare the cells: LSTM − GRU."""
BASELINES = {
    "key frequencies": ("counts", "keys"),
    "regression": ("regression", "keys"),
    "chord n-gram": ("counts", "chord"),
    "regression, keys below": ("regression", "chord"),
    "n-gram over regression": ("both", "chord"),
}
"""Name → kind of `experiments.music.baseline`, and the head that a recurrent model needs to know as much."""
FIRST = "regression"
"""What a practitioner would try first: a regression of every key on the chords before."""
TWIN = 0.5
"""A test chorale that shares more than this part of its runs of four chords with a training one is called its twin."""


def cases(budget: dict[str, Any]) -> list[dict[str, Any]]:
    """Every cell with every head: what gets a learning rate of its own."""
    return [{"cell": cell, "head": head, **budget} for head in HEADS for cell in CELLS]


def points(given: list[dict[str, Any]], tuned: Tuned) -> list[dict[str, Any]]:
    """The cases at their chosen rates; the GRU also at equal parameters. Only the chord head at equal width is looked into."""
    found = []
    for case in given:
        rated = {**case, "learning_rate": tuned.rate(cell=case["cell"], head=case["head"])}
        found.append({**rated, "match": "width", "look": case["head"] == "chord"})
        if case["cell"] == "gru":
            found.append({**rated, "match": "parameters", "look": False})
    return found


def longer(given: list[dict[str, Any]], tuned: Tuned, steps: int) -> list[dict[str, Any]]:
    """The gated cells with the chord head at equal width and the same rates, for more steps."""
    return [
        {**case, "match": "width", "learning_rate": tuned.rate(cell=case["cell"], head="chord"), "steps": steps}
        for case in given
        if case["head"] == "chord" and case["cell"] in GATED
    ]


def baseline_grid(frames: list[int], penalties: list[float], orders: list[int]) -> list[dict[str, Any]]:
    """Counts of every order, and regressions of every window and penalty; below a bigram those of the middle penalty."""
    plain = {"frames": 0, "penalty": 0.0, "together": False}
    grid = [{"kind": "counts", "order": order, **plain} for order in orders]
    fits = [{"frames": width, "penalty": penalty} for width in frames for penalty in penalties]
    grid += [{"kind": "regression", "order": 0, **fit, "together": each} for each in (False, True) for fit in fits]
    middle = sorted(penalties)[len(penalties) // 2]
    below = [fit for fit in fits if fit["penalty"] == middle]
    return [*grid, *({"kind": "both", "order": 2, **fit, "together": True} for fit in below)]


def chosen(baselines: pd.DataFrame) -> pd.DataFrame:
    """The best of each kind of baseline on validation data, by the names of `BASELINES`; columns as the runs'."""
    known = {"validation": np.nan, "test": chorales.unigram(), "parameters": chorales.KEYS}
    rows = {"key frequencies": pd.Series(known)}
    for name, (kind, head) in list(BASELINES.items())[1:]:
        fits = baselines["together"] == (head == "chord") if kind == "regression" else True
        part = baselines[(baselines["kind"] == kind) & fits]
        rows[name] = part.loc[part["validation"].idxmin()]
    return pd.DataFrame(rows).T.rename_axis("baseline")


def select(runs: pd.DataFrame, cell: str, head: str, match: str = "width") -> pd.DataFrame:
    """Runs of one cell and head, by seed; only the GRU has two sizes."""
    match = "width" if cell != "gru" else match
    part = runs[(runs["cell"] == cell) & (runs["head"] == head) & (runs["match"] == match)]
    return part.set_index("seed").sort_index()


def nll(runs: pd.DataFrame, cell: str, head: str, match: str = "width") -> pd.Series:
    """Test NLL in nats a quarter note, by seed."""
    return select(runs, cell, head, match)["test"]


def gap(runs: pd.DataFrame, head: str, match: str = "width") -> Interval:
    """LSTM − GRU, paired by seed, in nats: below zero the LSTM is better."""
    return paired_difference(nll(runs, "lstm", head), nll(runs, "gru", head, match))


def best_baseline(best: pd.DataFrame, head: str | None = None) -> tuple[str, float]:
    """The strongest baseline on validation data (of one head), and its test NLL."""
    names = [name for name, (_, its) in list(BASELINES.items())[1:] if head in (None, its)]
    name = best.loc[names, "validation"].astype(float).idxmin()
    return str(name), float(best.loc[name, "test"])


def evidence(runs: pd.DataFrame, best: pd.DataFrame) -> dict[str, Evidence]:
    """Claim U5: the cells with the head that validates better for them, against what one would try first."""
    against = best.loc[FIRST, "test"]
    found = {}
    for cell in GATED:
        head = min(HEADS, key=lambda each, cell=cell: select(runs, cell, each)["validation"].mean())  # type: ignore[misc]
        found[f"music: {LABELS[cell]}"] = weigh("U5", 1 - nll(runs, cell, head) / against)
    return found


def context_table(runs: pd.DataFrame) -> pd.DataFrame:
    """One row a run and number of frames seen: `cell`, `seed`, `frames` (0 is all of the past), `nll`."""
    parts = []
    for run in runs[runs["look"]].to_dict("records"):
        frames, values = [*run["curves"]["context"], 0], [*run["curves"]["shortened"], run["test"]]
        parts.append(pd.DataFrame({"frames": frames, "nll": values}).assign(cell=run["cell"], seed=run["seed"]))
    return pd.concat(parts, ignore_index=True)


def twins() -> list[int]:
    """Places of the test chorales that have a twin among the training ones."""
    data = chorales.load()
    shares = chords.shared(data["test"], data["train"])
    return [place for place, share in enumerate(shares) if share > TWIN]


def without(pieces: list[float], left_out: list[int]) -> float:
    """NLL of the test part from the NLL of its pieces, without some of them."""
    lengths = [0 if at in left_out else len(piece) for at, piece in enumerate(chorales.load()["test"])]
    return float(np.average(pieces, weights=lengths))


def ranking(runs: pd.DataFrame, best: pd.DataFrame, left_out: list[int]) -> list[str]:
    """The cells with the chord head and the strongest baseline, the best first, without some test chorales."""
    name, _ = best_baseline(best)
    pieces = {cell: _pieces(select(runs, cell, "chord")) for cell in GATED}
    pieces[name] = best.loc[name, "curves"]["pieces"]
    return sorted(pieces, key=lambda each: without(pieces[each], left_out))


def _pieces(runs: pd.DataFrame) -> list[float]:
    """Mean NLL of each test chorale over the runs that did not diverge."""
    return list(np.mean([each["pieces"] for each in runs["curves"] if each["pieces"]], axis=0))


def continuations(runs: pd.DataFrame, given: list[list[int]]) -> dict[str, list[list[int]]]:
    """The opening and what each gated cell with the chord head drew after it, by the cell's name; first seed."""
    return {LABELS[cell]: [*given, *select(runs, cell, "chord")["curves"].iloc[0]["notes"]] for cell in GATED}


def roll_table(rolls: dict[str, list[list[int]]]) -> pd.DataFrame:
    """One row a quarter note and key that sounds: `writer`, `quarter`, `midi`."""
    found = [(name, at, key) for name, frames in rolls.items() for at, frame in enumerate(frames) for key in frame]
    table = pd.DataFrame(found, columns=["writer", "quarter", "midi"])
    return table.assign(midi=table["midi"] + chorales.LOWEST)
