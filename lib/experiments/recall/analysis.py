"""From the runs of the chapter *memory/recall* to success rates, differences and evidence."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import pandas as pd

from evidence.statistics import Interval, ratio_bootstrap, wilson
from evidence.tuning import Tuned
from evidence.verdicts import Evidence, ledger
from experiments.shared.success import Count, equivalence, newcombe, tail

TASKS = ("recall", "adding")
GATED = ("lstm", "gru")
STARTS = ("default", "bias:1", "chrono")
UNTIMED = ("default", "bias:1")
"""Starts that know nothing of the delay."""
KEYS = ["task", "start", "cell", "match", "length", "seed"]
LEARNED = 0.2
"""Least mean score of the best rate: below it no rate taught the cell anything, and the choice would be arbitrary."""


def regimes(lengths: Sequence[int], long_from: int) -> dict[str, list[int]]:
    """Short and long lengths; where all are of one kind, their shorter and their longer half."""
    known = sorted(set(lengths))
    short = [each for each in known if each < long_from]
    if len(short) in (0, len(known)):
        short = known[: max(1, len(known) // 2)]
    return {"short": short, "long": [each for each in known if each not in short] or short}


def start_at(length: int, start: str) -> str:
    """The start as `gatedrnn.initialisation` names it: chrono takes the length as its longest time."""
    return f"chrono:{max(length, 3)}" if start == "chrono" else start


def cases(tasks: Sequence[str] = TASKS, rnn: bool = True) -> list[dict[str, str]]:
    """Task, cell and start of all that is compared; a tanh RNN has no gate and hence one start."""
    found = [{"task": t, "cell": c, "start": s} for t, s, c in itertools.product(tasks, STARTS, GATED)]
    return found + [{"task": task, "cell": "rnn", "start": "default"} for task in tasks if rnn]


def point(case: dict[str, str], length: int, **more: Any) -> dict[str, Any]:
    """Keywords of a run."""
    start = start_at(length, case["start"])
    return {"task": case["task"], "cell": case["cell"], "start": start, "length": length, **more}


def tuning_points(length: int, tasks: Sequence[str] = TASKS, rnn: bool = False) -> list[dict[str, Any]]:
    """What gets a learning rate of its own at one length."""
    return [point(case, length) for case in cases(tasks, rnn)]


def main_points(tuned: dict[str, Tuned], kinds: dict[str, list[int]], fixed: dict[str, Any]) -> list[dict[str, Any]]:
    """Everything that is reported: equal width at all lengths, and the GRU at equal parameters at the first long one.

    The tanh RNN runs at short lengths only. A length takes the rate that was tuned at the shortest of its kind.
    """
    found = []
    for kind, lengths in kinds.items():
        for length, case in itertools.product(lengths, cases(rnn=kind == "short")):
            given = point(case, length, learning_rate=rate(tuned[kind], case, lengths[0]), **fixed)
            found.append({**given, "match": "width"})
            if case["cell"] == "gru" and (kind, length) == ("long", lengths[0]):
                found.append({**given, "match": "parameters"})
    return found


def rate(tuned: Tuned, case: dict[str, str], length: int) -> float:
    """The chosen learning rate of a case; where no rate taught it anything, the one chosen for its chrono start.

    Such a choice would be arbitrary, and the rate with which the same cell learns the same task best is the fairest.
    """
    best = pick(tuned.best, **point(case, length)).iloc[0]
    if best["score"] >= LEARNED or case["cell"] not in GATED:
        return float(best["learning_rate"])
    return tuned.rate(**point({**case, "start": "chrono"}, length))


def outcomes(runs: pd.DataFrame) -> pd.DataFrame:
    """One row a run: `start`, `solved` (0 or 1), `steps` to it, all of them where it was not solved; and what it had."""
    starts = ["chrono" if each.startswith("chrono") else each for each in runs["start"]]
    table = runs.assign(start=starts, steps_allowed=runs["steps"])
    table["steps"] = table["solved_at"].astype(float).fillna(table["steps_allowed"])
    columns = [*KEYS, "solved", "steps", "steps_allowed", "quality", "learning_rate", "parameters", "width", "clipped"]
    return table[[*columns, "diverged"]].drop_duplicates([*KEYS, "learning_rate"]).reset_index(drop=True)


def pick(table: pd.DataFrame, **which: Any) -> pd.DataFrame:
    """Rows with these values; a list allows several."""
    for name, value in which.items():
        table = table[table[name].isin(value) if isinstance(value, list | tuple) else table[name] == value]
    return table


def success(part: pd.DataFrame) -> Interval:
    """Success rate with its Wilson interval."""
    return wilson(*tally(part))


def counts(table: pd.DataFrame, match: str = "width", **which: Any) -> tuple[Count, Count]:
    """Solved runs and all, of the LSTM and of the GRU; `match` is that of the GRU."""
    lstm, gru = (pick(table, cell=c, match=s, **which) for c, s in (("lstm", "width"), ("gru", match)))
    return tally(lstm), tally(gru)


def tally(part: pd.DataFrame) -> Count:
    """Solved runs, and all."""
    return int(part["solved"].sum()), len(part)


def gap(a: Count, b: Count) -> Interval:
    """Difference of two success rates a − b, in points."""
    found = newcombe(a, b)
    return Interval(100 * found.estimate, 100 * found.low, 100 * found.high, found.level, found.n)


def difference(table: pd.DataFrame, match: str = "width", **which: Any) -> Interval:
    """Success rate, LSTM − GRU, in points."""
    return gap(*counts(table, match, **which))


def evidence(id: str, table: pd.DataFrame, lengths: list[int]) -> dict[str, Evidence]:
    """Evidence on M2 or M4 by start, over both tasks and the given lengths at equal width; p is two-sided."""
    claim, found = ledger()[id], {}
    margin = claim.margin / 100
    for start in STARTS:
        which: dict[str, Any] = {"start": start, "length": lengths}
        a, b = counts(table, **which)
        below, above = (tail(a, b, margin, side) for side in ("below", "above"))
        tested = None
        if claim.rule == "equivalent":
            inside = equivalence(a, b, margin)
            tested = type(inside)(inside.p, claim.margin, inside.equivalent)
            below = tail(a, b, -margin, "below")
        found[name(start)] = Evidence(difference(table, **which), min(1.0, 2 * min(below, above)), tested)
    return found


def name(start: str) -> str:
    """How a start is called in prose."""
    return "framework default" if start == "default" else start.replace(":", " ")


def step_ratio(part: pd.DataFrame) -> Interval:
    """Steps to solve, LSTM ÷ GRU of the same length and seed, the median; what was not solved counts its budget."""
    steps = [pick(part, cell=cell, match="width").sort_values(["length", "seed"])["steps"].to_numpy() for cell in GATED]
    return ratio_bootstrap(*steps)


def missed(tuned: dict[str, Tuned], kinds: dict[str, list[int]]) -> int:
    """Cases in which more tuning seeds solved the task at another rate than at the one that is used."""
    found = 0
    for kind, case in itertools.product(tuned, cases(rnn=False)):
        solved = pick(outcomes(tuned[kind].runs), **case).groupby("learning_rate")["solved"].sum()
        found += bool(solved.max() > solved.get(rate(tuned[kind], case, kinds[kind][0]), 0))
    return found


def opening(watched: pd.DataFrame) -> pd.DataFrame:
    """Openness of the keeping gate at the `first` and the `last` look, medians over seeds, by cell and kind of labels."""
    ends = watched.sort_values("step").groupby(["cell", "random_labels", "seed"])["keep"].agg(["first", "last"])
    return ends.groupby(["cell", "random_labels"]).median()
