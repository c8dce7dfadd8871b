"""From readings to answers, for the chapter *performance/cost*: ratios with intervals, shares, growth.

All ratios are GRU ÷ LSTM at the same hidden size unless a name says otherwise: below 1 the GRU is cheaper.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from evidence import timing
from evidence.statistics import Interval, median_ratio
from experiments.shared import workloads
from gatedrnn.flops import forward_flops

PAIRS = {
    "oneDNN": ("GRU", "LSTM, oneDNN"),
    "native": ("GRU", "LSTM, native"),
    "ONNX Runtime": ("GRU, ONNX Runtime", "LSTM, ONNX Runtime"),
    "matched": ("GRU, matched", "LSTM, matched"),
}
"""Implementation → the GRU and the LSTM that are compared; `oneDNN` is what stock PyTorch does by default."""

LIGHT, HEAVY = 1e6, 1e7
"""FLOPs of the LSTM's matrix products in one time step: below LIGHT is light work, from HEAVY on heavy work."""

CASE = ("mode", "hidden_size", "batch_size", "length", "threads")


def step_flops(contender: str, hidden_size: int, batch_size: int) -> int:
    """FLOPs of the matrix products of one forward time step over the whole batch, I = H."""
    width, cell = workloads.width_of(contender, hidden_size), workloads.cell_of(contender)
    return forward_flops(cell, hidden_size, width, batch_size).matmul


def regime(hidden_size: int, batch_size: int) -> str:
    """How much a time step has to compute: `light`, `middle` or `heavy` (see LIGHT and HEAVY)."""
    flops = step_flops("LSTM, oneDNN", hidden_size, batch_size)
    return "light" if flops < LIGHT else "middle" if flops < HEAVY else "heavy"


def _logs(readings: pd.DataFrame, by: Sequence[str], wider: bool = False) -> Iterator[tuple[str, pd.DataFrame]]:
    """Ratios round by round of every implementation that was measured; `wider` takes the GRU of equal parameters."""
    measured = set(readings["name"])
    for implementation, (gru, lstm) in PAIRS.items():
        over = f"{gru}, equal parameters" if wider else gru
        if {over, lstm} <= measured:
            yield implementation, timing.ratios(readings, over=over, under=lstm, by=by)


def _intervals(table: pd.DataFrame, by: Sequence[str]) -> list[tuple]:
    rows = []
    for case, group in table.groupby(list(by), sort=False):
        found = median_ratio(group["ratio"], np.ones(len(group)))
        rows.append((*case, found.estimate, found.low, found.high, len(group)))
    return rows


def ratio_table(readings: pd.DataFrame, by: Sequence[str] = CASE, wider: bool = False) -> pd.DataFrame:
    """Ratio GRU ÷ LSTM of every measured case and implementation, the median over rounds with its interval.

    Args:
        readings: from `workloads.grid`.
        by: columns that tell the cases apart.
        wider: take the GRU with as many parameters as the LSTM.

    Returns:
        One row a case and implementation: `by`, `implementation`, `ratio`, `low`, `high`, `rounds`.
    """
    rows = [(*row, name) for name, table in _logs(readings, by, wider) for row in _intervals(table, by)]
    return pd.DataFrame(rows, columns=[*by, "ratio", "low", "high", "rounds", "implementation"])


def speed_table(readings: pd.DataFrame, by: Sequence[str] = CASE) -> pd.DataFrame:
    """How many times as fast as stock PyTorch each other implementation runs the same cell.

    Stock is `nn.LSTM` with oneDNN and `nn.GRU`.

    Returns:
        One row a case, cell and implementation: `by`, `cell`, `implementation`, `ratio` (time of stock ÷ its own),
        `low`, `high`, `rounds`.
    """
    rows = []
    for implementation in ("native", "ONNX Runtime", "matched"):
        for other, stock in zip(PAIRS[implementation], PAIRS["oneDNN"], strict=True):
            if other != stock and other in set(readings["name"]):
                table = timing.ratios(readings, over=stock, under=other, by=by)
                cell = workloads.cell_of(other)
                rows += [(*row, cell, implementation) for row in _intervals(table, by)]
    return pd.DataFrame(rows, columns=[*by, "ratio", "low", "high", "rounds", "cell", "implementation"])


