"""A running chapter: checks its parameters and keeps a record of what it computed.

`begin` is called in the cell after the `parameters` cell. From then on sweeps, figures, values, checks and verdicts are
written to `chapter.json`, at every event and atomically, so that an interrupted chapter leaves a true record.
"""

from __future__ import annotations

import json
import logging
import os
import re
import sys
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from evidence import cores, injected, paths, provenance
from evidence.format import told
from evidence.parameters import check

TYPED = re.compile(r"(?:[^\[\]\n]|\[[^\[\]\n]*\])+")
"""A text as a mark of the prose can hold it."""
RAW = re.compile(r"[{\[(](?:'|\"|\[|\(|\w+\()|\b(?:np|pd)\.|\b\w+\(\w+=|dtype:|\n")
"""What betrays a value of Python where words for a reader were meant."""


class Record:
    """What one chapter has done so far; see `begin`."""

    def __init__(self, name: str, published: dict[str, Any], values: dict[str, Any]) -> None:
        self.started = time.perf_counter()
        self.folder = paths.output(name)
        head, dirty = provenance.commit()
        self.record: dict[str, Any] = {
            "chapter": name,
            "parameters": values,
            "published_parameters": published,
            "published": values == published,
            "sweeps": [],
            "figures": [],
            "values": {},
            "checks": {},
            "verdicts": [],
            "comparisons": [],
            "foreign": [],
            "seconds": 0.0,
            "commit": head,
            "dirty": dirty,
            "date": datetime.now(UTC).isoformat(timespec="seconds"),
            "machine": provenance.machine(),
            "versions": provenance.versions(),
        }
        self.save()

    @property
    def command(self) -> str:
        """The papermill command that runs this chapter again with these parameters."""
        return injected.command(self.record["chapter"], self.record["parameters"])

    def save(self) -> None:
        """Write `chapter.json`, whole or not at all."""
        self.record["seconds"] = round(time.perf_counter() - self.started, 2)
        write_json(self.folder / "chapter.json", self.record)

    def add(self, kind: str, entry: Any, key: str | None = None) -> None:
        """Append `entry` to the list `kind`; an entry with the same `key` value is replaced."""
        entries = self.record[kind]
        if key is not None:
            entries[:] = [old for old in entries if old[key] != entry[key]]
        elif entry in entries:
            return
        entries.append(entry)
        self.save()


_current: Record | None = None


def current() -> Record | None:
    """The chapter that runs in this process, or None outside a chapter."""
    return _current


def begin(name: str, namespace: dict[str, Any] | None = None, history: list[str] | None = None) -> None:
    """Start the record of a chapter and check its parameters.

    Args:
        name: path of the notebook below `chapters/`, without its ending, such as `architecture/ablation`.
        namespace: variables of the notebook; the notebook's own by default.
        history: sources of the cells run so far; the notebook's own by default.

    Raises:
        ParameterError: a parameter injected by papermill is unknown, or a value is not allowed.
        RuntimeError: outside a notebook, without namespace and history.
    """
    global _current
    shown = namespace is None or history is None
    if namespace is None or history is None:
        if not injected.watch(shell := _shell()):
            raise RuntimeError("record.begin() runs inside a notebook; elsewhere pass namespace and history")
        namespace, history = shell.user_ns, list(shell.user_ns.get("In", []))
    declared = injected.declared(history)
    unknown = {name: None for name in injected.names(history) if name not in declared}
    values = check(declared, {**unknown, **{name: namespace[name] for name in declared if name in namespace}})
    hear_notes()
    cores.take()  # while the build runs other chapters beside this one
    namespace.update(values)
    _current = Record(name, {key: parameter.value for key, parameter in declared.items()}, values)
    from evidence import figures

    figures.use_style()
    if shown and not _current.record["published"]:
        _say_what_differs(_current.record["published_parameters"], values)


def value(id: str, text: Any, *, measured: bool = False) -> None:
    """Publish a text that the prose types as `[text](value:id)`: the build checks that the two agree.

    Args:
        id: kebab-case, unique in the book: `<chapter>-<thing>`.
        text: as the prose types it: a formatted number, or a few words.
        measured: whether it rests on timings, which differ from build to build: it is shown and never compared.

    Raises:
        ValueError: a bad id, one used before in this chapter for something else, or a text that no mark can hold.
    """
    shown = str(text)
    if not shown.strip() or not TYPED.fullmatch(shown):
        allowed = (
            "at least one character, on one line, and brackets in pairs that hold no others: it stands in brackets"
        )
        raise ValueError(f"value {id!r}: text = {text!r} is not allowed: {allowed}")
    _keep("values", id, {"text": shown, "measured": measured})


