"""The sources of the chapters: clean, typed, short, and free of typed results."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path
from typing import Any

import pytest

from bookkit.prose import MARK
from bookkit.toc import KINDS, Chapter, chapters, tags

PROJECT = Path(__file__).resolve().parents[1]
CHAPTERS = chapters(PROJECT)
LONGEST_CELL = 24
RESULT = re.compile(
    r"(?<![\w.{-])\d+(?:[.,]\d+)?\s?(?:%|percent\b|ms\b|µs\b|times (?:as (?:fast|slow|long|much|many)|faster|slower)\b)"
    r"(?! (?:confidence )?interval)"
)
VERDICT = re.compile(r"\b(?:is|was|are|were) (?:clearly )?(?:supported|contradicted|inconclusive)\b")

each_chapter = pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda chapter: chapter.name)


def calls(chapter: Chapter, name: str) -> list[ast.Call]:
    """Calls of `figures.publish` and the like in the code cells."""
    found = []
    for cell in chapter.code_cells:
        for node in ast.walk(ast.parse(re.sub(r"^\s*[%!].*$", "", cell["source"], flags=re.M))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == name:
                found.append(node)
    return found


def prose(chapter: Chapter) -> str:
    """Text of the markdown cells without code, maths, roles, links and paragraphs that cite another's number."""
    text = "\n\n".join(cell["source"] for cell in chapter.notebook["cells"] if cell["cell_type"] == "markdown")
    text = MARK.sub(lambda mark: mark["code"] or "", text)
    text = re.sub(r"\{[\w:]+\}`[^`]*`", lambda found: "CITED" if found[0].startswith("{cite") else "", text)
    text = re.sub(r"\$\$.*?\$\$|\$[^$]*\$|`[^`]*`|\]\([^)]*\)", "", text, flags=re.S)
    return "\n\n".join(paragraph for paragraph in re.split(r"\n\s*\n", text) if "CITED" not in paragraph)


def test_the_book_has_chapters() -> None:
    assert CHAPTERS
    assert len({chapter.name for chapter in CHAPTERS}) == len(CHAPTERS)


@each_chapter
def test_it_holds_no_outputs(chapter: Chapter) -> None:
    assert all(not cell["outputs"] and cell["execution_count"] is None for cell in chapter.code_cells)
    ids = [cell["id"] for cell in chapter.notebook["cells"]]
    assert len(set(ids)) == len(ids), f"cell ids used twice: {sorted({each for each in ids if ids.count(each) > 1})}"
    kept = {"tags", "mystnb", "editable", "slideshow"}
    for cell in chapter.notebook["cells"]:
        assert set(cell["metadata"]) <= kept, f"metadata of cell {cell['id']}"
    assert "papermill" not in chapter.notebook["metadata"]


@each_chapter
def test_its_kind_is_known(chapter: Chapter) -> None:
    assert chapter.kind in KINDS
    assert "kind" in chapter.settings


@each_chapter
def test_it_begins_as_a_chapter(chapter: Chapter) -> None:
    """One parameters cell of typed, commented lines; then `record.begin` with the chapter's own name."""
    from evidence.parameters import check, read

    cells = [cell for cell in chapter.code_cells if "parameters" in tags(cell)]
    assert len(cells) == 1
    declared = read(cells[0]["source"])
    check(declared, {})
    assert all(parameter.help for parameter in declared.values())
    begun = calls(chapter, "record.begin")
    assert [ast.literal_eval(call.args[0]) for call in begun] == [chapter.name]


@each_chapter
def test_its_quick_parameters_are_its_parameters(chapter: Chapter) -> None:
    chapter.values({}, quick=True)


@each_chapter
def test_its_figures_are_described(chapter: Chapter) -> None:
    """Each figure has an id, a caption, an alternative text made in code, and columns whose meaning is told."""
    for call in calls(chapter, "figures.publish"):
        given = {keyword.arg: keyword.value for keyword in call.keywords}
        assert {"id", "caption", "alt", "data", "columns"} <= set(given)
        alt = given["alt"]
        assert not (isinstance(alt, ast.Constant) and not str(alt.value).strip())


@each_chapter
def test_its_cells_are_short(chapter: Chapter) -> None:
    long = {
        cell["id"]: len(cell["source"].splitlines())
        for cell in chapter.code_cells
        if len(cell["source"].splitlines()) > LONGEST_CELL
    }
    assert not long


@each_chapter
def test_nobody_typed_a_result(chapter: Chapter) -> None:
    """Measured numbers and verdict words carry marks; those of other people are cited in the same paragraph."""
    text = prose(chapter)
    assert not RESULT.findall(text)
    assert not VERDICT.findall(text)


def test_figure_ids_are_unique_in_the_book() -> None:
    seen: dict[str, Any] = {}
    for chapter in CHAPTERS:
        for call in calls(chapter, "figures.publish"):
            given = {keyword.arg: keyword.value for keyword in call.keywords}
            value = given["id"]
            if isinstance(value, ast.Constant):
                assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", value.value)
                assert value.value not in seen, f"{value.value}: {chapter.name} and {seen[value.value]}"
                seen[value.value] = chapter.name


def test_every_notebook_and_quick_file_belongs_to_the_book() -> None:
    names = {chapter.name for chapter in CHAPTERS}
    folder = PROJECT / "chapters"
    notebooks = {path.relative_to(folder).with_suffix("").as_posix() for path in folder.rglob("*.ipynb")}
    assert {name for name in notebooks if ".ipynb_checkpoints" not in name} == names
    quick = folder / "quick"
    assert {path.relative_to(quick).with_suffix("").as_posix() for path in quick.rglob("*.yml")} <= names


def test_notebooks_are_valid() -> None:
    import nbformat

    for chapter in CHAPTERS:
        nbformat.validate(nbformat.reads(chapter.path.read_text(encoding="utf-8"), as_version=4))
        assert json.loads(chapter.path.read_text(encoding="utf-8"))["nbformat_minor"] >= 5
