"""The compiled kernels as a library of this machine: compiled on first use, kept in a folder, loaded once a process.

Where that cannot be done, `problem` says why in one line. A compilation that failed is remembered beside the library and
tried again when the compiler or the source has changed. Introduced in the chapter *performance/cost*.
"""

from __future__ import annotations

import hashlib
import logging
import multiprocessing
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import platformdirs
import torch
from filelock import FileLock  # torch itself needs it

from gatedrnn.choices import Choices

log = logging.getLogger(__name__)

FOLDER = Path(__file__).parent
COMMON = ("matched.cpp", "product.cpp", "sequence.h", "product.h", "registry.h", "tile.h", "vectors.h")
"""Sources that all cells share; each cell has a file of its own beside them."""
CELLS = Choices(
    "cell",
    {
        "lstm": "cells/lstm.cpp",
        "gru": "cells/gru.cpp",
        "gru_before": "cells/gru_before.cpp",
        "minlstm": "cells/light.cpp",
        "mingru": "cells/light.cpp",
        "fastgrnn": "cells/light.cpp",
        "rnn": "cells/plain.cpp",
        "relu": "cells/plain.cpp",
    },
)
"""Source of each cell's kernel."""
FLAGS = ("-std=c++20", "-O3", "-fno-math-errno", "-fno-trapping-math", "-fPIC")
TARGETS = {
    "AVX512": ("-mavx512f", "-mavx512dq", "-mavx512vl", "-mavx512bw", "-mavx2", "-mfma", "-mf16c"),
    "AVX2": ("-mavx2", "-mfma", "-mf16c"),
}
"""Compiler flags for the vectors that torch itself uses on this machine; none needed elsewhere (NEON)."""
PATHS = ("compiled", "torch")
"""What `GATEDRNN_KERNELS` may say: kernels compiled where that is possible, or only what torch has."""

_loading = threading.Lock()
_outcome: dict[
    str, str
] = {}  # "problem" → why the kernels are not here, empty where they are; filled by the first call


def available() -> bool:
    """Whether the kernels can run here; the first call compiles them where that was not done before."""
    return not problem()


def problem() -> str:
    """Why the kernels are not available, in one line; empty where they are.

    Raises:
        ValueError: `GATEDRNN_KERNELS` names no path.
    """
    if "problem" not in _outcome:
        with _loading:
            if "problem" not in _outcome:
                _outcome["problem"] = _load()
    return _outcome["problem"]


# what a compiler of torch's would trace, to find the same word each time
available._dynamo_marked_constant = True  # type: ignore[attr-defined]


def cache_folder() -> Path:
    """Where compiled kernels are kept: `GATEDRNN_CACHE`, `_build/kernels` of a writable checkout, or the user's cache."""
    if chosen := os.environ.get("GATEDRNN_CACHE"):
        return Path(chosen)
    checkout = FOLDER.parents[2]
    if (checkout / "pyproject.toml").is_file() and os.access(checkout, os.W_OK):
        return checkout / "_build" / "kernels"
    return platformdirs.user_cache_path("gatedrnn") / "kernels"


def _load() -> str:
    """Load the compiled kernels into this process; returns what was wrong, or nothing."""
    path = os.environ.get("GATEDRNN_KERNELS", "compiled")
    if path not in PATHS:
        raise ValueError(f"GATEDRNN_KERNELS = {path!r} is not allowed: one of {', '.join(map(repr, PATHS))}")
    if path == "torch":
        return "GATEDRNN_KERNELS=torch"
    try:
        torch.ops.load_library(_library())
        from gatedrnn.kernels import fake  # noqa: F401  shapes of results, for compilers: registered for what is loaded
    except Exception as error:
        reason = " ".join(str(error).split())[:300] or type(error).__name__
        if multiprocessing.parent_process() is None:  # said once, not by every worker
            log.warning("matched kernels: %s; the layers use what torch has", reason)
        return reason
    return ""


