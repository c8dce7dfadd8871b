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
from tasks import demand

HOURS = np.arange(demand.SLOTS) / 2
TITLES = {"all": "all four", **{name: name for name in SEASONS}}
MONTHS = {"all": "May–Dec", "autumn": "May", "winter": "Jun–Aug", "spring": "Sep–Nov", "summer": "Dec"}


def peak_table(runs: pd.DataFrame, base: pd.DataFrame) -> pd.DataFrame:
    """The day with the highest demand of each season as it was and as it was forecast, the networks by seed 0, in GW.

    Returns:
        One row a season, half-hour and model: `season`, `day` of the year, `hour`, `model`, `low`, `median`, `high`.
    """
    first = runs[(runs["seed"] == runs["seed"].min()) & (runs["match"] == "width")].set_index("cell")["curves"]
    curves = {"lstm": first["lstm"], "gru": first["gru"], "baseline": base.loc[best(base), "curves"]}
    real, tables = demand.load().demand, []
    for season in SEASONS:
        asked = demand.split(season, False)[1]
        day = int(asked[real[asked].max(1).argmax()])
        shown = {"yesterday": real[day - 1][:, None], "demand": real[day][:, None]}
        shown |= {model: np.array(each["peak"][season]) for model, each in curves.items()}
        for model, values in shown.items():  # of the median alone, or of three quantiles
            columns = {"low": values[:, 0], "median": values[:, values.shape[1] // 2], "high": values[:, -1]}
            tables.append(pd.DataFrame({"season": season, "day": day, "hour": HOURS, "model": model, **columns}))
    return pd.concat(tables, ignore_index=True)


def draw_peaks(table: pd.DataFrame, name: str) -> Figure:
    """A panel a season: the day, its forecasts (`name` is the best baseline), and the band between the outer quantiles."""
    styles: dict[str, dict[str, Any]] = {
        "yesterday": {"color": MUTED, "linewidth": 1, "linestyle": (0, (1, 1.2)), "label": "the day before"},
        "baseline": {"color": COLOURS["baseline"], "linewidth": 1.6, "linestyle": (0, (5, 2)), "label": name},
        "lstm": {"color": COLOURS["lstm"], "label": "LSTM, 5 to 95 %"},
        "gru": {"color": COLOURS["gru"], "label": "GRU, 5 to 95 %"},
        "demand": {"color": INK, "linewidth": 1.3, "label": "demand"},
    }
    fig, axes = plt.subplots(2, 2, figsize=(WIDTH, 5.4), sharex=True)
    for ax, (season, rows) in zip(axes.ravel(), table.groupby("season", sort=False), strict=True):
        lines = {model: own.set_index("hour") for model, own in rows.groupby("model")}
        for model, style in styles.items():
            own = lines[model]
            ax.fill_between(own.index, own["low"], own["high"], color=style["color"], alpha=0.16, linewidth=0)
            ax.plot(own["median"], **style)
        date = pd.Timestamp("2014-01-01") + pd.Timedelta(days=int(rows["day"].iloc[0]))
        warm = demand.load().temperature[int(rows["day"].iloc[0])]
        ax.set_title(f"{season}, {date.day} {date:%B}: {warm.min():.0f} to {warm.max():.0f} °C")
        off = {
            each: MEGAWATTS * (own["median"] - lines["demand"]["median"]).abs().mean() for each, own in lines.items()
        }
        told = f"error, MW: LSTM {off['lstm']:.0f},\nGRU {off['gru']:.0f}, {name} {off['baseline']:.0f}"
        ax.text(0.98, 0.03, told, transform=ax.transAxes, ha="right", va="bottom", fontsize=8, linespacing=1.35)
        ax.set(xlim=(0, 23.5), xticks=range(0, 25, 6))
    for ax in axes[-1]:
        ax.set_xlabel("hour of the day")
    for ax in axes[:, 0]:
        ax.set_ylabel("demand, GW")
    fig.legend(
        *axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=5, columnspacing=1.1, handlelength=2
    )
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
        ax.axvline(
            rows[rows["cell"] == "baseline"]["mae"].min(), color=MUTED, linewidth=1, linestyle=(0, (4, 2)), zorder=0
        )
        for place, name in enumerate(names):
            own = rows[rows["model"] == name]
            cell, match, mean = own["cell"].iloc[0], own["match"].iloc[0], own["mae"].mean()
            if cell == "baseline" and mean > edge:
                ax.text(edge, place, f"{mean:.0f} →", ha="right", va="center", fontsize=8)
            elif cell == "baseline":
                ax.plot(mean, place, MARKERS[cell], color=INK, markersize=5.5, markeredgewidth=1.5)
            else:
                face = COLOURS[cell] if match == "width" else PAPER
                spots: dict[str, Any] = {"marker": MARKERS[cell], "facecolors": face, "edgecolors": COLOURS[cell]}
                shift = np.linspace(-0.24, 0.24, len(own))
                ax.scatter(own["mae"], place + shift, s=12, linewidths=0.7, alpha=0.75, **spots)
                ax.plot([mean] * 2, [place - 0.38, place + 0.38], color=INK, linewidth=1.4)
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
        rows = 100 * table[(table["cell"] == cell) & (table["match"] == match)][["skill", "low", "high"]]
        off = np.abs(rows[["low", "high"]].sub(rows["skill"], axis=0).T)
        face = COLOURS[cell] if match == "width" else PAPER
        style: dict[str, Any] = {"color": COLOURS[cell], "markerfacecolor": face, "markersize": 5, "linewidth": 1.5}
        places = np.arange(len(rows)) + offset
        ax.errorbar(places, rows["skill"], off, fmt=MARKERS[cell], label=label(cell, match), **style)
    days = table.drop_duplicates("season").set_index("season")["days"]
    ax.set_xticks(range(len(TITLES)), [f"{TITLES[each]}\n{days[each]} days" for each in TITLES])
    ax.set_ylabel(f"skill against the {name}, %")
    ax.grid(axis="x", visible=False)
    fig.legend(loc="outside lower center", ncols=4)
    return fig


def draw_tuning(runs: pd.DataFrame, chosen: pd.DataFrame) -> Figure:
    """Mean error on the days held back before each season against the learning rate; the chosen rate has a ring."""
    fig, axes = plt.subplots(1, len(SEASONS), figsize=(WIDTH, 2.7), sharey=True, sharex=True)
    for ax, season in zip(axes, SEASONS, strict=True):
        for row in chosen[chosen["season"] == season].to_dict("records"):
            cell, rate = row["cell"], row["learning_rate"]
            own = (
                runs[(runs["season"] == season) & (runs["cell"] == cell)].set_index("learning_rate")["mae"] * MEGAWATTS
            )
            ax.plot(own, MARKERS[cell], color=COLOURS[cell], markersize=3, alpha=0.5)
            mean = own.groupby(level=0).mean()
            ax.plot(mean, color=COLOURS[cell], linewidth=1.5, label=LABELS[cell])
            ax.plot(rate, mean[rate], "o", markersize=9, color=COLOURS[cell], markerfacecolor="none")
        ax.set(xscale="log", xlabel="learning rate", title=f"before {season}")
    rates = sorted(runs["learning_rate"].unique())[::2]
    axes[0].set_xticks(rates, [f"{rate:g}".removeprefix("0") for rate in rates])
    axes[0].xaxis.set_minor_locator(NullLocator())
    axes[0].set_ylabel("error, MW")
    fig.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return fig
