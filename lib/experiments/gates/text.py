"""Figures of the chapter *memory/gates*: coloured text, clamped gates, units cut out."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

from evidence.figures import FAINT, INK, MUTED, WIDTH
from experiments.gates.analysis import ARMS, GATE_NAMES
from experiments.gates.figures import LOOKS, seeds_at

ACROSS = 75
"""Characters in a line of the strip."""
PRINT = "#101418"
"""Ink on coloured paper: the same on a dark page, as the paper is."""
CLAMPS = {"shut": "shut, 0", "open": "open, 1", "mean": "its mean"}


def draw_strip(strips: pd.DataFrame) -> Figure:
    """The same text several times, each character on a ground coloured by the state of a unit that the probe chose.

    Args:
        strips: one row a character and line of the figure: `row` (its title), `arm`, `place`, `character`, `value`.
    """
    titles = list(dict.fromkeys(strips["row"]))
    fig, axes = plt.subplots(len(titles), 1, figsize=(WIDTH, 0.72 * len(titles) + 0.1), layout="constrained")
    for ax, title in zip(np.atleast_1d(axes), titles, strict=True):
        part = strips[strips["row"] == title].sort_values("place")
        colour = LOOKS[part["arm"].iloc[0]]["color"]
        ground = LinearSegmentedColormap.from_list("state", ["#f4f6f9", _light(colour)])
        low, high = part["value"].quantile([0.02, 0.98])
        lines = -(-len(part) // ACROSS)
        scaled = ((part["value"] - low) / max(high - low, 1e-9)).clip(0, 1)
        cells = np.full(lines * ACROSS, np.nan)
        cells[: len(scaled)] = scaled
        edges = np.arange(ACROSS + 1), np.arange(lines + 1)
        ax.pcolormesh(*edges, cells.reshape(lines, ACROSS), cmap=ground, vmin=0, vmax=1)
        for place, character in zip(part["place"], part["character"], strict=True):
            line, column = divmod(place, ACROSS)
            shown = "¶" if character == "\n" else character
            style: dict = {"ha": "center", "va": "center", "fontsize": 7.5, "family": "DejaVu Sans Mono"}
            ax.text(column + 0.5, line + 0.54, shown, color=PRINT, **style)
        ax.set(xlim=(0, ACROSS), ylim=(lines, 0))
        ends = f"pale {low:.2f}, full {high:.2f}".replace("-", "−")
        ax.set_title(title, fontsize=8.5)
        ax.set_title(ends, fontsize=8, fontweight="normal", loc="right", color=MUTED)
        ax.axis("off")
    return fig


def _light(colour: str) -> str:
    """A colour halfway to white: black print stays readable on it."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    return "#" + "".join(f"{round(255 * (1 - 0.62 * (1 - part))):02x}" for part in parts)


def draw_clamps(table: pd.DataFrame) -> Figure:
    """Bits per character lost when a gate is held at one value in the trained model, a dot a seed."""
    fig, axes = plt.subplots(1, 2, figsize=(WIDTH, 3.9), sharex=True)
    for ax, arm in zip(axes, ("lstm", "gru"), strict=True):
        part = table[table["arm"] == arm]
        names = list(dict.fromkeys(part["clamp"]))
        for place, name in enumerate(names):
            if place % 2:
                ax.axhspan(place - 0.5, place + 0.5, color=FAINT, alpha=0.3, linewidth=0, zorder=0)
            seeds_at(ax, part[part["clamp"] == name].set_index("seed")["lost"], place, arm)
        labels = [_clamp_name(name) for name in names]
        ax.set_yticks(range(len(names)), labels)
        ax.set_ylim(len(names) - 0.4, -0.6)
        ax.axvline(0, color=MUTED, linewidth=0.8, zorder=0)
        ax.set(title=ARMS[arm][2], xlabel="bits per character lost")
    return fig


def _clamp_name(name: str) -> str:
    gate, _, what = name.partition(" ")
    return f"{GATE_NAMES[gate]}: {CLAMPS[what]}" if what in CLAMPS else name


def draw_cuts(table: pd.DataFrame) -> Figure:
    """Bits for each closing bracket and for each end of a sentence; and what cutting one unit costs at the brackets."""
    fig, axes = plt.subplots(1, 3, figsize=(WIDTH, 3.1), sharey=True)
    arms = list(dict.fromkeys(table["arm"]))
    for ax, column, title in ((axes[0], "closing", "bits for each ]"), (axes[1], "stops", "bits for each . ? !")):
        for place, arm in enumerate(arms):
            seeds_at(ax, table[table["arm"] == arm].set_index("seed")[column], place, arm)
        ax.set(title=title, xlabel="bits")
    for place, arm in enumerate(arms):
        part = table[table["arm"] == arm].set_index("seed")
        seeds_at(axes[2], part["chosen"], place, arm)
        axes[2].plot(part["others"], [place + 0.25] * len(part), "|", color=MUTED, markersize=6)
    axes[2].axvline(0, color=MUTED, linewidth=0.8, zorder=0)
    axes[2].set(title="lost at ] without the unit", xlabel="bits")
    axes[2].title.set_fontsize(9)
    names = [ARMS[arm][2].replace(" with ", "\nwith ").replace(", ", ",\n") for arm in arms]
    axes[0].set_yticks(range(len(arms)), names)
    axes[0].set_ylim(len(arms) - 0.4, -0.6)
    other = plt.Line2D([], [], color=MUTED, marker="|", linestyle="", markersize=7, label="without another unit")
    interval = plt.Line2D([], [], color=INK, linewidth=1.3, label="95 % interval")
    fig.legend(handles=[other, interval], loc="outside lower center", ncols=2)
    return fig
