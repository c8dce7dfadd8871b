"""A cell over a whole sequence, step by step by its reference cell: slow, differentiable as often as wanted."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import torch
from torch import Tensor

from gatedrnn.catalogue import CELLS
from gatedrnn.cells import Cell, State
from gatedrnn.kernels.shapes import validate

NAMES = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")


def run(
    cell: str,
    x: Tensor,
    state: State,
    weight_ih: Tensor,
    weight_hh: Tensor,
    bias_ih: Tensor,
    bias_hh: Tensor,
    lengths: Tensor | None = None,
) -> tuple[Tensor, State]:
    """Run a cell over a batch of sequences; arguments, results and errors as those of `matched.run`."""
    weights = (weight_ih, weight_hh, bias_ih, bias_hh)
    validate(cell, x, state, *weights)
    with torch.device("meta"):  # its own weights are never looked at
        module = CELLS[cell](x.shape[-1], weight_hh.shape[-1])
    named = dict(zip(NAMES, weights, strict=True))
    return steps(lambda x_t, state: torch.func.functional_call(module, named, (x_t, state)), x, state, lengths)[:2]


def steps(
    cell: Cell | Callable[..., Any], x: Tensor, state: State, lengths: Tensor | None = None
) -> tuple[Tensor, State, dict[str, Tensor]]:
    """The plain loop.

    Args:
        cell: one step, as of a `Cell`. x: (T, B, I). state: each (B, H). lengths: (B,) true lengths, all T by default.

    Returns:
        outputs (T, B, H), zero after the true ends; the state there; and each gate over time, (T, B, H).
    """
    outputs, traces = [], []
    for t, x_t in enumerate(x):
        new, trace = cell(x_t, state)
        if lengths is not None:
            going = (t < lengths).unsqueeze(-1)
            state = tuple(torch.where(going, a, b) for a, b in zip(new, state, strict=True))
            outputs.append(torch.where(going, new[0], 0))
        else:
            state = new
            outputs.append(new[0])
        traces.append(trace)
    gates = {name: torch.stack([trace[name] for trace in traces]) for name in traces[0]}
    return torch.stack(outputs), state, gates


def differentiable(backward: Callable[..., tuple[Any, ...]]) -> Callable[..., tuple[Any, ...]]:
    """Make the backward pass of a kernel one that can be differentiated again.

    Where a graph of the gradients is wanted (`create_graph`), they are computed through the reference cell instead. The
    context holds `cell`, `inputs` (where x, the four weights and the initial state stand among the arguments; they are the
    first of the saved tensors, in that order) and `lengths` (true lengths, or None).
    """

    @wraps(backward)
    def either(ctx: Any, *slopes: Tensor) -> tuple[Any, ...]:
        if not torch.is_grad_enabled():
            return backward(ctx, *slopes)
        inputs = ctx.saved_tensors[: ctx.inputs.stop - ctx.inputs.start]
        x, w, u, b, b2, *state = inputs
        outputs, last = run(ctx.cell, x, tuple(state), w, u, b, b2, ctx.lengths)
        needs = ctx.needs_input_grad
        wanted = [each for each, need in zip(inputs, needs[ctx.inputs], strict=True) if need]
        given = slopes[: len(last)]  # the last h is the last output; for the LSTM c comes apart
        found = iter(torch.autograd.grad((outputs, *last[1:]), wanted, given, create_graph=True, allow_unused=True))
        return tuple(next(found) if need else None for need in needs)

    return either
