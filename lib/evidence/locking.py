"""The results lock as it is written: finished runs of today's code, in parts, beside those that it holds already."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from evidence import paths
from evidence.lock import pack, read_file, unpack
from evidence.origin import Origin, Origins, lock_origins, locked_origins, resolve
from evidence.store import folder_of, of_this_path, run_key, whole


def write_lock(name: str, function: Callable | str, rows: Iterable[dict[str, Any]]) -> Path:
    """Write the rows of a sweep as its results lock, sorted, one line a run.

    Args:
        name: name of the sweep.
        function: the run function, or its `module:name`.
        rows: stored rows.

    Raises:
        ValueError: a row comes from other code than that on disk.
    """
    rows = list(rows)
    origins = Origins(resolve(function) if isinstance(function, str) else function)
    others = sum(row["key"] != run_key(row["config"], origins(row["config"])) for row in rows)
    if others:
        raise ValueError(f"sweep {name!r}: {others} of {len(rows)} runs come from other code than that on disk now")
    path = paths.lock() / f"{name}.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}")
    temporary.write_text("".join(pack(rows)), encoding="utf-8")
    os.replace(temporary, path)
    used, kept = {each.id: each for each in origins.known.values()}, locked_origins()
    if used.keys() - kept.keys():
        lock_origins({**kept, **used})
    return path


def locked_rows() -> Iterator[tuple[str, dict[str, Any], Origin]]:
    """Every legible row of all locks: its sweep, itself, and the origin that its run would have by the code of today."""
    origins: dict[str, Origins] = {}
    for file in sorted(paths.lock().glob("*.jsonl")):
        for row in read_file(file):
            if row and "config" in row:
                function = row["recorded"]["function"]
                if function not in origins:
                    origins[function] = Origins(resolve(function))
                yield file.stem, row, origins[function](row["config"])


def prune_origins() -> None:
    """Keep only those origins beside the locks that a locked row has."""
    ids = {row["id"] for file in paths.lock().glob("*.jsonl") for row in read_file(file) if row and "columns" in row}
    lock_origins({id: each for id, each in locked_origins().items() if id in ids})


def lock_sweep(name: str, keys: Iterable[str], fresh: bool = False, prune: bool = False) -> Path:
    """Write the lock of a sweep from the runs that a chapter used, given by their keys, beside those that it holds already.

    Args:
        name: name of the sweep.
        keys: of the runs.
        fresh: whether the chapter read no lock: then the stored run is the one it used, else the locked one.
        prune: whether to let go of what the chapter does not use; runs of other code go at any rate.

    Raises:
        ValueError: there are no keys, or a run is neither in the store nor in the present lock.
    """
    keys = sorted(set(keys))
    if not keys:
        raise ValueError(f"sweep {name!r}: no runs to lock")
    kept = [row for row in (_stored(name) if fresh else reversed([*_stored(name)])) if of_this_path(row)]
    rows = {row["key"]: row for row in kept}
    missing = [key for key in keys if key not in rows]
    if missing:
        raise ValueError(f"sweep {name!r}: {len(missing)} of {len(keys)} runs are not stored, such as {missing[0]}")
    function = next(iter(rows[key]["recorded"]["function"] for key in keys))
    beside = {} if prune else {row["key"]: row for row in _valid(function, _locked(name))}
    return write_lock(name, function, [*{**beside, **{key: rows[key] for key in keys}}.values()])


def lock_finished(name: str) -> int:
    """Put all finished runs of a sweep into its lock, also those that no chapter uses yet; returns how many it holds then.

    Raises:
        ValueError: the store has no run of this sweep that the code of today could have made.
    """
    rows: dict[str, dict[str, dict[str, Any]]] = {}
    for row in _stored(name):
        if of_this_path(row):
            rows.setdefault(row["recorded"]["function"], {}).setdefault(row["key"], row)
    found = {row["key"]: row for function, each in rows.items() for row in _valid(function, each.values())}
    if not found:
        raise ValueError(f"sweep {name!r}: no finished run of the code of today")
    write_lock(name, next(iter(found.values()))["recorded"]["function"], found.values())
    return len(found)


def still_valid(name: str) -> bool:
    """Whether the lock of a sweep holds a run that the code of today could have made."""
    rows = [*_locked(name)]
    return any(True for function in {row["recorded"]["function"] for row in rows} for _ in _valid(function, rows))


def _valid(function: str, rows: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Those rows of a function that the code of today could have made."""
    try:
        origins = Origins(resolve(function))
    except (ImportError, AttributeError):
        return
    for row in rows:
        if row["recorded"]["function"] == function and row["key"] == run_key(row["config"], origins(row["config"])):
            yield row


def _locked(name: str) -> Iterator[dict[str, Any]]:
    """Sound rows of a sweep's lock."""
    path = paths.lock() / f"{name}.jsonl"
    if path.is_file():
        yield from (row for row in read_file(path) if row and "key" in row and whole(row))


def _stored(name: str) -> Iterator[dict[str, Any]]:
    """Rows of a sweep: those of the lock, then those of the store."""
    yield from _locked(name)
    for file in sorted(folder_of(name).glob("[0-9a-f]*-*.json")):
        row = unpack(file.read_text(encoding="utf-8", errors="replace"), None)
        if row is not None and row.get("key") == file.stem and whole(row):
            yield row
