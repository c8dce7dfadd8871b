"""Gate biases: the sum of both vectors is what was asked for; the half-life formula is what a gate does."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gatedrnn.catalogue import CELLS
from gatedrnn.initialisation import KEEPING, half_life, initialise, set_bias
from gatedrnn.layers import Recurrent
from gatedrnn.lightweight import Lightweight, Minimal


def summed(layer, gate):
    """The whole bias of a gate: what the cell adds."""
    rows = slice(layer.blocks.index(gate) * layer.hidden_size, (layer.blocks.index(gate) + 1) * layer.hidden_size)
    biases = (each for each in (layer.bias_ih, layer.bias_hh) if len(each))  # a light cell has one
    return sum(each[rows] for each in biases)


@pytest.mark.parametrize("cell", KEEPING)
@given(bias=st.floats(-8, 8), layers=st.integers(1, 3))
@settings(max_examples=15, deadline=None)
def test_the_summed_bias_of_the_keeping_gate_is_the_one_asked_for_and_no_other_changes(cell, bias, layers):
    torch.manual_seed(0)
    core = Recurrent(cell, 3, 5, layers)
    before = [{gate: summed(layer, gate).clone() for gate in layer.blocks} for layer in core.layers]
    weights = [layer.weight_hh.clone() for layer in core.layers]
    initialise(core, f"bias:{bias}")
    for layer, old, weight in zip(core.layers, before, weights, strict=True):
        torch.testing.assert_close(summed(layer, KEEPING[cell]), torch.full((5,), bias), rtol=1e-6, atol=1e-6)
        for gate in set(layer.blocks) - {KEEPING[cell]}:
            assert torch.equal(summed(layer, gate), old[gate])
        assert torch.equal(layer.weight_hh, weight)


@pytest.mark.parametrize("cell", KEEPING)
@given(longest=st.integers(3, 2000))
@settings(max_examples=15, deadline=None)
def test_chrono_draws_time_scales_between_1_and_the_longest(cell, longest):
    torch.manual_seed(longest)
    core = Recurrent(cell, 3, 64)
    initialise(core, f"chrono:{longest}")
    bias = summed(core.layers[0], KEEPING[cell])
    scale = torch.exp(bias)  # time scale 1 / (1 − σ(b)) = 1 + exp(b)
    assert scale.min() >= 1 - 1e-4
    assert scale.max() <= longest - 1 + 1e-2
    assert bias.std() > 0
    if cell == "lstm":
        torch.testing.assert_close(summed(core.layers[0], "i"), -bias)


def test_chrono_fills_its_range():
    torch.manual_seed(0)
    core = Recurrent("gru", 3, 2000)
    initialise(core, "chrono:100")
    scale = torch.exp(summed(core.layers[0], "z"))
    assert 1 < scale.quantile(0.02) < 5
    assert 95 < scale.quantile(0.98) < 99
    assert 47 < scale.mean() < 53


@pytest.mark.parametrize("start", ["default", "bias:3", "chrono:50"])
def test_a_tanh_network_has_no_gate_to_set(start):
    torch.manual_seed(0)
    core = Recurrent("rnn", 3, 4)
    before = {key: value.clone() for key, value in core.state_dict().items()}
    initialise(core, start)
    assert all(torch.equal(before[key], value) for key, value in core.state_dict().items())


@pytest.mark.parametrize("cell", [each for each in CELLS if not issubclass(CELLS[each], Minimal)])
def test_orthogonal_blocks_keep_lengths(cell):
    core = Recurrent(cell, 3, 7, 2)
    before = [each.clone() for each in core.parameters()]
    initialise(core, "orthogonal")
    for layer in core.layers:
        for block in layer.weight_hh.split(7):
            torch.testing.assert_close(block @ block.T, torch.eye(7), rtol=0, atol=1e-5)
    names = [name for name, _ in core.named_parameters()]
    changed = {
        name for name, old, new in zip(names, before, core.parameters(), strict=True) if not torch.equal(old, new)
    }
    assert changed == {name for name in names if name.endswith("weight_hh")}


@pytest.mark.parametrize(
    "start", ["bias", "bias:", "bias:x", "bias:inf", "chrono", "chrono:2", "chrono:nan", "zeros", ""]
)
def test_unknown_schemes_are_refused_by_name(start):
    with pytest.raises(ValueError, match=f"start = {start!r} is not allowed"):
        initialise(Recurrent("gru", 3, 4), start)


@pytest.mark.parametrize("cell", [each for each in KEEPING if not issubclass(CELLS[each], Lightweight)])
@pytest.mark.parametrize("bias", [0.0, 1.0, 3.0, 5.0])
def test_half_life_is_when_a_gate_with_this_bias_and_no_other_input_has_halved_a_memory(cell, bias):
    layer = CELLS[cell](1, 1).double()
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.zero_()
    set_bias(layer, KEEPING[cell], torch.tensor([bias], dtype=torch.float64))
    x = torch.zeros(1, 1, dtype=torch.float64)
    memory = torch.ones(1, 1, dtype=torch.float64)
    steps = 0
    while memory.item() > 0.5 + 1e-12:
        state = (torch.zeros_like(memory), memory) if cell == "lstm" else (memory,)
        memory = layer(x, state)[0][-1]
        steps += 1
    assert steps == math.ceil(half_life(bias) - 1e-9)


def test_half_life_of_known_biases():
    assert half_life(0) == pytest.approx(1)
    assert [round(half_life(bias), 1) for bias in (1, 3, 5)] == [2.2, 14.3, 103.2]


@pytest.mark.parametrize(("bias", "steps"), [(-800.0, math.log(2) / 800), (0.0, 1.0), (40.0, None), (800.0, math.inf)])
def test_a_half_life_is_found_at_any_bias(bias: float, steps: float | None) -> None:
    found = half_life(bias)
    assert found == pytest.approx(steps) if steps is not None else found > 1e16
