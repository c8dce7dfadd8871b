"""Figures of the chapter *performance/cost*."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib import colors, ticker
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from gatedrnn import workloads
from gatedrnn.figures import COLOURS, INK, MUTED, WIDTH

FLOP_RATIO = 0.75
LOOKS: dict[str, dict[str, Any]] = {
    "LSTM, oneDNN": {"color": COLOURS["lstm"], "marker": "o", "linestyle": "-", "label": "LSTM, oneDNN"},
    "LSTM, native": {"color": COLOURS["lstm"], "marker": "o", "linestyle": ":", "label": "LSTM, native"},
    "GRU": {"color": COLOURS["gru"], "marker": "s", "linestyle": "-", "label": "GRU"},
    "GRU, equal parameters": {"color": COLOURS["gru"], "marker": "s", "linestyle": ":", "label": "GRU, equal par."},
}
"""Cell decides the colour; dotted is the exception of its kind: no oneDNN, or a wider GRU."""

# Numbers stand on coloured cells, so these inks stay the same on a dark page.
_ON_LIGHT, _ON_DARK = "#10141a", "#ffffff"
_NEED = "#f2c14e"
_SCALE = colors.LinearSegmentedColormap.from_list(
    "cheaper", ["#8a3c00", COLOURS["gru"], "#f3b98c", "#f7f7f5", "#9cc9e8", COLOURS["lstm"], "#00406b"]
)


def ratio_map(ratios: pd.DataFrame, limit: float = 6.0) -> Figure:
    """Speed-ratio map: GRU time ÷ LSTM time over hidden size × batch size.

    Rows are training and inference, columns the LSTM's implementation. Colour is the logarithm of the ratio, white at
    1; orange where the GRU is faster, blue where the LSTM is. A thick line borders the shapes where the GRU is surely
    faster (the whole interval below 1). Numbers stand in brackets where the interval contains 1.

    Args:
        ratios: from `experiments.cost.ratio_table`, one thread count and one length.
        limit: ratio at which the colours end, and 1 / limit on the other side.
    """
    modes, sides = list(dict.fromkeys(ratios["mode"])), list(dict.fromkeys(ratios["implementation"]))
    norm = colors.LogNorm(1 / limit, limit)
    tall = 0.34 * ratios["batch_size"].nunique() + 0.55
    fig, axes = plt.subplots(
        len(modes), len(sides), figsize=(WIDTH, tall * len(modes) + 0.9), sharex=True, sharey=True, squeeze=False
    )
    titles = {"oneDNN": "GRU ÷ LSTM with oneDNN", "native": "GRU ÷ LSTM without oneDNN"}
    for row, mode in zip(axes, modes, strict=True):
        for ax, side in zip(row, sides, strict=True):
            part = ratios[(ratios["mode"] == mode) & (ratios["implementation"] == side)]
            _tiles(ax, part, norm)
            ax.set_title(f"{mode.capitalize()}: {titles[side]}")
        row[0].set_ylabel("batch size")
    for ax in axes[-1]:
        ax.set_xlabel("hidden size")
    _ratio_bar(fig, axes, norm)
    return fig


def _tiles(ax: Axes, part: pd.DataFrame, norm: colors.LogNorm) -> None:
    tables = {
        key: part.pivot(index="batch_size", columns="hidden_size", values=key) for key in ("ratio", "low", "high")
    }
    ratio = tables["ratio"].to_numpy()
    unsure = (tables["low"].to_numpy() < 1) & (tables["high"].to_numpy() > 1)
    ax.pcolormesh(ratio, norm=norm, cmap=_SCALE, edgecolors="#ffffff", linewidth=1.2)
    for (y, x), value in np.ndenumerate(ratio):
        red, green, blue, _ = _SCALE(norm(value))
        ink = _ON_LIGHT if 0.299 * red + 0.587 * green + 0.114 * blue > 0.55 else _ON_DARK
        text = f"{value:.2f}" if value < 2 else f"{value:.1f}"
        text = f"({text})" if unsure[y, x] else text
        ax.text(x + 0.5, y + 0.5, text, ha="center", va="center", fontsize=8.5, color=ink)
    _frontier(ax, tables["high"].to_numpy() < 1)
    ax.set_xticks(np.arange(ratio.shape[1]) + 0.5, [f"{size}" for size in tables["ratio"].columns])
    ax.set_yticks(np.arange(ratio.shape[0]) + 0.5, [f"{size}" for size in tables["ratio"].index])
    ax.grid(False)
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)


def _frontier(ax: Axes, below: np.ndarray) -> None:
    """Draw the line between tiles where the GRU is surely faster and the others."""
    style: dict[str, Any] = {"color": _ON_LIGHT, "linewidth": 2.4, "solid_capstyle": "projecting"}
    for y, x in np.argwhere(below[:, 1:] != below[:, :-1]):
        ax.plot([x + 1, x + 1], [y, y + 1], **style)
    for y, x in np.argwhere(below[1:] != below[:-1]):
        ax.plot([x, x + 1], [y + 1, y + 1], **style)


def _ratio_bar(fig: Figure, axes: np.ndarray, norm: colors.LogNorm) -> None:
    scale = plt.cm.ScalarMappable(norm, _SCALE)
    bar = fig.colorbar(scale, ax=axes, location="bottom", aspect=45, pad=0.03, fraction=0.06)
    bar.outline.set_visible(False)
    low, high = float(norm.vmin or 0), float(norm.vmax or 0)
    marks = [mark for mark in (1 / 6, 1 / 3, 1 / 2, FLOP_RATIO, 1, 2, 3, 6) if low * 0.99 <= mark <= high * 1.01]
    names = {1 / 6: "⅙", 1 / 3: "⅓", 1 / 2: "½", FLOP_RATIO: "0.75", 1: "1"}
    bar.set_ticks(marks, labels=[names.get(mark, f"{mark:g}") for mark in marks])
    bar.ax.minorticks_off()
    bar.ax.axvline(FLOP_RATIO, color=_ON_LIGHT, linewidth=2)
    bar.ax.axvline(1, color=_ON_LIGHT, linewidth=0.8)
    bar.set_label("GRU time ÷ LSTM time   ·   orange: GRU faster, blue: LSTM faster   ·   0.75: what the FLOPs predict")


def kernel_steps(kernels: pd.DataFrame, steps: pd.DataFrame) -> Figure:
    """Why: operator calls that one more time step costs, and time of a step against the work in it.

    Args:
        kernels: from `experiments.cost.kernels`.
        steps: from `experiments.cost.per_step`, inference, one thread.
    """
    fig, (left, right) = plt.subplots(1, 2, figsize=(WIDTH, 3.5), width_ratios=[1, 1.45])
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
    return fig


def _step_lines(ax: Axes, steps: pd.DataFrame) -> None:
    for name in workloads.CONTENDERS:
        part, look = steps[steps["name"] == name], LOOKS[name]
        ax.scatter(
            part["flops"],
            part["microseconds"],
            s=16,
            color=look["color"],
            marker=look["marker"],
            facecolor=look["color"] if look["linestyle"] == "-" else "none",
            linewidth=1.1,
            zorder=3,
        )
        lowest = part.groupby("flops")["microseconds"].median()
        ax.plot(
            lowest.index, lowest, color=look["color"], linestyle=look["linestyle"], linewidth=1.2, label=look["label"]
        )
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.set_xlabel("FLOPs of the products in one time step")
    ax.set_ylabel("time of one time step, µs")
    ax.set_title("What a time step takes, inference")
    ax.legend(loc="lower right")


def growth_lines(tables: dict[str, tuple[str, pd.DataFrame, pd.DataFrame]]) -> Figure:
    """Time of a training step as hidden size, batch size or length grows; below, the ratio to the LSTM with oneDNN.

    Args:
        tables: column that grows → (what is held, quartiles by `name` and that column, ratios by that column).
    """
    fig, axes = plt.subplots(
        2, len(tables), figsize=(WIDTH, 4.6), sharex="col", sharey="row", height_ratios=[1.35, 1], squeeze=False
    )
    words = {"hidden_size": "hidden size", "batch_size": "batch size", "length": "length (time steps)"}
    for column, (key, (held, times, ratios)) in enumerate(tables.items()):
        top, bottom = axes[0, column], axes[1, column]
        for name in [name for name in LOOKS if name in set(times["name"])]:
            part, look = times[times["name"] == name].sort_values(key), LOOKS[name]
            plain = {entry: look[entry] for entry in ("color", "marker", "linestyle")}
            top.plot(part[key], part["median"] * 1e3, **plain, markersize=4, linewidth=1.5, label=look["label"])
            top.fill_between(part[key], part["low"] * 1e3, part["high"] * 1e3, color=look["color"], alpha=0.18, lw=0)
        for (side, gru), part in ratios.groupby(["implementation", "gru"], sort=False):
            part = part.sort_values(key)
            solid = gru == "GRU"
            colour = COLOURS["gru"] if side == "oneDNN" else COLOURS["baseline"]
            label = f"vs {side}" + ("" if solid else ", equal par.")
            bottom.plot(
                part[key],
                part["ratio"],
                color=colour,
                linestyle="-" if solid else ":",
                label=label,
                marker="s",
                markersize=3.5,
                linewidth=1.5,
            )
            bottom.fill_between(part[key], part["low"], part["high"], color=colour, alpha=0.2, lw=0)
        top.set_title(f"{words[key].split(' (')[0].capitalize()} grows\n", fontsize=9.5)
        top.text(0, 1.03, held, transform=top.transAxes, color=MUTED, fontsize=8.2)
        bottom.axhline(1, color=INK, linewidth=1)
        bottom.axhline(FLOP_RATIO, color=INK, linewidth=1, linestyle="--")
        bottom.set_xlabel(words[key])
        _log2(bottom, sorted(times[key].unique()))
        for ax in (top, bottom):
            ax.set_xscale("log", base=2)
            ax.set_yscale("log")
        _log2(bottom, sorted(times[key].unique()))
    axes[0, 0].set_ylabel("training step, ms")
    axes[1, 0].set_ylabel("GRU time ÷ LSTM time")
    for row in axes:
        row[0].yaxis.set_major_formatter(ticker.FuncFormatter(lambda value, _: f"{value:g}"))
    axes[1, 0].set_yticks([0.75, 1, 2, 4])
    axes[1, 0].yaxis.set_minor_formatter(ticker.NullFormatter())
    handles, labels = axes[0, 0].get_legend_handles_labels()
    more, names = axes[1, 0].get_legend_handles_labels()
    fig.legend(handles + more, labels + names, loc="outside lower center", ncols=4, fontsize=8.2)
    return fig


def _log2(ax: Axes, ticks: Sequence[int]) -> None:
    ax.set_xscale("log", base=2)
    ax.set_xticks(ticks, [f"{tick}" for tick in ticks], fontsize=8)
    ax.xaxis.set_minor_locator(ticker.NullLocator())


def latency_curves(readings: pd.DataFrame, lengths: pd.DataFrame) -> Figure:
    """Waiting time for one answer at batch size 1: the share of calls answered within a time, and the median by length.

    A row for each hidden size. Markers stand at p50 and p95.

    Args:
        readings: from `workloads.latencies`.
        lengths: quartiles of inference by `name`, `hidden_size` and `length`.
    """
    shown, sizes = sorted(readings["length"].unique()), sorted(readings["hidden_size"].unique())
    columns = len(shown) + 1
    fig, axes = plt.subplots(len(sizes), columns, figsize=(WIDTH, 1.8 * len(sizes) + 0.6), squeeze=False)
    for row, size in zip(axes, sizes, strict=True):
        for ax, length in zip(row, shown, strict=False):
            for name in workloads.CONTENDERS:
                pick = {"name": name, "hidden_size": size, "length": length}
                here = readings[_where(readings, pick)]["seconds"].sort_values() * 1e6
                look = LOOKS[name]
                share = np.arange(1, len(here) + 1) / len(here)
                ax.plot(here, share, color=look["color"], linestyle=look["linestyle"], linewidth=1.5)
                at = here.quantile([0.5, 0.95])
                ax.plot(at, at.index, look["marker"], color=look["color"], markersize=4.5)
            own = readings[_where(readings, {"hidden_size": size, "length": length})]
            ax.set_xscale("log")
            ax.set_xlim(*_window(own, 1e6))
            ax.set_yticks([0, 0.5, 0.95], ["0", "50 %", "95 %"] if ax is row[0] else [])
            ax.set_title(f"H = {size}, T = {length}")
        part = lengths[lengths["hidden_size"] == size]
        for name in workloads.CONTENDERS:
            line, look = part[part["name"] == name].sort_values("length"), LOOKS[name]
            plain = {entry: look[entry] for entry in ("color", "marker", "linestyle")}
            row[-1].plot(line["length"], line["median"] * 1e6, **plain, markersize=3.5, linewidth=1.5, label=name)
        row[-1].set_yscale("log")
        row[-1].set_title(f"H = {size}, median")
        row[-1].set_ylabel("time for one call, µs", fontsize=8)
        _log2(row[-1], sorted(part["length"].unique()))
        for axis in (*(ax.xaxis for ax in row[:-1]), row[-1].yaxis):
            low, high = axis.get_view_interval()
            wide = high > 15 * low and axis is not row[-1].yaxis  # fewer labels, or they would touch
            axis.set_major_locator(ticker.LogLocator(10, subs=(1, 3) if wide else (1, 2, 5)))
            axis.set_tick_params(labelsize=7.8)
            axis.set_major_formatter(ticker.FuncFormatter(lambda value, _: f"{value:g}"))
            axis.set_minor_formatter(ticker.NullFormatter())
        row[0].set_ylabel("calls answered")
    for ax in axes[-1, :-1]:
        ax.set_xlabel("time for one call, µs")
    axes[-1, -1].set_xlabel("length T (time steps)")
    fig.legend(*axes[0, -1].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return fig


def _where(table: pd.DataFrame, values: dict[str, Any]) -> pd.Series:
    found = pd.Series(True, index=table.index)
    for column, value in values.items():
        found &= table[column] == value
    return found


def _window(readings: pd.DataFrame, scale: float) -> tuple[float, float]:
    """Range that holds every p50 and p95 with some room; the long tail beyond is left out."""
    groups = readings.groupby("name")["seconds"]
    return float(groups.quantile(0.01).min()) * scale * 0.85, float(groups.quantile(0.97).max()) * scale * 1.2


def memory_bars(table: pd.DataFrame) -> Figure:
    """Floats for each hidden unit and time step: kept for the backward pass, and peaks of a fresh process.

    Bars are medians over batch sizes, dots the batch sizes, ticks what the equations need.

    Args:
        table: from `experiments.cost.memory`.
    """
    fig, (model, rest) = plt.subplots(1, 2, figsize=(WIDTH, 3.2), width_ratios=[1, 3.2])
    sizes = table[table["what"] == "model"].groupby("name", sort=False)["bytes"].first() / 1e3
    labels = {"LSTM, oneDNN": "LSTM", "GRU": "GRU"}
    for place, (name, label) in enumerate(labels.items()):
        model.bar(place, sizes[name], 0.62, color=LOOKS[name]["color"])
        model.text(place, sizes[name], f"{sizes[name]:.0f}", ha="center", va="bottom", fontsize=8.5)
        labels[name] = label
    model.set_xticks(range(2), labels.values())
    model.set_ylabel("kilobytes")
    model.set_title("Model")
    whats = ["kept for backward", "peak of training", "peak of inference"]
    for group, what in enumerate(whats):
        for shift, name in zip((-0.27, 0.0, 0.27), workloads.CONTENDERS, strict=True):
            part = table[(table["what"] == what) & (table["name"] == name)]["floats"]
            middle, look = float(part.median()), LOOKS[name]
            spot = group + shift
            native = name == "LSTM, native"
            rest.bar(
                spot,
                middle,
                0.25,
                color="none" if native else look["color"],
                edgecolor=look["color"],
                linewidth=1.2,
                linestyle=look["linestyle"],
            )
            rest.plot([spot] * len(part), part, "_", color=INK, markersize=6, markeredgewidth=0.9)
            rest.text(spot, max(middle, part.max()) + 0.35, f"{middle:.1f}", ha="center", va="bottom", fontsize=8.5)
            if what == "kept for backward":
                need = table[(table["what"] == "needed for backward") & (table["name"] == name)]["floats"].median()
                rest.plot([spot - 0.125, spot + 0.125], [need, need], color=_NEED, linewidth=2.2)
    rest.set_xticks(range(3), ["Kept for backward", "Peak of training", "Peak of inference"])
    rest.set_ylabel("floats for each unit and time step")
    rest.set_title("Activations")
    bars: list[Any] = []
    for name in workloads.CONTENDERS:
        look = LOOKS[name]
        fill = "none" if look["linestyle"] == ":" else look["color"]
        bars.append(plt.Rectangle((0, 0), 1, 1, facecolor=fill, edgecolor=look["color"], linestyle=look["linestyle"]))
    bars.append(plt.Line2D([], [], color=_NEED, linewidth=2.2))
    fig.legend(bars, [*workloads.CONTENDERS, "least that backward needs"], loc="outside lower center", ncols=4)
    for ax in (model, rest):
        ax.grid(axis="x", visible=False)
    return fig
