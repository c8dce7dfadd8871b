"""Figures of the chapter *memory/gradients*."""

from __future__ import annotations

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from evidence.figures import COLOURS, FAINT, INK, LABELS, MARKERS, MUTED, WIDTH
from experiments.gradients.analysis import spectra, start_name
from gatedrnn.initialisation import half_life

FLOOR = -12.0
"""log10 of the smallest gain that is drawn."""
STYLES: list = ["-", (0, (6, 2)), (0, (4, 1.5, 1, 1.5)), (0, (2, 1.5)), (0, (1, 1.2)), (0, (8, 2, 2, 2))]


def long(runs: pd.DataFrame) -> pd.DataFrame:
    """One row a run and lag: configuration, `lag`, and log10 of the gains `memory`, `hidden` and `gate`."""
    parts = []
    for _, row in runs.iterrows():
        curves = {name: row["curves"][name] for name in ("lag", "memory", "hidden", "gate")}
        keys = {name: row[name] for name in ("cell", "start", "steps", "seed")}
        parts.append(pd.DataFrame(curves).assign(**keys))
    return pd.concat(parts, ignore_index=True)


def draw_flow(table: pd.DataFrame) -> Figure:
    """Gain of the memory's gradient against lag in fresh cells, a line a start, every seed thin."""
    fig, axes = plt.subplots(1, 2, figsize=(WIDTH, 3.5), sharex=True, sharey=True)
    starts = [each for each in dict.fromkeys(table.loc[table["cell"] == "lstm", "start"]) if each != "bias:0"]
    for ax, cell in zip(axes, ("lstm", "gru"), strict=True):
        _draw_lines(ax, table[table["cell"] == "rnn"], COLOURS["rnn"], "-", "tanh RNN")
        for place, start in enumerate(starts):
            part = table[(table["cell"] == cell) & (table["start"] == start)]
            _draw_lines(ax, part, COLOURS[cell], STYLES[place % len(STYLES)], start_name(start))
        path = "∂c(T) / ∂c(t)" if cell == "lstm" else "∂h(T) / ∂h(t)"
        ax.set(title=f"{LABELS[cell]}: {path}", xlabel="lag T − t, steps")
        _frame(ax, table)
    axes[0].set_ylabel("gain of a random small change")
    handles = [Line2D([], [], color=COLOURS["rnn"], label="tanh RNN")]
    for style, start in zip(STYLES, starts, strict=False):
        handles.append(Line2D([], [], color=INK, linestyle=style, label=start_name(start)))
    fig.legend(handles=handles, loc="outside lower center", ncols=len(handles), handlelength=2.4, columnspacing=1.2)
    return fig


def _draw_lines(ax: Axes, part: pd.DataFrame, colour: str, style: object, label: str) -> None:
    table = part.pivot(index="lag", columns="seed", values="memory").clip(lower=FLOOR - 1)
    ax.plot(table.index, table, color=colour, linewidth=0.5, alpha=0.3, linestyle="-")
    ax.plot(table.index, table.median(axis=1), color=colour, linestyle=style, label=label)


def _frame(ax: Axes, table: pd.DataFrame) -> None:
    ax.axhline(0, color=MUTED, linewidth=0.8, zorder=0)
    ax.set_xscale("symlog", linthresh=1, linscale=0.4)
    ticks = [tick for tick in (0, 1, 3, 10, 30, 100, 300) if tick <= table["lag"].max()]
    ax.set_xticks(ticks, [str(tick) for tick in ticks])
    ax.minorticks_off()
    ax.set(xlim=(0, table["lag"].max()), ylim=(FLOOR, 2.5))
    powers = range(int(FLOOR), 3, 4)
    ax.set_yticks(list(powers), [f"$10^{{{power}}}$" if power else "1" for power in powers])


