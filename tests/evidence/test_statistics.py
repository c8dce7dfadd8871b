"""Intervals and tests against textbook values, by hand where that is possible, and on inputs with nothing to estimate."""

from __future__ import annotations

import itertools
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from evidence import statistics

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
def test_wilson_gives_the_published_intervals(successes, n, low, high):
    found = statistics.wilson(successes, n)
    assert (found.low, found.high) == pytest.approx((low, high), abs=5e-5)
    assert found.estimate == successes / n and found.n == n


@given(n=st.integers(1, 200), data=st.data())
def test_wilson_is_symmetric_inside_and_never_degenerate(n, data):
    successes = data.draw(st.integers(0, n))
    one, other = statistics.wilson(successes, n), statistics.wilson(n - successes, n)
    assert 0 <= one.low <= one.estimate + 1e-12 and one.estimate - 1e-12 <= one.high <= 1
    assert one.high - one.low > 0
    assert (one.low, one.high) == pytest.approx((1 - other.high, 1 - other.low), abs=1e-9)


@pytest.mark.parametrize(("successes", "n"), [(-1, 10), (11, 10), (0, 0), (float("nan"), 10), (1, -1)])
def test_wilson_names_what_is_wrong(successes, n):
    with pytest.raises(ValueError, match=rf"^successes = {successes!r} of n = {n!r} is not allowed"):
        statistics.wilson(successes, n)


# --- Holm


def test_holm_by_hand():
    """Sorted 0.01, 0.02, 0.03, 0.04 times 4, 3, 2, 1 and never falling: 0.04, 0.06, 0.06, 0.06."""
    assert statistics.holm([0.04, 0.01, 0.03, 0.02]) == pytest.approx([0.06, 0.04, 0.06, 0.06])
    assert statistics.holm([0.5, 0.9]) == pytest.approx([1.0, 1.0])
    assert statistics.holm([0.002] * 10) == pytest.approx([0.02] * 10)
    assert statistics.holm([]).tolist() == []


@settings(max_examples=12, deadline=None)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=20))
def test_holm_is_between_the_raw_p_and_bonferroni_and_keeps_the_order(p):
    adjusted = statistics.holm(p)
    raw = np.array(p)
    assert (adjusted >= raw - 1e-15).all()
    assert (adjusted <= np.minimum(1, raw * len(p)) + 1e-15).all()
    assert (np.diff(adjusted[np.argsort(raw)]) >= 0).all()


@pytest.mark.parametrize("p", [[0.1, float("nan")], [-0.1], [1.1]])
def test_holm_takes_probabilities_only(p):
    with pytest.raises(ValueError, match=r"^p = .* is not allowed: numbers from 0 to 1 in one dimension$"):
        statistics.holm(p)


# --- sign flips


def test_the_least_exact_p_of_ten_pairs_survives_holm_over_the_ledger():
    p = statistics.sign_flip(np.arange(1, 11))
    assert p == pytest.approx(2 / 1024)
    assert statistics.sign_flip(np.arange(1, 11), alternative="greater") == pytest.approx(1 / 1024)
    assert statistics.sign_flip(np.arange(1, 11), alternative="less") == pytest.approx(1.0)
    assert statistics.sign_flip(np.arange(1, 6)) == pytest.approx(2 / 32), "five pairs can never reach 0.05"
    assert statistics.holm([p] + [1.0] * 18)[0] < 0.05


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(-20, 20), min_size=2, max_size=8), st.integers(-5, 5))
def test_sign_flips_equal_the_enumeration_by_hand(differences, margin):
    sample = np.array(differences, dtype=float) - margin
    sums = [np.dot(signs, sample) for signs in itertools.product((1, -1), repeat=len(sample))]
    expected = float(np.mean(np.abs(sums) >= abs(sample.sum()) - 1e-9))
    assert statistics.sign_flip(differences, margin) == pytest.approx(expected)
    assert statistics.sign_flip(differences, margin) == pytest.approx(statistics.sign_flip(-sample))


