"""What the anatomy chapter computes and draws."""

import inspect
import io
import json
import re

import matplotlib.pyplot as plt
import pandas as pd
import pytest
import torch
from torch import nn

from evidence import figures, paths, verdicts
from experiments.anatomy import analysis, drawing, runs
from experiments.anatomy import figures as plots
from gatedrnn.catalogue import CELLS
from gatedrnn.initialisation import half_life, initialise
from gatedrnn.kernels import matched
from gatedrnn.layers import Recurrent

NOTEBOOK = json.loads((paths.root() / "chapters/architecture/anatomy.ipynb").read_text(encoding="utf-8"))
PAGE = "\n\n".join("".join(cell["source"]) for cell in NOTEBOOK["cells"] if cell["cell_type"] == "markdown")
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE, re.S)


@pytest.mark.parametrize("cell", CELLS)
def test_the_lines_found_are_the_code_that_runs(cell):
    namespace = dict(vars(inspect.getmodule(CELLS[cell])))
    source = runs.body(cell)
    lines = "\n".join(f"    {line}" for line in source.splitlines())
    exec(f"def forward(self, x, state):\n{lines}", namespace)
    torch.manual_seed(0)
    module = CELLS[cell](3, 4)
    x = torch.randn(2, 3)
    state = tuple(torch.randn(2, 4) for _ in module.states)
    assert torch.equal(namespace["forward"](module, x, state)[0][0], module(x, state)[0][0])
    for code, comment in runs.code_lines(cell).values():
        assert code in source
        assert comment in source


@pytest.mark.parametrize(("cell", "names"), [("rnn", "h"), ("lstm", None), ("gru", None), ("gru_before", "n")])
def test_the_page_shows_the_lines_that_run_and_what_they_are_for(cell, names):
    shown = [line for block in BLOCKS for line in block.splitlines()]
    for name, (code, comment) in runs.code_lines(cell).items():
        if names is None or name in names:
            assert code in shown
            if ": " in comment:
                assert f"{comment[0].upper()}{comment[1:]}." in PAGE


def test_every_line_of_a_cell_on_the_page_is_one_that_runs():
    known = {line.partition("  # ")[0].strip() for cell in CELLS for line in runs.body(cell).splitlines()}
    lines = [line.strip() for block in BLOCKS if "bias_hh_l0" not in block for line in block.splitlines()]
    assert len(lines) > 12
    assert set(lines) <= known


@pytest.mark.parametrize(("kind", "cell"), [(nn.LSTM, "lstm"), (nn.GRU, "gru")])
def test_the_advised_lines_set_the_bias_of_the_gate_that_keeps(kind, cell):
    (advice,) = [block for block in BLOCKS if "bias_hh_l0" in block]
    layer = kind(3, 4)
    core = Recurrent(cell, 3, 4)
    core.layers[0].load_state_dict({name.removesuffix("_l0"): value for name, value in layer.state_dict().items()})
    exec(advice, {"torch": torch, "layer": layer})
    initialise(core, "bias:3")
    for name in ("bias_ih", "bias_hh"):
        assert torch.equal(getattr(layer, f"{name}_l0"), core.layers[0].get_parameter(name))


def test_parts_are_the_blocks_and_states_of_the_cells():
    tally = analysis.tally(runs.parts())
    assert tally.loc["lstm", ["gate", "candidate", "state"]].tolist() == [3, 1, 2]
    assert tally.loc["gru", ["gate", "candidate", "state"]].tolist() == [2, 1, 1]
    assert analysis.parts_by_cell(runs.parts()).loc["LSTM", "gate"] == "i, f, o"


@pytest.mark.parametrize(("cell", "blocks"), [("lstm", 4), ("gru", 2), ("gru_before", 3)])
def test_redundant_are_the_second_biases_that_only_add_to_the_first(cell, blocks):
    assert runs.redundant_biases(cell, 8) == blocks * 8


