"""The hand-written kernels: gradients by finite differences, equality with torch.nn, and errors that name the argument."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gatedrnn.kernels import stepwise
from gatedrnn.kernels.shapes import SHAPES
from gatedrnn.layers import STOCK

NAMES = tuple(stepwise.KERNELS)


def stock_layer(name, inputs, hidden):
    return torch.nn.RNN(inputs, hidden, nonlinearity="relu") if name == "relu" else STOCK[name](inputs, hidden)


def arguments(name, length, batch, inputs, hidden, dtype=torch.float64, seed=0):
    """x, state, and the four weights, all asking for a gradient."""
    torch.manual_seed(seed)
    rows = SHAPES[name].blocks * hidden
    shapes = [(length, batch, inputs), *[(batch, hidden)] * (2 if name == "lstm" else 1)]
    shapes += [(rows, inputs), (rows, hidden), (rows,), (rows,)]
    made = [(torch.randn(shape, dtype=dtype) * 0.7).requires_grad_() for shape in shapes]
    return made[0], tuple(made[1:-4]), made[-4:]


def call(name, x, state, weights):
    outputs, last = stepwise.run(name, x, state, *weights)
    return (outputs, *last)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("length", "batch", "inputs", "hidden"), [(1, 1, 1, 1), (4, 2, 3, 2), (3, 1, 2, 3)])
def test_gradients_agree_with_finite_differences(name, length, batch, inputs, hidden):
    x, state, weights = arguments(name, length, batch, inputs, hidden)
    count = len(state)

    def run(x, *rest):
        return call(name, x, rest[:count], rest[count:])

    assert torch.autograd.gradcheck(run, (x, *state, *weights), eps=1e-6, atol=1e-7)


@pytest.mark.parametrize("name", NAMES)
@given(
    length=st.integers(1, 12), batch=st.integers(1, 4), inputs=st.integers(1, 5),
    hidden=st.sampled_from([1, 7, 33]), seed=st.integers(0, 2**16),
)  # fmt: skip
@settings(max_examples=12, deadline=None)
def test_outputs_and_gradients_equal_torch(name, length, batch, inputs, hidden, seed):
    x, state, weights = arguments(name, length, batch, inputs, hidden, seed=seed)
    stock = stock_layer(name, inputs, hidden).double()
    names = ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")
    given_state = tuple(each.unsqueeze(0) for each in state)
    parameters = dict(zip(names, weights, strict=True))
    inside = given_state if name == "lstm" else given_state[0]
    outputs, last = torch.func.functional_call(stock, parameters, (x, inside))
    expected = [outputs, *(each[0] for each in (last if name == "lstm" else (last,)))]
    found = call(name, x, state, weights)
    for ours, theirs in zip(found, expected, strict=True):
        scale = max(1.0, float(theirs.detach().abs().max()))  # a rectifier has no upper end
        torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-12 * scale)
    wanted = [x, *state, *weights]
    ours = torch.autograd.grad(sum((each**2).sum() for each in found), wanted)
    theirs = torch.autograd.grad(sum((each**2).sum() for each in expected), wanted)
    for a, b in zip(ours, theirs, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("name", NAMES)
def test_gradient_through_the_last_state_alone(name):
    x, state, weights = arguments(name, 5, 2, 3, 4)
    stock = stock_layer(name, 3, 4).double()
    parameters = dict(zip(("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0"), weights, strict=True))
    first = tuple(each.unsqueeze(0) for each in state)
    last = torch.func.functional_call(stock, parameters, (x, first if name == "lstm" else first[0]))[1]
    memory = last[1] if name == "lstm" else last
    ours = torch.autograd.grad(call(name, x, state, weights)[-1].sum(), [x, *state])
    theirs = torch.autograd.grad(memory.sum(), [x, *state])
    for a, b in zip(ours, theirs, strict=True):
        torch.testing.assert_close(a, b)


@pytest.mark.parametrize("name", NAMES)
def test_inputs_that_are_not_contiguous(name):
    x, state, weights = arguments(name, 6, 3, 4, 5)
    wanted = [x, *state, *weights]
    plain = call(name, x, state, weights)
    twisted = call(
        name,
        x.transpose(0, 1).contiguous().transpose(0, 1),
        tuple(each.t().contiguous().t() for each in state),
        [each.t().contiguous().t() if each.dim() == 2 else each.repeat_interleave(2)[::2] for each in weights],
    )
    for a, b in zip(twisted, plain, strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=1e-13)
    gradients = [torch.autograd.grad(sum((e**2).sum() for e in found), wanted) for found in (twisted, plain)]
    for a, b in zip(*gradients, strict=True):
        torch.testing.assert_close(a, b)


@pytest.mark.parametrize("name", NAMES)
def test_arguments_are_not_changed(name):
    x, state, weights = arguments(name, 6, 3, 4, 5)
    before = [each.detach().clone() for each in (x, *state, *weights)]
    sum(each.sum() for each in call(name, x, state, weights)).backward()
    assert all(torch.equal(a, b) for a, b in zip(before, (x, *state, *weights), strict=True))


@pytest.mark.parametrize("name", NAMES)
def test_a_nan_stays_in_its_sequence_and_goes_on_in_time(name):
    x, state, weights = arguments(name, 6, 3, 4, 5)
    with torch.no_grad():
        x[2, 1, 0] = float("nan")
    outputs = call(name, x, state, weights)[0]
    assert outputs[:2].isfinite().all()
    assert outputs[:, [0, 2]].isfinite().all()
    assert outputs[2:, 1].isnan().all()


@pytest.mark.parametrize("name", NAMES)
def test_only_the_gradients_asked_for(name):
    x, state, weights = arguments(name, 3, 2, 2, 2)
    frozen = [each.detach() for each in (x, *state)]
    call(name, frozen[0], tuple(frozen[1:]), weights)[0].sum().backward()
    assert frozen[0].grad is None
    assert all(each.grad is not None for each in weights)


def test_errors_name_the_argument():
    x, state, weights = arguments("gru", 4, 2, 3, 5)

    def wrong(message, name="gru", x=x, state=state, weights=weights):
        with pytest.raises(ValueError, match=message):
            stepwise.run(name, x, state, *weights)

    wrong("cell = 'grru' is not allowed: one of 'lstm'", name="grru")
    wrong(r"x of shape \(4, 2\) is not allowed", x=x[..., 0])
    wrong(r"x of shape \(0, 2, 3\) is not allowed", x=x[:0])
    wrong("state of 2 tensors is not allowed for 'gru'", state=state * 2)
    wrong(r"state\[0\] of shape \(1, 5\) is not allowed: \(2, 5\)", state=(state[0][:1],))
    wrong(r"weight_ih of shape \(14, 3\) is not allowed: \(15, 3\)", weights=[weights[0][:-1], *weights[1:]])
    wrong(r"bias_hh of shape \(14,\) is not allowed", weights=[*weights[:3], weights[3][:-1]])
    wrong("bias_ih of dtype torch.float32 is not allowed", weights=[*weights[:2], weights[2].float(), weights[3]])
    whole = [each.long() for each in (x, *state, *weights)]
    wrong("x of dtype torch.int64 is not allowed", x=whole[0], state=(whole[1],), weights=whole[2:])
