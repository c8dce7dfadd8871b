"""What an executed chapter depends on, and why it must run again.

Code cells, tags, parameters, the code of the library that they reach, its data files, package versions and the
results lock count. Prose does not.
"""

from __future__ import annotations

import ast
import hashlib
import importlib.metadata
import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bookkit.environment import name_of, requirements
from bookkit.places import Places
from bookkit.toc import Chapter, tags

FORMAT = 1
Reach = Callable[[str], dict[str, str]]


def reach(source: str) -> dict[str, str]:
    """Digests of all code of the library that a notebook's code reaches, by symbol."""
    from evidence.digest import reached_by_source

    digest = reached_by_source(source)
    return {**digest.code, **{f"{module} data": value for module, value in digest.data.items()}}


@dataclass(frozen=True)
class Surroundings:
    """What all chapters share: computed once for a build."""

    packages: dict[str, str]
    files: str
    upstream: dict[str, str]

    @classmethod
    def of(cls, places: Places) -> Surroundings:
        """Read the installed versions and the library's data files."""
        data = [
            path for path in (places.root / "lib").rglob("*") if path.suffix in DATA and "bookkit" not in path.parts
        ]
        upstream = {
            path.parent.relative_to(places.executed).as_posix(): file_digest(path)
            for path in sorted(places.executed.glob("**/chapter.json"))
        }
        return cls(_versions(places.root), files_digest(data), upstream)


DATA = {".toml", ".csv", ".json", ".mplstyle", ".cpp", ".h"}


def take(
    chapter: Chapter, values: Mapping[str, Any], places: Places, around: Surroundings, reached: Reach = reach
) -> dict[str, Any]:
    """Fingerprint of a chapter as it stands, apart from the results lock."""
    code = [[cell["source"], sorted(tags(cell))] for cell in chapter.code_cells]
    settings = {key: value for key, value in chapter.settings.items() if key != "kind"}
    last = chapter.kind == "last"
    return {
        "format": FORMAT,
        "cells": sha(json.dumps([code, settings, chapter.kind])),
        "parameters": dict(values),
        "quick": places.quick,
        "code": reached(_python(cell["source"] for cell in chapter.code_cells)),
        "files": around.files,
        "packages": around.packages,
        "upstream": {key: value for key, value in around.upstream.items() if last and key != chapter.name},
    }


def lock_digests(places: Places, sweeps: Iterable[str]) -> dict[str, str]:
    """Digest of the results lock of each sweep; empty where there is none."""
    return {name: file_digest(places.lock / f"{name}.jsonl") for name in sorted(set(sweeps))}


def why(stored: Mapping[str, Any], now: Mapping[str, Any], places: Places) -> str | None:
    """Why a chapter must run again, in a few words; None when it need not.

    Args:
        stored: fingerprint kept beside the executed chapter.
        now: its fingerprint as it stands.
        places: where the results lock lies.
    """
    past = stored.get("inputs", {})
    words = {
        "format": "the machinery changed",
        "cells": "a code cell changed",
        "quick": "quick and published differ",
        "files": "a data file of the library changed",
        "upstream": "another chapter changed",
    }
    for key in now:
        if past.get(key) == now[key]:
            continue
        if key in words:
            return words[key]
        before, after = past.get(key, {}), now[key]
        names = sorted(name for name in {*before, *after} if before.get(name) != after.get(name))
        label = {"code": "code changed", "parameters": "parameters changed", "packages": "packages changed"}[key]
        more = f" and {len(names) - 3} more" if len(names) > 3 else ""
        return f"{label}: {', '.join(name.removeprefix('gatedrnn.') for name in names[:3])}{more}"
    lock = stored.get("lock", {})
    if changed := [name for name, digest in lock_digests(places, lock).items() if lock[name] != digest]:
        return f"results lock changed: {', '.join(changed)}"
    return None


def sha(data: bytes | str) -> str:
    """Short digest."""
    return hashlib.sha256(data.encode() if isinstance(data, str) else data).hexdigest()[:16]


def files_digest(paths: Iterable[Path]) -> str:
    """One digest over the contents of files."""
    return sha("\n".join(file_digest(path) for path in sorted(paths)))


def file_digest(path: Path) -> str:
    """Digest of a file; empty where there is none."""
    return sha(path.read_bytes()) if path.is_file() else ""


def _python(sources: Iterable[str]) -> str:
    """Code cells as one script; magics and cells that do not parse are left out (their text counts anyway)."""
    kept = []
    for source in sources:
        text = re.sub(r"^\s*[%!].*$", "", source, flags=re.M)
        try:
            ast.parse(text)
        except SyntaxError:
            continue
        kept.append(text)
    return "\n".join(kept)


def _versions(root: Path) -> dict[str, str]:
    if not (root / "pyproject.toml").is_file():
        return {}
    versions = {}
    for name in map(name_of, requirements(root, ("book",))):
        try:
            versions[name] = importlib.metadata.version(name).partition("+")[0]
        except importlib.metadata.PackageNotFoundError:
            versions[name] = "not installed"
    return versions
