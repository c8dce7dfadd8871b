"""From the runs and readings of the chapter *outlook/lightweight* to equal quality, ratios, the ladder and the evidence."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from evidence import figures
from evidence.ledger import ledger
from evidence.statistics import Interval
from evidence.tuning import Tuned
from evidence.verdicts import Evidence, is_flat
from experiments.lightweight.runs import baseline

LABELS = {cell: figures.LABELS[cell] for cell in ("lstm", "gru", "fastgrnn", "minlstm", "mingru")}
TASKS = {"mnist1d": "MNIST-1D", "recall": "recall", "parity": "parity"}
LIGHT = ("fastgrnn", "minlstm", "mingru")
SHALLOW = [(cell, 1) for cell in LABELS]
DEEP = [("minlstm", 2), ("mingru", 2)]
"""Minimal cells in two layers: the gates of the second hear what the first has kept."""
NETWORKS = [*SHALLOW, *DEEP]
Kind = tuple[str, int]
"""Cell and layers."""
EQUAL = 0.01
"""Share of answers by which a quality may miss that of the GRU and still be called equal."""
LEARNED = 0.2
"""A GRU that has learned less of a task than this, from guessing (0) to no mistake (1), tells nothing of the others."""
NEVER = 10.0
"""Ratio that stands for a quality that no width reached."""
RESAMPLES = 2000


def name_of(cell: str, layers: int) -> str:
    """Such as `minGRU` or `minGRU, 2 layers`."""
    return LABELS[cell] if layers == 1 else f"{LABELS[cell]}, {layers} layers"


def widths_of(kind: Kind, heavy: Sequence[int], light: Sequence[int], deep: Sequence[int]) -> Sequence[int]:
    """The widths of a kind of network: LSTM and GRU have the smaller ones, which make as many parameters."""
    return deep if kind[1] > 1 else light if kind[0] in LIGHT else heavy


def grid(kinds: Iterable[Kind], widths: Mapping[Kind, Sequence[int]], **fixed: Any) -> list[dict[str, Any]]:
    """Configurations of runs, without their rates: every kind at its widths."""
    return [
        {"cell": cell, "layers": layers, "width": width, **fixed}
        for cell, layers in kinds
        for width in widths[cell, layers]
    ]


def rated(points: Iterable[Mapping[str, Any]], tuned: Tuned, factor: float = 1.0) -> list[dict[str, Any]]:
    """The same with rates: those tuned at the nearest width of the kind, the larger of two, times a factor."""
    found = []
    for point in points:
        best = tuned.best[(tuned.best["cell"] == point["cell"]) & (tuned.best["layers"] == point["layers"])]
        far = [abs(math.log(width / point["width"])) for width in best["width"]]
        near = best.assign(far=far).sort_values(["far", "width"], ascending=[True, False]).iloc[0]
        found.append({**point, "learning_rate": float(f"{factor * near['learning_rate']:.3g}")})
    return found


def table_of(runs: pd.DataFrame, cell: str, layers: int = 1, value: str = "quality") -> pd.DataFrame:
    """One value of one kind of network: a row a seed, a column a width."""
    part = runs[(runs["cell"] == cell) & (runs["layers"] == layers)]
    return part.pivot(index="seed", columns="width", values=value).sort_index()


def places(quality: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Where curves over increasing widths first meet their target: a place among the widths, between two of them on a line.

    Args:
        quality: (N, widths). target: (N,).

    Returns:
        (N,): 0 where the first width is enough; infinity where none is.
    """
    enough = quality >= target[:, None]
    at = enough.argmax(1)
    rows, before = np.arange(len(quality)), np.maximum(at - 1, 0)
    top, rise = quality[rows, at], quality[rows, at] - quality[rows, before]
    back = np.divide(top - target, rise, out=np.zeros(len(rows)), where=at > 0)
    return np.where(enough.any(1), at - back, math.inf)


def ratios(runs: pd.DataFrame, readings: pd.DataFrame, cell: str, reference: int) -> np.ndarray:
    """Time of a call of a light cell, as good as the GRU of a width, ÷ that of this GRU: the estimate, then `RESAMPLES`.

    Seeds are drawn, the same for both cells, and rounds of the clock. Quality counts as equal down to `EQUAL` below the
    GRU's. Widths in between are as long as the clock says of their neighbours, on a line. Of one and two layers the quicker
    counts. Where no width is good enough the ratio is `NEVER`.
    """
    seeds, clock = table_of(runs, "gru")[reference].to_numpy(), _logs(readings, "gru", 1)[reference].to_numpy()
    chosen, read = _draws(len(seeds), 0), _draws(len(clock), 1)
    target = seeds[chosen].mean(1) - EQUAL
    found = np.full(len(target), NEVER)
    for kind in NETWORKS:
        own = table_of(runs, *kind)
        if kind[0] != cell or own.empty:
            continue
        at = places(own.to_numpy()[chosen].mean(1), target)
        logs = _logs(readings, *kind)[own.columns].to_numpy() - clock[:, None]
        there = _between(logs, np.where(np.isfinite(at), at, 0.0))  # (draws, rounds)
        medians = np.median(np.take_along_axis(there, read, 1), axis=1)
        found = np.where(np.isfinite(at), np.minimum(found, np.exp(medians)), found)
    return found


