"""Figures of the chapter *applications/speech*."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from evidence.figures import ACCENTS, COLOURS, INK, LABELS, MARKERS, MUTED, PAPER, WIDTH
from evidence.ledger import ledger
from evidence.statistics import mean_interval
from experiments.speech.analysis import NAMES, PLAIN, WAYS, cases, errors, name_of, select
from experiments.speech.early import KINDS
from tasks import logmel, spoken

ROOM = 0.1
"""Inches between the edge of a figure and its long labels."""
STYLES = {"mean": (0, (1, 1.2)), "static": (0, (4, 2))}
SHAPES = {**MARKERS, "convolution": "D", "frame": "P"}


def draw_example(strings: spoken.Strings, chosen: Sequence[int]) -> Figure:
    """Log-mel frames of some strings, each with its digits in the title."""
    fig, axes = plt.subplots(len(chosen), 1, figsize=(WIDTH, 1.55 * len(chosen)), sharex=True)
    longest = max(strings.lengths[place] for place in chosen) * spoken.STEP
    for ax, place in zip(np.atleast_1d(axes), chosen, strict=True):
        steps = strings.x[: strings.lengths[place], place]
        picture = steps.reshape(len(steps) * spoken.STACK, logmel.BANDS).T
        extent = (0, len(steps) * spoken.STEP, 0, logmel.BANDS)
        ax.imshow(picture, origin="lower", aspect="auto", cmap="magma", extent=extent, vmin=-2, vmax=2.5)
        words = [spoken.WORDS[digit] for digit in strings.digits[place][: strings.counts[place]]]
        ax.set_title(" ".join(words), fontsize=9, fontweight="normal")
        ax.set(ylabel="mel band", xlim=(0, longest), yticks=(0, 10, 20))
        ax.grid(visible=False)
    axes[-1].set_xlabel("seconds of synthetic speech with noise")
    return fig


def draw_errors(runs: pd.DataFrame) -> Figure:
    """Label error rate of every network: a dot a seed, the mean with its interval."""
    order = cases()
    fig, ax = plt.subplots(figsize=(WIDTH, 3.9))
    for place, case in enumerate(order):
        _dots(ax, place, errors(runs, **case), case["network"], hollow=name_of(**case).endswith("equal parameters"))
    for edge in (2.62, 5.62):
        ax.axhline(edge, color=MUTED, linewidth=0.6)
    ax.set_xlim(left=0)
    ax.set_xlabel("label error rate on synthetic speech in unseen voices, %")
    _rows(fig, ax, [name_of(**case) for case in order])
    return fig


def draw_differences(table: pd.DataFrame) -> Figure:
    """LSTM − GRU in each condition: a dot a seed, the mean with its interval, and the ledger's margin."""
    margin = ledger()["U2"].margin
    fig, ax = plt.subplots(figsize=(WIDTH, 2.7))
    names = list(dict.fromkeys(table["condition"]))
    for place, name in enumerate(names):
        values = table.loc[table["condition"] == name, "difference"]
        _dots(ax, place, values, "gru", hollow=name.endswith("parameters"))
    ax.axvline(0, color=MUTED, linewidth=1)
    label = f"margin, {margin:+g} point".replace("-", "−")
    line = ax.axvline(margin, color=ACCENTS["good"], linewidth=1.4, linestyle=(0, (4, 2)), label=label)
    ax.set_xlabel("label error rate, LSTM − GRU, points (left: the LSTM is better)")
    _rows(fig, ax, names, [line])
    return fig


def _dots(ax: Axes, place: int, values: pd.Series, network: str, hollow: bool) -> None:
    """A row of seeds, with their mean and its interval below."""
    found, colour = mean_interval(values.to_numpy()), COLOURS.get(network, COLOURS["baseline"])
    style: dict[str, Any] = {"marker": SHAPES[network], "facecolors": PAPER if hollow else colour, "edgecolors": colour}
    ax.scatter(values, place + np.random.default_rng(0).uniform(-0.16, 0.16, len(values)), s=16, alpha=0.65, **style)
    ax.plot([found.low, found.high], [place + 0.33] * 2, color=INK, linewidth=1.8)
    ax.plot(found.estimate, place + 0.33, "|", color=INK, markersize=8, markeredgewidth=2)


def _rows(fig: Figure, ax: Axes, names: Sequence[str], more: Sequence[Line2D] = ()) -> None:
    """Names of the rows, from the top, and the legend of `_dots`."""
    fig.set_layout_engine("constrained", w_pad=ROOM)
    ax.set_yticks(range(len(names)), names)
    ax.tick_params(axis="y", length=0)
    ax.grid(visible=False, axis="y")
    ax.invert_yaxis()
    seed = Line2D([], [], color=MUTED, marker="o", linestyle="", label="one seed")
    mean = Line2D([], [], color=INK, marker="|", markersize=8, markeredgewidth=2, label="mean, 95 % interval")
    fig.legend(handles=[seed, mean, *more], loc="outside lower center", ncols=3)


