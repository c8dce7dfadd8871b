"""The chapter on recall: fair runs, known statistics, and evidence that follows the runs."""

from __future__ import annotations

import itertools
import json
import math
import re
import textwrap
from dataclasses import replace
from functools import partial
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import torch

from evidence import paths
from evidence.ledger import ledger
from evidence.tuning import Tuned
from evidence.verdicts import CONTRADICTED, DEPENDS, INCONCLUSIVE, LEFT_OUT, NOT_TRAINED, SUPPORTED, decide, settled
from experiments.recall import analysis, climbing
from experiments.recall import figures as plots
from experiments.recall import look_figures as look_plots
from experiments.recall import looks as look
from experiments.recall import runs as experiment
from experiments.recall import table as recall_table
from experiments.shared.curves import thinned
from gatedrnn.initialisation import initialise
from gatedrnn.layers import Recurrent
from gatedrnn.models import width_of

FIXED = {"hidden_size": 6, "steps": 4, "every": 2, "batch": 4}
ONE: dict[str, Any] = {**FIXED, "start": "default", "match": "width", "length": 8, "learning_rate": 0.02, "seed": 0}


CELLS = ("lstm", "gru", "rnn", "mingru", *experiment.CONTROLS)


@pytest.mark.parametrize(("task", "cell"), list(itertools.product(experiment.BATCHES, CELLS)))
def test_a_run_is_the_same_for_the_same_seed_and_reports_what_it_had(task: str, cell: str) -> None:
    found, again = (experiment.run(**{**ONE, "task": task, "cell": cell, "start": "bias:1"}) for _ in range(2))
    assert {k: v for k, v in found.items() if k != "train_seconds"} == {
        k: v for k, v in again.items() if k != "train_seconds"
    }
    assert found["width"] == 6 and 0 <= found["score"] <= 2
    assert found["curves"]["step"] == [2, 4]


@pytest.mark.parametrize("task", experiment.BATCHES)
def test_equal_parameters_are_nearly_equal_and_ask_for_a_wider_gru(task: str) -> None:
    width = width_of("gru", "parameters", 32, partial(experiment.build, task))
    mine, lstm = (
        sum(p.numel() for p in experiment.build(task, c, w).parameters()) for c, w in (("gru", width), ("lstm", 32))
    )
    assert width > 32 and abs(mine - lstm) / lstm < 0.02


@pytest.mark.parametrize(("name", "value"), [("task", "copying"), ("cell", "cnn"), ("match", "seconds")])
def test_unknown_names_are_refused_in_one_line(name: str, value: str) -> None:
    with pytest.raises(ValueError, match=f"{name} = '{value}' is not allowed: one of ") as error:
        experiment.run(**{**ONE, "task": "recall", "cell": "gru", name: value})
    assert "\n" not in str(error.value)


def test_a_control_takes_a_bias_and_nothing_else() -> None:
    for cell in experiment.CONTROLS:
        with pytest.raises(ValueError, match="start = 'default' is not allowed for a control"):
            experiment.build("recall", cell, 4)


def test_the_control_that_starts_shut_differs_from_the_lstm_in_the_input_gate_alone() -> None:
    states = []
    for cell in ("lstm", "lstm_shut"):
        torch.manual_seed(0)
        states.append(experiment.build("recall", cell, 4, "bias:2").state_dict())
    differing = [name for name in states[0] if not torch.equal(states[0][name], states[1][name])]
    assert sorted(differing) == ["core.layers.0.bias_hh", "core.layers.0.bias_ih"]
    total = sum(states[1][name] for name in differing)
    assert torch.equal(total[:4], torch.full((4,), -2.0))  # i
    assert torch.equal(total[4:8], torch.full((4,), 2.0))  # f
    assert torch.equal(total[8:], sum(states[0][name] for name in differing)[8:])


@pytest.mark.parametrize("task", ["recall", "selective"])
def test_random_labels_keep_the_sequences_and_tell_nothing(task: str) -> None:
    plain, other = (experiment.BATCHES[task](3, 256, 8) for _ in range(2))
    mixed = experiment._relabelled(other)
    x, y = next(plain)
    seen, labels = next(mixed)
    assert torch.equal(x, seen)
    chance = experiment.guessing("recall") if task == "recall" else 1 / 4
    assert float((labels == y).float().mean()) == pytest.approx(chance, abs=0.1)


