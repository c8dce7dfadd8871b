"""Figures of the chapter *architecture/ablation*."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from evidence.figures import COLOURS, FAINT, INK, MARKERS, MUTED, WIDTH
from evidence.statistics import mean_interval
from experiments.ablation.analysis import CELL_NAMES, GUESSING, TASK_NAMES, pick
from experiments.ablation.plan import CHANGED, GATES, HELD, TASKS, cell_of
from gatedrnn.variants import VARIANTS

LABELS = {
    "lstm_constant_input": "input",
    "lstm_constant_forget": "forget",
    "lstm_constant_output": "output",
    "lstm_coupled": "f = 1 − i",
    "gru_constant_update": "update",
    "gru_constant_reset": "reset",
}
"""What was taken from the whole cell."""
HUES = {"input": "#1a9870", "forget": "#0077bb", "output": "#9b59b6", "f = 1 − i": "#8a8f98"}
HUES |= {"update": "#dd6611", "reset": "#b8860b"}
STROKES: dict[str, Any] = {"input": (0, (4, 1.5)), "forget": "-", "output": (0, (5, 1, 1, 1)), "f = 1 − i": (0, (1, 1))}
STROKES |= {"update": "-", "reset": (0, (4, 1.5))}


def draw_losses(lost: pd.DataFrame) -> Figure:
    """What each changed cell lacks against its whole cell: a dot a seed, a bar for the mean and its 95 % interval."""
    tasks = [task for task in TASKS if task in set(lost["task"])]
    fig, axes = plt.subplots(1, len(tasks), figsize=(WIDTH, 3.2), sharey=True, squeeze=False)
    rng = np.random.default_rng(0)
    for axis, task in zip(axes[0], tasks, strict=True):
        axis.axvline(0, color=MUTED, linewidth=1)
        for row, variant in enumerate(CHANGED):
            values = pick(lost, task=task, variant=variant, match="width")["loss"].to_numpy()
            if len(values) > 1:
                _dots(axis, values, row, cell_of(variant), rng)
        axis.axhline(len(GATES["lstm"]) + 0.5, color=FAINT, linewidth=1)
        axis.set_title(TASK_NAMES[task])
        axis.grid(axis="y", visible=False)
        axis.margins(x=0.08)
    names = [f"{CELL_NAMES[cell_of(each)]}, {LABELS[each]}" for each in CHANGED]
    axes[0, 0].set_yticks(range(len(CHANGED)), names)
    axes[0, 0].set_ylim(len(CHANGED) - 0.5, -0.5)
    fig.supxlabel("points lost against the whole cell", fontsize=9)
    return fig


def _dots(axis: Axes, values: np.ndarray, row: float, cell: str, rng: np.random.Generator) -> None:
    heights = row + 0.17 + rng.uniform(-0.09, 0.09, len(values))
    axis.scatter(values, heights, s=9, color=COLOURS[cell], marker=MARKERS[cell], linewidths=0, alpha=0.6, zorder=2)
    found = mean_interval(values)
    axis.plot([found.low, found.high], [row - 0.13] * 2, color=INK, linewidth=1.7, zorder=3, solid_capstyle="butt")
    axis.plot(found.estimate, row - 0.13, "|", color=INK, markersize=9, markeredgewidth=2, zorder=4)


def draw_ladder(table: pd.DataFrame) -> Figure:
    """Points against the budget, a row a cell and a column a task; a line through the means of each variant."""
    tasks = [task for task in TASKS if task in set(table["task"])]
    fig, axes = plt.subplots(2, len(tasks), figsize=(WIDTH, 4.6), sharex=True, sharey=True, squeeze=False)
    for axis, cell, task in _panels(axes, tasks):
        for variant in [cell, *(each for each in CHANGED if cell_of(each) == cell)]:
            part = pick(table, task=task, variant=variant, match="width")
            axis.plot(part["steps"], part["points"], ".", color=style(variant)["color"], markersize=2.5, alpha=0.4)
            means = part.groupby("steps")["points"].mean()
            axis.plot(means.index, means, **style(variant))
        axis.axhline(GUESSING[task], color=MUTED, linewidth=0.8, linestyle=(0, (1, 2)))
        budgets = sorted(table["steps"].unique())
        axis.set_xscale("log")
        axis.set_xticks(budgets, [f"{each:,}" for each in budgets])
        axis.minorticks_off()
    _tell(fig, axes, "steps allowed", "points")
    return fig


def draw_held(rows: pd.DataFrame) -> Figure:
    """Where units keep a gate that is held: medians over seeds of the middle unit, and of the tenths at both ends."""
    tasks = [task for task in TASKS if task in set(rows["task"])]
    fig, axes = plt.subplots(1, len(tasks), figsize=(WIDTH, 2.5), sharex=True, sharey=True, squeeze=False)
    for axis, task in zip(axes[0], tasks, strict=True):
        for row, variant in enumerate(HELD):
            part = pick(rows, task=task, variant=variant)
            if part.empty:
                continue
            low, middle, high = part[["held_low", "held", "held_high"]].median()
            colour, marker = COLOURS[cell_of(variant)], MARKERS[cell_of(variant)]
            axis.plot([low, high], [row, row], color=colour, linewidth=1.8)
            axis.plot(middle, row, marker, color=colour, markersize=5.5)
            axis.plot(part["held"], [row + 0.28] * len(part), marker, color=colour, markersize=2.2, alpha=0.5)
        axis.set(title=TASK_NAMES[task], xlim=(-0.03, 1.03), xticks=[0, 0.5, 1])
        axis.grid(axis="y", visible=False)
    axes[0, 0].set_yticks(range(len(HELD)), [f"{CELL_NAMES[cell_of(each)]}, {LABELS[each]}" for each in HELD])
    axes[0, 0].set_ylim(len(HELD) - 0.4, -0.6)
    fig.supxlabel("value at which the gate is held (0 shut, 1 open)", fontsize=9)
    return fig


def draw_tuning(runs: pd.DataFrame, best: pd.DataFrame) -> Figure:
    """Score against learning rate, a row a cell and a column a task; the chosen rate has a ring.

    Args:
        runs: tuning runs of whole cells at their best start and of changed cells. best: their chosen rates.
    """
    tasks = [task for task in TASKS if task in set(best["task"])]
    fig, axes = plt.subplots(2, len(tasks), figsize=(WIDTH, 4.6), sharex=True, sharey="col", squeeze=False)
    for axis, cell, task in _panels(axes, tasks):
        for variant in [cell, *(each for each in CHANGED if cell_of(each) == cell)]:
            mean = pick(runs, task=task, variant=variant).groupby("learning_rate")["score"].mean()
            axis.plot(mean.index, mean, marker=".", markersize=4, **style(variant))
            chosen = pick(best, task=task, variant=variant)["learning_rate"].iloc[0]
            ring: dict[str, Any] = {"color": style(variant)["color"], "markersize": 7, "markerfacecolor": "none"}
            axis.plot(chosen, mean[chosen], "o", **ring)
        axis.set(xscale="log")
    _tell(fig, axes, "learning rate", "score on tuning seeds")
    return fig


def _panels(axes: np.ndarray, tasks: list[str]) -> Iterator[tuple[Axes, str, str]]:
    """Each panel with its cell, a row, and its task, a column, which are its title."""
    for (row, cell), (column, task) in itertools.product(enumerate(GATES), enumerate(tasks)):
        axes[row, column].set_title(f"{CELL_NAMES[cell]}, {TASK_NAMES[task]}", fontsize=8.5)
        yield axes[row, column], cell, task


def _tell(fig: Figure, axes: np.ndarray, x: str, y: str) -> None:
    """Labels of the outer axes, and the variants below all panels."""
    for axis in axes[:, 0]:
        axis.set_ylabel(y)
    for axis in axes[-1]:
        axis.set_xlabel(x)
    fig.legend(handles=_keys(), loc="outside lower center", ncols=4, handlelength=3)


def style(variant: str) -> dict[str, Any]:
    """Line of a variant."""
    if variant in GATES:
        return {"color": INK, "linewidth": 2.0}
    label = LABELS[variant]
    return {"color": HUES[label], "linestyle": STROKES[label], "linewidth": 1.5}


def _keys() -> list[Line2D]:
    keys = [Line2D([], [], label=f"{CELL_NAMES[cell_of(each)]}, {LABELS[each]}", **style(each)) for each in CHANGED]
    return [Line2D([], [], label="whole cell", **style("lstm")), *keys]


def told(variant: str) -> str:
    """A variant in words."""
    return f"whole {CELL_NAMES[variant]}" if variant in GATES else VARIANTS[variant].label
