"""Live measurements of the chapter *outlook/lightweight*: what one call costs, and what a scan does against a loop.

The weights are fresh ones: the clock does not ask whether a network has learned. A *call* reads one sequence and answers. In
the way `compiled` all cells run on the kernels of this book, their operator called directly, so that no cell pays for more
Python than another. `torch` is what PyTorch has: `nn.LSTM` and `nn.GRU`, and a light cell written in its operations; `int8`
the same after its dynamic quantisation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import pandas as pd
import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from evidence import timing
from experiments.lightweight import eight_bits
from experiments.lightweight.runs import build, sizes
from gatedrnn.kernels import library
from gatedrnn.layers import Recurrent
from gatedrnn.lightweight import FastGRNN
from gatedrnn.models import Classifier

WAYS = ("compiled", "torch", "int8")
LOOPS = ("lstm", "gru")
SCANS = ("minlstm", "mingru")


class Network(NamedTuple):
    """What is timed: a cell, its layers and its width."""

    cell: str
    layers: int
    width: int


def networks_of(table: pd.DataFrame) -> list[Network]:
    """Every network of some runs or readings, once."""
    rows = table[list(Network._fields)].drop_duplicates().itertuples(index=False)
    return [Network(str(row.cell), int(row.layers), int(row.width)) for row in rows]


def ways() -> tuple[str, ...]:
    """The ways that there are here: without a compiler only those of torch."""
    return WAYS if library.available() else WAYS[1:]


def call(network: Network, way: str, task: str, length: int) -> Callable[[], Any]:
    """A call with one sequence of a task; of parity, as of the others, the answer after the last step.

    Raises:
        RuntimeError: the way `compiled` where the kernels could not be compiled.
    """
    torch.manual_seed(0)
    made = build(task, network.cell, network.layers, network.width, length)
    model = Classifier(made.core, sizes(task, length)[1]).eval()
    x = torch.randn(length, 1, sizes(task, length)[0])
    if way == "compiled":
        return _compiled(model, x)
    module: nn.Module = eight_bits.Stock(model).eval() if way == "torch" else eight_bits.dynamic(model)
    return lambda: module(x)


def readings(
    networks: Iterable[Network], way: str, task: str, length: int, rounds: int, seconds: float = 0.002
) -> pd.DataFrame:
    """Times of calls, taken in turns, on one thread: one row a reading, with `cell`, `layers`, `width` and `way`.

    Args:
        networks: what to time. way: one of `ways()`. task, length: what they read. rounds: readings of each.
        seconds: shortest reading.
    """
    chosen = {str(tuple(each)): each for each in networks}
    with timing.threads(1), torch.inference_mode():
        arms = {name: call(each, way, task, length) for name, each in chosen.items()}
        table = timing.interleave(arms, rounds, seconds)
    for column in Network._fields:
        table[column] = [getattr(chosen[name], column) for name in table["name"]]
    return table.drop(columns="name").assign(way=way, task=task)


def _compiled(model: Classifier, x: Tensor) -> Callable[[], Any]:
    core = model.core
    assert isinstance(core, Recurrent)
    if not library.available():
        raise RuntimeError(f"the compiled kernels are not available here: {library.problem()}")
    layers = [_arguments(core.cell, layer, x) for layer in core.layers]
    ends, head, shift = torch.full((1,), len(x)), model.head.weight.detach(), model.head.bias.detach()
    forward, cell = torch.ops.gatedrnn.forward, core.cell

    def run() -> Tensor:
        steps = x
        for given in layers:
            steps = forward(cell, steps, *given, ends, False)[0][1:]
        return linear(steps[-1], head, shift)

    return run


def _arguments(cell: str, layer: Any, x: Tensor) -> tuple[Tensor, ...]:
    """Weights, first state, and the last of a kernel's arguments: c of an LSTM, ζ and ν of a FastGRNN, else nothing."""
    h0 = x.new_zeros(1, layer.hidden_size)
    last = h0 if cell == "lstm" else x.new_empty(0)
    if isinstance(layer, FastGRNN):
        last = torch.stack([layer.zeta, layer.nu]).sigmoid()
    weights = (layer.weight_ih, layer.weight_hh, layer.bias_ih, layer.bias_hh, h0, last)
    return tuple(each.detach() for each in weights)


def training_step(core: Recurrent, x: Tensor, plain: bool = False) -> Callable[[], None]:
    """Forward, loss and backward once; `plain`: one step after the other by the reference cell."""

    def step() -> None:
        core.zero_grad(set_to_none=True)
        outputs = core.trace(x).outputs if plain else core(x)[0]
        outputs.square().mean().backward()

    return step


def scans(lengths: Iterable[int], hidden_size: int, batch: int, rounds: int, plain: bool = True) -> pd.DataFrame:
    """Time of a training step of one layer over the length: scans of the minimal cells beside the loops of the others.

    Args:
        lengths: T. hidden_size: H, and features of the input. batch: B. rounds: readings of each.
        plain: whether a minGRU one step after the other in torch's operations is timed too, its worst case.

    Returns:
        One row a reading: `cell`, `form` (`loop`, `scan` or `steps`), `length`, `batch_size` and what `interleave` gives.
    """
    kinds = [*((cell, "loop") for cell in LOOPS), *((cell, "scan") for cell in SCANS)]
    kinds += [("mingru", "steps")] * plain
    parts = []
    with timing.threads(1):
        for length in lengths:
            x = torch.randn(length, batch, hidden_size)
            arms = {
                f"{cell} {form}": training_step(Recurrent(cell, hidden_size, hidden_size), x, form == "steps")
                for cell, form in kinds
            }
            parts.append(timing.interleave(arms, rounds, 0.0, 1).assign(length=length, batch_size=batch))
    table = pd.concat(parts, ignore_index=True)
    table[["cell", "form"]] = [name.split() for name in table["name"]]
    return table.drop(columns="name")


def kernels_agree(networks: Iterable[Network], task: str, length: int) -> float:
    """Largest difference between the answers of a call by compiled kernels and by torch, over some networks."""
    worst = 0.0
    with torch.inference_mode():
        for each in networks:
            mine, theirs = (call(each, way, task, length)() for way in WAYS[:2])
            worst = max(worst, float((mine - theirs).abs().max()))
    return worst
