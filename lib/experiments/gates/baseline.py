"""The counting baseline of the chapter *memory/gates*: no network, no gate."""

from __future__ import annotations

from typing import Any

from tasks import kjv


def run(*, order: int, seed: int) -> dict[str, Any]:
    """Bits per character of an n-gram model of the King James text on its test part.

    Args:
        order: n, see `kjv.ngram_bits`. seed: changes nothing; every run has one.
    """
    parts = kjv.split()
    return {"bits": kjv.ngram_bits(order, parts.train, parts.test)}
