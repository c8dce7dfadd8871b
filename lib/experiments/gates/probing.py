"""Does a state follow something that can be named? Linear probes, fitted on one text and scored on another.

The yardstick is the same probe on the same network before training: a random one, too, remembers its last characters.
Introduced in the chapter *memory/gates*.
"""

from __future__ import annotations

import torch
from torch import Tensor

PENALTY = 1e-3
"""Of the ridge regression, on standardised units."""
FAR = 8.0
"""Standard deviations beyond which a unit's value counts as this: one that jumps on the second text alone would
otherwise decide the prediction."""


def correlations(values: Tensor, labels: Tensor) -> Tensor:
    """Pearson's r of each unit with each label; 0 where one of them is constant.

    Args:
        values: (N, H). labels: (N, K).

    Returns:
        (H, K).
    """
    centred = values.double() - values.double().mean(0)
    other = labels.double() - labels.double().mean(0)
    scale = centred.norm(dim=0).unsqueeze(1) * other.norm(dim=0)
    return torch.where(scale > 1e-9, centred.T @ other / scale.clamp(min=1e-9), 0.0)


def probe(values: Tensor, labels: Tensor, new_values: Tensor, new_labels: Tensor) -> Tensor:
    """Correlation of each label with what a ridge regression on all units says, fitted on one text and scored on another.

    Args:
        values: (N, H) states, labels: (N, K), on the text for fitting. new_values: (M, H), new_labels: (M, K), on
            the text for scoring.

    Returns:
        (K,).

    Raises:
        ValueError: shapes that do not belong together.
    """
    if len(values) != len(labels) or len(new_values) != len(new_labels) or values.shape[1] != new_values.shape[1]:
        shapes = ", ".join(str(tuple(each.shape)) for each in (values, labels, new_values, new_labels))
        raise ValueError(f"shapes {shapes} are not allowed: (N, H), (N, K), (M, H), (M, K)")
    mean, deviation = values.double().mean(0), values.double().std(0)
    deviation = deviation.clamp(min=max(1e-3 * float(deviation.max()), 1e-9))  # a unit that never moves stays small
    x, new = (((each.double() - mean) / deviation).clamp(-FAR, FAR) for each in (values, new_values))
    return correlations(new @ _ridge(x, labels.double()), new_labels).diagonal()


def _ridge(x: Tensor, y: Tensor) -> Tensor:
    """Weights (H, K) from standardised x (N, H) to y (N, K); what is added to them all does not matter to r."""
    x, y = x - x.mean(0), y - y.mean(0)
    gram = x.T @ x / len(x) + PENALTY * torch.eye(x.shape[1], dtype=x.dtype)
    return torch.linalg.solve(gram, x.T @ y / len(x))
