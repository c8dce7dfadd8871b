"""The measurements behind `make bench`: matched kernels beside torch.nn on one thread, against fixed goals.

Run as `python -m experiments.cost.bench FILE`; the file gets everything as JSON, and `bookkit.bench` prints it.
Readings are interleaved and compared within a round, so a busy machine shifts them less than it shifts times.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pandas as pd
import torch

from evidence import provenance, timing
from evidence.record import write_json
from experiments.cost import bench_jax, bench_sweep, roofline
from experiments.shared import workloads
from gatedrnn.kernels import matched

SHAPES = [(h, b, 100 if h <= 128 else 50 if h == 256 else 20) for h in (16, 32, 64, 128, 256, 512) for b in (1, 32, 64)]
"""H, B and T of the map; the heavy ones are shorter."""

CONTENDERS = ("LSTM, oneDNN", "LSTM, matched", "GRU", "GRU, matched")
RATIOS = {
    "lstm_gain": ("LSTM, oneDNN", "LSTM, matched"),
    "gru_gain": ("GRU", "GRU, matched"),
    "gru_lstm": ("GRU, matched", "LSTM, matched"),
}
"""Column → time above and time below the line."""

ROUNDS = 6
SOUGHT = {"gru_fast": 3.0, "never": 1.0, "peak": 0.55, "even_low": 0.675, "even_high": 0.825, "sweep": 3.0}


def speed_map(shapes: Iterable[tuple[int, int, int]] = tuple(SHAPES), rounds: int = ROUNDS) -> pd.DataFrame:
    """Interleaved readings at every shape, training and inference, one thread.

    Returns:
        One row a shape and mode: `mode`, `hidden_size`, `batch_size`, `length`, the medians over rounds of `RATIOS`, and
        `lstm_gflops`, `gru_gflops` of the matched kernels.
    """
    rows = []
    for hidden, batch, length in shapes:
        for mode in workloads.MODES:
            shape = ([mode], [hidden], [batch], [length])
            readings = workloads.grid(*shape, rounds=rounds, min_seconds=0.005, contenders=CONTENDERS)
            row: dict[str, Any] = {"mode": mode, "hidden_size": hidden, "batch_size": batch, "length": length}
            for name, (over, under) in RATIOS.items():
                row[name] = float(timing.ratios(readings, over, under)["ratio"].median())
            times = readings.groupby("name")["seconds"].median()
            for cell in ("lstm", "gru"):
                name = f"{cell.upper()}, matched"
                row[f"{cell}_gflops"] = roofline.flops(name, mode, hidden, batch, length) / times[name] / 1e9
            rows.append(row)
    return pd.DataFrame(rows)


def goals(table: pd.DataFrame, peak: float, jax: dict[str, Any], sweep: dict[str, Any]) -> list[dict[str, Any]]:
    """Compare what was reached with what was sought.

    Args:
        table: from `speed_map`.
        peak: GFLOP/s of a large product.
        jax: from `bench_jax.compare`.
        sweep: from `bench_sweep.throughput`.

    Returns:
        For each goal `goal`, `reached` (in words), `met` (None where it could not be measured), and `worst`, the row of
        the map that decides, where there is one.
    """
    small = table[(table["hidden_size"] <= 64) & (table["batch_size"] <= 32)]
    middle = table[(table["hidden_size"] == 128) & table["batch_size"].between(32, 64)]
    wide = table[table["hidden_size"] >= 64]
    found = []
    for mode in workloads.MODES:
        part, low = small[small["mode"] == mode], SOUGHT["gru_fast"]
        found.append(_least(f"{mode}: GRU ≥ {low:g} × nn.GRU for H ≤ 64, B ≤ 32", part, "gru_gain", low))
        for cell in ("gru", "lstm"):
            title = f"{mode}: {cell.upper()} never slower than nn.{cell.upper()}"
            found.append(_least(title, table[table["mode"] == mode], f"{cell}_gain", SOUGHT["never"]))
        for cell in ("lstm", "gru"):
            part = middle[middle["mode"] == mode].assign(share=lambda rows, c=cell: rows[f"{c}_gflops"] / peak)
            title = f"{mode}: {cell.upper()} ≥ {SOUGHT['peak']:.0%} of the peak at H = 128, B = 32 to 64"
            found.append(_least(title, part, "share", SOUGHT["peak"]))
        part = wide[wide["mode"] == mode]
        low, high = SOUGHT["even_low"], SOUGHT["even_high"]
        inside = part["gru_lstm"].between(low, high)
        worst = part.loc[(part["gru_lstm"] - 0.75).abs().idxmax()]
        reached = f"{inside.sum()} of {len(part)} shapes; {part['gru_lstm'].min():.2f} to {part['gru_lstm'].max():.2f}"
        goal = f"{mode}: GRU ÷ LSTM within {low} and {high} for H ≥ 64"
        found.append({"goal": goal, "reached": reached, "met": bool(inside.all()), "worst": worst.to_dict()})
    single = table[(table["hidden_size"] == 32) & (table["batch_size"] == 1) & (table["mode"] == "inference")]
    found.append(_least("inference at B = 1, H = 32: GRU ≥ 3 × nn.GRU", single, "gru_gain", SOUGHT["gru_fast"]))
    if jax["rows"]:
        slowest = min(jax["rows"], key=lambda row: row["gain"])
        reached = f"{slowest['gain']:.2f} × at worst ({slowest['cell']}, H = {slowest['hidden_size']})"
        met, decides = slowest["gain"] >= SOUGHT["never"], {"worst": {"mode": "training", **slowest}}
    else:
        reached, met, decides = jax["problem"], None, {}
    found.append({"goal": "training: not slower than JAX's scan", "reached": reached, "met": met, **decides})
    reached, met = f"{sweep['gain']:.1f} ×", sweep["gain"] >= SOUGHT["sweep"]
    goal = f"sweep: ≥ {SOUGHT['sweep']:g} × a plain loop over torch.nn with default threads"
    return [*found, {"goal": goal, "reached": reached, "met": met}]


def _least(goal: str, part: pd.DataFrame, column: str, target: float) -> dict[str, Any]:
    worst = part.loc[part[column].idxmin()]
    value = f"{worst[column]:.0%}" if column == "share" else f"{worst[column]:.2f} ×"
    below = int((part[column] < target).sum())
    where = f"at worst (H = {worst['hidden_size']}, B = {worst['batch_size']})"
    reached = f"{value} {where}" + (f"; {len(part) - below} of {len(part)} shapes reach it" if below else "")
    return {"goal": goal, "reached": reached, "met": bool(worst[column] >= target), "worst": worst.to_dict()}


def profile(cell: str, mode: workloads.Mode, hidden_size: int, batch_size: int, length: int) -> str:
    """Where a matched layer spends its time: shares of the operators, longest first, from torch's profiler."""
    made = workloads.arm(f"{cell.upper()}, matched", mode, hidden_size, batch_size, length)
    with timing.threads(1), made.setting():
        for _ in range(3):
            made.call()
        with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as record:
            for _ in range(20):
                made.call()
    times = {event.key: event.self_cpu_time_total for event in record.key_averages()}
    total = sum(times.values())
    longest = sorted(times, key=lambda key: -times[key])[:3]
    return f"{cell.upper()}: " + ", ".join(f"{key} {100 * times[key] / total:.0f} %" for key in longest)


