"""From the runs of the chapter *memory/sensors* to its leads, its evidence and its ladder of budgets."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from evidence.ledger import ledger
from evidence.statistics import Interval, paired_difference
from evidence.tuning import Tuned
from evidence.verdicts import Evidence, weigh
from experiments.shared import tuned_leads
from experiments.shared.tuned_leads import EQUAL, Leads, contenders, interval, p_value, scores

GATED = ("lstm", "gru")
STARTS = ("default", "bias:1", "chrono")
POOLS = ("last", "mean")
DATA_NAMES = {"plaid": "PLAID", "acsf1": "ACSF1"}
POOL_NAMES = {"last": "last state", "mean": "mean of states"}
START_NAMES = {"default": "default", "bias:1": "bias 1", "chrono": "chrono"}
CASE = ["data", "factor", "pool", "start", "cell"]
"""What gets a learning rate of its own."""
PLACE = ["data", "factor", "pool", "cell"]
"""What gets a start of its own."""
PAIR = ["data", "factor", "pool", "seed"]
"""What two runs have in common that are compared."""
Goals = Mapping[tuple[str, int], float]
"""By data set and factor: the accuracy of the regression on statistics, from which on a network is worth having."""


def cases(
    data: Iterable[str], factor: int, starts: Sequence[str], cells: Sequence[str] = GATED
) -> list[dict[str, Any]]:
    """Data sets, ways to read off, starts and cells at one factor."""
    found = itertools.product(data, [factor], POOLS, starts, cells)
    return [dict(zip(CASE, each, strict=True)) for each in found]


def elsewhere(best: pd.DataFrame, factor: int, last: Sequence[str] = ()) -> list[dict[str, Any]]:
    """The cases of PLAID at another factor, each with its best start, or with more of them.

    Args:
        best: of `best_starts`. factor: steps averaged to one.
        last: starts for the last state, the same for both cells; then the mean of states gets those that any cell preferred.
    """
    rows = best[best["data"] == "plaid"]
    found = []
    for row in rows.to_dict("records"):
        preferred = list(dict.fromkeys(rows.loc[rows["pool"] == row["pool"], "start"]))
        starts = [row["start"]] if not last else last if row["pool"] == "last" else preferred
        found += [{**{name: row[name] for name in CASE}, "factor": factor, "start": start} for start in starts]
    return found


def together(*tuned: Tuned) -> Tuned:
    """Several tunings as one."""
    return Tuned(*(pd.concat([getattr(each, name) for each in tuned], ignore_index=True) for name in ("runs", "best")))


def best_starts(tuned: Tuned) -> pd.DataFrame:
    """Of every data set, factor, way to read off and cell the start that scored highest, with its rate; of equals the first."""
    order = tuned.best.sort_values("score", ascending=False, kind="stable")
    return order.drop_duplicates(PLACE).sort_index(ignore_index=False)[[*CASE, "learning_rate", "score"]]


def points(tuned: Tuned, best: pd.DataFrame, factor: int) -> list[dict[str, Any]]:
    """The best starts at one factor, at every rate that a resample of the tuning seeds may choose."""
    found = []
    for row in best[best["factor"] == factor].to_dict("records"):
        case = {name: row[name] for name in CASE}
        for rate in contenders(scores(tuned.runs, **case)):
            found.append({**case, "match": "width", "learning_rate": rate})
    return found


def enlarged(points: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The GRUs among the points once more, with as many parameters as the LSTM."""
    return [{**point, "match": "parameters"} for point in points if point["cell"] == "gru"]


def others(tuned: Tuned, best: pd.DataFrame, factor: int) -> list[dict[str, Any]]:
    """The other starts at one factor, at their chosen rates."""
    rows = tuned.best[tuned.best["factor"] == factor].merge(best[CASE], on=CASE, how="left", indicator=True)
    rows = rows[rows["_merge"] == "left_only"]
    return [{**row, "match": "width"} for row in rows[[*CASE, "learning_rate"]].to_dict("records")]


def at_budgets(
    best: pd.DataFrame, factor: int, budgets: Iterable[int], fixed: Mapping[str, Any], equal: Iterable[str] = ("width",)
) -> list[dict[str, Any]]:
    """The best starts at one factor, at their chosen rates and at several budgets in epochs.

    Args:
        best: of `best_starts`. fixed: keywords of all. equal: `width`; with `parameters` also the GRUs of `enlarged`.
    """
    rows = pick(best, factor=factor)[[*CASE, "learning_rate"]].to_dict("records")
    found: list[dict[str, Any]] = [{**fixed, **row, "match": "width"} for row in rows]
    if "parameters" in equal:
        found += enlarged(found)
    return [{**point, "epochs": count} for count in budgets for point in found]


