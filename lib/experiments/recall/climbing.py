"""How the answers of the chapter *memory/recall* fare with more steps, and under attack."""

from __future__ import annotations

import itertools
from typing import Any

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from evidence.figures import COLOURS, INK, MARKERS, WIDTH
from experiments.recall.analysis import STARTS, TASKS, evidence, gated, outcomes, pick
from experiments.recall.figures import START_NAMES, TASK_NAMES, key

STROKES: dict[str, Any] = {
    "default": "-",
    "bias:1": (0, (5, 1.5)),
    "bias:3": (0, (1.2, 1.2)),
    "chrono": (0, (5, 1.2, 1.2, 1.2)),
}
"""Line of each start."""


def rungs(below: pd.DataFrame, table: pd.DataFrame, seeds: int) -> pd.DataFrame:
    """Outcomes at all budgets, equal seeds at each.

    Args:
        below: runs at the smaller budgets. table: outcomes at the largest. seeds: how many of them count.
    """
    ladder = outcomes(below)
    top = pick(table, match="width", cell=gated(ladder), length=sorted(ladder["length"].unique()))
    both = pd.concat([ladder, top], ignore_index=True)
    return both[both["seed"] < seeds].reset_index(drop=True)


def success_by_budget(ladder: pd.DataFrame) -> pd.DataFrame:
    """Share of runs that solved the task, in %, by task, start, length, cell and budget (`steps_allowed`)."""
    by = ["task", "start", "length", "cell", "steps_allowed"]
    return ladder.groupby(by, sort=False)["solved"].mean().mul(100).reset_index()


def by_budget(id: str, ladder: pd.DataFrame, length: int) -> dict[str, dict[int, float]]:
    """What a claim is judged by, at each budget and one length, by task and start."""
    found: dict[str, dict[int, float]] = {}
    for budget, part in ladder.groupby("steps_allowed"):
        for condition, each in evidence(id, part, [length]).items():
            found.setdefault(condition, {})[int(budget)] = each.interval.estimate
    return found


def draw_ladder(ladder: pd.DataFrame) -> Figure:
    """Success against budget, a row a task and a column a length; a line a cell and start."""
    rates = success_by_budget(ladder)
    lengths = sorted(rates["length"].unique())
    fig, axes = plt.subplots(len(TASKS), len(lengths), figsize=(WIDTH, 5.0), sharex=True, sharey=True, squeeze=False)
    for row, task in zip(axes, TASKS, strict=True):
        for axis, length in zip(row, lengths, strict=True):
            for (place, start), cell in itertools.product(enumerate(STARTS), gated(ladder)):
                part = pick(rates, task=task, length=length, start=start, cell=cell).sort_values("steps_allowed")
                nudge = 1.6 * (place - 1.5) + (0.5 if cell == "gru" else -0.5)  # equal rates side by side
                style = {"color": COLOURS[cell], "marker": MARKERS[cell], "markersize": 4.5, "linewidth": 1.5}
                axis.plot(part["steps_allowed"], part["solved"] + nudge, linestyle=STROKES[start], **style)
            budgets = sorted(rates["steps_allowed"].unique())
            axis.set(xscale="log", ylim=(-7, 107), yticks=[0, 50, 100], title=f"{TASK_NAMES[task]}, T = {length}")
            axis.set_xticks(budgets, [f"{each:,}" for each in budgets])
            axis.minorticks_off()
        row[0].set_ylabel("seeds that learn it, %")
    for axis in axes[-1]:
        axis.set_xlabel("optimiser steps allowed")
    handles = [key(cell) for cell in gated(ladder)]
    handles += [Line2D([], [], color=INK, linestyle=line, label=START_NAMES[start]) for start, line in STROKES.items()]
    fig.legend(handles=handles, loc="outside lower center", ncols=len(handles), handlelength=3)
    return fig
