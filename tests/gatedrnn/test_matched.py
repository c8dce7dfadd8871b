"""The compiled kernels: equal to the reference cells and to torch.nn, row by row, at the edges, and where no compiler is."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from test_stepwise import arguments, stock_layer

from gatedrnn.catalogue import CELLS
from gatedrnn.kernels import matched, shapes, stepwise
from gatedrnn.layers import Recurrent

NAMES = tuple(shapes.SHAPES)
WEIGHTS = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
TOLERANCE = {torch.float32: 1e-5, torch.float64: 1e-10}
SHAPES = [  # T, B, I, H: whole and broken vectors, whole and broken blocks of rows, few rows (T·B ≤ 4), one row and many units
    (1, 1, 1, 1), (4, 1, 3, 8), (2, 2, 1, 9), (1, 5, 2, 7), (5, 1, 4, 33), (5, 13, 3, 9), (50, 2, 2, 8),
    (50, 5, 7, 33), (5, 1, 2, 96),
]  # fmt: skip
SEVERAL_CHUNKS = {
    "lstm": (70, 13, 2, 65), "gru": (90, 13, 2, 65), "gru_before": (90, 13, 2, 65),
    "rnn": (250, 13, 2, 65), "relu": (250, 13, 2, 65),
}  # fmt: skip

compiled = pytest.mark.usefixtures("kernels")
each_cell = pytest.mark.parametrize("name", NAMES)
each_type = pytest.mark.parametrize("dtype", TOLERANCE, ids=["float32", "float64"])


def drawn(name, shape, dtype=torch.float64, seed=0):
    """x, state and weights as a layer has them: weights up to 1 / √H, so that long sequences do not explode."""
    x, state, weights = arguments(name, *shape, dtype, seed)
    with torch.no_grad():
        for each in weights:
            each.mul_(shape[-1] ** -0.5)
    return x, state, weights


def call(name, x, state, weights, lengths=None):
    outputs, last = matched.run(name, x, state, *weights, lengths=lengths)
    return (outputs, *last)


def by_torch(name, x, state, weights):
    if name not in stepwise.KERNELS:
        return by_cells(name, x, state, weights)  # torch has no GRU that resets before the product
    stock = stock_layer(name, x.shape[-1], weights[1].shape[-1]).to(x.dtype)
    first = tuple(each.unsqueeze(0) for each in state)
    inside = (x, first if name == "lstm" else first[0])
    named = {f"{key}_l0": each for key, each in zip(WEIGHTS, weights, strict=True)}
    outputs, last = torch.func.functional_call(stock, named, inside)
    return (outputs, *(each[0] for each in (last if name == "lstm" else (last,))))


def by_cells(name, x, state, weights):
    cell = CELLS[name](x.shape[-1], weights[1].shape[-1]).to(x.dtype)
    outputs = []
    for x_t in x:
        state, _ = torch.func.functional_call(cell, dict(zip(WEIGHTS, weights, strict=True)), (x_t, state))
        outputs.append(state[0])
    return (torch.stack(outputs), *state)


def gradients(found, wanted, weighted=True):
    """Of a loss in which every number of every result counts differently."""
    parts = [torch.linspace(-1, 1.5, each.numel(), dtype=each.dtype).view_as(each) for each in found]
    return torch.autograd.grad(sum((a * b).sum() for a, b in zip(found, parts, strict=True)), wanted, allow_unused=True)


def same(found, expected, tolerance):
    for a, b in zip(found, expected, strict=True):
        scale = max(1.0, float(b.detach().abs().max())) if b.numel() else 1.0
        torch.testing.assert_close(a, b, rtol=0, atol=tolerance * scale)


# ---- equal to the others -----------------------------------------------------------------------------------------


@compiled
@each_cell
@each_type
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_outputs_states_and_gradients_equal_cells_and_torch(name, dtype, shape):
    x, state, weights = drawn(name, shape, dtype)
    wanted = [x, *state, *weights]
    found = call(name, x, state, weights)
    slopes = gradients(found, wanted)
    for other in (by_cells, by_torch):
        expected = other(name, x, state, weights)
        same(found, expected, TOLERANCE[dtype])
        same(slopes, gradients(expected, wanted), TOLERANCE[dtype])


@compiled
@each_cell
@given(
    length=st.integers(1, 6), batch=st.integers(1, 14), inputs=st.integers(1, 9), hidden=st.integers(1, 40),
    double=st.booleans(), seed=st.integers(0, 2**16),
)  # fmt: skip
@settings(max_examples=25, deadline=None)
def test_any_shape_equals_torch(name, length, batch, inputs, hidden, double, seed):
    dtype = torch.float64 if double else torch.float32
    x, state, weights = drawn(name, (length, batch, inputs, hidden), dtype, seed)
    wanted = [x, *state, *weights]
    found, expected = call(name, x, state, weights), by_torch(name, x, state, weights)
    same(found, expected, TOLERANCE[dtype])
    same(gradients(found, wanted), gradients(expected, wanted), TOLERANCE[dtype])


@compiled
@each_cell
@each_type
def test_several_chunks_of_projections_equal_torch_and_the_pass_that_keeps(name, dtype):
    shape = SEVERAL_CHUNKS[name]
    steps, batch, _, hidden = shape
    assert steps * batch * shapes.SHAPES[name].blocks * hidden > 1 << 17, "CHUNK of sequence.h: more than one"
    x, state, weights = drawn(name, shape, dtype)
    kept = call(name, x, state, weights)
    with torch.no_grad():
        found, expected = call(name, x, state, weights), by_torch(name, x, state, weights)
    same(found, expected, TOLERANCE[dtype])
    same(found, kept, TOLERANCE[dtype])


@compiled
@each_cell
@pytest.mark.parametrize("lengths", [None, [3, 1, 2]])
def test_gradients_agree_with_finite_differences(name, lengths):
    x, state, weights = drawn(name, (3, 3, 2, 3))
    count, ends = len(state), None if lengths is None else torch.tensor(lengths)

    def run(x, *rest):
        return call(name, x, rest[:count], rest[count:], ends)

    assert torch.autograd.gradcheck(run, (x, *state, *weights), eps=1e-6, atol=1e-7)


# ---- the same whichever way ---------------------------------------------------------------------------------------


@compiled
@each_cell
@each_type
@pytest.mark.parametrize("shape", [shape for shape in SHAPES if shape[3] < 33 or shape[1] > 1], ids=str)
def test_without_gradients_the_result_is_the_same_bit_for_bit(name, dtype, shape):
    """Where all projections fit one chunk; several chunks are several products, which the BLAS may round differently."""
    x, state, weights = drawn(name, shape, dtype)
    with torch.no_grad():
        found = call(name, x, state, weights)
    assert all(map(torch.equal, found, call(name, x, state, weights)))
    frozen = call(name, x.detach(), tuple(each.detach() for each in state), [each.detach() for each in weights])
    assert all(map(torch.equal, found, frozen))
    assert not any(each.requires_grad for each in (*found, *frozen))


@compiled
@each_cell
def test_one_thread_equals_two(name):
    """Bit for bit where the BLAS does the same on both; what is promised is 1e-6."""
    x, state, weights = drawn(name, (50, 13, 3, 33), torch.float32)
    wanted, threads = [x, *state, *weights], torch.get_num_threads()
    results = []
    try:
        for count in (1, 2):
            torch.set_num_threads(count)
            found = call(name, x, state, weights)
            results.append((*found, *gradients(found, wanted)))
    finally:
        torch.set_num_threads(threads)
    same(*results, 1e-6)


@compiled
@each_cell
@each_type
def test_a_sequence_alone_equals_itself_in_a_batch(name, dtype):
    x, state, weights = drawn(name, (6, 13, 3, 9), dtype)
    outputs, *last = call(name, x, state, weights)
    for b in range(13):
        alone = call(name, x[:, b : b + 1], tuple(each[b : b + 1] for each in state), weights)
        same((outputs[:, b : b + 1], *(each[b : b + 1] for each in last)), alone, TOLERANCE[dtype] / 10)


@compiled
@each_cell
@given(lengths=st.lists(st.integers(1, 6), min_size=1, max_size=6), seed=st.integers(0, 99), keep=st.booleans())
@settings(max_examples=15, deadline=None)
def test_lengths_equal_each_sequence_run_alone_to_its_end(name, lengths, seed, keep):
    x, state, weights = drawn(name, (6, len(lengths), 2, 9), seed=seed)
    wanted = [x, *state, *weights]
    with torch.set_grad_enabled(keep):
        outputs, *last = call(name, x, state, weights, torch.tensor(lengths))
    alone = []
    for b, length in enumerate(lengths):
        cut, *end = call(name, x[:length, b : b + 1], tuple(each[b : b + 1] for each in state), weights)
        assert not outputs[length:, b].any()
        alone.append((torch.nn.functional.pad(cut, (0, 0, 0, 0, 0, 6 - length)), *end))
    expected = [torch.cat(each, 1 if place == 0 else 0) for place, each in enumerate(zip(*alone, strict=True))]
    same((outputs, *last), expected, 1e-12)
    if keep:
        same(gradients((outputs, *last), wanted), gradients(expected, wanted), 1e-12)


@compiled
@each_cell
def test_what_stands_after_the_end_touches_nothing(name):
    x, state, weights = drawn(name, (6, 3, 2, 9), torch.float32)
    lengths, results = torch.tensor([2, 6, 3]), []
    for filler in (0.0, 1e30, float("inf"), float("nan")):
        with torch.no_grad():
            x[2:, 0], x[3:, 2] = filler, -filler
        found = call(name, x, state, weights, lengths)
        results.append((*found, *gradients(found, [x, *state, *weights])))
    for other in results[1:]:
        assert all(map(torch.equal, results[0], other))
    assert not results[0][len(state) + 1][2:, 0].any()


@compiled
@each_cell
def test_lengths_of_any_whole_type_and_strides(name):
    x, state, weights = drawn(name, (6, 3, 2, 4))
    expected = call(name, x, state, weights, torch.tensor([2, 6, 3]))
    for lengths in (
        torch.tensor([2, 6, 3], dtype=torch.uint8),
        torch.tensor([2, 0, 6, 0, 3, 0], dtype=torch.int32)[::2],
        [2, 6, 3],
        (2, 6, 3),
        np.array([2, 6, 3], dtype=np.int16),
        [np.int64(2), np.int64(6), np.int64(3)],
    ):
        assert all(map(torch.equal, expected, call(name, x, state, weights, lengths)))


# ---- tensors as they come ------------------------------------------------------------------------------------------


@compiled
@each_cell
@pytest.mark.parametrize("shape", [(6, 3, 4, 9), (2, 2, 4, 9)], ids=str)
def test_inputs_and_incoming_gradients_that_are_not_contiguous(name, shape):
    x, state, weights = drawn(name, shape)
    wanted = [x, *state, *weights]
    plain = call(name, x, state, weights)
    twisted = call(
        name,
        x.transpose(0, 1).contiguous().transpose(0, 1),
        tuple(each.t().contiguous().t() for each in state),
        [each.t().contiguous().t() if each.dim() == 2 else each.repeat_interleave(2)[::2] for each in weights],
    )
    same(twisted, plain, 1e-13)
    for expand in (False, True):  # strides of 0, and transposed
        ones = [torch.ones((), dtype=x.dtype).expand(e.shape) for e in plain]
        turned = [torch.randn(e.shape[::-1], dtype=x.dtype).permute(*range(e.dim())[::-1]) for e in plain]
        incoming = ones if expand else turned
        expected = torch.autograd.grad(plain, wanted, [e.contiguous() for e in incoming], retain_graph=True)
        same(torch.autograd.grad(twisted, wanted, incoming, retain_graph=True), expected, 1e-13)
    views = call(name, x[..., 1:], state, [weights[0][:, 1:], *weights[1:]])
    copies = call(name, x[..., 1:].clone(), state, [weights[0][:, 1:].clone(), *weights[1:]])
    same(gradients(views, wanted), gradients(copies, wanted), 1e-13)


@compiled
@each_cell
def test_an_expanded_initial_state_gets_the_gradient_of_all_rows(name):
    x, state, weights = drawn(name, (5, 4, 3, 9))
    first = tuple(each[0].detach().clone().requires_grad_() for each in state)
    found = call(name, x, tuple(each.expand(4, -1) for each in first), weights)
    expected = by_torch(name, x, tuple(each.repeat(4, 1) for each in first), weights)
    same(gradients(found, first), gradients(expected, first), 1e-12)


@compiled
@each_cell
@given(asked=st.lists(st.booleans(), min_size=7, max_size=7).filter(any))
@settings(max_examples=12, deadline=None)
def test_any_choice_of_what_wants_a_gradient(name, asked):
    x, state, weights = drawn(name, (4, 3, 2, 5))
    everything = [x, *state, *weights]
    expected = gradients(call(name, x, state, weights), everything)
    asked = [*asked[: len(everything) - 1], True]
    given_ = [each.detach().requires_grad_(wanted) for each, wanted in zip(everything, asked, strict=True)]
    found = call(name, given_[0], tuple(given_[1 : 1 + len(state)]), given_[1 + len(state) :])
    slopes = gradients(found, [each for each in given_ if each.requires_grad])
    same(slopes, [each for each, wanted in zip(expected, asked, strict=True) if wanted], 1e-12)
    assert all(each.grad is None for each in given_)


@compiled
@each_cell
def test_backward_twice_over_a_kept_graph(name):
    x, state, weights = drawn(name, (5, 3, 2, 9))
    loss = sum(each.square().sum() for each in call(name, x, state, weights))
    first = torch.autograd.grad(loss, [x, *state, *weights], retain_graph=True)
    assert all(map(torch.equal, first, torch.autograd.grad(loss, [x, *state, *weights])))
    with pytest.raises(RuntimeError, match="second time"):
        loss.backward()


@compiled
@each_cell
def test_a_last_state_alone_is_enough_for_backward(name):
    x, state, weights = drawn(name, (5, 3, 2, 9))
    for place in range(1, len(state) + 1):
        ours = torch.autograd.grad(call(name, x, state, weights)[place].sum(), [x, *state, *weights], allow_unused=True)
        theirs = torch.autograd.grad(by_torch(name, x, state, weights)[place].sum(), [x, *state, *weights])
        same(ours, theirs, 1e-12)


@compiled
@each_cell
def test_what_is_changed_in_place_before_backward_is_an_error_not_a_wrong_gradient(name):
    x, state, weights = drawn(name, (4, 2, 3, 5))

    def after(change, message):
        found, lengths = call(name, x, state, weights), torch.tensor([4, 2])
        ended = call(name, x, state, weights, lengths)
        with pytest.raises(RuntimeError, match=message), torch.no_grad():
            change(found, lengths)
            with torch.enable_grad():
                sum(each.sum() for each in (*found, *ended)).backward()

    after(lambda found, lengths: found[0].mul_(2), "modified inplace|modified by an inplace")
    after(lambda found, lengths: found[0].detach().mul_(2), "modified inplace|modified by an inplace")
    after(lambda found, lengths: weights[1].mul_(2), "modified by an inplace")
    after(lambda found, lengths: x.mul_(2), "modified by an inplace")
    after(lambda found, lengths: lengths.sub_(1), "modified by an inplace")


@compiled
@each_cell
def test_arguments_are_not_changed(name):
    x, state, weights = drawn(name, (6, 3, 4, 9))
    before = [each.detach().clone() for each in (x, *state, *weights)]
    found = call(name, x, state, weights)
    kept = [each.detach().clone() for each in found]
    sum(each.sum() for each in found).backward()
    assert all(map(torch.equal, before, (x, *state, *weights)))
    assert all(map(torch.equal, kept, found))


# ---- numbers at the edges ------------------------------------------------------------------------------------------


@compiled
@each_cell
@each_type
@pytest.mark.parametrize("shape", [(6, 14, 4, 9), (4, 1, 4, 9)], ids=str)
def test_a_nan_stays_in_its_sequence_and_goes_on_in_time(name, dtype, shape):
    x, state, weights = drawn(name, shape, dtype)
    bad = shape[1] // 2
    others = [b for b in range(shape[1]) if b != bad]
    with torch.no_grad():
        x[2, bad, 0] = float("nan")
        quiet = call(name, x, state, weights)
    found = call(name, x, state, weights)
    for outputs, *last in (quiet, found):
        assert outputs[:2].isfinite().all()
        assert outputs[:, others].isfinite().all()
        assert outputs[2:, bad].isnan().all()
        assert all(each[bad].isnan().all() and each[others].isfinite().all() for each in last)
    dx, *d_state = torch.autograd.grad(sum(each.sum() for each in found), [x, *state])
    if name != "relu":  # its slope at NaN is 1, as torch has it
        assert dx[:, bad].isnan().all()
    assert dx[:, others].isfinite().all()
    assert all(each[others].isfinite().all() for each in d_state)


@compiled
@pytest.mark.parametrize(
    ("name", "size"),  # a rectifier has no upper end
    [(name, size) for name in NAMES for size in (1e4, 3e38, float("inf")) if name != "relu" or size == 1e4],
)
def test_saturated_units_stay_finite(name, size):
    """The inputs drive every gate far out, to either side; the gradients are compared where torch has finite ones."""
    x, state, weights = drawn(name, (6, 3, 1, 9), torch.float32)
    with torch.no_grad():
        weights[0].copy_(weights[0].sign())
        x.copy_(x.sign() * size)
    found = call(name, x, state, weights)
    assert all(each.isfinite().all() for each in found)
    twins = [each.detach().double().requires_grad_() for each in (x, *state, *weights)]
    expected = by_torch(name, twins[0], tuple(twins[1:-4]), twins[-4:])
    same(found, [each.float() for each in expected], 1e-6)
    if size == 1e4:
        slopes = gradients(found, [x, *state, *weights])
        assert all(each.isfinite().all() for each in slopes)
        same(slopes, [each.float() for each in gradients(expected, twins)], 1e-5)


@compiled
@each_type
def test_mixed_saturation_has_the_gradients_of_torch_in_double(dtype):
    """Pre-activations of every size from nothing to ±1e4 in one batch, one unit each."""
    sizes = torch.cat([torch.logspace(-30, 4, 120), -torch.logspace(-30, 4, 120)]).to(dtype)
    for name in NAMES:
        x, state, weights = drawn(name, (3, len(sizes), 1, 9), dtype)
        with torch.no_grad():
            x.copy_(sizes.view(1, -1, 1).expand(3, -1, 1))
        found = call(name, x, state, weights)
        twins = [each.detach().double().requires_grad_() for each in (x, *state, *weights)]
        expected = by_torch(name, twins[0], tuple(twins[1:-4]), twins[-4:])
        same(found, [each.to(dtype) for each in expected], TOLERANCE[dtype] / 10)
        slopes = gradients(found, [x, *state, *weights])
        same(slopes, [each.to(dtype) for each in gradients(expected, twins)], TOLERANCE[dtype])


@compiled
@each_type
def test_sigmoid_and_tanh_are_exact_to_a_few_last_bits(dtype):
    """One unit without recurrence shows them bare: the RNN tanh, a GRU with n = 0 and h = 1 its update gate."""
    grid = [torch.linspace(-100, 100, 40_001), torch.logspace(-37, 4, 20_001), -torch.logspace(-37, 4, 20_001)]
    values = torch.cat(grid).to(dtype)
    exact, eps = values.double(), torch.finfo(dtype).eps
    if dtype == torch.float64:
        exact = values.to(torch.float64)
    x = values.view(1, -1, 1)
    zero, one = torch.zeros(len(values), 1, dtype=dtype), torch.ones(1, 1, dtype=dtype)
    found = matched.run("rnn", x, (zero,), one, 0 * one, 0 * one[0], 0 * one[0])[0].flatten().double()
    worst = ((found - exact.tanh()) / exact.tanh()).abs().max()
    assert worst < 4 * eps, f"tanh: {float(worst / eps):.1f} last bits, also where it is nearly nothing"
    column, nothing = torch.tensor([[0.0], [1.0], [0.0]], dtype=dtype), torch.zeros(3, 1, dtype=dtype)
    found = matched.run("gru", x, (zero + 1,), column, nothing, nothing[:, 0], nothing[:, 0])[0].flatten().double()
    normal = exact > -87 if dtype == torch.float32 else exact > -700
    worst = ((found - exact.sigmoid()) / exact.sigmoid())[normal].abs().max()
    assert worst < 4 * eps, f"sigmoid: {float(worst / eps):.1f} last bits"
    assert (found[~normal] < 1e-37).all()
    assert (found >= 0).all() and (found <= 1).all()


# ---- what is refused -------------------------------------------------------------------------------------------------


@compiled
@pytest.mark.parametrize("quiet", [False, True])
def test_errors_name_the_argument(quiet):
    x, state, weights = drawn("gru", (4, 2, 3, 5))

    def wrong(message, name="gru", x=x, state=state, weights=weights, lengths=None):
        with pytest.raises(ValueError, match=message), torch.set_grad_enabled(not quiet):
            matched.run(name, x, state, *weights, lengths=lengths)

    def swapped(place, tensor):
        return [tensor if number == place else each for number, each in enumerate(weights)]

    wrong("cell = 'grru' is not allowed: one of 'lstm'", name="grru")
    wrong(r"x of shape \(4, 2\) is not allowed", x=x[..., 0])
    wrong(r"x of shape \(0, 2, 3\) is not allowed", x=x[:0])
    wrong(r"x of shape \(4, 0, 3\) is not allowed", x=x[:, :0], state=(state[0][:0],))
    wrong("state of 2 tensors is not allowed for 'gru'", state=state * 2)
    wrong("state of 1 tensors is not allowed for 'lstm'", name="lstm")
    wrong(r"state\[0\] of shape \(1, 5\) is not allowed: \(2, 5\)", state=(state[0][:1],))
    wrong(r"weight_ih of shape \(14, 3\) is not allowed: \(15, 3\)", weights=swapped(0, weights[0][:-1]))
    wrong(r"weight_hh of shape \(14, 5\) is not allowed: \(15, 5\)", weights=swapped(1, weights[1][:-1]))
    wrong(r"weight_hh of shape \(15,\) is not allowed", weights=swapped(1, weights[1][:, 0]))
    wrong(r"weight_hh of shape \(\) is not allowed", weights=swapped(1, weights[1][0, 0]))
    wrong(r"bias_ih of shape \(15, 1\) is not allowed", weights=swapped(2, weights[2][:, None]))
    wrong(r"bias_hh of shape \(14,\) is not allowed", weights=swapped(3, weights[3][:-1]))
    for place, name in enumerate(WEIGHTS):
        wrong(f"{name} of dtype torch.float32 is not allowed", weights=swapped(place, weights[place].float()))
    wrong(r"state\[0\] of dtype torch.float32 is not allowed", state=(state[0].float(),))
    for dtype in (torch.float16, torch.bfloat16, torch.int64, torch.complex64):
        other = [each.to(dtype) for each in (x, *state, *weights)]
        wrong(f"x of (dtype )?{dtype}.* is not allowed", x=other[0], state=(other[1],), weights=other[2:])
    for lengths in ([0, 4], [1, 5], [1, -1], [2], [2, 3, 4], [[2, 3]], [2.5, 3.0], [True, True], [2**40, 1]):
        wrong("lengths = .* is not allowed: 2 whole numbers from 1 to 4", lengths=torch.tensor(lengths))
    empty = [torch.zeros(shape) for shape in ((4, 2, 3), (2, 0), (0, 3), (0, 0), (0,), (0,))]
    wrong("H ≥ 1", x=empty[0], state=(empty[1],), weights=empty[2:])


@compiled
@each_cell
def test_inputs_without_features_leave_the_biases(name):
    x, state, weights = drawn(name, (5, 2, 1, 3))
    found = call(name, x[..., :0], state, [weights[0][:, :0], *weights[1:]])
    same(found, by_torch(name, x * 0, state, weights), 1e-12)


@compiled
@each_cell
def test_the_layers_run_on_these_kernels(name):
    assert Recurrent(name, 2, 3).path == "matched"
