"""Figures of the chapter *outlook/lightweight*."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from evidence.figures import ACCENTS, COLOURS, FAINT, INK, MARKERS, MUTED, PAPER, WIDTH
from evidence.ledger import ledger
from evidence.tuning import Tuned
from experiments.lightweight.analysis import LABELS, NETWORKS, NEVER, TASKS, name_of

COSTS = {"parameters": "parameters", "multiply_adds": "multiply-adds a sequence", "compiled": "time of a call, µs"}
DASHED = (0, (4, 2))
FORMS = {"loop": "-", "scan": "-", "steps": (0, (1, 1.3))}


def _style(cell: str, layers: int = 1) -> dict[str, Any]:
    """Two layers: dashed, and hollow marks."""
    face = COLOURS[cell] if layers == 1 else PAPER
    return {
        "color": COLOURS[cell],
        "marker": MARKERS[cell],
        "markerfacecolor": face,
        "linestyle": "-" if layers == 1 else DASHED,
    }


def draw_quality(shown: pd.DataFrame, target: float, base: float) -> Figure:
    """Right answers against three costs: every run a dot, lines through means, a line a kind of network.

    Args:
        shown: from `tables.with_quality`. target: quality that counts as that of the GRU. base: without a memory.
    """
    costs = {name: label for name, label in COSTS.items() if name in shown}
    fig, axes = plt.subplots(1, len(costs), figsize=(WIDTH, 3.7), sharey=True, layout="constrained")
    for ax, (name, label) in zip(axes, costs.items(), strict=True):
        for cell, layers in NETWORKS:
            part = shown[(shown["cell"] == cell) & (shown["layers"] == layers)]
            if part.empty:
                continue
            means = part.groupby("width")[[name, "quality"]].mean()
            ax.plot(part[name], 100 * part["quality"], ".", color=COLOURS[cell], markersize=2.5, alpha=0.35)
            ax.plot(means[name], 100 * means["quality"], linewidth=1.4, markersize=4.5, **_style(cell, layers))
        ax.axhline(100 * target, color=ACCENTS["good"], linewidth=1.2, linestyle=(0, (2, 1.5)), zorder=1)
        ax.axhline(100 * base, color=COLOURS["baseline"], linewidth=1, linestyle=DASHED, zorder=1)
        ax.set(xscale="log", xlabel=label)
        _ticks(ax)
    axes[0].set_ylabel("right answers, %")
    kinds = [kind for kind in NETWORKS if ((shown["cell"] == kind[0]) & (shown["layers"] == kind[1])).any()]
    handles = [Line2D([], [], label=name_of(*kind), markersize=4.5, linewidth=1.4, **_style(*kind)) for kind in kinds]
    handles.append(Line2D([], [], color=ACCENTS["good"], linestyle=(0, (2, 1.5)), label="equal to the GRU"))
    handles.append(Line2D([], [], color=COLOURS["baseline"], linestyle=DASHED, label="logistic regression"))
    fig.legend(handles=handles, loc="outside lower center", ncols=5, columnspacing=1.0)
    return fig


def _ticks(ax: Axes) -> None:
    """Few ticks on a logarithmic axis, as plain numbers: 1, 2 and 5, or where that is too many, powers of ten."""
    low, high = ax.get_xlim()
    powers = [10.0**power for power in range(-3, 9)]
    found = [digit * power for power in powers for digit in (1, 2, 5) if low <= digit * power <= high]
    if len(found) > 5:
        found = [power for power in powers if low <= power <= high]
    ax.set_xticks(found, [f"{each:,.10g}" for each in found])
    ax.minorticks_off()


def draw_ratios(table: pd.DataFrame) -> Figure:
    """Light cell ÷ GRU at equal quality: a row a condition, a mark a kind; at the right edge what was never as good.

    Args:
        table: from `tables.conditions`; its first kind is what was published.
    """
    names, kinds = list(dict.fromkeys(table["condition"])), list(dict.fromkeys(table["kind"]))
    fig, ax = plt.subplots(figsize=(WIDTH, 0.42 * len(names) + 1.7), layout="constrained")
    for row, name in enumerate(names):
        part = table[table["condition"] == name].reset_index(drop=True)
        colour = COLOURS[next(cell for cell, label in LABELS.items() if name.startswith(f"{label},"))]
        for place, each in part.iterrows():
            y = row + 0.62 * (int(place) / max(1, len(kinds) - 1) - 0.5) if len(part) > 1 else row
            first = each["kind"] == kinds[0]
            ax.plot([each["low"], min(each["high"], NEVER)], [y, y], color=colour, linewidth=1.8 if first else 0.9)
            mark = ">" if each["estimate"] >= NEVER else MARKERS["lstm"] if first else "o"
            ax.plot(
                each["estimate"],
                y,
                mark,
                color=colour,
                markerfacecolor=colour if first else PAPER,
                markersize=6 if first else 4,
            )
    ax.axvline(1, color=MUTED, linewidth=1, zorder=0)
    ax.axvline(ledger()["F2"].margin, color=ACCENTS["good"], linewidth=1.3, linestyle=DASHED, zorder=0)
    ticks = [0.25, 0.5, 1, 2, 4, NEVER]
    ax.set(xscale="log", ylim=(len(names) - 0.4, -0.6), xlabel="time of a call, light cell ÷ GRU of equal quality")
    ax.set_xlim(min(0.25, 0.9 * float(table["low"].min())), NEVER * 1.15)
    ax.set_xticks(ticks, [*(f"{tick:g}" for tick in ticks[:-1]), "never"])
    ax.minorticks_off()
    ax.set_yticks(range(len(names)), names)
    ax.grid(axis="y", visible=False)
    handles = [
        Line2D([], [], color=INK, marker="o", linestyle="", label=kinds[0]),
        Line2D(
            [], [], color=INK, marker="o", linestyle="", markerfacecolor=PAPER, markersize=4, label="; ".join(kinds[1:])
        ),
        Line2D([], [], color=ACCENTS["good"], linestyle=DASHED, label=f"margin, {ledger()['F2'].margin:g}"),
    ]
    fig.legend(handles=[each for each in handles if each.get_label()], loc="outside lower center", ncols=3)
    return fig


def draw_parity(table: pd.DataFrame) -> Figure:
    """Right parities at the lengths trained and beyond: a row a network, every seed a dot.

    Args:
        table: from `tables.parities`.
    """
    rows = list(table[["cell", "layers", "width", "steps"]].drop_duplicates().itertuples(index=False))
    fig, axes = plt.subplots(1, 2, figsize=(WIDTH, 0.27 * len(rows) + 1.3), sharey=True, layout="constrained")
    panels = {"quality": "at the length trained", "beyond": "beyond it"}
    for ax, (value, title) in zip(axes, panels.items(), strict=True):
        ax.axvline(50, color=COLOURS["baseline"], linewidth=1, linestyle=DASHED)
        for row, key in enumerate(rows):
            same = (table[["cell", "layers", "width", "steps"]] == list(key)).all(axis=1)
            values = 100 * table.loc[same, value]
            style = _style(key.cell, key.layers) | {"linestyle": "", "alpha": 0.7, "markersize": 4.5}
            ax.plot(values, row + np.linspace(-0.22, 0.22, len(values)), **style)
        ax.set(title=title, xlabel="right answers, %", xlim=(40, 103), ylim=(len(rows) - 0.4, -0.6))
        ax.grid(axis="y", visible=False)
    axes[0].set_yticks(
        range(len(rows)),
        [f"{name_of(r.cell, r.layers)}, {r.width} units, {r.steps:,} steps" for r in rows],
        fontsize=7.5,
    )
    return fig


def draw_scans(table: pd.DataFrame) -> Figure:
    """Time of a training step over the length, a panel a batch: scans, and loops by compiled kernels."""
    sizes = sorted(table["batch_size"].unique())
    fig, axes = plt.subplots(1, len(sizes), figsize=(WIDTH, 3.5), sharey=True, layout="constrained", squeeze=False)
    for ax, size in zip(axes[0], sizes, strict=True):
        for (cell, form), part in table[table["batch_size"] == size].groupby(["cell", "form"], sort=False):
            found = part.groupby("length")["seconds"].quantile([0.25, 0.5, 0.75]).mul(1000).unstack()
            style = {"color": COLOURS[cell], "marker": MARKERS[cell], "linestyle": FORMS[str(form)], "markersize": 4.5}
            ax.plot(found.index, found[0.5], label=f"{LABELS[cell]}, {form}", **style)
            ax.fill_between(found.index, found[0.25], found[0.75], color=COLOURS[cell], alpha=0.15, linewidth=0)
        ticks = sorted(table["length"].unique())
        ax.set(
            xscale="log",
            yscale="log",
            xlabel="steps of a sequence, T",
            title=f"{size} at a time" if size > 1 else "one sequence",
        )
        ax.set_xticks(ticks, [f"{tick:,}" for tick in ticks])
        ax.minorticks_off()
    axes[0, 0].set_ylabel("a training step, ms")
    fig.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=5, columnspacing=1.0)
    return fig


def draw_ladder(table: pd.DataFrame) -> Figure:
    """Light cell ÷ GRU at equal quality over the budget of training, with intervals.

    Args:
        table: from `analysis.rungs`.
    """
    fig, ax = plt.subplots(figsize=(0.62 * WIDTH, 2.9), layout="constrained")
    for place, (cell, part) in enumerate(table.groupby("cell", sort=False)):
        x = part["steps"] * 1.05 ** (place - 1)
        ends = [part["estimate"] - part["low"], part["high"].clip(upper=NEVER) - part["estimate"]]
        ax.errorbar(
            x, part["estimate"], yerr=ends, linewidth=1.4, markersize=5, label=LABELS[str(cell)], **_style(str(cell))
        )
    ax.axhline(ledger()["F2"].margin, color=ACCENTS["good"], linewidth=1.3, linestyle=DASHED)
    ax.axhline(1, color=MUTED, linewidth=1)
    _never(ax, table)
    ticks = sorted(table["steps"].unique())
    ax.set(xscale="log", yscale="log", xlabel="optimiser steps", ylabel="light cell ÷ GRU of equal quality")
    ax.set_xticks(ticks, [f"{tick:,}" for tick in ticks])
    ax.minorticks_off()
    values = [0.25, 0.5, 1, 2, 4, NEVER]
    ax.set_yticks(values, [*(f"{value:g}" for value in values[:-1]), "never"])
    ax.legend()
    return fig


def _never(ax: Axes, table: pd.DataFrame) -> None:
    if table["high"].max() >= NEVER:
        ax.axhline(NEVER, color=FAINT, linewidth=1)
    ax.set_ylim(min(0.25, 0.9 * float(table["low"].min())), 1.2 * NEVER)


def draw_tuning(tunings: Mapping[str, Tuned]) -> Figure:
    """Score against the learning rate, a panel a task, a line a network; the chosen rate has a ring."""
    fig, axes = plt.subplots(1, len(tunings), figsize=(WIDTH, 3.5), layout="constrained", squeeze=False)
    for ax, (task, tuned) in zip(axes[0], tunings.items(), strict=True):
        for (cell, layers, width), part in tuned.runs.groupby(["cell", "layers", "width"], sort=False):
            found = part.groupby("learning_rate")["score"].mean()
            style = _style(cell, layers) | {"linewidth": 0.8 + 0.5 * (width == part["width"].max()), "markersize": 3.5}
            ax.plot(found.index, found, **style)
            same = (tuned.best[["cell", "layers", "width"]] == [cell, layers, width]).all(axis=1)
            rate = float(tuned.best.loc[same, "learning_rate"].iloc[0])
            ax.plot(rate, found[rate], "o", markersize=10, color=COLOURS[cell], markerfacecolor="none")
        rates = sorted(tuned.runs["learning_rate"].unique())
        ax.set(xscale="log", title=TASKS[task], xlabel="learning rate")
        ax.set_xticks(rates, [f"{rate:g}".removeprefix("0") for rate in rates], fontsize=7)
        ax.minorticks_off()
    axes[0, 0].set_ylabel("score")
    kinds = [
        kind
        for kind in NETWORKS
        if any(((t.runs["cell"] == kind[0]) & (t.runs["layers"] == kind[1])).any() for t in tunings.values())
    ]
    handles = [Line2D([], [], label=name_of(*kind), markersize=4.5, **_style(*kind)) for kind in kinds]
    handles.append(
        Line2D([], [], color=MUTED, marker="o", linestyle="", markerfacecolor="none", markersize=9, label="chosen")
    )
    fig.legend(handles=handles, loc="outside lower center", ncols=5, columnspacing=1.0)
    return fig
