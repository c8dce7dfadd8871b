"""From the runs of the chapter *performance/data_size* to its leads, its ladder and its evidence."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
import pandas as pd

from evidence.ledger import ledger
from evidence.significance import interaction
from evidence.statistics import Interval, mean_interval
from evidence.tuning import Tuned
from evidence.verdicts import Evidence, Verdict, decide, settled, weigh
from experiments.data_size.drawing import CLASSES
from experiments.data_size.grids import CASE, GATED, PLACE, SMALL
from experiments.shared.tuned_leads import EQUAL, Leads, interval, p_value, scores

TASK_NAMES = {"mnist1d": "MNIST-1D", "vowels": "Japanese vowels"}
KINDS = {
    "points": "logistic, 40 points",
    "mean": "logistic, time-mean",
    "static": "logistic, four summaries",
    "kernels": "random convolutions",
}
CEILING, ABOVE_CHANCE = 0.99, 0.05
PAIR = ["task", "examples", "seed"]
"""What two runs have in common that are compared. Over several sizes each seed counts once: its draws contain each other."""
NO_LEAD = "all at the ceiling or at chance"
Ladders = dict[str, dict[int, float]]
"""By condition, GRU − LSTM in points at each budget of steps."""


def at_chosen(runs: pd.DataFrame, tuned: Tuned) -> pd.DataFrame:
    """The runs at the settings and rates that all tuning seeds together choose, whatever their steps."""
    keys = [name for name in (*CASE, "learning_rate") if name != "steps"]
    return runs.merge(tuned.best[keys], on=keys, how="inner", sort=False)


def differences(runs: pd.DataFrame) -> pd.DataFrame:
    """Accuracy of each GRU minus that of the LSTM with the same task, training set and seed, in points.

    Args:
        runs: one rate and one budget of each; the LSTM's are of `match` `width` alone.
    """
    lstm = runs[runs["cell"] == "lstm"].set_index(PAIR)["accuracy"]
    rows = runs[runs["cell"] == "gru"].copy()
    rows["difference"] = 100 * (rows["accuracy"].to_numpy() - lstm.loc[pd.MultiIndex.from_frame(rows[PAIR])].to_numpy())
    columns = [*PAIR, "match", "difference", "accuracy", "width", "parameters", "learning_rate"]
    return rows[columns].reset_index(drop=True)


def telling(runs: pd.DataFrame, task: str) -> list[int]:
    """Small training sets of a task on which not all runs are at the ceiling, or all at chance."""
    rows, chance = runs[(runs["task"] == task) & (runs["examples"] <= SMALL)], 1 / CLASSES[task]
    found = []
    for examples, part in rows.groupby("examples"):
        if part["accuracy"].min() < CEILING and part["accuracy"].max() > chance + ABOVE_CHANCE:
            found.append(int(examples))
    return found


def by_seed(table: pd.DataFrame, task: str, match: str, sizes: Iterable[int]) -> np.ndarray:
    """Lead of the GRU, one value a seed: the mean over some training sets, from `differences`."""
    rows = table[(table["task"] == task) & (table["match"] == match) & table["examples"].isin(list(sizes))]
    return rows.groupby("seed")["difference"].mean().to_numpy()


def resampled(leads: Leads, task: str, match: str, sizes: Iterable[int]) -> np.ndarray:
    """The same, one value a resample of tuning seeds and reported seeds, from `tuned_leads.leads`."""
    return np.mean([leads[task, match, size] for size in sizes], axis=0)


def wider(values: np.ndarray, drawn: np.ndarray) -> Interval:
    """The t interval over seeds and the one that counts the choice of the rates, whichever reaches further to each side."""
    seeds, choice = mean_interval(values), interval(drawn)
    return Interval(seeds.estimate, min(seeds.low, choice.low), max(seeds.high, choice.high), n=len(values))


def evidence(runs: pd.DataFrame, leads: Leads) -> dict[str, Evidence]:
    """Evidence on claim P6 by task and what is held equal: the lead of the GRU over the small sets, in points.

    Interval and p have to be sure both over the reported seeds at the chosen rates, and with the choice counted in.

    Args:
        runs: at the chosen rates. leads: of `tuned_leads.leads`.
    """
    table, found = differences(runs), {}
    for task, match in conditions(table):
        given = (task, match, small_sizes(runs, task))
        seeds, drawn = weigh("P6", by_seed(table, *given)), resampled(leads, *given)
        found[f"{TASK_NAMES[task]}, {EQUAL[match]}"] = Evidence(
            wider(by_seed(table, *given), drawn),
            max(seeds.p or 0.0, p_value(drawn, ledger()["P6"].margin)),
            p_even=max(seeds.p_even or 0.0, p_value(drawn, 0.0)),
            left_out="" if telling(runs, task) else NO_LEAD,
        )
    return found


def conditions(table: pd.DataFrame) -> list[tuple[str, str]]:
    """Tasks and what is held equal, where small sets were run."""
    few = table[table["examples"] <= SMALL]
    return [
        (task, match)
        for task in TASK_NAMES
        for match in EQUAL
        if ((few["task"] == task) & (few["match"] == match)).any()
    ]


def plain(runs: pd.DataFrame) -> dict[str, Evidence]:
    """Evidence of runs under attack or at another budget: over their seeds alone, at rates taken as given."""
    table, found = differences(runs), {}
    for task, match in conditions(table):
        values = by_seed(table, task, match, small_sizes(runs, task))
        left_out = "" if telling(runs, task) else NO_LEAD
        found[f"{TASK_NAMES[task]}, {EQUAL[match]}"] = weigh("P6", values, left_out=left_out)
    return found


def differ(runs: pd.DataFrame, found: Mapping[str, Evidence]) -> float | None:
    """P that the lead is the same under all conditions that count; None where fewer than two do."""
    table = differences(runs)
    parts = [
        by_seed(table, task, match, small_sizes(runs, task))
        for task, match in conditions(table)
        if not found[f"{TASK_NAMES[task]}, {EQUAL[match]}"].left_out
    ]
    return interaction(parts) if len(parts) > 1 else None


def ladders(rungs: pd.DataFrame) -> Ladders:
    """The lead over the small sets at each budget of steps, by condition.

    Args:
        rungs: runs at the chosen rates, at several `steps`, the same seeds at each.
    """
    found: Ladders = {}
    for task, rows in rungs.groupby("task", sort=False):
        sizes = telling(rows[rows["steps"] == rows["steps"].max()], str(task))
        for steps, part in rows.groupby("steps"):
            table = differences(part)
            for _, match in (each for each in conditions(table) if each[0] == task and sizes):
                lead = float(by_seed(table, str(task), match, sizes).mean())
                found.setdefault(f"{TASK_NAMES[str(task)]}, {EQUAL[match]}", {})[int(steps)] = lead
    return found


def verdict(runs: pd.DataFrame, leads: Leads, rungs: pd.DataFrame, tried: Mapping[str, pd.DataFrame]) -> Verdict:
    """The verdict on claim P6; what still hangs on the budget is left out.

    Args:
        runs: at the chosen rates. leads: of `tuned_leads.leads`. rungs: as for `ladders`. tried: runs by attack.
    """
    found = settled("P6", evidence(runs, leads), ladders(rungs))
    attacks = {name: plain(each) for name, each in tried.items()}
    return decide("P6", found, factor="the task", differ=differ(runs, found), attacks=attacks)


def trend(runs: pd.DataFrame, leads: Leads, task: str) -> Interval:
    """By how much the lead at equal width is larger on small training sets than on the largest one.

    Where all sets of a task are small, the smallest one is set against the largest one.
    """
    sizes = sorted(runs[runs["task"] == task]["examples"].unique().tolist())
    few = [size for size in sizes if size <= SMALL] if sizes[-1] > SMALL else sizes[:1]
    return _contrast(runs, leads, task, ("width", few), ("width", sizes[-1:]))


def shift(runs: pd.DataFrame, leads: Leads, task: str) -> Interval:
    """By how much the lead on small sets grows when the GRU gets as many parameters as the LSTM."""
    sizes = small_sizes(runs, task)
    return _contrast(runs, leads, task, ("parameters", sizes), ("width", sizes))


def _contrast(
    runs: pd.DataFrame, leads: Leads, task: str, one: tuple[str, list[int]], other: tuple[str, list[int]]
) -> Interval:
    """One lead minus another, each of what is held equal and some sizes."""
    table = differences(runs)
    values = by_seed(table, task, *one) - by_seed(table, task, *other)
    return wider(values, resampled(leads, task, *one) - resampled(leads, task, *other))


def lead(runs: pd.DataFrame, leads: Leads, task: str, match: str = "width") -> Interval:
    """The GRU's lead over the small training sets of a task, in points."""
    given = (task, match, small_sizes(runs, task))
    return wider(by_seed(differences(runs), *given), resampled(leads, *given))


