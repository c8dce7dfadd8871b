"""Sentences, captions and descriptions of the chapter *applications/demand*, made from its runs."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from gatedrnn.analyses.demand import (
    MEGAWATTS,
    MODELS,
    PLAIN,
    SEASONS,
    SETTINGS,
    best,
    by_day,
    day_skill,
    difference,
    label,
    part,
    pooled,
    skill,
)
from gatedrnn.figures import LABELS
from gatedrnn.statistics import Interval, bootstrap
from gatedrnn.tasks.demand import FOLDS, load
from gatedrnn.verdicts import Verdict

NAMES = {
    "yesterday": "repeating yesterday",
    "last week": "repeating last week",
    "linear": "the linear model",
    "trees": "the boosted trees",
}


def numbers(
    runs: pd.DataFrame, base: pd.DataFrame, blind: pd.DataFrame, stepped: pd.DataFrame, every: pd.DataFrame
) -> Iterator[tuple[str, str]]:
    """Names and texts of what the prose quotes.

    Args:
        runs: day ahead. base: chosen baselines. blind: the same without the day's temperature.
        stepped: one step ahead. every: all baselines, those with other settings and one step ahead among them.
    """
    kind = best(base)
    reference = base.loc[kind, "mae"]
    for name, row in base.iterrows():
        yield f"mae-{str(name).replace(' ', '-')}", _mw(row["mae"])
    yield "best", PLAIN[kind]
    for cell, size in MODELS:
        own = part(runs, cell, size)
        yield f"mae-{cell}-{size}", _mw(own["mae"].mean())
        yield f"skill-{cell}-{size}", _percent(bootstrap(skill(runs, cell, size, reference)))
        yield f"covered-{cell}-{size}", f"{100 * own['covered'].mean():.0f} %"
        yield f"parameters-{cell}-{size}", f"{own['parameters'].iloc[0]:,}"
        yield f"width-{cell}-{size}", str(own["width"].iloc[0])
    yield "covered-trees", f"{100 * base.loc['trees', 'covered']:.0f} %"
    yield "cells", cells_text(runs)
    yield "served", served_text(runs, reference, NAMES[kind])
    yield "seasons", seasons_text(runs, base)
    yield "weather", weather_text(base, blind)
    yield "worth", worth_text(runs, base, blind)
    yield "hindsight", hindsight_text(every, base)
    yield "advice", advice(runs, base)
    yield "quantiles", quantiles_text(runs, base)
    yield "mean", f"{np.concatenate([load().demand[fold.first : fold.end] for fold in FOLDS]).mean():.1f} GW"
    yield "step-advice", step_advice(stepped, every)
    yield "step", step_text(stepped, every)


def cells_text(runs: pd.DataFrame) -> str:
    """Which of the two cells errs less, at equal width and at equal parameters."""
    parts = []
    for size, name in (("width", "equal width"), ("parameters", "equal parameters")):
        found = difference(runs, size)
        parts.append(f"at {name} {_who(found)} ({found.signed(1)} MW, GRU − LSTM)")
    return "Between the two cells: " + "; ".join(parts) + "."


def served_text(runs: pd.DataFrame, reference: float, name: str) -> str:
    """Whether each cell beats the best baseline, in one sentence."""
    parts = []
    for cell in ("lstm", "gru"):
        found = bootstrap(skill(runs, cell, "width", reference))
        word = "beats" if found.low > 0 else "loses to" if found.high < 0 else "is not clearly better or worse than"
        parts.append(f"the {LABELS[cell]} {word} it (skill {_percent(found)})")
    return f"The best forecast without a recurrent network comes from {name}; {' and '.join(parts)}."


def advice(runs: pd.DataFrame, base: pd.DataFrame) -> str:
    """What a practitioner should do, by the skill found."""
    kind = best(base)
    found = [bootstrap(skill(runs, cell, "width", base.loc[kind, "mae"])) for cell in ("lstm", "gru")]
    if all(each.low > 0 for each in found):
        then = "then try either cell, and keep the network if it errs less on your own last season"
    else:
        then = "and stay with it unless a network errs less on your own last season"
    return f"Forecasting a day ahead with the weather? Build {NAMES[kind]} first, {then}."


def seasons_text(runs: pd.DataFrame, base: pd.DataFrame) -> str:
    """In which seasons the networks are ahead, by the intervals over days."""
    kind = best(base)
    groups: dict[str, list[str]] = {"ahead": [], "behind": [], "open": []}
    for season in SEASONS:
        found = [
            day_skill(by_day(part(runs, cell)["curves"], season), by_day([base.loc[kind, "curves"]], season))
            for cell in ("lstm", "gru")
        ]
        ahead, behind = all(each.low > 0 for each in found), all(each.high < 0 for each in found)
        groups["ahead" if ahead else "behind" if behind else "open"].append(season)
    parts = [
        f"both cells are ahead of {NAMES[kind]} in {_and(groups['ahead'])}" if groups["ahead"] else "",
        f"both are behind in {_and(groups['behind'])}" if groups["behind"] else "",
        f"in {_and(groups['open'])} the interval of at least one cell crosses zero" if groups["open"] else "",
    ]
    text = "; ".join(each for each in parts if each)
    return f"{text[0].upper()}{text[1:]}."


def weather_text(base: pd.DataFrame, blind: pd.DataFrame) -> str:
    """What the perfect weather forecast is worth to the baselines."""
    parts = []
    for kind, name in (("trees", "the boosted trees"), ("linear", "the linear model")):
        before, after = blind.loc[kind, "mae"], base.loc[kind, "mae"]
        harm = ": it extrapolates from temperatures that it has hardly seen" if after >= before else ""
        parts.append(f"{name} err by {_mw(before)} without it and by {_mw(after)} with it{harm}")
    return "; ".join(parts).replace("model err", "model errs")


def worth_text(runs: pd.DataFrame, base: pd.DataFrame, blind: pd.DataFrame) -> str:
    """The weather beside the choice of the cell."""
    weather = blind.loc["trees", "mae"] - base.loc["trees", "mae"]
    cell = difference(runs, "width").estimate / MEGAWATTS
    word = "more" if weather > abs(cell) else "less"
    return (
        f"The day's temperature is worth {word} than the cell: it saves the trees {_mw(weather)}, while the two cells differ "
        f"by {_mw(abs(cell))} at equal width."
    )


def hindsight_text(every: pd.DataFrame, base: pd.DataFrame) -> str:
    """What the baselines would have reached with the setting that turned out best."""
    rows = every[every["weather"] & every["kind"].isin(list(SETTINGS))]
    least = rows.loc[rows.groupby(["kind", "season"])["mae"].idxmin()]
    found = pooled(least, ["kind"]).set_index("kind")["mae"]
    parts = [f"{_mw(found[kind])} instead of {_mw(base.loc[kind, 'mae'])} for {NAMES[kind]}" for kind in SETTINGS]
    return (
        "With the settings that turned out best, which nobody could know, the error would be "
        + " and ".join(parts)
        + "."
    )


def quantiles_text(runs: pd.DataFrame, base: pd.DataFrame) -> str:
    """Pinball losses and coverage beside those of the trees."""
    parts = [
        f"{LABELS[cell]} {MEGAWATTS * part(runs, cell)['pinball'].mean():.1f} MW and "
        f"{100 * part(runs, cell)['covered'].mean():.0f} %"
        for cell in ("lstm", "gru")
    ]
    trees = f"boosted trees {MEGAWATTS * base.loc['trees', 'pinball']:.1f} MW and {100 * base.loc['trees', 'covered']:.0f} %"
    shares = [part(runs, cell)["covered"].mean() for cell in ("lstm", "gru")]
    narrow = max(shares) < 0.85
    comment = (
        "The bands of both networks are too narrow: widen them on days held back before anyone relies on them."
        if narrow
        else "Check the coverage on days of your own before anyone relies on such a band."
    )
    return f"Pinball loss and share inside: {'; '.join([*parts, trees])}. {comment}"


def step_text(stepped: pd.DataFrame, every: pd.DataFrame) -> str:
    """Who wins one step ahead."""
    line = every[every["kind"] == "autoregression"]["mae"].iloc[0]
    still = every[every["kind"] == "persistence"]["mae"].iloc[0]
    parts, found = [], []
    for cell in ("lstm", "gru"):
        interval = bootstrap(skill(stepped, cell, "width", line))
        found.append(interval)
        error = part(stepped, cell)["mae"].mean()
        parts.append(f"the {LABELS[cell]} {_mw(error)} (skill against the autoregression {_percent(interval)})")
    word = "The linear model wins" if all(each.high < 0 for each in found) else "Neither side wins clearly"
    word = "Both networks beat the linear model" if all(each.low > 0 for each in found) else word
    return (
        f'The error of "as now" is {_mw(still)}, that of the linear autoregression {_mw(line)}, that of '
        f"{' and that of '.join(parts)}. {word}."
    )


def step_advice(stepped: pd.DataFrame, every: pd.DataFrame) -> str:
    """What to take one step ahead."""
    line = every[every["kind"] == "autoregression"]["mae"].iloc[0]
    ahead = [cell for cell in ("lstm", "gru") if bootstrap(skill(stepped, cell, "width", line)).low > 0]
    if not ahead:
        return "Take the linear autoregression."
    return f"Try the linear autoregression first, then the {' or the '.join(LABELS[cell] for cell in ahead)}."


def sentence(runs: pd.DataFrame, base: pd.DataFrame, verdict: Verdict) -> str:
    """What the verdict says to a reader who has to choose."""
    kind = best(base)
    parts = [
        f"{LABELS[cell]} {_percent(bootstrap(skill(runs, cell, 'width', base.loc[kind, 'mae'])))}"
        for cell in ("lstm", "gru")
    ]
    return f"Day-ahead electricity demand, skill against {NAMES[kind]}: {', '.join(parts)}."


def errors_caption(table: pd.DataFrame, seeds: int) -> str:
    """Caption of the figure of errors."""
    days = "all days from May to December, and each season"
    return (
        f"Mean absolute error of the day-ahead forecast over {days}. Crosses: no recurrent network; dots: {seeds} seeds of each "
        "network, hollow at equal parameters; bars: their means. Dashed: the best baseline of the panel. "
        f"Every model knows the day's temperature but the two that repeat a day, which know none."
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
        f"Share of the error of {NAMES[best(base)]} that a network saves, its seeds averaged day by day. Bars are 95 % intervals "
        "over days, drawn with replacement; neighbouring days are alike, so they are rather too short."
    )


def skills_alt(table: pd.DataFrame) -> str:
    """The figure of skills in words."""
    parts = [
        f"{label(row.cell, row.size_)} {row.season} {_percent(Interval(row.skill, row.low, row.high))}"
        for row in table.rename(columns={"size": "size_"}).itertuples()
    ]
    return "Skill with intervals over days. " + "; ".join(parts) + "."


def peaks_caption(name: str) -> str:
    """Caption of the figure of forecasts."""
    return (
        "The day with the highest demand of each season, as forecast at its midnight: the hardest days, chosen by that rule and "
        f"not by how they look. Bands: from the 5 % to the 95 % quantile of one seed. Dashed: the best baseline, {name}. Dotted: "
        "what happened the day before."
    )


def peaks_alt(table: pd.DataFrame) -> str:
    """The figure of forecasts in words."""
    parts = []
    for season, rows in table.groupby("season", sort=False):
        wide = rows.pivot(index="hour", columns="model", values="median")
        misses = (wide[["lstm", "gru", "baseline", "yesterday"]].sub(wide["demand"], axis=0)).abs().mean()
        said = ", ".join(f"{LABELS.get(str(name), name)} {MEGAWATTS * value:.0f}" for name, value in misses.items())
        parts.append(f"{season}, peak {wide['demand'].max():.1f} GW, mean error in MW: {said}")
    return "Demand over four days and its forecasts. " + "; ".join(parts) + "."


def tuning_alt(best_rates: pd.DataFrame) -> str:
    """The figure of learning rates in words."""
    parts = [f"{LABELS[row['cell']]} {row['season']} {row['learning_rate']:g}" for row in best_rates.to_dict("records")]
    return (
        "Mean absolute error before each season against the learning rate; the best rates are " + ", ".join(parts) + "."
    )


def _who(found: Interval) -> str:
    if found.low > 0:
        return "the LSTM errs less"
    return "the GRU errs less" if found.high < 0 else "no difference is certain"


def _mw(value: float) -> str:
    return f"{MEGAWATTS * value:.0f} MW" if value >= 0.1 else f"{MEGAWATTS * value:.1f} MW"


def _percent(found: Interval) -> str:
    values = (f"{100 * each:.0f}".replace("-", "−") for each in (found.estimate, found.low, found.high))
    return "{} [{}, {}] %".format(*values)


def _and(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
