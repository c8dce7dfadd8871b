"""Tests against textbook values and enumeration by hand, and on inputs with nothing to test."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from evidence import significance, statistics

SAMPLES = st.lists(st.floats(-1e3, 1e3).map(lambda value: round(value, 3)), min_size=2, max_size=12)


# --- Holm


def test_holm_by_hand():
    """Sorted 0.01, 0.02, 0.03, 0.04 times 4, 3, 2, 1 and never falling: 0.04, 0.06, 0.06, 0.06."""
    assert significance.holm([0.04, 0.01, 0.03, 0.02]) == pytest.approx([0.06, 0.04, 0.06, 0.06])
    assert significance.holm([0.5, 0.9]) == pytest.approx([1.0, 1.0])
    assert significance.holm([0.002] * 10) == pytest.approx([0.02] * 10)
    assert significance.holm([]).tolist() == []


@settings(max_examples=12, deadline=None)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=20))
def test_holm_is_between_the_raw_p_and_bonferroni_and_keeps_the_order(p):
    adjusted = significance.holm(p)
    raw = np.array(p)
    assert (adjusted >= raw - 1e-15).all()
    assert (adjusted <= np.minimum(1, raw * len(p)) + 1e-15).all()
    assert (np.diff(adjusted[np.argsort(raw)]) >= 0).all()


@pytest.mark.parametrize("p", [[0.1, float("nan")], [-0.1], [1.1]])
def test_holm_takes_probabilities_only(p):
    with pytest.raises(ValueError, match=r"^p = .* is not allowed: numbers from 0 to 1 in one dimension$"):
        significance.holm(p)


# --- sign flips


def test_the_least_exact_p_of_ten_pairs_survives_holm_over_the_ledger():
    p = significance.sign_flip(np.arange(1, 11))
    assert p == pytest.approx(2 / 1024)
    assert significance.sign_flip(np.arange(1, 11), alternative="greater") == pytest.approx(1 / 1024)
    assert significance.sign_flip(np.arange(1, 11), alternative="less") == pytest.approx(1.0)
    assert significance.sign_flip(np.arange(1, 6)) == pytest.approx(2 / 32), "five pairs can never reach 0.05"
    assert significance.holm([p] + [1.0] * 18)[0] < 0.05


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(-20, 20), min_size=2, max_size=8), st.integers(-5, 5))
def test_sign_flips_equal_the_enumeration_by_hand(differences, margin):
    sample = np.array(differences, dtype=float) - margin
    sums = [np.dot(signs, sample) for signs in itertools.product((1, -1), repeat=len(sample))]
    expected = float(np.mean(np.abs(sums) >= abs(sample.sum()) - 1e-9))
    assert significance.sign_flip(differences, margin) == pytest.approx(expected)
    assert significance.sign_flip(differences, margin) == pytest.approx(significance.sign_flip(-sample))


def test_sign_flips_of_nothing_but_zeros():
    assert significance.sign_flip([0.0] * 10) == 1.0
    assert significance.sign_flip([2.0] * 10, margin=2.0) == 1.0


def test_sign_flips_are_sampled_where_there_are_too_many():
    sample = np.random.default_rng(1).normal(0.1, 1, 40)
    expected = stats.ttest_1samp(sample, 0).pvalue
    assert significance.sign_flip(sample) == pytest.approx(expected, abs=0.03)
    assert significance.sign_flip(sample) == significance.sign_flip(sample)


# --- equivalence


def test_tost_by_hand():
    """Differences 1, -1, 2, 0, 1, -1, 0, 1, 2, -1: mean 0.4, standard error sqrt(1.3778 / 10), 9 degrees of freedom."""
    differences = np.array([1, -1, 2, 0, 1, -1, 0, 1, 2, -1], dtype=float)
    error = np.sqrt(differences.var(ddof=1) / 10)
    expected = max(stats.t.sf((0.4 + 1.5) / error, 9), stats.t.cdf((0.4 - 1.5) / error, 9))
    found = significance.tost_paired(differences + 7, np.full(10, 7.0), 1.5)
    assert found.p == pytest.approx(expected) == pytest.approx(0.0079, abs=1e-4)
    assert found.equivalent and found.margin == 1.5
    assert not significance.tost_paired(differences, np.zeros(10), 0.5).equivalent


@settings(max_examples=50, deadline=None)
@given(SAMPLES.filter(lambda each: np.ptp(each) > 0.01), st.floats(0.01, 100))
def test_tost_agrees_with_the_90_percent_interval(values, margin):
    """Equivalent at 5 % just where the 90 % t interval lies within the margins; which side is first does not matter."""
    zeros = np.zeros(len(values))
    low, high = stats.t.interval(0.9, len(values) - 1, np.mean(values), stats.sem(values))
    found = significance.tost_paired(values, zeros, margin)
    if min(abs(low + margin), abs(high - margin)) > 1e-6:
        assert found.equivalent == (-margin < low and high < margin)
    assert significance.tost_paired(zeros, values, margin).p == pytest.approx(found.p)


def test_equal_differences_need_no_test():
    assert significance.tost_paired([1, 2, 3], [1, 2, 3], 0.1) == significance.Equivalence(0.0, 0.1, True)
    assert significance.tost_paired([2, 3], [1, 2], 1.0) == significance.Equivalence(1.0, 1.0, False), "at the margin"
    assert not significance.tost_paired([1.2, 2.2, 3.2], [1, 2, 3], 0.1).equivalent
    assert significance.tost_paired([1.2, 2.2, 3.2], [1, 2, 3], 0.3).equivalent


@pytest.mark.parametrize("margin", [0, -1, float("nan"), float("inf")])
def test_a_margin_is_above_zero(margin):
    with pytest.raises(ValueError, match=r"^margin = .* is not allowed: "):
        significance.tost_paired([1, 2], [1, 2], margin)


def test_adjusted_p_values_need_one_dimension() -> None:
    with pytest.raises(ValueError, match="in one dimension"):
        significance.holm([[0.01, 0.02], [0.03, 0.04]])


# --- enough


def test_good_enough_is_one_sided() -> None:
    better, worse = np.arange(1, 11) + 5.0, np.arange(1, 11) - 5.0
    level = np.arange(1, 11, dtype=float)
    assert significance.noninferior(better, level, 1.0) == pytest.approx(1 / 1024), "being better is no failure"
    assert significance.noninferior(worse, level, 1.0) == 1.0
    assert significance.noninferior(level + np.array([0.5, -0.5] * 5), level, 1.0) < 0.01


# --- a side


def test_a_side_needs_interval_and_test() -> None:
    assert significance.side(np.arange(1, 11)) == 1 and significance.side(-np.arange(1, 11)) == -1
    assert significance.side([1.0, 1.1, 1.2, 1.3, 1.4]) == 0, (
        "five pairs can never be sure, however narrow their interval"
    )
    skewed = [0.1] * 9 + [40.0]
    assert significance.sign_flip(skewed) < 0.05 and significance.side(skewed) == 0, "the interval is not"


# --- whether conditions differ


def test_two_conditions_are_told_apart_exactly() -> None:
    first, second = np.arange(1.0, 11.0), np.zeros(10)
    assert significance.interaction([first, second]) == pytest.approx(2 / 1024)
    assert significance.interaction([first, first]) == 1.0


def test_conditions_that_differ_are_found_and_others_are_not() -> None:
    generator = np.random.default_rng(4)
    alike = generator.normal(3, 1, (4, 10))
    assert significance.interaction(alike) > 0.05
    assert significance.interaction(alike + np.array([[0], [0], [0], [4]])) < 0.001
    assert significance.interaction(alike + 100 * np.arange(10)) == pytest.approx(significance.interaction(alike)), (
        "what all conditions of a seed share does not matter"
    )


def test_conditions_that_differ_by_chance_are_called_different_in_one_case_of_twenty() -> None:
    generator = np.random.default_rng(5)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(significance, "SAMPLED", 199)
        found = [significance.interaction(generator.standard_t(3, (3, 5))) < 0.05 for _ in range(400)]
    assert 0.01 < np.mean(found) < 0.085


@pytest.mark.parametrize("bad", [[1, 2], [[1, 2]], [[1], [2]], [[1, 2], [1, float("nan")]]])
def test_conditions_are_rows_of_seeds(bad: object) -> None:
    with pytest.raises(ValueError, match=r"^differences of shape .* is not allowed: \(conditions, seeds\)"):
        significance.interaction(bad)  # type: ignore[arg-type]


def test_conditions_without_common_seeds_by_hand() -> None:
    """Cochran's Q of effects 0 and 2 with standard errors 1: (1 + 1) / 1 with one degree of freedom."""
    half = statistics.t_quantile(0.95, 5)
    pair = [statistics.Interval(each, each - half, each + half, n=5) for each in (0.0, 2.0)]
    assert significance.heterogeneity(pair) == pytest.approx(stats.chi2.sf(2.0, 1))
    exact = [statistics.Interval(each, each, each, n=5) for each in (1.0, 1.0, 2.0)]
    assert significance.heterogeneity(exact[:2]) == 1.0 and significance.heterogeneity(exact) == 0.0
    with pytest.raises(ValueError, match="at least 2"):
        significance.heterogeneity(pair[:1])


