"""Staging: words from the source, outputs from the execution, and nothing that tells where it ran."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import minibook
import nbformat
import pytest
import yaml

from bookkit.places import Places
from bookkit.proofread import proofread
from bookkit.stage import StageError, pages, remote, settings, stage


@pytest.fixture
def book(tmp_path: Path) -> Path:
    return minibook.write(tmp_path)


def staged(book: Path) -> Path:
    return stage(book / "_build" / "executed", book / "_build" / "stage", book)


def first(tree: Path) -> nbformat.NotebookNode:
    return nbformat.read(tree / "chapters" / "alpha" / "first.ipynb", as_version=4)


def edit(book: Path, change: callable) -> None:
    path = book / "chapters" / "alpha" / "first.ipynb"
    notebook = nbformat.read(path, as_version=4)
    change(notebook)
    nbformat.write(notebook, path)


def test_pages_come_in_the_order_of_the_table_of_contents(book: Path) -> None:
    names = ["index", "alpha/first", "alpha/second", "execution", "scaling", "references"]
    assert pages(book) == [f"chapters/{name}" for name in names]


def test_words_come_from_the_source_without_a_new_execution(book: Path) -> None:
    edit(book, lambda notebook: notebook.cells[-1].update(source="A new sentence."))
    assert first(staged(book)).cells[-1].source == "A new sentence."


def test_a_changed_code_cell_asks_for_execution_by_number(book: Path) -> None:
    edit(book, lambda notebook: notebook.cells[1].update(source="import math"))
    with pytest.raises(StageError, match=r"first.ipynb: code cell 1 is not the one that was executed"):
        staged(book)


def test_nothing_of_the_execution_is_left(book: Path) -> None:
    tree = staged(book)
    text = (tree / "chapters" / "alpha" / "first.ipynb").read_text()
    for trace in ("start_time", "/home/someone", "injected", '"execution_count": 4'):
        assert trace not in text
    assert {"tags"} >= {key for cell in first(tree).cells for key in cell.metadata}


def test_a_published_figure_becomes_a_card_after_its_cell(book: Path) -> None:
    cells = first(staged(book)).cells
    place = next(index for index, cell in enumerate(cells) if "plot()" in cell.source)
    assert [output.output_type for output in cells[place].outputs] == ["stream"]
    assert cells[place + 1].source == "```{figure-card} first-lines\n```"


def test_the_chapter_card_follows_the_title_and_knows_what_parameters_mean(book: Path) -> None:
    tree = staged(book)
    lines = first(tree).cells[0].source.splitlines()
    assert lines[lines.index("# Does it *begin* with $h_t$?") + 2] == "```{chapter-card} alpha/first"
    record = json.loads((tree / "_book" / "records" / "alpha" / "first.json").read_text())
    assert record["meanings"] == {"seeds": "seeds of each run, at least 1", "rate": "learning rate"}


def test_the_parameters_cell_is_shown_as_a_table_only(book: Path) -> None:
    cell = next(cell for cell in first(staged(book)).cells if cell.source.startswith("seeds"))
    assert cell.metadata.tags == ["remove-cell"]


def test_readers_get_an_executed_copy_in_plain_words(book: Path) -> None:
    for name in ("first", "second"):
        path = staged(book) / "_book" / "sources" / "chapters" / "alpha" / f"{name}.ipynb"
        nbformat.validate(copy := nbformat.read(path, as_version=4))
        text = "\n".join(cell.source for cell in copy.cells if cell.cell_type == "markdown")
        outputs = [output for cell in copy.cells for output in cell.get("outputs", [])]
        assert f".venv/bin/papermill chapters/alpha/{name}.ipynb" in copy.cells[0].source
        assert not re.search(r"\]\((value|holds|verdict):|\{(num)?ref\}|^\(alpha-", text, re.M)
        assert any("image/png" in output.get("data", {}) for output in outputs)
        assert "vnd.book" not in path.read_text()
        assert "/home/someone" not in path.read_text()
    assert "won 12 of 40 (not so in this run: +3 [1, 5] <points>)." in text


def test_a_copy_with_other_parameters_holds_them_and_says_so(book: Path) -> None:
    def copy(name: str) -> nbformat.NotebookNode:
        path = staged(book) / "_book" / "sources" / "chapters" / "alpha" / f"{name}.ipynb"
        return nbformat.read(path, as_version=4)

    def injected(notebook: nbformat.NotebookNode) -> list[str]:
        tagged = [cell for cell in notebook.cells if "injected-parameters" in cell.metadata.get("tags", [])]
        return [cell.source for cell in tagged]

    assert injected(copy("first")) == [] and "other than" not in copy("first").cells[0].source
    assert ".venv/bin/papermill chapters/alpha/first.ipynb out.ipynb\n" in copy("first").cells[0].source
    assert injected(copy("second")) == ["# Parameters\nseeds = 2"]
    assert "with other than the published parameters" in copy("second").cells[0].source
    assert ".venv/bin/papermill chapters/alpha/second.ipynb out.ipynb -p seeds 2\n" in copy("second").cells[0].source
    tags = [cell.metadata.get("tags") for cell in copy("second").cells if cell.cell_type == "code"]
    assert tags.index(["injected-parameters"]) == tags.index(["parameters"]) + 1


@pytest.mark.parametrize("part", ["caption", "alt"])
def test_what_a_figure_says_in_words_is_judged_too(book: Path, part: str) -> None:
    path = book / "_build" / "executed" / "alpha" / "first" / "figures" / "first-lines.json"
    sidecar = json.loads(path.read_text())
    path.write_text(json.dumps({**sidecar, part: f"{sidecar[part]} It won [12 of 40](value:first-won)."}))
    shown = json.loads((staged(book) / "figures" / "first-lines.json").read_text())[part]
    assert shown.endswith("It won 12 of 40.")
    path.write_text(json.dumps({**sidecar, part: f"{sidecar[part]} It won [13 of 40](value:first-won)."}))
    with pytest.raises(StageError, match="of first-lines in alpha/first: 'first-won' is '12 of 40'"):
        staged(book)


def test_a_typed_value_that_this_build_did_not_compute_ends_the_build(book: Path) -> None:
    path = book / "chapters" / "index.md"
    path.write_text(path.read_text().replace("[12 of 40]", "[13 of 40]") + "\nSo it is [✓](holds:nothing).\n")
    with pytest.raises(StageError) as error:
        staged(book)
    assert str(error.value).splitlines() == [
        "2 statements of the prose do not follow from this build:",
        "- chapters/index.md: 'first-won' is '12 of 40': “The first cell won 13 of 40 ✓.”",
        "- chapters/index.md: no chapter makes the check 'nothing': “So it is ✓.”",
    ]


@pytest.mark.parametrize("text", ["{", "[]", '{"checks": {"a": 1}}'])
def test_a_broken_record_of_a_chapter_is_named(book: Path, text: str) -> None:
    path = book / "_build" / "executed" / "alpha" / "first" / "chapter.json"
    path.write_text(text)
    with pytest.raises(StageError, match=f"^{re.escape(str(path))}: not the record of a chapter"):
        staged(book)


def test_an_old_tree_leaves_nothing_behind(book: Path) -> None:
    (staged(book) / "chapters" / "gone.md").write_text("# Gone")
    assert not (staged(book) / "chapters" / "gone.md").exists()


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("chapters/execution.md", "_toc.yml names chapters/execution"),
        ("_build/executed/alpha/first/notebook.ipynb", "first.ipynb: not executed yet"),
        ("_build/executed/alpha/first/chapter.json", "chapter.json is missing"),
        ("_build/executed/alpha/first/figures/first-lines.json", "figure 'first-lines' has no sidecar"),
        ("_build/executed/alpha/first/figures/first-lines.pdf", "first-lines.pdf is missing or empty"),
    ],
)
def test_what_is_missing_is_named(book: Path, path: str, message: str) -> None:
    (book / path).unlink()
    with pytest.raises(StageError, match=message):
        staged(book)


def test_a_figure_id_is_used_once(book: Path) -> None:
    second = book / "_build" / "executed" / "alpha" / "second"
    text = (second / "notebook.ipynb").read_text().replace("second-lines", "first-lines")
    (second / "notebook.ipynb").write_text(text)
    with pytest.raises(StageError, match="'first-lines' of alpha/second is used twice"):
        staged(book)


def test_a_failed_staging_leaves_the_old_tree(book: Path) -> None:
    tree = staged(book)
    (book / "chapters" / "execution.md").unlink()
    with pytest.raises(StageError):
        staged(book)
    assert (tree / "chapters" / "execution.md").is_file()


def test_address_and_sitemap_come_from_the_environment(book: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = yaml.safe_load((book / "_config.yml").read_text())
    monkeypatch.delenv("BOOK_BASEURL", raising=False)
    assert "sphinx_sitemap" not in settings(dict(config), book)["sphinx"]["config"]["extensions"]
    monkeypatch.setenv("BOOK_BASEURL", "https://example.org/book")
    done = settings(dict(config), book)
    assert done["html"]["baseurl"] == "https://example.org/book/"
    assert "sphinx_sitemap" in done["sphinx"]["config"]["extensions"]


@pytest.mark.parametrize(
    ("address", "web"),
    [
        ("git@github.com:someone/book.git", "https://github.com/someone/book"),
        ("https://github.com/someone/book", "https://github.com/someone/book"),
        ("https://token@gitlab.com/group/book.git", "https://gitlab.com/group/book"),
        ("/srv/git/book", None),
        (None, None),
    ],
)
def test_launch_buttons_only_where_a_public_remote_exists(book: Path, address: str | None, web: str | None) -> None:
    subprocess.run(["git", "init", "-q", str(book)], check=True)
    if address:
        subprocess.run(["git", "-C", str(book), "remote", "add", "origin", address], check=True)
    assert remote(book) == web
    config = settings(yaml.safe_load((book / "_config.yml").read_text()), book)
    assert ("launch_buttons" in config) is (web is not None)


def test_the_readme_is_checked_too_its_marks_unseen(book: Path) -> None:
    (book / "README.md").write_text("It won<!-- holds:first-ahead -->.\n")
    staged(book)
    (book / "README.md").write_text("It won<!-- holds:first-behind -->.\n")
    with pytest.raises(StageError, match=r"README\.md: no chapter makes the check 'first-behind': “It won✓\.”"):
        staged(book)


@pytest.mark.parametrize(
    "mark", ["<!-- hold:first-ahead -->", "<!-- holds: first-ahead -->", "<!-- value:first-won -->"]
)
def test_a_mark_of_the_readme_that_is_not_understood_is_named(book: Path, mark: str) -> None:
    (book / "README.md").write_text(f"<!-- What a reader does not see. -->\nIt won<!--holds:first-ahead-->{mark}.\n")
    with pytest.raises(StageError) as error:
        staged(book)
    assert str(error.value).splitlines()[1:] == [f"- README.md: this mark is not understood: “{mark}”"]


def test_computed_values_are_written_into_the_sentences_that_type_them(
    book: Path, capsys: pytest.CaptureFixture
) -> None:
    index, second = book / "chapters" / "index.md", book / "chapters" / "alpha" / "second.ipynb"
    before = index.read_text(), second.read_text()
    index.write_text(before[0].replace("[12 of 40]", "[?]"))
    assert proofread(Places(book)) == 0
    assert index.read_text() == before[0]
    assert second.read_text() == before[1], "its run had other parameters: nothing of it can be judged"
    said = capsys.readouterr().out
    assert "chapters/index.md: [?](value:first-won) → [12 of 40](value:first-won)" in said
    assert "does not hold (and is not judged here): second-ahead: +3 [1, 5] <points>" in said


def test_nothing_is_written_from_a_chapter_that_was_edited_since(book: Path) -> None:
    index = book / "chapters" / "index.md"
    index.write_text(index.read_text().replace("[12 of 40]", "[?]"))
    before = index.read_text()
    edit(book, lambda notebook: notebook.cells[1].update(source="import math"))
    with pytest.raises(StageError, match=r"first.ipynb: code cell 1 is not the one that was executed"):
        proofread(Places(book))
    assert index.read_text() == before


def test_marks_that_nobody_computes_are_named(book: Path, capsys: pytest.CaptureFixture) -> None:
    index = book / "chapters" / "index.md"
    index.write_text(index.read_text() + "\nIt took [?](value:first-steps) [✓](holds:first-quick).\n")
    proofread(Places(book))
    assert "no chapter publishes: first-quick, first-steps" in capsys.readouterr().out
