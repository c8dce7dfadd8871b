"""The chapter on recall: fair runs, known statistics, and words that follow the numbers."""

from __future__ import annotations

import itertools
import math
from functools import partial
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import torch

from evidence.statistics import tost_paired
from evidence.tuning import Tuned
from evidence.verdicts import CONTRADICTED, DEPENDS, SUPPORTED, decide, ledger
from experiments.recall import analysis
from experiments.recall import figures as plots
from experiments.recall import look_figures as look_plots
from experiments.recall import looks as look
from experiments.recall import runs as experiment
from experiments.recall import table as recall_table
from experiments.recall.generated import looks as recall_looks_words
from experiments.recall.generated import words
from experiments.shared.shares import cube, grouped, shares, with_intervals
from experiments.shared.success import equivalence, newcombe, tail
from gatedrnn.models import width_of

FIXED = {"hidden_size": 6, "steps": 4, "every": 2, "batch": 4}
ONE: dict[str, Any] = {**FIXED, "start": "default", "match": "width", "length": 8, "learning_rate": 0.02, "seed": 0}


@pytest.mark.parametrize(("task", "cell"), list(itertools.product(experiment.BATCHES, experiment.CELLS)))
def test_a_run_is_the_same_for_the_same_seed_and_reports_what_it_had(task: str, cell: str) -> None:
    found, again = (experiment.run(**{**ONE, "task": task, "cell": cell}) for _ in range(2))
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
    ("a", "b", "low", "high"),
    [((56, 70), (48, 80), 0.0524, 0.3339), ((9, 10), (3, 10), 0.1705, 0.8090), ((10, 10), (0, 10), 0.6075, 1.0)],
)
def test_newcombe_gives_the_values_of_its_paper(a: Any, b: Any, low: float, high: float) -> None:
    found = newcombe(a, b)
    assert (found.low, found.high) == pytest.approx((low, high), abs=6e-5)
    turned = newcombe(b, a)
    assert (turned.low, turned.high) == pytest.approx((-high, -low), abs=6e-5)


def test_a_tail_is_the_level_at_which_the_interval_touches_the_margin() -> None:
    a, b = (12, 20), (15, 20)
    p = tail(a, b, 0.1, "below")
    assert newcombe(a, b, 1 - 2 * p).high == pytest.approx(0.1, abs=1e-6)
    assert tail(b, a, -0.1, "above") == pytest.approx(p, rel=1e-6)
    assert tail(a, b, -0.9, "below") == 1.0
    assert tail((100, 100), (0, 100), 0.1, "below") == 1.0 and tail((100, 100), (0, 100), 0.1, "above") < 1e-6


def test_equivalence_needs_enough_runs_and_agrees_with_the_t_test_where_both_hold() -> None:
    assert not equivalence((10, 10), (10, 10), 0.1).equivalent
    assert equivalence((100, 100), (100, 100), 0.1).equivalent
    assert not equivalence((80, 100), (60, 100), 0.1).equivalent
    rng = np.random.default_rng(0)
    first, second = (np.r_[np.ones(300), np.zeros(100)][rng.permutation(400)] for _ in range(2))
    exact = tost_paired(first, second, 0.1).p
    assert equivalence((300, 400), (300, 400), 0.1).p == pytest.approx(exact, rel=0.5)


def test_shares_of_a_known_table() -> None:
    y = np.zeros((2, 3, 4))
    y[1] += 2.0
    assert shares(y, ("a", "b")).to_dict() == pytest.approx({"a": 1, "b": 0, "a × b": 0, "seed": 0}, abs=1e-12)
    crossed = np.zeros((2, 2, 5))
    crossed[0, 1] = crossed[1, 0] = 1.0
    assert shares(crossed, ("a", "b")).to_dict() == pytest.approx({"a": 0, "b": 0, "a × b": 1, "seed": 0}, abs=1e-12)
    noise = np.tile([0.0, 1.0], (2, 3, 2))
    assert shares(noise, ("a", "b"))["seed"] == pytest.approx(1)
    assert not shares(np.ones((2, 2, 3)), ("a", "b")).any()


