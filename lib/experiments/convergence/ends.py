"""Figures of the chapter *performance/convergence*: ratios of time, final quality, and stacks."""

from __future__ import annotations

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib import ticker
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from evidence.figures import ACCENTS, COLOURS, FAINT, INK, LABELS, MUTED, PAPER, WIDTH
from evidence.statistics import Interval, mean_interval
from experiments.convergence.analysis import CLOCKS, DEPTHS, GATED, depth_gap, difference, quality, ratio
from experiments.convergence.figures import TITLES, UNITS, dot
from experiments.convergence.runs import CELLS, TASKS


def draw_ratios(table: pd.DataFrame, margin: float) -> Figure:
    """Time to the target, GRU ÷ LSTM: a dot a seed, open where a run was censored; median and 95 % interval."""
    fig, axis = plt.subplots(figsize=(WIDTH, 4.2), layout="constrained")
    fig.get_layout_engine().set(w_pad=0.12)  # type: ignore[union-attr, call-arg]
    rng = np.random.default_rng(0)
    names = []
    for row, (task, clock) in enumerate((task, clock) for task in TASKS for clock in CLOCKS):
        part = table[(table["task"] == task) & (table["clock"] == clock)]
        high = row + 0.45 * (row // len(CLOCKS))
        jitter = high + rng.uniform(-0.14, 0.14, len(part))
        faces = [COLOURS["gru"] if each == 0 else PAPER for each in part["censored"]]
        axis.scatter(part["ratio"], jitter, s=15, facecolors=faces, edgecolors=COLOURS["gru"], linewidths=0.9, zorder=2)
        _interval(axis, ratio(table, task, clock), high)
        names.append((high, f"{TITLES[task]}, {clock if clock == 'steps' else f'seconds, {clock}'}"))
    axis.axvline(1, color=MUTED, linewidth=1)
    axis.axvline(margin, color=INK, linewidth=1, linestyle=(0, (4, 2)))
    axis.set(xscale="log", xlabel="time to the target, GRU ÷ LSTM (left of 1: the GRU is there first)")
    axis.set_yticks([high for high, _ in names], [name for _, name in names])
    axis.invert_yaxis()
    axis.grid(axis="y", visible=False)
    axis.xaxis.set_major_locator(ticker.LogLocator(10, subs=(1, 2, 5)))
    axis.xaxis.set_major_formatter(ticker.FuncFormatter(lambda value, _: f"{value:g}"))
    axis.xaxis.set_minor_formatter(ticker.NullFormatter())
    handles = [dot(COLOURS["gru"], "both cells met the target"), dot(PAPER, "censored: one or both did not")]
    handles.append(plt.Line2D([], [], color=INK, marker="|", markersize=8, label="median, 95 % interval"))
    handles.append(plt.Line2D([], [], color=INK, linestyle=(0, (4, 2)), linewidth=1, label=f"margin {margin:g}"))
    fig.legend(handles=handles, loc="outside lower center", ncols=2)
    return fig


def draw_final(runs: pd.DataFrame, margin: float) -> Figure:
    """Final quality of every seed, filled at equal width; below, LSTM − GRU paired by seed, with the margin as a band."""
    fig, axes = plt.subplots(2, len(TASKS), figsize=(WIDTH, 4.9), height_ratios=[1.6, 1])
    rng = np.random.default_rng(0)
    for (top, bottom), task in zip(axes.T, TASKS, strict=True):
        for place, cell in enumerate(CELLS):
            both = cell == "gru"
            for match, shift in (("width", -0.17), ("parameters", 0.17)) if both else (("width", 0.0),):
                values = quality(runs, task, cell, match).to_numpy()
                _dots(top, place + shift, values, COLOURS[cell], match == "width", rng)
        top.set_xticks(range(len(CELLS)), [LABELS[cell].removeprefix("tanh ") for cell in CELLS])
        top.set(title=TITLES[task], ylabel=UNITS[task])
        if task != "chorales":
            top.set_ylim(None, min(102, top.get_ylim()[1]))
        top.set_xlim(-0.55, len(CELLS) - 0.45)
        for place, match in enumerate(("width", "parameters")):
            gaps = (quality(runs, task, "lstm") - quality(runs, task, "gru", match)).to_numpy()
            _dots(bottom, place, gaps, INK, match == "width", rng, bar=False)
            interval = difference(runs, task, match)
            bottom.plot([place + 0.22] * 2, [interval.low, interval.high], color=INK, linewidth=1.6)
            bottom.plot(place + 0.22, interval.estimate, "_", color=INK, markersize=9, markeredgewidth=2)
        bottom.axhline(0, color=MUTED, linewidth=1)
        if task != "chorales":
            bottom.axhspan(-margin, margin, color=FAINT, alpha=0.7, linewidth=0)
        bottom.set_xticks(range(2), ["equal\nwidth", "equal\nparameters"])
        bottom.set_xlim(-0.5, 1.6)
        bottom.set_ylabel("LSTM − GRU, nats" if task == "chorales" else "LSTM − GRU, points")
        for axis in (top, bottom):
            axis.grid(axis="x", visible=False)
    handles: list[Any] = [dot(MUTED, "equal width"), dot(PAPER, "equal parameters")]
    handles.append(plt.Line2D([], [], color=INK, marker="_", markersize=9, label="mean (below: 95 % interval)"))
    handles.append(plt.Rectangle((0, 0), 1, 1, facecolor=FAINT, label=f"margin ± {margin:g} points"))
    fig.legend(handles=handles, loc="outside lower center", ncols=2)
    return fig


def draw_layers(depths: pd.DataFrame, margin: float) -> Figure:
    """Final accuracy by cell and layers, every seed; LSTM − GRU paired by seed at the end; and the same gap over steps."""
    fig, (left, middle, right) = plt.subplots(1, 3, figsize=(WIDTH, 3.4))
    rng = np.random.default_rng(0)
    numbers = (1, *DEPTHS)
    ends = depths[depths["step"] == depths["step"].max()]
    for cell, shift in zip(GATED, (-0.13, 0.13), strict=True):
        rows = [ends[(ends["cell"] == cell) & (ends["layers"] == number)]["final"].to_numpy() for number in numbers]
        for number, values in zip(numbers, rows, strict=True):
            _dots(left, number + shift, values, COLOURS[cell], True, rng, bar=False)
        left.plot([number + shift for number in numbers], [values.mean() for values in rows], color=COLOURS[cell])
    for number in numbers:
        gaps = depth_gap(depths, number)
        _dots(middle, number - 0.1, gaps, INK, True, rng, bar=False)
        interval = mean_interval(gaps)
        middle.plot([number + 0.16] * 2, [interval.low, interval.high], color=INK, linewidth=1.6)
        middle.plot(number + 0.16, interval.estimate, "_", color=INK, markersize=9, markeredgewidth=2)
    _gaps_over_steps(right, depths)
    left.set(title="Accuracy at the end", ylabel="accuracy, %")
    middle.set(title="LSTM − GRU at the end", ylabel="points")
    right.set(title="LSTM − GRU on the way", ylabel="points", xlabel="optimiser steps", xlim=(0, None))
    for axis in (left, middle):
        axis.set(xlabel="layers", xticks=numbers, xlim=(0.6, 3.4))
        axis.grid(axis="x", visible=False)
    for axis in (middle, right):
        axis.axhline(0, color=MUTED, linewidth=1)
        axis.axhline(margin, color=ACCENTS["good"], linewidth=1.2, linestyle=(0, (4, 2)))
    handles = [plt.Line2D([], [], color=COLOURS[cell], marker="o", label=LABELS[cell]) for cell in GATED]
    handles += [plt.Line2D([], [], label=f"{number} layer{'s'[: number - 1]}", **STROKES[number]) for number in numbers]
    handles.append(plt.Line2D([], [], color=ACCENTS["good"], linestyle=(0, (4, 2)), label=f"margin, {margin:+g} point"))
    fig.legend(handles=handles, loc="outside lower center", ncols=6, columnspacing=1.2)
    return fig


STROKES: dict[int, dict[str, Any]] = {
    1: {"color": MUTED, "linestyle": (0, (1, 1.2)), "linewidth": 1.8},
    2: {"color": INK, "linestyle": (0, (4, 1.5)), "linewidth": 1.8},
    3: {"color": INK, "linestyle": "-", "linewidth": 1.8},
}
"""Line of the gap by number of layers."""


def _gaps_over_steps(axis: Axes, depths: pd.DataFrame) -> None:
    steps = np.sort(depths["step"].unique())
    for number in (1, *DEPTHS):
        gaps = [mean_interval(depth_gap(depths, number, int(step))) for step in steps]
        axis.plot(steps, [gap.estimate for gap in gaps], **STROKES[number])
        if number > 1:
            low, high = ([getattr(gap, end) for gap in gaps] for end in ("low", "high"))
            axis.fill_between(steps, low, high, color=STROKES[number]["color"], alpha=0.12, linewidth=0)


def _dots(
    axis: Axes, x: float, values: np.ndarray, colour: str, filled: bool, rng: np.random.Generator, bar: bool = True
) -> None:
    jitter = x + rng.uniform(-0.06, 0.06, len(values))
    face = colour if filled else PAPER
    axis.scatter(jitter, values, s=14, facecolors=face, edgecolors=colour, linewidths=0.9, alpha=0.8, zorder=2)
    if bar:
        axis.plot([x - 0.13, x + 0.13], [values.mean()] * 2, color=INK, linewidth=2, zorder=3)


def _interval(axis: Axes, interval: Interval, y: float) -> None:
    axis.plot([interval.low, interval.high], [y, y], color=INK, linewidth=1.8, zorder=3)
    axis.plot(interval.estimate, y, "|", color=INK, markersize=10, markeredgewidth=2, zorder=4)
