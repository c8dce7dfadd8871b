"""The chapter on light cells: runs that repeat, equal quality found as it is defined, times of the same functions."""

from __future__ import annotations

import math
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import torch

from evidence.tuning import Tuned
from evidence.verdicts import CONTRADICTED, SUPPORTED, decide
from experiments.lightweight import analysis, eight_bits, live, runs, tables
from experiments.lightweight import figures as plots
from experiments.lightweight.live import Network
from gatedrnn.kernels import library
from gatedrnn.lightweight_flops import count_parameters as counted
from gatedrnn.models import Classifier, count_parameters
from tasks import mnist1d

SHORT = {"layers": 1, "width": 6, "learning_rate": 0.03, "steps": 20, "batch": 8}
LENGTHS = {"mnist1d": 10, "recall": 12, "parity": 9}


@pytest.mark.parametrize("task", runs.TASKS)
@pytest.mark.parametrize("cell", analysis.LABELS)
def test_a_run_is_the_same_again_and_reports_no_keyword_as_a_metric(task: str, cell: str) -> None:
    given: dict[str, Any] = {**SHORT, "task": task, "cell": cell, "length": LENGTHS[task], "seed": 3}
    first, again = runs.run(**given), runs.run(**given)
    assert {key: first[key] for key in first if key != "train_seconds"} == {
        key: again[key] for key in again if key != "train_seconds"
    }
    assert not {*first} & {*given}
    assert 0 <= first["quality"] <= 1 and first["score"] >= first["quality"]
    assert first["kernel"] == ("own" if cell in analysis.LIGHT else first["kernel"])


def test_what_is_judged_is_never_trained_on_and_tuning_leaves_the_test_alone() -> None:
    parts = mnist1d.load()
    assert torch.equal(runs.held_out("mnist1d", 0, 10, tuning=True)[1], parts["validation"].y)
    assert torch.equal(runs.held_out("mnist1d", 0, 10)[1], parts["test"].y)
    for task in ("recall", "parity"):
        x, _ = runs.held_out(task, 0, 12)
        assert not torch.equal(x[:, :8], next(runs.batches(task, 0, 8, 12))[0])
    long, y = runs.held_out("parity", 0 + runs.HELD_OUT, runs.BEYOND * 9)
    model = runs.build("parity", "gru", 1, 5, 9)
    expected = (model(long).argmax(2) == y)[9:].float().mean().item()
    assert runs.beyond(model, 0, 9) == pytest.approx(expected)


def test_a_solved_run_ends_and_scores_by_how_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    given: dict[str, Any] = {**SHORT, "task": "recall", "cell": "mingru", "length": 3, "seed": 0}
    monkeypatch.setattr(runs, "right", lambda *_: 0.995)
    found = runs.run(**given)
    assert found["solved_at"] == found["steps_taken"] == 2 and found["score"] == pytest.approx(1.9)
    monkeypatch.setattr(runs, "right", lambda *_: 0.6)
    assert runs.run(**given)["score"] == 0.6


def test_what_is_not_allowed_is_refused() -> None:
    given: dict[str, Any] = {**SHORT, "cell": "gru", "seed": 0}
    with pytest.raises(ValueError, match="task = 'copy' is not allowed: one of 'mnist1d', 'recall', 'parity'"):
        runs.run(**given, task="copy", length=4)
    with pytest.raises(ValueError, match="length = 7 is not allowed: a divisor of 40 for the task 'mnist1d'"):
        runs.run(**given, task="mnist1d", length=7)
    with pytest.raises(ValueError, match="quantised = True is not allowed: False for the task 'parity'"):
        runs.run(**given, task="parity", length=4, quantised=True)
    with pytest.raises(ValueError, match="cell = 'qrnn' is not allowed"):
        runs.run(**{**given, "cell": "qrnn"}, task="parity", length=4)


# ---- eight bits -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("cell", "layers"), analysis.NETWORKS)
def test_in_torchs_own_classes_a_network_answers_as_before(cell: str, layers: int) -> None:
    model = runs.build("mnist1d", cell, layers, 9, 10)
    assert isinstance(model, Classifier)
    x = torch.randn(10, 7, 4)
    with torch.no_grad():
        torch.testing.assert_close(eight_bits.Stock(model)(x), model(x), rtol=0, atol=1e-6)
        rounded = eight_bits.dynamic(model)(x)
        scale = float(model(x).abs().max())
    assert not torch.equal(rounded, model(x)) and (rounded - model(x)).abs().max() < 0.1 * scale
    assert any("quantized" in type(each).__module__ for each in eight_bits.dynamic(model).modules())


