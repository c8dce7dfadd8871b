"""Headline figures of the chapter *memory/recall*: who learns, what decides it, and after how many steps."""

from __future__ import annotations

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from evidence.figures import ACCENTS, COLOURS, FAINT, INK, LABELS, MARKERS, MUTED, PAPER, WIDTH
from experiments.recall.analysis import GATED, STARTS, TASKS, pick, success

TASK_NAMES = {"recall": "Recall", "adding": "Adding", "selective": "Two registers"}
START_NAMES = {"default": "default", "bias:1": "bias 1", "chrono": "chrono"}
SHIFTS = {"lstm": -0.1, "rnn": 0.0, "gru": 0.1}
FACTORS = {
    "cell": "cell",
    "start": "start of the gates",
    "cell × start": "cell with start",
    "length": "length",
    "task": "task",
    "learning_rate": "learning rate",
    "other combinations": "other combinations",
    "seed": "seed",
}
PANELS = {
    "solved or not": "Solved or not",
    "log of steps": "Steps (log)",
    "solved or not, all rates": "Solved, all rates",
}


def draw_map(table: pd.DataFrame, shares: pd.DataFrame) -> Figure:
    """Success rate against length, a row a task and a column a start; below, what the variance goes with."""
    lengths = sorted(table["length"].unique())
    fig = plt.figure(figsize=(WIDTH, 6.6))
    grid = fig.add_gridspec(3, 3, height_ratios=[1, 1, 1.12])
    for row, task in enumerate(TASKS):
        for column, start in enumerate(STARTS):
            axis = fig.add_subplot(grid[row, column])
            part = pick(table, task=task, start=start)
            for cell in ("rnn", *GATED):
                if len(rows := pick(part, cell=cell, match="width")):
                    _rates(axis, rows, cell, lengths)
            equal = pick(part, match="parameters")
            for length, rows in equal.groupby("length"):
                place = lengths.index(length) + 0.3
                axis.plot(place, 100 * rows["solved"].mean(), "s", markersize=5, **hollow(COLOURS["gru"]))
            axis.set_title(f"{TASK_NAMES[task]}: {START_NAMES[start]}")
            axis.set(ylim=(-6, 106), yticks=[0, 50, 100])
            axis.tick_params(labelleft=not column, labelbottom=row == len(TASKS) - 1)
            places(axis, lengths)
            if row == len(TASKS) - 1:
                axis.set_xlabel("length T, steps")
            if not column:
                axis.set_ylabel("seeds that learn it, %")
    names = [name for name in FACTORS if name in set(shares["factor"])]
    for column, panel in enumerate(PANELS):
        axis = fig.add_subplot(grid[2, column])
        _bars(axis, pick(shares, panel=panel).set_index("factor"), names)
        axis.set_title(PANELS[panel])
        axis.tick_params(labelleft=not column)
    handles: list[Any] = [key(cell) for cell in ("lstm", "gru", "rnn")]
    handles.append(Line2D([], [], marker="s", linestyle="", label="GRU, equal parameters", **hollow(COLOURS["gru"])))
    fig.legend(handles=handles, loc="outside upper center", ncols=4)
    return fig


def draw_steps(table: pd.DataFrame) -> Figure:
    """Steps to solve of every seed against length, a row a task and a column a start; lines through medians."""
    lengths = sorted(table["length"].unique())
    fig, axes = plt.subplots(2, 3, figsize=(WIDTH, 5.0), sharex=True, sharey=True)
    for row, task in enumerate(TASKS):
        for axis, start in zip(axes[row], STARTS, strict=True):
            part = pick(table, task=task, start=start, match="width")
            limit(axis, table)
            for cell in ("rnn", *GATED):
                rows = pick(part, cell=cell)
                shift = 2.2 * SHIFTS[cell]
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
    handles: list[Any] = [key(cell) for cell in ("lstm", "gru", "rnn")]
    handles.append(Line2D([], [], marker="o", linestyle="", label="seed that did not solve it", **hollow(MUTED)))
    fig.legend(handles=handles, loc="outside lower center", ncols=4)
    return fig


def _rates(axis: Axes, rows: pd.DataFrame, cell: str, lengths: list[int]) -> None:
    """Success rate against length, with Wilson intervals."""
    known = [length for length in lengths if length in set(rows["length"])]
    found = [success(pick(rows, length=length)) for length in known]
    x = np.array([lengths.index(length) for length in known]) + SHIFTS[cell]
    low, middle, high = ([100 * value for value in each] for each in zip(*map(_ends, found), strict=True))
    axis.vlines(x, low, high, color=COLOURS[cell], linewidth=1.1, alpha=0.8)
    axis.plot(x, middle, color=COLOURS[cell], marker=MARKERS[cell], linewidth=1.7, markersize=5, zorder=3)


def _ends(found: Any) -> tuple[float, float, float]:
    return found.low, found.estimate, found.high


def _bars(axis: Axes, part: pd.DataFrame, names: list[str]) -> None:
    """A bar a factor with its share in per cent; whiskers where there are intervals."""
    for place, factor in enumerate(names):
        if factor not in part.index:
            axis.text(1, place, "tuned for each", va="center", fontsize=7.5, color=MUTED)
            continue
        share, low, high = (float(part.loc[factor].get(name, np.nan)) for name in ("share", "low", "high"))
        ours = factor in ("cell", "start", "cell × start")
        axis.barh(place, share, height=0.66, color=ACCENTS["good"] if ours else COLOURS["baseline"])
        if np.isfinite(low):
            axis.plot([low, high], [place] * 2, color=INK, linewidth=1.1)
        axis.text(max(share, high if np.isfinite(high) else 0) + 2, place, f"{share:.0f}", va="center", fontsize=8)
    axis.set(xlim=(0, 100), xlabel="share of variance, %", xticks=[0, 25, 50, 75])
    axis.set_yticks(range(len(names)), [FACTORS[name] for name in names])
    axis.invert_yaxis()
    axis.grid(axis="y", visible=False)


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
    ticks = [last / 16, last / 8, last / 4, last / 2, last]
    axis.set(yscale="log", ylim=(min(last / 24, 0.8 * part["steps"].min()), 1.8 * last))
    axis.set_yticks([*ticks, 1.45 * last], [*(f"{tick:g}" for tick in ticks), "not solved"])
    axis.minorticks_off()
    axis.axhspan(1.2 * last, 1.8 * last, color=FAINT, alpha=0.55, linewidth=0, zorder=0)


def key(cell: str) -> Line2D:
    """A cell in a legend."""
    return Line2D([], [], color=COLOURS[cell], marker=MARKERS[cell], markersize=5, label=LABELS[cell])


def hollow(colour: str) -> dict[str, Any]:
    """An open marker."""
    return {"color": colour, "markerfacecolor": PAPER, "markeredgecolor": colour}
