"""From the runs of the chapter *applications/music* to grids, tables, numbers and verdicts."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from evidence.figures import LABELS
from evidence.statistics import Interval, bootstrap, paired_bootstrap, sign_flip
from evidence.tuning import Tuned
from evidence.verdicts import Evidence
from experiments.music import chords
from experiments.music.runs import CELLS, HEADS
from tasks import chorales

GATED = ("lstm", "gru")
PUBLISHED = {
    "Chung et al. 2014": {"lstm": 8.67, "gru": 8.54},
    "Bai et al. 2018": {"lstm": 8.45, "gru": 8.43, "rnn": 8.91, "other": 8.10},
    "Zakovskis et al. 2021, tuned": {"any": 8.33, "any too": 8.20},
}
"""NLL in nats a quarter note as printed in the papers, on another split; `other` is a convolutional network."""
BASELINES = {
    "key frequencies": ("counts", "keys"),
    "regression": ("regression", "keys"),
    "chord n-gram": ("counts", "chord"),
    "regression, keys below": ("regression", "chord"),
    "n-gram over regression": ("both", "chord"),
}
"""Name → kind of `experiments.music.baseline`, and the head that a recurrent model needs to know as much."""
TWIN = 0.5
"""A test chorale that shares more than this part of its runs of four chords with a training one is called its twin."""


def cases(budget: dict[str, Any]) -> list[dict[str, Any]]:
    """Every cell with every head: what gets a learning rate of its own."""
    return [{"cell": cell, "head": head, **budget} for head in HEADS for cell in CELLS]


def points(given: list[dict[str, Any]], tuned: Tuned) -> list[dict[str, Any]]:
    """The cases at their chosen rates; the GRU also at equal parameters. Only the chord head at equal width is looked into."""
    found = []
    for case in given:
        rate = tuned.rate(cell=case["cell"], head=case["head"])
        found.append({**case, "match": "width", "learning_rate": rate, "look": case["head"] == "chord"})
        if case["cell"] == "gru":
            found.append({**case, "match": "parameters", "learning_rate": rate, "look": False})
    return found


def longer(given: list[dict[str, Any]], tuned: Tuned, steps: int) -> list[dict[str, Any]]:
    """The gated cells with the chord head at equal width and the same rates, for more steps."""
    return [
        {**case, "match": "width", "learning_rate": tuned.rate(cell=case["cell"], head="chord"), "steps": steps}
        for case in given
        if case["head"] == "chord" and case["cell"] in GATED
    ]


def baseline_grid(frames: list[int], penalties: list[float], orders: list[int]) -> list[dict[str, Any]]:
    """Counts of every order, and regressions of every window and penalty, alone and below a bigram."""
    plain = {"frames": 0, "penalty": 0.0, "together": False}
    grid = [{"kind": "counts", "order": order, **plain} for order in orders]
    for together in (False, True):
        for width in frames:
            for penalty in penalties:
                fit = {"frames": width, "penalty": penalty, "together": together}
                grid.append({"kind": "regression", "order": 0, **fit})
    return [*grid, *({"kind": "both", "order": 2, **fit} for fit in grid_of(frames, penalties))]


def grid_of(frames: list[int], penalties: list[float]) -> list[dict[str, Any]]:
    """The regressions that a bigram is put above: keys together, every window, the middle penalty."""
    middle = sorted(penalties)[len(penalties) // 2]
    return [{"frames": width, "penalty": middle, "together": True} for width in frames]


def chosen(baselines: pd.DataFrame) -> pd.DataFrame:
    """The best of each kind of baseline on validation data, by the names of `BASELINES`; columns as the runs'."""
    rows = {}
    for name, (kind, head) in BASELINES.items():
        if name == "key frequencies":
            rows[name] = pd.Series({"validation": np.nan, "test": chorales.unigram(), "parameters": chorales.KEYS})
            continue
        part = baselines[baselines["kind"] == kind]
        if kind == "regression":
            part = part[part["together"] == (head == "chord")]
        rows[name] = part.loc[part["validation"].idxmin()]
    return pd.DataFrame(rows).T.rename_axis("baseline")


def nll(runs: pd.DataFrame, cell: str, head: str, match: str = "width") -> pd.Series:
    """Test NLL in nats a quarter note, by seed."""
    match = "width" if cell != "gru" else match
    part = runs[(runs["cell"] == cell) & (runs["head"] == head) & (runs["match"] == match)]
    return part.set_index("seed")["test"].sort_index()