def test_what_was_learned_runs_from_guessing_to_all() -> None:
    assert experiment.learned("recall", 1 / 8) == 0 and experiment.learned("recall", 1) == 1
    assert experiment.learned("adding", 1 / 6) == 0 and experiment.learned("adding", 1 / 12) == pytest.approx(0.5)
    assert experiment.learned("adding", 5.0) == 0 and experiment.learned("adding", math.nan) == 0
    assert experiment.is_solved("adding", 0.0099) and not experiment.is_solved("adding", 0.01)
    assert experiment.is_solved("recall", 0.99) and not experiment.is_solved("selective", 0.98)
    assert not experiment.is_solved("adding", math.nan)


@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_openness_is_the_mean_of_the_gates_at_the_steps_asked_for(cell: str) -> None:
    torch.manual_seed(0)
    model, x = experiment.build("selective", cell, 3), torch.randn(6, 5, 6)
    marked = torch.zeros(6, 5, dtype=torch.bool)
    marked[2, :], marked[0, :] = True, True  # the first step is left out in any case
    with torch.no_grad():
        gates = model.core.trace(x).gates[0]
    keep = gates["f" if cell == "lstm" else "z"]
    write = gates["i"] if cell == "lstm" else 1 - keep
    with torch.no_grad():
        found, whole = experiment.openness(model, x, marked), experiment.openness(model, x)
    assert found["keep_marked"] == pytest.approx(float(keep[2].mean()), abs=1e-6)
    assert found["write"] == pytest.approx(float(write[[1, 3, 4]].mean()), abs=1e-6)
    assert whole["keep"] == pytest.approx(float(keep[1:5].mean()), abs=1e-6)


def test_openness_needs_gates() -> None:
    with pytest.raises(ValueError, match="has no gates to watch"):
        experiment.openness(experiment.build("recall", "rnn", 3), torch.zeros(4, 2, 10))


@pytest.mark.parametrize(
    ("lengths", "short", "long"),
    [
        ([200, 20, 50, 100], [20, 50], [100, 200]),
        ([20, 40], [20], [40]),
        ([20], [20], [20]),
        ([100, 200, 400], [100], [200, 400]),
    ],
)
def test_every_length_is_short_or_long(lengths: list[int], short: list[int], long: list[int]) -> None:
    assert analysis.regimes(lengths, 100) == {"short": short, "long": long}


def outcomes(
    rates: dict[tuple[str, str], float], lengths: tuple[int, ...] = (20, 100), seeds: int = 10
) -> pd.DataFrame:
    """Made-up outcomes: by cell and start the share of seeds that solve it, at every length and in both tasks."""
    rows = []
    for length, case, seed in itertools.product(lengths, analysis.cases(), range(seeds)):
        for match in ("width", "parameters") if case["cell"] == "gru" and length == lengths[-1] else ("width",):
            solved = seed < rates.get((case["cell"], case["start"]), 0.0) * seeds
            row = {"solved": int(solved), "steps": 100.0 + seed if solved else 400.0, "steps_allowed": 400}
            more = {"quality": 0.5, "learning_rate": 0.03, "parameters": 4000, "width": 32, "clipped": 0.1}
            rows.append({**case, "match": match, "length": length, "seed": seed, **row, **more, "diverged": False})
    return pd.DataFrame(rows)


EQUAL = {(cell, start): 1.0 for cell in analysis.GATED for start in analysis.STARTS}


def test_equal_cells_are_no_reason_for_the_lstm() -> None:
    table = outcomes(EQUAL, lengths=(20, 50, 100, 200), seeds=20)
    verdict = decide("M2", analysis.evidence("M2", table, [100, 200]), "the start")
    assert (verdict.word, verdict.ahead, verdict.effect) == (CONTRADICTED, "neither", 0)
    assert len(verdict.strata) == 8, "each task and start by itself"
    assert all(each.n == 20 for each in verdict.strata), "lengths of one seed share weights and data"


def test_a_start_that_decides_is_named() -> None:
    table = outcomes({**EQUAL, ("lstm", "default"): 0.1, ("gru", "bias:1"): 0.0})
    verdict = decide(
        "M2",
        analysis.evidence("M2", table, [100]),
        "the start of the gates",
        differ=analysis.differ("M2", table, [100]),
    )
    assert verdict.word == DEPENDS and verdict.text == "depends (on the start of the gates)"
    assert verdict.p < 0.001


