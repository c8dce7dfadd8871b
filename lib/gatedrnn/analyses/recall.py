"""From the runs of the chapter *memory/recall* to success rates, differences, shares of variance and evidence."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from gatedrnn.statistics import Equivalence, Interval, wilson
from gatedrnn.tuning import Tuned
from gatedrnn.verdicts import Evidence, ledger

TASKS = ("recall", "adding")
GATED = ("lstm", "gru")
STARTS = ("default", "bias:1", "chrono")
REGIMES = ("short", "long")
FACTORS = ("cell", "start", "length", "task")
KEYS = ["task", "start", "cell", "size", "length", "seed"]


def regimes(lengths: Sequence[int], long_from: int) -> dict[str, list[int]]:
    """Short and long lengths; where one kind is missing, the shortest or the longest length stands for it."""
    short = [each for each in lengths if each < long_from] or [min(lengths)]
    long = [each for each in lengths if each >= long_from] or [max(lengths)]
    return {"short": sorted(short), "long": sorted(long)}


def scheme(start: str, length: int) -> str:
    """The start as `gatedrnn.initialisation` names it: chrono takes the length as its longest time."""
    return f"chrono:{max(length, 3)}" if start == "chrono" else start


def cases(tasks: Sequence[str] = TASKS, rnn: bool = True) -> list[dict[str, str]]:
    """Task, cell and start of all that is compared; a tanh RNN has no gate and hence one start."""
    found = [{"task": t, "cell": c, "start": s} for t, s, c in itertools.product(tasks, STARTS, GATED)]
    return found + [{"task": task, "cell": "rnn", "start": "default"} for task in tasks if rnn]


def point(case: dict[str, str], length: int, **more: Any) -> dict[str, Any]:
    """Keywords of a run."""
    return {
        "task": case["task"],
        "cell": case["cell"],
        "scheme": scheme(case["start"], length),
        "length": length,
        **more,
    }


def tuning_points(length: int, tasks: Sequence[str] = TASKS, rnn: bool = False) -> list[dict[str, Any]]:
    """What gets a learning rate of its own at one length."""
    return [point(case, length) for case in cases(tasks, rnn)]


def points(tuned: dict[str, Tuned], kinds: dict[str, list[int]], fixed: dict[str, Any]) -> list[dict[str, Any]]:
    """Everything that is reported: equal width at all lengths, and the GRU at equal parameters at the first long one.

    The tanh RNN runs at short lengths only. A length takes the rate that was tuned at the shortest of its kind.
    """
    found = []
    pairs = {(kind, length) for kind, some in kinds.items() for length in some}
    for kind, length in sorted(pairs, key=lambda each: (each[1], each[0] == "long")):
        for case in cases(rnn=kind == "short"):
            given = point(case, length, learning_rate=rate(tuned[kind], case, kinds[kind][0]), **fixed)
            if case["cell"] == "gru" and (kind, length) == ("long", kinds["long"][0]):
                found.append({**given, "size": "parameters"})
            found.append({**given, "size": "width"})
    return found


def rate(tuned: Tuned, case: dict[str, str], length: int) -> float:
    """The chosen learning rate of a case; where no rate solved it, the one chosen for chrono.

    Such a choice would be arbitrary, and the rate with which the same cell learns the same task best is the fairest.
    """
    solved = bool(pick(tuned.runs, **point(case, length))["solved"].any()) or case["cell"] not in GATED
    return tuned.rate(**point(case if solved else {**case, "start": "chrono"}, length))


def with_start(table: pd.DataFrame) -> pd.DataFrame:
    """The same rows with the column `start`, from `scheme`."""
    return table.assign(start=[each.partition(":")[0] if "chrono" in each else each for each in table["scheme"]])


def outcomes(runs: pd.DataFrame) -> pd.DataFrame:
    """One row a run: `solved` (0 or 1), `steps` to it, all of them where it was not solved; and what else is drawn."""
    table = with_start(runs)
    table["steps_allowed"] = table["steps"]
    table["steps"] = table["solved_at"].astype(float).fillna(table["steps_allowed"])
    columns = [*KEYS, "solved", "steps", "steps_allowed", "quality", "learning_rate", "parameters", "width", "clipped"]
    return table[[*columns, "diverged"]].drop_duplicates(KEYS).reset_index(drop=True)


def pick(table: pd.DataFrame, **which: Any) -> pd.DataFrame:
    """Rows with these values; a list allows several."""
    for name, value in which.items():
        table = table[table[name].isin(value) if isinstance(value, list | tuple) else table[name] == value]
    return table


def success(part: pd.DataFrame) -> Interval:
    """Success rate with its Wilson interval."""
    return wilson(int(part["solved"].sum()), len(part))


def newcombe(a: tuple[int, int], b: tuple[int, int], level: float = 0.95) -> Interval:
    """Difference of two success rates a − b, each (successes, n), with its interval from two Wilson ones (Newcombe 1998).

    Unlike a bootstrap it does not shrink to nothing where all runs succeed or all fail.
    """
    first, second = wilson(*a, level), wilson(*b, level)
    gap = first.estimate - second.estimate
    down = math.hypot(first.estimate - first.low, second.high - second.estimate)
    up = math.hypot(first.high - first.estimate, second.estimate - second.low)
    return Interval(gap, max(gap - down, -1.0), min(gap + up, 1.0), level, a[1] + b[1])


def difference(table: pd.DataFrame, level: float = 0.95, size: str = "width", **which: Any) -> Interval:
    """Success rate, LSTM − GRU, in points, every run counted as one trial."""
    found = newcombe(*_counts(table, size, which), level)
    return Interval(100 * found.estimate, 100 * found.low, 100 * found.high, level, found.n)


def _counts(table: pd.DataFrame, size: str, which: dict[str, Any]) -> tuple[tuple[int, int], tuple[int, int]]:
    rows = pick(table, **which)
    lstm, gru = pick(rows, cell="lstm", size="width"), pick(rows, cell="gru", size=size)
    return (int(lstm["solved"].sum()), len(lstm)), (int(gru["solved"].sum()), len(gru))


def tail(table: pd.DataFrame, margin: float, side: str, **which: Any) -> float:
    """One-sided p: the least α at which Newcombe's interval of level 1 − 2α clears the margin on one side.

    Args:
        margin: in points. side: `below`, the difference lies below the margin; or `above`.
    """
    low, high = 1e-9, 0.5
    clears = {"below": lambda each: each.high < margin, "above": lambda each: each.low > margin}[side]
    if not clears(difference(table, 1 - 2 * (high - 1e-9), **which)):
        return 1.0
    for _ in range(50):
        middle = math.sqrt(low * high)
        low, high = (low, middle) if clears(difference(table, 1 - 2 * middle, **which)) else (middle, high)
    return high


def evidence(id: str, table: pd.DataFrame, lengths: list[int]) -> dict[str, Evidence]:
    """Evidence on M2 or M4 by start, over both tasks and the given lengths at equal width."""
    claim, found = ledger()[id], {}
    for start in STARTS:
        which: dict[str, Any] = {"start": start, "length": lengths}
        interval = difference(table, **which)
        below, above = (tail(table, claim.margin, side, **which) for side in ("below", "above"))
        if claim.rule != "equivalent":
            found[name(start)] = Evidence(interval, min(below, above))
            continue
        inside = max(below, tail(table, -claim.margin, "above", **which))
        outside = min(above, tail(table, -claim.margin, "below", **which))
        found[name(start)] = Evidence(interval, outside, Equivalence(inside, claim.margin, inside < 0.05))
    return found


def name(start: str) -> str:
    """How a start is called."""
    return {"default": "default", "chrono": "chrono"}.get(start, start.replace(":", " "))


def parting(table: pd.DataFrame, task: str, start: str) -> int | None:
    """The first length at which the interval of LSTM − GRU leaves zero, None where it never does."""
    for length in sorted(table["length"].unique()):
        gap = difference(table, task=task, start=start, length=int(length))
        if gap.low > 0 or gap.high < 0:
            return int(length)
    return None


def cube(table: pd.DataFrame, factors: Sequence[str], outcome: str) -> np.ndarray:
    """An outcome over a balanced design, (levels of each factor…, seeds).

    Raises:
        ValueError: the design is not balanced, or a run is there twice.
    """
    series = table.set_index([*factors, "seed"])[outcome].astype(float)
    shape = [table[each].nunique() for each in (*factors, "seed")]
    if series.index.has_duplicates or len(series) != math.prod(shape):
        raise ValueError(f"{len(series)} runs over {', '.join(factors)}: not each combination once for each seed")
    return series.sort_index().to_numpy().reshape(shape)


def shares(y: np.ndarray, factors: Sequence[str]) -> pd.Series:
    """Shares of the variance of an outcome, by an exact decomposition of its sum of squares; they add up to 1.

    A factor's share is the variance of its level means. What two factors do together, beyond the sum of both, is
    `two together`; three or more, `more together`; what is left within a condition is `seed`.

    Args:
        y: as from `cube`. factors: names of its axes but the last.
    """
    total = float(((y - y.mean()) ** 2).sum())
    explained: dict[tuple[int, ...], float] = {}
    for order in range(1, len(factors) + 1):
        for group in itertools.combinations(range(len(factors)), order):
            means = y.mean(axis=tuple(axis for axis in range(y.ndim) if axis not in group))
            smaller = sum(value for key, value in explained.items() if set(key) < set(group))
            explained[group] = float(((means - y.mean()) ** 2).sum()) * y.size / means.size - smaller
    found = {factors[key[0]]: value for key, value in explained.items() if len(key) == 1}
    found["two together"] = sum(value for key, value in explained.items() if len(key) == 2)
    found["more together"] = sum(value for key, value in explained.items() if len(key) > 2)
    found["seed"] = total - sum(explained.values())
    return pd.Series(found) / (total or 1.0)


def share_table(table: pd.DataFrame, tuned: dict[str, Tuned], rates: Sequence[float]) -> pd.DataFrame:
    """Shares of success and of log steps, in per cent: of the reported runs, and of the tuning runs with their rates.

    The reported runs have bootstrap intervals over seeds (all runs of a seed stay together).
    """
    main = pick(table, cell=list(GATED), size="width").assign(log=lambda each: np.log(each["steps"]))
    tried = pd.concat([outcomes_with_rates(each.runs) for each in tuned.values()])
    tried = pick(tried, cell=list(GATED), learning_rate=list(rates)).assign(log=lambda each: np.log(each["steps"]))
    tried = tried.drop_duplicates([*FACTORS, "learning_rate", "seed"])
    generator, rows = np.random.default_rng(0), []
    for outcome in ("solved", "log"):
        y = cube(main, FACTORS, outcome)
        drawn = generator.integers(y.shape[-1], size=(500, y.shape[-1]))
        again = pd.DataFrame([shares(y[..., each], FACTORS) for each in drawn]).quantile([0.025, 0.975])
        factors = [*FACTORS, "learning_rate"]
        rest = shares(cube(tried, factors, outcome), factors)
        for source, values in (("at tuned rates", shares(y, FACTORS)), ("over all rates tried", rest)):
            for factor, value in values.items():
                row = {"source": source, "outcome": outcome, "factor": factor, "share": 100 * value}
                low, high = again[factor] if source == "at tuned rates" else (np.nan, np.nan)
                rows.append({**row, "low": 100 * low, "high": 100 * high})
    return pd.DataFrame(rows)


def outcomes_with_rates(runs: pd.DataFrame) -> pd.DataFrame:
    """As `outcomes`, for tuning runs, of which one case has several rates."""
    return pd.concat([outcomes(part) for _, part in runs.groupby("learning_rate")], ignore_index=True)
