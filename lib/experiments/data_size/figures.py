"""Figures of the chapter *performance/data_size*."""

from __future__ import annotations

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullLocator

from evidence.figures import ACCENTS, COLOURS, FAINT, INK, LABELS, MARKERS, MUTED, PAPER, WIDTH
from evidence.ledger import ledger
from experiments.data_size.analysis import KINDS, SMALL, TASK_NAMES
from experiments.shared.tuned_leads import EQUAL, Leads, contenders, interval, scores

CELLS = ("lstm", "gru")
SHORT = {"mnist1d": "MNIST-1D", "vowels": "Vowels"}
KIND_DASHES = {"points": (0, (6, 1.5, 1, 1.5)), "mean": (0, (1, 1.2)), "static": (0, (4, 2))}


def draw_learning_curves(runs: pd.DataFrame, base: pd.DataFrame) -> Figure:
    """Test accuracy against training-set size: a dot a seed, lines through medians, baselines without markers."""
    fig, axes = plt.subplots(1, len(TASK_NAMES), figsize=(WIDTH, 3.9))
    for axis, task in zip(axes, TASK_NAMES, strict=True):
        part, plain = runs[runs["task"] == task], base[base["task"] == task]
        for kind in plain["kind"].unique():
            middle = 100 * plain[plain["kind"] == kind].groupby("examples")["accuracy"].median()
            style = {"color": COLOURS["baseline"], "linestyle": KIND_DASHES[kind], "linewidth": 1.7}
            axis.plot(middle.index, middle, label=KINDS[kind], **style)
        for cell, match in (("lstm", "width"), ("gru", "parameters"), ("gru", "width")):
            rows = part[(part["cell"] == cell) & (part["match"] == match)]
            shift = {"lstm": 0.94, "gru": 1.0 if match == "width" else 1.065}[cell]
            _dots(axis, rows["examples"] * shift, 100 * rows["accuracy"], cell, match)
            middle = 100 * rows.groupby("examples")["accuracy"].median()
            line = "-" if match == "width" else (0, (2, 1))
            name = LABELS[cell] if match == "width" else f"{LABELS[cell]}, equal parameters"
            axis.plot(middle.index * shift, middle, color=COLOURS[cell], linestyle=line, linewidth=1.8, label=name)
        _sizes(axis, part["examples"].unique())
        axis.set(title=TASK_NAMES[task], ylabel="test accuracy, %" if task == next(iter(TASK_NAMES)) else None)
    found = {name: line for axis in axes for line, name in zip(*axis.get_legend_handles_labels(), strict=True)}
    order = [
        name
        for name in (*LABELS.values(), *(f"{label}, equal parameters" for label in LABELS.values()))
        if name in found
    ]
    names = [*order, *(name for name in KINDS.values() if name in found)]
    fig.legend([found[name] for name in names], names, loc="outside lower center", ncols=3, handlelength=3.4)
    return fig


def draw_differences(table: pd.DataFrame, leads: Leads) -> Figure:
    """GRU − LSTM against training-set size: a dot a seed, the mean with its 95 % interval, and the ledger's margin.

    Args:
        table: differences by seed at the chosen rates. leads: of `tuned_leads.leads`, for means and intervals.
    """
    margin = ledger()["P6"].margin
    fig, axes = plt.subplots(len(TASK_NAMES), len(EQUAL), figsize=(WIDTH, 5.2), sharey="row", sharex="row")
    for row, task in enumerate(TASK_NAMES):
        for axis, (match, name) in zip(axes[row], EQUAL.items(), strict=True):
            part = table[(table["task"] == task) & (table["match"] == match)]
            sizes = sorted(table[table["task"] == task]["examples"].unique())
            shaded = min(sizes[-1] * 1.2, SMALL * 1.13)  # a marker at the limit lies inside
            axis.axvspan(sizes[0] * 0.8, shaded, color=FAINT, alpha=0.35, linewidth=0, zorder=0)
            for examples in set(sizes) - set(part["examples"]):
                place = {"transform": axis.get_xaxis_transform(), "ha": "center", "va": "center", "fontsize": 8.5}
                axis.text(examples, 0.5, "not run", color=MUTED, rotation=90, **place)
            axis.axhline(0, color=MUTED, linewidth=1)
            axis.axhline(margin, color=ACCENTS["good"], linewidth=1.4, linestyle=(0, (4, 2)), zorder=1)
            _dots(axis, part["examples"] * 0.93, part["difference"], "gru", match)
            for examples in part["examples"].unique():
                found = interval(leads[task, match, int(examples)])
                axis.plot([examples * 1.05] * 2, [found.low, found.high], color=INK, linewidth=1.8, zorder=3)
                axis.plot(examples * 1.05, found.estimate, "_", color=INK, markersize=9, markeredgewidth=2, zorder=4)
            axis.set(title=f"{TASK_NAMES[task]}, {name}", xlim=(sizes[0] * 0.8, sizes[-1] * 1.2))
            _sizes(axis, sizes)
        axes[row, 0].set_ylabel("GRU − LSTM, points")
    handles: list[Artist] = [
        plt.Line2D([], [], color=COLOURS["gru"], marker=MARKERS["gru"], linestyle="", markersize=4, label="one seed"),
        plt.Line2D([], [], color=INK, marker="_", markersize=9, label="mean, 95 % interval"),
        plt.Line2D([], [], color=ACCENTS["good"], linestyle=(0, (4, 2)), label=f"margin, {margin:+g} point"),
    ]
    handles.append(plt.Rectangle((0, 0), 1, 1, color=FAINT, alpha=0.5, linewidth=0, label=f"small: up to {SMALL}"))
    fig.legend(handles=handles, loc="outside lower center", ncols=4)
    return fig