def gap(runs: pd.DataFrame, head: str, match: str = "width") -> Interval:
    """LSTM − GRU, paired by seed, in nats: below zero the LSTM is better."""
    return paired_bootstrap(nll(runs, "lstm", head), nll(runs, "gru", head, match))


def head_gain(runs: pd.DataFrame, cell: str) -> Interval:
    """What a head that knows chords saves a cell, paired by seed, in nats."""
    return paired_bootstrap(nll(runs, cell, "keys"), nll(runs, cell, "chord"))


def best_baseline(best: pd.DataFrame, head: str | None = None) -> tuple[str, float]:
    """The strongest baseline on validation data (of one head), and its test NLL."""
    names = [name for name, (_, its) in BASELINES.items() if head in (None, its) and name != "key frequencies"]
    name = best.loc[names, "validation"].astype(float).idxmin()
    return str(name), float(best.loc[name, "test"])


def skill(runs: pd.DataFrame, cell: str, head: str, against: float) -> Interval:
    """1 − NLL ÷ NLL of a baseline, over seeds: above 0 the cell is better."""
    return bootstrap(1 - nll(runs, cell, head) / against)


def evidence(runs: pd.DataFrame, best: pd.DataFrame) -> dict[str, Evidence]:
    """Claim U5: the cells with the head that is better for them, against the strongest baseline of any kind."""
    _, against = best_baseline(best)
    found = {}
    for cell in GATED:
        ratios = 1 - nll(runs, cell, better_head(runs, cell)) / against
        name = {"lstm": "music: LSTM", "gru": "music: GRU"}[cell]
        found[name] = Evidence(bootstrap(ratios), sign_flip(ratios))
    return found


def better_head(runs: pd.DataFrame, cell: str) -> str:
    """The head with the better mean validation score at equal width."""
    part = runs[(runs["cell"] == cell) & (runs["match"] == "width")]
    return str(part.groupby("head")["validation"].mean().idxmin())


def context_table(runs: pd.DataFrame) -> pd.DataFrame:
    """One row a run and number of frames seen: `cell`, `head`, `seed`, `frames` (0 is all of the past), `nll`."""
    rows = []
    for run in runs[runs["look"]].to_dict("records"):
        keys = {name: run[name] for name in ("cell", "head", "seed")}
        curves = run["curves"]
        for frames, value in zip([*curves["context"], 0], [*curves["shortened"], run["test"]], strict=True):
            rows.append({**keys, "frames": frames, "nll": value})
    return pd.DataFrame(rows)


def reach(table: pd.DataFrame, cell: str, head: str, within: float) -> int | None:
    """Fewest frames with which a cell comes within so many nats of its own score with all of the past, on average."""
    part = table[(table["cell"] == cell) & (table["head"] == head)].groupby("frames")["nll"].mean()
    enough = [frames for frames, value in part.items() if frames and value <= part[0] + within]
    return int(min(enough)) if enough else None  # type: ignore[type-var]


def twins() -> list[int]:
    """Places of the test chorales that have a twin among the training ones."""
    data = chorales.load()
    shares = chords.shared(data["test"], data["train"])
    return [place for place, share in enumerate(shares) if share > TWIN]


def without(pieces: list[float], left_out: list[int]) -> float:
    """NLL of the test part from the NLL of its pieces, without some of them."""
    lengths = [len(piece) for piece in chorales.load()["test"]]
    kept = [
        (value, length) for at, (value, length) in enumerate(zip(pieces, lengths, strict=True)) if at not in left_out
    ]
    return sum(value * length for value, length in kept) / sum(length for _, length in kept)


def continuations(runs: pd.DataFrame, given: list[list[int]]) -> dict[str, list[list[int]]]:
    """The opening and what each gated cell with the chord head drew after it, by the cell's name; first seed."""
    found = {}
    for cell in GATED:
        part = runs[(runs["cell"] == cell) & (runs["head"] == "chord") & runs["look"]].sort_values("seed")
        found[LABELS[cell]] = [*given, *part["curves"].iloc[0]["notes"]]
    return found


def roll_table(rolls: dict[str, list[list[int]]]) -> pd.DataFrame:
    """One row a sounding key: `writer`, `quarter`, `midi`."""
    return pd.DataFrame(
        [
            {"writer": name, "quarter": at, "midi": key + chorales.LOWEST}
            for name, frames in rolls.items()
            for at, frame in enumerate(frames)
            for key in frame
        ]
    )
