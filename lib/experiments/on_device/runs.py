"""Runs of the chapter *applications/on_device*: how good a network of each size is, in each format that it is shipped in."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.nn.functional import cross_entropy

from experiments.on_device import deployment
from gatedrnn.checks import require
from gatedrnn.initialisation import initialise
from gatedrnn.layers import Recurrent
from gatedrnn.models import Classifier, count_parameters
from gatedrnn.training import train
from tasks import mnist1d

NETWORKS = ("lstm", "gru", "convolution")
LOOKS = 2
METRICS = {"float32": "accuracy", "int8 weights": "accuracy_weights", "int8 dynamic": "accuracy_dynamic"}
"""Metric of a run by format."""


def run(
    *,
    network: str,
    width: int,
    frame: int,
    learning_rate: float,
    steps: int,
    batch: int,
    seed: int,
    tuning: bool = False,
    bias: float = 1.0,
) -> dict[str, Any]:
    """Train one network on MNIST-1D, write it in each format, and let ONNX Runtime answer.

    Args:
        network: `lstm`, `gru`, or `convolution`, which sees the whole curve at once.
        width: units of the cell, or channels of the convolution.
        frame: points of a curve that a cell reads in one step.
        learning_rate, steps, batch: of the training.
        seed: of the weights and the order of the batches.
        tuning: score the validation part and not the test; no other format is written.
        bias: first bias of the keeping gate.

    Returns:
        `accuracy` (share) in PyTorch; and unless tuning, for the file in ONNX Runtime, `gap`, the largest difference of a
        logit from PyTorch's, `accuracy_weights` and `accuracy_dynamic`; `parameters`, and what `train` returns.
    """
    require("network", network, NETWORKS)
    torch.manual_seed(seed)
    model = made(network, width, frame, bias)
    held = mnist1d.load()["validation" if tuning else "test"]
    step = mnist1d.POINTS if network == "convolution" else frame
    x = mnist1d.frames(held.x, step)
    result = train(
        model,
        mnist1d.batches(seed, batch, step),
        lambda model, data: cross_entropy(model(data[0]), data[1]),
        lambda model: {"accuracy": right(model(x), held.y)},
        steps=steps,
        learning_rate=learning_rate,
        every=-(-steps // LOOKS),
    )
    if not tuning:
        model.eval()
        graph = deployment.exported(model)
        with torch.no_grad():
            result["gap"] = float((deployment.answers(graph, x) - model(x)).abs().max())
        for form in deployment.FORMATS[1:]:
            result[METRICS[form]] = right(deployment.answers(deployment.in_format(graph, form), x), held.y)
    return {**result, "parameters": count_parameters(model)}


def made(network: str, width: int, frame: int, bias: float = 1.0) -> Classifier | deployment.Convolution:
    """A fresh network."""
    if network == "convolution":
        return deployment.Convolution(mnist1d.POINTS, width, mnist1d.CLASSES)
    core = Recurrent(network, frame, width)
    initialise(core, f"bias:{bias}")
    return Classifier(core, mnist1d.CLASSES)


def baseline(*, seed: int) -> dict[str, Any]:
    """Logistic regression on the points of a curve; `seed` changes nothing, a sweep gives it.

    Returns:
        `accuracy` (share) on the test set, `parameters`, and `bytes` of the float32 numbers alone.
    """
    count = count_parameters(nn.Linear(mnist1d.POINTS, mnist1d.CLASSES))
    return {"accuracy": mnist1d.baseline(), "parameters": count, "bytes": 4 * count}


def right(logits: torch.Tensor, y: torch.Tensor) -> float:
    """Share of right answers."""
    return float((logits.argmax(1) == y).float().mean())