def test_a_gru_that_leads_is_enough() -> None:
    """Where all runs of both cells succeed, or none, a condition tells nothing."""
    rates = {**EQUAL, ("lstm", "default"): 0.0, ("lstm", "bias:1"): 0.4, ("gru", "bias:1"): 0.9}
    table = outcomes(rates, lengths=(20, 50), seeds=20)
    verdict = decide("M4", analysis.evidence("M4", table, [20, 50]), "the start of the gates")
    assert [each.word for each in verdict.strata] == [SUPPORTED, SUPPORTED, LEFT_OUT, LEFT_OUT] * 2
    assert verdict.strata[3].left_out == "every run solved it" and verdict.word == SUPPORTED
    assert verdict.ahead == "GRU" and verdict.p < 0.001
    assert ledger()["M4"].rule == "noninferior"
    worse = decide("M4", analysis.evidence("M4", outcomes({**EQUAL, ("gru", "default"): 0.3}), [20]))
    assert worse.strata[0].word == CONTRADICTED
    few = outcomes({each: 0.5 for each in EQUAL}, seeds=10)
    assert decide("M4", analysis.evidence("M4", few, [20])).word == INCONCLUSIVE, "ten pairs cannot rule it out"


def test_conditions_that_no_run_solves_do_not_count() -> None:
    table = outcomes({("lstm", "chrono"): 1.0, ("gru", "chrono"): 1.0})
    found = analysis.evidence("M2", table, [100])
    assert [bool(each.left_out) for each in found.values()] == [True, True, True, False] * 2
    assert analysis.differ("M2", table.query("task == 'recall'"), [100]) is None, "one condition is left"


def test_a_success_rate_is_paired_by_seed() -> None:
    table = outcomes({**EQUAL, ("lstm", "default"): 0.5})
    which = {"task": "recall", "start": "default", "length": 20}
    found = analysis.gap(*analysis.cells(table, **which))
    assert found.estimate == -50 and found.n == 10
    shuffled = analysis.gap(*analysis.cells(table.sample(frac=1, random_state=0), **which))
    assert shuffled == found


def test_time_to_solve_is_told_as_a_share_of_the_budget() -> None:
    """A run that never solves its task takes all of it; the solved ones here take 100 of 400 steps, plus their seed."""
    table = analysis.pick(outcomes({("gru", "chrono"): 1.0}), task="adding", start="chrono", length=20)
    lags = analysis.lag(*analysis.cells(table))
    assert lags == pytest.approx(100 * (100 + np.arange(10) - 400) / 400)


def test_the_ratio_of_steps_pairs_lengths_and_seeds_and_counts_a_failure_as_the_whole_budget() -> None:
    table = analysis.pick(outcomes({("gru", "chrono"): 1.0}), task="adding", start="chrono")
    ratio = analysis.step_ratio(table.sample(frac=1, random_state=0))
    assert ratio.estimate == pytest.approx(400 / 104.5, rel=0.01) and ratio.n == 20


def test_a_rate_that_would_have_been_better_is_counted(tiny: dict[str, Any]) -> None:
    given = Tuned(tiny["tuned"].runs.assign(solved_at=None, solved=0), tiny["tuned"].best)
    assert analysis.missed(given) == 0
    runs = given.runs
    better = (
        (runs["cell"] == "gru") & (runs["task"] == "adding") & (runs["learning_rate"] == 0.01) & (runs["length"] == 8)
    )
    assert analysis.missed(Tuned(runs.assign(solved=better.astype(int)), given.best)) == len(analysis.STARTS)


def tuned_as(scores: dict[tuple[str, str, int], float], lengths: tuple[int, ...] = (20, 40)) -> Tuned:
    """Made-up tuning: by cell, start and length the score of its best rate, else 0.5; the rate is 1 / length."""
    points = analysis.tuning_points(lengths, short=lengths[:1])
    starts = ["chrono" if each["start"].startswith("chrono") else each["start"] for each in points]
    rows = [
        {**each, "learning_rate": 1 / each["length"], "score": scores.get((each["cell"], start, each["length"]), 0.5)}
        for each, start in zip(points, starts, strict=True)
    ]
    return Tuned(pd.DataFrame(), pd.DataFrame(rows))


