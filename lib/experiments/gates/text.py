"""Figures of the chapter *memory/gates*: coloured text, gates held fast, units cut out."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

from evidence.figures import INK, MUTED, WIDTH
from evidence.statistics import Interval
from experiments.gates.analysis import ARMS, GATE_NAMES, GATED
from experiments.gates.figures import LOOKS, seeds_at, stripes


def draw_strip(table: pd.DataFrame) -> Figure:
    """A line of text, and below each character what the unit for brackets shows after it: a row a seed, a block a cell."""
    fig, axes = plt.subplots(len(GATED), 1, figsize=(WIDTH, 3.4))
    for ax, arm in zip(axes, GATED, strict=True):
        part = table[table["arm"] == arm]
        values = part.pivot(index="seed", columns="place", values="value").to_numpy()
        ground = LinearSegmentedColormap.from_list("state", ["#f4f6f9", LOOKS[arm]["color"]])
        ax.pcolormesh(np.arange(values.shape[1] + 1), np.arange(len(values) + 1), values, cmap=ground, vmin=0, vmax=1)
        characters = part.drop_duplicates("place").sort_values("place")["character"]
        for place, character in enumerate(characters.replace("\n", "¶")):
            ax.text(place + 0.5, -0.6, character, ha="center", fontsize=7.5, family="DejaVu Sans Mono", color=INK)
        ax.set(ylim=(len(values), -1.6), yticks=[], xticks=[], ylabel="seeds")
        ax.set_title(ARMS[arm][2], fontsize=8.5)
        ax.grid(visible=False)
        for side in ("left", "bottom"):
            ax.spines[side].set_visible(False)
    return fig


def draw_clamps(table: pd.DataFrame) -> Figure:
    """Bits per character lost when a gate of the trained model is held at its mean, or i is made 1 − f: a dot a seed."""
    part = table[table["arm"].isin(GATED)]
    lines = list(dict.fromkeys(zip(part["arm"], part["clamp"], strict=True)))
    fig, ax = plt.subplots(figsize=(WIDTH * 0.75, 0.9 + 0.3 * len(lines)))
    stripes(ax, len(lines))
    for place, (arm, name) in enumerate(lines):
        some = part[(part["arm"] == arm) & (part["clamp"] == name)].set_index("seed")
        seeds_at(ax, some["lost"], place, arm)
    ax.set_yticks(range(len(lines)), [f"{ARMS[arm][2]}: {GATE_NAMES.get(name, name)}" for arm, name in lines])
    ax.set(ylim=(len(lines) - 0.4, -0.6), xlabel="bits per character lost")
    ax.axvline(0, color=MUTED, linewidth=0.8, zorder=0)
    return fig


def draw_costs(table: pd.DataFrame, intervals: dict[str, dict[str, Interval]]) -> Figure:
    """Bits for each closing bracket and end of a sentence, and what cutting one unit costs at the brackets.

    Args:
        table: of `analysis.cost_table`. intervals: by column (`closing`, `cut`) and arm, over seeds and stretches of text.
    """
    panels = {"closing": "bits for each ]", "stops": "bits for each . ? !", "cut": "lost at ] without the unit"}
    fig, axes = plt.subplots(1, 3, figsize=(WIDTH, 3.1), sharey=True)
    arms = list(dict.fromkeys(table["arm"]))
    for ax, (column, title) in zip(axes, panels.items(), strict=True):
        stripes(ax, len(arms))
        for place, arm in enumerate(arms):
            part = table[table["arm"] == arm].set_index("seed")
            seeds_at(ax, part[column], place, arm, intervals.get(column, {}).get(arm))
            if column == "cut":
                ax.plot(part["other"], [place + 0.25] * len(part), "|", color=MUTED, markersize=6)
        ax.set(xlabel="bits")
        ax.set_title(title, fontsize=9)
    axes[2].axvline(0, color=MUTED, linewidth=0.8, zorder=0)
    names = [ARMS[arm][2].replace(" with ", "\nwith ").replace(", ", ",\n") for arm in arms]
    axes[0].set_yticks(range(len(arms)), names)
    axes[0].set_ylim(len(arms) - 0.5, -0.5)
    other = plt.Line2D([], [], color=MUTED, marker="|", linestyle="", markersize=7, label="without another unit")
    interval = plt.Line2D([], [], color=INK, linewidth=1.3, label="95 % interval")
    fig.legend(handles=[other, interval], loc="outside lower center", ncols=2)
    return fig
