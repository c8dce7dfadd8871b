"""Censored times against scipy and by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from evidence import survival

RUNS = st.lists(st.tuples(st.integers(1, 20), st.booleans()), min_size=2, max_size=12)


def test_a_restricted_mean_by_hand() -> None:
    """Of four runs one solves at 10, one stops at 20, one solves at 30; until 40: 10 + 20 × 3/4 + 10 × 3/8."""
    found = survival.restricted_mean([10, 20, 30, 40], [True, False, True, False], 40)
    assert found.estimate == pytest.approx(10 + 20 * 0.75 + 10 * 0.375)
    assert found.low < found.estimate < found.high and found.n == 4


@settings(max_examples=60, deadline=None)
@given(RUNS)
def test_the_area_is_that_under_scipys_curve(runs: list[tuple[int, bool]]) -> None:
    times, solved = np.array([each[0] for each in runs], float), np.array([each[1] for each in runs])
    area = survival.areas(times, solved, 21.0, np.ones((1, len(runs))))[0]
    curve = stats.ecdf(stats.CensoredData.right_censored(times, ~solved)).sf
    grid = np.arange(0, 21, 1.0)
    assert area == pytest.approx(sum(curve.evaluate(grid)))


@settings(max_examples=30, deadline=None)
@given(RUNS, st.lists(st.integers(0, 3), min_size=12, max_size=12).filter(lambda each: sum(each[:2]) > 0))
def test_a_run_that_counts_twice_is_as_two_runs(runs: list[tuple[int, bool]], counts: list[int]) -> None:
    times, solved = np.array([each[0] for each in runs], float), np.array([each[1] for each in runs])
    weights = np.array(counts[: len(runs)])
    twice = np.repeat(np.arange(len(runs)), weights)
    one = survival.areas(times, solved, 15.0, weights[None].astype(float))
    other = survival.areas(times[twice], solved[twice], 15.0, np.ones((1, len(twice))))
    assert one == pytest.approx(other)


def test_runs_with_one_budget_need_no_curve() -> None:
    times, solved = [10, 40, 30, 40], [True, False, True, False]
    assert survival.restricted(times, solved, 40).mean() == survival.restricted_mean(times, solved, 40).estimate
    with pytest.raises(ValueError, match=r"^horizon = 50 is not allowed: a run stopped unsolved at 40$"):
        survival.restricted(times, solved, 50)


def test_nobody_and_everybody_at_once_leave_no_doubt() -> None:
    never = survival.restricted_mean([40, 40, 40], [False] * 3, 40)
    assert (never.low, never.estimate, never.high) == (40, 40, 40)
    at_once = survival.restricted_mean([5, 5], [True, True], 40)
    assert (at_once.low, at_once.estimate, at_once.high) == (5, 5, 5)


def test_the_log_rank_test_tells_fast_from_slow() -> None:
    fast, slow = np.arange(1, 11), np.arange(20, 30)
    assert survival.logrank(fast, np.ones(10), slow, np.ones(10)) < 0.001
    assert survival.logrank(fast, np.ones(10), fast, np.ones(10)) == pytest.approx(1.0)
    assert survival.logrank([9, 9], [0, 0], [9, 9], [0, 0]) == 1.0


@pytest.mark.parametrize(
    ("times", "solved", "horizon", "message"),
    [
        ([1, 2], [True], 5, "one time from 0 on for each run"),
        ([-1, 2], [True, True], 5, "one time from 0 on for each run"),
        ([1, 2], [True, True], 0, "horizon = 0 is not allowed"),
        ([1], [True], 5, "at least 2 finite values"),
    ],
)
def test_bad_times_are_refused(times: list, solved: list, horizon: float, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        survival.restricted_mean(times, solved, horizon)
