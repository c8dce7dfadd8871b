"""The reference cells are torch.nn's cells, and return the gates that they name."""

from functools import partial

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from gatedrnn.catalogue import CELLS
from gatedrnn.cells import GRU, GRUBefore
from gatedrnn.initialisation import set_bias

STOCK = {"lstm": nn.LSTMCell, "gru": nn.GRUCell, "rnn": nn.RNNCell, "relu": partial(nn.RNNCell, nonlinearity="relu")}
SIZES = {"inputs": st.integers(1, 9), "hidden": st.sampled_from([1, 2, 7, 33]), "batch": st.integers(1, 5)}


def pair(name, inputs, hidden, seed=0, dtype=torch.float64):
    """A cell of torch.nn and the reference cell with its weights."""
    torch.manual_seed(seed)
    stock = STOCK[name](inputs, hidden).to(dtype)
    cell = CELLS[name](inputs, hidden).to(dtype)
    cell.load_state_dict(stock.state_dict())
    return stock, cell


@pytest.mark.parametrize("name", STOCK)
@given(**SIZES, seed=st.integers(0, 2**16))
@settings(max_examples=12, deadline=None)
def test_one_step_and_its_gradients_equal_torch(name, inputs, hidden, batch, seed):
    stock, cell = pair(name, inputs, hidden, seed)
    x = torch.randn(batch, inputs, dtype=torch.float64, requires_grad=True)
    state = tuple(torch.randn(batch, hidden, dtype=torch.float64, requires_grad=True) for _ in cell.states)
    new, _ = cell(x, state)
    theirs = stock(x, state if name == "lstm" else state[0])
    theirs = theirs if name == "lstm" else (theirs,)
    for ours, expected in zip(new, theirs, strict=True):
        torch.testing.assert_close(ours, expected, rtol=0, atol=1e-12)
    ours = torch.autograd.grad(sum(each.square().sum() for each in new), [x, *state, *cell.parameters()])
    expected = torch.autograd.grad(sum(each.square().sum() for each in theirs), [x, *state, *stock.parameters()])
    for a, b in zip(ours, expected, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("name", STOCK)
def test_float32_equals_torch_to_1e_6(name):
    stock, cell = pair(name, 5, 33, dtype=torch.float32)
    x, state = torch.randn(4, 5), tuple(torch.randn(4, 33) for _ in cell.states)
    theirs = stock(x, state if name == "lstm" else state[0])
    theirs = theirs if name == "lstm" else (theirs,)
    for ours, expected in zip(cell(x, state)[0], theirs, strict=True):
        assert (ours - expected).abs().max() < 1e-6


def test_reset_before_is_the_paper_s_equation_unit_by_unit():
    torch.manual_seed(0)
    cell = GRUBefore(3, 2).double()
    x, h = torch.randn(1, 3).double(), torch.randn(1, 2).double()
    (new,), trace = cell(x, (h,))
    w, u = cell.weight_ih.view(3, 2, 3), cell.weight_hh.view(3, 2, 2)
    b = (cell.bias_ih + cell.bias_hh).view(3, 2)
    r = 1 / (1 + torch.exp(-(w[0] @ x[0] + u[0] @ h[0] + b[0])))
    z = 1 / (1 + torch.exp(-(w[1] @ x[0] + u[1] @ h[0] + b[1])))
    n = torch.tanh(w[2] @ x[0] + u[2] @ (r * h[0]) + b[2])
    torch.testing.assert_close(new[0], (1 - z) * n + z * h[0])
    torch.testing.assert_close(trace["r"][0], r)


def test_both_grus_agree_only_while_the_reset_gate_is_open():
    torch.manual_seed(1)
    after, before = GRU(4, 6).double(), GRUBefore(4, 6).double()
    before.load_state_dict(after.state_dict())
    x, h = torch.randn(3, 4).double(), torch.randn(3, 6).double()
    assert (after(x, (h,))[0][0] - before(x, (h,))[0][0]).abs().max() > 1e-3
    for cell in (after, before):
        set_bias(cell, "r", torch.full((6,), 60.0))
    torch.testing.assert_close(after(x, (h,))[0][0], before(x, (h,))[0][0])


@pytest.mark.parametrize("name", CELLS)
def test_gates_lie_between_0_and_1_and_what_is_named_is_returned(name):
    cell = CELLS[name](3, 5)
    x = torch.randn(2, 3)
    state, trace = cell(x, cell.zero_state(x))
    assert set(trace) == {*cell.blocks, *cell.states}
    assert set(cell.gates) <= set(cell.blocks)
    assert all(trace[gate].min() >= 0 and trace[gate].max() <= 1 for gate in cell.gates)
    for vector, label in zip(state, cell.states, strict=True):
        assert vector is trace[label]


@pytest.mark.parametrize("name", ["gru", "gru_before"])
def test_update_gate_at_1_keeps_the_state(name):
    cell = CELLS[name](3, 5)
    set_bias(cell, "z", torch.full((5,), 60.0))
    h = torch.randn(2, 5)
    torch.testing.assert_close(cell(torch.randn(2, 3), (h,))[0][0], h)


def test_forget_gate_at_1_and_input_gate_at_0_keep_the_cell_state():
    cell = CELLS["lstm"](3, 5)
    set_bias(cell, "f", torch.full((5,), 60.0))
    set_bias(cell, "i", torch.full((5,), -60.0))
    h, c = torch.randn(2, 5), torch.randn(2, 5)
    torch.testing.assert_close(cell(torch.randn(2, 3), (h, c))[0][1], c)


def test_wrong_sizes_and_names_are_named():
    with pytest.raises(ValueError, match=r"hidden_size = 0 is not allowed: a whole number of at least 1"):
        GRU(3, 0)
    with pytest.raises(ValueError, match=r"cell = 'grru' is not allowed: one of 'lstm'"):
        CELLS["grru"]
