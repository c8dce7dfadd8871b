"""A cell over time, two ways with the same weights: traced for reading, fast for training."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn

from gatedrnn.cells import Cell, State, cell_class
from gatedrnn.kernels import matched, stepwise
from gatedrnn.kernels.lengths import at_lengths, check_lengths, masked
from gatedrnn.kernels.shapes import BLOCKS

STOCK: dict[str, type[nn.RNNBase]] = {"lstm": nn.LSTM, "gru": nn.GRU, "rnn": nn.RNN}
PATHS = {"lstm": "torch.nn", "gru": "stepwise", "rnn": "stepwise", "relu": "stepwise", "gru_before": "reference"}
"""Path of each cell where the matched kernels cannot be compiled: `torch.nn` has a fused kernel for the LSTM alone."""


@dataclass(frozen=True)
class Traced:
    """What a layer did: outputs and last state as from `forward`, and every gate.

    `gates[layer][name]` is (T, B, H), or (B, T, H) where the layer is batch first.
    """

    outputs: Tensor
    state: State
    gates: list[dict[str, Tensor]]


class Recurrent(nn.Module):
    """One or more layers of a cell over whole sequences.

    Args:
        cell: `lstm`, `gru` (reset-after), `gru_before` (reset-before), `rnn` (tanh) or `relu` (plain, with a rectifier).
        input_size: I. hidden_size: H. num_layers: L ≥ 1.
        batch_first: sequences are (B, T, I) instead of (T, B, I), as in `torch.nn`.

    The state is a tuple of (L, B, H) tensors: `(h,)`, for the LSTM `(h, c)`.
    """

    def __init__(
        self, cell: str, input_size: int, hidden_size: int, num_layers: int = 1, batch_first: bool = False
    ) -> None:
        super().__init__()
        if not (isinstance(num_layers, int) and num_layers >= 1):
            raise ValueError(f"num_layers = {num_layers!r} is not allowed: a whole number of at least 1")
        kind = cell_class(cell)
        self.cell, self.hidden_size, self.batch_first = cell, hidden_size, batch_first
        sizes = [input_size, *[hidden_size] * (num_layers - 1)]
        self.layers = nn.ModuleList(kind(size, hidden_size) for size in sizes)

    @property
    def path(self) -> str:
        """Which kernel `forward` runs: recorded with each run."""
        return "matched" if self.cell in BLOCKS and matched.available() else PATHS[self.cell]

    def forward(self, x: Tensor, state: State | None = None, lengths: Tensor | None = None) -> tuple[Tensor, State]:
        """Run over sequences with the fastest sound kernel.

        Args:
            x: (T, B, I) or, batch first, (B, T, I).
            state: initial state; zeros by default.
            lengths: (B,) true lengths; later outputs are zero, and the state returned is that of the true end.

        Returns:
            outputs, (T, B, H) or (B, T, H), and the last state.
        """
        steps, given = self._enter(x, state)
        if lengths is not None:
            check_lengths(lengths, *steps.shape[:2])
        last = []
        for layer, first in zip(self._cells(), given, strict=True):
            steps, end = self._layer(layer, steps, first, lengths)
            last.append(end)
        return self._leave(steps), tuple(torch.stack(each) for each in zip(*last, strict=True))

    def trace(self, x: Tensor, state: State | None = None, lengths: Tensor | None = None) -> Traced:
        """Run over sequences step by step with the reference cells and keep every gate; arguments as for `forward`."""
        steps, given = self._enter(x, state)
        if lengths is not None:
            check_lengths(lengths, *steps.shape[:2])
        last, gates = [], []
        for layer, first in zip(self._cells(), given, strict=True):
            steps, end, traces = _stepped(layer, steps, first, lengths)
            last.append(end)
            gates.append({name: self._leave(values) for name, values in traces.items()})
        return Traced(self._leave(steps), tuple(torch.stack(each) for each in zip(*last, strict=True)), gates)

    def _layer(self, layer: Cell, x: Tensor, state: State, lengths: Tensor | None) -> tuple[Tensor, State]:
        weights = (layer.weight_ih, layer.weight_hh, layer.bias_ih, layer.bias_hh)
        if self.path == "matched":
            return matched.run(self.cell, x, state, *weights, lengths=lengths)
        if self.path == "reference" or (lengths is not None and self.cell == "lstm"):
            return _stepped(layer, x, state, lengths)[:2]  # only the steps know c at each true length
        if self.path == "stepwise":
            outputs, last = stepwise.run(self.cell, x, state, *weights)
        else:
            first = tuple(each.unsqueeze(0) for each in state)
            outputs, *ends = torch.lstm(x, first, weights, True, 1, 0.0, self.training, False, False)
            last = tuple(each[0] for each in ends)
        if lengths is None:
            return outputs, last
        return masked(outputs, lengths), (at_lengths(outputs, lengths),)

    def _enter(self, x: Tensor, state: State | None) -> tuple[Tensor, list[State]]:
        if x.dim() != 3 or 0 in x.shape[:2]:
            order = "(B, T, I)" if self.batch_first else "(T, B, I)"
            raise ValueError(f"x of shape {tuple(x.shape)} is not allowed: {order}, T and B at least 1")
        steps = x.transpose(0, 1) if self.batch_first else x
        first = self._cells()[0]
        if x.shape[-1] != first.input_size:
            raise ValueError(f"x has {x.shape[-1]} features; this layer takes {first.input_size}")
        shape = (len(self.layers), steps.shape[1], self.hidden_size)
        names = first.states
        if state is None:
            return steps, [tuple(x.new_zeros(shape[1:]) for _ in names) for _ in self.layers]
        if len(state) != len(names) or any(tuple(each.shape) != shape for each in state):
            found = ", ".join(str(tuple(each.shape)) for each in state)
            raise ValueError(f"state of shapes {found} is not allowed: {', '.join(names)}, each {shape}")
        return steps, list(zip(*state, strict=True))

    def _cells(self) -> list[Cell]:
        return cast("list[Cell]", list(self.layers))

    def _leave(self, steps: Tensor) -> Tensor:
        return steps.transpose(0, 1) if self.batch_first else steps


def _stepped(layer: Cell, x: Tensor, state: State, lengths: Tensor | None) -> tuple[Tensor, State, dict[str, Tensor]]:
    """The plain loop: outputs (T, B, H), last state, and each gate over time (T, B, H)."""
    outputs, traces = [], []
    for t, x_t in enumerate(x):
        new, trace = layer(x_t, state)
        if lengths is not None:
            going = (t < lengths).unsqueeze(-1)
            state = tuple(torch.where(going, a, b) for a, b in zip(new, state, strict=True))
            outputs.append(new[0] * going)
        else:
            state = new
            outputs.append(new[0])
        traces.append(trace)
    gates = {name: torch.stack([trace[name] for trace in traces]) for name in traces[0]}
    return torch.stack(outputs), state, gates
