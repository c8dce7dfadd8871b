"""Figures of the chapter *architecture/anatomy*."""

from __future__ import annotations

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from evidence.figures import COLOURS, FAINT, INK, LABELS, MARKERS, MUTED, WIDTH
from gatedrnn.initialisation import half_life

QUANTITIES = {
    "parameters": "parameters",
    "FLOPs": "operations a step",
    "state": "state bytes",
    "kept": "kept bytes a step",
}
GATES = {"f": "forget f", "i": "input i", "o": "output o", "r": "reset r", "z": "update z"}
STYLES: tuple[Any, ...] = ("-", "--", "-.", ":")
LINES: dict[str, Any] = {"lstm": "-", "gru": "--", "rnn": ":"}


def fading(table: pd.DataFrame, halves: pd.DataFrame) -> Figure:
    """Share of the first input still in place over the lag (left), and half-lives beside the formula (right).

    Takes the tables of `analysis.faded` and `half_lives`: thin lines and marks are the cells drawn, thick lines their medians.
    """
    fig, (left, right) = plt.subplots(1, 2, figsize=(WIDTH, 3.1), width_ratios=(1.3, 1))
    last = int(table["lag"].max())
    later = table[(table["lag"] > 0) & ~table["tied"]]
    for (cell, bias), part in later.groupby(["cell", "bias"]):
        for _, drawn in part.groupby("seed"):
            left.plot(drawn["lag"], 100 * drawn["kept"], color=COLOURS[cell], linewidth=0.5, alpha=0.6)
        middle = part.groupby("lag")["kept"].median()
        left.plot(middle.index, 100 * middle, LINES[cell], color=COLOURS[cell], linewidth=1.6)
        if cell == "gru":
            at = halves[(halves["cell"] == "gru") & (halves["bias"] == bias)]["measured"].median()
            largest = bias == later["bias"].max()  # nothing lies below its curve
            place, side = ((-8, -16), "right") if largest else ((7, 12), "left") if bias else ((3, -36), "left")
            text, at = f"bias {bias:g}" if bias else "default", (min(max(at, 1), last), 50)
            left.annotate(text, at, place, textcoords="offset points", fontsize=8.5, ha=side)
    left.axhline(50, color=MUTED, linewidth=0.8, linestyle=(0, (1, 2)))
    left.set(xscale="log", xlim=(1, last), ylim=(-5, 102), xlabel="steps since the first input")
    left.set_ylabel("first input still in place, %")
    ticks = [each for each in (1, 3, 10, 30, 100, 300) if each <= last]
    left.set_xticks(ticks, [str(each) for each in ticks])
    left.minorticks_off()
    bias = np.linspace(-0.4, 5.4, 117)
    right.plot(bias, [half_life(each) for each in bias], color=INK, linewidth=1.2, label="formula")
    for cell in ("lstm", "gru"):
        part = halves[(halves["cell"] == cell) & np.isfinite(halves["measured"])]
        size, fill = (8, "none") if cell == "lstm" else (4, COLOURS[cell])
        style = {"markersize": size, "markerfacecolor": fill, "markeredgewidth": 1.4}
        right.plot(part["bias"], part["measured"], MARKERS[cell], color=COLOURS[cell], label=LABELS[cell], **style)
    for _, row in halves[(halves["cell"] == "gru") & (halves["seed"] == 0)].iterrows():
        text = f"{row['formula']:.2g}" if row["formula"] < 10 else f"{row['formula']:.0f}"
        right.annotate(text, (row["bias"], row["formula"]), (9, -6), textcoords="offset points", va="top", fontsize=8.5)
    right.set(yscale="log", xlabel="bias of the gate that keeps", ylabel="half-life, steps", xlim=(-0.4, 5.9))
    right.set_yticks([1, 10, 100], ["1", "10", "100"])
    handles = [
        plt.Line2D([], [], color=COLOURS[each], linestyle=style, label=LABELS[each]) for each, style in LINES.items()
    ]
    left.legend(handles=handles, loc="lower left", bbox_to_anchor=(0, 1), ncols=3, borderaxespad=0.2, handlelength=1.6)
    right.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=3, borderaxespad=0.2, handlelength=1.4)
    return fig