def _draws(number: int, stream: int) -> np.ndarray:
    """Places of bootstrap draws (1 + RESAMPLES, number); the first line takes each place once."""
    drawn = np.random.default_rng(stream).integers(number, size=(RESAMPLES, number))
    return np.vstack([np.arange(number), drawn])


def _logs(readings: pd.DataFrame, cell: str, layers: int) -> pd.DataFrame:
    """Logarithm of the seconds of a call: a row a round, a column a width."""
    return np.log(table_of(readings.rename(columns={"round": "seed"}), cell, layers, "seconds"))


def _between(columns: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Values (N, rounds) at N places between two columns of (rounds, widths), on a line."""
    low = at.astype(int)
    high = np.minimum(low + 1, columns.shape[1] - 1)
    first, second = columns.T[low], columns.T[high]
    return first + (at - low)[:, None] * (second - first)


def count_ratio(runs: pd.DataFrame, counted: pd.DataFrame, cell: str, reference: int, what: str) -> float:
    """Of the smallest light network as good as the GRU of a width, a count ÷ that of this GRU; infinite where none is as good.

    Args:
        runs, cell, reference: as for `ratios`. counted: from `tables.costs`. what: a column of it.
    """
    target = float(table_of(runs, "gru")[reference].mean()) - EQUAL
    found = [math.inf]
    for kind in NETWORKS:
        own = table_of(runs, *kind)
        if kind[0] == cell and not own.empty:
            at = float(places(own.mean().to_numpy()[None], np.array([target]))[0])
            numbers = [_count(counted, *kind, width, what) for width in own.columns]
            found.append(float(np.interp(at, range(len(numbers)), numbers)) if math.isfinite(at) else math.inf)
    return min(found) / _count(counted, "gru", 1, reference, what)


def _count(counted: pd.DataFrame, cell: str, layers: int, width: int, what: str) -> float:
    same = (counted["cell"] == cell) & (counted["layers"] == layers) & (counted["width"] == width)
    return float(counted.loc[same, what].iloc[0])


def weighed(values: np.ndarray, n: int, left_out: str = "") -> Evidence:
    """Evidence on claim F2 from an estimate and its resamples: percentile interval, and the p against the margin.

    Args:
        values: see `ratios`. n: seeds. left_out: why the condition tells nothing.
    """
    low, high = np.quantile(values[1:], [0.025, 0.975])
    margin = ledger()["F2"].margin
    sides = [(1 + np.sum(side)) / len(values) for side in (values[1:] <= margin, values[1:] >= margin)]
    interval = Interval(float(values[0]), float(min(low, values[0])), float(max(high, values[0])), n=n)
    return Evidence(interval, float(min(1.0, 2 * min(sides))), left_out=left_out)


def condition(cell: str, task: str) -> str:
    """Name of a condition of the claim."""
    return f"{LABELS[cell]}, {TASKS[task]}"


def evidence(runs: pd.DataFrame, readings: pd.DataFrame, reference: int) -> dict[str, Evidence]:
    """Evidence on claim F2 from the runs of one task: each light cell against the GRU of a width.

    A condition is left out where that GRU has not learned the task.
    """
    task, n = str(runs["task"].iloc[0]), runs["seed"].nunique()
    guess = baseline(task) if task != "mnist1d" else 0.1
    learned = (float(table_of(runs, "gru")[reference].mean()) - guess) / (1 - guess)
    why = "" if learned >= LEARNED else "the GRU has not learned the task"
    cells = [cell for cell in LIGHT if (runs["cell"] == cell).any()]
    return {condition(cell, task): weighed(ratios(runs, readings, cell, reference), n, why) for cell in cells}


def differ(conditions: Iterable[Evidence]) -> float:
    """P that all conditions have one ratio: how often resamples moved to a common mean spread as far as the estimates.

    Intervals without a width, where no width was ever good enough, count as they stand. Fewer than two conditions are alike.
    """
    kept = [each.interval for each in conditions if not each.left_out]
    if len(kept) < 2:
        return 1.0
    logs = np.log([each.estimate for each in kept])
    errors = np.array([math.log(each.high / each.low) / 3.92 for each in kept])
    drawn = np.random.default_rng(0).normal(size=(RESAMPLES, len(kept))) * errors
    return float((1 + np.sum(np.ptp(drawn, axis=1) >= np.ptp(logs) - 1e-12)) / (1 + RESAMPLES))


def rungs(by_budget: Mapping[int, pd.DataFrame], readings: pd.DataFrame, reference: int) -> pd.DataFrame:
    """The ratio of each light cell at each budget: `steps`, `cell`, `estimate`, `low`, `high`."""
    rows = []
    for steps, runs in sorted(by_budget.items()):
        found = evidence(runs, readings, reference)
        for cell in LIGHT:
            interval = found[condition(cell, "mnist1d")].interval
            row = {"estimate": interval.estimate, "low": interval.low, "high": interval.high}
            rows.append({"steps": steps, "cell": cell, **row})
    return pd.DataFrame(rows)


def flat(climbed: pd.DataFrame) -> bool:
    """Whether more training moves no light cell's ratio any more; `climbed` from `rungs`."""
    parts = [part.sort_values("steps")["estimate"] for _, part in climbed.groupby("cell")]
    return all(is_flat("F2", list(part)) for part in parts)
