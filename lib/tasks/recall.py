"""First-symbol recall: remember the first of k symbols through a stretch of noise, then name it.

The smallest task that asks for nothing but memory: the answer is in the first step, the question in the last.
Hochreiter and Schmidhuber (1997) used tasks of this kind. Guessing scores 1/k.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

SYMBOLS = 8


def batches(seed: int, batch: int, delay: int, symbols: int = SYMBOLS) -> Iterator[tuple[Tensor, Tensor]]:
    """Endless batches.

    Args:
        seed: of the stream. batch: B.
        delay: steps of noise between the symbol and the question, ≥ 1.
        symbols: k.

    Yields:
        x (T, B, k + 2), one-hot, T = delay + 2: the symbol; noise, coin flips between two other letters; the question
        (the first noise letter and the second at once). y (B,): which symbol it was.
    """
    for name, value in (("batch", batch), ("delay", delay), ("symbols", symbols)):
        if value < 1:
            raise ValueError(f"{name} = {value!r} is not allowed: a whole number of at least 1")
    generator = torch.Generator().manual_seed(seed)
    while True:
        y = torch.randint(symbols, (batch,), generator=generator)
        noise = torch.randint(2, (delay, batch), generator=generator)
        x = torch.zeros(delay + 2, batch, symbols + 2)
        x[0, torch.arange(batch), y] = 1.0
        x[1:-1].scatter_(2, (symbols + noise).unsqueeze(2), 1.0)
        x[-1, :, symbols:] = 1.0
        yield x, y


def baseline(symbols: int = SYMBOLS) -> float:
    """Accuracy of guessing."""
    return 1 / symbols
