"""Drop-in layers: `LSTM`, `GRU` and `RNN` as in `torch.nn`, on this package's kernels; and `swap`, for a model that exists.

Constructor, arguments, results, state dict and errors are those of `torch.nn`, whose subclasses they are. What the kernels
do not serve (another device than the CPU, 16 bits, autocast, an empty batch, an export) runs on torch's own code.
Introduced in the chapter *performance/cost*.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

from gatedrnn.kernels import dispatch

CELLS = {"LSTM": "lstm", "GRU": "gru", "RNN_TANH": "rnn", "RNN_RELU": "relu"}
"""Mode of a torch layer → cell."""


class _Layer(nn.RNNBase):
    """What the three layers share: torch's checks around this package's kernels."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.proj_size:
            raise ValueError(f"proj_size = {self.proj_size!r} is not allowed: 0; torch.nn.LSTM has projections")

    def forward(self, input: Any, hx: Any = None) -> Any:  # torch's names
        """Run over sequences.

        Args:
            input: (T, B, I), or (B, T, I) where the layer is batch first, or (T, I), or a PackedSequence.
            hx: initial state, zeros by default: h, or for the LSTM (h, c), each (L·D, B, H), or (L·D, H) without a batch,
                with D directions.

        Returns:
            Outputs in the form of the input, with D·H features, and the last state in the form of hx.

        Raises:
            RuntimeError, ValueError: a shape or dtype that does not fit, in torch's words.
        """
        packed = isinstance(input, PackedSequence)
        x = input.data if packed else input
        if not self._served(x):
            return super().forward(input, hx)
        lengths: Any = None
        batched = packed or x.dim() == 3
        if packed:
            self._check(x, hx, input)
            x, lengths = pad_packed_sequence(PackedSequence(input.data, input.batch_sizes))  # longest first
        else:
            self._check(x, hx, None)
            if not batched:
                x = x.unsqueeze(1)
            elif self.batch_first:
                x = x.transpose(0, 1)
        state = self._states(x, hx, batched, input.sorted_indices if packed else None)
        even = lengths is None or int(lengths[-1]) == len(x)
        outputs, last = self._run(x, state, None if even else lengths)
        if packed:
            data = pack_padded_sequence(outputs, lengths).data
            found: Any = PackedSequence(data, input.batch_sizes, input.sorted_indices, input.unsorted_indices)
            if input.unsorted_indices is not None:
                last = tuple(each.index_select(1, input.unsorted_indices) for each in last)
        else:
            found = outputs.squeeze(1) if not batched else outputs.transpose(0, 1) if self.batch_first else outputs
            last = last if batched else tuple(each.squeeze(1) for each in last)
        return found, last if self.mode == "LSTM" else last[0]

    def _served(self, x: Any) -> bool:
        """Whether the kernels take this input; torch takes, or refuses, the rest."""
        if not isinstance(x, Tensor) or x.dim() not in (2, 3) or 0 in x.shape or torch.jit.is_tracing():
            return False
        if x.dtype != self.weight_ih_l0.dtype or self.weight_ih_l0.device != x.device or self.proj_size:
            return False
        if torch.is_autocast_enabled(x.device.type):
            return False
        return dispatch.path(CELLS[self.mode], x.dtype, x.device.type) in ("matched", "stepwise")

    def _check(self, x: Tensor, hx: Any, packed: PackedSequence | None) -> None:
        """Refuse shapes as torch does."""
        given = () if hx is None else tuple(hx) if self.mode == "LSTM" else (hx,)
        if packed is None:
            wanted = x.dim()
            for each in given:
                if each.dim() != wanted:
                    kind = "batched 3-D" if wanted == 3 else "unbatched 2-D"
                    raise RuntimeError(f"For {kind} input, hx should also be {wanted}-D but got {each.dim()}-D tensor")
            if wanted == 2:
                x, given = x.unsqueeze(0 if self.batch_first else 1), tuple(each.unsqueeze(1) for each in given)
        sizes = None if packed is None else packed.batch_sizes
        self.check_input(x, sizes)
        expected = self.get_expected_hidden_size(x, sizes)
        message = "Expected hidden size {}, got {}"
        for each in given:
            self.check_hidden_size(each, expected, message)
            if each.dtype != x.dtype:
                raise RuntimeError(f"hx of {each.dtype} is not allowed: {x.dtype}, that of the input")

    def _states(self, x: Tensor, hx: Any, batched: bool, order: Tensor | None) -> tuple[Tensor, ...]:
        """Initial vectors (L·D, B, H), in the order of x."""
        if hx is None:
            zeros = x.new_zeros(len(self._all_weights), x.shape[1], self.hidden_size)
            return (zeros, zeros.clone()) if self.mode == "LSTM" else (zeros,)
        given = tuple(hx) if self.mode == "LSTM" else (hx,)
        if not batched:
            return tuple(each.unsqueeze(1) for each in given)
        return given if order is None else tuple(each.index_select(1, order) for each in given)

    def _run(self, x: Tensor, state: tuple[Tensor, ...], lengths: Tensor | None) -> tuple[Tensor, tuple[Tensor, ...]]:
        """All layers and directions over x (T, B, I)."""
        directions = 2 if self.bidirectional else 1
        turned = _turned(x, lengths) if self.bidirectional else None
        last = []
        for first in range(0, len(self._all_weights), directions):
            if first and self.dropout and self.training:
                x = nn.functional.dropout(x, self.dropout)
            sides = []
            for place in range(first, first + directions):
                weights = tuple(getattr(self, name) for name in self._all_weights[place])
                if not self.bias:
                    weights = (*weights, *(x.new_zeros(len(weights[0])) for _ in range(2)))
                back = turned if place > first else None
                steps = x if back is None else x.gather(0, back.expand_as(x))
                initial = tuple(each[place] for each in state)
                outputs, end = dispatch.run(CELLS[self.mode], steps, initial, weights, lengths)
                sides.append(outputs if back is None else outputs.gather(0, back.expand_as(outputs)))
                last.append(end)
            x = sides[0] if directions == 1 else torch.cat(sides, -1)
        return x, tuple(torch.stack(each) for each in zip(*last, strict=True))


