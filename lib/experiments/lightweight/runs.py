"""Runs of the chapter *outlook/lightweight*: how good a light cell is on three tasks, at a width and a depth."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from experiments.lightweight import eight_bits
from gatedrnn.checks import require
from gatedrnn.layers import Recurrent
from gatedrnn.models import Classifier, Tagger, count_parameters
from gatedrnn.starts import begin
from gatedrnn.training import train
from tasks import mnist1d, parity, recall

Model = Classifier | Tagger
Batch = tuple[Tensor, Tensor]
TASKS = ("mnist1d", "recall", "parity")
SOLVED = 0.99
"""Share of right answers at which a run on recall or parity is over."""
HELD_OUT = 256
"""Fresh sequences on which recall and parity are judged."""
BEYOND = 4
"""How many times as long the strings are on which a parity is asked for beyond the length trained."""
LOOKS, WARMUP = 10, 20
"""How often a run looks at held-out data; the share of its steps, one in so many, over which the rate rises."""


def run(
    *,
    task: str,
    cell: str,
    layers: int,
    width: int,
    length: int,
    learning_rate: float,
    steps: int,
    batch: int,
    seed: int,
    start: str = "default",
    tuning: bool = False,
    quantised: bool = False,
) -> dict[str, Any]:
    """Train one network on one task: Adam, warm-up, then a cosine to zero.

    Args:
        task: `mnist1d` (ten kinds of curves), `recall` (the first of eight symbols) or `parity` (of the bits so far).
        cell: a name in `gatedrnn.catalogue.CELLS`. layers, width: of it.
        length: T; of recall the steps of noise. A curve of MNIST-1D has 40 points, 40 / T of them are read in a step.
        learning_rate, steps, batch: of the training. Recall and parity end once they are solved.
        seed: of the weights and of the data stream, the same for all networks.
        start: of the gates, see `gatedrnn.starts`.
        tuning: judge MNIST-1D on its validation part and not on its test.
        quantised: judge it with 8-bit weights too, see `eight_bits`.

    Returns:
        `quality` (share of right answers on held-out data), `score` (what rates are chosen by: quality, and on recall and
        parity 1 and the share of steps not needed once solved), `beyond` (of parity: share of right answers at later steps
        than were trained), `quality_int8` where asked for, `parameters`, and what `train` returns.

    Raises:
        ValueError: an unknown task or cell, or 8-bit weights for another task than `mnist1d`.
    """
    require("task", task, TASKS)
    if quantised and task != "mnist1d":
        raise ValueError(f"quantised = {quantised!r} is not allowed: False for the task {task!r}")
    torch.manual_seed(seed)
    model = build(task, cell, layers, width, length, start)
    x, y = held_out(task, seed, length, tuning)
    result = train(
        model,
        batches(task, seed, batch, length),
        loss,
        lambda model: {"quality": right(model(x), y)},
        steps=steps,
        learning_rate=learning_rate,
        schedule="cosine",
        warmup=steps // WARMUP,
        every=-(-steps // LOOKS),
        solved=None if task == "mnist1d" else lambda metrics: metrics["quality"] >= SOLVED,
    )
    solved = result["solved_at"] is not None
    result["score"] = 2 - result["solved_at"] / steps if solved else result["quality"]
    if task == "parity":
        result["beyond"] = beyond(model, seed, length)
    if quantised:
        assert isinstance(model, Classifier)
        result["quality_int8"] = right(eight_bits.dynamic(model)(x), y)
    return {**result, "parameters": count_parameters(model)}


def build(task: str, cell: str, layers: int, width: int, length: int, start: str = "default") -> Model:
    """A fresh network: recurrent layers, and a linear head that reads the last state, or of parity every state."""
    inputs, outputs = sizes(task, length)
    core = Recurrent(cell, inputs, width, layers)
    begin(core, start)
    return Tagger(core, outputs) if task == "parity" else Classifier(core, outputs)


def sizes(task: str, length: int) -> tuple[int, int]:
    """Features of an input and kinds of answers.

    Raises:
        ValueError: a length that does not divide the points of a curve of MNIST-1D.
    """
    if task == "mnist1d" and mnist1d.POINTS % length:
        raise ValueError(f"length = {length!r} is not allowed: a divisor of {mnist1d.POINTS} for the task 'mnist1d'")
    return {
        "mnist1d": (mnist1d.POINTS // length, mnist1d.CLASSES),
        "recall": (recall.SYMBOLS + 2, recall.SYMBOLS),
        "parity": (parity.BITS, parity.BITS),
    }[task]


def batches(task: str, seed: int, batch: int, length: int) -> Iterator[Batch]:
    """Endless batches of a task."""
    if task == "mnist1d":
        return mnist1d.batches(seed, batch, sizes(task, length)[0])
    return _stream(task)(seed, batch, length)


def held_out(task: str, seed: int, length: int, tuning: bool = False) -> Batch:
    """What a run is judged on: the validation or the test part, or fresh sequences of a stream of its own."""
    if task == "mnist1d":
        part = mnist1d.load()["validation" if tuning else "test"]
        return mnist1d.frames(part.x, sizes(task, length)[0]), part.y
    return next(_stream(task)(1_000_000 + seed, HELD_OUT, length))


def beyond(model: nn.Module, seed: int, length: int) -> float:
    """Share of right parities at steps after the length trained, on strings `BEYOND` times as long."""
    x, y = held_out("parity", seed + HELD_OUT, BEYOND * length)
    with torch.no_grad():
        return right(model(x)[length:], y[length:])


def loss(model: nn.Module, batch: tuple[Tensor, ...]) -> Tensor:
    """Mean cross-entropy over all answers of a batch."""
    return cross_entropy(model(batch[0]).flatten(0, -2), batch[1].flatten())


def right(logits: Tensor, y: Tensor) -> float:
    """Share of right answers; logits (…, K), y (…)."""
    return float((logits.argmax(-1) == y).float().mean())


def baseline(task: str) -> float:
    """Share of right answers without a memory: guessing, or on MNIST-1D logistic regression on the points of a curve."""
    return {"mnist1d": mnist1d, "recall": recall, "parity": parity}[task].baseline()


def _stream(task: str) -> Callable[[int, int, int], Iterator[Batch]]:
    return {"recall": recall, "parity": parity}[task].batches
