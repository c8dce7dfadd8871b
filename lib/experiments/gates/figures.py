"""Figures of the chapter *memory/gates*: probes, moves of the gates, budgets and looks."""

from __future__ import annotations

import textwrap
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import NullLocator

from evidence.figures import ACCENTS, COLOURS, FAINT, INK, MARKERS, MUTED, PAPER, WIDTH
from evidence.statistics import Interval, mean_interval
from experiments.gates.analysis import ARMS, GATED, MOVE_NAMES, QUANTITIES, SHORT, signs

LOOKS: dict[str, dict[str, Any]] = {
    "lstm": {"color": COLOURS["lstm"], "marker": MARKERS["lstm"]},
    "gru": {"color": COLOURS["gru"], "marker": MARKERS["gru"]},
    "gru-parameters": {"color": COLOURS["gru"], "marker": MARKERS["gru"], "markerfacecolor": PAPER},
    "coupled": {"color": ACCENTS["good"], "marker": MARKERS["lstm"], "markerfacecolor": PAPER},
}
LINES: dict[str, Any] = {"lstm": "-", "gru": "-", "gru-parameters": (0, (4, 2)), "coupled": (0, (1.5, 1.2))}
SHOWN = ("lstm", "gru", "coupled")
"""Arms of equal width, which the figures on gates and probes show."""


def seeds_at(ax: Axes, values: pd.Series, y: float, arm: str, interval: Interval | None = None) -> None:
    """A dot a seed around a height, and the mean with its 95 % interval just below: over seeds, or another that is given."""
    spread = np.linspace(-0.05, 0.05, len(values)) if len(values) > 1 else np.zeros(1)
    ax.plot(values, y + spread, linestyle="", alpha=0.75, markersize=3.6, **LOOKS[arm])
    found = interval or mean_interval(values.to_numpy())
    ax.plot([found.low, found.high], [y + 0.11] * 2, color=INK, linewidth=1.3, zorder=4)


def handles(arms: tuple[str, ...], lines: bool = False) -> list[Line2D]:
    """Legend entries of some arms."""
    made = []
    for arm in arms:
        look = {"color": LOOKS[arm]["color"], "linestyle": LINES[arm]} if lines else {**LOOKS[arm], "linestyle": ""}
        made.append(Line2D([], [], label=ARMS[arm][2], markersize=5, **look))
    return made


def stripes(ax: Axes, count: int) -> None:
    """Every second line on a faint ground."""
    for place in range(1, count, 2):
        ax.axhspan(place - 0.5, place + 0.5, color=FAINT, alpha=0.3, linewidth=0, zorder=0)


def draw_tuning(runs: pd.DataFrame, best: pd.DataFrame, guess: float) -> Figure:
    """Bits per character on the validation part against learning rate, a dot a tuning seed; the chosen rate has a ring."""
    fig, ax = plt.subplots(figsize=(WIDTH * 0.72, 2.9))
    for arm, shift in zip(SHOWN, (0.97, 1.0, 1.03), strict=True):
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
    ax.set_xticks(rates, [f"{rate:g}".removeprefix("0") for rate in rates], rotation=40)
    ax.xaxis.set_minor_locator(NullLocator())
    ring = Line2D([], [], color=MUTED, marker="o", linestyle="", markerfacecolor="none", markersize=9, label="chosen")
    fig.legend(handles=[*handles(SHOWN), ring], loc="outside lower center", ncols=4)
    return fig