def gates(table: pd.DataFrame, passage: str) -> Figure:
    """Gate values over a passage as strips, the passage below; from `analysis.verse_table`."""
    rows = table[["cell", "gate", "unit"]].drop_duplicates().reset_index(drop=True)
    places, y = [], 0.0
    for index, row in rows.iterrows():
        before = rows.iloc[index - 1] if index else row
        y += 1.35 if row["cell"] != before["cell"] else 0.5 if row["gate"] != before["gate"] else 0
        places.append(y)
        y += 1
    fig, ax = plt.subplots(figsize=(WIDTH, 0.155 * y + 0.75))
    for place, (_, row) in zip(places, rows.iterrows(), strict=True):
        part = table[(table["cell"] == row["cell"]) & (table["gate"] == row["gate"]) & (table["unit"] == row["unit"])]
        colours = [to_rgba(COLOURS[row["cell"]], value) for value in part["value"]]
        ax.broken_barh([(at - 0.5, 1) for at in part["place"]], (place, 0.9), facecolors=colours, edgecolors="none")
        frame = Rectangle((-0.5, place), len(passage), 0.9, facecolor="none", edgecolor=FAINT, linewidth=0.5)
        ax.add_patch(frame)
        tie = part["tie"].iloc[0]
        name = "mean of all" if row["unit"] == "mean" else f"unit {row['unit']}  {'+' if tie > 0 else '−'}"
        ax.text(-1.2, place + 0.45, name, ha="right", va="center", fontsize=7, color=INK)
    for (cell, gate), part in rows.groupby(["cell", "gate"], sort=False):
        middle = np.mean([places[each] for each in part.index]) + 0.45
        ax.text(-10.3, middle, GATES[gate], ha="right", va="center", fontsize=8.5, color=COLOURS[cell], weight="bold")
    for cell, part in rows.groupby("cell", sort=False):
        top, bottom = places[part.index[0]], places[part.index[-1]] + 0.9
        ax.text(
            -19.6, (top + bottom) / 2, LABELS[cell], ha="center", va="center", rotation=90, fontsize=9.5, weight="bold"
        )
        for at, symbol in enumerate(passage):
            ax.text(
                at, bottom + 0.12, symbol, ha="center", va="top", fontsize=7.2, family="DejaVu Sans Mono", color=INK
            )
    _gaps(ax, passage, places[-1] + 0.9)
    ax.set(xlim=(-20.8, len(passage) - 0.4), ylim=(places[-1] + 2.2, -1.6))
    ax.set_axis_off()
    _scale(ax, len(passage))
    return fig


def _gaps(ax: Axes, passage: str, bottom: float) -> None:
    """Faint lines where a word ends."""
    for at, symbol in enumerate(passage):
        if symbol == " ":
            ax.plot([at, at], [-0.15, bottom], color=MUTED, linewidth=0.5, linestyle=(0, (1, 2)), zorder=3)


def _scale(ax: Axes, width: int) -> None:
    steps = 20
    for step in range(steps):
        left = width - 14 + step * 10 / steps
        patch = Rectangle(
            (left, -1.35), 10 / steps, 0.8, facecolor=to_rgba(MUTED, (step + 0.5) / steps), edgecolor="none"
        )
        ax.add_patch(patch)
    ax.text(width - 14.6, -0.95, "0  shut", ha="right", va="center", fontsize=7.5)
    ax.text(width - 3.4, -0.95, "1  open", ha="left", va="center", fontsize=7.5)


def equality(table: pd.DataFrame) -> Figure:
    """Largest differences from `torch.nn`, every shape a dot; from `analysis.compared`."""
    names = {"reference": "reference cell", "stepwise": "torch ops", "matched": "compiled kernel"}
    ways = {way: names[way] for way in dict.fromkeys(table["implementation"])}
    cells = list(dict.fromkeys(table["cell"]))
    kinds = [(way, cell) for way in ways for cell in cells]
    fig, axes = plt.subplots(1, 2, figsize=(WIDTH, 0.9 + 0.3 * len(kinds)), sharex=True, sharey=True)
    floor = 10 ** np.floor(np.log10(table.loc[table["relative"] > 0, "relative"].min())) / 30
    for ax, (quantity, part) in zip(axes, table.groupby("quantity", sort=False), strict=True):
        for (way, cell, precision), dots in part.groupby(["implementation", "cell", "precision"]):
            y = kinds.index((way, cell)) + np.linspace(-0.22, 0.22, len(dots))
            filled = COLOURS[cell] if precision == "float32" else "none"
            ax.plot(
                dots["relative"].clip(lower=floor),
                y,
                MARKERS[cell],
                color=COLOURS[cell],
                markerfacecolor=filled,
                markersize=4,
                markeredgewidth=0.9,
            )
        for kind, name in ((np.float32, "float32"), (np.float64, "float64")):
            epsilon = np.finfo(kind).eps
            ax.axvline(epsilon, color=MUTED, linewidth=0.9, linestyle=(0, (4, 2)))
            ax.text(epsilon, -0.62, f"ε {name}", color=MUTED, fontsize=8, va="bottom", ha="left")
        ax.axvline(floor, color=FAINT, linewidth=5, zorder=0)
        ax.text(floor, -0.62, "0", color=MUTED, fontsize=8, va="bottom", ha="center")
        ax.set(xscale="log", xlabel=f"{quantity}: largest |Δ| ÷ largest |value|")
        ax.set_yticks(range(len(kinds)), [f"{LABELS[cell]}, {ways[way]}" for way, cell in kinds])
        ax.set_ylim(len(kinds) - 0.5, -0.6)
        ax.grid(axis="y", visible=False)
    return fig


