"""Labels, probes, clamps and the chapter *memory/gates* built on them."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import torch

from experiments.gates import analysis, costs, latch, marks, tables
from experiments.gates import figures as plots
from experiments.gates import look as gates_look
from experiments.gates import runs as gates
from experiments.gates import text as text_plots
from experiments.gates.clamping import clamped, cut, tied
from experiments.gates.probing import correlations, probe
from gatedrnn.cells import GRU, LSTM
from gatedrnn.models import LanguageModel
from tasks import kjv

SMALL = {"hidden_size": 6, "steps": 4, "learning_rate": 0.01, "batch": 4, "length": 8, "lanes": 8, "start": "default"}


def test_labels_are_what_a_person_would_write_by_hand():
    passage = "Ab [c d]. E,\nf"
    found = dict(zip(marks.MARKS, marks.labels(passage, np.array([0, 10])).T.tolist(), strict=True))
    assert found["bracket"] == [0, 0, 0, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0]
    assert found["capital"] == [1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0]
    assert found["word"] == [1, 2, 0, 0, 1, 0, 1, 0, 0, 0, 1, 0, 0, 1]
    assert np.exp2(found["sentence"]) - 1 == pytest.approx([0, 1, 2, 3, 4, 5, 6, 7, 0, 1, 2, 3, 4, 5])
    assert np.exp2(found["clause"]) - 1 == pytest.approx([0, 1, 2, 3, 4, 5, 6, 7, 0, 1, 2, 0, 0, 1])
    assert np.exp2(found["paragraph"]) - 1 == pytest.approx([*range(12), 0, 1])
    assert np.exp2(found["verse"]) - 1 == pytest.approx([*range(10), 0, 1, 2, 3])


@pytest.mark.parametrize("part", ["valid", "test"])
def test_brackets_of_the_text_are_balanced_and_verses_begin_words(part):
    begin, end = marks.bounds(part)
    passage = kjv.text()[begin:end]
    inside = marks.labels_of(part)[:, 0]
    assert len(inside) == len(passage) == len(getattr(kjv.split(), part))
    depth = 0
    for symbol, label in zip(passage[:20_000], inside.tolist(), strict=False):
        depth += (symbol == "[") - (symbol == "]")
        assert label == depth
    starts = [place for place in marks.verse_begins() if begin < place < end]
    assert len(starts) > 500
    after_a_letter = [place for place in starts if kjv.text()[place - 1].isalpha()]
    assert len(after_a_letter) < 0.01 * len(starts)  # where the text itself lacks a mark


def test_unknown_parts_are_refused():
    with pytest.raises(ValueError, match="part = 'train' is not allowed: 'valid' or 'test'"):
        marks.bounds("train")


def planted(seed, count=4000, units=12, unit=7):
    generator = torch.Generator().manual_seed(seed)
    labels = torch.stack(
        [torch.rand(count, generator=generator) < 0.1, torch.rand(count, generator=generator) < 0.5], 1
    )
    values = torch.randn(count, units, generator=generator)
    values[:, unit] = -3 * labels[:, 0].float() + 0.3 * values[:, unit]
    return values, labels.float()


def test_a_planted_label_is_told_whatever_its_sign():
    assert float(probe(*planted(0), *planted(1))[0]) > 0.9


def test_on_noise_the_score_is_chance():
    scores = [float(probe(*planted(2 * seed), *planted(2 * seed + 1))[1]) for seed in range(30)]
    assert abs(np.mean(scores)) < 3 * np.std(scores) / 30**0.5 + 0.005
    assert max(map(abs, scores)) < 0.08


def test_correlations_equal_numpy_and_a_constant_has_none():
    values, labels = planted(3, count=50, units=4, unit=0)
    values[:, 3] = 1.5
    found = correlations(values, labels)
    for unit in range(3):
        for place in range(2):
            assert float(found[unit, place]) == pytest.approx(np.corrcoef(values[:, unit], labels[:, place])[0, 1])
    assert found[3].tolist() == [0, 0]


def test_labels_spread_over_several_units_are_told():
    torch.manual_seed(0)
    values, new = torch.randn(3000, 5), torch.randn(3000, 5)
    assert float(probe(values, values.sum(1, keepdim=True), new, new.sum(1, keepdim=True))[0]) > 0.999


def test_one_wild_value_of_a_still_unit_does_not_spoil_the_probe():
    values, labels = planted(0)
    new, new_labels = planted(1)
    values[:, 2] = 1e-6 * values[:, 2]
    new[:100, 2] = -1.0
    assert float(probe(values, labels, new, new_labels)[0]) > 0.9


def test_shapes_that_do_not_belong_together_are_told():
    with pytest.raises(ValueError, match=r"shapes \(4, 2\), \(3, 1\)"):
        probe(torch.zeros(4, 2), torch.zeros(3, 1), torch.zeros(4, 2), torch.zeros(4, 1))


def reading(gates, states, labels=None, cell="lstm"):
    shape = next(iter(states.values())).shape
    return gates_look.Reading(cell, gates, states, torch.zeros(*shape[:2], 1) if labels is None else labels)


def test_the_follower_is_the_unit_whose_h_follows_the_brackets_and_its_sign_turns_it_up():
    values, labels = planted(0)
    values, labels = values.view(400, 10, -1), labels.view(400, 10, -1)
    assert gates_look.follower(reading({}, {"h": values}, labels)) == (7, -1.0)
    assert gates_look.follower(reading({}, {"h": -values}, labels)) == (7, 1.0)


def stepped(model, change):
    """Last h of a model after three symbols, by hand: the equations with some gates replaced by `change`."""
    layer, symbols = model.core.layers[0], torch.tensor([3, 1, 2])
    h, c = torch.zeros(2, 1, layer.hidden_size)
    for x in model.embedding(symbols).unsqueeze(1):
        if isinstance(layer, LSTM):
            a = x @ layer.weight_ih.T + layer.bias_ih + h @ layer.weight_hh.T + layer.bias_hh
            i, f, g, o = a.chunk(4, dim=1)
            gate = change({"i": i.sigmoid(), "f": f.sigmoid(), "o": o.sigmoid()})
            c = gate["f"] * c + gate["i"] * g.tanh()
            h = gate["o"] * c.tanh()
        else:
            own, old = x @ layer.weight_ih.T + layer.bias_ih, h @ layer.weight_hh.T + layer.bias_hh
            (x_r, x_z, x_n), (h_r, h_z, h_n) = own.chunk(3, dim=1), old.chunk(3, dim=1)
            gate = change({"r": (x_r + h_r).sigmoid(), "z": (x_z + h_z).sigmoid()})
            h = (1 - gate["z"]) * (x_n + gate["r"] * h_n).tanh() + gate["z"] * h
    return h


def last_h(model):
    return model.core(model.embedding(torch.tensor([[3], [1], [2]])))[0][-1]


@pytest.mark.parametrize(("cell", "gate"), [("lstm", "i"), ("lstm", "f"), ("lstm", "o"), ("gru", "r"), ("gru", "z")])
@pytest.mark.parametrize("value", [0.0, 1.0, 0.3])
def test_a_clamped_gate_equals_the_equations_by_hand(cell, gate, value):
    torch.manual_seed(0)
    model = LanguageModel(cell, 5, 4, embedding_size=3)
    before = last_h(model)
    assert torch.allclose(before, stepped(model, lambda gates: gates), atol=1e-6)
    held = last_h(clamped(model, gate, value))
    assert torch.allclose(held, stepped(model, lambda gates: {**gates, gate: torch.tensor(value)}), atol=1e-6)
    assert torch.equal(last_h(model), before)
    assert not torch.allclose(held, before, atol=1e-4)


def test_tied_gates_and_gates_held_at_a_value_a_unit_equal_the_equations_by_hand():
    torch.manual_seed(0)
    model = LanguageModel("lstm", 5, 4, embedding_size=3)
    assert torch.allclose(last_h(tied(model)), stepped(model, lambda gate: {**gate, "i": 1 - gate["f"]}), atol=1e-6)
    each = torch.tensor([0.0, 0.2, 0.9, 1.0])
    assert torch.allclose(
        last_h(clamped(model, "f", each)), stepped(model, lambda gate: {**gate, "f": each}), atol=1e-6
    )


@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_a_unit_that_is_cut_out_is_read_by_none(cell):
    torch.manual_seed(0)
    model = cut(LanguageModel(cell, 5, 4, embedding_size=3), 2)
    read = torch.tensor([[3], [1], [2]])
    logits, _ = model(read)
    state = [torch.zeros(1, 1, 4) for _ in model.core.layers[0].states]
    for each in state:
        each[..., 2] = 0.7
    disturbed, _ = model(read, tuple(state))
    assert torch.allclose(logits, disturbed, atol=1e-7)
    with pytest.raises(ValueError, match="unit = 4 is not allowed: from 0 to 3"):
        cut(model, 4)


def test_what_cannot_be_clamped_is_told():
    model = LanguageModel("gru", 5, 4)
    with pytest.raises(ValueError, match="gate = 'f' is not allowed: one of 'r', 'z'"):
        clamped(model, "f", 0.5)
    with pytest.raises(ValueError, match=r"value = 1.2 is not allowed: from 0 to 1"):
        clamped(model, "z", 1.2)
    with pytest.raises(ValueError, match="cell = 'gru' is not allowed: one of 'lstm'"):
        tied(model)
    with pytest.raises(ValueError, match="num_layers = 2 is not allowed"):
        clamped(LanguageModel("gru", 5, 4, num_layers=2), "z", 0.5)


def test_memory_time_of_a_constant_gate_is_exact_and_of_a_varying_one_its_geometric_mean():
    assert float(gates_look.memory_time(torch.full((5, 2, 1), np.exp(-1 / 7)))) == pytest.approx(7, rel=1e-5)
    mixed = torch.tensor([np.exp(-1 / 4), np.exp(-1 / 12)]).view(2, 1, 1)
    assert float(gates_look.memory_time(mixed)) == pytest.approx(6, rel=1e-5)


def test_units_that_keep_longer_are_counted_at_every_time():
    keep = torch.tensor([np.exp(-1 / 7), np.exp(-1 / 60)]).expand(5, 2, 2)
    shares = dict(zip(gates_look.TIMES, gates_look.longer(keep), strict=True))
    assert shares == {time: (time < 7) / 2 + (time < 60) / 2 for time in gates_look.TIMES}


def test_moves_are_told_by_both_gates_and_a_gru_makes_but_two():
    keep, write = torch.tensor([1.0, 1.0, 0.0, 0.0, 0.5]), torch.tensor([1.0, 0.0, 1.0, 0.0, 0.5])
    gates = {"f": keep.view(1, 1, 5), "i": write.view(1, 1, 5)}
    state = {"h": torch.zeros(1, 1, 5)}
    assert gates_look.gate_curves(reading(gates, state))["moves"] == pytest.approx([0.2] * 4)
    found = gates_look.gate_curves(reading({"z": gates["f"]}, state, cell="gru"))["moves"]
    assert found == pytest.approx([0, 0.4, 0.4, 0])


def test_costs_are_those_of_the_whole_test_part_in_the_order_of_the_text():
    torch.manual_seed(0)
    model = LanguageModel("gru", len(kjv.symbols()), 4)
    bits = costs.read_on(model)
    assert float(bits.mean()) == pytest.approx(kjv.bits_per_character(model, kjv.split().test), rel=1e-5)
    with torch.no_grad():
        logits, _ = model(kjv.split().test[:50].unsqueeze(1))
    wanted = torch.nn.functional.cross_entropy(logits[:, 0], kjv.split().test[1:51], reduction="none") / np.log(2)
    assert torch.allclose(bits[:50], wanted, atol=1e-4)


def test_brackets_are_enough_and_pooled_in_equal_stretches():
    where = costs.closing()
    assert int(where.sum()) >= 500
    assert "".join(kjv.symbols()[int(each)] for each in costs.followed()[where][:3]) == "]]]"
    bits = torch.where(where, where.cumsum(0), -1).float()  # the first bracket costs one, the next two, …
    found = costs.pooled(bits)
    assert len(found) == costs.PARTS and found == sorted(found)
    assert np.mean(found) == pytest.approx((1 + int(where.sum())) / 2, rel=0.01)
    marks_cost = costs.mark_costs(bits)
    assert marks_cost["closing"] == pytest.approx((1 + int(where.sum())) / 2) and marks_cost["stops"] == -1


def test_the_coupled_model_and_its_plain_copy_compute_the_same_and_it_goes_on_from_a_state():
    torch.manual_seed(0)
    model = gates._build("lstm_coupled", 9, 5, "default")
    read = torch.randint(9, (12, 3))
    logits, _ = model(read)
    first, state = model(read[:7])
    second, _ = model(read[7:], state)
    assert torch.allclose(torch.cat([first, second]), logits, atol=1e-6)
    plain = gates.whole(model)
    assert torch.allclose(plain(read)[0], logits, atol=1e-6)
    traced = plain.core.trace(plain.embedding(read)).gates[0]
    assert torch.allclose(traced["f"], 1 - traced["i"], atol=1e-6)
    assert isinstance(plain.core.layers[0], LSTM)
    assert isinstance(gates.whole(LanguageModel("gru", 9, 5)).core.layers[0], GRU)


def test_the_strip_is_text_of_the_test_part_with_many_brackets():
    look = gates_look.Look(8)
    passage = gates_look.strip_text(look)
    begin, end = marks.bounds("test")
    assert len(passage) == gates_look.SPAN
    assert passage in kjv.text()[begin:end]
    assert passage.count("[") >= 1
    with pytest.raises(ValueError, match="lanes = 3 is not allowed: a whole number from 8 to 400"):
        gates_look.Look(3)


@pytest.fixture(scope="module")
def small_runs():
    fixed = {name: value for name, value in SMALL.items() if name != "learning_rate"}
    points = analysis.grid(analysis.ARMS, lambda cell: 0.01, **fixed)
    rows = [{**p, "seed": s, **gates.run(**p, seed=s, dissect=True)} for p in points for s in range(2)]
    return pd.DataFrame(rows)


@pytest.fixture(scope="module")
def short_runs():
    fixed = {name: value for name, value in {**SMALL, "steps": 1}.items() if name != "learning_rate"}
    points = analysis.grid(analysis.GATED, lambda cell: 0.01, **fixed)
    return pd.DataFrame([{**p, "seed": s, **gates.run(**p, seed=s)} for p in points for s in range(2)])


def test_a_run_is_the_same_twice_and_fair(small_runs):
    again = gates.run(cell="gru", match="width", seed=1, dissect=True, **SMALL)
    row = analysis.rows(small_runs, "gru").loc[1]
    assert again["bits"] == row["bits"]
    assert again["curves"] == row["curves"]
    counted = {arm: int(analysis.rows(small_runs, arm)["parameters"].iloc[0]) for arm in analysis.ARMS}
    assert counted["gru"] == counted["coupled"] < counted["lstm"]
    assert abs(counted["gru-parameters"] - counted["lstm"]) < 0.05 * counted["lstm"]


def test_dissecting_adds_and_changes_nothing():
    plain, more = (gates.run(cell="lstm", match="width", seed=0, dissect=each, **SMALL) for each in (False, True))
    assert plain["bits"] == more["bits"]
    assert all(more["curves"][name] == each for name, each in plain["curves"].items())
    assert set(more["curves"]) > set(plain["curves"])


def test_any_gated_cell_runs():
    found = gates.run(cell="gru_before", match="width", seed=0, **SMALL)
    assert found["bits"] > 0 and len(found["curves"]["h"]) == len(marks.MARKS)


def test_what_is_tied_already_loses_nothing_by_tying(small_runs):
    table = analysis.clamp_table(small_runs)
    tying = table[table["clamp"] == "i = 1 − f"]
    assert tying[tying["arm"] == "coupled"]["lost"].abs().max() < 1e-3
    assert set(table[table["arm"] == "gru"]["clamp"]) == {"r", "z"}


def test_the_coupled_memory_stays_bounded_and_it_makes_the_moves_of_a_gru(small_runs):
    for arm in ("gru", "gru-parameters", "coupled"):
        assert analysis.rows(small_runs, arm)["reach"].max() <= 1
        moves = analysis.move_table(small_runs).query("arm == @arm").groupby("move")["share"].sum()
        assert moves["add"] == moves["blank"] == 0


def test_an_lstm_is_read_where_it_tells_more_and_h_is_h_in_every_cell(small_runs):
    table = analysis.probe_table(small_runs).set_index(["arm", "label", "seed"]).sort_index()
    for arm in analysis.ARMS:
        curves = analysis.rows(small_runs, arm)["curves"]
        for place, label in enumerate(marks.MARKS):
            for prefix in ("", "fresh "):
                shown = [each[f"{prefix}h"][place] for each in curves]
                assert list(table.loc[(arm, label)][f"{prefix}shown"]) == shown
            ways = [name for name in ("c", "tanh c") if name in curves[0]] or ["h"]
            means = [np.mean([each[way][place] for each in curves]) for way in ways]
            assert table.loc[(arm, label)]["memory"].mean() == pytest.approx(max(means))
    assert (table.loc["gru"]["memory"] == table.loc["gru"]["shown"]).all()


def test_a_gap_is_paired_by_seed_and_has_the_sign_of_the_lstm():
    values = {"lstm": [0.5, 0.9, 7.0], "gru": [0.3, 0.7]}
    parts = [
        pd.DataFrame({"arm": arm, "label": "verse", "seed": range(len(each)), "memory": each})
        for arm, each in values.items()
    ]
    found = analysis.gap(pd.concat([parts[0], parts[1][::-1]]), "verse")
    assert (found.low, found.estimate, found.high) == pytest.approx((0.2, 0.2, 0.2))


def test_gaps_are_those_of_each_condition_and_ladders_climb_them(small_runs, short_runs):
    table = analysis.gaps({"1": short_runs, "4": small_runs})
    assert len(table) == 2 * len(analysis.QUANTITIES) * 2
    for name, runs in (("1", short_runs), ("4", small_runs)):
        found = analysis.signs(table, "bits")[name]
        assert found.estimate == pytest.approx(analysis.difference(runs, "bits").estimate)
    ladder = analysis.ladders(table)["bits"]
    assert ladder.budgets == [1, 4] and ladder.margin == analysis.QUANTITIES["bits"][1]
    probes = analysis.probe_table(small_runs)
    assert analysis.signs(table, "sentence shown")["4"].estimate == pytest.approx(
        analysis.gap(probes, "sentence", "shown").estimate
    )


def test_a_look_changes_one_thing():
    point = {"cell": "lstm", "learning_rate": 0.01, "start": "default"}
    for found in analysis.looks([point], 50).values():
        assert sum(found[0][name] != value for name, value in point.items()) == 1
    assert analysis.looks([point], 50)["rate × 3"][0]["learning_rate"] == 0.03


def test_costs_at_brackets_are_differences_of_their_stretches(small_runs):
    table = analysis.cost_table(small_runs).groupby("arm")[["closing", "cut", "other"]].mean()
    assert analysis.level_cost(small_runs, "gru").estimate == pytest.approx(table.loc["gru", "closing"], abs=0.05)
    for name in ("cut", "other"):
        assert analysis.unit_cost(small_runs, "lstm", name).estimate == pytest.approx(table.loc["lstm", name])
    apart = table.loc["lstm", "closing"] - table.loc["gru", "closing"]
    assert analysis.dearer(small_runs).estimate == pytest.approx(apart, abs=0.05)


def test_tables_and_figures_hold_every_arm_label_and_seed(small_runs, short_runs):
    table = analysis.probe_table(small_runs)
    assert len(table) == len(analysis.ARMS) * len(marks.MARKS) * 2
    lines = tables.difference_table(table).data.splitlines()
    assert len(lines) == 2 + len(marks.MARKS) and {line.count(" | ") for line in lines[2:]} == {4}
    lines = tables.result_table({"as above": small_runs, "one step": short_runs}).data.splitlines()
    names = [name for *_, name in analysis.ARMS.values()]
    assert [line.split(" | ")[0][2:] for line in lines[2:]] == [*names, "LSTM", "GRU"]
    other = short_runs[short_runs["cell"] == "gru"].assign(cell="gru_before")
    more = tables.result_table({"as above": small_runs, "one step": short_runs}, other).data.splitlines()
    assert more[: len(lines)] == lines and more[-1].split(" | ")[1:] == ["1 steps", *lines[-1].split(" | ")[2:]]
    passage = gates_look.strip_text(gates_look.Look(8))
    strips = analysis.strip_table(small_runs, passage)
    line = strips[(strips["arm"] == "gru") & (strips["seed"] == 1)].sort_values("place")
    assert "".join(line["character"]) == passage and strips["value"].between(0, 1).all()
    frames = {"1": short_runs, "4": small_runs}
    found = {arm: analysis.level_cost(small_runs, arm) for arm in analysis.ARMS}
    for fig in (
        plots.draw_probes(table),
        plots.draw_moves(analysis.time_table(small_runs), analysis.move_table(small_runs)),
        plots.draw_ladder(analysis.budget_table(frames), pd.DataFrame({"order": [2], "bits": [3.4]})),
        plots.draw_gaps(analysis.gaps(frames)),
        text_plots.draw_strip(strips),
        text_plots.draw_clamps(analysis.clamp_table(small_runs)),
        text_plots.draw_costs(analysis.cost_table(small_runs), {"closing": found}),
    ):
        fig.canvas.draw()
        plt.close(fig)


SHORT = {"hidden_size": 6, "steps": 6, "learning_rate": 0.01, "batch": 4, "length": 8}


def test_reading_in_lanes_is_reading_each_lane_alone_on_from_its_state():
    torch.manual_seed(0)
    model, stream = LanguageModel("gru", len(kjv.symbols()), 5), kjv.split().test[:61]
    state = (torch.randn(1, 3, 5).tanh(),)
    alone = []
    for lane in range(3):
        part = stream[20 * lane : 20 * lane + 21]
        logits, _ = model(part[:-1, None], tuple(each[:, lane : lane + 1] for each in state))
        alone.append(torch.nn.functional.cross_entropy(logits[:, 0], part[1:]).item() / np.log(2))
    assert latch.read(model, stream, 3, state) == pytest.approx(np.mean(alone), rel=1e-5)


@pytest.mark.parametrize("every", [0, 2])
def test_a_carried_state_is_emptied_when_it_should_be_and_else_goes_on(every):
    torch.manual_seed(0)
    model, loss = LanguageModel("lstm", len(kjv.symbols()), 5), latch.Emptied(every)
    given = kjv.lanes(kjv.split().train, 2, 7, 0)
    state = None
    for step in range(5):
        batch = next(given)
        state = None if every and step % every == 0 else state
        logits, state = model(batch[0], state)
        expected = torch.nn.functional.cross_entropy(logits.flatten(0, 1), batch[1].flatten())
        assert loss(model, batch).item() == pytest.approx(expected.item(), rel=1e-6)


@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_a_run_is_read_from_both_states(cell):
    first, again = (latch.run(cell=cell, empty=0, seed=1, **SHORT) for _ in range(2))
    other = latch.run(cell=cell, empty=1, seed=1, **SHORT)
    assert first["cold"] == again["cold"] != first["warm"]
    assert other["cold"] != first["cold"]
    with pytest.raises(ValueError, match="empty = -1 is not allowed"):
        latch.run(cell=cell, empty=-1, seed=1, **SHORT)


def test_the_next_lower_rate_is_one_that_was_tried_for_that_cell():
    tried = pd.DataFrame({"cell": ["lstm", "lstm", "gru", "gru"], "learning_rate": [0.01, 0.02, 0.002, 0.02]})
    points = [{"cell": "lstm", "learning_rate": 0.02, "steps": 3}, {"cell": "gru", "learning_rate": 0.02, "steps": 3}]
    assert [each["learning_rate"] for each in analysis.lower(points, tried)] == [0.01, 0.002]
    assert all(each["steps"] == 3 for each in analysis.lower(points, tried))
    lowest = analysis.lower([{"cell": "gru", "learning_rate": 0.002}], tried)
    assert lowest[0]["learning_rate"] == pytest.approx(0.002 / 3, rel=1e-2), "nothing lower was tried"


def test_what_is_emptied_differs_in_that_alone_and_who_is_stuck_is_counted_by_cell():
    point = {"cell": "gru", "match": "width", "dissect": True, "start": "default", "lanes": 3, **SHORT}
    never, every = analysis.emptied([point], 7)
    assert (never["empty"], every["empty"]) == (0, 7) and {**never, "empty": 7} == every
    latch.run(seed=0, **every)
    cold = pd.DataFrame(
        {"cell": ["gru", "gru", "gru", "lstm"], "empty": [0, 0, 7, 0], "cold": [9.0, 2.4, 2.4, 2.0], "warm": [2.0] * 4}
    )
    assert analysis.stuck(cold).to_dict() == {("gru", 0): 1, ("gru", 7): 0, ("lstm", 0): 0}


def test_each_cell_takes_the_better_of_two_rates():
    def frame(lstm, gru):
        both = [("lstm", seed, each) for seed, each in enumerate(lstm)] + [
            ("gru", s, each) for s, each in enumerate(gru)
        ]
        return pd.DataFrame(both, columns=["cell", "seed", "bits"]).assign(match="width")

    runs, other = frame([2.0, 2.2, 9.0], [1.9, 2.0, 9.0]), frame([1.8, 2.0], [2.0, 2.2])
    found = analysis.at_better_rates(runs, other)
    assert found.estimate == pytest.approx((1.8 + 2.0) / 2 - (1.9 + 2.0) / 2) and found.n == 2
