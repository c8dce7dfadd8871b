"""The chapter on counting: runs that repeat, weights chosen on the training range, numbers that follow from the runs."""

from __future__ import annotations

import math
from functools import partial

import matplotlib.pyplot as plt
import pandas as pd
import pytest
import torch

from evidence.tuning import Tuned
from evidence.verdicts import CONTRADICTED, DEPENDS, SUPPORTED
from experiments.counting import analysis, counters, nesting, strings
from experiments.counting import figures as plots
from experiments.counting import runs as counting
from experiments.counting.generated import captions, words
from experiments.counting.generated import nesting as nesting_words
from experiments.counting.handmade import counting_network
from gatedrnn.layers import Recurrent
from gatedrnn.models import count_parameters, width_of

SHAPE = {"hidden_size": 4, "longest": 5, "tested": 14, "steps": 40, "batch": 8, "learning_rate": 0.03}
NEST = {"hidden_size": 4, "depth": 2, "length": 8, "tested_depth": 5, "tested_length": 20, "steps": 40, "batch": 8}


@pytest.mark.parametrize("cell", analysis.CELLS)
def test_a_run_is_the_same_again_and_reports_no_keyword_as_a_metric(cell: str) -> None:
    given = {**SHAPE, "language": "anbn", "cell": cell, "match": "width", "seed": 3}
    first, again = counting.run(**given), counting.run(**given)
    assert {key: first[key] for key in first if key != "train_seconds"} == {
        key: again[key] for key in again if key != "train_seconds"
    }
    assert not {*first} & {*given}
    assert 1 <= first["fails_at"] <= 15 and 0 < first["fit"] <= 1
    assert first["curves"]["look"] == sorted(first["curves"]["look"])
    assert first["curves"]["horizon"][-1] == first["fails_at"]


def test_equal_parameters_are_nearly_equal() -> None:
    for build in (partial(counting.build, "anbn"), nesting.build):
        widths = {cell: width_of(cell, "parameters", 10, build) for cell in ("lstm", "gru", "relu")}
        sizes = {cell: count_parameters(build(cell, width)) for cell, width in widths.items()}
        assert width_of("gru", "width", 10, build) == 10 < widths["gru"]
        assert all(abs(size / sizes["lstm"] - 1) < 0.08 for size in sizes.values())


def test_what_is_not_allowed_is_refused() -> None:
    with pytest.raises(ValueError, match="match = 'depth' is not allowed: one of 'width', 'parameters'"):
        counting.run(**SHAPE, language="anbn", cell="gru", match="depth", seed=0)
    with pytest.raises(ValueError, match="cell = 'elman' is not allowed"):
        counting.run(**SHAPE, language="anbn", cell="elman", match="width", seed=0)


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
    x, _, _ = strings.strings("anbn", [3])
    assert counters.memory(core, x)[:, 0, 0].tolist() == [1, 2, 3, 2, 1, 0]
    assert counting.evaluate(counting_network(cell, "anbn"), "anbn", 40)["censored"]


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
                {"language": language, "cell": cell, "match": rest[0] if rest else "width", "seed": seed}
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
    assert words.unfailed(rows) == "2 of the 3"
    assert words.unfailed(table(anbn_lstm=[4, 5])) == "none of the 2"
    beside = words.unfailed_beside(table(anbn_lstm=[15, 7], anbn_gru=[3, 4]))
    assert beside == "1 of the 2 LSTMs and none of the 2 GRUs trained twice as long"
    assert "Triangles at the dashed line never failed: 2 of 3 runs." in captions.horizon_caption(rows, 3)
    assert "All 2 runs failed" in captions.horizon_caption(table(anbn_lstm=[4, 5]), 2)


def test_lengths_that_nobody_reached_are_told_in_a_word() -> None:
    tested = {"tested": 300, "longest": 30}
    none = table(anbn_lstm=[97, 70, 35]).assign(**tested, censored=False)
    assert "None gets to 256." in words.settled(none, 30) and "[0," not in words.settled(none, 30)
    assert words.settled_shortly(none, 30).startswith("Of 3 LSTMs 2 are right for every n up to 60")
    assert words.settled_shortly(none, 30).endswith("and none up to 256.")
    some = table(anbn_lstm=[301, 70, 35]).assign(**tested, censored=[True, False, False])
    assert "Right up to 256 are 1 of 3 seeds" in words.settled(some, 30)
    assert "Never failed up to n = 300: 1." in words.settled(some, 30)
    assert "256" not in words.settled(table(anbn_lstm=[9, 12]), 5)
    columns = [
        analysis.horizon_table(each.assign(width=4, parameters=9, learning_rate=1)).data for each in (none, some)
    ]
    assert ["right to n\N{NO-BREAK SPACE}=\N{NO-BREAK SPACE}256" in each for each in columns] == [False, True]


