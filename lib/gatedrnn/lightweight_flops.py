"""Work and memory of a layer of any cell, the light ones too: `gatedrnn.flops` counts by a formula that they do not follow.

Conventions as there: a multiply-add is 2 FLOPs, every other addition, multiplication, sigmoid or tanh is 1; float32. With
input size I and hidden size H,

    minGRU      parameters 2 (I H + H)          products 2 · 2 I H a step
    minLSTM     parameters 3 (I H + H)          products 2 · 3 I H a step
    FastGRNN    parameters I H + H² + 2 H + 2   products 2 (I H + H²) a step

so a minimal layer with I = H has a third (minGRU) or a half (minLSTM) of the GRU's parameters, near enough, and a FastGRNN
a third. Introduced in the chapter *outlook/lightweight*.
"""

from __future__ import annotations

from dataclasses import dataclass

from gatedrnn import flops
from gatedrnn.choices import Choices
from gatedrnn.flops import FLOAT_BYTES, Flops


@dataclass(frozen=True)
class _Light:
    """What a light layer is made of, in multiples of I H, H², H and 1; and what one step does to one unit beside products."""

    inputs: int  # matrices (H, I)
    states: int  # matrices (H, H)
    biases: int  # vectors (H,)
    numbers: int  # numbers for the whole layer
    forward: int  # elementwise FLOPs


# minGRU:   2 biases, σ(a_z), σ(−a_z), g (1), h = (1 − z) n + z h (3): 8.
# minLSTM:  3 biases, σ of i and of f, their sum, 2 divisions, g (1), h (3): 12. As computed here, with logarithms, the same.
# FastGRNN: W x + U h (1), 2 biases, σ, tanh, 1 − z, ζ ·, + ν, · n, z h, and their sum: 11.
_LIGHT = Choices(
    "cell",
    {
        "mingru": _Light(inputs=2, states=0, biases=2, numbers=0, forward=8),
        "minlstm": _Light(inputs=3, states=0, biases=3, numbers=0, forward=12),
        "fastgrnn": _Light(inputs=1, states=1, biases=2, numbers=2, forward=11),
    },
)


def count_parameters(cell: str, input_size: int, hidden_size: int) -> int:
    """Count the parameters of one layer.

    Raises:
        ValueError: unknown cell, or a size that is not a whole number from 1.
    """
    known = flops.count_parameters(_known(cell), input_size, hidden_size)
    if cell not in _LIGHT:
        return known
    kind = _LIGHT[cell]
    return hidden_size * (kind.inputs * input_size + kind.states * hidden_size + kind.biases) + kind.numbers


def parameter_bytes(cell: str, input_size: int, hidden_size: int) -> int:
    """Bytes of one layer's float32 parameters."""
    return FLOAT_BYTES * count_parameters(cell, input_size, hidden_size)


def forward_flops(cell: str, input_size: int, hidden_size: int, batch_size: int = 1, length: int = 1) -> Flops:
    """FLOPs of a forward pass, step by step, over a batch of sequences.

    Raises:
        ValueError: unknown cell, or a size that is not a whole number from 1.
    """
    shape = (input_size, hidden_size, batch_size, length)
    known = flops.forward_flops(_known(cell), *shape)
    if cell not in _LIGHT:
        return known
    kind, units = _LIGHT[cell], hidden_size * batch_size * length
    products = 2 * (kind.inputs * input_size + kind.states * hidden_size) * units
    return Flops(matmul=products, elementwise=kind.forward * units)


def multiply_adds(cell: str, input_size: int, hidden_size: int) -> int:
    """Multiply-adds of the products of one step of one sequence."""
    return forward_flops(cell, input_size, hidden_size).matmul // 2


def state_bytes(cell: str, hidden_size: int, batch_size: int = 1) -> int:
    """Bytes carried from one step to the next: every light cell carries h alone, as a GRU does."""
    return flops.state_bytes(_known(cell), hidden_size, batch_size)


def _known(cell: str) -> str:
    """A cell that `flops` knows, which looks at the sizes and refuses the unknown: of a light one the GRU, which has one state."""
    return "gru" if cell in _LIGHT else cell
