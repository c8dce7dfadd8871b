"""A layer over time: equal to torch.nn, traced equal to fast, lengths that end where they say."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gatedrnn.catalogue import CELLS
from gatedrnn.kernels.lengths import at_lengths
from gatedrnn.layers import STOCK, Recurrent

CASES = [(1, 1, 1, 1), (1, 4, 7, 1), (9, 1, 33, 1), (6, 3, 7, 2), (5, 2, 1, 3)]  # T, B, H, layers


def pair(name, inputs, hidden, layers=1, batch_first=False, seed=0):
    torch.manual_seed(seed)
    stock = STOCK[name](inputs, hidden, layers, batch_first=batch_first).double()
    core = Recurrent(name, inputs, hidden, layers, batch_first).double()
    weights = stock.state_dict()
    for number, layer in enumerate(core.layers):
        layer.load_state_dict({key: weights[f"{key}_l{number}"] for key in layer.state_dict()})
    return stock, core


def run_stock(stock, name, x, state=None):
    given = state if name == "lstm" or state is None else state[0]
    outputs, last = stock(x, given)
    return outputs, last if name == "lstm" else (last,)


@pytest.mark.parametrize("name", STOCK)
@pytest.mark.parametrize(("length", "batch", "hidden", "layers"), CASES)
@pytest.mark.parametrize("batch_first", [False, True])
@pytest.mark.parametrize("way", ["fast", "traced"])
def test_outputs_states_and_gradients_equal_torch(name, length, batch, hidden, layers, batch_first, way):
    stock, core = pair(name, 3, hidden, layers, batch_first)
    shape = (batch, length, 3) if batch_first else (length, batch, 3)
    x = torch.randn(shape).double().requires_grad_()
    state = tuple(torch.randn(layers, batch, hidden).double().requires_grad_() for _ in CELLS[name].states)
    if way == "fast":
        outputs, last = core(x, state)
    else:
        traced = core.trace(x, state)
        outputs, last = traced.outputs, traced.state
    expected, ends = run_stock(stock, name, x, state)
    found = [outputs, *last]
    for ours, theirs in zip(found, [expected, *ends], strict=True):
        torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-10)
    ours = torch.autograd.grad(sum(e.square().sum() for e in found), [x, *state, *core.parameters()])
    stock_loss = expected.square().sum() + sum(each.square().sum() for each in ends)
    theirs = torch.autograd.grad(stock_loss, [x, *state, *stock.parameters()])
    for a, b in zip(ours, theirs, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("name", CELLS)
@given(
    length=st.integers(1, 12), batch=st.integers(1, 4), hidden=st.integers(1, 9), layers=st.integers(1, 2),
    seed=st.integers(0, 2**16), with_state=st.booleans(),
)  # fmt: skip
@settings(max_examples=10, deadline=None)
def test_trace_does_what_forward_does(name, length, batch, hidden, layers, seed, with_state):
    torch.manual_seed(seed)
    core = Recurrent(name, 2, hidden, layers)
    x = torch.randn(length, batch, 2)
    state = tuple(torch.randn(layers, batch, hidden) for _ in CELLS[name].states) if with_state else None
    outputs, last = core(x, state)
    traced = core.trace(x, state)
    torch.testing.assert_close(traced.outputs, outputs, rtol=0, atol=2e-6)
    for a, b in zip(traced.state, last, strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=5e-6)
    torch.testing.assert_close(traced.gates[-1]["h"], traced.outputs, rtol=0, atol=0)
    assert all(gate.shape == (length, batch, hidden) for layer in traced.gates for gate in layer.values())


@pytest.mark.parametrize("name", CELLS)
@given(lengths=st.lists(st.integers(1, 7), min_size=1, max_size=4), layers=st.integers(1, 2), data=st.data())
@settings(max_examples=8, deadline=None)
def test_state_at_the_true_end_is_that_of_the_sequence_cut_there(name, lengths, layers, data):
    torch.manual_seed(data.draw(st.integers(0, 99)))
    way = data.draw(st.sampled_from(["fast", "traced"]))
    core = Recurrent(name, 2, 5, layers).double()
    x = torch.randn(7, len(lengths), 2).double()
    if way == "fast":
        outputs, last = core(x, lengths=torch.tensor(lengths))
    else:
        traced = core.trace(x, lengths=torch.tensor(lengths))
        outputs, last = traced.outputs, traced.state
    for number, length in enumerate(lengths):
        cut, end = core(x[:length, number : number + 1])
        torch.testing.assert_close(outputs[:length, number], cut[:, 0], rtol=0, atol=1e-12)
        assert not outputs[length:, number].any()
        for ours, expected in zip(last, end, strict=True):
            torch.testing.assert_close(ours[:, number], expected[:, 0], rtol=0, atol=1e-12)
    torch.testing.assert_close(at_lengths(outputs, torch.tensor(lengths)), last[0][-1], rtol=0, atol=1e-12)


@pytest.mark.parametrize("name", CELLS)
def test_padding_gets_no_gradient(name):
    core = Recurrent(name, 2, 3).double()
    torch.nn.init.constant_(core.layers[0].bias_ih, 2.0)  # a rectifier that is shut lets no gradient through
    x = torch.randn(6, 2, 2).double().requires_grad_()
    outputs, last = core(x, lengths=torch.tensor([2, 6]))
    (outputs.sum() + sum(each.sum() for each in last)).backward()
    assert not x.grad[2:, 0].any()
    assert x.grad[:, 1].all()


@pytest.mark.parametrize("name", CELLS)
def test_two_halves_with_the_state_between_are_the_whole(name):
    core = Recurrent(name, 2, 4, 2).double()
    x = torch.randn(8, 3, 2).double()
    whole, end = core(x)
    first, between = core(x[:5])
    second, last = core(x[5:], between)
    torch.testing.assert_close(torch.cat([first, second]), whole, rtol=0, atol=1e-12)
    torch.testing.assert_close(last[0], end[0], rtol=0, atol=1e-12)


def test_wrong_inputs_are_named():
    core = Recurrent("gru", 3, 4)
    x = torch.randn(5, 2, 3)
    with pytest.raises(ValueError, match=r"x of shape \(5, 3\) is not allowed: \(T, B, I\)"):
        core(torch.randn(5, 3))
    with pytest.raises(ValueError, match="x has 2 features; this layer takes 3"):
        core(torch.randn(5, 2, 2))
    with pytest.raises(ValueError, match="state of shapes"):
        core(x, (torch.zeros(1, 3, 4),))
    with pytest.raises(ValueError, match=r"lengths = \[0, 5\] is not allowed: 2 whole numbers from 1 to 5"):
        core(x, lengths=torch.tensor([0, 5]))
    with pytest.raises(ValueError, match="num_layers = 0 is not allowed"):
        Recurrent("gru", 3, 4, 0)
