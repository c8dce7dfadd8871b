"""The light cells counted, and how their gates start out."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from test_light_cells import NAMES, each_cell, layer
from torch.utils.flop_counter import FlopCounterMode

from gatedrnn import flops, lightweight_flops
from gatedrnn.catalogue import CELLS
from gatedrnn.initialisation import initialise
from gatedrnn.layers import Recurrent
from gatedrnn.models import count_parameters
from gatedrnn.starts import begin


@each_cell
@given(inputs=st.integers(1, 40), hidden=st.integers(1, 40))
@settings(max_examples=15, deadline=None)
def test_numbers_and_products_are_counted_as_they_are(name, inputs, hidden):
    cell = CELLS[name](inputs, hidden)
    assert lightweight_flops.count_parameters(name, inputs, hidden) == count_parameters(cell)
    assert lightweight_flops.parameter_bytes(name, inputs, hidden) == 4 * count_parameters(cell)
    with FlopCounterMode(display=False) as counter:
        cell(torch.randn(3, inputs), (torch.randn(3, hidden),))
    found = lightweight_flops.forward_flops(name, inputs, hidden, batch_size=3)
    assert found.matmul == counter.get_total_flops() == 6 * lightweight_flops.multiply_adds(name, inputs, hidden)
    assert found.elementwise % (3 * hidden) == 0


@pytest.mark.parametrize("name", ["lstm", "gru", "rnn"])
def test_of_other_cells_the_counts_are_those_of_flops(name):
    assert lightweight_flops.count_parameters(name, 3, 5) == flops.count_parameters(name, 3, 5)
    assert lightweight_flops.forward_flops(name, 3, 5, 2, 7) == flops.forward_flops(name, 3, 5, 2, 7)
    assert lightweight_flops.state_bytes(name, 5, 2) == flops.state_bytes(name, 5, 2)


def test_light_states_are_counted_and_what_is_no_cell_or_size_is_refused():
    assert {lightweight_flops.state_bytes(name, 5, 2) for name in NAMES} == {40}
    with pytest.raises(ValueError, match="cell = 'qrnn' is not allowed: one of 'rnn'"):
        lightweight_flops.count_parameters("qrnn", 3, 5)
    with pytest.raises(ValueError, match="hidden_size = 0 is not allowed"):
        lightweight_flops.forward_flops("mingru", 3, 0)


# ---- starts ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["lstm", "gru", *NAMES])
@given(bias=st.floats(-8, 8))
@settings(max_examples=10, deadline=None)
def test_a_bias_says_what_is_kept_in_every_cell(name, bias):
    core = layer(name, 2, 5)
    begin(core, f"bias:{bias}")
    with torch.no_grad():
        core.layers[0].weight_ih.zero_()
        core.layers[0].weight_hh.zero_()
    gates = core.trace(torch.randn(1, 3, 2, dtype=torch.float64)).gates[0]
    kept = gates["f" if "lstm" in name else "z"]
    torch.testing.assert_close(kept, torch.full_like(kept, 1 / (1 + math.exp(-bias))), rtol=1e-6, atol=1e-6)


@each_cell
def test_chrono_draws_times_up_to_the_longest(name):
    torch.manual_seed(0)
    core = Recurrent(name, 2, 500)
    begin(core, "chrono:50")
    with torch.no_grad():
        for each in (core.layers[0].weight_ih, core.layers[0].weight_hh):
            each.zero_()
    gates = core.trace(torch.zeros(1, 1, 2)).gates[0]
    times = 1 / (1 - gates["f" if name == "minlstm" else "z"])
    assert 2 - 1e-3 <= times.min() < 4 and 47 < times.max() <= 50 + 1e-2


def test_other_starts_are_those_of_initialise():
    for start in ("default", "orthogonal"):
        core, other = layer("minlstm", 2, 5), layer("minlstm", 2, 5)
        begin(core, start)
        initialise(other, start)
        assert all(torch.equal(a, b) for a, b in zip(core.parameters(), other.parameters(), strict=True))
    with pytest.raises(ValueError, match="start = 'chrono:2' is not allowed"):
        begin(layer("minlstm", 2, 5), "chrono:2")
