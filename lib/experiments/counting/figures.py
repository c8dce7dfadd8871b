"""Figures of the chapter *memory/counting*."""

from __future__ import annotations

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from evidence.figures import COLOURS, FAINT, INK, LABELS, MARKERS, MUTED, PAPER, WIDTH
from experiments.counting.analysis import ASKED, EQUAL, LANGUAGES, select
from experiments.counting.grids import STRINGS

TICKS = (1, 3, 10, 30, 100, 300, 1000)
BOUNDED = ("gru", "gru_before", "rnn")
"""Cells whose memory lies between −1 and 1."""
COLUMNS = (2.0, 4.6)
"""Where the columns of numbers end, to the right of the dots, in lengths tested."""
ROW_NAMES = {**LABELS, "gru_before": "GRU,\nreset before"}


def draw_horizon(runs: pd.DataFrame, base: pd.DataFrame) -> Figure:
    """First failing n, a panel a condition, a row a cell, every seed a dot; what never failed at the right edge.

    Args:
        runs: at the top of the ladder. base: from `analysis.baselines`.
    """
    panels = []
    for each in sorted(STRINGS, key=lambda each: each["asked"]):
        language, asked = each["language"], each["asked"]
        alone = "" if asked == "all" else " alone"
        rows = runs[(runs["language"] == language) & (runs["asked"] == asked)]
        panels.append((rows, language, ASKED[asked] + alone))
    heights = [len(_rows(part)) + 1 for part, *_ in panels]
    fig, axes = plt.subplots(
        len(panels),
        1,
        figsize=(WIDTH, 0.4 * sum(heights) + 1.9),
        sharex=True,
        gridspec_kw={"height_ratios": heights},
        layout="constrained",
    )
    longest, tested = int(runs["longest"].max()), int(runs["tested"].max())
    for ax, (part, language, loss) in zip(axes, panels, strict=True):
        rows = _rows(part)
        ax.axvspan(0.8, longest + 0.5, color=FAINT, alpha=0.45, linewidth=0, zorder=0)
        ax.axvline(tested, color=MUTED, linewidth=1, linestyle=(0, (4, 2)), zorder=1)
        for row, (cell, match) in enumerate(rows):
            _row(ax, select(part, cell, match), cell, match, row)
        _baseline(ax, base[base["language"] == language], len(rows))
        names = [_row_name(cell, match) for cell, match in rows]
        ax.set_yticks(range(len(names) + 1), [*names, "look-up of the\nlast letters"])
        ax.tick_params(axis="y", length=0)
        title = f"{LANGUAGES[language]}, {loss}"
        ax.set(ylim=(len(names) + 0.5, -0.6), title=title, xscale="log", xlim=(0.8, tested * COLUMNS[-1]))
        ax.grid(axis="y", visible=False)
        ticks = [tick for tick in TICKS if tick <= tested]
        ax.set_xticks(ticks, [str(tick) for tick in ticks])
        ax.minorticks_off()
    for place, text in zip(COLUMNS, ("median", f"right to\nn = {longest}"), strict=True):
        axes[0].text(tested * place, -0.75, text, ha="right", va="bottom", fontsize=8, color=MUTED)
    axes[-1].set_xlabel("n of the shortest string with a wrong letter")
    handles: list[Any] = [
        Patch(color=FAINT, alpha=0.6, label=f"trained on: n ≤ {longest}"),
        Line2D([], [], color=MUTED, marker="o", linestyle="", markersize=4.5, label="one seed"),
        Line2D([], [], color=INK, marker="|", linestyle="", markersize=11, markeredgewidth=2, label="median"),
        Line2D([], [], color=MUTED, marker="s", linestyle="", markerfacecolor=PAPER, label="equal parameters"),
    ]
    if runs["censored"].any():
        never = f"never failed, n ≤ {tested}"
        handles.insert(3, Line2D([], [], color=MUTED, marker=">", linestyle="", markersize=6, label=never))
    fig.legend(handles=handles, loc="outside lower center", ncols=5, columnspacing=1.0, handletextpad=0.4)
    return fig


