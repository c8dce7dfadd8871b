"""Every order of a Witten–Bell n-gram model in one pass over the King James text.

`kjv.ngram_bits` gives the score of one order; a model of order n holds those of all lower orders, so here one pass
gives a whole ladder of scores, of sizes and of seconds. Introduced in the chapter *applications/language*.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from torch import Tensor

from tasks import kjv
from tasks.kjv import _counted, _grams, _look_up


@dataclass(frozen=True)
class Rung:
    """The model of one order: bits per character on each text, n-grams counted in all, seconds since the start."""

    order: int
    bits: list[float]
    counted: int
    seconds: float


def ladder(highest: int, train: Tensor, tests: Sequence[Tensor]) -> Iterator[Rung]:
    """Models of order 1 to `highest`, each with Witten–Bell's mixture p_n = (c + k · p_{n−1}) ÷ (m + k).

    A context was seen m times, c times followed by the character in question, by k different ones in all.

    Args:
        highest: 1 to 8. train: (N,) symbol numbers to count. tests: texts (M,) to score, from their character number
            `highest` on, the same for all orders.

    Raises:
        ValueError: the order is out of range.
    """
    if not 1 <= highest <= 8:
        raise ValueError(f"highest = {highest!r} is not allowed: a whole number from 1 to 8")
    started = time.perf_counter()
    size = len(kjv.symbols())
    known = train.numpy().astype(np.int64)
    new = [each.numpy().astype(np.int64) for each in tests]
    chances = [np.full(len(each) - highest + 1, 1 / size) for each in new]
    counted = 0
    for n in range(1, highest + 1):
        grams, counts = _counted(_grams(known, n, size), size**n)
        contexts, first = np.unique(grams // size, return_index=True)
        seen = np.add.reduceat(counts, first)
        kinds = np.diff(np.append(first, len(grams)))
        counted += len(grams)
        for place, text in enumerate(new):
            asked = _grams(text, n, size)[highest - n :]
            m, k = (_look_up(contexts, each, asked // size) for each in (seen, kinds))
            mixed = (_look_up(grams, counts, asked) + k * chances[place]) / np.where(m > 0, m + k, 1)
            chances[place] = np.where(m > 0, mixed, chances[place])
        bits = [float(-np.log2(each).mean()) for each in chances]
        yield Rung(n, bits, counted, time.perf_counter() - started)
