"""The roofline figure of the chapter *performance/cost*: how near each implementation comes to the machine's limit."""

from __future__ import annotations

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib import ticker
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from evidence.figures import FAINT, INK, MUTED, WIDTH
from experiments.cost.analysis import TITLES
from experiments.cost.figures import LOOKS
from experiments.cost.runs import PAIRS


def roofline(table: pd.DataFrame, bare: pd.DataFrame, peak: float) -> Figure:
    """GFLOP/s against hidden size: a row for training and one for inference, a column for each cell.

    Full colour is the largest batch, faint the smallest. The dashed line is the large product, the grey band's lower
    edges the bare product of a step.

    Args:
        table: from `experiments.roofline.achieved`.
        bare: from `experiments.roofline.bare`.
        peak: from `experiments.roofline.peak`, GFLOP/s.
    """
    modes = [mode for mode in ("training", "inference") if mode in set(table["mode"])]
    fig, axes = plt.subplots(len(modes), 2, figsize=(WIDTH, 2.35 * len(modes) + 0.6), sharex=True, sharey=True)
    for row, mode in zip(axes, modes, strict=True):
        for ax, cell in zip(row, ("lstm", "gru"), strict=True):
            _panel(ax, table[table["mode"] == mode], bare, cell)
            ax.axhline(peak, color=INK, linewidth=1.2, linestyle="--")
            ax.set_title(f"{cell.upper()}, {mode}")
        row[0].set_ylabel("GFLOP/s")
    ax = axes[0, 0]
    ax.text(ax.get_xlim()[0], peak * 1.1, f" large product: {peak:.0f}", va="bottom", fontsize=8.2, color=INK)
    ax.set_ylim(top=peak * 2.1)
    for ax in axes[-1]:
        ax.set_xlabel("hidden size")
    sides = [side for side in PAIRS if set(PAIRS[side]) & set(table["name"])]
    lines = [plt.Line2D([], [], **{**LOOKS[PAIRS[side][1]], "color": INK}, markersize=4.5) for side in sides]
    lines.append(plt.Line2D([], [], color=MUTED, linewidth=4, alpha=0.35))
    names = [TITLES[side] for side in sides] + ["bare product of a step"]
    fig.legend(lines, names, loc="outside lower center", ncols=3)
    return fig


def _panel(ax: Axes, table: pd.DataFrame, bare: pd.DataFrame, cell: str) -> None:
    for batch, alpha in ((table["batch_size"].min(), 0.4), (table["batch_size"].max(), 1.0)):
        alone = bare[bare["batch_size"] == batch].sort_values("hidden_size")
        ax.plot(alone["hidden_size"], alone["gflops"], color=MUTED, linewidth=4, alpha=0.3, solid_capstyle="round")
        for side, (gru, lstm) in PAIRS.items():
            name = gru if cell == "gru" else lstm
            part = table[(table["name"] == name) & (table["batch_size"] == batch)].sort_values("hidden_size")
            if part.empty or (cell == "gru" and side == "native"):
                continue
            ax.plot(part["hidden_size"], part["gflops"], **LOOKS[name], markersize=4, linewidth=1.4, alpha=alpha)
        end = alone.iloc[-1]
        ax.text(end["hidden_size"] * 1.12, end["gflops"], f"B = {batch}", va="top", fontsize=8.2, color=MUTED)
    sizes = sorted(table["hidden_size"].unique())
    ax.set_xscale("log", base=2)
    ax.set_yscale("log")
    ax.set_xticks(sizes, [f"{size}" for size in sizes])
    ax.set_xlim(sizes[0] / 1.25, sizes[-1] * 2.1)
    ax.xaxis.set_minor_locator(ticker.NullLocator())
    ax.yaxis.set_major_locator(ticker.LogLocator(10, subs=(1, 3)))
    ax.yaxis.set_major_formatter(ticker.FuncFormatter(lambda value, _: f"{value:g}"))
    ax.yaxis.set_minor_locator(ticker.NullLocator())
    ax.grid(axis="y", color=FAINT)
