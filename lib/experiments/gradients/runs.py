"""Runs of the chapter *memory/gradients*: how far a gradient travels in a fresh cell and in one that has learned."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.nn.functional import cross_entropy

from experiments.gradients.jacobians import backward_products, gain, half_life, states, step_jacobians
from gatedrnn.cells import Cell
from gatedrnn.initialisation import KEEPING, initialise
from gatedrnn.layers import Recurrent
from gatedrnn.models import Classifier, count_parameters
from gatedrnn.training import train
from tasks import recall

MARKS = (0, 1, 2, 3, 4, 5, 7, 10, 14, 20, 28, 40, 56, 80, 112, 160, 200, 280, 400)
"""Lags at which the curves are kept."""
LEAST = 1e-120
"""A gain below this is kept as this."""


def run(
    *, cell: str, start: str, hidden_size: int, lags: int, delay: int, steps: int, learning_rate: float, seed: int
) -> dict[str, Any]:
    """Follow the gradient back through one sequence of recall.

    Args:
        cell: a name in `gatedrnn.cells.CELLS`.
        start: see `gatedrnn.initialisation`.
        hidden_size: H.
        lags: T, steps of the sequence that is looked at.
        delay: of the recall that is learned first. steps: optimiser steps at most, stopped when solved; 0 for none.
        learning_rate: of Adam.
        seed: of the weights, the training data and the sequence looked at.

    Returns:
        `half_life` of the memory's gradient, in steps (∂c_T/∂c_t of an LSTM, ∂h_T/∂h_t of the others; T where it
        outlasts the sequence), `half_life_h` (of ∂h_T/∂h_t), `solved_at`, `parameters`, and the curves `lag`,
        `memory`, `hidden`, `gate` (the product of the keeping gates alone), each log10 of a gain, and `spectrum`: log10
        of the singular values of the memory's Jacobian at a quarter of T, those of `rank`, 1 being the largest.
    """
    torch.manual_seed(seed)
    core = Recurrent(cell, recall.SYMBOLS + 2, hidden_size)
    initialise(core, start)
    model = Classifier(core, recall.SYMBOLS)
    trained: dict[str, Any] = {"solved_at": None, "kernel": None, "train_seconds": None}
    if steps:
        held = next(recall.batches(1_000_000 + seed, 256, delay))
        found = train(
            model,
            recall.batches(seed, 32, delay),
            lambda model, data: cross_entropy(model(data[0]), data[1]),
            lambda model: {"accuracy": _accuracy(model, held)},
            steps=steps,
            learning_rate=learning_rate,
            every=max(1, steps // 20),
            solved=lambda metrics: metrics["accuracy"] >= 0.995,
        )
        trained = {key: found[key] for key in ("accuracy", *trained)}
    x = next(recall.batches(2_000_000 + seed, 1, lags - 2))[0][:, 0].double()  # (T, I)
    layer = core.layers[0].double()
    assert isinstance(layer, Cell)
    before, gates = states(layer, x)
    products = backward_products(step_jacobians(layer, x, before))  # (T + 1, S, S)
    hidden = gain(products[:, :hidden_size, :hidden_size])
    block = products[:, -hidden_size:, -hidden_size:]  # c of an LSTM, h of the others
    memory = gain(block)
    keeping = gates[KEEPING[cell]].flip(0).cumprod(0) if cell in KEEPING else torch.zeros(lags, hidden_size).double()
    alone = torch.cat([torch.ones(1).double(), keeping.square().mean(1).sqrt()])
    ranks = [1, 2, 3, *range(4, hidden_size + 1, 4)] if hidden_size > 3 else [1]
    marks = [mark for mark in MARKS if mark <= lags]
    curves = {
        "lag": marks,
        **{name: _log10(values[marks]) for name, values in (("memory", memory), ("hidden", hidden), ("gate", alone))},
        "rank": ranks,
        "spectrum": _log10(torch.linalg.svdvals(block[lags // 4])[[rank - 1 for rank in ranks]]),
    }
    return {
        **trained,
        "half_life": round(half_life(memory.tolist()), 3),
        "half_life_h": round(half_life(hidden.tolist()), 3),
        "parameters": count_parameters(model),
        "curves": curves,
    }


def _accuracy(model: nn.Module, held: tuple[torch.Tensor, torch.Tensor]) -> float:
    return float((model(held[0]).argmax(1) == held[1]).float().mean())


def _log10(values: torch.Tensor) -> list[float]:
    return [round(each, 3) for each in values.clamp(min=LEAST).log10().tolist()]