def test_a_rate_that_taught_nothing_gives_way_to_that_of_a_shorter_length_or_of_chrono() -> None:
    tuned = tuned_as({("lstm", "default", 40): 0.1, ("gru", "bias:1", 20): 0.1, ("gru", "bias:1", 40): 0.1})
    chrono = tuned.best["start"].str.startswith("chrono")
    tuned.best.loc[chrono, "learning_rate"] = 0.1

    def used(cell: str, start: str, length: int) -> float:
        return analysis.rate(tuned, {"task": "recall", "cell": cell, "start": start}, length)

    assert used("lstm", "default", 40) == 1 / 20 and used("lstm", "default", 20) == 1 / 20
    assert used("gru", "bias:1", 40) == used("gru", "bias:1", 20) == used("gru", "chrono", 40) == 0.1
    assert used("gru", "default", 40) == 1 / 40 and used("rnn", "default", 20) == 1 / 20
    assert used("gru", "default", 30) == 1 / 20, "the longest tuned length that is not longer"


def test_what_learned_nothing_is_tuned_once_more() -> None:
    tuned = tuned_as({("lstm", "default", 20): 0.1, ("rnn", "default", 20): 0.0, ("gru", "chrono", 40): 0.0})
    again = analysis.unlearned(tuned)
    assert [(each["task"], each["cell"], each["start"], each["length"]) for each in again] == [
        (task, "lstm", "default", 20) for task in analysis.TASKS
    ], "the longest length and the tanh network are left"
    late = Tuned(pd.DataFrame(), pd.DataFrame([{**each, "learning_rate": 0.03, "score": 0.9} for each in again]))
    merged = analysis.retuned(tuned, late)
    assert len(merged.best) == len(tuned.best)
    for case in analysis.cases():
        expected = 0.03 if (case["cell"], case["start"]) == ("lstm", "default") else 1 / 20
        assert analysis.rate(merged, case, 20) == expected


@pytest.fixture(scope="module")
def tiny() -> dict[str, Any]:
    """Every sweep of the chapter, as small as it goes."""
    kinds = analysis.regimes([8, 9], 9)

    def sweep(points: list[dict[str, Any]], seeds: int = 2) -> pd.DataFrame:
        given = [{"watch": False, "random_labels": False, **FIXED, "match": "width", **point} for point in points]
        return pd.DataFrame([{**p, "seed": s, **experiment.run(**p, seed=s)} for p in given for s in range(seeds)])

    def tune(points: list[dict[str, Any]]) -> Tuned:
        rates = [{**point, "learning_rate": rate} for point in points for rate in (0.01, 0.1)]
        best = pd.DataFrame([{**point, "learning_rate": 0.1, "score": 0.5} for point in points])
        return Tuned(sweep(rates, 1), best)

    tuned = tune(analysis.tuning_points([8, 9], short=kinds["short"]))
    table = analysis.outcomes(sweep(analysis.main_points(tuned, kinds, FIXED)))
    controls = sweep(look.at_rates(look.control_points(8), tune(look.control_points(8)), tuned, FIXED))
    return {
        "kinds": kinds,
        "tuned": tuned,
        "table": table,
        "watched": look.watched_table(sweep(look.watched_points(8, [0.1], FIXED))),
        "controls": look.control_table(table, controls, 8),
        "ladder": climbing.rungs(sweep(analysis.ladder_points(tuned, kinds, FIXED, [1, 2])), table, 2),
        "far": analysis.outcomes(sweep(look.far_points(tuned, 12, FIXED))),
        "published": analysis.outcomes(sweep(look.published_points(tuned, [10, 12], FIXED))),
        "chosen": look.selective_table(
            sweep(look.selective_points(tune(analysis.tuning_points([8], ["selective"])), 8, FIXED))
        ),
    }


def test_the_main_table_holds_every_case_once(tiny: dict[str, Any]) -> None:
    table = tiny["table"]
    assert not table.duplicated(analysis.KEYS).any()
    wide = analysis.pick(table, match="width", cell=list(analysis.GATED))
    assert len(wide) == 2 * 4 * 2 * 2 * 2  # tasks, starts, cells, lengths, seeds
    assert set(analysis.pick(table, cell="rnn")["length"]) == {8}
    assert set(analysis.pick(table, match="parameters")["length"]) == {8, 9}, "at the lengths that were tuned"
    assert set(tiny["chosen"]["cell"]) == set(analysis.GATED) and len(tiny["chosen"]) == 4 * 2 * 2