def _rows(part: pd.DataFrame) -> list[tuple[str, str]]:
    return list(dict.fromkeys(zip(part["cell"], part["match"], strict=True)))


def _row_name(cell: str, match: str) -> str:
    return ROW_NAMES[cell] if match == "width" else f"{ROW_NAMES[cell]}, equal\nparameters"


def _row(ax: Axes, part: pd.DataFrame, cell: str, match: str, row: int) -> None:
    colour, face = COLOURS[cell], COLOURS[cell] if match == "width" else PAPER
    spread = row + _stacked(np.log10(part["fails_at"].to_numpy(dtype=float)))
    for mask, marker in ((~part["censored"].to_numpy(), MARKERS[cell]), (part["censored"].to_numpy(), ">")):
        x = part["fails_at"].to_numpy()[mask]
        ax.scatter(
            x,
            spread[mask],
            s=20,
            marker=marker,
            facecolors=face,
            edgecolors=colour,
            linewidths=0.8,
            alpha=0.75,
            zorder=3,
        )
    middle, tested = part["fails_at"].median(), part["tested"].max()
    ax.plot([middle] * 2, [row - 0.44, row + 0.44], color=INK, linewidth=2, zorder=2.5)  # behind the dots
    shown = f"{middle:g}" if middle <= tested else f"> {tested}"
    for place, text in zip(COLUMNS, (shown, f"{part['learned'].sum()} of {len(part)}"), strict=True):
        ax.text(tested * place, row, text, ha="right", va="center", fontsize=8.5)


def _stacked(x: np.ndarray, width: float = 0.03, step: float = 0.085) -> np.ndarray:
    """Heights around 0 for dots that would overlap: those within one width go up and down in turn."""
    heights = np.zeros(len(x))
    cells = np.floor(x / width).astype(int)
    for cell in np.unique(cells):
        members = np.flatnonzero(cells == cell)
        reach = min(step, 0.7 / max(1, len(members) - 1))
        heights[members] = reach * (np.arange(len(members)) - (len(members) - 1) / 2)
    return heights


def _baseline(ax: Axes, base: pd.DataFrame, row: int) -> None:
    for place, (_, each) in enumerate(base.iterrows()):
        ax.plot(
            each["fails_at"], row, MARKERS["baseline"], color=COLOURS["baseline"], markersize=6, markeredgewidth=1.8
        )
        ax.annotate(
            f"{each['context']}", (each["fails_at"], row), xytext=(0, 5 if place % 2 else -5),
            textcoords="offset points", ha="center", va="bottom" if place % 2 else "top", fontsize=7.5, color=MUTED,
        )  # fmt: skip


def draw_counters(traces: pd.DataFrame, longest: int) -> Figure:
    """The counting unit of a typical run of each cell over strings inside and beyond the training range."""
    cells = list(dict.fromkeys(traces["cell"]))
    fig, axes = plt.subplots(1, len(cells), figsize=(WIDTH, 2.9), layout="constrained")
    for ax, cell in zip(np.atleast_1d(axes), cells, strict=True):
        part = traces[traces["cell"] == cell]
        for place, (shown, each) in enumerate(part.groupby("shown")):
            inside = shown <= longest
            style: dict[str, Any] = {"linewidth": 1.8 if inside else 1.3, "linestyle": "-" if inside else (0, (3, 1.2))}
            ax.plot(each["step"], each["memory"], color=COLOURS[cell], alpha=(0.55, 1.0, 0.85)[place % 3], **style)
            turn = each[each["step"] == shown]
            ax.plot(turn["step"], turn["memory"], "o", color=INK, markersize=3.5, zorder=4)
            ax.annotate(
                f"n = {shown}", (float(turn["step"].iloc[0]), float(turn["memory"].iloc[0])), xytext=(8, -1),
                textcoords="offset points", fontsize=7.5, color=INK, va="top" if cell in BOUNDED else "center",
            )  # fmt: skip
        ax.axhline(0, color=MUTED, linewidth=0.7, zorder=0)
        if cell in BOUNDED:
            ax.axhline(1, color=MUTED, linewidth=1, linestyle=(0, (4, 2)), zorder=0)
            ax.annotate("its bound", (0, 1), xytext=(0, 3), textcoords="offset points", fontsize=7.5, color=MUTED)
        ax.set(xlabel="letters read", title=f"{LABELS[cell]}: fails at n = {part['fails_at'].iloc[0]}")
        ax.margins(y=0.12)
    first = np.atleast_1d(axes)[0]
    first.set_ylabel("counting unit: c of the LSTM, else h")
    return fig


