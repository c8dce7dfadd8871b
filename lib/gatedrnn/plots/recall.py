"""Figures of the chapter *memory/recall*."""

from __future__ import annotations

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from gatedrnn.analyses.recall import GATED, STARTS, TASKS, pick, success
from gatedrnn.figures import COLOURS, FAINT, INK, LABELS, MARKERS, MUTED, PAPER, WIDTH

TASK_NAMES = {"recall": "Recall", "adding": "Adding", "selective": "Two registers"}
TITLES = {"default": "Framework default", "bias:1": "Bias 1", "chrono": "Chrono"}
SHIFTS = {"lstm": -0.17, "gru": 0.17, "rnn": 0.0}
CONTROLS = {
    "lstm": "LSTM",
    "lstm_shut": "input gate\nstarts shut",
    "lstm_coupled": "tied gates,\nf = 1 − i",
    "gru": "GRU",
}
GATES = (
    ("lstm", "keep", "LSTM: forget gate f"),
    ("lstm", "write", "LSTM: input gate i"),
    ("gru", "keep", "GRU: update gate z"),
)


def draw_map(table: pd.DataFrame) -> Figure:
    """Success rate and every seed's steps to solve, against length: a column a start, a pair of rows a task."""
    lengths = sorted(table["length"].unique())
    fig, axes = plt.subplots(4, 3, figsize=(WIDTH, 7.6), sharex=True, sharey="row", height_ratios=[1, 1.1, 1, 1.1])
    for row, task in enumerate(TASKS):
        for column, start in enumerate(STARTS):
            rate, steps = axes[2 * row, column], axes[2 * row + 1, column]
            part = pick(table, task=task, start=start)
            _limit(steps, part)
            for cell in ("rnn", *GATED):
                rows = pick(part, cell=cell, size="width")
                if not rows.empty:
                    _rates(rate, rows, cell, lengths)
                    for place, length in enumerate(lengths):
                        _dots(steps, place + 1.2 * SHIFTS[cell], pick(rows, length=length), cell)
            equal = pick(part, size="parameters")
            for place, length in enumerate(lengths):
                if len(rows := pick(equal, length=length)):
                    rate.plot(place + 0.36, 100 * rows["solved"].mean(), "s", markersize=5, **_open(COLOURS["gru"]))
            rate.set_title(f"{TASK_NAMES[task]}: {TITLES[start]}" if column else f"{TASK_NAMES[task]}: default")
            rate.set(ylim=(-6, 106), yticks=[0, 50, 100])
            steps.set_xticks(range(len(lengths)), [str(each) for each in lengths])
            steps.set_xlim(-0.5, len(lengths) - 0.5)
            for axis in (rate, steps):
                axis.grid(axis="x", visible=False)
        axes[2 * row, 0].set_ylabel("solved, %")
        axes[2 * row + 1, 0].set_ylabel("steps to solve")
    for axis in axes[-1]:
        axis.set_xlabel("length T, steps")
    handles: list[Any] = [_key(cell) for cell in ("lstm", "gru", "rnn")]
    handles.append(Line2D([], [], marker="s", linestyle="", label="GRU, equal parameters", **_open(COLOURS["gru"])))
    handles.append(Line2D([], [], marker="o", linestyle="", label="open dot: seed not solved", **_open(MUTED)))
    fig.legend(handles=handles, loc="outside lower center", ncols=5, columnspacing=1.1, handletextpad=0.5)
    return fig


def draw_shares(shares: pd.DataFrame) -> Figure:
    """Shares of the variance, a bar a factor: full for success, hollow for log steps; whiskers over seeds."""
    names = {
        "cell": "cell",
        "start": "start of the gates",
        "length": "length",
        "task": "task",
        "learning_rate": "learning rate",
        "two together": "two factors together",
        "more together": "three or more together",
        "seed": "seed, and all the rest",
    }
    sources = list(shares["source"].unique())
    fig, axes = plt.subplots(1, len(sources), figsize=(WIDTH, 3.5), sharey=True, sharex=True)
    for axis, source in zip(axes, sources, strict=True):
        for outcome, shift, style in (("solved", -0.2, {"color": COLOURS["lstm"]}), ("log", 0.2, _hollow())):
            part = pick(shares, source=source, outcome=outcome).set_index("factor")
            for place, factor in enumerate(names):
                if factor not in part.index:
                    if outcome == "solved":
                        axis.text(1, place, "tuned for each: not a factor here", va="center", fontsize=8, color=MUTED)
                    continue
                row = part.loc[factor]
                axis.barh(place + shift, row["share"], height=0.36, **style)
                end = row["share"]
                if np.isfinite(row["low"]):
                    axis.plot([row["low"], row["high"]], [place + shift] * 2, color=INK, linewidth=1.2)
                    end = max(end, row["high"])
                axis.text(end + 1.2, place + shift, f"{row['share']:.0f}", va="center", fontsize=8)
        axis.set(title=source[0].upper() + source[1:], xlabel="share of the variance, %")
        axis.grid(axis="y", visible=False)
    axes[0].set_yticks(range(len(names)), list(names.values()))
    axes[0].invert_yaxis()
    axes[0].set_xlim(0, min(100.0, max(shares["share"].max(), shares["high"].max()) + 9))
    handles = [Patch(color=COLOURS["lstm"], label="solved or not"), Patch(label="log of steps to solve", **_hollow())]
    fig.legend(handles=handles, loc="outside lower center", ncols=2)
    return fig


