"""`LSTM`, `GRU` and `RNN` of `torch.nn` with faster kernels on the CPU, and `swap`, which gives them to a finished model.

Each class is a subclass of its namesake and overrides `forward` alone: constructor, parameters, state dict, initial
values, `repr` and errors are those of `torch.nn`, and so are the results, to rounding. What the kernels do not run goes
to `torch.nn`'s own `forward`: other devices and 16 bits, autocast, transforms of `torch.func`, forward-mode derivatives,
tracing, scripting and export (an exported program needs torch alone), and whatever is wrong, for torch's own error.
"""

from __future__ import annotations

import copy
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.autograd import forward_ad
from torch.nn.functional import dropout
from torch.nn.utils.rnn import PackedSequence

from gatedrnn.kernels import matched, stepwise

CELLS = {"LSTM": "lstm", "GRU": "gru", "RNN_TANH": "rnn", "RNN_RELU": "relu"}
"""Our cell for each `mode` of `torch.nn`."""


class _Layers(nn.RNNBase):
    """What the three classes share: `forward`, and the way back to `torch.nn`."""

    stock: ClassVar[type[nn.RNNBase]]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.proj_size:
            raise ValueError(f"proj_size = {self.proj_size} is not allowed: 0; torch.nn.LSTM has projections")

    def forward(self, input: Any, hx: Any = None) -> tuple[Any, Any]:
        """Run over sequences.

        Args:
            input: (T, B, I), batch first (B, T, I), a single sequence (T, I), or a `PackedSequence`.
            hx: initial state, h or for the LSTM (h, c), each (L·D, B, H), or (L·D, H) for a single sequence; D is 2
                where the layer is bidirectional, else 1. Zeros by default.

        Returns:
            Outputs (T, B, D·H), in the form of the input, and the last state, in the form of `hx`.

        Raises:
            RuntimeError, ValueError: as from `torch.nn`.
        """
        if "torch._dynamo" not in sys.modules or torch.compiler.is_compiling():
            return self._forward(input, hx)
        return _apart()(self, input, hx)

    def _forward(self, input: Any, hx: Any) -> tuple[Any, Any]:
        self._update_flat_weights()
        kernel = self._kernel(input, hx)
        if kernel is None:
            return super().forward(input, hx)  # type: ignore[misc]  # RNNBase has none; its subclasses do
        if isinstance(input, PackedSequence):
            layout = _Packed(input.batch_sizes)
            if hx is not None:
                hx = self.permute_hidden(hx, input.sorted_indices)
            rows, last = self._run(kernel, layout, input.data, hx)
            outputs = PackedSequence(rows, input.batch_sizes, input.sorted_indices, input.unsorted_indices)
            return outputs, self.permute_hidden(last, input.unsorted_indices)
        if input.dim() == 2:
            if hx is not None:
                hx = _each(hx, lambda h: h.unsqueeze(1))
            steps, last = self._run(kernel, _Whole(), input.unsqueeze(1), hx)
            return steps.squeeze(1), _each(last, lambda h: h.squeeze(1))
        steps, last = self._run(kernel, _Whole(), input.transpose(0, 1) if self.batch_first else input, hx)
        return steps.transpose(0, 1) if self.batch_first else steps, last

    def _kernel(self, input: Any, hx: Any) -> Any:
        """What runs these arguments: a kernel, or None for `torch.nn`."""
        packed = isinstance(input, PackedSequence)
        x = input.data if packed else input
        states = hx if isinstance(hx, tuple | list) else [] if hx is None else [hx]
        if _transformed() or not all(_plain(each, x) for each in (x, *states, *self._flat_weights)):
            return None
        if x.dim() not in ((2,) if packed else (2, 3)) or x.shape[-1] != self.input_size or x.numel() == 0:
            return None
        batch = int(input.batch_sizes[0]) if packed else x.shape[0 if self.batch_first else 1]
        places = self.num_layers * (2 if self.bidirectional else 1)
        shape = (places, batch, self.hidden_size) if packed or x.dim() == 3 else (places, self.hidden_size)
        wanted = 2 if self.mode == "LSTM" else 1
        if hx is not None and (
            isinstance(hx, Tensor) == (wanted == 2)
            or len(states) != wanted
            or any(tuple(each.shape) != shape for each in states)
        ):
            return None
        if self.proj_size:  # a layer that was stored by torch.nn, perhaps
            return None
        if _compiled():
            return matched.run
        slow = self.mode != "LSTM" and torch.is_grad_enabled()  # torch has no fused backward pass for the others
        return stepwise.run if slow and not packed else None

    def _run(self, kernel: Any, layout: _Whole | _Packed, x: Tensor, hx: Any) -> tuple[Tensor, Any]:
        """All layers: x as the layout has it, `hx` (L·D, B, H)."""
        ways, count = 2 if self.bidirectional else 1, 4 if self.bias else 2
        cell = CELLS[self.mode]
        if hx is None:
            none = x.new_zeros(self.num_layers * ways, layout.batch(x), self.hidden_size)
            hx = (none, none.clone()) if cell == "lstm" else none
        state = (hx,) if isinstance(hx, Tensor) else hx
        zeros = [] if self.bias else [x.new_zeros(len(self._flat_weights[0])) for _ in range(2)]  # type: ignore[arg-type]
        if layout.lengths is not None:
            kernel = partial(kernel, lengths=layout.lengths)
        ends = []
        for layer in range(self.num_layers):
            outputs = []
            for way in range(ways):
                place = layer * ways + way
                weights = [*self._flat_weights[place * count : (place + 1) * count], *zeros]
                steps = layout.enter(x, way)
                first = tuple(each[place] for each in state)
                steps, end = kernel(cell, steps, first, *weights)
                outputs.append(layout.leave(steps, way))
                ends.append(end)
            x = torch.cat(outputs, -1) if ways == 2 else outputs[0]
            if self.dropout and self.training and layer < self.num_layers - 1:
                x = dropout(x, self.dropout)
        if not torch.compiler.is_compiling() and x.requires_grad and x._is_view():
            x = x.clone()  # kernels keep their outputs for the backward pass; these may be changed in place
        last = tuple(torch.stack(each) for each in zip(*ends, strict=True))
        return x, last if cell == "lstm" else last[0]

    def __prepare_scriptable__(self) -> nn.RNNBase:
        """`torch.jit.script` gets torch's own layer, with these parameters."""
        return _as(copy.copy(self), self.stock)


