"""Memory of the contenders: the model, what is kept for the backward pass, and the peaks of a process.

For the chapter *performance/cost*.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable

import numpy as np
import pandas as pd

from evidence import timing
from evidence.statistics import Interval
from experiments.cost.runs import PAIRS
from experiments.shared import footprint, workloads
from gatedrnn import flops

MEASURED = (*workloads.CONTENDERS, *workloads.MATCHED)


def memory(
    hidden_size: int, batch_sizes: Iterable[int], steps: int, contenders: Iterable[str] = MEASURED
) -> pd.DataFrame:
    """Bytes of the model, kept for the backward pass, and at the peaks of training and inference.

    Several batch sizes, because a process's peak also depends on how the allocator fits blocks of that size.

    Args:
        hidden_size: H.
        batch_sizes: B of each measurement.
        steps: B T, the same for all of them: the length is `steps // B`.
        contenders: whom to measure, as far as they run here.

    Returns:
        One row a contender, `what` and batch size: `name`, `what`, `batch_size`, `length`, `bytes`, and `floats`, the
        bytes divided by 4 B H T: float32 numbers for each hidden unit and time step of one sequence.
    """
    rows = []
    contenders = workloads.available("training", contenders)
    pairs = [(name, batch_size, steps // batch_size) for name, batch_size in itertools.product(contenders, batch_sizes)]
    for name, batch_size, length in pairs:
        cell, width = workloads.cell_of(name), workloads.width_of(name, hidden_size)
        found = {
            "model": flops.parameter_bytes(cell, hidden_size, width),
            "needed for backward": flops.activation_bytes(cell, width, batch_size, length),
        }
        with timing.threads(1):
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
        for implementation, (gru, lstm) in PAIRS.items():
            if not {gru, lstm} <= set(part.columns):
                continue
            ratio = (part[gru] / part[lstm]).to_numpy()
            name = what if what == "model" else f"{what}, {implementation}"
            found[name] = Interval(float(np.median(ratio)), float(ratio.min()), float(ratio.max()), n=len(ratio))
    return found
