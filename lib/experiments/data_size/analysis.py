"""From the runs of the chapter *performance/data_size* to its tables, numbers, sentences and verdict."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from evidence.statistics import Interval
from evidence.tuning import Tuned
from evidence.verdicts import CONTRADICTED, INCONCLUSIVE, SUPPORTED, Evidence, Stratum, Verdict, ledger
from experiments.shared.tuned_leads import EQUAL, RARE, Leads, contenders, interval, p_value, scores

SMALL = 500
"""Training sets of at most so many sequences count as small: settled before the runs that are reported."""
GATED = ("lstm", "gru")
TASK_NAMES = {"mnist1d": "MNIST-1D", "vowels": "Japanese vowels"}
PLACES = ("the task", "what is held equal")
KINDS = {"points": "logistic, 40 points", "mean": "logistic, time-mean", "static": "logistic, four summaries"}


def cases(sizes: Mapping[str, Iterable[int]], budget: Mapping[str, Mapping[str, int]]) -> list[dict[str, Any]]:
    """Every cell on every training set: what gets a learning rate of its own."""
    return [
        {"task": task, "cell": cell, "examples": examples, **budget[task]}
        for task in sizes
        for examples in sizes[task]
        for cell in GATED
    ]


def points(cases: Iterable[Mapping[str, Any]], tuned: Tuned) -> list[dict[str, Any]]:
    """The cases at every contending rate, the GRU also with as many parameters as the LSTM where the set is small."""
    found = []
    for case in cases:
        keys = {name: case[name] for name in ("task", "cell", "examples")}
        both = case["cell"] == "gru" and case["examples"] <= SMALL
        for match in ("width", "parameters") if both else ("width",):
            rates = contenders(scores(tuned.runs, **keys))
            found += [{**case, "match": match, "learning_rate": rate} for rate in rates]
    return found


def at_chosen(runs: pd.DataFrame, tuned: Tuned) -> pd.DataFrame:
    """The runs at the rates that all tuning seeds together choose."""
    keys = ["task", "cell", "examples", "learning_rate"]
    return runs.merge(tuned.best[keys], on=keys, how="inner", sort=False)


def differences(runs: pd.DataFrame, cell: str = "gru", metric: str = "accuracy") -> pd.DataFrame:
    """A metric of each run of `cell` minus that of the LSTM with the same task, training set and seed, in points.

    Args:
        runs: rows of the sweep; the LSTM's are of the size `width` alone.
        cell: whose runs.
        metric: a share between 0 and 1.

    Returns:
        One row a run of `cell`.
    """
    keys = ["task", "examples", "seed"]
    lstm = runs[runs["cell"] == "lstm"].set_index(keys)[metric]
    rows = runs[runs["cell"] == cell].copy()
    rows["difference"] = 100 * (rows[metric].to_numpy() - lstm.loc[pd.MultiIndex.from_frame(rows[keys])].to_numpy())
    return rows[[*keys, "match", "difference", metric, "width", "parameters", "learning_rate"]].reset_index(drop=True)


def small(leads: Leads, task: str, match: str) -> np.ndarray:
    """Lead averaged over the small training sets of a task."""
    return np.mean([leads[key] for key in leads if key[:2] == (task, match) and key[2] <= SMALL], axis=0)


def tasks(leads: Leads) -> list[str]:
    """Tasks in the order of the page."""
    return [task for task in TASK_NAMES if any(key[0] == task for key in leads)]


def sizes_of(leads: Leads, task: str) -> list[int]:
    """Training-set sizes of a task, increasing."""
    return sorted({key[2] for key in leads if key[0] == task})


def evidence(leads: Leads, n: int) -> dict[str, Evidence]:
    """Evidence on claim P6 by task and what is held equal: the lead of the GRU over the small sets, in points.

    Args:
        leads: of `tuned_leads.leads`. n: reported seeds.
    """
    found = {}
    for task in tasks(leads):
        for match, name in EQUAL.items():
            values = small(leads, task, match)
            found[f"{TASK_NAMES[task]}, {name}"] = Evidence(interval(values, n), p_value(values, ledger()["P6"].margin))
    return found


def factor(strata: list[Stratum]) -> str:
    """What tells the decided conditions apart: the task, what is held equal, or both."""
    decided = [(stratum.name.split(", "), stratum.word) for stratum in strata if stratum.word != INCONCLUSIVE]
    for count in range(1, len(PLACES) + 1):
        for places in combinations(range(len(PLACES)), count):
            groups: dict[tuple[str, ...], set[str]] = {}
            for parts, word in decided:
                groups.setdefault(tuple(parts[place] for place in places), set()).add(word)
            if all(len(words) == 1 for words in groups.values()):
                return " and ".join(PLACES[place] for place in places)
    return "the condition"


def sentence(leads: Leads, verdict: Verdict) -> str:
    """What the verdict says to a reader who has to choose."""
    parts = [f"{in_points(interval(small(leads, task, 'width')))} on {TASK_NAMES[task]}" for task in tasks(leads)]
    return (
        f"With at most {SMALL} training sequences the GRU's lead at equal width is {' and '.join(parts)}, the choice of the "
        f"learning rates counted in. {words(verdict)}"
    )


def words(verdict: Verdict) -> str:
    """How the GRU's lead compares with the margin, and in which conditions."""
    margin = f"{ledger()['P6'].margin:g} point"
    said = {
        SUPPORTED: f"is clearly larger than {margin}",
        CONTRADICTED: f"is clearly smaller than {margin}",
        INCONCLUSIVE: f"may or may not be larger than {margin}",
    }
    groups: dict[str, dict[str, list[str]]] = {}
    for stratum in verdict.strata:
        task, equal = stratum.name.split(", ")
        groups.setdefault(said[stratum.word], {}).setdefault(task, []).append(equal)
    parts = []
    for found, places in groups.items():
        names = [f"{task} (at {' and '.join(equal)})" for task, equal in places.items()]
        parts.append(f"{found} on {' and on '.join(names)}")
    return f"The lead of the GRU {'; it '.join(parts)}."


