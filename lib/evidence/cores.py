"""The cores of this machine, shared out among the processes of one build.

A chapter computes its sweeps on all cores, but draws its figures on one. So the book runs two such chapters side by
side, and whoever computes holds a core: a worker during its run, a notebook unless it waits for workers. Then no
more processes compute than there are cores, and none lies idle. A core is a locked file in the folder `BOOK_CORES`;
the system takes the lock back when a process ends, however it ends. Without `BOOK_CORES` nothing is shared, and all
of this does nothing.
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import BinaryIO

PAUSE = 0.004
"""Seconds between two looks for a free core."""

_held: BinaryIO | None = None
_all = False


def take() -> None:
    """Wait for a core and hold it until `give`, or until this process ends; no more than one."""
    global _held
    files = _files(os.environ.get("BOOK_CORES"))
    while files and _held is None and not _all:
        _held = next((file for file in random.sample(files, len(files)) if _locked(file)), None)
        if _held is None:
            time.sleep(PAUSE)


def give() -> None:
    """Give back the core that this process holds, if any."""
    global _held
    if _held is not None:
        _unlock(_held)
        _held = None


@contextmanager
def hold() -> Iterator[None]:
    """Hold a core for a while; a process that has one already goes on with it."""
    mine = _held is None
    take()
    try:
        yield
    finally:
        if mine:
            give()


@contextmanager
def lend() -> Iterator[None]:
    """Leave this process's core to others for a while, as when it waits for workers."""
    mine = _held is not None
    give()
    try:
        yield
    finally:
        if mine:
            take()


@contextmanager
def alone() -> Iterator[None]:
    """Hold all cores for a while, so that nothing else of the build runs while time is taken."""
    global _all
    if _all:
        yield
        return
    with lend():
        files = _files(os.environ.get("BOOK_CORES"))
        for file in files:  # in the same order everywhere: two that want all never wait for each other
            _lock(file)
        _all = True
        try:
            yield
        finally:
            _all = False
            for file in files:
                _unlock(file)


@cache
def _files(folder: str | None) -> list[BinaryIO]:
    if not folder:
        return []
    Path(folder).mkdir(parents=True, exist_ok=True)
    return [open(Path(folder, str(number)), "ab") for number in range(_count())]


def _count() -> int:
    import joblib  # slow to import, and not needed where nothing is shared

    return joblib.cpu_count()


def _locked(file: BinaryIO) -> bool:
    import fcntl  # not on every system; a build of the book has it

    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _lock(file: BinaryIO) -> None:
    import fcntl

    fcntl.flock(file, fcntl.LOCK_EX)


def _unlock(file: BinaryIO) -> None:
    import fcntl

    fcntl.flock(file, fcntl.LOCK_UN)
