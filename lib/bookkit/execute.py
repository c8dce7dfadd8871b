"""Execute one chapter: papermill in a process of its own, to a temporary place, promoted only when it succeeds."""

from __future__ import annotations

import copy
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, TextIO

import yaml

from bookkit import fingerprint, lifeline
from bookkit.failures import failure
from bookkit.places import Places, read_json, swap_in
from bookkit.toc import Chapter, tags
from evidence.record import write_json

Listener = Callable[[dict[str, Any]], None]
RECORD, STAMP = "chapter.json", "fingerprint.json"


class Tail:
    """Lines of a file that others are writing; the end of a line may come later than its beginning."""

    def __init__(self, file: TextIO) -> None:
        self.file, self.begun = file, ""

    def lines(self) -> Iterator[str]:
        """Lines that have come since the last time, each whole."""
        for part in self.file:
            self.begun += part
            if self.begun.endswith("\n"):
                line, self.begun = self.begun, ""
                yield line


def execute(
    chapter: Chapter,
    values: Mapping[str, Any],
    places: Places,
    inputs: Mapping[str, Any],
    *,
    fresh: bool = False,
    store: Path | None = None,
    listen: Listener = lambda event: None,
) -> dict[str, Any]:
    """Run a chapter and put its result in place of the one before.

    Args:
        chapter: the chapter.
        values: parameters to inject, checked before.
        places: folders of the build.
        inputs: fingerprint of the chapter, kept beside the result.
        fresh: do not read the results lock.
        store: keep finished runs here until the chapter is done; by default in the run store itself.
        listen: called with each progress event of a sweep.

    Returns:
        The chapter's record (`chapter.json`).

    Raises:
        Failure: a cell raised an error; the result before stays.
    """
    output = places.work / chapter.name
    shutil.rmtree(output, ignore_errors=True)
    output.mkdir(parents=True)
    started = time.perf_counter()
    code = _papermill(chapter, values, places, output, fresh, store or places.runs, listen)
    notebook = output / "notebook.ipynb"
    if code != 0:
        raise failure(chapter, places, output, code)
    content = scrub(json.loads(notebook.read_text(encoding="utf-8")), places.root)
    write_json(notebook, content)
    record = read_record(output)
    record.setdefault("seconds", round(time.perf_counter() - started, 2))
    for leftover in ("progress.jsonl", "parameters.yml", "papermill.log", "source.ipynb"):
        (output / leftover).unlink(missing_ok=True)
    stamp(output, inputs, places, record, fresh)
    if store:
        _move_runs(store, places.runs)
    swap_in(output, places.executed / chapter.name)
    return record


def scrub(notebook: dict[str, Any], root: Path) -> dict[str, Any]:
    """Drop what differs from run to run or tells of this machine's folders; hide the injected cell."""
    notebook = copy.deepcopy(notebook)
    notebook["metadata"].pop("papermill", None)
    for cell in notebook["cells"]:
        cell["metadata"].pop("papermill", None)
        cell["metadata"].pop("execution", None)
        if "injected-parameters" in tags(cell):
            cell["metadata"]["tags"] = sorted({*tags(cell), "remove-cell"})
        if "outputs" in cell:
            cell["outputs"] = _without_paths(cell["outputs"], root)
    return notebook


def stamp(
    folder: Path, inputs: Mapping[str, Any], places: Places, record: Mapping[str, Any], fresh: bool = False
) -> None:
    """Keep beside a result what it depends on, whether it was free to use the results lock, and what its files hold."""
    lock = fingerprint.lock_digests(places, [sweep["name"] for sweep in record.get("sweeps", [])])
    content = {"inputs": dict(inputs), "lock": lock, "fresh": fresh, "files": digests(folder)}
    write_json(folder / STAMP, {**content, "check": _check(content)})


def read_record(folder: Path) -> dict[str, Any]:
    """`chapter.json` of a folder; empty where it is missing."""
    return read_json(folder / RECORD)


def read_stamp(folder: Path) -> dict[str, Any]:
    """`fingerprint.json` of a folder; empty where it is missing or broken."""
    found = read_json(folder / STAMP)
    return found if found.get("check") == _check(found) else {}


