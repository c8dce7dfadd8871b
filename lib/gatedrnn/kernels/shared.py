"""A FastGRNN over whole sequences in torch operations, its backward pass written by hand, as `stepwise` does for other cells.

Left to torch, each step would record a dozen operations, and go through all of them again backwards. Letters: T steps, B
sequences, H units; a = W x + U h, which gate and candidate share. Introduced in the chapter *outlook/lightweight*.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


def run(w_x: Tensor, u: Tensor, b: Tensor, zeta: Tensor, nu: Tensor, h0: Tensor) -> Tensor:
    """All states, with gradients of any order.

    Args:
        w_x: (T, B, H), W x of all steps. u: (H, H). b: (2 H,), biases of gate and candidate.
        zeta, nu: (), before σ. h0: (B, H).

    Returns:
        (T, B, H).
    """
    return _Shared.apply(w_x, u, b, zeta, nu, h0)


def steps(w_x: Tensor, u: Tensor, b: Tensor, zeta: Tensor, nu: Tensor, h0: Tensor) -> Tensor:
    """The plain loop; arguments and result as those of `run`."""
    h, outputs = h0, []
    b_z, b_n = b.chunk(2)
    for each in w_x.unbind():
        a = each + h @ u.T
        z = torch.sigmoid(a + b_z)
        h = (torch.sigmoid(zeta) * (1 - z) + torch.sigmoid(nu)) * torch.tanh(a + b_n) + z * h
        outputs.append(h)
    return torch.stack(outputs)


class _Shared(torch.autograd.Function):
    """z = σ(a + b_z);  n = tanh(a + b_n);  h' = r n + z h  with  r = ζ (1 − z) + ν."""

    @staticmethod
    def forward(ctx: Any, w_x: Tensor, u: Tensor, b: Tensor, zeta: Tensor, nu: Tensor, h0: Tensor) -> Tensor:
        size = u.shape[0]
        both = w_x.unsqueeze(2) + b.view(2, size)  # (T, B, 2, H), turned into z and n in place
        hs, r = (
            torch.cat([h0.unsqueeze(0), w_x]),
            torch.empty_like(w_x),
        )  # (T + 1, B, H), all but the first written anew
        share, rest = float(torch.sigmoid(zeta)), torch.sigmoid(zeta) + torch.sigmoid(nu)
        ut = u.t()
        for each, z, n, r_t, h, new in zip(
            both.unbind(), *both.unbind(2), r.unbind(), hs, hs[1:].unbind(), strict=False
        ):
            each.add_((h @ ut).unsqueeze(1))
            z.sigmoid_()
            n.tanh_()
            torch.sub(rest, z, alpha=share, out=r_t)  # ζ (1 − z) + ν
            torch.mul(r_t, n, out=new)
            new.addcmul_(z, h)
        ctx.save_for_backward(w_x, u, b, zeta, nu, h0, both, r, hs)
        return hs[1:]

    @staticmethod
    def backward(ctx: Any, *slopes: Tensor) -> tuple[Tensor | None, ...]:
        (slope,) = slopes
        *inputs, both, r, hs = ctx.saved_tensors
        if torch.is_grad_enabled():  # a graph of the gradients is wanted
            return _again(ctx.needs_input_grad, inputs, slope)
        _, u, _, zeta, nu, _ = inputs
        z, n = both.unbind(2)
        share, rest = torch.sigmoid(zeta), torch.sigmoid(nu)
        to_z, to_n = (hs[:-1] - share * n) * z * (1 - z), r * (1 - n * n)
        to_a = to_z + to_n
        dh, da = slope.clone(), torch.empty_like(slope)  # dL/dh through all later steps, and dL/da
        for t in range(len(slope) - 1, -1, -1):
            torch.mul(dh[t], to_a[t], out=da[t])
            before = torch.mm(da[t], u).addcmul_(dh[t], z[t])
            if t:
                dh[t - 1].add_(before)
        du = da.flatten(0, 1).t() @ hs[:-1].flatten(0, 1)
        db = torch.cat([(dh * to_z).sum((0, 1)), (dh * to_n).sum((0, 1))])
        by_n = dh * n
        dzeta = (by_n * (1 - z)).sum() * share * (1 - share)
        return da, du, db, dzeta, by_n.sum() * rest * (1 - rest), before


def _again(needs: tuple[bool, ...], inputs: list[Tensor], slope: Tensor) -> tuple[Tensor | None, ...]:
    """The gradients as a graph that can be differentiated: those of the plain steps."""
    wanted = [each for each, need in zip(inputs, needs, strict=True) if need]
    found = iter(torch.autograd.grad(steps(*inputs), wanted, slope, create_graph=True))
    return tuple(next(found) if need else None for need in needs)
