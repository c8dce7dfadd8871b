"""Training to the end: a ladder of budgets, climbed until the published quantity stands still.

The rule stands in the ledger before the experiment: a quantity is trained out where it moves by less than a quarter of its
margin from one rung to the next. A ladder that is not flat at its top says so, and its verdict is *not trained out*; some claims
were amended to count it as settled where the same move once more would leave it on its side of the margin.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

FACTOR = 4
"""Each rung has so many times the budget of the one below."""
STILL = 0.25
"""Share of the margin that a quantity may move between the last two rungs."""


@dataclass(frozen=True)
class Ladder:
    """What was found at each budget.

    `values[budget]` is the published quantity, say a difference of two cells, in the unit of `margin`.
    """

    values: Mapping[int, float]
    margin: float

    def __post_init__(self) -> None:
        if not 0 < self.margin < math.inf:
            raise ValueError(f"margin = {self.margin!r} is not allowed: a number above 0")

    @property
    def budgets(self) -> list[int]:
        """From the lowest rung to the top."""
        return sorted(self.values)

    @property
    def moved(self) -> float:
        """How far the quantity moved from the last rung but one to the top; infinite on a single rung."""
        if len(self.values) < 2:
            return math.inf
        below, top = (self.values[budget] for budget in self.budgets[-2:])
        return abs(top - below)

    @property
    def flat(self) -> bool:
        """Whether the quantity is trained out: it moved by less than `STILL` of the margin; what is no number never is."""
        return self.moved < STILL * self.margin

    def settled(self, low: float, high: float) -> bool:
        """Whether more training would hardly change the answer: flat, or far enough from the margin.

        Far enough is an interval that lies on one side of the margin, and still would if it moved once more as it did from
        the last rung but one to the top.

        Args:
            low, high: ends of the interval at the top, in the unit of the margin.
        """
        if self.flat or len(self.values) < 2:
            return self.flat
        below, top = (self.values[budget] for budget in self.budgets[-2:])
        low, high = low + min(0.0, top - below), high + max(0.0, top - below)
        return low > self.margin or high < self.margin

    @property
    def turned(self) -> bool:
        """Whether the order of the cells changes with the budget: the finding that is said first."""
        signs = {math.copysign(1, value) for value in self.values.values() if value}
        return len(signs) > 1


def climb(
    measure: Callable[[int], float], first: int, margin: float, *, rungs: int = 3, factor: int = FACTOR
) -> Ladder:
    """Measure at growing budgets until the ladder is flat or has all its rungs.

    Args:
        measure: budget → published quantity, in the unit of the margin; stored runs make it cheap to ask again.
        first: budget of the lowest rung, in optimiser steps. margin: of the claim. rungs: at most. factor: see `FACTOR`.

    Raises:
        ValueError: first, rungs or factor out of range.
    """
    for name, value, least in (("first", first, 1), ("rungs", rungs, 1), ("factor", factor, 2)):
        if not (isinstance(value, int) and value >= least):
            raise ValueError(f"{name} = {value!r} is not allowed: a whole number of at least {least}")
    found: dict[int, float] = {}
    for rung in range(rungs):
        budget = first * factor**rung
        found[budget] = float(measure(budget))
        if Ladder(found, margin).flat:
            break
    return Ladder(found, margin)
