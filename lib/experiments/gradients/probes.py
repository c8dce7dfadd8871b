"""What of its first step a network still has at the end, three ways: in place, anywhere, and as a gradient.

*Retention* is what stays where it was: two sequences that differ in their first step alone leave two states, and of their
difference after that step a share is still *in place* later. *Sensitivity* is how strongly the end answers to a small change
before it, wherever that has gone: the gain of a product of Jacobians, or the gradient of the loss. Introduced in
*memory/gradients*.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor

from experiments.gradients.jacobians import backward_products, gain, states, step_jacobians
from gatedrnn.cells import Cell
from gatedrnn.layers import Recurrent
from gatedrnn.models import Classifier

Loss = Callable[[Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class Pairs:
    """What is left of a difference in the first step: each (T,), by steps since then, medians over pairs of sequences.

    `kept`: share of the difference of two states that is still in place. `apart`: its length ÷ that after the first step.
    """

    kept: Tensor
    apart: Tensor


def memory_gains(model: Classifier, x: Tensor) -> Tensor:
    """Gain of the memory's Jacobian along one sequence (T, I), for lags 0 … T: of c of an LSTM, of h of the others."""
    cell = _cell(model)
    x = x.double()
    products = backward_products(step_jacobians(cell, x, states(cell, x)))
    return gain(products[:, -cell.hidden_size :, -cell.hidden_size :])


def pairs(model: Classifier, x: Tensor) -> Pairs:
    """Follow sequences (T, B, I) beside others that differ from them in the first step only."""
    other = x.clone()
    other[0] = x[0].roll(1, 0)  # the first step of a neighbour
    different = (other[0] != x[0]).any(1)
    cell = _cell(model)
    with torch.no_grad():
        one, two = (_memories(cell, each[:, different].double()) for each in (x, other))
    gap = one - two  # (T, pairs, H)
    first = gap[0]
    square = first.square().sum(1)
    kept = (gap * first).sum(2) / square
    apart = gap.norm(dim=2) / square.sqrt()
    return Pairs(kept.median(1).values, apart.median(1).values)


def input_gradients(model: Classifier, x: Tensor, y: Tensor, loss: Loss) -> Tensor:
    """Size of the loss's gradient with respect to the input k steps before the last (T,), ÷ that at the last.

    Root mean square over the sequences of x (T, B, I).
    """
    whole = copy.deepcopy(model).double()
    inputs = x.double().requires_grad_()
    state = _cell(whole).zero_state(inputs[0])
    for each in inputs:
        state, _ = _cell(whole)(each, state)
    (slope,) = torch.autograd.grad(loss(whole.head(state[0]), y.double() if y.is_floating_point() else y), inputs)
    sizes = slope.square().sum(2).mean(1).sqrt().flip(0)
    return sizes / sizes[0]


def _cell(model: Classifier) -> Cell:
    """A copy of the model's one layer, in double precision."""
    return cast(Cell, copy.deepcopy(cast(Recurrent, model.core).layers[0]).double())


def _memories(cell: Cell, x: Tensor) -> Tensor:
    """The memory after each step, c of an LSTM, h of the others: (T, B, I) → (T, B, H)."""
    state, found = cell.zero_state(x[0]), []
    for each in x:
        state, _ = cell(each, state)
        found.append(state[-1])
    return torch.stack(found)
