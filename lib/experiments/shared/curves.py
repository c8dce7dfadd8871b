"""Curves of a training, as many points as a reader can see."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


def thinned(curves: Mapping[str, Sequence[Any]], most: int) -> dict[str, list[Any]]:
    """Each curve (all of one length) at `most` places at most, the first and the last among them, evenly spread.

    Raises:
        ValueError: most is no whole number of at least 2.
    """
    if not (isinstance(most, int) and most >= 2):
        raise ValueError(f"most = {most!r} is not allowed: a whole number of at least 2")
    count = max(map(len, curves.values()), default=0)
    places = range(count) if count <= most else [round(i * (count - 1) / (most - 1)) for i in range(most)]
    return {name: [curve[place] for place in places] for name, curve in curves.items()}
