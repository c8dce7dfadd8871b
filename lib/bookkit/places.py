"""Folders of a build: the published one in `_build/`, the quick one in `_build/quick/`."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bookkit.errors import BookError


@dataclass(frozen=True)
class Places:
    """Where one kind of build reads and writes.

    Args:
        root: folder of the project.
        quick: build with quick parameters, apart from the published site.
        build: folder of everything that is built; `<root>/_build` by default.
    """

    root: Path
    quick: bool = False
    build: Path | None = None

    @property
    def base(self) -> Path:
        """Folder of this build."""
        build = self.build or self.root / "_build"
        return build / "quick" if self.quick else build

    @property
    def executed(self) -> Path:
        """Executed chapters."""
        return self.base / "executed"

    @property
    def work(self) -> Path:
        """Chapters that are running, and partial notebooks of those that failed."""
        return self.base / "work"

    @property
    def stage(self) -> Path:
        """Source tree for Sphinx."""
        return self.base / "stage"

    @property
    def site(self) -> Path:
        """The built site."""
        return self.base / "html"

    @property
    def runs(self) -> Path:
        """Run store."""
        return self.base / "runs"

    @property
    def fresh_runs(self) -> Path:
        """Runs of chapters that are computed again, each in a store of its own until the chapter is done."""
        return self.base / "fresh"

    @property
    def fresh_marker(self) -> Path:
        """Exists while a fresh build is under way."""
        return self.base / "fresh.json"

    @property
    def tasks(self) -> Path:
        """Database of the task runner."""
        return self.base / "tasks.json"

    @property
    def lock(self) -> Path:
        """Results lock."""
        return self.root / "results" / "runs"

    @property
    def summaries(self) -> Path:
        """Committed summaries of the published chapters."""
        return self.root / "results" / "summaries"

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Keep a second build out of these folders.

        Raises:
            BookError: another build is running in them.
        """
        self.base.mkdir(parents=True, exist_ok=True)
        with open(self.base / "building", "a+", encoding="utf-8") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                file.seek(0)
                raise BookError(f"another build is running here (process {file.read().strip() or '?'})") from None
            file.truncate(0)
            file.write(str(os.getpid()))
            file.flush()
            yield


def remove(folder: Path) -> None:
    """Delete a folder, if it is there; one that cannot be deleted is an error."""
    if folder.exists():
        shutil.rmtree(folder)


def swap_in(new: Path, old: Path) -> None:
    """Put a finished folder in the place of another; a kill in between loses the old one, never mixes the two."""
    aside = new.with_name(f"{new.name}.old")
    shutil.rmtree(aside, ignore_errors=True)
    old.parent.mkdir(parents=True, exist_ok=True)
    if old.exists():
        os.replace(old, aside)
    os.replace(new, old)
    shutil.rmtree(aside, ignore_errors=True)


def read_json(path: Path) -> dict[str, Any]:
    """A file that holds a JSON object; empty where it is missing or broken."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}
