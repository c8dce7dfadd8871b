"""Runs of the chapter *memory/gradients*: how far a gradient travels in a fresh network, and in one that learns."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, mse_loss

from experiments.gradients import probes
from experiments.gradients.jacobians import half_life
from experiments.shared.curves import thinned
from gatedrnn.choices import Choices
from gatedrnn.initialisation import initialise
from gatedrnn.layers import Recurrent
from gatedrnn.models import Classifier, count_parameters
from gatedrnn.training import train
from tasks import adding, recall

MARKS = (0, 1, 2, 3, 5, 7, 10, 14, 20, 28, 40, 50, 70, 100, 140, 200, 280, 400)
"""Lags at which curves are kept, beside the delay itself."""
LEAST = 1e-120
"""A number below this is kept as this."""
PAIRED = 32
"""Sequences on which a network is probed."""
SOLVED, HELD_OUT = 0.99, 128
"""Share of right answers at which recall counts as solved, and on how many fresh sequences: as in *memory/recall*."""
POINTS = 24
"""Looks of a training that are kept, at most."""


class Task(NamedTuple):
    """Sequences to read, and what is asked of them."""

    inputs: int
    outputs: int
    batches: Callable[[int, int, int], Iterator[tuple[Tensor, Tensor]]]
    loss: probes.Loss


def _adding(seed: int, batch: int, delay: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Adding over as many steps as recall with this delay."""
    return adding.batches(seed, batch, delay + 2)


TASKS: Choices[Task] = Choices(
    "task",
    {
        "recall": Task(recall.SYMBOLS + 2, recall.SYMBOLS, recall.batches, cross_entropy),
        "adding": Task(adding.INPUTS, 1, _adding, lambda out, y: mse_loss(out[:, 0], y)),
    },
)


def look(*, task: str, cell: str, start: str, hidden_size: int, delay: int, seed: int) -> dict[str, Any]:
    """Probe a fresh network.

    Args:
        task: whose sequences it reads: `recall` or `adding`.
        cell: a name in `gatedrnn.catalogue.CELLS`.
        start: see `gatedrnn.initialisation`; several joined by `+` are applied in that order.
        hidden_size: H.
        delay: of recall; adding takes as many steps.
        seed: of the weights, those of the run of *memory/recall* with this seed, and of the sequences.

    Returns:
        `half_life` of the memory's gain (the last lag where it is never halved), `parameters`, and `curves`: see `probed`.
    """
    model = build(task, cell, start, hidden_size, seed)
    curves, half = probed(model, task, delay, seed)
    return {"half_life": half, "parameters": count_parameters(model), "curves": curves}


def learn(
    *,
    cell: str,
    start: str,
    hidden_size: int,
    delay: int,
    steps: int,
    learning_rate: float,
    every: int,
    batch: int,
    seed: int,
) -> dict[str, Any]:
    """Train a network on recall as *memory/recall* does, watch its gradient on the way, and probe it at the end.

    Args:
        cell, start, hidden_size, delay, seed: as for `look`.
        steps, learning_rate, batch: of the training; a solved run stops. every: steps between looks.

    Returns:
        As `look`, with what the training found (`solved_at`, `diverged`, …), `quality` (share of right answers) and, among
        the curves, `step` and log10 of the `open`: the gain over the delay at that step, 0 being the fresh network.
    """
    model = build("recall", cell, start, hidden_size, seed)
    x, y = next(recall.batches(1_000_000 + seed, HELD_OUT, delay))

    def evaluate(model: nn.Module) -> dict[str, float]:
        assert isinstance(model, Classifier)
        return {"quality": float((model(x).argmax(1) == y).float().mean()), "open": _open(model, delay, seed)}

    fresh = _open(model, delay, seed)
    found = train(
        model,
        recall.batches(seed, batch, delay),
        lambda model, data: cross_entropy(model(data[0]), data[1]),
        evaluate,
        steps=steps,
        learning_rate=learning_rate,
        schedule="cosine",
        warmup=steps // 20,
        every=every,
        solved=lambda metrics: metrics["quality"] >= SOLVED,
    )
    watched = {"step": [0, *found["curves"]["step"]], "open": [fresh, *found["curves"]["open"]]}
    curves, half = probed(model, "recall", delay, seed)
    return {
        **{name: value for name, value in found.items() if name != "open"},
        "half_life": half,
        "parameters": count_parameters(model),
        "curves": {**thinned(watched, POINTS), **curves},
    }


def build(task: str, cell: str, start: str, hidden_size: int, seed: int) -> Classifier:
    """A fresh network: one recurrent layer and a linear head."""
    torch.manual_seed(seed)
    core = Recurrent(cell, TASKS[task].inputs, hidden_size)
    for each in start.split("+"):
        initialise(core, each)
    return Classifier(core, TASKS[task].outputs)


def probed(model: Classifier, task: str, delay: int, seed: int) -> tuple[dict[str, list[float]], float]:
    """Probe a network on sequences that it never trained on.

    Returns:
        Curves over the lags `lag`: log10 of `gain` (of the memory's Jacobian over the last so many steps) and of `input`
        (gradient of the loss by the input so many steps before the last, ÷ that by the last); `kept` and `apart`, see
        `probes.Pairs`. And the half-life of the gain.
    """
    given = TASKS[task]
    x, y = next(given.batches(2_000_000 + seed, PAIRED, delay))
    gains = probes.memory_gains(model, x[:, 0])
    left = probes.pairs(model, x)
    marks = sorted({*(mark for mark in MARKS if mark < delay), delay})
    curves = {
        "lag": [float(mark) for mark in marks],
        "gain": _log10(gains[marks]),
        "input": _log10(probes.input_gradients(model, x, y, given.loss)[marks]),
        "kept": [round(each, 4) for each in left.kept[marks].nan_to_num(0.0).tolist()],
        "apart": [round(each, 4) for each in left.apart[marks].nan_to_num(0.0).tolist()],
    }
    return curves, round(half_life(gains.tolist()), 3)


def _open(model: Classifier, delay: int, seed: int) -> float:
    """log10 of the gain over the delay."""
    x, _ = next(recall.batches(2_000_000 + seed, PAIRED, delay))
    return _log10(probes.memory_gains(model, x[:, 0])[[delay]])[0]


def _log10(values: Tensor) -> list[float]:
    return [round(each, 3) for each in values.nan_to_num(0.0).clamp(min=LEAST).log10().tolist()]
