"""Jacobians over time, and the chapter *memory/gradients* built on them."""

import math

import matplotlib.pyplot as plt
import pandas as pd
import pytest
import torch

from evidence.format import power
from experiments.gradients import analysis, jacobians
from experiments.gradients import figures as plots
from experiments.gradients.generated import words
from experiments.gradients.runs import run
from gatedrnn.cells import CELLS


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


def test_figures_and_texts_follow_from_the_runs():
    def made(grid, seeds=2):
        points = [{**SMALL, "steps": 0, **point} for point in grid]
        return pd.DataFrame([{**p, "seed": s, **run(**p, seed=s)} for p in points for s in range(seeds)])

    fresh, learned = made(analysis.fresh_grid(24)), made(analysis.learned_grid(4, 5))
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
    texts = dict(words.numbers(fresh, learned, 24))
    assert texts["gate-0"] == "1"
    assert {"solved-rnn-default", "directions", "half-lstm-default"} <= {*texts}
    for alt in (words.flow_alt(fresh), words.half_life_alt(fresh, 24), words.learned_alt(learned, 24)):
        assert len(alt) > 40
    assert "| LSTM | bias 5 | >\N{NO-BREAK SPACE}24 |" in analysis.half_life_table(fresh, 24).data
    assert "$" not in "".join(texts.values())
    said = words.verdict_sentence(fresh, 24)
    assert said.endswith(texts["bias"]) and ("By default neither" in said) == (
        max(found[f"{cell}, default"].high for cell in ("LSTM", "GRU")) < 1
    )


def rows(**cases):
    """Made-up runs: by `cell__scheme` a gain at all lags but the first, and whether the second of two seeds solved it."""
    found = []
    for case, (gain, spectrum, solved) in cases.items():
        cell, _, start = case.partition("__")
        for seed in (0, 1):
            curves = {
                "lag": [0, 10, 28, 40],
                "memory": [0.0, gain, gain, gain],
                "spectrum": spectrum,
                "rank": [1, 2, 8],
            }
            half = 40.0 if gain > math.log10(0.5) else 2.0
            more = {"half_life": half, "solved_at": 10.0 if solved and seed else None, "curves": curves}
            found.append({"cell": cell, "start": start.replace("_", ":"), "seed": seed, "steps": 5, **more})
    return pd.DataFrame(found)


def test_powers_are_read_without_mathematics():
    texts = [power(each) for each in (0.0, -1.0, -2.43, -6.44, -19.0, -3.99, -4.02, 2.076)]
    space = "\N{NO-BREAK SPACE}"
    assert texts[:5] == ["1", "0.1", "0.0037", f"4{space}×{space}10⁻⁷", "10⁻¹⁹"]
    assert texts[5:] == ["10⁻⁴", "10⁻⁴", "119"]


def test_whether_the_bias_or_the_cell_matters_follows_the_gains():
    many = {"lstm__bias_1": -3.0, "gru__bias_1": -2.9, "lstm__bias_3": -0.1, "gru__bias_3": -0.2}
    runs = rows(**{case: (gain, [0.0, 0.0, 0.0], False) for case, gain in many.items()})
    assert "over 28 steps the bias matters more than the cell" in words.advice(runs)
    many = {"lstm__bias_1": -3.0, "gru__bias_1": -0.2, "lstm__bias_3": -2.9, "gru__bias_3": -0.1}
    runs = rows(**{case: (gain, [0.0, 0.0, 0.0], False) for case, gain in many.items()})
    assert "the bias matters less than the cell" in words.advice(runs)


def test_gradients_that_grow_and_lines_that_are_left_are_named():
    flat = [0.0, 0.0, 0.0]
    runs = rows(lstm__bias_3=(2.0, flat, False), gru__bias_3=(-0.4, flat, False))
    assert "it does so in the LSTM with bias 3 (100)." in words.grows(runs)
    runs.loc[1, "half_life"] = 9.0
    assert "in 1 of 2 seeds the gain falls below ½ (after 9 steps)" in words.grows(runs)
    assert "no median gain is above 1" in words.grows(rows(gru__bias_3=(-0.4, flat, False)))
    runs = rows(lstm__bias_3=(0.0, flat, False), gru__bias_3=(-1.0, flat, False))
    assert "The LSTM's half-life is at least 2.8 times that with bias 3. The GRU's half-life is 0.14 times" in (
        words.line(runs, 40)
    )


def test_what_the_tanh_network_kept_is_told_as_it_was():
    cases = {"gru__chrono_50": (-0.1, [0.1, 0.0, -0.1], True), "lstm__bias_1": (-4.0, [-4.0, -5.0, -6.0], False)}
    alive = rows(**cases, rnn__default=(-3.0, [0.1, -15.2, -15.3], True))
    assert "where double precision ends" in words.tanh(alive, 40) and "latch" not in words.tanh(alive, 40)
    assert "as expected, but at this one rate. The tanh network breaks it: 1 of its runs" in words.expected(alive)
    assert "many directions at once" in words.directions(alive) and "as often" in words.directions(alive)
    latched = rows(**cases, rnn__default=(-3.0, [-6.0, -9.0, -9.0], True))
    assert "In one of them even the one direction has died out" in words.tanh(latched, 40)
    assert "where double precision ends" not in words.tanh(latched, 40)
    never = rows(**cases, rnn__default=(-3.0, [-6.0, -9.0, -9.0], False))
    assert "nothing to explain" in words.tanh(never, 40) and "never learned" in words.directions(never)
    assert "breaks it" not in words.expected(never)
