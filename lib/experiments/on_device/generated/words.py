"""Sentences and numbers of the chapter *applications/on_device*, made from its runs and readings."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd

from evidence import timing
from evidence.format import NBSP, listed
from evidence.statistics import Interval, bootstrap
from evidence.tuning import Tuned
from evidence.verdicts import CONTRADICTED, SUPPORTED, Verdict, ledger
from experiments.on_device.analysis import CELLS, NAMES, SHIPPED, byte_ratio, chosen, least, losses, table_of, whole
from experiments.on_device.deployment import FORMATS
from experiments.on_device.live import Model, bytes_of

WHATS = {
    "bytes, float32": "the bytes of float32 files",
    "bytes, int8 weights": "those with 8-bit weights",
    "latency, float32": "the time of a call",
}


def sentence(runs: pd.DataFrame, verdict: Verdict, target: float) -> str:
    """What the verdict says to a reader who has to choose."""
    parts = [f"{each.name} {_two_digits(Interval(each.estimate, each.low, each.high))}" for each in verdict.strata]
    return (
        f"The smallest GRU that reaches {100 * target:.0f} % on MNIST-1D against the smallest LSTM: {' and '.join(parts)} "
        f"of it. {advice(runs, verdict, target)}"
    )


def advice(runs: pd.DataFrame, verdict: Verdict, target: float) -> str:
    """What to do, from the two ratios and what a convolution needs."""
    words = {each.name: each.word for each in verdict.strata}
    frame, widths = int(runs["frame"].iloc[0]), chosen(runs, target)
    cell = min(CELLS, key=lambda each: bytes_of(each, widths[each], "float32", frame))
    said = {SUPPORTED: "smaller", CONTRADICTED: "no smaller"}.get(words["bytes"], "not surely smaller")
    fast = {SUPPORTED: "faster", CONTRADICTED: "no faster"}.get(words["latency"], "not surely faster")
    start = f"At equal quality the GRU is {said} and, on a CPU, {fast}."
    if any(math.isinf(least(runs, each, target)) for each in CELLS):
        start = "Not both cells reach the target, so there is nothing to compare at equal quality."
    text = f"{start} Store the weights as 8-bit integers, whichever cell it is: "
    eight = bytes_of(cell, widths[cell], "int8 weights", frame) / bytes_of(cell, widths[cell], "float32", frame)
    text += f"the smaller cell's file shrinks to {eight:.2f} of its size, more than the choice of the cell brings"
    ratio = bytes_of("gru", widths["gru"], "float32", frame) / bytes_of("lstm", widths["lstm"], "float32", frame)
    if min(ratio, 1 / ratio) < eight:
        text = text.replace("more than", "though less than")
    text += "."
    if not math.isinf(least(runs, "convolution", target)):
        found = byte_ratio(runs, target, pair=("convolution", cell))
        text += " A convolution is smaller still: try it first." if found.high < 1 else ""
        text += " A convolution is about as small: try it too." if found.low <= 1 <= found.high else ""
    return text


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
        return f"A convolution needs {size:,} bytes for the target, and no cell that was tried reaches it."
    best = min(cells, key=lambda each: cells[each])
    found = byte_ratio(runs, target, pair=("convolution", best))
    word = "fewer than" if found.high < 1 else "more than" if found.low > 1 else "about as many as"
    return f"A convolution needs {size:,} bytes for the same target, {word} the smaller cell ({NAMES[best]})."


def finding(runs: pd.DataFrame, target: float) -> str:
    """Smallest widths and their files."""
    frame, parts, between = int(runs["frame"].iloc[0]), [], False
    for cell in CELLS:
        width = least(runs, cell, target)
        if math.isinf(width):
            parts.append(f"no {NAMES[cell]} that was tried is large enough")
        else:
            units = whole(width, 0)
            between |= units not in set(runs.loc[runs["network"] == cell, "width"])
            parts.append(f"the {NAMES[cell]} needs {units} units ({bytes_of(cell, units, 'float32', frame):,} bytes)")
    end = ", read off a line between the sizes that were trained" if between else ""
    return f"To name {100 * target:.0f}{NBSP}% of the curves rightly, {' and '.join(parts)}{end}."


def second_look(table: pd.DataFrame) -> str:
    """What the ratios say at all accuracies asked for, from `targets`."""
    parts, clear = [], True
    for what, rows in table.groupby("what", sort=False):
        below = int((rows["high"] < ledger()["U4"].margin).sum())
        span = f"{rows['estimate'].min():.2f} to {rows['estimate'].max():.2f}"
        parts.append(f"for {WHATS[str(what)]} at {below} (ratios {span})")
        clear &= below <= 1 or below >= len(rows) - 1
    count = table["target"].nunique()
    end = "The target decides little." if clear else "So the target decides: do not trust a single one."
    return f"Of {count} accuracies, the whole interval lies below {margin()} {listed(parts)}. {end}"


def growth(readings: pd.DataFrame, frame: int) -> str:
    """How the time of a call grows with the width, beside the bytes of the file."""
    times = readings[readings["form"] == "float32"].groupby(["network", "width"])["seconds"].median()
    parts, weak = [], True
    for cell in CELLS:
        low, high = (int(end(times[cell].index)) for end in (min, max))
        size = bytes_of(cell, high, "float32", frame) / bytes_of(cell, low, "float32", frame)
        longer = times[cell][high] / times[cell][low]
        weak &= bool(longer < math.sqrt(size))
        parts.append(
            f"the {NAMES[cell]}'s file becomes {size:.1f} times as large and its call takes {longer:.1f} times as long"
        )
    start = (
        "Here the time follows the size of the file only weakly" if weak else "The time grows with the size of the file"
    )
    return f"{start}: from {low} to {high} units {', '.join(parts)}."


def numbers(runs: pd.DataFrame, tuned: Tuned, base: pd.DataFrame, target: float) -> dict[str, str]:
    """Texts for the prose that rest on runs and file sizes alone, by name."""
    frame, widths = int(runs["frame"].iloc[0]), chosen(runs, target)
    first = runs.iloc[0]
    found = {key: f"{int(first[key]):,}" for key in ("steps", "batch", "frame")}
    found |= {f"width-{name}": str(width) for name, width in widths.items()}
    found["target"] = f"{100 * target:.0f}{NBSP}%"
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
            found[f"lost-{cell}-{form.split()[1]}"] = (
                bootstrap(part.to_numpy()).signed(2).replace(" ", NBSP) + " points"
            )
    for name in CELLS:
        shrunk = bytes_of(name, widths[name], "int8 weights", frame) / bytes_of(name, widths[name], "float32", frame)
        found[f"shrunk-{name}"] = f"{shrunk:.2f}"
        wide = bytes_of(name, same, "int8 weights", frame) / bytes_of(name, same, "float32", frame)
        found[f"shrunk-wide-{name}"] = f"{wide:.2f}"
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
    return f"It turns {listed(parts)} numbers into 8-bit integers. {cells}"


def live_numbers(evidence: dict[str, Interval], waits: pd.DataFrame, widths: dict[str, int]) -> dict[str, Any]:
    """Texts for the prose that rest on timings, by name."""
    points = timing.percentiles(waits, by=("network", "form")).set_index(["network", "form"])
    found = {"latency": _two_digits(evidence["latency"])}
    quickest = min(widths, key=lambda name: points.loc[(name, "float32"), "p50"])
    found["quickest"] = f"The quickest call on this CPU is that of the {NAMES[quickest]}."
    for name in widths:
        for form in FORMATS:
            found[f"p50-{name}-{form.replace(' ', '-')}"] = f"{1e6 * points.loc[(name, form), 'p50']:.1f}{NBSP}µs"
    return found


def margin() -> str:
    """The ledger's margin."""
    return f"{ledger()['U4'].margin:g}"


def _two_digits(interval: Interval) -> str:
    return interval.format("{:.2f}").replace(" ", NBSP)
