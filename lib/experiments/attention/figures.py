"""Figures of the chapter *outlook/attention*: quality, ladder, leads, cost and tuning."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, NullFormatter, NullLocator

from evidence.figures import ACCENTS, FAINT, INK, MUTED, PAPER, WIDTH
from evidence.figures import COLOURS as CELL_COLOURS
from evidence.figures import MARKERS as CELL_MARKERS
from evidence.tuning import Tuned
from experiments.attention.analysis import NAMES, TASK_NAMES, pick
from experiments.attention.grids import GATED, KINDS, choices, plain_start

COLOURS = {**CELL_COLOURS, "transformer": ACCENTS["good"]}
MARKERS = {**CELL_MARKERS, "transformer": "P"}
WAYS = {"alone": "cells alone", "with": "with attention", "transformer": "transformer"}
LINES: dict[str, Any] = {"none": "-", "additive": (0, (1, 1.2)), "dot": (0, (4, 1.5))}
SPREAD = {"lstm": -0.12, "gru": 0.12, "transformer": -0.12, "seconds": 0.12}


def draw_lengths(table: pd.DataFrame) -> Figure:
    """Score of recall against length, a panel a way; every seed a dot, lines through means.

    Args:
        table: rows of recall with `way`; `seconds` are transformers in the time of an LSTM with attention.
    """
    lengths = sorted(table["length"].unique())
    fig, axes = plt.subplots(1, len(WAYS), figsize=(WIDTH, 3.3), sharey=True)
    for axis, (way, title) in zip(axes, WAYS.items(), strict=True):
        for cell, rows in pick(table, way=way).groupby("cell", sort=False):
            _line(axis, rows, lengths, str(cell), SPREAD[str(cell)], way == "alone")
        if way == "transformer":
            _line(axis, pick(table, way="seconds"), lengths, "transformer", SPREAD["seconds"], True)
        axis.set_xticks(range(len(lengths)), [str(each) for each in lengths])
        axis.set(xlabel="length T, steps", title=title, ylim=(-6, 106))
        axis.grid(axis="x", visible=False)
    axes[0].set_ylabel("score")
    handles = [_key(cell) for cell in (*GATED, "transformer")]
    handles.append(Line2D([], [], linestyle="", label="open: equal seconds", **_open("transformer")))
    fig.legend(handles=handles, loc="outside lower center", ncols=4)
    return fig


def _line(axis: Axes, rows: pd.DataFrame, lengths: list[int], cell: str, shift: float, hollow: bool) -> None:
    style = _open(cell) if hollow else {"color": COLOURS[cell], "marker": MARKERS[cell]}
    for length, part in rows.groupby("length"):
        x = lengths.index(int(length)) + shift + np.linspace(-0.08, 0.08, len(part))
        axis.plot(x, part["score"], linestyle="", markersize=3, alpha=0.6, **style)
    middle = rows.groupby("length")["score"].mean()
    axis.plot([lengths.index(int(each)) + shift for each in middle.index], middle, linewidth=1.4, **style)


def draw_tasks(table: pd.DataFrame) -> Figure:
    """Scores of every model at the top of the ladder, a panel a task; every seed a dot, bars at means."""
    tasks = list(table["task"].unique())
    order = [(cell, way) for way in ("alone", "with") for cell in GATED]
    order += [("transformer", "transformer"), ("transformer", "seconds")]
    labels = {"alone": "{}", "with": "{} + attention", "transformer": "{}", "seconds": "{},\nequal seconds"}
    fig, axes = plt.subplots(1, len(tasks), figsize=(WIDTH, 3.1), sharey=True)
    for axis, task in zip(np.atleast_1d(axes), tasks, strict=True):
        for place, (cell, way) in enumerate(order):
            rows = pick(table, task=task, cell=cell, way=way)
            face = COLOURS[cell] if way in ("with", "transformer") else PAPER
            spots: dict[str, Any] = {"marker": MARKERS[cell], "facecolors": face, "edgecolors": COLOURS[cell]}
            shift = np.linspace(-0.24, 0.24, len(rows)) if len(rows) > 1 else np.zeros(len(rows))
            axis.scatter(rows["score"], place + shift, s=14, linewidths=0.8, alpha=0.8, **spots)
            axis.plot([rows["score"].mean()] * 2, [place - 0.38, place + 0.38], color=INK, linewidth=1.4)
        axis.set(title=TASK_NAMES[task], xlabel="score")
        axis.grid(axis="y", visible=False)
    first = np.atleast_1d(axes)[0]
    first.set_yticks(range(len(order)), [labels[way].format(NAMES[cell]) for cell, way in order])
    first.set_ylim(len(order) - 0.4, -0.6)
    return fig


def draw_ladder(rungs: pd.DataFrame, margin: float) -> Figure:
    """Gain by attention against the budget, a panel a task, with 95 % intervals; the band is less than the margin."""
    tasks = list(rungs["task"].unique())
    fig, axes = plt.subplots(1, len(tasks), figsize=(WIDTH, 2.9))
    for axis, task in zip(np.atleast_1d(axes), tasks, strict=True):
        axis.axhspan(-margin, margin, color=FAINT, alpha=0.6, linewidth=0)
        axis.axhline(0, color=MUTED, linewidth=0.9)
        for cell, factor in zip(GATED, (0.94, 1.06), strict=True):
            rows = pick(rungs, task=task, cell=cell)
            off = np.abs(rows[["low", "high"]].sub(rows["gain"], axis=0).T)
            style: dict[str, Any] = {"color": COLOURS[cell], "marker": MARKERS[cell], "label": NAMES[cell]}
            axis.errorbar(rows["steps"] * factor, rows["gain"], off, linewidth=1.4, **style)
        steps = sorted(pick(rungs, task=task)["steps"].unique())
        axis.set(xscale="log", title=TASK_NAMES[task], xlabel="training steps")
        axis.set_xticks(steps, [f"{each:,}" for each in steps])
        axis.minorticks_off()
    np.atleast_1d(axes)[0].set_ylabel("gain by attention, points")
    handles, names = np.atleast_1d(axes)[0].get_legend_handles_labels()
    fig.legend(handles, names, loc="outside lower center", ncols=2)
    return fig


def draw_apart(table: pd.DataFrame) -> Figure:
    """LSTM − GRU without attention (open) and with it (full), a line a case, with 95 % intervals."""
    cases = list(table["case"].unique())
    fig, axis = plt.subplots(figsize=(WIDTH * 0.85, 0.42 * len(cases) + 1.0))
    axis.axvline(0, color=MUTED, linewidth=1)
    for way, face, shift in (("alone", PAPER, -0.14), ("with", INK, 0.14)):
        rows = pick(table, way=way)
        off = np.abs(rows[["low", "high"]].sub(rows["lead"], axis=0).T)
        places = [cases.index(each) + shift for each in rows["case"]]
        style: dict[str, Any] = {"color": INK, "markerfacecolor": face, "markersize": 5, "linewidth": 1.3}
        axis.errorbar(rows["lead"], places, xerr=off, fmt="o", label=WAYS[way], **style)
    axis.set_yticks(range(len(cases)), cases)
    axis.set(ylim=(len(cases) - 0.5, -0.5), xlabel="score, LSTM − GRU, points (right: the LSTM is ahead)")
    axis.grid(axis="y", visible=False)
    fig.legend(loc="outside lower center", ncols=2)
    return fig


def draw_costs(readings: pd.DataFrame) -> Figure:
    """Time of a training step, and bytes kept for a sequence, against its length; columns as from `runs.step_times`."""
    fig, (left, right) = plt.subplots(1, 2, figsize=(WIDTH, 3.2))
    for (cell, attention), rows in readings.groupby(["cell", "attention"], sort=False):
        style: dict[str, Any] = {"color": COLOURS[cell], "marker": MARKERS[cell], "linestyle": LINES[attention]}
        label = NAMES[cell] if attention == "none" else f"{NAMES[cell]}, {NAMES[attention]}"
        left.plot(1000 * rows.groupby("length")["seconds"].median(), markersize=4, label=label, **style)
        right.plot(rows.groupby("length")["kept"].mean() / 1024, markersize=4, **style)
    lengths = sorted(readings["length"].unique())
    for axis, name in ((left, "a training step, ms"), (right, "kept for a sequence, KiB")):
        axis.set(xscale="log", yscale="log", xlabel="length T, steps", ylabel=name)
        axis.set_xticks(lengths, [str(each) for each in lengths])
        axis.xaxis.set_minor_locator(NullLocator())
        axis.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axis.yaxis.set_minor_formatter(NullFormatter())
    fig.legend(loc="outside lower center", ncols=4)
    return fig


def draw_tuning(tuned: Mapping[str, Tuned]) -> Figure:
    """Score on the tuning seeds against the learning rate, a row a task and a column a kind; a ring: what is used.

    Of two starts the better one is drawn, rate by rate.
    """
    ways = ("none", *KINDS)
    fig, axes = plt.subplots(
        len(tuned), len(ways), figsize=(WIDTH, 1.9 * len(tuned) + 0.6), sharex=True, sharey="row", squeeze=False
    )
    for row, (task, given) in zip(axes, tuned.items(), strict=True):
        chosen = choices(given)
        for axis, attention in zip(row, ways, strict=True):
            for cell in (*GATED, "transformer"):
                if (cell, attention) not in chosen:
                    continue
                start, rate = chosen[cell, attention]
                rows = pick(given.runs, cell=cell, attention=attention)
                rows = rows[rows["start"].map(plain_start) == start]
                middle = rows.groupby("learning_rate")["score"].mean()
                style: dict[str, Any] = {"color": COLOURS[cell], "marker": MARKERS[cell]}
                axis.plot(rows["learning_rate"], rows["score"], linestyle="", markersize=3, alpha=0.6, **style)
                axis.plot(middle, color=COLOURS[cell], linewidth=1.2)
                axis.plot(rate, middle[rate], "o", markersize=9, color=COLOURS[cell], markerfacecolor="none")
            axis.set(xscale="log", title=f"{TASK_NAMES[task]}, {NAMES[attention]}")
        row[0].set_ylabel("score")
    for axis in axes[-1]:
        axis.set_xlabel("learning rate")
    fig.legend(handles=[_key(cell) for cell in (*GATED, "transformer")], loc="outside lower center", ncols=3)
    return fig


def _key(cell: str) -> Line2D:
    return Line2D([], [], color=COLOURS[cell], marker=MARKERS[cell], markersize=5, label=NAMES[cell])


def _open(cell: str) -> dict[str, Any]:
    return {"color": COLOURS[cell], "marker": MARKERS[cell], "markerfacecolor": PAPER}
