"""Chorales are what the corpus says; times to a target are right; runs are functions of their configuration."""

from __future__ import annotations

import itertools
import math
from functools import partial
from typing import Any
from xml.etree import ElementTree

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import torch

from evidence.figures import COLOURS
from evidence.tuning import Tuned
from experiments.convergence import analysis, rates, tables
from experiments.convergence import figures as plots
from experiments.convergence import runs as experiment
from gatedrnn.models import count_parameters, width_of
from tasks import chorales

SMALL: dict[str, Any] = {
    "match": "width",
    "hidden_size": 4,
    "layers": 1,
    "learning_rate": 0.01,
    "steps": 3,
    "every": 2,
    "batch": 4,
    "seed": 5,
    "start": "bias:1",
    "frame": 8,
    "delay": 3,
}


def test_chorales_are_chorales() -> None:
    data = chorales.load()
    assert {name: len(part) for name, part in data.items()} == {"train": 241, "validation": 60, "test": 60}
    shapes = {name: {chorales._shape(each.numpy().astype("uint8")) for each in part} for name, part in data.items()}
    assert sum(map(len, shapes.values())) == 361
    assert not any(shapes[a] & shapes[b] for a, b in itertools.combinations(shapes, 2))
    notes = torch.cat([each.sum(1) for part in data.values() for each in part])
    assert notes.max() == chorales.PARTS and (notes == chorales.PARTS).float().mean() > 0.85


def test_a_score_is_read_as_it_sounds() -> None:
    """A pick-up of half a quarter, a rest, a note held over two steps, a flat, and a second voice beside it."""

    def note(step: str, octave: int, duration: int, more: str = "", alter: int = 0) -> str:
        pitch = f"<pitch><step>{step}</step><alter>{alter}</alter><octave>{octave}</octave></pitch>"
        return f"<note>{more}{pitch}<duration>{duration}</duration></note>"

    rest = "<note><rest/><duration>2</duration></note>"
    grace = "<note><grace/><pitch><step>A</step><octave>0</octave></pitch></note>"
    body = note("C", 4, 1) + note("D", 4, 1) + rest + grace + note("B", 3, 4, alter=-1)
    body += "<backup><duration>4</duration></backup>" + note("A", 4, 2) + note("C", 5, 2, "<chord/>")
    part = f"<part><measure><attributes><divisions>2</divisions></attributes>{body}</measure></part>"
    roll = chorales._roll(ElementTree.fromstring(f"<score-partwise>{part}</score-partwise>"))
    keys = [[int(key) + chorales.LOWEST for key in np.flatnonzero(row)] for row in roll]
    assert keys == [[60], [], [58, 69, 72], [58]]


def test_a_transposed_chorale_is_the_same_chorale() -> None:
    roll = chorales.load()["train"][0].numpy().astype("uint8")
    assert chorales._shape(np.roll(roll, 3, axis=1)) == chorales._shape(roll)
    roll[0] = np.roll(roll[0], 1)
    assert chorales._shape(roll) != chorales._shape(chorales.load()["train"][0].numpy().astype("uint8"))


def test_the_model_sees_only_the_frames_before() -> None:
    batch = chorales.together(chorales.load()["test"][:3])
    assert not batch.x[0].any() and torch.equal(batch.x[1:], batch.y[:-1])


def test_nll_ignores_what_comes_after_the_end() -> None:
    y = torch.zeros(5, 2, chorales.KEYS)
    logits = torch.zeros_like(y)
    lengths = torch.tensor([5, 2])
    assert float(chorales.nll(logits, y, lengths)) == pytest.approx(chorales.KEYS * math.log(2), rel=1e-5)
    changed = logits.clone()
    changed[2:, 1] = 50.0
    assert torch.equal(chorales.nll(changed, y, lengths), chorales.nll(logits, y, lengths))
    changed[1, 1] = 50.0
    assert chorales.nll(changed, y, lengths) > chorales.nll(logits, y, lengths) + 1


def test_batches_are_windows_of_training_chorales() -> None:
    first, again, other = (next(chorales.batches(seed, 4, crop=20)) for seed in (1, 1, 2))
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert first[1].shape == (20, 4, chorales.KEYS) and not torch.equal(first[1], other[1])
    rows = {each.numpy().tobytes() for whole in chorales.load()["train"] for each in whole.unfold(0, 20, 1).mT}
    assert all(first[1][:, column].contiguous().numpy().tobytes() in rows for column in range(4))