def test_every_seed_of_the_gated_cells_is_drawn_in_every_panel_of_steps(tiny: dict[str, Any]) -> None:
    fig = plots.draw_steps(tiny["table"])
    for axis, (task, start) in zip(fig.axes, itertools.product(analysis.TASKS, analysis.STARTS), strict=True):
        drawn = sum(len(line.get_xdata()) for line in axis.lines if line.get_linestyle() == "None")
        assert drawn == len(analysis.pick(tiny["table"], task=task, start=start, match="width"))
    plt.close(fig)


def test_every_rate_of_the_map_has_its_interval(tiny: dict[str, Any]) -> None:
    fig = plots.draw_map(tiny["table"])
    for axis, (task, start) in zip(fig.axes, itertools.product(analysis.TASKS, analysis.STARTS), strict=True):
        rates = analysis.pick(tiny["table"], task=task, start=start).groupby(["cell", "match", "length"]).ngroups
        assert len(axis.collections) == rates == sum(len(line.get_xdata()) for line in axis.lines)
    plt.close(fig)


def test_rings_mark_the_rates_that_are_used(tiny: dict[str, Any]) -> None:
    fig = look_plots.draw_tuning(tiny["tuned"], [8, 9])
    rings = [line for line in fig.axes[0].lines if line.get_markersize() == 9]
    assert len(rings) == 4 and {round(float(line.get_xdata()[0]), 2) for line in rings} == {0.09, 0.11}
    plt.close(fig)


def test_the_way_from_the_lstm_to_the_gru_has_a_dot_a_seed_and_a_line_a_gate(tiny: dict[str, Any]) -> None:
    fig = look_plots.draw_controls(tiny["watched"], tiny["controls"])
    seeds = tiny["watched"]["seed"].nunique()
    assert [len(axis.lines) for axis in fig.axes[:2]] == [len(look_plots.GATES) * seeds] * 2
    for axis, task in zip(fig.axes[2:], analysis.TASKS, strict=True):
        drawn = sum(len(line.get_xdata()) for line in axis.lines)
        assert drawn == len(analysis.pick(tiny["controls"], task=task))
    plt.close(fig)


def test_the_contrast_is_the_writing_gate_at_marks_less_that_elsewhere(tiny: dict[str, Any]) -> None:
    chosen = tiny["chosen"]
    assert np.allclose(chosen["contrast"], chosen["write_marked"] - chosen["write"])
    fig = look_plots.draw_selective(chosen)
    drawn = np.concatenate([line.get_ydata() for line in fig.axes[2].lines[:-1]])
    assert sorted(drawn) == pytest.approx(sorted(chosen["contrast"]))
    plt.close(fig)


def test_the_table_has_every_case_and_width_and_leaves_out_what_was_not_run(tiny: dict[str, Any]) -> None:
    lines = recall_table.result_table(tiny["table"]).data.splitlines()[2:]
    assert len(lines) == len(analysis.cases()) + 8  # the GRU of equal parameters, in each task and start
    assert "| adding, chrono | LSTM, 6 | 0.1 |" in "\n".join(lines)
    plain = [line for line in lines if "tanh RNN" in line]
    assert len(plain) == 2 and all("|  |" in line for line in plain)


def test_the_opening_of_a_gate_is_told_by_its_ends() -> None:
    rows = [("gru", True, 0.1, seed, step, keep) for seed in (0, 1) for step, keep in ((15, 0.7), (5, 0.8), (10, 0.9))]
    table = pd.DataFrame(rows, columns=["cell", "random_labels", "learning_rate", "seed", "step", "keep"])
    found = analysis.opening(table).loc[("gru", True, 0.1)]
    assert found.to_dict() == pytest.approx({"first": 0.8, "last": 0.7, "rise": -0.1})


@pytest.mark.parametrize("cell", analysis.GATED)
def test_the_lines_typed_on_the_page_start_a_layer_of_torch_as_the_experiments_do(cell: str) -> None:
    notebook = json.loads((paths.root() / "chapters" / "memory" / "recall.ipynb").read_text(encoding="utf-8"))
    text = "".join(line for each in notebook["cells"] if each["cell_type"] == "markdown" for line in each["source"])
    lines = re.search(r"```python\n(.*?)```", text, re.S)
    assert lines
    layer, core = getattr(torch.nn, cell.upper())(3, 5), Recurrent(cell, 3, 5)
    torch.manual_seed(1)
    exec(textwrap.dedent("  " + lines[1].lstrip()), {"torch": torch, "layer": layer, "longest_delay": 100})
    torch.manual_seed(1)
    initialise(core, "chrono:100")
    ours = core.layers[0].bias_ih + core.layers[0].bias_hh
    set_gates = slice(0 if cell == "lstm" else 5, 10)  # i and f; z
    assert torch.equal((layer.bias_ih_l0 + layer.bias_hh_l0)[set_gates], ours[set_gates])


