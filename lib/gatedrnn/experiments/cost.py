"""From readings to answers, for the chapter *performance/cost*: ratios with intervals, kernels, evidence.

All ratios are GRU ÷ LSTM at the same hidden size unless a name says otherwise: below 1 the GRU is cheaper.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pandas as pd
import torch
from torch.utils.flop_counter import FlopCounterMode

from gatedrnn import counting, footprint, measuring, workloads
from gatedrnn.statistics import Interval, ratio_bootstrap
from gatedrnn.verdicts import Verdict

RIVALS = {"oneDNN": "LSTM, oneDNN", "native": "LSTM, native"}
"""Implementation → the LSTM that the GRU is measured against."""

LIGHT, HEAVY = 1e6, 1e7
"""FLOPs of the LSTM's matrix products in one time step: below LIGHT is light work, from HEAVY on heavy work."""

PRODUCTS = ("aten::mm", "aten::addmm", "aten::mkldnn_rnn_layer")
CASE = ("mode", "hidden_size", "batch_size", "length", "threads")


def step_flops(contender: str, hidden_size: int, batch_size: int) -> int:
    """FLOPs of the matrix products of one forward time step over the whole batch, I = H."""
    width, cell = workloads.width_of(contender, hidden_size), workloads.cell_of(contender)
    return counting.forward_flops(cell, hidden_size, width, batch_size).matmul


def regime(hidden_size: int, batch_size: int) -> str:
    """How much a time step has to compute: `light`, `middle` or `heavy` (see LIGHT and HEAVY)."""
    flops = step_flops("LSTM, oneDNN", hidden_size, batch_size)
    return "light" if flops < LIGHT else "middle" if flops < HEAVY else "heavy"


def ratio_table(readings: pd.DataFrame, by: Sequence[str] = CASE, gru: str = "GRU") -> pd.DataFrame:
    """Ratio of every measured case with its bootstrap interval over rounds.

    Args:
        readings: from `workloads.grid`.
        by: columns that tell the cases apart.
        gru: contender above the line.

    Returns:
        One row a case and implementation: `by`, `implementation`, `ratio`, `low`, `high`, `rounds`.
    """
    rows = []
    for implementation, lstm in RIVALS.items():
        table = measuring.ratios(readings, over=gru, under=lstm, by=by)
        for case, group in table.groupby(list(by), sort=False):
            found = ratio_bootstrap(group["ratio"], np.ones(len(group)))
            rows.append((*case, implementation, found.estimate, found.low, found.high, len(group)))
    return pd.DataFrame(rows, columns=[*by, "implementation", "ratio", "low", "high", "rounds"])


def evidence(readings: pd.DataFrame, mode: str) -> dict[str, Interval]:
    """Ratio under each condition: implementation × work × threads.

    Within a condition each round gives one value, the geometric mean over its shapes; the interval is over rounds, so
    it tells how sure the machine is, not how much the shapes differ. Calls of a single time step stand apart.
    """
    table = readings[readings["mode"] == mode].drop_duplicates([*CASE, "name", "round"])  # a shape may be timed twice
    shapes = zip(table["hidden_size"], table["batch_size"], table["length"], strict=True)
    table = table.assign(work=["one time step" if t == 1 else f"{regime(h, b)} work" for h, b, t in shapes])
    found = {}
    for implementation, lstm in RIVALS.items():
        logs = measuring.ratios(table, over="GRU", under=lstm, by=("work", *CASE))
        for count in sorted(logs["threads"].unique()):
            for kind in ("light work", "middle work", "heavy work", "one time step"):
                part = logs[(logs["work"] == kind) & (logs["threads"] == count)]
                if part.empty:
                    continue
                each = np.exp(part.groupby("round")["log_ratio"].mean())
                threads = f"{count} thread" + ("s" if count > 1 else "")
                found[f"{implementation}, {kind}, {threads}"] = ratio_bootstrap(each, np.ones(len(each)))
    return found


def evidence_table(found: Mapping[str, Interval], verdict: Verdict) -> pd.DataFrame:
    """Print-ready table of a verdict's conditions: condition, ratio with interval, what it says."""
    rows = [(part.name, found[part.name].format(), part.word) for part in verdict.strata]
    return pd.DataFrame(rows, columns=["condition", "GRU ÷ LSTM", "the claim is"]).set_index("condition")


