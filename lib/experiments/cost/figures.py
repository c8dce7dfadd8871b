"""The speed-ratio maps of the chapter *performance/cost*, what they split into, and the looks of its contenders."""

from __future__ import annotations

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib import colors, ticker
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from evidence.figures import ACCENTS, COLOURS, INK, MUTED, WIDTH
from experiments.cost.analysis import TITLES

FLOP_RATIO = 0.75
KINDS: dict[str, dict[str, Any]] = {
    "oneDNN": {"linestyle": "-", "marker": "o"},
    "native": {"linestyle": ":", "marker": "v"},
    "ONNX Runtime": {"linestyle": (0, (4, 1.5, 1, 1.5)), "marker": "^"},
    "matched": {"linestyle": (0, (5, 1.5)), "marker": "D"},
}
"""Line and marker of each implementation, in every figure of the chapter."""

LOOKS: dict[str, dict[str, Any]] = {
    "LSTM, oneDNN": {"color": COLOURS["lstm"], **KINDS["oneDNN"]},
    "LSTM, native": {"color": COLOURS["lstm"], **KINDS["native"]},
    "LSTM, ONNX Runtime": {"color": COLOURS["lstm"], **KINDS["ONNX Runtime"]},
    "LSTM, matched": {"color": COLOURS["lstm"], **KINDS["matched"]},
    "GRU": {"color": COLOURS["gru"], **KINDS["oneDNN"]},
    "GRU, ONNX Runtime": {"color": COLOURS["gru"], **KINDS["ONNX Runtime"]},
    "GRU, matched": {"color": COLOURS["gru"], **KINDS["matched"]},
}
"""The cell decides the colour, the implementation line and marker."""

ARCHITECTURE = ACCENTS["good"]

# Numbers stand on coloured cells, so these inks stay the same on a dark page.
_ON_LIGHT, _ON_DARK = "#10141a", "#ffffff"
_SCALE = colors.LinearSegmentedColormap.from_list(
    "cheaper", ["#8a3c00", COLOURS["gru"], "#f3b98c", "#f7f7f5", "#9cc9e8", COLOURS["lstm"], "#00406b"]
)


def ratio_map(ratios: pd.DataFrame, limit: float = 6.0) -> Figure:
    """Speed-ratio map: GRU time ÷ LSTM time over hidden size × batch size.

    Rows are implementations, columns training and inference. Colour is the logarithm of the ratio, white at 1; orange
    where the GRU is faster, blue where the LSTM is. A thick line borders the shapes where the GRU is surely faster (the
    whole interval below 1). Numbers stand in brackets where the interval contains 1.

    Args:
        ratios: from `experiments.cost.ratio_table`, one thread count and one length.
        limit: ratio at which the colours end, and 1 / limit on the other side.
    """
    modes = [mode for mode in ("training", "inference") if mode in set(ratios["mode"])]
    sides = [side for side in TITLES if side in set(ratios["implementation"])]
    norm = colors.LogNorm(1 / limit, limit)
    tall = 0.27 * ratios["batch_size"].nunique() + 0.38
    fig, axes = plt.subplots(
        len(sides), len(modes), figsize=(WIDTH, tall * len(sides) + 1.05), sharex=True, sharey=True, squeeze=False
    )
    for row, side in zip(axes, sides, strict=True):
        for ax, mode in zip(row, modes, strict=True):
            part = ratios[(ratios["mode"] == mode) & (ratios["implementation"] == side)]
            ax.set_title(f"{mode.capitalize()}, {TITLES[side]}")
            if part.empty:
                ax.text(0.5, 0.5, "does not train", transform=ax.transAxes, ha="center", va="center", color=MUTED)
                ax.grid(False)
                ax.tick_params(length=0)
                ax.spines[:].set_visible(False)
            else:
                _tiles(ax, part, norm)
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


def shares(table: pd.DataFrame) -> Figure:
    """The ratio of stock PyTorch, taken apart: architecture (matched kernels), then what the stock kernels add.

    Args:
        table: from `experiments.cost.shares`; its smallest and largest batch are drawn.
    """
    batches = sorted({table["batch_size"].min(), table["batch_size"].max()})
    modes = [mode for mode in ("training", "inference") if mode in set(table["mode"])]
    size = (WIDTH, 1.75 * len(modes) + 0.9)
    fig, axes = plt.subplots(len(modes), len(batches), figsize=size, sharex=True, sharey=True, squeeze=False)
    for row, mode in zip(axes, modes, strict=True):
        for ax, batch in zip(row, batches, strict=True):
            part = table[(table["mode"] == mode) & (table["batch_size"] == batch)].sort_values("hidden_size")
            places = np.arange(len(part))
            known = part["architecture"].notna()
            for x, inner, outer in zip(places[known], part["architecture"][known], part["stock"][known], strict=True):
                arrow = {"arrowstyle": "-|>", "color": MUTED, "linewidth": 1.6, "shrinkA": 5, "shrinkB": 4}
                ax.annotate("", (x, outer), (x, inner), arrowprops=arrow)
            ax.plot(places, part["architecture"], "D", color=ARCHITECTURE, markersize=5.5, label="matched kernels")
            ax.plot(places, part["stock"], "o", color=INK, markersize=5.5, label="stock PyTorch")
            ax.axhline(1, color=INK, linewidth=1)
            ax.axhline(FLOP_RATIO, color=INK, linewidth=1, linestyle="--")
            ax.set_yscale("log")
            ax.set_xticks(places, [f"{hidden}" for hidden in part["hidden_size"]])
            ax.set_xlim(-0.5, len(part) - 0.5)
            ax.set_title(f"{mode.capitalize()}, batch size {batch}")
        row[0].set_ylabel("GRU ÷ LSTM")
        row[0].yaxis.set_major_locator(ticker.FixedLocator([0.5, 0.75, 1, 2, 4, 8]))
        row[0].yaxis.set_major_formatter(ticker.FuncFormatter(lambda value, _: f"{value:g}"))
        row[0].yaxis.set_minor_locator(ticker.NullLocator())
    for ax in axes[-1]:
        ax.set_xlabel("hidden size")
    handles, labels = axes[0, 0].get_legend_handles_labels()
    handles += [plt.Line2D([], [], color=MUTED, linewidth=1.6), plt.Line2D([], [], color=INK, linestyle="--")]
    labels += ["what the stock kernels add", "0.75, the FLOPs"]
    fig.legend(handles, labels, loc="outside lower center", ncols=4)
    return fig
