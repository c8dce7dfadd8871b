"""Jacobians and pairs over time, and the chapter *memory/gradients* built on them."""

from __future__ import annotations

import itertools
from zlib import crc32

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import torch

from experiments.gradients import analysis, jacobians, learners, probes, tables
from experiments.gradients import figures as plots
from experiments.gradients import learner_figures as learner_plots
from experiments.gradients.runs import TASKS, build, learn, look
from experiments.recall.runs import build as build_recall
from experiments.recall.runs import run as remember
from gatedrnn.catalogue import CELLS


def sequence(cell, steps=6, inputs=3, hidden=4):
    torch.manual_seed(1)
    layer = CELLS[cell](inputs, hidden).double()
    x = torch.randn(steps, inputs, dtype=torch.float64)
    return layer, x, jacobians.states(layer, x)


@pytest.mark.parametrize("cell", CELLS)
def test_products_equal_what_backpropagation_finds(cell):
    layer, x, before = sequence(cell)
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
    layer, x, _ = sequence(cell)
    with torch.no_grad():
        layer.weight_hh.zero_()
    before = jacobians.states(layer, x)
    block = jacobians.step_jacobians(layer, x, before)[:, -4:, -4:]
    with torch.no_grad():
        _, trace = layer(x, before)
    assert torch.allclose(block, torch.diag_embed(trace[gate]), atol=1e-12)


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


def model_and_data(cell="gru", start="bias:3", delay=8):
    model = build("recall", cell, start, 8, seed=3)
    x, y = next(TASKS["recall"].batches(5, 16, delay))
    return model, x, y


@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn"])
def test_a_difference_is_whole_after_the_first_step_and_never_longer_in_place_than_at_all(cell):
    model, x, _ = model_and_data(cell)
    found = probes.pairs(model, x)
    assert found.kept[0] == pytest.approx(1) and found.apart[0] == pytest.approx(1)
    assert len(found.kept) == len(found.apart) == len(x)
    assert (found.kept.abs() <= found.apart + 1e-9).all()


def test_a_gate_that_never_opens_keeps_everything_in_place_and_one_that_never_shuts_nothing():
    model, x, _ = model_and_data(start="bias:20")
    assert probes.pairs(model, x).kept[-1] == pytest.approx(1, abs=1e-6)
    assert probes.memory_gains(model, x[:, 0])[-1] == pytest.approx(1, abs=1e-6)
    model, x, _ = model_and_data(start="bias:-50")
    with torch.no_grad():
        model.core.layers[0].weight_hh.zero_()
    assert probes.pairs(model, x).apart[1] == pytest.approx(0, abs=1e-6)
    assert probes.memory_gains(model, x[:, 0])[1] == pytest.approx(0, abs=1e-6)


def test_gradients_of_the_loss_are_those_of_the_layers_that_are_trained():
    model, x, y = model_and_data("lstm")
    inputs = x.clone().requires_grad_()
    loss = TASKS["recall"].loss
    (slope,) = torch.autograd.grad(loss(model(inputs), y), inputs)
    sizes = slope.square().sum(2).mean(1).sqrt().flip(0)
    found = probes.input_gradients(model, x, y, loss)
    assert torch.allclose(found, (sizes / sizes[0]).double(), rtol=1e-3)
    assert next(model.parameters()).dtype == torch.float32


@pytest.mark.parametrize("task", TASKS)
def test_a_look_has_all_curves_at_the_delay_and_is_a_function_of_its_configuration(task):
    given = {"task": task, "cell": "lstm", "start": "bias:1", "hidden_size": 4, "delay": 9, "seed": 1}
    found = look(**given)
    assert found == look(**given)
    assert found["curves"]["lag"][-1] == 9
    assert {len(curve) for curve in found["curves"].values()} == {len(found["curves"]["lag"])}
    assert {*found["curves"]} == {"lag", *analysis.CURVES}


