"""Sequences of unequal length in one batch: their true ends, and what stands after them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

Lengths = Tensor | Sequence[int] | Any
"""True lengths as users bring them: a tensor of any whole type, a list, a tuple, an array."""


def as_lengths(lengths: Lengths, steps: int, batch: int) -> Tensor:
    """True lengths as a tensor (B,) of int64, checked.

    Args:
        lengths: B whole numbers in any form. steps: T. batch: B.

    Raises:
        ValueError: not B whole numbers from 1 to T.
    """
    try:
        found = torch.as_tensor(lengths)
    except (TypeError, ValueError, RuntimeError):
        raise ValueError(f"lengths = {lengths!r} is not allowed: {batch} whole numbers from 1 to {steps}") from None
    whole = not (found.is_floating_point() or found.is_complex() or found.dtype == torch.bool)
    fits = whole and tuple(found.shape) == (batch,)
    if fits and not torch.compiler.is_compiling():  # the kernels look once more
        fits = int(found.min()) >= 1 and int(found.max()) <= steps
    if not fits:
        raise ValueError(f"lengths = {found.tolist()} is not allowed: {batch} whole numbers from 1 to {steps}")
    return found.to(torch.int64).contiguous()


def at_lengths(outputs: Tensor, lengths: Tensor) -> Tensor:
    """Outputs at the true end of each sequence: (B, H) out of (T, B, H)."""
    return outputs[lengths - 1, torch.arange(outputs.shape[1], device=outputs.device)]


def masked(values: Tensor, lengths: Tensor) -> Tensor:
    """Values (T, B, N) with zeros after the true ends, whatever stands there; no gradient comes from there either."""
    inside = torch.arange(len(values), device=values.device).unsqueeze(1) < lengths
    return torch.where(inside.unsqueeze(-1), values, 0)
