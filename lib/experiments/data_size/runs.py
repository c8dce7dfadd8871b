"""Runs of the chapter *performance/data_size*: what a cell makes of ever fewer training sequences."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from gatedrnn.checks import require
from gatedrnn.initialisation import initialise
from gatedrnn.layers import Recurrent
from gatedrnn.models import Classifier, count_parameters, width_of
from gatedrnn.training import train
from tasks import mnist1d, vowels
from tasks.logistic import logistic

CLASSES = {"mnist1d": mnist1d.CLASSES, "vowels": vowels.CLASSES}
CELLS = ("lstm", "gru")
LOOKS = 4
"""Evaluations during a training, evenly spread; the last one is the result."""
Batch = tuple[Tensor, Tensor, Tensor]
"""Sequences x (T, B, I), true lengths (B,) and labels y (B,)."""


def run(
    *,
    task: str,
    cell: str,
    match: str,
    hidden_size: int,
    examples: int,
    learning_rate: float,
    steps: int,
    batch: int,
    seed: int,
    tuning: bool = False,
    frame: int = 4,
    bias: float = 1.0,
) -> dict[str, Any]:
    """Train one cell on a part of the training set.

    Args:
        task: `mnist1d` or `vowels`.
        cell: `lstm` or `gru`.
        match: `width`, as wide as the LSTM; or `parameters`, with as many parameters as the LSTM.
        hidden_size: width of the LSTM.
        examples: training sequences drawn, classes in turn; the larger draws of a seed contain the smaller ones.
        learning_rate, steps, batch: of the training; the steps do not depend on `examples`.
        seed: of the draw, the weights and the order of the batches; the same for all cells.
        tuning: draw from what is left of the training set without its validation part, and score the latter.
        frame: points of MNIST-1D read in one step.
        bias: first bias of the keeping gate, f of an LSTM and z of a GRU.

    Returns:
        `accuracy` (share) on held-out data, `train_accuracy` on the sequences trained on (1000 at most), `steps_taken`,
        `clipped`, `diverged`, `parameters`, `width`, and curves.
    """
    choices = (("task", task, tuple(CLASSES)), ("cell", cell, CELLS), ("match", match, ("width", "parameters")))
    for name, value, allowed in choices:
        require(name, value, allowed)
    drawn, held = data(task, examples, seed, tuning, frame)
    inputs = drawn[0].shape[-1]
    width = width_of(cell, match, hidden_size, lambda each, units: build(task, each, inputs, units))
    torch.manual_seed(seed)
    model = build(task, cell, inputs, width)
    initialise(model.core, f"bias:{bias}")  # type: ignore[arg-type]

    def evaluate(model: nn.Module) -> dict[str, float]:
        return {"accuracy": _accuracy(model, held), "train_accuracy": _accuracy(model, _take(drawn, slice(1000)))}

    result = train(
        model,
        batches(drawn, batch, seed),
        lambda model, part: cross_entropy(model(part[0], part[1]), part[2]),
        evaluate,
        steps=steps,
        learning_rate=learning_rate,
        every=max(1, steps // LOOKS),
    )
    return {**result, "parameters": count_parameters(model), "width": width}


def build(task: str, cell: str, inputs: int, width: int) -> Classifier:
    """The model for a task: one recurrent layer and a linear head on its last state."""
    return Classifier(Recurrent(cell, inputs, width), CLASSES[task])


def baseline(*, task: str, kind: str, examples: int, seed: int) -> dict[str, Any]:
    """Logistic regression without a recurrent network, on the same draw as `run`.

    Args:
        task: `mnist1d` or `vowels`.
        kind: `points`, all 40 points of MNIST-1D; or for the vowels `mean` or `static` of `vowels.summary`.
        examples, seed: as for `run`.

    Returns:
        `accuracy` (share) on the test set.
    """
    if task == "mnist1d":
        drawn, held = data(task, examples, seed, False, mnist1d.POINTS)
        return {"accuracy": logistic(drawn[0][0], drawn[2], held[0][0], held[2], CLASSES[task])}
    full, test = vowels.load()["full"], vowels.load()["test"]
    part = full[draw(full.y, examples, seed)]
    x, x_test = vowels.summary(part, kind), vowels.summary(test, kind)
    mean, deviation = x.mean(0), x.std(0)
    return {"accuracy": logistic((x - mean) / deviation, part.y, (x_test - mean) / deviation, test.y, CLASSES[task])}


def data(task: str, examples: int, seed: int, tuning: bool, frame: int) -> tuple[Batch, Batch]:
    """The sequences drawn for training, and the held-out ones, on the scale of those drawn."""
    if task == "vowels":
        parts = vowels.load()
        pool, held = parts["train" if tuning else "full"], parts["validation" if tuning else "test"]
        drawn = pool[draw(pool.y, examples, seed)]
        scaled = [each.standardised(drawn) for each in (drawn, held)]
        return (scaled[0].x, scaled[0].lengths, scaled[0].y), (scaled[1].x, scaled[1].lengths, scaled[1].y)
    curves = mnist1d.load()
    known = [curves[name] for name in (("train",) if tuning else ("train", "validation"))]
    x, y = torch.cat([part.x for part in known]), torch.cat([part.y for part in known])
    test = curves["validation" if tuning else "test"]
    chosen = draw(y, examples, seed)
    mean, deviation = x[chosen].mean(), x[chosen].std()

    def sequences(points: Tensor, labels: Tensor) -> Batch:
        scaled = mnist1d.frames((points - mean) / deviation, frame)
        return scaled, torch.full((len(labels),), len(scaled)), labels

    return sequences(x[chosen], y[chosen]), sequences(test.x, test.y)


def draw(y: Tensor, examples: int, seed: int) -> Tensor:
    """Numbers of `examples` sequences with labels y (N,), the classes in turn; larger draws contain the smaller ones.

    Raises:
        ValueError: fewer than 1 or more than there are.
    """
    if not 1 <= examples <= len(y):
        raise ValueError(f"examples = {examples!r} is not allowed: a whole number from 1 to {len(y)}")
    order = torch.randperm(len(y), generator=torch.Generator().manual_seed(seed))
    shuffled = y[order]
    seen = nn.functional.one_hot(shuffled).cumsum(0).gather(1, shuffled.unsqueeze(1)).squeeze(1)
    return order[torch.sort(seen, stable=True).indices[:examples]]


def batches(drawn: Batch, batch: int, seed: int) -> Iterator[Batch]:
    """Endless batches, reshuffled every epoch; where fewer sequences than a batch are there, all of them."""
    generator = torch.Generator().manual_seed(seed)
    count = len(drawn[2])
    batch = min(batch, count)
    while True:
        order = torch.randperm(count, generator=generator)
        for start in range(0, count - batch + 1, batch):
            yield _take(drawn, order[start : start + batch])


def _take(data: Batch, chosen: Tensor | slice) -> Batch:
    return data[0][:, chosen], data[1][chosen], data[2][chosen]


def _accuracy(model: nn.Module, data: Batch) -> float:
    x, lengths, y = data
    return float((model(x, lengths).argmax(1) == y).float().mean())