def test_sign_flips_of_nothing_but_zeros():
    assert statistics.sign_flip([0.0] * 10) == 1.0
    assert statistics.sign_flip([2.0] * 10, margin=2.0) == 1.0


def test_sign_flips_are_sampled_where_there_are_too_many():
    sample = np.random.default_rng(1).normal(0.1, 1, 40)
    expected = stats.ttest_1samp(sample, 0).pvalue
    assert statistics.sign_flip(sample) == pytest.approx(expected, abs=0.03)
    assert statistics.sign_flip(sample) == statistics.sign_flip(sample)


# --- equivalence


def test_tost_by_hand():
    """Differences 1, -1, 2, 0, 1, -1, 0, 1, 2, -1: mean 0.4, standard error sqrt(1.3778 / 10), 9 degrees of freedom."""
    differences = np.array([1, -1, 2, 0, 1, -1, 0, 1, 2, -1], dtype=float)
    error = np.sqrt(differences.var(ddof=1) / 10)
    expected = max(stats.t.sf((0.4 + 1.5) / error, 9), stats.t.cdf((0.4 - 1.5) / error, 9))
    found = statistics.tost_paired(differences + 7, np.full(10, 7.0), 1.5)
    assert found.p == pytest.approx(expected) == pytest.approx(0.0079, abs=1e-4)
    assert found.equivalent and found.margin == 1.5
    assert not statistics.tost_paired(differences, np.zeros(10), 0.5).equivalent


@settings(max_examples=50, deadline=None)
@given(SAMPLES.filter(lambda each: np.ptp(each) > 0.01), st.floats(0.01, 100))
def test_tost_agrees_with_the_90_percent_interval(values, margin):
    """Equivalent at 5 % just where the 90 % t interval lies within the margins; which side is first does not matter."""
    zeros = np.zeros(len(values))
    low, high = stats.t.interval(0.9, len(values) - 1, np.mean(values), stats.sem(values))
    found = statistics.tost_paired(values, zeros, margin)
    if min(abs(low + margin), abs(high - margin)) > 1e-6:
        assert found.equivalent == (-margin < low and high < margin)
    assert statistics.tost_paired(zeros, values, margin).p == pytest.approx(found.p)


def test_equal_differences_need_no_test():
    assert statistics.tost_paired([1, 2, 3], [1, 2, 3], 0.1) == statistics.Equivalence(0.0, 0.1, True)
    assert statistics.tost_paired([2, 3], [1, 2], 1.0) == statistics.Equivalence(1.0, 1.0, False), "at the margin"
    assert not statistics.tost_paired([1.2, 2.2, 3.2], [1, 2, 3], 0.1).equivalent
    assert statistics.tost_paired([1.2, 2.2, 3.2], [1, 2, 3], 0.3).equivalent


@pytest.mark.parametrize("margin", [0, -1, float("nan"), float("inf")])
def test_a_margin_is_above_zero(margin):
    with pytest.raises(ValueError, match=r"^margin = .* is not allowed: "):
        statistics.tost_paired([1, 2], [1, 2], margin)


# --- bootstrap


def test_the_bootstrap_is_that_of_scipy_and_of_its_seed():
    values = [3.1, 4.7, 2.2, 5.9, 4.1, 3.3, 6.0, 2.8, 4.4, 5.1]
    expected = stats.bootstrap((values,), np.mean, rng=np.random.default_rng(0), method="BCa").confidence_interval
    found = statistics.bootstrap(values)
    assert (found.low, found.high) == (expected.low, expected.high)
    assert found == statistics.bootstrap(values)
    assert found != statistics.bootstrap(values, seed=1)
    low, high = stats.t.interval(0.95, 9, np.mean(values), stats.sem(values))
    assert (found.low, found.high) == pytest.approx((low, high), abs=0.2)


def test_coverage_of_the_paired_bootstrap_is_nearly_nominal():
    """300 simulated experiments of 20 pairs that share their data: about 95 % of the intervals hold the true difference."""
    generator = np.random.default_rng(3)
    hits = 0
    for _ in range(300):
        shared = generator.normal(0, 5, 20)
        found = statistics.paired_bootstrap(
            shared + generator.normal(0.7, 1, 20), shared + generator.normal(0, 1, 20), resamples=499
        )
        hits += found.low <= 0.7 <= found.high
    assert 0.90 <= hits / 300 <= 0.98