def at_chosen(runs: pd.DataFrame, chosen: pd.DataFrame) -> pd.DataFrame:
    """The runs of the cases of a table, at the rates that it chose."""
    return runs.merge(chosen[[*CASE, "learning_rate"]], on=[*CASE, "learning_rate"], how="inner", sort=False)


def pick(table: pd.DataFrame, **which: Any) -> pd.DataFrame:
    """Rows with these values."""
    for name, value in which.items():
        table = table[table[name] == value]
    return table


def leads(tuned: Tuned, runs: pd.DataFrame, best: pd.DataFrame) -> Leads:
    """Accuracy of the GRU minus that of the LSTM in points, each with its best start; the choice of the rates counts.

    Returns:
        By `plaid, last` and the like, what is held equal, and factor.
    """
    return tuned_leads.leads(_labelled(tuned.runs, best), _labelled(runs, best))


def _labelled(frame: pd.DataFrame, best: pd.DataFrame) -> pd.DataFrame:
    rows = frame.merge(best[CASE], on=CASE, how="inner", sort=False)
    return rows.assign(task=rows["data"] + ", " + rows["pool"], examples=rows["factor"])


def lead(found: Leads, data: str, pool: str, factor: int, match: str = "width") -> Interval:
    """One of the leads, in points."""
    return interval(found[f"{data}, {pool}", match, factor])


def told(found: Leads, match: str = "width") -> dict[str, str]:
    """Leads in points by their conditions, for what a check rests on."""
    return {
        f"{_named(*task.split(', '))}, {shortened(factor)}": interval(values).signed()
        for (task, size, factor), values in found.items()
        if size == match
    }


def evidence(found: Leads, factor: int, n: int) -> dict[str, Evidence]:
    """Evidence on claim P6 at one factor: the lead of the GRU in points, by data set, what is read off and what is equal.

    Args:
        found: of `leads`. n: reported seeds.
    """
    weighed = {}
    for (task, match, at), values in found.items():
        if at == factor:
            margin = ledger()["P6"].margin
            given = Evidence(interval(values, n), p_value(values, margin), p_even=p_value(values, 0.0))
            weighed[f"{_named(*task.split(', '))}, {EQUAL[match]}"] = given
    return weighed


def differ(found: Leads, factor: int) -> float:
    """P that the lead at equal width, over both ways to read off, is the same on both data sets."""
    first, second = (
        np.mean([found[f"{data}, {pool}", "width", factor] for pool in POOLS], axis=0) for data in DATA_NAMES
    )
    return p_value(first - second, 0.0)


def paired(runs: pd.DataFrame, column: str = "accuracy", match: str = "width") -> pd.DataFrame:
    """A column of the LSTM and of the GRU of the same data set, factor, way to read off and seed, one row a pair.

    Args:
        runs: one start and one rate of each cell in each place. column: of numbers. match: of the GRU.
    """
    lstm, gru = (
        pick(runs, cell=cell, match=size).set_index(PAIR)[column] for cell, size in (("lstm", "width"), ("gru", match))
    )
    return pd.concat([lstm, gru], axis=1, keys=list(GATED), join="inner").sort_index().reset_index()


def differences(runs: pd.DataFrame, match: str = "width") -> pd.DataFrame:
    """Accuracy, GRU − LSTM in points, one row a pair."""
    table = paired(runs, match=match)
    return table.assign(difference=100 * (table["gru"] - table["lstm"]), match=match)[[*PAIR, "match", "difference"]]


def time_to(runs: pd.DataFrame, goals: Goals) -> pd.DataFrame:
    """The runs with `time`: share of the budget in % until a look at validation first met the goal; else all of it."""
    times = []
    for row in runs.to_dict("records"):
        goal = goals[row["data"], row["factor"]]
        looks = zip(row["curves"]["step"], row["curves"]["validation"], strict=True)
        met = next((step for step, right in looks if right >= goal), row["curves"]["step"][-1])
        times.append(100 * met / row["curves"]["step"][-1])
    return runs.assign(time=times)


