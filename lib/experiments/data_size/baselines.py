"""What the cells of the chapter *performance/data_size* are held against, on the same draws: models without recurrence."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from sklearn.linear_model import RidgeClassifierCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import Tensor
from torch.nn.functional import conv1d

from experiments.data_size.drawing import CLASSES, Batch, parts
from gatedrnn.checks import require
from tasks import mnist1d, vowels
from tasks.logistic import logistic

KINDS = {"mnist1d": ("points", "kernels"), "vowels": ("mean", "static", "kernels")}
TAPS = 9
DILATIONS = (1, 2, 4)
"""A kernel reaches over 9, 17 or 33 steps."""
ALPHAS = np.logspace(-3, 3, 10)
"""Penalties of the ridge regression, which chooses by leaving out one of the drawn sequences."""


def baseline(*, task: str, kind: str, examples: int, seed: int, kernels: int) -> dict[str, Any]:
    """Fit a model without recurrence on the same draw as `runs.run`, nothing held back.

    Args:
        task: `mnist1d` or `vowels`. examples: sequences drawn. seed: of the draw, and of the kernels.
        kind: logistic regression on `points` (the 40 of MNIST-1D) or on a summary of the vowels (`mean` over time, or
            `static`, see `tasks.vowels.summary`); or `kernels`, ridge regression on random convolutions.
        kernels: how many of them.

    Returns:
        `accuracy` (share) on the test part.
    """
    require("kind", kind, KINDS[task])
    given = parts(task, examples, seed)
    if kind == "kernels":
        weights = random_kernels(given.train[0].shape[2], kernels, seed)
        known, asked = (features(each, weights).numpy() for each in (given.train, given.test))
        model = make_pipeline(StandardScaler(), RidgeClassifierCV(alphas=ALPHAS)).fit(known, given.train[2].numpy())
        return {"accuracy": float(model.score(asked, given.test[2].numpy()))}
    x, x_test = (_summary(each, task, kind) for each in (given.train, given.test))
    mean, deviation = x.mean(0), x.std(0)
    scaled, judged = (x - mean) / deviation, (x_test - mean) / deviation
    return {"accuracy": logistic(scaled, given.train[2], judged, given.test[2], CLASSES[task])}


def random_kernels(channels: int, count: int, seed: int) -> dict[int, tuple[Tensor, Tensor]]:
    """By dilation, weights (K, I, 9) with mean zero, each kernel on about half of the channels, and biases (K,).

    After ROCKET (Dempster et al. 2020), with one length of kernels and three dilations.
    """
    generator = torch.Generator().manual_seed(seed)
    found = {}
    for dilation in DILATIONS:
        weights = torch.randn(max(1, count // len(DILATIONS)), channels, TAPS, generator=generator)
        kept = torch.rand(len(weights), channels, 1, generator=generator) < (0.5 if channels > 1 else 1.0)
        bias = 2 * torch.rand(len(weights), generator=generator) - 1
        found[dilation] = ((weights - weights.mean(2, keepdim=True)) * kept, bias)
    return found


def features(data: Batch, weights: dict[int, tuple[Tensor, Tensor]]) -> Tensor:
    """Highest value of each convolution, and the share of steps at which it is above zero, up to the true end: (N, 2 K)."""
    x, lengths, _ = data
    inside = (torch.arange(len(x)).unsqueeze(0) < lengths.unsqueeze(1)).unsqueeze(1)  # (N, 1, T)
    found = []
    for dilation, (kernels, bias) in weights.items():
        out = conv1d(x.permute(1, 2, 0), kernels, bias, padding=dilation * (TAPS // 2), dilation=dilation)
        found.append(out.masked_fill(~inside, -torch.inf).amax(2))
        found.append(((out > 0) & inside).sum(2) / lengths.unsqueeze(1))
    return torch.cat(found, dim=1)


def _summary(data: Batch, task: str, kind: str) -> Tensor:
    if task == "mnist1d":
        return data[0].squeeze(2).T.reshape(-1, mnist1d.POINTS)
    return vowels.summary(vowels.Utterances(*data), kind)