@settings(max_examples=40, deadline=None)
@given(SAMPLES, st.sampled_from([np.mean, np.median]))
def test_an_interval_is_finite_and_in_order_within_the_sample(values, statistic):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = statistics.bootstrap(values, statistic, resamples=199)
    assert min(values) - 1e-9 <= found.low <= found.high <= max(values) + 1e-9
    assert found.n == len(values)
    assert found.estimate == pytest.approx(float(statistic(values)))


def test_equal_values_leave_no_doubt():
    assert statistics.bootstrap([2.0] * 10) == statistics.Interval(2.0, 2.0, 2.0, 0.95, 10)
    assert statistics.paired_bootstrap([3, 4, 5], [1, 2, 3]) == statistics.Interval(2.0, 2.0, 2.0, 0.95, 3)


def test_pairing_removes_what_the_pairs_share():
    shared = np.linspace(0, 1000, 10)
    better = shared + np.array([1, 2] * 5)
    found = statistics.paired_bootstrap(better, shared)
    assert 1 <= found.low <= found.estimate == 1.5 <= found.high <= 2
    swapped = statistics.paired_bootstrap(shared, better)
    assert swapped.estimate == -1.5


def test_a_ratio_is_the_median_of_paired_ratios():
    found = statistics.ratio_bootstrap([2, 30, 400, 3, 50], [1, 10, 100, 1, 10])
    assert found.estimate == pytest.approx(3.0)
    assert 2 <= found.low <= found.high <= 5
    inverse = statistics.ratio_bootstrap([1, 10, 100, 1, 10], [2, 30, 400, 3, 50])
    assert inverse.estimate == pytest.approx(1 / 3)
    with pytest.raises(ValueError, match=r"^a, b: ratios need values above 0$"):
        statistics.ratio_bootstrap([0, 1], [1, 1])


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (lambda bad: statistics.bootstrap(bad), "values"),
        (lambda bad: statistics.paired_bootstrap(bad, [1, 2]), "a"),
        (lambda bad: statistics.paired_bootstrap([1, 2], bad), "b"),
        (lambda bad: statistics.ratio_bootstrap(bad, [1, 2]), "a"),
        (lambda bad: statistics.sign_flip(bad), "differences"),
        (lambda bad: statistics.tost_paired([1, 2], bad, 1.0), "b"),
    ],
)
@pytest.mark.parametrize("bad", [[], [1.0], [[1.0, 2.0]], [1.0, float("nan")], [1.0, float("inf")]])
def test_a_sample_too_small_or_not_finite_is_named(call, name, bad):
    with pytest.raises(ValueError, match=rf"^{name} of shape .* is not allowed: at least 2 finite values"):
        call(bad)


def test_pairs_need_equal_numbers():
    with pytest.raises(ValueError, match=r"^a of shape \(3,\), b of shape \(2,\): pairs need equal shapes$"):
        statistics.paired_bootstrap([1, 2, 3], [1, 2])


# --- aggregates


def test_the_interquartile_mean_by_hand():
    assert statistics.interquartile_mean([1, 2, 3, 4, 5, 6, 7, 100]) == pytest.approx(4.5)  # mean of 3, 4, 5, 6
    assert statistics.interquartile_mean([[1, 2, 3, 4], [5, 6, 7, 100]]) == pytest.approx(4.5)
    assert statistics.interquartile_mean([[1, 2, 3, 9], [5, 6, 7, 100]], axis=1) == pytest.approx([2.5, 6.5])
    assert statistics.interquartile_mean([5.0]) == 5.0


@given(st.lists(st.floats(-1e6, 1e6), min_size=4, max_size=40), st.floats(1e9, 1e12))
def test_one_outlier_never_moves_the_interquartile_mean_far(values, outlier):
    hurt = [*sorted(values)[:-1], outlier]
    assert statistics.interquartile_mean(hurt) == pytest.approx(
        statistics.interquartile_mean(values), rel=1e-9, abs=1e-6
    )