def test_an_altered_cache_or_corpus_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    monkeypatch.setattr(chorales, "_cached", lambda: tmp_path / "cached.npz")
    assert chorales._read() is None
    np.savez_compressed(tmp_path / "cached.npz", packed=np.zeros((2, 11), "uint8"), lengths=np.array([2]))
    assert chorales._read() is None
    monkeypatch.setattr(chorales, "_corpus", lambda: tmp_path)
    with pytest.raises(RuntimeError, match="checksum"):
        chorales._decode()


def test_a_missing_package_is_one_line_that_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(RuntimeError, match="pip install --no-deps music21==") as error:
        chorales._corpus()
    assert "\n" not in str(error.value)


def test_baselines_keep_their_order() -> None:
    """Frequencies of keys know less than the frame before; both know more than nothing."""
    assert chorales.logistic() < chorales.unigram() - 1 < chorales.KEYS * math.log(2)
    assert chorales.unigram() == pytest.approx(11.36, abs=0.02)


@pytest.mark.parametrize(("task", "cell"), [*itertools.product(experiment.TASKS, experiment.CELLS)])
def test_equal_parameters_are_equal(task: str, cell: str) -> None:
    for layers in (1, 2):
        whole = count_parameters(experiment.build(task, "lstm", 32, layers))
        width = width_of(cell, "parameters", 32, partial(experiment.build, task, layers=layers))
        assert abs(count_parameters(experiment.build(task, cell, width, layers)) - whole) < 0.04 * whole


@pytest.mark.parametrize("task", experiment.TASKS)
def test_a_run_is_a_function_of_its_configuration(task: str) -> None:
    first, second = (experiment.run(task=task, cell="gru", **SMALL) for _ in range(2))
    for each in (first, second):
        each.pop("train_seconds")
    assert first == second and first["curves"]["step"] == [2, 3] and 0 < first["score"] < 1


@pytest.mark.parametrize(
    ("given", "said"),
    [({"task": "recal"}, "task = 'recal'"), ({"cell": "gruu"}, "cell = 'gruu'"), ({"match": "wide"}, "match = 'wide'")],
)
def test_bad_names_are_refused_in_one_line(given: dict[str, str], said: str) -> None:
    with pytest.raises(ValueError, match=f"{said} is not allowed") as error:
        experiment.run(**{"task": "recall", "cell": "gru", **SMALL, **given})
    assert "\n" not in str(error.value)


def test_stock_and_matched_steps_are_timed_side_by_side() -> None:
    readings = experiment.step_times({"mnist1d": {"batch": 4}}, 4, 8, 2)
    assert set(zip(readings["cell"], readings["kernels"], strict=True)) == set(
        itertools.product(experiment.CELLS, experiment.KERNELS)
    )
    assert len(readings) == 12 and (readings["seconds"] > 0).all()


@pytest.mark.parametrize(
    ("values", "target", "falling", "expected"),
    [
        ([0.2, 0.6, 0.8], 0.7, False, 25.0),
        ([0.9, 0.6, 0.8], 0.7, False, 10.0),
        ([0.2, 0.3, 0.4], 0.7, False, math.nan),
        ([11.0, 10.0, 9.0], 9.5, True, 25.0),
        ([math.nan, 0.5, 0.9], 0.7, False, 25.0),
    ],
)
def test_first_reach(values: list[float], target: float, falling: bool, expected: float) -> None:
    found = analysis.first_reach([10, 20, 30], values, target, falling)
    assert found == pytest.approx(expected, nan_ok=True)


def made_runs(lstm: list[float], gru: list[float]) -> pd.DataFrame:
    """Runs of 100 steps on all tasks that cross their target at these steps; above 100 they never do."""
    rows = []
    for task, (cell, steps) in itertools.product(experiment.TASKS, (("lstm", lstm), ("gru", gru))):
        for seed, step in enumerate(steps):
            before, after = (10.0, 8.0) if task == "chorales" else (0.0, 1.0)
            goal = 9.0 if task == "chorales" else 0.5
            met = step <= 100
            values = [before, goal if met else before, after if met else before]
            curves = {"step": [1, step if met else 50, 100], "quality": values}
            keys = {"task": task, "cell": cell, "match": "width", "start": "default", "seed": seed, "steps": 100}
            rows.append({**keys, "quality": values[-1], "curves": curves})
    return pd.DataFrame(rows)


GOALS = {"mnist1d": 0.5, "chorales": 9.0, "recall": 0.5}


