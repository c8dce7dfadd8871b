"""A chapter that stopped with an error: in which cell, at which line, and what the error says."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bookkit.places import Places, read_json
from bookkit.toc import Chapter


@dataclass(frozen=True)
class Failure(Exception):
    """A chapter that stopped with an error: where, at which line, and what the error says."""

    chapter: str
    notebook: str
    cell: int | None
    line: int | None
    source: str
    error: str
    partial: str

    def __str__(self) -> str:
        cell = f", cell {self.cell}" if self.cell else ""
        line = f", line {self.line}" if self.line else ""
        text = f"{self.notebook}{cell}{line}"
        if self.source:
            text += f"\n    {self.source}"
        return f"{text}\n{self.error}\nPartial notebook: {self.partial}"


def broken(chapter: Chapter, places: Places, error: Exception) -> Failure:
    """A chapter that stopped because of an error outside its notebook."""
    name = os.path.relpath(chapter.path, places.root)
    return Failure(chapter.name, name, None, None, "", " ".join(f"{type(error).__name__}: {error}".split()), "none")


def failure(chapter: Chapter, places: Places, output: Path, code: int) -> Failure:
    """What a chapter's process left behind: the partial notebook in `output`, or a log and its exit status `code`."""
    partial = output / "notebook.ipynb"
    relative = os.path.relpath(partial, places.root)
    name = os.path.relpath(chapter.path, places.root)
    found = _failed_cell(partial)
    if found is None:
        log = (output / "papermill.log").read_text(encoding="utf-8", errors="replace").strip().splitlines()
        error = log[-1] if log else f"papermill ended with status {code} and said nothing"
        if code > 128:
            error = f"the notebook's process was ended from outside or ran out of memory (status {code})"
        elif code < 0:
            name_of_signal = signal.Signals(-code).name
            error = f"the process that watches over the notebook was ended from outside ({name_of_signal})"
        log_name = os.path.relpath(output / "papermill.log", places.root)
        kept = relative if partial.is_file() else f"none; log in {log_name}"
        return Failure(chapter.name, name, None, None, "", error, kept)
    cell, error_output = found
    number, line = _place(chapter, cell, error_output)
    lines = cell["source"].splitlines()
    source = lines[line - 1].strip() if line and line <= len(lines) else ""
    value = str(error_output.get("evalue", "")).strip().splitlines() or [""]
    return Failure(chapter.name, name, number, line, source, f"{error_output.get('ename')}: {value[0]}", relative)


def _failed_cell(partial: Path) -> tuple[dict[str, Any], dict[str, Any]] | None:
    for cell in read_json(partial).get("cells", []):
        cell["source"] = "".join(cell["source"])
        for output in cell.get("outputs", []):
            if output["output_type"] == "error":
                return cell, output
        if cell.get("metadata", {}).get("papermill", {}).get("exception"):
            return cell, {"ename": "Error", "evalue": "the cell failed without saying why"}
    return None


def _place(chapter: Chapter, cell: Mapping[str, Any], error: Mapping[str, Any]) -> tuple[int | None, int | None]:
    """Number of the cell in the source notebook, counted from 1 over all cells, and the line in it."""
    trace = re.sub(r"\x1b\[[0-9;]*m", "", "\n".join(error.get("traceback", [])))
    count = cell.get("execution_count")
    marks = re.findall(rf"Cell In\[{count}\], line (\d+)", trace) or re.findall(r"^-+> (\d+) ", trace, flags=re.M)
    if not marks and error.get("ename") == "SyntaxError":
        marks = re.findall(r", line (\d+)", trace)
    line = int(marks[0]) if marks else None
    cells = chapter.notebook["cells"]
    same = [number for number, own in enumerate(cells, 1) if own["source"] == cell["source"] and "outputs" in own]
    return (same[0] if same else None), line
