"""The chapter on counting: runs that repeat, weights chosen on the training range, numbers that follow from the runs."""

from __future__ import annotations

import math

import matplotlib.pyplot as plt
import pandas as pd
import pytest
import torch

from gatedrnn import counters
from gatedrnn.analyses import counting as analysis
from gatedrnn.analyses import counting_captions as captions
from gatedrnn.analyses import counting_words as words
from gatedrnn.experiments import counting, nesting
from gatedrnn.handmade import counting_network
from gatedrnn.layers import Recurrent
from gatedrnn.plots import counting as plots
from gatedrnn.tasks import counting_strings
from gatedrnn.tuning import Tuned
from gatedrnn.verdicts import CONTRADICTED, DEPENDS, SUPPORTED

SHAPE = {"hidden_size": 4, "longest": 5, "tested": 14, "steps": 40, "batch": 8, "learning_rate": 0.03}
NEST = {"hidden_size": 4, "depth": 2, "length": 8, "tested_depth": 5, "tested_length": 20, "steps": 40, "batch": 8}


@pytest.mark.parametrize("cell", analysis.CELLS)
def test_a_run_is_the_same_again_and_reports_no_keyword_as_a_metric(cell: str) -> None:
    given = {**SHAPE, "language": "anbn", "cell": cell, "size": "width", "seed": 3}
    first, again = counting.run(**given), counting.run(**given)
    assert {key: first[key] for key in first if key != "train_seconds"} == {
        key: again[key] for key in again if key != "train_seconds"
    }
    assert not {*first} & {*given}
    assert 1 <= first["fails_at"] <= 15 and 0 < first["fit"] <= 1
    assert first["curves"]["look"] == sorted(first["curves"]["look"])
    assert first["curves"]["horizon"][-1] == first["fails_at"]


def test_equal_parameters_are_nearly_equal() -> None:
    for build, width_of in (
        (
            lambda cell, width: counting.build("anbn", cell, width),
            lambda cell, size: counting.width_of("anbn", cell, size, 10),
        ),
        (nesting.build, lambda cell, size: nesting.width_of(cell, size, 10)),
    ):
        sizes = {
            cell: counting.parameters(build(cell, width_of(cell, "parameters"))) for cell in ("lstm", "gru", "relu")
        }
        assert width_of("gru", "width") == 10 < width_of("gru", "parameters")
        assert all(abs(size / sizes["lstm"] - 1) < 0.08 for size in sizes.values())


def test_what_is_not_allowed_is_refused() -> None:
    with pytest.raises(ValueError, match="size = 'depth' is not allowed: one of 'width', 'parameters'"):
        counting.run(**SHAPE, language="anbn", cell="gru", size="depth", seed=0)
    with pytest.raises(ValueError, match="cell = 'elman' is not allowed"):
        counting.run(**SHAPE, language="anbn", cell="elman", size="width", seed=0)


def test_the_weights_of_the_best_look_are_kept_and_training_goes_on_with_its_own() -> None:
    model = torch.nn.Linear(1, 1)
    fits = iter([0.2, 0.7, 0.7, 0.4])
    keeper = counting.Keeper(model, lambda _: next(fits))
    for value in range(4):
        torch.nn.init.constant_(model.weight, float(value))
        keeper.look()
    assert (keeper.best, keeper.at) == (0.7, 2)
    assert keeper.with_best(lambda: model.weight.item()) == 1.0
    assert model.weight.item() == 3.0
    keeper.restore()
    assert model.weight.item() == 1.0


def test_the_fit_is_the_geometric_mean_over_the_scored_steps() -> None:
    logits = torch.tensor([[[0.0, 0.0]], [[0.0, math.log(3)]], [[math.log(9), 0.0]]])  # (T, 1, 2)
    x, y = torch.zeros(3, 1, 1), torch.tensor([[0], [1], [0]])
    scored = torch.tensor([[False], [True], [True]])
    fit = counting.fit_of((x, y, scored))(lambda _: logits)  # type: ignore[arg-type]
    assert fit == pytest.approx(math.sqrt(0.75 * 0.9))
    assert counting.fit_of((x, y, scored))(lambda _: logits * math.nan) == 0.0  # type: ignore[arg-type]


@pytest.mark.parametrize("cell", ["lstm", "relu"])
def test_a_counter_written_by_hand_is_found_and_keeps_its_pace(cell: str) -> None:
    core = counting_network(cell, "anbn").core
    unit, follows = counters.counter(core, "anbn", 9)
    assert (unit, follows) == (0, pytest.approx(1.0))
    assert counters.pace(core, "anbn", 9) == pytest.approx(1.0)
    x, _, _ = counting_strings.strings("anbn", [3])
    assert counters.memory(core, x)[:, 0, 0].tolist() == [1, 2, 3, 2, 1, 0]
    assert counting.examine(counting_network(cell, "anbn"), "anbn", 40)["censored"]


def test_a_bounded_unit_slows_down_and_a_dead_one_has_no_pace() -> None:
    core = Recurrent("rnn", 2, 1)
    with torch.no_grad():
        for each in core.parameters():
            each.zero_()
        assert counters.pace(core, "anbn", 8) == 0 and counters.counter(core, "anbn", 8) == (0, 0.0)
        core.layers[0].weight_ih[0, 0] = 0.05
        core.layers[0].weight_hh.fill_(1.0)
    assert 0 < counters.pace(core, "anbn", 16) < 0.9