@pytest.mark.parametrize(("cell", "layers"), analysis.NETWORKS)
def test_bytes_are_those_of_the_numbers(cell: str, layers: int) -> None:
    model = runs.build("mnist1d", cell, layers, 9, 10)
    matrices = sum(each.numel() for each in model.parameters() if each.dim() == 2)
    assert eight_bits.size(model, "float32") == 4 * count_parameters(model)
    assert eight_bits.size(model, "int8") == 4 * count_parameters(model) - 3 * matrices


def test_costs_are_those_of_all_layers() -> None:
    found = tables.costs([Network("mingru", 2, 5), Network("gru", 1, 5)], "mnist1d", 10).set_index("cell")
    assert found.loc["mingru", "multiply_adds"] == 10 * (2 * 5 * 4 + 2 * 5 * 5)
    assert found.loc["gru", "multiply_adds"] == 10 * 3 * 5 * (4 + 5)
    assert found.loc["mingru", "parameters"] == counted("mingru", 4, 5) + counted("mingru", 5, 5) + 10 * 6


# ---- the clock ------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("kernels")
@pytest.mark.parametrize("task", runs.TASKS)
def test_what_is_timed_in_two_ways_is_the_same_function(task: str) -> None:
    networks = [Network(cell, layers, 9) for cell, layers in analysis.NETWORKS]
    assert live.kernels_agree(networks, task, LENGTHS[task]) < 1e-5


def test_readings_name_what_was_timed_and_without_a_compiler_two_ways_are_left(monkeypatch: pytest.MonkeyPatch) -> None:
    networks = [Network("gru", 1, 4), Network("minlstm", 2, 5)]
    for way in live.ways():
        table = live.readings(networks, way, "mnist1d", 10, 2, 0.0)
        assert live.networks_of(table) == networks and len(table) == 4
        assert (table["seconds"] > 0).all() and set(table["way"]) == {way}
    monkeypatch.setitem(library._outcome, "problem", "no C++ compiler (c++) was found")
    assert live.ways() == ("torch", "int8")
    with pytest.raises(RuntimeError, match=r"not available here: no C\+\+ compiler"):
        live.call(networks[0], "compiled", "mnist1d", 10)


def test_scans_and_loops_are_timed_in_turns() -> None:
    table = live.scans([3, 5], 4, 2, 2)
    assert len(table) == 2 * 2 * 5 and set(table["form"]) == {"loop", "scan", "steps"}
    assert set(table["length"]) == {3, 5} and set(table["batch_size"]) == {2}
    assert set(live.scans([3], 4, 1, 1, plain=False)["form"]) == {"loop", "scan"}


# ---- equal quality --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("quality", "target", "expected"),
    [
        ([0.2, 0.4, 0.8], 0.6, 1.5),
        ([0.2, 0.4, 0.8], 0.1, 0.0),
        ([0.2, 0.4, 0.8], 0.4, 1.0),
        ([0.2, 0.4], 0.5, math.inf),
    ],
)
def test_the_place_of_a_target_is_between_widths(quality: list[float], target: float, expected: float) -> None:
    found = analysis.places(np.array([quality, quality]), np.array([target, 2.0]))
    assert found[0] == pytest.approx(expected) and found[1] == math.inf


def made(task: str = "mnist1d", **quality: list[float]) -> pd.DataFrame:
    """Runs with a mean quality by width 8, 16, … for each `cell_layers`, five seeds that differ a little."""
    rows = []
    for name, values in quality.items():
        cell, layers = name.split("_")
        for width, value in zip((8, 16, 32, 64), values, strict=False):
            for seed in range(5):
                row = {"task": task, "cell": cell, "layers": int(layers), "width": width, "seed": seed, "steps": 100}
                rows.append({**row, "quality": value + 0.001 * (seed - 2)})
    return pd.DataFrame(rows)


