"""Every chapter of the book, executed whole by papermill with its quick parameters."""

from __future__ import annotations

import json
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