def table(**fails: list[int]) -> pd.DataFrame:
    """Runs with the given first failing n, by `language_cell` or `language_gru_parameters`."""
    rows = []
    for name, values in fails.items():
        language, cell, *rest = name.split("_")
        for seed, value in enumerate(values):
            rows.append(
                {"language": language, "cell": cell, "size": rest[0] if rest else "width", "seed": seed}
                | {"fails_at": value, "censored": value > 14, "tested": 14, "longest": 5}
            )
    return pd.DataFrame(rows)


def test_the_verdict_follows_the_ratio_and_names_what_it_hangs_on() -> None:
    far, near = [10, 12, 11, 13, 10, 12], [5, 6, 5, 6, 5, 5]
    runs = {
        "anbn_lstm": far,
        "anbn_gru": near,
        "anbn_gru_parameters": near,
        "anbncn_lstm": far,
        "anbncn_gru": near,
        "anbncn_gru_parameters": near,
    }
    same, other = table(anbn_lstm=far, anbn_gru=near), table(anbn_lstm=near, anbn_gru=near)
    assert analysis.verdict(table(**runs), same).word == SUPPORTED
    assert analysis.verdict(table(**{**runs, "anbn_lstm": near, "anbncn_lstm": near}), other).word == CONTRADICTED
    mixed = analysis.verdict(table(**{**runs, "anbncn_lstm": near}), same)
    assert (mixed.word, mixed.factor) == (DEPENDS, "the language")
    sized = {**runs, "anbn_gru_parameters": far, "anbncn_gru_parameters": far}
    assert analysis.verdict(table(**sized), same).factor == "what is held equal"
    turned = analysis.verdict(table(**runs), other)
    assert (turned.word, turned.factor) == (DEPENDS, "the letters that the loss is on")
    assert analysis.ratio(table(**runs), "anbn").estimate == pytest.approx(2.0, abs=0.2)


def test_censored_runs_count_and_are_told() -> None:
    rows = table(anbn_lstm=[15, 15, 7])
    assert words.fails(rows) == "more than 14 (7 to more than 14)"
    assert words.count(rows, 10).startswith("2 of 3 seeds")
    assert analysis.typical_seed(rows, "lstm") == 0


def test_figures_and_texts_follow_from_the_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    rates = pd.DataFrame({"cell": analysis.CELLS, "learning_rate": 0.03, "score": 0.5})

    def frame(run, points, seeds=2):
        return pd.DataFrame([{**point, "seed": s, **run(**point, seed=s)} for point in points for s in range(seeds)])

    shape = {key: value for key, value in SHAPE.items() if key != "learning_rate"}
    tuned = Tuned(rates, rates)
    two = analysis.points(tuned, analysis.CELLS, language="anbn", **shape)
    three = analysis.points(tuned, analysis.GATED, language="anbncn", **shape)
    assert len(two) == 6 and len(three) == 4
    runs = frame(counting.run, [*two, *three])
    nests = frame(nesting.run, analysis.points(tuned, analysis.CELLS, **NEST))
    pair = [point for point in two if point["cell"] in ("lstm", "gru") and point["size"] == "width"]
    less = frame(counting.run, [{**point, "asked": "determined"} for point in pair])
    base = analysis.baselines(5, 14)
    assert set(base.groupby("language")["fails_at"].max()) == {6}
    monkeypatch.setattr(analysis, "sweep", lambda run, points, seeds, name: frame(run, points, 1))
    followed = analysis.follow(counting.run, [{**point, "shown": n} for point in pair for n in (3, 9)], runs)
    assert followed.groupby(["cell", "shown"])["step"].max().tolist() == [6, 18, 6, 18]
    steps = analysis.progress({"as published": runs, "less": less}, 2)
    curves, windows = analysis.depth_curves(nests), analysis.depth_baseline(4, 5)
    tunings = [each.assign(diverged=False, task="x") for each in (runs[runs["language"] == "anbn"], nests)]
    for fig in (
        plots.draw_horizon(runs, base),
        plots.draw_counters(followed, 5),
        plots.draw_training(steps, 5, 14),
        plots.draw_nesting(curves, windows, 2),
        plots.draw_tuning({"aⁿbⁿ": Tuned(tunings[0], rates), "Dyck-2": Tuned(tunings[1], rates)}),
    ):
        fig.canvas.draw()
        plt.close(fig)
    texts = words.numbers(runs, nests, tuned, {"asked": less})
    assert all(text.strip() for text in texts.values())
    assert len(analysis.horizon_table(runs)) == 10
    assert len(analysis.tidy(runs, base)) == len(runs) + len(base)
    data = analysis.tuning_data({"anbn": Tuned(tunings[0], rates), "dyck2": Tuned(tunings[1], rates)})
    assert set(data["task"]) == {"anbn", "dyck2"}
    verdict = analysis.verdict(runs, less)
    for text in (
        words.beside(nests, windows, 4),
        words.made({("lstm", "anbn"): True, ("relu", "anbn"): False}),
        words.sentence(runs, verdict),
        words.counted(verdict),
        captions.horizon_caption(runs, 2),
        captions.horizon_alt(runs),
        captions.counters_alt(followed),
        captions.training_alt(steps),
        captions.nesting_alt(curves),
        captions.tuning_alt(tuned, tuned),
    ):
        assert len(text) > 30