def test_shares_add_up_to_one_and_agree_with_a_regression() -> None:
    from statsmodels.formula.api import ols
    from statsmodels.stats.anova import anova_lm

    rng = np.random.default_rng(1)
    y = rng.normal(size=(2, 3, 2, 6)) + rng.normal(size=(2, 3, 1, 1))
    found = shares(y, ("a", "b", "c"))
    assert found.sum() == pytest.approx(1) and (found > -1e-12).all()
    where = np.indices(y.shape).reshape(4, -1)
    table = pd.DataFrame({"y": y.ravel(), "a": where[0], "b": where[1], "c": where[2]})
    exact = anova_lm(ols("y ~ C(a) * C(b) * C(c)", table).fit())["sum_sq"]
    exact = exact / exact.sum()
    for ours, theirs in (("b", "C(b)"), ("a × b", "C(a):C(b)"), ("a × b × c", "C(a):C(b):C(c)"), ("seed", "Residual")):
        assert found[ours] == pytest.approx(exact[theirs])
    few = grouped(found, ["a × b"])
    assert few.sum() == pytest.approx(1) and set(few.index) == {"a", "b", "c", "a × b", "seed", "other combinations"}
    ranges = with_intervals(y, ("a", "b", "c"), ["a × b"], resamples=60)
    assert (ranges["low"] <= ranges["high"]).all()


def test_an_unbalanced_design_is_refused() -> None:
    table = pd.DataFrame({"a": [0, 0, 1], "seed": [0, 1, 0], "y": [1, 2, 3]})
    for broken in (table, pd.concat([table, table])):
        with pytest.raises(ValueError, match="not each combination once for each seed"):
            cube(broken, ["a"], "y")
    whole = pd.DataFrame({"a": ["q", "p", "q", "p"], "seed": [1, 0, 0, 1], "y": [4, 1, 3, 2]})
    assert cube(whole, ["a"], "y").tolist() == [[1, 2], [3, 4]]


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


def test_equal_cells_are_no_reason_for_either() -> None:
    table = outcomes(EQUAL, lengths=(20, 50, 100, 200), seeds=20)
    for id, lengths, word in (("M2", [100, 200], CONTRADICTED), ("M4", [20, 50], SUPPORTED)):
        verdict = decide(id, analysis.evidence(id, table, lengths), "the start")
        assert verdict.word == word
    assert words.answer(verdict).startswith("No: with framework default, bias 1 and chrono these runs do not")
    assert words.short_sentence(verdict, table, [20, 50]).endswith("the GRU solves 240 of 240 runs over all starts.")
    assert words.leads(table) == "Nowhere does the LSTM solve more runs than the GRU"
    assert all(
        analysis.parting(table, task, start) == [] for task, start in itertools.product(analysis.TASKS, analysis.STARTS)
    )


def test_a_start_that_decides_is_named() -> None:
    table = outcomes({**EQUAL, ("lstm", "default"): 0.1, ("gru", "bias:1"): 0.0})
    verdict = decide("M2", analysis.evidence("M2", table, [100]), "the start of the gates")
    assert verdict.word == DEPENDS and verdict.text == "depends (on the start of the gates)"
    assert words.answer(verdict) == (
        "Yes: with framework default the GRU learns more often; with bias 1 the LSTM learns more often; "
        "with chrono these runs do not tell the two apart"
    )
    short = decide("M4", analysis.evidence("M4", table, [20]), "the start of the gates")
    assert "With bias 1 the GRU falls short" in words.short_sentence(short, table, [20])
    leads = words.leads(table)
    assert "recall, bias 1, T = 20 (10 against 0 of 10, +100 [" in leads and "chance" not in leads
    assert "it is not settled for every start" in words.long_sentence(verdict, table)
    assert analysis.parting(table, "recall", "default") == [20, 100]


def test_a_gru_that_leads_is_enough_although_the_two_are_not_alike() -> None:
    table = outcomes({**EQUAL, ("lstm", "default"): 0.0, ("lstm", "bias:1"): 0.0}, lengths=(20, 50), seeds=20)
    verdict = decide("M4", analysis.evidence("M4", table, [20, 50]), "the start of the gates")
    text = words.short_sentence(verdict, table, [20, 50])
    assert "solves 240 of 240 runs" in text and text.endswith("falls behind with framework default and bias 1.")
    long = decide("M2", analysis.evidence("M2", table, [20, 50]), "the start of the gates")
    assert words.answer(long) == (
        "No, no start puts the LSTM ahead: with framework default and bias 1 the GRU learns more often; "
        "with chrono these runs do not tell the two apart"
    )
    assert verdict.strata[0].word == CONTRADICTED and ledger()["M4"].rule == "equivalent"