def draw_descent(runs: pd.DataFrame) -> Figure:
    """Label error rate over the steps, one panel for the cells in one direction, one for both; baselines in each."""
    fig, axes = plt.subplots(1, len(WAYS), figsize=(WIDTH, 3.3), sharey=True)
    for ax, directions in zip(axes, WAYS, strict=True):
        for case in cases():
            if case["network"] in PLAIN or (case["directions"], case["match"]) == (directions, "width"):
                _lines(ax, select(runs, **case), case["network"])
        ax.set(title=f"cells reading in {WAYS[directions]}", xlabel="optimiser steps", ylim=(0, 105))
        ax.set_xlim(-0.025 * runs["steps"].max(), 1.025 * runs["steps"].max())
    axes[0].set_ylabel("label error rate, %")
    _legend(fig)
    return fig


def _lines(ax: Axes, part: pd.DataFrame, network: str) -> None:
    steps = [0, *part["curves"].iloc[0]["step"]]
    values = np.array([[100, *(100 * np.array(curves["errors"]))] for curves in part["curves"]])
    colour = COLOURS.get(network, COLOURS["baseline"])
    ax.plot(steps, values.T, color=colour, linewidth=0.5, alpha=0.3)
    ax.plot(steps, np.median(values, axis=0), color=colour, linestyle=_style(network), marker=SHAPES[network])


def _style(network: str) -> Any:
    return {"frame": (0, (1, 1.2)), "convolution": (0, (4, 2))}.get(network, "-")


def _legend(fig: Figure) -> None:
    handles = []
    for network, name in NAMES.items():
        style: dict[str, Any] = {"color": COLOURS.get(network, COLOURS["baseline"]), "linestyle": _style(network)}
        handles.append(Line2D([], [], marker=SHAPES[network], label=name, **style))
    fig.legend(handles=handles, loc="outside lower center", ncols=len(handles), handlelength=4)


def draw_tuning(runs: pd.DataFrame, best: pd.DataFrame) -> Figure:
    """Label error rate on the strings for tuning against the learning rate; a ring marks the chosen rate."""
    fig, axes = plt.subplots(1, 2, figsize=(WIDTH, 3.2), sharey=True)
    for row in best.to_dict("records"):
        part, network = select(runs, row["network"], row["directions"], row["match"]), row["network"]
        ax = axes[0 if row["directions"] == 1 and network not in PLAIN else 1]
        mean = 100 * part.groupby("learning_rate")["errors"].mean()
        colour = COLOURS.get(network, COLOURS["baseline"])
        ax.plot(mean.index, mean, color=colour, linestyle=_style(network), marker=SHAPES[network], markersize=4)
        chosen = row["learning_rate"]
        ax.plot(chosen, mean[chosen], "o", markersize=10, color=colour, markerfacecolor="none")
    for ax, title in zip(axes, ("cells in one direction", "cells in both, and baselines"), strict=True):
        rates = sorted({rate for line in ax.lines for rate in line.get_xdata()})
        ax.set(xscale="log", title=title, xlabel="learning rate")
        ax.set_xticks(rates, [f"{rate:g}" for rate in rates])
        ax.minorticks_off()
    axes[0].set_ylabel("label error rate, %")
    _legend(fig)
    return fig


def draw_early(table: pd.DataFrame) -> Figure:
    """Right answers on Japanese vowels against the frames heard: cells with every seed, regressions without order."""
    fig, ax = plt.subplots(figsize=(WIDTH * 0.8, 3.3))
    fig.set_layout_engine("constrained", w_pad=ROOM)
    marks = sorted(table["frames"].unique())
    for kind, label in KINDS.items():
        rows = table[table["model"] == kind].set_index("frames")["right"].sort_index()
        ax.plot(rows, color=COLOURS["baseline"], linestyle=STYLES[kind], linewidth=1.8, label=label)
    for cell, shift in (("lstm", 0.97), ("gru", 1.03)):
        part = table[table["model"] == cell]
        ax.plot(shift * part["frames"], part["right"], MARKERS[cell], color=COLOURS[cell], markersize=3, alpha=0.45)
        middle = part.groupby("frames")["right"].median()
        ax.plot(shift * middle.index, middle, color=COLOURS[cell], label=LABELS[cell])
    ax.set(xscale="log", xlabel="frames heard (shorter utterances: all of them)", ylabel="speakers told right, %")
    ax.set_xticks(marks, [str(mark) for mark in marks])
    ax.minorticks_off()
    ax.legend(loc="lower right")
    return fig