def small_sizes(runs: pd.DataFrame, task: str) -> list[int]:
    """The small training sets of a task, those that tell something if any does."""
    every = runs[(runs["task"] == task) & (runs["examples"] <= SMALL)]["examples"].unique().tolist()
    return telling(runs, task) or sorted(every)


def shrinks(rungs: pd.DataFrame, task: str, sizes: Iterable[int]) -> Interval:
    """By how many points the GRU's lead at equal width is larger at the lowest budget than at the highest, paired by seed."""
    rows, known = rungs[rungs["task"] == task], list(sizes)
    low, top = (
        by_seed(differences(rows[rows["steps"] == steps]), task, "width", known)
        for steps in (rows["steps"].min(), rows["steps"].max())
    )
    return mean_interval(low - top)


def by_budget(rungs: pd.DataFrame) -> pd.DataFrame:
    """The lead at equal width with its t interval, one row a task, training set and budget."""
    rows = []
    for (task, examples, steps), part in rungs.groupby(["task", "examples", "steps"], sort=True):
        found = apart(part, str(task), [int(examples)])
        where = {"task": task, "examples": examples, "steps": steps}
        rows.append({**where, "estimate": found.estimate, "low": found.low, "high": found.high})
    return pd.DataFrame(rows)


def under(settings: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """The lead at equal width on each small training set, one row a setting, task and set, with its t interval.

    Args:
        settings: runs by the name of what was changed.
    """
    rows = []
    for name, runs in settings.items():
        few = runs[(runs["match"] == "width") & (runs["examples"] <= SMALL)]
        for (task, examples), part in few.groupby(["task", "examples"], sort=True):
            found = apart(part, str(task), [int(examples)])
            where = {"setting": name, "task": task, "examples": examples}
            rows.append({**where, "estimate": found.estimate, "low": found.low, "high": found.high, "n": found.n})
    return pd.DataFrame(rows)


def apart(runs: pd.DataFrame, task: str, sizes: Iterable[int]) -> Interval:
    """The GRU's lead at equal width over some training sets of a task, with its t interval over seeds."""
    return mean_interval(by_seed(differences(runs), task, "width", sizes))


def helped(own: pd.DataFrame, lent: pd.DataFrame, cell: str, task: str, examples: int) -> Interval:
    """By how many points a cell is better with the other one's settings than with its own, on one training set, by seed."""
    sides = [
        100
        * each[(each["cell"] == cell) & (each["task"] == task) & (each["examples"] == examples)].set_index("seed")[
            "accuracy"
        ]
        for each in (lent, own)
    ]
    return mean_interval((sides[0] - sides[1]).dropna().to_numpy())


def rate_gains(tuned: Tuned, task: str, examples: int, rate: float) -> dict[str, float]:
    """By cell, the points of validation accuracy between the rate chosen and another one that was tried, all else as chosen."""
    found = {}
    for cell in GATED:
        means = scores(tuned.runs, task=task, cell=cell, examples=examples).mean()
        found[cell] = round(100 * float(means[tuned.rate(task=task, cell=cell, examples=examples)] - means[rate]), 1)
    return found


def against(runs: pd.DataFrame, base: pd.DataFrame, task: str) -> pd.DataFrame:
    """Mean accuracy in percent, one row a training set: `cell`, the better one at equal width, and `baseline`, the best."""
    cells, others = runs[(runs["task"] == task) & (runs["match"] == "width")], base[base["task"] == task]
    means = [
        100 * part.groupby(["examples", name])["accuracy"].mean().groupby("examples").max()
        for part, name in ((cells[cells["cell"].isin(GATED)], "cell"), (others, "kind"))
    ]
    return pd.concat(means, axis=1, keys=["cell", "baseline"])


def middle(below: pd.DataFrame) -> pd.DataFrame:
    """Of the rungs below the top the highest of each task: the steps of the tuning, and of the attacks."""
    return below[below["steps"] == below.groupby("task")["steps"].transform("max")]


def gain(runs: pd.DataFrame, looked: pd.DataFrame) -> Interval:
    """By how many points runs are better than others of the same cell, training set and seed at equal width, one mean a seed."""
    keys = [*PLACE, "seed"]
    sides = [each[each["match"] == "width"].set_index(keys)["accuracy"] for each in (runs, looked)]
    both = pd.concat(sides, axis=1, join="inner", keys=["a", "b"])
    return mean_interval((100 * (both["a"] - both["b"])).groupby("seed").mean().to_numpy())