def sources() -> list[Path]:
    """All files that are compiled or included."""
    return [FOLDER / each for each in (*COMMON, *dict.fromkeys(CELLS.values()))]


def _library() -> str:
    """Path of the compiled library for this source, torch and machine; compiled where it is missing."""
    flags = [*FLAGS, *_target()]
    text = "\n".join([*(each.read_text(encoding="utf-8") for each in sources()), torch.__version__, *flags])
    folder = cache_folder()
    name = f"matched-{hashlib.sha256(text.encode()).hexdigest()[:16]}"
    library, failure = folder / f"{name}.so", folder / f"{name}.failed"
    if library.is_file():
        return str(library)
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / f"{name}.lock"):
        if not library.is_file():  # another process may have compiled it meanwhile
            compiler = _compiler()
            if failure.is_file() and failure.read_text(encoding="utf-8").startswith(compiler + "\n"):
                raise RuntimeError(failure.read_text(encoding="utf-8").removeprefix(compiler + "\n"))
            try:
                _compile(flags, library)
            except RuntimeError as error:
                failure.write_text(f"{compiler}\n{error}", encoding="utf-8")
                raise
            failure.unlink(missing_ok=True)
    return str(library)


def _compiler() -> str:
    """The compiler and what it calls itself, in one line."""
    compiler = os.environ.get("CXX", "c++")
    path = shutil.which(compiler)
    if path is None:
        raise RuntimeError(f"no C++ compiler ({compiler}) was found")
    asked = subprocess.run([path, "--version"], capture_output=True, text=True)
    if asked.returncode:
        raise RuntimeError(f"{compiler} does not work: {' '.join(asked.stderr.split()) or 'it says nothing'}")
    return f"{path}: {' '.join(asked.stdout.split())}"


def _compile(flags: list[str], library: Path) -> None:
    """Each source by itself, as many at a time as there are cores, then all of them into one library."""
    started = time.perf_counter()
    compiler, home = os.environ.get("CXX", "c++"), Path(torch.__file__).parent
    mac = sys.platform == "darwin"
    threads = [] if mac else ["-fopenmp"]  # for the objects alone: a library linked with it would bring a second OpenMP
    abi = f"-D_GLIBCXX_USE_CXX11_ABI={int(torch.compiled_with_cxx11_abi())}"
    command = [compiler, *flags, *threads, abi, f"-I{home / 'include'}", "-c"]
    part = library.with_suffix(".part")
    with tempfile.TemporaryDirectory(dir=library.parent) as folder, ThreadPoolExecutor(os.cpu_count()) as pool:
        files = [each for each in sources() if each.suffix == ".cpp"]
        objects = [str(Path(folder) / f"{each.stem}.o") for each in files]
        tasks = [pool.submit(_run, [*command, str(each), "-o", to]) for each, to in zip(files, objects, strict=True)]
        try:
            for task in tasks:
                task.result()
        except RuntimeError:
            pool.shutdown(cancel_futures=True)
            raise
        lenient = ["-undefined", "dynamic_lookup"] if mac else []
        here = [f"-L{home / 'lib'}", "-ltorch_cpu", "-lc10", *lenient]
        _run([compiler, "-shared", *flags, *objects, *here, "-o", str(part)])
    os.replace(part, library)
    log.warning("matched kernels: compiled in %.0f s, once", time.perf_counter() - started)


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        lines = [line for line in (done.stderr + done.stdout).splitlines() if line.strip()]
        first = next((line for line in lines if "error:" in line), lines[-1] if lines else "silence")
        raise RuntimeError(f"{command[0]} says: {first.strip()}")


def _target() -> tuple[str, ...]:
    name = torch.backends.cpu.get_cpu_capability()
    flags = TARGETS.get(name, ())
    return (*flags, f"-DCPU_CAPABILITY={name}", f"-DCPU_CAPABILITY_{name}") if flags else ()