class LSTM(_Layers, nn.LSTM):
    """`torch.nn.LSTM` with faster kernels on the CPU (Hochreiter and Schmidhuber 1997); arguments as there, no `proj_size`."""

    stock = nn.LSTM


class GRU(_Layers, nn.GRU):
    """`torch.nn.GRU`, reset after the product, with faster kernels on the CPU (Cho et al. 2014); arguments as there."""

    stock = nn.GRU


class RNN(_Layers, nn.RNN):
    """`torch.nn.RNN` (Elman 1990; tanh or ReLU) with faster kernels on the CPU; arguments as there."""

    stock = nn.RNN


@cache
def _apart() -> Callable[..., tuple[Any, Any]]:
    """`_forward`, out of reach of `torch.compile`: it leaves recurrent layers alone, but not each function they call."""
    return torch.compiler.disable(_Layers._forward)


@dataclass(frozen=True)
class Swap:
    """What `swap` did: `replaced`, (qualified name, layer as it prints), and `left`, (qualified name, reason)."""

    replaced: list[tuple[str, str]]
    left: list[tuple[str, str]]

    def __str__(self) -> str:
        done = [f"{name}: {layer} replaced" for name, layer in self.replaced]
        return "\n".join(done + [f"{name}: left, {reason}" for name, reason in self.left]) or "no recurrent layer found"


def swap(model: nn.Module, back: bool = False) -> Swap:
    """Replace every LSTM, GRU and RNN of `torch.nn` in a model, in place.

    The layers stay the same objects with another class, so that parameters, hooks, modes, and whatever refers to them
    (an optimiser, another part of the model) stay as they are.

    Args:
        model: it, or any module in it, may be a recurrent layer.
        back: replace those of this module by `torch.nn`'s instead.

    Returns:
        What was replaced, and which recurrent layers were left, each with the reason. The name of `model` itself is "".
    """
    classes: dict[type, type[nn.RNNBase]] = {each.stock: each for each in (LSTM, GRU, RNN)}
    if back:
        classes = {new: old for old, new in classes.items()}
    replaced, left = [], []
    for name, module in model.named_modules():
        kind = type(module)
        if reason := _obstacle(module, kind, set(classes)):
            left.append((name, reason))
        elif kind in classes:
            replaced.append((name, repr(module)))
            _as(module, classes[kind])
    return Swap(replaced, left)