def kernels(hidden_size: int, batch_size: int, length: int) -> pd.DataFrame:
    """What PyTorch runs for each cell, read from the profiler with oneDNN allowed and forbidden.

    Returns:
        One row a cell, oneDNN setting and mode: `cell`, `onednn`, `mode`, `kernel` (`whole layer` or `step by step`),
        `products` (the operators that do the matrix products), `calls` of operators in all, and `per_step`, the calls
        that one more time step adds.
    """
    rows = []
    for cell, name in (("lstm", "LSTM, oneDNN"), ("gru", "GRU")):
        for allowed, mode in itertools.product((True, False), workloads.MODES):
            short, long = (_profile(name, mode, hidden_size, batch_size, t, allowed) for t in (length, 2 * length))
            kernel = "whole layer" if measuring.is_fused(short) else "step by step"
            calls = int(short["calls"].sum())
            per_step = (int(long["calls"].sum()) - calls) / length
            products = ", ".join(sorted(name for name in short["operator"] if name.startswith(PRODUCTS)))
            rows.append((cell, allowed, mode, kernel, products.replace("aten::", ""), calls, per_step))
    return pd.DataFrame(rows, columns=["cell", "onednn", "mode", "kernel", "products", "calls", "per_step"])


def _profile(
    name: str, mode: workloads.Mode, hidden_size: int, batch_size: int, length: int, allowed: bool
) -> pd.DataFrame:
    made = workloads.arm(name, mode, hidden_size, batch_size, length)
    with measuring.threads(1), measuring.onednn(allowed and torch.backends.mkldnn.is_available()):
        return measuring.operators(made.call, made.setting)


def counter_sees(hidden_size: int, batch_size: int, length: int) -> dict[str, float]:
    """Share of the FLOPs counted from shapes that `torch.utils.flop_counter` reports, by contender."""
    shares = {}
    for name in workloads.CONTENDERS:
        made = workloads.arm(name, "training", hidden_size, batch_size, length)
        with made.setting(), FlopCounterMode(display=False) as counter:
            made.module(made.inputs)
        cell = workloads.cell_of(name)
        counted = counting.forward_flops(cell, hidden_size, hidden_size, batch_size, length)
        shares[name] = counter.get_total_flops() / counted.matmul
    return shares


def per_step(readings: pd.DataFrame) -> pd.DataFrame:
    """Time of one time step against the work in it: adds `flops` and `microseconds`, quartiles over rounds."""
    table = measuring.quartiles(readings, by=("name", *CASE))
    shapes = zip(table["name"], table["hidden_size"], table["batch_size"], strict=True)
    table["flops"] = [step_flops(name, h, b) for name, h, b in shapes]
    scale = 1e6 / table["length"]
    return table.assign(microseconds=table["median"] * scale, low=table["low"] * scale, high=table["high"] * scale)


def floors(readings: pd.DataFrame, mode: str) -> pd.Series:
    """Least microseconds that a time step took, by contender: what a step costs however little it computes."""
    table = per_step(readings[readings["mode"] == mode])
    return table.groupby("name")["microseconds"].min()


