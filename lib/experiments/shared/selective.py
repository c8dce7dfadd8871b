"""Two registers: marks say which symbol to keep, and where; each write replaces what that register held.

Every step shows a symbol and a mark: *first*, *second* or none. At the end both registers are asked for. So a cell has
to keep one thing while it overwrites another, and has to let most of what it sees pass.
Introduced in the chapter *memory/recall*.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from gatedrnn.checks import whole

SYMBOLS = 4
REGISTERS = 2
WRITES = 2
INPUTS = SYMBOLS + REGISTERS
"""A letter for each symbol and one for each mark."""


def batches(seed: int, batch: int, length: int, symbols: int = SYMBOLS) -> Iterator[tuple[Tensor, Tensor]]:
    """Endless batches.

    Args:
        seed: of the stream. batch: B.
        length: T, at least 8; all writes fall in the first half, so that what is held is held for T/2 steps or more.
        symbols: k, at least 2.

    Yields:
        x (T, B, k + 2): at each step a symbol, one-hot, and in the last two places the mark of the register that it is
        written to; each register is written twice, all other steps have no mark. y (B, 2): the last symbol written to
        each register.

    Raises:
        ValueError: an argument out of range.
    """
    events = REGISTERS * WRITES
    for name, value, least in (("batch", batch, 1), ("length", length, 2 * events), ("symbols", symbols, 2)):
        whole(name, value, least)
    generator = torch.Generator().manual_seed(seed)
    registers = torch.arange(REGISTERS).repeat_interleave(WRITES)
    while True:
        shown = torch.randint(symbols, (length, batch), generator=generator)
        x = torch.zeros(length, batch, symbols + REGISTERS)
        x.scatter_(2, shown.unsqueeze(2), 1.0)
        places = torch.rand(length // 2, batch, generator=generator).argsort(0)[:events]  # (events, B), all different
        x[places, torch.arange(batch), symbols + registers.unsqueeze(1)] = 1.0
        last = places.view(REGISTERS, WRITES, batch).amax(1)
        yield x, shown.gather(0, last).T.contiguous()


def baseline(symbols: int = SYMBOLS) -> float:
    """Share of registers that guessing names."""
    return 1 / symbols