def test_a_larger_bias_keeps_the_gradient_longer():
    for cell in ("lstm", "gru"):
        given = {"task": "recall", "cell": cell, "hidden_size": 8, "delay": 24, "seed": 0}
        found = [look(start=f"bias:{b}", **given)["half_life"] for b in (0, 1, 2)]
        assert found == sorted(found)
        assert found[0] < found[2]


def test_the_networks_are_those_of_the_chapter_on_recall():
    for cell, start in (("lstm", "chrono:6"), ("gru", "bias:1"), ("rnn", "orthogonal")):
        own = build("recall", cell, start, 5, seed=4).state_dict()
        torch.manual_seed(4)
        theirs = build_recall("recall", cell, 5, start).state_dict()
        assert all(torch.equal(own[name], theirs[name]) for name in theirs)


def test_a_watched_training_is_that_of_the_chapter_on_recall():
    given = {"cell": "gru", "start": "bias:3", "hidden_size": 8, "steps": 60, "every": 20, "batch": 16, "seed": 2}
    own = learn(delay=4, learning_rate=0.1, **given)
    theirs = remember(task="recall", match="width", length=4, learning_rate=0.1, **given)
    assert [own[name] for name in ("quality", "solved_at", "steps_taken", "clipped")] == [
        theirs[name] for name in ("quality", "solved_at", "steps_taken", "clipped")
    ]
    fresh = look(task="recall", cell="gru", start="bias:3", hidden_size=8, delay=4, seed=2)
    assert own["curves"]["step"][0] == 0
    assert own["curves"]["open"][0] == fresh["curves"]["gain"][-1]
    assert own["curves"]["open"][-1] == own["curves"]["gain"][-1] != fresh["curves"]["gain"][-1]


def test_several_starts_apply_in_order():
    model = build("recall", "gru", "orthogonal+bias:3", 6, seed=0)
    layer = model.core.layers[0]
    for block in layer.weight_hh.detach().split(6):
        assert torch.allclose(block @ block.T, torch.eye(6), atol=1e-5)
    assert torch.equal(layer.bias_ih.detach()[6:12], torch.full((6,), 3.0))


LAGS = [2, 5]
CASES = [*itertools.product(analysis.GATED, analysis.TIMED), *(("rnn", start) for start in analysis.PLAIN)]


def made(gain, seeds=8):
    """A table as of `analysis.long`, with the gains that a function of cell, start, lag and seed says."""
    rows = [
        {"cell": cell, "start": start, "delay": 5, "seed": seed, "lag": lag, "gain": gain(cell, start, lag, seed)}
        for cell, start in CASES
        for seed in range(seeds)
        for lag in LAGS
    ]
    return pd.DataFrame(rows)


def test_the_weaker_cell_counts_against_each_tanh_network():
    table = made(lambda cell, start, lag, seed: {"lstm": -1.0, "gru": -0.5, "rnn": -2.0}[cell] - 0.01 * seed)
    found = analysis.ratios(table, LAGS)
    assert len(found) == len(analysis.TIMED) * len(LAGS) * len(analysis.PLAIN)
    assert all(np.allclose(each, 10.0) for each in found.values())
    swapped = table.assign(cell=table["cell"].replace({"lstm": "gru", "gru": "lstm"}))
    assert all(each.equals(found[name]) for name, each in analysis.ratios(swapped, LAGS).items())


def test_a_gain_that_grows_counts_as_one_that_stays():
    table = made(lambda cell, start, lag, seed: 4.0 if cell != "rnn" else -1.0)
    assert all(np.allclose(each, 10.0) for each in analysis.ratios(table, LAGS).values())


def test_where_neither_gradient_arrives_the_condition_is_left_out_and_else_it_counts():
    def gain(cell, start, lag, seed):
        far = -9.0 if cell == "rnn" else -8.0
        return far + 0.01 * seed if lag == 5 else -1.0 - 0.1 * (cell == "rnn") * (seed % 2)

    found = analysis.evidence(made(gain), LAGS)
    assert {name: bool(each.left_out) for name, each in found.items()} == {name: "5 steps" in name for name in found}
    one_alive = made(lambda cell, start, lag, seed: -9.0 + 6 * (cell == "rnn"))
    assert not any(each.left_out for each in analysis.evidence(one_alive, LAGS).values())


