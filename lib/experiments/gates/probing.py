"""Does a state follow something that can be named? Linear probes, chosen on one text and scored on another.

A probe of one unit takes the unit with the largest |correlation| on the first text; on the second text it is scored with
the sign it had on the first. A probe of all units is a ridge regression fitted on the first text; its score is the
correlation of what it predicts with the truth on the second. Chance is what the same procedure finds for labels that
belong to another stretch of text: it is near 0, and it keeps the slow drift of labels that shuffling would destroy.
Introduced in the chapter *memory/gates*.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

PENALTY = 1e-3
"""Of the ridge regression, on standardised units."""
FAR = 8.0
"""Standard deviations beyond which a unit's value counts as this: one that jumps on the second text alone would
otherwise decide the prediction."""


@dataclass(frozen=True)
class Found:
    """What the probes found for each of K labels; each is (K,)."""

    unit: Tensor
    """Number of the unit chosen on the first text."""
    chosen: Tensor
    """|Correlation| of that unit with the label on the first text."""
    single: Tensor
    """Correlation of that unit with the label on the second text, with the sign of the first."""
    every: Tensor
    """Correlation of the prediction from all units with the label on the second text."""


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


def probe(values: Tensor, labels: Tensor, new_values: Tensor, new_labels: Tensor) -> Found:
    """Choose and fit on the first text, score on the second.

    Args:
        values: (N, H) states, labels: (N, K), on the text for choosing. new_values: (M, H), new_labels: (M, K), on
            the text for scoring.

    Raises:
        ValueError: shapes that do not belong together.
    """
    if len(values) != len(labels) or len(new_values) != len(new_labels) or values.shape[1] != new_values.shape[1]:
        shapes = ", ".join(str(tuple(each.shape)) for each in (values, labels, new_values, new_labels))
        raise ValueError(f"shapes {shapes} are not allowed: (N, H), (N, K), (M, H), (M, K)")
    ties = correlations(values, labels)
    unit = ties.abs().argmax(0)
    places = torch.arange(labels.shape[1])
    single = correlations(new_values, new_labels)[unit, places] * ties[unit, places].sign()
    mean, deviation = values.double().mean(0), values.double().std(0)
    deviation = deviation.clamp(min=max(1e-3 * float(deviation.max()), 1e-9))  # a unit that never moves stays small
    x, new = (((each.double() - mean) / deviation).clamp(-FAR, FAR) for each in (values, new_values))
    every = correlations(new @ _ridge(x, labels.double()), new_labels).diagonal()
    return Found(unit, ties.abs()[unit, places], single, every)


def _ridge(x: Tensor, y: Tensor) -> Tensor:
    """Weights (H, K) from standardised x (N, H) to y (N, K); what is added to them all does not matter to r."""
    x, y = x - x.mean(0), y - y.mean(0)
    gram = x.T @ x / len(x) + PENALTY * torch.eye(x.shape[1], dtype=x.dtype)
    return torch.linalg.solve(gram, x.T @ y / len(x))


def other_lanes(labels: Tensor) -> Tensor:
    """Labels (T, B, …) of other stretches of the text: each lane gets those of the lane half the batch further on."""
    if labels.shape[1] < 2:
        raise ValueError(f"labels of shape {tuple(labels.shape)} are not allowed: at least 2 lanes")
    return labels.roll(labels.shape[1] // 2, dims=1)
