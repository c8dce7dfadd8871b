"""Where the book lies on disk: the project root, and the folders for runs, data and what a notebook makes.

Each folder has an environment variable that puts it elsewhere. Where the checkout cannot be written to, what is made
goes to the user's cache folder.
"""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs


def root() -> Path:
    """Folder of the project: the nearest parent of this package that holds `_toc.yml`.

    Returns the current folder when the package was installed away from the book.
    """
    for parent in Path(__file__).resolve().parents:
        if (parent / "_toc.yml").is_file():
            return parent
    return Path.cwd()


def build() -> Path:
    """Folder of everything that is made: `_build` of the project, or the user's cache where that is read-only."""
    here = root() / "_build"
    nearest = next(each for each in (here, *here.parents) if each.is_dir())
    return here if os.access(nearest, os.W_OK) else platformdirs.user_cache_path("lstm-vs-gru-book")


def store() -> Path:
    """Folder of the run store; `BOOK_STORE` overrides it."""
    return Path(os.environ.get("BOOK_STORE") or build() / "runs")


def lock() -> Path:
    """Folder of the results lock (committed); `BOOK_LOCK` overrides it."""
    return Path(os.environ.get("BOOK_LOCK") or root() / "results" / "runs")


def data() -> Path:
    """Folder in which generated data sets are kept; `BOOK_DATA` overrides it."""
    return Path(os.environ.get("BOOK_DATA") or build() / "data")


def output(chapter: str = "") -> Path:
    """Folder into which a running chapter writes; `BOOK_OUTPUT` overrides it.

    By default the current folder, but inside the project a folder of the chapter's own in `_build/by-hand`, so that
    nothing is left among the sources.
    """
    if chosen := os.environ.get("BOOK_OUTPUT"):
        return Path(chosen)
    here, project = Path.cwd(), root()
    inside = (project / "_toc.yml").is_file() and project in (here, *here.parents)
    return build() / "by-hand" / chapter if inside else here
