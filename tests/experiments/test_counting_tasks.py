"""Strings that must be counted and brackets that must be nested: against definitions written apart."""

from __future__ import annotations

import itertools
import re

import pytest
import torch

from experiments.counting import dyck, strings
from experiments.counting.handmade import MADE, counting_network, right_at
from experiments.counting.runs import judged

IGNORED = strings.IGNORED


def read(x: torch.Tensor) -> str:
    """Letters of one string (T, k)."""
    return "".join("abc"[int(each.argmax())] for each in x if each.sum())


def continuations(language: str, prefix: str, longest: int = 12) -> set[str]:
    """Every letter that may follow a prefix in some string of the language; `$` for the end: by search."""
    whole = [n * "a" + n * "b" + (n * "c" if language == "anbncn" else "") + "$" for n in range(1, longest + 1)]
    return {text[len(prefix)] for text in whole if text.startswith(prefix)}


@pytest.mark.parametrize("language", strings.LETTERS)
def test_strings_are_of_the_language_and_scored_where_one_letter_can_follow(language: str) -> None:
    x, y, scored = strings.strings(language, range(1, 7))
    letters = strings.LETTERS[language]
    for column in range(6):
        text = read(x[:, column])
        assert re.fullmatch("a+b+" if letters == 2 else "a+b+c+", text)
        assert {text.count(letter) for letter in "abc"[:letters]} == {column + 1}
        for t in range(len(text)):
            allowed = continuations(language, text[: t + 1])
            follows = "abc"[:letters][y[t, column]] if y[t, column] < letters else "$"
            assert follows in allowed
            assert bool(scored[t, column]) == (len(allowed) == 1)
        assert (y[len(text) :, column] == IGNORED).all() and not scored[len(text) :, column].any()
        assert not x[len(text) :, column].any()


def test_order_and_repeats_of_the_counts_are_kept() -> None:
    x, _, _ = strings.strings("anbn", [3, 1, 3])
    assert [read(x[:, column]) for column in range(3)] == ["aaabbb", "ab", "aaabbb"]


@pytest.mark.parametrize("asked", strings.ASKED)
def test_batches_follow_their_seed_and_ask_what_they_should(asked: str) -> None:
    first, again, other = (next(strings.batches(seed, "anbn", 64, 9, asked)) for seed in (1, 1, 2))
    assert torch.equal(first[0], again[0]) and torch.equal(first[1], again[1])
    assert first[0].shape != other[0].shape or not torch.equal(first[0], other[0])
    counts = [read(first[0][:, column]).count("a") for column in range(64)]
    assert min(counts) >= 1 and max(counts) <= 9 and len(set(counts)) > 4
    on_a = first[1][0, [column for column, n in enumerate(counts) if n > 1]]
    assert (on_a == (0 if asked == "all" else IGNORED)).all()