def _turned(x: Tensor, lengths: Tensor | None) -> Tensor:
    """Places (T, B, 1) that turn each sequence round within its true length; what stands after it stays."""
    steps = torch.arange(len(x), device=x.device).unsqueeze(1)
    if lengths is None:
        return (len(x) - 1 - steps).expand(-1, x.shape[1]).unsqueeze(-1)
    back = lengths.to(x.device) - 1 - steps
    return torch.where(back >= 0, back, steps).unsqueeze(-1)


class LSTM(_Layer, nn.LSTM):
    """`torch.nn.LSTM` (Hochreiter and Schmidhuber 1997) on this package's kernels; `proj_size` is refused.

    ```python
    layer = gatedrnn.nn.LSTM(8, 16, num_layers=2, batch_first=True)
    outputs, (h, c) = layer(torch.randn(4, 50, 8))  # (4, 50, 16), each (2, 4, 16)
    ```
    """


class GRU(_Layer, nn.GRU):
    """`torch.nn.GRU` (Cho et al. 2014, reset after the product) on this package's kernels."""


class RNN(_Layer, nn.RNN):
    """`torch.nn.RNN` (Elman 1990; tanh or ReLU) on this package's kernels."""


PAIRS: dict[type, type] = {nn.LSTM: LSTM, nn.GRU: GRU, nn.RNN: RNN}


@dataclass
class Swapped:
    """What `swap` did to a model: names of its modules; the model itself is `(model)`."""

    replaced: list[str] = field(default_factory=list)
    """Name and layer, such as `encoder.rnn: LSTM(8, 16)`."""
    kept: list[str] = field(default_factory=list)
    """Name, layer and the reason why it was left."""

    def __str__(self) -> str:
        lines = [f"replaced {each}" for each in self.replaced] + [f"kept {each}" for each in self.kept]
        return "\n".join(lines) or "no recurrent layer was found"


def swap(model: nn.Module, back: bool = False) -> Swapped:
    """Replace the recurrent layers of a model by those of this module, in place; its parameters stay the same objects.

    Hooks, optimisers and other references to a layer stay valid: it is the layer's class that changes.

    Args:
        model: any module; it may be a layer itself.
        back: undo it: give torch's own layers back.

    Returns:
        What was replaced, and what was left and why; `print` it.
    """
    pairs = {ours: theirs for theirs, ours in PAIRS.items()} if back else PAIRS
    done = Swapped()
    for name, module in model.named_modules():
        if not isinstance(module, nn.RNNBase):
            continue
        said = f"{name or '(model)'}: {module}"
        if type(module) not in pairs:
            if type(module) not in pairs.values():
                done.kept.append(f"{said}, of the class {type(module).__name__}: only torch.nn's own are replaced")
        elif module.proj_size:
            done.kept.append(f"{said}: it has projections")
        else:
            module.__class__ = pairs[type(module)]
            done.replaced.append(said)
    return done
