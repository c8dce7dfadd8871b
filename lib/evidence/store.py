"""The run store and the results lock: a finished run is found again by all that it depends on.

A run is a pure function of its configuration. Its key is made of the configuration, the digest of the code that the
function reaches, the checksums of the data that it reads, and the torch version. Each finished run is one small
file in the store (`_build/runs/<sweep>/`), written atomically. The lock (`results/runs/<sweep>.jsonl`) holds the
rows behind the published book, one line a run, see `evidence.lock`.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from evidence import paths
from evidence.lock import check, line, read_file, sha, unpack
from evidence.origin import Origin, locked_origins, read_origin
from evidence.record import write_json

log = logging.getLogger(__name__)

FALLBACKS = ("torch.nn", "stepwise", "reference")
"""Kernels of torch, which a layer takes where the compiled ones are not available."""
DIGITS = {"metrics": 7, "curves": 4}
"""Significant digits to which the parts of a result are kept."""


@dataclass
class Store:
    """Rows of one sweep, from the results lock and from the run store.

    Args:
        name: name of the sweep.
        origins: what the run of a configuration must come from to count.

    `kinds` holds the kinds of processor, with their kernels, on which the rows of the lock were computed.
    """

    name: str
    origins: Callable[[Mapping[str, Any]], Origin]
    damaged: list[str] = field(default_factory=list)
    reasons: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.folder = folder_of(self.name)
        self.locked: dict[str, dict[str, Any]] = {}
        self.others: dict[str, str] = {}
        self.kinds: set[str] = set()
        self._read_lock(trusted=not os.environ.get("BOOK_FRESH"))

    def find(self, config: dict[str, Any]) -> dict[str, Any] | None:
        """Stored row of a configuration, or None; the reason of a miss is counted in `reasons`."""
        key = self.key(config)
        path = self.folder / f"{key}.json"
        row = self.locked.get(key)
        if (row is None or not of_this_path(row)) and path.is_file():
            row = self._checked(path, config) or row
        if row is not None and not of_this_path(row):
            self.reasons[f"stored run is of another kernel path ({row['recorded'].get('kernel')})"] += 1
            return None
        if row is None:
            self.reasons[self._why(config, path)] += 1
        return row

    def key(self, config: dict[str, Any]) -> str:
        """Key of a run: digest of its configuration, then of its origin."""
        return run_key(config, self.origins(config))

    @cached_property
    def _locked_origins(self) -> dict[str, Origin]:
        return locked_origins()

    def _read_lock(self, trusted: bool) -> None:
        path = paths.lock() / f"{self.name}.jsonl"
        if not path.is_file():
            return
        for number, row in enumerate(read_file(path), 1):
            if row and "recorded" in row:
                self.kinds.add(kind(row))
            if not trusted:
                continue
            if row is None:
                self._damaged(f"{path}:{number}")
                continue
            if "columns" in row:
                continue
            if not whole(row):
                self._damaged(f"{path}:{number}")
                continue
            config, _, origin = row["key"].partition("-")
            self.locked[row["key"]] = row
            self.others.setdefault(config, origin)

    def _checked(self, path: Path, config: dict[str, Any]) -> dict[str, Any] | None:
        """The row, or None with a line in the log that names it when it was truncated or altered."""
        row = unpack(path.read_text(encoding="utf-8", errors="replace"), None)
        if row is not None and row.get("key") == self.key(config) and whole(row):
            return row
        self._damaged(str(path))
        return None

    def _damaged(self, where: str) -> None:
        self.damaged.append(where)
        log.warning("stored run %s is truncated or altered: it is computed again", where)

    def _why(self, config: dict[str, Any], path: Path) -> str:
        if str(path) in self.damaged:
            return "stored row truncated or altered"
        digest = sha(config)[:16]
        if other := self._locked_origins.get(self.others.get(digest, "")):
            return self.origins(config).difference(other)
        for file in self.folder.glob(f"{digest}-*.json"):
            manifest = self.folder / f"origin-{file.stem.partition('-')[2]}.json"
            if file != path and (origin := read_origin(manifest)):
                return self.origins(config).difference(origin)
        if any(where.startswith(str(paths.lock())) for where in self.damaged):
            return "row missing from the lock, which has damaged lines"
        return "no stored run"


def whole(row: dict[str, Any]) -> bool:
    """Whether a row has all its parts, and the key that its own configuration gives it."""
    parts = all(isinstance(row.get(part), dict) for part in ("config", "metrics", "curves", "recorded"))
    return parts and str(row.get("key", "")).partition("-")[0] == sha(row["config"])[:16]


def asked_path() -> str:
    """The kernels asked for in `GATEDRNN_KERNELS`; `default` where nothing was asked.

    Raises:
        ValueError: something else was asked for than `torch`, which the layers would not heed.
    """
    asked = os.environ.get("GATEDRNN_KERNELS") or "default"
    if asked not in ("default", "torch"):
        raise ValueError(f"GATEDRNN_KERNELS = {asked!r} is not allowed: torch, or nothing")
    return asked


def folder_of(name: str) -> Path:
    """Folder of the finished runs of a sweep: those of kernels that were asked for lie apart, under the same keys."""
    folder = paths.store() / name
    return folder if asked_path() == "default" else folder / asked_path()


def of_this_path(row: dict[str, Any]) -> bool:
    """Whether a row was computed by the kernels that a run would use now.

    By default these are the compiled ones; those of torch count only where torch was asked for, or nothing compiles.
    """
    recorded = row["recorded"]
    if recorded.get("asked", "default") != asked_path():
        return False
    return asked_path() != "default" or recorded.get("kernel") not in FALLBACKS or not _compiles()


def kernels_here() -> str:
    """The kernels that a run would use here, in a word or two."""
    asked = asked_path()
    return asked if asked != "default" else "compiled" if _compiles() else "torch (no compiler)"


def _compiles() -> bool:
    return shutil.which(os.environ.get("CXX", "c++")) is not None


def kind(row: dict[str, Any]) -> str:
    """Kind of processor and kernel that a row was computed with: equal kinds give equal rows."""
    return f"{row['recorded'].get('machine')}, {row['recorded'].get('kernel') or 'no kernel'}"


def run_key(config: dict[str, Any], origin: Origin) -> str:
    """Key of a run: digest of its configuration, then of its origin."""
    return f"{sha(config)[:16]}-{origin.id}"


def write_run(
    name: str, origin: Origin, config: dict[str, Any], result: dict[str, Any], recorded: dict[str, Any]
) -> dict[str, Any]:
    """Keep a finished run of the sweep `name`: at once, whole or not at all. Returns its row, as it will be read again.

    Metrics are kept to 7 significant digits, about what single precision has, and curves to 4: they are drawn.

    Raises:
        TypeError: the configuration or the result holds something other than numbers, texts and lists of them.
    """
    folder = folder_of(name)
    key = run_key(config, origin)
    kept = {part: shortened(values, DIGITS[part]) for part, values in result.items()}
    row = json.loads(line({"key": key, "config": config, **kept, "recorded": recorded}))
    row["check"] = check(row)
    manifest = folder / f"origin-{origin.id}.json"
    if not manifest.is_file():
        write_json(manifest, vars(origin))
    temporary = folder / f".{key}.{os.getpid()}"
    temporary.write_text(line(row), encoding="utf-8")
    os.replace(temporary, folder / f"{key}.json")
    return row


def shortened(value: Any, digits: int) -> Any:
    """A value with its numbers to so many significant digits, as rows keep them."""
    if isinstance(value, dict):
        return {name: shortened(each, digits) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [shortened(each, digits) for each in value]
    return float(f"{value:.{digits}g}") if isinstance(value, float) else value