def test_a_median_between_solved_and_not_is_drawn_in_the_band() -> None:
    rows = pd.DataFrame({"length": [1, 1, 2, 2], "solved": [1, 0, 1, 1], "steps": [100.0, 400, 100, 200]})
    middle = plots.medians(rows.assign(steps_allowed=400), "length")
    assert middle[1] == pytest.approx(580) and middle[2] == pytest.approx(150)


def test_the_ladder_has_all_budgets_with_equal_seeds(tiny: dict[str, Any]) -> None:
    ladder = tiny["ladder"]
    counts = ladder.groupby(["steps_allowed", "task", "start", "length", "cell"])["seed"].nunique()
    assert set(counts) == {2} and sorted(set(ladder["steps_allowed"])) == [1, 2, 4]
    fig = climbing.draw_ladder(ladder)
    lines = 2 * len(analysis.STARTS)  # cells, in each panel
    assert [len(axis.lines) for axis in fig.axes] == [lines] * 4
    plt.close(fig)


def test_a_condition_whose_answer_hangs_on_the_budget_does_not_count() -> None:
    """LSTMs with bias 1 solve nothing in 100 steps and all in 400; by default they solve nothing at either budget."""
    top = outcomes({**EQUAL, ("lstm", "default"): 0.0}, lengths=(20,), seeds=40)
    below = outcomes({**EQUAL, ("lstm", "default"): 0.0, ("lstm", "bias:1"): 0.0}, lengths=(20,), seeds=40)
    below["steps"] = np.where(below["solved"] == 1, below["steps"], 100.0)
    ladder = analysis.pick(pd.concat([below.assign(steps_allowed=100), top], ignore_index=True), match="width")
    rungs = climbing.by_budget("M4", ladder, 20)
    assert rungs["recall, bias 1"] == {100: -100.0, 400: 0.0}
    assert len(set(rungs["recall, framework default"].values())) == 1
    found = {name: replace(each, left_out="") for name, each in analysis.evidence("M4", top, [20]).items()}
    left = {name: each.left_out for name, each in settled("M4", found, rungs).items()}
    assert left["recall, bias 1"] == NOT_TRAINED and left["recall, framework default"] == ""


def test_an_attack_changes_what_it_names_and_nothing_else(tiny: dict[str, Any]) -> None:
    plain = analysis.ladder_points(tiny["tuned"], tiny["kinds"], FIXED, [4])
    changed = {
        name: {
            key
            for before, after in zip(
                plain, analysis.attack_points(tiny["tuned"], tiny["kinds"], FIXED, name), strict=True
            )
            for key in {**before, **after}
            if before.get(key) != after.get(key)
        }
        for name in analysis.ATTACKS
    }
    assert changed == {
        "rate × 3": {"learning_rate"}, "rate ÷ 3": {"learning_rate"}, "width × 2": {"hidden_size"}, "no clipping": {"clip"}
    }  # fmt: skip
    assert all(set(analysis.ATTACKS) <= {*ledger()[id].attacks} for id in ("M2", "M4"))


def test_looks_far_beyond_know_the_delay(tiny: dict[str, Any]) -> None:
    assert set(tiny["far"]["start"]) == {"chrono"} and len(tiny["far"]) == 2 * 2 * 2  # tasks, cells, seeds
    assert set(tiny["published"]["task"]) == {"adding"} and len(tiny["published"]) == 2 * 3 * 2 * 2


def test_thinned_curves_keep_their_ends() -> None:
    thin = thinned({"step": list(range(100)), "quality": list(range(100, 200))}, 5)
    assert thin["step"] == [0, 25, 50, 74, 99] and thin["quality"] == [100 + each for each in thin["step"]]
    assert thinned({"step": [1, 2]}, 5) == {"step": [1, 2]}
    with pytest.raises(ValueError, match="most = 1 is not allowed"):
        thinned({"step": [1]}, 1)
