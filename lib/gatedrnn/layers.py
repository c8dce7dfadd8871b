"""A cell over time, two ways with the same weights: traced for reading, fast for training."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn

from gatedrnn.catalogue import CELLS
from gatedrnn.cells import Cell, Sequential, State
from gatedrnn.checks import whole
from gatedrnn.choices import Choices
from gatedrnn.kernels import dispatch, reference
from gatedrnn.kernels.lengths import Lengths, as_lengths

STOCK: Choices[type[nn.RNNBase]] = Choices("cell", {"lstm": nn.LSTM, "gru": nn.GRU, "rnn": nn.RNN})


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
        num_layers, hidden_size = whole("num_layers", num_layers), whole("hidden_size", hidden_size)
        kind = CELLS[cell]
        self.cell, self.hidden_size, self.batch_first = cell, hidden_size, batch_first
        sizes = [input_size, *[hidden_size] * (num_layers - 1)]
        self.layers = nn.ModuleList(kind(size, hidden_size) for size in sizes)

    @property
    def path(self) -> str:
        """Which kernel `forward` runs: recorded with each run."""
        if isinstance(self._cells()[0], Sequential):
            return "own"
        weight = self._cells()[0].weight_ih
        return dispatch.path(self.cell, weight.dtype, weight.device.type)

    def forward(self, x: Tensor, state: State | None = None, lengths: Lengths | None = None) -> tuple[Tensor, State]:
        """Run over sequences with the fastest sound kernel.

        Args:
            x: (T, B, I) or, batch first, (B, T, I).
            state: initial state; zeros by default.
            lengths: B true lengths in any form; later outputs are zero, and the state returned is that of the true end.

        Returns:
            outputs, (T, B, H) or (B, T, H), and the last state.
        """
        dispatch.tell(self.cell)
        steps, given = self._enter(x, state)
        last = []
        for layer, first in zip(self._cells(), given, strict=True):
            if isinstance(layer, Sequential):
                steps, end = layer.sequence(steps, first, lengths)
                last.append(end)
                continue
            weights = (layer.weight_ih, layer.weight_hh, layer.bias_ih, layer.bias_hh)
            steps, end = dispatch.run(self.cell, steps, first, weights, lengths)
            last.append(end)
        return self._leave(steps), tuple(torch.stack(each) for each in zip(*last, strict=True))

    def trace(self, x: Tensor, state: State | None = None, lengths: Lengths | None = None) -> Traced:
        """Run over sequences step by step with the reference cells and keep every gate; arguments as for `forward`."""
        dispatch.tell(self.cell)
        steps, given = self._enter(x, state)
        ends = None if lengths is None else as_lengths(lengths, *steps.shape[:2]).to(x.device)
        last, gates = [], []
        for layer, first in zip(self._cells(), given, strict=True):
            steps, end, traces = reference.steps(layer, steps, first, ends)
            last.append(end)
            gates.append({name: self._leave(values) for name, values in traces.items()})
        return Traced(self._leave(steps), tuple(torch.stack(each) for each in zip(*last, strict=True)), gates)

    def _enter(self, x: Tensor, state: State | None) -> tuple[Tensor, list[State]]:
        if not isinstance(x, Tensor):
            raise ValueError(
                f"x of type {type(x).__name__} is not allowed: a tensor; packed sequences go to gatedrnn.nn"
            )
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
