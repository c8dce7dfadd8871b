"""From the runs of the chapter *performance/convergence* to its grids, intervals and evidence."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd

from evidence.significance import interaction
from evidence.statistics import Interval, mean_interval, paired_difference, paired_ratio
from evidence.tuning import Tuned
from evidence.verdicts import Evidence, weigh
from experiments.convergence.runs import CELLS, TAIL, TASKS
from tasks import chorales, mnist1d, recall

TASK_NAMES = {"mnist1d": "MNIST-1D", "chorales": "chorales", "recall": "recall"}
CLOCKS = {"steps": "steps", "matched": "seconds with matched kernels", "stock": "seconds with stock kernels"}
GATED = ("lstm", "gru")
"""The cells of the claims; a tanh RNN, at equal width, shows what gates are for."""
DEPTHS = (2, 3)
"""Layers of the stacks."""
CEILING = 99.0
"""Percent that every run of both cells reaches where a task cannot tell them apart."""
LAST = {"mnist1d": 20, "chorales": 10, "recall": 25}
"""Evaluations of a run."""


def budgets(steps: int, chorale_steps: int, recall_steps: int, delay: int) -> dict[str, dict[str, Any]]:
    """What is the same for all cells on a task: steps, evaluations, batch size and first bias of the keeping gate."""
    given = {"mnist1d": (steps, 32, "bias:1"), "chorales": (chorale_steps, 16, "bias:1")}
    given["recall"] = (recall_steps, 32, f"chrono:{max(3, delay)}")
    return {
        task: {"steps": most, "every": max(1, most // LAST[task]), "batch": batch, "start": start}
        for task, (most, batch, start) in given.items()
    }


def cases(budget: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    """Every cell on every task, one layer: what gets a learning rate of its own."""
    return [{"task": task, "cell": cell, "layers": 1, **budget[task]} for task in TASKS for cell in CELLS]


def stacks(budget: dict[str, dict[str, Any]], layers: Iterable[int]) -> list[dict[str, Any]]:
    """The gated cells in stacks on MNIST-1D, with the budget of one layer."""
    return [{"task": "mnist1d", "cell": cell, "layers": each, **budget["mnist1d"]} for each in layers for cell in GATED]


def stacked_points(budget: dict[str, dict[str, Any]], deep: Tuned) -> list[dict[str, Any]]:
    """All stacks at equal width; deeper ones take the rate that was chosen for those of `deep`."""
    return [
        {**case, "match": "width", "learning_rate": deep.rate(cell=case["cell"])} for case in stacks(budget, DEPTHS)
    ]


def swapped_points(budget: dict[str, dict[str, Any]], deep: Tuned) -> list[dict[str, Any]]:
    """The deepest stacks, each cell at the rate of the other; none where both have the same."""
    rates = [deep.rate(cell=cell) for cell in GATED]
    other = dict(zip(GATED, reversed(rates), strict=True))
    cases = stacks(budget, DEPTHS[-1:]) if len(set(rates)) > 1 else []
    return [{**case, "match": "width", "learning_rate": other[case["cell"]]} for case in cases]


def points(
    cases: Iterable[dict[str, Any]], tuned: Tuned, sizes: Iterable[str] = ("width", "parameters")
) -> list[dict[str, Any]]:
    """The cases at their chosen rates, the GRU also at equal parameters; the LSTM sets both sizes."""
    sizes = tuple(sizes)
    return [
        {**case, "match": match, "learning_rate": tuned.rate(**case)}
        for case in cases
        for match in sizes
        if match == "width" or case["cell"] == "gru"
    ]


def other_start(budget: dict[str, dict[str, Any]], sooner: Tuned) -> list[dict[str, Any]]:
    """The gated cells on recall from a plain first bias of 1, at their rates for speed."""
    cases = [{"task": "recall", "cell": cell, "layers": 1, **budget["recall"]} for cell in GATED]
    return [{**point, "start": "bias:1"} for point in points(cases, sooner, ["width"])]


def quality(runs: pd.DataFrame, task: str, cell: str, match: str = "width") -> pd.Series:
    """Final quality by seed: accuracy in per cent, for chorales NLL in nats per quarter note."""
    match = "width" if cell == "lstm" else match
    part = runs[(runs["task"] == task) & (runs["cell"] == cell) & (runs["match"] == match)]
    return scaled(task, part.set_index("seed")["quality"].sort_index())


def scaled(task: str, values: Any) -> Any:
    """Shares in per cent; NLL as it is."""
    return values if task == "chorales" else 100 * values


def first_reach(steps: list[float], values: list[float], target: float, falling: bool = False) -> float:
    """Step at which a curve first meets the target, on a line between evaluations; NaN where it never does."""
    sign = -1 if falling else 1
    for place, value in enumerate(values):
        if sign * value >= sign * target:
            if place == 0:
                return float(steps[0])
            share = (target - values[place - 1]) / (value - values[place - 1])
            return float(steps[place - 1] + share * (steps[place] - steps[place - 1]))
    return float("nan")


def times(runs: pd.DataFrame, goals: dict[str, float]) -> pd.DataFrame:
    """Time to the target of every run, in optimiser steps.

    Returns:
        One row a run: `task`, `cell`, `match`, `start`, `seed`, `reached`, and `time`: the step at which the target was met;
        for a run that never met it, all its steps, which is too short: the run is censored there.
    """
    rows = []
    for run in runs.to_dict("records"):
        task, curves = run["task"], run["curves"]
        found = first_reach(curves["step"], curves["quality"], goals[task], task == "chorales")
        keys = {name: run[name] for name in ("task", "cell", "match", "start", "seed")}
        reached = bool(np.isfinite(found))
        rows.append({**keys, "reached": reached, "time": found if reached else float(run["steps"])})
    return pd.DataFrame(rows)


def pair(table: pd.DataFrame, task: str, match: str = "width", column: str = "time") -> tuple[np.ndarray, np.ndarray]:
    """A column of the LSTM's and of the GRU's rows of `times`, by seed."""
    rows = table[table["task"] == task]
    found = []
    for cell in GATED:
        part = rows[(rows["cell"] == cell) & (rows["match"] == ("width" if cell == "lstm" else match))]
        found.append(part.set_index("seed").sort_index()[column].to_numpy())
    return found[0], found[1]


def step_ratios(readings: pd.DataFrame, task: str, kernels: str) -> np.ndarray:
    """Time of a training step, GRU ÷ LSTM, round by round."""
    rows = readings[(readings["task"] == task) & (readings["kernels"] == kernels)]
    wide = rows.pivot(index="round", columns="cell", values="seconds")
    return (wide["gru"] / wide["lstm"]).to_numpy()


def ratio_table(table: pd.DataFrame, readings: pd.DataFrame) -> pd.DataFrame:
    """Time to the target, GRU ÷ LSTM, of every seed on every task and clock.

    On a clock each seed's ratio of steps is multiplied by a ratio of step times: the median over a share of the rounds,
    another share for each seed, so that the noise of the timing enters the interval.
    A censored run counts with all its steps. That draws the ratio towards 1, whichever cell was censored.

    Returns:
        One row a seed: `task`, `clock`, `seed`, `ratio`, `censored` (how many of the two runs).
    """
    rows = []
    for task in TASKS:
        lstm, gru = pair(table, task)
        reached = np.sum(pair(table, task, column="reached"), axis=0)
        for clock in CLOCKS:
            factor: np.ndarray | float = 1.0
            if clock != "steps":
                shares = np.array_split(step_ratios(readings, task, clock), len(lstm))
                factor = np.array([np.median(share) for share in shares])
            for seed, ratio in enumerate(gru / lstm * factor):
                rows.append({"task": task, "clock": clock, "seed": seed, "ratio": ratio, "censored": 2 - reached[seed]})
    return pd.DataFrame(rows)


def fewer_steps(table: pd.DataFrame, match: str = "width", tasks: Iterable[str] = TASKS) -> dict[str, Interval]:
    """Steps to the target, GRU ÷ LSTM, by task: the mean paired ratio, from `times`; no clock enters."""
    pairs = {task: pair(table, task, match) for task in tasks}
    return {task: paired_ratio(gru, lstm) for task, (lstm, gru) in pairs.items()}


def ratio(table: pd.DataFrame, task: str, clock: str) -> Interval:
    """Mean paired ratio with its interval, from `ratio_table`."""
    values = table[(table["task"] == task) & (table["clock"] == clock)]["ratio"]
    return paired_ratio(values, np.ones(len(values)))


def time_evidence(table: pd.DataFrame) -> dict[str, Evidence]:
    """Evidence on claim P3 by task and clock; the sign-flip test is on logarithms, against that of the margin."""
    found = {}
    for task in TASKS:
        for clock, words in CLOCKS.items():
            values = table[(table["task"] == task) & (table["clock"] == clock)]["ratio"]
            found[f"{TASK_NAMES[task]}, {words}"] = weigh("P3", values)
    return found


def clocks_differ(table: pd.DataFrame) -> float:
    """P that the ratios are the same on all tasks and clocks, from `ratio_table`."""
    return interaction(np.log(table.pivot(index=["task", "clock"], columns="seed", values="ratio").to_numpy()))


def difference(runs: pd.DataFrame, task: str, match: str = "width") -> Interval:
    """Final quality, LSTM − GRU, paired by seed: points, for chorales nats."""
    return paired_difference(quality(runs, task, "lstm"), quality(runs, task, "gru", match))


def accuracy_evidence(runs: pd.DataFrame, match: str = "width") -> dict[str, Evidence]:
    """Evidence on claim P4 on the tasks that are scored in points: interval, and two one-sided tests at its margin."""
    found = {}
    for task in ("mnist1d", "recall"):
        lstm, gru = quality(runs, task, "lstm"), quality(runs, task, "gru", match)
        ceiling = "all at the ceiling" if min(lstm.min(), gru.min()) > CEILING else ""
        found[TASK_NAMES[task]] = weigh("P4", (lstm - gru).to_numpy(), left_out=ceiling)
    return found


def depth_table(runs: pd.DataFrame, stacked: pd.DataFrame) -> pd.DataFrame:
    """Accuracy on MNIST-1D in per cent over steps, one layer and stacks, at equal width.

    Returns:
        One row a run and evaluation: `layers`, `cell`, `seed`, `width`, `parameters`, `learning_rate`, `step`, `accuracy`, and
        `final`, the run's final accuracy.
    """
    shallow = runs[(runs["task"] == "mnist1d") & (runs["match"] == "width") & runs["cell"].isin(GATED)]
    columns = ["layers", "cell", "seed", "width", "parameters", "learning_rate"]
    rows = [
        {**{name: run[name] for name in columns}, "step": step, "accuracy": 100 * value, "final": 100 * run["quality"]}
        for run in pd.concat([shallow, stacked]).to_dict("records")
        for step, value in zip(run["curves"]["step"], run["curves"]["quality"], strict=True)
    ]
    return pd.DataFrame(rows)


def depth_gap(depths: pd.DataFrame, layers: int, step: int | None = None) -> np.ndarray:
    """Accuracy with `layers` layers, LSTM − GRU, in points, by seed: the final one, or that of the evaluation at `step`."""
    rows = depths[depths["layers"] == layers]
    at = rows[rows["step"] == (rows["step"].max() if step is None else step)]
    part = at.pivot(index="seed", columns="cell", values="final" if step is None else "accuracy")
    return (part["lstm"] - part["gru"]).to_numpy()


def depth_evidence(depths: pd.DataFrame) -> dict[str, Evidence]:
    """Evidence on claim P7 by number of layers; the sign-flip test is against the margin."""
    return {f"{layers} layers": weigh("P7", depth_gap(depths, layers)) for layers in DEPTHS}


def still_rising(runs: pd.DataFrame) -> dict[tuple[int, str], Interval]:
    """What runs on MNIST-1D gained in the last `TAIL` evaluations over the `TAIL` before, in points, by layers and cell."""
    found = {}
    for key, part in runs[(runs["task"] == "mnist1d") & (runs["match"] == "width")].groupby(["layers", "cell"]):
        ends = [np.array_split(curves["quality"][-2 * TAIL :], 2) for curves in part["curves"]]
        found[key] = mean_interval([100 * (np.mean(last) - np.mean(before)) for before, last in ends])
    return found


def other_rate(stacked: pd.DataFrame, swapped: pd.DataFrame | None) -> dict[str, float]:
    """What the other cell's rate changes in the final accuracy of the deepest stacks, in points, on the same seeds."""
    if swapped is None:
        return dict.fromkeys(GATED, 0.0)
    own = stacked[(stacked["layers"] == DEPTHS[-1]) & stacked["seed"].isin(swapped["seed"])]
    means = [100 * each.groupby("cell")["quality"].mean() for each in (swapped, own)]
    return {cell: means[0][cell] - means[1][cell] for cell in GATED}


def rate_and_cell(tuned: Tuned) -> tuple[float, float]:
    """Validation accuracy on MNIST-1D, in points: what the worst rate tried costs either cell, and what the other cell does."""
    gated = tuned.runs[(tuned.runs["task"] == "mnist1d") & tuned.runs["cell"].isin(GATED)]
    means = 100 * gated.groupby(["cell", "learning_rate"])["quality"].mean().unstack()
    best = means.max(axis=1)
    return float((best - means.min(axis=1)).min()), float(best.max() - best.min())


def baselines() -> dict[str, dict[str, float]]:
    """Scores without a recurrent network on the same test data, in the unit of `quality`."""
    return {
        "mnist1d": {"guessing": 100 / mnist1d.CLASSES, "logistic regression": 100 * mnist1d.baseline()},
        "chorales": {"key frequencies": chorales.unigram(), "logistic, frame before": chorales.logistic()},
        "recall": {"guessing": 100 * recall.baseline()},
    }
