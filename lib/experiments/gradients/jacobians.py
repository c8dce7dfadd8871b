"""Jacobians of a recurrent cell over time: how a small change of the state at one step moves the state at a later one.

The gradient that reaches step t from step T is multiplied by ∂s_T/∂s_t, the product of the Jacobians of the steps in
between, so this product tells how far learning can see. Introduced in *memory/gradients*.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from gatedrnn.cells import Cell, State


def step_jacobians(cell: Cell, x: Tensor, state: State) -> Tensor:
    """Jacobian of one step for each of N inputs and states, by automatic differentiation.

    Args:
        cell: a reference cell.
        x: (N, I) inputs. state: the vectors of the state before, each (N, H).

    Returns:
        (N, S, S): row a, column b holds ∂s'_a/∂s_b; S = H × vectors of the state, in the order of `cell.states`.
    """
    hidden = cell.hidden_size

    def step(flat: Tensor, inputs: Tensor) -> Tensor:
        before = tuple(part.unsqueeze(0) for part in flat.split(hidden))
        after, _ = cell(inputs.unsqueeze(0), before)
        return torch.cat([part.squeeze(0) for part in after])

    with torch.no_grad():
        return torch.func.vmap(torch.func.jacfwd(step))(torch.cat(state, dim=1), x)


def states(cell: Cell, x: Tensor) -> State:
    """Run one sequence (T, I) from a zero state: the states before each step, each (T, H)."""
    state = cell.zero_state(x[:1])
    before = []
    with torch.no_grad():
        for inputs in x:
            before.append(state)
            state, _ = cell(inputs.unsqueeze(0), state)
    return tuple(torch.cat(each) for each in zip(*before, strict=True))


def backward_products(jacobians: Tensor) -> Tensor:
    """Products of the last k Jacobians for k = 0 … T: (T, S, S) → (T + 1, S, S), entry k being ∂s_T/∂s_{T−k}."""
    product = torch.eye(jacobians.shape[-1], dtype=jacobians.dtype)
    products = [product]
    for each in jacobians.flip(0):
        product = product @ each
        products.append(product)
    return torch.stack(products)


def gain(block: Tensor) -> Tensor:
    """Root mean square of the singular values, ‖J‖_F / √columns: by how much a random small change is stretched.

    Args:
        block: (…, rows, columns). Returns (…).
    """
    return torch.linalg.matrix_norm(block) / math.sqrt(block.shape[-1])


def half_life(gains: Sequence[float]) -> float:
    """Lag at which a curve of gains first falls to half of its start, interpolated on the logarithm.

    Returns:
        The lag in steps; the last lag where the curve stays above one half.
    """
    for lag in range(1, len(gains)):
        if gains[lag] <= gains[0] / 2:
            above, below = (math.log(max(each, 1e-300)) for each in (gains[lag - 1], gains[lag]))
            return lag - 1 + (above - math.log(gains[0] / 2)) / (above - below)
    return float(len(gains) - 1)
