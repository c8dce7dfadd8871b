"""Where things lie: each folder can be put elsewhere, and a read-only checkout or a notebook by hand leaves no trace in it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from evidence import paths

PROJECT = Path(__file__).resolve().parents[2]
FOLDERS = {
    "BOOK_STORE": (paths.store, "_build/runs"),
    "BOOK_LOCK": (paths.lock, "results/runs"),
    "BOOK_DATA": (paths.data, "_build/data"),
}


@pytest.fixture(autouse=True)
def nothing_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*FOLDERS, "BOOK_OUTPUT"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout with a folder of chapters, in which this package stands."""
    (tmp_path / "book" / "chapters" / "memory").mkdir(parents=True)
    (tmp_path / "book" / "_toc.yml").touch()
    monkeypatch.setattr(paths, "__file__", str(tmp_path / "book" / "lib" / "evidence" / "paths.py"))
    return tmp_path / "book"


def test_the_root_is_the_checkout_around_this_package() -> None:
    assert paths.root() == PROJECT


@pytest.mark.parametrize("name", FOLDERS)
def test_each_folder_lies_in_the_checkout_and_can_be_put_elsewhere(
    name: str, project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, default = FOLDERS[name]
    assert folder() == project / default
    monkeypatch.setenv(name, "")
    assert folder() == project / default, "an empty text chooses nothing"
    monkeypatch.setenv(name, str(tmp_path / "elsewhere"))
    assert folder() == tmp_path / "elsewhere"


def test_what_a_checkout_that_cannot_be_written_to_makes_goes_to_the_users_cache(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    asked = []
    monkeypatch.setattr(os, "access", lambda path, mode: asked.append((Path(path), mode)))
    cache = paths.platformdirs.user_cache_path("lstm-vs-gru-book")
    assert tmp_path / "cache" in cache.parents or os.name != "posix"
    assert (paths.build(), paths.store(), paths.data()) == (cache, cache / "runs", cache / "data")
    assert paths.lock() == project / "results" / "runs", "what is only read stays where it is"
    monkeypatch.chdir(project)
    assert paths.output("memory/recall") == cache / "by-hand" / "memory" / "recall"
    assert {*asked} == {(project, os.W_OK)}, "the folder in which _build would be made"
    (project / "_build").mkdir()
    asked.clear()
    assert paths.build() == cache and {*asked} == {(project / "_build", os.W_OK)}


@pytest.mark.parametrize("here", [".", "chapters", "chapters/memory"])
def test_a_notebook_run_inside_the_project_leaves_nothing_among_the_sources(
    here: str, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(project / here)
    assert paths.output("memory/recall") == project / "_build" / "by-hand" / "memory" / "recall"


def test_outside_the_project_a_notebook_writes_where_it_runs(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "book-of-mine").mkdir()
    monkeypatch.chdir(tmp_path / "book-of-mine")
    assert paths.output("memory/recall") == tmp_path / "book-of-mine"
    monkeypatch.setenv("BOOK_OUTPUT", str(tmp_path / "chosen"))
    assert paths.output("memory/recall") == tmp_path / "chosen"


def test_away_from_the_book_a_notebook_writes_where_it_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paths, "__file__", str(tmp_path / "site-packages" / "evidence" / "paths.py"))
    monkeypatch.chdir(tmp_path)
    assert paths.root() == tmp_path
    assert paths.output("memory/recall") == tmp_path
