"""Memory that a layer really takes: what autograd keeps between forward and backward, and the peak of a process.

`gatedrnn.flops` says what must be kept; this module looks at what is. Introduced in `performance/cost`.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import re
import resource
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import forkserver
from multiprocessing.context import ForkServerContext
from pathlib import Path
from typing import Any

import torch

from experiments.shared import workloads


def saved_bytes(call: Callable[[], Any], module: torch.nn.Module, *ignore: torch.Tensor) -> int:
    """Bytes that autograd keeps for the backward pass of what `call` computes.

    Every memory block counts once, however many saved tensors look into it, and whole. The parameters of `module`
    and the tensors in `ignore`, such as the input, are there anyway and do not count.

    Args:
        call: runs the forward pass and returns something that keeps its graph alive.
        module: whose parameters are left out.
        ignore: further tensors that are left out.
    """
    known = {tensor.untyped_storage().data_ptr() for tensor in [*module.parameters(), *ignore]}
    blocks: dict[int, torch.UntypedStorage] = {}

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in known:
            blocks[storage.data_ptr()] = storage  # held, so that no later block gets the same address
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        kept = call()
    total = sum(storage.nbytes() for storage in blocks.values())
    del kept
    return total


def saved_by(contender: str, hidden_size: int, batch_size: int, length: int) -> int:
    """Bytes that a contender of `experiments.shared.workloads` keeps for the backward pass of one forward pass.

    Raises:
        ValueError: unknown contender.
    """
    made = workloads.arm(contender, "training", hidden_size, batch_size, length)
    with made.setting():
        return saved_bytes(lambda: made.module(made.inputs), made.module, made.inputs)


Case = tuple[str, workloads.Mode, int, int, int]
"""Contender, mode, hidden size, batch size, length."""


def prepare() -> None:
    """Start the server of fresh processes, which imports torch while the caller goes on; `peak_memory` uses it.

    It takes a second or two of another core, once; after that it sleeps. Where a caller does not ask for it,
    `peak_memory` starts it and waits.
    """
    _context()
    forkserver.ensure_running()


def _context() -> ForkServerContext:
    # each process is forked from a server that has imported torch and done nothing else
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    return context


def peak_memory(cases: Sequence[Case]) -> list[int]:
    """Bytes by which one training step or one inference lifts the peak of a fresh process, for each case.

    Each process builds layer and input and runs one short sequence, so that libraries are loaded; then the peak is
    read, the long sequence is run, and the peak is read again. The model and its input are not in the difference.

    Args:
        cases: contender, mode, hidden size, batch size and length of each process.

    Raises:
        ValueError: unknown contender or mode.
    """
    for contender, mode, *_ in cases:
        workloads.arm(contender, mode, 1, 1, 1)  # bad names are told here, not in another process
    with ProcessPoolExecutor(os.cpu_count(), _context(), max_tasks_per_child=1) as pool:
        return list(pool.map(_lift, *zip(*cases, strict=True)))


def _lift(contender: str, mode: workloads.Mode, hidden_size: int, batch_size: int, length: int) -> int:
    torch.set_num_threads(1)
    short = workloads.arm(contender, mode, hidden_size, batch_size, 2)
    long = workloads.arm(contender, mode, hidden_size, batch_size, length)
    with short.setting():
        short.call()
    _reset_peak()
    before = _peak()
    with long.setting():
        long.call()
    return _peak() - before


def _reset_peak() -> None:
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")  # Linux: the peak starts again from what is resident now


def _peak() -> int:
    # VmHWM, not ru_maxrss: on Linux a child starts with the ru_maxrss of the process that started it
    try:
        found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    except OSError:
        found = None
    if found:
        return int(found[1]) * 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
