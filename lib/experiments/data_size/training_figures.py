"""Figures of the chapter *performance/data_size* on training: the lead by budget, what was learned by heart, and the rates."""

from __future__ import annotations

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullLocator

from evidence.figures import ACCENTS, COLOURS, INK, LABELS, MARKERS, MUTED, PAPER, WIDTH
from evidence.ledger import ledger
from evidence.tuning import Tuned
from experiments.data_size.analysis import TASK_NAMES
from experiments.data_size.figures import dots, sizes_on
from experiments.data_size.grids import GATED, contending
from experiments.shared.tuned_leads import scores

SHORT = {"mnist1d": "MNIST-1D", "vowels": "Vowels"}


def draw_ladder(climbed: pd.DataFrame) -> Figure:
    """GRU − LSTM against the budget of steps, a line a training set, light to dark with its size; bars: 95 % intervals.

    Args:
        climbed: of `analysis.by_budget`.
    """
    fig, axes = plt.subplots(1, len(TASK_NAMES), figsize=(WIDTH, 3.6), sharey=True)
    for axis, task in zip(axes, TASK_NAMES, strict=True):
        part = climbed[climbed["task"] == task]
        sizes, budgets = sorted(part["examples"].unique()), sorted(part["steps"].unique())
        axis.axhline(0, color=MUTED, linewidth=1)
        axis.axhline(ledger()["P6"].margin, color=ACCENTS["good"], linewidth=1.4, linestyle=(0, (4, 2)))
        ends: list[tuple[float, float, str]] = []
        for place, examples in enumerate(sizes):
            rows = part[part["examples"] == examples].sort_values("steps")
            x = rows["steps"] * 1.07 ** (place - (len(sizes) - 1) / 2)
            strength = 0.35 + 0.65 * place / max(1, len(sizes) - 1)
            style: dict[str, Any] = {"color": COLOURS["gru"], "alpha": strength, "marker": "s", "markersize": 4.5}
            axis.errorbar(
                x, rows["estimate"], [rows["estimate"] - rows["low"], rows["high"] - rows["estimate"]], **style
            )
            ends.append((float(rows["estimate"].iloc[-1]), float(x.iloc[-1]), f"{examples:,}"))
        lowest = -np.inf
        for estimate, right, told in sorted(ends):  # names that would lie on each other move up
            lowest = max(estimate, lowest + (climbed["high"].max() - climbed["low"].min()) / 22)
            style = {"xytext": (9, 0), "textcoords": "offset points", "va": "center", "fontsize": 8.5, "color": INK}
            axis.annotate(told, (right, lowest), **style)
        axis.set(xscale="log", title=TASK_NAMES[task], xlabel="optimiser steps")
        axis.set_xticks(budgets, [f"{each:,}" for each in budgets])
        axis.xaxis.set_minor_locator(NullLocator())
        axis.margins(x=0.15)
    axes[0].set_ylabel("GRU − LSTM, points")
    return fig


def draw_settings(leads: pd.DataFrame) -> Figure:
    """GRU − LSTM on small training sets, a row a setting, a marker a set, light to dark with its size; bars: 95 % intervals.

    Args:
        leads: of `analysis.under`.
    """
    settings = list(dict.fromkeys(leads["setting"]))
    fig, axes = plt.subplots(1, len(TASK_NAMES), figsize=(WIDTH, 0.5 * len(settings) + 1.9), sharey=True)
    for axis, task in zip(axes, TASK_NAMES, strict=True):
        part = leads[leads["task"] == task]
        axis.axvline(0, color=MUTED, linewidth=1)
        axis.axvline(ledger()["P6"].margin, color=ACCENTS["good"], linewidth=1.4, linestyle=(0, (4, 2)))
        for place, (examples, rows) in enumerate(part.groupby("examples", sort=True)):
            many = part["examples"].nunique()
            y = rows["setting"].map(settings.index) + 0.22 * (place - (many - 1) / 2)
            reach = [rows["estimate"] - rows["low"], rows["high"] - rows["estimate"]]
            strength = 0.35 + 0.65 * place / max(1, many - 1)
            style: dict[str, Any] = {"color": COLOURS["gru"], "alpha": strength, "marker": "s", "markersize": 4.5}
            axis.errorbar(rows["estimate"], y, xerr=reach, linestyle="", label=f"{examples:,}", **style)
        axis.set(title=TASK_NAMES[task], xlabel="GRU − LSTM, points")
        axis.set_yticks(range(len(settings)), settings)
        axis.legend(title="training sequences", loc="upper center", bbox_to_anchor=(0.45, -0.16), ncols=3)
    axes[0].invert_yaxis()
    return fig


