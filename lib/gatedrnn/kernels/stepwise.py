"""Whole-sequence kernels for LSTM, GRU (reset-after) and plain RNN (tanh, ReLU), written in torch operations alone.

`torch.nn.GRU` on a CPU records about twenty autograd nodes for every step; for the small models of this book that
bookkeeping costs more than the arithmetic. Here the backward pass is written by hand: one matrix product for all
inputs, a short loop of in-place operations for the recurrence, every factor that does not depend on the incoming
gradient computed for all steps at once, and one matrix product for each weight gradient. All cells share the
code around their gate arithmetic, so that their costs can be compared.

Shapes: T steps, B sequences, I inputs, H units, G gate blocks (LSTM 4, GRU 3, RNN 1). Weights and the order of their
blocks are those of `torch.nn`. Introduced in the chapter *performance/cost*.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from gatedrnn.choices import Choices
from gatedrnn.kernels.reference import differentiable
from gatedrnn.kernels.shapes import validate


def run(
    cell: str,
    x: Tensor,
    state: tuple[Tensor, ...],
    weight_ih: Tensor,
    weight_hh: Tensor,
    bias_ih: Tensor,
    bias_hh: Tensor,
) -> tuple[Tensor, tuple[Tensor, ...]]:
    """Run a cell over a batch of sequences.

    Args:
        cell: `lstm`, `gru` (reset-after), `rnn` (tanh) or `relu`.
        x: (T, B, I) inputs, T ≥ 1, B ≥ 1.
        state: initial `(h,)`, for the LSTM `(h, c)`, each (B, H).
        weight_ih: (G·H, I). weight_hh: (G·H, H). bias_ih, bias_hh: (G·H,). As in `torch.nn`.

    Returns:
        outputs (T, B, H) and the last state.

    Raises:
        ValueError: an unknown cell, or a shape or dtype that does not fit; the message names the argument.
    """
    kernel = KERNELS[cell]
    validate(cell, x, state, weight_ih, weight_hh, bias_ih, bias_hh)
    h0, *rest = state
    outputs, *last = kernel.apply(x, weight_ih, weight_hh, bias_ih, bias_hh, h0, *rest)
    return outputs, (outputs[-1], *last)


class _Lstm(torch.autograd.Function):
    """a = W x + U h + b;  i, f, o = σ(a_i, a_f, a_o);  g = tanh(a_g);  c' = f c + i g;  h' = o tanh(c')."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, w: Tensor, u: Tensor, b: Tensor, b2: Tensor, h0: Tensor, c0: Tensor
    ) -> tuple[Tensor, Tensor]:
        steps, hidden = len(x), u.shape[1]
        a = _project(x, w, b + b2)  # (T, B, 4H), turned into the gates in place
        hs, cs = _states(x, h0), _states(x, c0)  # (T + 1, B, H)
        tanh_c = torch.empty_like(hs[1:])
        ut = u.t()
        i_f = a[..., : 2 * hidden].unbind()
        i, f, g, o = (block.unbind() for block in a.chunk(4, -1))
        for t, (gates, h, c, h_next, c_next, tc) in enumerate(
            zip(a.unbind(), hs, cs, hs[1:].unbind(), cs[1:].unbind(), tanh_c.unbind(), strict=False)
        ):
            gates.addmm_(h, ut)
            i_f[t].sigmoid_()
            g[t].tanh_()
            o[t].sigmoid_()
            torch.mul(f[t], c, out=c_next)
            c_next.addcmul_(i[t], g[t])
            torch.tanh(c_next, out=tc)
            torch.mul(o[t], tc, out=h_next)
        _keep(ctx, "lstm", (x, w, u, b, b2, h0, c0), a, hs, cs, tanh_c)
        return hs[1:], cs[steps]

    @staticmethod
    @differentiable
    def backward(ctx: Any, dhs: Tensor, dc_last: Tensor) -> tuple[Tensor | None, ...]:
        x, w, u, *_, a, hs, cs, tanh_c = ctx.saved_tensors
        i, f, g, o = a.chunk(4, -1)
        factors = torch.stack((g * i * (1 - i), cs[:-1] * f * (1 - f), i * (1 - g * g)), 2)  # (T, B, 3, H)
        to_c, to_o = o * (1 - tanh_c * tanh_c), tanh_c * o * (1 - o)
        da = torch.empty_like(a)
        hidden = u.shape[1]
        first = da[..., : 3 * hidden].unflatten(-1, (3, hidden)).unbind()
        last = da[..., 3 * hidden :].unbind()
        dh, dc = dhs[-1], dc_last.clone()
        for t in range(len(x) - 1, -1, -1):
            dc.addcmul_(dh, to_c[t])
            torch.mul(dh, to_o[t], out=last[t])
            torch.mul(dc.unsqueeze(1), factors[t], out=first[t])
            dc.mul_(f[t])
            dh = torch.addmm(dhs[t - 1], da[t], u) if t else da[0] @ u
        return (*_weight_gradients(ctx, x, hs, w, da, da), dh, dc)


