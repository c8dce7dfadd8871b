"""Carry: rows keep their value through a change of code that was not meant to change numbers, where that can be shown.

A stratified sample of the runs is computed with the code of a commit and with that of today, side by side on this machine.
Where all results agree to the last bit, and every line that changed was executed by the sample, the rows take the key of
today, with a note. Otherwise nothing is carried, and it is said why.
"""

from __future__ import annotations

import ast
import difflib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import CodeType
from typing import Any

from evidence import paths
from evidence.audit import cost
from evidence.lock import check, read_file
from evidence.locking import locked_rows, write_lock
from evidence.origin import Origin, locked_origins
from evidence.store import of_this_path, run_key, whole
from evidence.symbols import defined

SAMPLE = 3
"""Runs of each group (one function, one origin) that are computed: the two cheapest, and the dearest of moderate cost."""
MODERATE = 60.0
"""Core-seconds up to which a run is of moderate cost."""
Row = dict[str, Any]


@dataclass
class Group:
    """Locked rows of one origin that the code of today would give another."""

    function: str
    old: Origin
    new: Origin
    rows: list[tuple[str, Row]] = field(default_factory=list)
    """Sweep and row."""

    def sample(self) -> list[Row]:
        """The runs that stand for the group."""
        rows = sorted((row for _, row in self.rows), key=cost)
        moderate = [row for row in rows if cost(row) <= MODERATE]
        return [*rows[: SAMPLE - 1], *moderate[SAMPLE - 1 :][-1:]]


class Refused(ValueError):
    """Nothing is carried. The message says why, in one line."""


def groups() -> list[Group]:
    """Locked rows that the code of today has no key for, by function and origin, where their old origin is known."""
    before = locked_origins()
    found: dict[tuple[str, str, str], Group] = {}
    for sweep, row, new in locked_rows():
        if whole(row) and of_this_path(row):
            function, id = row["recorded"]["function"], row["key"].partition("-")[2]
            if new.id != id and id in before:
                group = found.setdefault((function, id, new.id), Group(function, before[id], new))
                group.rows.append((sweep, row))
    return list(found.values())


def carry(since: str) -> dict[str, int]:
    """Carry the rows of the lock over the changes since a commit.

    Args:
        since: the commit whose code made them.

    Returns:
        How many rows of each sweep took the key of today.

    Raises:
        Refused: nothing to carry, an unknown commit, a result that differs, or a changed line that was not executed.
    """
    found = groups()
    if not found:
        raise Refused("nothing to carry: the code of today has the keys of all locked rows")
    with _Worktree(since) as old:
        _same_data(found)
        sample = [(group, row["config"]) for group in found for row in group.sample()]
        tasks = [(group.function, config) for group, config in sample]
        before, after = _compute(tasks, old / "lib"), _compute(tasks, paths.root() / "lib")
        made = [group.old.id for group, _ in sample]
        if others := sum(one != other for one, other in zip(before["origins"], made, strict=True)):
            raise Refused(f"nothing is carried: {others} of {len(made)} runs were not made by the code of {since}")
        for (function, config), one, other in zip(tasks, before["results"], after["results"], strict=True):
            if one != other:
                raise Refused(f"nothing is carried: {function}{config} differs: {_first(one, other)}")
        for group in found:
            if missed := next(_unexecuted(group, old / "lib", before["lines"], after["lines"]), None):
                raise Refused(f"nothing is carried: the sample did not execute {missed}")
    return _rewrite(found, since)


def _rewrite(found: Iterable[Group], since: str) -> dict[str, int]:
    moved: dict[str, dict[str, Row]] = {}
    functions = {}
    for group in found:
        for sweep, row in group.rows:
            row = json.loads(json.dumps(row))
            old, row["key"] = row["key"], run_key(row["config"], group.new)
            row["recorded"]["carried"] = since
            row["check"] = check(row)
            moved.setdefault(sweep, {})[old] = row
            functions[sweep] = group.function
    for sweep, rows in moved.items():
        locked = read_file(paths.lock() / f"{sweep}.jsonl")
        kept = [rows.get(row["key"], row) for row in locked if row and "config" in row]
        write_lock(sweep, functions[sweep], kept)
    return {sweep: len(rows) for sweep, rows in moved.items()}


class _Worktree:
    """A checkout of a commit in a folder of its own, for as long as it is needed."""

    def __init__(self, commit: str) -> None:
        self.commit, self.folder = commit, tempfile.TemporaryDirectory()
        self.path = Path(self.folder.name) / "then"

    def __enter__(self) -> Path:
        command = ["git", "-C", str(paths.root()), "worktree", "add", "--detach", str(self.path), self.commit]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            self.folder.cleanup()
            said = " ".join(done.stderr.split())
            raise Refused(f"SINCE = {self.commit!r} is not allowed: a commit of this repository ({said})")
        return self.path

    def __exit__(self, *_: object) -> None:
        command = ["git", "-C", str(paths.root()), "worktree", "remove", "--force", str(self.path)]
        subprocess.run(command, capture_output=True)
        self.folder.cleanup()


