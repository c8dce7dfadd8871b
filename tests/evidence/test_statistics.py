"""Intervals against textbook values, by hand where that is possible, and on inputs with nothing to estimate."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from evidence import statistics
from evidence.statistics import Interval

SAMPLES = st.lists(st.floats(-1e3, 1e3).map(lambda value: round(value, 3)), min_size=2, max_size=12)


# --- Wilson


@pytest.mark.parametrize(
    ("successes", "n", "low", "high"),
    [
        (8, 10, 0.4902, 0.9433),
        (10, 10, 0.7225, 1.0),
        (0, 10, 0.0, 0.2775),
        (5, 10, 0.2366, 0.7634),
        (81, 263, 0.2553, 0.3662),  # Newcombe 1998, table I
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilson_gives_the_published_intervals(successes: int, n: int, low: float, high: float) -> None:
    found = statistics.wilson(successes, n)
    assert (found.low, found.high) == pytest.approx((low, high), abs=5e-5)
    assert found.estimate == successes / n and found.n == n


@given(n=st.integers(1, 200), data=st.data())
def test_wilson_is_symmetric_inside_and_never_degenerate(n: int, data: st.DataObject) -> None:
    successes = data.draw(st.integers(0, n))
    one, other = statistics.wilson(successes, n), statistics.wilson(n - successes, n)
    assert 0 <= one.low <= one.estimate + 1e-12 and one.estimate - 1e-12 <= one.high <= 1
    assert one.high - one.low > 0
    assert (one.low, one.high) == pytest.approx((1 - other.high, 1 - other.low), abs=1e-9)


@pytest.mark.parametrize(("successes", "n"), [(-1, 10), (11, 10), (0, 0), (float("nan"), 10), (1, -1)])
def test_wilson_names_what_is_wrong(successes: float, n: int) -> None:
    with pytest.raises(ValueError, match=rf"^successes = {successes!r} of n = {n!r} is not allowed"):
        statistics.wilson(successes, n)  # type: ignore[arg-type]


@pytest.mark.parametrize("n", [1, 3, 10, 1000])
def test_none_and_all_of_n_reach_the_ends_exactly(n: int) -> None:
    assert statistics.wilson(0, n).low == 0.0 and statistics.wilson(n, n).high == 1.0
    assert statistics.wilson(0, n).high > 0 and statistics.wilson(n, n).low < 1


# --- paired success rates


def test_paired_rates_by_hand() -> None:
    """Of 10 pairs 4 were won and 1 lost: (5 − 2) / 12 ± 1.96 √((7/12 − (3/12)²) / 12), Bonett and Price's formula."""
    a = [1, 1, 1, 1, 0, 1, 1, 0, 0, 0]
    b = [0, 0, 0, 0, 1, 1, 1, 0, 0, 0]
    found = statistics.paired_rates(a, b)
    half = stats.norm.ppf(0.975) * math.sqrt((7 / 12 - 1 / 16) / 12)
    assert found == Interval(pytest.approx(0.3), pytest.approx(0.25 - half), pytest.approx(0.25 + half), 0.95, 10)
    turned = statistics.paired_rates(b, a)
    assert (turned.low, turned.high) == pytest.approx((-found.high, -found.low))


@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=2, max_size=30))
def test_paired_rates_hold_their_estimate_and_leave_doubt(pairs: list[tuple[bool, bool]]) -> None:
    found = statistics.paired_rates(*zip(*pairs, strict=True))
    assert -1 <= found.low <= found.estimate <= found.high <= 1 and found.high > found.low


def test_paired_rates_take_successes_only() -> None:
    with pytest.raises(ValueError, match=r"^b = \[0.0, 2.0\] is not allowed: successes as 0 and 1$"):
        statistics.paired_rates([0, 1], [0, 2])


# --- means, ratios, medians


@settings(max_examples=50, deadline=None)
@given(SAMPLES.filter(lambda each: np.ptp(each) > 0.01))
def test_the_interval_of_a_mean_is_students(values: list[float]) -> None:
    found = statistics.mean_interval(values)
    expected = stats.t.interval(0.95, len(values) - 1, np.mean(values), stats.sem(values))
    assert (found.low, found.high) == pytest.approx(expected)
    assert found.estimate == pytest.approx(np.mean(values)) and found.n == len(values)
    assert statistics.half_width(np.array(values)) == pytest.approx((found.high - found.low) / 2)


def test_two_values_leave_wide_doubt_and_equal_ones_none() -> None:
    assert statistics.mean_interval([1, 3]) == Interval(
        2.0, pytest.approx(2 - 12.706, abs=1e-3), pytest.approx(14.706, abs=1e-3), n=2
    )
    assert statistics.mean_interval([2.0] * 10) == Interval(2.0, 2.0, 2.0, 0.95, 10)
    assert statistics.mean_interval([0.1] * 3).low == pytest.approx(0.1)
    assert statistics.paired_difference([3, 4, 5], [1, 2, 3]) == Interval(2.0, 2.0, 2.0, 0.95, 3)


