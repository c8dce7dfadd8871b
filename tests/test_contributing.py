"""CONTRIBUTING.md is followed to the letter: it adds a chapter to a scratch copy and builds it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

PROJECT = Path(__file__).resolve().parents[1]
GUIDE = (PROJECT / "CONTRIBUTING.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.M | re.S)


def follow(root: Path) -> None:
    """Write what the page names into a copy of the project."""
    for name, _, text in re.findall(
        r"^`((?:lib|tests|chapters)/[\w/]+\.(?:py|yml))`\n\n```(\w+)\n(.*?)^```$", GUIDE, re.M | re.S
    ):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    (entry,) = re.findall(r"^`_toc\.yml`, in the part \*Memory\*:\n\n```yaml\n(.*?)^```$", GUIDE, re.M | re.S)
    toc = (root / "_toc.yml").read_text(encoding="utf-8")
    (root / "_toc.yml").write_text(toc.replace("  - caption: Performance\n", f"{entry}  - caption: Performance\n"))
    _, name, rest = re.split(r"^`(chapters/[\w/]+\.ipynb)`", GUIDE, flags=re.M)
    cells = []
    for number, (kind, text) in enumerate(BLOCK.findall(rest.partition("\nThen:\n")[0])):
        if kind == "markdown":
            cells.append(new_markdown_cell(text.strip(), id=f"cell-{number}"))
            continue
        tags, _, source = text.partition("\n")
        metadata = {"tags": tags.removeprefix("# tags: ").split(", ")}
        cells.append(new_code_cell(source.strip(), id=f"cell-{number}", metadata=metadata))
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    nbformat.write(new_notebook(cells=cells, metadata={**kernel, "book": {"kind": "light"}}), root / name)


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory, built_book: Path) -> Path:
    """The project as git knows it, with the chapter of the page, and the other chapters executed."""
    root = tmp_path_factory.mktemp("contributed")
    command = ["git", "ls-files", "-co", "--exclude-standard"]
    listed = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=True)
    for name in listed.stdout.splitlines():
        if (PROJECT / name).is_file():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(PROJECT / name, root / name)
    shutil.copytree(built_book / "executed", root / "_build" / "quick" / "executed")
    follow(root)
    return root


def ask(root: Path, *command: str) -> str:
    """Run a command in the copy, with the copy's own code; returns what it printed."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("BOOK_")}
    environment["PYTHONPATH"] = str(root / "lib")
    done = subprocess.run([sys.executable, *command], cwd=root, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_chapter_of_the_page_is_built_and_passes_the_books_own_tests(copy: Path) -> None:
    said = ask(copy, "-m", "bookkit", "chapter", "memory/loudness", "--quick")
    assert "site built" in said
    page = (copy / "_build" / "quick" / "html" / "chapters" / "memory" / "loudness.html").read_text(encoding="utf-8")
    assert 'class="book-check"' in page and "loudness-seeds.svg" in page and "[?]" not in page
    tests = [
        "tests/experiments/test_loudness.py",
        "tests/test_sentences.py",
        "tests/test_notebooks.py",
        "tests/test_references.py",
    ]
    ask(copy, "-m", "pytest", "-q", "-p", "no:cacheprovider", *[each for each in tests if (copy / each).is_file()])


def test_the_chapter_of_the_page_keeps_style_and_contracts(copy: Path) -> None:
    ask(copy, "-m", "ruff", "check", "lib", "chapters", "tests")
    ask(copy, "-m", "ruff", "format", "--check", "lib", "tests")
    ask(copy, "-c", "from importlinter.cli import lint_imports_command; lint_imports_command()")
