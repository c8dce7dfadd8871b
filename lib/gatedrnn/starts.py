"""How gates start out in every cell: `gatedrnn.initialisation`, and beside it the minLSTM, which needs two biases for one.

What a minLSTM keeps is f / (f + i). With i left at ½, a bias of f alone opens that to ⅔ at most. With a bias b of f and −b of
i it is σ(b) exactly, as in the other cells, since σ(b) + σ(−b) = 1.
Introduced in the chapter *outlook/lightweight*.
"""

from __future__ import annotations

import torch

from gatedrnn.initialisation import initialise, set_bias
from gatedrnn.layers import Recurrent


def begin(core: Recurrent, start: str) -> None:
    """Set the gate biases of every layer of any cell, in place; arguments and errors as those of `initialise`."""
    initialise(core, start)  # of a bias of a minLSTM it takes no notice
    name, _, value = start.partition(":")
    if core.cell != "minlstm" or name not in ("bias", "chrono"):
        return
    for layer in core.layers:
        bias = torch.full((core.hidden_size,), float(value))
        if name == "chrono":
            bias = torch.log(torch.empty(core.hidden_size).uniform_(1, float(value) - 1))
        set_bias(layer, "f", bias)
        set_bias(layer, "i", -bias)