def draw_probes(table: pd.DataFrame) -> Figure:
    """How well all units tell each label, read at what is carried and at what is shown: a dot a seed; grey: untrained."""
    fig, axes = plt.subplots(1, 2, figsize=(WIDTH, 5.4), sharey=True, sharex=True)
    heads = {"memory": "carried: c of an LSTM, h of a GRU", "shown": "shown: h of all"}
    for ax, (read, title) in zip(axes, heads.items(), strict=True):
        stripes(ax, len(SHORT))
        for place, label in enumerate(SHORT):
            for arm, shift in zip(SHOWN, (-0.3, 0.0, 0.3), strict=True):
                part = table[(table["arm"] == arm) & (table["label"] == label)].set_index("seed")
                fresh, ends = part[f"fresh {read}"], [place + shift - 0.1, place + shift + 0.14]
                ax.fill_betweenx(ends, fresh.min(), fresh.max(), color=MUTED, alpha=0.45, linewidth=0, zorder=1)
                ax.plot([fresh.mean()] * 2, ends, color=MUTED, linewidth=1.6, zorder=1)
                seeds_at(ax, part[read], place + shift, arm)
        ax.axvline(0, color=MUTED, linewidth=0.8, zorder=0)
        ax.set(title=title, xlabel="correlation on other text")
    axes[0].set_yticks(range(len(SHORT)), [textwrap.fill(name, 22) for name in SHORT.values()])
    axes[0].set(ylim=(len(SHORT) - 0.5, -0.5), xlim=(-0.12, 1.05))
    style: dict[str, Any] = {"marker": "|", "linestyle": "", "markersize": 9, "markeredgewidth": 2.2}
    untrained = Line2D([], [], color=MUTED, label="untrained", **style)
    mean = Line2D([], [], color=INK, linewidth=1.3, label="95 % interval of the mean")
    fig.legend(handles=[*handles(SHOWN), untrained, mean], loc="outside lower center", ncols=5, columnspacing=1.2)
    return fig


def draw_moves(times: pd.DataFrame, moves: pd.DataFrame) -> Figure:
    """Share of units that keep longer than a time, a line a seed; and what units do at a character, a dot a seed."""
    fig, axes = plt.subplots(1, 2, figsize=(WIDTH, 3.3), width_ratios=(1, 1.1))
    stripes(axes[1], len(MOVE_NAMES))
    for arm, shift in zip(SHOWN, (-0.27, 0.0, 0.27), strict=True):
        part = times[times["arm"] == arm]
        for _, each in part.groupby("seed"):
            axes[0].plot(each["time"], each["share"], color=LOOKS[arm]["color"], linewidth=0.5, alpha=0.4)
        means = part.groupby("time")[["share", "fresh"]].mean()
        axes[0].plot(means["share"], color=LOOKS[arm]["color"], linestyle=LINES[arm], linewidth=1.8)
        axes[0].plot(means["fresh"], color=MUTED, linewidth=0.9, linestyle=(0, (1, 1)))
        for place, name in enumerate(MOVE_NAMES):
            some = moves[(moves["arm"] == arm) & (moves["move"] == name)].set_index("seed")
            seeds_at(axes[1], some["share"], place + shift, arm)
    axes[0].set(xscale="log", ylim=(0, 1), title="Memories", xlabel="memory time, characters")
    axes[0].set_ylabel("share of units that keep longer")
    axes[0].set_xticks([1, 10, 100], ["1", "10", "100"])
    axes[0].xaxis.set_minor_locator(NullLocator())
    axes[1].set_yticks(range(len(MOVE_NAMES)), list(MOVE_NAMES.values()))
    axes[1].set(ylim=(len(MOVE_NAMES) - 0.5, -0.5), title="Moves", xlabel="share of characters and units")
    fresh = Line2D([], [], color=MUTED, linestyle=(0, (1, 1)), label="before training")
    fig.legend(handles=[*handles(SHOWN), fresh], loc="outside lower center", ncols=4)
    return fig


