"""Figures of the chapter *architecture/ablation*."""

from __future__ import annotations

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from evidence.figures import COLOURS, FAINT, INK, MUTED, PAPER, WIDTH
from evidence.statistics import mean_interval
from experiments.ablation.runs import TASKS
from gatedrnn.variants import VARIANTS

TASK_LABELS = {"recall": "Recall: a memory task", "mnist1d": "MNIST-1D: ten kinds of curve"}
DASHES = {
    "i": (0, (4, 1.5)),
    "f": (0, (1, 1)),
    "o": (0, (5, 1, 1, 1)),
    "c": (0, (2, 1)),
    "r": (0, (4, 1.5)),
    "z": (0, (1, 1)),
}


def draw_changes(table: pd.DataFrame, rng: np.random.Generator | None = None) -> Figure:
    """What each removal changes: a dot a seed, a bar for the mean and its 95 % interval; filled at equal width."""
    rng = rng or np.random.default_rng(0)
    order = [name for name in VARIANTS if name in set(table["variant"])]
    fig, axes = plt.subplots(1, len(TASKS), figsize=(WIDTH, 0.62 * len(order) + 1.0), sharey=True)
    for axis, task in zip(axes, TASKS, strict=True):
        axis.axvline(0, color=MUTED, linewidth=1)
        for row, variant in enumerate(order):
            for match, shift in (("width", -0.17), ("parameters", 0.17)):
                part = table[(table["task"] == task) & (table["variant"] == variant) & (table["match"] == match)]
                if len(part) > 1:
                    _dots(axis, part["change"].to_numpy(), row + shift, COLOURS[VARIANTS[variant].cell], match, rng)
        axis.set(title=TASK_LABELS[task], xlabel="change of accuracy, points")
        axis.grid(axis="y", visible=False)
        axis.margins(x=0.06)
    axes[0].set_yticks(
        range(len(order)), [f"{VARIANTS[name].cell.upper()}, {_label(name).split(', ')[-1]}" for name in order]
    )
    axes[0].set_ylim(len(order) - 0.5, -0.5)
    cells = [VARIANTS[name].cell for name in order]
    for axis in axes:
        for row in range(1, len(order)):
            if cells[row] != cells[row - 1]:
                axis.axhline(row - 0.5, color=FAINT, linewidth=1)
    _size_key(fig)
    return fig


def draw_tuning(runs: pd.DataFrame, best: pd.DataFrame) -> Figure:
    """Accuracy against learning rate for each variant, on tuning seeds; the chosen rate has a ring."""
    fig, axes = plt.subplots(2, 2, figsize=(WIDTH, 5.6), sharex=True, sharey="row")
    for row, task in enumerate(TASKS):
        for axis, cell in zip(axes[row], ("lstm", "gru"), strict=True):
            for name in [name for name, variant in VARIANTS.items() if variant.cell == cell]:
                part = runs[(runs["task"] == task) & (runs["variant"] == name)]
                if part.empty:
                    continue
                mean = 100 * part.groupby("learning_rate")["accuracy"].mean()
                axis.plot(mean.index, mean, label=_label(name), marker=".", markersize=6, **_line(name))
                chosen = best[(best["task"] == task) & (best["variant"] == name)]["learning_rate"].iloc[0]
                axis.plot(chosen, mean[chosen], "o", markersize=8, color=_line(name)["color"], markerfacecolor="none")
            axis.set(
                xscale="log", title=f"{cell.upper()}, {'recall' if task == 'recall' else 'MNIST-1D'}", ylim=(-3, 104)
            )
            if task == "mnist1d":
                axis.legend(loc="upper center", bbox_to_anchor=(0.5, -0.26), ncols=2, handlelength=2.6)
    for axis in axes[:, 0]:
        axis.set_ylabel("accuracy, %")
    known = sorted(runs["learning_rate"].unique())
    for axis in axes[1]:
        axis.set_xlabel("learning rate")
        axis.set_xticks(known, [f"{rate:g}" for rate in known])
        axis.minorticks_off()
    return fig


