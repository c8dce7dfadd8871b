"""Runs of the chapter *memory/gates*: a character model of a cell, and everything its gates and units did."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from experiments.gates.costs import clamp_curves, cut_curves, mark_costs, pooled, read_on
from experiments.gates.look import Look, follower, gate_curves, probe_curves, reach, reading, strip
from gatedrnn.cells import State
from gatedrnn.checks import require
from gatedrnn.models import LanguageModel, count_parameters, width_of
from gatedrnn.training import train
from gatedrnn.variants import Ablated
from tasks import kjv

COUPLED = "lstm_coupled"
WARMUP = 20
"""One step in so many is a step of warm-up."""


class Coupled(Ablated):
    """An LSTM layer with one gate for keeping and writing, f = 1 − i, that goes on from a given state."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__("lstm_coupled", input_size, hidden_size)

    def forward(self, x: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        """(T, B, I) and a state → outputs (T, B, H) and the last state."""
        return torch.func.functional_call(self.whole[0], self.weights(), (x, state))


def run(
    *,
    cell: str,
    match: str,
    start: str,
    hidden_size: int,
    steps: int,
    learning_rate: float,
    batch: int,
    length: int,
    lanes: int,
    seed: int,
    dissect: bool = False,
    tuning: bool = False,
) -> dict[str, Any]:
    """Train a character model on the King James text, then look at its gates, its units and what it does without them.

    The learning rate rises over a twentieth of the steps and falls to zero at the last.

    Args:
        cell: a gated cell of `gatedrnn.catalogue.CELLS`, or `lstm_coupled` with f = 1 − i.
        match: `width`, as wide as the LSTM; or `parameters`, with as many parameters as the LSTM.
        start: first bias of the gates, see `gatedrnn.initialisation`; for the coupled LSTM `default` alone.
        hidden_size: width of the LSTM.
        steps, learning_rate: of the training. batch: lanes read side by side. length: steps of a truncated sequence.
        lanes: stretches of each held-out part at which gates and units are looked at, see `look.Look`.
        seed: of the weights and of the batches; the same for all cells.
        dissect: also hold its gates fast, cut units out, and look at the same network before training.
        tuning: only score the validation part.

    Returns:
        `parameters`, `width`, and what `train` returns. With `tuning` also `score`, bits per character saved on the
        validation part against guessing among all symbols. Else the metrics of `costs.mark_costs`, `reach`, and the curves
        of `looked`.
    """
    require("match", match, ("width", "parameters"))
    symbols = len(kjv.symbols())
    width = width_of(cell, match, hidden_size, lambda each, units: _build(each, symbols, units, start))
    torch.manual_seed(seed)
    model = _build(cell, symbols, width, start)
    fresh = whole(model)
    parts = kjv.split()
    result = train(
        model,
        kjv.lanes(parts.train, batch, length, seed),
        kjv.Truncated(),
        lambda _: {},
        steps=steps,
        learning_rate=learning_rate,
        schedule="cosine",
        warmup=steps // WARMUP,
        every=steps,
    )
    result |= {"parameters": count_parameters(model), "width": width}
    model = whole(model)
    if tuning:
        return {**result, "score": math.log2(symbols) - kjv.bits_per_character(model, parts.valid)}
    with torch.no_grad():
        return {**result, **looked(model, fresh, Look(lanes), dissect)}


def _build(cell: str, symbols: int, width: int, start: str) -> LanguageModel:
    if cell != COUPLED:
        return LanguageModel(cell, symbols, width, start=start)
    require("start", start, ("default",))
    model = LanguageModel("lstm", symbols, width)
    setattr(model, "core", Coupled(model.embedding.embedding_dim, width))  # noqa: B010
    return model


@torch.no_grad()
def whole(model: LanguageModel) -> LanguageModel:
    """A copy of a model whose core is a plain cell: the coupled LSTM becomes the LSTM that computes the same."""
    symbols, width = model.head.out_features, model.head.in_features
    core = model.core
    other = LanguageModel("lstm" if isinstance(core, Coupled) else core.cell, symbols, width)
    other.embedding.load_state_dict(model.embedding.state_dict())
    other.head.load_state_dict(model.head.state_dict())
    other.core.load_state_dict(core.weights() if isinstance(core, Coupled) else core.state_dict())
    return other


def looked(model: LanguageModel, fresh: LanguageModel, look: Look, dissect: bool) -> dict[str, Any]:
    """Metrics and `curves` of a trained model; where it is dissected also those of the same model before training, with
    `fresh` before their names."""
    valid, test = (reading(model, part, look) for part in ("valid", "test"))
    bits = read_on(model)
    curves = {**gate_curves(test), **probe_curves(valid, test), "closing": pooled(bits)}
    if dissect:
        before = [reading(fresh, part, look) for part in ("valid", "test")]
        known = {**probe_curves(*before), "times": gate_curves(before[1])["times"]}
        curves |= {f"fresh {name}": each for name, each in known.items()}
        unit, sign = follower(valid)
        curves |= cut_curves(model, unit, bits) | clamp_curves(model, valid, bits)
        curves["strip"] = strip(test, unit, sign)
    return {**mark_costs(bits), "reach": reach(test), "curves": curves}
