"""From the runs of the chapter *performance/convergence* to its grids, tables, numbers and verdicts."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd

from gatedrnn.experiments.convergence import CELLS, SOLVED, TASKS
from gatedrnn.statistics import Interval, bootstrap, paired_bootstrap, ratio_bootstrap, sign_flip, tost_paired
from gatedrnn.tasks import chorales, mnist1d, recall
from gatedrnn.tuning import Tuned
from gatedrnn.verdicts import CONTRADICTED, SUPPORTED, Evidence, ledger

GATED = ("lstm", "gru")
TASK_NAMES = {"mnist1d": "MNIST-1D", "chorales": "chorales", "recall": "recall"}
CLOCKS = {"steps": "steps", "matched": "seconds with matched kernels", "stock": "seconds with stock kernels"}
DEPTHS = (2, 3)
LAST = {"mnist1d": 14, "chorales": 10, "recall": 25}
"""Evaluations of a run."""


def budgets(steps: int, chorale_steps: int, recall_steps: int, delay: int) -> dict[str, dict[str, Any]]:
    """What is the same for all cells on a task: steps, evaluations, batch size and first bias of the keeping gate."""
    given = {"mnist1d": (steps, 32, "bias:1"), "chorales": (chorale_steps, 16, "bias:1")}
    given["recall"] = (recall_steps, 32, f"chrono:{max(3, delay)}")
    return {
        task: {"steps": most, "every": max(1, most // LAST[task]), "batch": batch, "scheme": scheme}
        for task, (most, batch, scheme) in given.items()
    }


def cases(budget: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    """Every cell on every task, one layer: what gets a learning rate of its own."""
    return [{"task": task, "cell": cell, "layers": 1, **budget[task]} for task in TASKS for cell in CELLS]


def stacks(budget: dict[str, dict[str, Any]], steps: int) -> list[dict[str, Any]]:
    """The gated cells in two and three layers on MNIST-1D, for `steps` steps."""
    shared = {**budget["mnist1d"], "steps": steps}
    return [{"task": "mnist1d", "cell": cell, "layers": layers, **shared} for layers in DEPTHS for cell in GATED]


def points(cases: Iterable[dict[str, Any]], tuned: Tuned, sizes: Iterable[str] = ("width", "parameters")) -> list:
    """The cases at their chosen rates, at equal width and at equal parameters; the LSTM sets both."""
    sizes = tuple(sizes)
    return [
        {**case, "size": size, "learning_rate": tuned.rate(**case)}
        for case in cases
        for size in sizes
        if size == "width" or case["cell"] != "lstm"
    ]


def other_starts(budget: dict[str, dict[str, Any]], tuned: Tuned) -> list[dict[str, Any]]:
    """The gated cells from another first bias at the same rates: MNIST-1D the framework's own, recall bias 1."""
    found = []
    for task, scheme in (("mnist1d", "default"), ("recall", "bias:1")):
        for cell in GATED:
            case = {"task": task, "cell": cell, "layers": 1, **budget[task]}
            found.append({**case, "size": "width", "learning_rate": tuned.rate(**case), "scheme": scheme})
    return found


def quality(runs: pd.DataFrame, task: str, cell: str, size: str = "width") -> pd.Series:
    """Final quality by seed: accuracy in per cent, for chorales NLL in nats a step."""
    size = "width" if cell == "lstm" else size
    part = runs[(runs["task"] == task) & (runs["cell"] == cell) & (runs["size"] == size)]
    return scaled(task, part.set_index("seed")["quality"].sort_index())


def scaled(task: str, values: Any) -> Any:
    """Shares in per cent; NLL as it is."""
    return values if task == "chorales" else 100 * values


