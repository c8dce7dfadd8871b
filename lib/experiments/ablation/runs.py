"""Runs of the chapter *architecture/ablation*: a cell with a gate taken out, on a memory task and on MNIST-1D."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from gatedrnn.checks import require
from gatedrnn.models import Classifier, count_parameters, width_for
from gatedrnn.training import train
from gatedrnn.variants import VARIANTS, Ablated
from tasks import mnist1d, recall

TASKS = ("recall", "mnist1d")
Batch = tuple[Tensor, ...]


def run(
    *,
    task: str,
    variant: str,
    match: str,
    hidden_size: int,
    learning_rate: float,
    steps: int,
    batch: int,
    seed: int,
    held_out: str = "test",
    delay: int = 20,
    frame: int = 2,
    bias: float = 1.0,
) -> dict[str, Any]:
    """Train one ablated cell on one task.

    Args:
        task: `recall` or `mnist1d`.
        variant: a name in `gatedrnn.variants.VARIANTS`.
        match: `width`, as wide as the whole cell; or `parameters`, as many parameters as the whole cell.
        hidden_size: width of the whole cell.
        learning_rate, steps, batch: of the training; recall stops early when solved (99.5 % correct).
        seed: of the weights and of the data stream; the same for all variants.
        held_out: part of MNIST-1D that is scored: `validation` when tuning, else `test`.
        delay: of recall. frame: points of MNIST-1D read in one step.
        bias: first bias of the keeping gate.

    Returns:
        `accuracy` (share) on held-out data, `solved_at`, `steps_taken`, `clipped`, `parameters`, `width`, and curves.
    """
    for name, value, allowed in (("task", task, TASKS), ("match", match, ("width", "parameters"))):
        require(name, value, allowed)
    inputs, classes = (recall.SYMBOLS + 2, recall.SYMBOLS) if task == "recall" else (frame, mnist1d.CLASSES)

    def build(width: int, which: str = variant) -> Classifier:
        return Classifier(Ablated(which, inputs, width, bias), classes)

    width = hidden_size
    if match == "parameters" and variant != VARIANTS[variant].cell:
        width = width_for(count_parameters(build(hidden_size, VARIANTS[variant].cell)), build)
    torch.manual_seed(seed)
    model = build(width)
    batches, held = _data(task, seed, batch, delay, frame, held_out)

    def evaluate(model: nn.Module) -> dict[str, float]:
        x, y = held
        logits = model(x)
        return {"accuracy": float((logits.argmax(1) == y).float().mean()), "loss": float(cross_entropy(logits, y))}

    result = train(
        model,
        batches,
        lambda model, data: cross_entropy(model(data[0]), data[1]),
        evaluate,
        steps=steps,
        learning_rate=learning_rate,
        every=max(1, steps // 10),
        solved=(lambda metrics: metrics["accuracy"] >= 0.995) if task == "recall" else None,
    )
    return {**result, "parameters": count_parameters(model), "width": width}


def _data(task: str, seed: int, batch: int, delay: int, frame: int, held_out: str) -> tuple[Iterator[Batch], Batch]:
    """Training stream, and a fixed held-out set (recall: 256 sequences of a stream of its own)."""
    if task == "recall":
        return recall.batches(seed, batch, delay), next(recall.batches(1_000_000 + seed, 256, delay))
    part = mnist1d.load()[held_out]
    return mnist1d.batches(seed, batch, frame), (mnist1d.frames(part.x, frame), part.y)
