"""Which kernels PyTorch runs, seen by the profiler, and what the FLOP counter of torch sees of them.

For the chapter *performance/cost*.
"""

from __future__ import annotations

import itertools

import pandas as pd
import torch
from torch.utils.flop_counter import FlopCounterMode

from evidence import timing
from experiments.shared import workloads
from gatedrnn import flops

PRODUCTS = ("aten::mm", "aten::addmm", "aten::mkldnn_rnn_layer")


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
            kernel = "whole layer" if timing.is_fused(short) else "step by step"
            calls = int(short["calls"].sum())
            per_step = (int(long["calls"].sum()) - calls) / length
            products = ", ".join(sorted(name for name in short["operator"] if name.startswith(PRODUCTS)))
            rows.append((cell, allowed, mode, kernel, products.replace("aten::", ""), calls, per_step))
    return pd.DataFrame(rows, columns=["cell", "onednn", "mode", "kernel", "products", "calls", "per_step"])


def _profile(
    name: str, mode: workloads.Mode, hidden_size: int, batch_size: int, length: int, allowed: bool
) -> pd.DataFrame:
    made = workloads.arm(name, mode, hidden_size, batch_size, length)
    with timing.threads(1), timing.onednn(allowed and torch.backends.mkldnn.is_available()):
        return timing.operators(made.call, made.setting)


def counter_sees(hidden_size: int, batch_size: int, length: int) -> dict[str, float]:
    """Share of the FLOPs counted from shapes that `torch.utils.flop_counter` reports, by contender."""
    shares = {}
    for name in workloads.CONTENDERS:
        made = workloads.arm(name, "training", hidden_size, batch_size, length)
        with made.setting(), FlopCounterMode(display=False) as counter:
            made.module(made.inputs)
        cell = workloads.cell_of(name)
        counted = flops.forward_flops(cell, hidden_size, hidden_size, batch_size, length)
        shares[name] = counter.get_total_flops() / counted.matmul
    return shares
