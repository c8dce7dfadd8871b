"""A classifier with 8-bit weights, as far as torch's dynamic quantisation goes: `LSTM` and `GRU` whole, of others the products.

`torch.ao.quantization.quantize_dynamic` knows `nn.LSTM`, `nn.GRU` and `nn.Linear`. A light cell has no class there, so its
matrices become `nn.Linear` and what stands between them stays float32. Matrices take a byte a number, the rest four.
Introduced in the chapter *outlook/lightweight*.
"""

from __future__ import annotations

import warnings
from typing import cast

import torch
from torch import Tensor, nn, sigmoid, tanh

from gatedrnn.layers import STOCK, Recurrent
from gatedrnn.lightweight import FastGRNN, Minimal
from gatedrnn.models import Classifier
from gatedrnn.scan import scan

FORMS = ("float32", "int8")


class Products(nn.Module):
    """A layer of a light cell whose matrices are `nn.Linear`: (T, B, I) → (T, B, H), from a zero state."""

    def __init__(self, cell: Minimal | FastGRNN) -> None:
        super().__init__()
        self.cell = [cell]  # in a list: numbers to read, not a module to quantise
        shared = isinstance(cell, FastGRNN)
        self.inputs = _linear(cell.weight_ih, None if shared else cell.bias_ih)
        self.states = _linear(cell.weight_hh, None) if shared else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        """All steps."""
        cell, a = self.cell[0], self.inputs(x)
        h = x.new_zeros(x.shape[1], cell.hidden_size)
        if isinstance(cell, Minimal):
            return scan(*cell.logarithms(a), h)
        b_z, b_n = cell.bias_ih.chunk(2)
        outputs = []
        for each in a.unbind():
            both = each + self.states(h)
            z = sigmoid(both + b_z)
            h = (sigmoid(cell.zeta) * (1 - z) + sigmoid(cell.nu)) * tanh(both + b_n) + z * h
            outputs.append(h)
        return torch.stack(outputs)


class Stock(nn.Module):
    """A classifier in classes of torch's own, with the weights of another: (T, B, I) → (B, K) logits."""

    def __init__(self, model: Classifier) -> None:
        super().__init__()
        core = cast(Recurrent, model.core)
        self.layers, self.head = nn.ModuleList(), _linear(model.head.weight, model.head.bias)
        for layer in core.layers:
            if isinstance(layer, Minimal | FastGRNN):
                self.layers.append(Products(layer))
                continue
            stock = STOCK[core.cell](layer.input_size, core.hidden_size)  # type: ignore[call-arg, arg-type]
            stock.load_state_dict({f"{name}_l0": value for name, value in layer.state_dict().items()})
            self.layers.append(stock)

    def forward(self, x: Tensor) -> Tensor:
        """Logits, read off the last state."""
        for layer in self.layers:
            found = layer(x)
            x = found if isinstance(found, Tensor) else found[0]
        return self.head(x[-1])


@torch.no_grad()
def dynamic(model: Classifier) -> nn.Module:
    """The same classifier with its matrices in 8 bits, as torch's dynamic quantisation makes them."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it says that it will move to another package
        from torch.ao.quantization import quantize_dynamic

        return quantize_dynamic(Stock(model).eval(), {nn.LSTM, nn.GRU, nn.Linear}, dtype=torch.qint8).eval()


def size(model: nn.Module, form: str) -> int:
    """Bytes of a model's numbers: four each, or with 8-bit weights one each in a matrix and four elsewhere."""
    numbers = [(each.numel(), each.dim() > 1 and form == "int8") for each in model.parameters()]
    return sum(count * (1 if small else 4) for count, small in numbers)


def _linear(weight: Tensor, bias: Tensor | None) -> nn.Linear:
    made = nn.Linear(weight.shape[1], weight.shape[0], bias is not None)
    with torch.no_grad():
        made.weight.copy_(weight)
        if bias is not None:
            made.bias.copy_(bias)
    return made
