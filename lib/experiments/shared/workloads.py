"""What the chapter `performance/cost` times: one recurrent layer in several implementations, in training and inference.

Inputs are steady: random float32, time first (T, B, I), I = H, zero initial state, no packed sequences. A *training
step* is forward, loss (mean square of the outputs) and backward into the weights; the optimiser is left out, because its
cost depends on the parameters alone. *Inference* is the forward pass in `torch.inference_mode`.
"""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

import pandas as pd
import torch

from evidence import timing
from evidence.timing import Arm
from experiments.shared import runtimes
from gatedrnn import flops
from gatedrnn.kernels import matched
from gatedrnn.layers import STOCK, Recurrent

Mode = Literal["training", "inference"]
Contender = Literal[
    "LSTM, oneDNN",
    "LSTM, native",
    "GRU",
    "GRU, equal parameters",
    "LSTM, ONNX Runtime",
    "GRU, ONNX Runtime",
    "LSTM, matched",
    "GRU, matched",
    "GRU, matched, equal parameters",
]
"""Stock PyTorch's GRU needs no pair of arms: it runs alike with and without oneDNN, which the chapter shows."""

MODES: tuple[Mode, ...] = get_args(Mode)
CONTENDERS: tuple[str, ...] = ("LSTM, oneDNN", "LSTM, native", "GRU")
"""What stock PyTorch runs."""
ONNX: tuple[str, ...] = ("LSTM, ONNX Runtime", "GRU, ONNX Runtime")
MATCHED: tuple[str, ...] = ("LSTM, matched", "GRU, matched")


def cell_of(contender: str) -> str:
    """Cell of a contender: `lstm` or `gru`.

    Raises:
        ValueError: unknown contender.
    """
    if contender not in get_args(Contender):
        raise ValueError(f"contender = {contender!r} is not allowed: {'; '.join(get_args(Contender))}")
    return "lstm" if contender.startswith("LSTM") else "gru"


def width_of(contender: str, hidden_size: int) -> int:
    """Hidden size of a contender: that of the GRU with as many parameters as the LSTM where the name says so."""
    cell_of(contender)
    if not contender.endswith("equal parameters"):
        return hidden_size
    return flops.width_for("gru", flops.count_parameters("lstm", hidden_size, hidden_size), hidden_size)


def available(mode: Mode, among: Iterable[str] | None = None) -> tuple[str, ...]:
    """Contenders that can run here: ONNX Runtime does not train, and the matched kernels need a compiler.

    Args:
        mode: `training` or `inference`.
        among: names to choose from; stock PyTorch, ONNX Runtime and the matched kernels by default.
    """
    found = []
    for name in (*CONTENDERS, *ONNX, *MATCHED) if among is None else among:
        cell_of(name)
        if not ((name in ONNX and mode == "training") or ("matched" in name and not matched.available())):
            found.append(name)
    return tuple(found)


def layer(cell: str, input_size: int, hidden_size: int) -> torch.nn.RNNBase:
    """Make a stock layer of torch.nn with PyTorch's own initial weights.

    Raises:
        ValueError: unknown cell.
    """
    if cell not in STOCK:
        raise ValueError(f"cell = {cell!r} is not allowed: {', '.join(STOCK)}")
    torch.manual_seed(0)
    make: Callable[..., torch.nn.RNNBase] = STOCK[cell]
    return make(input_size, hidden_size)


def matched_layer(stock: torch.nn.RNNBase) -> Recurrent:
    """Make the book's own layer with the weights of a stock one.

    Raises:
        RuntimeError: the matched kernels cannot be compiled here.
    """
    made = Recurrent(stock.mode.lower(), stock.input_size, stock.hidden_size)
    if made.path != "matched":
        raise RuntimeError(f"the matched kernels are not available here: {matched.problem()}")
    cell = made.layers[0]
    with torch.no_grad():
        for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"):
            getattr(cell, name).copy_(getattr(stock, f"{name}_l0"))
    return made


def training_step(module: torch.nn.Module, inputs: torch.Tensor) -> Callable[[], None]:
    """Make a function that does forward, loss and backward once; the gradients are dropped each time."""

    def step() -> None:
        module.zero_grad(set_to_none=True)
        outputs, _ = module(inputs)
        outputs.square().mean().backward()

    return step


