"""Waiting, and finding the processes of a build."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path


def wait(condition: Callable[[], bool], seconds: float = 30) -> None:
    """Wait until something is so."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.05)


def processes_with(text: str) -> dict[int, str]:
    """Processes other than this one whose command line or environment names `text`, with their command lines."""
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            line, environment = ((folder / name).read_bytes() for name in ("cmdline", "environ"))
        except OSError:
            continue
        if text.encode() in line + environment and int(folder.name) != os.getpid():
            found[int(folder.name)] = line.decode(errors="replace")
    return found