def draw_curves(runs: pd.DataFrame) -> Figure:
    """Accuracy over optimiser steps: thin lines are seeds, thick ones their mean; a solved run keeps its last value."""
    fig, axes = plt.subplots(2, 2, figsize=(WIDTH, 5.0), sharex="row", sharey=True)
    for row, task in enumerate(TASKS):
        for axis, cell in zip(axes[row], ("lstm", "gru"), strict=True):
            ends = []
            panel = runs[(runs["task"] == task) & (runs["match"] == "width")]
            steps = max(panel["curves"], key=lambda curves: len(curves["step"]))["step"]
            for name in [name for name, variant in VARIANTS.items() if variant.cell == cell]:
                part = panel[panel["variant"] == name]
                if part.empty:
                    continue
                lines = _aligned(part, len(steps))
                style = _line(name)
                axis.plot(steps, lines.T, color=style["color"], alpha=0.16, linewidth=0.7)
                axis.plot(steps, lines.mean(0), **style)
                ends.append((float(lines.mean(0)[-1]), _label(name), style["color"]))
            _end_labels(axis, float(steps[-1]), ends)
            axis.set(title=f"{cell.upper()}, {'recall' if task == 'recall' else 'MNIST-1D'}", ylim=(-3, 104))
            axis.set_xlim(0, float(steps[-1]) * 1.6)
            axis.set_xticks(
                [tick for tick in MaxNLocator(5, integer=True).tick_values(0, steps[-1]) if tick <= steps[-1]]
            )
    for axis in axes[:, 0]:
        axis.set_ylabel("accuracy, %")
    for axis in axes[1]:
        axis.set_xlabel("optimiser steps")
    return fig


def long_curves(runs: pd.DataFrame) -> pd.DataFrame:
    """The learning curves as tidy rows: one for each run and evaluation."""
    rows = []
    for run in runs.to_dict("records"):
        for step, accuracy in zip(run["curves"]["step"], run["curves"]["accuracy"], strict=True):
            keys = {name: run[name] for name in ("task", "variant", "match", "seed")}
            rows.append({**keys, "step": step, "accuracy": accuracy})
    return pd.DataFrame(rows)


def _dots(axis: Axes, values: np.ndarray, y: float, colour: str, match: str, rng: np.random.Generator) -> None:
    filled = match == "width"
    jitter = y + rng.uniform(-0.08, 0.08, len(values))
    face = colour if filled else PAPER
    axis.scatter(values, jitter, s=13, facecolors=face, edgecolors=colour, linewidths=0.8, alpha=0.75, zorder=2)
    interval = mean_interval(values)
    axis.plot([interval.low, interval.high], [y, y], color=INK, linewidth=1.6, zorder=3, solid_capstyle="butt")
    axis.plot(interval.estimate, y, "|", color=INK, markersize=9, markeredgewidth=2, zorder=4)


def _size_key(fig: Figure) -> None:
    handles = [
        plt.Line2D([], [], marker="o", linestyle="", color=MUTED, markerfacecolor=face, markersize=4.5, label=label)
        for face, label in ((MUTED, "equal width"), (PAPER, "equal parameters"))
    ]
    handles.append(plt.Line2D([], [], color=INK, marker="|", markersize=8, label="mean, 95 % interval"))
    fig.legend(handles=handles, loc="outside lower center", ncols=3)


def _line(name: str) -> dict[str, Any]:
    variant = VARIANTS[name]
    removed = next(iter(variant.frozen), "c" if variant.opposite else "")
    if not removed:
        return {"color": INK, "linewidth": 2.2}
    colours = {"i": "#1a9870", "f": "#0077bb", "o": "#9b59b6", "c": "#8a8f98", "r": "#b8860b", "z": "#dd6611"}
    return {"color": colours[removed], "linewidth": 1.7, "linestyle": DASHES[removed]}


def _label(name: str) -> str:
    variant = VARIANTS[name]
    return f"whole {variant.label}" if name == variant.cell else f"{variant.label}"


def _aligned(part: pd.DataFrame, length: int) -> np.ndarray:
    """Curves of one variant, (seeds, length) in per cent; a run that was solved earlier keeps its last value."""
    curves = [each["accuracy"] for each in part["curves"]]
    return 100 * np.array([values + [values[-1]] * (length - len(values)) for values in curves])


def _end_labels(axis: Axes, x: float, ends: list[tuple[float, str, str]], gap: float = 8.5) -> None:
    """Labels at the ends of curves, moved apart where they would overlap, each with a line to its end."""
    ends = sorted(ends)
    places = [height for height, _, _ in ends]
    for _ in range(60):
        for low in range(len(places) - 1):
            if (overlap := gap - (places[low + 1] - places[low])) > 0:
                places[low] -= overlap / 2
                places[low + 1] += overlap / 2
        shift = min(0.0, 101 - max(places))
        places = [max(place + shift, 0.0) for place in places]
    for place, (height, label, colour) in zip(places, ends, strict=True):
        axis.plot([x * 1.01, x * 1.08], [height, place], color=colour, linewidth=0.7, alpha=0.8)
        axis.text(x * 1.09, place, label, color=colour, fontsize=8, va="center")
