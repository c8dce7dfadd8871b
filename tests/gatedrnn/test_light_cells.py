"""The light cells: their equations unit by unit, the scan equal to the steps from any state, chunks, lengths."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gatedrnn.initialisation import initialise
from gatedrnn.layers import Recurrent
from gatedrnn.lightweight import FastGRNN, MinGRU, MinLSTM, g, log_g
from gatedrnn.optimiser import Adam

NAMES = ("mingru", "minlstm", "fastgrnn")
MINIMAL = ("mingru", "minlstm")
TOLERANCE = {torch.float32: 1e-5, torch.float64: 1e-12}
each_cell = pytest.mark.parametrize("name", NAMES)
each_minimal = pytest.mark.parametrize("name", MINIMAL)
each_type = pytest.mark.parametrize("dtype", TOLERANCE, ids=["float32", "float64"])


def layer(name, *sizes, dtype=torch.float64, seed=0):
    torch.manual_seed(seed)
    return Recurrent(name, *sizes).to(dtype)


def state_of(layers, batch, hidden, dtype=torch.float64, seed=0):
    """A state with negative numbers and zeros in it, as another model might hand it over."""
    generator = torch.Generator().manual_seed(seed)
    h = 3 * torch.randn(layers, batch, hidden, generator=generator, dtype=torch.float64)
    h[torch.rand(h.shape, generator=generator) < 0.3] = 0.0
    return h.to(dtype).requires_grad_()


def same(found, expected, tolerance):
    for a, b in zip(found, expected, strict=True):
        if a is None or b is None or not b.numel():  # what holds no number
            assert (a is None or not a.any()) and (b is None or not b.any())
            continue
        torch.testing.assert_close(a, b, rtol=0, atol=tolerance * max(1.0, float(b.detach().abs().max())))


def gradients(outputs, last, wanted):
    weights = torch.linspace(-1, 1.5, outputs.numel(), dtype=outputs.dtype).view_as(outputs)
    return torch.autograd.grad((weights * outputs).sum() + last.square().sum(), wanted, allow_unused=True)


# ---- the equations ----------------------------------------------------------------------------------------------------


def sigma(x):
    return 1 / (1 + torch.exp(-x))


def test_mingru_is_the_papers_with_its_gate_turned_round():
    cell = MinGRU(3, 2).double()
    x, h = torch.randn(4, 3).double(), torch.randn(4, 2).double()
    (w_z, w_h), (b_z, b_h) = cell.weight_ih.view(2, 2, 3), cell.bias_ih.view(2, 2)
    z = 1 - sigma(x @ w_z.T + b_z)  # the paper's z writes
    v = x @ w_h.T + b_h
    candidate = torch.where(v >= 0, v + 0.5, sigma(v))
    (found,), trace = cell(x, (h,))
    torch.testing.assert_close(found, (1 - z) * h + z * candidate)
    torch.testing.assert_close(trace["z"], 1 - z)


def test_minlstm_is_the_papers():
    cell = MinLSTM(3, 2).double()
    x, h = torch.randn(4, 3).double(), torch.randn(4, 2).double()
    i, f, v = (x @ w.T + b for w, b in zip(cell.weight_ih.view(3, 2, 3), cell.bias_ih.view(3, 2), strict=True))
    i, f = sigma(i), sigma(f)
    (found,), trace = cell(x, (h,))
    torch.testing.assert_close(found, f / (f + i) * h + i / (f + i) * torch.where(v >= 0, v + 0.5, sigma(v)))
    torch.testing.assert_close(trace["i"] + trace["f"], torch.ones_like(h))


def test_fastgrnn_is_the_papers_and_starts_as_its_authors_do():
    cell = FastGRNN(3, 2).double()
    x, h = torch.randn(4, 3).double(), torch.randn(4, 2).double()
    b_z, b_h = cell.bias_ih.view(2, 2)
    shared = x @ cell.weight_ih.T + h @ cell.weight_hh.T
    z, zeta, nu = sigma(shared + b_z), 1 / (1 + math.exp(-1)), 1 / (1 + math.exp(4))
    (found,), _ = cell(x, (h,))
    torch.testing.assert_close(found, (zeta * (1 - z) + nu) * torch.tanh(shared + b_h) + z * h)


@pytest.mark.parametrize("at", [-200.0, -1.0, 0.0, 1.0, 1e6])
def test_the_logarithm_of_g_is_that_of_g_and_so_is_its_slope(at):
    x = torch.tensor(at, dtype=torch.float64, requires_grad=True)
    y = torch.tensor(at, dtype=torch.float64, requires_grad=True)
    torch.testing.assert_close(log_g(x).exp(), g(y))
    (log_g(x).exp() + g(y)).backward()
    torch.testing.assert_close(x.grad, y.grad)
    assert g(x) > 0 or at < -100


def test_g_is_continuous_and_rises():
    values = g(torch.linspace(-3, 3, 20001, dtype=torch.float64))
    assert values.diff().min() > 0 and values.diff().max() < 4e-4


# ---- scan and steps -----------------------------------------------------------------------------------------------------


@each_cell
@each_type
@given(
    length=st.integers(1, 300), batch=st.sampled_from([1, 1, 2, 5]), hidden=st.sampled_from([1, 3, 7, 33]),
    layers=st.integers(1, 2), wide=st.sampled_from([0.1, 1.0, 10.0]), seed=st.integers(0, 2**16),
)  # fmt: skip
@settings(max_examples=12, deadline=None)
def test_whole_sequences_are_the_steps_from_any_state(name, dtype, length, batch, hidden, layers, wide, seed):
    core = layer(name, 2, hidden, layers, dtype=dtype, seed=seed)
    x = (wide * torch.randn(length, batch, 2)).to(dtype).requires_grad_()
    h = state_of(layers, batch, hidden, dtype, seed)
    wanted = [x, h, *core.parameters()]
    outputs, (last,) = core(x, (h,))
    traced = core.trace(x, (h,))
    same([outputs, last], [traced.outputs, *traced.state], TOLERANCE[dtype])
    slack = 1 if name in MINIMAL else 10  # a long way through tanh
    same(gradients(outputs, last, wanted), gradients(traced.outputs, traced.state[0], wanted), slack * TOLERANCE[dtype])


@each_cell
@each_type
def test_saturated_gates_make_no_nan_either_way(name, dtype):
    core = layer(name, 2, 5, dtype=dtype)
    x = torch.randn(50, 3, 2).to(dtype)
    for scale in (1e2, 1e4, 1e8):
        with torch.no_grad():
            core.layers[0].weight_ih.copy_(scale * torch.randn_like(core.layers[0].weight_ih))
        h = state_of(1, 3, 5, dtype)
        for outputs, last in (core(x, (h,)), (core.trace(x, (h,)).outputs, core.trace(x, (h,)).state)):
            found = gradients(outputs, last[0], [h, *core.parameters()])
            assert outputs.isfinite().all() and all(each is None or each.isfinite().all() for each in found)
        same([core(x, (h,))[0]], [core.trace(x, (h,)).outputs], TOLERANCE[dtype])


@each_cell
@given(cuts=st.lists(st.integers(1, 39), max_size=5, unique=True), seed=st.integers(0, 99))
@settings(max_examples=12, deadline=None)
def test_chunks_with_the_state_between_are_the_whole(name, cuts, seed):
    core = layer(name, 2, 5, 2, seed=seed)
    x, h = torch.randn(40, 3, 2, dtype=torch.float64), state_of(2, 3, 5, seed=seed)
    whole, (end,) = core(x, (h,))
    parts, state = [], (h,)
    for part in x.tensor_split(sorted(cuts)):
        outputs, state = core(part, state)
        parts.append(outputs)
    same([torch.cat(parts), state[0]], [whole, end], 1e-12)


@each_cell
@pytest.mark.parametrize("filling", [math.nan, math.inf, 1e30])
def test_what_stands_after_a_true_end_changes_nothing(name, filling):
    core = layer(name, 2, 5, 2)
    x, h = torch.randn(7, 3, 2, dtype=torch.float64), state_of(2, 3, 5)
    lengths = [1, 7, 4]
    padded = x.clone()
    for column, length in enumerate(lengths):
        padded[length:, column] = filling
    padded.requires_grad_()
    outputs, (last,) = core(padded, (h,), lengths)
    clean = core(x, (h,), lengths)
    same([outputs, last], [clean[0], *clean[1]], 1e-12)
    found = gradients(outputs, last, [padded, *core.parameters()])
    assert all(each is None or each.isfinite().all() for each in found)
    for column, length in enumerate(lengths):
        alone, (end,) = core(x[:length, [column]], (h[:, [column]],))
        same([outputs[:length, [column]], last[:, [column]]], [alone, end], 1e-12)
        assert not outputs[length:, column].any() and not found[0][length:, column].any()


@each_cell
def test_gradcheck(name):
    core = layer(name, 2, 3)
    h = state_of(1, 2, 3)
    x = torch.randn(6, 2, 2, dtype=torch.float64, requires_grad=True)
    weights = [each for each in core.parameters() if each.numel()]
    assert torch.autograd.gradcheck(lambda x, h, *_: core(x, (h,))[0], (x, h, *weights))
    assert torch.autograd.gradgradcheck(lambda x, h: core(x, (h,))[0], (x, h))


@each_cell
def test_a_single_step_is_the_cells_own(name):
    core = layer(name, 2, 5)
    x, h = torch.randn(1, 3, 2, dtype=torch.float64), state_of(1, 3, 5)
    (expected,), _ = core.layers[0](x[0], (h[0],))
    assert torch.equal(core(x, (h,))[0][0], expected)


@each_cell
@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_what_is_no_state_is_refused(name, bad):
    core = layer(name, 2, 3)
    x, h = torch.randn(4, 1, 2, dtype=torch.float64), torch.zeros(1, 1, 3, dtype=torch.float64)
    h[0, 0, 1] = bad
    with pytest.raises(ValueError, match=rf"state\[0\] with {bad} in it is not allowed: finite numbers, of any sign"):
        core(x, (h,))
    with pytest.raises(
        ValueError, match=r"x of dtype torch.float32 is not allowed: torch.float64, that of the weights"
    ):
        core(x.float())
    with pytest.raises(ValueError, match=r"state\[0\] of dtype torch.float32 is not allowed: torch.float64"):
        core(x, (torch.zeros(1, 1, 3),))


@each_cell
def test_under_autocast_the_weights_say_the_type(name):
    core = layer(name, 2, 3, dtype=torch.float32)
    x = torch.randn(5, 1, 2)
    with torch.autocast("cpu", torch.bfloat16):
        outputs, _ = core(x.bfloat16())
    assert outputs.dtype == torch.float32
    same([outputs], [core(x.bfloat16().float())[0]], 1e-6)


# ---- what a minimal cell has not -------------------------------------------------------------------------------------


@each_minimal
def test_there_is_no_matrix_between_states_and_a_saved_layer_comes_back(name):
    core, other = layer(name, 3, 5), layer(name, 3, 5, seed=1)
    assert core.layers[0].weight_hh.shape == (0, 5) and core.layers[0].bias_hh.shape == (0,)
    other.load_state_dict(core.state_dict())
    x = torch.randn(4, 2, 3, dtype=torch.float64)
    assert torch.equal(core(x)[0], other(x)[0])
    core.load_state_dict(other.state_dict())
    initialise(core, "orthogonal")  # nothing to draw
    assert torch.equal(core(x)[0], other(x)[0])


@each_cell
def test_an_optimiser_moves_every_number(name):
    core = layer(name, 3, 5, dtype=torch.float32)
    before = [each.clone() for each in core.parameters()]
    core(torch.randn(4, 2, 3))[0].square().mean().backward()
    Adam(core.parameters(), lr=0.1).step()
    assert all((old != new).all() for old, new in zip(before, core.parameters(), strict=True))
