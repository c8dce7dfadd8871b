"""Runs of the chapter *memory/gates*: a character model of each cell, and everything its gates and units did."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from experiments.gates.clamping import clamped, cut, tied
from experiments.gates.look import Look, Reading, gate_curves, probe_curves, reading, state_curves, strips
from experiments.gates.marks import STOPS
from gatedrnn.cells import State
from gatedrnn.checks import require
from gatedrnn.models import LanguageModel, count_parameters, width_of
from gatedrnn.training import train
from gatedrnn.variants import Ablated
from tasks import kjv

CELLS = ("lstm", "gru", "lstm_coupled")
OTHERS = 5
"""Units cut out for comparison with the one that a probe chose."""


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
    tuning: bool = False,
) -> dict[str, Any]:
    """Train a character model on the King James text, then look at its gates, its units and what it does without them.

    Args:
        cell: `lstm`, `gru`, or `lstm_coupled` with f = 1 − i.
        match: `width`, as wide as the LSTM; or `parameters`, with as many parameters as the LSTM.
        start: first bias of the gates, see `gatedrnn.initialisation`; for the coupled LSTM `default` alone.
        hidden_size: width of the LSTM.
        steps, learning_rate: of the training. batch: lanes read side by side. length: steps of a truncated sequence.
        lanes: stretches of each held-out part at which gates and units are looked at, see `gates_look.Look`.
        seed: of the weights and of the batches; the same for all cells.
        tuning: only score the validation part.

    Returns:
        `parameters`, `width`, and what `train` returns. With `tuning` also `score`, bits per character saved on the
        validation part against guessing among all symbols. Else `bits` per character on the test part; `closing` and
        `stops`, bits for each `]` and for each end of a sentence; and the curves of `gates_look`, with: `clamp` and
        `lost`, what was held and the bits per character lost; `cut`, bits lost on each `]` when the unit that the
        probe chose for brackets is cut out, then for `OTHERS` other units.
    """
    for name, value, allowed in (("cell", cell, CELLS), ("match", match, ("width", "parameters"))):
        require(name, value, allowed)
    symbols = len(kjv.symbols())
    width = width_of(cell, match, hidden_size, lambda each, units: _build(each, symbols, units, start))
    torch.manual_seed(seed)
    model = _build(cell, symbols, width, start)
    fresh = whole(model)
    parts = kjv.split()

    def saved(model: nn.Module) -> dict[str, float]:
        return {"score": math.log2(symbols) - kjv.bits_per_character(model, parts.valid)}

    result = train(
        model,
        kjv.lanes(parts.train, batch, length, seed),
        kjv.Truncated(),
        saved if tuning else lambda _: {},
        steps=steps,
        learning_rate=learning_rate,
        every=steps,
    )
    result |= {"parameters": count_parameters(model), "width": width}
    if tuning:
        return result
    with torch.no_grad():
        model, look = whole(model), Look(lanes)
        result["bits"] = kjv.bits_per_character(model, parts.test)
        bits, following = losses(model, look)
        for name, wanted in (("closing", "]"), ("stops", STOPS)):
            result[name] = float(bits[torch.isin(following, kjv.encode(wanted))].mean())
        return {**result, "curves": looked(model, fresh, look, bits)}


def _build(cell: str, symbols: int, width: int, start: str) -> LanguageModel:
    if cell != "lstm_coupled":
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


def looked(model: LanguageModel, fresh: LanguageModel, look: Look, bits: Tensor) -> dict[str, list]:
    """All curves of a trained model, with its `losses`, and of the same model before training where chance is asked for."""
    seen = {part: reading(model, part, look) for part in ("valid", "test")}
    before = {part: reading(fresh, part, look) for part in ("valid", "test")}
    probes = probe_curves(seen["valid"], seen["test"], before["valid"], before["test"])
    bracket = probes["tanh c unit" if model.core.cell == "lstm" else "h unit"][0]
    return {
        **gate_curves(seen["test"]),
        **state_curves(seen["test"], before["test"]),
        **probes,
        **strips(seen["test"], probes),
        **clamp_curves(model, seen["valid"], look, bits),
        "cut": cut_curve(model, bracket, look, bits),
    }


def clamp_curves(model: LanguageModel, valid: Reading, look: Look, bits: Tensor) -> dict[str, list]:
    """Bits per character lost on the test part when a gate is held shut, open or at its mean over the validation part."""
    plain = float(bits.mean())
    names, lost = ["none"], [plain]
    for gate, values in valid.gates.items():
        for word, value in (("shut", 0.0), ("open", 1.0), ("mean", values.flatten(0, 1).mean(0).clamp(0, 1))):
            names.append(f"{gate} {word}")
            lost.append(float(losses(clamped(model, gate, value), look)[0].mean()) - plain)
    if model.core.cell == "lstm":
        names.append("i = 1 − f")
        lost.append(float(losses(tied(model), look)[0].mean()) - plain)
    return {"clamp": names, "lost": [round(each, 4) for each in lost]}


def cut_curve(model: LanguageModel, unit: int, look: Look, bits: Tensor) -> list[float]:
    """Bits lost on a closing bracket when nothing reads the chosen unit, then for `OTHERS` others, spread evenly."""
    closing = kjv.split().test[look.rows("test")[1 + look.warm :]] == kjv.encode("]")
    plain = float(bits[closing].mean())
    width = model.head.in_features
    units = [unit, *((unit + 1 + place * (width - 1) // OTHERS) % width for place in range(OTHERS))]
    return [round(float(losses(cut(model, each), look)[0][closing].mean()) - plain, 4) for each in units]


def losses(model: LanguageModel, look: Look) -> tuple[Tensor, Tensor]:
    """Bits of each character on a stretch of the test part, (T, B), and the characters themselves."""
    rows = look.rows("test")
    read = kjv.split().test[rows]
    logits, _ = model(read[:-1])
    following = read[1:]
    bits = cross_entropy(logits.flatten(0, 1), following.flatten(), reduction="none").view_as(following) / math.log(2)
    return bits[look.warm :], following[look.warm :]
