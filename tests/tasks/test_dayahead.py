"""The day ahead as sequences: what the chapter on demand trains on, for any number of days before."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from experiments.demand import runs as chapter
from tasks import dayahead, demand


def test_with_one_day_before_it_is_what_the_chapter_on_demand_trains_on() -> None:
    learned, asked = demand.split("spring", False)
    (x, y), (x_asked, y_asked), unit = dayahead.tensors(learned, asked)
    pair, asked_pair, (_, deviation) = chapter.tensors("day", learned, asked)
    for ours, theirs in zip((x, y, x_asked, y_asked), (*pair, *asked_pair), strict=True):
        assert torch.equal(ours, theirs)
    assert unit == deviation
    ours, theirs = (each(x, y, 16, 3) for each in (dayahead.batches, chapter.batches))
    for _ in range(20):
        assert all(torch.equal(a, b) for a, b in zip(next(ours), next(theirs), strict=True))


@pytest.mark.parametrize("past", [1, 3, 7])
def test_nothing_after_midnight_is_known(monkeypatch: pytest.MonkeyPatch, past: int) -> None:
    day, year = np.array([200]), demand.load()
    before = dayahead.channels(day, past)
    flat = year.demand.ravel().copy()
    flat[200 * 48 :] += 3.0
    other = demand.Year(flat.reshape(365, 48), year.temperature, year.workday)
    monkeypatch.setattr(demand, "load", lambda: other)
    after = dayahead.channels(day, past)
    assert all(np.array_equal(before[name], after[name]) for name in before)


def test_more_days_before_are_the_same_days_with_more_in_front() -> None:
    day = np.array([60, 100])
    short, long = dayahead.channels(day, 1), dayahead.channels(day, 7)
    assert {each.shape for each in long.values()} == {(2, 8 * 48)}
    assert all(np.array_equal(short[name], long[name][:, -96:]) for name in short)


def test_days_without_a_week_before_their_first_are_left_out() -> None:
    learned, asked = demand.split("winter", False)
    (x, _), _, _ = dayahead.tensors(learned, asked, 7)
    assert x.shape[1] == int((learned >= 14).sum()) < len(learned)
    assert x.isfinite().all()


def test_the_guess_is_yesterdays_demand() -> None:
    learned, asked = demand.split("spring", False)
    _, (x, y), unit = dayahead.tensors(learned, asked, 2)
    off = unit * float((x[-48:, :, dayahead.GUESS] - y).abs().mean())
    assert off == pytest.approx(np.abs(demand.naive(asked, 1) - demand.load().demand[asked]).mean(), rel=1e-5)


def test_it_refuses_by_name() -> None:
    with pytest.raises(ValueError, match="past = 8 is not allowed: a whole number from 1 to 7"):
        dayahead.channels(np.array([100]), 8)
    with pytest.raises(ValueError, match="days = 9 is not allowed: days from 10 on"):
        dayahead.channels(np.array([9, 100]), 3)