def finding(leads: Leads, task: str) -> str:
    """Who is better on the small training sets of one task, at equal width and at equal parameters."""
    width, equal = (interval(small(leads, task, match)) for match in EQUAL)
    few = [n for n in sizes_of(leads, task) if n <= SMALL]
    span = f"{few[0]} to {few[-1]}" if len(few) > 1 else str(few[0])
    return (
        f"{TASK_NAMES[task]}, {span} training sequences: {says(width)} at equal width (GRU − LSTM "
        f"{in_points(width)}), and {says(equal)} at equal parameters ({in_points(equal)})."
    )


def cause(leads: Leads) -> str:
    """What of the small-set difference comes from the parameter count."""
    parts = []
    for task, shift in _shifts(leads).items():
        found = "no effect is visible"
        if shift.low > 0:
            found = "it gains by being larger, so fewer parameters are not what helps it"
        elif shift.high < 0:
            found = "it loses by being larger, so fewer parameters are a part of what helps it"
        parts.append(f"{in_points(shift)} on {TASK_NAMES[task]} ({found})")
    return "Giving the GRU as many parameters as the LSTM moves GRU − LSTM by " + " and by ".join(parts) + "."


def count_advice(leads: Leads) -> str:
    """What the parameter count is worth for a choice."""
    helped = [TASK_NAMES[task] for task, shift in _shifts(leads).items() if shift.high < 0]
    if helped:
        return f"The parameter count has a say: on {' and '.join(helped)} the smaller GRU is the better GRU."
    return "Do not choose the cell by its parameter count: nowhere here is the smaller GRU shown to be the better GRU."


def _shifts(leads: Leads) -> dict[str, Interval]:
    return {task: interval(small(leads, task, "parameters") - small(leads, task, "width")) for task in tasks(leads)}