def holds(id: str, condition: Any, *, shown: Any, measured: bool = False, symmetric: bool = False) -> None:
    """Check a statement that the prose marks as `[✓](holds:id)`.

    Args:
        id: kebab-case, unique in the book.
        condition: whether the statement holds.
        shown: what it rests on: words, a number, an interval, or a mapping of such by their names; the mark opens to it.
        measured: whether it rests on timings: it is marked where it fails, and fails no build.
        symmetric: whether the statement is the same with LSTM and GRU exchanged; every other check must fail then.

    Raises:
        ValueError: a bad id, one used before in this chapter for something else, nothing shown, or no words.
        TypeError: the condition is no single truth value.
    """
    if not isinstance(condition, bool) and type(condition).__name__ != "bool":
        raise TypeError(f"check {id!r}: condition = {condition!r} is not allowed: True or False")
    text = told(shown)
    if not text.strip():
        raise ValueError(f"check {id!r}: shown = {shown!r} is not allowed: what the statement rests on")
    if raw := RAW.search(text):
        raise ValueError(
            f"check {id!r}: shown holds {raw[0]!r}, which a reader cannot read: words and numbers, or a mapping"
        )
    entry = {"holds": bool(condition), "shown": text, "measured": measured, "symmetric": symmetric}
    _keep("checks", id, entry)


def comparable(record: Mapping[str, Any]) -> bool:
    """Whether typed texts can be judged by a run: published parameters, rows of the lock or of its kind of processor.

    Args:
        record: of a chapter (`chapter.json`).
    """
    foreign = record.get("foreign") or any(sweep.get("foreign") for sweep in record.get("sweeps", []))
    return bool(record.get("published", True)) and not foreign


def summary() -> Any:
    """Every value and statement of the running chapter beside the published ones, for the end of a notebook.

    Raises:
        ValueError: the committed summary is no JSON.
    """
    from evidence.summary import Summary

    if _current is None:
        return None
    path = paths.root() / "results" / "summaries" / f"{_current.record['chapter'].replace('/', '-')}.json"
    return Summary(_current.record, read_json(path) if path.is_file() else {})


def _keep(kind: str, id: str, entry: dict[str, Any]) -> None:
    if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", id):
        raise ValueError(f"id = {id!r} is not allowed: kebab-case, such as 'recall-gru-ahead'")
    if _current is not None:
        known = _current.record[kind].setdefault(id, entry)
        if known != entry:
            raise ValueError(f"id {id!r} is used twice in this chapter, for {known} and for {entry}")
        _current.save()


def progress(event: dict[str, Any]) -> None:
    """Tell whoever runs the book how far a sweep has come (`BOOK_PROGRESS`, JSON lines)."""
    if path := os.environ.get("BOOK_PROGRESS"):
        with open(path, "a", encoding="utf-8") as file:
            file.write(json.dumps(event) + "\n")


class _Notes(logging.Handler):
    """Hands what the cells' library has to say to whoever builds the book."""

    def emit(self, record: logging.LogRecord) -> None:
        progress({"event": "note", "text": record.getMessage()})


def hear_notes() -> None:
    """While a book is built, show the warnings of `gatedrnn` (kernels compiled, or none) in its progress."""
    library = logging.getLogger("gatedrnn")
    if "BOOK_PROGRESS" in os.environ and not any(isinstance(each, _Notes) for each in library.handlers):
        library.addHandler(_Notes())
        library.propagate = False


def read_json(path: Path) -> dict[str, Any]:
    """What a chapter left behind, its record or its summary.

    Raises:
        ValueError: the file is no JSON.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path}: not the record of a chapter: {error}") from None


def write_json(path: Path, value: Any) -> None:
    """Write JSON whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.write_text(json.dumps(value, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    os.replace(temporary, path)


def _say_what_differs(published: dict[str, Any], values: dict[str, Any]) -> None:
    """Mark a notebook that runs with other values; the pages of the book have a mark of their own."""
    from IPython.display import Markdown, display

    changed = [f"`{name} = {value!r}` (published: `{published[name]!r}`)" for name, value in values.items()]
    changed = [text for text, name in zip(changed, values, strict=True) if values[name] != published[name]]
    display(Markdown(f"**Not the published parameters:** {', '.join(changed)}"))


def _shell() -> Any:
    """The notebook's own IPython; None elsewhere, where nothing has loaded it."""
    return sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None


_watched = injected.watch(_shell())
"""Whether this process is a notebook: papermill's cell, which stands before `begin`, is looked at before it runs.

An assignment, as a bare call would count as code of each run whose module loads this one.
"""
