"""The chapter on counting: runs that repeat, weights chosen on the training range, answers that follow from the runs."""

from __future__ import annotations

import math
from functools import partial

import matplotlib.pyplot as plt
import pandas as pd
import pytest
import torch

from evidence.swap import exchanged
from evidence.tuning import Tuned
from evidence.verdicts import CONTRADICTED, DEPENDS, SUPPORTED
from experiments.counting import analysis, counters, nesting, strings, tables
from experiments.counting import figures as plots
from experiments.counting import runs as counting
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


FAR, NEAR = [10, 12, 11, 13, 10, 12], [5, 6, 5, 6, 5, 5]
AHEAD = {
    "anbn_lstm": FAR,
    "anbn_gru": NEAR,
    "anbn_gru_parameters": NEAR,
    "anbncn_lstm": FAR,
    "anbncn_gru": NEAR,
    "anbncn_gru_parameters": NEAR,
}
"""First failing n of runs in which the LSTM is ahead in every condition."""


def table(**fails: list[int]) -> pd.DataFrame:
    """Runs with the given first failing n, by `language_cell` or `language_gru_parameters`."""
    rows = []
    for name, values in fails.items():
        language, cell, *rest = name.split("_")
        for seed, value in enumerate(values):
            rows.append(
                {"language": language, "cell": cell, "match": rest[0] if rest else "width", "seed": seed}
                | {"fails_at": value, "censored": value > 14, "tested": 14, "longest": 5, "learned": value > 5}
            )
    return pd.DataFrame(rows)


def test_the_verdict_follows_the_ratio_and_names_what_it_hangs_on() -> None:
    same, other = table(anbn_lstm=FAR, anbn_gru=NEAR), table(anbn_lstm=NEAR, anbn_gru=NEAR)
    assert analysis.verdict(table(**AHEAD), same).word == SUPPORTED
    assert analysis.verdict(table(**{**AHEAD, "anbn_lstm": NEAR, "anbncn_lstm": NEAR}), other).word == CONTRADICTED
    mixed = analysis.verdict(table(**{**AHEAD, "anbncn_lstm": NEAR}), same)
    assert (mixed.word, mixed.factor) == (DEPENDS, "the language")
    sized = {**AHEAD, "anbn_gru_parameters": FAR, "anbncn_gru_parameters": FAR}
    assert analysis.verdict(table(**sized), same).factor == "what is held equal"
    turned = analysis.verdict(table(**AHEAD), other)
    assert (turned.word, turned.factor) == (DEPENDS, "the letters that the loss is on")


def test_its_evidence_is_a_ratio_by_condition_each_with_its_own_test() -> None:
    found = analysis.evidence(table(**AHEAD), table(anbn_lstm=NEAR, anbn_gru=NEAR))
    *four, fifth = found.values()
    assert len(four) == 4
    assert all(each.interval.low > 1.25 and each.p is not None and each.p < 0.05 for each in four)
    assert fifth.interval.estimate == 1 and list(found)[-1].endswith("loss on the determined letters")
    assert analysis.ratio(table(**AHEAD), "anbn").estimate == pytest.approx(2.0, abs=0.2)
    assert analysis.leads(table(**AHEAD), "anbn") == 6