def test_conditions_differ_where_the_start_makes_the_ratio_and_not_where_it_is_noise():
    noise = np.random.default_rng(0).normal(size=1000)
    steady = made(
        lambda cell, start, lag, seed: -1.0 + 0.1 * noise[crc32(f"{cell} {len(start)} {lag} {seed}".encode()) % 1000]
    )
    apart = made(
        lambda cell, start, lag, seed: -1.0 - 3 * (start == "default") * (cell != "rnn") + 0.01 * noise[lag + 31 * seed]
    )
    assert analysis.differ(apart, LAGS) < 0.01 < analysis.differ(steady, LAGS)
    dead = made(lambda cell, start, lag, seed: -20.0 - seed)
    assert analysis.differ(dead, LAGS) is None


def outcomes(steps_of, budget=100, seeds=4):
    rows = []
    for (cell, start), delay, seed in itertools.product(CASES, (5, 9), range(seeds)):
        steps = steps_of(cell, start, delay, seed)
        rows.append(
            {
                "cell": cell,
                "start": start,
                "length": delay,
                "seed": seed,
                "solved": int(steps is not None),
                "steps": budget if steps is None else steps,
                "steps_allowed": budget,
                "learning_rate": 0.1,
                "diverged": False,
            }
        )
    return pd.DataFrame(rows)


def fresh(gain_of, seeds=4):
    rows = [
        {"cell": cell, "start": start, "delay": delay, "seed": seed, "lag": delay, "gain": gain_of(cell, start, delay)}
        for (cell, start), delay, seed in itertools.product(CASES, (5, 9), range(seeds))
    ]
    return pd.DataFrame(rows)


ORDER = {"default": -10.0, "bias:1": -4.0, "bias:3": -1.0, "chrono": -0.5, "orthogonal": -3.0}


def test_the_first_gradient_orders_what_it_predicts_and_only_runs_of_one_delay_are_compared():
    gains = fresh(lambda cell, start, delay: ORDER[start] - 10 * delay)
    obeys = learners.joined(
        gains, outcomes(lambda cell, start, delay, seed: int(300 - 10 * ORDER[start]) if delay == 5 else 5)
    )
    found = learners.concordance(obeys)
    assert (found["gru"] == 0.5).all()  # one delay in order, in the other all tie
    never = learners.joined(gains, outcomes(lambda cell, start, delay, seed: int(300 + 10 * ORDER[start])))
    assert (learners.concordance(never)["lstm"] == -1).all()


def test_where_no_gradient_arrives_success_is_told_by_cell_and_budget():
    gains = fresh(lambda cell, start, delay: ORDER[start])
    table = learners.joined(
        gains, outcomes(lambda cell, start, delay, seed: 10 if cell == "gru" or seed == 0 else None)
    )
    lost = learners.dead_cases(table)
    assert {start for _, start, _ in lost} == {"default"}
    part = learners.of_cases(table, lost)
    assert learners.success(part) == {"lstm": 25.0, "gru": 100.0}
    late = pd.concat([table, table.assign(steps_allowed=400, solved=1)])
    ladder = learners.ladder(late, lost, 10.0)
    assert dict(ladder.values) == {100: 75.0, 400: 0.0} and not ladder.flat
    assert np.isnan(learners.success(part[part["cell"] == "gru"])["lstm"])


def test_only_networks_without_a_rate_elsewhere_are_tuned_here():
    found = learners.orthogonal_points([5, 9], known=[("default", 5)])
    assert {(each["start"], each["length"]) for each in found} == {("default", 9), ("orthogonal", 5), ("orthogonal", 9)}


