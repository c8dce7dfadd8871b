"""Parity: of the bits read so far, is the number of ones odd? To be said after every bit.

One state of two values is enough, and every one must turn it over. A recurrence that is linear in its state, with factors
between 0 and 1 that depend on the input alone, can fade a state but not turn it over, and cannot say the parity of long
strings however it is trained (Grazzi et al. 2025; Merrill et al. 2024, whose circuits parity lies outside). Guessing scores ½.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

BITS = 2


def batches(seed: int, batch: int, length: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Endless batches.

    Args:
        seed: of the stream. batch: B. length: T, bits in a string.

    Yields:
        x (T, B, 2), one-hot, fair coins. y (T, B): 1 where the ones up to this step, itself among them, are odd in number.
    """
    for name, value in (("batch", batch), ("length", length)):
        if value < 1:
            raise ValueError(f"{name} = {value!r} is not allowed: a whole number of at least 1")
    generator = torch.Generator().manual_seed(seed)
    while True:
        bits = torch.randint(BITS, (length, batch), generator=generator)
        yield torch.nn.functional.one_hot(bits, BITS).float(), bits.cumsum(0) % 2


def baseline() -> float:
    """Share of right guesses."""
    return 1 / BITS