def test_units_at_word_ends_are_found_whatever_their_sign():
    torch.manual_seed(0)
    ends = (torch.rand(500) < 0.2).double()
    values = torch.rand(500, 6)
    values[:, 2] = 0.9 - 0.8 * ends
    values[:, 4] = 0.1 + 0.3 * ends + 0.1 * torch.rand(500)
    values[:, 5] = 0.5  # never moves
    units, ties = runs.word_end_units(values, ends, 2)
    assert units == [2, 4]
    assert ties[0] == pytest.approx(-1)
    assert ties[1] > 0.9


def test_a_fresh_cell_forgets_by_the_formula():
    table = runs.faded(8, 16, 32, [0.0, 1.0], seeds=2)
    start = table[table["lag"] == 0]
    assert (start[["kept", "apart"]] == 1).all(axis=None)
    halves = analysis.half_lives(table)
    assert len(halves) == 2 * (2 * 2 + 1)
    gated = halves[halves["cell"] != "rnn"]
    assert (gated["measured"] / gated["bias"].map(half_life)).between(0.85, 1.15).all()


def test_an_input_gate_tied_to_the_forget_gate_writes_little_over_what_is_kept():
    apart = analysis.at_lag(runs.faded(40, 8, 16, [4.0], seeds=2), 40, "apart")
    assert apart["lstm", 4, True] < 1 < apart["lstm", 4, False]


def test_half_way_is_interpolated_and_may_never_come():
    curve = pd.DataFrame({"lag": [0, 1, 2, 3], "kept": [1.0, 0.8, 0.4, 0.1]})
    assert analysis.half_way(curve) == pytest.approx(1.75)
    never = analysis.half_way(curve[curve["lag"] < 2])
    assert never == float("inf")
    assert [analysis.steps(each, 20) for each in (1.75, 12.3, never)] == ["1.8", "12", "more than 20"]


def test_ratios_at_equal_width_and_at_equal_parameters():
    table = analysis.ratios([128, 512]).set_index(["H", "matched", "quantity"])["ratio"]
    for width in (128, 512):
        assert table[width, "width", "parameters"] == 0.75
        assert table[width, "width", "state"] == 0.5
        assert table[width, "parameters", "parameters"] == pytest.approx(1, abs=0.01)
        assert table[width, "parameters", "FLOPs"] == pytest.approx(1, abs=0.01)
        assert table[width, "parameters", "state"] > 0.5


@pytest.mark.parametrize("width", [16, 128, 2048])
def test_what_is_counted_and_what_is_held_equal_tell_the_conditions_of_a3_apart(width):
    verdict = verdicts.decide("A3", analysis.simpler(analysis.ratios([width]), width))
    words = {stratum.name: stratum.word for stratum in verdict.strata}
    spent = {f"{name}, equal parameters" for name in ("operations", "kept for training")}
    assert len(words) == 6
    assert {name for name, word in words.items() if word == "supported"} == words.keys() - spent
    for stratum in verdict.strata:
        if stratum.name in spent:  # as many parameters: a hair cheaper, or not at all
            assert stratum.word == (verdicts.LESS if stratum.estimate < 1 else verdicts.CONTRADICTED)


def test_the_share_of_the_layer_tells_the_conditions_of_a2_apart():
    models = analysis.whole_models([30, 1000, 5000, 100000], [64, 512])
    assert (models["ratio"] - (1 - models["share"] / 4)).abs().max() < 1e-12
    for width in (64, 512):
        verdict = verdicts.decide("A2", analysis.fewer(0.75, models, width))
        enough = [True, *(models[models["H"] == width].sort_values("V")["share"] > 0.2)]
        assert [stratum.word for stratum in verdict.strata] == [
            verdicts.SUPPORTED if each else verdicts.LESS for each in enough
        ]


def test_whole_models_are_counted_as_torch_counts_them():
    from gatedrnn.models import LanguageModel, count_parameters

    for row in runs.whole_models([30], [8]).itertuples():
        assert row.model == count_parameters(LanguageModel(row.cell, 30, 8, embedding_size=8))


def test_torch_keeps_more_than_it_must():
    kept = analysis.kept_by_torch(16, batch_size=2, length=5)
    assert kept["lstm", "plain"] >= 6
    assert kept["gru", "plain"] == kept["gru", "oneDNN"] >= 5


