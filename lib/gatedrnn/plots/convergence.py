"""Figures of the chapter *performance/convergence*."""

from __future__ import annotations

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib import ticker
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from gatedrnn.analyses.convergence import (
    CLOCKS,
    DEPTH,
    depth_gap,
    difference,
    quality,
    ratio,
    scaled,
)
from gatedrnn.analyses.convergence_rates import reaching
from gatedrnn.experiments.convergence import CELLS, KERNELS, TASKS
from gatedrnn.figures import ACCENTS, COLOURS, FAINT, INK, LABELS, MUTED, PAPER, WIDTH
from gatedrnn.statistics import Interval, bootstrap
from gatedrnn.tuning import Tuned

UNITS = {"mnist1d": "accuracy, %", "chorales": "NLL, nats a step", "recall": "accuracy, %"}
TITLES = {"mnist1d": "MNIST-1D", "chorales": "Chorales", "recall": "Recall"}
RECALL = TASKS.index("recall")
Baselines = dict[str, dict[str, float]]


def draw_steps(runs: pd.DataFrame, baselines: Baselines, goals: dict[str, float]) -> Figure:
    """Held-out quality over optimiser steps, a panel a task: seeds thin, their median thick, baselines dotted."""
    fig, axes = plt.subplots(1, len(TASKS), figsize=(WIDTH, 3.3))
    for axis, task in zip(axes, TASKS, strict=True):
        _curves(axis, runs, task, {cell: 1.0 for cell in CELLS})
        _references(axis, task, baselines, goals)
        axis.set(title=TITLES[task], xlabel="optimiser steps", ylabel=UNITS[task])
        axis.set_xlim(0, None)
    _key(fig)
    return fig


def draw_seconds(runs: pd.DataFrame, milliseconds: pd.DataFrame, goals: dict[str, float]) -> Figure:
    """The same curves over seconds, above with matched kernels, below with those of torch.nn.

    Args:
        milliseconds: median time of a training step by (`task`, `kernels`, `cell`).
    """
    fig, axes = plt.subplots(len(KERNELS), len(TASKS), figsize=(WIDTH, 4.8), sharex="col", sharey="col")
    for row, kernels in zip(axes, KERNELS, strict=True):
        for axis, task in zip(row, TASKS, strict=True):
            _curves(axis, runs, task, {cell: milliseconds.loc[task, kernels, cell] / 1e3 for cell in CELLS})
            _references(axis, task, {}, goals)
            axis.set(title=f"{TITLES[task]}, {kernels}", ylabel=UNITS[task], xscale="log")
            axis.xaxis.set_major_formatter(ticker.FuncFormatter(lambda value, _: f"{value:g}"))
            axis.xaxis.set_major_locator(ticker.LogLocator(10, subs=(1, 3)))
            axis.xaxis.set_minor_locator(ticker.NullLocator())
    for axis in axes[-1]:
        axis.set_xlabel("seconds of training")
    _key(fig)
    return fig


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
    handles = [_dot(COLOURS["gru"], "both cells met the target"), _dot(PAPER, "censored: one or both did not")]
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
            for size, shift in (("width", -0.17 if cell != "lstm" else 0.0), ("parameters", 0.17)):
                if size == "parameters" and cell == "lstm":
                    continue
                values = quality(runs, task, cell, size).to_numpy()
                _dots(top, place + shift, values, COLOURS[cell], size == "width", rng)
        top.set_xticks(range(len(CELLS)), [LABELS[cell] for cell in CELLS])
        top.set(title=TITLES[task], ylabel=UNITS[task])
        if task != "chorales":
            top.set_ylim(None, min(100.6, top.get_ylim()[1]))
        top.set_xlim(-0.55, len(CELLS) - 0.45)
        for place, size in enumerate(("width", "parameters")):
            gaps = (quality(runs, task, "lstm") - quality(runs, task, "gru", size)).to_numpy()
            _dots(bottom, place, gaps, INK, size == "width", rng, bar=False)
            interval = difference(runs, task, size)
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
    handles: list[Any] = [_dot(MUTED, "equal width"), _dot(PAPER, "equal parameters")]
    handles.append(plt.Line2D([], [], color=INK, marker="_", markersize=9, label="mean (below: 95 % interval)"))
    handles.append(plt.Rectangle((0, 0), 1, 1, facecolor=FAINT, label=f"margin ± {margin:g} points"))
    fig.legend(handles=handles, loc="outside lower center", ncols=2)
    return fig


