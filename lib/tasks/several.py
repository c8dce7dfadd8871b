"""Recall of several tokens: name the marked ones in order, at the end, after all others have passed.

Every step shows one of k symbols, and a mark or none; the last steps ask, all alike. What was marked either stands at the
beginning, as in copying (Arjovsky, Shah and Bengio 2016, after Hochreiter and Schmidhuber 1997), or is scattered over the
first half, so that each mark has to be found (selective copying, Gu and Dao 2023). Guessing is right once in k.
Introduced in the chapter *outlook/attention*.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from gatedrnn.checks import require, whole

SYMBOLS, TOKENS = 8, 4
PLACINGS = ("beginning", "scattered")
MARK, ASK = 0, 1
"""Places after the symbols."""


def batches(
    seed: int, batch: int, length: int, placing: str = "scattered", tokens: int = TOKENS, symbols: int = SYMBOLS
) -> Iterator[tuple[Tensor, Tensor]]:
    """Endless batches.

    Args:
        seed: of the stream. batch: B.
        length: T of the whole sequence, at least 4 times the tokens.
        placing: where the marked tokens stand: `beginning`, the first steps; or `scattered` over the first half.
        tokens: n, to be named. symbols: k, at least 2.

    Yields:
        x (T, B, k + 2): at each step a symbol, one-hot, then whether it is marked; in the last n steps no symbol, and a
        one in the last place. y (n, B): the marked symbols in the order in which they came.

    Raises:
        ValueError: an argument out of range.
    """
    require("placing", placing, PLACINGS)
    for name, value, least in (("batch", batch, 1), ("tokens", tokens, 1), ("symbols", symbols, 2)):
        whole(name, value, least)
    whole("length", length, 4 * tokens)
    generator = torch.Generator().manual_seed(seed)
    columns = torch.arange(batch)
    while True:
        shown = torch.randint(symbols, (length - tokens, batch), generator=generator)
        x = torch.zeros(length, batch, symbols + 2)
        x[:-tokens].scatter_(2, shown.unsqueeze(2), 1.0)
        places = torch.arange(tokens).unsqueeze(1).expand(-1, batch)  # (n, B)
        if placing == "scattered":
            drawn = torch.rand(length // 2, batch, generator=generator).argsort(0)[:tokens]  # all different
            places = drawn.sort(0).values
        x[places, columns, symbols + MARK] = 1.0
        x[-tokens:, :, symbols + ASK] = 1.0
        yield x, shown.gather(0, places)


def marked(x: Tensor) -> Tensor:
    """Steps at which the marked tokens stand, in order: (n, B) of the x (T, B, k + 2) of `batches`."""
    marks = x[..., -2 + MARK].bool().T  # (B, T)
    return marks.nonzero()[:, 1].view(len(marks), -1).T


def baseline(symbols: int = SYMBOLS) -> float:
    """Share of tokens that guessing names."""
    return 1 / symbols
