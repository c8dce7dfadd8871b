"""The text of a results lock: whatever rows it is given it gives back, and what was altered it does not."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evidence import lock

VALUES = st.one_of(st.none(), st.booleans(), st.integers(-9, 9), st.floats(-1, 1), st.sampled_from(["lstm", "∅", "\n"]))
NAMES = st.sampled_from(["cell", "seed", "quality", "step"])
PART = st.dictionaries(NAMES, VALUES, max_size=4)
CURVES = st.one_of(st.none(), st.dictionaries(NAMES, st.lists(VALUES, max_size=3), max_size=3))


def stored(config, metrics, recorded, curves):
    row = {"config": config, "metrics": metrics, "recorded": recorded}
    row |= {} if curves is None else {"curves": curves}
    row["key"] = f"{lock.sha(config)[:16]}-abc"
    return row | {"check": lock.check(row)}


def read(lines):
    return list(lock.read(lines))


@given(st.lists(st.builds(stored, PART, PART, PART, CURVES), max_size=6))
@settings(max_examples=60, deadline=None)
def test_rows_come_back_as_they_were(rows):
    lines = lock.pack(rows)
    headers, found = read(lines)[: bool(rows)], read(lines)[bool(rows) :]
    assert [each["id"] for each in headers] == ["abc"] * bool(rows)
    assert sorted(map(lock.line, found)) == sorted(map(lock.line, rows))
    assert all(text.endswith("\n") and "\n" not in text[:-1] for text in lines), "one line a run"
    assert lines == lock.pack(rows[::-1]) or len({lock.line(row["config"]) for row in rows}) < len(rows)


def test_rows_of_several_origins_come_back_as_they_were():
    rows = [each | {"key": each["key"].replace("abc", f"a{seed % 3}")} for seed, each in enumerate(many(9))]
    rows = [each | {"check": lock.check(each)} for each in rows]
    found = read(lock.pack(rows))
    headers = [each for each in found if "columns" in each]
    assert [each["id"] for each in headers] == ["a0", "a1", "a2"]
    assert sorted(map(lock.line, (each for each in found if each not in headers))) == sorted(map(lock.line, rows))


def many(count=40):
    shared = {"task": "recall", "cell": "lstm", "hidden_size": 24, "learning_rate": 0.03}
    recorded = {"function": "some.module:run", "kernel": "matched"}
    return [
        stored(
            {**shared, "seed": seed}, {"quality": seed / 7, "width": 24}, recorded, {"step": [1, 2], "loss": [seed, 0]}
        )
        for seed in range(count)
    ]


def test_what_all_rows_share_is_said_once():
    lines = lock.pack(many())
    assert sum("recall" in text for text in lines) == 1
    assert sum(map(len, lines)) < sum(len(lock.line(row)) for row in many()) / 3


@pytest.mark.parametrize("change", [("0.1428", "0.1429"), (",[1],", ",[2],"), ("]\n", "\n")])
def test_an_altered_row_is_none_and_no_other(change):
    lines = lock.pack(many(9))
    place = next(number for number, text in enumerate(lines) if "0.1428" in text)
    lines[place] = lines[place].replace(*change)
    assert [number for number, found in enumerate(read(lines)) if found is None] == [place]


@given(st.lists(st.one_of(st.floats(), st.integers(-(10**6), 10**6).map(lambda n: n / 10**4)), max_size=9))
@settings(max_examples=200, deadline=None)
def test_a_list_of_numbers_comes_back_to_the_last_bit(numbers):
    back = lock.spread(json.loads(lock.line(lock.squeezed(numbers))))
    assert list(map(repr, back)) == list(map(repr, numbers))


def test_decimal_numbers_become_shorter():
    numbers = [0.9844, 0.0123, 0.8764, 0.5555] * 3
    assert lock.squeezed(numbers) == {"e4": [9844, 123, 8764, 5555] * 3}
    assert lock.squeezed([1e-300, 1e300]) == [1e-300, 1e300]
    assert lock.squeezed([1, 2.5]) == [1, 2.5]


def test_an_altered_header_takes_its_rows_with_it():
    lines = lock.pack(many(9))
    assert read([lines[0].replace("recall", "adding"), *lines[1:]]) == [None] * 10
    assert read(lines[1:]) == [None] * 9
    forged = json.loads(lines[0])
    forged["shared"]["config"]["task"] = "adding"
    forged["check"] = lock.check(forged)
    assert read([lock.line(forged), *lines[1:]])[1:] == [None] * 9, "a sound header of other rows"


def test_rows_that_fit_no_columns_are_written_whole():
    odd = {**many(1)[0], "more": 1}
    odd["check"] = lock.check(odd)
    lines = lock.pack([odd])
    assert json.loads(lines[1]) == odd
    assert read(lines)[1] == odd
