"""Logistic regression: the baseline that sees no order."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy


def logistic(
    x: Tensor, y: Tensor, x_test: Tensor, y_test: Tensor, classes: int, penalty: float = 1e-3, iterations: int = 100
) -> float:
    """Share of right answers on (x_test, y_test) after fitting (x, y): torch, full batch, L-BFGS, no tuning.

    Args:
        x, x_test: features (N, F), standardised. y, y_test: labels (N,).
        classes: K.
        penalty: on the sum of the squared weights.
        iterations: of L-BFGS at most.
    """
    linear = nn.Linear(x.shape[1], classes)
    nn.init.zeros_(linear.weight)
    nn.init.zeros_(linear.bias)
    optimiser = torch.optim.LBFGS(linear.parameters(), max_iter=iterations, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimiser.zero_grad()
        loss = cross_entropy(linear(x), y) + penalty * linear.weight.square().sum()
        loss.backward()
        return loss

    optimiser.step(closure)
    with torch.no_grad():
        return float((linear(x_test).argmax(1) == y_test).float().mean())