def test_the_stratified_interval_keeps_tasks_apart():
    """Two tasks far apart, seeds nearly equal: resampling over all scores would give a wide interval."""
    scores = np.array([[0.0, 0.1] * 5, [10.0, 10.1] * 5])
    found = statistics.stratified_iqm(scores, resamples=999)
    assert found.estimate == pytest.approx(statistics.interquartile_mean(scores))
    assert found.high - found.low < 0.2
    assert found.low <= found.estimate <= found.high


@pytest.mark.parametrize("scores", [[1, 2, 3], [[1], [2]], np.zeros((0, 5)), [[1, float("nan")], [1, 2]]])
def test_scores_are_tasks_by_seeds(scores):
    with pytest.raises(ValueError, match=r"^scores of shape .* is not allowed: "):
        statistics.stratified_iqm(scores)


def test_the_probability_of_improvement_by_hand():
    assert statistics.probability_of_improvement([2, 3], [1, 2]) == (1 + 0.5 + 1 + 1) / 4
    assert statistics.probability_of_improvement([1, 1], [1, 1]) == 0.5
    assert statistics.probability_of_improvement([5], [1, 2, 3]) == 1.0


@given(SAMPLES, SAMPLES)
def test_the_probability_of_improvement_is_that_of_mann_and_whitney(a, b):
    expected = stats.mannwhitneyu(a, b).statistic / (len(a) * len(b))
    assert statistics.probability_of_improvement(a, b) == pytest.approx(expected)
    assert statistics.probability_of_improvement(b, a) == pytest.approx(1 - expected)


@pytest.mark.parametrize(
    "call",
    [
        lambda: statistics.probability_of_improvement([], [1.0]),
        lambda: statistics.probability_of_improvement([1.0], []),
        lambda: statistics.interquartile_mean([]),
    ],
)
def test_nothing_has_no_aggregate(call):
    with pytest.raises(ValueError, match=r"is not allowed: "):
        call()


def test_an_interval_reads_as_text():
    interval = statistics.Interval(1.2, 1.1, 1.305)
    assert interval.format(unit="ms") == "1.20 [1.10, 1.30] ms"
    assert interval.format("{:.0f}") == "1 [1, 1]"


@pytest.mark.parametrize("level", [95, 0, 1, -0.5, float("nan")])
def test_a_level_that_is_no_share_is_refused_by_every_interval(level: float) -> None:
    calls = [
        lambda: statistics.bootstrap([1.0, 2.0], level=level),
        lambda: statistics.paired_bootstrap([1.0, 2.0], [2.0, 4.0], level=level),
        lambda: statistics.ratio_bootstrap([1.0, 2.0], [2.0, 4.0], level=level),
        lambda: statistics.wilson(1, 3, level=level),
        lambda: statistics.stratified_iqm(np.ones((2, 3)), level=level),
        lambda: statistics.Interval(1.0, 0.0, 2.0, level=level),
    ]
    for call in calls:
        with pytest.raises(ValueError, match=r"level = .* is not allowed: a number between 0 and 1"):
            call()


@pytest.mark.parametrize("resamples", [0, -1, 2.5, True])
def test_a_number_of_resamples_that_is_none_is_refused(resamples: object) -> None:
    with pytest.raises(ValueError, match=r"resamples = .* is not allowed"):
        statistics.bootstrap([1.0, 2.0], resamples=resamples)  # type: ignore[arg-type]


@pytest.mark.parametrize("n", [1, 3, 10, 1000])
def test_none_and_all_of_n_reach_the_ends_exactly(n: int) -> None:
    assert statistics.wilson(0, n).low == 0.0 and statistics.wilson(n, n).high == 1.0
    assert statistics.wilson(0, n).high > 0 and statistics.wilson(n, n).low < 1


def test_adjusted_p_values_need_one_dimension() -> None:
    with pytest.raises(ValueError, match="in one dimension"):
        statistics.holm([[0.01, 0.02], [0.03, 0.04]])
