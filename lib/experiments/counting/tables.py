"""Runs of the chapter *memory/counting* as tidy tables: what the figures show, and what the page prints."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
from IPython.display import Markdown

from evidence.figures import LABELS
from evidence.format import NBSP
from evidence.tuning import Tuned
from experiments.counting.analysis import ASKED, EQUAL, LANGUAGES, WEISS

NAMES = {**LABELS, **LANGUAGES, **EQUAL, **ASKED}
"""What columns hold → how it is told."""
LOSS = {"all": "", "determined": ", determined letters"}


def summary(kinds: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Runs in numbers, by kind, language, cell and what is held equal.

    Args:
        kinds: runs by a name for what was done.

    Returns:
        Columns `seeds`; `middle` (the median), `least` and `most` of the first failing n; `learned`, how many seeds are
        right for the whole training range; medians of `pace` and `right`; and `clipped`, a mean.
    """
    rows = pd.concat([runs.assign(kind=kind) for kind, runs in kinds.items()], ignore_index=True)
    return rows.groupby(["kind", "language", "cell", "match"], sort=False).agg(
        seeds=("seed", "count"),
        middle=("fails_at", "median"),
        least=("fails_at", "min"),
        most=("fails_at", "max"),
        learned=("learned", "sum"),
        pace=("pace", "median"),
        right=("right", "median"),
        clipped=("clipped", "mean"),
    )


def tidy(runs: pd.DataFrame, asked: pd.DataFrame, base: pd.DataFrame) -> pd.DataFrame:
    """What the headline figure shows, one row a run; the tables of last letters are rows of the cell `table`.

    Args:
        runs: with the loss on every letter. asked: on the determined letters. base: from `analysis.baselines`.
    """
    names = ["language", "asked", "cell", "match", "seed", "fails_at", "censored", "learned", "right", "fit"]
    names += ["chosen_at", "follows", "pace", "width", "parameters", "learning_rate", "steps", "clipped", "context"]
    table = base.assign(cell="table", learned=base["fails_at"] > int(runs["longest"].iloc[0]))
    return pd.concat([runs, asked, table], ignore_index=True).reindex(columns=names)


def tuning_data(tunings: Mapping[str, Tuned]) -> pd.DataFrame:
    """All tunings by task, one row a run; `misfit` is what the fit lacks, in percent."""
    names = ["task", "cell", "learning_rate", "seed", "fit", "misfit", "fails_at", "steps", "diverged"]
    parts = [tuned.runs.assign(task=task, misfit=100 * (1 - tuned.runs["fit"])) for task, tuned in tunings.items()]
    return pd.concat(parts, ignore_index=True)[names]


def progress(kinds: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """First failing n of LSTM and GRU over training on aⁿbⁿ at equal width: kind, cell, seed, step, fails_at.

    Args:
        kinds: runs by a name for what was done.
    """
    parts = []
    for kind, runs in kinds.items():
        rows = runs[runs["cell"].isin(["lstm", "gru"]) & (runs["match"] == "width") & (runs["language"] == "anbn")]
        for _, row in rows.iterrows():
            part = pd.DataFrame({"step": row["curves"]["look"], "fails_at": row["curves"]["horizon"]})
            parts.append(part.assign(kind=kind, cell=row["cell"], seed=row["seed"]))
    return pd.concat(parts, ignore_index=True)


def last_rise(table: pd.DataFrame, kind: str) -> pd.Series:
    """By what factor the median first failing n grew between the last two looks, by cell; `table` from `progress`."""
    medians = table[table["kind"] == kind].groupby(["cell", "step"])["fails_at"].median().unstack()
    return medians.iloc[:, -1] / medians.iloc[:, -2]


def depth_curves(nests: pd.DataFrame) -> pd.DataFrame:
    """One row a run on brackets and depth: cell, match, seed, depth, right in percent."""
    parts = [
        pd.DataFrame({"depth": row["curves"]["depth"], "right": row["curves"]["right"]}).assign(
            right=lambda part: 100 * part["right"], cell=row["cell"], match=row["match"], seed=row["seed"]
        )
        for _, row in nests.iterrows()
    ]
    return pd.concat(parts, ignore_index=True)


def horizon_table(runs: pd.DataFrame, asked: pd.DataFrame) -> Markdown:
    """First failing n by language, loss, cell and size as a Markdown table: median, range, how many seeds got how far.

    A length that no seed of the table got to has no column.

    Args:
        runs: with the loss on every letter. asked: on the determined letters.
    """
    rows = pd.concat([runs, asked], ignore_index=True)
    longest, tested = int(rows["longest"].iloc[0]), int(rows["tested"].iloc[0])
    lengths = [n for n in (longest, 2 * longest, WEISS, tested) if n <= tested]
    lengths = [n for n in dict.fromkeys(lengths) if n == longest or (rows["fails_at"] > n).any()]
    heads = ["strings", "cell", "units", "parameters", "rate", "first failing n, median (range)"]
    heads += [f"right to n = {n}".replace(" ", NBSP) for n in lengths]
    lines = [f"| {' | '.join(heads)} |", "|---|---|" + "--:|" * (len(heads) - 2)]
    for (language, loss, cell, match), part in rows.groupby(["language", "asked", "cell", "match"], sort=False):
        row = [LANGUAGES[language] + LOSS[loss], LABELS[cell] + ("" if match == "width" else ", equal parameters")]
        row += [f"{int(part['width'].iloc[0])}", f"{int(part['parameters'].iloc[0]):,}"]
        row += [f"{part['learning_rate'].iloc[0]:g}", reach(part["fails_at"], tested)]
        row += [f"{int((part['fails_at'] > n).sum())}/{len(part)}" for n in lengths]
        lines.append(f"| {' | '.join(row)} |")
    return Markdown("\n".join(lines))


def reach(fails_at: pd.Series, tested: int) -> str:
    """Median and range of the first failing n, such as `61 (34 to > 300)`."""
    low, middle, high = (f"{each:g}" if each <= tested else f"> {tested}" for each in fails_at.quantile([0, 0.5, 1]))
    return f"{middle} ({low} to {high})".replace(" ", NBSP)