def test_a_lead_of_the_lstm_that_may_be_chance_is_called_so() -> None:
    text = words.leads(outcomes({**EQUAL, ("gru", "chrono"): 0.7}))
    assert "recall, chrono, T = 20 (10 against 7 of 10" in text and text.endswith("its interval holds zero")


def test_the_range_of_a_cell_is_that_of_its_starts() -> None:
    table = outcomes({**EQUAL, ("lstm", "default"): 0.1, ("lstm", "bias:1"): 0.4})
    text = words.ranges(table, [100])
    assert "the GRU solves 20 of 20 runs, the LSTM 2 to 20, most with chrono" in text
    assert words.ended(table.assign(diverged=table["start"] == "default")) == "0 of 0"
    failed = outcomes({("gru", "chrono"): 0.7})
    assert words.ended(failed.assign(diverged=failed["start"] == "chrono")) == "6 of 46"


def test_the_advice_follows_the_numbers() -> None:
    apart, alike = outcomes({**EQUAL, ("lstm", "default"): 0.0, ("lstm", "bias:1"): 0.2}), outcomes(EQUAL)
    assert "take the GRU: within these steps the LSTM solved 0 of 40 runs and the GRU 40 of 40" in (
        words.default_advice(apart)
    )
    assert "favour neither cell" in words.default_advice(alike)
    assert "take the LSTM" in words.default_advice(outcomes({("lstm", "default"): 1.0}))
    assert "it helps the LSTM (+80 [" in words.chrono_advice(apart)
    assert "it changes little for the GRU (0 [" in words.chrono_advice(apart)
    assert "it hurts the GRU" in words.chrono_advice(outcomes({("gru", "bias:1"): 1.0}))
    plain = analysis.pick(outcomes({("lstm", "bias:1"): 0.4}), cell="lstm", start="bias:1")
    for shut, tied, first, second in ((1.0, 0.4, "helps", "makes no"), (0.0, 1.0, "hurts", "helps")):
        changed = [
            plain.assign(cell=cell, solved=(plain["seed"] < 10 * share).astype(int))
            for cell, share in (("lstm_shut", shut), ("lstm_coupled", tied))
        ]
        text = words.control_advice(pd.concat([plain, *changed]))
        assert f"an input gate that starts at 0.27 {first}" in text and f"f = 1 − i, {second}" in text


def test_the_second_looks_are_told_as_they_came_out() -> None:
    base = outcomes({("lstm", "bias:1"): 0.3, ("gru", "bias:1"): 1.0})
    lstm, gru = (analysis.pick(base, cell=cell, start="bias:1", match="width") for cell in analysis.GATED)

    def controls(shut: float, tied: float) -> pd.DataFrame:
        made = [
            lstm.assign(cell=cell, solved=(lstm["seed"] < 10 * share).astype(int))
            for cell, share in (("lstm_shut", shut), ("lstm_coupled", tied))
        ]
        return pd.concat([lstm, gru, *made])

    same, other = (recall_looks_words.controls_reading(controls(*each)) for each in ((0.3, 1.0), (1.0, 0.0)))
    assert "stands with the GRU (40 of 40 and 40 of 40 runs solved, both tasks): the tie is enough" in same
    assert "starts at 0.27 stands with the plain LSTM (12 of 40 and 12 of 40): that start" in same
    assert "solves fewer runs than the GRU" in other and "solves more runs than the plain LSTM" in other

    def patient(rates: dict[tuple[str, str], float]) -> str:
        return recall_looks_words.patience_reading(analysis.pick(outcomes(rates), cell="lstm"))

    assert patient({("lstm", "chrono"): 1.0}) == (
        "The LSTM learns recall with chrono and adding with chrono, so there it is slow at most; it fails with 3 times the "
        "steps too on recall with framework default and bias 1 and adding with framework default and bias 1"
    )
    assert patient({}).startswith("The LSTM fails with 3 times the steps too on recall with every start")
    assert "fails" not in patient(EQUAL)

    narrow, wide = lstm.assign(solved=0), lstm.assign(solved=1)
    assert "a part of what it lacked" in recall_looks_words.wider_reading(narrow, wide)
    assert "no sign that width" in recall_looks_words.wider_reading(lstm, lstm)
    assert "do not help" in recall_looks_words.wider_reading(wide, narrow)

    for rates, said in (
        ({**EQUAL, ("lstm", "bias:1"): 0.0}, "no advantage"),
        ({("gru", "default"): 1.0, ("lstm", "chrono"): 1.0}, "an advantage with chrono"),
        (EQUAL, "no advantage"),
    ):
        assert said in recall_looks_words.selective_reading(outcomes(rates))


