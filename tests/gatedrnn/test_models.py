"""Models: shapes, lengths, parameters counted, widths solved for a budget."""

import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch import nn

from gatedrnn import flops
from gatedrnn.catalogue import CELLS
from gatedrnn.layers import Recurrent
from gatedrnn.lightweight import Lightweight
from gatedrnn.models import Classifier, LanguageModel, Tagger, count_parameters, width_for


def builder(cell):
    return lambda width: Classifier(Recurrent(cell, 3, width), 4)


@pytest.mark.parametrize("cell", CELLS)
def test_shapes(cell):
    x = torch.randn(6, 2, 3)
    assert Classifier(Recurrent(cell, 3, 5), 4)(x).shape == (2, 4)
    assert Tagger(Recurrent(cell, 3, 5), 4)(x).shape == (6, 2, 4)
    model = LanguageModel(cell, symbols=7, hidden_size=5, num_layers=2)
    logits, state = model(torch.randint(7, (6, 2)))
    assert logits.shape == (6, 2, 7)
    assert [each.shape for each in state] == [(2, 2, 5)] * len(CELLS[cell].states)


@pytest.mark.parametrize("cell", CELLS)
def test_a_classifier_reads_each_sequence_at_its_true_end(cell):
    torch.manual_seed(0)
    model = Classifier(Recurrent(cell, 3, 5), 4).double()
    x = torch.randn(6, 2, 3).double()
    found = model(x, torch.tensor([2, 6]))
    torch.testing.assert_close(found[0], model(x[:2])[0])
    torch.testing.assert_close(found[1], model(x)[1])


@pytest.mark.parametrize("cell", CELLS)
def test_a_language_model_goes_on_from_its_state(cell):
    torch.manual_seed(0)
    model = LanguageModel(cell, symbols=7, hidden_size=5).double()
    symbols = torch.randint(7, (9, 2))
    whole, _ = model(symbols)
    first, state = model(symbols[:4])
    torch.testing.assert_close(torch.cat([first, model(symbols[4:], state)[0]]), whole)


@pytest.mark.parametrize("cell", [each for each in CELLS if not issubclass(CELLS[each], Lightweight)])
@given(inputs=st.integers(1, 9), hidden=st.integers(1, 20))
@settings(max_examples=10, deadline=None)
def test_parameters_are_those_of_the_formula(cell, inputs, hidden):
    core = Recurrent(cell, inputs, hidden)
    blocks = len(CELLS[cell].blocks)
    expected = blocks * (inputs * hidden + hidden**2 + 2 * hidden)
    assert count_parameters(core) == expected == flops.count_parameters(cell, inputs, hidden)


def test_frozen_parameters_do_not_count():
    model = nn.Linear(3, 4)
    model.bias.requires_grad_(False)
    assert count_parameters(model) == 12


@pytest.mark.parametrize("cell", CELLS)
@given(budget=st.integers(60, 4000))
@settings(max_examples=12, deadline=None)
def test_no_other_width_is_closer_to_the_budget(cell, budget):
    build = builder(cell)
    assume(count_parameters(build(1)) <= budget)
    width = width_for(budget, build, widest=512)  # a minimal cell grows with its width, not with the square
    missed = abs(count_parameters(build(width)) - budget)
    for other in {max(1, width - 1), width + 1}:
        assert (missed, width) <= (abs(count_parameters(build(other)) - budget), other)


def test_width_for_finds_the_width_that_made_the_budget():
    for width in (1, 2, 17, 64):
        assert width_for(count_parameters(builder("lstm")(width)), builder("lstm")) == width


def test_gru_is_wider_at_equal_parameters():
    lstm = width_for(50_000, builder("lstm"))
    gru = width_for(50_000, builder("gru"))
    assert 1.12 < gru / lstm < 1.18  # √(4/3) = 1.155 where H ≫ I


@pytest.mark.parametrize(("budget", "widest"), [(5, 4096), (10**6, 8)])
def test_budgets_out_of_reach_are_refused(budget, widest):
    with pytest.raises(ValueError, match=f"budget = {budget} is not allowed"):
        width_for(budget, builder("lstm"), widest)
