"""Jacobians over time, and the chapter *memory/gradients* built on them."""

import matplotlib.pyplot as plt
import pandas as pd
import pytest
import torch

from experiments.gradients import analysis, jacobians
from experiments.gradients import figures as plots
from experiments.gradients.runs import run
from gatedrnn.catalogue import CELLS


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
        found = [run(cell=cell, start=f"bias:{b}", steps=0, seed=0, **SMALL)["half_life"] for b in (0, 1, 2)]
        assert found == sorted(found)
        assert found[0] < found[2]


@pytest.fixture(scope="module")
def small():
    """Fresh and learned runs at small parameters."""

    def made(grid, seeds=2):
        points = [{**SMALL, "steps": 0, **point} for point in grid]
        return pd.DataFrame([{**p, "seed": s, **run(**p, seed=s)} for p in points for s in range(seeds)])

    return made(analysis.fresh_grid(24)), made(analysis.learned_grid(4, 5))


def test_every_start_is_weighed_against_the_tanh_network_of_the_same_seed(small):
    fresh, _ = small
    found = analysis.evidence(fresh)
    assert len(found) == 12
    assert found["LSTM, bias 5"].interval.estimate > found["LSTM, bias 0"].interval.estimate
    alike = fresh.assign(half_life=fresh["seed"] + 1.0)
    assert {each.interval.estimate for each in analysis.evidence(alike).values()} == {1.0}
    assert analysis.differ(alike) == 1.0 and analysis.differ(fresh) < 1


def test_gains_are_those_of_the_curves_and_lives_beyond_the_sequence_are_censored(small):
    fresh, _ = small
    table = analysis.tidy(fresh)
    assert analysis.tens(fresh) == 20
    for place in (0, len(fresh) - 1):
        curves = fresh["curves"].iloc[place]
        assert table["gain"].iloc[place] == curves["memory"][curves["lag"].index(20)]
        assert table["end"].iloc[place] == curves["memory"][-1]
    assert set(table["name"]) == {"default", "bias 0", "bias 1", "bias 3", "bias 5", "chrono"}
    assert "| LSTM | bias 5 | >\N{NO-BREAK SPACE}24 |" in analysis.half_life_table(fresh, 24).data


def test_singular_values_are_those_of_the_runs_that_solved_the_task_or_of_all(small):
    _, learned = small
    part = learned[(learned["cell"] == "gru") & (learned["steps"] > 0)]
    part = part[part["start"] == "bias:1"]
    none, one = (part.assign(solved_at=[float("nan"), end]) for end in (float("nan"), 5.0))
    every = [curves["spectrum"] for curves in part["curves"]]
    assert analysis.spectra(none).tolist() == every
    assert analysis.spectra(one).tolist() == every[1:]


def test_figures_show_every_seed(small):
    fresh, learned = small
    table = plots.long(fresh)
    flow = plots.draw_flow(table)
    for ax, starts in zip(flow.axes, (5, 5), strict=True):
        assert sum(len(line.get_xdata()) == table["lag"].nunique() for line in ax.lines) == (starts + 1) * (2 + 1)
    plt.close(flow)
    for fig in (plots.draw_half_lives(fresh, 24), plots.draw_learned(plots.long(learned), learned)):
        fig.canvas.draw()
        plt.close(fig)