def test_exchanging_the_cells_turns_the_evidence_round(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BOOK_SWAP", "1")
    runs = table(**AHEAD)
    turned = exchanged(runs, ["language", "cell", "match", "seed", "tested", "longest"])
    for language in analysis.LANGUAGES:
        for match in analysis.EQUAL:
            before, after = (analysis.ratio(each, language, match) for each in (runs, turned))
            assert after.estimate == pytest.approx(1 / before.estimate)
    assert analysis.leads(turned, "anbncn") == 0
    assert analysis.verdict(turned, table(anbn_lstm=NEAR, anbn_gru=NEAR)).word == CONTRADICTED


def test_the_loss_moves_the_lead_only_where_the_ratio_changes() -> None:
    runs = table(anbn_lstm=FAR, anbn_gru=NEAR)
    moved = analysis.shift(runs, table(anbn_lstm=NEAR, anbn_gru=NEAR))
    assert moved.interval.estimate == pytest.approx(2.0, abs=0.2)
    assert moved.interval.low > 1.5 and moved.p is not None and moved.p < 0.05
    still = analysis.shift(runs, table(anbn_lstm=[2 * n for n in FAR], anbn_gru=[2 * n for n in NEAR]))
    assert still.interval.estimate == pytest.approx(1.0) and still.p == 1.0


def test_pairs_are_formed_by_seed_in_whatever_order_the_runs_come() -> None:
    runs = table(anbn_lstm=[8, 12, 4], anbn_gru=[4, 6, 2])
    shuffled = runs.iloc[[5, 0, 4, 2, 1, 3]]
    assert analysis.ratio(shuffled, "anbn").low == analysis.ratio(runs, "anbn").high == pytest.approx(2.0)


def test_censored_runs_count_and_are_told() -> None:
    rows = table(anbn_lstm=[15, 15, 7])
    assert tables.reach(rows["fails_at"], 14).replace(tables.NBSP, " ") == "> 14 (7 to > 14)"
    assert analysis.typical_seed(rows, "lstm") == 0
    assert analysis.further(analysis.select(rows, "lstm"), analysis.select(rows, "lstm")).estimate == 1


def test_only_rates_that_both_cells_tried_are_compared() -> None:
    rows = [("lstm", 0.1, 9), ("lstm", 0.2, 7), ("lstm", 0.4, 1), ("gru", 0.1, 3), ("gru", 0.2, 4), ("gru", 0.05, 8)]
    runs = pd.DataFrame(rows, columns=["cell", "learning_rate", "fails_at"])
    assert analysis.spread(Tuned(runs, runs)) == (7, 4)


def test_a_length_that_nobody_reached_has_no_column() -> None:
    shape = {"width": 4, "parameters": 9, "learning_rate": 1, "tested": 300, "longest": 30}
    none = table(anbn_lstm=[97, 70, 35]).assign(**shape, asked="all")
    some = table(anbn_lstm=[301, 70, 35]).assign(**shape, asked="all")
    heads = [tables.horizon_table(each, each.assign(asked="determined")).data for each in (none, some)]
    assert ["= 256".replace(" ", tables.NBSP) in each for each in heads] == [False, True]
    assert "| aⁿbⁿ, determined letters | LSTM | 4 | 9 | 1 |" in heads[0]
    assert "2/3" in heads[0]


def test_growth_between_the_last_two_looks_is_that_of_the_medians() -> None:
    runs = table(anbn_lstm=[20, 30, 10], anbn_gru=[5, 5, 5])
    runs["curves"] = [{"look": [2, 4], "horizon": [n // 2 if n > 5 else n, n]} for n in runs["fails_at"]]
    rise = tables.last_rise(tables.progress({"a": runs, "b": runs.assign(fails_at=1)}), "a")
    assert rise.to_dict() == {"gru": 1.0, "lstm": 2.0}


def brackets(shift: dict[int, float]) -> pd.DataFrame:
    """Runs on brackets in which the LSTM is ahead of all others by so many points at each depth, the same for all seeds."""
    rows = []
    for cell, match in [*((cell, "width") for cell in analysis.CELLS), ("gru", "parameters")]:
        right = [0.9 + (shift[depth] / 100 if cell == "lstm" else 0) for depth in shift]
        for seed in range(3):
            row = {"cell": cell, "match": match, "seed": seed, "depth": 2}
            rows.append(row | {"curves": {"depth": list(shift), "right": right}})
    return pd.DataFrame(rows)


def test_brackets_are_compared_at_every_depth_and_either_way_to_hold_equal() -> None:
    shift = {2: 0.0, 3: -2.0, 4: 5.0}
    nests = brackets(shift)
    found = analysis.depth_differences(nests)
    for match in analysis.EQUAL:
        part = found[found["match"] == match].set_index("depth")
        assert part["estimate"].to_dict() == pytest.approx(shift)
        assert (part["low"] <= part["estimate"]).all() and (part["estimate"] <= part["high"]).all()
    assert analysis.medians_at(nests, 4)["lstm"] == pytest.approx(95)
    assert analysis.medians_at(nests, 4).drop("lstm").tolist() == pytest.approx([90] * 4)


def frame(run, points, seeds=2):
    """Runs as a sweep makes them, without a store."""
    return pd.DataFrame([{**point, "seed": s, **run(**point, seed=s)} for point in points for s in range(seeds)])


@pytest.fixture(scope="module")
def ran() -> dict[str, pd.DataFrame]:
    """Runs of every kind that the chapter has, very small."""
    rates = pd.DataFrame({"cell": analysis.CELLS, "learning_rate": 0.03, "score": 0.5})
    tuned = Tuned(rates, rates)
    shape = {key: value for key, value in SHAPE.items() if key != "learning_rate"}
    two = analysis.points(tuned, analysis.CELLS, language="anbn", asked="all", **shape)
    three = analysis.points(tuned, analysis.GATED, language="anbncn", asked="all", **shape)
    assert len(two) == 6 and len(three) == 4
    pair = [point for point in two if point["cell"] in ("lstm", "gru") and point["match"] == "width"]
    return {
        "runs": frame(counting.run, [*two, *three]),
        "less": frame(counting.run, [{**point, "asked": "determined"} for point in pair]),
        "nests": frame(nesting.run, analysis.points(tuned, analysis.CELLS, **NEST)),
    }


def test_figures_draw_what_was_run(ran: dict[str, pd.DataFrame], monkeypatch: pytest.MonkeyPatch) -> None:
    runs, less, nests = ran["runs"], ran["less"], ran["nests"]
    base = analysis.baselines(5, 14)
    assert set(base.groupby("language")["fails_at"].max()) == {6}
    monkeypatch.setattr(analysis, "sweep", lambda run, points, seeds, name: frame(run, points, 1))
    names = [*SHAPE, "language", "cell", "match"]
    drawn = less[names].drop_duplicates().assign(shown=3).to_dict("records")
    followed = analysis.follow(counting.run, [{**point, "shown": n} for point in drawn for n in (3, 9)], runs)
    assert followed.groupby(["cell", "shown"])["step"].max().tolist() == [6, 18, 6, 18]
    rates = pd.DataFrame({"cell": analysis.CELLS, "learning_rate": 0.03, "score": 0.5})
    tunings = [each.assign(diverged=False) for each in (runs[runs["language"] == "anbn"], nests)]
    steps = tables.progress({"as reported": runs, "determined letters": less})
    curves, windows = tables.depth_curves(nests), analysis.depth_baseline(4, 5)
    for fig in (
        plots.draw_horizon(runs, less, base),
        plots.draw_counters(followed, 5),
        plots.draw_training(steps, 5, 14),
        plots.draw_nesting(curves, analysis.depth_differences(nests), windows, 2),
        plots.draw_tuning({"aⁿbⁿ": Tuned(tunings[0], rates), "Dyck-2": Tuned(tunings[1], rates)}),
    ):
        fig.canvas.draw()
        plt.close(fig)


def test_tables_hold_every_run(ran: dict[str, pd.DataFrame]) -> None:
    runs, less, nests = ran["runs"], ran["less"], ran["nests"]
    base = analysis.baselines(5, 14)
    assert len(tables.tidy(runs, less, base)) == len(runs) + len(less) + len(base)
    assert len(tables.horizon_table(runs, less).data.splitlines()) == 2 + 10 + 2
    at = tables.summary({"all": runs, "determined": less})
    assert at["seeds"].sum() == len(runs) + len(less) and (at["seeds"] == 2).all()
    row = runs[(runs["cell"] == "gru") & (runs["match"] == "width") & (runs["language"] == "anbn")]
    assert at.loc[("all", "anbn", "gru", "width"), "middle"] == row["fails_at"].median()
    assert at.loc[("all", "anbn", "gru", "width"), "clipped"] == pytest.approx(row["clipped"].mean())
    best = pd.DataFrame({"cell": analysis.CELLS})
    data = tables.tuning_data({"a": Tuned(runs, best), "b": Tuned(nests, best)})
    assert len(data) == len(runs) + len(nests) and data["misfit"].between(0, 100).all()
    curves = tables.depth_curves(nests)
    assert len(curves) == 4 * len(nests) and curves["right"].between(0, 100).all()