def draw_tuning(tuned: dict[str, pd.DataFrame], best: dict[str, pd.DataFrame]) -> Figure:
    """Steps to solve against learning rate on tuning seeds, full line recall and broken line adding; rings: chosen."""
    fig, axes = plt.subplots(
        len(tuned), 3, figsize=(WIDTH, 2.2 * len(tuned) + 0.9), sharex=True, sharey=True, squeeze=False
    )
    for row, (kind, runs) in zip(axes, tuned.items(), strict=True):
        for axis, start in zip(row, STARTS, strict=True):
            part = pick(runs, start=start)
            _limit(axis, part)
            for task, line in (("recall", "-"), ("adding", (0, (3, 1.5)))):
                for cell in GATED:
                    rows = pick(part, task=task, cell=cell).assign(shown=_shown)
                    nudge = 1.045 if (cell == "gru") else 0.955
                    middle = rows.groupby("learning_rate")["shown"].median()
                    style: dict[str, Any] = {"color": COLOURS[cell], "linestyle": line, "linewidth": 1.4}
                    axis.plot(middle.index * nudge, middle, marker=MARKERS[cell], markersize=4, **style)
                    chosen = pick(best[kind], task=task, cell=cell, start=start)["learning_rate"].iloc[0]
                    axis.plot(
                        chosen * nudge, middle[chosen], "o", markersize=9, markerfacecolor="none", color=COLOURS[cell]
                    )
            axis.set(xscale="log")
            axis.set_title(f"{TITLES[start]}, T = {runs['length'].iloc[0]}", fontsize=8.5)
        row[0].set_ylabel("steps to solve")
    for axis in axes[-1]:
        axis.set_xlabel("learning rate")
    handles: list[Any] = [_key(cell) for cell in GATED]
    handles += [Line2D([], [], color=INK, linewidth=1.4, label="recall")]
    handles += [Line2D([], [], color=INK, linewidth=1.4, linestyle=(0, (3, 1.5)), label="adding")]
    handles += [Line2D([], [], marker="o", markersize=9, linestyle="", label="rate chosen", **_open(MUTED))]
    fig.legend(handles=handles, loc="outside lower center", ncols=5)
    return fig


def draw_coupling(watched: pd.DataFrame, table: pd.DataFrame) -> Figure:
    """Above, openness of the gates while they learn true and random labels; below, steps to solve on the way to a GRU."""
    fig, (above, below) = plt.subplots(2, 2, figsize=(WIDTH, 5.9), sharey="row")
    last = max(max(curves["step"]) for curves in watched["curves"])
    for axis, random in zip(above, (False, True), strict=True):
        for cell, gate, _ in GATES:
            for curves in pick(watched, cell=cell, random_labels=random)["curves"]:
                axis.plot(curves["step"], curves[gate], linewidth=1.1, alpha=0.75, **_gate(cell, gate))
        axis.set(xlabel="optimiser steps", ylim=(0, 1.03), xlim=(0, last))
        axis.set_title("Gates, random labels" if random else "Gates, true labels")
    above[0].set_ylabel("mean openness of the gate")
    handles = [Line2D([], [], label=text, **_gate(cell, gate)) for cell, gate, text in GATES]
    above[1].legend(handles=handles, loc="center right", bbox_to_anchor=(1.0, 0.66), handlelength=2.2)
    for axis, task in zip(below, TASKS, strict=True):
        part = pick(table, task=task)
        _limit(axis, part)
        for place, cell in enumerate(CONTROLS):
            _dots(axis, place, pick(part, cell=cell), "gru" if cell == "gru" else "lstm", spread=0.25)
        axis.set_xticks(range(len(CONTROLS)), list(CONTROLS.values()))
        axis.tick_params(axis="x", labelsize=7.5)
        axis.set_xlim(-0.5, len(CONTROLS) - 0.5)
        axis.set_title(f"{TASK_NAMES[task]}, bias 1, T = {part['length'].iloc[0]}")
        axis.grid(axis="x", visible=False)
    below[0].set_ylabel("steps to solve")
    return fig


