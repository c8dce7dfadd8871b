"""Reference cells: one step of each recurrent cell, readable as its equations, every gate returned.

For reading, tracing and testing, not for speed: `gatedrnn.layers` runs the same weights with fast kernels. Weights have
the names, shapes and block order of `torch.nn`, so that a cell takes the state dict of one layer of it.
Introduced in the chapter *architecture/anatomy*.
"""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor, nn, relu, sigmoid, tanh

from gatedrnn.checks import whole
from gatedrnn.kernels.lengths import Lengths

State = tuple[Tensor, ...]
Trace = dict[str, Tensor]


class Cell(nn.Module):
    """One step of a recurrent cell.

    Args:
        input_size: I, features of the input.
        hidden_size: H, units.

    A subclass names its weight blocks (`blocks`), which of them are gates, and the vectors that it carries from step
    to step (`states`).
    """

    blocks: ClassVar[tuple[str, ...]]
    gates: ClassVar[tuple[str, ...]] = ()
    states: ClassVar[tuple[str, ...]] = ("h",)

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        input_size, hidden_size = whole("input_size", input_size), whole("hidden_size", hidden_size)
        self.input_size, self.hidden_size = input_size, hidden_size
        rows = len(self.blocks) * hidden_size
        self.weight_ih = nn.Parameter(torch.empty(rows, input_size))
        self.weight_hh = nn.Parameter(torch.empty(rows, hidden_size))
        self.bias_ih = nn.Parameter(torch.empty(rows))
        self.bias_hh = nn.Parameter(torch.empty(rows))
        for parameter in self.parameters():
            nn.init.uniform_(parameter, -(hidden_size**-0.5), hidden_size**-0.5)

    def zero_state(self, x: Tensor) -> State:
        """Zeros of shape (B, H), one for each vector of `states`, for inputs x of shape (B, I)."""
        return tuple(x.new_zeros(len(x), self.hidden_size) for _ in self.states)

    def forward(self, x: Tensor, state: State) -> tuple[State, Trace]:
        """One step.

        Args:
            x: (B, I) input of this step.
            state: vectors of the step before, each (B, H), in the order of `states`.

        Returns:
            The new state, and every gate and candidate by name, each (B, H).
        """
        raise NotImplementedError


class Sequential(Cell):
    """A cell that has a way of its own over whole sequences, faster than step by step."""

    def sequence(self, x: Tensor, state: State, lengths: Lengths | None) -> tuple[Tensor, State]:
        """All steps: x (T, B, I) → outputs (T, B, H) and the last state, as `gatedrnn.kernels.dispatch.run` has them."""
        raise NotImplementedError


class RNN(Cell):
    """The plain recurrent network with tanh (Elman 1990): one layer, no gate."""

    blocks = ("h",)

    def forward(self, x: Tensor, state: State) -> tuple[State, Trace]:
        """h' = tanh(W x + b + U h + b')."""
        (h,) = state
        h = tanh(x @ self.weight_ih.T + self.bias_ih + h @ self.weight_hh.T + self.bias_hh)
        return (h,), {"h": h}


class ReLURNN(Cell):
    """The plain recurrent network with a rectifier in place of tanh (Le et al. 2015): its state has no upper end."""

    blocks = ("h",)

    def forward(self, x: Tensor, state: State) -> tuple[State, Trace]:
        """h' = max(W x + b + U h + b', 0)."""
        (h,) = state
        h = relu(x @ self.weight_ih.T + self.bias_ih + h @ self.weight_hh.T + self.bias_hh)
        return (h,), {"h": h}


class LSTM(Cell):
    """Long short-term memory with a forget gate (Hochreiter and Schmidhuber 1997; Gers et al. 2000)."""

    blocks = ("i", "f", "g", "o")
    gates = ("i", "f", "o")
    states = ("h", "c")

    def forward(self, x: Tensor, state: State) -> tuple[State, Trace]:
        """c' = f c + i g;  h' = o tanh(c')."""
        h, c = state
        a = x @ self.weight_ih.T + self.bias_ih + h @ self.weight_hh.T + self.bias_hh  # (B, 4H)
        a_i, a_f, a_g, a_o = a.chunk(4, dim=-1)
        i = sigmoid(a_i)  # input gate: how much of the candidate to write
        f = sigmoid(a_f)  # forget gate: how much of the old cell state to keep
        g = tanh(a_g)  # candidate: what to write
        o = sigmoid(a_o)  # output gate: how much of the cell state to show
        c = f * c + i * g
        h = o * tanh(c)
        return (h, c), {"i": i, "f": f, "g": g, "o": o, "c": c, "h": h}


class GRU(Cell):
    """Gated recurrent unit, reset after the matrix product: the variant of PyTorch and cuDNN.

    The update gate z *keeps*: at z = 1 the old state stays.
    """

    blocks = ("r", "z", "n")
    gates = ("r", "z")

    def forward(self, x: Tensor, state: State) -> tuple[State, Trace]:
        """n = tanh(W x + b + r (U h + b'));  h' = (1 − z) n + z h."""
        (h,) = state
        x_r, x_z, x_n = (x @ self.weight_ih.T + self.bias_ih).chunk(3, dim=-1)
        h_r, h_z, h_n = (h @ self.weight_hh.T + self.bias_hh).chunk(3, dim=-1)
        r = sigmoid(x_r + h_r)  # reset gate: how much of the old state the candidate sees
        z = sigmoid(x_z + h_z)  # update gate: how much of the old state to keep
        n = tanh(x_n + r * h_n)  # candidate: reset after the product U h
        h = (1 - z) * n + z * h
        return (h,), {"r": r, "z": z, "n": n, "h": h}


class GRUBefore(Cell):
    """Gated recurrent unit, reset before the matrix product: the variant of the paper (Cho et al. 2014)."""

    blocks = ("r", "z", "n")
    gates = ("r", "z")

    def forward(self, x: Tensor, state: State) -> tuple[State, Trace]:
        """n = tanh(W x + b + U (r h) + b');  h' = (1 − z) n + z h."""
        (h,) = state
        u_r, u_z, u_n = self.weight_hh.chunk(3)
        b_r, b_z, b_n = self.bias_hh.chunk(3)
        x_r, x_z, x_n = (x @ self.weight_ih.T + self.bias_ih).chunk(3, dim=-1)
        r = sigmoid(x_r + h @ u_r.T + b_r)  # reset gate: how much of the old state the candidate sees
        z = sigmoid(x_z + h @ u_z.T + b_z)  # update gate: how much of the old state to keep
        n = tanh(x_n + (r * h) @ u_n.T + b_n)  # candidate: reset before the product with U
        h = (1 - z) * n + z * h
        return (h,), {"r": r, "z": z, "n": n, "h": h}