def draw_nesting(curves: pd.DataFrame, differences: pd.DataFrame, base: pd.DataFrame, depth: int) -> Figure:
    """Right answers against nesting depth: left all cells, medians thick; right LSTM − GRU with its intervals.

    Args:
        curves: from `tables.depth_curves`. differences: from `depths.by_depth`.
        base: from `depths.baseline`. depth: that was trained.
    """
    fig, (left, right) = plt.subplots(1, 2, figsize=(WIDTH, 3.6), layout="constrained")
    window = f"best from the last {base['context'].iloc[0]} symbols"
    grey: dict[str, Any] = {"color": COLOURS["baseline"], "zorder": 1.5}
    left.plot(base["depth"], 100 * base["right"], linestyle=(0, (1, 1.2)), linewidth=1.6, label=window, **grey)
    left.axhline(50, linestyle=(0, (4, 2)), linewidth=1.3, label="a guess", **grey)
    for cell, part in curves[curves["match"] == "width"].groupby("cell", sort=False):
        wide = part.pivot(index="depth", columns="seed", values="right")
        leads = cell in ("lstm", "gru")
        if leads:
            left.plot(wide.index, wide, color=COLOURS[cell], linewidth=0.6, alpha=0.3)
        style: dict[str, Any] = {"color": COLOURS[cell], "marker": MARKERS[cell], "label": LABELS[cell]}
        style |= {"linewidth": 2.0 if leads else 1.0, "markersize": 4.5 if leads else 3, "zorder": 4 if leads else 3}
        left.plot(wide.index, wide.median(axis=1), **style)
    left.set(title="all cells, equal width", ylabel="right answers, %", xlabel="nesting depth")
    _differences(right, differences)
    for ax in (left, right):
        low, high = base["depth"].min() - 0.5, base["depth"].max() + 0.5
        ax.axvspan(low, depth + 0.5, color=FAINT, alpha=0.45, linewidth=0, zorder=0)
        ax.set(xlim=(low, high), xticks=range(int(base["depth"].min()), int(high) + 1, 2))
    handles, _ = left.get_legend_handles_labels()
    handles += [Patch(color=FAINT, alpha=0.6, label=f"trained on: depth ≤ {depth}")]
    fig.legend(handles=handles, loc="outside lower center", ncols=4, columnspacing=1.2)
    return fig


def _differences(ax: Axes, differences: pd.DataFrame) -> None:
    """LSTM − GRU by depth, a series for each way to hold the two equal."""
    for match, aside, face in (("width", -0.12, INK), ("parameters", 0.12, PAPER)):
        part = differences[differences["match"] == match]
        ends = [part["estimate"] - part["low"], part["high"] - part["estimate"]]
        ax.errorbar(
            part["depth"] + aside, part["estimate"], yerr=ends, fmt="o", color=INK, markerfacecolor=face,
            markersize=4.5, linewidth=1.1, label=EQUAL[match],
        )  # fmt: skip
    ax.axhline(0, color=MUTED, linewidth=0.9, zorder=1)
    ax.set(title="LSTM − GRU", ylabel="points of right answers", xlabel="nesting depth")
    edge = max(abs(value) for value in ax.get_ylim())
    ax.set_ylim(-edge, edge)
    for place, text, side in ((0.97, "LSTM ahead", "top"), (0.03, "GRU ahead", "bottom")):
        ax.text(0.03, place, text, transform=ax.transAxes, va=side, fontsize=8, color=MUTED)
    ax.legend(loc="lower right")
