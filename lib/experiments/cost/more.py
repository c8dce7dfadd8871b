"""Captions, numbers and sentences of the later parts of *performance/cost*: growth, latency, memory."""

from __future__ import annotations

import pandas as pd

from evidence.statistics import Interval
from experiments.cost import runs
from experiments.cost.analysis import MISSING
from experiments.cost.runs import PAIRS
from experiments.shared import workloads

Growth = dict[str, tuple[str, pd.DataFrame, pd.DataFrame]]
WHATS = {"kept": "kept for backward", "training": "peak of training", "inference": "peak of inference"}


def growth_caption() -> str:
    """Caption of the growth figure."""
    return (
        "Training step on one thread, as one size grows and the others are held. Top: milliseconds (bands: quartiles). "
        "Bottom: GRU ÷ LSTM (bands: 95 % intervals); solid line at 1, dashed at 0.75. Grey: stock PyTorch, whose ratio falls "
        "as work covers the toll of the calls. Green: matched kernels. Dotted: a GRU with as many parameters as the LSTM."
    )


def _by(tables: Growth, axis: str, wider: bool) -> dict[str, pd.Series]:
    """Ratios along an axis, by implementation."""
    table = tables[axis][2]
    table = table[table["wider"] == wider]
    return {side: part.set_index(axis)["ratio"].sort_index() for side, part in table.groupby("implementation")}


def growth_alt(tables: Growth) -> str:
    """The growth figure in words."""
    parts = []
    for axis in tables:
        for side, ratio in _by(tables, axis, wider=False).items():
            if side in ("oneDNN", "matched"):
                name = "stock" if side == "oneDNN" else side
                words = axis.replace("_", " ")
                parts.append(
                    f"{name}, {words} {ratio.index[0]} to {ratio.index[-1]}: {ratio.iloc[0]:.2f} to {ratio.iloc[-1]:.2f}"
                )
    return "Three pairs of line plots of time and of the ratio GRU to LSTM. " + "; ".join(parts) + "."


def growth_numbers(tables: Growth) -> dict[str, str]:
    """Ratios at the ends of the length axis, and of the widest GRU of equal parameters."""
    lengths, equal = _by(tables, "length", wider=False), _by(tables, "hidden_size", wider=True)
    found = {}
    for side in ("oneDNN", "matched"):
        for end, place in (("short", 0), ("long", -1)):
            found[f"length-{end}-{side}"] = f"{lengths[side].iloc[place]:.2f}" if side in lengths else MISSING
            found[f"length-{end}"] = str(lengths["oneDNN"].index[place])
        found[f"equal-{side}"] = f"{equal[side].iloc[-1]:.2f}" if side in equal else MISSING
    found["widest"] = str(equal["oneDNN"].index[-1])
    return found


def latency_alt(points: pd.DataFrame) -> str:
    """The latency figure in words."""
    parts = [
        f"H = {row.hidden_size}, T = {row.length}, {row.name}: p50 {row.p50 * 1e6:.0f}, p95 {row.p95 * 1e6:.0f} µs"
        for row in points.itertuples(index=False)
    ]
    return "Time of single calls, from p50 to p95. " + "; ".join(parts) + "."


def latency_numbers(points: pd.DataFrame, single: pd.DataFrame, length: int) -> dict[str, str]:
    """Ratios and percentiles of single calls at the smallest and the largest hidden size.

    Args:
        points: percentiles by `hidden_size`, `length` and `name`.
        single: from `experiments.cost.ratio_table`, inference at batch size 1.
        length: T of the longer calls.
    """
    p = points.set_index(["hidden_size", "length", "name"])
    ratio = single.set_index(["implementation", "hidden_size", "length"])["ratio"]
    found = {"map-length": str(length)}
    sizes = points["hidden_size"]
    contenders = {
        "LSTM, oneDNN": "oneDNN",
        "GRU": "gru",
        "GRU, ONNX Runtime": "onnx-gru",
        "GRU, matched": "matched-gru",
    }
    for name, size in (("small", int(sizes.min())), ("large", int(sizes.max()))):
        found[f"size-{name}"] = str(size)
        for side in PAIRS:
            for what, steps in (("single", 1), ("sequence", length)):
                value = ratio.get((side, size, steps))
                found[f"{what}-{name}-{side.replace(' ', '-')}"] = MISSING if value is None else f"{value:.2f}"
        part = single[(single["implementation"] == "oneDNN") & (single["hidden_size"] == size)]
        start = runs.onward(part, "length", side="LSTM")
        found[f"fused-from-{name}"] = f"from {start} steps on" if start else "at no length measured"
        for contender, key in contenders.items():
            for point in ("p50", "p95"):
                there = (size, 1, contender) in p.index
                text = f"{p.loc[(size, 1, contender), point] * 1e6:.0f} µs" if there else MISSING
                found[f"{point}-{key}-{name}"] = text
    return found


def memory_alt(table: pd.DataFrame) -> str:
    """The memory figure in words."""
    middle = table[table["what"] != "model"].groupby(["what", "name"], sort=False)["floats"].median()
    model = table[table["what"] == "model"].groupby("name")["bytes"].first()
    parts = [f"{name} {what} {value:.1f}" for (what, name), value in middle.items()]
    small = f"The GRU's model is {model['GRU'] / model['LSTM, oneDNN']:.2f} of the LSTM's."
    return "Bars of floats for each unit and time step: " + "; ".join(parts) + ". " + small


def memory_numbers(table: pd.DataFrame, stored: dict[str, Interval]) -> dict[str, str]:
    """Ratios and floats of what is kept and of the peaks."""
    middle = table.groupby(["what", "name"])["floats"].median()
    found = {"memory-model": f"{stored['model'].estimate:.2f}"}
    names = {"LSTM, oneDNN": "oneDNN", "LSTM, native": "native", "GRU": "gru"}
    names |= dict(zip(workloads.MATCHED, ("matched-lstm", "matched-gru"), strict=True))
    for key, what in WHATS.items():
        for side in PAIRS:
            ratio = stored.get(f"{what}, {side}")
            found[f"memory-{key}-{side.replace(' ', '-')}"] = f"{ratio.estimate:.2f}" if ratio else MISSING
        for contender, name in names.items():
            there = (what, contender) in middle.index
            found[f"floats-{key}-{name}"] = f"{middle[what, contender]:.1f}" if there else MISSING
    return found


def memory_sentence(stored: dict[str, Interval]) -> str:
    """What the verdict on memory says to a reader who has to choose."""
    kept, peak = stored.get("kept for backward, matched"), stored.get("peak of inference, matched")
    text = f"The model is {stored['model'].estimate:.2f} times the LSTM's size."
    if kept and peak:
        text += (
            f" Equal kernels keep {kept.estimate:.2f} times as much in training, and inference peaks at "
            f"{peak.estimate:.2f} times the LSTM's bytes."
        )
    stock = stored["peak of inference, oneDNN"].estimate
    return f"{text} In stock PyTorch inference peaks at {stock:.2f} times the LSTM's."
