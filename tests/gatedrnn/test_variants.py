"""An ablated cell computes what its equations say, learns only what is left, and starts where it should."""

from __future__ import annotations

import pytest
import torch
from torch import sigmoid, tanh

from gatedrnn.models import count_parameters
from gatedrnn.variants import VARIANTS, Ablated


def written_out(model: Ablated, x: torch.Tensor) -> torch.Tensor:
    """The variants as plain equations, apart from the library's cells: outputs (T, B, H)."""
    weights = {name.removeprefix("layers.0."): value for name, value in model.weights().items()}
    w, u, b, b2 = (weights[name] for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"))
    h = c = x.new_zeros(x.shape[1], model.hidden_size)
    outputs = []
    for x_t in x:
        if model.variant.cell == "lstm":
            i, f, g, o = (x_t @ w.T + b + h @ u.T + b2).chunk(4, -1)
            i, f, g, o = sigmoid(i), sigmoid(f), tanh(g), sigmoid(o)
            gates = {"i": i, "f": f, "o": o} | {gate: torch.ones_like(i) for gate in model.variant.frozen}
            f = 1 - gates["i"] if model.variant.opposite else gates["f"]
            c = f * c + gates["i"] * g
            h = gates["o"] * tanh(c)
        else:
            (r, z, n), (hr, hz, hn) = (x_t @ w.T + b).chunk(3, -1), (h @ u.T + b2).chunk(3, -1)
            r = torch.ones_like(r) if "r" in model.variant.frozen else sigmoid(r + hr)
            z = torch.zeros_like(z) if "z" in model.variant.frozen else sigmoid(z + hz)
            n = tanh(n + r * hn)
            h = (1 - z) * n + z * h
        outputs.append(h)
    return torch.stack(outputs)


@pytest.mark.parametrize("name", VARIANTS)
@pytest.mark.parametrize(("steps", "batch", "hidden"), [(9, 4, 7), (1, 1, 1), (12, 1, 33)])
def test_it_computes_its_equations(name: str, steps: int, batch: int, hidden: int) -> None:
    torch.manual_seed(3)
    model = Ablated(name, 5, hidden, bias=1.0)
    x = torch.randn(steps, batch, 5)
    outputs, _ = model(x)
    expected = written_out(model, x)
    assert torch.allclose(outputs, expected, atol=1e-6)
    outputs.square().sum().backward()
    found = {key: value.grad.clone() for key, value in model.named_parameters()}
    model.zero_grad()
    expected.square().sum().backward()
    for key, value in model.named_parameters():
        assert torch.allclose(found[key], value.grad, atol=1e-5), key


@pytest.mark.parametrize("name", VARIANTS)
def test_only_what_is_left_is_learned(name: str) -> None:
    variant = VARIANTS[name]
    whole = count_parameters(Ablated(variant.cell, 5, 8))
    blocks = {"lstm": 4, "gru": 3}[variant.cell]
    gone = len(variant.frozen) + len(variant.opposite)
    gone += len(variant.constant)
    assert count_parameters(Ablated(name, 5, 8)) == whole * (blocks - gone) // blocks + 8 * len(variant.constant)


def test_the_keeping_gate_starts_at_its_bias() -> None:
    constant = (("lstm_constant_forget", 1, 1), ("lstm_constant_input", 1, 1), ("gru_constant_update", 1, 1))
    for name, block, sign in (("lstm", 1, 1), ("gru", 1, 1), ("lstm_coupled", 0, -1), *constant):
        model = Ablated(name, 3, 6, bias=2.0)
        weights = model.weights()
        total = weights["layers.0.bias_ih"] + weights["layers.0.bias_hh"]
        assert torch.allclose(total[block * 6 : (block + 1) * 6], torch.tensor(sign * 2.0))


@pytest.mark.parametrize("name", [name for name, variant in VARIANTS.items() if variant.constant])
def test_a_constant_gate_hears_nothing_and_is_learned_for_each_unit(name: str) -> None:
    model = Ablated(name, 3, 6)
    (gate,) = model.variant.constant
    before = model.whole[0].trace(torch.randn(5, 2, 3)).gates[0][gate]
    assert before.shape == (5, 2, 6)
    whole = torch.func.functional_call(model.whole[0], model.weights(), (torch.randn(5, 2, 3),))[0]
    whole.sum().backward()
    rows = slice(model.biased.index(gate) * 6, (model.biased.index(gate) + 1) * 6)
    assert (model.b.grad[rows] != 0).all()
    block = model.blocks.index(gate)
    for each in ("weight_ih", "weight_hh", "bias_hh"):
        assert not model.weights()[f"layers.0.{each}"].chunk(len(model.blocks))[block].any()


def test_the_whole_variant_starts_as_the_whole_cell() -> None:
    torch.manual_seed(0)
    whole = Ablated("lstm", 4, 8)
    torch.manual_seed(0)
    ablated = Ablated("lstm_no_input", 4, 8)
    assert torch.equal(whole.w[8:], ablated.w)


def test_an_unknown_variant_is_refused_in_one_line() -> None:
    with pytest.raises(ValueError, match="variant = 'gruu' is not allowed") as error:
        Ablated("gruu", 4, 8)
    assert "\n" not in str(error.value)
