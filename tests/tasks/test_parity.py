"""Parity: a checker that counts as a person would, written apart from the generator."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gatedrnn.layers import Recurrent
from gatedrnn.models import Tagger
from tasks import parity


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**31), batch=st.integers(1, 9), length=st.integers(1, 40))
def test_the_answer_is_whether_the_ones_so_far_are_odd(seed: int, batch: int, length: int) -> None:
    x, y = next(parity.batches(seed, batch, length))
    assert x.shape == (length, batch, parity.BITS) and y.shape == (length, batch)
    assert (x.sum(2) == 1).all()
    for column in range(batch):
        ones = 0
        for step in range(length):
            ones += int(x[step, column, 1])
            assert int(y[step, column]) == ones % 2


def test_bits_are_fair_and_so_are_answers() -> None:
    x, y = next(parity.batches(0, 4000, 10))
    assert torch.allclose(x.mean(1)[:, 1], torch.full((10,), 0.5), atol=0.03)
    assert torch.allclose(y.float().mean(1), torch.full((10,), parity.baseline()), atol=0.03)


def test_equal_seeds_see_equal_data_and_every_batch_is_fresh() -> None:
    one, again, other = (parity.batches(seed, 32, 10) for seed in (1, 1, 2))
    a, b, c = (next(stream) for stream in (one, again, other))
    assert torch.equal(a[0], b[0]) and torch.equal(a[1], b[1])
    assert not torch.equal(a[0], c[0]) and not torch.equal(a[0], next(one)[0])


@pytest.mark.parametrize("name", ["batch", "length"])
def test_it_refuses_by_name(name: str) -> None:
    with pytest.raises(ValueError, match=f"{name} = 0 is not allowed: a whole number of at least 1"):
        next(parity.batches(**{"seed": 0, "batch": 1, "length": 8, name: 0}))


def test_a_gru_written_by_hand_turns_its_state_over_at_every_one() -> None:
    """h stands near ±1 and is multiplied by −1 at a one: its candidate is −h there, and it keeps h at a zero."""
    model = Tagger(Recurrent("gru", 2, 1), 2)
    layer, big = model.core.layers[0], 30.0
    with torch.no_grad():
        for each in model.parameters():
            each.zero_()
        layer.bias_ih[0] = big  # the reset gate is open
        layer.weight_ih[1] = torch.tensor([big, -big])  # keep at a zero, write at a one
        layer.weight_hh[2] = -3.0  # the candidate is the old state turned over
        model.head.weight.copy_(torch.tensor([[-1.0], [1.0]]))
    x, y = next(parity.batches(3, 16, 200))
    outputs, _ = model.core(x, (torch.full((1, 16, 1), -1.0),))
    assert torch.equal(model.head(outputs).argmax(2), y)