def trend(leads: Leads, task: str) -> tuple[Interval, Interval]:
    """At equal width: the lead on the largest training set, and by how much it is larger on small ones.

    Where all sets of a task are small, the smallest one is set against the largest one.
    """
    sizes = sizes_of(leads, task)
    last = leads[task, "width", sizes[-1]]
    few = small(leads, task, "width") if sizes[-1] > SMALL else leads[task, "width", sizes[0]]
    return interval(last), interval(few - last)


def trend_text(leads: Leads, task: str) -> str:
    """Whether it is the small size that favours a cell, in one sentence."""
    _, more = trend(leads, task)
    found = "makes no measurable difference to the lead of the GRU"
    if more.low > 0 or more.high < 0:
        found = f"matters: the lead of the GRU is {'larger' if more.low > 0 else 'smaller'} on the smaller sets"
    return f"On {TASK_NAMES[task]} the size {found} ({in_points(more)})."


def numbers(runs: pd.DataFrame, base: pd.DataFrame, tuned: Tuned, leads: Leads) -> dict[str, str]:
    """Texts for the prose, by name.

    Args:
        runs: at the chosen rates. base: of the baselines. tuned: the tuning. leads: of `tuned_leads.leads`.
    """
    found = {
        "small": str(SMALL),
        "margin": f"{ledger()['P6'].margin:g}",
        "cause": cause(leads),
        "count": count_advice(leads),
        "tuning-seeds": str(tuned.runs["seed"].nunique()),
        "rare": f"{1 / RARE:.0f}",
        "frame": str(int(runs["frame"].iloc[0])),
        "hidden": str(int(runs["hidden_size"].iloc[0])),
    }
    for kind, part in base.groupby("kind"):
        means = 100 * part.groupby("examples")["accuracy"].mean()
        found |= {f"low-{kind}": f"{means.iloc[0]:.1f} %", f"high-{kind}": f"{means.iloc[-1]:.1f} %"}
    for task in tasks(leads):
        part = runs[runs["task"] == task]
        width = part[part["match"] == "width"]
        found |= {
            f"finding-{task}": finding(leads, task),
            f"trend-{task}": trend_text(leads, task),
            f"steps-{task}": str(int(part["steps"].iloc[0])),
            f"batch-{task}": str(int(part["batch"].iloc[0])),
            f"largest-{task}": str(sizes_of(leads, task)[-1]),
            f"sizes-{task}": _listed(sizes_of(leads, task)),
            f"baseline-{task}": against(width, base[base["task"] == task]),
        }
        for cell in GATED:
            learned = part[part["cell"] == cell].groupby("match")[["width", "parameters"]].first()
            for match in learned.index:
                found[f"model-{task}-{cell}-{match}"] = (
                    f"{learned.loc[match, 'parameters']:,.0f} parameters ({learned.loc[match, 'width']:.0f} units)"
                )
    return found


def against(runs: pd.DataFrame, base: pd.DataFrame) -> str:
    """The best baseline of one task against the better of the two cells, at the smallest and the largest set."""
    parts = []
    for examples in sorted(runs["examples"].unique())[:: max(1, runs["examples"].nunique() - 1)]:
        cells = 100 * runs[runs["examples"] == examples].groupby("cell")["accuracy"].mean()
        kinds = 100 * base[base["examples"] == examples].groupby("kind")["accuracy"].mean()
        parts.append(
            f"with {examples:,} sequences {kinds.max():.1f} % ({KINDS[kinds.idxmax()]}) against {cells.max():.1f} % "
            f"({cells.idxmax().upper()})"
        )
    return ", ".join(parts)


def in_points(found: Interval, unit: str = " points") -> str:
    """Such as `+3.1 [+2.0, +4.2] points`."""
    return found.signed() + unit


def says(found: Interval) -> str:
    """Who leads, where the interval of GRU − LSTM excludes zero."""
    if found.low > 0:
        return "the GRU leads"
    return "the LSTM leads" if found.high < 0 else "neither is shown to lead"


def _listed(values: Iterable[int]) -> str:
    *first, last = [f"{value:,}" for value in sorted(values)]
    return f"{', '.join(first)} and {last}" if first else last
