"""The scan is the steps: outputs and gradients, from any state, however long, shut or open; however it is cut."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn.functional import logsigmoid

from gatedrnn import scan as scanning
from gatedrnn.scan import scan, steps

TOLERANCE = {torch.float32: 1e-5, torch.float64: 1e-12}
each_type = pytest.mark.parametrize("dtype", TOLERANCE, ids=["float32", "float64"])


def drawn(shape, dtype, wide=1.0, seed=0):
    """log a, log b and a first state of both signs, some of it zero; `wide`: spread of the gates before σ."""
    generator = torch.Generator().manual_seed(seed)
    s, v = (torch.randn(shape, generator=generator, dtype=torch.float64) for _ in range(2))
    h0 = 3 * torch.randn(shape[1:], generator=generator, dtype=torch.float64)
    h0[torch.rand(shape[1:], generator=generator) < 0.3] = 0.0
    made = logsigmoid(wide * s), logsigmoid(-wide * s) + v, h0
    return tuple(each.to(dtype).requires_grad_() for each in made)


def with_gradients(run, inputs):
    hs = run(*inputs)
    weights = torch.linspace(-1, 1.5, hs.numel(), dtype=hs.dtype).view_as(hs)
    return hs, *torch.autograd.grad((weights * hs).sum(), inputs)


def same(found, expected, tolerance):
    for a, b in zip(found, expected, strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=tolerance * max(1.0, float(b.detach().abs().max())))


@each_type
@given(
    length=st.integers(1, 300), batch=st.integers(1, 3), hidden=st.sampled_from([1, 2, 5, 33]),
    wide=st.sampled_from([0.0, 1.0, 8.0, 80.0]), seed=st.integers(0, 2**16),
)  # fmt: skip
@settings(max_examples=25, deadline=None)
def test_it_does_what_the_steps_do(dtype, length, batch, hidden, wide, seed):
    inputs = drawn((length, batch, hidden), dtype, wide, seed)
    same(with_gradients(scan, inputs), with_gradients(steps, inputs), TOLERANCE[dtype])


@given(lanes=st.sampled_from([1, 7, 64, 10**9]), length=st.integers(1, 70), seed=st.integers(0, 99))
@settings(max_examples=30, deadline=None)
def test_where_it_is_cut_changes_nothing(lanes, length, seed):
    inputs = drawn((length, 2, 3), torch.float64, seed=seed)
    expected, before = with_gradients(steps, inputs), scanning.LANES
    try:
        scanning.LANES = lanes
        same(with_gradients(scan, inputs), expected, 1e-12)
    finally:
        scanning.LANES = before


@given(length=st.integers(1, 5000), lanes=st.sampled_from([1, 64, 4096]))
def test_the_blocks_hold_all_steps_and_none_is_empty(length, lanes):
    number, each = scanning._shape(torch.empty(length, 1, lanes, device="meta"))
    assert (number - 1) * each < length <= number * each
    assert number <= math.isqrt(length) and (number == 1 or number * lanes <= scanning.LANES)


def test_the_error_does_not_grow_with_the_length_as_that_of_cumulative_sums_does():
    log_a, log_b, h0 = (each.detach() for each in drawn((2048, 1, 9), torch.float64, 3.0))
    exact = steps(log_a, log_b, h0)
    log_a, log_b, h0 = (each.float() for each in (log_a, log_b, h0.abs() + 0.1))
    sums = log_a.cumsum(0)
    by_sums = (sums + torch.logcumsumexp(log_b - sums, 0)).exp() + sums.exp() * h0
    errors = [float((each / exact - 1).abs()[100:].max()) for each in (scan(log_a, log_b, h0), by_sums)]
    assert errors[0] < 2e-6 and errors[1] > 1e-4


@pytest.mark.parametrize("length", [1, 2, 7])
def test_gradients_of_first_and_second_order(length):
    inputs = drawn((length, 1, 3), torch.float64)
    assert torch.autograd.gradcheck(scan, inputs)
    assert torch.autograd.gradgradcheck(scan, inputs)
    log_a, log_b, h0 = inputs
    assert torch.autograd.gradcheck(lambda b: scan(log_a.detach(), b, h0.detach()), (log_b,))


@each_type
@pytest.mark.parametrize("shut", [1e3, 1e8, math.inf])
def test_gates_shut_or_open_beyond_any_float_make_no_nan(dtype, shut):
    for log_a, log_b in ((-shut, 0.0), (0.0, -shut), (-shut, -shut)):
        log_as, log_bs = (torch.full((40, 2, 3), each, dtype=dtype, requires_grad=True) for each in (log_a, log_b))
        h0 = torch.tensor([[-2.0, 0.0, 5.0]] * 2, dtype=dtype, requires_grad=True)
        found = with_gradients(scan, (log_as, log_bs, h0))
        assert all(each.isfinite().all() for each in found)
        expected = torch.ones_like(h0) if log_b == 0 else h0 if log_a == 0 else torch.zeros_like(h0)
        assert torch.equal(found[0], expected.expand(40, 2, 3))


def test_shapes_that_do_not_fit_are_named():
    a = torch.zeros(4, 2, 3)
    with pytest.raises(ValueError, match=r"log_a of shape \(4, 2\) is not allowed: \(T, B, H\) with T ≥ 1 and B ≥ 1"):
        scan(a[..., 0], a, a[0])
    with pytest.raises(ValueError, match=r"log_b of shape \(3, 2, 3\) is not allowed: \(4, 2, 3\)"):
        scan(a, a[1:], a[0])
    with pytest.raises(ValueError, match=r"h0 of shape \(3,\) is not allowed: \(2, 3\)"):
        scan(a, a, a[0, 0])
