"""Figures of who learns, for the chapter *memory/gradients*."""

from __future__ import annotations

from typing import Any

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from evidence.figures import COLOURS, INK, LABELS, MARKERS, MUTED, WIDTH
from experiments.gradients.analysis import DEAD, GATED, TIMED, kind, start_name
from experiments.gradients.figures import STROKES

CELLS = (*GATED, "rnn")
LEAST = -45.0
"""log10 of the smallest gain that is drawn; below, a mark stands at the edge."""


def draw_learners(table: pd.DataFrame) -> Figure:
    """Steps to solve against the gain over the delay at the start, a panel a delay: every run a dot, every case a mark."""
    delays = sorted(table["delay"].unique())
    fig, axes = plt.subplots(1, len(delays), figsize=(WIDTH, 3.6), sharey=True, squeeze=False)
    budget = table["steps_allowed"].max()
    for ax, delay in zip(axes[0], delays, strict=True):
        rows = table[table["delay"] == delay]
        rows = rows.assign(
            gain=rows["gain"].clip(lower=LEAST), steps=rows["steps"].where(rows["solved"] > 0, 1.35 * budget)
        )
        for (cell, start), part in rows.groupby(["cell", "start"], sort=False):
            colour, marker = COLOURS[cell], MARKERS[cell]
            ax.plot(part["gain"], part["steps"], ".", color=colour, alpha=0.3, markersize=4)
            x, y = part[["gain", "steps"]].median()
            ax.plot(x, y, marker, color=colour, markersize=8, markerfacecolor=colour if y <= budget else "none")
            beside = {"lstm": ((8, -3), "left")}.get(cell, ((-8, -3), "right"))
            spot, side = beside if y <= budget else ((0, -13 if cell == "rnn" else 8), "center")
            label = {"ha": side, "color": colour, "fontsize": 7.5}
            ax.annotate(start_name(start), (x, y), spot, textcoords="offset points", **label)
        ax.margins(x=0.14)
        ax.axhline(1.16 * budget, color=MUTED, linewidth=0.8)
        ax.axvline(DEAD, color=MUTED, linewidth=0.8, linestyle=":")
        ax.set(
            yscale="log",
            ylim=(None, 2.2 * budget),
            title=f"delay {delay}",
            xlabel="gain over the delay at the start, power of ten",
        )
    axes[0][0].set_ylabel("steps to solve")
    ticks = [tick for tick in (10, 30, 100, 300, 1000, 3000) if rows["steps"].min() / 2 < tick <= budget]
    axes[0][0].set_yticks([*ticks, 1.35 * budget], [*map(str, ticks), "never"])
    axes[0][0].minorticks_off()
    handles = [Line2D([], [], color=COLOURS[c], marker=MARKERS[c], linestyle="", label=LABELS[c]) for c in CELLS]
    fig.legend(handles=handles, loc="outside lower center", ncols=len(handles))
    return fig


def draw_opening(table: pd.DataFrame) -> Figure:
    """Gain over the delay against training step, a panel a cell, a line a start through medians, every run thin.

    A run that has solved its task stays where it ended.
    """
    fig, axes = plt.subplots(1, len(CELLS), figsize=(WIDTH, 3.3), sharex=True, sharey=True)
    last = table["step"].max()
    for ax, cell in zip(axes, CELLS, strict=True):
        for start, rows in table[table["cell"] == cell].groupby("start", sort=False):
            held = rows.pivot(index="step", columns="seed", values="open").reindex(sorted(table["step"].unique()))
            held = held.ffill().clip(lower=LEAST)
            ax.plot(held.index, held, color=COLOURS[cell], linewidth=0.5, alpha=0.25)
            ax.plot(held.index, held.median(axis=1), color=COLOURS[cell], linestyle=STROKES[str(start)])
        ax.axhline(DEAD, color=MUTED, linewidth=0.8, linestyle=":")
        ax.set(title=LABELS[cell], xlabel="training step", xlim=(0, last))
        ax.set_xscale("symlog", linthresh=20, linscale=0.3)
        ticks = [tick for tick in (0, 20, 100, 1000) if tick <= last]
        ax.set_xticks(ticks, [str(tick) for tick in ticks])
        ax.minorticks_off()
    axes[0].set(ylabel="gain over the delay, power of ten", ylim=(-17, 3))
    shown: list[Any] = [Line2D([], [], color=INK, linestyle=STROKES[each], label=start_name(each)) for each in TIMED]
    shown.append(Line2D([], [], color=COLOURS["rnn"], linestyle=STROKES["orthogonal"], label="tanh, orthogonal"))
    fig.legend(handles=shown, loc="outside lower center", ncols=len(shown), handlelength=2.4)
    return fig


def draw_rates(tuning: pd.DataFrame, steps: int) -> Figure:
    """Steps to solve against the learning rate at one delay, a panel a gated cell, a line a start; tuning seeds."""
    fig, axes = plt.subplots(1, 2, figsize=(WIDTH, 3.1), sharex=True, sharey=True)
    table = tuning.assign(start=tuning["start"].map(kind), taken=tuning["solved_at"].astype(float).fillna(1.35 * steps))
    for ax, cell in zip(axes, GATED, strict=True):
        for start, rows in table[table["cell"] == cell].groupby("start", sort=False):
            ax.plot(rows["learning_rate"], rows["taken"], ".", color=COLOURS[cell], alpha=0.4)
            middle = rows.groupby("learning_rate")["taken"].median()
            ax.plot(middle.index, middle, color=COLOURS[cell], linestyle=STROKES[str(start)])
        ax.axhline(1.16 * steps, color=MUTED, linewidth=0.8)
        ax.set(xscale="log", yscale="log", title=LABELS[cell], xlabel="learning rate")
    ticks = [tick for tick in (10, 30, 100, 300, 1000, 3000) if table["taken"].min() / 2 < tick <= steps]
    axes[0].set_yticks([*ticks, 1.35 * steps], [*map(str, ticks), "never"])
    axes[0].set_ylabel("steps to solve")
    axes[0].minorticks_off()
    handles = [Line2D([], [], color=INK, linestyle=STROKES[each], label=start_name(each)) for each in TIMED]
    fig.legend(handles=handles, loc="outside lower center", ncols=len(handles), handlelength=2.4)
    return fig
