"""Two implementations beside each other: how far apart their outputs and gradients are (*architecture/anatomy*)."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import pandas as pd
import torch
from torch import Tensor, nn

from gatedrnn.catalogue import CELLS
from gatedrnn.initialisation import set_bias
from gatedrnn.kernels import matched, stepwise
from gatedrnn.layers import STOCK, Recurrent

Way = Callable[[Tensor, list[Tensor]], Tensor]
"""From the input (T, B, I) and the weights to the outputs (T, B, H)."""


def equality(shapes: list[tuple[int, int, int]], input_size: int, seed: int) -> pd.DataFrame:
    """Largest absolute difference between the reference cells, our kernels and `torch.nn`, forward and backward.

    Args:
        shapes: (T, B, H) each. input_size: I. seed: of weights and inputs.

    Returns:
        One row a cell, implementation, shape, precision and quantity (outputs, gradients): `difference`,
        the largest absolute one; `scale`, the largest absolute value in `torch.nn`; `relative`, their ratio.
    """
    rows = []
    for (length, batch, hidden), dtype, cell in itertools.product(shapes, (torch.float32, torch.float64), STOCK):
        torch.manual_seed(seed)
        stock = _stock(cell, input_size, hidden).to(dtype)
        x = torch.randn(length, batch, input_size, dtype=dtype)
        expected = _outputs_and_gradients(_by_torch(stock), stock, x)
        core = Recurrent(cell, input_size, hidden).to(dtype)
        layer = core.layers[0]
        layer.load_state_dict({name.removesuffix("_l0"): value for name, value in stock.state_dict().items()})
        ways = {"reference": _by_reference(core), "stepwise": _by_kernel(stepwise.run, cell, hidden)}
        if matched.available():
            ways["matched"] = _by_kernel(matched.run, cell, hidden)
        for name, way in ways.items():
            found = _outputs_and_gradients(way, layer, x)
            for quantity, ours, theirs in zip(("outputs", "gradients"), found, expected, strict=True):
                pairs = list(zip(ours, theirs, strict=True))
                difference = max(float((a - b).abs().max()) for a, b in pairs)
                scale = max(float(b.abs().max()) for _, b in pairs)
                rows.append(
                    {"cell": cell, "implementation": name, "T": length, "B": batch, "H": hidden}
                    | {"precision": str(dtype).removeprefix("torch."), "quantity": quantity}
                    | {"difference": difference, "scale": scale, "relative": difference / scale}
                )
    return pd.DataFrame(rows)


def _stock(cell: str, input_size: int, hidden_size: int) -> nn.RNNBase:
    make: Any = STOCK[cell]
    return make(input_size, hidden_size)


def _by_torch(stock: nn.RNNBase) -> Way:
    return lambda x, weights: stock(x)[0]


def _by_reference(core: Recurrent) -> Way:
    return lambda x, weights: core.trace(x).outputs


def _by_kernel(run: Callable[..., tuple[Tensor, Any]], cell: str, hidden_size: int) -> Way:
    def way(x: Tensor, weights: list[Tensor]) -> Tensor:
        first = tuple(x.new_zeros(x.shape[1], hidden_size) for _ in CELLS[cell].states)
        w, u, b, b2 = weights
        return run(cell, x, first, w, u, b, b2)[0]

    return way


def _outputs_and_gradients(run: Way, module: nn.Module, x: Tensor) -> tuple[list[Tensor], list[Tensor]]:
    """Outputs of a way to run a layer, and the gradients of the input and of each weight of half the sum of squares."""
    given = x.clone().requires_grad_()
    weights: list[Tensor] = list(module.parameters())
    outputs = run(given, weights)
    return [outputs.detach()], list(torch.autograd.grad(outputs.square().sum() / 2, [given, *weights]))


def drift(length: int, batch_size: int, hidden_size: int, scales: list[float], seed: int) -> pd.DataFrame:
    """How far a GRU that resets before the product goes from one that resets after it, with the same weights.

    Args:
        length: T. batch_size: B. hidden_size: H, and features of the input.
        scales: the recurrent weights of the framework's default are multiplied by each. seed: of weights and inputs.

    Returns:
        One row a scale, reset and step: `difference`, mean |Δh|; `size`, mean |h|. `reset` is `learned` (as drawn) or
        `open` (r = 1, where both are the same function).
    """
    rows = []
    for scale, reset in itertools.product(scales, ("as drawn", "open")):
        torch.manual_seed(seed)
        x = torch.randn(length, batch_size, hidden_size)
        after = Recurrent("gru", hidden_size, hidden_size)
        before = Recurrent("gru_before", hidden_size, hidden_size)
        with torch.no_grad():
            after.layers[0].get_parameter("weight_hh").mul_(scale)
            if reset == "open":
                set_bias(after.layers[0], "r", torch.full((hidden_size,), 100.0))
            before.load_state_dict(after.state_dict())
            ours, theirs = after(x)[0], before(x)[0]
        apart, size = (ours - theirs).abs().mean((1, 2)), ours.abs().mean((1, 2))
        for step, (a, b) in enumerate(zip(apart.tolist(), size.tolist(), strict=True), 1):
            rows.append({"scale": scale, "reset": reset, "step": step, "difference": a, "size": b})
    return pd.DataFrame(rows)
