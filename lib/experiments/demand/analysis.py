"""From the runs of the chapter *applications/demand* to its tables, intervals and evidence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from IPython.display import Markdown

from evidence.blocks import over_time
from evidence.figures import LABELS
from evidence.format import NBSP
from evidence.significance import t_test
from evidence.statistics import Interval, paired_difference
from evidence.verdicts import Evidence
from tasks.demand import FOLDS

SEASONS = tuple(fold.name for fold in FOLDS)
PLAIN = {
    "yesterday": "yesterday again",
    "last week": "last week again",
    "linear": "linear model",
    "trees": "boosted trees",
}
MODELS = (("lstm", "width"), ("gru", "width"), ("gru", "parameters"), ("rnn", "width"))
SETTINGS = {"linear": (0.03, 0.1, 0.3, 1.0, 3.0, 10.0), "trees": (8.0, 16.0, 31.0)}
"""What is tried: penalties of the linear model, leaves of the trees."""
FIRST = "last week"
"""What a practitioner would try first."""
TOGETHER = 3
"""Neighbouring days that are drawn together: weather lasts."""
NEAR = "spring"
"""Season that is forecast one step ahead."""
MEGAWATTS = 1000
"""In a gigawatt."""


def label(cell: str, match: str = "width") -> str:
    """How a network is called in tables and figures."""
    return LABELS[cell] if match == "width" else f"{LABELS[cell]}, equal parameters"


def baseline_grid(rounds: int) -> list[dict[str, Any]]:
    """Settings of the baselines that are compared on the days held back before each season."""
    fixed = {"tuning": True, "rounds": rounds}
    tries = [(kind, value) for kind, values in SETTINGS.items() for value in values]
    return [{"kind": kind, "setting": value, "season": season, **fixed} for kind, value in tries for season in SEASONS]


def chosen(tried: pd.DataFrame) -> dict[tuple[str, str], float]:
    """Setting with the least error on the days held back, by kind and season."""
    best = tried.loc[tried.groupby(["kind", "season"])["mae"].idxmin()]
    return dict(zip(zip(best["kind"], best["season"], strict=True), best["setting"], strict=True))


def season_grid(settings: Mapping[tuple[str, str], float], rounds: int) -> list[dict[str, Any]]:
    """The baselines that forecast the seasons: every setting with the day's temperature, the chosen ones without it too,
    the chosen trees with quantiles, and the two one step ahead."""
    points: list[dict[str, Any]] = []
    for season in SEASONS:
        points += [{"kind": kind, "season": season} for kind in ("yesterday", "last week")]
        for kind, values in SETTINGS.items():
            best = settings[kind, season]
            for value in values:
                quantiles = kind == "trees" and value == best
                points.append({"kind": kind, "season": season, "setting": value, "quantiles": quantiles})
            points.append({"kind": kind, "season": season, "setting": best, "weather": False})
    points += [{"kind": kind, "season": NEAR} for kind in ("persistence", "autoregression")]
    return [{**point, "rounds": rounds} for point in points]


def pooled(rows: pd.DataFrame, keys: Sequence[str]) -> pd.DataFrame:
    """Seasons put together: one row a group, scores averaged over days; under `curves` the errors of the days of each
    season by its name, and `peak` by season where a run kept it.
    """
    found = []
    for key, part in rows.groupby(list(keys), sort=False):
        row = dict(zip(keys, key if isinstance(key, tuple) else (key,), strict=True))
        for name in ("mae", "pinball", "covered"):
            if name in part and part[name].notna().all():
                row[name] = float(np.average(part[name], weights=part["days"]))
        row |= {name: part[name].iloc[0] for name in ("width", "parameters") if name in part}
        curves = dict(zip(part["season"], part["curves"], strict=True))
        row["curves"] = {season: each["day"] for season, each in curves.items()}
        row["curves"]["peak"] = {season: each["peak"] for season, each in curves.items() if "peak" in each}
        found.append(row)
    return pd.DataFrame(found)


def plain(base: pd.DataFrame, settings: Mapping[tuple[str, str], float], weather: bool = True) -> pd.DataFrame:
    """The day-ahead baselines with the settings chosen for each season, all seasons together, indexed by kind."""
    rows = base[base["kind"].isin(list(PLAIN)) & (base["weather"] == weather)]
    names = zip(rows["kind"], rows["season"], rows["setting"], strict=True)
    rows = rows[[settings.get((kind, season), 0.0) == value for kind, season, value in names]]
    return pooled(rows, ["kind"]).set_index("kind")


def best(table: pd.DataFrame) -> str:
    """Kind of the baseline with the least error over all days that are forecast: the one that the networks have to beat."""
    return str(table["mae"].idxmin())


def part(runs: pd.DataFrame, cell: str, match: str = "width") -> pd.DataFrame:
    """Runs of one network, by seed."""
    rows = runs[(runs["cell"] == cell) & (runs["match"] == match)]
    return rows.set_index("seed", drop=False).sort_index()


def by_day(curves: Any, season: str | None = None) -> np.ndarray:
    """Mean absolute error in GW (runs, days); all seasons in turn where none is named."""
    seasons = [season] if season else SEASONS
    return np.array([np.concatenate([each[name] for name in seasons]) for each in curves])


def day_skill(errors: np.ndarray, reference: np.ndarray) -> Interval:
    """1 − error ÷ error of the reference, with an interval over seeds and days.

    Args:
        errors, reference: (runs, days) and (1, days) errors of the same days.
    """
    return over_time(_skill, errors, reference, length=TOGETHER)


def _skill(errors: np.ndarray, reference: np.ndarray) -> np.ndarray:
    return 1 - errors / reference


def skills(runs: pd.DataFrame, base: pd.DataFrame) -> pd.DataFrame:
    """Skill against the best baseline by network and season (`all` for the four together), with intervals over seeds and days."""
    reference, rows = base.loc[best(base), "curves"], []
    for cell, match in MODELS:
        for season in (None, *SEASONS):
            found = day_skill(by_day(part(runs, cell, match)["curves"], season), by_day([reference], season))
            rows.append(
                (
                    cell,
                    match,
                    season or "all",
                    found.estimate,
                    found.low,
                    found.high,
                    len(by_day([reference], season)[0]),
                )
            )
    return pd.DataFrame(rows, columns=["cell", "match", "season", "skill", "low", "high", "days"])


def errors(runs: pd.DataFrame, base: pd.DataFrame) -> pd.DataFrame:
    """Mean absolute error in MW, one row a run and season (`all` for the four together); baselines have seed −1."""
    rows = []
    for season in (None, *SEASONS):
        for kind, row in base.iterrows():
            rows.append((PLAIN[str(kind)], "baseline", "", -1, season or "all", by_day([row["curves"]], season).mean()))
        for cell, match in MODELS:
            for seed, curves in part(runs, cell, match)["curves"].items():
                rows.append((label(cell, match), cell, match, seed, season or "all", by_day([curves], season).mean()))
    table = pd.DataFrame(rows, columns=["model", "cell", "match", "seed", "season", "mae"])
    return table.assign(mae=(MEGAWATTS * table["mae"]).round(2))


def evidence(runs: pd.DataFrame, base: pd.DataFrame) -> dict[str, Evidence]:
    """Evidence on claim U5: skill over what one would try first, with intervals over seeds and days."""
    found = {f"demand: {label(cell)}": skill(runs, base, cell, FIRST) for cell in ("lstm", "gru")}
    return {name: Evidence(each, p, p_even=p) for name, each in found.items() for p in [t_test(each)]}


def skill(runs: pd.DataFrame, base: pd.DataFrame, cell: str, kind: str) -> Interval:
    """Skill of a cell at equal width over a baseline, all seasons together."""
    return day_skill(by_day(part(runs, cell)["curves"]), by_day([base.loc[kind, "curves"]]))


def difference(runs: pd.DataFrame, match: str = "width") -> Interval:
    """GRU − LSTM with the same seed, in MW, with an interval over seeds."""
    gru, lstm = (MEGAWATTS * part(runs, *which)["mae"] for which in (("gru", match), ("lstm", "width")))
    return paired_difference(gru, lstm)


def day_difference(runs: pd.DataFrame, match: str = "width") -> Interval:
    """The same with an interval over seeds and days."""
    gru, lstm = (MEGAWATTS * by_day(part(runs, *which)["curves"]) for which in (("gru", match), ("lstm", "width")))
    return over_time(np.subtract, gru, lstm, length=TOGETHER)


def hindsight(every: pd.DataFrame) -> pd.Series:
    """Error in MW of the tuned baselines with the settings that turned out best, which nobody could know, by kind."""
    rows = every[every["weather"] & every["kind"].isin(list(SETTINGS))]
    least = rows.loc[rows.groupby(["kind", "season"])["mae"].idxmin()]
    return MEGAWATTS * pooled(least, ["kind"]).set_index("kind")["mae"]


def result_table(runs: pd.DataFrame, base: pd.DataFrame) -> Markdown:
    """Error by season and over all with its spread over seeds, quantile scores and sizes, as a Markdown table."""
    table = errors(runs, base)
    means = table.groupby(["model", "season"], sort=False)["mae"].mean().unstack()[["all", *SEASONS]]
    spread = table[table["season"] == "all"].groupby("model")["mae"].std()
    named = [base.assign(model=base.index.map(PLAIN)), runs.assign(model=[*map(label, runs["cell"], runs["match"])])]
    known = pd.concat(named).groupby("model")[["pinball", "covered", "width", "parameters"]].mean()
    known *= [MEGAWATTS, 100, 1, 1]
    heads = ["error in MW", "all days", *SEASONS, "pinball, MW", "inside the band, %", "units", "parameters"]
    lines = [f"| {' | '.join(heads)} |", "|---|" + "--:|" * (len(heads) - 1)]
    for name, row in means.iterrows():
        texts = [f"{value:.0f}" for value in row]
        texts[0] += f" ± {spread[name]:.0f}".replace(" ", NBSP) if np.isfinite(spread[name]) else ""
        forms = zip(("{:.1f}", "{:.0f}", "{:.0f}", "{:,.0f}"), known.loc[name], strict=True)
        texts += [form.format(value) if np.isfinite(value) else "–" for form, value in forms]
        lines.append(f"| {name} | {' | '.join(texts)} |")
    return Markdown("\n".join(lines))
