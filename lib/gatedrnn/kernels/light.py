"""The light cells by the compiled kernels that the other cells run on: forward alone, for timing on equal terms.

Introduced in the chapter *outlook/lightweight*.
"""

from __future__ import annotations

import torch
from torch import Tensor

from gatedrnn.checks import require
from gatedrnn.kernels.library import available, problem
from gatedrnn.lightweight import FastGRNN, Lightweight

CELLS = ("mingru", "minlstm", "fastgrnn")


@torch.no_grad()
def run(cell: str, layer: Lightweight, x: Tensor, h0: Tensor) -> Tensor:
    """One layer over whole sequences, without gradients.

    Args:
        cell: `mingru`, `minlstm` or `fastgrnn`. layer: a cell of this kind. x: (T, B, I), float32 or float64, on the CPU.
        h0: (B, H).

    Returns:
        outputs (T, B, H).

    Raises:
        ValueError: another cell, or a dtype, device or shape that does not fit.
        RuntimeError: the kernels could not be compiled.
    """
    require("cell", cell, CELLS)
    if x.dtype not in (torch.float32, torch.float64) or x.device.type != "cpu":
        raise ValueError(f"x of {x.dtype} on {x.device} is not allowed: float32 or float64 on the CPU")
    kind = layer.weight_ih.dtype
    for name, each, shape in (("x", x, (*x.shape[:2], layer.input_size)), ("h0", h0, (x.shape[1], layer.hidden_size))):
        if tuple(each.shape) != shape or each.dtype != kind:
            raise ValueError(f"{name} of shape {tuple(each.shape)} and {each.dtype} is not allowed: {shape} and {kind}")
    if not available():
        raise RuntimeError(f"the compiled kernels are not available here: {problem()}")
    numbers = torch.stack([layer.zeta, layer.nu]).sigmoid() if isinstance(layer, FastGRNN) else x.new_empty(0)
    weights = (layer.weight_ih, layer.weight_hh, layer.bias_ih, layer.bias_hh)
    ends = torch.full((x.shape[1],), len(x))
    return torch.ops.gatedrnn.forward(cell, x, *weights, h0, numbers, ends, False)[0][1:]
