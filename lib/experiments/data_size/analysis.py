"""From the runs of the chapter *performance/data_size* to its tables, its evidence and what is checked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd
from IPython.display import Markdown

from evidence.format import NBSP
from evidence.ledger import ledger
from evidence.statistics import Interval
from evidence.tuning import Tuned
from evidence.verdicts import Evidence
from experiments.shared.tuned_leads import EQUAL, Leads, contenders, interval, p_value, scores

SMALL = 500
"""Training sets of at most so many sequences count as small: settled before the runs that are reported."""
GATED = ("lstm", "gru")
TASK_NAMES = {"mnist1d": "MNIST-1D", "vowels": "Japanese vowels"}
KINDS = {"points": "logistic, 40 points", "mean": "logistic, time-mean", "static": "logistic, four summaries"}


def cases(sizes: Mapping[str, Iterable[int]], budget: Mapping[str, Mapping[str, int]]) -> list[dict[str, Any]]:
    """Every cell on every training set: what gets a learning rate of its own."""
    return [
        {"task": task, "cell": cell, "examples": examples, **budget[task]}
        for task in sizes
        for examples in sizes[task]
        for cell in GATED
    ]


def points(cases: Iterable[Mapping[str, Any]], tuned: Tuned) -> list[dict[str, Any]]:
    """The cases at every contending rate, the GRU also with as many parameters as the LSTM where the set is small."""
    found = []
    for case in cases:
        keys = {name: case[name] for name in ("task", "cell", "examples")}
        both = case["cell"] == "gru" and case["examples"] <= SMALL
        for match in ("width", "parameters") if both else ("width",):
            rates = contenders(scores(tuned.runs, **keys))
            found += [{**case, "match": match, "learning_rate": rate} for rate in rates]
    return found


def at_chosen(runs: pd.DataFrame, tuned: Tuned) -> pd.DataFrame:
    """The runs at the rates that all tuning seeds together choose."""
    keys = ["task", "cell", "examples", "learning_rate"]
    return runs.merge(tuned.best[keys], on=keys, how="inner", sort=False)


def differences(runs: pd.DataFrame) -> pd.DataFrame:
    """Accuracy of each GRU minus that of the LSTM with the same task, training set and seed, in points.

    Args:
        runs: rows of the sweep; the LSTM's are of `match` `width` alone.
    """
    keys = ["task", "examples", "seed"]
    lstm = runs[runs["cell"] == "lstm"].set_index(keys)["accuracy"]
    rows = runs[runs["cell"] == "gru"].copy()
    rows["difference"] = 100 * (rows["accuracy"].to_numpy() - lstm.loc[pd.MultiIndex.from_frame(rows[keys])].to_numpy())
    return rows[[*keys, "match", "difference", "accuracy", "width", "parameters", "learning_rate"]].reset_index(
        drop=True
    )


def small(leads: Leads, task: str, match: str) -> np.ndarray:
    """Lead averaged over the small training sets of a task."""
    return np.mean([leads[key] for key in leads if key[:2] == (task, match) and key[2] <= SMALL], axis=0)


def lead(leads: Leads, task: str, match: str) -> Interval:
    """The GRU's lead over the small training sets of a task, in points."""
    return interval(small(leads, task, match))


def evidence(leads: Leads, n: int) -> dict[str, Evidence]:
    """Evidence on claim P6 by task and what is held equal: the lead of the GRU over the small sets, in points.

    Args:
        leads: of `tuned_leads.leads`. n: reported seeds.
    """
    found = {}
    for task, named in TASK_NAMES.items():
        for match, name in EQUAL.items():
            values = small(leads, task, match)
            found[f"{named}, {name}"] = Evidence(
                interval(values, n), p_value(values, ledger()["P6"].margin), p_even=p_value(values, 0.0)
            )
    return found


def differ(leads: Leads) -> float:
    """P that the lead over small sets at equal width is the same on both tasks."""
    first, second = (small(leads, task, "width") for task in TASK_NAMES)
    return p_value(first - second, 0.0)


def shift(leads: Leads, task: str) -> Interval:
    """By how much the lead on small sets grows when the GRU gets as many parameters as the LSTM."""
    return interval(small(leads, task, "parameters") - small(leads, task, "width"))


def trend(leads: Leads, task: str) -> Interval:
    """By how much the lead at equal width is larger on small training sets than on the largest one.

    Where all sets of a task are small, the smallest one is set against the largest one.
    """
    sizes = sorted({key[2] for key in leads if key[0] == task})
    few = small(leads, task, "width") if sizes[-1] > SMALL else leads[task, "width", sizes[0]]
    return interval(few - leads[task, "width", sizes[-1]])


def stopped(runs: pd.DataFrame) -> pd.DataFrame:
    """The runs as if each had stopped at its best look at the test set, which nobody can know beforehand."""
    return runs.assign(accuracy=[max(curves["accuracy"]) for curves in runs["curves"]])


def against(runs: pd.DataFrame, base: pd.DataFrame, task: str) -> pd.DataFrame:
    """Mean accuracy in percent, one row a training set: `cell`, the better one at equal width, and `baseline`, the best."""
    rows, plain = runs[(runs["task"] == task) & (runs["match"] == "width")], base[base["task"] == task]
    means = [
        100 * part.groupby(["examples", name])["accuracy"].mean().groupby("examples").max()
        for part, name in ((rows, "cell"), (plain, "kind"))
    ]
    return pd.concat(means, axis=1, keys=["cell", "baseline"])


def tidy(runs: pd.DataFrame, base: pd.DataFrame) -> pd.DataFrame:
    """What the learning curves show: one row a run, baselines among them with their kind as `model`."""
    cells = runs.assign(model=runs["cell"].str.upper() + ", " + runs["match"].map(EQUAL))
    keys = ["task", "model", "examples", "seed", "accuracy"]
    return pd.concat([cells[keys], base.assign(model=base["kind"].map(KINDS))[keys]], ignore_index=True)


def result_table(runs: pd.DataFrame, base: pd.DataFrame, leads: Leads, task: str) -> Markdown:
    """Means and deviations over seeds on one task, a line a size, with the paired differences, as a Markdown table.

    Args:
        runs: at the chosen rates. base: of the baselines. leads: of `tuned_leads.leads`.
    """
    part, plain = runs[(runs["task"] == task) & (runs["match"] == "width")], base[base["task"] == task]
    kinds = list(plain["kind"].unique())
    heads = ["training sequences", "rates, LSTM / GRU", "LSTM, %", "GRU, %", "GRU − LSTM, points"]
    heads += ["the same at equal parameters", *(f"{KINDS[kind]}, %" for kind in kinds)]
    lines = [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    for examples, rows in part.groupby("examples"):
        each = [rows[rows["cell"] == cell] for cell in GATED]
        found = [leads.get((task, match, int(examples))) for match in EQUAL]
        cells = [f"{examples:,}", " / ".join(f"{one['learning_rate'].iloc[0]:g}" for one in each), *map(_spread, each)]
        cells += ["not run" if values is None else interval(values).signed() for values in found]
        cells += [_spread(plain[(plain["examples"] == examples) & (plain["kind"] == kind)]) for kind in kinds]
        lines.append(f"| {' | '.join(cell.replace(' ', NBSP) for cell in cells)} |")
    return Markdown("\n".join(lines))


def _spread(part: pd.DataFrame) -> str:
    return f"{100 * part['accuracy'].mean():.1f} ± {100 * part['accuracy'].std():.1f}"