def _obstacle(module: nn.Module, kind: type, from_: set[type]) -> str | None:
    """Why a layer that looks recurrent cannot be replaced."""
    named = getattr(module, "original_name", kind.__name__)
    if kind in from_:
        if getattr(module, "proj_size", 0):
            return f"proj_size = {module.proj_size}: the kernels have no projection"
        return "its forward was replaced" if "forward" in module.__dict__ else None
    if nn.utils.parametrize.is_parametrized(module) and isinstance(module, nn.RNNBase):
        return "its weights are parametrised"
    ours = kind in (nn.LSTM, nn.GRU, nn.RNN, LSTM, GRU, RNN)
    if not ours and (isinstance(module, nn.RNNBase) or named in ("LSTM", "GRU", "RNN")):
        return f"it is a {kind.__module__}.{kind.__qualname__}"
    return None


def _as(module: nn.Module, kind: type[nn.RNNBase]) -> nn.RNNBase:
    module.__class__ = kind  # type: ignore[assignment]
    return module  # type: ignore[return-value]


class _Whole:
    """Sequences of one length, (T, B, I)."""

    lengths = None

    def batch(self, x: Tensor) -> int:
        """B."""
        return x.shape[1]

    def enter(self, x: Tensor, way: int) -> Tensor:
        """In the order in which a direction reads: way 1 from the end."""
        return x.flip(0) if way else x

    leave = enter


class _Packed:
    """Rows (N, I) of a `PackedSequence`, and which of the (T·B) padded rows each of them is, in both directions."""

    def __init__(self, batch_sizes: Tensor) -> None:
        self.shape = (len(batch_sizes), int(batch_sizes[0]))
        inside = torch.arange(self.shape[1]) < batch_sizes.unsqueeze(1)  # (T, B)
        lengths = inside.sum(0)
        rows = inside.flatten().nonzero().squeeze(1)  # as packed: step by step
        t, b = rows // self.shape[1], rows % self.shape[1]
        self.rows = (rows, (lengths[b] - 1 - t) * self.shape[1] + b)
        self.lengths = lengths if len(rows) < inside.numel() else None

    def batch(self, x: Tensor) -> int:
        """B."""
        return self.shape[1]

    def enter(self, x: Tensor, way: int) -> Tensor:
        """(N, I) → (T, B, I), zeros after the true ends."""
        padded = x.new_zeros(self.shape[0] * self.shape[1], x.shape[-1]).index_copy(0, self.rows[way], x)
        return padded.unflatten(0, self.shape)

    def leave(self, steps: Tensor, way: int) -> Tensor:
        """(T, B, H) → (N, H)."""
        return steps.flatten(0, 1).index_select(0, self.rows[way])


def _each(state: Any, change: Any) -> Any:
    return change(state) if isinstance(state, Tensor) else tuple(change(each) for each in state)


def _plain(tensor: Any, x: Any) -> bool:
    """Whether it is a tensor as the kernels take them, of the dtype of x; not one of a subclass with rules of its own."""
    return (
        type(tensor) in (Tensor, nn.Parameter)
        and tensor.device.type == "cpu"
        and tensor.dtype in (torch.float32, torch.float64)
        and tensor.dtype == x.dtype
        and tensor.layout == torch.strided
    )


@torch.compiler.assume_constant_result
def _compiled() -> bool:
    return matched.available()


def _transformed() -> bool:
    """Whether operations are recorded or transformed by something that knows torch's layers and not these kernels."""
    if torch.is_autocast_enabled("cpu"):
        return True
    if torch.compiler.is_compiling():
        return torch.compiler.is_exporting()
    return torch.jit.is_tracing() or forward_ad._current_level >= 0 or torch._C._are_functorch_transforms_active()
