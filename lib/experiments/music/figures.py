"""Figures of the chapter *applications/music*."""

from __future__ import annotations

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from evidence.figures import COLOURS, FAINT, INK, LABELS, MARKERS, MUTED, PAPER, WIDTH
from experiments.music.analysis import BASELINES, GATED, MATCHES, PRINTED, PUBLISHED, context_table, gap, nll
from experiments.music.runs import CELLS, CONTEXTS, HEADS
from experiments.music.sound import notes
from tasks import chorales

HEAD_NAMES = {"keys": "Each key by itself", "chord": "Keys that know each other"}
ROWS = (("rnn", "width"), ("lstm", "width"), ("gru", "width"), ("gru", "parameters"))
NATS = "NLL, nats a quarter note"
PAPERS = {
    "Bai et al. 2018": "Bai et al. 2018 (◇: convolution)",
    "Zakovskis et al. 2021, tuned": "Zakovskis et al. 2021 (◇: gated)",
}
SHIFTS = {"lstm": -0.17, "gru": 0.17}
"""How far a published number is moved up or down, so that near ones do not hide each other."""


def draw_scores(runs: pd.DataFrame, best: pd.DataFrame) -> Figure:
    """Test NLL of published models, of baselines (key frequencies lie far off) and of every seed of every cell."""
    fig, ax = plt.subplots(figsize=(WIDTH, 5.4))
    fig.set_layout_engine("constrained", w_pad=0.1)
    rng = np.random.default_rng(0)
    names: list[tuple[float, str]] = []
    y = _title(ax, 0.0, "Published, on another split")
    for paper, values in PUBLISHED.items():
        for cell, value in values.items():
            style: dict[str, Any] = {"color": COLOURS.get(cell, MUTED), "markerfacecolor": PAPER, "markersize": 5.5}
            ax.plot(value, y + SHIFTS.get(cell, 0), MARKERS.get(cell, "d"), **style)
        names.append((y, PAPERS.get(paper, paper)))
        y += 1
    for head in HEADS:
        y = _title(ax, y + 0.4, HEAD_NAMES[head])
        for name in (name for name, (_, its) in list(BASELINES.items())[1:] if its == head):
            ax.plot(float(best.loc[name, "test"]), y, MARKERS["baseline"], color=INK, markersize=7, markeredgewidth=2)
            names.append((y, name))
            y += 1
        for cell, match in ROWS:
            _dots(ax, nll(runs, cell, head, match).to_numpy(), y, cell, match == "width", rng)
            names.append((y, LABELS[cell] + (", equal parameters" if match == "parameters" else "")))
            y += 1
    ax.set_yticks([at for at, _ in names], [name for _, name in names])
    ax.set(ylim=(y - 0.3, -0.8), xlabel=f"{NATS} (lower is better)")
    ax.grid(axis="y", visible=False)
    handles: list[Any] = [
        plt.Line2D([], [], color=INK, marker="x", linestyle="", markersize=6, markeredgewidth=2, label="baseline"),
        plt.Line2D([], [], color=MUTED, marker="d", linestyle="", markerfacecolor=PAPER, label="published: see row"),
    ]
    for cell in CELLS:
        handles.append(plt.Line2D([], [], color=COLOURS[cell], marker=MARKERS[cell], linestyle="", label=LABELS[cell]))
    fig.legend(handles=handles, loc="outside lower center", ncols=5, columnspacing=1.2, handletextpad=0.3)
    return fig


def draw_gaps(runs: pd.DataFrame) -> Figure:
    """LSTM − GRU of every seed by head and size, beside the published differences; below zero the LSTM is better."""
    fig, ax = plt.subplots(figsize=(WIDTH, 3.4))
    rng = np.random.default_rng(0)
    names = []
    for place, (head, match) in enumerate((head, match) for head in HEADS for match in MATCHES):
        values = (nll(runs, "lstm", head) - nll(runs, "gru", head, match)).to_numpy()
        face = INK if match == "width" else PAPER
        jitter = place + rng.uniform(-0.12, 0.12, len(values))
        ax.scatter(values, jitter, s=15, facecolors=face, edgecolors=INK, linewidths=0.9, alpha=0.7, zorder=2)
        found = gap(runs, head, match)
        ax.plot([found.low, found.high], [place + 0.3] * 2, color=INK, linewidth=1.8)
        ax.plot(found.estimate, place + 0.3, "|", color=INK, markersize=9, markeredgewidth=2)
        names.append(f"{HEAD_NAMES[head]},\nequal {match}")
    for paper, value in PRINTED.items():
        ax.plot(value, len(names), "d", color=MUTED, markerfacecolor=PAPER, markersize=7)
        names.append(f"{paper},\nanother split")
    ax.axvline(0, color=MUTED, linewidth=1)
    ax.set_yticks(range(len(names)), names)
    ax.invert_yaxis()
    ax.set_xlabel("LSTM − GRU, nats a quarter note (left of 0: LSTM better)")
    ax.grid(axis="y", visible=False)
    return fig


