"""The light cells by compiled kernels: what the layers give, in every shape that has a way of its own."""

from __future__ import annotations

import pytest
import torch

from gatedrnn.kernels import light
from gatedrnn.layers import Recurrent

SHAPES = [  # T, B, I, H: few rows, a row alone, many units for one sequence, broken vectors, several chunks
    (1, 1, 1, 1), (4, 1, 3, 8), (1, 5, 2, 7), (10, 1, 4, 33), (50, 5, 7, 33), (2, 1, 2, 96), (3, 1, 40, 128), (400, 13, 2, 65),
]  # fmt: skip
TOLERANCE = {torch.float32: 1e-5, torch.float64: 1e-12}

compiled = pytest.mark.usefixtures("kernels")


def layer(name, inputs, hidden, dtype):
    torch.manual_seed(hidden)
    return Recurrent(name, inputs, hidden).to(dtype)


@compiled
@pytest.mark.parametrize("name", light.CELLS)
@pytest.mark.parametrize("dtype", TOLERANCE, ids=["float32", "float64"])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_they_give_what_the_layers_give(name, dtype, shape):
    length, batch, inputs, hidden = shape
    core = layer(name, inputs, hidden, dtype)
    x, h0 = torch.randn(length, batch, inputs, dtype=dtype), 2 * torch.randn(batch, hidden, dtype=dtype)
    found = light.run(name, core.layers[0], x, h0)
    expected = core(x, (h0.unsqueeze(0),))[0].detach()
    scale = max(1.0, float(expected.abs().max()))
    torch.testing.assert_close(found, expected, rtol=0, atol=TOLERANCE[dtype] * scale)


@compiled
@pytest.mark.parametrize("name", light.CELLS)
def test_shut_gates_make_no_nan(name):
    core = layer(name, 2, 9, torch.float32)
    with torch.no_grad():
        core.layers[0].weight_ih.mul_(1e6)
    assert light.run(name, core.layers[0], torch.randn(20, 3, 2), torch.randn(3, 9)).isfinite().all()


@compiled
def test_they_say_that_they_have_no_gradients():
    weights = [each.detach() for each in layer("mingru", 2, 3, torch.float32).parameters()]
    x, h0, none = torch.randn(4, 1, 2), torch.zeros(1, 3), torch.empty(0)
    with pytest.raises(NotImplementedError, match="a light cell has no compiled backward pass"):
        torch.ops.gatedrnn.backward("mingru", x, none, x, *weights[:2], x, none, none, none, none, False)
    assert not light.run("mingru", layer("mingru", 2, 3, torch.float32).layers[0], x, h0).requires_grad


def test_what_does_not_fit_is_named():
    cell = layer("mingru", 2, 3, torch.float32).layers[0]
    x, h0 = torch.randn(4, 1, 2), torch.zeros(1, 3)
    with pytest.raises(ValueError, match="cell = 'gru' is not allowed: one of 'mingru', 'minlstm', 'fastgrnn'"):
        light.run("gru", cell, x, h0)
    with pytest.raises(ValueError, match=r"x of torch.float16 on cpu is not allowed: float32 or float64 on the CPU"):
        light.run("mingru", cell, x.half(), h0)
    with pytest.raises(ValueError, match=r"h0 of shape \(1, 4\) and torch.float32 is not allowed: \(1, 3\) and torch"):
        light.run("mingru", cell, x, torch.zeros(1, 4))
    with pytest.raises(
        ValueError, match=r"x of shape \(4, 1, 2\) and torch.float64 is not allowed: \(4, 1, 2\) and torch"
    ):
        light.run("mingru", cell, x.double(), h0)
