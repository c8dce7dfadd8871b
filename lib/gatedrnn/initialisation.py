"""How a gate starts out: the framework's default, a constant bias of the keeping gate, or chrono initialisation.

The keeping gate is the one that carries the old state over: the forget gate f of an LSTM, the update gate z of a GRU
in PyTorch's sign, where z = 1 keeps. (Papers write z the other way round; their bias has the opposite sign.)
`torch.nn` adds two bias vectors, so a bias is set in one and the other is zeroed.
"""

from __future__ import annotations

import math
from typing import cast

import torch
from torch import Tensor, nn

from gatedrnn.cells import Cell
from gatedrnn.choices import Choices
from gatedrnn.layers import Recurrent

KEEPING = Choices("cell", {"lstm": "f", "gru": "z", "mingru": "z", "fastgrnn": "z", "gru_before": "z"})
STARTS = "'default', 'bias:<number>', 'chrono:<longest time, at least 3>' or 'orthogonal'"


def initialise(core: Recurrent, start: str) -> None:
    """Set the gate biases of every layer, in place.

    Args:
        core: fresh layers; of a bias a tanh RNN, which has no gate, takes no notice.
        start: `default` leaves the framework's uniform ±1/√H; `bias:b` sets the keeping gate's bias to b;
            `chrono:T` draws it as log U(1, T − 1), and sets the LSTM's input gate to its negative
            (Tallec and Ollivier 2018), so that memories last between 1 and T steps; `orthogonal` draws each block of the
            recurrent weights as an orthogonal matrix (Saxe et al. 2014), of a tanh network too.

    Raises:
        ValueError: an unknown start.
    """
    name, _, value = start.partition(":")
    try:
        number = float(value) if value else math.nan
    except ValueError:
        number = math.nan
    known = (
        start in ("default", "orthogonal")
        or (name == "bias" and math.isfinite(number))
        or (name == "chrono" and number >= 3)
    )
    if not known:
        raise ValueError(f"start = {start!r} is not allowed: {STARTS}")
    if start == "orthogonal":
        for weights in (cast(Cell, layer).weight_hh.detach() for layer in core.layers):
            for block in weights.split(core.hidden_size):
                nn.init.orthogonal_(block)
        return
    if start == "default" or core.cell not in KEEPING:
        return
    gate = KEEPING[core.cell]
    for layer in core.layers:
        if name == "bias":
            set_bias(layer, gate, torch.full((core.hidden_size,), number))
        else:
            bias = torch.log(torch.empty(core.hidden_size).uniform_(1, number - 1))
            set_bias(layer, gate, bias)
            if core.cell == "lstm":
                set_bias(layer, "i", -bias)


def set_bias(layer: Cell | nn.Module, gate: str, bias: Tensor) -> None:
    """Make the whole bias of one gate, the sum of torch's two vectors, equal to `bias` (H,)."""
    assert isinstance(layer, Cell)
    block = layer.blocks.index(gate)
    rows = slice(block * layer.hidden_size, (block + 1) * layer.hidden_size)
    with torch.no_grad():
        layer.bias_ih[rows] = bias
        layer.bias_hh[rows] = 0.0


def half_life(bias: float) -> float:
    """Steps until a keeping gate with this bias and no other input has halved a memory: ln ½ / ln σ(b)."""
    softplus = max(-bias, 0.0) + math.log1p(math.exp(-abs(bias)))  # -ln σ(b), for any bias
    return math.log(2) / softplus if softplus else math.inf
