"""The matched kernels: LSTM, GRU (both resets) and plain RNN (tanh, ReLU) compiled from one C++ source, `matched.cpp`.

PyTorch gives the LSTM a fused kernel on a CPU and the GRU none. Here both get the same one, so that what is left
between them is architecture. The source is compiled on first use by torch's extension loader and kept in
a folder (`cache_folder`); where that cannot be done, `available` says so in one line and the layers use what torch has.
Introduced in the chapter *performance/cost*.
"""

from __future__ import annotations

import fcntl
import hashlib
import logging
import multiprocessing
import os
import shutil
import subprocess
import sys
import time
from functools import cache
from pathlib import Path
from typing import Any

import platformdirs
import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from gatedrnn.kernels.lengths import at_lengths, check_lengths, masked
from gatedrnn.kernels.shapes import validate

log = logging.getLogger(__name__)

SOURCE = Path(__file__).with_name("matched.cpp")
FLAGS = ("-std=c++20", "-O3", "-fno-math-errno", "-fno-trapping-math")
TARGETS = {
    "AVX512": ("-mavx512f", "-mavx512dq", "-mavx512vl", "-mavx512bw", "-mavx2", "-mfma", "-mf16c"),
    "AVX2": ("-mavx2", "-mfma", "-mf16c"),
}
"""Compiler flags for the vectors that torch itself uses on this machine; none needed elsewhere (NEON)."""


def run(
    cell: str,
    x: Tensor,
    state: tuple[Tensor, ...],
    weight_ih: Tensor,
    weight_hh: Tensor,
    bias_ih: Tensor,
    bias_hh: Tensor,
    lengths: Tensor | None = None,
) -> tuple[Tensor, tuple[Tensor, ...]]:
    """Run a cell over a batch of sequences.

    Args:
        cell: `lstm`, `gru` (reset-after), `gru_before`, `rnn` (tanh) or `relu`.
        x: (T, B, I) inputs, T ≥ 1, B ≥ 1, float32 or float64.
        state: initial `(h,)`, for the LSTM `(h, c)`, each (B, H).
        weight_ih: (G·H, I). weight_hh: (G·H, H). bias_ih, bias_hh: (G·H,). As in `torch.nn`.
        lengths: (B,) true lengths from 1 to T; all T by default. What stands in x after a true end changes nothing,
            as long as it is finite.

    Returns:
        outputs (T, B, H), and the state at the true end. Outputs after the true end are zero.

    Raises:
        ValueError: an unknown cell, or a shape or dtype that does not fit; the message names the argument.
        RuntimeError: the kernels could not be compiled.
    """
    validate(cell, x, state, weight_ih, weight_hh, bias_ih, bias_hh)
    if x.dtype not in (torch.float32, torch.float64) or x.device.type != "cpu":
        raise ValueError(f"x of {x.dtype} on {x.device} is not allowed: float32 or float64 on the CPU")
    if not available():
        raise RuntimeError(f"the matched kernels are not available here: {problem()}")
    steps, batch = x.shape[:2]
    ends = _ends(lengths, steps, batch)
    h0, c0 = state[0], state[-1]
    tensors = (x, weight_ih, weight_hh, bias_ih, bias_hh, h0, c0)
    if torch.is_grad_enabled() and any(each.requires_grad for each in tensors):
        outputs, last_c = _Sequence.apply(cell, *tensors, ends)
    else:
        hs, last_c, *_ = torch.ops.gatedrnn.forward(cell, *tensors, ends, False)
        outputs = hs[1:]
    last = outputs[-1] if lengths is None else at_lengths(outputs, ends)
    outputs = outputs if lengths is None else masked(outputs, ends)
    return outputs, (last, last_c) if cell == "lstm" else (last,)


class _Sequence(torch.autograd.Function):
    """Forward pass that keeps the gates, and the backward pass through all steps."""

    @staticmethod
    def forward(ctx: Any, cell: str, *tensors: Tensor) -> tuple[Tensor, Tensor]:
        x, w, u, *_ = tensors
        hs, last_c, *kept = torch.ops.gatedrnn.forward(cell, *tensors, True)
        ctx.cell = cell
        ctx.save_for_backward(x, w, u, hs, *kept, tensors[-1])
        return hs[1:], last_c

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, dhs: Tensor, dc: Tensor) -> tuple[Tensor | None, ...]:
        needs_dx = ctx.needs_input_grad[1]
        found = torch.ops.gatedrnn.backward(ctx.cell, dhs, dc, *ctx.saved_tensors, needs_dx)
        dx, dw, du, db, db2, dh0, dc0 = found
        return (None, dx if needs_dx else None, dw, du, db, db2, dh0, dc0 if ctx.cell == "lstm" else None, None)


