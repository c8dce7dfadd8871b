"""Where a result comes from: commit, machine, versions."""

from __future__ import annotations

import os
import platform
import subprocess
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from evidence import paths

PACKAGES = ("torch", "numpy", "scipy", "pandas", "matplotlib", "papermill", "jupyter-book")


@cache
def commit() -> tuple[str | None, bool]:
    """Commit of the project and whether tracked files differ from it; `(None, False)` outside git."""
    if override := os.environ.get("BOOK_COMMIT"):
        return override, False
    head = _git("rev-parse", "--short=10", "HEAD")
    return (head or None), bool(head and _git("status", "--porcelain", "--untracked-files=no"))


@cache
def machine() -> dict[str, Any]:
    """What the results were computed on: processor, its kind, cores, system.

    `kind` is equal on two machines whose floating-point results can be expected to agree to the last bit.
    """
    info = _cpuinfo()
    kind = "-".join(info.get(key, "?") for key in ("vendor_id", "cpu family", "model", "stepping"))
    flags = set(info.get("flags", info.get("Features", "")).split())
    widest = next((flag for flag in ("avx512f", "avx2", "asimd", "avx") if flag in flags), "plain")
    return {
        "cpu": info.get("model name") or platform.processor() or platform.machine(),
        "kind": f"{kind} {widest}",
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "system": f"{platform.system()} {platform.machine()}",
        "capability": widest,
    }


@cache
def versions() -> dict[str, str]:
    """Versions of Python and of the packages that results depend on."""
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def _git(*arguments: str) -> str:
    command = ["git", "-C", str(paths.root()), *arguments]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""


def _cpuinfo() -> dict[str, str]:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            first = file.read().split("\n\n")[0]
    except OSError:
        return {}
    pairs = (line.split(":", 1) for line in first.splitlines() if ":" in line)
    return {key.strip(): value.strip() for key, value in pairs}
