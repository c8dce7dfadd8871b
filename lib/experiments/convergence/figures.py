"""Figures of the chapter *performance/convergence*: rates, the way in steps and in seconds, and who met the target when."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib import ticker
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from evidence.figures import COLOURS, INK, LABELS, MARKERS, MUTED, PAPER, WIDTH
from evidence.tuning import Tuned
from experiments.convergence.analysis import scaled
from experiments.convergence.rates import reaching
from experiments.convergence.runs import CELLS, KERNELS, TASKS

UNITS = {"mnist1d": "accuracy, %", "chorales": "nats per quarter note", "recall": "accuracy, %"}
TITLES = {"mnist1d": "MNIST-1D", "chorales": "Chorales", "recall": "Recall"}
Baselines = dict[str, dict[str, float]]


def draw_steps(runs: pd.DataFrame, baselines: Baselines, goals: dict[str, float]) -> Figure:
    """Held-out quality over optimiser steps, a panel a task: seeds thin, their median thick, baselines dotted."""
    fig, axes = plt.subplots(1, len(TASKS), figsize=(WIDTH, 3.5))
    for axis, task in zip(axes, TASKS, strict=True):
        _curves(axis, runs, task, {cell: 1.0 for cell in CELLS})
        _references(axis, task, baselines, goals)
        axis.set(xlabel="optimiser steps", ylabel=UNITS[task])
        axis.set_title(TITLES[task], pad=24)
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


def draw_reached(table: pd.DataFrame, budget: dict[str, int]) -> Figure:
    """Share of seeds that have met the target, over steps; an open arrow at the end marks seeds that never did.

    Args:
        table: of `times`. budget: steps of a run by task.
    """
    fig, axes = plt.subplots(1, len(TASKS), figsize=(WIDTH, 3.0), sharey=True)
    for axis, task in zip(axes, TASKS, strict=True):
        for cell in CELLS:
            part = table[(table["task"] == task) & (table["cell"] == cell) & (table["match"] == "width")]
            met = np.sort(part[part["reached"]]["time"].to_numpy())
            share = 100 * np.arange(len(met) + 1) / len(part)
            x, y = np.concatenate([[0], met, [budget[task]]]), np.append(share, share[-1])
            axis.step(x, y, where="post", color=COLOURS[cell], linewidth=2)
            axis.plot(met, share[1:], MARKERS[cell], color=COLOURS[cell], markersize=4)
            if len(met) < len(part):
                end = {"color": COLOURS[cell], "markerfacecolor": PAPER, "markersize": 6, "clip_on": False}
                axis.plot(budget[task], share[-1], ">", **end)
        axis.set(title=TITLES[task], xlabel="optimiser steps", ylim=(-4, 104))
        axis.set_xlim(0, budget[task] * 1.06)
    axes[0].set_ylabel("seeds at the target, %")
    _key(fig)
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
    for cell in deep.best["cell"]:
        _tuned(axes[0, -1], deep, "mnist1d", cell)
    axes[0, -1].set(
        title=f"MNIST-1D, {deep.best['layers'].iloc[0]} layers", ylabel=UNITS["mnist1d"], xlabel="learning rate"
    )
    axes[1, 0].set_ylabel("steps to the target")
    for axis in axes.flat:
        axis.set_xscale("log")
        axis.xaxis.set_major_locator(ticker.FixedLocator([0.001, 0.01, 0.1, 1]))
        axis.xaxis.set_major_formatter(ticker.FuncFormatter(lambda value, _: f"{value:g}".removeprefix("0")))
        axis.xaxis.set_minor_locator(ticker.NullLocator())
    axes[1, -1].set_axis_off()
    handles = [plt.Line2D([], [], color=COLOURS[cell], linewidth=2.2, label=LABELS[cell]) for cell in CELLS]
    handles += [dot(MUTED, "one tuning seed"), dot(PAPER, "never met the target")]
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
        part = runs[(runs["task"] == task) & (runs["cell"] == cell) & (runs["match"] == "width")]
        longest = np.array(max((curves["step"] for curves in part["curves"]), key=len))
        lines = []
        for curves in part["curves"]:
            values = scaled(task, np.array(curves["quality"]))
            axis.plot(np.array(curves["step"]) * unit[cell], values, color=COLOURS[cell], alpha=0.28, linewidth=0.7)
            lines.append(np.append(values, np.full(len(longest) - len(values), values[-1])))
        axis.plot(longest * unit[cell], np.median(lines, axis=0), color=COLOURS[cell], linewidth=2.2)


def _references(axis: Axes, task: str, baselines: Baselines, goals: dict[str, float]) -> None:
    names = []
    for name, value in baselines.get(task, {}).items():
        axis.axhline(value, color=COLOURS["baseline"], linewidth=1.4, linestyle=(0, (1, 1.5)), zorder=0.9)
        names.append(f"{name} {value:.{2 if task == 'chorales' else 1}f}")
    if names:  # above the panel, as every place inside is a curve's in some panel
        text = "dotted: " + ",\n".join(names) + ("\n " if len(names) == 1 else "")
        axis.text(0, 1.02, text, color=MUTED, fontsize=7.5, va="bottom", transform=axis.transAxes)
    if task in goals:
        axis.axhline(scaled(task, goals[task]), color=INK, linewidth=1, linestyle=(0, (4, 2)))


def dot(face: str, label: str) -> plt.Line2D:
    """A dot for a legend; with the colour of the page it is open."""
    edge = MUTED if face == PAPER else face
    return plt.Line2D(
        [], [], marker="o", linestyle="", markerfacecolor=face, markeredgecolor=edge, markersize=4.5, label=label
    )


def _key(fig: Figure) -> None:
    handles = [plt.Line2D([], [], color=COLOURS[cell], linewidth=2.2, label=LABELS[cell]) for cell in CELLS]
    fig.legend(handles=handles, loc="outside lower center", ncols=len(CELLS))


def long_curves(runs: pd.DataFrame) -> pd.DataFrame:
    """The learning curves as tidy rows: one for each run and evaluation."""
    keys = ("task", "cell", "match", "seed")
    return pd.DataFrame(
        [
            {**{name: run[name] for name in keys}, "step": step, "quality": value}
            for run in runs.to_dict("records")
            for step, value in zip(run["curves"]["step"], run["curves"]["quality"], strict=True)
        ]
    )