def draw_tuning(runs: pd.DataFrame, best: pd.DataFrame) -> Figure:
    """Validation accuracy against learning rate, a panel a training set; contending rates filled, the chosen one ringed."""
    sizes = {task: sorted(runs[runs["task"] == task]["examples"].unique()) for task in TASK_NAMES}
    columns = max(map(len, sizes.values()))
    fig, axes = plt.subplots(len(sizes), columns, figsize=(WIDTH, 4.6), sharex=True, squeeze=False)
    for place, (task, counts) in enumerate(sizes.items()):
        for axis, examples in zip(axes[place], counts, strict=False):
            for cell in CELLS:
                _tuned(axis, runs, best, {"task": task, "cell": cell, "examples": examples})
            axis.set(xscale="log", title=f"{SHORT[task]}, {examples:,}")
            axis.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
            axis.xaxis.set_minor_locator(NullLocator())
            axis.tick_params(labelbottom=True)
            if place == len(sizes) - 1:
                axis.set_xlabel("learning rate")
        for axis in axes[place, len(counts) :]:
            axis.set_visible(False)
        axes[place, 0].set_ylabel("validation\naccuracy, %")
    handles = [
        plt.Line2D([], [], color=COLOURS[cell], marker=MARKERS[cell], markersize=4.5, label=LABELS[cell])
        for cell in CELLS
    ]
    hollow: dict[str, Any] = {"color": MUTED, "marker": "o", "linestyle": "", "markerfacecolor": PAPER}
    handles.append(plt.Line2D([], [], markersize=4.5, label="no contender", **hollow))
    handles.append(plt.Line2D([], [], markersize=9, label="chosen", **hollow))
    fig.legend(handles=handles, loc="outside lower center", ncols=4)
    return fig


def _tuned(axis: Axes, runs: pd.DataFrame, best: pd.DataFrame, keys: dict[str, Any]) -> None:
    table, colour = 100 * scores(runs, **keys), COLOURS[keys["cell"]]
    mean, error = table.mean(), table.sem(ddof=1) if len(table) > 1 else 0 * table.mean()
    shift = {"lstm": 0.94, "gru": 1.06}[keys["cell"]]
    axis.plot(table.columns * shift, mean, color=colour, linewidth=1.4)
    axis.vlines(table.columns * shift, mean - error, mean + error, color=colour, linewidth=1.2)
    kept = contenders(table)
    for rate in table.columns:
        face = colour if rate in kept else PAPER
        axis.plot(rate * shift, mean[rate], MARKERS[keys["cell"]], color=colour, markerfacecolor=face, markersize=4.5)
    chosen = best
    for name, value in keys.items():
        chosen = chosen[chosen[name] == value]
    rate = chosen["learning_rate"].iloc[0]
    axis.plot(rate * shift, mean[rate], "o", markersize=10, color=colour, markerfacecolor="none")


def draw_gap(runs: pd.DataFrame) -> Figure:
    """Accuracy on what was trained on (hollow, dashed) and on the test set (filled), against training-set size."""
    fig, axes = plt.subplots(1, len(TASK_NAMES), figsize=(WIDTH, 3.5))
    for axis, task in zip(axes, TASK_NAMES, strict=True):
        part = runs[(runs["task"] == task) & (runs["match"] == "width")]
        for cell, shift in zip(CELLS, (0.96, 1.04), strict=True):
            rows = part[part["cell"] == cell]
            for metric, match, line in (("accuracy", "width", "-"), ("train_accuracy", "parameters", (0, (3, 1.5)))):
                _dots(axis, rows["examples"] * shift, 100 * rows[metric], cell, match)
                middle = 100 * rows.groupby("examples")[metric].median()
                axis.plot(middle.index * shift, middle, color=COLOURS[cell], linestyle=line, linewidth=1.6)
        _sizes(axis, part["examples"].unique())
        axis.set(title=TASK_NAMES[task])
    axes[0].set_ylabel("accuracy, %")
    handles = [plt.Line2D([], [], color=COLOURS[cell], label=LABELS[cell]) for cell in CELLS]
    marked: dict[str, Any] = {"color": MUTED, "marker": "o", "markersize": 4}
    handles += [
        plt.Line2D([], [], linestyle="--", markerfacecolor=PAPER, label="on the training sequences", **marked),
        plt.Line2D([], [], label="on the test set", **marked),
    ]
    fig.legend(handles=handles, loc="outside lower center", ncols=4)
    return fig


def _dots(axis: Axes, x: pd.Series, y: pd.Series, cell: str, match: str) -> None:
    colour = COLOURS[cell]
    face = colour if match == "width" else PAPER
    spread = np.exp(np.random.default_rng(0).uniform(-0.025, 0.025, len(x)))
    axis.scatter(
        x * spread,
        y,
        s=11,
        marker=MARKERS[cell],
        facecolors=face,
        edgecolors=colour,
        linewidths=0.7,
        alpha=0.6,
        zorder=2,
    )


def _sizes(axis: Axes, sizes: np.ndarray | list[int]) -> None:
    axis.set_xscale("log")
    axis.set_xticks(sorted(sizes), [f"{size:,}" for size in sorted(sizes)])
    axis.xaxis.set_minor_locator(NullLocator())
    axis.set_xlabel("training sequences")