def test_the_swap_test_reaches_what_is_counted_here(monkeypatch):
    plain, models = analysis.ratios([64]), analysis.whole_models([30], [64])
    monkeypatch.setenv("BOOK_SWAP", "1")
    swapped = analysis.ratios([64])
    assert (swapped["ratio"] * plain["ratio"] - 1).abs().max() < 1e-12
    assert analysis.whole_models([30], [64])["ratio"][0] == pytest.approx(1 / models["ratio"][0])
    assert analysis.tally(runs.parts()).loc["gru", "gate"] == 3


def test_equality_sees_rounding_only():
    table = analysis.compared([(1, 1, 1), (5, 2, 7)], 3, seed=0)
    bound = table["precision"].map({"float32": 1e-5, "float64": 1e-13})
    assert (table["relative"] < bound).all()
    assert len(table) == 2 * 2 * 3 * (2 + matched.available()) * 2


def test_grus_drift_apart_unless_the_reset_gate_is_open():
    table = analysis.drift(6, 4, 8, [1.0], seed=0)
    most = table.groupby("reset")["difference"].max()
    assert most["open"] < 1e-5
    assert most["as drawn"] > 1e-3
    late = table[(table["step"] > 4) & (table["reset"] == "as drawn")]
    assert analysis.parting(table)["as drawn", 1.0] == pytest.approx((late["difference"] / late["size"]).mean())


@pytest.mark.parametrize("draw", [drawing.rnn, drawing.lstm, drawing.gru, drawing.gru_before])
def test_drawings_use_only_inks_that_have_a_dark_twin(draw):
    figures.use_style()
    fig = drawing.page([draw], [""], 3)
    buffer = io.StringIO()
    fig.savefig(buffer, format="svg")
    plt.close(fig)
    used = set(re.findall(r"(?:fill|stroke): (#[0-9a-f]{6})", buffer.getvalue())) - {"#000000"}
    assert used
    assert used <= set(figures.DARK)


VERSE = pd.DataFrame(
    [
        {
            "cell": cell,
            "gate": gate,
            "unit": unit,
            "tie": tie,
            "place": place,
            "character": symbol,
            "value": 0.2 + width * (place % 2),
        }
        for cell, gate in (("lstm", "f"), ("gru", "z"))
        for unit, tie, width in (("mean", None, 0.1), ("3", 0.5, 0.4))
        for place, symbol in enumerate("In the")
    ]
)


def test_figures_are_drawn_from_their_tables():
    figures.use_style()
    table = analysis.faded(6, 4, 8, [0.0, 1.0], 2)
    widths = [8, 64]
    drawn = [
        plots.fading(table, analysis.half_lives(table)),
        plots.costs(runs.counts(widths), analysis.ratios(widths)),
        plots.whole_models(analysis.whole_models([30, 100], [32, 64]), 0.95),
        plots.equality(analysis.compared([(2, 1, 2)], 2, seed=0)),
        plots.drift(analysis.drift(4, 2, 4, [1.0, 2.0], seed=0)),
        plots.gates(VERSE, "In the"),
    ]
    for fig in drawn:
        assert fig.axes
        fig.savefig(io.BytesIO(), format="png", dpi=30)
        plt.close(fig)


def test_single_units_swing_further_than_their_mean():
    found = analysis.swings(VERSE)
    assert (found["units"] / found["mean"]).tolist() == pytest.approx([4, 4])


def test_the_verse_is_read_off_the_curves_of_a_run():
    verse = analysis.kjv.verse()[1]
    curves = {"mean z": [0.5] * len(verse), "units z": [7], "ties z": [-0.4], "z 7": [0.1] * len(verse)}
    found = analysis.verse_table(pd.DataFrame([{"cell": "gru", "curves": curves}]))
    assert found["unit"].unique().tolist() == ["mean", "7"]
    assert len(found) == 2 * len(verse)
    assert "".join(found["character"].iloc[: len(verse)]) == verse
