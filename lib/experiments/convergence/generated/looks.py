"""Second looks of the chapter *performance/convergence* in words: rates, targets, levels, layers and first biases."""

from __future__ import annotations

import numpy as np
import pandas as pd

from evidence.figures import LABELS
from evidence.statistics import bootstrap
from evidence.tuning import Tuned
from experiments.convergence.analysis import (
    DEPTHS,
    GATED,
    TASK_NAMES,
    depth_gap,
    difference,
    scaled,
    still_rising,
    times,
)
from experiments.convergence.generated.outcomes import told
from experiments.convergence.generated.words import layers_named, shown, signed
from experiments.convergence.rates import same_rate, targets
from experiments.convergence.runs import TAIL, TASKS


def depth_rates(depths: pd.DataFrame) -> str:
    """Learning rates by cell and layers."""
    rates = depths.groupby(["layers", "cell"])["learning_rate"].first()
    parts = [
        f"{layers_named(number)}, " + ", ".join(f"{LABELS[cell]} {rates[number, cell]:g}" for cell in GATED)
        for number in (1, *DEPTHS)
    ]
    return "; ".join(parts)


def early_step(depths: pd.DataFrame) -> int:
    """The evaluation nearest to 3/10 of the steps."""
    steps = np.sort(depths["step"].unique())
    return int(steps[np.abs(steps - 0.3 * steps[-1]).argmin()])


def gains(depths: pd.DataFrame) -> str:
    """What stacks change at the end against one layer, by cell, paired by seed."""
    ends = depths[depths["step"] == depths["step"].max()]
    parts = []
    for cell in GATED:
        wide = ends[ends["cell"] == cell].pivot(index="seed", columns="layers", values="final")
        each = [f"{layers_named(number)} {signed('', bootstrap(wide[number] - wide[1]))}" for number in DEPTHS]
        parts.append(f"{LABELS[cell]}, {', '.join(each)}")
    return "; ".join(parts)


def early_gaps(depths: pd.DataFrame) -> str:
    """LSTM − GRU early on, by number of layers."""
    early = early_step(depths)
    parts = [
        f"{layers_named(number)} {signed('', bootstrap(depth_gap(depths, number, early)))}" for number in (1, *DEPTHS)
    ]
    return ", ".join(parts)


def level_by_layers(stacked: pd.DataFrame) -> str:
    """The same for stacks, by number of layers."""
    parts = []
    for number in DEPTHS:
        found = still_rising(stacked[stacked["layers"] == number])
        each = ", ".join(f"{LABELS[cell]} {signed('', one)}" for cell, one in found.items())
        parts.append(f"{layers_named(number)}, {each}")
    return "; ".join(parts)


def level_text(runs: pd.DataFrame) -> str:
    """Whether MNIST-1D has levelled off: what the last evaluations gained over those before them."""
    found = still_rising(runs)
    parts = [f"{LABELS[cell]} {signed('', each)}" for cell, each in found.items()]
    steps = TAIL * int(runs[runs["task"] == "mnist1d"]["every"].iloc[0])
    return f"from the last but one to the last {steps} steps: {', '.join(parts)}"


def same_rate_text(tuned: Tuned, goals: dict[str, float]) -> str:
    """Ratios of steps at equal learning rates, from the tuning runs."""
    table = same_rate(tuned, goals)
    parts = []
    for task in TASKS:
        rows = table[table["task"] == task].sort_values("learning_rate")
        each = ", ".join(f"{row['ratio']:.2f} at {row['learning_rate']:g}" for row in rows.to_dict("records"))
        parts.append(f"{TASK_NAMES[task]} {each or 'at no rate did all runs meet the target'}")
    return "; ".join(parts)