def draw_gap(runs: pd.DataFrame) -> Figure:
    """Accuracy on what was trained on (hollow, dashed) and on the test set (filled), against training-set size."""
    fig, axes = plt.subplots(1, len(TASK_NAMES), figsize=(WIDTH, 3.5))
    for axis, task in zip(axes, TASK_NAMES, strict=True):
        part = runs[(runs["task"] == task) & (runs["match"] == "width")]
        for cell, shift in zip(GATED, (0.96, 1.04), strict=True):
            rows = part[part["cell"] == cell]
            for metric, match, line in (("accuracy", "width", "-"), ("train_accuracy", "parameters", (0, (3, 1.5)))):
                dots(axis, rows["examples"] * shift, 100 * rows[metric], cell, match)
                middle = 100 * rows.groupby("examples")[metric].median()
                axis.plot(middle.index * shift, middle, color=COLOURS[cell], linestyle=line, linewidth=1.6)
        sizes_on(axis, part["examples"].unique().tolist())
        axis.set(title=TASK_NAMES[task])
    axes[0].set_ylabel("accuracy, %")
    handles = [plt.Line2D([], [], color=COLOURS[cell], label=LABELS[cell]) for cell in GATED]
    marked: dict[str, Any] = {"color": MUTED, "marker": "o", "markersize": 4}
    handles += [
        plt.Line2D([], [], linestyle="--", markerfacecolor=PAPER, label="on the training sequences", **marked),
        plt.Line2D([], [], label="on the test set", **marked),
    ]
    fig.legend(handles=handles, loc="outside lower center", ncols=4)
    return fig


def draw_tuning(tuned: Tuned) -> Figure:
    """Validation accuracy against learning rate, a panel a training set; contending rates filled, the chosen one ringed."""
    runs = tuned.runs
    sizes = {task: sorted(runs[runs["task"] == task]["examples"].unique()) for task in TASK_NAMES}
    columns = max(map(len, sizes.values()))
    fig, axes = plt.subplots(len(sizes), columns, figsize=(WIDTH, 4.6), squeeze=False)
    for place, (task, counts) in enumerate(sizes.items()):
        for axis, examples in zip(axes[place], counts, strict=False):
            for cell in GATED:
                _tuned(axis, tuned, {"task": task, "cell": cell, "examples": examples})
            axis.set(xscale="log", title=f"{examples:,}")
            axis.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
            axis.xaxis.set_minor_locator(NullLocator())
            if place == len(sizes) - 1:
                axis.set_xlabel("learning rate")
        for axis in axes[place, len(counts) :]:
            axis.set_visible(False)
        axes[place, 0].set_ylabel(f"{SHORT[task]},\nvalidation, %")
    hollow: dict[str, Any] = {"color": MUTED, "marker": "o", "linestyle": "", "markerfacecolor": "none"}
    handles = [plt.Line2D([], [], color=COLOURS[cell], marker=MARKERS[cell], label=LABELS[cell]) for cell in GATED]
    handles.append(plt.Line2D([], [], markersize=4.5, label="no contender", **hollow))
    handles.append(plt.Line2D([], [], markersize=9, label="chosen", **hollow))
    fig.legend(handles=handles, loc="outside lower center", ncols=4)
    return fig


def _tuned(axis: Axes, tuned: Tuned, place: dict[str, Any]) -> None:
    cell = place["cell"]
    table = 100 * scores(tuned.runs, **place)
    mean, error = table.mean(), table.sem(ddof=1) if len(table) > 1 else 0 * table.mean()
    shift = {"lstm": 0.94, "gru": 1.06}[cell]
    style: dict[str, Any] = {"color": COLOURS[cell]}
    axis.plot(table.columns * shift, mean, linewidth=1.4, **style)
    axis.vlines(table.columns * shift, mean - error, mean + error, linewidth=1.2, **style)
    kept = contending(tuned, **place)
    faces = np.where(np.isin(table.columns, kept), COLOURS[cell], PAPER)
    for rate, face in zip(table.columns, faces, strict=True):
        axis.plot(rate * shift, mean[rate], MARKERS[cell], markerfacecolor=face, markersize=4.5, **style)
    rate = tuned.rate(**place)
    axis.plot(rate * shift, mean[rate], "o", markersize=10, markerfacecolor="none", **style)
