"""Adding, and the two registers: checkers that read a sequence as a person would, written apart from the generators."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from experiments.recall import selective
from tasks import adding


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**31), batch=st.integers(1, 9), length=st.integers(2, 40))
def test_adding_asks_for_the_sum_of_the_two_marked_numbers(seed: int, batch: int, length: int) -> None:
    x, y = next(adding.batches(seed, batch, length))
    assert x.shape == (length, batch, adding.INPUTS)
    for column in range(batch):
        marked = [number for number, mark in x[:, column].tolist() if mark == 1]
        others = [mark for _, mark in x[:, column].tolist() if mark != 1]
        assert len(marked) == 2 and not any(others)
        assert float(y[column]) == pytest.approx(sum(marked), abs=1e-6)
    assert float(x.min()) >= 0 and float(x.max()) <= 1


def test_each_step_of_adding_is_marked_equally_often_and_the_baseline_is_the_error_of_saying_1() -> None:
    x, y = next(adding.batches(0, 20_000, 5))
    assert torch.allclose(x[..., 1].mean(1), torch.full((5,), 0.4), atol=0.02)
    assert float((y - 1).square().mean()) == pytest.approx(adding.baseline(), abs=0.005)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**31), batch=st.integers(1, 9), length=st.integers(8, 40), symbols=st.integers(2, 6))
def test_the_registers_hold_what_was_written_last(seed: int, batch: int, length: int, symbols: int) -> None:
    x, y = next(selective.batches(seed, batch, length, symbols))
    assert x.shape == (length, batch, symbols + selective.REGISTERS)
    for column in range(batch):
        held: dict[int, int] = {}
        writes = [0] * selective.REGISTERS
        for step, row in enumerate(x[:, column].tolist()):
            assert sum(row[:symbols]) == 1
            marks = [register for register, mark in enumerate(row[symbols:]) if mark]
            assert len(marks) <= 1
            for register in marks:
                held[register] = row[:symbols].index(1)
                writes[register] += 1
                assert step < length // 2
        assert writes == [selective.WRITES] * selective.REGISTERS
        assert [held[register] for register in range(selective.REGISTERS)] == y[column].tolist()


def test_an_overwritten_symbol_is_no_help_and_neither_register_can_be_guessed() -> None:
    x, y = next(selective.batches(0, 20_000, 12))
    shares = torch.bincount(y[:, 0] * selective.SYMBOLS + y[:, 1], minlength=selective.SYMBOLS**2) / len(y)
    assert float(shares.max()) == pytest.approx(selective.baseline(), abs=0.01)
    first = x[:, :, selective.SYMBOLS].argmax(0)  # the first write of the first register
    overwritten = x[first, torch.arange(len(y)), : selective.SYMBOLS].argmax(1)
    assert float((overwritten == y[:, 0]).float().mean()) == pytest.approx(1 / selective.SYMBOLS, abs=0.02)


@pytest.mark.parametrize("batches", [adding.batches, selective.batches])
def test_equal_seeds_see_equal_data_and_every_batch_is_fresh(batches: Callable[..., Any]) -> None:
    one, again, other = (batches(seed, 32, 10) for seed in (1, 1, 2))
    a, b, c = (next(stream) for stream in (one, again, other))
    assert torch.equal(a[0], b[0]) and torch.equal(a[1], b[1])
    assert not torch.equal(a[0], c[0]) and not torch.equal(a[0], next(one)[0])


@pytest.mark.parametrize(
    ("batches", "name", "value"),
    [
        (adding.batches, "batch", 0),
        (adding.batches, "length", 1),
        (selective.batches, "batch", 0),
        (selective.batches, "length", 7),
        (selective.batches, "symbols", 1),
    ],
)
def test_they_refuse_by_name(batches: Callable[..., Any], name: str, value: int) -> None:
    with pytest.raises(ValueError, match=f"{name} = {value} is not allowed"):
        next(batches(**{"seed": 0, "batch": 1, "length": 8, name: value}))