def readings(ratio: float) -> pd.DataFrame:
    """Step times with the GRU `ratio` times as long."""
    keys = itertools.product(experiment.TASKS, experiment.KERNELS, (("lstm", 1.0), ("gru", ratio)), range(6))
    rows = [
        {"task": task, "kernels": kernels, "cell": cell, "round": turn, "seconds": value}
        for task, kernels, (cell, value), turn in keys
    ]
    return pd.DataFrame(rows)


def test_time_ratios_pair_seeds_and_count_censored_runs_with_all_their_steps() -> None:
    table = analysis.times(made_runs([40, 80, 200], [20, 200, 200]), GOALS)
    assert table["reached"].sum() == 9
    ratios = analysis.ratio_table(table, readings(3.0))
    part = ratios[(ratios["task"] == "recall") & (ratios["clock"] == "steps")]
    assert part["ratio"].tolist() == pytest.approx([0.5, 1.25, 1.0])
    assert part["censored"].tolist() == [0, 1, 2]
    assert (
        analysis.fewer_steps(table, tasks=["recall"])["recall"].estimate
        == analysis.ratio(ratios, "recall", "steps").estimate
    )
    stock = ratios[(ratios["task"] == "recall") & (ratios["clock"] == "stock")]
    assert stock["ratio"].tolist() == pytest.approx([1.5, 3.75, 3.0])


def test_a_cell_that_needs_half_the_steps_is_found_faster_until_its_steps_cost_thrice() -> None:
    from evidence.verdicts import decide

    seeds = [40.0, 44.0, 52.0, 60.0, 66.0, 70.0]
    table = analysis.times(made_runs([*seeds], [each / 2 for each in seeds]), GOALS)
    for ratio, expected in ((1.0, "supported"), (3.0, "depends")):
        verdict = decide("P3", analysis.time_evidence(analysis.ratio_table(table, readings(ratio))))
        assert verdict.word == expected


def made_tuning(times: dict[str, dict[float, list[float]]], best: dict[str, float]) -> Tuned:
    """Tuning runs of 100 steps on all tasks, by cell and rate, that cross `GOALS` at these steps."""
    tables = []
    for rate in times["lstm"]:
        rows = made_runs(times["lstm"][rate], times["gru"][rate])
        tables.append(rows.assign(learning_rate=rate, layers=1))
    keys = itertools.product(experiment.TASKS, analysis.GATED)
    chosen = pd.DataFrame([{"task": task, "cell": cell, "learning_rate": best[cell]} for task, cell in keys])
    return Tuned(pd.concat(tables, ignore_index=True), chosen)


def test_the_target_is_one_that_both_gated_cells_met_while_tuning() -> None:
    rows, best = [], []
    accuracy, nll = {"lstm": 0.89, "gru": 0.95, "rnn": 0.4}, {"lstm": 9.02, "gru": 9.0, "rnn": 10.9}
    for task, cell in itertools.product(("mnist1d", "chorales"), experiment.CELLS):
        base = accuracy[cell] if task == "mnist1d" else nll[cell]
        best.append({"task": task, "cell": cell, "learning_rate": 0.1})
        for rate in (0.1, 0.2):
            rows.append({**best[-1], "learning_rate": rate, "curves": {"quality": [base if rate == 0.1 else 0.5]}})
    tuned = Tuned(pd.DataFrame(rows), pd.DataFrame(best))
    assert rates.targets(tuned) == {"mnist1d": 0.8, "chorales": 9.3, "recall": experiment.SOLVED}
    assert rates.targets(tuned, 1.0) == {"mnist1d": 0.85, "chorales": 9.1, "recall": experiment.SOLVED}


def test_the_soonest_rate_counts_runs_that_never_met_the_target() -> None:
    times = {"lstm": {0.01: [70.0, 70.0], 0.1: [20.0, 200.0]}, "gru": {0.01: [40.0, 40.0], 0.1: [20.0, 20.0]}}
    tuned = made_tuning(times, {"lstm": 0.1, "gru": 0.01})
    sooner = rates.soonest(tuned, GOALS)
    assert [sooner.rate(task="mnist1d", cell=cell) for cell in analysis.GATED] == [0.1, 0.1]
    slower = made_tuning({**times, "lstm": {0.01: [50.0, 50.0], 0.1: [20.0, 200.0]}}, {"lstm": 0.1, "gru": 0.01})
    assert rates.soonest(slower, GOALS).rate(task="mnist1d", cell="lstm") == 0.01
    assert tuned.rate(task="mnist1d", cell="gru") == 0.01
    never = made_tuning({cell: {0.01: [200.0], 0.1: [200.0]} for cell in analysis.GATED}, {"lstm": 0.1, "gru": 0.01})
    assert [rates.soonest(never, GOALS).rate(task="recall", cell=cell) for cell in analysis.GATED] == [0.1, 0.01]


