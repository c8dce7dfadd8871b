"""The one training loop of the book."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor, nn

from gatedrnn.checks import require, whole
from gatedrnn.optimiser import Adam

Metrics = dict[str, float]


SCHEDULES = ("constant", "cosine")
PATIENCE = 20
"""Skipped steps in a row after which a run ends as diverged."""


def train(
    model: nn.Module,
    batches: Iterator[tuple[Tensor, ...]],
    loss: Callable[[nn.Module, tuple[Tensor, ...]], Tensor],
    evaluate: Callable[[nn.Module], Metrics],
    *,
    steps: int,
    learning_rate: float,
    schedule: str = "constant",
    warmup: int = 0,
    weight_decay: float = 0.0,
    dropout: float | None = None,
    clip: float = 1.0,
    every: int = 100,
    solved: Callable[[Metrics], bool] | None = None,
) -> dict[str, Any]:
    """Train with Adam; stop when solved, when diverged, or when the steps are spent.

    Each evaluation raises the auditing event `gatedrnn.look` (`sys.audit`) with the step and the curves so far; a hook that
    raises an error ends the training there.

    Args:
        model: to be trained, in place.
        batches: endless; the loss understands them. It owns the seed: equal seeds see equal data.
        loss: mean loss of the model on a batch, a scalar.
        evaluate: metrics of the model, called without gradients every `every` steps and at the end.
        steps: optimiser steps at most.
        learning_rate: of Adam (Kingma and Ba 2015), its highest.
        schedule: `constant`, or `cosine`: from its highest to zero at the last step (Loshchilov and Hutter 2017).
        warmup: steps over which the rate rises from zero, in a straight line.
        weight_decay: decoupled (Loshchilov and Hutter 2019): each step takes rate × this share off every weight.
        dropout: share of hidden numbers in every `nn.Dropout` of the model; as the model says by default.
        clip: the gradient's norm is cut to this, after the backward pass; how often that bit is counted.
        every: steps between evaluations.
        solved: whether metrics end the training early.

    Returns:
        The last metrics, and `steps_taken`, `solved_at` (step of the evaluation that solved it, else None), `clipped` and
        `skipped` (shares of steps; a gradient that is not finite skips its step), `diverged` (`PATIENCE` in a row, or all),
        `train_seconds` (training only), `kernel` (`path` of the recurrent layer, None without one), and `curves`: `step`
        and every metric over the evaluations. All but `train_seconds` are the same whenever the same seed runs on the
        same machine.

    Raises:
        ValueError: an argument out of range, or dropout for a model without a place for it.
    """
    steps, every, warmup = whole("steps", steps), whole("every", every), whole("warmup", warmup, 0)
    for name, rate in (("learning_rate", learning_rate), ("clip", clip)):
        if not rate > 0:
            raise ValueError(f"{name} = {rate!r} is not allowed: a number above 0")
    require("schedule", schedule, SCHEDULES)
    if warmup >= steps:
        raise ValueError(f"warmup = {warmup!r} is not allowed: fewer than the {steps} steps")
    if not 0 <= weight_decay < math.inf:
        raise ValueError(f"weight_decay = {weight_decay!r} is not allowed: a number of at least 0")
    _drop(model, dropout)
    params = [each for each in model.parameters() if each.requires_grad]
    optimiser = Adam(params, lr=learning_rate, weight_decay=weight_decay)
    curves: dict[str, list[float]] = {"step": []}
    metrics: Metrics = {}
    clipped, skipped, in_a_row, solved_at, seconds, step = 0, 0, 0, None, 0.0, 0
    patience = min(PATIENCE, steps)
    while step < steps and in_a_row < patience and solved_at is None:
        started = time.perf_counter()
        for _ in range(min(every, steps - step)):
            optimiser.lr = learning_rate * share(step, steps, schedule, warmup)
            norm = train_step(model, next(batches), loss, optimiser, params, clip)
            step += 1
            if math.isfinite(norm):
                clipped, in_a_row = clipped + (norm > clip), 0
                continue
            skipped, in_a_row = skipped + 1, in_a_row + 1
            if in_a_row == patience:
                break
        seconds += time.perf_counter() - started
        metrics = evaluated(model, evaluate)
        curves["step"].append(step)
        for name, metric in metrics.items():
            curves.setdefault(name, []).append(round(metric, 5))
        sys.audit("gatedrnn.look", step, curves)
        if solved is not None and in_a_row < patience and solved(metrics):
            solved_at = step
    kernel = next((each.path for each in model.modules() if hasattr(each, "path")), None)
    summary = {
        "kernel": kernel,
        "steps_taken": step,
        "solved_at": solved_at,
        "clipped": clipped / step,
        "skipped": skipped / step,
        "diverged": in_a_row >= patience,
    }
    return {**metrics, **summary, "train_seconds": round(seconds, 3), "curves": curves}


def share(step: int, steps: int, schedule: str = "constant", warmup: int = 0) -> float:
    """Share of the highest learning rate at a step.

    Args:
        step: from 0. steps: of the whole training. schedule, warmup: as for `train`.
    """
    if step < warmup:
        return (step + 1) / (warmup + 1)
    if schedule == "constant":
        return 1.0
    return 0.5 * (1 + math.cos(math.pi * (step - warmup) / (steps - warmup)))


def train_step(
    model: nn.Module,
    batch: tuple[Tensor, ...],
    loss: Callable[[nn.Module, tuple[Tensor, ...]], Tensor],
    optimiser: Adam | torch.optim.Optimizer,
    params: list[nn.Parameter],
    clip: float,
) -> float:
    """One optimiser step; returns the gradient's norm before it was cut.

    The norm is taken in float64: the square of a gradient of 2e19 overflows float32, and a gradient that is long but
    finite still has a direction. A norm that is not finite even there changes nothing.
    """
    optimiser.zero_grad()
    loss(model, batch).backward()
    gradients = [each.grad for each in params if each.grad is not None]
    norm = math.hypot(*(float(torch.linalg.vector_norm(each, dtype=torch.float64)) for each in gradients))
    if not math.isfinite(norm):
        return norm
    if norm > clip:  # after backward: before it there is nothing to cut
        torch._foreach_mul_(gradients, clip / (norm + 1e-6))
    optimiser.step()
    return norm


def _drop(model: nn.Module, dropout: float | None) -> None:
    if dropout is None:
        return
    if not 0 <= dropout < 1:
        raise ValueError(f"dropout = {dropout!r} is not allowed: a number from 0 to below 1")
    places = [each for each in model.modules() if isinstance(each, nn.Dropout)]
    if dropout and not places:
        raise ValueError(f"dropout = {dropout!r} is not allowed: 0, since the model has no nn.Dropout")
    for each in places:
        each.p = dropout


def evaluated(model: nn.Module, evaluate: Callable[[nn.Module], Metrics]) -> Metrics:
    """Metrics of a model, without gradients and in evaluation mode."""
    model.eval()
    with torch.no_grad():
        metrics = evaluate(model)
    model.train()
    return metrics