def draw_layers(depths: pd.DataFrame, margin: float) -> Figure:
    """Left, accuracy over steps by cell and layers; right, LSTM − GRU over steps, and every seed's at the end."""
    fig, (left, right) = plt.subplots(1, 2, figsize=(WIDTH, 3.5))
    steps = np.sort(depths["step"].unique())
    for layers, dashes in ((1, (0, (3, 1.5))), (DEPTH, "-")):
        rows = depths[depths["layers"] == layers]
        for cell in CELLS:
            wide = rows[rows["cell"] == cell].pivot(index="seed", columns="step", values="accuracy")
            for values in wide.to_numpy() if layers == DEPTH else ():
                left.plot(steps, values, color=COLOURS[cell], alpha=0.25, linewidth=0.6)
            left.plot(steps, wide.mean(), color=COLOURS[cell], linestyle=dashes, linewidth=2)
        gaps = [bootstrap(depth_gap(depths, layers, int(step))) for step in steps]
        colour = MUTED if layers == 1 else INK
        right.fill_between(steps, [g.low for g in gaps], [g.high for g in gaps], color=colour, alpha=0.18, linewidth=0)
        right.plot(steps, [gap.estimate for gap in gaps], color=colour, linestyle=dashes, linewidth=2)
    right.axhline(0, color=MUTED, linewidth=1)
    right.axhline(margin, color=ACCENTS["good"], linewidth=1.2, linestyle=(0, (4, 2)))
    left.set(title="MNIST-1D", xlabel="optimiser steps", ylabel="accuracy, %", xlim=(0, None))
    right.set(title="LSTM − GRU", xlabel="optimiser steps", ylabel="points", xlim=(0, None))
    handles = [plt.Line2D([], [], color=COLOURS[cell], linewidth=2.2, label=LABELS[cell]) for cell in CELLS]
    handles.append(plt.Line2D([], [], color=INK, linestyle=(0, (3, 1.5)), linewidth=2, label="1 layer"))
    handles.append(plt.Line2D([], [], color=INK, linewidth=2, label=f"{DEPTH} layers"))
    handles.append(plt.Line2D([], [], color=ACCENTS["good"], linestyle=(0, (4, 2)), label=f"margin, {margin:+g} point"))
    fig.legend(handles=handles, loc="outside lower center", ncols=5)
    return fig


def draw_tuning(tuned: Tuned, sooner: Tuned, deep: Tuned, goals: dict[str, float]) -> Figure:
    """Above, final validation quality against learning rate; below, steps to the target. Rings are the choices."""
    fig, axes = plt.subplots(2, len(TASKS) + 1, figsize=(WIDTH, 4.9))
    table = reaching(tuned, goals)
    for (top, bottom), task in zip(axes.T, TASKS, strict=False):
        for cell in CELLS:
            _tuned(top, tuned, task, cell)
            _speed(bottom, table, sooner, task, cell)
        top.set(title=TITLES[task], ylabel=UNITS[task])
        bottom.set(xlabel="learning rate", ylim=(0, None))
    for cell in CELLS:
        _tuned(axes[0, -1], deep, "mnist1d", cell)
    axes[0, -1].set(title=f"MNIST-1D, {DEPTH} layers", ylabel=UNITS["mnist1d"], xlabel="learning rate")
    axes[1, 0].set_ylabel("steps to the target")
    for axis in axes.flat:
        axis.set_xscale("log")
        axis.xaxis.set_major_locator(
            ticker.FixedLocator([0.01, 0.1, 1] if axis in axes[:, RECALL] else [0.003, 0.01, 0.03, 0.1, 0.3])
        )
        axis.xaxis.set_major_formatter(ticker.FuncFormatter(lambda value, _: f"{value:g}".removeprefix("0")))
        axis.xaxis.set_minor_locator(ticker.NullLocator())
    axes[1, -1].set_axis_off()
    handles = [plt.Line2D([], [], color=COLOURS[cell], linewidth=2.2, label=LABELS[cell]) for cell in CELLS]
    handles += [_dot(MUTED, "one tuning seed"), _dot(PAPER, "never met the target")]
    handles.append(
        plt.Line2D([], [], color=MUTED, marker="o", linestyle="", markerfacecolor="none", markersize=9, label="chosen")
    )
    axes[1, -1].legend(handles=handles, loc="center left", borderaxespad=0)
    return fig


