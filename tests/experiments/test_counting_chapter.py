"""The chapter on counting: runs that repeat, weights chosen on the training range, answers that follow from the runs."""

from __future__ import annotations

import math
from functools import partial

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import torch

from evidence.swap import exchanged
from evidence.tuning import Tuned
from evidence.verdicts import CONTRADICTED, DEPENDS, LEFT_OUT, NOT_TRAINED, SUPPORTED
from experiments.counting import analysis, counters, depths, grids, nesting, strings, tables
from experiments.counting import figures as plots
from experiments.counting import runs as counting
from experiments.counting import training_figures as training
from experiments.counting.handmade import counting_network
from gatedrnn.layers import Recurrent
from gatedrnn.models import count_parameters, width_of

CELLS = ("lstm", "gru", "gru_before", "rnn", "relu")
SHAPE = {"hidden_size": 4, "longest": 5, "tested": 14, "steps": 40, "batch": 8, "learning_rate": 0.03}
NEST = {"hidden_size": 4, "depth": 2, "length": 8, "tested_depth": 5, "tested_length": 20, "steps": 40, "batch": 8}


@pytest.mark.parametrize("cell", CELLS)
def test_a_run_is_the_same_again_and_reports_no_keyword_as_a_metric(cell: str) -> None:
    given = {**SHAPE, "language": "anbn", "cell": cell, "match": "width", "seed": 3}
    first, again = counting.run(**given), counting.run(**given)
    assert {key: first[key] for key in first if key != "train_seconds"} == {
        key: again[key] for key in again if key != "train_seconds"
    }
    assert not {*first} & {*given}
    assert 1 <= first["fails_at"] <= 15 and 0 < first["fit"] <= 1
    assert len(first["curves"]["step"]) == len(first["curves"]["fit"]) == counting.POINTS
    assert first["curves"]["step"][-1] == SHAPE["steps"]
    assert max(first["curves"]["fit"]) <= first["fit"] + 1e-5


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
    found = []
    for value in range(4):
        torch.nn.init.constant_(model.weight, float(value))
        found.append(keeper.look())
    assert found == [0.2, 0.7, 0.7, 0.4]
    assert (keeper.best, keeper.at) == (0.7, 2)
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


@pytest.mark.parametrize("run", [counting.run, nesting.run])
def test_chrono_takes_the_longest_string_that_was_trained_on(run) -> None:
    given = {"cell": "lstm", "match": "width", "learning_rate": 0.03, "seed": 1}
    given |= {**SHAPE, "language": "anbncn"} if run is counting.run else NEST
    given["learning_rate"] = 0.03
    named = run(**given, start="chrono:15" if run is counting.run else "chrono:8")
    plain, timed = (run(**given, start=start)["fit"] for start in ("default", "chrono"))
    assert timed == named["fit"] != plain


def test_no_clipping_and_more_kinds_of_brackets_change_a_run() -> None:
    given = {**SHAPE, "language": "anbn", "cell": "lstm", "match": "width", "seed": 3, "learning_rate": 0.3}
    cut, whole = (counting.run(**given, clip=clip) for clip in (0.1, 1e9))
    assert cut["clipped"] > 0.5 and whole["clipped"] == 0 and cut["fit"] != whole["fit"]
    three = nesting.run(**NEST, kinds=3, cell="lstm", match="width", learning_rate=0.03, seed=1)
    two = nesting.run(**NEST, cell="lstm", match="width", learning_rate=0.03, seed=1)
    assert three["parameters"] > two["parameters"]
    assert three["curves"]["right"][0] < 0.9  # a guess among three is right less often


FAR, NEAR = [10, 12, 11, 13, 10, 12], [5, 6, 5, 6, 5, 5]


