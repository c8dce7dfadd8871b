"""What the models of the chapter *performance/data_size* learn from: draws of a few sequences."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import one_hot

from gatedrnn.checks import require
from tasks import mnist1d, vowels

CLASSES = {"mnist1d": mnist1d.CLASSES, "vowels": vowels.CLASSES}
FIFTH = 5
"""One drawn sequence of each class in so many is held back, to tell when to stop."""
QUARTER = 4
"""A batch is a quarter of the sequences trained on at most, so that steps differ."""
Batch = tuple[Tensor, Tensor, Tensor]
"""Sequences x (T, B, I), true lengths (B,) and labels y (B,)."""


@dataclass(frozen=True)
class Parts:
    """Sequences to train on, held back to tell when to stop (or none), and to be judged by; on the scale of those drawn."""

    train: Batch
    held: Batch | None
    test: Batch


def parts(
    task: str,
    examples: int,
    seed: int,
    *,
    holding: bool = False,
    tuning: bool = False,
    exchanged: bool = False,
    frame: int = 1,
) -> Parts:
    """Draw from what may be learned from, and divide.

    Args:
        task: `mnist1d` or `vowels`. examples: sequences drawn. seed: of the draw.
        holding: hold a fifth of each class back.
        tuning: leave the test part alone; draw from the rest without its validation part (all that is left, where that
            is fewer) and be judged by the latter.
        exchanged: draw from the test part, be judged by all others.
        frame: points of MNIST-1D read in one step.
    """
    require("task", task, tuple(CLASSES))
    pool, judges = _pools(task, tuning, exchanged)
    chosen = draw(pool[2], min(examples, len(pool[2])) if tuning else examples, seed)
    drawn = take(pool, chosen)
    first, second = (_scaled(each, drawn, task, frame) for each in (drawn, judges))
    if not holding:
        return Parts(first, None, second)
    back = held_back(drawn[2])
    return Parts(take(first, ~back), take(first, back), second)


def draw(y: Tensor, examples: int, seed: int) -> Tensor:
    """Numbers of `examples` sequences with labels y (N,), the classes in turn; larger draws contain the smaller ones.

    Raises:
        ValueError: fewer than 1 or more than there are.
    """
    if not 1 <= examples <= len(y):
        raise ValueError(f"examples = {examples!r} is not allowed: a whole number from 1 to {len(y)}")
    order = torch.randperm(len(y), generator=torch.Generator().manual_seed(seed))
    return order[torch.sort(_rank(y[order]), stable=True).indices[:examples]]


def held_back(y: Tensor) -> Tensor:
    """Which of the drawn sequences with labels y (N,) are held back: every fifth of each class."""
    return _rank(y) % FIFTH == FIFTH - 1


def batches(data: Batch, batch: int, seed: int) -> Iterator[Batch]:
    """Endless batches, reshuffled every epoch."""
    generator = torch.Generator().manual_seed(seed)
    count = len(data[2])
    batch = max(1, min(batch, count // QUARTER))
    while True:
        order = torch.randperm(count, generator=generator)
        for start in range(0, count - batch + 1, batch):
            yield take(data, order[start : start + batch])


def take(data: Batch, chosen: Tensor | slice) -> Batch:
    """Some of the sequences."""
    return data[0][:, chosen], data[1][chosen], data[2][chosen]


def _rank(y: Tensor) -> Tensor:
    """Place of each label among its equals, from 0."""
    return (one_hot(y).cumsum(0) - 1).gather(1, y.unsqueeze(1)).squeeze(1)


def _pools(task: str, tuning: bool, exchanged: bool) -> tuple[Batch, Batch]:
    """Where sequences are drawn from, and those that judge; curves of MNIST-1D as one frame of 40 points."""
    names = (("train",), ("validation",)) if tuning else (("train", "validation"), ("test",))
    first, second = (_joined(task, each) for each in (reversed(names) if exchanged else names))
    return first, second


def _joined(task: str, names: tuple[str, ...]) -> Batch:
    if task == "vowels":
        known = vowels.load()
        found = known["full"] if len(names) > 1 else known[names[0]]  # in the order in which they were recorded
        return found.x, found.lengths, found.y
    curves = [mnist1d.load()[name] for name in names]
    x, y = torch.cat([part.x for part in curves]), torch.cat([part.y for part in curves])
    return x.unsqueeze(0), torch.ones(len(y), dtype=torch.int64), y


def _scaled(data: Batch, by: Batch, task: str, frame: int) -> Batch:
    x, lengths, y = data
    if task == "vowels":
        known, scale = vowels.Utterances(*data), vowels.Utterances(*by)
        return known.standardised(scale).x, lengths, y
    curves = mnist1d.frames((x[0] - by[0].mean()) / by[0].std(), frame)
    return curves, torch.full((len(y),), len(curves)), y
