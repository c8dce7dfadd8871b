"""Figures of the chapter *applications/language*."""

from __future__ import annotations

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib import ticker
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from evidence.figures import COLOURS, FAINT, INK, LABELS, MARKERS, MUTED, PAPER, WIDTH
from experiments.language import analysis
from experiments.language.runs import CELLS

BITS = "bits per character"
TITLES = {"place": "place in the word", "rarity": "the word, in training", "gap": "rare word, last seen"}


def draw_read(runs: pd.DataFrame, long_runs: pd.DataFrame, baselines: pd.DataFrame, lanes: int, length: int) -> Figure:
    """Bits against characters read (validation, n-grams counted on as many), and against parameters (test)."""
    fig, (left, right) = plt.subplots(1, 2, figsize=(WIDTH, 3.7))
    _curves(left, runs, long_runs, {cell: float(lanes * length) for cell in CELLS})
    whole = int(baselines.attrs["whole"])
    amounts = [int(each) for each in sorted(baselines.loc[baselines["kind"] == "ngram", "characters"].unique()) if each]
    best = [analysis.best_order(baselines, each) for each in (*amounts, 0)]
    xs = [*amounts, whole]
    left.plot(xs, [row["validation"] for row in best], "x--", color=INK, linewidth=1, markeredgewidth=2, markersize=6)
    for x, row in zip(xs, best, strict=True):
        left.annotate(
            f"{int(row['order'])}-gram",
            (x, row["validation"]),
            (0, -12),
            textcoords="offset points",
            fontsize=7.5,
            ha="center",
        )
    left.set(xscale="log", xlabel="characters read", ylabel=f"validation {BITS}")
    left.margins(x=0.1, y=0.1)
    counted = baselines[(baselines["kind"] == "ngram") & (baselines["characters"] == 0)]
    right.plot(counted["parameters"], counted["test"], "x--", color=INK, linewidth=1, markeredgewidth=2, markersize=6)
    for _, row in counted.iterrows():
        order = int(row["order"])
        at, name = (row["parameters"], row["test"]), f"{order}-gram" if order < 5 else f"{order}"
        right.annotate(name, at, (5, 3), textcoords="offset points", fontsize=7.5)
    rng = np.random.default_rng(0)
    for cell in CELLS:
        for match in analysis.MATCHES:
            part = runs[(runs["cell"] == cell) & (runs["match"] == match)]
            face = COLOURS[cell] if match == "width" else PAPER
            spread = part["parameters"] * np.exp(rng.uniform(-0.06, 0.06, len(part)))
            edge: dict[str, Any] = {"edgecolors": COLOURS[cell], "marker": MARKERS[cell], "s": 20, "linewidths": 1}
            right.scatter(spread, part["test"].astype(float), facecolors=face, alpha=0.8, **edge)
    for place, kind in enumerate(("bz2", "lzma")):
        value = float(baselines.loc[baselines["kind"] == kind, "test"].iloc[0])
        right.axhline(value, color=COLOURS["baseline"], linewidth=1.1, linestyle=(0, (1, 1.5)))
        right.text(
            0.02 + 0.16 * place,
            value,
            kind,
            transform=right.get_yaxis_transform(),
            color=MUTED,
            fontsize=7.5,
            va="bottom",
        )
    right.margins(x=0.08)
    right.set(xscale="log", xlabel="parameters, or n-grams counted", ylabel=f"test {BITS}")
    handles: list[Any] = [
        plt.Line2D([], [], color=COLOURS[c], marker=MARKERS[c], linewidth=2, label=LABELS[c]) for c in CELLS
    ]
    handles.append(
        plt.Line2D([], [], color=INK, marker="x", linestyle="--", linewidth=1, label="n-grams (Witten–Bell)")
    )
    fig.legend(handles=handles, loc="outside lower center", ncols=4)
    return fig


