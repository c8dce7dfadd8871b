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

CONTENDERS = ("LSTM, oneDNN", "LSTM, matched", "GRU", "GRU, matched", "LSTM, ONNX Runtime", "GRU, ONNX Runtime")
RATIOS = {
    "lstm_gain": ("LSTM, oneDNN", "LSTM, matched"),
    "gru_gain": ("GRU", "GRU, matched"),
    "lstm_onnx": ("LSTM, ONNX Runtime", "LSTM, matched"),
    "gru_onnx": ("GRU, ONNX Runtime", "GRU, matched"),
    "gru_lstm": ("GRU, matched", "LSTM, matched"),
}
"""Column → time above and time below the line; ONNX Runtime only infers."""

LIBRARIES = {
    "LSTM, oneDNN": "oneDNN", "GRU": "MKL", "LSTM, ONNX Runtime": "ONNX Runtime", "GRU, ONNX Runtime": "ONNX Runtime",
    "LSTM, matched": "none: its own product", "GRU, matched": "none: its own product",
}  # fmt: skip
"""Contender → the library that multiplies for it."""

ROUNDS = 6
SOUGHT = {
    "lstm_gain": 1.0, "gru_gain": 1.3, "gru_fast": 3.0, "jax": 1.0, "onnx": 0.9, "wide": 0.65, "middle": 0.55,
    "even_low": 0.675, "even_high": 0.825, "threads": 1.5, "sweep": 4.0,
}  # fmt: skip


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
                if over in set(readings["name"]):
                    row[name] = float(timing.ratios(readings, over, under)["ratio"].median())
            times = readings.groupby("name")["seconds"].median()
            for cell in ("lstm", "gru"):
                name = f"{cell.upper()}, matched"
                row[f"{cell}_gflops"] = roofline.flops(name, mode, hidden, batch, length) / times[name] / 1e9
            rows.append(row)
    return pd.DataFrame(rows)


def two_threads(shapes: Iterable[tuple[int, int, int]] = tuple(SHAPES), rounds: int = ROUNDS) -> pd.DataFrame:
    """How much a second thread helps the matched kernels, where there is enough work: one and two threads in turns.

    Returns:
        One row a shape and mode: `mode`, `hidden_size`, `batch_size`, `length`, `lstm_threads`, `gru_threads` (time on one
        thread ÷ time on two, median over rounds).
    """
    rows = []
    for hidden, batch, length in [shape for shape in shapes if shape[0] >= 128 and shape[1] >= 32]:
        for mode in workloads.MODES:
            row: dict[str, Any] = {"mode": mode, "hidden_size": hidden, "batch_size": batch, "length": length}
            for name in workloads.MATCHED:
                ways = {count: workloads.arm(name, mode, hidden, batch, length) for count in (1, 2)}
                found = []
                for _ in range(rounds):
                    times = {}
                    for count, made in ways.items():
                        with timing.threads(count):
                            times[count] = timing.interleave({"it": made}, rounds=1, min_seconds=0.005)["seconds"].min()
                    found.append(times[1] / times[2])
                row[f"{workloads.cell_of(name)}_threads"] = float(pd.Series(found).median())
            rows.append(row)
    return pd.DataFrame(rows)