def test_pairing_removes_what_the_pairs_share() -> None:
    shared = np.linspace(0, 1000, 10)
    better = shared + np.array([1, 2] * 5)
    found = statistics.paired_difference(better, shared)
    assert 1 < found.low < found.estimate == 1.5 < found.high < 2
    assert statistics.paired_difference(shared, better).estimate == -1.5


def test_a_ratio_is_the_mean_on_the_logarithm_and_turns_with_its_pairs() -> None:
    a, b = [2, 30, 400, 3, 50], [1, 10, 100, 1, 10]
    found, turned = statistics.paired_ratio(a, b), statistics.paired_ratio(b, a)
    assert found.estimate == pytest.approx(stats.gmean([2, 3, 4, 3, 5]))
    assert (turned.low, turned.estimate, turned.high) == pytest.approx(
        (1 / found.high, 1 / found.estimate, 1 / found.low)
    )
    with pytest.raises(ValueError, match=r"^a, b: ratios need values above 0$"):
        statistics.paired_ratio([0, 1], [1, 1])


@pytest.mark.parametrize(("n", "outside"), [(5, -1), (6, 0), (8, 0), (9, 1), (10, 1), (12, 2), (20, 5), (100, 39)])
def test_the_ends_of_a_medians_interval_are_those_of_the_tables(n: int, outside: int) -> None:
    """Ranks 1, 2, 3, 6, 40 of 6 to 100: any table of the sign test."""
    assert statistics.left_out(0.95, n) == outside


def test_the_interval_of_a_median_takes_no_notice_of_one_slow_round() -> None:
    times = [1.0, 1.1, 1.2, 1.3, 1.4, 1.5, 1.6, 1.7, 1.8, 90.0]
    found = statistics.median_interval(times)
    assert (found.low, found.estimate, found.high) == (1.1, 1.45, 1.8)
    few = statistics.median_interval(times[:5])
    assert (few.low, few.high) == pytest.approx(stats.t.interval(0.95, 4, 1.2, stats.sem(times[:5])))


@settings(max_examples=50, deadline=None)
@given(SAMPLES)
def test_an_interval_holds_its_estimate(values: list[float]) -> None:
    for found in (statistics.mean_interval(values), statistics.median_interval(values)):
        assert found.low - 1e-9 <= found.estimate <= found.high + 1e-9


def test_the_median_ratio_is_that_of_the_pairs() -> None:
    found = statistics.median_ratio([2, 30, 400, 3, 50], [1, 10, 100, 1, 10])
    assert found.estimate == pytest.approx(3.0) and found.low < 3 < found.high


# --- what is refused


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (lambda bad: statistics.mean_interval(bad), "values"),
        (lambda bad: statistics.median_interval(bad), "values"),
        (lambda bad: statistics.paired_difference(bad, [1, 2]), "a"),
        (lambda bad: statistics.paired_difference([1, 2], bad), "b"),
        (lambda bad: statistics.paired_ratio(bad, [1, 2]), "a"),
        (lambda bad: statistics.median_ratio([1, 2], bad), "b"),
        (lambda bad: statistics.paired_rates(bad, [1, 0]), "a"),
    ],
)
@pytest.mark.parametrize("bad", [[], [1.0], [[1.0, 2.0]], [1.0, float("nan")], [1.0, float("inf")]])
def test_a_sample_too_small_or_not_finite_is_named(call, name: str, bad: object) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ValueError, match=rf"^{name} of shape .* is not allowed: at least 2 finite values"):
        call(bad)


def test_pairs_need_equal_numbers() -> None:
    with pytest.raises(ValueError, match=r"^a of shape \(3,\), b of shape \(2,\): pairs need equal shapes$"):
        statistics.paired_difference([1, 2, 3], [1, 2])


@pytest.mark.parametrize("level", [95, 0, 1, -0.5, float("nan")])
def test_a_level_that_is_no_share_is_refused_by_every_interval(level: float) -> None:
    calls = [
        lambda: statistics.mean_interval([1.0, 2.0], level),
        lambda: statistics.median_interval([1.0, 2.0], level),
        lambda: statistics.paired_difference([1.0, 2.0], [2.0, 4.0], level),
        lambda: statistics.paired_ratio([1.0, 2.0], [2.0, 4.0], level),
        lambda: statistics.paired_rates([1, 0], [0, 0], level),
        lambda: statistics.wilson(1, 3, level),
        lambda: Interval(1.0, 0.0, 2.0, level=level),
    ]
    for call in calls:
        with pytest.raises(ValueError, match=r"level = .* is not allowed: a number between 0 and 1"):
            call()


def test_an_interval_reads_as_text() -> None:
    interval = Interval(1.2, 1.1, 1.305)
    assert interval.format(unit="ms") == "1.20 [1.10, 1.30] ms"
    assert interval.format("{:.0f}") == "1 [1, 1]"
    assert interval.mapped(lambda value: -1 + value).signed() == "+0.2 [+0.1, +0.3]"
