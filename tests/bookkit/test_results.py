"""`check-results`: what differs from the committed results is found, on any processor."""

from __future__ import annotations

import copy
import json
import os
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from bookkit import cli, execute, results
from bookkit.places import Places
from bookkit.progress import Display
from bookkit.toc import chapters
from evidence import lock as lockfile
from evidence import locking

VERDICT = {
    "id": "A1",
    "word": "supported",
    "text": "supported",
    "effect": 1.0,
    "low": 0.9,
    "high": 1.1,
    "unit": "%",
    "factor": None,
    "p": 0.01,
    "strata": [{"name": "all", "estimate": 1.0, "low": 0.9, "high": 1.1, "word": "supported", "p": 0.01}],
    "figure": "f",
    "sentence": "Take it: 1.0 %.",
    "measured": False,
}
COMPARISON = {"task": "t", "values": {"baseline": 1.0, "lstm": 2.0, "gru": 3.0}, "claims": ["A1"]}


def summary(machine: str = "m", value: float = 1.0, word: str = "supported") -> dict[str, Any]:
    """A committed summary, or what a chapter gives now."""
    return {
        "chapter": "c",
        "machine": machine,
        "versions": {"torch": "2.13.0"},
        "kernels": ["matched"],
        "parameters": {},
        "verdicts": [{**copy.deepcopy(VERDICT), "word": word, "effect": value}],
        "comparisons": [copy.deepcopy(COMPARISON)],
        "values": {"c-count": "3 of 4"},
        "checks": {"c-ahead": True},
    }


def counts(past: dict, now: dict, locked: bool = False) -> tuple[int, int]:
    """Fatal differences, and notes."""
    found = list(results.compare(json.loads(json.dumps(past)), now, locked))
    return sum(drift.fatal for drift in found), sum(not drift.fatal for drift in found)


@pytest.mark.parametrize(
    ("now", "fatal", "notes"),
    [
        (summary(), 0, 0),
        (summary(value=1.0001), 1, 0),
        (summary(machine="other", value=1.05), 0, 1),
        (summary(machine="other", value=1.2), 1, 1),
        (summary(machine="other", word="contradicted"), 1, 1),
        ({**summary(), "parameters": {"seeds": 1}}, 1, 0),
        ({**summary(), "chapter": "d"}, 1, 0),
        ({**summary(), "values": {}}, 1, 0),
        ({**summary(machine="other"), "checks": {"c-ahead": False}}, 0, 2),
        ({**summary(machine="other"), "checks": {}}, 0, 2),
        ({**summary(), "verdicts": []}, 1, 0),
    ],
)
def test_recomputed_results_are_compared(now: dict, fatal: int, notes: int) -> None:
    """Equal on the same kind of processor; elsewhere within the committed interval."""
    assert counts(summary(), now) == (fatal, notes)


@pytest.mark.parametrize("ends", [{"low": -1e9, "high": 1e9}, {"low": 1.05}, {"high": None}, {"effect": 7.0}])
def test_a_forged_interval_is_found_where_runs_were_computed_elsewhere(ends: dict) -> None:
    past = summary()
    past["verdicts"][0] |= ends
    assert counts(past, summary(machine="other"))[0]


