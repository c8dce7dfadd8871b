"""The chapter on small data: fair draws, equal budgets, and numbers that follow from the runs."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest
import torch

from gatedrnn.analyses import data_size as analysis
from gatedrnn.analyses import data_size_captions as captions
from gatedrnn.experiments import data_size as experiment
from gatedrnn.plots import data_size as plots
from gatedrnn.tasks import mnist1d, vowels
from gatedrnn.verdicts import decide

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
    given = {**QUICK, "task": task, "cell": cell, "size": "width", "examples": 36, "seed": 1}
    first, again = experiment.run(**given), experiment.run(**given)
    assert first["curves"] == again["curves"] and first["steps_taken"] == 4
    assert 0 <= first["accuracy"] <= 1 and len(first["curves"]["step"]) == experiment.LOOKS
    assert not {*first} & {*given}


def test_equal_parameters_are_nearly_equal() -> None:
    given = {**QUICK, "task": "vowels", "examples": 18, "seed": 0, "hidden_size": 32, "steps": 1}
    lstm = experiment.run(**given, cell="lstm", size="width")
    gru = experiment.run(**given, cell="gru", size="parameters")
    assert gru["width"] > lstm["width"] and abs(gru["parameters"] / lstm["parameters"] - 1) < 0.03


def test_padding_does_not_change_an_answer() -> None:
    drawn, _ = experiment.data("vowels", 18, 0, False, 4)
    x, lengths, _ = drawn
    torch.manual_seed(0)
    model = experiment.Classifier(experiment.Ablated("lstm", 12, 5, 1.0), 9)
    noisy = torch.where((torch.arange(29).unsqueeze(1) < lengths).unsqueeze(-1), x, torch.randn_like(x))
    assert torch.allclose(model(x, lengths), model(noisy, lengths), atol=1e-6)


@pytest.mark.parametrize(("name", "value"), [("task", "speech"), ("cell", "rnn"), ("size", "equal")])
def test_a_run_refuses_by_name(name: str, value: str) -> None:
    given = {**QUICK, "task": "vowels", "cell": "gru", "size": "width", "examples": 18, "seed": 0}
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
            for cell, size, more in (
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
                    "size": size,
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


def test_differences_are_paired_by_seed() -> None:
    table = analysis.differences(made({"mnist1d": 4, "vowels": -1}))
    assert len(table) == 80
    assert analysis.at(table, "mnist1d", "width", 100).mean() == pytest.approx(4, abs=0.2)
    assert analysis.at(table, "vowels", "parameters", 45).mean() == pytest.approx(1, abs=0.2)
    assert analysis.pairing(made({"mnist1d": 4, "vowels": -1})) > 10


def test_only_small_training_sets_count_for_the_verdict() -> None:
    found = analysis.evidence(analysis.differences(made({"mnist1d": 4, "vowels": 4})))
    assert len(found) == 6 and not any("4000" in name for name in found)
    assert decide("P6", found).word == "supported"


def test_the_factor_is_what_tells_the_words_apart() -> None:
    verdict = decide("P6", analysis.evidence(analysis.differences(made({"mnist1d": 4, "vowels": -4}))))
    assert verdict.word == "depends" and analysis.factor(verdict.strata) == "the task"
    verdict = decide("P6", analysis.evidence(analysis.differences(made({"mnist1d": 0, "vowels": 0}))))
    assert analysis.factor(verdict.strata) == "what is held equal"


def test_the_sentences_follow_the_numbers() -> None:
    table = analysis.differences(made({"mnist1d": 4, "vowels": -4}))
    assert "the GRU leads at equal width by +4." in analysis.finding(table, "mnist1d")
    assert "the LSTM leads at equal width by −4." in analysis.finding(table, "vowels")
    assert "so the count has a part in it" in analysis.cause(table)
    assert "no larger and no smaller" in analysis.trend_text(table, "mnist1d")


def test_rates_come_from_the_nearest_tuned_size() -> None:
    assert [analysis.nearest([100, 500, 2000], n) for n in (45, 100, 250, 1000, 4000)] == [100, 100, 500, 2000, 2000]


def test_the_figures_show_every_seed() -> None:
    runs = made({"mnist1d": 4, "vowels": -4}, seeds=3)
    base = runs[runs["cell"] == "lstm"].assign(
        kind=lambda rows: rows["task"].map({"mnist1d": "points", "vowels": "mean"})
    )
    shown = {
        "curves": (plots.draw_learning_curves(runs, base), 36),
        "differences": (plots.draw_differences(analysis.differences(runs)), 24),
        "gap": (plots.draw_gap(runs), 48),
    }
    for name, (fig, dots) in shown.items():
        assert sum(len(each.get_offsets()) for axis in fig.axes for each in axis.collections) == dots, name


def test_a_size_without_equal_parameters_says_so() -> None:
    runs = made({"mnist1d": 4.5, "vowels": -4.5}, seeds=3)
    runs = runs[(runs["size"] == "width") | (runs["examples"] <= analysis.SMALL)]
    base = runs[runs["cell"] == "lstm"].assign(kind="points")
    lines = captions.result_table(runs, base, "mnist1d").data.splitlines()
    assert lines[2].startswith("| 100 |") and "not run" not in lines[2]
    assert lines[3].startswith("| 4000 |") and "not run" in lines[3]
    told = captions.differences_alt(analysis.differences(runs))
    assert "MNIST-1D, equal width, 4000 sequences: +4." in told and "equal parameters, 4000" not in told
