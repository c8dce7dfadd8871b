"""Figures of the chapter *applications/language*."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib import ticker
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from evidence.figures import COLOURS, FAINT, INK, LABELS, MARKERS, MUTED, PAPER, WIDTH
from evidence.statistics import Interval, paired_difference
from experiments.language import analysis
from experiments.language.runs import CELLS

BITS = "bits per character"
TITLES = {"place": "place in the word", "rarity": "the word, in training", "gap": "rare word, last seen"}
CASES = (("lstm", "width"), ("gru", "width"), ("gru", "parameters"), ("rnn", "width"))
SIDE = {("lstm", "width"): 0.93, ("gru", "parameters"): 1.07}
"""Factor by which a size is moved, so that equal sizes do not hide each other."""


def draw_read(runs: pd.DataFrame, long_runs: pd.DataFrame, baselines: pd.DataFrame, lanes: int, length: int) -> Figure:
    """Bits against characters read (validation, n-grams counted on as many), and against parameters (test)."""
    fig, (left, right) = plt.subplots(1, 2, figsize=(WIDTH, 3.7))
    _curves(left, runs, long_runs, {cell: float(lanes * length) for cell in CELLS})
    amounts = sorted(baselines.loc[baselines["kind"] == "ngram", "characters"].unique())
    best = pd.DataFrame([analysis.best_order(baselines, int(each)) for each in amounts])
    best["read"] = best["characters"].where(best["characters"] > 0, baselines.attrs["whole"])
    best = best.sort_values("read")
    _crosses(left, best["read"], best["validation"], best["order"], (0, -12))
    left.set(xscale="log", xlabel="characters read", ylabel=f"validation {BITS}")
    left.margins(x=0.1, y=0.1)
    counted = analysis.counted(baselines)
    _crosses(right, counted["parameters"], counted["test"], counted["order"], (5, 4))
    for cell, match in CASES:
        part, values = runs[(runs["cell"] == cell) & (runs["match"] == match)], analysis.bits(runs, cell, match)
        size, face = part["parameters"].mean() * SIDE.get((cell, match), 1), COLOURS[cell]
        right.plot([size] * 2, [values.min(), values.max()], color=face, linewidth=1.5)
        right.plot(size, values.mean(), MARKERS[cell], color=face, markerfacecolor=face if match == "width" else PAPER)
    for place, kind in enumerate(("bz2", "lzma")):
        value = float(baselines.loc[baselines["kind"] == kind, "test"].iloc[0])
        right.axhline(value, color=COLOURS["baseline"], linewidth=1.1, linestyle=(0, (1, 1.5)))
        across = right.get_yaxis_transform()
        right.text(0.02 + 0.16 * place, value, kind, transform=across, color=MUTED, fontsize=7.5, va="bottom")
    right.margins(x=0.08)
    right.set(xscale="log", xlabel="parameters, or n-grams counted", ylabel=f"test {BITS}")
    handles = [*_handles("-"), plt.Line2D([], [], color=INK, marker="x", linestyle="--", label="n-grams")]
    fig.legend(handles=handles, loc="outside lower center", ncols=4)
    return fig


def draw_seconds(
    runs: pd.DataFrame, long_runs: pd.DataFrame, step_seconds: dict[str, float], counted: pd.DataFrame
) -> Figure:
    """Validation bits against seconds of training on one core; n-grams with the seconds that counting took.

    Args:
        step_seconds: median time of a training step by cell. counted: n-grams with `order`, `seconds`, `validation`.
    """
    fig, ax = plt.subplots(figsize=(WIDTH * 0.85, 3.5))
    _curves(ax, runs, long_runs, step_seconds)
    _crosses(ax, counted["seconds"], counted["validation"], counted["order"], (-14, -11))
    ax.margins(x=0.12)
    ax.set(xscale="log", xlabel="seconds of training, one core", ylabel=f"validation {BITS}")
    ax.xaxis.set_major_formatter(ticker.FuncFormatter(lambda value, _: f"{value:g}"))
    ax.legend(handles=_handles("-"), loc="upper right")
    return fig


def draw_gap(runs: pd.DataFrame, margin: float) -> Figure:
    """Test bits of every seed; right, LSTM − GRU paired by seed with 95 % intervals and the ledger's margin."""
    fig, (left, right) = plt.subplots(1, 2, figsize=(WIDTH, 3.2), width_ratios=[1.3, 1])
    rng = np.random.default_rng(0)
    for place, (cell, match) in enumerate(CASES):
        values = analysis.bits(runs, cell, match).to_numpy()
        face = COLOURS[cell] if match == "width" else PAPER
        jitter = place + rng.uniform(-0.1, 0.1, len(values))
        left.scatter(jitter, values, s=22, marker=MARKERS[cell], facecolors=face, edgecolors=COLOURS[cell], alpha=0.85)
        left.plot([place - 0.2, place + 0.2], [values.mean()] * 2, color=INK, linewidth=2)
    names = [LABELS[c].replace("tanh ", "tanh\n") + ("\nequal par." if s == "parameters" else "") for c, s in CASES]
    left.set_xticks(range(len(CASES)), names)
    left.set_ylabel(f"test {BITS}")
    for place, match in enumerate(analysis.MATCHES):
        values = (analysis.bits(runs, "lstm") - analysis.bits(runs, "gru", match)).to_numpy()
        right.plot(place + rng.uniform(-0.06, 0.06, len(values)), values, "o", color=INK, alpha=0.7, markersize=4.5)
        _interval(right, place + 0.22, analysis.gap(runs, match))
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
        wide = table[table["cell"] == cell].pivot(index="context", columns="seed", values="shortened")
        ax.plot(wide.index, wide, color=COLOURS[cell], linewidth=0.7, alpha=0.35)
        ax.plot(wide.index, wide.mean(axis=1), color=COLOURS[cell], marker=MARKERS[cell], label=LABELS[cell])
    counted = analysis.counted(baselines).query("order > 1")
    ax.plot(counted["order"] - 1, counted["test"], "x--", color=INK, linewidth=1, markeredgewidth=2, label="n-gram")
    ax.set_xscale("log", base=2)
    ticks = sorted(table["context"].unique())
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
        for place, kind in enumerate(present):
            wide = part[part["kind"] == kind].pivot(index="seed", columns="cell", values="bits")
            for cell, shift in zip(CELLS, (-0.2, 0.0, 0.2), strict=True):
                xs = [place + shift] * len(wide)
                top.plot(xs, wide[cell], MARKERS[cell], color=COLOURS[cell], markersize=4, alpha=0.75)
            _interval(bottom, place, paired_difference(wide["lstm"], wide["gru"]))
        bottom.set_xticks(range(len(present)), present, rotation=40, ha="right", rotation_mode="anchor", fontsize=7.5)
        top.set_title(TITLES[by])
        top.set_ylim(0, 1.06 * part["bits"].max())
        for ax in (top, bottom):
            ax.grid(axis="x", visible=False)
    ends = [ax.get_ylim() for ax in axes[1]]
    for ax in axes[1]:
        ax.set_ylim(min(low for low, _ in ends), max(high for _, high in ends))
    axes[0, 0].set_ylabel(BITS)
    axes[1, 0].set_ylabel("LSTM − GRU, bits")
    fig.legend(handles=_handles(""), loc="outside lower center", ncols=3)
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
    rates = sorted(runs["learning_rate"].unique())
    ax.set(xscale="log", xlabel="learning rate", ylabel=f"validation {BITS}")
    ax.set_xticks(rates, [f"{rate:g}" for rate in rates])
    ax.minorticks_off()
    ax.legend(loc="best")
    return fig


