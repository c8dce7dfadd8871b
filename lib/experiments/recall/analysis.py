"""From the runs of the chapter *memory/recall* to success rates, differences and evidence."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from evidence.ledger import ledger
from evidence.significance import interaction, p_of
from evidence.statistics import Interval, paired_rates, paired_ratio, wilson
from evidence.tuning import Tuned
from evidence.verdicts import Evidence, weigh

TASKS = ("recall", "adding")
GATED = ("lstm", "gru")
STARTS = ("default", "bias:1", "chrono")
UNTIMED = ("default", "bias:1")
"""Starts that know nothing of the delay."""
Count = tuple[int, int]
"""Solved runs, and all."""
PAIR = ["task", "start", "length", "seed"]
"""What two runs have in common that are compared."""
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
    lstm, gru = cells(table, match, **which)
    return tally(lstm), tally(gru)


def tally(part: pd.DataFrame) -> Count:
    """Solved runs, and all."""
    return int(part["solved"].sum()), len(part)


def gap(first: pd.DataFrame, second: pd.DataFrame) -> Interval:
    """Difference of two success rates, first − second, in points, paired by task, start, length and seed."""
    a, b = _paired(first, second, "solved")
    return paired_rates(a, b).mapped(lambda share: 100 * share)


def _paired(first: pd.DataFrame, second: pd.DataFrame, column: str) -> tuple[np.ndarray, np.ndarray]:
    """A column of the runs that have a partner, both in the same order."""
    both = pd.concat(
        [each.set_index(PAIR)[column] for each in (first, second)], axis=1, keys=["first", "second"], join="inner"
    ).sort_index()
    return both["first"].to_numpy(dtype=float), both["second"].to_numpy(dtype=float)


def cells(table: pd.DataFrame, match: str = "width", **which: Any) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Runs of the LSTM and of the GRU; `match` is that of the GRU."""
    return pick(table, cell="lstm", match="width", **which), pick(table, cell="gru", match=match, **which)


def difference(table: pd.DataFrame, match: str = "width", **which: Any) -> Interval:
    """Success rate, LSTM − GRU, in points, paired by length and seed."""
    return gap(*cells(table, match, **which))


def conditions(table: pd.DataFrame, lengths: list[int]) -> dict[str, dict[str, Any]]:
    """Tasks and starts under which both cells ran at the given lengths, by their name."""
    found: dict[str, dict[str, Any]] = {}
    for task, start in itertools.product(TASKS, STARTS):
        which: dict[str, Any] = {"task": task, "start": start, "length": lengths}
        if all(len(part) for part in cells(table, **which)):
            found[f"{task}, {name(start)}"] = which
    return found


def evidence(id: str, table: pd.DataFrame, lengths: list[int]) -> dict[str, Evidence]:
    """Evidence on M2 or M4 by task and start, over the given lengths at equal width, paired by length and seed."""
    parts = {key: cells(table, **which) for key, which in conditions(table, lengths).items()}
    weighed = _by_time if id == "M2" else _by_success
    return {key: weighed(id, *both, idle(id, *both)) for key, both in parts.items()}


def idle(id: str, lstm: pd.DataFrame, gru: pd.DataFrame) -> str:
    """Why a condition tells nothing: no run learned the task, or all did and only that counts; else empty."""
    rates = lstm["solved"].mean(), gru["solved"].mean()
    if not any(rates):
        return "no run solved it"
    return "every run solved it" if id == "M4" and min(rates) == 1 else ""


def lag(lstm: pd.DataFrame, gru: pd.DataFrame) -> np.ndarray:
    """Time to solve, GRU − LSTM, pair by pair, in % of the budget; a run that never solved it took all of it.

    So did one that diverged: it would never have solved it.
    """
    lstm, gru = (part.assign(share=100 * part["steps"] / part["steps_allowed"]) for part in (lstm, gru))
    return np.subtract(*_paired(gru, lstm, "share"))


def differ(id: str, table: pd.DataFrame, lengths: list[int]) -> float | None:
    """P that what `evidence` weighs is the same under all conditions that count; None where fewer than two do."""
    parts = [cells(table, **which) for which in conditions(table, lengths).values()]
    counted = [both for both in parts if not idle(id, *both)]
    if len(counted) < 2:
        return None
    return interaction([lag(*both) if id == "M2" else np.subtract(*_paired(*both, "solved")) for both in counted])


def _by_time(id: str, lstm: pd.DataFrame, gru: pd.DataFrame, left_out: str) -> Evidence:
    return weigh(id, lag(lstm, gru), left_out=left_out)


def _by_success(id: str, lstm: pd.DataFrame, gru: pd.DataFrame, left_out: str) -> Evidence:
    first, second = _paired(lstm, gru, "solved")

    def at(level: float) -> Interval:
        return paired_rates(first, second, level).mapped(lambda share: 100 * share)

    return Evidence(at(0.95), p_of(at, ledger()[id].margin), p_even=p_of(at, 0.0), left_out=left_out)


def name(start: str) -> str:
    """How a start is called in prose."""
    return "framework default" if start == "default" else start.replace(":", " ")


def step_ratio(part: pd.DataFrame) -> Interval:
    """Steps to solve, LSTM ÷ GRU of the same length and seed, the mean ratio; what was not solved counts its budget."""
    steps = [pick(part, cell=cell, match="width").sort_values(["length", "seed"])["steps"].to_numpy() for cell in GATED]
    return paired_ratio(*steps)


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