def damaged(folder: Path) -> str | None:
    """The first file of an executed chapter that is not as its stamp says, in words; None when all are, or none was made."""
    if not folder.is_dir():
        return None
    stored = read_stamp(folder)
    before, now = stored.get("files"), digests(folder)
    if before is None:
        return f"its result was damaged: {STAMP}"
    names = sorted(name for name in {*before, *now} if before.get(name) != now.get(name))
    return f"its result was damaged: {names[0]}" if names else None


def is_whole(folder: Path) -> bool:
    """Whether a chapter was executed, and its result is as it was then."""
    return folder.is_dir() and not damaged(folder)


def digests(folder: Path) -> dict[str, str]:
    """Digests of the files of a result (not its stamp), by name; hidden ones are not ours."""
    paths = {path.relative_to(folder): path for path in sorted(folder.rglob("*")) if path.is_file()}
    kept = {name: path for name, path in paths.items() if not any(part.startswith(".") for part in name.parts)}
    return {name.as_posix(): fingerprint.file_digest(path) for name, path in kept.items() if name.name != STAMP}


def _check(content: Mapping[str, Any]) -> str:
    parts = {name: part for name, part in content.items() if name != "check"}
    return fingerprint.sha(json.dumps(parts, sort_keys=True))


def _move_runs(source: Path, target: Path) -> None:
    """Move finished runs from one store into another."""
    for path in sorted(source.rglob("*.json")):
        place = target / path.relative_to(source)
        place.parent.mkdir(parents=True, exist_ok=True)
        os.replace(path, place)
    shutil.rmtree(source, ignore_errors=True)


def _papermill(
    chapter: Chapter,
    values: Mapping[str, Any],
    places: Places,
    output: Path,
    fresh: bool,
    store: Path,
    listen: Listener,
) -> int:
    source, parameters = output / "source.ipynb", output / "parameters.yml"
    source.write_text(json.dumps(chapter.notebook), encoding="utf-8")  # as it was read, whoever edits it meanwhile
    parameters.write_text(yaml.safe_dump(dict(values)), encoding="utf-8")
    events = output / "progress.jsonl"
    events.touch()
    save = "last" if places.quick else "each"  # of a quick chapter at most seconds of work are lost
    command = [sys.executable, "-m", "bookkit.notebook", str(source), str(chapter.path.parent)]
    command += [str(output / "notebook.ipynb"), str(parameters), save]
    environment = {key: value for key, value in os.environ.items() if key not in ("BOOK_FRESH", "BOOK_CORES")}
    environment |= {
        "BOOK_OUTPUT": str(output),
        "BOOK_PROGRESS": str(events),
        "BOOK_EXECUTED": str(places.executed),
        "BOOK_STORE": str(store),
        "BOOK_LOCK": str(places.lock),
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",
    }
    if fresh:
        environment["BOOK_FRESH"] = "1"
    if places.quick:  # others run beside it: one core each
        environment = {"BOOK_WORKERS": "1", "OMP_NUM_THREADS": "1"} | environment
    else:
        environment["BOOK_CORES"] = str(places.base / "cores")
    with open(output / "papermill.log", "w", encoding="utf-8") as log, open(events, encoding="utf-8") as file:
        progress = Tail(file)
        with lifeline.started(
            command, stdout=log, stderr=subprocess.STDOUT, env=environment, cwd=places.root
        ) as process:
            while True:
                over = process.poll() is not None
                for line in progress.lines():
                    listen(json.loads(line))
                if over:
                    return process.returncode
                time.sleep(0.1)


def _without_paths(value: Any, root: Path) -> Any:
    if isinstance(value, str):
        value = value.replace(f"{root}/", "")
        return re.sub(r"/tmp/ipykernel_\d+/\d+\.py", "<cell>", value)
    if isinstance(value, list):
        return [_without_paths(each, root) for each in value]
    if isinstance(value, dict):
        return {key: _without_paths(each, root) for key, each in value.items()}
    return value