# --- p from intervals


def test_p_from_intervals_are_those_of_the_t_test() -> None:
    sample = np.array([0.3, 1.2, -0.4, 0.8, 1.9, 0.2])
    expected = stats.ttest_1samp(sample, -0.5).pvalue
    assert significance.p_of(lambda level: statistics.mean_interval(sample, level), -0.5) == pytest.approx(
        expected, rel=1e-6
    )
    assert significance.t_test(statistics.mean_interval(sample), -0.5) == pytest.approx(expected)
    assert significance.t_test(statistics.mean_interval([1.0, 1.0]), 1.0) == 1.0
    assert significance.t_test(statistics.mean_interval([1.0, 1.0]), 0.0) == 0.0


def test_a_side_of_the_test_is_known() -> None:
    with pytest.raises(ValueError, match=r"^alternative = 'more' is not allowed: two-sided, less, greater$"):
        significance.sign_flip([1, 2], alternative="more")


@pytest.mark.parametrize("bad", [[], [1.0], [[1.0, 2.0]], [1.0, float("nan")]])
def test_a_sample_too_small_or_not_finite_is_named(bad: object) -> None:
    for call, name in (
        (lambda: significance.sign_flip(bad), "differences"),  # type: ignore[arg-type]
        (lambda: significance.tost_paired([1, 2], bad, 1.0), "b"),  # type: ignore[arg-type]
        (lambda: significance.noninferior(bad, [1, 2], 1.0), "a"),  # type: ignore[arg-type]
    ):
        with pytest.raises(ValueError, match=rf"^{name} of shape .* is not allowed: at least 2 finite values"):
            call()
