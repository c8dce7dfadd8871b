"""Figures of the chapter *applications/on_device*."""

from __future__ import annotations

import math
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from evidence import timing
from evidence.figures import ACCENTS, COLOURS, INK, MARKERS, MUTED, PAPER, WIDTH
from evidence.ledger import ledger
from experiments.on_device.analysis import CELLS, NAMES, SHIPPED, table_of
from experiments.on_device.deployment import FORMATS
from experiments.on_device.live import bytes_of

TICKS = (0.5, 1, 2, 5, 10, 20, 50)
"""Kilobytes that may be marked on an axis."""


def colour(network: str) -> str:
    """Colour of a network; that of a baseline for the convolution."""
    return COLOURS.get(network, COLOURS["baseline"])


def floor(runs: pd.DataFrame) -> float:
    """Accuracy at which the axis of the headline figure begins: a tenth below the least mean, in steps of 0.05."""
    least = min(float(table_of(runs, name, form).mean().min()) for name in NAMES for form in SHIPPED)
    return max(0.0, math.floor(20 * (least - 0.1) + 1e-9) / 20)


def draw_sizes(runs: pd.DataFrame, base: pd.DataFrame, target: float) -> Figure:
    """Accuracy against the bytes of the file, a panel a format: a marker a seed, lines through means, the target.

    What lies below the axis is marked by an arrow at its edge, with its accuracy.
    """
    frame, bottom = int(runs["frame"].iloc[0]), 100 * floor(runs)
    fig, axes = plt.subplots(1, len(SHIPPED), figsize=(WIDTH, 3.7), sharey=True, sharex=True)
    for ax, form in zip(axes, SHIPPED, strict=True):
        for network in NAMES:
            table = 100 * table_of(runs, network, form)
            sizes = np.array([bytes_of(network, width, form, frame) for width in table.columns]) / 1000
            style: dict[str, Any] = dict(color=colour(network), marker=MARKERS.get(network, "D"))
            for _, row in table.iterrows():
                ax.plot(sizes, row.where(row >= bottom), linestyle="", markersize=3, alpha=0.35, **style)
            for size, column in zip(sizes, table, strict=True):
                for value in table.loc[table[column] < bottom, column]:
                    _below(ax, size, bottom, f"{value:.0f} %", colour(network))
            line = "-" if network in CELLS else (0, (4, 2))
            ax.plot(sizes, table.mean(), linestyle=line, markersize=5, label=NAMES[network], **style)
        ax.axhline(100 * target, color=ACCENTS["good"], linewidth=1.3, linestyle=(0, (2, 1.5)), label="target")
        if form == "float32":
            size, value = base["bytes"].iloc[0] / 1000, 100 * base["accuracy"].iloc[0]
            if value < bottom:
                _below(ax, size, bottom, f"logistic\n{value:.0f} %", MUTED)
            else:
                ax.plot(size, value, "x", color=COLOURS["baseline"], markersize=7, markeredgewidth=2)
                place: dict[str, Any] = dict(xytext=(6, -3), textcoords="offset points")
                ax.annotate("logistic", (size, value), color=MUTED, fontsize=8.5, **place)
        ax.set(title=form, xlabel="size of the file, kB")
    axes[0].set(ylim=(bottom, None), xscale="log")
    axes[0].set_xlim(left=0.8 * axes[0].get_xlim()[0])
    _kilobytes(axes[0])
    axes[0].set_ylabel("test accuracy, %")
    fig.legend(*axes[1].get_legend_handles_labels(), loc="outside lower center", ncols=4)
    return fig


def _below(ax: Axes, size: float, bottom: float, text: str, shade: str) -> None:
    place: dict[str, Any] = dict(xytext=(0, 6), textcoords="offset points", ha="center", fontsize=8)
    ax.plot(size, bottom, "v", color=shade, markersize=5, clip_on=False)
    ax.annotate(text, (size, bottom), color=MUTED, **place)


def _kilobytes(ax: Axes) -> None:
    ax.set_xscale("log")
    low, high = ax.get_xlim()
    ticks = [tick for tick in TICKS if low <= tick <= high]
    ax.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    ax.minorticks_off()


def draw_targets(table: pd.DataFrame, target: float) -> Figure:
    """GRU ÷ LSTM at equal quality against the quality asked for, with intervals, the margin and the chosen target."""
    margin = ledger()["U4"].margin
    fig, axes = plt.subplots(1, 2, figsize=(WIDTH, 3.3), sharey=True)
    panels = (("bytes, float32", "bytes, int8 weights"), ("latency, float32",))
    for ax, names in zip(axes, panels, strict=True):
        for name, shift, face in zip(names, (-0.15, 0.15), (COLOURS["gru"], PAPER), strict=False):
            part = table[table["what"] == name]
            x = 100 * part["target"] + shift * (len(names) > 1)
            ax.vlines(x, part["low"], part["high"], color=COLOURS["gru"], linewidth=1.4)
            style: dict[str, Any] = dict(markerfacecolor=face, markeredgecolor=COLOURS["gru"], markersize=5.5)
            ax.plot(x, part["estimate"], MARKERS["gru"], **style)
        ax.axhline(1, color=MUTED, linewidth=1)
        ax.axhline(margin, color=ACCENTS["good"], linewidth=1.4, linestyle=(0, (4, 2)))
        ax.axvline(100 * target, color=INK, linewidth=0.8, linestyle=(0, (1, 1.5)), zorder=0)
        ax.set(title=names[0].partition(",")[0], xlabel="accuracy asked for, %")
    axes[0].set_ylabel("smallest GRU ÷ smallest LSTM")
    marker: dict[str, Any] = dict(linestyle="", marker=MARKERS["gru"], color=COLOURS["gru"])
    handles = [
        Line2D([], [], label="float32", **marker),
        Line2D([], [], label="int8 weights", markerfacecolor=PAPER, **marker),
        Line2D([], [], color=ACCENTS["good"], linestyle=(0, (4, 2)), label=f"margin, {margin:g}"),
        Line2D([], [], color=INK, linewidth=0.8, linestyle=(0, (1, 1.5)), label="the target of this chapter"),
    ]
    fig.legend(handles=handles, loc="outside lower center", ncols=4)
    return fig


