"""The matched kernels: LSTM, GRU (both resets) and plain RNN (tanh, ReLU) compiled from C++, one file a cell.

PyTorch gives the LSTM a fused kernel on a CPU and the GRU none. Here both get the same one, so that what is left
between them is architecture. No library computes any part of it, and sums are taken in an order that depends on shapes
alone: processors that round alike agree to the last bit. `library` compiles and loads it.
Introduced in the chapter *performance/cost*.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from gatedrnn.kernels.lengths import Lengths, as_lengths, at_lengths, masked
from gatedrnn.kernels.library import available, problem
from gatedrnn.kernels.reference import differentiable
from gatedrnn.kernels.shapes import SHAPES, validate


def run(
    cell: str,
    x: Tensor,
    state: tuple[Tensor, ...],
    weight_ih: Tensor,
    weight_hh: Tensor,
    bias_ih: Tensor,
    bias_hh: Tensor,
    lengths: Lengths | None = None,
) -> tuple[Tensor, tuple[Tensor, ...]]:
    """Run a cell over a batch of sequences.

    Args:
        cell: `lstm`, `gru` (reset-after), `gru_before`, `rnn` (tanh) or `relu`.
        x: (T, B, I) inputs, T ≥ 1, B ≥ 1, float32 or float64.
        state: initial `(h,)`, for the LSTM `(h, c)`, each (B, H).
        weight_ih: (G·H, I). weight_hh: (G·H, H). bias_ih, bias_hh: (G·H,). As in `torch.nn`.
        lengths: B true lengths from 1 to T, in any form; all T by default. What stands in x after a true end changes
            nothing, be it infinite or no number.

    Returns:
        outputs (T, B, H), and the state at the true end. Outputs after the true end are zero.

    Raises:
        ValueError: an unknown cell, or a shape, dtype or device that does not fit; the message names the argument.
        RuntimeError: the kernels could not be compiled.
    """
    validate(cell, x, state, weight_ih, weight_hh, bias_ih, bias_hh)
    if x.dtype not in (torch.float32, torch.float64) or x.device.type != "cpu":
        raise ValueError(f"x of {x.dtype} on {x.device} is not allowed: float32 or float64 on the CPU")
    if not available():
        raise RuntimeError(f"the matched kernels are not available here: {problem()}")
    steps, batch = x.shape[:2]
    if lengths is None:
        ends = torch.full((batch,), steps, dtype=torch.int64)
    else:
        ends = as_lengths(lengths, steps, batch)
        x = masked(x, ends)
    c0 = state[1] if len(state) > 1 else x.new_empty(0)
    tensors = (x, weight_ih, weight_hh, bias_ih, bias_hh, state[0], c0)
    if torch.is_grad_enabled() and any(each.requires_grad for each in tensors):
        outputs, last_c = _Sequence.apply(cell, *tensors, ends)
    else:
        hs, last_c, *_ = torch.ops.gatedrnn.forward(cell, *tensors, ends, False)
        outputs = hs[1:]
    last = outputs[-1] if lengths is None else at_lengths(outputs, ends)
    outputs = outputs if lengths is None else masked(outputs, ends)
    return outputs, (last, last_c) if len(state) > 1 else (last,)


class _Sequence(torch.autograd.Function):
    """Forward pass that keeps the gates, and the backward pass through all steps."""

    @staticmethod
    def forward(ctx: Any, cell: str, *tensors: Tensor) -> tuple[Tensor, Tensor]:
        hs, last_c, *kept = torch.ops.gatedrnn.forward(cell, *tensors, True)
        given = 5 + SHAPES[cell].states
        ctx.cell, ctx.inputs, ctx.lengths = cell, slice(1, 1 + given), tensors[-1]
        ctx.save_for_backward(*tensors[:given], hs, *kept, tensors[-1])
        return hs[1:], last_c

    @staticmethod
    @differentiable
    def backward(ctx: Any, dhs: Tensor, dc: Tensor) -> tuple[Tensor | None, ...]:
        x, w, u, *rest = ctx.saved_tensors
        needs_dx = ctx.needs_input_grad[1]
        found = torch.ops.gatedrnn.backward(ctx.cell, dhs, dc, x, w, u, *rest[-5:], needs_dx)
        dx, dw, du, db, db2, dh0, dc0 = found
        return (
            None,
            dx if needs_dx else None,
            dw,
            du,
            db,
            db2,
            dh0,
            dc0 if SHAPES[ctx.cell].states > 1 else None,
            None,
        )
