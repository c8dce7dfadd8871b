"""Leads of one cell over another whose interval counts the choice of the learning rates: chapter *performance/data_size*.

The tuning seeds are one sample, the reported seeds another. A bootstrap draws from both: a draw of the tuning seeds chooses
a rate for each cell and training set, a draw of the reported seeds then averages the runs made at those rates. So every
rate that a draw can choose needs reported runs of its own.

An array of leads holds one value a resample; its first is the estimate, from all seeds once. Leads of one bootstrap share
their draws and may be added, subtracted and averaged.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from evidence.statistics import Interval

EQUAL = {"width": "equal width", "parameters": "equal parameters"}
"""What is held equal when the two cells are compared, as it is printed."""
RESAMPLES = 4999
RARE = 0.02
"""A rate that fewer resamples choose is not run; those resamples choose the best of the others."""
Leads = dict[tuple[str, str, int], np.ndarray]
"""GRU − LSTM in points (1 + RESAMPLES,), by task, what is held equal, and training sequences."""


def draws(seeds: int, stream: int, resamples: int = RESAMPLES) -> np.ndarray:
    """Places of bootstrap draws from `seeds` seeds (1 + resamples, seeds); the first line takes each seed once."""
    drawn = np.random.default_rng(stream).integers(seeds, size=(resamples, seeds))
    return np.vstack([np.arange(seeds), drawn])


def scores(tuning_runs: pd.DataFrame, **keys: Any) -> pd.DataFrame:
    """Validation accuracy of one configuration, seeds × rates; a run that diverged scores zero, as in `tuning.tune`."""
    rows = _where(tuning_runs, keys)
    rows = rows.assign(accuracy=rows["accuracy"].where(~rows["diverged"].astype(bool), 0.0))
    return rows.pivot(index="seed", columns="learning_rate", values="accuracy").sort_index()


def picks(table: pd.DataFrame, drawn: np.ndarray) -> np.ndarray:
    """Column of `scores` with the best mean over each draw of its seeds; of equals the smallest rate."""
    return table.to_numpy()[drawn].mean(1).round(9).argmax(1)


def contenders(table: pd.DataFrame, resamples: int = RESAMPLES) -> list[float]:
    """Rates of `scores` that win in all seeds or in a share of at least `RARE` of the resamples."""
    won = picks(table, draws(len(table), 1, resamples))
    share = np.bincount(won, minlength=table.shape[1]) / len(won)
    return [float(rate) for place, rate in enumerate(table.columns) if share[place] >= RARE or place == won[0]]


def leads(tuning_runs: pd.DataFrame, runs: pd.DataFrame) -> Leads:
    """Accuracy of the GRU minus that of the LSTM at equal seeds, at the rates that the tuning seeds choose.

    Args:
        tuning_runs: all runs of the tuning, each cell at equal width; the GRU with more units uses the same rates.
        runs: reported runs at every contending rate; the LSTM's have the size `width` alone.
    """
    found: Leads = {}
    for key, cells in _cells(tuning_runs, runs).items():
        means = [
            reported.to_numpy().T[picks(table, draws(len(table), 1))[:, None], draws(len(reported), 0)].mean(1)
            for table, reported in cells
        ]
        found[key] = 100 * (means[0] - means[1])
    return found


def by_choice(tuning_runs: pd.DataFrame, runs: pd.DataFrame, chosen: np.ndarray) -> Leads:
    """Leads with the rates taken as given, for several ways to choose them: only the reported seeds are drawn.

    Args:
        tuning_runs, runs: as for `leads`.
        chosen: places of the tuning seeds that choose (C, k).

    Returns:
        Arrays of (C, 1 + RESAMPLES).
    """
    found: Leads = {}
    for key, cells in _cells(tuning_runs, runs).items():
        means = [
            reported.to_numpy().T[:, draws(len(reported), 0)].mean(2)[picks(table, chosen)] for table, reported in cells
        ]
        found[key] = 100 * (means[0] - means[1])
    return found


def given(tuning_runs: pd.DataFrame, runs: pd.DataFrame) -> Leads:
    """Leads with the rates taken as given that all tuning seeds choose."""
    everyone = np.arange(tuning_runs["seed"].nunique())[None]
    return {key: values[0] for key, values in by_choice(tuning_runs, runs, everyone).items()}


def _cells(tuning_runs: pd.DataFrame, runs: pd.DataFrame) -> dict[tuple[str, str, int], list]:
    """For each lead, of the GRU and the LSTM: scores and reported accuracy, seeds × contending rates."""
    found = {}
    for (task, examples, match), rows in runs[runs["cell"] == "gru"].groupby(["task", "examples", "match"], sort=False):
        keys = {"task": task, "examples": examples}
        pair = []
        for cell, part in (("gru", rows), ("lstm", _where(runs, {**keys, "cell": "lstm"}))):
            reported = part.pivot(index="seed", columns="learning_rate", values="accuracy").sort_index()
            pair.append((scores(tuning_runs, cell=cell, **keys)[list(reported.columns)], reported))
        found[task, match, int(examples)] = pair
    return found


def interval(values: np.ndarray, n: int = 0) -> Interval:
    """Estimate and 95 % percentile interval of an array of leads."""
    low, high = np.quantile(values[1:], [0.025, 0.975])
    return Interval(float(values[0]), float(low), float(high), n=n)


def p_value(values: np.ndarray, margin: float) -> float:
    """Two-sided bootstrap p of a lead against a margin, from the share of resamples on the rarer side of it."""
    below, above = ((1 + np.sum(side)) / len(values) for side in (values[1:] <= margin, values[1:] >= margin))
    return float(min(1.0, 2 * min(below, above)))


def _where(table: pd.DataFrame, keys: dict[str, Any]) -> pd.DataFrame:
    for name, value in keys.items():
        table = table[table[name] == value]
    return table
