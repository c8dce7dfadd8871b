"""Figures of the chapter *memory/counting* on training: the ladder of budgets, and the tuning."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter

from evidence.figures import COLOURS, FAINT, INK, LABELS, MARKERS, MUTED, WIDTH
from evidence.tuning import Tuned
from experiments.counting.analysis import LANGUAGES, LETTERS
from experiments.counting.figures import TICKS
from experiments.counting.grids import GATED, STRINGS

RATIOS = (0.1, 0.2, 0.5, 1, 2, 5, 10, 20)
MISFITS = (0.0001, 0.001, 0.01, 0.1, 1, 10, 100)
STROKES: dict[str, Any] = {"default": "-", "bias:1": (0, (4, 1.5)), "chrono": (0, (1.2, 1.2))}
"""Line of each start."""


def draw_ladder(runs: pd.DataFrame, climbed: pd.DataFrame) -> Figure:
    """Above: first failing n of LSTM and GRU against the budget, every seed a dot; below: their ratio with its interval.

    Args:
        runs: both cells at equal width at every budget. climbed: from `analysis.climb`.
    """
    fig, axes = plt.subplots(
        2, len(STRINGS), figsize=(WIDTH, 5.0), sharex=True, sharey="row", layout="constrained",
        gridspec_kw={"height_ratios": [3, 2]},
    )  # fmt: skip
    budgets, longest, tested = sorted(runs["steps"].unique()), int(runs["longest"].max()), int(runs["tested"].max())
    for (above, below), place in zip(axes.T, STRINGS, strict=True):
        mine = (runs["language"] == place["language"]) & (runs["asked"] == place["asked"])
        for cell, aside in zip(GATED, (0.9, 1.1), strict=True):
            part = runs[mine & (runs["cell"] == cell)]
            above.plot(
                part["steps"] * aside, part["fails_at"], MARKERS[cell], color=COLOURS[cell], markersize=2.5, alpha=0.4
            )
            middle = part.groupby("steps")["fails_at"].median()
            above.plot(middle.index * aside, middle, color=COLOURS[cell], marker=MARKERS[cell], label=LABELS[cell])
        above.axhspan(0.8, longest + 0.5, color=FAINT, alpha=0.45, linewidth=0, zorder=0)
        row = climbed[(climbed["language"] == place["language"]) & (climbed["asked"] == place["asked"])]
        ends = [row["estimate"] - row["low"], row["high"] - row["estimate"]]
        below.errorbar(row["steps"], row["estimate"], yerr=ends, fmt="o-", color=INK, markersize=4, linewidth=1.1)
        below.axhline(1, color=MUTED, linewidth=0.9, zorder=1)
        above.set(xscale="log", yscale="log", ylim=(0.8, tested * 1.3))
        above.set_title(f"{LANGUAGES[place['language']]},\n{LETTERS[place['asked']]}", fontsize=8.5)
        below.set(yscale="log", xlabel="optimiser steps")
        below.set_xticks(budgets, [f"{each:,}" for each in budgets], fontsize=7.5)
        for ax in (above, below):
            ax.minorticks_off()
    ticks = [tick for tick in TICKS if tick <= tested]
    axes[0, 0].set_yticks(ticks, [str(tick) for tick in ticks])
    low, high = min(0.8, climbed["estimate"].min() / 2), max(1.25, 2 * climbed["estimate"].max())  # wide ends are cut
    axes[1, 0].set_ylim(low, high)
    ratios = [each for each in RATIOS if low <= each <= high]
    axes[1, 0].set_yticks(ratios, [f"{each:g}" for each in ratios])
    axes[0, 0].set_ylabel("first failing n")
    axes[1, 0].set_ylabel("LSTM ÷ GRU")
    handles, labels = axes[0, 0].get_legend_handles_labels()
    handles += [Patch(color=FAINT, alpha=0.6), Line2D([], [], color=INK, marker="o", markersize=4)]
    fig.legend(
        handles, [*labels, f"trained on: n ≤ {longest}", "ratio, 95 % interval"], loc="outside lower center", ncols=4
    )
    return fig


def draw_tuning(tunings: Mapping[str, Tuned]) -> Figure:
    """Misfit on the training range against learning rate, a panel a tuning, a line a cell and start, rings where chosen."""
    fig, axes = plt.subplots(1, len(tunings), figsize=(WIDTH, 3.4), layout="constrained", sharey=True)
    for ax, (name, tuned) in zip(np.atleast_1d(axes), tunings.items(), strict=True):
        for (cell, start), part in tuned.runs.groupby(["cell", "start"], sort=False):
            misfit = 100 * (1 - part["fit"]).clip(lower=1e-8)
            ax.plot(part["learning_rate"], misfit, ".", color=COLOURS[cell], markersize=2, alpha=0.6)
            found = misfit.groupby(part["learning_rate"]).mean()
            ax.plot(found.index, found, color=COLOURS[cell], linestyle=STROKES[start], linewidth=1.3)
            mine = tuned.best[(tuned.best["cell"] == cell) & (tuned.best["start"] == start)]
            rate = float(mine["learning_rate"].iloc[0])
            ax.plot(rate, found[rate], "o", markersize=9, color=COLOURS[cell], markerfacecolor="none")
        ax.set(xscale="log", yscale="log", xlabel="learning rate")
        ax.set_title(name, fontsize=8)
        ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        ax.minorticks_off()
    first = np.atleast_1d(axes)[0]
    low, high = first.get_ylim()
    ticks = [tick for tick in MISFITS if low <= tick <= high]
    if len(ticks) > 1:
        first.set_yticks(ticks, [f"{tick:g}" for tick in ticks])
        first.set_ylim(low, high)
    first.set_ylabel("missing in the fit, %")
    drawn = {name for tuned in tunings.values() for name in tuned.runs["start"]}
    cells = dict.fromkeys(cell for tuned in tunings.values() for cell in tuned.runs["cell"])
    handles = [Line2D([], [], color=COLOURS[cell], label=LABELS[cell]) for cell in cells]
    handles += [
        Line2D([], [], color=INK, linestyle=line, label=name) for name, line in STROKES.items() if name in drawn
    ]
    ring: dict[str, Any] = {"marker": "o", "linestyle": "", "markerfacecolor": "none", "markersize": 9}
    handles.append(Line2D([], [], color=MUTED, label="chosen", **ring))
    fig.legend(handles=handles, loc="outside lower center", ncols=len(handles), columnspacing=1.0)
    return fig
