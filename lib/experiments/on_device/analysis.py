"""From the runs and readings of the chapter *applications/on_device* to its tables and the evidence on its claim."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache

import numpy as np
import pandas as pd
from IPython.display import Markdown

from evidence import timing
from evidence.figures import LABELS
from evidence.statistics import Interval
from experiments.on_device.deployment import FORMATS
from experiments.on_device.live import Model, bytes_of
from experiments.on_device.runs import METRICS

NAMES = {"lstm": LABELS["lstm"], "gru": LABELS["gru"], "convolution": "convolution"}
CELLS = ("lstm", "gru")
RESAMPLES = 2000
NEAR = 0.015
"""Accuracies nearer than this to the chosen target are not asked for beside it."""
SHIPPED = ("float32", "int8 weights")
"""Formats in which the two cells are treated alike."""


def nearest(tuned_at: Sequence[int], width: int) -> int:
    """The tuned width nearest in ratio, the larger of two equals: its learning rates are used at `width`."""
    return min(tuned_at, key=lambda each: (max(each / width, width / each), -each))


def table_of(runs: pd.DataFrame, network: str, form: str = "float32") -> pd.DataFrame:
    """Accuracy of one network in one format: a row a seed, a column a width."""
    return runs[runs["network"] == network].pivot(index="seed", columns="width", values=METRICS[form])


def smallest(widths: Sequence[int], accuracy: np.ndarray, target: float) -> float:
    """Width at which an accuracy curve first meets the target; between two widths on a line over log width.

    Returns:
        The first width where this one is enough already; infinity where none is.
    """
    for place, value in enumerate(accuracy):
        if value >= target:
            if place == 0:
                return float(widths[0])
            share = (target - accuracy[place - 1]) / (value - accuracy[place - 1])
            low, high = math.log(widths[place - 1]), math.log(widths[place])
            return math.exp(low + share * (high - low))
    return math.inf


def whole(width: float, widest: int) -> int:
    """The next whole width; the widest one where the target was not met."""
    return widest if math.isinf(width) else math.ceil(width - 1e-9)


def least(runs: pd.DataFrame, network: str, target: float, form: str = "float32") -> float:
    """Width of the smallest network whose mean accuracy over the seeds meets the target."""
    table = table_of(runs, network, form)
    return smallest(list(table.columns), table.mean().to_numpy(), target)


def resampled(runs: pd.DataFrame, target: float, form: str = "float32") -> dict[str, np.ndarray]:
    """Smallest whole widths of each network in resamples of the seeds, the same seeds for all: (RESAMPLES,) each."""
    chosen = np.random.default_rng(0).integers(0, runs["seed"].nunique(), (RESAMPLES, runs["seed"].nunique()))
    found = {}
    for name in NAMES:
        table = table_of(runs, name, form)
        means = table.to_numpy()[chosen].mean(1)
        widths = list(table.columns)
        found[name] = np.array([whole(smallest(widths, row, target), widths[-1]) for row in means])
    return found


def byte_ratio(
    runs: pd.DataFrame, target: float, form: str = "float32", pair: tuple[str, str] = ("gru", "lstm")
) -> Interval:
    """Bytes of the smallest GRU that meets the target ÷ bytes of the smallest LSTM (or of another pair); bootstrap over seeds."""
    frame, widths = int(runs["frame"].iloc[0]), resampled(runs, target, form)
    drawn, point = {}, {}
    for name in pair:
        size = cache(lambda width, name=name: bytes_of(name, int(width), form, frame))
        drawn[name] = np.array([size(width) for width in widths[name]])
        widest = int(runs.loc[runs["network"] == name, "width"].max())
        point[name] = size(whole(least(runs, name, target, form), widest))
    return _interval(point[pair[0]] / point[pair[1]], drawn[pair[0]] / drawn[pair[1]], runs)


def latency_ratio(runs: pd.DataFrame, readings: pd.DataFrame, target: float) -> Interval:
    """Time of a call of the smallest GRU ÷ of the smallest LSTM, float32; bootstrap over seeds and rounds.

    The median over rounds of the ratio within a round: a machine that is slow for a while is slow for both. Times between
    the widths that were timed are on lines.
    """
    widths = resampled(runs, target)
    tables = {}
    for cell in CELLS:
        part = readings[(readings["network"] == cell) & (readings["form"] == "float32")]
        tables[cell] = part.pivot(index="round", columns="width", values="seconds")

    @cache
    def logs(gru: int, lstm: int) -> np.ndarray:
        times = [
            [np.interp(width, tables[cell].columns, row) for row in tables[cell].to_numpy()]
            for cell, width in (("gru", gru), ("lstm", lstm))
        ]
        return np.log(np.array(times[0]) / np.array(times[1]))

    rounds = readings["round"].nunique()
    drawn = np.random.default_rng(1).integers(0, rounds, (RESAMPLES, rounds))
    found = [
        np.median(logs(int(gru), int(lstm))[each])
        for gru, lstm, each in zip(widths["gru"], widths["lstm"], drawn, strict=True)
    ]
    point = [whole(least(runs, cell, target), int(runs["width"].max())) for cell in ("gru", "lstm")]
    return _interval(float(np.exp(np.median(logs(*point)))), np.exp(found), runs)


def evidence(runs: pd.DataFrame, readings: pd.DataFrame, target: float) -> dict[str, Interval]:
    """Evidence on claim U4: GRU ÷ LSTM at equal quality, for bytes and latency of float32 models."""
    return {"bytes": byte_ratio(runs, target), "latency": latency_ratio(runs, readings, target)}


def targets(runs: pd.DataFrame, readings: pd.DataFrame, target: float) -> pd.DataFrame:
    """Both ratios over targets around the chosen one that both cells reach: `target`, `what`, `estimate`, `low`, `high`."""
    tops = [float(table_of(runs, cell).mean().max()) for cell in CELLS]
    floors = [float(table_of(runs, cell).mean().iloc[0]) for cell in CELLS]
    low, high = max(floors), min(tops)
    chosen = sorted(
        {round(float(each), 3) for each in np.linspace(low, high, 7) if abs(each - target) > NEAR} | {target}
    )
    rows = []
    for each in chosen:
        found = {
            "bytes, float32": byte_ratio(runs, each),
            "bytes, int8 weights": byte_ratio(runs, each, "int8 weights"),
            "latency, float32": latency_ratio(runs, readings, each),
        }
        rows += [
            {"target": each, "what": what, "estimate": r.estimate, "low": r.low, "high": r.high}
            for what, r in found.items()
        ]
    return pd.DataFrame(rows)


def chosen(runs: pd.DataFrame, target: float) -> dict[str, int]:
    """Whole width of the smallest network of each kind that meets the target, the widest where none does."""
    return {
        name: whole(least(runs, name, target), int(runs.loc[runs["network"] == name, "width"].max())) for name in NAMES
    }


def models(widths: dict[str, int]) -> list[Model]:
    """The smallest networks in each format."""
    return [(name, width, form) for name, width in widths.items() for form in FORMATS]


def losses(runs: pd.DataFrame) -> pd.DataFrame:
    """Accuracy lost by 8-bit weights and by dynamic quantisation, in points: one row a run and format."""
    parts = [
        runs[["network", "width", "seed"]].assign(form=form, lost=100 * (runs["accuracy"] - runs[METRICS[form]]))
        for form in FORMATS[1:]
    ]
    return pd.concat(parts, ignore_index=True)


def format_table(frame: int, shares: dict[Model, float], waits: pd.DataFrame, memory: pd.DataFrame) -> Markdown:
    """Size, memory and latency of the smallest networks in each format, as a Markdown table."""
    points = timing.percentiles(waits, by=("network", "width", "form")).set_index(["network", "width", "form"])
    resident = memory.set_index(["network", "width", "form"])["resident"]
    lines = [
        "| network | units | format | file, bytes | 8-bit numbers, % | memory of a session, kB | p50, µs | p95, µs | p99, µs |"
    ]
    lines.append("|---|---:|---|" + "---:|" * 6)
    for model, share in shares.items():
        name, width, form = model
        times = " | ".join(f"{1e6 * points.loc[model, column]:.1f}" for column in ("p50", "p95", "p99"))
        size, held = bytes_of(*model, frame), resident[model] / 1000
        lines.append(f"| {NAMES[name]} | {width} | {form} | {size:,} | {100 * share:.0f} | {held:.0f} | {times} |")
    return Markdown("\n".join(lines))


def _interval(estimate: float, values: np.ndarray, runs: pd.DataFrame) -> Interval:
    low, high = np.quantile(values, [0.025, 0.975])
    return Interval(float(estimate), float(low), float(high), 0.95, runs["seed"].nunique())
