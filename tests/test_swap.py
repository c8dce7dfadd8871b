"""A check that cannot fail says nothing: with LSTM and GRU exchanged in the rows, every check of a direction fails."""

from __future__ import annotations

import ast
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


def checks(chapter: Chapter) -> list[set[str]]:
    """The checks that a chapter's code makes, each as the names of what it says beside id and condition."""
    trees = [ast.parse(cell["source"]) for cell in chapter.code_cells if "holds(" in cell["source"]]
    calls = [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Call)]
    return [{str(each.arg) for each in node.keywords} for node in calls if ast.unparse(node.func) == "record.holds"]


CHECKED = [each for each in chapters(PROJECT) if any("measured" not in said for said in checks(each))]
"""Chapters that check more than times taken now."""
CONVERTED = [each for each in CHECKED if each.kind != "last"]
"""Chapters whose checks rest on rows of their own, not on what other chapters say."""


def test_checks_are_made_in_notebooks_where_they_are_found() -> None:
    texts = [path.read_text(encoding="utf-8") for path in (PROJECT / "lib" / "experiments").rglob("*.py")]
    assert not [text for text in texts if "holds(" in text]
    for chapter in chapters(PROJECT):
        assert sum(cell["source"].count("holds(") for cell in chapter.code_cells) == len(checks(chapter)), chapter.name


@pytest.mark.parametrize("chapter", [each for each in CHECKED if each.kind == "last"], ids=lambda chapter: chapter.name)
def test_what_rests_on_other_chapters_takes_no_side(chapter: Chapter) -> None:
    assert all("symmetric" in said for said in checks(chapter))


@pytest.mark.parametrize("chapter", CONVERTED, ids=lambda chapter: chapter.name)
def test_exchanging_the_cells_fails_every_check_of_a_direction_and_no_other(chapter: Chapter, tmp_path: Path) -> None:
    environment = {
        **{key: value for key, value in os.environ.items() if not key.startswith(("BOOK_", "GATEDRNN_KERNELS"))},
        "BOOK_STORE": str(tmp_path / "store"),
        "BOOK_LOCK": str(PROJECT / "results" / "runs"),
        "BOOK_OUTPUT": str(tmp_path / "output"),
        "MPLBACKEND": "agg",
    }
    command = [sys.executable, str(PROJECT / "tests" / "swapped.py"), str(chapter.path)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    made = {name: each for name, each in json.loads(done.stdout.splitlines()[-1]).items() if not each["measured"]}
    assert {name for name, each in made.items() if each["holds"] and not each["symmetric"]} == set(), "cannot fail"
    assert {name for name, each in made.items() if not each["holds"] and each["symmetric"]} == set(), "not symmetric"


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


def frame(*rows: dict) -> pd.DataFrame:
    return pd.DataFrame([{"seed": 0, **row, "score": number} for number, row in enumerate(rows)])


@pytest.mark.parametrize("column", ["cell", "network", "model"])
def test_the_cell_is_found_whatever_its_column_is_called(monkeypatch: pytest.MonkeyPatch, column: str) -> None:
    monkeypatch.setenv("BOOK_SWAP", "1")
    rows = frame({column: "lstm"}, {column: "gru"}, {column: "lstm_coupled"})
    assert list(exchanged(rows, [column, "seed"])["score"]) == [1, 0, 2]


def test_cells_with_a_gate_changed_are_not_exchanged(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BOOK_SWAP", "1")
    rows = frame({"variant": "lstm"}, {"variant": "gru"}, {"variant": "lstm_no_forget"})
    assert list(exchanged(rows, ["variant", "seed"])["score"]) == [0, 1, 2]


def test_the_start_stays_the_same_where_only_the_size_and_the_rate_are_a_cells_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("BOOK_SWAP", "1")
    plain, chrono = (
        {"cell": "lstm", "match": "width", "start": s, "learning_rate": 0.1} for s in ("default", "chrono:9")
    )
    wide = {"cell": "gru", "match": "parameters", "start": "chrono:9", "learning_rate": 0.3}
    assert list(exchanged(frame(plain, chrono, wide), [*wide, "seed"])["score"])[2] == 1


def test_of_several_rates_the_nearest_is_the_partners(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BOOK_SWAP", "1")
    rows = [{"cell": "lstm", "learning_rate": rate} for rate in (0.001, 0.03, 1.0)]
    found = exchanged(frame(*rows, {"cell": "gru", "learning_rate": 0.1}), ["cell", "learning_rate", "seed"])
    assert list(found["score"]) == [3, 3, 3, 1]


def test_what_the_other_cell_was_not_run_under_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BOOK_SWAP", "1")
    rows = [{"cell": "lstm", "length": 20}, {"cell": "gru", "length": 20}, {"cell": "gru", "length": 600}]
    assert list(exchanged(frame(*rows), ["cell", "length", "seed"])["score"]) == [1, 0, 2]


def test_exchanging_twice_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BOOK_SWAP", "1")
    conditions = [{"cell": cell, "start": start} for cell in ("lstm", "gru") for start in ("default", "bias:1")]
    rows = frame(*[{**each, "seed": seed} for each in conditions for seed in range(3)])
    once = exchanged(rows, ["cell", "start", "seed"])
    assert not once["score"].equals(rows["score"])
    assert exchanged(once, ["cell", "start", "seed"])["score"].equals(rows["score"])


def test_otherwise_rows_stay_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BOOK_SWAP", raising=False)
    assert exchanged(ROWS, KEYS) is ROWS