def why(worst: dict[str, Any], peak: float) -> str:
    """What is known of a shape that missed a goal: steps, what stock reaches already, and a profile.

    Args:
        worst: row of `speed_map`.
        peak: GFLOP/s of a large product.
    """
    mode, hidden, batch, length = (worst[key] for key in ("mode", "hidden_size", "batch_size", "length"))
    parts = [f"H = {hidden}, B = {batch}"]
    for cell in ("lstm", "gru"):
        rate = worst[f"{cell}_gflops"]
        work = roofline.flops(f"{cell.upper()}, matched", mode, hidden, batch, length)
        micro, own, stock = work / rate / length / 1e3, rate / peak, rate / worst[f"{cell}_gain"] / peak
        parts.append(f"{cell.upper()}: {micro:.1f} µs a step, {own:.0%} of the peak (nn: {stock:.0%})")
    return "; ".join([*parts, *(profile(cell, mode, hidden, batch, length) for cell in ("lstm", "gru"))])


def why_jax(slowest: dict[str, Any], peak: float) -> str:
    """The same for a shape where JAX is faster, with the share of the peak that JAX reaches there.

    Args:
        slowest: row of `bench_jax.compare`, with its `mode`.
        peak: GFLOP/s of a large product.
    """
    shape = (slowest["hidden_size"], slowest["batch_size"], slowest["length"])
    with timing.threads(1):
        table = speed_map([shape], rounds=3)
    row = table[table["mode"] == slowest["mode"]].iloc[0].to_dict()
    share = row[f"{slowest['cell'].lower()}_gflops"] / slowest["gain"] / peak
    return f"JAX reaches {share:.0%} of the peak; {why(row, peak)}"


def measure() -> dict[str, Any]:
    """Measure everything; the matched kernels must be available.

    Raises:
        RuntimeError: the matched kernels cannot be compiled here.
    """
    if not matched.available():
        raise RuntimeError(f"nothing to measure, the matched kernels are not available: {matched.problem()}")
    started = time.perf_counter()
    with timing.threads(1):
        _say("the limit of this machine")
        limits = [roofline.peak()]
        _say("matched kernels and torch.nn")
        table = speed_map()
        limits.append(roofline.peak())
    peak = max(limits)
    _say("JAX")
    jax = bench_jax.compare()
    _say("throughput of a sweep")
    sweep = bench_sweep.throughput()
    found = goals(table, peak, jax, sweep)
    for goal in found:
        worst = goal.pop("worst", None)
        if goal["met"] is False and worst:
            goal["why"] = why(worst, peak) if "lstm_gflops" in worst else why_jax(worst, peak)
    for cell in ("lstm", "gru"):
        table[f"{cell}_share"] = table[f"{cell}_gflops"] / peak
    origin = {"machine": provenance.machine(), "versions": provenance.versions()}
    results = {"peak_gflops": peak, "map": table.to_dict("records"), "jax": jax, "sweep": sweep, "goals": found}
    return {**origin, **results, "seconds": time.perf_counter() - started}


def _say(what: str) -> None:
    print(f"measuring: {what}", flush=True)


def main(file: str) -> None:
    """Measure and write the results to a file."""
    write_json(Path(file), measure())


if __name__ == "__main__":
    os.environ.update(bench_jax.ENVIRONMENT)  # read when JAX is imported
    main(sys.argv[1])
