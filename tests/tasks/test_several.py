"""Recall of several tokens: a reader of the marks alone knows the answer, one who does not see them can only guess."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks import several


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 2**31), batch=st.integers(1, 7), tokens=st.integers(1, 5), more=st.integers(0, 60),
    symbols=st.integers(2, 9), placing=st.sampled_from(several.PLACINGS),
)  # fmt: skip
def test_the_answer_is_what_was_marked_in_order(seed, batch, tokens, more, symbols, placing) -> None:
    length = 4 * tokens + more
    x, y = next(several.batches(seed, batch, length, placing, tokens, symbols))
    assert x.shape == (length, batch, symbols + 2) and y.shape == (tokens, batch)
    for column in range(batch):
        named, places = [], []
        for step, row in enumerate(x[:, column].tolist()):
            letters, (mark, ask) = row[:symbols], row[symbols:]
            assert ask == (step >= length - tokens) and sum(letters) == 1 - ask
            if mark:
                named.append(letters.index(1))
                places.append(step)
        assert named == y[:, column].tolist()
        assert several.marked(x)[:, column].tolist() == places == sorted(set(places))
        assert places == list(range(tokens)) if placing == "beginning" else places[-1] < length // 2


def test_what_is_not_marked_changes_no_answer() -> None:
    """The same marks and marked symbols in other surroundings: the reader above names the same tokens."""
    x, y = next(several.batches(0, 50, 20))
    rolled = x.clone()
    unmarked = (x[..., -2] == 0) & (x[..., -1] == 0)
    rolled[..., : several.SYMBOLS][unmarked] = x[..., : several.SYMBOLS][unmarked].roll(1, dims=1)
    places = several.marked(rolled)
    letters = rolled[places, torch.arange(50), : several.SYMBOLS].argmax(2)
    assert torch.equal(letters, y) and not torch.equal(rolled, x)


@pytest.mark.parametrize("placing", several.PLACINGS)
def test_guessing_names_one_in_k_and_no_place_says_more(placing: str) -> None:
    x, y = next(several.batches(0, 8000, 20, placing))
    shares = [torch.bincount(each, minlength=several.SYMBOLS) / y.shape[1] for each in y]
    assert max(float(each.max()) for each in shares) == pytest.approx(several.baseline(), abs=0.02)
    for a in range(several.TOKENS):  # nor does another answer
        for b in range(a):
            assert float((y[a] == y[b]).float().mean()) == pytest.approx(several.baseline(), abs=0.02)
    last = x[-several.TOKENS - 1, :, : several.SYMBOLS].argmax(1)  # what stands before the question is no help
    assert float((last == y[0]).float().mean()) == pytest.approx(several.baseline(), abs=0.02)


def test_marks_are_scattered_evenly_over_the_first_half() -> None:
    x, _ = next(several.batches(0, 8000, 24))
    share = x[..., -2].mean(1)
    assert torch.allclose(share[:12], torch.full((12,), several.TOKENS / 12), atol=0.02) and not share[12:].any()


def test_equal_seeds_see_equal_data_and_every_batch_is_fresh() -> None:
    one, again, other = (several.batches(seed, 32, 20) for seed in (1, 1, 2))
    a, b, c = (next(stream) for stream in (one, again, other))
    assert torch.equal(a[0], b[0]) and torch.equal(a[1], b[1])
    assert not torch.equal(a[0], c[0]) and not torch.equal(a[0], next(one)[0])


@pytest.mark.parametrize(
    ("name", "value"), [("batch", 0), ("length", 15), ("tokens", 0), ("symbols", 1), ("placing", "nowhere")]
)
def test_it_refuses_by_name(name: str, value: Any) -> None:
    with pytest.raises(ValueError, match=f"{name} = {value!r} is not allowed"):
        next(several.batches(**{"seed": 0, "batch": 1, "length": 16, name: value}))