def draw_context(runs: pd.DataFrame) -> Figure:
    """NLL against the number of frames that a trained cell is given; the last point is all of the past."""
    table = context_table(runs)
    fig, ax = plt.subplots(figsize=(WIDTH * 0.75, 3.2))
    ticks = [*CONTEXTS, 2 * CONTEXTS[-1]]
    for cell in reversed(CELLS):
        wide = table[table["cell"] == cell].pivot(index="frames", columns="seed", values="nll")
        wide.index = [frames or ticks[-1] for frames in wide.index]
        wide = wide.sort_index()
        ax.plot(wide.index, wide, color=COLOURS[cell], linewidth=0.6, alpha=0.3)
        ax.plot(wide.index, wide.mean(axis=1), color=COLOURS[cell], marker=MARKERS[cell], label=LABELS[cell])
    ax.set_xscale("log", base=2)
    ax.set_xticks(ticks, [*map(str, CONTEXTS), "all"])
    ax.minorticks_off()
    ax.set(xlabel="quarter notes of the past that are shown", ylabel=NATS)
    ax.legend(loc="upper right")
    return fig


def draw_rolls(rolls: dict[str, list[list[int]]], opening: int, heard: range) -> Figure:
    """Piano rolls one below the other: the given opening grey, what follows in the colour of who wrote it.

    Args:
        rolls: title → keys of each frame. opening: frames given. heard: frames that the clips on the page play.
    """
    fig, axes = plt.subplots(len(rolls), 1, figsize=(WIDTH, 1.55 * len(rolls) + 0.5), sharex=True, sharey=True)
    used = [key for frames in rolls.values() for frame in frames for key in frame]
    low, high = min(used) - 2, max(used) + 2
    for ax, (name, frames) in zip(axes, rolls.items(), strict=True):
        colour = next((COLOURS[cell] for cell in GATED if LABELS[cell] == name), INK)
        ax.axvspan(heard.start, heard.stop, color=FAINT, alpha=0.45, linewidth=0)
        _bars(ax, frames[:opening], 0, MUTED)
        _bars(ax, frames[opening:], opening, colour)
        ax.axvline(opening, color=INK, linewidth=1, linestyle=(0, (3, 2)))
        octaves = [key for key in range(low, high + 1) if (key + chorales.LOWEST) % 12 == 0]
        ax.set_yticks(octaves, [f"C{(key + chorales.LOWEST) // 12 - 1}" for key in octaves])
        ax.set(title=name, ylim=(low, high), xlim=(0, len(frames)))
    axes[-1].set_xlabel("quarter notes (grey: given; shaded: what the players below play)")
    return fig


def draw_tuning(runs: pd.DataFrame, best: pd.DataFrame) -> Figure:
    """Best validation NLL against the learning rate, a panel a head; rings are the rates chosen."""
    fig, axes = plt.subplots(1, 2, figsize=(WIDTH, 2.9))
    for ax, head in zip(axes, HEADS, strict=True):
        for cell in CELLS:
            part = runs[(runs["cell"] == cell) & (runs["head"] == head)]
            mean = part.groupby("learning_rate")["validation"].mean()
            ax.plot(part["learning_rate"], part["validation"], ".", color=COLOURS[cell], markersize=4, alpha=0.6)
            ax.plot(mean.index, mean, color=COLOURS[cell], linewidth=1.5, label=LABELS[cell])
            rate = best[(best["cell"] == cell) & (best["head"] == head)]["learning_rate"].iloc[0]
            ax.plot(rate, mean[rate], "o", color=COLOURS[cell], markerfacecolor="none", markersize=10)
        ax.set(xscale="log", xlabel="learning rate", title=HEAD_NAMES[head])
        rates = sorted(runs.loc[runs["head"] == head, "learning_rate"].unique())
        ax.set_xticks(rates, [f"{rate:g}" for rate in rates])
        ax.minorticks_off()
    axes[0].set_ylabel(f"validation {NATS}")
    axes[0].legend(loc="best")
    return fig


def _title(ax: Axes, y: float, words: str) -> float:
    ax.text(0.005, y, words, transform=ax.get_yaxis_transform(), color=INK, fontsize=9, weight="bold", va="center")
    return y + 1


def _dots(ax: Axes, values: np.ndarray, y: float, cell: str, filled: bool, rng: np.random.Generator) -> None:
    face = COLOURS[cell] if filled else PAPER
    spread = y + rng.uniform(-0.22, 0.22, len(values))
    edge: dict[str, Any] = {"edgecolors": COLOURS[cell], "linewidths": 0.9, "alpha": 0.75, "zorder": 2}
    ax.scatter(values, spread, s=14, marker=MARKERS[cell], facecolors=face, **edge)
    ax.plot([values.mean()] * 2, [y - 0.36, y + 0.36], color=INK, linewidth=1.8, zorder=3)


def _bars(ax: Axes, frames: list[list[int]], start: int, colour: str) -> None:
    for key, first, held in notes(frames):
        ends = [start + first + 0.06, start + first + held - 0.06]
        ax.plot(ends, [key, key], color=colour, linewidth=3.2, solid_capstyle="butt")