@pytest.mark.parametrize(
    ("fits", "said"),
    [
        ([0, 1, 2, 3, 4, 5, 6, 7], "p = 0.000: a better fit goes"),
        ([0, 2, 1, 5, 4, 7, 3, 6], "p = 0.028: a weak hint that a better fit goes with a longer reach"),
        ([7, 5, 6, 2, 3, 0, 4, 1], "p = 0.028: a weak hint that a better fit does not mean a longer reach"),
        ([3, 0, 7, 4, 1, 6, 5, 2], "no relation can be told"),
    ],
)
def test_a_p_near_the_level_is_a_hint_and_no_more(fits: list[int], said: str) -> None:
    rows = table(anbn_lstm=list(range(1, 9))).assign(fit=fits)
    assert said in words.foretold(rows)
    assert words.foretold(rows[:2]) == "with two seeds no relation can be told"


@pytest.mark.parametrize(
    ("right", "fails", "said"),
    [(0.0, 1, "hides nothing"), (0.06, 1, "still on fewer strings"), (0.5, 1, "worse than it is")],
)
def test_a_harsh_metric_is_blamed_only_where_it_hides_something(right: float, fails: int, said: str) -> None:
    rows = table(anbn_relu=[fails, fails]).assign(right=right, tested=300, longest=30)
    assert said in words.harsh(rows)


def brackets(shift: dict[int, float]) -> pd.DataFrame:
    """Runs on brackets in which the LSTM is ahead of all others by so many hundredths at each depth, the same for all seeds."""
    rows = []
    for cell, match in [*((cell, "width") for cell in analysis.CELLS), ("gru", "parameters")]:
        right = [0.9 + (shift[depth] / 100 if cell == "lstm" else 0) for depth in shift]
        for seed in range(3):
            row = {"cell": cell, "match": match, "seed": seed, "depth": 2, "fails_at": 3, "within": 1.0, "long": 1.0}
            rows.append(row | {"tested_length": 20, "curves": {"depth": list(shift), "right": right}})
    return pd.DataFrame(rows)


@pytest.mark.parametrize(
    ("shift", "turns", "advice"),
    [
        ({2: 0, 3: -2, 4: 5, 5: 5}, "the GRU is ahead at depth 3, the LSTM at depth 4 and 5", "no answer that holds"),
        (
            {2: 0, 3: 2, 4: 5, 5: 5},
            "The LSTM is ahead at depth 3 to 5 (equal width), the GRU at no",
            "speaks for the LSTM",
        ),
        (
            {2: 0, 3: 0, 4: -5, 5: 0},
            "The GRU is ahead at depth 4 (equal width), the LSTM at no",
            "no reason for the LSTM",
        ),
        ({2: 0, 3: 0, 4: 0, 5: 0}, "At no depth beyond the trained", "no reason to prefer"),
    ],
)
def test_nesting_is_told_at_every_depth(shift: dict[int, float], turns: str, advice: str) -> None:
    nests = brackets(shift)
    assert turns in nesting_words.turns(nests)
    assert advice in nesting_words.advice(nests)
    windows = pd.DataFrame({"depth": [2, 3, 4, 5], "right": [1.0, 0.89, 0.5, 0.5], "context": 4})
    assert "GRU at depth 3, of" in nesting_words.on_line(nests, windows)
    assert "no median comes within" in nesting_words.on_line(nests, windows.assign(right=0.5))


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
    pair = [point for point in two if point["cell"] in ("lstm", "gru") and point["match"] == "width"]
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
    texts = words.numbers(runs, tuned, {"asked": less, "longer": less}) | nesting_words.numbers(nests, windows)
    assert all(text.strip() for text in texts.values())
    assert len(analysis.horizon_table(runs).data.splitlines()) == 2 + 10
    assert len(analysis.tidy(runs, base)) == len(runs) + len(base)
    data = analysis.tuning_data({"anbn": Tuned(tunings[0], rates), "dyck2": Tuned(tunings[1], rates)})
    assert set(data["task"]) == {"anbn", "dyck2"}
    verdict = analysis.verdict(runs, less)
    for text in (
        words.made({("lstm", "anbn"): True, ("relu", "anbn"): False}),
        words.sentence(runs, verdict),
        words.counted(verdict),
        captions.horizon_caption(runs, 2),
        captions.horizon_alt(runs),
        captions.counters_alt(followed),
        captions.training_alt(steps),
        captions.nesting_alt(curves),
        captions.tuning_alt({"aⁿbⁿ": tuned, "Dyck-2": tuned}),
    ):
        assert len(text) > 30
