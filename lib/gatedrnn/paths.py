"""Where the book lies on disk: the project root, the run store and the results lock."""

from __future__ import annotations

import os
from pathlib import Path


def root() -> Path:
    """Folder of the project: the nearest parent of this package that holds `_toc.yml`.

    Returns the current folder when the package was installed away from the book.
    """
    for parent in Path(__file__).resolve().parents:
        if (parent / "_toc.yml").is_file():
            return parent
    return Path.cwd()


def store() -> Path:
    """Folder of the run store; `BOOK_STORE` overrides it."""
    return Path(os.environ.get("BOOK_STORE") or root() / "_build" / "runs")


def lock() -> Path:
    """Folder of the results lock (committed); `BOOK_LOCK` overrides it."""
    return Path(os.environ.get("BOOK_LOCK") or root() / "results" / "runs")


def data() -> Path:
    """Folder in which generated data sets are kept."""
    return root() / "_build" / "data"


def output() -> Path:
    """Folder into which a running chapter writes; `BOOK_OUTPUT` overrides the current folder."""
    return Path(os.environ.get("BOOK_OUTPUT") or Path.cwd())
