"""Shapes of what the compiled kernels give, for those who trace without computing: `torch.compile` and its kin."""

from __future__ import annotations

import torch
from torch import Tensor

from gatedrnn.kernels.shapes import SHAPES


@torch.library.register_fake("gatedrnn::forward")
def forward(
    cell: str, x: Tensor, w: Tensor, u: Tensor, b: Tensor, b2: Tensor, h0: Tensor, c0: Tensor, ends: Tensor, keep: bool
) -> list[Tensor]:
    """States (T + 1, B, H), c at the true ends, and what the backward pass needs."""
    steps, batch, hidden = x.shape[0], x.shape[1], u.shape[1]
    states = x.new_empty(steps + 1, batch, hidden)
    kind = SHAPES[cell]
    last_c = x.new_empty(batch if kind.states > 1 else 0, hidden)
    if not keep:
        return [states, last_c, *(x.new_empty(0) for _ in range(3))]
    gates = x.new_empty(steps * batch, kind.blocks * hidden)
    inner = x.new_empty(steps, batch, hidden) if kind.inner else x.new_empty(0)
    return [states, last_c, torch.empty_like(states) if kind.states > 1 else x.new_empty(0), gates, inner]


@torch.library.register_fake("gatedrnn::backward")
def backward(
    cell: str, dhs: Tensor, dc: Tensor, x: Tensor, w: Tensor, u: Tensor, hs: Tensor, cs: Tensor, gates: Tensor, inner: Tensor,
    ends: Tensor, needs_dx: bool,
) -> list[Tensor]:  # fmt: skip
    """Gradients of x, W, U, b, b', h0, c0."""
    rows, first = w.shape[0], hs[0]
    dx = x.new_empty(x.shape[0] if needs_dx else 0, x.shape[1], x.shape[2])
    plain = [x.new_empty(w.shape), x.new_empty(u.shape), x.new_empty(rows), x.new_empty(rows), x.new_empty(first.shape)]
    return [dx, *plain, x.new_empty(first.shape if SHAPES[cell].states > 1 else 0)]