def draw_losses(lost: pd.DataFrame) -> Figure:
    """Accuracy lost by each 8-bit format against the width: a marker a seed, lines through means."""
    fig, axes = plt.subplots(1, 2, figsize=(WIDTH, 3.2), sharey=True)
    for ax, form in zip(axes, FORMATS[1:], strict=True):
        for place, network in enumerate(NAMES):
            table = lost[(lost["form"] == form) & (lost["network"] == network)]
            middle = table.groupby("width")["lost"].mean()
            shift = 1.05 ** (place - 1)
            style: dict[str, Any] = dict(color=colour(network), marker=MARKERS.get(network, "D"))
            ax.plot(table["width"] * shift, table["lost"], linestyle="", markersize=3, alpha=0.4, **style)
            ax.plot(middle.index * shift, middle, markersize=5, label=NAMES[network], **style)
        ax.axhline(0, color=MUTED, linewidth=1)
        ax.set(title=form, xscale="log", xlabel="units or channels")
        widths = [width for width in (4, 8, 16, 32, 64) if lost["width"].min() <= width <= lost["width"].max()]
        ax.set_xticks(widths, [str(width) for width in widths])
        ax.minorticks_off()
    axes[0].set_ylabel("accuracy lost, points")
    fig.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return fig


def draw_waits(waits: pd.DataFrame) -> Figure:
    """Latency of a single call of the smallest networks: p50 (marker), p95 (tick) and p99 (end) by format."""
    points = timing.percentiles(waits, by=("network", "form"))
    fig, ax = plt.subplots(figsize=(WIDTH, 2.9))
    fig.set_layout_engine("constrained", w_pad=0.1)
    labels = []
    for place, (form, network) in enumerate((form, network) for form in FORMATS for network in NAMES):
        row = points[(points["network"] == network) & (points["form"] == form)].iloc[0]
        values = [1e6 * row[name] for name in ("p50", "p95", "p99")]
        ax.plot([values[0], values[2]], [place] * 2, color=colour(network), linewidth=1.6)
        ax.plot(values[0], place, MARKERS.get(network, "D"), color=colour(network), markersize=6)
        ax.plot(values[1], place, "|", color=colour(network), markersize=9, markeredgewidth=2)
        labels.append(f"{NAMES[network]}, {form}")
    for edge in range(len(NAMES), len(labels), len(NAMES)):
        ax.axhline(edge - 0.5, color=MUTED, linewidth=0.6)
    ax.set_yticks(range(len(labels)), labels)
    ax.tick_params(axis="y", length=0)
    ax.grid(visible=False, axis="y")
    ax.invert_yaxis()
    ax.set_xlim(left=0)
    ax.set_xlabel("time of a call with one curve, µs: p50 (marker), p95 (tick), p99 (end)")
    return fig


def draw_tuning(runs: pd.DataFrame, best: pd.DataFrame) -> Figure:
    """Validation accuracy against the learning rate for each tuned width; a ring marks the rate chosen."""
    fig, ax = plt.subplots(figsize=(WIDTH * 0.75, 3.2))
    fig.set_layout_engine("constrained", w_pad=0.1)
    for row in best.to_dict("records"):
        part = runs[(runs["network"] == row["network"]) & (runs["width"] == row["width"])]
        mean = 100 * part.groupby("learning_rate")["accuracy"].mean()
        shade, marker = colour(row["network"]), MARKERS.get(row["network"], "D")
        ax.plot(mean.index, mean, color=shade, marker=marker, markersize=4)
        ax.plot(
            row["learning_rate"], mean[row["learning_rate"]], "o", markersize=10, color=shade, markerfacecolor="none"
        )
        name, low = f"{NAMES[row['network']]} {row['width']}", row["network"] == "gru"
        place: dict[str, Any] = dict(xytext=(6, -10 if low else 4), textcoords="offset points", fontsize=8, color=shade)
        ax.annotate(name, (mean.index[-1], mean.iloc[-1]), **place)
    rates = sorted(runs["learning_rate"].unique())
    ax.set(
        xscale="log", xlabel="learning rate", ylabel="validation accuracy, %", xlim=(rates[0] * 0.85, rates[-1] * 2.2)
    )
    ax.set_xticks(rates, [f"{rate:g}".removeprefix("0") for rate in rates])
    ax.minorticks_off()
    return fig