def test_the_final_quality_is_the_mean_of_the_last_looks() -> None:
    given = {**SMALL, "steps": 9, "task": "chorales", "cell": "gru"}
    whole = experiment.run(**given)
    assert whole["steps_taken"] == 9 and len(whole["curves"]["quality"]) == 5
    assert whole["quality"] == pytest.approx(np.mean(whole["curves"]["quality"][-experiment.TAIL :]))


def test_gaps_between_stacks_are_paired_at_the_end_and_on_the_way() -> None:
    shallow = made_runs([40, 200], [20, 30]).assign(layers=1, width=4, parameters=9, learning_rate=0.1)
    for rows in (curves for curves in shallow["curves"]):
        rows["step"] = [1, 50, 100]
    part = shallow[shallow["task"] == "mnist1d"]
    ungated = part.assign(cell="rnn")
    depths = analysis.depth_table(
        pd.concat([shallow, ungated]), pd.concat([part.assign(layers=2), part.assign(layers=3)])
    )
    assert len(depths) == 3 * 2 * 2 * 3 and set(depths["cell"]) == {"lstm", "gru"}
    for layers in (1, 2, 3):
        assert analysis.depth_gap(depths, layers).tolist() == [0.0, -100.0]
        assert analysis.depth_gap(depths, layers, 50).tolist() == [0.0, -50.0]
    assert {name: each.interval.estimate for name, each in analysis.depth_evidence(depths).items()} == {
        "2 layers": -50.0,
        "3 layers": -50.0,
    }


def test_every_stack_is_trained_at_the_rate_of_two_layers_and_the_gru_alone_at_equal_parameters() -> None:
    budget = analysis.budgets(100, 10, 10, 5)
    best = [
        {**case, "learning_rate": {"lstm": 0.03, "gru": 0.01}[case["cell"]]} for case in analysis.stacks(budget, [2])
    ]
    points = analysis.stacked_points(budget, Tuned(pd.DataFrame(), pd.DataFrame(best)))
    assert [(each["layers"], each["cell"], each["learning_rate"]) for each in points] == [
        (2, "lstm", 0.03),
        (2, "gru", 0.01),
        (3, "lstm", 0.03),
        (3, "gru", 0.01),
    ]
    swapped = analysis.swapped_points(budget, Tuned(pd.DataFrame(), pd.DataFrame(best)))
    assert [(each["layers"], each["cell"], each["learning_rate"]) for each in swapped] == [
        (3, "lstm", 0.01),
        (3, "gru", 0.03),
    ]
    same = pd.DataFrame(best).assign(learning_rate=0.1)
    assert analysis.swapped_points(budget, Tuned(pd.DataFrame(), same)) == []
    cases = analysis.cases(budget)
    chosen = Tuned(pd.DataFrame(), pd.DataFrame([{**case, "learning_rate": 0.1} for case in cases]))
    sizes = [(each["cell"], each["match"]) for each in analysis.points(cases, chosen) if each["task"] == "recall"]
    assert sizes == [("lstm", "width"), ("gru", "width"), ("gru", "parameters"), ("rnn", "width")]


def test_what_still_rises_is_told_by_layers_and_cell() -> None:
    runs = made_runs([40, 40], [40, 40]).assign(layers=2)
    runs["curves"] = [
        {"quality": [0.9, 0.1, 0.1, 0.1, *([0.3] * 3 if cell == "lstm" else [0.1] * 3)]} for cell in runs["cell"]
    ]
    found = analysis.still_rising(runs)
    assert {key: each.estimate for key, each in found.items()} == pytest.approx({(2, "lstm"): 20, (2, "gru"): 0})


def test_the_other_cells_rate_is_weighed_on_the_same_seeds_of_the_deepest_stacks() -> None:
    def stack(layers: int, lstm: list[float], gru: list[float]) -> pd.DataFrame:
        rows = [{"cell": cell, "seed": seed, "quality": value, "layers": layers}
                for cell, values in (("lstm", lstm), ("gru", gru)) for seed, value in enumerate(values)]  # fmt: skip
        return pd.DataFrame(rows)

    own = pd.concat([stack(2, [0.1] * 3, [0.1] * 3), stack(3, [0.8, 0.6, 0.0], [0.9, 0.9, 0.0])])
    found = analysis.other_rate(own, stack(3, [0.5, 0.5], [1.0, 0.9]))
    assert found == pytest.approx({"lstm": -20.0, "gru": 5.0})
    assert analysis.other_rate(own, None) == {"lstm": 0.0, "gru": 0.0}


