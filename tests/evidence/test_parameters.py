"""Parameters are refused by name and value, in one line, before anything runs."""

from __future__ import annotations

import subprocess
import sys
import typing

import pytest
from hypothesis import given
from hypothesis import strategies as st
from papermill.translators import PythonTranslator

from evidence.parameters import Cell, ParameterError, check, demand, read
from gatedrnn.catalogue import CELLS

CELL = """
seeds: Seeds = 10  # how many seeds
steps: Count = 400  # optimiser steps
learning_rate: Positive = 0.003  # of Adam
share: Fraction = 0.5  # of the data
widths: Counts = [16, 32]  # units
rates: Rates = [0.1, 1]  # tried
temperatures: Positives = [0.8]  # of samples
lanes: Whole[8, 400] = 64  # read side by side
longest: Whole[12] = 20  # steps
orders: Wholes[1, 8] = [2, 3]  # of n-grams
cells: Cells = ["lstm", "gru"]  # compared
cell: Cell = "lstm"  # shown
split: Literal["test", "validation"] = "test"  # scored
quiet: Flag = False  # say less
title: Text = "a # b"  # of the figure
lags: list[Count] = [1, 2]  # steps
note: str = ""
"""
DECLARED = read(CELL)
VALUES = {name: parameter.value for name, parameter in DECLARED.items()}


def refused(**overrides):
    with pytest.raises(ParameterError) as caught:
        check(DECLARED, overrides)
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_a_cell_is_read_with_types_values_and_meanings():
    assert list(DECLARED) == [line.split(":")[0] for line in CELL.strip().splitlines()]
    assert DECLARED["seeds"].value == 10 and DECLARED["seeds"].annotation == "Seeds"
    assert DECLARED["seeds"].help == "how many seeds"
    assert DECLARED["title"].value == "a # b" and DECLARED["title"].help == "of the figure"
    assert DECLARED["note"].help == ""


def test_published_values_pass_as_they_are():
    assert check(DECLARED, {}) == VALUES


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("seeds", value) for value in (-1, 0, 1001, 5.0, True, "5", None, [5])),
        *(("steps", value) for value in (0, True, "400", 1.5)),
        *(("learning_rate", value) for value in (0, -0.1, True, "0.1", float("nan"), float("inf"), None)),
        *(("share", value) for value in (0.0, 1.0, 2, "half")),
        *(("widths", value) for value in ([], [0], [16, "32"], [True], "[16, x]", "[16", "16", 16, (1.5,))),
        *(("rates", value) for value in ([], [0.1], [0.1, 0.0], [0.1, float("inf")], [0.1, "0.2"])),
        *(("temperatures", value) for value in ([], [0.0], [float("inf")], ["0.1"])),
        *(("lanes", value) for value in (7, 401, 8.0, True, [8])),
        *(("longest", value) for value in (11, "12", None)),
        *(("orders", value) for value in ([], [0], [2, 9], [2.0], 2)),
        *(("cells", value) for value in ([], ["lstn"], "lstm", ["lstm", 3])),
        *(("cell", value) for value in ("LSTM", "", None, 1)),
        *(("split", value) for value in ("train", 1, None)),
        *(("quiet", value) for value in (1, 0, "False", None)),
        *(("title", value) for value in ("", 3)),
        *(("lags", value) for value in ([0], "1")),
    ],
)
def test_a_value_that_is_not_allowed_is_named_with_what_is(name, value):
    message = refused(**{name: value})
    assert message.startswith(f"parameter {name!r} = {value!r} is not allowed: it must be ")
    assert len(message.partition("it must be ")[2]) > 3


