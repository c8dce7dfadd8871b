"""The one training loop of the book."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor, nn

from gatedrnn.optimiser import Adam

Metrics = dict[str, float]


def train(
    model: nn.Module,
    batches: Iterator[tuple[Tensor, ...]],
    loss: Callable[[nn.Module, tuple[Tensor, ...]], Tensor],
    evaluate: Callable[[nn.Module], Metrics],
    *,
    steps: int,
    learning_rate: float,
    clip: float = 1.0,
    every: int = 100,
    solved: Callable[[Metrics], bool] | None = None,
) -> dict[str, Any]:
    """Train with Adam; stop when solved or when the steps are spent.

    Args:
        model: to be trained, in place.
        batches: endless; the loss understands them. It owns the seed: equal seeds see equal data.
        loss: mean loss of the model on a batch, a scalar.
        evaluate: metrics of the model, called without gradients every `every` steps and at the end.
        steps: optimiser steps at most.
        learning_rate: of Adam (Kingma and Ba 2015), constant.
        clip: the gradient's norm is cut to this, after the backward pass; how often that bit is counted.
        every: steps between evaluations.
        solved: whether metrics end the training early.

    Returns:
        The last metrics, and `steps_taken`, `solved_at` (step of the evaluation that solved it, else NaN as None),
        `clipped` (share of steps), `diverged`, `train_seconds` (training only), `kernel` (`path` of the recurrent
        layer, None without one), and `curves`: `step` and every metric over the evaluations. All but `train_seconds`
        are the same whenever the same seed runs on the same machine.

    Raises:
        ValueError: steps, learning_rate, clip or every out of range.
    """
    for name, value, least in (("steps", steps, 1), ("every", every, 1)):
        if not (isinstance(value, int) and value >= least):
            raise ValueError(f"{name} = {value!r} is not allowed: a whole number of at least {least}")
    for name, rate in (("learning_rate", learning_rate), ("clip", clip)):
        if not rate > 0:
            raise ValueError(f"{name} = {rate!r} is not allowed: a number above 0")
    params = [each for each in model.parameters() if each.requires_grad]
    optimiser = Adam(params, lr=learning_rate)
    curves: dict[str, list[float]] = {"step": []}
    metrics: Metrics = {}
    clipped, solved_at, diverged, seconds, step = 0, None, False, 0.0, 0
    while step < steps and not diverged and solved_at is None:
        started = time.perf_counter()
        for _ in range(min(every, steps - step)):
            norm = train_step(model, next(batches), loss, optimiser, params, clip)
            step += 1
            clipped += norm > clip
            if not math.isfinite(norm):
                diverged = True
                break
        seconds += time.perf_counter() - started
        metrics = evaluated(model, evaluate)
        curves["step"].append(step)
        for name, metric in metrics.items():
            curves.setdefault(name, []).append(round(metric, 5))
        if solved is not None and not diverged and solved(metrics):
            solved_at = step
    kernel = next((each.path for each in model.modules() if hasattr(each, "path")), None)
    summary = {
        "kernel": kernel,
        "steps_taken": step,
        "solved_at": solved_at,
        "clipped": clipped / step,
        "diverged": diverged,
    }
    return {**metrics, **summary, "train_seconds": round(seconds, 3), "curves": curves}


def train_step(
    model: nn.Module,
    batch: tuple[Tensor, ...],
    loss: Callable[[nn.Module, tuple[Tensor, ...]], Tensor],
    optimiser: Adam | torch.optim.Optimizer,
    params: list[nn.Parameter],
    clip: float,
) -> float:
    """One optimiser step; returns the gradient's norm before it was cut. A norm that is not finite changes nothing."""
    optimiser.zero_grad()
    loss(model, batch).backward()
    total = nn.utils.get_total_norm([each.grad for each in params if each.grad is not None])
    norm = float(total)
    if norm > clip:  # after backward: before it there is nothing to cut
        nn.utils.clip_grads_with_norm_(params, clip, total)
    if math.isfinite(norm):
        optimiser.step()
    return norm


def evaluated(model: nn.Module, evaluate: Callable[[nn.Module], Metrics]) -> Metrics:
    """Metrics of a model, without gradients and in evaluation mode."""
    model.eval()
    with torch.no_grad():
        metrics = evaluate(model)
    model.train()
    return metrics
