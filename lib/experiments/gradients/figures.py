"""Figures of fresh networks, for the chapter *memory/gradients*."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from evidence.figures import COLOURS, INK, LABELS, MUTED, WIDTH
from experiments.gradients.analysis import DEAD, GATED, start_name

FLOOR = -12.0
"""log10 of the smallest gain that is drawn."""
STROKES: dict[str, Any] = {
    "default": "-",
    "bias:1": (0, (6, 2)),
    "bias:3": (0, (4, 1.5, 1, 1.5)),
    "bias:5": (0, (2, 1.5)),
    "chrono": (0, (1, 1.2)),
    "orthogonal": (0, (6, 2)),
}
"""Line of each start that is drawn."""
NAMES = {**LABELS, **{start: start_name(start) for start in STROKES}}
"""How cells and starts are told."""


def draw_flow(table: pd.DataFrame) -> Figure:
    """Gain of the memory's gradient against lag, a panel a gated cell, a line a start, every seed thin."""
    fig, axes = plt.subplots(1, 2, figsize=(WIDTH, 3.5), sharex=True, sharey=True)
    for ax, cell in zip(axes, GATED, strict=True):
        for plain in ("default", "orthogonal"):
            _lines(ax, _of(table, "rnn", plain), "gain", COLOURS["rnn"], STROKES[plain])
        for start in _starts(table):
            _lines(ax, _of(table, cell, start), "gain", COLOURS[cell], STROKES[start])
        path = "∂c(T) / ∂c(t)" if cell == "lstm" else "∂h(T) / ∂h(t)"
        ax.axhline(DEAD, color=MUTED, linewidth=0.8, linestyle=":", zorder=0)
        ax.set(title=f"{LABELS[cell]}: {path}", xlabel="lag T − t, steps")
        _frame(ax, table["lag"].max(), (FLOOR, 2.5), 4)
    axes[0].set_ylabel("gain of a random small change")
    handles = [
        Line2D([], [], color=COLOURS["rnn"], linestyle=STROKES["default"], label="tanh"),
        Line2D([], [], color=COLOURS["rnn"], linestyle=STROKES["orthogonal"], label="tanh, orthogonal"),
        *_legend(_starts(table)),
    ]
    fig.legend(handles=handles, loc="outside lower center", ncols=len(handles), handlelength=2.4, columnspacing=1.2)
    return fig


def draw_kept(table: pd.DataFrame, starts: Sequence[str]) -> Figure:
    """Share in place beside gain, both cells in each panel, a line a start: medians over seeds."""
    fig, axes = plt.subplots(1, 2, figsize=(WIDTH, 3.3), sharex=True, sharey=True)
    for ax, column in zip(axes, ("kept", "gain"), strict=True):
        for cell in GATED:
            for start in starts:
                part = _of(table, cell, start)
                middle = part.groupby("lag")[column].median()
                values = middle.clip(lower=1e-6) if column == "kept" else 10.0**middle
                ax.plot(values.index, values, color=COLOURS[cell], linestyle=STROKES[start], linewidth=1.6)
        ax.set(yscale="log", ylim=(1e-3, 30), xlabel="lag, steps")
        ax.axhline(1, color=MUTED, linewidth=0.8, zorder=0)
        _steps(ax, table["lag"].max())
    axes[0].set(title="Retention: still in place", ylabel="share, or gain")
    axes[1].set_title("Sensitivity: gain of a small change")
    handles = [Line2D([], [], color=COLOURS[cell], label=LABELS[cell]) for cell in GATED] + _legend(starts)
    fig.legend(handles=handles, loc="outside lower center", ncols=len(handles), handlelength=2.4)
    return fig


def _of(table: pd.DataFrame, cell: str, start: str) -> pd.DataFrame:
    return table[(table["cell"] == cell) & (table["start"] == start)]


def _starts(table: pd.DataFrame) -> list[str]:
    return [each for each in STROKES if each in set(table.loc[table["cell"] == "lstm", "start"])]


def _legend(starts: Sequence[str]) -> list[Line2D]:
    return [Line2D([], [], color=INK, linestyle=STROKES[start], label=start_name(start)) for start in starts]


def _lines(ax: Axes, part: pd.DataFrame, column: str, colour: str, style: Any) -> None:
    table = part.pivot(index="lag", columns="seed", values=column).clip(lower=FLOOR - 1)
    ax.plot(table.index, table, color=colour, linewidth=0.5, alpha=0.25, linestyle="-")
    ax.plot(table.index, table.median(axis=1), color=colour, linestyle=style)


def _frame(ax: Axes, last: int, limits: tuple[float, float], every: int) -> None:
    ax.axhline(0, color=MUTED, linewidth=0.8, zorder=0)
    _steps(ax, last)
    ax.set_ylim(limits)
    powers = range(int(limits[0]), int(limits[1]) + 1, every)
    ax.set_yticks(list(powers), [f"$10^{{{power}}}$" if power else "1" for power in powers])


def _steps(ax: Axes, last: int) -> None:
    ax.set_xscale("symlog", linthresh=1, linscale=0.4)
    ticks = [tick for tick in (0, 1, 3, 10, 30, 100, 300) if tick <= last]
    ax.set_xticks(ticks, [str(tick) for tick in ticks])
    ax.minorticks_off()
    ax.set_xlim(0, last)