def draw_seconds(
    runs: pd.DataFrame,
    long_runs: pd.DataFrame,
    step_seconds: dict[str, float],
    counting: dict[int, tuple[float, float]],
) -> Figure:
    """Validation bits against seconds of training on one core; n-grams with the seconds that counting took.

    Args:
        step_seconds: median time of a training step by cell. counting: order → seconds, validation bits.
    """
    fig, ax = plt.subplots(figsize=(WIDTH * 0.85, 3.5))
    _curves(ax, runs, long_runs, step_seconds)
    for order, (seconds, value) in counting.items():
        ax.plot(seconds, value, "x", color=INK, markersize=7, markeredgewidth=2)
        last = order == max(counting)  # beside the one before it, which may be close
        shift, side = ((7, -3), "left") if last else ((-7, -3), "right")
        ax.annotate(f"{order}-gram", (seconds, value), shift, textcoords="offset points", fontsize=8, ha=side)
    ax.margins(x=0.12)
    ax.set(xscale="log", xlabel="seconds of training, one core", ylabel=f"validation {BITS}")
    ax.xaxis.set_major_formatter(ticker.FuncFormatter(lambda value, _: f"{value:g}"))
    handles = [plt.Line2D([], [], color=COLOURS[c], linewidth=2.2, label=LABELS[c]) for c in CELLS]
    ax.legend(handles=handles, loc="upper right")
    return fig


def draw_gap(runs: pd.DataFrame, margin: float) -> Figure:
    """Test bits of every seed; right, LSTM − GRU paired by seed with 95 % intervals and the ledger's margin."""
    fig, (left, right) = plt.subplots(1, 2, figsize=(WIDTH, 3.2), width_ratios=[1.3, 1])
    rng = np.random.default_rng(0)
    cases = [("lstm", "width"), ("gru", "width"), ("gru", "parameters"), ("rnn", "width")]
    for place, (cell, match) in enumerate(cases):
        values = analysis.bits(runs, cell, match).to_numpy()
        face = COLOURS[cell] if match == "width" else PAPER
        jitter = place + rng.uniform(-0.1, 0.1, len(values))
        left.scatter(jitter, values, s=22, marker=MARKERS[cell], facecolors=face, edgecolors=COLOURS[cell], alpha=0.85)
        left.plot([place - 0.2, place + 0.2], [values.mean()] * 2, color=INK, linewidth=2)
    names = [LABELS[c].replace("tanh ", "tanh\n") + ("\nequal par." if s == "parameters" else "") for c, s in cases]
    left.set_xticks(range(len(cases)), names)
    left.set_ylabel(f"test {BITS}")
    for place, match in enumerate(analysis.MATCHES):
        values = (analysis.bits(runs, "lstm") - analysis.bits(runs, "gru", match)).to_numpy()
        right.plot(place + rng.uniform(-0.06, 0.06, len(values)), values, "o", color=INK, alpha=0.7, markersize=4.5)
        found = analysis.gap(runs, match)
        right.plot([place + 0.22] * 2, [found.low, found.high], color=INK, linewidth=1.8)
        right.plot(place + 0.22, found.estimate, "_", color=INK, markersize=10, markeredgewidth=2)
    right.axhline(0, color=MUTED, linewidth=1)
    right.axhline(margin, color=INK, linewidth=1, linestyle=(0, (4, 2)))
    right.text(1.93, margin, f"margin\n{margin:g}".replace("-", "−"), fontsize=7.5, ha="right", va="bottom", color=INK)
    right.set_xticks(range(2), [f"equal\n{match}" for match in analysis.MATCHES])
    right.set(xlim=(-0.45, 1.95), ylabel="LSTM − GRU, bits")
    for ax in (left, right):
        ax.grid(axis="x", visible=False)
    return fig


def draw_context(runs: pd.DataFrame, baselines: pd.DataFrame) -> Figure:
    """Bits against the characters of the past that a trained cell is shown, and that an n-gram can see."""
    fig, ax = plt.subplots(figsize=(WIDTH * 0.8, 3.5))
    table = analysis.context_table(runs)
    for cell in reversed(CELLS):
        wide = table[table["cell"] == cell].pivot(index="characters", columns="seed", values="bits")
        ax.plot(wide.index, wide, color=COLOURS[cell], linewidth=0.7, alpha=0.35)
        ax.plot(wide.index, wide.mean(axis=1), color=COLOURS[cell], marker=MARKERS[cell], label=LABELS[cell])
    counted = baselines[(baselines["kind"] == "ngram") & (baselines["characters"] == 0) & (baselines["order"] > 1)]
    ax.plot(counted["order"] - 1, counted["test"], "x--", color=INK, linewidth=1, markeredgewidth=2, label="n-gram")
    ax.set_xscale("log", base=2)
    ticks = sorted(table["characters"].unique())
    ax.set_xticks(ticks, [str(tick) for tick in ticks])
    ax.minorticks_off()
    ax.set(xlabel="characters of the past that are shown", ylabel=BITS)
    ax.legend(loc="upper right")
    return fig


