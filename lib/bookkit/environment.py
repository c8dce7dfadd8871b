"""The environment: `.venv`, `constraints.txt` and `environment.yml`, all from `pyproject.toml`.

Only the standard library is used here: this runs before anything is installed.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

from bookkit.errors import BookError

EXTRAS = ("book", "test", "lint")
STAMP = "installed"
MARKER = "installing"
CPU_INDEX = "https://download.pytorch.org/whl/cpu"
HEAVY = (
    "torch._dynamo",
    "onnxruntime",
    "statsmodels.stats.weightstats",
    "seaborn",
    "papermill.cli",
    "ipykernel.kernelapp",
    "jupyter_book.sphinx",
)
"""Loaded once at the end of a set-up: Python compiles what is used, far less than pip would, and keeps it."""


def requirements(root: Path, extras: tuple[str, ...] = EXTRAS) -> list[str]:
    """Requirements of `pyproject.toml`, as written there; of a package named twice that of the extra, which pins it."""
    project = _project(root)["project"]
    wanted = [project["dependencies"], *(project["optional-dependencies"][extra] for extra in extras)]
    return list({normalised(name_of(each)): each for part in wanted for each in part}.values())


def citation_requirements(root: Path) -> list[str]:
    """What checks CITATION.cff; it cannot live beside the rest, since it needs an old jsonschema."""
    return _project(root)["dependency-groups"]["citation"]


def set_up(root: Path) -> None:
    """Create `.venv` and install everything in it, unless that was done for these very files.

    A set-up that was killed leaves a marker behind, and the next one starts from an empty folder.

    Raises:
        BookError: the wrong Python, or an installation that failed.
    """
    check_python()
    venv, digest = root / ".venv", _digest(root)
    stamp, marker = venv / STAMP, venv / MARKER
    if stamp.is_file() and stamp.read_text(encoding="utf-8") == digest:
        stamp.touch()
        return
    started = time.monotonic()
    print("Setting up .venv (about 2 minutes, once) ...", flush=True)
    if marker.is_file():
        shutil.rmtree(venv)
    python = venv / "bin" / "python"
    if not _works(python):
        _run([sys.executable, "-m", "venv", "--clear", str(venv)], "creating .venv (Debian: install python3.11-venv)")
    marker.touch()
    wanted = venv / "requirements.txt"
    wanted.write_text("\n".join([*requirements(root), *_project(root)["build-system"]["requires"]]) + "\n")
    pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input", "--no-compile"]
    _run([*pip, "-c", str(root / "constraints.txt"), "-r", str(wanted)], "installing the packages")
    _run([*pip, "--no-deps", "--no-build-isolation", "-e", str(root)], "installing the book's own code")
    _run([str(python), "-c", f"import {', '.join(HEAVY)}"], "loading the packages for the first time")
    stamp.write_text(digest, encoding="utf-8")
    marker.unlink()
    print(f"Set-up done in {time.monotonic() - started:.0f} s.", flush=True)


def check_python() -> None:
    """Refuse a Python that the pinned packages were not chosen for.

    Raises:
        BookError: this Python is not 3.11.
    """
    if sys.version_info[:2] != (3, 11):
        raise BookError(f"this book needs Python 3.11; this is {sys.version.split()[0]} ({sys.executable})")


def set_up_citation(root: Path) -> Path:
    """The small environment with cffconvert, made when it is missing; returns its folder."""
    venv = root / ".venv" / "citation"
    python, stamp = venv / "bin" / "python", venv / STAMP
    wanted = citation_requirements(root)
    if not stamp.is_file() or stamp.read_text(encoding="utf-8") != "\n".join(wanted):
        _run([sys.executable, "-m", "venv", "--clear", str(venv)], "creating .venv/citation")
        _run([str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *wanted], "cffconvert")
        stamp.write_text("\n".join(wanted), encoding="utf-8")
    return venv


def lock(root: Path) -> Path:
    """Write `constraints.txt`: every package installed in `.venv`, with its version."""
    command = [str(root / ".venv" / "bin" / "python"), "-m", "pip", "freeze", "--exclude-editable"]
    result = subprocess.run(command, capture_output=True, text=True)
    if result.returncode:
        raise BookError("no .venv to read versions from: 'make book' sets it up")
    pinned = [line.partition("+")[0] for line in result.stdout.splitlines() if "==" in line]
    path = root / "constraints.txt"
    head = "# Every package of the book's environment, with its version. Written by 'make lock'.\n"
    path.write_text(head + "\n".join(sorted(pinned, key=str.lower)) + "\n", encoding="utf-8")
    return path


def pins(root: Path) -> dict[str, str]:
    """Versions in `constraints.txt`, by normalised name."""
    lines = (root / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pairs = (line.split("==") for line in lines if "==" in line and not line.startswith("#"))
    return {normalised(name): version.strip() for name, version in pairs}


def conda(root: Path) -> str:
    """Text of `environment.yml` (conda, mamba, Binder): the same packages at the same versions.

    Raises:
        BookError: a package of pyproject.toml has no version in constraints.txt.
    """
    versions = pins(root)
    lines = []
    for requirement in requirements(root, ("book", "test")):
        name = name_of(requirement)
        if normalised(name) not in versions:
            raise BookError(f"constraints.txt has no version of {name}: install it, then 'make lock'")
        lines.append(f"      - {name}=={versions[normalised(name)]}")
    pip = "\n".join(lines)
    return f"""\
# For conda, mamba and Binder. Written by 'python -m bookkit environment' from pyproject.toml and constraints.txt.
name: lstm-vs-gru-book
channels:
  - conda-forge
  - nodefaults
dependencies:
  - python=3.11
  - pip
  - make
  - git
  - cxx-compiler
  - pip:
      - --extra-index-url {CPU_INDEX}
      - -c constraints.txt
{pip}
      - -e .
"""


def name_of(requirement: str) -> str:
    """Name of the package that a requirement asks for."""
    return re.split(r"[<>=!~;\[ ]", requirement, maxsplit=1)[0]


def normalised(name: str) -> str:
    """A package's name as indexes compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _project(root: Path) -> dict:
    import tomllib

    return tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))


def _digest(root: Path) -> str:
    files = [root / "pyproject.toml", root / "constraints.txt"]
    return hashlib.sha256(b"\0".join([str(root).encode(), *(path.read_bytes() for path in files)])).hexdigest()


def _works(python: Path) -> bool:
    if not python.exists():
        return False
    check = "import sys, pip; sys.exit(sys.version_info[:2] != (3, 11))"
    return subprocess.run([str(python), "-c", check], capture_output=True).returncode == 0


def _run(command: list[str], what: str) -> None:
    result = subprocess.run(command, capture_output=True, text=True)
    if result.returncode:
        lines = [line for line in (result.stderr or result.stdout).strip().splitlines() if line.strip()]
        reasons = [line for line in lines if line.startswith("ERROR")] or lines[-1:] or ["no reason given"]
        raise BookError(f"set-up failed while {what}: {' '.join(reasons[:2])}")
