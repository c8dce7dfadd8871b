"""Sentences of the chapter *applications/demand*, made from its runs. Intervals are over days unless they say otherwise."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from evidence.figures import LABELS
from evidence.format import NBSP, listed
from evidence.statistics import Interval, bootstrap
from evidence.verdicts import Verdict
from experiments.demand.analysis import (
    MEGAWATTS,
    MODELS,
    PLAIN,
    SEASONS,
    SETTINGS,
    best,
    by_day,
    day_difference,
    day_skill,
    difference,
    errors,
    part,
    pooled,
    skill,
)
from tasks.demand import FOLDS, load

NAMES = {
    "yesterday": "repeating yesterday",
    "last week": "repeating last week",
    "linear": "the linear model",
    "trees": "the boosted trees",
}

CELLS = ("lstm", "gru")
SAME = "neither errs clearly less"
SAME_STEP = "Neither side wins clearly"
NEITHER = "neither cell is clearly better or worse"


def numbers(
    runs: pd.DataFrame, base: pd.DataFrame, blind: pd.DataFrame, stepped: pd.DataFrame, every: pd.DataFrame
) -> Iterator[tuple[str, str]]:
    """Names and texts of what the prose quotes.

    Args:
        runs: day ahead. base: chosen baselines. blind: the same without the day's temperature.
        stepped: one step ahead. every: all baselines, those with other settings and one step ahead among them.
    """
    kind = best(base)
    for name, row in base.iterrows():
        yield f"mae-{str(name).replace(' ', '-')}", _mw(row["mae"])
    yield "best", NAMES[kind]
    for cell, match in MODELS:
        own = part(runs, cell, match)
        yield f"mae-{cell}-{match}", _mw(own["mae"].mean())
        yield f"parameters-{cell}-{match}", f"{own['parameters'].iloc[0]:,}"
        yield f"width-{cell}-{match}", str(own["width"].iloc[0])
    yield "cells", cells_text(runs)
    yield "served", served_text(runs, base)
    yield "gain", gain_text(runs, base)
    yield "seeds", seeds_text(runs, base)
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
    for match, name in (("width", "equal width"), ("parameters", "equal parameters")):
        seeds, days = difference(runs, match), day_difference(runs, match)
        low, high = (f"[{each.signed(1).partition('[')[2]}".replace(" ", NBSP) for each in (seeds, days))
        gap = f"{seeds.signed(1).partition(' ')[0]}{NBSP}MW, interval {low} over seeds and {high} over days"
        parts.append(f"at {name} {_who(seeds, days)} (GRU − LSTM: {gap})")
    return "Between the two cells: " + "; ".join(parts) + "."


def served_text(runs: pd.DataFrame, base: pd.DataFrame) -> str:
    """Whether each cell beats the best baseline, by the intervals over days, in one sentence."""
    found = {cell: _skill(runs, base, cell) for cell in CELLS}
    words = {cell: _place(each) for cell, each in found.items()}
    said = {cell: f"skill {percent(each)}" for cell, each in found.items()}
    start = f"The best forecast without a recurrent network comes from {NAMES[best(base)]}"
    if len(set(words.values())) == 1:
        both = {"ahead": "both cells beat it", "behind": "both cells lose to it", "open": NEITHER}[words["lstm"]]
        numbers = ", ".join(f"{LABELS[cell]} {percent(found[cell])}" for cell in CELLS)
        return f"{start}; {both} (skill, with intervals over days: {numbers})."
    one = {"ahead": "beats it", "behind": "loses to it", "open": "is not clearly better or worse"}
    parts = [f"the {LABELS[cell]} {one[words[cell]]} ({said[cell]})" for cell in CELLS]
    return f"{start}; {' and '.join(parts)}. The intervals are over days."


def gain_text(runs: pd.DataFrame, base: pd.DataFrame) -> str:
    """Whether the gain that was expected is there."""
    ahead = [cell for cell in CELLS if _place(_skill(runs, base, cell)) == "ahead"]
    if len(ahead) == len(CELLS):
        return "It is there."
    return f"Only the {LABELS[ahead[0]]} shows one." if ahead else "These days do not show it."


def seeds_text(runs: pd.DataFrame, base: pd.DataFrame) -> str:
    """The skills with the intervals over seeds on which the ledger's word rests."""
    reference = base.loc[best(base), "mae"]
    return ", ".join(f"{LABELS[c]} {percent(bootstrap(skill(runs, c, 'width', reference)))}" for c in CELLS)