def _tuned(axis: Axes, tuned: Tuned, task: str, cell: str) -> None:
    keys = {"task": task, "cell": cell}
    rows, chosen = _where(tuned.runs, keys), _where(tuned.best, keys)["learning_rate"].iloc[0]
    mean = scaled(task, rows.groupby("learning_rate")["quality"].mean())
    axis.plot(rows["learning_rate"], scaled(task, rows["quality"]), ".", color=COLOURS[cell], markersize=4, alpha=0.6)
    axis.plot(mean.index, mean, color=COLOURS[cell], linewidth=1.5)
    axis.plot(chosen, mean[chosen], "o", color=COLOURS[cell], markerfacecolor="none", markersize=9)


def _speed(axis: Axes, table: pd.DataFrame, sooner: Tuned, task: str, cell: str) -> None:
    keys = {"task": task, "cell": cell}
    rows, chosen = _where(table, keys), _where(sooner.best, keys)["learning_rate"].iloc[0]
    mean = rows.groupby("learning_rate")["time"].mean()
    for reached, face in ((True, COLOURS[cell]), (False, PAPER)):
        part = rows[rows["reached"] == reached]
        axis.plot(
            part["learning_rate"],
            part["time"],
            "o",
            markerfacecolor=face,
            markeredgecolor=COLOURS[cell],
            markersize=3.5,
        )
    axis.plot(mean.index, mean, color=COLOURS[cell], linewidth=1.5)
    axis.plot(chosen, mean[chosen], "o", color=COLOURS[cell], markerfacecolor="none", markersize=9)


def _where(table: pd.DataFrame, keys: dict[str, str]) -> pd.DataFrame:
    for name, value in keys.items():
        table = table[table[name] == value]
    return table


def _curves(axis: Axes, runs: pd.DataFrame, task: str, unit: dict[str, float]) -> None:
    for cell in reversed(CELLS):
        part = runs[(runs["task"] == task) & (runs["cell"] == cell) & (runs["size"] == "width")]
        longest = np.array(max((curves["step"] for curves in part["curves"]), key=len))
        lines = []
        for curves in part["curves"]:
            values = scaled(task, np.array(curves["quality"]))
            axis.plot(np.array(curves["step"]) * unit[cell], values, color=COLOURS[cell], alpha=0.28, linewidth=0.7)
            lines.append(np.append(values, np.full(len(longest) - len(values), values[-1])))
        axis.plot(longest * unit[cell], np.median(lines, axis=0), color=COLOURS[cell], linewidth=2.2)


def _references(axis: Axes, task: str, baselines: Baselines, goals: dict[str, float]) -> None:
    for name, value in baselines.get(task, {}).items():
        axis.axhline(value, color=COLOURS["baseline"], linewidth=1.1, linestyle=(0, (1, 1.5)))
        axis.text(axis.get_xlim()[1], value, name, color=MUTED, fontsize=7.5, ha="right", va="bottom")
    if task in goals:
        axis.axhline(scaled(task, goals[task]), color=INK, linewidth=1, linestyle=(0, (4, 2)))


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


def _dot(face: str, label: str) -> plt.Line2D:
    edge = MUTED if face == PAPER else face
    return plt.Line2D(
        [], [], marker="o", linestyle="", markerfacecolor=face, markeredgecolor=edge, markersize=4.5, label=label
    )


def _key(fig: Figure) -> None:
    handles = [plt.Line2D([], [], color=COLOURS[cell], linewidth=2.2, label=LABELS[cell]) for cell in CELLS]
    fig.legend(handles=handles, loc="outside lower center", ncols=len(CELLS))


def long_curves(runs: pd.DataFrame) -> pd.DataFrame:
    """The learning curves as tidy rows: one for each run and evaluation."""
    keys = ("task", "cell", "size", "seed")
    return pd.DataFrame(
        [
            {**{name: run[name] for name in keys}, "step": step, "quality": value}
            for run in runs.to_dict("records")
            for step, value in zip(run["curves"]["step"], run["curves"]["quality"], strict=True)
        ]
    )
