"""Where a run comes from: the code that it reaches, the data that it reads, and the version of torch."""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import json
import sys
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from evidence import paths
from evidence.digest import named, reached, short
from evidence.lock import sha
from evidence.record import write_json
from evidence.symbols import CPP, Symbol, load

LOADED = time.time()
"""When this process began to load the book's code, in seconds since 1970."""
_loaded: dict[str, dict[str, str]] = {}
"""Digests of the symbols of each module as this process first met it."""


@dataclass(frozen=True)
class Origin:
    """All that the result of a run depends on beside its configuration."""

    function: str
    code: dict[str, str]
    data: dict[str, str]
    torch: str

    @classmethod
    def of(cls, function: Callable, texts: Collection[str] | None = None) -> Origin:
        """Origin of runs of `function`, as the code stands on disk; with the `texts` of a configuration only what they name."""
        digest = reached(function, texts=texts)
        code, data = dict(sorted(digest.code.items())), dict(sorted(digest.data.items()))  # equal ones are equal files
        return cls(f"{function.__module__}:{function.__qualname__}", code, data, _torch_version())

    @property
    def id(self) -> str:
        """Short digest of the origin."""
        return sha(vars(self))[:12]

    def difference(self, other: Origin) -> str:
        """Why runs of `other` do not count for this origin, in a few words."""
        changed = [key for key in sorted({*self.code, *other.code}) if self.code.get(key) != other.code.get(key)]
        if changed:
            more = f" and {len(changed) - 3} more" if len(changed) > 3 else ""
            return "code changed: " + ", ".join(short(key) for key in changed[:3]) + more
        if self.data != other.data:
            names = sorted({*self.data, *other.data})
            return "data changed: " + ", ".join(
                short(name) for name in names if self.data.get(name) != other.data.get(name)
            )
        return f"torch {other.torch} → {self.torch}"


def resolve(function: str) -> Callable:
    """The run function that `module:name` names."""
    module, _, name = function.partition(":")
    return getattr(importlib.import_module(module), name)


class Origins:
    """The origin of each run of a function, by its configuration, as the code stands on disk.

    Of cells and their kernels, and of all else that stands in tables of `Choices`, a run depends on what its
    configuration names: a new cell changes no origin of the others.

    Args:
        function: of the runs.

    Raises:
        ValueError: not a top-level function of a module: what it would do cannot be told from its text alone.
    """

    def __init__(self, function: Callable) -> None:
        name, module = getattr(function, "__qualname__", ""), getattr(function, "__module__", "__main__")
        if not name.isidentifier() or module == "__main__":
            raise ValueError(f"run = {name or function!r} is not allowed: a top-level function of a module")
        self.function = function
        self.tables = reached(function).tables.values()
        self.known: dict[frozenset[str], Origin] = {}

    def __call__(self, config: Mapping[str, Any]) -> Origin:
        """Origin of the run with this configuration."""
        texts = frozenset(text for text in _texts(config) if any(named(text, table) for table in self.tables))
        if texts not in self.known:
            self.known[texts] = Origin.of(self.function, texts)
        return self.known[texts]


def _texts(value: Any) -> Iterator[str]:
    """All texts within a configuration."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from _texts(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _texts(each)


def changed_since_loaded(origin: Origin) -> list[str]:
    """Symbols of an origin whose code on disk is not the code that this process has loaded.

    Modules are looked at when this is called first; a run by the older code in memory must not be stored as one of
    the newer code on disk.
    """
    changed = []
    for key, digest in origin.code.items():
        module, _, name = key.partition(":")
        if module in sys.modules and module not in _loaded:
            _loaded[module] = dict(_digests(load(module).symbols))
        if module in _loaded and "." not in name and _loaded[module].get(name) != digest:  # with a dot: a C++ source
            changed.append(key)
    return sorted(changed)


def changed_since_loading(origin: Origin) -> str | None:
    """The first module or C++ source of an origin whose file was written after this process began to load the book's code.

    For a process that lives long and computes for others: what it has in memory may be older than what it reads here.
    """
    keys = (key if Path(key).suffix in CPP else key.partition(":")[0] for key in origin.code)
    return next((each for each in sorted({*keys}) if _file(each).stat().st_ctime > LOADED), None)


@cache
def _file(key: str) -> Path:
    """File of a module, or of a C++ source given as `module:path`."""
    module, _, inner = key.partition(":")
    spec = importlib.util.find_spec(module)
    if spec is None or not spec.origin:
        raise ModuleNotFoundError(f"module {module!r} not found")
    return Path(spec.origin).parent / inner if inner else Path(spec.origin)


def _digests(symbols: Mapping[str, Symbol]) -> Iterator[tuple[str, str]]:
    for name, symbol in symbols.items():
        yield name, symbol.digest
        yield from ((f"{name}[{each}]", entry.digest) for each, entry in symbol.entries.items())


def locked_origins() -> dict[str, Origin]:
    """The origins of the rows in the locks, by short digest; broken files are left out."""
    found: dict[str, Origin] = {}
    for file in sorted(_folder().glob("*.json")):
        with contextlib.suppress(OSError, ValueError, TypeError, KeyError):
            kept = json.loads(file.read_text(encoding="utf-8"))
            for id, own in kept["origins"].items():
                code, data = ({**kept["shared"][part], **own[part]} for part in ("code", "data"))
                found[id] = Origin(kept["function"], code, data, own["torch"])
    return found


def lock_origins(origins: Mapping[str, Origin]) -> None:
    """Keep origins beside the locks, one file a function, what all origins of a function share said once.

    Args:
        origins: all of them, by short digest; what else was kept is removed.
    """
    by_function: dict[str, dict[str, Origin]] = {}
    for id, origin in sorted(origins.items()):
        by_function.setdefault(origin.function, {})[id] = origin
    files = {f"{function.replace(':', '.')}.json": group for function, group in by_function.items()}
    for name, group in files.items():
        shared = {
            part: dict(sorted(set.intersection(*(set(getattr(each, part).items()) for each in group.values()))))
            for part in ("code", "data")
        }
        own = {
            id: {
                **{part: dict(sorted(getattr(each, part).items() - shared[part].items())) for part in shared},
                "torch": each.torch,
            }
            for id, each in group.items()
        }
        write_json(
            _folder() / name, {"function": next(iter(group.values())).function, "shared": shared, "origins": own}
        )
    for file in _folder().glob("*.json"):
        if file.name not in files:
            file.unlink()


def _folder() -> Path:
    return paths.lock() / "origins"


def read_origin(manifest: Path) -> Origin | None:
    """The origin that a file of the store holds; None where it is missing or broken."""
    try:
        return Origin(**json.loads(manifest.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def _torch_version() -> str:
    return version("torch").partition("+")[0]