def draw_half_lives(runs: pd.DataFrame, lags: int) -> Figure:
    """Half-life of the memory's gradient against the first bias of the keeping gate, beside the analytic curve.

    Seeds lie on each other at the true bias: moved aside they would lie elsewhere against a rising curve.
    """
    fig, ax = plt.subplots(figsize=(WIDTH * 0.72, 3.2))
    biases = np.linspace(-0.5, 5.6, 80)
    ax.plot(biases, [half_life(bias) for bias in biases], color=INK, linewidth=1.2)
    ax.text(1.95, half_life(1.95) * 1.5, "ln ½ / ln σ(b):\nthe gate alone", color=INK, ha="right", fontsize=8.5)
    rnn = runs.loc[runs["cell"] == "rnn", "half_life"]
    ax.axhline(rnn.median(), color=COLOURS["rnn"], linewidth=1.2)
    ax.text(5.6, rnn.median() * 0.9, "tanh RNN", color=COLOURS["rnn"], ha="right", va="top", fontsize=8.5)
    for cell, size, face in (("gru", 4, COLOURS["gru"]), ("lstm", 7.5, "none")):
        part = runs[(runs["cell"] == cell) & runs["start"].str.startswith("bias:")]
        spots: dict[str, Any] = dict(color=COLOURS[cell], markersize=size, markerfacecolor=face, linestyle="", zorder=3)
        for bias, rows in part.groupby(part["start"].str.removeprefix("bias:").astype(float)):
            beyond = rows["half_life"] >= lags
            ax.plot([bias] * int((~beyond).sum()), rows["half_life"][~beyond], MARKERS[cell], **spots)
            if beyond.any():
                ax.plot(bias, lags, "^", **spots)
                told = f"{beyond.sum()} of {len(rows)}"
                ax.text(bias - 0.12, lags, told, color=COLOURS[cell], ha="right", va="center")
        ax.plot([], [], MARKERS[cell], label=LABELS[cell], **spots)
    ax.plot([], [], "^", color=MUTED, markersize=6, markerfacecolor="none", label=f"outlasts {lags} steps")
    ax.set(yscale="log", xlim=(-0.6, 5.7), xticks=range(6), ylabel="half-life, steps")
    ax.set_xlabel("first bias b of the forget (LSTM) or update (GRU) gate")
    ax.set_yticks([1, 3, 10, 30, 100, 300], ["1", "3", "10", "30", "100", "300"])
    ax.minorticks_off()
    ax.legend(loc="upper left")
    return fig


def draw_learned(table: pd.DataFrame, runs: pd.DataFrame) -> Figure:
    """Gain before and after training for each case, and last the singular values after it."""
    cases = list(dict.fromkeys(zip(table["cell"], table["start"], strict=True)))
    fig, axes = plt.subplots(2, 3, figsize=(WIDTH, 4.6), layout="constrained")
    flat, last = axes.ravel(), axes.ravel()[len(cases)]
    for ax, (cell, start) in zip(flat, cases, strict=False):
        part = table[(table["cell"] == cell) & (table["start"] == start)]
        _draw_lines(ax, part[part["steps"] == 0], MUTED, (0, (3, 1.5)), "fresh")
        _draw_lines(ax, part[part["steps"] > 0], COLOURS[cell], "-", "trained")
        done = runs[(runs["cell"] == cell) & (runs["start"] == start) & (runs["steps"] > 0)]
        name = LABELS[cell] if cell == "rnn" else f"{LABELS[cell]}, {start_name(start)}"
        ax.set_title(f"{name}: {done['solved_at'].notna().sum()}/{len(done)} solved", fontsize=8.5)
        _frame(ax, table)
        ax.set_xlabel("lag, steps")
    for ax in axes[:, 0]:
        ax.set_ylabel("gain")
    flat[0].legend(loc="lower left")
    for cell, start in cases:
        done = runs[(runs["cell"] == cell) & (runs["start"] == start) & (runs["steps"] > 0)]
        middle = np.clip(np.median(spectra(done), axis=0), FLOOR - 1, None)
        style = "-" if start.startswith(("chrono", "default")) else (0, (2, 1.5))
        last.plot(done["curves"].iloc[0]["rank"], middle, color=COLOURS[cell], linestyle=style)
    last.set(xlabel="rank of the singular value", ylabel="singular value", ylim=(FLOOR, 2.5))
    last.set_title("After training", fontsize=8.5)
    last.set_yticks(flat[0].get_yticks(), [label.get_text() for label in flat[0].get_yticklabels()])
    last.axhline(0, color=FAINT, linewidth=0.8, zorder=0)
    return fig