def end_rates_text(runs: pd.DataFrame, goals: dict[str, float]) -> str:
    """Ratio of steps to the target at the rates chosen for the end."""
    table = times(runs, goals)
    parts = []
    for task in TASKS:
        steps = int(runs.loc[runs["task"] == task, "steps"].iloc[0])
        parts.append(f"{TASK_NAMES[task]} {told(table, task, steps)}")
    return ", ".join(parts)


def targets_text(tuned: Tuned, runs: pd.DataFrame, way: float) -> str:
    """Ratio of steps to the target on another part of the way, with how many runs of the gated cells never met it."""
    goals, parts = targets(tuned, way), []
    for task in ("mnist1d", "chorales"):
        table = times(runs[(runs["task"] == task) & (runs["match"] == "width") & runs["cell"].isin(GATED)], goals)
        missed = int((~table["reached"]).sum())
        never = f", {missed} of {len(table)} runs never there" if missed else ", every run there"
        goal = shown(task, scaled(task, goals[task]))
        steps = int(runs.loc[runs["task"] == task, "steps"].iloc[0])
        parts.append(f"{TASK_NAMES[task]} to {goal}: {told(table, task, steps)}{never}")
    return "; ".join(parts)


def speed_accuracy(quick: pd.DataFrame) -> str:
    """Final differences at the rates for speed, where there is no ceiling."""
    parts = [f"{TASK_NAMES[task]} {signed(task, difference(quick, task))}" for task in ("mnist1d", "chorales")]
    return "; ".join(parts)


def rates_text(tuned: Tuned) -> str:
    """How much the learning rate mattered on MNIST-1D, beside how much the cell did."""
    rows = tuned.runs[(tuned.runs["task"] == "mnist1d") & tuned.runs["cell"].isin(GATED)]
    means = 100 * rows.groupby(["cell", "learning_rate"])["score"].mean()
    best = means.groupby("cell").max()
    lstm, gru = (best[cell] - means[cell].min() for cell in GATED)
    apart = abs(best["lstm"] - best["gru"])
    return (
        f"the worst learning rate tried costs {lstm:.0f} points (LSTM) and {gru:.0f} (GRU), the other cell {apart:.0f}"
    )


def start_text(runs: pd.DataFrame, starts: pd.DataFrame, goals: dict[str, float], task: str) -> str:
    """Whether both cells meet the target from two first biases of a task, and how soon."""
    parts = []
    rows = runs[(runs["task"] == task) & (runs["match"] == "width") & runs["cell"].isin(GATED)]
    for part in (rows, starts[starts["task"] == task]):
        found, steps = times(part, goals), int(part["steps"].iloc[0])
        met = found.groupby("cell")["reached"].agg(["sum", "size"])
        kind, _, value = part["start"].iloc[0].partition(":")
        if found["reached"].all():
            said = f"both cells meet the target, the GRU in {told(found, task, steps)} times the LSTM's steps"
        else:
            each = " and ".join(f"{met.loc[cell, 'sum']} of {met.loc[cell, 'size']} {LABELS[cell]}s" for cell in GATED)
            said = f"{each} meet it in {steps} steps"
        parts.append(f"with {'chrono' if kind == 'chrono' else f'first bias {value}'}, {said}")
    return f"{'; '.join(parts)}."


def swapped_text(stacked: pd.DataFrame, swapped: pd.DataFrame | None) -> str:
    """Final accuracy of the deepest stacks at the own and at the other cell's rate, on the same seeds."""
    if swapped is None:
        return "both cells have the same rate"
    own = stacked[(stacked["layers"] == DEPTHS[-1]) & stacked["seed"].isin(swapped["seed"])]
    parts = []
    for cell in GATED:
        each = [
            f"{100 * rows['quality'].mean():.1f} % at {rows['learning_rate'].iloc[0]:g}"
            for rows in (table[table["cell"] == cell] for table in (swapped, own))
        ]
        parts.append(f"{LABELS[cell]} {each[0]} instead of {each[1]}")
    return f"{'; '.join(parts)} (means of {swapped['seed'].nunique()} seeds)"