@pytest.mark.parametrize(
    ("name", "given", "message"),
    [
        ("strings", ("anbm", [1]), "language = 'anbm' is not allowed: one of 'anbn', 'anbncn'"),
        ("strings", ("anbn", [2, 0]), "counts = [2, 0] is not allowed: whole numbers of at least 1"),
        ("strings", ("anbn", []), "counts = [] is not allowed"),
    ],
)
def test_what_is_no_string_is_refused_in_one_line(name: str, given: tuple, message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        getattr(strings, name)(*given)


@pytest.mark.parametrize("given", [(0, "anbn", 0, 5), (0, "anbn", 5, 0), (0, "anbn", 5, 5, "some")])
def test_batches_that_make_no_sense_are_refused(given: tuple) -> None:
    with pytest.raises(ValueError, match="is not allowed"):
        next(strings.batches(*given))


def test_the_first_failure_is_the_least_n_and_none_is_censored() -> None:
    assert strings.first_failure(torch.tensor([False, False, True, False, True])) == (3, False)
    assert strings.first_failure(torch.tensor([True, True])) == (1, False)
    assert strings.first_failure(torch.tensor([False] * 7)) == (8, True)


def test_only_scored_steps_can_fail_and_the_first_mistake_says_too_early_or_too_late() -> None:
    _, y, scored = strings.strings("anbn", range(1, 6))
    named = y.clone()
    named[0] = 1  # wrong while `a` is read: another could follow
    assert judged(named, y, scored) == {"fails_at": 6, "censored": True, "right": 1.0, "early": None}
    named[5, 3] = 2  # n = 4: the end after two of four b
    found = judged(named, y, scored)
    assert (found["fails_at"], found["censored"], found["early"]) == (4, False, True)
    assert found["right"] == pytest.approx(0.8)
    named[3, 1] = 1  # n = 2: a third b instead of the end
    assert judged(named, y, scored)["early"] is False


@pytest.mark.parametrize("language", strings.LETTERS)
def test_a_table_of_the_last_letters_counts_as_far_as_it_sees_the_beginning(language: str) -> None:
    letters, longest, tested = strings.LETTERS[language], 6, 9
    _, y, scored = strings.strings(language, range(1, tested + 1))
    horizon = {
        context: judged(strings.window_answers(language, context, longest, tested), y, scored)["fails_at"]
        for context in (1, 4, letters * longest + 1)
    }
    assert horizon[1] <= 2
    assert horizon[1] <= horizon[4] < horizon[letters * longest + 1] == longest + 1


@pytest.mark.parametrize(("cell", "language"), [(cell, each) for cell, made in MADE.items() for each in made])
def test_weights_set_by_hand_count_without_an_end(cell: str, language: str) -> None:
    model = counting_network(cell, language)
    assert all(right_at(model, language, n) for n in (1, 2, 3, 30, 301, 5000))
    with torch.no_grad():
        row = 0 if cell == "relu" else 2 * (strings.LETTERS[language] - 1)  # of the first unit's candidate
        model.core.layers[0].weight_ih[row, 1] *= 0.01  # steps down are smaller than steps up
    assert not right_at(model, language, 30)


def test_only_what_is_written_down_can_be_made() -> None:
    with pytest.raises(ValueError, match="cell = 'gru' is not allowed: one of 'lstm', 'relu'"):
        counting_network("gru", "anbn")
    with pytest.raises(ValueError, match="language = 'anbncn' is not allowed: one of 'anbn'"):
        counting_network("relu", "anbncn")


def reduced(line: list[int]) -> list[int]:
    """What is left of a string when neighbouring pairs are struck out until none is left."""
    while True:
        for place in range(len(line) - 1):
            if line[place] < 2 and line[place + 1] == line[place] + 2:
                line = line[:place] + line[place + 2 :]
                break
        else:
            return line


@pytest.mark.parametrize("deepest", [1, 3, 9])
def test_walks_are_balanced_and_never_too_deep(deepest: int) -> None:
    symbols = dyck.walks(torch.Generator().manual_seed(3), 40, 18, deepest)
    deep = 0
    for column in range(40):
        line = symbols[:, column].tolist()
        assert not reduced(line)
        left = [len(reduced(line[: t + 1])) for t in range(len(line))]
        assert all(max(reduced(line[: t + 1]), default=0) < 2 for t in range(len(line)))
        deep = max(deep, *left)
    assert deep == min(deepest, 9) if deepest < 9 else deep > 4
    assert len({tuple(each) for each in symbols.T.tolist()}) > 20


@pytest.mark.parametrize("depth", [1, 5])
def test_mountains_rise_once(depth: int) -> None:
    symbols = dyck.mountains(torch.Generator().manual_seed(0), 32, depth)
    assert (symbols[:depth] < 2).all() and (symbols[depth:] >= 2).all()
    assert not any(reduced(each) for each in symbols.T.tolist())


@pytest.mark.parametrize("kinds", [2, 3])
def test_any_number_of_kinds_is_opened_and_closed_alike(kinds: int) -> None:
    symbols = dyck.walks(torch.Generator().manual_seed(2), 50, 20, 4, kinds)
    y, _ = dyck.answers(symbols, kinds)
    assert set(symbols.unique().tolist()) == set(range(2 * kinds))
    assert set(y[y != dyck.IGNORED].tolist()) == set(range(kinds))
    assert all(line.count(kind) == line.count(kinds + kind) for line in symbols.T.tolist() for kind in range(kinds))
    closing = symbols[1:] >= kinds
    assert torch.equal(y[:-1][closing], symbols[1:][closing] - kinds)  # what is closed is what had to be closed
    assert dyck.one_hot(symbols, kinds).shape == (20, 50, 2 * kinds)


def test_the_answer_is_the_last_bracket_left_and_scored_after_a_closing_one() -> None:
    symbols = dyck.walks(torch.Generator().manual_seed(5), 30, 16, 4)
    y, scored = dyck.answers(symbols)
    for column, t in itertools.product(range(30), range(16)):
        left = reduced(symbols[: t + 1, column].tolist())
        assert y[t, column] == (left[-1] if left else dyck.IGNORED)
        assert bool(scored[t, column]) == (bool(left) and int(symbols[t, column]) >= 2)


def test_a_window_that_holds_all_answers_all_and_a_short_one_only_what_it_saw() -> None:
    symbols = dyck.walks(torch.Generator().manual_seed(7), 200, 20, 5)
    y, scored = dyck.answers(symbols)
    assert torch.equal(dyck.window_answers(symbols, 20)[scored], y[scored])
    shares = [float((dyck.window_answers(symbols, each) == y)[scored].float().mean()) for each in (1, 3, 6, 20)]
    assert shares == sorted(shares) and 0.4 < shares[0] < 0.6 and shares[-1] == 1


@pytest.mark.parametrize(
    ("name", "given", "message"),
    [
        ("walks", (4, 7, 2), "length = 7 is not allowed: an even number of at least 2"),
        ("walks", (4, 8, 0), "deepest = 0 is not allowed"),
        ("mountains", (4, 0), "depth = 0 is not allowed"),
    ],
)
def test_impossible_brackets_are_refused_in_one_line(name: str, given: tuple, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        getattr(dyck, name)(torch.Generator(), *given)


def test_bracket_batches_follow_their_seed_and_differ_from_each_other() -> None:
    stream, again = dyck.batches(0, 4, 12, 3, held=2), dyck.batches(0, 4, 12, 3, held=2)
    drawn = [next(stream) for _ in range(5)]
    assert all(torch.equal(a, b) for pair in zip(drawn, again, strict=False) for a, b in zip(*pair, strict=True))
    assert all(x.shape == (12, 4, 4) and (x.sum(2) == 1).all() for x, _ in drawn)
    assert not any(torch.equal(a[0], b[0]) for a, b in itertools.combinations(drawn, 2))
