"""Figures of the chapter *memory/sensors*."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullLocator

from evidence.figures import ACCENTS, COLOURS, INK, LABELS, MARKERS, MUTED, PAPER, WIDTH
from evidence.ledger import ledger
from experiments.sensors.analysis import (
    DATA_NAMES,
    POOL_NAMES,
    POOLS,
    START_NAMES,
    STARTS,
    lead,
    pick,
    shortened,
)
from experiments.shared.tuned_leads import Leads

SIDES = {"lstm": -0.18, "gru": 0.18}
"""How far beside its place a cell is drawn; others than these on it."""
KIND_NAMES = {
    "summary": "regression on statistics",
    "kernels": "regression on MiniRocket",
    "convolution": "convolution",
}
KIND_DASHES: dict[str, Any] = {"summary": (0, (1, 1.2)), "kernels": (0, (6, 1.5)), "convolution": (0, (3, 1, 1, 1))}
KIND_MARKERS = {"summary": "x", "kernels": "+", "convolution": "1"}
NAMES = {**DATA_NAMES, **POOL_NAMES, **START_NAMES, **LABELS, **KIND_NAMES}
"""Values of the columns that a figure is told by, as they are told."""


def draw_accuracy(runs: pd.DataFrame, base: pd.DataFrame) -> Figure:
    """Test accuracy by start: a row a way to read off, a column a data set and factor, every seed a dot, bars at means.

    Args:
        runs: one rate of each case. base: of the baselines, with `kind`.
    """
    given = set(zip(runs["data"], runs["factor"], strict=True))
    places = sorted(given, key=lambda each: (list(DATA_NAMES).index(each[0]), each[1]))
    fig, axes = plt.subplots(len(POOLS), len(places), figsize=(WIDTH, 4.9), sharey=True, sharex=True, squeeze=False)
    for (row, pool), (column, (data, factor)) in itertools.product(enumerate(POOLS), enumerate(places)):
        axis, part = axes[row, column], pick(runs, data=data, factor=factor, pool=pool, match="width")
        for (start, cell), some in part.groupby(["start", "cell"], sort=False):
            _column(axis, STARTS.index(start) + SIDES.get(cell, 0.0), 100 * some["accuracy"], cell)
        _levels(axis, pick(base, data=data, factor=factor))
        axis.set_xticks(range(len(STARTS)), [START_NAMES[start] for start in STARTS], rotation=30)
        axis.set_xlim(-0.5, len(STARTS) - 0.5)
        axis.set_title(f"{DATA_NAMES[data]}, {shortened(factor)}\n{POOL_NAMES[pool]}")
    for axis in axes[:, 0]:
        axis.set_ylabel("test accuracy, %")
    fig.legend(handles=[*_cells(runs), *_lines(base)], loc="outside lower center", ncols=5)
    return fig


def draw_leads(tables: pd.DataFrame, leads: Leads) -> Figure:
    """GRU − LSTM: a line a condition, a dot a seed, the mean with its 95 % interval, and the ledger's margin.

    Args:
        tables: differences by seed, at the rates chosen. leads: of `analysis.leads`, for means and intervals.
    """
    margin = ledger()["P6"].margin
    rows = list(dict.fromkeys(zip(tables["data"], tables["factor"], tables["pool"], tables["match"], strict=True)))
    fig, axis = plt.subplots(figsize=(WIDTH, 0.9 + 0.34 * len(rows)))
    axis.axvline(0, color=MUTED, linewidth=1)
    axis.axvline(margin, color=ACCENTS["good"], linewidth=1.4, linestyle=(0, (4, 2)))
    for place, (data, factor, pool, match) in enumerate(rows):
        part = pick(tables, data=data, factor=factor, pool=pool, match=match)
        face = COLOURS["gru"] if match == "width" else PAPER
        shape: dict[str, Any] = {"marker": MARKERS["gru"], "facecolors": face, "edgecolors": COLOURS["gru"]}
        axis.scatter(part["difference"], [place + 0.16] * len(part), s=11, alpha=0.6, linewidths=0.7, **shape)
        found = lead(leads, data, pool, factor, match)
        axis.plot([found.low, found.high], [place - 0.12] * 2, color=INK, linewidth=1.8)
        axis.plot(found.estimate, place - 0.12, "|", color=INK, markersize=9, markeredgewidth=2)
    names = [f"{DATA_NAMES[data]}, {shortened(factor)}, {POOL_NAMES[pool]}" for data, factor, pool, _ in rows]
    axis.set_yticks(range(len(rows)), names)
    axis.invert_yaxis()
    axis.set_xlabel("GRU − LSTM, points of test accuracy")
    square: dict[str, Any] = {"color": COLOURS["gru"], "marker": MARKERS["gru"], "linestyle": "", "markersize": 4}
    handles: list[Artist] = [
        plt.Line2D([], [], label="one seed, equal width", **square),
        plt.Line2D([], [], label="one seed, equal parameters", markerfacecolor=PAPER, **square),
        plt.Line2D([], [], color=INK, label="mean, 95 % interval"),
        plt.Line2D([], [], color=ACCENTS["good"], linestyle=(0, (4, 2)), label=f"margin, {margin:+g} point"),
    ]
    fig.legend(handles=handles, loc="outside lower center", ncols=2)
    return fig


def draw_ladder(runs: pd.DataFrame) -> Figure:
    """Test accuracy of both cells at equal width against the budget in epochs, a panel a data set, factor and way to read."""
    runs = pick(runs, match="width")
    keys = ["data", "factor", "pool"]
    panels = list(runs[keys].drop_duplicates().itertuples(index=False, name=None))
    columns = min(3, len(panels))
    rows = -(-len(panels) // columns)
    fig, axes = plt.subplots(rows, columns, figsize=(WIDTH, 0.4 + 2.3 * rows), sharex=True, sharey=True, squeeze=False)
    budgets = sorted(runs["epochs"].unique())
    for place, axis in enumerate(axes.flat):
        axis.set_visible(place < len(panels))
        axis.set_xticks(range(len(budgets)), [f"{epochs:,}" for epochs in budgets])
    for axis, panel in zip(axes.flat, panels, strict=False):
        for cell in dict.fromkeys(runs["cell"]):
            part = pick(runs, **dict(zip(keys, panel, strict=True)), cell=cell)
            for epochs, some in part.groupby("epochs"):
                _column(axis, budgets.index(epochs) + SIDES.get(cell, 0.0) / 3, 100 * some["accuracy"], cell, bar=False)
            middle = 100 * part.groupby("epochs")["accuracy"].mean()
            places = [budgets.index(epochs) + SIDES.get(cell, 0.0) / 3 for epochs in middle.index]
            axis.plot(places, middle, color=COLOURS[cell], linewidth=1.6)
        axis.set_title(f"{DATA_NAMES[panel[0]]}, {shortened(panel[1])}\n{POOL_NAMES[panel[2]]}")
    for axis in axes[-1]:
        axis.set_xlabel("epochs")
    for line in axes:
        line[0].set_ylabel("test accuracy, %")
    fig.legend(handles=_cells(runs), loc="outside lower center", ncols=2)
    return fig


def draw_truncated(runs: pd.DataFrame) -> Figure:
    """Test accuracy on raw PLAID, last state, against the steps after which the gradient is cut; every seed a dot."""
    cuts = sorted(runs["truncate"].unique(), key=lambda cut: cut or np.inf)
    fig, axis = plt.subplots(figsize=(0.7 * WIDTH, 2.9))
    for cell, (place, cut) in itertools.product(dict.fromkeys(runs["cell"]), enumerate(cuts)):
        _column(axis, place + SIDES.get(cell, 0.0), 100 * pick(runs, cell=cell, truncate=cut)["accuracy"], cell)
    axis.set_xticks(range(len(cuts)), [f"{cut:,} steps" if cut else "not cut" for cut in cuts])
    axis.set(xlim=(-0.5, len(cuts) - 0.5), xlabel="gradient cut every", ylabel="test accuracy, %")
    fig.legend(handles=_cells(runs), loc="outside lower center", ncols=2)
    return fig


def draw_seconds(table: pd.DataFrame) -> Figure:
    """Mean test accuracy on PLAID against seconds of training on one thread: a line a model, a mark a factor.

    Args:
        table: `model`, `factor`, `seconds`, `accuracy`, one row a model and factor.
    """
    fig, axis = plt.subplots(figsize=(0.8 * WIDTH, 3.5))
    for model in dict.fromkeys(table["model"]):
        rows = pick(table, model=model).sort_values("factor")
        kind = COLOURS["baseline"] if model in KIND_NAMES else COLOURS[model]
        style: dict[str, Any] = {"color": kind, "linestyle": KIND_DASHES.get(model, "-")}
        mark = KIND_MARKERS.get(model) or MARKERS[model]
        axis.plot(rows["seconds"], 100 * rows["accuracy"], marker=mark, markersize=6, label=NAMES[model], **style)
        for row in rows.to_dict("records"):
            place: dict[str, Any] = {"xytext": (4, 4), "textcoords": "offset points", "fontsize": 7.5, "color": MUTED}
            axis.annotate(shortened(row["factor"]), (row["seconds"], 100 * row["accuracy"]), **place)
    axis.set(xscale="log", xlabel="seconds to train, one thread", ylabel="test accuracy, %")
    axis.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.xaxis.set_minor_locator(NullLocator())
    fig.legend(loc="outside lower center", ncols=3, handlelength=3.2)
    return fig


def draw_tuning(runs: pd.DataFrame, best: pd.DataFrame) -> Figure:
    """Validation accuracy against learning rate, a row a data set and way to read off, a column a start; chosen ones ringed.

    Args:
        runs: of the tuning at one factor. best: the rate chosen for each case.
    """
    rows = list(dict.fromkeys(zip(runs["data"], runs["pool"], strict=True)))
    starts = list(dict.fromkeys(runs["start"]))
    size = (WIDTH, 1.4 + 1.5 * len(rows))
    fig, axes = plt.subplots(len(rows), len(starts), figsize=size, sharex=True, sharey="row", squeeze=False)
    for (row, (data, pool)), (column, start) in itertools.product(enumerate(rows), enumerate(starts)):
        axis = axes[row, column]
        for cell in dict.fromkeys(runs["cell"]):
            where = {"data": data, "pool": pool, "start": start, "cell": cell}
            _tuned(axis, pick(runs, **where), float(pick(best, **where)["learning_rate"].iloc[0]), cell)
        axis.set(xscale="log", title=f"{DATA_NAMES[data]}, {START_NAMES[start]}\n{POOL_NAMES[pool]}")
        axis.title.set_fontsize(8)
        axis.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axis.xaxis.set_minor_locator(NullLocator())
    for axis in axes[-1]:
        axis.set_xlabel("learning rate")
    for axis in axes[:, 0]:
        axis.set_ylabel("validation, %")
    fig.legend(handles=_cells(runs), loc="outside lower center", ncols=2)
    return fig


def _tuned(axis: Axes, part: pd.DataFrame, chosen: float, cell: str) -> None:
    shift = {"lstm": 0.95, "gru": 1.05}.get(cell, 1.0)
    _dots(axis, part["learning_rate"] * shift, 100 * part["accuracy"], cell)
    middle = 100 * part.groupby("learning_rate")["accuracy"].mean()
    axis.plot(middle.index * shift, middle, color=COLOURS[cell], linewidth=1.3)
    axis.plot(chosen * shift, middle[chosen], "o", markersize=10, color=COLOURS[cell], markerfacecolor="none")


def _column(axis: Axes, place: float, values: pd.Series, cell: str, bar: bool = True) -> None:
    """Every seed a dot, a little apart, and a bar at their mean."""
    spread = np.random.default_rng(0).uniform(-0.1, 0.1, len(values))
    _dots(axis, place + spread, values, cell)
    if bar and len(values):
        axis.plot([place - 0.16, place + 0.16], [values.mean()] * 2, color=INK, linewidth=1.6, zorder=3)


def _dots(axis: Axes, x: Any, y: pd.Series, cell: str) -> None:
    style: dict[str, Any] = {"marker": MARKERS[cell], "color": COLOURS[cell], "alpha": 0.6, "zorder": 2}
    axis.scatter(x, y, s=11, linewidths=0, **style)


def _levels(axis: Axes, base: pd.DataFrame) -> None:
    for kind, rows in base.groupby("kind", sort=False):
        style = {"color": COLOURS["baseline"], "linestyle": KIND_DASHES[kind], "linewidth": 1.5}
        axis.axhline(100 * rows["accuracy"].mean(), zorder=1, **style)


def _cells(runs: pd.DataFrame) -> list[Artist]:
    return [
        plt.Line2D([], [], color=COLOURS[cell], marker=MARKERS[cell], linestyle="", markersize=5, label=LABELS[cell])
        for cell in dict.fromkeys(runs["cell"])
    ]


def _lines(base: pd.DataFrame) -> Sequence[Artist]:
    return [
        plt.Line2D([], [], color=COLOURS["baseline"], linestyle=KIND_DASHES[kind], label=KIND_NAMES[kind])
        for kind in dict.fromkeys(base["kind"])
    ]