def drift(table: pd.DataFrame) -> Figure:
    """Distance of the two GRUs over time, a line a weight scale; from `analysis.drift`."""
    fig, ax = plt.subplots(figsize=(WIDTH * 0.72, 2.9))
    drawn = table[table["reset"] == "as drawn"]
    last = int(drawn["step"].max())
    for place, (scale, part) in enumerate(drawn.groupby("scale")):
        share = 100 * part["share"]
        ax.plot(part["step"], share, STYLES[place % 4], color=COLOURS["gru_before"])
        text = "default weights" if scale == 1 else f"recurrent weights × {scale:g}"
        ax.text(last * 1.02, share.iloc[-5:].mean(), text, va="center", fontsize=8.5)
    ax.set(xlabel="step", ylabel="mean |Δh| ÷ mean |h|, %", xlim=(1, last))
    ax.set_ylim(bottom=0)
    return fig


def costs(table: pd.DataFrame, ratios: pd.DataFrame) -> Figure:
    """Counts of `runs.counts` over the width (top), and the `ratios` of `analysis` under both matchings (bottom)."""
    fig, axes = plt.subplots(2, 4, figsize=(WIDTH, 4.2), sharex=True, height_ratios=(1.15, 1))
    for ax, below, (quantity, name) in zip(axes[0], axes[1], QUANTITIES.items(), strict=True):
        for cell, thickness in (("rnn", 3.2), ("lstm", 1.6), ("gru", 1.6)):
            part = table[(table["cell"] == cell) & (table["quantity"] == quantity)]
            ax.plot(part["H"], part["value"], color=COLOURS[cell], linewidth=thickness, label=LABELS[cell])
        ax.set(xscale="log", yscale="log")
        ax.minorticks_off()
        ax.set_title(name)
        for matched, style in (("width", "-"), ("parameters", "--")):
            part = ratios[(ratios["matched"] == matched) & (ratios["quantity"] == quantity)]
            below.plot(part["H"], part["ratio"], style, color=COLOURS["gru"], linewidth=1.6)
        below.axhline(1, color=MUTED, linewidth=0.9)
        below.set(ylim=(0.4, 1.15), xlabel="width H of the LSTM")
        if ax is not axes[0, 0]:
            below.set_yticklabels([])
    first = axes[1, 0]
    first.text(table["H"].min(), 0.735, "equal width", va="top", fontsize=8.5)
    first.text(table["H"].max(), 1.02, "equal parameters", va="bottom", ha="right", fontsize=8.5)
    ticks = [each for each in (8, 64, 512) if table["H"].min() <= each <= table["H"].max()]
    first.set_xticks(ticks, [str(each) for each in ticks])
    first.minorticks_off()
    first.set_ylabel("GRU ÷ LSTM")
    axes[0, 0].set_ylabel("count")
    fig.legend(handles=axes[0, 0].get_lines(), loc="outside upper left", ncols=3, handlelength=2.2)
    return fig


def whole_models(table: pd.DataFrame, margin: float) -> Figure:
    """Parameters of whole language models, GRU ÷ LSTM, over the width, a line a vocabulary; from `analysis.whole_models`."""
    fig, ax = plt.subplots(figsize=(WIDTH * 0.8, 3.0))
    last = table["H"].max()
    for symbols, part in table.groupby("V"):
        ax.plot(part["H"], part["ratio"], color=COLOURS["gru"], linewidth=1.6)
        ax.text(last * 1.06, part["ratio"].iloc[-1], f"{symbols:,} symbols", va="center", fontsize=8.5)
    ax.axhline(0.75, color=MUTED, linewidth=1, linestyle=(0, (4, 2)))
    ax.text(1.03 * table["H"].min(), 0.753, "the layer itself", va="bottom", fontsize=8.5, color=MUTED)
    ax.axhline(margin, color=MUTED, linewidth=1, linestyle=(0, (1, 2)))
    ax.text(104, margin - 0.004, "least saving that counts", va="top", fontsize=8.5, color=MUTED)
    ax.set(xscale="log", xlabel="width H of embedding and layer", ylabel="parameters, GRU ÷ LSTM")
    ticks = [each for each in sorted(table["H"].unique()) if np.log2(each) % 1 == 0]
    ax.set_xticks(ticks, [str(each) for each in ticks])
    ax.minorticks_off()
    ax.set(ylim=(0.73, 1.005), xlim=(table["H"].min(), last))
    return fig
