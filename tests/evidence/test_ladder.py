"""Training to the end: when a quantity stands still, and when it does not."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evidence.ladder import Ladder, climb


def test_it_climbs_until_the_quantity_stands_still():
    asked = []

    def measure(budget):
        asked.append(budget)
        return 10 / budget

    ladder = climb(measure, 10, 0.4, rungs=9)
    assert asked == [10, 40, 160, 640][: len(asked)]
    assert asked == ladder.budgets == [10, 40, 160][:3] + [640] * (ladder.budgets[-1] == 640)
    assert ladder.flat and abs(10 / asked[-2] - 10 / asked[-1]) < 0.1 <= abs(10 / asked[-3] - 10 / asked[-2])


def test_a_ladder_that_ends_moving_says_so():
    ladder = climb(lambda budget: float(budget), 1, 1.0, rungs=4)
    assert ladder.budgets == [1, 4, 16, 64]
    assert not ladder.flat and ladder.moved == 48


@given(st.floats(-10, 10), st.floats(0.01, 10), st.booleans())
def test_a_quarter_of_the_margin_is_the_limit(value, margin, above):
    step = margin * (0.26 if above else 0.24)
    assert Ladder({1: value, 4: value + step}, margin).flat is not above


def test_one_rung_or_what_is_no_number_is_never_flat():
    assert not Ladder({1: 0.0}, 1.0).flat
    assert not Ladder({1: 0.0, 4: math.nan}, 1.0).flat
    assert climb(lambda budget: math.nan, 1, 1.0).budgets == [1, 4, 16]


def test_an_order_that_changes_with_the_budget_is_told():
    assert Ladder({1: -0.5, 4: 0.1}, 1.0).turned
    assert not Ladder({1: -0.5, 4: 0.0, 16: -0.1}, 1.0).turned


@pytest.mark.parametrize(("name", "value"), [("first", 0), ("rungs", 0), ("factor", 1), ("first", 1.5)])
def test_arguments_out_of_range_are_named(name, value):
    with pytest.raises(ValueError, match=rf"^{name} = {value} is not allowed: a whole number of at least"):
        climb(lambda budget: 0.0, **{"first": 1, "margin": 1.0, name: value})
    with pytest.raises(ValueError, match=r"^margin = 0 is not allowed: a number above 0"):
        Ladder({}, 0)


def test_an_answer_far_from_its_margin_is_settled_though_it_moves():
    ladder = Ladder({1: -90.0, 4: -80.0}, 10.0)
    assert not ladder.flat and ladder.settled(-85, -75)
    assert not ladder.settled(-85, 1), "moved once more it would reach the margin"
    assert ladder.settled(-85, -1)
    assert Ladder({1: 90.0, 4: 80.0}, 10.0).settled(21, 95) and not Ladder({1: 90.0, 4: 80.0}, 10.0).settled(19, 95)
    assert Ladder({1: 80.0, 4: 90.0}, 10.0).settled(11, 95), "it moves away"
    assert not Ladder({4: -80.0}, 10.0).settled(-85, -75), "one rung tells nothing"
    assert Ladder({1: 9.9, 4: 10.0}, 10.0).settled(5, 15), "flat"