def _same_data(found: Iterable[Group]) -> None:
    for group in found:
        if (group.old.data, group.old.torch) != (group.new.data, group.new.torch):
            raise Refused(f"nothing is carried: {group.new.difference(group.old)}")
        changed = set(group.old.code.items()) ^ set(group.new.code.items())
        if cpp := sorted({key for key, _ in changed if "." in key.partition(":")[2].partition("[")[0]}):
            raise Refused(f"nothing is carried: which lines of {cpp[0]} the sample executed cannot be seen")


def _compute(tasks: list[tuple[str, dict[str, Any]]], library: Path) -> dict[str, Any]:
    """Results and executed lines of runs, by the code of a library, in a process of its own."""
    program = Path(__file__).with_name("traced.py").read_text(encoding="utf-8")
    with tempfile.TemporaryDirectory() as folder:
        given, out = Path(folder) / "tasks.json", Path(folder) / "out.json"
        given.write_text(json.dumps(tasks), encoding="utf-8")
        environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join([str(library), str(Path(__file__).parents[1])]),
            "BOOK_DATA": str(paths.data()),
            "GATEDRNN_CACHE": os.environ.get("GATEDRNN_CACHE") or str(paths.build() / "kernels"),
        }
        command = [sys.executable, "-c", program, str(given), str(out), str(library)]
        done = subprocess.run(command, env=environment, cwd=folder, capture_output=True, text=True)
        if done.returncode:
            lines = done.stderr.strip().splitlines()
            raise Refused(f"nothing is carried: a run failed with the code in {library}: {lines[-1] if lines else '?'}")
        return json.loads(out.read_text(encoding="utf-8"))


def _first(one: str, other: str) -> str:
    before, after = json.loads(one), json.loads(other)
    for name in sorted({*before, *after}):
        if before.get(name) != after.get(name):
            return f"{name} = {str(before.get(name))[:40]} then, {str(after.get(name))[:40]} now"
    return "nothing"


def _unexecuted(group: Group, then: Path, ran_then: Mapping, ran_now: Mapping) -> Iterator[str]:
    """Changed lines of the code that a group reaches, then and now, that its sample did not execute."""
    sides = (
        (group.old, group.new, then, ran_then, "then"),
        (group.new, group.old, paths.root() / "lib", ran_now, "now"),
    )
    for mine, other, library, ran, when in sides:
        elsewhere = {digest for key, digest in other.code.items() if mine.code.get(key) != digest}  # moved, as it is
        changed = [
            key for key, digest in mine.code.items() if other.code.get(key) != digest and digest not in elsewhere
        ]
        for key in changed:
            module, _, name = key.partition(":")
            file = _file(library, module)
            twin = _file(paths.root() / "lib" if when == "then" else then, module)
            lines = _changed(file, twin) & _span(file, name.partition("[")[0]) & _executable(file)
            missed = lines - set(ran.get(file.relative_to(library).as_posix(), ()))
            if missed:
                yield f"line {min(missed)} of {file.relative_to(library)} ({when})"


def _file(library: Path, module: str) -> Path:
    path = library / Path(*module.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def _changed(file: Path, twin: Path) -> set[int]:
    """Numbers of the lines of a file that are not in its twin."""
    mine = file.read_text(encoding="utf-8").splitlines()
    other = twin.read_text(encoding="utf-8").splitlines() if twin.is_file() else []
    blocks = difflib.SequenceMatcher(None, other, mine, autojunk=False).get_opcodes()
    return {number + 1 for tag, _, _, first, last in blocks if tag != "equal" for number in range(first, last)}


def _span(file: Path, name: str) -> set[int]:
    """Numbers of the lines of a top-level symbol; of a loose statement those of all of them."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    found: set[int] = set()
    for node in tree.body:
        names = defined(node)
        if name in names or (name.startswith("<") and not names):
            first = min([node.lineno, *(each.lineno for each in getattr(node, "decorator_list", []))])
            found |= set(range(first, (node.end_lineno or first) + 1))
    return found


def _executable(file: Path) -> set[int]:
    """Numbers of the lines that a tracer can see."""

    def lines(code: CodeType) -> Iterator[int]:
        yield from (line for *_, line in code.co_lines() if line)
        for each in code.co_consts:
            if isinstance(each, CodeType):
                yield from lines(each)

    return set(lines(compile(file.read_text(encoding="utf-8"), str(file), "exec")))