def timed(**microseconds: list[float]) -> pd.DataFrame:
    rows = []
    for name, values in microseconds.items():
        cell, layers = name.split("_")
        for width, value in zip((8, 16, 32, 64), values, strict=False):
            for each in range(6):
                row = {"cell": cell, "layers": int(layers), "width": width, "round": each, "way": "compiled"}
                rows.append({**row, "seconds": 1e-6 * value * (1 + 0.01 * each)})  # a machine that slows down for all
    return pd.DataFrame(rows)


CLOCK = timed(gru_1=[6, 8, 12], mingru_1=[2, 4, 8, 16], mingru_2=[4, 8, 16, 32], fastgrnn_1=[4, 8, 16, 32])


def test_the_ratio_is_that_of_the_quickest_network_that_is_as_good() -> None:
    table = made(gru_1=[0.5, 0.7, 0.8], mingru_1=[0.3, 0.5, 0.6, 0.695], mingru_2=[0.5, 0.7, 0.75, 0.75])
    assert analysis.ratios(table, CLOCK, "mingru", 8)[0] == pytest.approx(4 * 2**-0.1 / 6, rel=0.05)
    assert analysis.ratios(table, CLOCK, "mingru", 16)[0] == pytest.approx(8 / 8, rel=0.1)  # two layers
    assert analysis.ratios(table, CLOCK, "mingru", 32)[0] == analysis.NEVER
    alone = table[table["layers"] == 1]
    assert analysis.ratios(alone, CLOCK, "mingru", 16)[0] == pytest.approx(16 / 8, rel=0.05)  # within a point


def test_evidence_weighs_and_what_taught_the_gru_nothing_is_left_out() -> None:
    good = made(gru_1=[0.5, 0.7, 0.8], mingru_1=[0.7, 0.8, 0.8, 0.8], fastgrnn_1=[0.2, 0.2, 0.2, 0.2])
    found = analysis.evidence(good, CLOCK, 16)
    assert list(found) == ["FastGRNN, MNIST-1D", "minGRU, MNIST-1D"]
    words = {each.name: each.word for each in decide("F2", found).strata}
    assert words == {"FastGRNN, MNIST-1D": CONTRADICTED, "minGRU, MNIST-1D": SUPPORTED}
    assert found["minGRU, MNIST-1D"].interval.estimate == pytest.approx(2 / 8, rel=0.01)
    assert analysis.differ(found.values()) < 0.01 and analysis.differ([found["minGRU, MNIST-1D"]] * 3) == 1
    bad = made("parity", gru_1=[0.5, 0.55, 0.5], mingru_1=[0.5, 0.5, 0.5, 0.5])
    (left,) = analysis.evidence(bad, CLOCK, 16).values()
    assert left.left_out == "the GRU has not learned the task"
    assert tables.conditions({"a": {"x": left}})["left_out"].tolist() == ["the GRU has not learned the task"]
    assert analysis.differ([left, left]) == 1


def test_the_smallest_network_as_good_is_counted_between_widths() -> None:
    table = made(gru_1=[0.5, 0.7, 0.8], mingru_1=[0.3, 0.5, 0.6, 0.78], mingru_2=[0.5, 0.6, 0.79, 0.8])
    counted = tables.costs(
        [Network(c, n, w) for c, n, w in table[["cell", "layers", "width"]].drop_duplicates().values], "mnist1d", 10
    )
    sizes = counted.set_index(["cell", "layers", "width"])["parameters"]
    expected = (sizes["mingru", 1, 32] + sizes["mingru", 1, 64]) / 2 / sizes["gru", 1, 16]
    assert analysis.count_ratio(table, counted, "mingru", 16, "parameters") == pytest.approx(expected, rel=1e-6)
    assert analysis.count_ratio(table, counted, "mingru", 32, "parameters") < 3
    assert analysis.count_ratio(table[table["layers"] == 1], counted, "mingru", 32, "parameters") == math.inf
    assert tables.told(0.914) == "0.91" and tables.told(analysis.NEVER) == tables.told(math.inf) == "no"


def test_a_ladder_is_flat_where_no_ratio_moves() -> None:
    rows = [(steps, cell, 0.7) for steps in (1, 4) for cell in analysis.LIGHT]
    climbed = pd.DataFrame(rows, columns=["steps", "cell", "estimate"])
    assert analysis.flat(climbed)
    climbed.loc[5, "estimate"] = 0.6
    assert not analysis.flat(climbed)