def advice(runs: pd.DataFrame, base: pd.DataFrame) -> str:
    """What a practitioner should do, by the skill found and by the difference of the cells."""
    if all(_place(_skill(runs, base, cell)) == "ahead" for cell in CELLS):
        then = "then try either cell, and keep the network if it errs less on your own last season"
    else:
        then = "and stay with it unless a network errs less on your own last season"
    words = {_who(difference(runs, match), day_difference(runs, match)) for match in ("width", "parameters")}
    pick = "Pick between LSTM and GRU by what you already run: these runs do not rank them."
    if len(words) == 1 and words != {SAME}:
        pick = f"Between LSTM and GRU, {words.pop()} here, at equal width and at equal parameters."
    elif words != {SAME}:
        pick = "Between LSTM and GRU, the answer here depends on what is held equal: try both."
    return f"Forecasting a day ahead with the weather? Build {NAMES[best(base)]} first, {then}. {pick}"


def seasons_text(runs: pd.DataFrame, base: pd.DataFrame) -> str:
    """In which seasons the networks are ahead, by the intervals over days, and where another baseline beats them all."""
    groups: dict[str, list[str]] = {"ahead": [], "behind": [], "open": []}
    parts = []
    for season in SEASONS:
        words = {cell: _place(_skill(runs, base, cell, season)) for cell in CELLS}
        if len(set(words.values())) == 1:
            groups[words["lstm"]].append(season)
        else:
            told = {"ahead": "is ahead", "behind": "is behind", "open": "is level with it"}
            each = " and ".join(f"the {LABELS[cell]} {told[word]}" for cell, word in words.items())
            parts.append(f"in {season} {each}")
    name = NAMES[best(base)]
    if groups["ahead"]:
        parts.append(f"both cells are clearly ahead of {name} in {listed(groups['ahead'])}")
    if groups["behind"]:
        parts.append(f"both cells are clearly behind {name} in {listed(groups['behind'])}")
    if groups["open"]:
        parts.append(f"in {listed(groups['open'])} the intervals over days of both cells hold zero")
    text = "; ".join(parts)
    return f"{text[0].upper()}{text[1:]}.{rivals_text(runs, base)}"