def draw_selective(table: pd.DataFrame) -> Figure:
    """Both registers right at the end, and steps to solve, by start: a dot a seed."""
    fig, (left, right) = plt.subplots(1, 2, figsize=(WIDTH, 2.9))
    rng = np.random.default_rng(0)
    _limit(right, table)
    for place, start in enumerate(STARTS):
        for cell in GATED:
            part = pick(table, start=start, cell=cell)
            x = place + SHIFTS[cell]
            solved = part["solved"] == 1
            jitter = x + rng.uniform(-0.08, 0.08, len(part))
            left.plot(jitter[solved], 100 * part["quality"][solved], MARKERS[cell], **_full(COLOURS[cell]))
            left.plot(
                jitter[~solved], 100 * part["quality"][~solved], MARKERS[cell], markersize=4, **_open(COLOURS[cell])
            )
            _dots(right, x, part, cell)
    for axis in (left, right):
        axis.set_xticks(range(len(STARTS)), [TITLES[start] for start in STARTS])
        axis.grid(axis="x", visible=False)
    left.set(ylabel="both registers right, %", ylim=(-4, 105))
    right.set_ylabel("steps to solve")
    handles: list[Any] = [_key(cell) for cell in GATED]
    handles.append(Line2D([], [], marker="o", linestyle="", label="seed not solved", **_open(MUTED)))
    fig.legend(handles=handles, loc="outside lower center", ncols=3)
    return fig


def _rates(axis: Axes, rows: pd.DataFrame, cell: str, lengths: list[int]) -> None:
    """Success rate against length, with Wilson intervals."""
    places = [place for place, length in enumerate(lengths) if length in set(rows["length"])]
    found = [success(pick(rows, length=lengths[place])) for place in places]
    x = np.array(places) + SHIFTS[cell] * 0.6
    heights = [100 * each.estimate for each in found]
    axis.plot(x, heights, color=COLOURS[cell], marker=MARKERS[cell], linewidth=1.6, markersize=4.5, zorder=3)
    axis.vlines(
        x, [100 * each.low for each in found], [100 * each.high for each in found], color=COLOURS[cell], linewidth=1
    )


def _dots(axis: Axes, x: float, part: pd.DataFrame, cell: str, spread: float = 0.13) -> None:
    """A dot a seed at its steps, side by side in the order of seeds; open in the band above where it was not solved."""
    shift = np.linspace(-spread, spread, len(part)) if len(part) > 1 else np.zeros(len(part))
    solved, shown = part["solved"].to_numpy() == 1, _shown(part)
    style: dict[str, Any] = {"markersize": 3.2, "linestyle": "", "marker": MARKERS[cell]}
    axis.plot((x + shift)[solved], shown[solved], color=COLOURS[cell], alpha=0.85, **style)
    axis.plot((x + shift)[~solved], shown[~solved], markeredgewidth=0.8, **style, **_open(COLOURS[cell]))


def _shown(part: pd.DataFrame) -> np.ndarray:
    """Heights on an axis of steps: a run that was not solved is drawn above the last step."""
    return np.where(part["solved"] == 1, part["steps"], 1.45 * part["steps_allowed"]).astype(float)


def _limit(axis: Axes, part: pd.DataFrame) -> None:
    """A logarithmic axis of steps with a band on top for what was not solved."""
    limit = float(part["steps_allowed"].max())
    ticks = [tick for tick in (limit / 16, limit / 8, limit / 4, limit / 2, limit)]
    axis.set(yscale="log", ylim=(limit / 20, 1.75 * limit))
    axis.set_yticks([*ticks, 1.45 * limit], [*(f"{tick:g}" for tick in ticks), "not solved"])
    axis.minorticks_off()
    axis.axhspan(1.2 * limit, 1.75 * limit, color=FAINT, alpha=0.55, linewidth=0, zorder=0)


def _gate(cell: str, gate: str) -> dict[str, Any]:
    return {"color": COLOURS[cell], "linestyle": "-" if gate == "keep" else (0, (3, 1.5))}


def _key(cell: str) -> Line2D:
    return Line2D([], [], color=COLOURS[cell], marker=MARKERS[cell], markersize=5, label=LABELS[cell])


def _open(colour: str) -> dict[str, Any]:
    return {"color": colour, "markerfacecolor": PAPER, "markeredgecolor": colour}


def _full(colour: str) -> dict[str, Any]:
    return {"color": colour, "markersize": 4, "alpha": 0.85}


def _hollow() -> dict[str, Any]:
    return {"facecolor": PAPER, "edgecolor": COLOURS["lstm"], "linewidth": 1.2}