def test_the_messages_say_what_is_allowed():
    assert refused(seeds=-1) == "parameter 'seeds' = -1 is not allowed: it must be a whole number from 1 to 1000"
    assert refused(split="train").endswith("it must be one of 'test', 'validation'")
    assert refused(cell="lstn").endswith("it must be one of the cells in gatedrnn.catalogue, such as 'lstm' or 'gru'")
    assert refused(rates=[0.1]).endswith("it must be a list of at least two numbers above 0")
    assert refused(lanes=7).endswith("it must be a whole number from 8 to 400")
    assert refused(longest=11).endswith("it must be a whole number of at least 12")
    assert refused(orders=[9]).endswith("it must be a list of whole numbers from 1 to 8")
    assert refused(lags=[0]).endswith("it must be list[Count] (steps)")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("seeds", 1000),
        ("learning_rate", 1),
        ("share", 0.999),
        ("widths", [1]),
        ("rates", [1, 2.5]),
        ("temperatures", [1]),
        ("lanes", 8),
        ("lanes", 400),
        ("longest", 12),
        ("orders", [1, 8]),
        ("cells", ["gru_before", "rnn"]),
        ("split", "validation"),
        ("quiet", True),
        ("note", ""),
    ],
)
def test_a_value_that_is_allowed_is_taken(name, value):
    assert check(DECLARED, {name: value}) == {**VALUES, name: value}


def test_a_list_may_come_as_its_text_and_a_text_stays_a_text():
    """`papermill -p widths "[20,40]"` hands over a text."""
    assert check(DECLARED, {"widths": "[20,40]", "cells": "['gru']"}) == {
        **VALUES,
        "widths": [20, 40],
        "cells": ["gru"],
    }
    assert check(DECLARED, {"title": "[20, 40]"})["title"] == "[20, 40]"


def test_a_value_that_does_not_fit_another_is_refused_in_the_same_words():
    demand("tested", 30, True, "more than longest = 20")
    with pytest.raises(ParameterError) as caught:
        demand("tested", 5, False, "more than longest = 20")
    assert str(caught.value) == "parameter 'tested' = 5 is not allowed: it must be more than longest = 20"


def test_papermill_reads_the_declarations_as_it_reads_those_of_python():
    """`papermill --help-notebook` lists them with their types."""
    found = {each.name: each for each in PythonTranslator.inspect({"source": CELL})}
    assert {name: found[name].inferred_type_name for name in ("lanes", "longest", "orders")} == {
        "lanes": "Whole[8, 400]",
        "longest": "Whole[12]",
        "orders": "Wholes[1, 8]",
    }
    assert found["lanes"].default == "64" and found["lanes"].help == "read side by side"


def test_a_misspelt_name_lists_the_known_ones():
    message = refused(seedz=5)
    assert message.startswith("parameter 'seedz' is unknown; allowed: cell, cells, lags, lanes, learning_rate")
    assert all(name in message for name in DECLARED)


@given(st.integers())
def test_counts_are_the_whole_numbers_from_one(value):
    if value >= 1:
        assert check(DECLARED, {"steps": value})["steps"] == value
    else:
        refused(steps=value)


@given(st.one_of(st.text(), st.floats(), st.booleans(), st.none(), st.lists(st.integers(), max_size=2)))
def test_nothing_else_is_ever_a_count(value):
    refused(steps=value)


def test_a_wrong_published_value_is_refused_too():
    with pytest.raises(ParameterError, match=r"^parameter 'seeds' = 0 is not allowed"):
        check(read("seeds: Seeds = 0"), {})


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("seeds = 5", r"^parameters cell: 'seeds = 5' is not of the form 'name: Type = value  # meaning'$"),
        ("seeds: Seeds", r"^parameters cell: 'seeds: Seeds' is not of the form"),
        ("import os", r"^parameters cell: 'import os' is not of the form"),
        ("seeds: Seeds = 2 * 5", r"^parameters cell: the value in 'seeds: Seeds = 2 \* 5' is not a literal$"),
        ("seeds: Seeds = 5\nseeds: Seeds = 6", r"^parameters cell: 'seeds' is declared twice$"),
    ],
)
def test_a_cell_of_another_form_is_refused(source, message):
    with pytest.raises(ParameterError, match=message):
        read(source)


def test_an_unknown_type_is_named():
    with pytest.raises(ParameterError, match=r"^parameter type 'Cuont': name 'Cuont' is not defined$"):
        check(read("seeds: Cuont = 5"), {})


def test_checking_loads_nothing_heavy():
    code = "import sys, evidence.parameters; print(sorted({'torch', 'pandas', 'numpy'} & sys.modules.keys()))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_every_cell_of_the_catalogue_is_allowed():
    literal, _ = typing.get_args(Cell)
    assert set(typing.get_args(literal)) == set(CELLS)