def test_a_cell_that_solves_some_of_the_longest_shows_no_trend() -> None:
    rows = analysis.pick(outcomes(EQUAL), cell="gru", start="chrono", task="adding", match="width")
    for solved, said in ((1, "was not driven to where it fails"), (0, "solved none at T = 100")):
        assert said in recall_looks_words.climb_end("gru", rows.assign(solved=solved))
    mixed = rows.assign(solved=(rows["seed"] < 5).astype(int))
    assert "with 10 seeds no trend over lengths can be read" in recall_looks_words.climb_end("gru", mixed)


def test_a_rate_that_would_have_been_better_is_owned_up_to(tiny: dict[str, Any]) -> None:
    kinds = tiny["kinds"]
    given = {kind: Tuned(each.runs.assign(solved_at=None, solved=0), each.best) for kind, each in tiny["tuned"].items()}
    text = recall_looks_words.tuning_reading(given, kinds)
    assert text.startswith("In none of the 24 cases") and "In 24 cases no rate taught" in text
    runs = given["short"].runs
    better = (runs["cell"] == "gru") & (runs["task"] == "adding") & (runs["learning_rate"] == 0.01)
    given["short"] = Tuned(runs.assign(solved=better.astype(int)), given["short"].best)
    text = recall_looks_words.tuning_reading(given, kinds)
    assert text.startswith("In 3 of the 24 cases") and "(adding, T = 8, GRU with framework default; adding" in text


def test_a_rate_that_taught_nothing_gives_way_to_that_of_chrono() -> None:
    rows = [{**each, "learning_rate": 0.3, "score": 0.01} for each in analysis.tuning_points(20, rnn=True)]
    best = pd.DataFrame(rows)
    best.loc[best["start"].str.startswith("chrono"), ["learning_rate", "score"]] = [0.1, 1.5]
    best.loc[(best["cell"] == "gru") & (best["start"] == "default"), ["learning_rate", "score"]] = [0.03, 0.9]
    tuned = Tuned(pd.DataFrame(), best)
    expected = {("lstm", "default"): 0.1, ("gru", "default"): 0.03, ("gru", "bias:1"): 0.1, ("rnn", "default"): 0.3}
    for (cell, start), rate in expected.items():
        assert analysis.rate(tuned, {"task": "recall", "cell": cell, "start": start}, 20) == rate


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

    tuned = {kind: tune(analysis.tuning_points(some[0], rnn=kind == "short")) for kind, some in kinds.items()}
    table = analysis.outcomes(sweep(analysis.main_points(tuned, kinds, FIXED)))
    controls = sweep(look.at_rates(look.control_points(8), tune(look.control_points(8)), tuned["short"], 8, FIXED))
    return {
        "kinds": kinds,
        "tuned": tuned,
        "table": table,
        "shares": analysis.share_table(table, tuned, [0.01, 0.1]),
        "watched": look.watched_table(sweep(look.watched_points(tuned["short"], 8, 8, FIXED))),
        "controls": look.control_table(table, controls, 8),
        "patience": analysis.outcomes(sweep(look.patience_points(8, 0.01, FIXED))),
        "wide": analysis.outcomes(sweep(look.wider_points(tuned["long"], 9, FIXED))),
        "far": look.climb(sweep, tuned["long"], [12, 14], 9, FIXED),
        "chosen": look.selective_table(
            sweep(look.selective_points(tune(analysis.tuning_points(8, ["selective"])), 8, FIXED))
        ),
    }


