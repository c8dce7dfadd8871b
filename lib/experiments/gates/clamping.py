"""A trained model with one gate held fast, two gates tied, or one unit cut out: made by changing weights.

A gate is held at v by zero weights and the bias ln(v / (1 − v)): the logistic function then returns v whatever comes
in, so the fast kernels run the clamped model as they run any other. Two gates are tied, i = 1 − f, by giving i the
weights of f with the opposite sign. A unit is cut out by zeroing every weight that reads it.
Introduced in the chapter *memory/gates*; *architecture/ablation* takes gates out before training instead.
"""

from __future__ import annotations

import copy
from typing import cast

import torch
from torch import Tensor

from gatedrnn.cells import Cell
from gatedrnn.checks import require
from gatedrnn.initialisation import set_bias
from gatedrnn.models import LanguageModel
from gatedrnn.variants import OPEN, SHUT


def clamped(model: LanguageModel, gate: str, value: float | Tensor) -> LanguageModel:
    """A copy of a model of one layer in which a gate always has one value.

    Args:
        model: trained; stays as it is.
        gate: `i`, `f` or `o` of an LSTM; `r` or `z` of a GRU.
        value: from 0 to 1, one for all units or (H,).

    Raises:
        ValueError: no such gate, or a value outside 0 … 1.
    """
    other, layer = _copy(model)
    require("gate", gate, layer.gates)
    wanted = torch.as_tensor(value, dtype=layer.bias_ih.dtype).expand(layer.hidden_size)
    if not ((wanted >= 0) & (wanted <= 1)).all():
        raise ValueError(f"value = {value!r} is not allowed: from 0 to 1")
    with torch.no_grad():
        for weight in (layer.weight_ih, layer.weight_hh):
            _rows(layer, weight, gate).zero_()
    set_bias(layer, gate, torch.logit(wanted).clamp(SHUT, OPEN))
    return other


def tied(model: LanguageModel) -> LanguageModel:
    """A copy of an LSTM that writes just as much as it forgets: i = 1 − f, as in a GRU."""
    other, layer = _copy(model)
    require("cell", model.core.cell, ("lstm",))
    with torch.no_grad():
        for weight in layer.parameters():
            _rows(layer, weight, "i").copy_(-_rows(layer, weight, "f"))
    return other


def cut(model: LanguageModel, unit: int) -> LanguageModel:
    """A copy in which nothing reads one unit: neither a gate or candidate of any unit, nor the head."""
    other, layer = _copy(model)
    if not 0 <= unit < layer.hidden_size:
        raise ValueError(f"unit = {unit!r} is not allowed: from 0 to {layer.hidden_size - 1}")
    with torch.no_grad():
        layer.weight_hh[:, unit] = 0
        other.head.weight[:, unit] = 0
    return other


def _copy(model: LanguageModel) -> tuple[LanguageModel, Cell]:
    if len(model.core.layers) != 1:
        raise ValueError(f"num_layers = {len(model.core.layers)} is not allowed: a model of one layer")
    other = copy.deepcopy(model)
    return other, cast(Cell, other.core.layers[0])


def _rows(layer: Cell, weight: Tensor, gate: str) -> Tensor:
    """The part of a weight or bias that belongs to a gate; a view."""
    return weight.chunk(len(layer.blocks))[layer.blocks.index(gate)]
