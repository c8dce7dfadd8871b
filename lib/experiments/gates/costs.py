"""What characters cost a trained model on the whole test part, and what single marks cost: brackets above all.

The costs of closing brackets are kept as means of neighbours, so that their interval can be drawn over seeds and over
stretches of the text (`evidence.blocks.over_time`). Introduced in the chapter *memory/gates*.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from experiments.gates.clamping import clamped, cut, tied
from experiments.gates.look import Reading
from experiments.gates.marks import STOPS
from gatedrnn.models import LanguageModel
from tasks import kjv

LANES = 128
"""Lanes in which the test part is read, as in `kjv.bits_per_character`."""
PARTS = 29
"""Stretches of the text, each with as many closing brackets as the others, whose mean costs are kept."""
OTHERS = 3
"""Units cut out for comparison with the one that follows the brackets."""


@torch.no_grad()
def read_on(model: LanguageModel) -> Tensor:
    """Bits that each character of the test part costs, in the order of the text, (N,): see `followed`."""
    read, following = (each.view(LANES, -1).T for each in (kjv.split().test[: followed().numel()], followed()))
    state, bits = None, []
    for part, right in zip(read.split(256), following.split(256), strict=True):
        logits, state = model(part, state)
        bits.append(cross_entropy(logits.flatten(0, 1), right.flatten(), reduction="none").view_as(right))
    return torch.cat(bits).T.flatten() / math.log(2)


def followed() -> Tensor:
    """The characters of the test part that are predicted, (N,)."""
    test = kjv.split().test
    return test[1 : (len(test) - 1) // LANES * LANES + 1]


def closing() -> Tensor:
    """Whether each of the `followed` closes a bracket, (N,)."""
    return followed() == kjv.encode("]")


def mark_costs(bits: Tensor) -> dict[str, float]:
    """`bits` for each character, `closing` for each `]`, and `stops` for each end of a sentence."""
    stops = torch.isin(followed(), kjv.encode(STOPS))
    return {
        name: float(bits[which].mean())
        for name, which in (("bits", slice(None)), ("closing", closing()), ("stops", stops))
    }


def pooled(bits: Tensor) -> list[float]:
    """Mean cost of the closing brackets in each of `PARTS` stretches of the text."""
    return [round(float(each.mean()), 2) for each in bits[closing()].tensor_split(PARTS)]


def cut_curves(model: LanguageModel, unit: int, bits: Tensor) -> dict[str, list]:
    """Costs by stretch: `closing`, of the whole model; `cut`, when nothing reads the given unit; `other`, when nothing
    reads one of `OTHERS` others, spread evenly, on average."""
    width = model.head.in_features
    others = [(unit + 1 + place * (width - 1) // OTHERS) % width for place in range(OTHERS)]
    rest = torch.stack([read_on(cut(model, each)) for each in others]).mean(0)
    return {"closing": pooled(bits), "cut": pooled(read_on(cut(model, unit))), "other": pooled(rest)}


def clamp_curves(model: LanguageModel, valid: Reading, bits: Tensor) -> dict[str, list]:
    """Bits per character lost on the test part when each unit's gate is held at its mean over the validation part, and,
    of an LSTM, when i is made 1 − f."""
    held = {gate: clamped(model, gate, each.flatten(0, 1).mean(0).clamp(0, 1)) for gate, each in valid.gates.items()}
    if {"i", "f"} <= set(held):
        held["i = 1 − f"] = tied(model)
    return {"clamp": list(held), "lost": [round(float((read_on(each) - bits).mean()), 3) for each in held.values()]}
