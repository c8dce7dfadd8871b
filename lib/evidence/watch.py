"""What `gatedrnn` tells of itself through the auditing events of Python: cells that run, and looks of a training.

An auditing hook (`sys.addaudithook`) is added once a process and cannot be taken away: here there is one for all.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from functools import cache
from typing import Any

_cells: list[set[str]] = []
"""The sets that take the names of the cells that run now."""
_looks: list[tuple[int, dict[str, list[Any]]]] = []
"""The step at which a training is to end, and where its curves up to there go."""


class Enough(BaseException):
    """A training was seen up to the step that was asked for; no run function takes it for an error of its own."""


@contextlib.contextmanager
def heard() -> Iterator[set[str]]:
    """The cells that are run within this block, by name."""
    _listen()
    cells: set[str] = set()
    _cells.append(cells)
    try:
        yield cells
    finally:
        _cells.pop()


@contextlib.contextmanager
def looking(until: int | None) -> Iterator[dict[str, list[Any]]]:
    """End the first training within this block at a look (`Enough`), from a step on; the curves up to there.

    Args:
        until: the step; None lets all trainings end by themselves.
    """
    _listen()
    curves: dict[str, list[Any]] = {}
    if until is not None:
        _looks.append((until, curves))
    try:
        yield curves
    finally:
        if until is not None:
            _looks.pop()


@cache
def _listen() -> None:
    def hear(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "gatedrnn.cell":
            for each in _cells:
                each.add(arguments[0])
        elif event == "gatedrnn.look" and _looks and arguments[0] >= _looks[-1][0]:
            _looks[-1][1].update({name: list(curve) for name, curve in arguments[1].items()})
            raise Enough

    sys.addaudithook(hear)