def test_the_main_table_holds_every_case_once(tiny: dict[str, Any]) -> None:
    table = tiny["table"]
    assert not table.duplicated(analysis.KEYS).any()
    wide = analysis.pick(table, match="width", cell=list(analysis.GATED))
    assert len(wide) == 2 * 3 * 2 * 2 * 2  # tasks, starts, cells, lengths, seeds
    assert set(analysis.pick(table, cell="rnn")["length"]) == {8}
    assert set(analysis.pick(table, match="parameters")["length"]) == {9}
    assert set(tiny["chosen"]["cell"]) == set(analysis.GATED) and len(tiny["chosen"]) == 3 * 2 * 2
    for _, part in tiny["shares"].groupby("panel"):
        total = part["share"].sum()
        assert total == pytest.approx(100) or total == 0


def test_figures_and_texts_follow_from_the_runs(tiny: dict[str, Any]) -> None:
    table, shares, watched, controls = (tiny[name] for name in ("table", "shares", "watched", "controls"))
    for fig in (
        plots.draw_map(table, shares),
        plots.draw_steps(table),
        look_plots.draw_tuning(tiny["tuned"]),
        look_plots.draw_controls(watched, controls),
        look_plots.draw_selective(tiny["chosen"]),
    ):
        fig.canvas.draw()
        plt.close(fig)
    texts = dict(words.numbers(table, tiny["kinds"], shares))
    looks = dict(recall_looks_words.looks(controls, watched, tiny["patience"], tiny["far"], tiny["chosen"]))
    assert not set(texts) & set(looks)
    wide = dict(recall_looks_words.wider(table, tiny["wide"]))
    assert wide["wider-width"] == str(2 * FIXED["hidden_size"]) and wide["wider-length"] == "9"
    assert wide["wider-lstm-wide"].split(" [")[0].endswith(" of 4") and not set(wide) & {*texts, *looks}
    assert texts["half-life-1"] == "2.2" and texts["short"] == "8" and texts["guess-recall"] == "12.5 %"
    assert looks["patience-steps"] == "12" and looks["far-seeds"] == "2"
    for alt in (
        recall_looks_words.map_alt(table, shares),
        recall_looks_words.steps_alt(table),
        recall_looks_words.controls_alt(controls, watched),
        recall_looks_words.selective_alt(tiny["chosen"]),
        recall_looks_words.tuning_alt(tiny["tuned"]),
    ):
        assert len(alt) > 40
    assert "| recall, chrono | LSTM | 0.1 |" in recall_table.result_table(table).data
    others = recall_table.other_table(table).data
    assert "| tanh RNN, 6 units | recall | 0.1 | 8 |" in others and others.count("GRU") == 6
    assert "look comes every 2 steps" in recall_looks_words.steps_caption(table, 2)


def test_the_gates_on_random_labels_are_told_as_they_were() -> None:
    def watched(lstm: float, gru: float) -> pd.DataFrame:
        rows = [(c, True, 0, s, 0.5 + s * rise) for c, rise in (("lstm", lstm), ("gru", gru)) for s in (0, 1)]
        return pd.DataFrame(rows, columns=["cell", "random_labels", "seed", "step", "keep"])

    assert recall_looks_words.reading(watched(0.0, 0.4)).endswith(
        "gate of the GRU opens all the same; that of the LSTM does not"
    )
    assert recall_looks_words.reading(watched(0.3, 0.4)).endswith("both keeping gates open")
    assert recall_looks_words.reading(watched(0.0, 0.0)).endswith("neither keeping gate opens")


def test_a_gate_that_opens_and_shuts_again_has_its_highest_told() -> None:
    rows = [("gru", False, seed, step, keep) for seed in (0, 1) for step, keep in ((5, 0.8), (10, 0.9), (15, 0.7))]
    table = pd.DataFrame(rows, columns=["cell", "random_labels", "seed", "step", "keep"])
    assert recall_looks_words.keeping(table, "gru", False) == (0.8, 0.9, 0.7)


def test_a_median_between_solved_and_not_is_drawn_in_the_band() -> None:
    rows = pd.DataFrame({"length": [1, 1, 2, 2], "solved": [1, 0, 1, 1], "steps": [100.0, 400, 100, 200]})
    middle = plots.medians(rows.assign(steps_allowed=400), "length")
    assert middle[1] == pytest.approx(580) and middle[2] == pytest.approx(150)
