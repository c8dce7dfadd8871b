"""Errors over time: seeds and stretches both count, a baseline has no seeds, and shapes are refused by name."""

from __future__ import annotations

import numpy as np
import pytest

from evidence.blocks import draws, over_time
from evidence.statistics import mean_interval

GENERATOR = np.random.default_rng(2)


def same(errors: np.ndarray) -> np.ndarray:
    return errors


def test_every_draw_weighs_all_seeds_and_all_parts() -> None:
    rows, columns = draws(5, 24, 3, 100, 0)
    assert rows.sum(1) == pytest.approx(1) and columns.sum(1) == pytest.approx(1)
    assert rows.mean(0) == pytest.approx(np.full(5, 0.2), abs=0.05)


def test_neighbours_are_drawn_together() -> None:
    _, columns = draws(2, 24, 6, 500, 0)
    alike = np.corrcoef(columns[:, 10], columns[:, 11])[0, 1]
    apart = np.corrcoef(columns[:, 10], columns[:, 20])[0, 1]
    assert alike > 0.6 > 0.2 > apart


def test_seeds_that_agree_do_not_hide_that_stretches_differ() -> None:
    time = GENERATOR.normal(0, 1, 24)
    table = np.tile(time, (10, 1)) + 1e-3 * GENERATOR.normal(size=(10, 1))
    both, seeds = over_time(same, table), mean_interval(table.mean(1))
    assert both.high - both.low > 100 * (seeds.high - seeds.low)
    assert both.estimate == pytest.approx(seeds.estimate)


def test_one_stretch_after_another_is_wider_where_neighbours_are_alike() -> None:
    time = np.repeat(GENERATOR.normal(0, 1, 8), 6)[None]
    alone, together = over_time(same, time), over_time(same, time, length=6)
    assert together.high - together.low > 1.5 * (alone.high - alone.low)


def test_a_baseline_has_one_row_and_shares_the_time() -> None:
    baseline = GENERATOR.normal(10, 3, (1, 30))
    better = baseline - 1 + 0.01 * GENERATOR.normal(size=(5, 30))
    found = over_time(np.subtract, better, baseline)
    assert found.estimate == pytest.approx(-1, abs=0.01) and found.high < -0.9 and found.n == 5
    assert found == over_time(np.subtract, better, baseline)


@pytest.mark.parametrize(
    ("tables", "length", "message"),
    [
        (([[1, 2], [1, 2]], [[1, 2, 3]]), 1, r"tables of shapes \(2, 2\), \(1, 3\) are not allowed"),
        (([[1, 2]] * 3, [[1, 2]] * 2), 1, "the same seeds or one row"),
        (([[1, 2, 3, 4]],), 3, r"length = 3 is not allowed: a whole number from 1 to 2"),
        (([[1, 2, 3, 4]],), 0, "length = 0 is not allowed"),
        (([[1.0, float("nan")]],), 1, r"table of shape \(1, 2\) is not allowed"),
    ],
)
def test_what_does_not_fit_is_named(tables: tuple, length: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        over_time(np.subtract if len(tables) == 2 else same, *tables, length=length)
