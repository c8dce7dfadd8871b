"""Headline figures of the chapter *memory/recall*: who learns, and after how many steps."""

from __future__ import annotations

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from evidence.figures import COLOURS, FAINT, LABELS, MARKERS, MUTED, PAPER, WIDTH
from experiments.recall.analysis import STARTS, TASKS, gated, pick, success

TASK_NAMES = {"recall": "Recall", "adding": "Adding", "selective": "Two registers"}
START_NAMES = {"default": "default", "bias:1": "bias 1", "bias:3": "bias 3", "chrono": "chrono"}
SHIFTS = {"lstm": -0.1, "rnn": 0.0, "gru": 0.1}
"""How far beside its place a cell is drawn; others than these on it."""
NAMES = {**LABELS, **START_NAMES}
"""Values of the columns that a figure is told by, as they are told."""


def draw_map(table: pd.DataFrame) -> Figure:
    """Success rate against length with Wilson intervals, a row a task and a column a start."""
    lengths = sorted(table["length"].unique())
    fig, axes = plt.subplots(2, len(STARTS), figsize=(WIDTH, 4.6), sharex=True, sharey=True)
    for row, task in zip(axes, TASKS, strict=True):
        for axis, start in zip(row, STARTS, strict=True):
            part = pick(table, task=task, start=start)
            for cell in cells_in(table):
                style = {"color": COLOURS[cell], "marker": MARKERS[cell], "linewidth": 1.7, "markersize": 5}
                _rates(axis, pick(part, cell=cell, match="width"), lengths, SHIFTS.get(cell, 0.0), style)
            wider = {"marker": "s", "markersize": 5, "linestyle": "", **hollow(COLOURS["gru"])}
            _rates(axis, pick(part, match="parameters"), lengths, 0.3, wider)
            axis.set_title(f"{TASK_NAMES[task]}: {START_NAMES[start]}")
            axis.set(ylim=(-6, 106), yticks=[0, 50, 100])
            places(axis, lengths)
        row[0].set_ylabel("seeds that learn it, %")
    for axis in axes[-1]:
        axis.set_xlabel("length T, steps")
    handles: list[Any] = [key(cell) for cell in cells_in(table)]
    handles.append(Line2D([], [], marker="s", linestyle="", label="GRU, equal parameters", **hollow(COLOURS["gru"])))
    fig.legend(handles=handles, loc="outside lower center", ncols=len(handles))
    return fig


def draw_steps(table: pd.DataFrame) -> Figure:
    """Steps to solve of every seed against length, a row a task and a column a start; lines through medians."""
    lengths = sorted(table["length"].unique())
    fig, axes = plt.subplots(2, len(STARTS), figsize=(WIDTH, 5.0), sharex=True, sharey=True)
    for row, task in enumerate(TASKS):
        for axis, start in zip(axes[row], STARTS, strict=True):
            part = pick(table, task=task, start=start, match="width")
            limit(axis, table)
            for cell in cells_in(table):
                rows = pick(part, cell=cell)
                shift = 2.2 * SHIFTS.get(cell, 0.0)
                for length, some in rows.groupby("length"):
                    dots(axis, lengths.index(length) + shift, some, cell)
                middle = medians(rows, "length")
                x = [lengths.index(length) + shift for length in middle.index]
                axis.plot(x, middle, color=COLOURS[cell], linewidth=1.3, alpha=0.8, zorder=1)
            axis.set_title(f"{TASK_NAMES[task]}: {START_NAMES[start]}")
            places(axis, lengths)
        axes[row, 0].set_ylabel("optimiser steps to solve")
    for axis in axes[-1]:
        axis.set_xlabel("length T, steps")
    handles: list[Any] = [key(cell) for cell in cells_in(table)]
    handles.append(Line2D([], [], marker="o", linestyle="", label="seed that did not solve it", **hollow(MUTED)))
    fig.legend(handles=handles, loc="outside lower center", ncols=len(handles))
    return fig


def _rates(axis: Axes, rows: pd.DataFrame, lengths: list[int], shift: float, style: dict[str, Any]) -> None:
    found = {lengths.index(length) + shift: success(some) for length, some in rows.groupby("length")}
    for x, rate in found.items():
        axis.vlines(x, 100 * rate.low, 100 * rate.high, color=style["color"], linewidth=1.1, alpha=0.8)
    axis.plot([*found], [100 * rate.estimate for rate in found.values()], zorder=3, **style)


def cells_in(table: pd.DataFrame) -> list[str]:
    """Cells of a table, those without gates at the end."""
    return [*gated(table), *(["rnn"] if (table["cell"] == "rnn").any() else [])]


def places(axis: Axes, lengths: list[int]) -> None:
    """Lengths side by side, not to scale."""
    axis.set_xticks(range(len(lengths)), [str(each) for each in lengths])
    axis.set_xlim(-0.5, len(lengths) - 0.5)
    axis.grid(axis="x", visible=False)


def dots(axis: Axes, x: float, part: pd.DataFrame, cell: str, spread: float = 0.15) -> None:
    """A dot a seed at its steps, side by side in the order of seeds; open in the band above where it was not solved."""
    shift = np.linspace(-spread, spread, len(part)) if len(part) > 1 else np.zeros(len(part))
    solved, heights = part["solved"].to_numpy() == 1, shown(part)
    style: dict[str, Any] = {"markersize": 3, "linestyle": "", "marker": MARKERS[cell]}
    axis.plot((x + shift)[solved], heights[solved], color=COLOURS[cell], alpha=0.75, **style)
    axis.plot((x + shift)[~solved], heights[~solved], markeredgewidth=0.8, **style, **hollow(COLOURS[cell]))


def shown(part: pd.DataFrame) -> np.ndarray:
    """Heights on an axis of steps: a run that was not solved is drawn above the last step."""
    return np.where(part["solved"] == 1, part["steps"], 1.45 * part["steps_allowed"]).astype(float)


def medians(part: pd.DataFrame, by: str) -> pd.Series:
    """Medians of `shown`, in the band of what was not solved where half of the runs or more were not."""
    groups = part.assign(shown=shown(part), band=1.45 * part["steps_allowed"]).groupby(by)
    return groups["shown"].median().where(groups["solved"].mean() > 0.5, groups["band"].max())


def limit(axis: Axes, part: pd.DataFrame) -> None:
    """A logarithmic axis of steps with a band on top for what was not solved."""
    last = float(part["steps_allowed"].max())
    low = min(last / 24, 0.8 * part["steps"].min())
    ticks = [*(tick for tick in (10, 30, 100, 300, 1000, 3000) if low < tick < last / 1.5), last]
    axis.set(yscale="log", ylim=(low, 1.8 * last))
    axis.set_yticks([*ticks, 1.45 * last], [*(f"{tick:g}" for tick in ticks), "not solved"])
    axis.minorticks_off()
    axis.axhspan(1.2 * last, 1.8 * last, color=FAINT, alpha=0.55, linewidth=0, zorder=0)


def key(cell: str) -> Line2D:
    """A cell in a legend."""
    return Line2D([], [], color=COLOURS[cell], marker=MARKERS[cell], markersize=5, label=LABELS[cell])


def hollow(colour: str) -> dict[str, Any]:
    """An open marker."""
    return {"color": colour, "markerfacecolor": PAPER, "markeredgecolor": colour}
