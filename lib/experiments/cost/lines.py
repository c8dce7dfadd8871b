"""Line figures of the chapter *performance/cost*: calls and time of a step, growth, waiting times."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib import ticker
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from evidence.figures import COLOURS, INK, MUTED, WIDTH
from experiments.cost.figures import ARCHITECTURE, FLOP_RATIO, KINDS, LOOKS

SHOWN = ("LSTM, oneDNN", "LSTM, native", "GRU", "LSTM, matched", "GRU, matched")


def kernel_steps(kernels: pd.DataFrame, steps: pd.DataFrame) -> Figure:
    """Why: operator calls that one more time step costs, and time of a step against the work in it.

    Args:
        kernels: from `experiments.cost_kernels.kernels`.
        steps: from `experiments.cost.per_step`, inference, one thread.
    """
    fig, (left, right) = plt.subplots(1, 2, figsize=(WIDTH, 3.7), width_ratios=[1, 1.45])
    rows = [("lstm", True, "LSTM,\noneDNN", "LSTM, oneDNN"), ("lstm", False, "LSTM,\nnative", "LSTM, native")]
    rows += [("gru", True, "GRU,\noneDNN\nallowed", "GRU"), ("gru", False, "GRU,\nnative", "GRU")]
    for place, (cell, allowed, _, look) in enumerate(rows):
        part = kernels[(kernels["cell"] == cell) & (kernels["onednn"] == allowed)].set_index("mode")["per_step"]
        for shift, mode, alpha in ((-0.2, "training", 1.0), (0.2, "inference", 0.45)):
            count = part[mode]
            left.barh(place + shift, count, 0.36, color=LOOKS[look]["color"], alpha=alpha)
            left.text(count + 1.5, place + shift, f"{count:.0f} {mode}", va="center", fontsize=8)
    left.set_yticks(range(len(rows)), [label for *_, label, _ in rows])
    left.invert_yaxis()
    left.set_xlim(0, kernels["per_step"].max() * 1.6)
    left.grid(axis="y", visible=False)
    left.set_xlabel("operator calls for each time step")
    left.set_title("What PyTorch has to launch")
    _step_lines(right, steps)
    fig.legend(*right.get_legend_handles_labels(), loc="outside lower center", ncols=5, fontsize=8.2)
    return fig


def _step_lines(ax: Axes, steps: pd.DataFrame) -> None:
    for name in [name for name in SHOWN if name in set(steps["name"])]:
        part, look = steps[steps["name"] == name], LOOKS[name]
        ax.scatter(part["flops"], part["microseconds"], s=13, color=look["color"], marker=look["marker"], alpha=0.45)
        middle = part.groupby("flops")["microseconds"].median()
        line = {"color": look["color"], "linestyle": look["linestyle"], "marker": look["marker"]}
        ax.plot(middle.index, middle, **line, markersize=3.5, linewidth=1.3, label=name)
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.set_xlabel("FLOPs of the products in one time step")
    ax.set_ylabel("time of one time step, µs")
    ax.set_title("What a time step takes, inference")


def growth(tables: dict[str, tuple[str, pd.DataFrame, pd.DataFrame]]) -> Figure:
    """Time of a training step as hidden size, batch size or length grows; below, the ratios GRU ÷ LSTM.

    Args:
        tables: from `experiments.cost.growth_tables`.
    """
    fig, axes = plt.subplots(
        2, len(tables), figsize=(WIDTH, 4.8), sharex="col", sharey="row", height_ratios=[1.35, 1], squeeze=False
    )
    words = {"hidden_size": "hidden size", "batch_size": "batch size", "length": "length (time steps)"}
    for (top, bottom), (key, (held, times, ratios)) in zip(axes.T, tables.items(), strict=True):
        for name in [name for name in SHOWN if name in set(times["name"]) and name != "LSTM, native"]:
            part, look = times[times["name"] == name].sort_values(key), LOOKS[name]
            top.plot(part[key], part["median"] * 1e3, **look, markersize=3.5, linewidth=1.4, label=name)
            top.fill_between(part[key], part["low"] * 1e3, part["high"] * 1e3, color=look["color"], alpha=0.15, lw=0)
        for (side, wider), part in ratios.groupby(["implementation", "wider"], sort=False):
            if side not in ("oneDNN", "matched"):
                continue
            part = part.sort_values(key)
            colour = ARCHITECTURE if side == "matched" else COLOURS["baseline"]
            label = ("matched" if side == "matched" else "stock") + " ratio" + (", equal par." if wider else "")
            line = ":" if wider else "-"
            marker = KINDS[side]["marker"]
            bottom.plot(
                part[key], part["ratio"], line, color=colour, marker=marker, markersize=3.5, linewidth=1.5, label=label
            )
            bottom.fill_between(part[key], part["low"], part["high"], color=colour, alpha=0.2, lw=0)
        top.set_title(f"{words[key].split(' (')[0].capitalize()} grows\n", fontsize=9.5)
        top.text(0, 1.03, held, transform=top.transAxes, color=MUTED, fontsize=8.2)
        bottom.axhline(1, color=INK, linewidth=1)
        bottom.axhline(FLOP_RATIO, color=INK, linewidth=1, linestyle="--")
        bottom.set_xlabel(words[key])
        for ax in (top, bottom):
            ax.set_yscale("log")
        log2(bottom, sorted(times[key].unique()))
    axes[0, 0].set_ylabel("training step, ms")
    axes[1, 0].set_ylabel("GRU ÷ LSTM")
    axes[0, 0].yaxis.set_major_formatter(ticker.FuncFormatter(lambda value, _: f"{value:g}"))
    axes[1, 0].set_yticks([0.75, 1, 2, 4], ["0.75", "1", "2", "4"])
    axes[1, 0].yaxis.set_minor_locator(ticker.NullLocator())
    axes[0, 0].yaxis.set_minor_locator(ticker.NullLocator())
    handles, labels = axes[0, 0].get_legend_handles_labels()
    more, names = axes[1, 0].get_legend_handles_labels()
    fig.legend(handles + more, labels + names, loc="outside lower center", ncols=4, fontsize=8.2)
    return fig


def log2(ax: Axes, ticks: Sequence[int]) -> None:
    """Put powers of two on the horizontal axis, as plain numbers."""
    ax.set_xscale("log", base=2)
    ax.set_xticks(ticks, [f"{tick}" for tick in ticks], fontsize=8)
    ax.xaxis.set_minor_locator(ticker.NullLocator())


def latency(points: pd.DataFrame, lengths: pd.DataFrame) -> Figure:
    """Waiting time for one answer at batch size 1: p50 and p95 of single calls, and the median by length.

    A row for each hidden size; a bar reaches from p50 to p95.

    Args:
        points: percentiles of `workloads.latencies` by `hidden_size`, `length` and `name`.
        lengths: quartiles of inference by `name`, `hidden_size` and `length`.
    """
    names = [name for name in LOOKS if name in set(points["name"]) and name != "LSTM, native"]
    sizes, shown = sorted(points["hidden_size"].unique()), sorted(points["length"].unique())
    fig, axes = plt.subplots(
        len(sizes), len(shown) + 1, figsize=(WIDTH, 2.05 * len(sizes) + 0.3), squeeze=False, sharex="col"
    )
    for row, size in zip(axes, sizes, strict=True):
        for ax, length in zip(row, shown, strict=False):
            part = points[(points["hidden_size"] == size) & (points["length"] == length)].set_index("name")
            for place, name in enumerate(names):
                low, high = part.loc[name, "p50"] * 1e6, part.loc[name, "p95"] * 1e6
                ax.plot([low, high], [place, place], color=LOOKS[name]["color"], linewidth=4, alpha=0.35)
                ax.plot(low, place, LOOKS[name]["marker"], color=LOOKS[name]["color"], markersize=5)
            ax.set_yticks(range(len(names)), names if ax is row[0] else [""] * len(names), fontsize=8)
            ax.set_ylim(len(names) - 0.4, -0.6)
            ax.set_title(f"H = {size}, T = {length}")
            _micro(ax, "x")
        part = lengths[lengths["hidden_size"] == size]
        for name in names:
            line = part[part["name"] == name].sort_values("length")
            row[-1].plot(line["length"], line["median"] * 1e6, **LOOKS[name], markersize=3, linewidth=1.3)
        row[-1].set_title(f"H = {size}, median")
        row[-1].set_ylabel("time for one call, µs", fontsize=8)
        _micro(row[-1], "y")
        log2(row[-1], sorted(part["length"].unique()))
    for ax in axes[-1, :-1]:
        ax.set_xlabel("time for one call, µs")
    axes[-1, -1].set_xlabel("length T (time steps)")
    return fig


def _micro(ax: Axes, side: str) -> None:
    (ax.set_xscale if side == "x" else ax.set_yscale)("log")
    axis = ax.xaxis if side == "x" else ax.yaxis
    low, high = axis.get_view_interval()
    axis.set_major_locator(ticker.LogLocator(10, subs=(1, 3) if high > 12 * low else (1, 2, 5)))
    axis.set_major_formatter(ticker.FuncFormatter(lambda value, _: f"{np.round(value, 3):g}"))
    axis.set_minor_locator(ticker.NullLocator())
    axis.set_tick_params(labelsize=7.8)