class _Gru(torch.autograd.Function):
    """r, z = σ(W x + U h + b);  n = tanh(W_n x + b_n + r (U_n h + b'_n));  h' = (1 − z) n + z h."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, w: Tensor, u: Tensor, b: Tensor, b2: Tensor, h0: Tensor) -> tuple[Tensor]:
        hidden = u.shape[1]
        a = _project(x, w, b)  # (T, B, 3H), turned into r, z, n in place
        from_h = torch.empty_like(a)  # U h + b'
        hs = _states(x, h0)
        ut = u.t()
        both, n = a[..., : 2 * hidden].unbind(), a[..., 2 * hidden :].unbind()
        r, z = (block.unbind() for block in a[..., : 2 * hidden].chunk(2, -1))
        both_h, n_h = from_h[..., : 2 * hidden].unbind(), from_h[..., 2 * hidden :].unbind()
        for t, (gates, h, h_next) in enumerate(zip(from_h.unbind(), hs, hs[1:].unbind(), strict=False)):
            torch.addmm(b2, h, ut, out=gates)
            both[t].add_(both_h[t]).sigmoid_()
            n[t].addcmul_(r[t], n_h[t]).tanh_()
            torch.lerp(n[t], h, z[t], out=h_next)
        _keep(ctx, "gru", (x, w, u, b, b2, h0), a, hs, from_h[..., 2 * hidden :])
        return (hs[1:],)

    @staticmethod
    @differentiable
    def backward(ctx: Any, dhs: Tensor) -> tuple[Tensor | None, ...]:
        x, w, u, *_, a, hs, n_h = ctx.saved_tensors
        r, z, n = a.chunk(3, -1)
        keep = 1 - z
        to_n = keep * (1 - n * n)
        factors = torch.stack((to_n * n_h * r * (1 - r), (hs[:-1] - n) * z * keep, to_n * r), 2)  # (T, B, 3, H)
        da_h = torch.empty_like(a)  # gradient of U h + b'
        blocks = da_h.unflatten(-1, (3, u.shape[1])).unbind()
        gradient = torch.empty_like(dhs)  # of each h
        current = gradient.unbind()
        current[-1].copy_(dhs[-1])
        dh = current[-1]
        for t in range(len(x) - 1, -1, -1):
            torch.mul(dh.unsqueeze(1), factors[t], out=blocks[t])
            carried = dh * z[t]
            if t:
                carried.add_(dhs[t - 1])
                dh = torch.addmm(carried, da_h[t], u, out=current[t - 1])
            else:
                dh = carried.addmm_(da_h[0], u)
        da_x = da_h.clone()
        torch.mul(gradient, to_n, out=da_x[..., 2 * u.shape[1] :])
        return (*_weight_gradients(ctx, x, hs, w, da_x, da_h), dh)


class _Rnn(torch.autograd.Function):
    """h' = tanh(W x + U h + b)."""

    @staticmethod
    def forward(ctx: Any, *tensors: Tensor) -> tuple[Tensor]:
        return _plain(ctx, "rnn", torch.tanh_, *tensors)

    @staticmethod
    @differentiable
    def backward(ctx: Any, dhs: Tensor) -> tuple[Tensor | None, ...]:
        return _plain_backward(ctx, dhs, lambda h: 1 - h * h)


