"""Captions and descriptions of the figures of the chapter *applications/demand*, made from what they show."""

from __future__ import annotations

import pandas as pd

from evidence.figures import LABELS
from evidence.statistics import Interval
from experiments.demand.analysis import MEGAWATTS, SEASONS, best, label
from experiments.demand.generated.words import NAMES, percent


def errors_caption(table: pd.DataFrame, seeds: int) -> str:
    """Caption of the figure of errors."""
    days = "all days from May to December, and each season"
    return (
        f"Mean absolute error of the day-ahead forecast over {days}. Crosses: no recurrent network; dots: {seeds} seeds of each "
        "network, hollow at equal parameters; bars: their means. Dashed: the best baseline of the panel. "
        "An arrow points to an error beyond the edge, its number beside it. Every model knows the day's temperature but the two "
        "that repeat a day, which know none."
    )


def errors_alt(table: pd.DataFrame) -> str:
    """The figure of errors in words."""
    means = table.groupby(["season", "model"], sort=False)["mae"].mean()
    parts = [
        f"{season}: " + ", ".join(f"{model} {value:.0f}" for model, value in means[season].items())
        for season in ("all", *SEASONS)
    ]
    return (
        "Dot plots of the mean absolute error in MW, one panel for all days and one a season. " + "; ".join(parts) + "."
    )


def skills_caption(base: pd.DataFrame) -> str:
    """Caption of the figure of skills."""
    return (
        f"Share of the error of {NAMES[best(base)]} that a network saves, its seeds averaged day by day; the same baseline in all "
        "seasons. Bars are 95 % intervals over days, drawn with replacement; neighbouring days are alike, so they are rather too "
        "short."
    )


def skills_alt(table: pd.DataFrame) -> str:
    """The figure of skills in words."""
    parts = [
        f"{label(row.cell, row.size_)} {row.season} {percent(Interval(row.skill, row.low, row.high))}"
        for row in table.rename(columns={"match": "size_"}).itertuples()
    ]
    return "Skill with intervals over days. " + "; ".join(parts) + "."


def peaks_caption(name: str) -> str:
    """Caption of the figure of forecasts."""
    return (
        "The day with the highest demand of each season, as forecast at its midnight: chosen by that rule, so not necessarily the "
        "hardest day, nor a typical one. Bands: from the 5 % to the 95 % quantile of one seed. Dashed: the best baseline over all "
        f"days, {name}. Dotted: what happened the day before. In each panel: mean absolute error of that day."
    )


def peaks_alt(table: pd.DataFrame) -> str:
    """The figure of forecasts in words."""
    parts = []
    for season, rows in table.groupby("season", sort=False):
        wide = rows.pivot(index="hour", columns="model", values="median")
        misses = peak_errors(rows)
        said = ", ".join(f"{LABELS.get(str(name), name)} {MEGAWATTS * value:.0f}" for name, value in misses.items())
        parts.append(f"{season}, peak {wide['demand'].max():.1f} GW, mean error in MW: {said}")
    return "Demand over four days and its forecasts. " + "; ".join(parts) + "."


def peak_errors(rows: pd.DataFrame) -> pd.Series:
    """Mean absolute error in GW over one day of `plots.demand.peak_table`, by model."""
    wide = rows.pivot(index="hour", columns="model", values="median")
    return wide[["lstm", "gru", "baseline", "yesterday"]].sub(wide["demand"], axis=0).abs().mean()


def tuning_alt(best_rates: pd.DataFrame) -> str:
    """The figure of learning rates in words."""
    parts = [f"{LABELS[row['cell']]} {row['season']} {row['learning_rate']:g}" for row in best_rates.to_dict("records")]
    return (
        "Mean absolute error before each season against the learning rate; the best rates are " + ", ".join(parts) + "."
    )