def leaves(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every number, text, flag and None inside, each as its container and the key in it."""
    for key, each in value.items() if isinstance(value, dict) else enumerate(value):
        if isinstance(each, dict | list):
            yield from leaves(each)
        else:
            yield value, key


FORGED = {
    float: lambda old: old + 1e-6,
    int: lambda old: old + 1,
    bool: lambda old: not old,
    str: lambda old: f"{old}?",
}


@pytest.mark.parametrize("part", ["verdicts", "comparisons", "kernels", "values", "checks"])
def test_with_the_committed_runs_no_part_may_differ_on_any_processor(part: str) -> None:
    now = summary(machine="other")
    assert counts(summary(), now, locked=True) == (0, 0)
    count = sum(1 for _ in leaves(summary()[part]))
    assert count
    for number in range(count):
        past = summary()
        container, key = list(leaves(past[part]))[number]
        old = container[key]
        container[key] = FORGED.get(type(old), lambda old: 1)(old)
        assert counts(past, now, locked=True)[0], f"{part}: {key} {old!r} → {container[key]!r} was not found"


def test_other_versions_are_told() -> None:
    assert counts(summary(), {**summary(), "versions": {"torch": "2.14.0"}}, locked=True) == (0, 1)


def test_what_was_timed_may_change_but_is_told() -> None:
    past, now = summary(), summary(word="contradicted", value=1.0)
    for each in (past, now):
        each["verdicts"][0]["measured"] = True
        each |= {"values": {}, "checks": {}}
    now["machine"] = "other"
    found = list(results.compare(past, now))
    assert [(drift.fatal, drift.what) for drift in found] == [(False, "verdict A1: supported before, contradicted now")]


def test_a_verdict_cannot_be_passed_off_as_timed() -> None:
    past = summary(word="contradicted")
    past["verdicts"][0]["measured"] = True
    assert counts(past, summary(machine="other"))[0]
    assert counts(summary(), past)[0]


@pytest.fixture
def book(tmp_path: Path) -> Places:
    """A book of one executed chapter, whose two runs came from the lock, computed on another kind of processor."""
    (tmp_path / "_toc.yml").write_text("root: chapters/index\nchapters:\n- file: chapters/one/a\n")
    (tmp_path / "chapters/one").mkdir(parents=True)
    (tmp_path / "chapters/index.md").write_text("# Book\n")
    (tmp_path / "chapters/one/a.ipynb").write_text(json.dumps({"cells": [], "metadata": {}}))
    places = Places(tmp_path)
    rows = [{"config": {"seed": seed}, "metrics": {"x": 1.0}, "curves": {}, "recorded": {}} for seed in (0, 1)]
    rows = [{**row, "key": f"{lockfile.sha(row['config'])[:16]}-id"} for row in rows]
    places.lock.mkdir(parents=True)
    packed = lockfile.pack([{**row, "check": lockfile.check(row)} for row in rows])
    (places.lock / "s.jsonl").write_text("".join(packed))
    write_record(places, [row["key"] for row in rows])
    places.summaries.mkdir()
    content = results.summarise(chapters(tmp_path)[0], execute.read_record(places.executed / "one/a"))
    (places.summaries / "one-a.json").write_text(json.dumps({**content, "machine": "another"}))
    return places


def write_record(places: Places, keys: list[str], computed: int = 0, value: float = 1.0, fresh: bool = False) -> None:
    sweep = {"name": "s", "runs": 2, "found": 2 - computed, "computed": computed, "keys": keys, "kernels": ["matched"]}
    record = summary(value=value) | {"chapter": "one/a", "machine": {"kind": "m"}, "sweeps": [sweep]}
    record |= {"values": {"a-count": {"text": "3 of 4", "measured": False}}, "checks": {}}
    folder = places.executed / "one/a"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "chapter.json").write_text(json.dumps(record))
    execute.stamp(folder, {}, places, record, fresh)


def check(places: Places, capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    status = cli.main(["--root", str(places.root), "check-results"])
    said = capsys.readouterr()
    return status, said.out + said.err


def test_runs_from_the_lock_are_held_to_the_last_digit(book: Places, capsys: pytest.CaptureFixture[str]) -> None:
    """A forged row, its check computed anew, changes what is published: that is found on any processor."""
    keys = execute.read_record(book.executed / "one/a")["sweeps"][0]["keys"]
    assert check(book, capsys) == (0, "check-results: 1 chapters compared with results/, 0 drifted, 0 notes\n")
    for computed, used, fresh, status in [
        (0, keys, False, 1),
        (1, keys, False, 0),
        (0, [*keys, "another"], False, 0),
        (0, keys, True, 0),
    ]:
        write_record(book, used, computed, value=1.01, fresh=fresh)
        assert check(book, capsys)[0] == status, (computed, used, fresh)


@pytest.mark.parametrize("fresh", [False, True])
def test_the_lock_is_made_of_the_runs_that_the_chapters_used(
    book: Places, monkeypatch: pytest.MonkeyPatch, fresh: bool
) -> None:
    keys = execute.read_record(book.executed / "one/a")["sweeps"][0]["keys"]
    write_record(book, keys, fresh=fresh)
    asked = []
    monkeypatch.setattr(locking, "lock_sweep", lambda *given: asked.append(given))
    monkeypatch.setattr(results, "Build", lambda *_: SimpleNamespace(run=lambda: 0))
    monkeypatch.setattr(results.os, "environ", dict(os.environ))
    assert results.write(book, Display()) == 0
    assert asked == [("s", {*keys}, fresh, False)]
    assert execute.read_stamp(book.executed / "one/a")["fresh"] is False


def test_files_that_no_chapter_accounts_for_are_named(book: Places, capsys: pytest.CaptureFixture[str]) -> None:
    (book.lock / "other.jsonl").write_text("")
    status, said = check(book, capsys)
    assert (status, said.splitlines()[0]) == (0, "note  results/runs/other.jsonl: no chapter uses these runs")
    (book.summaries / "one-b.json").write_text("{}")
    status, said = check(book, capsys)
    assert (status, said.splitlines()[0]) == (1, "DRIFT results/summaries/one-b.json: is the summary of no chapter")


@pytest.mark.parametrize(
    "text",
    ["", '{"chapter": "one/a", "mach', "[]", "{}", "null", '"x"', "3", "\0", pytest.param("[" * 100_000, id="nested")],
)
def test_a_broken_summary_is_one_line(book: Places, text: str, capsys: pytest.CaptureFixture[str]) -> None:
    (book.summaries / "one-a.json").write_text(text)
    said = "error: results/summaries/one-a.json is truncated or altered: 'make results' writes it anew\n"
    assert check(book, capsys) == (2, said)


@pytest.mark.parametrize("part", list(results.PARTS))
def test_a_summary_whose_parts_are_of_another_shape_is_one_line(
    book: Places, part: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = book.summaries / "one-a.json"
    whole = json.loads(path.read_text())
    for value in (3, None, [3], {"a": 3}):
        path.write_text(json.dumps({**whole, part: value}))
        status, said = check(book, capsys)
        assert status or part == "versions", value  # other versions are told, no more
        assert "Traceback" not in said
        assert len(said.splitlines()) == 1 or status < 2


def test_results_that_are_not_those_of_the_lock_or_were_damaged_are_refused(
    book: Places, capsys: pytest.CaptureFixture[str]
) -> None:
    record = book.executed / "one/a/chapter.json"
    whole = record.read_text()
    record.write_text(whole.replace("1.0", "1.5"))
    assert check(book, capsys)[1] == (
        "error: chapter one/a: its result was damaged: chapter.json; 'make book' executes it again\n"
    )
    record.write_text(whole)
    (book.lock / "s.jsonl").write_text("")
    assert check(book, capsys)[1] == (
        "error: the results lock of chapter one/a changed: 'make book' executes it again\n"
    )
