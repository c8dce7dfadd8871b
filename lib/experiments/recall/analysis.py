"""From the runs of the chapter *memory/recall* to success rates, differences and evidence."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from evidence.ledger import ledger
from evidence.significance import interaction, p_of
from evidence.statistics import Interval, mean_interval, paired_rates, paired_ratio, wilson
from evidence.tuning import Tuned
from evidence.verdicts import Evidence, weigh

TASKS = ("recall", "adding")
GATED = ("lstm", "gru")
STARTS = ("default", "bias:1", "bias:3", "chrono")
UNTIMED = ("default", "bias:1", "bias:3")
"""Starts that know nothing of the delay."""
Count = tuple[int, int]
"""Solved runs, and all."""
PAIR = ["task", "start", "length", "seed"]
"""What two runs have in common that are compared. Over several lengths each seed counts once: they share weights and data."""
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


def middle(lengths: Sequence[int]) -> int:
    """The length of a kind at which budgets climb and answers are attacked: the one in the middle, of two the longer."""
    return sorted(lengths)[len(lengths) // 2]


def start_at(length: int, start: str) -> str:
    """The start as `gatedrnn.initialisation` names it: chrono takes the length as its longest time."""
    return f"chrono:{max(length, 3)}" if start == "chrono" else start


def cases(tasks: Sequence[str] = TASKS, rnn: bool = True, cells: Sequence[str] = GATED) -> list[dict[str, str]]:
    """Task, cell and start of all that is compared; a tanh RNN has no gate and hence one start."""
    found = [{"task": t, "cell": c, "start": s} for t, s, c in itertools.product(tasks, STARTS, cells)]
    return found + [{"task": task, "cell": "rnn", "start": "default"} for task in tasks if rnn]


def point(case: dict[str, str], length: int, **more: Any) -> dict[str, Any]:
    """Keywords of a run."""
    start = start_at(length, case["start"])
    return {"task": case["task"], "cell": case["cell"], "start": start, "length": length, **more}


def tuning_points(
    lengths: Sequence[int],
    tasks: Sequence[str] = TASKS,
    cells: Sequence[str] = GATED,
    short: Sequence[int] = (),
) -> list[dict[str, Any]]:
    """What gets a learning rate of its own; the tanh RNN at short lengths only."""
    return [point(case, length) for length in lengths for case in cases(tasks, length in short, cells)]


def gated(table: pd.DataFrame) -> list[str]:
    """Cells of a table that have gates, in its order: LSTM and GRU, and others that a reader asked for."""
    return [cell for cell in dict.fromkeys(table["cell"]) if cell != "rnn"]


def unlearned(tuned: Tuned) -> list[dict[str, Any]]:
    """What no rate taught anything within the budget of the tuning, but at the longest length: it is tuned with all steps."""
    best = tuned.best
    rows = best[(best["score"] < LEARNED) & (best["cell"] != "rnn") & (best["length"] < best["length"].max())]
    return rows.drop(columns=["learning_rate", "score"]).to_dict("records")


def retuned(tuned: Tuned, late: Tuned) -> Tuned:
    """A tuning with the choices of a later one in place of its own."""
    both = pd.concat([late.best, tuned.best]).drop_duplicates(["task", "cell", "start", "length"])
    return Tuned(tuned.runs, both.reset_index(drop=True))


def main_points(tuned: Tuned, kinds: dict[str, list[int]], fixed: dict[str, Any]) -> list[dict[str, Any]]:
    """Everything that is reported: equal width at all lengths, and the GRU at equal parameters in the middle of each kind.

    The tanh RNN runs at short lengths only.
    """
    found = []
    for kind, lengths in kinds.items():
        for length, case in itertools.product(lengths, cases(rnn=kind == "short", cells=gated(tuned.best))):
            given = point(case, length, learning_rate=rate(tuned, case, length), **fixed)
            found.append({**given, "match": "width"})
            if case["cell"] == "gru" and length == middle(lengths):
                found.append({**given, "match": "parameters"})
    return found


def ladder_points(
    tuned: Tuned, kinds: dict[str, list[int]], fixed: dict[str, Any], budgets: Sequence[int]
) -> list[dict[str, Any]]:
    """All cells with every start in the middle of each kind of lengths, at each budget of steps."""
    middles = {kind: [middle(lengths)] for kind, lengths in kinds.items()}
    return [
        {**each, "steps": budget}
        for budget in budgets
        for each in main_points(tuned, middles, fixed)
        if each["match"] == "width" and each["cell"] != "rnn"
    ]


ATTACKS: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "rate × 3": lambda given: {"learning_rate": round(3 * given["learning_rate"], 6)},
    "rate ÷ 3": lambda given: {"learning_rate": round(given["learning_rate"] / 3, 6)},
    "width × 2": lambda given: {"hidden_size": 2 * given["hidden_size"]},
    "no clipping": lambda _: {"clip": 1e9},
}
"""What each attack changes in a run."""


def attack_points(tuned: Tuned, kinds: dict[str, list[int]], fixed: dict[str, Any], name: str) -> list[dict[str, Any]]:
    """The runs under attack: all cells with every start in the middle of each kind of lengths."""
    points = ladder_points(tuned, kinds, fixed, [fixed["steps"]])
    return [{**each, **ATTACKS[name](each)} for each in points]


def rate(tuned: Tuned, case: dict[str, str], length: int) -> float:
    """The chosen learning rate of a case at the longest tuned length, from this one down, at which one taught it anything.

    Where none did, the one chosen for its chrono start: any choice would be arbitrary, and the rate with which the same
    cell learns the same task best is the fairest.
    """
    known = sorted({int(each) for each in tuned.best["length"]}, reverse=True)
    for each in known if case["cell"] != "rnn" else []:
        if each <= length:
            best = pick(tuned.best, **point(case, each)).iloc[0]
            if best["score"] >= LEARNED:
                return float(best["learning_rate"])
    start = case["start"] if case["cell"] == "rnn" else "chrono"
    return tuned.rate(**point({**case, "start": start}, length))


def outcomes(runs: pd.DataFrame) -> pd.DataFrame:
    """One row a run: `start`, `solved` (0 or 1), `steps` to it, all of them where it was not solved; and what it had."""
    starts = ["chrono" if each.startswith("chrono") else each for each in runs["start"]]
    table = runs.assign(start=starts, steps_allowed=runs["steps"])
    table["steps"] = table["solved_at"].astype(float).fillna(table["steps_allowed"])
    columns = [*KEYS, "solved", "steps", "steps_allowed", "quality", "learning_rate", "parameters", "width", "clipped"]
    return (
        table[[*columns, "diverged"]].drop_duplicates([*KEYS, "learning_rate", "steps_allowed"]).reset_index(drop=True)
    )


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
    """Difference of two success rates, first − second, in points, paired by seed; a seed's rate is that over its runs."""
    a, b = _paired(first, second, "solved")
    if {*a, *b} <= {0.0, 1.0}:
        return paired_rates(a, b).mapped(lambda share: 100 * share)
    return mean_interval(100 * (a - b))


