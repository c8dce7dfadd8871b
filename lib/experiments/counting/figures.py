"""Figures of the chapter *memory/counting*."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from evidence.figures import COLOURS, FAINT, INK, LABELS, MARKERS, MUTED, PAPER, WIDTH
from evidence.tuning import Tuned
from experiments.counting.analysis import LANGUAGES, select

TICKS = (1, 3, 10, 30, 100, 300, 1000)
MISFITS = (0.001, 0.01, 0.1, 1, 10, 100)
ROW_NAMES = {**LABELS, "gru_before": "GRU,\nreset before"}


def draw_horizon(runs: pd.DataFrame, base: pd.DataFrame) -> Figure:
    """First failing n, a panel a language, a row a cell, every seed a dot; what never failed at the right edge."""
    rows = {name: list(dict.fromkeys(_rows(runs[runs["language"] == name]))) for name in LANGUAGES}
    heights = [len(each) + 1 for each in rows.values()]
    fig, axes = plt.subplots(
        2, 1, figsize=(WIDTH, 0.42 * sum(heights) + 1.5), sharex=True, gridspec_kw={"height_ratios": heights}
    )
    longest, tested = int(runs["longest"].max()), int(runs["tested"].max())
    for ax, (language, name) in zip(axes, LANGUAGES.items(), strict=True):
        ax.axvspan(0.8, longest + 0.5, color=FAINT, alpha=0.45, linewidth=0, zorder=0)
        ax.axvline(tested, color=MUTED, linewidth=1, linestyle=(0, (4, 2)), zorder=1)
        part = runs[runs["language"] == language]
        for row, (cell, match) in enumerate(rows[language]):
            _row(ax, select(part, cell, match), cell, match, row, longest)
        _baseline(ax, base[base["language"] == language], len(rows[language]))
        names = [_row_name(cell, match) for cell, match in rows[language]]
        ax.set_yticks(range(len(names) + 1), [*names, "look-up of the\nlast letters"])
        ax.tick_params(axis="y", length=0)
        ax.set(ylim=(len(names) + 0.5, -0.6), title=name, xscale="log", xlim=(0.8, tested * 2.1))
        ax.grid(axis="y", visible=False)
        ticks = [tick for tick in TICKS if tick <= tested]
        ax.set_xticks(ticks, [str(tick) for tick in ticks])
        ax.minorticks_off()
        ax.text(tested * 2.02, -0.75, f"right to n = {longest}", ha="right", va="bottom", fontsize=8, color=MUTED)
    axes[-1].set_xlabel("n of the shortest string with a wrong letter")
    handles: list[Any] = [
        Patch(color=FAINT, alpha=0.6, label=f"trained on: n ≤ {longest}"),
        Line2D([], [], color=MUTED, marker="o", linestyle="", markersize=4.5, label="one seed"),
        Line2D([], [], color=INK, marker="|", linestyle="", markersize=11, markeredgewidth=2, label="median"),
        Line2D([], [], color=MUTED, marker="s", linestyle="", markerfacecolor=PAPER, label="equal parameters"),
    ]
    if runs["censored"].any():
        never = f"never failed, n ≤ {tested}"
        handles.insert(3, Line2D([], [], color=MUTED, marker=">", linestyle="", markersize=6, label=never))
    fig.legend(handles=handles, loc="outside lower center", ncols=5, columnspacing=1.0, handletextpad=0.4)
    return fig


def _rows(part: pd.DataFrame) -> list[tuple[str, str]]:
    return list(zip(part["cell"], part["match"], strict=True))


def _row_name(cell: str, match: str) -> str:
    return ROW_NAMES[cell] if match == "width" else f"{ROW_NAMES[cell]}, equal\nparameters"


def _row(ax: Axes, part: pd.DataFrame, cell: str, match: str, row: int, longest: int) -> None:
    colour, face = COLOURS[cell], COLOURS[cell] if match == "width" else PAPER
    spread = row + _stacked(np.log10(part["fails_at"].to_numpy(dtype=float)))
    for mask, marker in ((~part["censored"].to_numpy(), MARKERS[cell]), (part["censored"].to_numpy(), ">")):
        x = part["fails_at"].to_numpy()[mask]
        ax.scatter(
            x,
            spread[mask],
            s=20,
            marker=marker,
            facecolors=face,
            edgecolors=colour,
            linewidths=0.8,
            alpha=0.75,
            zorder=3,
        )
    middle = part["fails_at"].median()
    ax.plot([middle] * 2, [row - 0.44, row + 0.44], color=INK, linewidth=2, zorder=2.5)  # behind the dots
    ax.text(
        part["tested"].max() * 2.02,
        row,
        f"{part['learned'].sum()} of {len(part)}",
        ha="right",
        va="center",
        fontsize=8.5,
    )


def _stacked(x: np.ndarray, width: float = 0.03, step: float = 0.085) -> np.ndarray:
    """Heights around 0 for dots that would overlap: those within one width go up and down in turn."""
    heights = np.zeros(len(x))
    cells = np.floor(x / width).astype(int)
    for cell in np.unique(cells):
        members = np.flatnonzero(cells == cell)
        reach = min(step, 0.7 / max(1, len(members) - 1))
        heights[members] = reach * (np.arange(len(members)) - (len(members) - 1) / 2)
    return heights


def _baseline(ax: Axes, base: pd.DataFrame, row: int) -> None:
    for place, (_, each) in enumerate(base.iterrows()):
        ax.plot(
            each["fails_at"], row, MARKERS["baseline"], color=COLOURS["baseline"], markersize=6, markeredgewidth=1.8
        )
        ax.annotate(
            f"{each['context']}", (each["fails_at"], row), xytext=(0, 5 if place % 2 else -5),
            textcoords="offset points", ha="center", va="bottom" if place % 2 else "top", fontsize=7.5, color=MUTED,
        )  # fmt: skip


def draw_counters(traces: pd.DataFrame, longest: int) -> Figure:
    """The counting unit of a typical run of each cell over strings inside and beyond the training range."""
    cells = list(dict.fromkeys(traces["cell"]))
    fig, axes = plt.subplots(1, len(cells), figsize=(WIDTH, 2.9), layout="constrained")
    for ax, cell in zip(np.atleast_1d(axes), cells, strict=True):
        part = traces[traces["cell"] == cell]
        for place, (shown, each) in enumerate(part.groupby("shown")):
            inside = shown <= longest
            style: dict[str, Any] = {"linewidth": 1.8 if inside else 1.3, "linestyle": "-" if inside else (0, (3, 1.2))}
            ax.plot(each["step"], each["memory"], color=COLOURS[cell], alpha=(0.55, 1.0, 0.85)[place % 3], **style)
            turn = each[each["step"] == shown]
            ax.plot(turn["step"], turn["memory"], "o", color=INK, markersize=3.5, zorder=4)
            ax.annotate(
                f"n = {shown}", (float(turn["step"].iloc[0]), float(turn["memory"].iloc[0])), xytext=(3, 3),
                textcoords="offset points", fontsize=7.5, color=INK,
            )  # fmt: skip
        ax.axhline(0, color=MUTED, linewidth=0.7, zorder=0)
        ax.set(xlabel="letters read", title=f"{LABELS[cell]}: fails at n = {part['fails_at'].iloc[0]}")
        ax.margins(y=0.12)
    first = np.atleast_1d(axes)[0]
    first.set_ylabel("counting unit: c of the LSTM, else h")
    return fig


def draw_training(table: pd.DataFrame, longest: int, tested: int) -> Figure:
    """First failing n over training: LSTM and GRU, as published, trained longer, and asked less."""
    kinds = list(dict.fromkeys(table["kind"]))
    fig, axes = plt.subplots(1, len(kinds), figsize=(WIDTH, 3.2), sharey=True, layout="constrained")
    for ax, kind in zip(np.atleast_1d(axes), kinds, strict=True):
        ax.axhspan(0.8, longest + 0.5, color=FAINT, alpha=0.45, linewidth=0, zorder=0)
        for cell in ("lstm", "gru"):
            part = table[(table["kind"] == kind) & (table["cell"] == cell)]
            wide = part.pivot(index="step", columns="seed", values="fails_at")
            ax.plot(wide.index, wide, color=COLOURS[cell], linewidth=0.6, alpha=0.35)
            middle = wide.median(axis=1)
            ax.plot(middle.index, middle, color=COLOURS[cell], marker=MARKERS[cell], label=LABELS[cell])
        ax.set(title=kind, xlabel="optimiser steps", yscale="log", ylim=(0.8, tested * 1.3), xlim=(0, None))
        ticks = [tick for tick in TICKS if tick <= tested]
        ax.set_yticks(ticks, [str(tick) for tick in ticks])
        ax.minorticks_off()
    first = np.atleast_1d(axes)[0]
    first.set_ylabel("first failing n")
    handles, labels = first.get_legend_handles_labels()
    handles.append(Patch(color=FAINT, alpha=0.6))
    fig.legend(handles, [*labels, f"trained on: n ≤ {longest}"], loc="outside lower center", ncols=3)
    return fig


def draw_nesting(curves: pd.DataFrame, base: pd.DataFrame, depth: int) -> Figure:
    """Share of right answers against nesting depth: a panel of thin lines a cell, medians thick, a window as baseline."""
    cells = list(dict.fromkeys(curves["cell"]))
    fig, axes = plt.subplots(1, len(cells), figsize=(WIDTH, 3.0), sharey=True, sharex=True, layout="constrained")
    for ax, cell in zip(np.atleast_1d(axes), cells, strict=True):
        ax.axvspan(curves["depth"].min() - 0.5, depth + 0.5, color=FAINT, alpha=0.45, linewidth=0, zorder=0)
        ax.axhline(50, color=COLOURS["baseline"], linestyle=(0, (4, 2)), linewidth=1.3)
        ax.plot(base["depth"], 100 * base["right"], color=COLOURS["baseline"], linestyle=(0, (1, 1.2)), linewidth=1.4)
        part = curves[(curves["cell"] == cell) & (curves["match"] == "width")]
        wide = 100 * part.pivot(index="depth", columns="seed", values="right")
        ax.plot(wide.index, wide, color=COLOURS[cell], linewidth=0.6, alpha=0.35)
        middle = wide.median(axis=1)
        ax.plot(middle.index, middle, color=COLOURS[cell], marker=MARKERS[cell], markersize=4)
        ax.set(title=ROW_NAMES[cell].replace(",\n", ", ").replace("reset before", "before"), xlabel="nesting depth")
        ax.set_xticks([tick for tick in (2, 4, 8, 12, 16) if tick <= curves["depth"].max()])
        ax.title.set_fontsize(8.5)
    np.atleast_1d(axes)[0].set_ylabel("right answers, %")
    window = f"best from the last {base['context'].iloc[0]} symbols"
    handles: list[Any] = [
        Patch(color=FAINT, alpha=0.6, label=f"trained on: depth ≤ {depth}"),
        Line2D([], [], color=COLOURS["baseline"], linestyle=(0, (1, 1.2)), label=window),
        Line2D([], [], color=COLOURS["baseline"], linestyle=(0, (4, 2)), label="a guess"),
    ]
    fig.legend(handles=handles, loc="outside lower center", ncols=3)
    return fig


def draw_tuning(tunings: Mapping[str, Tuned]) -> Figure:
    """Misfit on the training range against learning rate, a panel a tuning, a line a cell; the chosen rate has a ring."""
    fig, axes = plt.subplots(1, len(tunings), figsize=(WIDTH, 3.3), layout="constrained", sharey=True)
    for ax, (name, tuned) in zip(np.atleast_1d(axes), tunings.items(), strict=True):
        for cell, part in tuned.runs.groupby("cell", sort=False):
            found = 100 * (1 - part.groupby("learning_rate")["fit"].mean())
            ax.plot(found.index, found, color=COLOURS[cell], marker=MARKERS[cell], label=LABELS[cell], linewidth=1.5)
            rate = float(tuned.best.set_index("cell").loc[cell, "learning_rate"])
            ax.plot(rate, found[rate], "o", markersize=11, color=COLOURS[cell], markerfacecolor="none")
        rates = sorted(tuned.runs["learning_rate"].unique())
        ax.set(xscale="log", yscale="log", title=name, xlabel="learning rate")
        ax.title.set_fontsize(8.5)
        ax.set_xticks(rates, [f"{rate:g}".removeprefix("0") for rate in rates], fontsize=7.5)
        ax.minorticks_off()
    first = np.atleast_1d(axes)[0]
    low, high = first.get_ylim()
    ticks = [tick for tick in MISFITS if low <= tick <= high]
    if len(ticks) > 1:
        first.set_yticks(ticks, [f"{tick:g}" for tick in ticks])
        first.set_ylim(low, high)
    first.set_ylabel("missing in the fit, %")
    handles, labels = first.get_legend_handles_labels()
    handles.append(Line2D([], [], color=MUTED, marker="o", linestyle="", markerfacecolor="none", markersize=10))
    fig.legend(handles, [*labels, "chosen"], loc="outside lower center", ncols=6, columnspacing=1.0)
    return fig
