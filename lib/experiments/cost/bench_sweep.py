"""Runs per core-minute, two ways: as this book computes a sweep, and as a plain loop over torch.nn. For `make bench`.

The runs are those of the chapters in small: shapes of MNIST-1D, recall and character modelling, LSTM and GRU, with random
data of the right shape, Adam and clipping. Both ways run the same training step on the same data.
"""

from __future__ import annotations

import os
import time
from typing import Any

import joblib
import torch
from torch import Tensor, nn
from torch.nn import functional

from evidence import timing
from gatedrnn import training
from gatedrnn.layers import STOCK, Recurrent

MIX: tuple[dict[str, Any], ...] = (
    {"task": "MNIST-1D", "inputs": 1, "length": 40, "batch": 64, "hidden": 32, "classes": 10},
    {"task": "recall", "inputs": 10, "length": 50, "batch": 32, "hidden": 32, "classes": 8},
    {"task": "characters", "inputs": 64, "length": 50, "batch": 32, "hidden": 64, "classes": 68},
)
STEPS = 40


class Model(nn.Module):
    """A recurrent layer and a linear readout of its last output."""

    def __init__(self, layer: nn.Module, hidden: int, classes: int) -> None:
        super().__init__()
        self.layer, self.readout = layer, nn.Linear(hidden, classes)

    def forward(self, x: Tensor) -> Tensor:
        """Logits (B, K) of sequences (T, B, I)."""
        return self.readout(self.layer(x)[0][-1])


def run(stock: bool, cell: str, shape: dict[str, Any], seed: int, steps: int = STEPS) -> float:
    """Train for some steps and return the last loss.

    Args:
        stock: torch.nn in place of the book's own layer.
        cell: `lstm` or `gru`.
        shape: an entry of `MIX`.
        seed: of weights and data.
        steps: optimiser steps.
    """
    torch.manual_seed(seed)
    inputs, hidden, classes = shape["inputs"], shape["hidden"], shape["classes"]
    # nn.RNNBase is what the type says; the classes in STOCK name their mode themselves
    layer: nn.Module = STOCK[cell](inputs, hidden) if stock else Recurrent(cell, inputs, hidden)  # type: ignore[call-arg, arg-type]
    model = Model(layer, hidden, classes)
    x, y = torch.randn(shape["length"], shape["batch"], inputs), torch.randint(classes, (shape["batch"],))

    def loss(model: nn.Module, batch: tuple[Tensor, ...]) -> Tensor:
        return functional.cross_entropy(model(batch[0]), batch[1])

    kept = training.train(
        model, iter([(x, y)] * steps), loss, lambda model: {}, steps=steps, learning_rate=1e-3, every=steps
    )
    return float(kept["steps_taken"])


def _alone(*arguments: Any) -> float:
    torch.set_num_threads(1)
    return run(*arguments)


def throughput(rounds: int = 2, seeds: int = 1, steps: int = STEPS) -> dict[str, Any]:
    """Time both ways in turns, the processes started and warm before.

    Returns:
        `workers`, `threads` of the plain loop, runs per core-minute `book`, `plain`, and `single` for the plain loop held
        to one thread, which leaves other cores idle (medians), and `gain`, the median of book ÷ plain.
    """
    cores = os.cpu_count() or 1
    jobs = [(cell, shape, seed, steps) for seed in range(seeds) for shape in MIX for cell in ("lstm", "gru")]
    # the long ones first, so that no worker is left with one at the end
    jobs.sort(key=lambda job: -job[1]["length"] * job[1]["batch"] * job[1]["hidden"])
    times: dict[str, list[float]] = {"plain": [], "single": [], "book": []}
    with joblib.Parallel(n_jobs=cores) as workers:
        workers(joblib.delayed(_alone)(False, *job[:3], 2) for job in jobs)
        run(True, *jobs[0][:3], 2)
        for _ in range(rounds):
            for name, count in (("plain", torch.get_num_threads()), ("single", 1)):
                with timing.threads(count):
                    started = time.perf_counter()
                    for job in jobs:
                        run(True, *job)
                    times[name].append(time.perf_counter() - started)
            started = time.perf_counter()
            workers(joblib.delayed(_alone)(False, *job) for job in jobs)
            times["book"].append(time.perf_counter() - started)
    rates = {name: 60 * len(jobs) / cores / torch.tensor(values).median().item() for name, values in times.items()}
    gain = torch.tensor([a / b for a, b in zip(times["plain"], times["book"], strict=True)]).median().item()
    about = {"workers": cores, "threads": torch.get_num_threads(), "runs": len(jobs), "steps": steps}
    return {**about, **rates, "gain": gain}
