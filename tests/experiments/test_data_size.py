"""The chapter on small data: fair draws, equal budgets, and numbers that follow from the runs."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest
import torch

from evidence.tuning import Tuned
from evidence.verdicts import decide
from experiments.data_size import analysis
from experiments.data_size import figures as plots
from experiments.data_size import runs as experiment
from experiments.shared import tuned_leads
from tasks import mnist1d, vowels

QUICK = {"hidden_size": 6, "learning_rate": 0.02, "steps": 4, "batch": 16, "frame": 8}


@pytest.mark.parametrize("y", [vowels.load()["full"].y, mnist1d.load()["train"].y], ids=["vowels", "mnist1d"])
def test_larger_draws_contain_the_smaller_ones_and_take_the_classes_in_turn(y: torch.Tensor) -> None:
    classes = int(y.max()) + 1
    draws = [experiment.draw(y, classes * each, 3) for each in (1, 5, 20)]
    for each, drawn in zip((1, 5, 20), draws, strict=True):
        assert y[drawn].bincount().tolist() == [each] * classes
        assert len(set(drawn.tolist())) == len(drawn)
    assert set(draws[0].tolist()) < set(draws[1].tolist()) < set(draws[2].tolist())
    assert set(experiment.draw(y, 40, 4).tolist()) != set(experiment.draw(y, 40, 3).tolist())
    assert sorted(experiment.draw(y, len(y), 0).tolist()) == list(range(len(y)))


@pytest.mark.parametrize("examples", [0, 271])
def test_a_draw_of_an_impossible_size_is_refused(examples: int) -> None:
    with pytest.raises(ValueError, match=f"examples = {examples} is not allowed"):
        experiment.draw(vowels.load()["full"].y, examples, 0)


@pytest.mark.parametrize("task", ["mnist1d", "vowels"])
def test_tuning_never_sees_the_test_set(task: str) -> None:
    whole = {"mnist1d": 3200, "vowels": 216}[task]
    drawn, held = experiment.data(task, whole, 0, True, 4)
    assert len(held[2]) == {"mnist1d": 800, "vowels": 54}[task]
    with pytest.raises(ValueError, match="examples"):
        experiment.data(task, whole + 1, 0, True, 4)
    _, test = experiment.data(task, whole, 0, False, 4)
    assert len(test[2]) == {"mnist1d": 1000, "vowels": 370}[task]
    inside = drawn[0][torch.arange(len(drawn[0])).unsqueeze(1) < drawn[1]]
    assert abs(float(inside.mean())) < 1e-4 and abs(float(inside.std()) - 1) < 1e-2


def test_an_epoch_shows_each_drawn_sequence_once() -> None:
    drawn = (torch.arange(40.0).view(1, 40, 1), torch.ones(40, dtype=torch.int64), torch.arange(40))
    stream = experiment.batches(drawn, 10, 0)
    assert sorted(torch.cat([next(stream)[2] for _ in range(4)]).tolist()) == list(range(40))
    assert len(next(experiment.batches(drawn, 64, 0))[2]) == 40


@pytest.mark.parametrize(("task", "cell"), list(itertools.product(experiment.CLASSES, experiment.CELLS)))
def test_a_run_is_the_same_again_and_spends_its_steps(task: str, cell: str) -> None:
    given = {**QUICK, "task": task, "cell": cell, "match": "width", "examples": 36, "seed": 1}
    first, again = experiment.run(**given), experiment.run(**given)
    assert first["curves"] == again["curves"] and first["steps_taken"] == 4
    assert 0 <= first["accuracy"] <= 1 and len(first["curves"]["step"]) == experiment.LOOKS
    assert not {*first} & {*given}


def test_equal_parameters_are_nearly_equal() -> None:
    given = {**QUICK, "task": "vowels", "examples": 18, "seed": 0, "hidden_size": 32, "steps": 1}
    lstm = experiment.run(**given, cell="lstm", match="width")
    gru = experiment.run(**given, cell="gru", match="parameters")
    assert gru["width"] > lstm["width"] and abs(gru["parameters"] / lstm["parameters"] - 1) < 0.03


def test_padding_does_not_change_an_answer() -> None:
    drawn, _ = experiment.data("vowels", 18, 0, False, 4)
    x, lengths, _ = drawn
    torch.manual_seed(0)
    model = experiment.build("vowels", "lstm", 12, 5)
    noisy = torch.where((torch.arange(29).unsqueeze(1) < lengths).unsqueeze(-1), x, torch.randn_like(x))
    assert torch.allclose(model(x, lengths), model(noisy, lengths), atol=1e-6)


@pytest.mark.parametrize(("name", "value"), [("task", "speech"), ("cell", "rnn"), ("match", "equal")])
def test_a_run_refuses_by_name(name: str, value: str) -> None:
    given = {**QUICK, "task": "vowels", "cell": "gru", "match": "width", "examples": 18, "seed": 0}
    with pytest.raises(ValueError, match=f"{name} = '{value}' is not allowed"):
        experiment.run(**{**given, name: value})


def test_the_static_baselines_nearly_solve_the_vowels() -> None:
    mean, static = (
        experiment.baseline(task="vowels", kind=kind, examples=270, seed=0)["accuracy"] for kind in ("mean", "static")
    )
    assert 0.95 < mean < static and static > 0.975
    assert 0.25 < experiment.baseline(task="mnist1d", kind="points", examples=4000, seed=0)["accuracy"] < 0.4


def made(lead: dict[str, float], seeds: int = 10) -> pd.DataFrame:
    """Runs in which the GRU leads by so many points on each task, and by 2 more at equal parameters."""
    rows = []
    noise = np.random.default_rng(0)
    for task, sizes in (("mnist1d", (100, 4000)), ("vowels", (45, 270))):
        for examples, seed in itertools.product(sizes, range(seeds)):
            base = 0.5 + noise.normal(0, 0.05)
            for cell, match, more in (
                ("lstm", "width", 0),
                ("gru", "width", lead[task]),
                ("gru", "parameters", lead[task] + 2),
            ):
                accuracy = base + more / 100 + noise.normal(0, 0.001)
                row = {
                    "task": task,
                    "examples": examples,
                    "seed": seed,
                    "cell": cell,
                    "match": match,
                    "accuracy": accuracy,
                }
                rest = {
                    "width": 8,
                    "parameters": 100,
                    "learning_rate": 0.01,
                    "train_accuracy": 1.0,
                    "steps": 5,
                    "batch": 4,
                }
                rows.append({**row, **rest, "curves": {"accuracy": [accuracy, accuracy]}})
    return pd.DataFrame(rows)


def made_tuning(seeds: int = 4) -> pd.DataFrame:
    """Tuning runs in which the rate of `made`, 0.01, beats another one on every seed."""
    keys = itertools.product((("mnist1d", 100), ("mnist1d", 4000), ("vowels", 45), ("vowels", 270)), ("lstm", "gru"))
    rows = [
        {
            "task": task,
            "examples": examples,
            "cell": cell,
            "seed": 1000 + seed,
            "learning_rate": rate,
            "diverged": False,
        }
        | {"accuracy": 0.5 + (rate == 0.01) / 10}
        for (task, examples), cell in keys
        for seed in range(seeds)
        for rate in (0.003, 0.01)
    ]
    return pd.DataFrame(rows)


def found(lead: dict[str, float], seeds: int = 10) -> tuned_leads.Leads:
    """Leads of the runs of `made`."""
    return tuned_leads.leads(made_tuning(), made(lead, seeds))


def test_differences_are_paired_by_seed() -> None:
    runs = made({"mnist1d": 4, "vowels": -1})
    table = analysis.differences(runs)
    assert len(table) == 80
    means = table.groupby(["task", "match", "examples"])["difference"].mean()
    assert means["mnist1d", "width", 100] == pytest.approx(4, abs=0.2)
    assert means["vowels", "parameters", 45] == pytest.approx(1, abs=0.2)
    for key, values in tuned_leads.leads(made_tuning(), runs).items():
        task, match, examples = key
        assert values[0] == pytest.approx(means[task, match, examples])


def test_where_one_rate_always_wins_the_interval_is_that_of_the_reported_seeds() -> None:
    runs = made({"mnist1d": 4, "vowels": -1})
    joint, fixed = found({"mnist1d": 4, "vowels": -1}), tuned_leads.given(made_tuning(), runs)
    for key in joint:
        assert np.allclose(joint[key], fixed[key])


def test_where_the_choice_is_a_toss_up_the_interval_spans_both_rates() -> None:
    runs = made({"mnist1d": 4, "vowels": 4})
    worse = runs.assign(learning_rate=0.003)
    worse.loc[worse["cell"] == "gru", "accuracy"] -= 0.08
    tuning = made_tuning()
    odd = tuning["seed"] % 2 == 1
    tuning.loc[odd & (tuning["cell"] == "gru"), "accuracy"] = 1.1 - tuning["accuracy"]
    tuning.loc[(tuning["seed"] == 1000) & (tuning["learning_rate"] == 0.01), "accuracy"] += 0.01
    both = pd.concat([runs, worse])
    wide, narrow = tuned_leads.leads(tuning, both), tuned_leads.given(tuning, both)
    key = ("mnist1d", "width", 100)
    assert wide[key][0] == pytest.approx(narrow[key][0]) and wide[key][0] == pytest.approx(4, abs=0.2)
    first, second = tuned_leads.interval(wide[key]), tuned_leads.interval(narrow[key])
    assert first.low < -3.5 and first.high > 3.5 and second.low > 3.5
    assert tuned_leads.p_value(wide[key], 1.0) > 0.05 > tuned_leads.p_value(narrow[key], 1.0)


def test_every_rate_that_a_resample_may_choose_is_run() -> None:
    table = pd.DataFrame({0.01: [0.5, 0.7, 0.5, 0.7], 0.03: [0.7, 0.52, 0.7, 0.52], 0.1: [0.2, 0.2, 0.2, 0.2]})
    assert tuned_leads.contenders(table) == [0.01, 0.03]
    assert tuned_leads.contenders(table.assign(**{"0.03": 0.9})[[0.1, "0.03"]].set_axis([0.1, 0.3], axis=1)) == [0.3]
    best = pd.DataFrame(
        [{"task": "mnist1d", "cell": cell, "examples": 100, "learning_rate": 0.01} for cell in ("lstm", "gru")]
    )
    tuned = Tuned(made_tuning(), best)
    cases = analysis.cases({"mnist1d": [100, 4000]}, {"mnist1d": {"steps": 4, "batch": 8}})
    points = analysis.points(cases, tuned)
    assert [(p["cell"], p["examples"], p["match"]) for p in points] == [
        ("lstm", 100, "width"),
        ("gru", 100, "width"),
        ("gru", 100, "parameters"),
        ("lstm", 4000, "width"),
        ("gru", 4000, "width"),
    ]
    assert {p["learning_rate"] for p in points} == {0.01}


def test_a_diverged_tuning_run_cannot_win() -> None:
    tuning = made_tuning().assign(diverged=lambda rows: rows["learning_rate"] == 0.01)
    table = tuned_leads.scores(tuning, task="mnist1d", cell="gru", examples=100)
    assert table.columns[tuned_leads.picks(table, tuned_leads.draws(4, 1, 5))].unique().tolist() == [0.003]


def test_only_small_training_sets_count_for_the_verdict() -> None:
    leads = found({"mnist1d": 4, "vowels": 4})
    evidence = analysis.evidence(leads, 10)
    assert len(evidence) == 4 and decide("P6", evidence).word == "supported"
    leads["mnist1d", "width", 4000] = leads["mnist1d", "width", 4000] - 100
    assert decide("P6", analysis.evidence(leads, 10)).word == "supported"


def test_the_lead_of_the_small_sets_is_told_from_that_of_the_largest_and_from_more_parameters() -> None:
    leads = found({"mnist1d": 4, "vowels": -4})
    assert analysis.lead(leads, "mnist1d", "width").low > 3.5 and analysis.lead(leads, "vowels", "width").high < -3.5
    assert analysis.shift(leads, "vowels").estimate == pytest.approx(2, abs=0.2)
    assert analysis.trend(leads, "mnist1d").estimate == pytest.approx(0, abs=0.2)
    leads["mnist1d", "width", 4000] = leads["mnist1d", "width", 4000] - 3
    assert analysis.trend(leads, "mnist1d").low > 2.5 and analysis.lead(leads, "mnist1d", "width").high < 4.5


def test_each_set_is_judged_against_the_better_cell_and_the_best_baseline() -> None:
    runs = made({"mnist1d": 4, "vowels": -4})
    plain = runs[(runs["cell"] == "lstm") & (runs["task"] == "vowels")].assign(kind="mean", accuracy=0.1)
    base = pd.concat([plain, plain.assign(kind="static", accuracy=0.9)])
    means = 100 * runs[runs["match"] == "width"].groupby(["task", "cell", "examples"])["accuracy"].mean()
    shown = analysis.against(runs, base, "vowels")
    assert np.allclose(shown["baseline"], 90) and np.allclose(shown["cell"], means["vowels", "lstm"])
    assert shown.index.tolist() == [45, 270]


def test_a_run_that_stops_at_its_best_keeps_its_best() -> None:
    runs = made({"mnist1d": 4, "vowels": -4}, seeds=2)
    runs["curves"] = [{"accuracy": [0.2, each + 0.1, each]} for each in runs["accuracy"]]
    assert np.allclose(analysis.stopped(runs)["accuracy"], runs["accuracy"] + 0.1)


def test_the_figures_show_every_seed() -> None:
    runs = made({"mnist1d": 4, "vowels": -4}, seeds=3)
    base = runs[runs["cell"] == "lstm"].assign(
        kind=lambda rows: rows["task"].map({"mnist1d": "points", "vowels": "mean"})
    )
    leads = tuned_leads.leads(made_tuning(), runs)
    shown = {
        "curves": (plots.draw_learning_curves(runs, base), 36),
        "differences": (plots.draw_differences(analysis.differences(runs), leads), 24),
        "gap": (plots.draw_gap(runs), 48),
    }
    for name, (fig, dots) in shown.items():
        assert sum(len(each.get_offsets()) for axis in fig.axes for each in axis.collections) == dots, name


def test_a_size_without_equal_parameters_says_so() -> None:
    runs = made({"mnist1d": 4.5, "vowels": -4.5}, seeds=3)
    runs = runs[(runs["match"] == "width") | (runs["examples"] <= analysis.SMALL)]
    leads = tuned_leads.leads(made_tuning(), runs)
    base = runs[runs["cell"] == "lstm"].assign(kind="points")
    lines = analysis.result_table(runs, base, leads, "mnist1d").data.splitlines()
    assert lines[2].startswith("| 100 |") and "not\u00a0run" not in lines[2]
    assert lines[3].startswith("| 4,000 |") and "not\u00a0run" in lines[3]