def _paired(first: pd.DataFrame, second: pd.DataFrame, column: str, how: str = "mean") -> tuple[np.ndarray, np.ndarray]:
    """A column of the runs that have a partner, one value a seed (`how`: over its runs), both in the same order."""
    both = pd.concat(
        [each.set_index(PAIR)[column] for each in (first, second)], axis=1, keys=["first", "second"], join="inner"
    )
    seeds = both.groupby(level="seed").agg(how).sort_index()
    return seeds["first"].to_numpy(dtype=float), seeds["second"].to_numpy(dtype=float)


def cells(table: pd.DataFrame, match: str = "width", **which: Any) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Runs of the LSTM and of the GRU; `match` is that of the GRU."""
    return pick(table, cell="lstm", match="width", **which), pick(table, cell="gru", match=match, **which)


def conditions(table: pd.DataFrame, lengths: list[int]) -> dict[str, dict[str, Any]]:
    """Tasks and starts under which both cells ran at the given lengths, by their name."""
    found: dict[str, dict[str, Any]] = {}
    for task, start in itertools.product(TASKS, STARTS):
        which: dict[str, Any] = {"task": task, "start": start, "length": lengths}
        if all(len(part) for part in cells(table, **which)):
            found[f"{task}, {name(start)}"] = which
    return found


def evidence(id: str, table: pd.DataFrame, lengths: list[int]) -> dict[str, Evidence]:
    """Evidence on M2 or M4 by task and start, over the given lengths at equal width, paired by seed."""
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
    """Time to solve, GRU − LSTM, seed by seed, in % of the budget; a run that never solved it took all of it.

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
    return interaction(
        [lag(*both) if id == "M2" else np.subtract(*_paired(*both, "solved", "min")) for both in counted]
    )


def _by_time(id: str, lstm: pd.DataFrame, gru: pd.DataFrame, left_out: str) -> Evidence:
    return weigh(id, lag(lstm, gru), left_out=left_out)


def _by_success(id: str, lstm: pd.DataFrame, gru: pd.DataFrame, left_out: str) -> Evidence:
    first, second = _paired(lstm, gru, "solved", "min")  # at every length

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


def missed(tuned: Tuned) -> int:
    """Cases in which more tuning seeds solved the task at another rate than at the one that is used."""
    runs, found = outcomes(tuned.runs), 0
    for length, case in itertools.product(runs["length"].unique(), cases(rnn=False)):
        solved = pick(runs, **case, length=length).groupby("learning_rate")["solved"].sum()
        found += bool(solved.max() > solved.get(rate(tuned, case, length), 0))
    return found


def opening(watched: pd.DataFrame) -> pd.DataFrame:
    """Openness of the keeping gate at the `first` and the `last` look, and the `rise`: medians over seeds.

    By cell, kind of labels and rate.
    """
    by = ["cell", "random_labels", "learning_rate"]
    ends = watched.sort_values("step").groupby([*by, "seed"])["keep"].agg(["first", "last"])
    return ends.assign(rise=ends["last"] - ends["first"]).groupby(by).median()