def table(**fails: list[int]) -> pd.DataFrame:
    """Runs with the given first failing n, by `language_asked_cell` or `language_asked_gru_parameters`."""
    rows = []
    for name, values in fails.items():
        language, asked, cell, *rest = name.split("_")
        for seed, value in enumerate(values):
            rows.append(
                {
                    "language": language,
                    "asked": asked,
                    "cell": cell,
                    "match": rest[0] if rest else "width",
                    "seed": seed,
                }
                | {"fails_at": value, "censored": value > 14, "tested": 14, "longest": 5, "learned": value > 5}
            )
    return pd.DataFrame(rows)


def both(lstm: list[int], gru: list[int], **other: list[int]) -> pd.DataFrame:
    """Both cells in all conditions that the chapter weighs; `other`: what differs."""
    fails = {}
    for place in grids.STRINGS:
        name = f"{place['language']}_{place['asked']}"
        fails |= {f"{name}_lstm": lstm, f"{name}_gru": gru}
        if place["asked"] == "all":
            fails[f"{name}_gru_parameters"] = gru
    return table(**{**fails, **other})


def verdict(runs: pd.DataFrame, tried: dict[str, pd.DataFrame] | None = None):
    """On runs that do as well with a quarter of the steps."""
    return analysis.verdict(runs, tried or {}, analysis.climb(pd.concat([runs.assign(steps=each) for each in (1, 4)])))


def test_the_verdict_follows_the_ratio_and_names_what_it_hangs_on() -> None:
    same = both(FAR, NEAR)
    assert verdict(same).word == SUPPORTED
    assert verdict(both(NEAR, NEAR)).word == CONTRADICTED
    mixed = verdict(both(FAR, NEAR, anbncn_all_lstm=NEAR, anbncn_determined_lstm=NEAR))
    assert (mixed.word, mixed.factor) == (DEPENDS, "the language")
    sized = {f"{language}_all_gru_parameters": FAR for language in analysis.LANGUAGES}
    assert verdict(both(FAR, NEAR, **sized)).factor == "what is held equal"
    scored = {f"{language}_determined_lstm": NEAR for language in analysis.LANGUAGES}
    turned = verdict(both(FAR, NEAR, **scored))
    assert turned.text == "depends (on the letters that the loss is on)"
    assert turned.p is not None and turned.p < 0.05


def test_a_ladder_that_moves_and_an_attack_that_turns_the_answer_say_so() -> None:
    same = both(FAR, NEAR)
    width = same[same["match"] == "width"]
    stood = verdict(same, {"rate × 3": width})
    assert (stood.word, [each.outcome for each in stood.attacks]) == (SUPPORTED, ["stands"])
    fallen = verdict(same, {"another start": both(NEAR, NEAR).query("match == 'width'")})
    assert fallen.word == DEPENDS and "start" in str(fallen.factor)
    shown = tables.attack_table(stood, {"rate × 3": analysis.evidence(width)}).data.splitlines()
    assert len(shown) == 2 + 4 + 1 and shown[-1].endswith("| stands |")


def test_its_evidence_is_a_ratio_by_condition_each_with_its_own_test() -> None:
    found = analysis.evidence(both(FAR, NEAR, anbn_determined_lstm=NEAR))
    assert len(found) == 6
    ahead = {name: each for name, each in found.items() if each.interval.low > 1.25}
    assert len(ahead) == 5 and all(each.p is not None and each.p < 0.05 for each in ahead.values())
    assert found["aⁿbⁿ, equal width, loss on the determined letters"].interval.estimate == 1
    of = {"language": "anbn", "asked": "all"}
    assert analysis.ratio(both(FAR, NEAR), **of).estimate == pytest.approx(2.0, abs=0.2)
    assert analysis.medians(both(FAR, NEAR), **of) == pytest.approx(11.5 / 5)
    assert analysis.leads(both(FAR, NEAR), **of) == 6