def draw_classes(runs: pd.DataFrame) -> Figure:
    """Above, bits by place in the word, rarity of the word and gap since its last use; below, LSTM − GRU."""
    table = analysis.class_table(runs)
    fig, axes = plt.subplots(2, 3, figsize=(WIDTH, 4.9), sharex="col", height_ratios=[1.7, 1], width_ratios=[7, 5, 5])
    for (top, bottom), (by, names) in zip(axes.T, analysis.CLASSES.items(), strict=True):
        part = table[table["by"] == by]
        present = [kind for kind in names if kind in set(part["kind"])]
        for cell, shift in zip(CELLS, (-0.2, 0.0, 0.2), strict=True):
            for place, kind in enumerate(present):
                values = part[(part["kind"] == kind) & (part["cell"] == cell)]["bits"]
                style: dict[str, Any] = {"color": COLOURS[cell], "markersize": 4, "alpha": 0.75}
                top.plot([place + shift] * len(values), values, MARKERS[cell], **style)
        for place, kind in enumerate(present):
            found = analysis.class_gap(table, by, kind)
            bottom.plot([place] * 2, [found.low, found.high], color=INK, linewidth=1.8)
            bottom.plot(place, found.estimate, "o", color=INK, markersize=4)
        bottom.axhline(0, color=MUTED, linewidth=1)
        bottom.set_xticks(range(len(present)), present, rotation=40, ha="right", rotation_mode="anchor", fontsize=7.5)
        top.set_title(TITLES[by])
        top.set_ylim(0, 1.06 * part["bits"].max())
        for ax in (top, bottom):
            ax.grid(axis="x", visible=False)
    low = min(ax.get_ylim()[0] for ax in axes[1])
    high = max(ax.get_ylim()[1] for ax in axes[1])
    for ax in axes[1]:
        ax.set_ylim(low, high)
    axes[0, 0].set_ylabel(BITS)
    axes[1, 0].set_ylabel("LSTM − GRU, bits")
    handles = [plt.Line2D([], [], color=COLOURS[c], marker=MARKERS[c], linestyle="", label=LABELS[c]) for c in CELLS]
    fig.legend(handles=handles, loc="outside lower center", ncols=3)
    return fig


def draw_tuning(runs: pd.DataFrame, best: pd.DataFrame) -> Figure:
    """Validation bits against the learning rate; rings are the rates chosen."""
    fig, ax = plt.subplots(figsize=(WIDTH * 0.6, 2.8))
    for cell in CELLS:
        part = runs[runs["cell"] == cell]
        mean = part.groupby("learning_rate")["validation"].mean()
        ax.plot(part["learning_rate"], part["validation"], ".", color=COLOURS[cell], markersize=4, alpha=0.6)
        ax.plot(mean.index, mean, color=COLOURS[cell], linewidth=1.5, label=LABELS[cell])
        rate = best[best["cell"] == cell]["learning_rate"].iloc[0]
        ax.plot(rate, mean[rate], "o", color=COLOURS[cell], markerfacecolor="none", markersize=10)
    ax.set(xscale="log", xlabel="learning rate", ylabel=f"validation {BITS}")
    rates = sorted(runs["learning_rate"].unique())
    ax.set_xticks(rates, [f"{rate:g}" for rate in rates])
    ax.minorticks_off()
    ax.legend(loc="best")
    return fig


def _curves(ax: Axes, runs: pd.DataFrame, long_runs: pd.DataFrame, unit: dict[str, float]) -> None:
    """Validation curves at equal width: seeds thin, median thick, the longer run dotted; x is step × `unit` of the cell."""
    for cell in reversed(CELLS):
        part = runs[(runs["cell"] == cell) & (runs["match"] == "width")]
        steps = np.array(part["curves"].iloc[0]["step"])
        lines = np.array([curves["validation"] for curves in part["curves"]])
        ax.plot(steps * unit[cell], lines.T, color=COLOURS[cell], linewidth=0.6, alpha=0.35)
        ax.plot(steps * unit[cell], np.median(lines, axis=0), color=COLOURS[cell], linewidth=2.2)
        for run in long_runs[long_runs["cell"] == cell].to_dict("records"):
            longer = np.array(run["curves"]["step"]) * unit[cell]
            ax.plot(longer, run["curves"]["validation"], ":", color=COLOURS[cell], linewidth=1.6)
    ax.grid(axis="x", color=FAINT)
