"""Meanings of published columns: a chapter's own words count before the common ones."""

from __future__ import annotations

import importlib
from pathlib import Path

import pandas as pd
import pytest

import experiments
from experiments.shared.columns import COMMON, TIMED, meanings

FOLDER = Path(experiments.__file__).parent
CHAPTERS = sorted(path.parent.name for path in FOLDER.glob("*/columns.py") if path.parent.name != "shared")


def test_each_column_has_the_meaning_that_was_given_last() -> None:
    data = pd.DataFrame(columns=["seed", "seconds", "lag", "curves"])
    found = meanings(data, TIMED, {"lag": "steps", "unused": "x"})
    assert found == {"seed": COMMON["seed"], "seconds": TIMED["seconds"], "lag": "steps"}
    assert list(found) == ["seed", "seconds", "lag"]


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_meanings_are_single_lines_and_repeat_nothing_that_is_common(chapter: str) -> None:
    module = importlib.import_module(f"experiments.{chapter}.columns")
    for name, table in vars(module).items():
        if name.isupper():
            assert all(text.strip() == text and "\n" not in text and text[-1] not in ".;" for text in table.values())
            assert not [column for column, text in table.items() if COMMON.get(column) == text]