def test_a_run_that_trips_moves_the_mean_ratio_and_not_that_of_the_medians() -> None:
    tripped = table(anbn_all_lstm=FAR, anbn_all_gru=[1, *NEAR[1:]])
    whole = table(anbn_all_lstm=FAR, anbn_all_gru=NEAR)
    assert analysis.ratio(tripped).estimate > 1.25 * analysis.ratio(whole).estimate
    assert analysis.medians(tripped) == analysis.medians(whole)


def test_exchanging_the_cells_turns_the_evidence_round(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BOOK_SWAP", "1")
    runs = both(FAR, NEAR)
    turned = exchanged(runs, ["language", "asked", "cell", "match", "seed", "tested", "longest"])
    for name, of in analysis.conditions(runs).items():
        before, after = (analysis.ratio(each, **of) for each in (runs, turned))
        assert after.estimate == pytest.approx(1 / before.estimate), name
    assert analysis.leads(turned, language="anbncn", asked="all") == 0
    assert verdict(turned).word == CONTRADICTED


def test_the_loss_moves_the_lead_only_where_the_ratio_changes() -> None:
    scored = {f"{language}_determined_lstm": NEAR for language in analysis.LANGUAGES}
    moved = analysis.shift(both(FAR, NEAR, **scored))
    assert moved.interval.estimate == pytest.approx(2.0, abs=0.2)
    assert moved.interval.low > 1.5 and moved.p is not None and moved.p < 0.05
    still = analysis.shift(both(FAR, NEAR))
    assert still.interval.estimate == pytest.approx(1.0) and still.p == 1.0


def test_pairs_are_formed_by_seed_in_whatever_order_the_runs_come() -> None:
    runs = table(anbn_all_lstm=[8, 12, 4], anbn_all_gru=[4, 6, 2])
    shuffled = runs.iloc[[5, 0, 4, 2, 1, 3]]
    assert analysis.ratio(shuffled).low == analysis.ratio(runs).high == pytest.approx(2.0)
    fewer = runs[(runs["cell"] == "gru") | (runs["seed"] < 2)]
    assert analysis.ratio(fewer).n == 2


def test_a_pair_counts_among_the_learned_only_if_both_of_it_learned() -> None:
    runs = table(anbn_all_lstm=[8, 12, 4, 100], anbn_all_gru=[4, 6, 2, 1])
    found = analysis.among_learned(runs.assign(learned=~((runs["cell"] == "gru") & (runs["seed"] == 3))))
    assert {name: each.estimate for name, each in found.items()} == {"aⁿbⁿ, loss on every letter": pytest.approx(2.0)}
    assert analysis.among_learned(runs.assign(learned=runs["seed"] == 0)) == {}, "one pair has no interval"


def test_censored_runs_count_as_failing_right_after_the_longest_string_and_are_told() -> None:
    rows = table(anbn_all_lstm=[15, 15, 7], anbn_all_gru=[5, 5, 7])
    assert tables.reach(rows["fails_at"].iloc[:3], 14).replace(tables.NBSP, " ") == "> 14 (7 to > 14)"
    assert analysis.typical_seed(rows, "lstm") == 0
    assert analysis.ratio(rows).estimate == pytest.approx(9 ** (1 / 3))


def climbed(*factors: float) -> pd.DataFrame:
    """A ladder on which the ratio is so many times that of `FAR` and `NEAR`, at four times the budget each."""
    parts = [both([round(1000 * n * factor) for n in FAR], [1000 * n for n in NEAR]) for factor in factors]
    return analysis.climb(pd.concat([part.assign(steps=4**place) for place, part in enumerate(parts)]))


def test_a_condition_whose_ratio_may_still_cross_the_margin_is_left_out() -> None:
    runs = both(FAR, NEAR)
    assert analysis.verdict(runs, {}, climbed(0.5, 1, 1)).word == SUPPORTED
    assert analysis.verdict(runs, {}, climbed(0.5, 0.6, 1)).word == SUPPORTED, "it moves away from the margin"
    falling = analysis.verdict(runs, {}, climbed(2.0, 2.0, 1))
    assert falling.word == NOT_TRAINED and {each.left_out for each in falling.strata} == {NOT_TRAINED}
    assert set(analysis.rungs(runs, climbed(1, 1, 1))) == {each.name for each in falling.strata}


def test_the_best_of_all_rates_and_starts_is_told_by_cell() -> None:
    rows = [
        ("lstm", "default", 0.1, 9),
        ("lstm", "chrono", 0.2, 70),
        ("gru", "default", 0.1, 30),
        ("gru", "chrono", 0.2, 4),
    ]
    rows += [("gru", "chrono", 0.2, 6)]
    runs = pd.DataFrame(rows, columns=["cell", "start", "learning_rate", "fails_at"])
    assert [analysis.latest(Tuned(runs, runs), cell) for cell in ("gru", "lstm")] == [30, 70]


def chosen(places=grids.STRINGS, starts=("default", "chrono")) -> Tuned:
    """A tuning in which chrono is better for the GRU, the default for the LSTM."""
    rows = []
    for case in grids.cases(places, starts):
        fits = (case["start"] == "chrono") == (case["cell"] == "gru")
        rows.append({**case, "learning_rate": 0.03 if case["cell"] == "lstm" else 0.1, "score": 0.5 + 0.4 * fits})
    best = pd.DataFrame(rows)
    return Tuned(best.assign(fit=best["score"], seed=1000, steps=40, diverged=False, fails_at=5), best)


def test_each_cell_gets_its_best_start_and_under_attack_the_second() -> None:
    tuned = chosen()
    best = grids.ranked(tuned, 0)
    assert len(best) == 2 * len(grids.STRINGS)
    assert best.groupby("cell")["start"].unique().map(list).to_dict() == {"gru": ["chrono"], "lstm": ["default"]}
    fixed = {"hidden_size": 4, "steps": 40}
    second = grids.attacked("another start", tuned, **fixed)
    assert {(each["cell"], each["start"]) for each in second} == {("lstm", "chrono"), ("gru", "default")}


@pytest.mark.parametrize(
    ("name", "changed"),
    [
        ("rate × 3", {"learning_rate": 0.09}),
        ("rate ÷ 3", {"learning_rate": 0.01}),
        ("width × 2", {"hidden_size": 8}),
        ("no clipping", {"clip": 1e9}),
        ("another task", {"kinds": 3}),
    ],
)
def test_an_attack_changes_what_it_says_and_nothing_else(name: str, changed: dict) -> None:
    tuned, fixed = chosen(), {"hidden_size": 4, "steps": 40}
    plain = grids.points(grids.ranked(tuned, 0), **fixed)
    for before, after in zip(plain, grids.attacked(name, tuned, **fixed), strict=True):
        found = {key: value for key, value in after.items() if before.get(key) != value}
        assert set(found) == set(changed)
        if before["cell"] == "lstm":
            assert found == changed


def test_companions_take_the_start_of_the_gru_where_they_have_gates() -> None:
    best = grids.ranked(chosen(), 0)
    places = [place for place in grids.STRINGS if place["asked"] == "all"]
    found = grids.companions(best, places, ["gru_before", "rnn"])
    assert [(each["cell"], each["match"], each["start"]) for each in found] == [
        ("gru", "parameters", "chrono"),
        ("gru", "parameters", "chrono"),
        ("gru_before", "width", "chrono"),
        ("rnn", "width", "default"),
    ]
    assert [each["language"] for each in found] == ["anbn", "anbncn", "anbn", "anbn"]
    one = grids.ranked(chosen(grids.BRACKETS), 0)
    assert [{*each} for each in grids.companions(one, grids.BRACKETS, ["relu"])] == 2 * [{"cell", "match", "start"}]


def test_a_length_that_nobody_reached_has_no_column() -> None:
    shape = {"width": 4, "parameters": 9, "learning_rate": 1, "start": "chrono", "diverged": False}
    heads = []
    for most in (97, 301):
        rows = table(anbn_determined_lstm=[most, 70, 35]).assign(**shape, tested=300, longest=30)
        heads.append(tables.horizon_table(rows).data)
    assert ["right to 256" in each for each in heads] == [False, True]
    assert "| aⁿbⁿ, determined letters | LSTM | 4, 9 | chrono, 1 |" in heads[0]
    assert "2/3" in heads[0]


def ladder(nests: pd.DataFrame) -> pd.DataFrame:
    """The same runs at two budgets."""
    return pd.concat([nests.assign(steps=10), nests], ignore_index=True)


def brackets(shift: dict[int, float], long: float = 0.9, steps: int = 40) -> pd.DataFrame:
    """Runs on brackets in which the LSTM is ahead of all others by so many points at each depth, the same for all seeds."""
    rows = []
    for cell, match in [*((cell, "width") for cell in CELLS), ("gru", "parameters")]:
        right = [0.9 + (shift[depth] / 100 if cell == "lstm" else 0) for depth in shift]
        for seed in range(6):
            row = {"cell": cell, "match": match, "seed": seed, "depth": 2, "long": long, "steps": steps}
            rows.append(row | {"curves": {"depth": list(shift), "right": right}})
    return pd.DataFrame(rows)


def test_brackets_are_compared_at_every_depth_and_either_way_to_hold_equal() -> None:
    shift = {2: 0.0, 3: -2.0, 4: 5.0}
    nests = brackets(shift)
    found = depths.by_depth(nests)
    for match in analysis.EQUAL:
        part = found[found["match"] == match].set_index("depth")
        assert part["estimate"].to_dict() == pytest.approx(shift)
        assert (part["low"] <= part["estimate"]).all() and (part["estimate"] <= part["high"]).all()
    assert depths.medians_at(nests, 4)["lstm"] == pytest.approx(95)
    assert depths.medians_at(nests, 4).drop("lstm").tolist() == pytest.approx([90] * 4)


def test_the_verdict_on_depth_weighs_deeper_and_longer_strings_apart() -> None:
    nests = brackets({2: 0.0, 4: 5.0})
    found = depths.verdict(nests, {}, ladder(nests))
    words = {each.name: each.word for each in found.strata}
    assert len(words) == 4 and found.word == DEPENDS and found.p is not None and found.p < 0.05
    assert {word for name, word in words.items() if "deep" in name} == {SUPPORTED}
    assert {word for name, word in words.items() if "long" in name} == {CONTRADICTED}
    full = brackets({2: 0.0, 4: 5.0}, long=1.0)
    full = depths.verdict(full, {"another task": nests}, ladder(full))
    assert [each.word for each in full.strata].count(LEFT_OUT) == 2
    assert full.word == SUPPORTED and [each.name for each in full.attacks] == ["another task"]
    rising = pd.concat([brackets({2: 0.0, 4: 9.0}, steps=10), nests])
    deep = [each for each in depths.verdict(nests, {}, rising).strata if "deep" in each.name]
    assert {each.left_out for each in deep} == {NOT_TRAINED}, "once more as it moved it would be below the margin"


def test_the_ladder_on_brackets_is_in_points_by_condition() -> None:
    both = pd.concat([brackets({2: 0.0, 4: shift}, steps=steps) for shift, steps in ((1.0, 10), (4.0, 40))])
    found = depths.ladders(both)
    assert found["brackets, twice as deep"].moved == pytest.approx(3.0)
    assert found["brackets, long"].flat


def frame(run, points, seeds=2):
    """Runs as a sweep makes them, without a store."""
    return pd.DataFrame([{**point, "seed": s, **run(**point, seed=s)} for point in points for s in range(seeds)])


@pytest.fixture(scope="module")
def ran() -> dict[str, pd.DataFrame]:
    """Runs of every kind that the chapter has, very small."""
    shape = {key: value for key, value in SHAPE.items() if key != "learning_rate"}
    best = grids.ranked(chosen(), 0)
    every = [place for place in grids.STRINGS if place["asked"] == "all"]
    beside = pd.DataFrame(grids.companions(best, every, CELLS[2:])).assign(learning_rate=0.03)
    one = grids.ranked(chosen(grids.BRACKETS), 0)
    others = pd.DataFrame(grids.companions(one, grids.BRACKETS, CELLS[2:])).assign(learning_rate=0.03)
    points = [*grids.points(best, **shape), *grids.points(beside, **shape)]
    assert len(points) == 8 + 2 + 3
    return {
        "runs": frame(counting.run, points),
        "below": frame(counting.run, grids.rungs(best, [4, 16], **{**shape, "steps": 0})),
        "nests": frame(nesting.run, [*grids.points(one, **NEST), *grids.points(others, **NEST)]),
    }


def test_figures_draw_what_was_run(ran: dict[str, pd.DataFrame], monkeypatch: pytest.MonkeyPatch) -> None:
    runs, nests = ran["runs"], ran["nests"]
    base = analysis.baselines(5, 10)
    assert set(base.groupby("language")["fails_at"].max()) == {6}
    monkeypatch.setattr(analysis, "sweep", lambda run, points, seeds, name: frame(run, points, 1))
    pair = runs[(runs["language"] == "anbn") & (runs["asked"] == "all") & (runs["match"] == "width")]
    names = [*SHAPE, "language", "asked", "cell", "match", "start"]
    drawn = pair[pair["cell"].isin(grids.GATED)][names].drop_duplicates().to_dict("records")
    followed = analysis.follow(counting.run, [{**point, "shown": n} for point in drawn for n in (3, 9)], pair)
    assert followed.groupby(["cell", "shown"])["step"].max().tolist() == [6, 18, 6, 18]
    top = runs[(runs["match"] == "width") & runs["cell"].isin(grids.GATED)]
    climbing = pd.concat([ran["below"], top], ignore_index=True)
    tuned = {"aⁿbⁿ": grids.part(chosen(), language="anbn", asked="all"), "brackets": chosen(grids.BRACKETS)}
    curves, windows = tables.depth_curves(nests), depths.baseline(4, 5)
    for fig in (
        plots.draw_horizon(runs, base),
        plots.draw_counters(followed, 5),
        training.draw_ladder(climbing, analysis.climb(climbing)),
        plots.draw_nesting(curves, depths.by_depth(nests), windows, 2),
        training.draw_tuning(tuned),
    ):
        fig.canvas.draw()
        plt.close(fig)


def test_tables_hold_every_run(ran: dict[str, pd.DataFrame]) -> None:
    runs, nests = ran["runs"], ran["nests"]
    base = analysis.baselines(5, 10)
    assert len(tables.tidy(runs, base)) == len(runs) + len(base) and len(tables.tidy(runs)) == len(runs)
    assert len(tables.horizon_table(runs).data.splitlines()) == 2 + 13
    at = tables.summary(runs)
    assert at["seeds"].sum() == len(runs) and (at["seeds"] == 2).all()
    mine = (
        (runs["cell"] == "gru") & (runs["match"] == "width") & (runs["language"] == "anbn") & (runs["asked"] == "all")
    )
    assert at.loc[("all", "anbn", "gru", "width"), "middle"] == runs[mine]["fails_at"].median()
    assert at.loc[("all", "anbn", "gru", "width"), "clipped"] == pytest.approx(runs[mine]["clipped"].mean())
    data = tables.tuning_data({"a": chosen(), "b": chosen(grids.BRACKETS)})
    assert len(data) == len(chosen().runs) + len(chosen(grids.BRACKETS).runs) and data["misfit"].between(0, 100).all()
    curves = tables.depth_curves(nests)
    assert len(curves) == 4 * len(nests) and curves["right"].between(0, 100).all()
    assert np.isfinite(curves["right"]).all()