class _Relu(torch.autograd.Function):
    """h' = max(W x + U h + b, 0)."""

    @staticmethod
    def forward(ctx: Any, *tensors: Tensor) -> tuple[Tensor]:
        return _plain(ctx, "relu", torch.relu_, *tensors)

    @staticmethod
    @differentiable
    def backward(ctx: Any, dhs: Tensor) -> tuple[Tensor | None, ...]:
        return _plain_backward(ctx, dhs, lambda h: (h > 0).to(h.dtype))


def _plain(
    ctx: Any, cell: str, activate: Callable, x: Tensor, w: Tensor, u: Tensor, b: Tensor, b2: Tensor, h0: Tensor
) -> tuple[Tensor]:
    a = _project(x, w, b + b2)
    hs = _states(x, h0)
    ut = u.t()
    for projected, h, h_next in zip(a.unbind(), hs, hs[1:].unbind(), strict=False):
        activate(torch.addmm(projected, h, ut, out=h_next))
    _keep(ctx, cell, (x, w, u, b, b2, h0), hs)
    return (hs[1:],)


def _plain_backward(ctx: Any, dhs: Tensor, slope_of: Callable[[Tensor], Tensor]) -> tuple[Tensor | None, ...]:
    x, w, u, *_, hs = ctx.saved_tensors
    slope = slope_of(hs[1:])
    da = torch.empty_like(slope)
    dh = dhs[-1]
    for t in range(len(x) - 1, -1, -1):
        torch.mul(dh, slope[t], out=da[t])
        dh = torch.addmm(dhs[t - 1], da[t], u) if t else da[0] @ u
    return (*_weight_gradients(ctx, x, hs, w, da, da), dh)


def _keep(ctx: Any, cell: str, inputs: tuple[Tensor, ...], *computed: Tensor) -> None:
    ctx.cell, ctx.inputs, ctx.lengths = cell, slice(0, len(inputs)), None
    ctx.save_for_backward(*inputs, *computed)


KERNELS: Choices[Any] = Choices("cell", {"lstm": _Lstm, "gru": _Gru, "rnn": _Rnn, "relu": _Relu})


def _project(x: Tensor, w: Tensor, b: Tensor) -> Tensor:
    """W x + b for all steps in one matrix product: (T, B, G·H)."""
    return torch.addmm(b, x.reshape(-1, x.shape[-1]), w.t()).view(*x.shape[:2], -1)


def _states(x: Tensor, first: Tensor) -> Tensor:
    """Room for the states of all steps, the initial one in front: (T + 1, B, H)."""
    states = x.new_empty(len(x) + 1, *first.shape)
    states[0] = first
    return states


def _weight_gradients(ctx: Any, x: Tensor, hs: Tensor, w: Tensor, da_x: Tensor, da_h: Tensor) -> tuple[Any, ...]:
    """Gradients of x, W, U, b, b' from those of the two pre-activations: one matrix product each."""
    flat_x, flat_h = da_x.flatten(0, 1), da_h.flatten(0, 1)
    needs = ctx.needs_input_grad
    return (
        (flat_x @ w).view_as(x) if needs[0] else None,
        flat_x.t() @ x.reshape(-1, x.shape[-1]) if needs[1] else None,
        flat_h.t() @ hs[:-1].flatten(0, 1) if needs[2] else None,
        flat_x.sum(0) if needs[3] else None,
        flat_h.sum(0) if needs[4] else None,
    )
