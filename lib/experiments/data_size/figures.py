"""Figures of the chapter *performance/data_size*: learning curves, and the lead by size."""

from __future__ import annotations

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from evidence.figures import ACCENTS, COLOURS, FAINT, INK, LABELS, MARKERS, MUTED, PAPER, WIDTH
from evidence.ledger import ledger
from experiments.data_size.analysis import KINDS, TASK_NAMES, by_seed, resampled, wider
from experiments.data_size.grids import SMALL
from experiments.shared.tuned_leads import EQUAL, Leads

KIND_DASHES = {"points": (0, (6, 1.5, 1, 1.5)), "mean": (0, (1, 1.2)), "static": (0, (4, 2)), "kernels": "-"}


def draw_learning_curves(runs: pd.DataFrame, base: pd.DataFrame) -> Figure:
    """Test accuracy against training-set size: a dot a seed, lines through medians, baselines without markers."""
    fig, axes = plt.subplots(1, len(TASK_NAMES), figsize=(WIDTH, 3.9))
    cells = list(dict.fromkeys(runs["cell"]))
    shifts = dict(zip(cells, np.geomspace(0.94, 1.06, len(cells)), strict=True))
    for axis, task in zip(axes, TASK_NAMES, strict=True):
        part, plain = runs[(runs["task"] == task) & (runs["match"] == "width")], base[base["task"] == task]
        for kind in plain["kind"].unique():
            middle = 100 * plain[plain["kind"] == kind].groupby("examples")["accuracy"].median()
            axis.plot(middle.index, middle, color=COLOURS["baseline"], linestyle=KIND_DASHES[kind], label=KINDS[kind])
        for cell in cells:
            rows = part[part["cell"] == cell]
            dots(axis, rows["examples"] * shifts[cell], 100 * rows["accuracy"], cell)
            middle = 100 * rows.groupby("examples")["accuracy"].median()
            axis.plot(middle.index * shifts[cell], middle, color=COLOURS[cell], label=LABELS[cell])
        sizes_on(axis, part["examples"].unique().tolist())
        axis.set(title=TASK_NAMES[task], ylabel="test accuracy, %" if task == next(iter(TASK_NAMES)) else None)
    found = {name: line for axis in axes for line, name in zip(*axis.get_legend_handles_labels(), strict=True)}
    names = [name for name in (*(LABELS[cell] for cell in cells), *KINDS.values()) if name in found]
    fig.legend([found[name] for name in names], names, loc="outside lower center", ncols=3, handlelength=3.4)
    return fig


def draw_differences(table: pd.DataFrame, leads: Leads) -> Figure:
    """GRU − LSTM against training-set size: a dot a seed, the mean with its 95 % interval, and the ledger's margin.

    Args:
        table: differences by seed at the chosen rates. leads: of `tuned_leads.leads`, for the intervals.
    """
    margin = ledger()["P6"].margin
    fig, axes = plt.subplots(len(TASK_NAMES), len(EQUAL), figsize=(WIDTH, 5.2), sharey="row", sharex="row")
    for row, task in enumerate(TASK_NAMES):
        sizes = sorted(table[table["task"] == task]["examples"].unique().tolist())
        for axis, (match, name) in zip(axes[row], EQUAL.items(), strict=True):
            part = table[(table["task"] == task) & (table["match"] == match)]
            shaded = min(sizes[-1] * 1.2, SMALL * 1.13)  # a marker at the limit lies inside
            axis.axvspan(sizes[0] * 0.8, shaded, color=FAINT, alpha=0.35, linewidth=0, zorder=0)
            for examples in sorted(set(sizes) - set(part["examples"])):
                place = {"transform": axis.get_xaxis_transform(), "ha": "center", "va": "center", "fontsize": 8.5}
                axis.text(examples, 0.5, "not run", color=MUTED, rotation=90, **place)
            axis.axhline(0, color=MUTED, linewidth=1)
            axis.axhline(margin, color=ACCENTS["good"], linewidth=1.4, linestyle=(0, (4, 2)), zorder=1)
            dots(axis, part["examples"] * 0.93, part["difference"], "gru", match)
            for examples in part["examples"].unique():
                where = (task, match, [int(examples)])
                found = wider(by_seed(table, *where), resampled(leads, *where))
                axis.plot([examples * 1.05] * 2, [found.low, found.high], color=INK, linewidth=1.8, zorder=3)
                axis.plot(examples * 1.05, found.estimate, "_", color=INK, markersize=9, markeredgewidth=2, zorder=4)
            axis.set(title=f"{TASK_NAMES[task]}, {name}", xlim=(sizes[0] * 0.8, sizes[-1] * 1.2))
            sizes_on(axis, sizes)
        axes[row, 0].set_ylabel("GRU − LSTM, points")
    handles: list[Artist] = [
        plt.Line2D([], [], color=COLOURS["gru"], marker=MARKERS["gru"], linestyle="", markersize=4, label="one seed"),
        plt.Line2D([], [], color=INK, marker="_", markersize=9, label="mean, 95 % interval"),
        plt.Line2D([], [], color=ACCENTS["good"], linestyle=(0, (4, 2)), label=f"margin, {margin:+g} point"),
    ]
    handles.append(plt.Rectangle((0, 0), 1, 1, color=FAINT, alpha=0.5, linewidth=0, label=f"small: up to {SMALL}"))
    fig.legend(handles=handles, loc="outside lower center", ncols=4)
    return fig


def dots(axis: Axes, x: pd.Series, y: pd.Series, cell: str, match: str = "width") -> None:
    """A dot a seed, hollow at equal parameters, spread a little to the sides."""
    face = COLOURS[cell] if match == "width" else PAPER
    spread = np.exp(np.random.default_rng(0).uniform(-0.025, 0.025, len(x)))
    style: dict[str, Any] = {"s": 11, "linewidths": 0.7, "alpha": 0.6, "zorder": 2}
    axis.scatter(x * spread, y, marker=MARKERS[cell], facecolors=face, edgecolors=COLOURS[cell], **style)


def sizes_on(axis: Axes, sizes: list[int]) -> None:
    """Training-set sizes along the bottom."""
    axis.set_xscale("log")
    axis.set_xticks(sorted(sizes), [f"{size:,}" for size in sorted(sizes)])
    axis.xaxis.set_minor_locator(NullLocator())
    axis.set_xlabel("training sequences")
