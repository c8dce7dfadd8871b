"""`make bench`: the book's kernels beside torch.nn and JAX on this machine, as tables in the terminal."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from bookkit import lifeline
from bookkit.errors import BookError

PROGRAM = "experiments.cost.bench"


def bench(root: Path) -> int:
    """Measure in a process of its own, print what was found, and keep it as `_build/bench/bench.json`.

    Returns:
        0, also where a goal was missed: on a busy machine that says little.

    Raises:
        BookError: nothing could be measured.
    """
    file = root / "_build" / "bench" / "bench.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.unlink(missing_ok=True)
    environment = {**os.environ, "PYTHONPATH": str(root / "lib")}
    command = [sys.executable, "-m", PROGRAM, str(file)]
    done = lifeline.run(command, cwd=root, env=environment, stderr=subprocess.PIPE, text=True)
    if done.returncode or not file.is_file():
        lines = done.stderr.strip().splitlines()
        raise BookError(f"nothing was measured: {lines[-1] if lines else 'the program said nothing'}")
    show(json.loads(file.read_text(encoding="utf-8")), Console(highlight=False))
    print(f"also in {file.relative_to(root)}")
    return 0


def show(found: dict[str, Any], console: Console) -> None:
    """Print what `experiments.cost.bench` measured.

    Args:
        found: its JSON.
        console: where to.
    """
    machine, versions = found["machine"], found["versions"]
    peaks = ", ".join(f"{name} {value:.0f}" for name, value in found["peaks"].items())
    console.print(
        f"{machine['cpu']}, {machine['cores']} cores, PyTorch {versions['torch']}; one thread; measured in "
        f"{found['seconds']:.0f} s\nlarge matrix product, GFLOP/s: {peaks}; the roof is {found['peak_library']}'s\n"
        + "who multiplies: "
        + "; ".join(f"{name}: {library}" for name, library in found["libraries"].items())
    )
    for mode in dict.fromkeys(row["mode"] for row in found["map"]):
        console.print(_map([row for row in found["map"] if row["mode"] == mode], mode))
    if rows := found["jax"]["rows"]:
        table = Table("cell", "H", "B", "T", "JAX ÷ matched", title=f"Training beside JAX {found['jax']['version']}")
        for row in rows:
            shape = (str(row[key]) for key in ("hidden_size", "batch_size", "length"))
            table.add_row(row["cell"], *shape, f"{row['gain']:.2f}")
        console.print(table)
    sweep = found["sweep"]
    console.print(
        f"Sweep, runs per core-minute: {sweep['book']:.0f} with {sweep['workers']} workers and matched kernels; a plain "
        f"loop over torch.nn {sweep['plain']:.0f} with {sweep['threads']} threads, {sweep['single']:.0f} with one"
    )
    table = Table("goal", "reached", "", title="Goals")
    for goal in found["goals"]:
        word = {True: "[green]met", False: "[red]missed", None: "[yellow]not measured"}[goal["met"]]
        reached = goal["reached"] + (f"\n[dim]why: {goal['why']}" if goal.get("why") else "")
        table.add_row(goal["goal"], reached, word)
    console.print(table)


def _map(rows: list[dict[str, Any]], mode: str) -> Table:
    heads = ("H", "B", "T", "nn.LSTM ÷ LSTM", "nn.GRU ÷ GRU", "GRU ÷ LSTM", "LSTM, % of roof", "GRU, % of roof")
    onnx = ("ONNX ÷ LSTM", "ONNX ÷ GRU") if mode == "inference" else ()
    title = f"{mode.capitalize()}: times beside each other, matched kernels where nothing else is said"
    table = Table(*heads, *onnx, title=title)
    for row in rows:
        shape = [str(row[key]) for key in ("hidden_size", "batch_size", "length")]
        gains = [f"{row[key]:.2f}" for key in ("lstm_gain", "gru_gain", "gru_lstm")]
        shares = [f"{100 * row[f'{cell}_share']:.0f}" for cell in ("lstm", "gru")]
        table.add_row(*shape, *gains, *shares, *(f"{row[f'{cell}_onnx']:.2f}" for cell in ("lstm", "gru") if onnx))
    return table
