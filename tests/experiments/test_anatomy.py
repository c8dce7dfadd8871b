"""What the anatomy chapter computes and draws."""

import io
import re

import matplotlib.pyplot as plt
import pandas as pd
import pytest
import torch

from evidence import figures
from experiments.anatomy import drawing, equality, runs
from experiments.anatomy import figures as plots
from gatedrnn.cells import CELLS
from gatedrnn.initialisation import half_life
from gatedrnn.kernels import matched


@pytest.mark.parametrize("cell", CELLS)
def test_the_shown_lines_are_the_code_that_runs(cell):
    namespace = {"sigmoid": torch.sigmoid, "tanh": torch.tanh, "relu": torch.relu}
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


def test_parts_are_the_blocks_and_states_of_the_cells():
    parts = runs.parts()
    assert [runs.how_many(parts, "lstm", kind) for kind in ("gate", "candidate", "state")] == [3, 1, 2]
    assert [runs.how_many(parts, "gru", kind) for kind in ("gate", "candidate", "state")] == [2, 1, 1]
    assert runs.parts_by_cell(parts).loc["LSTM", "gate"] == "i, f, o"


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
    table = runs.faded(8, 16, 32, [0.0, 1.0], seed=0)
    start = table[table["lag"] == 0]
    assert (start[["kept", "apart"]] == 1).all(axis=None)
    halves = runs.half_lives(table).set_index(["cell", "bias"])
    for cell in ("lstm", "gru"):
        for bias in (0.0, 1.0):
            assert halves.loc[(cell, bias), "measured"] == pytest.approx(half_life(bias), rel=0.15)


def test_half_way_is_interpolated_and_may_never_come():
    curve = pd.DataFrame({"lag": [0, 1, 2, 3], "kept": [1.0, 0.8, 0.4, 0.1]})
    assert runs.half_way(curve) == pytest.approx(1.75)
    assert runs.half_way(curve[curve["lag"] < 2]) == float("inf")


def test_ratios_at_equal_width_and_at_equal_parameters():
    table = runs.matched([128, 512]).set_index(["H", "matched", "quantity"])["ratio"]
    for width in (128, 512):
        assert table[width, "width", "parameters"] == 0.75
        assert table[width, "width", "state"] == 0.5
        assert table[width, "parameters", "parameters"] == pytest.approx(1, abs=0.01)
        assert table[width, "parameters", "FLOPs"] == pytest.approx(1, abs=0.01)
        assert table[width, "parameters", "state"] > 0.5


def test_whole_models_are_counted_as_torch_counts_them():
    from gatedrnn.models import LanguageModel, count_parameters

    row = runs.whole_models([30], [8]).iloc[0]
    for cell in ("lstm", "gru"):
        assert row[cell] == count_parameters(LanguageModel(cell, 30, 8, embedding_size=8))


def test_equality_sees_rounding_only():
    table = equality.equality([(1, 1, 1), (5, 2, 7)], 3, seed=0)
    bound = table["precision"].map({"float32": 1e-5, "float64": 1e-13})
    assert (table["relative"] < bound).all()
    assert len(table) == 2 * 2 * 3 * (2 + matched.available()) * 2


def test_grus_drift_apart_unless_the_reset_gate_is_open():
    table = equality.drift(6, 4, 8, [1.0], seed=0).groupby("reset")["difference"].max()
    assert table["open"] < 1e-5
    assert table["as drawn"] > 1e-3


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


def test_figures_are_drawn_from_their_tables():
    figures.use_style()
    table = runs.faded(6, 4, 8, [0.0, 1.0], seed=0)
    widths = [8, 64]
    rows = [
        {"cell": cell, "gate": gate, "unit": unit, "tie": tie, "place": place, "character": symbol, "value": 0.5}
        for cell, gate in (("lstm", "f"), ("gru", "z"))
        for unit, tie in (("mean", None), ("3", 0.5))
        for place, symbol in enumerate("In the")
    ]
    drawn = [
        plots.fading(table, runs.half_lives(table)),
        plots.costs(runs.counts(widths), runs.matched(widths)),
        plots.whole_models(runs.whole_models([30, 100], [32, 64]), 0.95),
        plots.equality(equality.equality([(2, 1, 2)], 2, seed=0)),
        plots.drift(equality.drift(4, 2, 4, [1.0, 2.0], seed=0)),
        plots.gates(pd.DataFrame(rows), "In the"),
    ]
    for fig in drawn:
        assert fig.axes
        fig.savefig(io.BytesIO(), format="png", dpi=30)
        plt.close(fig)
    ends = runs.at_word_ends(pd.DataFrame(rows))
    assert set(ends.columns) == {"end", "inside"}
