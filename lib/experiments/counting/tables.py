"""Runs of the chapter *memory/counting* as tidy tables: what the figures show, and what the page prints."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
from IPython.display import Markdown

from evidence.figures import LABELS
from evidence.format import NBSP
from evidence.tuning import Tuned
from evidence.verdicts import Evidence, Verdict
from experiments.counting.analysis import ASKED, EQUAL, LANGUAGES, WEISS

NAMES = {**LABELS, **LANGUAGES, **EQUAL, **ASKED}
"""What columns hold → how it is told."""
LOSS = {"all": "", "determined": ", determined letters"}


def summary(runs: pd.DataFrame) -> pd.DataFrame:
    """Runs in numbers, by letters of the loss, language, cell and what is held equal.

    Returns:
        Columns `seeds`; `middle` (the median), `least` and `most` of the first failing n; `learned`, how many seeds are
        right for the whole training range; medians of `pace` and `right`; `clipped`, a mean; and `diverged`, how many did.
    """
    return runs.groupby(["asked", "language", "cell", "match"], sort=False).agg(
        seeds=("seed", "count"),
        middle=("fails_at", "median"),
        least=("fails_at", "min"),
        most=("fails_at", "max"),
        learned=("learned", "sum"),
        pace=("pace", "median"),
        right=("right", "median"),
        clipped=("clipped", "mean"),
        diverged=("diverged", "sum"),
    )


def tidy(runs: pd.DataFrame, base: pd.DataFrame | None = None) -> pd.DataFrame:
    """What a figure shows of runs, one row each; the tables of last letters are rows of the cell `table`.

    Args:
        runs: all of them. base: from `analysis.baselines`.
    """
    names = ["language", "asked", "cell", "match", "start", "seed", "fails_at", "censored", "learned", "right", "fit"]
    names += ["chosen_at", "follows", "pace", "width", "parameters", "learning_rate", "steps", "clipped"]
    if base is None:
        return runs[names]
    table = base.assign(cell="table", learned=base["fails_at"] > int(runs["longest"].iloc[0]))
    return pd.concat([runs, table], ignore_index=True).reindex(columns=[*names, "context"])


def tuning_data(tunings: Mapping[str, Tuned]) -> pd.DataFrame:
    """All tunings by task, one row a run; `misfit` is what the fit lacks, in percent."""
    names = [
        "task",
        "cell",
        "match",
        "start",
        "learning_rate",
        "seed",
        "fit",
        "misfit",
        "fails_at",
        "steps",
        "diverged",
    ]
    parts = [tuned.runs.assign(task=task, misfit=100 * (1 - tuned.runs["fit"])) for task, tuned in tunings.items()]
    return pd.concat(parts, ignore_index=True)[names]


def depth_curves(nests: pd.DataFrame) -> pd.DataFrame:
    """One row a run on brackets and depth: cell, match, seed, depth, right in percent."""
    parts = [
        pd.DataFrame({"depth": row["curves"]["depth"], "right": row["curves"]["right"]}).assign(
            right=lambda part: 100 * part["right"], cell=row["cell"], match=row["match"], seed=row["seed"]
        )
        for _, row in nests.iterrows()
    ]
    return pd.concat(parts, ignore_index=True)


def horizon_table(runs: pd.DataFrame) -> Markdown:
    """First failing n by language, loss, cell and size as a Markdown table: median, range, how many seeds got how far.

    A length that no seed of the table got to has no column.
    """
    longest, tested = int(runs["longest"].iloc[0]), int(runs["tested"].iloc[0])
    lengths = [n for n in (longest, 2 * longest, WEISS[1], tested) if n <= tested]
    lengths = [n for n in dict.fromkeys(lengths) if n == longest or (runs["fails_at"] > n).any()]
    heads = ["strings", "cell", "units, parameters", "start, rate", "first failing n, median (range)"]
    heads += [f"right to {n}" for n in lengths]
    heads += ["diverged"]
    lines = [f"| {' | '.join(heads)} |", "|---|---|" + "--:|" * (len(heads) - 2)]
    for (language, loss, cell, match), part in runs.groupby(["language", "asked", "cell", "match"], sort=False):
        row = [LANGUAGES[language] + LOSS[loss], LABELS[cell] + ("" if match == "width" else ", equal parameters")]
        row += [f"{int(part['width'].iloc[0])}, {int(part['parameters'].iloc[0]):,}"]
        row += [f"{part['start'].iloc[0]}, {part['learning_rate'].iloc[0]:g}", reach(part["fails_at"], tested)]
        row += [f"{int((part['fails_at'] > n).sum())}/{len(part)}" for n in lengths]
        row += [str(int(part["diverged"].sum()))]
        lines.append(f"| {' | '.join(row)} |")
    return Markdown("\n".join(lines))


def attack_table(verdict: Verdict, tried: Mapping[str, Mapping[str, Evidence]]) -> Markdown:
    """What became of each condition under attack: a row a condition, a column an attack, intervals in the cells.

    Args:
        verdict: with its attacks. tried: evidence by attack and condition.
    """
    rows = [each.name for each in verdict.strata if any(each.name in given for given in tried.values())]
    heads = ["condition", "as reported", *tried]
    lines = [f"| {' | '.join(heads)} |", "|---|" + "--:|" * (len(heads) - 1)]
    for name in rows:
        whole = next(each for each in verdict.strata if each.name == name)
        row = [name, f"{whole.estimate:.3g} [{whole.low:.3g}, {whole.high:.3g}]"]
        row += [str(given[name].interval) if name in given else "" for given in tried.values()]
        lines.append(f"| {' | '.join(row).replace('-', '−')} |")
    outcomes = {each.name: each.outcome for each in verdict.attacks}
    lines.append(f"| the answer | | {' | '.join(outcomes.get(name, '') for name in tried)} |")
    return Markdown("\n".join(lines))


def reach(fails_at: pd.Series, tested: int) -> str:
    """Median and range of the first failing n, such as `61 (34 to > 300)`."""
    low, middle, high = (f"{each:g}" if each <= tested else f"> {tested}" for each in fails_at.quantile([0, 0.5, 1]))
    return f"{middle} ({low} to {high})".replace(" ", NBSP)
