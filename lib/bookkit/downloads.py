"""The notebook behind a page's download button: executed, its marks as plain text, its figures inside."""

from __future__ import annotations

import re
from typing import Any

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell

from bookkit.prose import Statements
from bookkit.sphinx_ext.records import ChapterRecord
from evidence.injected import command

FIGURE = "application/vnd.book.figure+json"
ROLE = re.compile(r"\{(?P<role>[\w:-]+)\}`(?P<text>[^`]*)`")
TARGET = re.compile(r"^\([\w-]+\)=\n", re.M)
HEAD = """*An executed copy of the chapter `{name}`{changed}. To run it again, from the root of the project:*

```
make set-up
.venv/bin/{command}
```"""


def executed_copy(
    notebook: NotebookNode, outputs: list[list[NotebookNode]], record: ChapterRecord, statements: Statements
) -> NotebookNode:
    """A notebook to keep and to read anywhere; with other parameters than the published ones it says so and holds them.

    Args:
        notebook: the source. outputs: of its code cells, in order.
        record: of the executed chapter. statements: what the marks stand for.
    """
    changed = record.changed
    words = ", with other than the published parameters" if changed else ""
    head = HEAD.format(name=record.chapter, changed=words, command=command(record.chapter, changed))
    cells = [new_markdown_cell(head, id="how-to-run-it")]
    waiting = iter(outputs)
    for cell in notebook.cells:
        copy = nbformat.from_dict({**cell, "metadata": {"tags": tags} if (tags := cell.metadata.get("tags")) else {}})
        if cell.cell_type == "markdown":
            copy.source = _roles(statements.plain(TARGET.sub("", cell.source)))
        elif cell.cell_type == "code":
            copy.outputs = [shown for output in next(waiting) if (shown := _shown(output)) is not None]
        cells.append(copy)
        if changed and "parameters" in cell.metadata.get("tags", []):
            lines = [f"{name} = {value!r}" for name, value in changed.items()]
            tagged = {"tags": ["injected-parameters"]}
            cells.append(new_code_cell("\n".join(["# Parameters", *lines]), id="other-parameters", metadata=tagged))
    metadata = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    return nbformat.from_dict(
        {
            "nbformat": 4,
            "nbformat_minor": 5,
            "cells": cells,
            "metadata": {**metadata, "language_info": {"name": "python"}},
        }
    )


def _shown(output: NotebookNode) -> NotebookNode | None:
    """An output without what only the site can read; None where nothing is left."""
    data: dict[str, Any] = dict(output.get("data", {}))
    if output.output_type == "stream" and output.name == "stderr":
        return None
    if FIGURE in data:
        data.pop(FIGURE)
    return nbformat.from_dict({**output, "data": data} if data else dict(output))


def _roles(text: str) -> str:
    """MyST roles as the words that they show."""

    def words(match: re.Match[str]) -> str:
        role, inner = match["role"], match["text"]
        titled = re.fullmatch(r"(.*?)\s*<[^<>]+>", inner, re.S)
        if role in ("ref", "doc"):
            return titled[1] if titled else inner
        return f"[{inner}]" if role.startswith("cite") else inner

    return ROLE.sub(words, text)
