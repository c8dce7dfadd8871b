"""From the runs of the chapter *outlook/attention* to gains, leads and evidence."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from evidence.figures import LABELS
from evidence.ladder import Ladder
from evidence.ledger import ledger
from evidence.significance import interaction, side
from evidence.statistics import Interval, mean_interval
from evidence.verdicts import Evidence, weigh
from experiments.attention.grids import GATED, RUNGS, Setting

TASKS = ("scattered", "demand", "text")
"""What the verdict rests on; `beginning` is the attack by another task."""
CEILING = 99.0
"""Score from which on a run has nothing left to gain."""
NAMES = {**LABELS, "transformer": "transformer", "none": "alone", "additive": "additive", "dot": "dot product"}
TASK_NAMES = {"scattered": "recall", "beginning": "recall from the beginning", "demand": "demand", "text": "text"}


def told_apart(runs: pd.DataFrame, kinds: Mapping[str, str], settings: Mapping[str, Setting]) -> pd.DataFrame:
    """The rows with `rung`, their budget in that of the middle rung, and with `way`.

    Which is `alone`, `with` the kind of attention chosen for the task, the `other` kind, or `transformer`.
    """
    middle = {**settings, "beginning": settings["scattered"]}
    rungs = [steps / middle[task].steps for task, steps in zip(runs["task"], runs["steps"], strict=True)]
    known = {**kinds, "beginning": kinds["scattered"]}
    ways = [
        "transformer" if cell == "transformer" else "alone" if attention == "none" else
        "with" if attention == known[task] else "other"
        for task, cell, attention in zip(runs["task"], runs["cell"], runs["attention"], strict=True)
    ]  # fmt: skip
    return runs.assign(way=ways, rung=rungs)


def pick(table: pd.DataFrame, **which: Any) -> pd.DataFrame:
    """Rows with these values; a list allows several."""
    for name, value in which.items():
        table = table[table[name].isin(value) if isinstance(value, list | tuple) else table[name] == value]
    return table


def scores(table: pd.DataFrame, **which: Any) -> pd.Series:
    """Scores by seed."""
    return pick(table, **which).set_index("seed")["score"].sort_index()


def gains(table: pd.DataFrame, cell: str, **which: Any) -> np.ndarray:
    """Score with attention − without, seed by seed, in points."""
    return _less(scores(table, cell=cell, way="with", **which), scores(table, cell=cell, way="alone", **which))


def leads(table: pd.DataFrame, way: str, **which: Any) -> np.ndarray:
    """Score of the LSTM − that of the GRU, seed by seed, in points."""
    return _less(scores(table, cell="lstm", way=way, **which), scores(table, cell="gru", way=way, **which))


def _less(first: pd.Series, second: pd.Series) -> np.ndarray:
    both = pd.concat([first, second], axis=1, keys=["first", "second"], join="inner")
    return (both["first"] - both["second"]).to_numpy(dtype=float)


def named(task: str, cell: str) -> str:
    """A condition of the verdict."""
    return f"{TASK_NAMES[task]}, {LABELS[cell]}"


def evidence(table: pd.DataFrame, tasks: Sequence[str] = TASKS) -> dict[str, Evidence]:
    """Evidence on claim F1 by task and cell, paired by seed; a condition where all runs are at the ceiling is left out."""
    found = {}
    for task, cell in itertools.product(tasks, GATED):
        rows = pick(table, task=task, cell=cell, way=["alone", "with"])
        idle = "every run is at the ceiling" if rows["score"].min() >= CEILING else ""
        found[named(task, cell)] = weigh("F1", gains(table, cell, task=task), left_out=idle)
    return found


def differ(table: pd.DataFrame, tasks: Sequence[str] = TASKS) -> float:
    """P that the gain is the same under all conditions of the verdict, over the seeds that all of them have."""
    found = [gains(table, cell, task=task) for task, cell in itertools.product(tasks, GATED)]
    least = min(map(len, found))
    return interaction([each[:least] for each in found])


def ladders(table: pd.DataFrame, settings: Mapping[str, Setting]) -> pd.DataFrame:
    """Gain by task, cell and budget: `rung`, `steps`, `gain`, `low`, `high`."""
    rows = []
    for task, cell, rung in itertools.product(settings, GATED, RUNGS):
        given = settings[task].fixed(rung)
        found = mean_interval(gains(table, cell, task=task, length=given["length"], steps=given["steps"]))
        rows.append((task, cell, rung, given["steps"], found.estimate, found.low, found.high))
    return pd.DataFrame(rows, columns=["task", "cell", "rung", "steps", "gain", "low", "high"])


def flat(rungs: pd.DataFrame) -> dict[str, bool]:
    """Whether the ladder of each condition is flat at its top, in the margin of F1."""
    margin = ledger()["F1"].margin
    return {
        named(task, cell): Ladder(dict(zip(rows["steps"], rows["gain"], strict=True)), margin).flat
        for (task, cell), rows in rungs.groupby(["task", "cell"], sort=False)
    }


@dataclass(frozen=True)
class Apart:
    """LSTM − GRU without and with attention, in points, and p that the two are one and the same."""

    alone: Interval
    attentive: Interval
    p: float
    sides: tuple[int, int]
    """1 or −1 where interval and test agree on who is ahead, else 0: alone, and with attention."""


def apart(table: pd.DataFrame, **which: Any) -> Apart:
    """How far the cells are apart without and with attention, paired by seed, with the test of the interaction."""
    without, attentive = (leads(table, way, **which) for way in ("alone", "with"))
    least = min(len(without), len(attentive))
    p = interaction([without[:least], attentive[:least]])
    return Apart(mean_interval(without), mean_interval(attentive), p, (side(without), side(attentive)))


def apart_table(table: pd.DataFrame, cases: Iterable[Mapping[str, Any]]) -> pd.DataFrame:
    """`apart` for several cases, a row for each case and way: `case`, `way`, `lead`, `low`, `high`, `p`."""
    rows = []
    for case in cases:
        found = apart(table, **case)
        name = TASK_NAMES[case["task"]] + (f", T = {case['length']}" if case["task"] == "scattered" else "")
        for way, interval in (("alone", found.alone), ("with", found.attentive)):
            rows.append((name, way, interval.estimate, interval.low, interval.high, found.p))
    return pd.DataFrame(rows, columns=["case", "way", "lead", "low", "high", "p"])


def means(table: pd.DataFrame, by: Sequence[str]) -> pd.DataFrame:
    """Mean score with its interval over seeds, a row a group: `by`, `score`, `low`, `high`, `kept`."""
    rows = []
    for key, part in table.groupby(list(by), sort=False):
        found = mean_interval(part["score"])
        rows.append((*key, found.estimate, found.low, found.high, float(part["kept"].mean())))
    return pd.DataFrame(rows, columns=[*by, "score", "low", "high", "kept"])
