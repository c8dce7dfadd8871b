"""Networks that count because their weights were written down, not learned: what a cell can express.

One unit per count. In the LSTM the input and forget gates stand open and the candidate is +1 or −1, so that the cell
state is the count itself; the output gate shows tanh(c), which is 0 exactly when nothing is left to match. In the ReLU
network the state is the count. (Weiss et al. 2018 describe both.) Introduced in the chapter *memory/counting*.
"""

from __future__ import annotations

import torch

from experiments.counting import strings
from gatedrnn.cells import Cell
from gatedrnn.checks import require
from gatedrnn.layers import Recurrent
from gatedrnn.models import Tagger

MADE = {"lstm": ("anbn", "anbncn"), "relu": ("anbn",)}
"""Cells, and the languages for which weights are written down here."""
OPEN = 60.0
"""Pre-activation of a gate that is open: its sigmoid is exactly 1 in float32."""


def counting_network(cell: str, language: str) -> Tagger:
    """A network that counts a language of `counting_strings`, with one unit for each pair of neighbouring letters.

    Unit k goes up with letter k and down with letter k + 1. Letter k + 1 follows while unit k is above 0 and no earlier
    unit is; when all are 0 the string ends.

    Raises:
        ValueError: another cell or language.
    """
    require("cell", cell, MADE)
    require("language", language, MADE[cell])
    letters = strings.LETTERS[language]
    units = letters - 1
    model = Tagger(Recurrent(cell, letters, units), letters + 1)
    layer = model.core.layers[0]
    assert isinstance(layer, Cell)
    steps = torch.zeros(units, letters)  # what each letter adds to each count
    for unit in range(units):
        steps[unit, unit], steps[unit, unit + 1] = 1.0, -1.0
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
        if cell == "lstm":
            layer.weight_ih[2 * units : 3 * units] = OPEN * steps  # candidate g
            for block in (0, 1, 3):  # gates i, f, o
                layer.bias_ih[block * units : (block + 1) * units] = OPEN
        else:
            layer.weight_ih.copy_(steps)
            layer.weight_hh.copy_(torch.eye(units))
        for unit in range(units):  # a count above 0 shows at least tanh 1 = 0.76; the letter due first weighs most
            model.head.weight[unit + 1, unit] = 4.0 ** (units - unit)
        model.head.bias[letters] = 1.0
        model.head.bias[0] = -1.0
    return model


def right_at(model: Tagger, language: str, n: int) -> bool:
    """Whether a network names every determined letter of the one string with this n."""
    x, y, scored = strings.strings(language, [n])
    with torch.no_grad():
        named = model(x).argmax(2)
    return bool((named == y)[scored].all())