def goals(
    table: pd.DataFrame, peak: float, threads: pd.DataFrame, jax: dict[str, Any], sweep: dict[str, Any]
) -> list[dict[str, Any]]:
    """Compare what was reached with what was sought.

    Args:
        table: from `speed_map`.
        peak: GFLOP/s of a large product by the fastest library.
        threads: from `two_threads`; without rows where the machine has one core.
        jax: from `bench_jax.compare`.
        sweep: from `bench_sweep.throughput`.

    Returns:
        For each goal `goal`, `reached` (in words), `met` (None where it could not be measured), and `worst`, the row of
        the map that decides, where there is one.
    """
    small = table[(table["hidden_size"] <= 64) & (table["batch_size"] <= 32)]
    busy = table[table["batch_size"] >= 32]
    found = []
    for mode in workloads.MODES:
        here = table[table["mode"] == mode]
        for cell in ("lstm", "gru"):
            target = SOUGHT[f"{cell}_gain"]
            found.append(
                _least(f"{mode}: {cell.upper()} ≥ {target:g} × nn.{cell.upper()}", here, f"{cell}_gain", target)
            )
        low = SOUGHT["gru_fast"]
        found.append(
            _least(f"{mode}: GRU ≥ {low:g} × nn.GRU for H ≤ 64, B ≤ 32", small[small["mode"] == mode], "gru_gain", low)
        )
        if mode == "inference":
            for cell in ("lstm", "gru"):
                title = f"inference: {cell.upper()} ≥ {SOUGHT['onnx']:g} × ONNX Runtime"
                found.append(_least(title, here, f"{cell}_onnx", SOUGHT["onnx"]))
        for cell in ("lstm", "gru") if mode == "training" else ():
            for title, part, name in (
                ("H ≥ 256, B ≥ 32", busy[busy["hidden_size"] >= 256], "wide"),
                ("H = 128, B ≥ 32", busy[busy["hidden_size"] == 128], "middle"),
            ):
                rows = part[part["mode"] == mode].assign(share=lambda rows, c=cell: rows[f"{c}_gflops"] / peak)
                found.append(
                    _least(
                        f"{mode}: {cell.upper()} ≥ {SOUGHT[name]:.0%} of the roof at {title}",
                        rows,
                        "share",
                        SOUGHT[name],
                    )
                )
        found.append(_even(mode, here[here["hidden_size"] >= 64]))
    for cell in ("lstm", "gru") if len(threads) else ():
        title = f"{cell.upper()}: 2 threads ≥ {SOUGHT['threads']:g} × one for H ≥ 128, B ≥ 32"
        found.append({**_least(title, threads, f"{cell}_threads", SOUGHT["threads"]), "worst": None})
    if jax["rows"]:
        slowest = min(jax["rows"], key=lambda row: row["gain"])
        reached = f"{slowest['gain']:.2f} × at worst ({slowest['cell']}, H = {slowest['hidden_size']})"
        met, decides = slowest["gain"] >= SOUGHT["jax"], {"worst": {"mode": "training", **slowest}}
    else:
        reached, met, decides = jax["problem"], None, {}
    found.append({"goal": f"training: ≥ {SOUGHT['jax']:g} × JAX's scan", "reached": reached, "met": met, **decides})
    reached, met = f"{sweep['gain']:.1f} ×", sweep["gain"] >= SOUGHT["sweep"]
    goal = f"sweep: ≥ {SOUGHT['sweep']:g} × a plain loop over torch.nn with default threads"
    return [*found, {"goal": goal, "reached": reached, "met": met}]


def _even(mode: str, part: pd.DataFrame) -> dict[str, Any]:
    low, high = SOUGHT["even_low"], SOUGHT["even_high"]
    inside = part["gru_lstm"].between(low, high)
    worst = part.loc[(part["gru_lstm"] - 0.75).abs().idxmax()]
    reached = f"{inside.sum()} of {len(part)} shapes; {part['gru_lstm'].min():.2f} to {part['gru_lstm'].max():.2f}"
    goal = f"{mode}: GRU ÷ LSTM within {low} and {high} for H ≥ 64"
    return {"goal": goal, "reached": reached, "met": bool(inside.all()), "worst": worst.to_dict()}


def _least(goal: str, part: pd.DataFrame, column: str, target: float) -> dict[str, Any]:
    worst = part.loc[part[column].idxmin()]
    value = f"{worst[column]:.0%}" if column == "share" else f"{worst[column]:.2f} ×"
    below, near = int((part[column] < target).sum()), int(part[column].between(0.97 * target, target).sum())
    where = f"at worst (H = {worst['hidden_size']}, B = {worst['batch_size']})"
    reached = f"{value} {where}" + (f"; {len(part) - below} of {len(part)} shapes reach it" if below else "")
    reached += f", {near} more within 3 %" if near and column != "share" else ""
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
        peak: GFLOP/s of a large product by the fastest library.
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
        peak: GFLOP/s of a large product by the fastest library.
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
        limits = [roofline.peaks()]
        _say("matched kernels, torch.nn and ONNX Runtime")
        table = speed_map()
        limits.append(roofline.peaks())
    library, peak = roofline.highest(*limits)
    _say("two threads")
    threads = two_threads() if (os.cpu_count() or 1) > 1 else pd.DataFrame()
    _say("JAX")
    jax = bench_jax.compare()
    _say("throughput of a sweep")
    sweep = bench_sweep.throughput()
    found = goals(table, peak, threads, jax, sweep)
    for goal in found:
        worst = goal.pop("worst", None)
        if goal["met"] is False and worst:
            goal["why"] = why(worst, peak) if "lstm_gflops" in worst else why_jax(worst, peak)
    for cell in ("lstm", "gru"):
        table[f"{cell}_share"] = table[f"{cell}_gflops"] / peak
    origin = {"machine": provenance.machine(), "versions": provenance.versions(), "libraries": LIBRARIES}
    origin["peaks"] = {name: max(each[name] for each in limits) for name in limits[0]}
    rows = {"map": table.to_dict("records"), "threads": threads.to_dict("records")}
    results = {"peak_gflops": peak, "peak_library": library, **rows, "jax": jax, "sweep": sweep, "goals": found}
    return {**origin, **results, "seconds": time.perf_counter() - started}


def _say(what: str) -> None:
    print(f"measuring: {what}", flush=True)


def main(file: str) -> None:
    """Measure and write the results to a file."""
    write_json(Path(file), measure())


if __name__ == "__main__":
    os.environ.update(bench_jax.ENVIRONMENT)  # read when JAX is imported
    main(sys.argv[1])
