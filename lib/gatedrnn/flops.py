"""Work and memory of a recurrent layer, counted from its shapes alone.

Conventions, kept by every function here:

- one layer, one direction, two bias vectors as in ``torch.nn``, float32 (4 bytes a number);
- a multiply-add is 2 FLOPs; every other addition, multiplication, sigmoid or tanh is 1;
- products of matrices (``matmul``) and everything else (``elementwise``) are counted apart, because only the
  products grow with the square of the width and only they are seen by ``torch.utils.flop_counter``;
- the initial state is zero and asks for no gradient.

With G gate-sized blocks (tanh RNN 1, LSTM 4, GRU 3), input size I, hidden size H, batch B and length T,

    parameters        G (I H + H² + 2 H)
    forward matmul    2 G H (I + H) B T
    backward matmul   2 G H (I + H) B T   for the weights
                    + 2 G H² B (T - 1)    for the state handed back in time
                    + 2 G H I B T         for the input, if it asks for a gradient

so the GRU does 3/4 of the LSTM's products at equal width: the 0.75 line of the chapter ``performance/cost``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from gatedrnn.choices import Choices

FLOAT_BYTES = 4


@dataclass(frozen=True)
class _Cell:
    """What one step of a cell costs for one hidden unit, apart from the products."""

    blocks: int  # gate-sized blocks of weights
    states: int  # vectors of size H carried from step to step
    forward: int  # elementwise FLOPs
    backward: int  # elementwise FLOPs
    kept: int  # floats that a backward pass cannot do without


# Forward, LSTM: 4 × (3 additions + 1 activation), c = f c + i g is 3, h = o tanh(c) is 2: 21.
# Forward, GRU:  r and z 2 × (3 + 1), n = tanh(Wx + b + r (Uh + b)) is 5, h = (1 - z) n + z h is 4: 17.
# Backward: 3 for each activation, 2 bias sums a block, 1 for each product or sum in the chain rule.
# Kept: LSTM i f g o c h; GRU r z n h, and U_n h + b when the reset comes after the product.
_CELLS = Choices(
    "cell",
    {
        "rnn": _Cell(blocks=1, states=1, forward=4, backward=6, kept=1),
        "relu": _Cell(blocks=1, states=1, forward=4, backward=4, kept=1),
        "lstm": _Cell(blocks=4, states=2, forward=21, backward=31, kept=6),
        "gru": _Cell(blocks=3, states=1, forward=17, backward=24, kept=5),
        "gru_before": _Cell(blocks=3, states=1, forward=17, backward=25, kept=4),
    },
)
"""``gru`` resets after the product as PyTorch does, ``gru_before`` as the paper does."""


@dataclass(frozen=True)
class Flops:
    """Floating-point operations, a multiply-add being 2."""

    matmul: int
    elementwise: int

    @property
    def total(self) -> int:
        """All operations together."""
        return self.matmul + self.elementwise

    def __add__(self, other: Flops) -> Flops:
        return Flops(self.matmul + other.matmul, self.elementwise + other.elementwise)


def _sizes(**sizes: int) -> None:
    for name, value in sizes.items():
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise ValueError(f"{name} = {value!r} is not allowed: whole numbers from 1")


def count_parameters(cell: str, input_size: int, hidden_size: int) -> int:
    """Count the parameters of one layer: G (I H + H² + 2 H).

    Raises:
        ValueError: unknown cell, or a size that is not a whole number from 1.
    """
    _sizes(input_size=input_size, hidden_size=hidden_size)
    return _CELLS[cell].blocks * hidden_size * (input_size + hidden_size + 2)


def parameter_bytes(cell: str, input_size: int, hidden_size: int) -> int:
    """Bytes of one layer's float32 parameters."""
    return FLOAT_BYTES * count_parameters(cell, input_size, hidden_size)


def width_for(cell: str, budget: int, input_size: int) -> int:
    """Hidden size whose layer comes nearest to ``budget`` parameters.

    With I = H the GRU that matches an LSTM is √(4/3) ≈ 1.155 times as wide.

    Raises:
        ValueError: unknown cell, or a budget or size that is not a whole number from 1.
    """
    _sizes(budget=budget, input_size=input_size)
    blocks, linear = _CELLS[cell].blocks, input_size + 2
    root = (math.sqrt(linear**2 + 4 * budget / blocks) - linear) / 2
    nearest = {max(1, math.floor(root)), max(1, math.ceil(root))}
    return min(nearest, key=lambda width: abs(count_parameters(cell, input_size, width) - budget))


def forward_flops(cell: str, input_size: int, hidden_size: int, batch_size: int = 1, length: int = 1) -> Flops:
    """FLOPs of a forward pass over a batch of sequences.

    Both GRUs have the same count: where the reset is applied moves a multiplication, it does not add one.

    Raises:
        ValueError: unknown cell, or a size that is not a whole number from 1.
    """
    _sizes(input_size=input_size, hidden_size=hidden_size, batch_size=batch_size, length=length)
    kind, steps = _CELLS[cell], batch_size * length
    return Flops(
        matmul=2 * kind.blocks * hidden_size * (input_size + hidden_size) * steps,
        elementwise=kind.forward * hidden_size * steps,
    )


def backward_flops(
    cell: str,
    input_size: int,
    hidden_size: int,
    batch_size: int = 1,
    length: int = 1,
    *,
    input_gradient: bool = False,
) -> Flops:
    """FLOPs of the backward pass that follows ``forward_flops`` (zero initial state, nothing recomputed).

    Raises:
        ValueError: unknown cell, or a size that is not a whole number from 1.
    """
    _sizes(input_size=input_size, hidden_size=hidden_size, batch_size=batch_size, length=length)
    kind, steps = _CELLS[cell], batch_size * length
    per_pair = 2 * kind.blocks * hidden_size
    weights = per_pair * (input_size + hidden_size) * steps
    state = per_pair * hidden_size * batch_size * (length - 1)
    inputs = per_pair * input_size * steps if input_gradient else 0
    return Flops(matmul=weights + state + inputs, elementwise=kind.backward * hidden_size * steps)


def training_flops(cell: str, input_size: int, hidden_size: int, batch_size: int = 1, length: int = 1) -> Flops:
    """FLOPs of forward and backward together, without loss and optimiser."""
    shape = (input_size, hidden_size, batch_size, length)
    return forward_flops(cell, *shape) + backward_flops(cell, *shape)


def state_bytes(cell: str, hidden_size: int, batch_size: int = 1) -> int:
    """Bytes carried from one step to the next: h, and c for the LSTM.

    Raises:
        ValueError: unknown cell, or a size that is not a whole number from 1.
    """
    _sizes(hidden_size=hidden_size, batch_size=batch_size)
    return FLOAT_BYTES * _CELLS[cell].states * hidden_size * batch_size


def activation_bytes(cell: str, hidden_size: int, batch_size: int = 1, length: int = 1) -> int:
    """Fewest bytes that a forward pass must keep for the backward pass, the input apart.

    Kept for each unit and step: LSTM i, f, g, o, c, h (6); GRU r, z, n, h and the product that the reset gate
    multiplies (5; 4 with the reset before the product); tanh RNN h (1). tanh(c) and r h are recomputed.
    Real kernels keep more: see ``footprint.saved_bytes``.

    Raises:
        ValueError: unknown cell, or a size that is not a whole number from 1.
    """
    _sizes(hidden_size=hidden_size, batch_size=batch_size, length=length)
    return FLOAT_BYTES * _CELLS[cell].kept * hidden_size * batch_size * length
