"""The chapter on small data: fair draws, everything tuned for each cell, and numbers that follow from the runs."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from evidence.tuning import Tuned
from evidence.verdicts import NOT_TRAINED
from experiments.data_size import analysis, baselines, drawing, grids, readout, tables
from experiments.data_size import figures as plots
from experiments.data_size import runs as experiment
from experiments.data_size import training_figures as training
from experiments.shared import tuned_leads
from gatedrnn.layers import Recurrent
from tasks import mnist1d, vowels

QUICK: dict[str, Any] = {
    "hidden_size": 6, "learning_rate": 0.02, "steps": 4, "batch": 16, "frame": 8, "start": "bias:1", **grids.DAMPINGS["none"],
}  # fmt: skip
SIZES = {"mnist1d": (100, 4000), "vowels": (45, 270)}
BUDGET = {"steps": 4, "batch": 8}


@pytest.mark.parametrize("y", [vowels.load()["full"].y, mnist1d.load()["train"].y], ids=["vowels", "mnist1d"])
def test_larger_draws_contain_the_smaller_ones_and_take_the_classes_in_turn(y: torch.Tensor) -> None:
    classes = int(y.max()) + 1
    draws = [drawing.draw(y, classes * each, 3) for each in (1, 5, 20)]
    for each, drawn in zip((1, 5, 20), draws, strict=True):
        assert y[drawn].bincount().tolist() == [each] * classes
        assert len(set(drawn.tolist())) == len(drawn)
    assert set(draws[0].tolist()) < set(draws[1].tolist()) < set(draws[2].tolist())
    assert set(drawing.draw(y, 40, 4).tolist()) != set(drawing.draw(y, 40, 3).tolist())
    assert sorted(drawing.draw(y, len(y), 0).tolist()) == list(range(len(y)))


@pytest.mark.parametrize("examples", [0, 271])
def test_a_draw_of_an_impossible_size_is_refused(examples: int) -> None:
    with pytest.raises(ValueError, match=f"examples = {examples} is not allowed"):
        drawing.parts("vowels", examples, 0)


@pytest.mark.parametrize(
    ("task", "left", "validation", "test"), [("mnist1d", 3200, 800, 1000), ("vowels", 216, 54, 370)]
)
def test_tuning_never_sees_the_test_set(task: str, left: int, validation: int, test: int) -> None:
    tuning = drawing.parts(task, left + validation, 0, tuning=True, frame=4)
    assert len(tuning.train[2]) == left and len(tuning.test[2]) == validation
    reported = drawing.parts(task, left, 0, frame=4)
    assert len(reported.test[2]) == test
    exchanged = drawing.parts(task, 45, 0, exchanged=True, frame=4)
    assert len(exchanged.test[2]) == left + validation
    x, lengths, _ = reported.train
    inside = x[torch.arange(len(x)).unsqueeze(1) < lengths]
    assert abs(float(inside.mean())) < 1e-4 and abs(float(inside.std()) - 1) < 1e-2


def test_a_fifth_of_each_class_is_held_back_and_never_trained_on() -> None:
    every, given = drawing.parts("vowels", 90, 2), drawing.parts("vowels", 90, 2, holding=True)
    assert every.held is None and given.held is not None
    assert given.held[2].bincount().tolist() == [2] * 9 and given.train[2].bincount().tolist() == [8] * 9
    seen = {tuple(row.flatten().tolist()) for row in given.train[0].transpose(0, 1)}
    assert not seen & {tuple(row.flatten().tolist()) for row in given.held[0].transpose(0, 1)}
    assert torch.equal(every.test[0], given.test[0])


def test_an_epoch_shows_each_drawn_sequence_once() -> None:
    drawn = (torch.arange(40.0).view(1, 40, 1), torch.ones(40, dtype=torch.int64), torch.arange(40))
    stream = drawing.batches(drawn, 10, 0)
    assert sorted(torch.cat([next(stream)[2] for _ in range(4)]).tolist()) == list(range(40))
    assert len(next(drawing.batches(drawn, 64, 0))[2]) == 10  # a quarter, so that steps differ


@pytest.mark.parametrize(("task", "cell", "stopping"), [("mnist1d", "lstm", False), ("vowels", "gru", True)])
def test_a_run_is_the_same_again_and_spends_its_steps(task: str, cell: str, stopping: bool) -> None:
    given = {**QUICK, "task": task, "cell": cell, "match": "width", "examples": 45, "seed": 1, "stopping": stopping}
    first, again = experiment.run(**given), experiment.run(**given)
    assert {**first, "train_seconds": 0} == {**again, "train_seconds": 0}
    assert 0 <= first["accuracy"] <= 1 and first["steps_taken"] == 4
    assert 0 < first["stopped_at"] <= 1 and (stopping or first["stopped_at"] == 1)
    assert not {*first} & {*given}


def test_early_stopping_keeps_the_best_look_and_not_the_last() -> None:
    x, lengths, y = torch.zeros(1, 4, 2), torch.ones(4, dtype=torch.int64), torch.tensor([0, 0, 1, 1])
    model = experiment.build("vowels", 2, "gru", 3)
    best = experiment.Best((x, lengths, y))
    for bias in (0.0, 5.0, -5.0):  # the first right half the time with the least loss; the last names another class
        with torch.no_grad():
            model.head.weight.zero_()
            model.head.bias.zero_()
            model.head.bias[0], model.head.bias[2] = 1.0, -bias
            best(model)
    assert best.place == 1 and float(best.weights["head.bias"][2]) == -5.0


def test_the_mean_of_states_is_over_the_true_steps() -> None:
    x, lengths, _ = drawing.parts("vowels", 18, 0).train
    torch.manual_seed(0)
    model = readout.Averaged(Recurrent("gru", 12, 5), 9)
    by_hand = [
        model.head(model.core(x[:length, [place]])[0].mean(0))[0] for place, length in enumerate(lengths.tolist())
    ]
    assert torch.allclose(model(x, lengths), torch.stack(by_hand), atol=1e-6)
    assert torch.allclose(model(x[:5, :2]), model(x[:5, :2], torch.tensor([5, 5])))


def test_a_run_off_the_mean_is_the_same_again_and_is_tuned_on_the_validation_part() -> None:
    cases = readout.cases({"vowels": [45, 600]}, {"vowels": BUDGET}, ["default"])
    assert [(each["cell"], each["examples"]) for each in cases] == [("lstm", 45), ("gru", 45)]
    given = {**cases[0], "hidden_size": 4, "frame": 8, "learning_rate": 0.01, "seed": 1}
    first, again, tuned = (readout.run_mean(**given, tuning=tuning) for tuning in (False, False, True))
    assert {**first, "train_seconds": 0} == {**again, "train_seconds": 0} != {**tuned, "train_seconds": 0}
    best = pd.DataFrame([{**each, "start": start, "learning_rate": 0.1, "score": score} for each in cases
                         for start, score in (("default", 0.5), ("chrono", 0.6))])  # fmt: skip
    points = readout.points(Tuned(pd.DataFrame(), best))
    assert {each["start"] for each in points} == {"chrono"} and {each["steps"] for each in points} == {4 * grids.TOP}


def test_equal_parameters_are_nearly_equal() -> None:
    given = {**QUICK, "task": "vowels", "examples": 18, "seed": 0, "hidden_size": 32, "steps": 1}
    lstm = experiment.run(**given, cell="lstm", match="width")
    gru = experiment.run(**given, cell="gru", match="parameters")
    assert gru["width"] > lstm["width"] and abs(gru["parameters"] / lstm["parameters"] - 1) < 0.03


def test_padding_does_not_change_an_answer() -> None:
    x, lengths, _ = drawing.parts("vowels", 18, 0).train
    torch.manual_seed(0)
    model = experiment.build("vowels", 12, "lstm", 5)
    noisy = torch.where((torch.arange(29).unsqueeze(1) < lengths).unsqueeze(-1), x, torch.randn_like(x))
    assert torch.allclose(model(x, lengths), model(noisy, lengths), atol=1e-6)
    weights = baselines.random_kernels(12, 6, 0)
    assert torch.isfinite(baselines.features((x, lengths, lengths), weights)).all()


@pytest.mark.parametrize(("name", "value"), [("task", "speech"), ("cell", "elman"), ("match", "equal")])
def test_a_run_refuses_by_name(name: str, value: str) -> None:
    given = {**QUICK, "task": "vowels", "cell": "gru", "match": "width", "examples": 18, "seed": 0}
    with pytest.raises(ValueError, match=f"{name} = '{value}' is not allowed"):
        experiment.run(**{**given, name: value})


def test_models_without_recurrence_do_what_they_are_known_for() -> None:
    mean, static = (
        baselines.baseline(task="vowels", kind=kind, examples=270, seed=0, kernels=3)["accuracy"]
        for kind in ("mean", "static")
    )
    assert 0.95 < mean < static and static > 0.975
    points, shapes = (
        baselines.baseline(task="mnist1d", kind=kind, examples=500, seed=0, kernels=150)["accuracy"]
        for kind in ("points", "kernels")
    )
    assert points < 0.35 < shapes - 0.1


def case(task: str, cell: str, examples: int, start: str = "bias:1") -> dict[str, Any]:
    return {"task": task, "cell": cell, "examples": examples, "start": start, **grids.DAMPINGS["dropout"], **BUDGET}


def made(lead: dict[str, float], seeds: int = 10, steps: int = 16, few: float = 0.0) -> pd.DataFrame:
    """Runs in which the GRU leads by so many points on each task, by 2 more at equal parameters, by `few` more on small sets."""
    rows = []
    noise = np.random.default_rng(steps)
    for task, sizes in SIZES.items():
        for examples, seed in itertools.product(sizes, range(seeds)):
            base = 0.5 + noise.normal(0, 0.05)
            more = lead[task] + few * (examples <= grids.SMALL)
            for cell, match, ahead in (("lstm", "width", 0), ("gru", "width", more), ("gru", "parameters", more + 2)):
                if match == "parameters" and examples > grids.SMALL:
                    continue
                result = {
                    "accuracy": base + ahead / 100 + noise.normal(0, 0.001),
                    "train_accuracy": 1.0,
                    "diverged": False,
                }
                rest = {
                    "match": match,
                    "seed": seed,
                    "learning_rate": 0.01,
                    "width": 8,
                    "parameters": 100,
                    "curves": {},
                }
                rows.append({**case(task, cell, examples), "steps": steps, **rest, **result})
    return pd.DataFrame(rows)


def made_tuning(seeds: int = 4) -> Tuned:
    """Tuning in which the rate of `made`, 0.01, beats another one on every seed."""
    cases = [case(task, cell, n) for task in SIZES for n in SIZES[task] for cell in grids.GATED]
    rows = [
        {**each, "seed": 1000 + seed, "learning_rate": rate, "diverged": False, "accuracy": 0.5 + (rate == 0.01) / 10}
        for each in cases
        for seed in range(seeds)
        for rate in (0.003, 0.01)
    ]
    return Tuned(pd.DataFrame(rows), pd.DataFrame([{**each, "learning_rate": 0.01, "score": 0.6} for each in cases]))


def leads_of(runs: pd.DataFrame) -> tuned_leads.Leads:
    return tuned_leads.leads(made_tuning().runs, runs)


def rungs_of(*leads: dict[str, float]) -> pd.DataFrame:
    """A ladder, the smallest budget first."""
    return pd.concat([made(lead, steps=4 ** (place + 1)) for place, lead in enumerate(leads)], ignore_index=True)


def test_differences_are_paired_by_seed() -> None:
    runs = made({"mnist1d": 4, "vowels": -1})
    means = analysis.differences(runs).groupby(["task", "match", "examples"])["difference"].mean()
    assert means["mnist1d", "width", 100] == pytest.approx(4, abs=0.2)
    assert means["vowels", "parameters", 45] == pytest.approx(1, abs=0.2)
    for (task, match, examples), values in leads_of(runs).items():
        assert values[0] == pytest.approx(means[task, match, examples])


def test_the_wider_of_both_intervals_counts() -> None:
    values = np.array([1.0, 2.0, 3.0, 2.0])
    narrow, wide = analysis.wider(values, np.full(100, 2.0)), analysis.wider(values, np.linspace(-50, 50, 100))
    assert narrow.low == pytest.approx(analysis.mean_interval(values).low) and wide.low < -40 and wide.high > 40


def test_a_toss_up_between_rates_makes_the_answer_unsure() -> None:
    runs = made({"mnist1d": 4, "vowels": 4})
    worse = runs.assign(learning_rate=0.003)
    worse.loc[worse["cell"] == "gru", "accuracy"] -= 0.08
    tuned = made_tuning()
    odd = (tuned.runs["seed"] % 2 == 1) & (tuned.runs["cell"] == "gru")
    tuned.runs.loc[odd, "accuracy"] = 1.1 - tuned.runs["accuracy"]
    tuned.runs.loc[(tuned.runs["seed"] == 1000) & (tuned.runs["learning_rate"] == 0.01), "accuracy"] += 0.01
    both = pd.concat([runs, worse])
    chosen = analysis.at_chosen(both, tuned)
    sure = analysis.evidence(chosen, leads_of(runs))["MNIST-1D, equal width"]
    unsure = analysis.evidence(chosen, tuned_leads.leads(tuned.runs, both))["MNIST-1D, equal width"]
    assert sure.interval.low > 3 and sure.p < 0.05
    assert (
        unsure.interval.low < -3
        and unsure.p > 0.05
        and unsure.interval.estimate == pytest.approx(sure.interval.estimate)
    )


def test_what_a_rate_gains_is_told_by_cell() -> None:
    assert analysis.rate_gains(made_tuning(), "vowels", 45, 0.003) == {"lstm": 10.0, "gru": 10.0}


def test_every_rate_that_a_resample_may_well_choose_is_run_and_three_at_most() -> None:
    tuned, place = made_tuning(), {"task": "mnist1d", "cell": "gru", "examples": 100}
    assert grids.contending(tuned, **place) == [0.01]
    rows = tuned.runs.query("task == 'mnist1d' and cell == 'gru' and examples == 100 and learning_rate == 0.01")
    noisy = []
    for number, rate in enumerate((0.001, 0.002, 0.003, 0.004, 0.005)):
        drawn = np.random.default_rng(number).normal(0.5, 0.1, len(rows))
        noisy.append(rows.assign(learning_rate=rate, accuracy=drawn))
    assert 1 < len(grids.contending(Tuned(pd.concat(noisy), tuned.best), **place)) <= grids.MOST
    matches = [(p["cell"], p["match"]) for p in grids.points(tuned) if p["task"] == "mnist1d"]
    small, large = [("lstm", "width"), ("gru", "width"), ("gru", "parameters")], [("lstm", "width"), ("gru", "width")]
    assert matches == small + large


def test_tuning_goes_from_starts_to_damping_and_keeps_the_best_of_both() -> None:
    cases = grids.cases({"vowels": [45]}, {"vowels": BUDGET}, grids.GATED, ("default", "bias:1"))
    scores = {("lstm", "default"): 0.5, ("lstm", "bias:1"): 0.6, ("gru", "default"): 0.7, ("gru", "bias:1"): 0.6}
    rows = [{**each, "learning_rate": 0.01, "score": scores[each["cell"], each["start"]]} for each in cases]
    first = Tuned(pd.DataFrame(), pd.DataFrame(rows))
    further = grids.damped(first, ("none", "dropout", "stopping"))
    assert {(c["cell"], c["start"]) for c in further} == {("lstm", "bias:1"), ("gru", "default")} and len(further) == 4
    second = Tuned(pd.DataFrame(), pd.DataFrame([{**c, "learning_rate": 0.1, "score": 0.65} for c in further]))
    won = {c["cell"]: c for c in grids.winners(first, second)}
    assert won["lstm"]["dropout"] == 0.5 and won["gru"]["dropout"] == 0.0 and won["gru"]["start"] == "default"
    best = pd.DataFrame([{**c, "learning_rate": 0.01, "score": 1.0} for c in won.values()])
    for name in grids.ATTACKS:
        points = {p["cell"]: p for p in grids.attacked(name, Tuned(first.runs, best), first, 8)}
        assert {*points} == {*grids.GATED} and points["lstm"]["hidden_size"] == (16 if name == "width × 2" else 8)
        assert (points["gru"]["start"] == "bias:1") == (name == "another start")
        assert points["gru"].get("exchanged", False) == (name == "another split")
        assert points["gru"]["learning_rate"] == {"rate × 3": 0.03, "rate ÷ 3": 0.00333}.get(name, 0.01)
    lent = {p["cell"]: p for p in grids.borrowed(Tuned(first.runs, best))}
    assert (
        lent["lstm"]["dropout"] == 0.0
        and lent["gru"]["start"] == "bias:1"
        and lent["gru"]["steps"] == 4 * BUDGET["steps"]
    )
    assert {p["learning_rate"] for p in grids.slow(Tuned(first.runs, best))} == {0.00333}
    assert {p["learning_rate"] for p in grids.at_rate(Tuned(first.runs, best), 0.5)} == {0.5}


def test_only_small_training_sets_count_for_the_verdict() -> None:
    still = {"mnist1d": 4.0, "vowels": 4.0}
    runs, rungs = made(still), rungs_of(still, still)
    verdict = analysis.verdict(runs, leads_of(runs), rungs, {"another budget": made(still)})
    assert verdict.word == "supported" and len(verdict.strata) == 4 and verdict.attacks[0].outcome == "stands"
    behind = runs.copy()
    behind.loc[(behind["examples"] == 4000) & (behind["cell"] == "gru"), "accuracy"] -= 0.3
    assert analysis.verdict(behind, leads_of(behind), rungs, {}).word == "supported"
    turned = {"mnist1d": -4.0, "vowels": -4.0}
    fallen = analysis.verdict(runs, leads_of(runs), rungs, {"another start": made(turned)})
    assert fallen.text == "depends (on the start)"


def test_what_still_hangs_on_the_budget_is_left_out() -> None:
    runs = made({"mnist1d": 1.5, "vowels": 4})
    rungs = rungs_of({"mnist1d": 9, "vowels": 4}, {"mnist1d": 1.5, "vowels": 4})
    strata = {each.name: each.left_out for each in analysis.verdict(runs, leads_of(runs), rungs, {}).strata}
    assert strata["MNIST-1D, equal width"] == NOT_TRAINED and strata["Japanese vowels, equal width"] == ""
    assert analysis.shrinks(rungs, "mnist1d", [100]).estimate == pytest.approx(7.5, abs=0.3)
    climbed = analysis.by_budget(rungs).set_index(["task", "examples", "steps"])["estimate"]
    assert climbed["mnist1d", 100, 4] == pytest.approx(9, abs=0.3)


def test_a_set_on_which_all_are_at_the_ceiling_or_at_chance_tells_nothing() -> None:
    runs = made({"mnist1d": 4, "vowels": 4})
    assert analysis.telling(runs, "vowels") == [45, 270] and analysis.telling(runs, "mnist1d") == [100]
    runs.loc[(runs["task"] == "vowels") & (runs["examples"] == 270), "accuracy"] = 1.0
    runs.loc[runs["task"] == "mnist1d", "accuracy"] = 0.1
    assert analysis.telling(runs, "vowels") == [45] and analysis.telling(runs, "mnist1d") == []
    found = analysis.evidence(runs, leads_of(runs))
    assert found["MNIST-1D, equal width"].left_out and not found["Japanese vowels, equal width"].left_out


def test_the_lead_of_the_small_sets_is_told_from_that_of_the_largest_and_from_more_parameters() -> None:
    runs = made({"mnist1d": 1, "vowels": -4}, few=3)
    leads = leads_of(runs)
    assert analysis.lead(runs, leads, "mnist1d").low > 3.5 and analysis.lead(runs, leads, "vowels").high < -0.5
    assert analysis.shift(runs, leads, "vowels").estimate == pytest.approx(2, abs=0.2)
    assert analysis.trend(runs, leads, "mnist1d").low > 2.5
    assert abs(analysis.trend(runs, leads, "vowels").estimate) < 0.5


def test_each_set_is_judged_against_the_better_cell_and_the_best_baseline() -> None:
    runs = made({"mnist1d": 4, "vowels": -4})
    plain = runs[(runs["cell"] == "lstm") & (runs["task"] == "vowels")].assign(kind="mean", accuracy=0.1)
    base = pd.concat([plain, plain.assign(kind="static", accuracy=0.9)])
    means = 100 * runs[runs["match"] == "width"].groupby(["task", "cell", "examples"])["accuracy"].mean()
    shown = analysis.against(runs, base, "vowels")
    assert np.allclose(shown["baseline"], 90) and np.allclose(shown["cell"], means["vowels", "lstm"])
    assert analysis.gain(runs, runs.assign(accuracy=runs["accuracy"] - 0.02)).estimate == pytest.approx(2)


def test_the_figures_show_every_seed() -> None:
    runs = made({"mnist1d": 4, "vowels": -4}, seeds=3)
    base = runs[runs["cell"] == "lstm"].assign(
        kind=lambda rows: rows["task"].map({"mnist1d": "points", "vowels": "mean"})
    )
    shown = {
        "curves": (plots.draw_learning_curves(runs, base), 24),
        "differences": (plots.draw_differences(analysis.differences(runs), leads_of(runs)), 21),
        "gap": (training.draw_gap(runs), 48),
    }
    for name, (fig, dots) in shown.items():
        assert sum(len(each.get_offsets()) for axis in fig.axes for each in axis.collections) == dots, name
    lines = training.draw_ladder(analysis.by_budget(rungs_of({"mnist1d": 9, "vowels": 4}, {"mnist1d": 2, "vowels": 4})))
    assert [len(axis.containers) for axis in lines.axes] == [2, 2]
    assert len(training.draw_tuning(made_tuning()).axes) == 4


def test_the_tables_say_what_was_not_run_and_what_was_chosen() -> None:
    runs = made({"mnist1d": 4.5, "vowels": -4.5}, seeds=3)
    base = runs[runs["cell"] == "lstm"].assign(kind="points")
    lines = tables.result_table(runs, base, leads_of(runs), "mnist1d").data.splitlines()
    assert lines[2].startswith("| 100 |") and "not\u00a0run" not in lines[2]
    assert lines[3].startswith("| 4,000 |") and "not run" in lines[3]
    assert "bias:1, dropout, 0.01" in tables.settings_table(made_tuning()).data
    still = {"mnist1d": 4.0, "vowels": 4.0}
    tried = {"another budget": made(still)}
    verdict = analysis.verdict(runs, leads_of(runs), rungs_of(still, still), tried)
    weighed = {name: analysis.plain(each) for name, each in tried.items()}
    assert "another budget" in tables.attack_table(verdict, weighed).data
