"""How near to the machine's limit each implementation comes: FLOPs counted from shapes, over the time measured.

A layer's products re-use each weight once for every sequence of the batch. That is 2 B FLOPs for a weight of 4 bytes:
its arithmetic intensity is about B / 2 FLOPs a byte, whatever H and T are. Two limits are measured in the same session:
one large matrix product, the most that this machine computes, and the bare product of one time step, the most that
anybody gets who makes one product a step. The roofline is that of Williams, Waterman and Patterson (2009). Which library
multiplies decides how much that is: MKL takes a slower path on processors of another maker. So the limit is the best of
three libraries, each by name. For the chapter *performance/cost*.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import pandas as pd
import torch

from evidence import timing
from experiments.shared import runtimes, workloads
from gatedrnn.flops import forward_flops, training_flops

SIDE = 1024
"""Rows of the square matrices of the large product."""


def peaks(rounds: int = 20, side: int = SIDE) -> dict[str, float]:
    """GFLOP/s of a large float32 matrix product by each library, on as many threads as torch uses now.

    Args:
        rounds: interleaved readings of each; the best counts. side: rows of the square matrices.

    Returns:
        Library → GFLOP/s: `MKL` (what `torch.mm` calls), `oneDNN` (what `nn.LSTM` calls; where torch has it), `ONNX Runtime`.
    """
    a, b, out = (torch.randn(side, side) for _ in range(3))
    session = runtimes.session(runtimes.product(), torch.get_num_threads())
    feeds = {"a": a.numpy(), "b": b.numpy()}
    ways: dict[str, Callable[[], Any]] = {"MKL": lambda: torch.mm(a, b, out=out)}
    if torch.backends.mkldnn.is_available():
        ways["oneDNN"] = lambda: torch.ops.mkldnn._linear_pointwise(a, b, None, "none", [], "")
    ways["ONNX Runtime"] = lambda: session.run(None, feeds)
    with torch.inference_mode():
        readings = timing.interleave(ways, rounds=rounds, min_seconds=0)
    best = readings.groupby("name", sort=False)["seconds"].min()
    return {str(name): 2 * side**3 / float(seconds) / 1e9 for name, seconds in best.items()}


def highest(*found: dict[str, float]) -> tuple[str, float]:
    """The roof: the library that was fastest in any of some measurements by `peaks`, and its GFLOP/s."""
    return max((item for each in found for item in each.items()), key=lambda item: item[1])


def bare(hidden_sizes: Iterable[int], batch_sizes: Iterable[int], rounds: int = 5) -> pd.DataFrame:
    """GFLOP/s of the LSTM's product of one time step alone, (B, H) times (H, 4 H), on one thread.

    Returns:
        One row a shape: `hidden_size`, `batch_size`, `gflops` (median over rounds).
    """
    rows = []
    with timing.threads(1), torch.inference_mode():
        for hidden in hidden_sizes:
            weights = torch.randn(4 * hidden, hidden)
            for batch in batch_sizes:
                h, out = torch.randn(batch, hidden), torch.empty(batch, 4 * hidden)
                product = partial(torch.mm, h, weights.t(), out=out)
                seconds = timing.interleave({"bare": product}, rounds=rounds)["seconds"].median()
                rows.append((hidden, batch, 8 * hidden * hidden * batch / float(seconds) / 1e9))
    return pd.DataFrame(rows, columns=["hidden_size", "batch_size", "gflops"])


def flops(contender: str, mode: str, hidden_size: int, batch_size: int, length: int) -> int:
    """FLOPs of the matrix products of one call, I = H."""
    count = training_flops if mode == "training" else forward_flops
    width = workloads.width_of(contender, hidden_size)
    return count(workloads.cell_of(contender), hidden_size, width, batch_size, length).matmul


def achieved(readings: pd.DataFrame, limit: float) -> pd.DataFrame:
    """GFLOP/s of every contender at every shape.

    Args:
        readings: from `workloads.grid`, one thread.
        limit: GFLOP/s, see `highest`.

    Returns:
        One row a contender, mode and shape: `name`, `mode`, `hidden_size`, `batch_size`, `length`, `gflops` (median over
        rounds), `low`, `high` (quartiles), and `share`, its part of the limit.
    """
    by = ["name", "mode", "hidden_size", "batch_size", "length"]
    table = timing.quartiles(readings, by=by)
    counts = pd.Series([flops(*row) for row in table[by].itertuples(index=False)], index=table.index) / 1e9
    rates = {"gflops": counts / table["median"], "low": counts / table["high"], "high": counts / table["low"]}
    return table[by].assign(**rates, share=rates["gflops"] / limit)
