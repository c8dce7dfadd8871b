"""Every chapter of the book, executed whole by papermill with its quick parameters."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from bookkit.toc import Chapter, chapters

PROJECT = Path(__file__).resolve().parents[1]
CHAPTERS = chapters(PROJECT)


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda chapter: chapter.name)
def test_a_chapter_runs_with_quick_parameters(chapter: Chapter, built_book: Path) -> None:
    folder = built_book / "executed" / chapter.name
    record = json.loads((folder / "chapter.json").read_text(encoding="utf-8"))
    notebook = json.loads((folder / "notebook.ipynb").read_text(encoding="utf-8"))
    assert record["chapter"] == chapter.name
    quick = chapter.quick_values()
    assert {name: record["parameters"][name] for name in quick} == quick
    assert record["published"] is (not quick or record["parameters"] == record["published_parameters"])
    outputs = [output for cell in notebook["cells"] for output in cell.get("outputs", [])]
    assert not [output for output in outputs if output["output_type"] == "error"]
    warnings = [output["text"] for output in outputs if output.get("name") == "stderr"]
    assert not warnings
    for figure in record["figures"]:
        sidecar = json.loads((folder / "figures" / f"{figure}.json").read_text(encoding="utf-8"))
        assert sidecar["alt"].strip()
        for file in sidecar["files"].values():
            assert (folder / "figures" / file).stat().st_size > 0


def test_a_chapter_leaves_no_trace_of_this_machine(built_book: Path) -> None:
    for path in (built_book / "executed").rglob("notebook.ipynb"):
        text = path.read_text(encoding="utf-8")
        assert str(PROJECT) not in text
        assert "/tmp/" not in text
        assert '"papermill"' not in text


def test_plain_papermill_works_from_any_folder(tmp_path: Path, built_book: Path) -> None:
    """As the README says, without make; and a wrong parameter is one line."""
    records = {each: built_book / "executed" / each.name / "chapter.json" for each in CHAPTERS if each.kind != "last"}
    chapter = min(records, key=lambda each: json.loads(records[each].read_text(encoding="utf-8"))["seconds"])
    papermill = [str(Path(sys.executable).parent / "papermill"), str(chapter.path), str(tmp_path / "out.ipynb")]
    options = ["-f", str(chapter.quick_path)] if chapter.quick_path.is_file() else []
    environment = {key: value for key, value in os.environ.items() if not key.startswith("BOOK_")}

    def run(*more: str) -> subprocess.CompletedProcess[str]:
        command = [*papermill, *options, *more, "--no-progress-bar"]
        return subprocess.run(
            command, cwd=tmp_path, capture_output=True, text=True, env=environment, stdin=subprocess.DEVNULL
        )

    done = run()
    assert done.returncode == 0, done.stderr
    marked = "**Not the published parameters:**" in (tmp_path / "out.ipynb").read_text(encoding="utf-8")
    assert marked == bool(chapter.quick_values())
    wrong = run("-p", "no_such_parameter", "1")
    assert wrong.returncode == 1
    assert "parameter 'no_such_parameter' is unknown" in wrong.stderr
