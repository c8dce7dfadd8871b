"""From the runs and readings of the chapter *applications/on_device* to its tables, numbers, sentences and verdict."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
from IPython.display import Markdown

from gatedrnn import measuring
from gatedrnn.deployment import FORMATS
from gatedrnn.experiments.on_device import METRICS
from gatedrnn.experiments.on_device_live import Model, bytes_of
from gatedrnn.figures import LABELS
from gatedrnn.statistics import Interval, bootstrap
from gatedrnn.tuning import Tuned
from gatedrnn.verdicts import CONTRADICTED, SUPPORTED, Verdict, ledger

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
    """Smallest whole widths of each cell in resamples of the seeds, the same seeds for both: (RESAMPLES,) each."""
    chosen = np.random.default_rng(0).integers(0, runs["seed"].nunique(), (RESAMPLES, runs["seed"].nunique()))
    found = {}
    for cell in CELLS:
        table = table_of(runs, cell, form)
        means = table.to_numpy()[chosen].mean(1)
        widths = list(table.columns)
        found[cell] = np.array([whole(smallest(widths, row, target), widths[-1]) for row in means])
    return found


def byte_ratio(runs: pd.DataFrame, target: float, form: str = "float32") -> Interval:
    """Bytes of the smallest GRU that meets the target ÷ bytes of the smallest LSTM; bootstrap over seeds."""
    frame, widths = int(runs["frame"].iloc[0]), resampled(runs, target, form)
    sizes = {cell: np.array([bytes_of(cell, int(width), form, frame) for width in widths[cell]]) for cell in CELLS}
    point = {cell: whole(least(runs, cell, target, form), int(runs["width"].max())) for cell in CELLS}
    estimate = bytes_of("gru", point["gru"], form, frame) / bytes_of("lstm", point["lstm"], form, frame)
    return _interval(estimate, sizes["gru"] / sizes["lstm"], runs)


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
    points = measuring.percentiles(waits, by=("network", "width", "form")).set_index(["network", "width", "form"])
    resident = memory.set_index(["network", "width", "form"])["resident"]
    lines = [
        "| network | units | format | file, bytes | 8-bit numbers, % | memory of a session, kB | p50, µs | p95, µs | p99, µs |"
    ]
    lines.append("|---|" + "---:|" * 8)
    for model, share in shares.items():
        name, width, form = model
        times = " | ".join(f"{1e6 * points.loc[model, column]:.1f}" for column in ("p50", "p95", "p99"))
        size, held = bytes_of(*model, frame), resident[model] / 1000
        lines.append(f"| {NAMES[name]} | {width} | {form} | {size:,} | {100 * share:.0f} | {held:.0f} | {times} |")
    return Markdown("\n".join(lines))


def sentence(runs: pd.DataFrame, verdict: Verdict, target: float) -> str:
    """What the verdict says to a reader who has to choose."""
    parts = [f"{each.name} {_ratio(Interval(each.estimate, each.low, each.high))}" for each in verdict.strata]
    return (
        f"The smallest GRU that reaches {100 * target:.0f} % on MNIST-1D against the smallest LSTM: {' and '.join(parts)} "
        f"of it. {advice(runs, verdict, target)}"
    )


def advice(runs: pd.DataFrame, verdict: Verdict, target: float) -> str:
    """What to do, from the two ratios and the convolution."""
    words = {each.name: each.word for each in verdict.strata}
    frame, widths = int(runs["frame"].iloc[0]), chosen(runs, target)
    cell = min(CELLS, key=lambda each: bytes_of(each, widths[each], "float32", frame))
    said = {SUPPORTED: "smaller", CONTRADICTED: "no smaller"}.get(words["bytes"], "not surely smaller")
    fast = {SUPPORTED: "faster", CONTRADICTED: "no faster"}.get(words["latency"], "not surely faster")
    text = f"At equal quality the GRU is {said} and {fast}. Store the weights as 8-bit integers, whichever cell it is: "
    eight = bytes_of(cell, widths[cell], "int8 weights", frame) / bytes_of(cell, widths[cell], "float32", frame)
    text += f"the smaller cell's file shrinks to {eight:.2f} of its size, more than the choice of the cell brings"
    ratio = bytes_of("gru", widths["gru"], "float32", frame) / bytes_of("lstm", widths["lstm"], "float32", frame)
    if min(ratio, 1 / ratio) < eight:
        text = text.replace("more than", "though less than")
    return text + f". {convolution(runs, target)}"


def convolution(runs: pd.DataFrame, target: float) -> str:
    """Where the convolution stands against the smaller of the two cells."""
    frame, width = int(runs["frame"].iloc[0]), least(runs, "convolution", target)
    if math.isinf(width):
        return "No convolution that was tried reaches the target."
    size = bytes_of("convolution", whole(width, 0), "float32", frame)
    cells = {
        cell: bytes_of(cell, whole(least(runs, cell, target), 0), "float32", frame)
        for cell in CELLS
        if not math.isinf(least(runs, cell, target))
    }
    if not cells:
        return f"A convolution reaches the target with {size:,} bytes, and no cell that was tried does."
    best = min(cells, key=lambda each: cells[each])
    word = "less" if size < cells[best] else "more"
    return f"A convolution reaches the target with {size:,} bytes, {word} than the smaller cell ({NAMES[best]}, {cells[best]:,})."


def finding(runs: pd.DataFrame, target: float) -> str:
    """Smallest widths and their files."""
    frame, parts = int(runs["frame"].iloc[0]), []
    for cell in CELLS:
        width = least(runs, cell, target)
        if math.isinf(width):
            parts.append(f"no {NAMES[cell]} that was tried reaches it")
        else:
            units = whole(width, 0)
            parts.append(
                f"the smallest {NAMES[cell]} that does has {units} units and {bytes_of(cell, units, 'float32', frame):,} bytes"
            )
    return f"{100 * target:.0f} % of curves named rightly: {' and '.join(parts)}."


def numbers(runs: pd.DataFrame, tuned: Tuned, base: pd.DataFrame, target: float) -> dict[str, str]:
    """Texts for the prose that rest on runs and file sizes alone, by name."""
    frame, widths = int(runs["frame"].iloc[0]), chosen(runs, target)
    first = runs.iloc[0]
    found = {key: str(int(first[key])) for key in ("steps", "batch", "frame")}
    found |= {f"width-{name}": str(width) for name, width in widths.items()}
    found["target"] = f"{100 * target:.0f} %"
    found["tuning-seeds"] = str(tuned.runs["seed"].nunique())
    found["logistic"] = f"{100 * base['accuracy'].iloc[0]:.1f} %"
    found["logistic-bytes"] = f"{base['bytes'].iloc[0]:,}"
    found["finding"] = finding(runs, target)
    found["convolution"] = convolution(runs, target)
    found["gap"] = f"{runs['gap'].max():.1g}"
    for form in SHIPPED:
        found[f"ratio-{form.replace(' ', '-')}"] = _ratio(byte_ratio(runs, target, form))
    same = int(runs["width"][runs["network"] == "gru"].max())
    found["same-width"] = str(same)
    found["same-bytes"] = f"{bytes_of('gru', same, 'float32', frame) / bytes_of('lstm', same, 'float32', frame):.2f}"
    lost = losses(runs)
    for cell in NAMES:
        for form in FORMATS[1:]:
            part = lost[(lost["network"] == cell) & (lost["form"] == form)].groupby("seed")["lost"].mean()
            found[f"lost-{cell}-{form.split()[1]}"] = bootstrap(part.to_numpy()).signed(2) + " points"
    for name in CELLS:
        shrunk = bytes_of(name, widths[name], "int8 weights", frame) / bytes_of(name, widths[name], "float32", frame)
        found[f"shrunk-{name}"] = f"{shrunk:.2f}"
        changed = bytes_of(name, widths[name], "int8 dynamic", frame) / bytes_of(name, widths[name], "float32", frame)
        found[f"dynamic-{name}"] = f"{changed:.2f}"
        low, high = (100 * table_of(runs, name).mean().iloc[place] for place in (0, -1))
        found[f"span-{name}"] = f"{low:.1f} % to {high:.1f} %"
    return found


def dynamic_text(shares: dict[Model, float]) -> str:
    """What dynamic quantisation did to each network's numbers."""
    parts = [
        f"{100 * share:.0f} % of the {NAMES[name]}'s"
        for (name, _, form), share in shares.items()
        if form == "int8 dynamic"
    ]
    gru = next(share for (name, _, form), share in shares.items() if form == "int8 dynamic" and name == "gru")
    cells = (
        "It knows the LSTM as an operator of its own and passes the GRU by." if gru < 0.5 else "It knows both cells."
    )
    return f"It turns {', '.join(parts[:-1])} and {parts[-1]} numbers into 8-bit integers. {cells}"


def live_numbers(evidence: dict[str, Interval], waits: pd.DataFrame, widths: dict[str, int]) -> dict[str, Any]:
    """Texts for the prose that rest on timings, by name."""
    points = measuring.percentiles(waits, by=("network", "form")).set_index(["network", "form"])
    found = {"latency": _ratio(evidence["latency"])}
    for name in widths:
        for form in FORMATS:
            found[f"p50-{name}-{form.replace(' ', '-')}"] = f"{1e6 * points.loc[(name, form), 'p50']:.1f} µs"
        found[f"p99-{name}"] = f"{1e6 * points.loc[(name, 'float32'), 'p99']:.1f} µs"
    return found


def margin() -> str:
    """The ledger's margin."""
    return f"{ledger()['U4'].margin:g}"


def _interval(estimate: float, values: np.ndarray, runs: pd.DataFrame) -> Interval:
    low, high = np.quantile(values, [0.025, 0.975])
    return Interval(float(estimate), float(low), float(high), 0.95, runs["seed"].nunique())


def _ratio(interval: Interval) -> str:
    return interval.format("{:.2f}")