@dataclass(frozen=True)
class Prepared(Arm):
    """An `Arm` that also shows what it runs."""

    module: Any = field(kw_only=True)
    """Called with `inputs` it returns outputs (T, B, H) and a state; a `torch.nn.Module` where it can be trained."""
    inputs: torch.Tensor = field(kw_only=True)


def arm(contender: str, mode: Mode, hidden_size: int, batch_size: int, length: int) -> Prepared:
    """Make one contender ready to be timed.

    Args:
        contender: see `Contender`.
        mode: `training` or `inference`.
        hidden_size: H of the LSTM; the input has the same size for every contender.
        batch_size: B.
        length: T.

    Raises:
        ValueError: unknown contender or mode, or one that cannot be trained.
        RuntimeError: the matched kernels are asked for and cannot be compiled here.
    """
    if mode not in get_args(Mode):
        raise ValueError(f"mode = {mode!r} is not allowed: {', '.join(get_args(Mode))}")
    if contender in ONNX and mode == "training":
        raise ValueError(f"contender = {contender!r} is not allowed in training: ONNX Runtime only infers")
    stock = layer(cell_of(contender), hidden_size, width_of(contender, hidden_size))
    module: Any = stock
    if "matched" in contender:
        module = matched_layer(stock)
    elif contender in ONNX:
        module = runtimes.OnnxLayer(stock, torch.get_num_threads())
    inputs = torch.randn(length, batch_size, hidden_size)  # (T, B, I)
    native = contender == "LSTM, native"

    @contextlib.contextmanager
    def setting() -> Iterator[None]:
        switch = timing.onednn(False) if native else contextlib.nullcontext()
        with switch, torch.inference_mode(mode == "inference"):
            yield

    call: Callable[[], Any] = training_step(module, inputs) if mode == "training" else lambda: module(inputs)
    return Prepared(call, setting, module=module, inputs=inputs)


def arms(
    mode: Mode, hidden_size: int, batch_size: int, length: int, contenders: Iterable[str] = CONTENDERS
) -> dict[str, Prepared]:
    """Make several contenders ready for `measuring.interleave` or `measuring.latency`."""
    return {name: arm(name, mode, hidden_size, batch_size, length) for name in contenders}


def grid(
    modes: Iterable[Mode],
    hidden_sizes: Iterable[int],
    batch_sizes: Iterable[int],
    lengths: Iterable[int],
    *,
    thread_count: int = 1,
    rounds: int = 10,
    min_seconds: float = 0.002,
    contenders: Iterable[str] | None = None,
) -> pd.DataFrame:
    """Interleaved readings of the contenders at every combination of shapes; of all that run here by default.

    Returns:
        One row a reading: `mode`, `hidden_size`, `batch_size`, `length`, `threads` and the columns of `interleave`.
    """
    chosen = None if contenders is None else tuple(contenders)
    shapes = itertools.product(modes, hidden_sizes, batch_sizes, lengths)
    parts = []
    with timing.threads(thread_count):
        for mode, hidden_size, batch_size, length in shapes:
            alternatives = arms(mode, hidden_size, batch_size, length, available(mode, chosen))
            readings = timing.interleave(alternatives, rounds=rounds, min_seconds=min_seconds)
            labels = {"mode": mode, "hidden_size": hidden_size, "batch_size": batch_size, "length": length}
            parts.append(readings.assign(**labels, threads=thread_count))
    return pd.concat(parts, ignore_index=True)


def latencies(
    hidden_sizes: Iterable[int],
    lengths: Iterable[int],
    *,
    calls: int = 1000,
    contenders: Iterable[str] | None = None,
) -> pd.DataFrame:
    """Single inference calls at batch size 1 on one thread, of all contenders that run here by default.

    Returns:
        One row a call: `hidden_size`, `length` and the columns of `measuring.latency`.
    """
    names = available("inference", contenders)
    parts = []
    with timing.threads(1):
        for hidden_size, length in itertools.product(hidden_sizes, lengths):
            readings = timing.latency(arms("inference", hidden_size, 1, length, names), calls=calls)
            parts.append(readings.assign(hidden_size=hidden_size, length=length))
    return pd.concat(parts, ignore_index=True)