def shares(ratios: pd.DataFrame) -> pd.DataFrame:
    """Split the ratio of stock PyTorch into what the cells differ in and what the kernels differ in.

    With matched kernels only the architecture is left, so log stock = log architecture + log kernel.

    Args:
        ratios: from `ratio_table`.

    Returns:
        One row a case: `CASE`, `stock`, `architecture`, and `kernel`, their quotient: how many times more the stock
        kernels favour the LSTM than the matched ones do. The last two are NaN where no matched kernels were measured.
    """
    table = ratios.pivot(index=list(CASE), columns="implementation", values="ratio")
    table = table.reindex(columns=["oneDNN", "matched"]).dropna(subset="oneDNN")
    table = table.rename(columns={"oneDNN": "stock", "matched": "architecture"}).rename_axis(columns=None)
    return table.assign(kernel=table["stock"] / table["architecture"]).reset_index()


def evidence(readings: pd.DataFrame, mode: str) -> dict[str, Interval]:
    """Ratio under each condition: implementation × work × threads.

    Within a condition each round gives one value, the geometric mean over its shapes; the interval is over rounds, so
    it tells how sure the machine is, not how much the shapes differ. Calls of a single time step stand apart.
    """
    table = readings[readings["mode"] == mode].drop_duplicates([*CASE, "name", "round"])  # a shape may be timed twice
    shapes = zip(table["hidden_size"], table["batch_size"], table["length"], strict=True)
    table = table.assign(work=["one time step" if t == 1 else f"{regime(h, b)} work" for h, b, t in shapes])
    found = {}
    for implementation, logs in _logs(table, ("work", *CASE)):
        for count in sorted(logs["threads"].unique()):
            for kind in ("light work", "middle work", "heavy work", "one time step"):
                part = logs[(logs["work"] == kind) & (logs["threads"] == count)]
                if part.empty:
                    continue
                each = np.exp(part.groupby("round")["log_ratio"].mean())
                threads = f"{count} thread" + ("s" if count > 1 else "")
                found[f"{implementation}, {kind}, {threads}"] = median_ratio(each, np.ones(len(each)))
    return found


def per_step(readings: pd.DataFrame) -> pd.DataFrame:
    """Time of one time step against the work in it: adds `flops` and `microseconds`, quartiles over rounds."""
    table = timing.quartiles(readings, by=("name", *CASE))
    shapes = zip(table["name"], table["hidden_size"], table["batch_size"], strict=True)
    table["flops"] = [step_flops(name, h, b) for name, h, b in shapes]
    scale = 1e6 / table["length"]
    return table.assign(microseconds=table["median"] * scale, low=table["low"] * scale, high=table["high"] * scale)


def growth_tables(
    widths: pd.DataFrame, grid: pd.DataFrame, lengths: pd.DataFrame, hidden_size: int, batch_size: int, length: int
) -> dict[str, tuple[str, pd.DataFrame, pd.DataFrame]]:
    """Training times and ratios along each axis, the other two held: what `plots.cost_lines.growth` draws.

    Args:
        widths: readings over hidden sizes at `batch_size` and `length`, with a GRU of equal parameters.
        grid: readings over hidden and batch sizes at `length`.
        lengths: readings over lengths at `hidden_size` and `batch_size`.
        hidden_size, batch_size, length: what is held.

    Returns:
        Axis → (what is held, quartiles by `name`, ratios by `implementation` and `wider`).
    """
    batches = grid[(grid["mode"] == "training") & (grid["hidden_size"] == hidden_size)]
    found = {}
    for axis, readings, held in (
        ("hidden_size", widths, f"batch {batch_size}, length {length}"),
        ("batch_size", batches, f"hidden size {hidden_size}, length {length}"),
        ("length", lengths, f"hidden size {hidden_size}, batch {batch_size}"),
    ):
        ratios = [ratio_table(readings, wider=wider).assign(wider=wider) for wider in (False, True)]
        times = timing.quartiles(readings, ("name", axis))
        found[axis] = (held, times, pd.concat([each for each in ratios if len(each)], ignore_index=True))
    return found


def slopes(tables: dict[str, tuple[str, pd.DataFrame, pd.DataFrame]]) -> pd.DataFrame:
    """How training time grows along each axis: slope on log-log paper, between the two smallest and two largest points.

    Returns:
        One row a contender and axis: `name`, `axis`, `start`, `end`. A slope of 1 is proportional growth.
    """
    rows = []
    for axis, (_, times, _) in tables.items():
        for name, part in times.groupby("name", sort=False):
            part = part.sort_values(axis)
            slope = np.diff(np.log(part["median"])) / np.diff(np.log(part[axis]))
            if len(slope):
                rows.append((name, axis, float(slope[0]), float(slope[-1])))
    return pd.DataFrame(rows, columns=["name", "axis", "start", "end"])
