"""Figures of the chapter *applications/demand*."""

from __future__ import annotations

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from evidence.figures import COLOURS, FAINT, INK, LABELS, MARKERS, MUTED, PAPER, WIDTH
from experiments.demand.analysis import MEGAWATTS, MODELS, PLAIN, SEASONS, best, label
from experiments.demand.generated.captions import peak_errors
from tasks import demand

HOURS = np.arange(demand.SLOTS) / 2
TITLES = {"all": "all four", **{name: name for name in SEASONS}}
MONTHS = {"all": "May–Dec", "autumn": "May", "winter": "Jun–Aug", "spring": "Sep–Nov", "summer": "Dec"}


def peak_table(runs: pd.DataFrame, base: pd.DataFrame) -> pd.DataFrame:
    """The day with the highest demand of each season as it was and as it was forecast, the networks by seed 0, in GW.

    Returns:
        One row a season, half-hour and model: `season`, `day` of the year, `hour`, `model`, `low`, `median`, `high`.
    """
    tables = []
    first = runs[(runs["seed"] == runs["seed"].min()) & (runs["match"] == "width")].set_index("cell")["curves"]
    for season in SEASONS:
        asked = demand.split(season, False)[1]
        real = demand.load().demand
        day = int(asked[real[asked].max(1).argmax()])
        quantiles = {cell: np.array(first[cell]["peak"][season]) for cell in ("lstm", "gru")}
        line = np.array(base.loc[best(base), "curves"]["peak"][season])
        quantiles["baseline"] = np.repeat(line[:, [line.shape[1] // 2]], 3, 1)
        quantiles |= {
            "demand": np.repeat(real[day][:, None], 3, 1),
            "yesterday": np.repeat(real[day - 1][:, None], 3, 1),
        }
        for model, values in quantiles.items():
            columns = dict(zip(("low", "median", "high"), values.T, strict=True))
            tables.append(pd.DataFrame({"season": season, "day": day, "hour": HOURS, "model": model, **columns}))
    return pd.concat(tables, ignore_index=True)


def draw_peaks(table: pd.DataFrame, name: str) -> Figure:
    """A panel a season: the day, its forecasts (`name` is the best baseline), and the band between the outer quantiles."""
    fig, axes = plt.subplots(2, 2, figsize=(WIDTH, 5.4), sharex=True)
    for ax, season in zip(axes.ravel(), SEASONS, strict=True):
        rows = table[table["season"] == season]
        lines = {model: own.set_index("hour") for model, own in rows.groupby("model")}
        ax.plot(lines["yesterday"]["median"], color=MUTED, linewidth=1, linestyle=(0, (1, 1.2)))
        ax.plot(lines["baseline"]["median"], color=COLOURS["baseline"], linewidth=1.6, linestyle=(0, (5, 2)))
        for cell in ("lstm", "gru"):
            own = lines[cell]
            ax.fill_between(own.index, own["low"], own["high"], color=COLOURS[cell], alpha=0.16, linewidth=0)
            ax.plot(own["median"], color=COLOURS[cell], linewidth=1.8)
        ax.plot(lines["demand"]["median"], color=INK, linewidth=1.3)
        date = pd.Timestamp("2014-01-01") + pd.Timedelta(days=int(rows["day"].iloc[0]))
        warm = demand.load().temperature[int(rows["day"].iloc[0])]
        ax.set_title(f"{season}, {date.day} {date:%B}: {warm.min():.0f} to {warm.max():.0f} °C")
        off = MEGAWATTS * peak_errors(rows)
        told = f"error, MW: LSTM {off['lstm']:.0f},\nGRU {off['gru']:.0f}, {name} {off['baseline']:.0f}"
        ax.text(0.98, 0.03, told, transform=ax.transAxes, ha="right", va="bottom", fontsize=8, linespacing=1.35)
        ax.set(xlim=(0, 23.5))
        ax.set_xticks(range(0, 25, 6))
    for ax in axes[-1]:
        ax.set_xlabel("hour of the day")
    for ax in axes[:, 0]:
        ax.set_ylabel("demand, GW")
    handles = [plt.Line2D([], [], color=INK, linewidth=1.3, label="demand")]
    handles += [plt.Line2D([], [], color=COLOURS[cell], label=f"{LABELS[cell]}, 5 to 95 %") for cell in ("lstm", "gru")]
    style: dict[str, Any] = {"color": COLOURS["baseline"], "linestyle": (0, (5, 2)), "label": name}
    handles.append(plt.Line2D([], [], **style))
    handles.append(plt.Line2D([], [], color=MUTED, linewidth=1, linestyle=(0, (1, 1.2)), label="the day before"))
    fig.legend(handles=handles, loc="outside lower center", ncols=5, columnspacing=1.1, handlelength=2)
    return fig


def draw_errors(table: pd.DataFrame) -> Figure:
    """Mean absolute error by model, a panel a season: crosses for baselines, a dot a seed and a bar at their mean.

    The axis ends where all but the forecasts that repeat a day end; an arrow with a number stands for an error beyond it.
    """
    names = [*PLAIN.values(), *(label(*model) for model in reversed(MODELS))]
    fig, axes = plt.subplots(1, len(TITLES), figsize=(WIDTH, 3.5), sharey=True, sharex=True)
    edge = 1.02 * table.loc[~table["model"].isin([PLAIN["yesterday"], PLAIN["last week"]]), "mae"].max()
    for ax, season in zip(axes, TITLES, strict=True):
        rows = table[table["season"] == season]
        least = rows[rows["cell"] == "baseline"]["mae"].min()
        ax.axvline(least, color=MUTED, linewidth=1, linestyle=(0, (4, 2)), zorder=0)
        for place, name in enumerate(names):
            own = rows[rows["model"] == name]
            cell, match = own["cell"].iloc[0], own["match"].iloc[0]
            if cell == "baseline":
                if (value := own["mae"].iloc[0]) <= edge:
                    ax.plot(value, place, MARKERS[cell], color=INK, markersize=5.5, markeredgewidth=1.5)
                else:
                    ax.text(edge, place, f"{value:.0f} →", ha="right", va="center", fontsize=8)
                continue
            shift = np.linspace(-0.24, 0.24, len(own)) if len(own) > 1 else np.zeros(1)
            face = COLOURS[cell] if match == "width" else PAPER
            spots: dict[str, Any] = {"s": 12, "marker": MARKERS[cell], "facecolors": face, "edgecolors": COLOURS[cell]}
            ax.scatter(own["mae"], place + shift, linewidths=0.7, alpha=0.75, **spots)
            ax.plot([own["mae"].mean()] * 2, [place - 0.38, place + 0.38], color=INK, linewidth=1.4)
        ax.set_title(f"{TITLES[season]}\n{MONTHS[season]}", loc="center")
    axes[0].set_xlim(0.9 * table["mae"].min(), edge)
    axes[0].set_yticks(range(len(names)), [name.replace(", ", ",\n") for name in names])
    axes[0].set_ylim(len(names) - 0.4, -0.6)
    fig.supxlabel("mean absolute error, MW", fontsize=9)
    return fig


def draw_skills(table: pd.DataFrame, name: str) -> Figure:
    """Skill against the best baseline over all days, `name`, by season, with intervals over days."""
    fig, ax = plt.subplots(figsize=(WIDTH * 0.8, 3.1))
    ax.axhline(0, color=MUTED, linewidth=1)
    ax.axvline(0.5, color=FAINT, linewidth=1)
    for offset, (cell, match) in zip((-0.24, -0.08, 0.08, 0.24), MODELS, strict=True):
        rows = table[(table["cell"] == cell) & (table["match"] == match)].set_index("season").loc[list(TITLES)]
        x, y = np.arange(len(rows)) + offset, 100 * rows["skill"]
        off = np.abs(np.vstack([100 * rows["low"] - y, 100 * rows["high"] - y]))
        style: dict[str, Any] = {
            "color": COLOURS[cell],
            "markerfacecolor": COLOURS[cell] if match == "width" else PAPER,
        }
        ax.errorbar(x, y, off, fmt=MARKERS[cell], markersize=5, linewidth=1.5, label=label(cell, match), **style)
    days = table.drop_duplicates("season").set_index("season")["days"]
    ax.set_xticks(range(len(TITLES)), [f"{TITLES[each]}\n{days[each]} days" for each in TITLES])
    ax.set_ylabel(f"skill against the {name}, %")
    ax.grid(axis="x", visible=False)
    fig.legend(loc="outside lower center", ncols=4)
    return fig


def draw_tuning(runs: pd.DataFrame, chosen: pd.DataFrame) -> Figure:
    """Mean error on the days held back before each season against the learning rate; the chosen rate has a ring."""
    fig, axes = plt.subplots(1, len(SEASONS), figsize=(WIDTH, 2.7), sharey=True, sharex=True)
    rates = sorted(runs["learning_rate"].unique())
    for ax, season in zip(axes, SEASONS, strict=True):
        for cell, rows in runs[runs["season"] == season].groupby("cell", sort=False):
            name = str(cell)
            spots: dict[str, Any] = {"color": COLOURS[name], "markersize": 3, "alpha": 0.5}
            ax.plot(rows["learning_rate"], 1000 * rows["mae"], MARKERS[name], **spots)
            mean = 1000 * rows.groupby("learning_rate")["mae"].mean()
            ax.plot(mean.index, mean, color=COLOURS[name], linewidth=1.5, label=LABELS[name])
            row = chosen[(chosen["cell"] == cell) & (chosen["season"] == season)].iloc[0]
            rate = float(row["learning_rate"])
            ax.plot(rate, mean[rate], "o", markersize=9, color=COLOURS[name], markerfacecolor="none")
        ax.set(xscale="log", xlabel="learning rate", title=f"before {season}")
        ax.set_xticks(rates[::2], [f"{rate:g}".removeprefix("0") for rate in rates[::2]])
        ax.xaxis.set_minor_locator(NullLocator())
    axes[0].set_ylabel("error, MW")
    fig.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return fig