def delays(runs: pd.DataFrame, goals: Goals, factors: Iterable[int]) -> dict[str, Evidence]:
    """Evidence on claim M2 where the last state has to remember: time to the goal, GRU − LSTM, in % of the budget.

    Args:
        runs: one start and one rate of each cell in each place. factors: those that leave sequences long.
    """
    table = paired(time_to(pick(runs, pool="last"), goals), "time")
    table = table[table["factor"].isin(list(factors))]
    found = {}
    for (data, factor), rows in table.groupby(["data", "factor"], sort=False):
        never = bool((rows[list(GATED)] >= 100).all(axis=None))
        left_out = "no run met the goal" if never else ""
        found[f"{DATA_NAMES[data]}, {shortened(factor)}"] = weigh("M2", rows["gru"] - rows["lstm"], left_out=left_out)
    return found


def shortened(factor: int) -> str:
    """How a factor is told."""
    return "raw" if factor == 1 else f"÷ {factor}"


def rungs(runs: pd.DataFrame) -> dict[str, dict[int, float]]:
    """GRU − LSTM in points at each budget in epochs, by the conditions of `evidence`.

    Args:
        runs: one start and one rate of each cell, at several `epochs` and one factor.
    """
    found: dict[str, dict[int, float]] = {}
    for (data, pool), match in itertools.product(dict.fromkeys(zip(runs["data"], runs["pool"], strict=True)), EQUAL):
        parts = pick(runs, data=data, pool=pool).groupby("epochs")
        gaps = {int(epochs): float(differences(part, match)["difference"].mean()) for epochs, part in parts}
        found[f"{_named(data, pool)}, {EQUAL[match]}"] = gaps
    return found


def late_rungs(runs: pd.DataFrame, goals: Goals) -> dict[str, dict[int, float]]:
    """Time to the goal at each budget in epochs, GRU − LSTM, in % of the budget, by the conditions of `delays`."""
    found: dict[str, dict[int, float]] = {}
    for (data, factor, epochs), part in time_to(pick(runs, pool="last"), goals).groupby(["data", "factor", "epochs"]):
        table = paired(part, "time")
        name = f"{DATA_NAMES[data]}, {shortened(factor)}"
        found.setdefault(name, {})[int(epochs)] = float((table["gru"] - table["lstm"]).mean())
    return found


def effect(runs: pd.DataFrame, column: str, first: Any, second: Any) -> Interval:
    """Accuracy with one value of a column minus that with another, in points, paired by all else and by seed."""
    keys = [name for name in (*PLACE, "seed") if name != column]
    sides = [pick(runs, **{column: value}).set_index(keys)["accuracy"] for value in (first, second)]
    both = pd.concat(sides, axis=1, keys=["first", "second"], join="inner")
    return paired_difference(100 * both["first"], 100 * both["second"])


def start_gain(runs: pd.DataFrame, best: pd.DataFrame, cell: str, factor: int) -> Interval:
    """Accuracy on PLAID, last state, with a cell's best start minus that with the framework's default, in points."""
    where = {"data": "plaid", "factor": factor, "pool": "last", "cell": cell}
    start = pick(best, **where)["start"].iloc[0]
    return effect(pick(runs, **where, match="width"), "start", start, "default")


def clock(
    steps: pd.DataFrame, fits: pd.DataFrame, runs: pd.DataFrame, convolved: pd.DataFrame, base: pd.DataFrame
) -> pd.DataFrame:
    """Seconds to train against accuracy on PLAID: one row a model and factor, cells by their last state.

    Args:
        steps, fits: readings of the clock, of `live`. runs: cells with their best starts. convolved: of the convolution.
        base: of the models without a network.
    """
    cells = pick(runs, data="plaid", pool="last", match="width").assign(model=lambda rows: rows["cell"])
    trained = pd.concat([cells, pick(convolved, data="plaid").assign(model="convolution")])
    whole = trained.groupby(["model", "factor"])[["accuracy", "steps_taken"]].mean()
    whole["seconds"] = whole["steps_taken"] * steps.groupby(["model", "factor"])["seconds"].median()
    plain = pick(base, data="plaid").rename(columns={"kind": "model"}).groupby(["model", "factor"])[["accuracy"]].mean()
    plain["seconds"] = fits.groupby(["model", "factor"])["seconds"].median()
    return pd.concat([whole, plain]).dropna(subset="seconds")[["accuracy", "seconds"]].reset_index()


def means(table: pd.DataFrame, by: Sequence[str]) -> pd.Series:
    """Mean accuracy in percent by some columns."""
    return 100 * table.groupby(list(by), sort=False)["accuracy"].mean()


def _named(data: str, pool: str) -> str:
    return f"{DATA_NAMES[data]}, {POOL_NAMES[pool]}"
