"""The chapters of the book: what `_toc.yml` names and what a notebook says of itself."""

from __future__ import annotations

import ast
import difflib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

from bookkit.errors import BookError

KINDS = ("light", "sweep", "timing", "last")


@dataclass(frozen=True)
class Chapter:
    """A notebook of the book.

    Args:
        name: path below `chapters/` without ending, such as `memory/recall`.
        path: the notebook.
        quick_path: its quick parameters (YAML); the file may be missing.
    """

    name: str
    path: Path
    quick_path: Path

    @cached_property
    def notebook(self) -> dict[str, Any]:
        """The notebook, as JSON."""
        try:
            notebook = json.loads(self.path.read_text(encoding="utf-8"))
        except (ValueError, RecursionError) as error:
            raise BookError(f"{self.path}: not a notebook: {error}") from None
        cells = notebook.get("cells") if isinstance(notebook, dict) else None
        if not isinstance(cells, list) or not all(isinstance(cell, dict) and "source" in cell for cell in cells):
            raise BookError(f"{self.path}: not a notebook: it has no list of cells")
        for cell in cells:
            if isinstance(cell["source"], list):
                cell["source"] = "".join(cell["source"])
        return notebook

    @property
    def code_cells(self) -> list[dict[str, Any]]:
        """Code cells, in order."""
        return [cell for cell in self.notebook["cells"] if cell["cell_type"] == "code"]

    @property
    def settings(self) -> dict[str, Any]:
        """What the notebook's metadata says to this machinery."""
        return self.notebook.get("metadata", {}).get("book", {})

    @property
    def kind(self) -> str:
        """How it runs: beside others, one after another on all cores, alone, or last."""
        kind = self.settings.get("kind", "light")
        if kind not in KINDS:
            raise BookError(f"{self.path}: metadata book.kind = {kind!r}; allowed: {', '.join(KINDS)}")
        return kind

    @property
    def parameters_source(self) -> str:
        """Text of the cell tagged `parameters`; empty without one."""
        return "\n".join(cell["source"] for cell in self.code_cells if "parameters" in tags(cell))

    def quick_values(self) -> dict[str, Any]:
        """Quick parameters; none when the chapter has no file of them."""
        if not self.quick_path.is_file():
            return {}
        values = _read_yaml(self.quick_path)
        if values is None:  # nothing but comments
            return {}
        if not isinstance(values, dict):
            raise BookError(f"{self.quick_path}: it must hold 'name: value' lines")
        return values

    def values(self, overrides: Mapping[str, Any], quick: bool) -> dict[str, Any]:
        """Parameters to inject, checked against the `parameters` cell.

        Raises:
            BookError: an unknown name or a value that is not allowed.
        """
        from evidence.parameters import ParameterError, check, read

        given = {**(self.quick_values() if quick else {}), **overrides}
        where = str(self.quick_path) if quick and not overrides else f"chapter {self.name}"
        try:
            declared = read(self.parameters_source)
            check(declared, given)
        except ParameterError as error:
            raise BookError(f"{where}: {error}") from None
        except SyntaxError as error:
            raise BookError(f"{self.path}: parameters cell, line {error.lineno}: {error.msg}") from None
        return given


def chapters(root: Path) -> list[Chapter]:
    """Notebooks that `_toc.yml` names, in its order.

    Raises:
        BookError: no table of contents, or it names a file that is not there.
    """
    toc = root / "_toc.yml"
    if not toc.is_file():
        raise BookError(f"{toc}: not found")
    found = []
    for name in _files(_read_yaml(toc)):
        path = root / name
        notebook = path if path.suffix == ".ipynb" else path.with_name(path.name + ".ipynb")
        if notebook.is_file():
            short = notebook.relative_to(root / "chapters").with_suffix("").as_posix()
            found.append(Chapter(short, notebook, root / "chapters" / "quick" / f"{short}.yml"))
        elif not path.with_name(path.name + ".md").is_file() and not path.is_file():
            raise BookError(f"{toc}: names {name}, which is neither a notebook nor a page")
    return found


def select(found: Sequence[Chapter], name: str) -> Chapter:
    """The chapter of that name; `recall` is enough for `memory/recall` when no other ends so.

    Raises:
        BookError: no such chapter; the message lists the known ones.
    """
    short = name.removeprefix("chapters/").removesuffix(".ipynb").strip("/")
    matches = [each for each in found if short in (each.name, each.name.rpartition("/")[2])]
    if len(matches) == 1:
        return matches[0]
    names = [each.name for each in found]
    full = {key: each for each in names for key in (each, each.rpartition("/")[2])}
    near = difflib.get_close_matches(short, full, n=1)
    hint = f" (did you mean {full[near[0]]}?)" if near else ""
    said = f"no chapter {name!r}{hint}" if short else "no chapter was named"
    raise BookError(f"{said}; known: {', '.join(names) or 'none'}")


def tags(cell: Mapping[str, Any]) -> list[str]:
    """Tags of a cell."""
    return cell.get("metadata", {}).get("tags", [])


def parse_overrides(pairs: Sequence[tuple[str, str]]) -> dict[str, Any]:
    """Values of `-p name value` options: Python literals, or else text."""
    values: dict[str, Any] = {}
    for name, text in pairs:
        try:
            values[name] = ast.literal_eval(text)
        except (ValueError, SyntaxError):
            values[name] = text
    return values


def _read_yaml(path: Path) -> Any:
    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise BookError(f"{path}: not YAML: {' '.join(str(error).split())}") from None


def _files(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if "root" in node:
            yield node["root"]
        if "file" in node:
            yield node["file"]
        for value in node.values():
            yield from _files(value)
    elif isinstance(node, list):
        for value in node:
            yield from _files(value)
