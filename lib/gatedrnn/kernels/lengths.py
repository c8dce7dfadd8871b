"""Sequences of unequal length in one batch: their true ends, and what stands after them."""

from __future__ import annotations

import torch
from torch import Tensor


def check_lengths(lengths: Tensor, steps: int, batch: int) -> None:
    """Refuse lengths that do not fit.

    Args:
        lengths: (B,) true lengths. steps: T. batch: B.

    Raises:
        ValueError: not B whole numbers from 1 to T.
    """
    whole = not (lengths.is_floating_point() or lengths.is_complex() or lengths.dtype == torch.bool)
    if not whole or tuple(lengths.shape) != (batch,) or int(lengths.min()) < 1 or int(lengths.max()) > steps:
        raise ValueError(f"lengths = {lengths.tolist()} is not allowed: {batch} whole numbers from 1 to {steps}")


def at_lengths(outputs: Tensor, lengths: Tensor) -> Tensor:
    """Outputs at the true end of each sequence: (B, H) out of (T, B, H)."""
    return outputs[lengths - 1, torch.arange(outputs.shape[1])]


def masked(outputs: Tensor, lengths: Tensor) -> Tensor:
    """Outputs (T, B, H) with zeros after the true ends."""
    inside = torch.arange(len(outputs)).unsqueeze(1) < lengths
    return outputs * inside.unsqueeze(-1)
