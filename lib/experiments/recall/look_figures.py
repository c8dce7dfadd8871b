"""Figures of the second looks of the chapter *memory/recall*, and of its task with two registers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from evidence.figures import ACCENTS, COLOURS, INK, MARKERS, MUTED, WIDTH
from evidence.tuning import Tuned
from experiments.recall.analysis import GATED, STARTS, TASKS, gated, outcomes, pick, rate
from experiments.recall.figures import SHIFTS, START_NAMES, TASK_NAMES, dots, hollow, key, limit, medians, shown
from experiments.recall.looks import ORDER, shut_at

BROKEN = (0, (3, 1.5))
DECADES = [10.0**power for power in range(-5, 2)]
CONTROL_NAMES = {
    "lstm": "LSTM",
    "lstm_shut": f"input gate\nstarts at {shut_at():.2f}",
    "lstm_coupled": "tied gates\nf = 1 − i",
    "gru": "GRU",
}
GATES = (
    ("lstm", "keep", "LSTM, forget gate f"),
    ("lstm", "write", "LSTM, input gate i"),
    ("gru", "keep", "GRU, update gate z"),
)


def draw_tuning(tuned: Tuned, lengths: Sequence[int]) -> Figure:
    """Steps to solve against learning rate on tuning seeds, recall full and adding open and broken; rings: the rates used."""
    size = (WIDTH, 2.1 * len(lengths) + 0.9)
    fig, axes = plt.subplots(len(lengths), len(STARTS), figsize=size, sharex=True, sharey=True, squeeze=False)
    every = outcomes(pick(tuned.runs, length=list(lengths)))
    shown_cells = gated(every)
    known = sorted({*pick(every, cell=shown_cells)["learning_rate"]})
    for row, length in zip(axes, lengths, strict=True):
        runs = pick(every, length=length)
        for axis, start in zip(row, STARTS, strict=True):
            limit(axis, runs)
            for task, line in (("recall", "-"), ("adding", BROKEN)):
                for cell in shown_cells:
                    rows = pick(runs, task=task, cell=cell, start=start)
                    nudge = {"lstm": 0.94, "gru": 1.06}.get(cell, 1.0)
                    middle = medians(rows, "learning_rate")
                    style: dict[str, Any] = {"color": COLOURS[cell], "linestyle": line, "linewidth": 1.2}
                    axis.plot(middle.index * nudge, middle, **style)
                    face = {"color": COLOURS[cell]} if task == "recall" else hollow(COLOURS[cell])
                    axis.plot(rows["learning_rate"] * nudge, shown(rows), MARKERS[cell], ms=3.2, mew=0.8, **face)
                    used = rate(tuned, {"task": task, "cell": cell, "start": start}, length)
                    spot = {"markersize": 9, "markerfacecolor": "none", "color": COLOURS[cell]}
                    axis.plot(used * nudge, middle.get(used, np.nan), "o", **spot)
            axis.set(xscale="log")
            axis.set_xticks([each for each in DECADES if known[0] <= each <= known[-1]] or known[:1])
            axis.xaxis.set_major_formatter("{x:g}")
            axis.minorticks_off()
            axis.set_title(f"{START_NAMES[start]}, T = {length}", fontsize=9)
        row[0].set_ylabel("steps to solve")
    for axis in axes[-1]:
        axis.set_xlabel("learning rate")
    handles: list[Any] = [key(cell) for cell in shown_cells]
    handles += [Line2D([], [], color=INK, linewidth=1.4, label="recall, full")]
    handles += [Line2D([], [], color=INK, linewidth=1.4, linestyle=BROKEN, label="adding, open")]
    handles += [Line2D([], [], marker="o", markersize=9, linestyle="", label="rate used", **hollow(MUTED))]
    fig.legend(handles=handles, loc="outside lower center", ncols=len(handles))
    return fig


def draw_controls(watched: pd.DataFrame, table: pd.DataFrame) -> Figure:
    """Above, the gates while they learn true and random labels; below, steps to solve on the way from LSTM to GRU."""
    fig, (above, below) = plt.subplots(2, 2, figsize=(WIDTH, 5.7), sharey="row")
    for axis, random in zip(above, (False, True), strict=True):
        for cell, gate, _ in GATES:
            curves = pick(watched, cell=cell, random_labels=random).pivot(index="step", columns="seed", values=gate)
            axis.plot(curves.index, curves, linewidth=0.9, alpha=0.7, marker=".", markersize=2.5, **_gate(cell, gate))
        axis.set(xlabel="optimiser steps", ylim=(0, 1.03), xlim=(0, watched["step"].max()))
        axis.set_title("Gates, random labels" if random else "Gates, true labels")
    above[0].set_ylabel("mean openness of the gate")
    handles = [Line2D([], [], label=text, **_gate(cell, gate)) for cell, gate, text in GATES]
    for axis, task in zip(below, TASKS, strict=True):
        part = pick(table, task=task)
        limit(axis, table)
        for place, cell in enumerate(ORDER):
            dots(axis, place, pick(part, cell=cell), "gru" if cell == "gru" else "lstm", spread=0.25)
        axis.set_xticks(range(len(ORDER)), [CONTROL_NAMES[cell] for cell in ORDER])
        axis.tick_params(axis="x", labelsize=8)
        axis.set_xlim(-0.5, len(ORDER) - 0.5)
        axis.set_title(f"{TASK_NAMES[task]}, bias 1, T = {part['length'].iloc[0]}")
        axis.grid(axis="x", visible=False)
    below[0].set_ylabel("optimiser steps to solve")
    handles.append(Line2D([], [], marker="o", linestyle="", label="seed not solved", **hollow(MUTED)))
    fig.legend(handles=handles, loc="outside upper center", ncols=4, handlelength=2.2, columnspacing=1.2)
    return fig


def draw_selective(table: pd.DataFrame) -> Figure:
    """Both registers right at the end, steps to solve, and the gates at marks, by start: a dot a seed."""
    fig, (left, middle, right) = plt.subplots(1, 3, figsize=(WIDTH, 3.0))
    limit(middle, table)
    for place, start in enumerate(STARTS):
        for cell in GATED:
            part, x = pick(table, start=start, cell=cell), place + 2 * SHIFTS[cell]
            solved = part["solved"].to_numpy() == 1
            spots = x + np.linspace(-0.09, 0.09, len(part))
            for axis, heights in ((left, 100 * part["quality"]), (right, part["contrast"])):
                y = heights.to_numpy()
                axis.plot(spots[solved], y[solved], MARKERS[cell], ms=3.2, color=COLOURS[cell], alpha=0.85)
                axis.plot(spots[~solved], y[~solved], MARKERS[cell], ms=3.2, mew=0.8, **hollow(COLOURS[cell]))
            dots(middle, x, part, cell)
    for axis in (left, middle, right):
        axis.set_xticks(range(len(STARTS)), [START_NAMES[start] for start in STARTS])
        axis.set_xlim(-0.5, len(STARTS) - 0.5)
        axis.grid(axis="x", visible=False)
    left.set(ylim=(-4, 105))
    left.set_title("Both registers right, %")
    middle.set_title("Steps to solve")
    right.set_title("Write gate at marks")
    right.set_ylabel("openness at marks − elsewhere")
    right.axhline(0, color=MUTED, linewidth=0.8, zorder=0)
    handles: list[Any] = [key(cell) for cell in GATED]
    handles.append(Line2D([], [], marker="o", linestyle="", label="seed not solved", **hollow(MUTED)))
    fig.legend(handles=handles, loc="outside lower center", ncols=3)
    return fig


def _gate(cell: str, gate: str) -> dict[str, Any]:
    colour = COLOURS[cell] if gate == "keep" else ACCENTS["good"]
    return {"color": colour, "linestyle": "-" if gate == "keep" else BROKEN}
