"""Every chapter of the book, executed whole by papermill with its quick parameters."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bookkit.prose import MARK
from bookkit.stage import page_file, pages, readme, statements_of
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
    slips = [output["data"] for output in outputs if {*output.get("data", {})} == {"text/plain"}]
    assert not slips, "a cell ends in an object whose repr nobody wants to read"
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


def test_every_value_and_check_of_a_chapter_has_its_mark(built_book: Path) -> None:
    """What is published for the prose stands in a sentence or a caption of the book, or nobody would miss it."""
    executed = built_book / "executed"
    statements = statements_of(executed, PROJECT)
    texts = [page_file(page, PROJECT).read_text(encoding="utf-8") for page in pages(PROJECT)]
    texts.append(readme(PROJECT))
    texts += [json.loads(path.read_text(encoding="utf-8"))["caption"] for path in executed.rglob("figures/*.json")]
    used = {match["id"] for text in texts for match in MARK.finditer(text) if match["id"]}
    used |= {f"ledger-{id.lower()}" for id in used}
    published = set()
    for path in executed.rglob("chapter.json"):
        record = json.loads(path.read_text(encoding="utf-8"))
        published |= {*record["values"], *record["checks"]}
    assert not statements.problems
    assert {name for name in published if not name.startswith("ledger-")} <= used