@pytest.fixture(scope="module")
def small():
    """Looks and watched trainings at small parameters."""
    points = analysis.points(("lstm", "gru"), analysis.LOOKED, 10, {"hidden_size": 6})
    looks = pd.DataFrame([{**p, "seed": s, **look(**p, seed=s)} for p in points for s in range(2)])
    fixed = {"hidden_size": 6, "delay": 10, "steps": 8, "every": 4, "batch": 4, "learning_rate": 0.03}
    cases = [{"cell": p["cell"], "start": p["start"]} for p in analysis.points(("lstm", "gru"), analysis.TIMED, 10, {})]
    training = [{**fixed, **case, "seed": s, **learn(**fixed, **case, seed=s)} for case in cases for s in range(2)]
    return looks, pd.DataFrame(training)


def test_an_attack_changes_gated_cells_and_keeps_the_names_of_the_conditions(small):
    points = analysis.points(analysis.GATED, analysis.TIMED, 10, {"hidden_size": 6})
    for name in analysis.ATTACKS:
        changed = analysis.attacked(name, points)
        assert {analysis.kind(each["start"]) for each in changed} == {analysis.kind(each["start"]) for each in points}
        assert all(new != old for new, old in zip(changed, points, strict=True) if old["cell"] != "rnn")
    wide = pd.DataFrame([{**p, "seed": 0, **look(**p, seed=0)} for p in analysis.attacked("another start", points)])
    assert set(analysis.long(wide)["start"]) == set(analysis.long(small[0])["start"]) - {"bias:0", "bias:5"}


def test_on_the_way_is_the_last_look_up_to_a_step(small):
    _, training = small
    way = learners.on_the_way(training, 4)
    for row, found in zip(training.to_dict("records"), way.to_dict("records"), strict=True):
        assert found["first"] == row["curves"]["open"][0]
        assert found["later"] == row["curves"]["open"][1]
        assert found["end"] == row["curves"]["open"][-1]
    assert len(learners.watched(training)) == 3 * len(training)


def test_tables_name_every_case_and_lives_beyond_the_sequence_are_censored(small):
    looks, _ = small
    table = analysis.long(looks)
    text = tables.fresh_table(looks, table, [5, 10], 10).data
    assert text.count("\n") == 1 + len(analysis.points(("lstm", "gru"), analysis.LOOKED, 10, {}))
    assert "| LSTM, bias 5 |" in text and ">\N{NO-BREAK SPACE}10" in text.split("LSTM, bias 5")[1].split("\n")[0]
    who = learners.joined(fresh(lambda *_: -1.0), outcomes(lambda cell, *_: 10 if cell == "gru" else None))
    assert tables.learner_table(who).data.count("| 4/4 |") == 2 * len(analysis.TIMED)


def test_figures_show_every_seed(small):
    looks, training = small
    table = analysis.long(looks)
    flow = plots.draw_flow(table)
    for ax in flow.axes:
        assert sum(len(line.get_xdata()) == table["lag"].nunique() for line in ax.lines) == (5 + 2) * (2 + 1)
    opening = learner_plots.draw_opening(learners.watched(training))
    assert [sum(len(line.get_xdata()) == 3 for line in ax.lines) for ax in opening.axes] == [4 * 3, 4 * 3, 2 * 3]
    who = learners.joined(
        fresh(lambda cell, start, _: ORDER[start]), outcomes(lambda cell, *_: 10 if cell == "gru" else None)
    )
    scatter = learner_plots.draw_learners(who)
    dots = [line for ax in scatter.axes for line in ax.lines if line.get_marker() == "."]
    assert sum(len(line.get_xdata()) for line in dots) == len(who)
    tuning = pd.concat([who.assign(learning_rate=rate, solved_at=10) for rate in (0.01, 0.1)])
    rates = learner_plots.draw_rates(tuning[tuning["cell"] != "rnn"], 100)
    for fig in (flow, opening, scatter, rates, plots.draw_kept(table, ["bias:1", "bias:3"])):
        fig.canvas.draw()
        plt.close(fig)
