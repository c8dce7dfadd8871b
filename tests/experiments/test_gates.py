"""Labels, probes, clamps and the chapter *memory/gates* built on them."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import torch

from experiments.gates import analysis, marks
from experiments.gates import figures as plots
from experiments.gates import look as gates_look
from experiments.gates import runs as gates
from experiments.gates import text as text_plots
from experiments.gates.clamping import clamped, cut, tied
from experiments.gates.probing import correlations, other_lanes, probe
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


def test_a_planted_unit_is_found_with_its_sign():
    found = probe(*planted(0), *planted(1))
    assert int(found.unit[0]) == 7
    assert float(found.single[0]) > 0.9
    assert float(found.every[0]) > 0.9


def test_on_noise_the_score_is_chance_although_the_choice_is_not():
    singles, every, chosen = [], [], []
    for seed in range(30):
        found = probe(*planted(2 * seed), *planted(2 * seed + 1))
        singles.append(float(found.single[1]))
        every.append(float(found.every[1]))
        chosen.append(float(found.chosen[1]))
    for scores in (singles, every):
        assert abs(np.mean(scores)) < 3 * np.std(scores) / 30**0.5 + 0.005
        assert max(map(abs, scores)) < 0.08
    assert np.mean(chosen) > 0.02


def test_correlations_equal_numpy_and_a_constant_has_none():
    values, labels = planted(3, count=50, units=4, unit=0)
    values[:, 3] = 1.5
    found = correlations(values, labels)
    for unit in range(3):
        for place in range(2):
            assert float(found[unit, place]) == pytest.approx(np.corrcoef(values[:, unit], labels[:, place])[0, 1])
    assert found[3].tolist() == [0, 0]


def test_labels_spread_over_several_units_need_the_probe_of_all():
    torch.manual_seed(0)
    values, new = torch.randn(3000, 5), torch.randn(3000, 5)
    found = probe(values, values.sum(1, keepdim=True), new, new.sum(1, keepdim=True))
    assert float(found.every[0]) > 0.999
    assert float(found.single[0]) < 0.6


def test_one_wild_value_of_a_still_unit_does_not_spoil_the_probe():
    values, labels = planted(0)
    new, new_labels = planted(1)
    values[:, 2] = 1e-6 * values[:, 2]
    new[:100, 2] = -1.0
    assert float(probe(values, labels, new, new_labels).every[0]) > 0.9


def test_shapes_that_do_not_belong_together_are_told():
    with pytest.raises(ValueError, match=r"shapes \(4, 2\), \(3, 1\)"):
        probe(torch.zeros(4, 2), torch.zeros(3, 1), torch.zeros(4, 2), torch.zeros(4, 1))
    with pytest.raises(ValueError, match="at least 2 lanes"):
        other_lanes(torch.zeros(5, 1))
    labels = torch.arange(8).view(2, 4)
    assert other_lanes(labels).tolist() == [[2, 3, 0, 1], [6, 7, 4, 5]]


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


def test_a_state_that_never_moves_does_not_stay_and_a_slow_one_does():
    torch.manual_seed(0)
    slow = torch.randn(4000, 1).mul(0.01).cumsum(0).sin()
    memory = torch.stack([slow, torch.randn(4000, 1), torch.ones(4000, 1)], dim=2)
    found = gates_look.stays(memory, 10).tolist()
    assert found[0] > 0.9
    assert abs(found[1]) < 0.1
    assert found[2] == 0


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
    assert passage.count("[") >= 2
    with pytest.raises(ValueError, match="lanes = 3 is not allowed: a whole number from 8 to 400"):
        gates_look.Look(3)


@pytest.fixture(scope="module")
def small_runs():
    def frame(grid):
        return pd.DataFrame([{**point, "seed": s, **gates.run(**point, seed=s)} for point in grid for s in range(2)])

    fixed = {name: value for name, value in SMALL.items() if name != "learning_rate"}
    runs = frame(analysis.grid(analysis.ARMS, lambda cell: 0.01, **fixed))
    started = frame(analysis.grid(("lstm", "gru"), lambda cell: 0.01, **{**fixed, "start": "chrono:8"}))
    return runs, started


def test_a_run_is_the_same_twice_and_fair(small_runs):
    runs, _ = small_runs
    again = gates.run(cell="gru", match="width", seed=1, **SMALL)
    row = analysis.rows(runs, "gru").loc[1]
    assert again["bits"] == row["bits"]
    assert again["curves"] == row["curves"]
    counted = {arm: int(analysis.rows(runs, arm)["parameters"].iloc[0]) for arm in analysis.ARMS}
    assert counted["gru"] == counted["coupled"] < counted["lstm"]
    assert abs(counted["gru-parameters"] - counted["lstm"]) < 0.05 * counted["lstm"]


def test_what_is_tied_already_loses_nothing_by_tying(small_runs):
    table = analysis.clamp_table(small_runs[0])
    tying = table[table["clamp"] == "i = 1 − f"]
    assert tying[tying["arm"] == "coupled"]["lost"].abs().max() < 1e-3
    assert set(table[table["arm"] == "gru"]["clamp"]) == {f"{g} {w}" for g in "rz" for w in ("shut", "open", "mean")}


def test_the_coupled_memory_stays_bounded_and_its_gates_on_the_line(small_runs):
    units = analysis.unit_table(small_runs[0])
    assert units[units["arm"].isin(("gru", "gru-parameters", "coupled"))]["reach"].max() <= 1
    squares = analysis.plane(small_runs[0], "coupled")
    assert squares.shape[0] == 2
    assert squares.sum(axis=(1, 2)) == pytest.approx([1, 1], abs=1e-3)
    assert not squares[:, -1, -1].any() and not squares[:, 0, 0].any()
    assert analysis.corners(small_runs[0]).sum(axis=1).between(0, 1).all()
    assert not analysis.plane(small_runs[0], "gru").any()


def test_a_single_unit_is_read_as_it_fitted_the_first_text_and_all_units_as_tells_more(small_runs):
    table = analysis.probe_table(small_runs[0]).set_index(["arm", "label", "seed"])
    curves = analysis.rows(small_runs[0], "lstm")["curves"]
    for place, label in enumerate(marks.MARKS):
        better = max(("c", "tanh c"), key=lambda state: curves[0][f"{state} chosen"][place])
        assert table.loc[("lstm", label, 0), "single"] == curves[0][f"{better} single"][place]
        means = {state: np.mean([each[f"{state} every"][place] for each in curves]) for state in ("c", "tanh c")}
        assert table.loc[("lstm", label)]["memory"].mean() == pytest.approx(max(means.values()))


def test_what_is_shown_is_h_in_every_cell_and_a_gru_carries_what_it_shows(small_runs):
    table = analysis.probe_table(small_runs[0]).set_index(["arm", "label", "seed"])
    for arm in analysis.ARMS:
        for seed, curves in analysis.rows(small_runs[0], arm)["curves"].items():
            for place, label in enumerate(marks.MARKS):
                assert table.loc[(arm, label, seed), "shown"] == curves["h every"][place]
    assert (table.loc["gru"]["memory"] == table.loc["gru"]["shown"]).all()


def test_a_gap_is_paired_by_seed_and_has_the_sign_of_the_lstm():
    values = {"lstm": [0.5, 0.9], "gru": [0.3, 0.7]}
    parts = [
        pd.DataFrame({"arm": arm, "label": "verse", "seed": [0, 1], "memory": each}) for arm, each in values.items()
    ]
    found = analysis.gap(pd.concat([parts[0], parts[1][::-1]]), "verse")
    assert (found.low, found.estimate, found.high) == pytest.approx((0.2, 0.2, 0.2))


def test_tables_and_figures_hold_every_arm_label_and_seed(small_runs):
    runs, started = small_runs
    table, units = analysis.probe_table(runs), analysis.unit_table(runs)
    assert len(table) == len(analysis.ARMS) * len(marks.MARKS) * 2
    lines = analysis.difference_table(table).data.splitlines()
    assert len(lines) == 2 + len(marks.MARKS) and {line.count(" | ") for line in lines[2:]} == {3}
    lines = analysis.result_table({"as above": runs, "chrono": started}).data.splitlines()
    assert [line.split(" | ")[0][2:] for line in lines[2:]] == [name for *_, name in analysis.ARMS.values()] + [
        "LSTM",
        "GRU",
    ]
    passage = gates_look.strip_text(gates_look.Look(8))
    strips = analysis.strip_table(runs, passage)
    assert "".join(strips[strips["row"] == strips["row"].iloc[0]].sort_values("place")["character"]) == passage
    for fig in (
        plots.draw_saturation(analysis.gate_table(runs)),
        plots.draw_memory(units, analysis.unit_table(started), runs),
        plots.draw_probes(table),
        text_plots.draw_strip(strips),
        text_plots.draw_clamps(analysis.clamp_table(runs)),
        text_plots.draw_cuts(analysis.cut_table(runs)),
    ):
        fig.canvas.draw()
        plt.close(fig)


def test_marks_are_counted_where_the_networks_are_looked_at():
    counted = {lanes: analysis.marks_counted(gates_look.Look(lanes)) for lanes in (8, 16)}
    assert 0 < counted[8]["closing"] < counted[16]["closing"]
    assert counted[8].keys() == {"closing", "stops"}