def rivals_text(runs: pd.DataFrame, base: pd.DataFrame) -> str:
    """Seasons in which a baseline that is not the best of the year errs less than every network; empty where none does."""
    means = errors(runs, base).groupby(["season", "cell", "model"])["mae"].mean()
    parts = []
    for season in SEASONS:
        plain = means[season, "baseline"].drop(PLAIN[best(base)])
        if plain.min() < means[season].drop("baseline").min():
            kind = next(kind for kind, name in PLAIN.items() if name == plain.idxmin())
            parts.append(f"in {season} ({NAMES[kind]}, {plain.min():.0f}{NBSP}MW)")
    return f" Another baseline errs less than every network {listed(parts)}." if parts else ""


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
    kind = best(base) if best(base) in blind.index else str(blind["mae"].idxmin())
    weather = blind.loc[kind, "mae"] - base.loc[kind, "mae"]
    cell = difference(runs, "width").estimate / MEGAWATTS
    word = "more" if weather > abs(cell) else "less"
    does = "saves" if weather >= 0 else "costs"
    return (
        f"The day's temperature is worth {word} than the cell: it {does} {NAMES[kind]} {_mw(abs(weather), 0)}, while the two "
        f"cells differ by {_mw(abs(cell))} at equal width."
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

    def told(name: str, loss: float, share: float) -> str:
        return f"{name} {MEGAWATTS * loss:.1f}{NBSP}MW and {100 * share:.0f}{NBSP}%"

    own = {cell: part(runs, cell)[["pinball", "covered"]].mean() for cell in CELLS}
    parts = [told(LABELS[cell], *row) for cell, row in own.items()]
    trees = told("boosted trees", *base.loc["trees", ["pinball", "covered"]])
    shares = [part(runs, cell)["covered"].mean() for cell in CELLS]
    narrow = max(shares) < 0.85
    comment = (
        "The bands of both networks are too narrow: widen them on days held back before anyone relies on them."
        if narrow
        else "Check the coverage on days of your own before anyone relies on such a band."
    )
    return f"Pinball loss and share inside: {'; '.join([*parts, trees])}. {comment}"


def step_text(stepped: pd.DataFrame, every: pd.DataFrame) -> str:
    """Who wins one step ahead."""
    plain = every.set_index("kind")["mae"]
    parts, words = [], set()
    for cell in CELLS:
        interval = _step_skill(stepped, every, cell)
        words.add(_place(interval))
        error = part(stepped, cell)["mae"].mean()
        parts.append(f"the {LABELS[cell]} by {_mw(error)} (skill against the autoregression {percent(interval)})")
    word = {"behind": "The linear model wins", "ahead": "Both networks beat the linear model"}
    end = word.get(words.pop(), SAME_STEP) if len(words) == 1 else SAME_STEP
    return (
        f"Repeating the last half-hour errs by {_mw(plain['persistence'])}, a linear autoregression by "
        f"{_mw(plain['autoregression'])}, {' and '.join(parts)}. {end}."
    )


def step_advice(stepped: pd.DataFrame, every: pd.DataFrame) -> str:
    """What to take one step ahead."""
    ahead = [cell for cell in CELLS if _place(_step_skill(stepped, every, cell)) == "ahead"]
    if not ahead:
        return "Take the linear autoregression."
    return f"Try the linear autoregression first, then the {' or the '.join(LABELS[cell] for cell in ahead)}."


def sentence(runs: pd.DataFrame, base: pd.DataFrame, verdict: Verdict) -> str:
    """What the verdict says to a reader who has to choose."""
    return f"Day-ahead electricity demand, skill against {NAMES[best(base)]}: {seeds_text(runs, base)}."


def _skill(runs: pd.DataFrame, base: pd.DataFrame, cell: str, season: str | None = None) -> Interval:
    errs = by_day(part(runs, cell)["curves"], season)
    return day_skill(errs, by_day([base.loc[best(base), "curves"]], season))


def _step_skill(stepped: pd.DataFrame, every: pd.DataFrame, cell: str) -> Interval:
    line = every.loc[every["kind"] == "autoregression", "curves"].iloc[0]["day"]
    return day_skill(np.mean([each["day"] for each in part(stepped, cell)["curves"]], axis=0), np.array(line))


def _place(found: Interval) -> str:
    return "ahead" if found.low > 0 else "behind" if found.high < 0 else "open"


def _who(*found: Interval) -> str:
    if all(each.low > 0 for each in found):
        return "the LSTM errs less"
    return "the GRU errs less" if all(each.high < 0 for each in found) else SAME


def _mw(value: float, digits: int | None = None) -> str:
    digits = (0 if value >= 0.1 else 1) if digits is None else digits
    return f"{MEGAWATTS * value:.{digits}f}{NBSP}MW"


def percent(found: Interval) -> str:
    """A skill with its interval, such as `−1 [−6, 4] %`."""
    values = (
        f"{100 * each:.0f}".replace("-0", "0").replace("-", "−") for each in (found.estimate, found.low, found.high)
    )
    return "{}_[{},_{}]_%".format(*values).replace("_", NBSP)