def _curves(ax: Axes, runs: pd.DataFrame, long_runs: pd.DataFrame, unit: dict[str, float]) -> None:
    """Validation curves at equal width: seeds thin, median thick, the longer run dotted; x is step × `unit` of the cell."""
    for cell in reversed(CELLS):
        part = analysis.unrolled(runs[(runs["cell"] == cell) & (runs["match"] == "width")], "step", "validation")
        lines = part.pivot(index="step", columns="seed", values="validation")
        ax.plot(lines.index * unit[cell], lines, color=COLOURS[cell], linewidth=0.6, alpha=0.35)
        ax.plot(lines.index * unit[cell], lines.median(axis=1), color=COLOURS[cell], linewidth=2.2)
        for curves in long_runs.loc[long_runs["cell"] == cell, "curves"]:
            steps = np.array(curves["step"]) * unit[cell]
            ax.plot(steps, curves["validation"], ":", color=COLOURS[cell], linewidth=1.6)
    ax.grid(axis="x", color=FAINT)


def _crosses(ax: Axes, xs: pd.Series, ys: pd.Series, orders: pd.Series, shift: tuple[int, int]) -> None:
    """N-grams, each named by its order."""
    ax.plot(xs, ys, "x--", color=INK, linewidth=1, markeredgewidth=2, markersize=6)
    for x, y, order in zip(xs, ys, orders, strict=True):
        name = f"{int(order)}-gram" if order < 5 or len(xs) < 5 else f"{int(order)}"
        ax.annotate(
            name, (x, y), shift, textcoords="offset points", fontsize=7.5, ha="center" if not shift[0] else "left"
        )


def _interval(ax: Axes, x: float, found: Interval) -> None:
    """A difference with its interval, and the line of no difference."""
    ax.axhline(0, color=MUTED, linewidth=1)
    ax.plot([x] * 2, [found.low, found.high], color=INK, linewidth=1.8)
    ax.plot(x, found.estimate, "_", color=INK, markersize=10, markeredgewidth=2)


def _handles(line: str) -> list[plt.Line2D]:
    """The cells, for a legend."""
    style = {"linestyle": line, "linewidth": 2}
    return [plt.Line2D([], [], color=COLOURS[c], marker=MARKERS[c], label=LABELS[c], **style) for c in CELLS]  # type: ignore[arg-type]