def test_what_a_rate_costs_is_that_of_the_cell_that_minds_it_least() -> None:
    means = {"lstm": {0.01: 0.5, 0.1: 0.8}, "gru": {0.01: 0.3, 0.1: 0.7}, "rnn": {0.01: 0.0, 0.1: 0.1}}
    rows = [
        {"task": "mnist1d", "cell": cell, "learning_rate": rate, "quality": value + shift}
        for cell, each in means.items()
        for rate, value in each.items()
        for shift in (-0.05, 0.05)
    ]
    assert analysis.rate_and_cell(Tuned(pd.DataFrame(rows), pd.DataFrame())) == pytest.approx((30.0, 10.0))


def test_the_figure_on_the_target_keeps_the_seeds_that_never_met_it() -> None:
    gated = made_runs([40.0, 80.0, 200.0], [20.0, 30.0, 30.0])
    never = made_runs([200.0] * 3, [200.0] * 3).query("cell == 'lstm'").assign(cell="rnn")
    table = analysis.times(pd.concat([gated, never]), GOALS)
    fig = plots.draw_reached(table, {task: 100 for task in experiment.TASKS})
    for axis in fig.axes:
        ends = {line.get_color(): line.get_ydata()[-1] for line in axis.lines if line.get_drawstyle() == "steps-post"}
        assert ends[COLOURS["lstm"]] == pytest.approx(200 / 3) and ends[COLOURS["gru"]] == 100
        assert ends[COLOURS["rnn"]] == 0 and [line.get_marker() for line in axis.lines].count(">") == 2
    plt.close(fig)


def test_only_another_rate_for_speed_needs_other_runs() -> None:
    times = {"lstm": {0.01: [60.0, 60.0], 0.1: [20.0, 40.0]}, "gru": {0.01: [30.0, 30.0], 0.1: [20.0, 20.0]}}
    tuned = made_tuning(times, {"lstm": 0.1, "gru": 0.01})
    sooner = rates.soonest(tuned, GOALS)
    points = [
        {"task": "recall", "cell": cell, "match": match, "learning_rate": tuned.rate(task="recall", cell=cell)}
        for cell, match in (("lstm", "width"), ("gru", "width"), ("gru", "parameters"))
    ]
    others = rates.quicker(points, sooner)
    assert [(each["cell"], each["match"], each["learning_rate"]) for each in others] == [
        ("gru", "width", 0.1),
        ("gru", "parameters", 0.1),
    ]
    chosen = made_runs([20.0], [30.0]).assign(learning_rate=lambda rows: rows["cell"].map({"lstm": 0.1, "gru": 0.01}))
    extra = made_runs([20.0], [20.0]).query("cell == 'gru'").assign(learning_rate=0.1)
    quick = rates.at_speed(chosen, extra, sooner)
    assert set(quick["learning_rate"]) == {0.1} and len(quick) == 6


def test_the_table_has_a_line_a_task_cell_and_size_and_calls_a_time_censored_where_half_never_met_the_target() -> None:
    runs = made_runs([40.0, 44.0], [20.0, 200.0]).assign(width=4, parameters=1234, learning_rate=0.1, clipped=0.25)
    runs = pd.concat([runs, runs[runs["cell"] == "gru"].assign(match="parameters", width=5)])
    text = tables.result_table(runs, runs, analysis.times(runs, GOALS)).data
    lines = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines()]
    assert {len(line) for line in lines} == {10} and len(lines) == 2 + 3 * 3
    assert lines[2][1:5] == ["LSTM", "4", "1,234", "0.1"] and lines[2][-2:] == ["2/2", "42"]
    assert [line[-2:] for line in lines if line[1] == "GRU, equal parameters"] == 3 * [["1/2", "censored"]]


def test_a_quality_that_all_seeds_share_has_no_spread() -> None:
    assert tables.quality("recall", pd.Series([1.0, 1.0])).split() == ["all", "100.0", "%"]
    assert tables.quality("recall", pd.Series([1.0, 0.9])).split() == ["95.0", "±", "7.1", "%"]
    assert tables.quality("chorales", pd.Series([9.0, 9.02])).split() == ["9.01", "±", "0.01", "nats"]
