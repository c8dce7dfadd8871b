"""Jacobians over time, and the chapter *memory/gradients* built on them."""

import matplotlib.pyplot as plt
import pytest
import torch

from gatedrnn import jacobians
from gatedrnn.analyses import gradients as analysis
from gatedrnn.cells import CELLS
from gatedrnn.experiments.gradients import run
from gatedrnn.plots import gradients as plots


def sequence(cell, steps=6, inputs=3, hidden=4):
    torch.manual_seed(1)
    layer = CELLS[cell](inputs, hidden).double()
    x = torch.randn(steps, inputs, dtype=torch.float64)
    return layer, x, *jacobians.states(layer, x)


@pytest.mark.parametrize("cell", CELLS)
def test_products_equal_what_backpropagation_finds(cell):
    layer, x, before, _ = sequence(cell)
    products = jacobians.backward_products(jacobians.step_jacobians(layer, x, before))

    def onward(flat, start):
        state = tuple(part.unsqueeze(0) for part in flat.split(4))
        for inputs in x[start:]:
            state, _ = layer(inputs.unsqueeze(0), state)
        return torch.cat([part.squeeze(0) for part in state])

    for start in range(len(x)):
        flat = torch.cat([part[start] for part in before])
        expected = torch.autograd.functional.jacobian(lambda s, start=start: onward(s, start), flat)
        assert torch.allclose(products[len(x) - start], expected, atol=1e-12)
    assert torch.equal(products[0], torch.eye(products.shape[-1], dtype=torch.float64))


@pytest.mark.parametrize(("cell", "gate"), [("lstm", "f"), ("gru", "z"), ("gru_before", "z")])
def test_with_no_recurrent_weights_the_gate_is_the_whole_path(cell, gate):
    layer, x, *_ = sequence(cell)
    with torch.no_grad():
        layer.weight_hh.zero_()
    before, gates = jacobians.states(layer, x)
    block = jacobians.step_jacobians(layer, x, before)[:, -4:, -4:]
    assert torch.allclose(block, torch.diag_embed(gates[gate]), atol=1e-12)


def test_gain_is_that_of_a_random_direction():
    torch.manual_seed(0)
    matrix = torch.randn(5, 7, dtype=torch.float64)
    directions = torch.nn.functional.normalize(torch.randn(7, 200_000, dtype=torch.float64), dim=0)
    assert float((matrix @ directions).square().sum(0).mean().sqrt()) == pytest.approx(
        float(jacobians.gain(matrix)), rel=0.01
    )
    assert float(jacobians.gain(torch.eye(9))) == pytest.approx(1)


def test_half_life_of_an_exponential_is_exact_and_of_a_lasting_curve_is_its_end():
    keep = 0.9
    steps = torch.log(torch.tensor(0.5)) / torch.log(torch.tensor(keep))
    assert jacobians.half_life([keep**k for k in range(30)]) == pytest.approx(float(steps))
    assert jacobians.half_life([1.0, 0.9, 0.8]) == 2.0
    assert jacobians.half_life([1.0, 0.0]) == pytest.approx(0, abs=0.01)


SMALL = {"hidden_size": 8, "lags": 24, "delay": 4, "learning_rate": 0.01}


def test_a_larger_bias_keeps_the_gradient_longer():
    for cell in ("lstm", "gru"):
        found = [run(cell=cell, scheme=f"bias:{b}", steps=0, seed=0, **SMALL)["half_life"] for b in (0, 1, 2)]
        assert found == sorted(found)
        assert found[0] < found[2]


def test_figures_and_texts_follow_from_the_runs():
    import pandas as pd

    def rows(grid, seeds=2):
        points = [{**SMALL, "steps": 0, **point} for point in grid]
        return pd.DataFrame([{**p, "seed": s, **run(**p, seed=s)} for p in points for s in range(seeds)])

    fresh, learned = rows(analysis.fresh_grid(24)), rows(analysis.learned_grid(4, 5))
    for fig in (
        plots.draw_flow(plots.long(fresh)),
        plots.draw_half_lives(fresh, 24),
        plots.draw_learned(plots.long(learned), learned),
    ):
        fig.canvas.draw()
        plt.close(fig)
    found = analysis.evidence(fresh)
    assert len(found) == 12
    assert found["LSTM, bias 5"].estimate > found["LSTM, bias 0"].estimate
    texts = dict(analysis.numbers(fresh, learned, 24))
    assert texts["gate-0"] == "1"
    assert {"solved-rnn-default", "second-gru-chrono", "half-lstm-default"} <= {*texts}
    for alt in (analysis.flow_alt(fresh), analysis.half_life_alt(fresh, 24), analysis.learned_alt(learned, 24)):
        assert len(alt) > 40
    assert "more than 24" in analysis.half_life_table(fresh, 24).to_string()
