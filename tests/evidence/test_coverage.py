"""Every interval of the library holds the truth about as often as it says, and a wrong quantile is noticed."""

from __future__ import annotations

import pandas as pd
import pytest

from evidence import coverage, statistics

LEAST = 0.93


@pytest.fixture(scope="module")
def held() -> pd.DataFrame:
    return coverage.table(2000)


def test_every_interval_holds_the_truth_on_bell_shaped_data(held: pd.DataFrame) -> None:
    print("\n", held.pivot(index="interval", columns=["data", "n"], values="held").round(3).T.to_string())
    judged = held[held["data"].isin(coverage.JUDGED)]
    assert len(judged) == len(coverage.INTERVALS) * 2 * len(coverage.NS)
    assert judged[judged["held"] < LEAST].empty


def test_skewed_data_are_shown_and_not_judged(held: pd.DataFrame) -> None:
    skewed = held[~held["data"].isin(coverage.JUDGED)]
    assert set(skewed["data"]) == {"exponential", "lognormal"} and skewed["held"].between(0.7, 1).all()


def test_intervals_of_rates_hold_the_truth_on_average() -> None:
    found = coverage.rates()
    print("\n", found.round(3).to_string())
    assert (found["held"] > LEAST).all()
    assert (found[found["interval"].str.startswith("difference")]["least"] > LEAST).all()


@pytest.mark.parametrize("kind", sorted({*coverage.INTERVALS.values()} - {"median"}))
def test_half_a_quantile_is_noticed(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    right = statistics.t_quantile
    monkeypatch.setattr(statistics, "t_quantile", lambda level, n: 0.5 * right(level, n))
    assert max(coverage.held(kind, data, n, 400) for data in coverage.JUDGED for n in coverage.NS) < LEAST


def test_half_a_quantile_of_rates_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    right = statistics.t_quantile
    monkeypatch.setattr(statistics, "t_quantile", lambda level, n: 0.5 * right(level, n))
    found = coverage.rates((10, 20))
    assert (found[found["interval"].str.startswith("difference")]["held"] < LEAST).all()


def test_one_value_left_out_too_many_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    right = statistics.left_out
    monkeypatch.setattr(statistics, "left_out", lambda level, n: right(level, n) + 1)
    assert all(coverage.held("median", data, n, 1000) < LEAST for data in coverage.JUDGED for n in (10, 20))
