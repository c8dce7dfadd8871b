"""The command line: bad input is one line, and nothing heavy is imported to say so."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from bookkit import cli
from bookkit.toc import parse_overrides

PROJECT = Path(__file__).resolve().parents[2]


@pytest.fixture
def book(tmp_path: Path) -> Path:
    """A project with one page and no chapter yet."""
    (tmp_path / "_toc.yml").write_text("format: jb-book\nroot: chapters/index\n")
    (tmp_path / "chapters").mkdir()
    (tmp_path / "chapters/index.md").write_text("# Book\n")
    return tmp_path


def run(book: Path, *arguments: str) -> int:
    return cli.main(["--root", str(book), *arguments])


def test_an_unknown_chapter_is_one_line(book: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(book, "chapter", "memory/recal") == 2
    assert capsys.readouterr().err == "error: no chapter 'memory/recal'; known: none\n"


def test_no_name_at_all_lists_the_chapters(book: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(book, "chapter", "") == 2
    assert capsys.readouterr().err == "error: no chapter was named; known: none\n"


def test_a_table_of_contents_that_names_nothing_is_one_line(book: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (book / "_toc.yml").write_text("root: chapters/index\nchapters:\n- file: chapters/gone\n")
    assert run(book, "book") == 2
    assert capsys.readouterr().err.endswith("names chapters/gone, which is neither a notebook nor a page\n")


def test_nothing_to_serve_is_one_line(book: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(book, "serve") == 2
    assert "'make book' builds it" in capsys.readouterr().err


def test_clean_keeps_the_environment(book: Path) -> None:
    for name in ("_build/html", ".venv"):
        (book / name).mkdir(parents=True)
    assert run(book, "clean") == 0
    assert not (book / "_build").exists()
    assert (book / ".venv").is_dir()


def test_overrides_are_read_as_values() -> None:
    pairs = [("a", "5"), ("b", "-0.5"), ("c", "[1, 2]"), ("d", "lstm"), ("e", "True")]
    assert parse_overrides(pairs) == {"a": 5, "b": -0.5, "c": [1, 2], "d": "lstm", "e": True}


def test_starting_imports_nothing_heavy() -> None:
    code = (
        "import sys; from bookkit import cli, tasks, results, bench, lint\n"
        "heavy = {'torch', 'pandas', 'numpy', 'matplotlib', 'sphinx', 'papermill', 'nbformat'} & set(sys.modules)\n"
        "print(sorted(heavy))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=PROJECT)
    assert done.stdout.strip() == "[]", done.stderr


def test_make_help_names_every_target() -> None:
    done = subprocess.run(["make"], cwd=PROJECT, capture_output=True, text=True)
    for target in ["book", "chapter", "test", "results", "serve", "bench", "lint", "lock", "clean"]:
        assert f"  {target} " in done.stdout
