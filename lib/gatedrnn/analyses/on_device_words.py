"""Sentences and numbers of the chapter *applications/on_device*, made from its runs and readings."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd

from gatedrnn import measuring
from gatedrnn.analyses.on_device import CELLS, NAMES, SHIPPED, byte_ratio, chosen, least, losses, table_of, whole
from gatedrnn.deployment import FORMATS
from gatedrnn.experiments.on_device_live import Model, bytes_of
from gatedrnn.statistics import Interval, bootstrap
from gatedrnn.tuning import Tuned
from gatedrnn.verdicts import CONTRADICTED, SUPPORTED, Verdict, ledger


def sentence(runs: pd.DataFrame, verdict: Verdict, target: float) -> str:
    """What the verdict says to a reader who has to choose."""
    parts = [f"{each.name} {_two_digits(Interval(each.estimate, each.low, each.high))}" for each in verdict.strata]
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
        found[f"ratio-{form.replace(' ', '-')}"] = _two_digits(byte_ratio(runs, target, form))
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
    found = {"latency": _two_digits(evidence["latency"])}
    for name in widths:
        for form in FORMATS:
            found[f"p50-{name}-{form.replace(' ', '-')}"] = f"{1e6 * points.loc[(name, form), 'p50']:.1f} µs"
        found[f"p99-{name}"] = f"{1e6 * points.loc[(name, 'float32'), 'p99']:.1f} µs"
    return found


def margin() -> str:
    """The ledger's margin."""
    return f"{ledger()['U4'].margin:g}"


def _two_digits(interval: Interval) -> str:
    return interval.format("{:.2f}")
