"""What the cells of the chapter *memory/sensors* are held against, on the same division: statistics, and random features."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression, RidgeClassifierCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import Tensor

from experiments.sensors import kernels
from experiments.sensors.fitting import Parts, parts
from gatedrnn.checks import require
from tasks.sensors import Recordings

KINDS = ("summary", "kernels")
QUANTILES = (0.0, 0.05, 0.25, 0.5, 0.75, 0.95, 1.0)
PENALTIES = (0.01, 0.1, 1.0, 10.0, 100.0)
"""Inverse strengths C of the penalty of the logistic regression; the validation part chooses."""
ALPHAS = np.logspace(-3, 3, 10)
"""Penalties of the ridge regression, which chooses by leaving out one recording of those trained on (the paper's)."""


def baseline(
    *, data: str, kind: str, factor: int, seed: int, per_kernel: int = kernels.PER_KERNEL, exchanged: bool = False
) -> dict[str, Any]:
    """Fit a model without a network.

    Args:
        data, factor, exchanged: as for `runs.run`. seed: of the division, and of the thresholds of the kernels.
        kind: `summary`, logistic regression on statistics that see little of the order (`summary`); or `kernels`, ridge
            regression on MiniRocket.
        per_kernel: features of each of MiniRocket's 84 kernels.

    Returns:
        `accuracy` on the test part and `train_accuracy` (shares), and how many `features` each recording has.
    """
    require("kind", kind, KINDS)
    given = parts(data, factor, "own", seed, exchanged)
    model, features = fitted(kind, given, seed, per_kernel)
    train = features(given.train)
    return {
        "accuracy": float(model.score(features(given.test), given.test.y.numpy())),
        "train_accuracy": float(model.score(train, given.train.y.numpy())),
        "features": train.shape[1],
    }


def fitted(kind: str, given: Parts, seed: int, per_kernel: int = kernels.PER_KERNEL) -> tuple[Any, Any]:
    """A model of features, and the function from recordings to features (N, F) that goes with it."""
    if kind == "kernels":
        learned = kernels.learn(given.train, seed, per_kernel)

        def counted(part: Recordings) -> np.ndarray:
            return torch.cat([learned.features(part), _size(part)], dim=1).numpy()

        model = make_pipeline(StandardScaler(), RidgeClassifierCV(alphas=ALPHAS))
        return model.fit(counted(given.train), given.train.y.numpy()), counted
    known, held = summary(given.train), summary(given.validation)
    tried = []
    for penalty in PENALTIES:
        regression = make_pipeline(StandardScaler(), LogisticRegression(C=penalty, max_iter=2000))
        regression.fit(known, given.train.y.numpy())
        tried.append((regression.score(held, given.validation.y.numpy()), regression))
    return max(tried, key=lambda each: each[0])[1], summary


def summary(part: Recordings) -> np.ndarray:
    """Statistics of recordings on their own scale, (N, 11).

    Seven quantiles of the values, the mean of their steps up and down (without sign), the share of steps that rise, the
    logarithm of the deviation they had, and that of their length.
    """
    x, inside = part.x[..., 0], part.inside.squeeze(-1)
    steps = x.diff(dim=0) * inside[1:]
    count = (part.lengths - 1).clamp(min=1)
    rows = [
        [x[: int(length), place].quantile(torch.tensor(QUANTILES)) for place, length in enumerate(part.lengths)],
        [steps.abs().sum(0) / count, (steps > 0).sum(0) / count, part.lengths.log()],
    ]
    return torch.cat([torch.stack(rows[0]), torch.stack(rows[1], dim=1), _size(part)], dim=1).numpy()


def _size(part: Recordings) -> Tensor:
    """The size of each recording, which stands beside every step, (N, 1)."""
    return part.x[0, :, 1:]
