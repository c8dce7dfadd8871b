"""A check that cannot fail says nothing: with LSTM and GRU exchanged in the rows, every check of a direction fails."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from bookkit.toc import Chapter, chapters
from evidence.swap import exchanged

PROJECT = Path(__file__).resolve().parents[1]
CHECKED = [each for each in chapters(PROJECT) if "record.holds(" in each.path.read_text(encoding="utf-8")]
CONVERTED = [each for each in CHECKED if each.kind not in ("timing", "last")]
"""Chapters whose checks rest on stored rows: not on times taken now, nor on what other chapters say."""


@pytest.mark.parametrize("chapter", CONVERTED, ids=lambda chapter: chapter.name)
def test_exchanging_the_cells_fails_every_check_of_a_direction_and_no_other(chapter: Chapter, tmp_path: Path) -> None:
    environment = {
        **os.environ,
        "BOOK_STORE": str(tmp_path / "store"),
        "BOOK_LOCK": str(PROJECT / "results" / "runs"),
        "BOOK_OUTPUT": str(tmp_path / "output"),
        "MPLBACKEND": "agg",
    }
    environment.pop("BOOK_FRESH", None)
    command = [sys.executable, str(PROJECT / "tests" / "swapped.py"), str(chapter.path)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    checks = {name: each for name, each in json.loads(done.stdout.splitlines()[-1]).items() if not each["measured"]}
    assert {name for name, each in checks.items() if each["holds"] and not each["symmetric"]} == set(), "cannot fail"
    assert {name for name, each in checks.items() if not each["holds"] and each["symmetric"]} == set(), "not symmetric"


ROWS = pd.DataFrame(
    [
        {"cell": "lstm", "match": "width", "learning_rate": 0.1, "seed": 0, "score": 1.0, "curves": {"a": [1]}},
        {"cell": "gru", "match": "width", "learning_rate": 0.3, "seed": 0, "score": 2.0, "curves": {"a": [2]}},
        {"cell": "gru", "match": "parameters", "learning_rate": 0.3, "seed": 0, "score": 3.0, "curves": {"a": [3]}},
        {"cell": "rnn", "match": "width", "learning_rate": 0.1, "seed": 0, "score": 4.0, "curves": {"a": [4]}},
    ]
)
KEYS = ("cell", "match", "learning_rate", "seed")


def test_each_cell_gets_the_results_of_the_other_under_the_same_condition(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BOOK_SWAP", "1")
    found = exchanged(ROWS, KEYS)
    assert list(found["score"]) == [2.0, 1.0, 1.0, 4.0]
    assert [each["a"] for each in found["curves"]] == [[2], [1], [1], [4]]
    assert found[list(KEYS)].equals(ROWS[list(KEYS)])


def test_otherwise_rows_stay_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BOOK_SWAP", raising=False)
    assert exchanged(ROWS, KEYS) is ROWS
