"""Figures of the chapter *memory/gates*: gates, memory times, probes."""

from __future__ import annotations

import textwrap
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import NullLocator

from evidence.figures import ACCENTS, COLOURS, FAINT, INK, LABELS, MARKERS, MUTED, PAPER, WIDTH
from evidence.statistics import mean_interval
from experiments.gates.analysis import ARMS, GATE_NAMES, GATES, SHORT, corners, plane
from experiments.gates.look import SQUARES

LOOKS: dict[str, dict[str, Any]] = {
    "lstm": {"color": COLOURS["lstm"], "marker": MARKERS["lstm"]},
    "gru": {"color": COLOURS["gru"], "marker": MARKERS["gru"]},
    "gru-parameters": {"color": COLOURS["gru"], "marker": MARKERS["gru"], "markerfacecolor": PAPER},
    "coupled": {"color": ACCENTS["good"], "marker": MARKERS["lstm"], "markerfacecolor": PAPER},
}
LINES = {"lstm": "-", "gru": "-", "gru-parameters": (0, (4, 2)), "coupled": (0, (1.5, 1.2))}


def seeds_at(ax: Axes, values: pd.Series, y: float, arm: str, size: float = 3.6) -> None:
    """A dot a seed around a height, and the mean with its 95 % interval just below."""
    spread = np.linspace(-0.05, 0.05, len(values)) if len(values) > 1 else np.zeros(1)
    ax.plot(values, y + spread, linestyle="", alpha=0.75, markersize=size, **LOOKS[arm])
    found = mean_interval(values.to_numpy())
    ax.plot([found.low, found.high], [y + 0.11] * 2, color=INK, linewidth=1.3, zorder=4)


def handles(arms: list[str], lines: bool = False) -> list[Line2D]:
    """Legend entries of some arms."""
    made = []
    for arm in arms:
        look = {"color": LOOKS[arm]["color"], "linestyle": LINES[arm]} if lines else {**LOOKS[arm], "linestyle": ""}
        made.append(Line2D([], [], label=ARMS[arm][2], markersize=5, **look))
    return made


def draw_tuning(runs: pd.DataFrame, best: pd.DataFrame, guess: float) -> Figure:
    """Bits per character on the validation part against learning rate, a dot a tuning seed; the chosen rate has a ring."""
    fig, ax = plt.subplots(figsize=(WIDTH * 0.72, 2.9))
    for arm, shift in (("lstm", 0.97), ("gru", 1.0), ("coupled", 1.03)):
        cell, _, _ = ARMS[arm]
        part = runs[runs["cell"] == cell]
        bits = guess - part["score"]
        ax.plot(part["learning_rate"] * shift, bits, linestyle="", markersize=3.5, alpha=0.8, **LOOKS[arm])
        mean = bits.groupby(part["learning_rate"]).mean()
        ax.plot(mean.index * shift, mean, color=LOOKS[arm]["color"], linestyle=LINES[arm], linewidth=1.4)
        rate = best.loc[best["cell"] == cell, "learning_rate"].iloc[0]
        ax.plot(rate * shift, mean[rate], "o", markersize=11, color=LOOKS[arm]["color"], markerfacecolor="none")
    rates = sorted(runs["learning_rate"].unique())
    ax.set(xscale="log", xlabel="learning rate", ylabel="validation bits\nper character")
    ax.set_xticks(rates, [f"{rate:g}".removeprefix("0") for rate in rates])
    ax.xaxis.set_minor_locator(NullLocator())
    ring = Line2D([], [], color=MUTED, marker="o", linestyle="", markerfacecolor="none", markersize=9, label="chosen")
    fig.legend(handles=[*handles(["lstm", "gru", "coupled"]), ring], loc="outside lower center", ncols=4)
    return fig


def draw_saturation(table: pd.DataFrame) -> Figure:
    """Share of characters at which a gate is open against that at which it is shut: a faint dot a unit, a mark a seed."""
    panels = [(arm, gate) for arm in ("lstm", "gru") for gate in GATES[arm]]
    fig, axes = plt.subplots(1, len(panels), figsize=(WIDTH, 2.0), sharex=True, sharey=True)
    for ax, (arm, gate) in zip(axes, panels, strict=True):
        part = table[(table["arm"] == arm) & (table["gate"] == gate)]
        ax.plot([0, 1], [1, 0], color=FAINT, linewidth=1, zorder=0)
        ax.plot(part["left"], part["right"], ".", color=COLOURS[arm], markersize=2.4, alpha=0.3, markeredgewidth=0)
        means = part.groupby("seed")[["left", "right"]].mean()
        ax.plot(means["left"], means["right"], MARKERS[arm], color=INK, markersize=3.6, alpha=0.85)
        ax.set_title(f"{LABELS[arm]}: {GATE_NAMES[gate]}", fontsize=8.5)
        ax.set(xlim=(-0.03, 1.03), ylim=(-0.03, 1.03), aspect="equal")
        ax.set_xticks([0, 0.5, 1], ["0", "½", "1"])
        ax.set_yticks([0, 0.5, 1], ["0", "½", "1"])
    axes[0].set_ylabel("share of characters open")
    fig.supxlabel("share of characters shut", fontsize=9)
    return fig