def memory(
    hidden_size: int, batch_sizes: Iterable[int], steps: int, contenders: Iterable[str] = workloads.CONTENDERS
) -> pd.DataFrame:
    """Bytes of the model, kept for the backward pass, and at the peaks of training and inference.

    Several batch sizes, because a process's peak also depends on how the allocator fits blocks of that size.

    Args:
        hidden_size: H.
        batch_sizes: B of each measurement.
        steps: B T, the same for all of them: the length is `steps // B`.
        contenders: whom to measure.

    Returns:
        One row a contender, `what` and batch size: `name`, `what`, `batch_size`, `length`, `bytes`, and `floats`, the
        bytes divided by 4 B H T: float32 numbers for each hidden unit and time step of one sequence.
    """
    rows = []
    pairs = [(name, batch_size, steps // batch_size) for name, batch_size in itertools.product(contenders, batch_sizes)]
    for name, batch_size, length in pairs:
        cell, width = workloads.cell_of(name), workloads.width_of(name, hidden_size)
        found = {
            "model": counting.parameter_bytes(cell, hidden_size, width),
            "needed for backward": counting.activation_bytes(cell, width, batch_size, length),
        }
        with measuring.threads(1):
            found["kept for backward"] = footprint.saved_by(name, hidden_size, batch_size, length)
        rows += [(name, what, batch_size, length, count) for what, count in found.items()]
    cases: list[footprint.Case] = [(name, mode, hidden_size, b, t) for mode in workloads.MODES for name, b, t in pairs]
    for (name, mode, _, batch_size, length), count in zip(cases, footprint.peak_memory(cases), strict=True):
        rows.append((name, f"peak of {mode}", batch_size, length, count))
    table = pd.DataFrame(rows, columns=["name", "what", "batch_size", "length", "bytes"])
    return table.assign(floats=table["bytes"] / (4 * hidden_size * table["batch_size"] * table["length"]))


def memory_evidence(table: pd.DataFrame) -> dict[str, Interval]:
    """Bytes GRU ÷ LSTM for what a user meets: the model, what is kept, and both peaks.

    These are counts, not samples: the estimate is the median over the batch sizes, the interval their whole range.
    """
    found = {}
    for what in ("model", "kept for backward", "peak of training", "peak of inference"):
        part = table[table["what"] == what].pivot(index="batch_size", columns="name", values="bytes")
        for implementation, lstm in RIVALS.items():
            ratio = (part["GRU"] / part[lstm]).to_numpy()
            name = what if what == "model" else f"{what}, {implementation}"
            found[name] = Interval(float(np.median(ratio)), float(ratio.min()), float(ratio.max()), n=len(ratio))
    return found


def crossing(ratios: pd.DataFrame, axis: str) -> int | None:
    """Smallest value on an axis from which on the GRU is faster at every measured point (whole interval below 1).

    Args:
        ratios: rows of `ratio_table` for one implementation that differ in `axis` alone.
        axis: `hidden_size`, `batch_size` or `length`.

    Returns:
        None where the GRU is not faster at the largest value.
    """
    smallest = None
    for value, high in ratios.sort_values(axis, ascending=False)[[axis, "high"]].itertuples(index=False):
        if high >= 1:
            break
        smallest = int(value)
    return smallest


def tally(ratios: pd.DataFrame) -> str:
    """Say in how many shapes the GRU is surely faster or slower, for each mode, one implementation."""
    parts = []
    for mode, part in ratios.groupby("mode", sort=False):
        faster, slower = int((part["high"] < 1).sum()), int((part["low"] > 1).sum())
        parts.append(f"in {mode} surely faster in {faster} of {len(part)} shapes and surely slower in {slower}")
    return ", ".join(parts)


def fused_from(ratios: pd.DataFrame) -> int | None:
    """Smallest length from which on the LSTM with oneDNN is faster than the GRU at every measured length.

    Args:
        ratios: rows of `ratio_table` for oneDNN that differ in `length` alone.
    """
    smallest = None
    for value, low in ratios.sort_values("length", ascending=False)[["length", "low"]].itertuples(index=False):
        if low <= 1:
            break
        smallest = int(value)
    return smallest


def span(values: pd.Series, form: str = "{:.1f}") -> str:
    """Print the range of some values, such as `1.2 to 5.9`; a dash where there are none."""
    if values.empty:
        return "–"
    return f"{form.format(values.min())} to {form.format(values.max())}"


def growth_tables(
    widths: pd.DataFrame, grid: pd.DataFrame, lengths: pd.DataFrame, hidden_size: int, batch_size: int, length: int
) -> dict[str, tuple[str, pd.DataFrame, pd.DataFrame]]:
    """Training times and ratios along each axis, the other two held: what `plots.cost.growth_lines` draws.

    Args:
        widths: readings over hidden sizes at `batch_size` and `length`, with the GRU of equal parameters.
        grid: readings over hidden and batch sizes at `length`.
        lengths: readings over lengths at `hidden_size` and `batch_size`.
        hidden_size, batch_size, length: what is held.

    Returns:
        Axis → (what is held, quartiles by `name`, ratios by `implementation` and `gru`).
    """
    batches = grid[(grid["mode"] == "training") & (grid["hidden_size"] == hidden_size)]
    found = {}
    for axis, readings, held in (
        ("hidden_size", widths, f"batch {batch_size}, length {length}"),
        ("batch_size", batches, f"hidden size {hidden_size}, length {length}"),
        ("length", lengths, f"hidden size {hidden_size}, batch {batch_size}"),
    ):
        grus = [name for name in readings["name"].unique() if name.startswith("GRU")]
        ratios = pd.concat([ratio_table(readings, gru=name).assign(gru=name) for name in grus], ignore_index=True)
        found[axis] = (held, measuring.quartiles(readings, ("name", axis)), ratios)
    return found
