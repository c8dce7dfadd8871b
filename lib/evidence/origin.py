"""Where a run comes from: the code that it reaches, the data that it reads, and the version of torch."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from evidence import paths
from evidence.digest import reached, short
from evidence.lock import sha
from evidence.symbols import load

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
    def of(cls, function: Callable) -> Origin:
        """Origin of runs of `function`, as the code stands on disk.

        Raises:
            ValueError: not a top-level function of a module: what it would do cannot be told from its text alone.
        """
        name, module = getattr(function, "__qualname__", ""), getattr(function, "__module__", "__main__")
        if not name.isidentifier() or module == "__main__":
            raise ValueError(f"run = {name or function!r} is not allowed: a top-level function of a module")
        digest = reached(function)
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


def changed_since_loaded(origin: Origin) -> list[str]:
    """Symbols of an origin whose code on disk is not the code that this process has loaded.

    Modules are looked at when this is called first; a run by the older code in memory must not be stored as one of
    the newer code on disk.
    """
    changed = []
    for key, digest in origin.code.items():
        module, _, name = key.partition(":")
        if module in sys.modules and module not in _loaded:
            _loaded[module] = {each: symbol.digest for each, symbol in load(module).symbols.items()}
        if module in _loaded and "." not in name and _loaded[module].get(name) != digest:  # with a dot: a C++ source
            changed.append(key)
    return sorted(changed)


def locked_origin(id: str) -> Path:
    """File beside the locks that holds an origin, given by its short digest."""
    return paths.lock() / "origins" / f"{id}.json"


def read_origin(manifest: Path) -> Origin | None:
    """The origin that a file holds; None where it is missing or broken."""
    try:
        return Origin(**json.loads(manifest.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def _torch_version() -> str:
    return version("torch").partition("+")[0]