def draw_memory(units: pd.DataFrame, started: pd.DataFrame, runs: pd.DataFrame) -> Figure:
    """Share of units that remember longer than a time, by start; and where an LSTM's pairs of gates are."""
    fig, axes = plt.subplots(1, 3, figsize=(WIDTH, 3.1), width_ratios=(1, 1, 1.02))
    arms = [arm for arm in ("lstm", "gru", "coupled") if (units["arm"] == arm).any()]
    for ax, table, title in ((axes[0], units, "default start"), (axes[1], started, "chrono start")):
        for arm in arms:
            part = table[table["arm"] == arm]
            for _, each in part.groupby("seed"):
                _survival(ax, each["time"], color=LOOKS[arm]["color"], linewidth=0.5, alpha=0.3)
            if len(part):
                _survival(ax, part["time"], color=LOOKS[arm]["color"], linestyle=LINES[arm], linewidth=1.8)
                _survival(ax, part["fresh_time"], color=MUTED, linewidth=0.9, linestyle=(0, (1, 1)))
        ax.set(xscale="log", xlim=(0.05, 500), ylim=(0, 1), title=title, xlabel="memory time, characters")
        ax.set_xticks([0.1, 1, 10, 100], ["0.1", "1", "10", "100"])
        ax.xaxis.set_minor_locator(NullLocator())
    axes[0].set_ylabel("share of units that keep longer")
    fresh = Line2D([], [], color=MUTED, linestyle=(0, (1, 1)), label="before training")
    fig.legend(handles=[*handles(arms, lines=True), fresh], loc="outside lower center", ncols=4)
    _draw_plane(axes[2], plane(runs).mean(axis=0), corners(runs).mean())
    return fig


def _survival(ax: Axes, values: pd.Series, **style: Any) -> None:
    ordered = np.sort(values.to_numpy())
    ax.plot(ordered, 1 - np.arange(1, len(ordered) + 1) / len(ordered), **style)


def _draw_plane(ax: Axes, square: np.ndarray, shares: pd.Series) -> None:
    shade = LinearSegmentedColormap.from_list("share", ["#f4f6f9", COLOURS["lstm"]])
    edges = np.linspace(0, 1, SQUARES + 1)
    ax.pcolormesh(edges, edges, np.sqrt(square), cmap=shade, rasterized=False)
    ax.plot([0, 1], [1, 0], color=COLOURS["gru"], linewidth=1.6)
    ax.text(0.45, 0.5, "where a GRU is", color="#9c4300", rotation=-45, ha="center", va="center", fontsize=8)
    words = {"add": (0.97, 0.93), "hold": (0.03, 0.93), "write": (0.97, 0.07), "blank": (0.03, 0.07)}
    box = {"facecolor": "#ffffff", "edgecolor": "none", "alpha": 0.8, "boxstyle": "square,pad=0.15"}
    for name, (x, y) in words.items():
        side = "right" if x > 0.5 else "left"
        ax.text(x, y, f"{100 * shares[name]:.0f} %", color="#101418", ha=side, va="center", fontsize=8, bbox=box)
    ax.set(title="LSTM: pairs of gates", xlabel="input gate i", ylabel="forget gate f", aspect="equal")
    ax.set_xticks([0, 0.5, 1], ["0", "½", "1"])
    ax.set_yticks([0, 0.5, 1], ["0", "½", "1"])
    ax.grid(visible=False)


def draw_probes(table: pd.DataFrame) -> Figure:
    """How well all units tell each label, read at what is carried and at what is shown: a dot a seed; grey: untrained."""
    fig, axes = plt.subplots(1, 2, figsize=(WIDTH, 5.4), sharey=True, sharex=True)
    arms = [arm for arm in ("lstm", "gru", "coupled") if (table["arm"] == arm).any()]
    heads = {"memory": "carried: c of an LSTM, h of a GRU", "shown": "shown: h of all"}
    for ax, (read, title) in zip(axes, heads.items(), strict=True):
        for place, label in enumerate(SHORT):
            if place % 2:
                ax.axhspan(place - 0.5, place + 0.5, color=FAINT, alpha=0.3, linewidth=0, zorder=0)
            for arm, shift in zip(arms, (-0.3, 0.0, 0.3), strict=False):
                part = table[(table["arm"] == arm) & (table["label"] == label)].set_index("seed")
                if read == "memory":
                    ends = [place + shift - 0.1, place + shift + 0.14]
                    ax.plot([part["fresh"].mean()] * 2, ends, color=MUTED, linewidth=2.2, zorder=1)
                seeds_at(ax, part[read], place + shift, arm)
        ax.axvline(0, color=MUTED, linewidth=0.8, zorder=0)
        ax.set(title=title, xlabel="correlation on other text")
    axes[0].set_yticks(range(len(SHORT)), [textwrap.fill(name, 22) for name in SHORT.values()])
    axes[0].set(ylim=(len(SHORT) - 0.5, -0.5), xlim=(-0.12, 1.05))
    style: dict[str, Any] = {"marker": "|", "linestyle": "", "markersize": 9, "markeredgewidth": 2.2}
    untrained = Line2D([], [], color=MUTED, label="untrained", **style)
    mean = Line2D([], [], color=INK, linewidth=1.3, label="95 % interval of the mean")
    fig.legend(handles=[*handles(arms), untrained, mean], loc="outside lower center", ncols=5, columnspacing=1.2)
    return fig