def test_a_rate_is_that_of_the_nearest_tuned_width() -> None:
    best = pd.DataFrame(
        [("gru", 1, 8, 0.1), ("gru", 1, 32, 0.01), ("mingru", 2, 16, 0.5)],
        columns=["cell", "layers", "width", "learning_rate"],
    )
    widths = {kind: analysis.widths_of(kind, [8, 16, 64], [16], [32]) for kind in analysis.NETWORKS}
    points = analysis.grid([("gru", 1), ("mingru", 2)], widths, task="mnist1d")
    found = analysis.rated(points, Tuned(best, best), 3)
    assert [(each["cell"], each["width"], each["learning_rate"]) for each in found] == [
        ("gru", 8, 0.3), ("gru", 16, 0.03), ("gru", 64, 0.03), ("mingru", 32, 1.5),
    ]  # fmt: skip


# ---- tables and figures ---------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def ran() -> dict[str, Any]:
    """Runs and readings of every kind that the chapter has, very small."""
    widths = {kind: [4, 6] for kind in analysis.NETWORKS}
    fixed: dict[str, Any] = {"learning_rate": 0.03, "steps": 20, "batch": 8}
    points = analysis.grid(analysis.NETWORKS, widths, task="mnist1d", length=10, **fixed, quantised=True)
    main = pd.DataFrame([{**each, "seed": seed, **runs.run(**each, seed=seed)} for each in points for seed in (0, 1)])
    bits = analysis.grid(analysis.NETWORKS, widths, task="parity", length=9, **fixed)
    parity = pd.DataFrame([{**each, "seed": seed, **runs.run(**each, seed=seed)} for each in bits for seed in (0, 1)])
    networks = live.networks_of(main)
    read = [live.readings(networks, way, "mnist1d", 10, 2, 0.0) for way in live.ways()]
    return {"main": main, "parity": parity, "networks": networks, "read": read}


def test_tables_hold_every_run(ran: dict[str, Any]) -> None:
    counted, timed = tables.costs(ran["networks"], "mnist1d", 10), tables.microseconds(ran["read"])
    shown = tables.with_quality(ran["main"], counted, timed)
    assert len(shown) == len(ran["main"]) and not shown.isna().any(axis=None)
    assert (shown["parameters"] == ran["main"]["parameters"]).all()
    lines = tables.cost_table(shown, ran["main"]).data.splitlines()
    assert len(lines) == 2 + len(ran["networks"]) and "minGRU, 2 layers" in lines[-1]
    assert tables.best_light(ran["main"], "quality") <= ran["main"]["quality"].max()
    assert tables.mean_at(ran["main"], "gru", 4) == pytest.approx(
        ran["main"].query("cell == 'gru' and width == 4")["quality"].mean()
    )


def test_figures_draw_what_was_run(ran: dict[str, Any]) -> None:
    shown = tables.with_quality(
        ran["main"], tables.costs(ran["networks"], "mnist1d", 10), tables.microseconds(ran["read"])
    )
    clock = ran["read"][0]
    found = analysis.evidence(ran["main"].assign(quality=lambda rows: rows["quality"] + 0.3), clock, 4)
    kinds = tables.conditions({"as published": found, "rate × 3": found})
    tuned = Tuned(ran["main"].assign(diverged=False), ran["main"].drop_duplicates(["cell", "layers", "width"]))
    climbed = analysis.rungs({20: ran["main"], 80: ran["main"]}, clock, 4)
    assert len(climbed) == 6 and len(tables.tuning_data({"mnist1d": tuned})) == len(ran["main"])
    for fig in (
        plots.draw_quality(shown, 0.2, 0.3),
        plots.draw_ratios(kinds),
        plots.draw_parity(tables.parities(ran["parity"])),
        plots.draw_scans(pd.concat([live.scans([3, 5], 4, size, 2, size == 1) for size in (1, 2)])),
        plots.draw_ladder(climbed),
        plots.draw_tuning({"mnist1d": tuned, "parity": tuned}),
    ):
        fig.canvas.draw()
        plt.close(fig)