def draw_ladder(table: pd.DataFrame, ngrams: pd.DataFrame) -> Figure:
    """Bits per character, and how well two labels are told, against the budget: a dot a seed, lines through means."""
    fig, axes = plt.subplots(1, 3, figsize=(WIDTH, 3.2))
    budgets = sorted(table["steps"].unique())
    panels = {"bits": "bits a character", "sentence": SHORT["sentence"], "bracket": SHORT["bracket"]}
    for ax, (name, title) in zip(axes, panels.items(), strict=True):
        lines = [(arm, name, "-") for arm in GATED] if name == "bits" else [
            ("lstm", f"{name} memory", (0, (4, 2))), ("lstm", f"{name} shown", "-"), ("gru", f"{name} shown", "-")
        ]  # fmt: skip
        for arm, column, dash in lines:
            part = table[table["arm"] == arm]
            shift = 0.94 if arm == "lstm" else 1.06
            style = {**LOOKS[arm], "markerfacecolor": LOOKS[arm]["color"] if dash == "-" else PAPER}
            ax.plot(part["steps"] * shift, part[column], linestyle="", markersize=2.8, alpha=0.6, **style)
            mean = part.groupby("steps")[column].mean()
            ax.plot(mean.index * shift, mean, color=LOOKS[arm]["color"], linestyle=dash, linewidth=1.4)
        ax.set(xscale="log", title=textwrap.fill(title, 24), xlabel="optimiser steps")
        ax.set_xticks(budgets, [f"{each:,}" for each in budgets])
        ax.xaxis.set_minor_locator(NullLocator())
    top, best = table["bits"].max() + 0.05, ngrams["bits"].min()
    for order, bits in ngrams[["order", "bits"]].itertuples(index=False):
        if bits == best or best + 0.1 < bits < top:  # two that are as good as the best would lie on its line
            axes[0].axhline(bits, color=COLOURS["baseline"], linewidth=1, linestyle=(0, (1, 1.2)), zorder=0)
            at, side = (budgets[0], "left") if bits == best else (budgets[-1], "right")
            place: dict[str, Any] = {"xytext": (0, 2), "textcoords": "offset points", "fontsize": 7, "color": MUTED}
            axes[0].annotate(f"{order:.0f}-gram", (at, bits), ha=side, **place)
    axes[0].set_ylim(top=top)
    axes[0].set_ylabel("bits")
    axes[1].set_ylabel("correlation on other text")
    carried = Line2D([], [], color=COLOURS["lstm"], linestyle=(0, (4, 2)), label="LSTM, read at c")
    fig.legend(handles=[*handles(GATED), carried], loc="outside lower center", ncols=3, handlelength=3)
    return fig


def _cut(ax: Axes, limit: float) -> None:
    """Leave out what lies further from zero than a limit, with an arrow at that edge wherever a dot is left out."""
    low, high = ax.get_xlim()
    ax.set_xlim(max(low, -limit), min(high, limit))
    for line in ax.get_lines():
        if line.get_marker() == ".":
            for edge, sign, arrow in ((-limit, -1, "<"), (limit, 1, ">")):
                if (sign * np.asarray(line.get_xdata()) > limit).any():
                    at = np.asarray(line.get_ydata())[:1]
                    ax.plot([edge], at, arrow, color=MUTED, markersize=5, clip_on=False)


def draw_gaps(table: pd.DataFrame) -> Figure:
    """LSTM − GRU at every budget and under every look: a panel a quantity, a dot a seed, means with 95 % intervals."""
    names = list(dict.fromkeys(table["condition"]))
    fig, axes = plt.subplots(1, len(QUANTITIES), figsize=(WIDTH, 1.3 + 0.32 * len(names)), sharey=True)
    for ax, (quantity, (title, margin)) in zip(axes, QUANTITIES.items(), strict=True):
        stripes(ax, len(names))
        for place, (name, found) in enumerate(signs(table, quantity).items()):
            part = table[(table["quantity"] == quantity) & (table["condition"] == name)]
            ax.plot(part["difference"], [place - 0.12] * len(part), ".", color=MUTED, markersize=4, alpha=0.6)
            ax.plot([found.low, found.high], [place + 0.16] * 2, color=INK, linewidth=1.5)
            ax.plot(found.estimate, place + 0.16, "|", color=INK, markersize=7, markeredgewidth=1.8)
        ax.axvline(0, color=MUTED, linewidth=0.8, zorder=0)
        _cut(ax, 8 * margin)
        ax.set_title(title, fontsize=8.5)
        ax.locator_params(axis="x", nbins=4)
    axes[0].set_yticks(range(len(names)), names)
    axes[0].set_ylim(len(names) - 0.5, -0.5)
    fig.supxlabel("LSTM − GRU", fontsize=9)
    return fig
