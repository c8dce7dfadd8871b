"""Adding: two of many numbers are marked; say their sum at the end.

The memory task of Hochreiter and Schmidhuber (1997), in the form of Bai et al. (2018): both marks may fall anywhere.
What has to be kept is a real number and not a symbol, and every unmarked number has to be kept out.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

INPUTS = 2
SOLVED = 0.01
"""Mean squared error below which the task counts as solved."""


def batches(seed: int, batch: int, length: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Endless batches.

    Args:
        seed: of the stream. batch: B. length: T, at least 2.

    Yields:
        x (T, B, 2): a number, uniform in [0, 1), and a mark, 1 at two steps of each sequence and 0 at all others.
        y (B,): the sum of the two marked numbers.
    """
    for name, value, least in (("batch", batch, 1), ("length", length, 2)):
        if value < least:
            raise ValueError(f"{name} = {value!r} is not allowed: a whole number of at least {least}")
    generator = torch.Generator().manual_seed(seed)
    columns = torch.arange(batch)
    while True:
        numbers = torch.rand(length, batch, generator=generator)
        first = torch.randint(length, (batch,), generator=generator)
        second = (first + torch.randint(1, length, (batch,), generator=generator)) % length
        marks = torch.zeros(length, batch)
        marks[first, columns] = 1.0
        marks[second, columns] = 1.0
        yield torch.stack([numbers, marks], dim=2), numbers[first, columns] + numbers[second, columns]


def baseline() -> float:
    """Mean squared error of always saying 1, the mean: the variance of a sum of two uniform numbers, 2/12."""
    return 1 / 6