def available() -> bool:
    """Whether the kernels can run here; the first call compiles them where that was not done before."""
    return _load() is None


def problem() -> str:
    """Why the kernels are not available, in one line; empty where they are."""
    return _load() or ""


def cache_folder() -> Path:
    """Where compiled kernels are kept: `GATEDRNN_CACHE`, `_build/kernels` of a writable checkout, or the user's cache."""
    if chosen := os.environ.get("GATEDRNN_CACHE"):
        return Path(chosen)
    checkout = SOURCE.parents[3]
    if (checkout / "pyproject.toml").is_file() and os.access(checkout, os.W_OK):
        return checkout / "_build" / "kernels"
    return platformdirs.user_cache_path("gatedrnn") / "kernels"


def _ends(lengths: Tensor | None, steps: int, batch: int) -> Tensor:
    if lengths is None:
        return torch.full((batch,), steps, dtype=torch.int64)
    check_lengths(lengths, steps, batch)
    return lengths.to(torch.int64).contiguous()


@cache
def _load() -> str | None:
    """Load the compiled kernels into this process; returns what was wrong, or None."""
    if os.environ.get("GATEDRNN_KERNELS") == "torch":
        return "GATEDRNN_KERNELS=torch"
    try:
        torch.ops.load_library(_library())
    except Exception as error:
        reason = " ".join(str(error).split())[:300] or type(error).__name__
        if multiprocessing.parent_process() is None:  # said once, not by every worker
            log.warning("matched kernels: %s; the layers use what torch has", reason)
        return reason
    return None


def _library() -> str:
    """Path of the compiled library for this source, torch and machine; compiled where it is missing."""
    flags = [*FLAGS, *_target()]
    text = "\n".join([SOURCE.read_text(encoding="utf-8"), torch.__version__, *flags])
    folder = cache_folder()
    name = f"matched-{hashlib.sha256(text.encode()).hexdigest()[:16]}"
    library = folder / f"{name}.so"
    if library.is_file():
        return str(library)
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / f"{name}.lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not library.is_file():  # another process may have compiled it meanwhile
            _compile(folder / f"{name}.parts", flags, library)
    return str(library)


def _compile(parts: Path, flags: list[str], library: Path) -> None:
    compiler = os.environ.get("CXX", "c++")
    if shutil.which(compiler) is None:
        raise RuntimeError(f"no C++ compiler ({compiler}) was found")
    asked = subprocess.run([compiler, "--version"], capture_output=True, text=True)
    if asked.returncode:  # torch would say only that it failed
        raise RuntimeError(f"{compiler} does not work: {' '.join(asked.stderr.split()) or 'it says nothing'}")
    started = time.perf_counter()
    shutil.rmtree(parts, ignore_errors=True)
    parts.mkdir()
    # in a process of its own: the loader imports much, prints much, and registers what it built from where it built it
    arguments = {"extra_cflags": flags, "build_directory": str(parts), "is_python_module": False}
    code = f"from torch.utils.cpp_extension import load; load('matched', [{str(SOURCE)!r}], **{arguments!r})"
    beside = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])  # ninja lies there
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env={**os.environ, "PATH": beside}
    )
    if done.returncode:
        lines = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()]
        # the compiler says "error:" itself; Python's traceback around it ends in "SomeError: …"
        raise RuntimeError(next((line for line in lines if " error:" in line), lines[-1] if lines else "silence"))
    os.replace(parts / "matched.so", library)
    shutil.rmtree(parts, ignore_errors=True)
    log.warning("matched kernels: compiled in %.0f s, once", time.perf_counter() - started)


def _target() -> tuple[str, ...]:
    name = torch.backends.cpu.get_cpu_capability()
    flags = TARGETS.get(name, ())
    return (*flags, f"-DCPU_CAPABILITY={name}", f"-DCPU_CAPABILITY_{name}") if flags else ()