def targets(tuned: Tuned) -> dict[str, float]:
    """The quality that both gated cells reached in all their tuning runs at the chosen rate, on validation data.

    Rounded to the easier side: MNIST-1D down to 5 points, chorales up to 0.1 nats. Recall: solved, by definition.
    """
    best: dict[str, list[float]] = {"mnist1d": [], "chorales": []}
    for case in tuned.best.to_dict("records"):
        if case["task"] in best and case["cell"] in GATED:
            rows = tuned.runs
            for name in ("task", "cell", "learning_rate"):
                rows = rows[rows[name] == case[name]]
            pick = min if case["task"] == "chorales" else max
            best[case["task"]] += [pick(curves["quality"]) for curves in rows["curves"]]
    easy = {"mnist1d": np.floor(20 * min(best["mnist1d"])) / 20, "chorales": np.ceil(10 * max(best["chorales"])) / 10}
    return {**{task: round(float(value), 2) for task, value in easy.items()}, "recall": SOLVED}


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
        One row a run: `task`, `cell`, `size`, `scheme`, `seed`, `reached`, and `time`: the step at which the target was met;
        for a run that never met it, all its steps, which is too short: the run is censored there.
    """
    rows = []
    for run in runs.to_dict("records"):
        task, curves = run["task"], run["curves"]
        found = first_reach(curves["step"], curves["quality"], goals[task], task == "chorales")
        keys = {name: run[name] for name in ("task", "cell", "size", "scheme", "seed")}
        reached = bool(np.isfinite(found))
        rows.append({**keys, "reached": reached, "time": found if reached else float(run["steps"])})
    return pd.DataFrame(rows)


def pair(table: pd.DataFrame, task: str, size: str = "width", column: str = "time") -> tuple[np.ndarray, np.ndarray]:
    """A column of the LSTM's and of the GRU's rows of `times`, by seed."""
    rows = table[table["task"] == task]
    found = []
    for cell in GATED:
        part = rows[(rows["cell"] == cell) & (rows["size"] == ("width" if cell == "lstm" else size))]
        found.append(part.set_index("seed").sort_index()[column].to_numpy())
    return found[0], found[1]


def step_ratios(readings: pd.DataFrame, task: str, kernels: str) -> np.ndarray:
    """Time of a training step, GRU ÷ LSTM, round by round."""
    rows = readings[(readings["task"] == task) & (readings["kernels"] == kernels)]
    wide = rows.pivot(index="round", columns="cell", values="seconds")
    return (wide["gru"] / wide["lstm"]).to_numpy()


def ratio_table(table: pd.DataFrame, readings: pd.DataFrame, size: str = "width") -> pd.DataFrame:
    """Time to the target, GRU ÷ LSTM, of every seed on every task and clock.

    On a clock each seed's ratio of steps is multiplied by a ratio of step times: the median over a share of the rounds,
    another share for each seed, so that the noise of the timing enters the interval.
    A censored run counts with all its steps. That draws the ratio towards 1, whichever cell was censored.

    Returns:
        One row a seed: `task`, `clock`, `seed`, `ratio`, `censored` (how many of the two runs).
    """
    rows = []
    for task in TASKS:
        lstm, gru = pair(table, task, size)
        reached = np.sum(pair(table, task, size, "reached"), axis=0)
        for clock in CLOCKS:
            factor: np.ndarray | float = 1.0
            if clock != "steps":
                shares = np.array_split(step_ratios(readings, task, clock), len(lstm))
                factor = np.array([np.median(share) for share in shares])
            for seed, ratio in enumerate(gru / lstm * factor):
                rows.append({"task": task, "clock": clock, "seed": seed, "ratio": ratio, "censored": 2 - reached[seed]})
    return pd.DataFrame(rows)


def ratio(table: pd.DataFrame, task: str, clock: str) -> Interval:
    """Median paired ratio with its bootstrap interval, from `ratio_table`."""
    values = table[(table["task"] == task) & (table["clock"] == clock)]["ratio"]
    return ratio_bootstrap(values, np.ones(len(values)))


def time_evidence(table: pd.DataFrame) -> dict[str, Evidence]:
    """Evidence on claim P3 by task and clock; the sign-flip test is on logarithms, against that of the margin."""
    found = {}
    for task in TASKS:
        for clock, words in CLOCKS.items():
            values = table[(table["task"] == task) & (table["clock"] == clock)]["ratio"]
            p = sign_flip(np.log(values), float(np.log(ledger()["P3"].margin)))
            found[f"{TASK_NAMES[task]}, {words}"] = Evidence(ratio(table, task, clock), p)
    return found


def difference(runs: pd.DataFrame, task: str, size: str = "width") -> Interval:
    """Final quality, LSTM − GRU, paired by seed: points, for chorales nats."""
    return paired_bootstrap(quality(runs, task, "lstm"), quality(runs, task, "gru", size))


def accuracy_evidence(runs: pd.DataFrame, size: str = "width") -> dict[str, Evidence]:
    """Evidence on claim P4 on the tasks that are scored in points: interval, and two one-sided tests at its margin."""
    found = {}
    for task in ("mnist1d", "recall"):
        lstm, gru = quality(runs, task, "lstm"), quality(runs, task, "gru", size)
        test = tost_paired(lstm, gru, ledger()["P4"].margin)
        found[TASK_NAMES[task]] = Evidence(paired_bootstrap(lstm, gru), sign_flip((lstm - gru).to_numpy()), test)
    return found


def at_step(runs: pd.DataFrame, step: int) -> pd.DataFrame:
    """One-layer runs of MNIST-1D as they were at `step`: the budget that the stacked ones had."""
    rows = runs[(runs["task"] == "mnist1d") & (runs["size"] == "width") & runs["cell"].isin(GATED)].copy()
    places = [int(np.searchsorted(curves["step"], step, side="right")) - 1 for curves in rows["curves"]]
    curves = [each["quality"] for each in rows["curves"]]
    rows["quality"] = [values[max(place, 0)] for values, place in zip(curves, places, strict=True)]
    return rows


def depth_table(shallow: pd.DataFrame, stacked: pd.DataFrame) -> pd.DataFrame:
    """Accuracy in per cent of every seed by layers and cell, all after the same steps."""
    rows = pd.concat([shallow, stacked])
    columns = ["layers", "cell", "seed", "width", "parameters", "learning_rate", "quality"]
    rows = rows[columns].rename(columns={"quality": "accuracy"})
    return rows.assign(accuracy=100 * rows["accuracy"]).sort_values(columns[:3]).reset_index(drop=True)


def depth_gap(depths: pd.DataFrame, layers: int) -> np.ndarray:
    """Accuracy with `layers` layers, LSTM − GRU, in points, by seed."""
    part = depths[depths["layers"] == layers].pivot(index="seed", columns="cell", values="accuracy")
    return (part["lstm"] - part["gru"]).to_numpy()


def depth_evidence(depths: pd.DataFrame) -> dict[str, Evidence]:
    """Evidence on claim P7 by number of layers; the sign-flip test is against the margin."""
    margin = ledger()["P7"].margin
    gaps = {layers: depth_gap(depths, layers) for layers in DEPTHS}
    return {f"{layers} layers": Evidence(bootstrap(gap), sign_flip(gap, margin)) for layers, gap in gaps.items()}


def factor(words: dict[str, str]) -> str:
    """What tells conditions `task, clock` apart where some support a claim and others contradict it."""
    for place, name in enumerate(("the task", "the clock and its kernels")):
        groups: dict[str, set[str]] = {}
        for key, word in words.items():
            groups.setdefault(key.split(", ")[place], set()).add(word)
        if not any({SUPPORTED, CONTRADICTED} <= group for group in groups.values()):
            return name
    return "the task, the clock and its kernels"


def baselines() -> dict[str, dict[str, float]]:
    """Scores without a recurrent network on the same test data, in the unit of `quality`."""
    return {
        "mnist1d": {"guessing": 100 / mnist1d.CLASSES, "logistic regression": 100 * mnist1d.baseline()},
        "chorales": {"key frequencies": chorales.unigram(), "logistic, frame before": chorales.logistic()},
        "recall": {"guessing": 100 * recall.baseline()},
    }
