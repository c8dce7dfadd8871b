"""Figures of the chapter *applications/streaming*."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from evidence.figures import ACCENTS, COLOURS, INK, LABELS, MARKERS, MUTED, PAPER, WIDTH
from evidence.ledger import ledger
from evidence.statistics import Interval
from experiments.streaming.analysis import MATCHES, MODELS, PLAIN, label, part, title

DASHES: dict[str, Any] = {
    "persistence": (0, (1, 1.2)),
    "autoregression": "-",
    "river linear": (0, (5, 2)),
    "river tree": (0, (4, 1.5, 1, 1.5)),
}


def tidy(runs: pd.DataFrame, base: pd.DataFrame) -> pd.DataFrame:
    """One row a run and part of the stretch: `model`, `kind` or cell, `match`, `seed`, `block`, `rmse` within it."""
    parts = []
    for row in base.to_dict("records"):
        names = {"model": PLAIN[row["kind"]], "cell": row["kind"], "match": "", "seed": -1}
        parts.append(pd.DataFrame({**names, **_blocks(row)}))
    for cell, match in MODELS:
        for row in part(runs, cell, match).to_dict("records"):
            names = {"model": label(cell, match), "cell": cell, "match": match, "seed": row["seed"]}
            parts.append(pd.DataFrame({**names, **_blocks(row)}))
    return pd.concat(parts, ignore_index=True)


def _blocks(row: dict[Any, Any]) -> dict[str, Any]:
    squares = np.array(row["curves"]["block"])
    whole = np.sqrt(np.cumsum(squares) / np.arange(1, len(squares) + 1))
    return {"block": range(1, len(squares) + 1), "rmse": np.sqrt(squares).round(3), "so_far": whole.round(3)}


def draw_errors(table: pd.DataFrame, runs: pd.DataFrame, base: pd.DataFrame, readings: int) -> Figure:
    """Left: error of all readings so far against time, every seed thin; right: over the whole stretch, a dot a seed."""
    fig, (left, right) = plt.subplots(1, 2, figsize=(WIDTH, 3.6), width_ratios=(1.35, 1))
    scale = readings / table["block"].max()
    for kind in base["kind"]:
        rows = table[table["cell"] == kind]
        left.plot(
            rows["block"] * scale, rows["so_far"], color=INK, linestyle=DASHES[kind], linewidth=1.4, label=PLAIN[kind]
        )
    for cell, match in MODELS:
        if match == "operations":
            continue
        rows = table[(table["cell"] == cell) & (table["match"] == match)]
        lines = rows.pivot(index="block", columns="seed", values="so_far")
        left.plot(lines.index * scale, lines, color=COLOURS[cell], linewidth=0.5, alpha=0.35)
        style: dict[str, Any] = {"linestyle": (0, (2.5, 1.5)) if cell == "rnn" else "-", "label": LABELS[cell]}
        left.plot(lines.index * scale, lines.median(axis=1), color=COLOURS[cell], **style)
    low, high = table.loc[table["block"] >= 3, "so_far"].min(), table.loc[table["block"] >= 3, "so_far"].max()
    left.set(xlabel="readings seen", ylabel="RMSE so far, mg/dL", xlim=(0, readings))
    left.set_ylim(low - 1, high + 1)
    left.xaxis.set_major_formatter("{x:,.0f}")
    names = [*base["kind"], *(" ".join(model) for model in reversed(MODELS))]
    for place, name in enumerate(names):
        cell, _, match = name.partition(" ")
        if cell not in LABELS:
            right.plot(
                base.loc[base["kind"] == name, "rmse"], [place], MARKERS["baseline"], color=INK, markeredgewidth=1.5
            )
            continue
        own = part(runs, cell, match)["rmse"]
        face = COLOURS[cell] if match == "width" else PAPER
        spots: dict[str, Any] = {"marker": MARKERS[cell], "facecolors": face, "edgecolors": COLOURS[cell]}
        right.scatter(own, place + np.linspace(-0.24, 0.24, len(own)), s=12, linewidths=0.7, alpha=0.8, **spots)
        right.plot([own.mean()] * 2, [place - 0.38, place + 0.38], color=INK, linewidth=1.4)
    right.set_yticks(range(len(names)), [title(name).replace(", equal", ",\nequal") for name in names])
    right.set(ylim=(len(names) - 0.4, -0.6), xlabel="RMSE of all readings, mg/dL")
    fig.legend(*left.get_legend_handles_labels(), loc="outside lower center", ncols=4, handlelength=2.6)
    return fig


def draw_ratios(table: pd.DataFrame, found: Mapping[tuple[str, str], Interval]) -> Figure:
    """GRU ÷ LSTM: a dot a seed, the ratio over all with its interval, and the ledger's margin.

    Args:
        table: from `analysis.ratios`. found: intervals by `match` and `metric`.
    """
    fig, ax = plt.subplots(figsize=(WIDTH * 0.75, 2.8))
    margin = ledger()["U3"].margin
    ax.axvline(1, color=MUTED, linewidth=1)
    ax.axvline(margin, color=ACCENTS["good"], linewidth=1.4, linestyle=(0, (4, 2)), label=f"margin, {margin:g}")
    names = []
    for place, ((match, metric), rows) in enumerate(table.groupby(["match", "metric"], sort=False)):
        when = "all readings" if metric == "rmse" else "second half"
        names.append(f"{MATCHES[str(match)]},\n{when}")
        whole = found[str(match), str(metric)]
        face = COLOURS["gru"] if match == "width" else PAPER
        spots: dict[str, Any] = {"marker": MARKERS["gru"], "facecolors": face, "edgecolors": COLOURS["gru"]}
        ax.scatter(rows["ratio"], place + np.linspace(-0.3, -0.05, len(rows)), s=12, linewidths=0.7, **spots)
        ax.plot([whole.low, whole.high], [place + 0.18] * 2, color=INK, linewidth=1.8)
        ax.plot(whole.estimate, place + 0.18, "|", color=INK, markersize=9, markeredgewidth=2)
    ax.set_yticks(range(len(names)), names)
    ax.set(ylim=(len(names) - 0.5, -0.5), xlabel="error of the GRU ÷ error of the LSTM, same seed")
    ax.legend(loc="best")
    return fig


def draw_latencies(latency: pd.DataFrame) -> Figure:
    """Median, 95th and 99th percentile of a single call, to predict (left) and to learn (right)."""
    names = list(dict.fromkeys(latency["name"]))
    fig, axes = plt.subplots(1, 2, figsize=(WIDTH, 2.9), sharey=True, sharex=True)
    for ax, what in zip(axes, ("predict", "learn"), strict=True):
        rows = latency[latency["what"] == what].set_index("name")
        for place, name in enumerate(names):
            colour = COLOURS.get(name.split()[0], INK)
            values = 1e6 * rows.loc[name, ["p50", "p95", "p99"]].to_numpy(float)
            ax.plot(values[[0, 2]], [place] * 2, color=colour, linewidth=1.2)
            for value, marker, size in zip(values, ("o", "|", ">"), (6, 9, 5), strict=True):
                ax.plot(value, place, marker, color=colour, markersize=size, markeredgewidth=1.5)
        ax.set(xscale="log", xlabel="time of one call, µs", title={"predict": "predict", "learn": "learn"}[what])
    axes[0].set_yticks(range(len(names)), [title(name).replace(", equal", ",\nequal") for name in names])
    axes[0].set_ylim(len(names) - 0.5, -0.5)
    keys = (("o", "median"), ("|", "95th"), (">", "99th percentile"))
    handles = [
        plt.Line2D([], [], color=INK, linestyle="", marker=m, markeredgewidth=1.5, label=text) for m, text in keys
    ]
    fig.legend(handles=handles, loc="outside lower center", ncols=3)
    return fig


def draw_tuning(runs: pd.DataFrame, chosen: pd.DataFrame) -> Figure:
    """Error on the earlier stretch against the learning rate; the chosen rate has a ring."""
    fig, ax = plt.subplots(figsize=(WIDTH * 0.6, 2.7))
    for cell, rows in runs.groupby("cell", sort=False):
        name = str(cell)
        ax.plot(rows["learning_rate"], rows["rmse"], MARKERS[name], color=COLOURS[name], markersize=3, alpha=0.5)
        mean = rows.groupby("learning_rate")["rmse"].mean()
        ax.plot(mean.index, mean, color=COLOURS[name], marker=MARKERS[name], markersize=4, label=LABELS[name])
        rate = float(chosen[chosen["cell"] == cell]["learning_rate"].iloc[0])
        ax.plot(rate, mean[rate], "o", markersize=11, color=COLOURS[name], markerfacecolor="none")
    rates = sorted(runs["learning_rate"].unique())
    ax.set(xscale="log", xlabel="learning rate", ylabel="RMSE, mg/dL")
    ax.set_xticks(rates, [f"{rate:g}" for rate in rates])
    ax.xaxis.set_minor_locator(NullLocator())
    fig.legend(loc="outside lower center", ncols=3)
    return fig
