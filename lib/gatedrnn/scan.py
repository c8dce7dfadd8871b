"""A linear recurrence over many steps at once: h_t = a_t h_{t−1} + b_t, with 0 < a_t ≤ 1 and b_t ≥ 0 given as logarithms.

Heinsen (2023, arXiv 2311.06281) takes it as two cumulative sums of logarithms over the whole sequence, and Feng et al. (2024,
appendix B.1) after him. The first of these sums grows with T and with shut gates, and the digits of h go with it: float32
keeps three of them over 2,048 steps. Here the steps are cut into blocks. Within a block the logarithms are added up pair by
pair, for all blocks side by side; then the state is carried from block to block as a plain number. So the error does not
grow with T, and a carried state may have any sign, or be zero, which has no logarithm.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

LANES = 4096
"""Numbers that make an operation worth the time to call it: so many blocks stand side by side as it takes to reach that."""


def scan(log_a: Tensor, log_b: Tensor, h0: Tensor) -> Tensor:
    """All states h_1 … h_T, with gradients of any order.

    Args:
        log_a: (T, B, H), at most 0. log_b: (T, B, H). h0: (B, H), state before the first step, of any sign.

    Returns:
        (T, B, H). Blocks are chosen by shape alone.

    Raises:
        ValueError: shapes that do not fit; the message names the argument.
    """
    if log_a.dim() != 3 or 0 in log_a.shape[:2]:
        raise ValueError(f"log_a of shape {tuple(log_a.shape)} is not allowed: (T, B, H) with T ≥ 1 and B ≥ 1")
    for name, each, shape in (("log_b", log_b, log_a.shape), ("h0", h0, log_a.shape[1:])):
        if each.shape != shape:
            raise ValueError(f"{name} of shape {tuple(each.shape)} is not allowed: {tuple(shape)}")
    return _Scan.apply(log_a, log_b, h0)


def steps(log_a: Tensor, log_b: Tensor, h0: Tensor) -> Tensor:
    """The same step by step; arguments and result as those of `scan`."""
    h, outputs = h0, []
    for a, b in zip(log_a.exp().unbind(), log_b.exp().unbind(), strict=True):
        h = a * h + b
        outputs.append(h)
    return torch.stack(outputs)


class _Scan(torch.autograd.Function):
    """Forward in logarithms; the gradients, which have signs, in plain numbers."""

    @staticmethod
    def forward(ctx: Any, log_a: Tensor, log_b: Tensor, h0: Tensor) -> Tensor:
        hs = _states(log_a, log_b, h0)
        ctx.save_for_backward(log_a, log_b, h0, hs)
        return hs

    @staticmethod
    def backward(ctx: Any, *slopes: Tensor) -> tuple[Tensor | None, ...]:
        (slope,) = slopes
        log_a, log_b, h0, hs = ctx.saved_tensors
        if torch.is_grad_enabled():  # a graph of the gradients is wanted
            return _again(ctx.needs_input_grad, (log_a, log_b, h0), slope)
        a = log_a.exp()
        dh = _gradients(a, slope)
        before = torch.cat([h0.unsqueeze(0), hs[:-1]])
        return dh * a * before, dh * log_b.exp(), a[0] * dh[0]


def _again(needs: Sequence[bool], inputs: Sequence[Tensor], slope: Tensor) -> tuple[Tensor | None, ...]:
    """The gradients as a graph that can be differentiated: those of the plain steps."""
    wanted = [each for each, need in zip(inputs, needs, strict=True) if need]
    found = iter(torch.autograd.grad(steps(*inputs), wanted, slope, create_graph=True))
    return tuple(next(found) if need else None for need in needs)


def _states(log_a: Tensor, log_b: Tensor, h0: Tensor) -> Tensor:
    """h (T, B, H): what the inputs of a block drive, d, and what is left of the state before it, p h."""
    blocks = _shape(log_a)
    log_a, log_d = _cut(log_a, blocks, 0.0), _cut(log_b, blocks, -math.inf)
    for t in range(1, blocks[1]):  # log d_t = log(a_t d_{t−1} + b_t)
        torch.logaddexp(log_a[:, t] + log_d[:, t - 1], log_d[:, t], out=log_d[:, t])
    d, p = log_d.exp_(), log_a.cumsum(1).exp_()
    before = [h0]
    for last_d, last_p in zip(d[:-1, -1].unbind(), p[:-1, -1].unbind(), strict=True):
        before.append(torch.addcmul(last_d, last_p, before[-1]))
    return d.addcmul_(p, torch.stack(before).unsqueeze(1)).flatten(0, 1)[: len(log_b)]


def _gradients(a: Tensor, slope: Tensor) -> Tensor:
    """dL/dh_t through all later steps (T, B, H): λ_t = slope_t + a_{t+1} λ_{t+1}, from the end to the beginning."""
    blocks = _shape(a)
    cut_a, own = _cut(a, blocks, 1.0), _cut(slope, blocks, 0.0)
    p = torch.ones_like(own)  # how much of λ behind the block arrives
    for t in range(blocks[1] - 2, -1, -1):
        own[:, t].addcmul_(cut_a[:, t + 1], own[:, t + 1])
        torch.mul(cut_a[:, t + 1], p[:, t + 1], out=p[:, t])
    behind = [torch.zeros_like(slope[0])]
    for block in range(blocks[0] - 1, 0, -1):
        behind.append(cut_a[block, 0] * torch.addcmul(own[block, 0], p[block, 0], behind[-1]))
    return own.addcmul_(p, torch.stack(behind[::-1]).unsqueeze(1)).flatten(0, 1)[: len(a)]


def _shape(values: Tensor) -> tuple[int, int]:
    """How many blocks, and how many steps each: no more blocks than steps in one, where LANES does not ask for fewer."""
    length, numbers = len(values), max(1, values[0].numel())
    number = max(1, min(math.isqrt(length), LANES // numbers))
    each = -(-length // number)
    return -(-length // each), each


def _cut(values: Tensor, blocks: tuple[int, int], fill: float) -> Tensor:
    """A copy (blocks, steps, B, H) of values (T, B, H), the last block filled up."""
    cut = values.new_full((blocks[0] * blocks[1], *values.shape[1:]), fill)
    cut[: len(values)] = values
    return cut.unflatten(0, blocks)
