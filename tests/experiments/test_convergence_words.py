"""Sentences of the chapter on convergence: they follow the numbers, whichever way these point."""

from __future__ import annotations

import itertools

import pandas as pd
import pytest

from evidence.verdicts import Stratum, Verdict
from experiments.convergence import analysis
from experiments.convergence.generated import captions, looks, outcomes, words
from experiments.convergence.runs import TASKS

GOALS = {"mnist1d": 0.5, "chorales": 9.0, "recall": 0.5}


def made_runs(lstm: list[float], gru: list[float]) -> pd.DataFrame:
    """Runs of 100 steps on all tasks that cross their target at these steps; above 100 they never do."""
    rows = []
    for task, (cell, steps) in itertools.product(TASKS, (("lstm", lstm), ("gru", gru))):
        before, after = (10.0, 8.0) if task == "chorales" else (0.0, 1.0)
        for seed, step in enumerate(steps):
            values = [before, GOALS[task], after] if step <= 100 else [before] * 3
            curves = {"step": [1, min(step, 99), 100], "quality": values}
            keys = {"task": task, "cell": cell, "match": "width", "start": "default", "seed": seed, "steps": 100}
            rows.append({**keys, "quality": values[-1], "curves": curves})
    return pd.DataFrame(rows)


@pytest.mark.parametrize(
    ("lstm", "gru", "said"),
    [
        ([40, 40, 40], [20, 20, 20], "0.50 [0.50, 0.50]"),
        ([40, 40, 200], [20, 20, 20], "0.50 [0.20, 0.50]"),
        ([200, 200, 200], [20, 20, 20], "below 0.20 (no LSTM got there in 100 steps)"),
        ([200, 200, 40], [20, 20, 20], "below 0.20 (1 of 3 LSTMs got there in 100 steps)"),
        ([20, 20, 20], [200, 200, 200], "above 5.00 (no GRU got there in 100 steps)"),
        ([200, 200, 200], [20, 20, 200], "not to be told (0 of 3 LSTMs and 2 of 3 GRUs got there)"),
    ],
)
def test_a_ratio_of_runs_that_never_got_there_is_a_bound_or_nothing(lstm: list, gru: list, said: str) -> None:
    assert outcomes.told(analysis.times(made_runs(lstm, gru), GOALS), "recall", 100) == said


def strata(*given: tuple[str, str, float, float]) -> Verdict:
    parts = [Stratum(name, (low + high) / 2, low, high, word) for name, word, low, high in given]
    return Verdict("P3", "depends", 1.0, 0.5, 2.0, "ratio", strata=parts)


def test_who_is_first_is_told_clock_by_clock() -> None:
    text = words.time_sentence(
        strata(
            ("recall, steps", "supported", 0.3, 0.5),
            ("recall, seconds with matched kernels", "supported", 0.3, 0.5),
            ("recall, seconds with stock kernels", "contradicted", 1.1, 1.6),
        )
    )
    assert text.startswith(
        "Counted in steps and seconds with matched kernels, the GRU is there first on recall. "
        "Counted in seconds with stock kernels, the LSTM is there first on recall."
    )
    mixed = words.time_sentence(
        strata(
            ("a, steps", "supported", 0.3, 0.5),
            ("b, steps", "contradicted", 0.96, 1.02),
            ("c, steps", "inconclusive", 0.9, 1),
        )
    )
    assert mixed.startswith(
        "Counted in steps, the GRU is there first on a; the GRU is not ahead by the margin on b; it stays open who is first on c."
    )


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ([("contradicted", -3, -1), ("contradicted", -9, -5)], "With 2 and 3 layers the GRU is ahead"),
        (
            [("supported", 2, 4), ("contradicted", -1, 0.5)],
            "With 2 layers the LSTM is ahead; with 3 layers the LSTM is not",
        ),
        ([("inconclusive", -1, 3), ("supported", 2, 4)], "With 2 layers it is too close to the margin to call; with 3"),
    ],
)
def test_stacks_are_told_by_the_whole_interval(given: list[tuple[str, float, float]], said: str) -> None:
    verdict = strata(*((f"{2 + place} layers", *each) for place, each in enumerate(given)))
    assert words.depth_sentence(pd.DataFrame({"step": [1000]}), verdict).startswith(said)


def test_whether_the_rate_decides_is_told() -> None:
    runs, turned = made_runs([40, 44], [20, 24]), made_runs([20, 24], [40, 44])
    readings = pd.DataFrame(
        [
            {"task": task, "kernels": kernels, "cell": cell, "round": each, "seconds": 1.0}
            for task, kernels, cell, each in itertools.product(TASKS, ("matched", "stock"), analysis.GATED, range(4))
        ]
    )
    ratios = analysis.ratio_table(analysis.times(runs, GOALS), readings)
    assert "nowhere another one" in outcomes.rate_decides(runs, ratios, GOALS)
    text = outcomes.rate_decides(turned, ratios, GOALS)
    assert text.startswith("The order turns on MNIST-1D (0.") and "the rate decides" in text
    never = outcomes.rate_decides(made_runs([200, 200], [200, 200]), ratios, GOALS)
    assert "On MNIST-1D, chorales and recall it cannot be told." in never


def test_whether_the_first_bias_moves_the_ratio_is_told() -> None:
    runs = made_runs([40, 40], [20, 20])
    for lstm, gru, said in (
        ([200, 200], [20, 20], "moved down"),
        ([40, 40], [10, 10], "moved down"),
        ([40, 40], [30, 30], "moved up"),
        ([20, 20], [200, 200], "moved up"),
        ([40, 40], [20, 20], "cannot be told"),
        ([200, 200], [200, 200], "cannot be told"),
    ):
        assert said in outcomes.start_moves(runs, made_runs(lstm, gru), GOALS, "recall")


def test_two_first_biases_are_told_by_who_meets_the_target() -> None:
    runs, starts = (
        made_runs(lstm, [20, 20]).assign(start=start)
        for lstm, start in (([40, 40], "chrono:30"), ([200] * 2, "bias:1"))
    )
    assert looks.start_text(runs, starts, GOALS, "recall") == (
        "with chrono, both cells meet the target, the GRU in 0.50 [0.50, 0.50] times the LSTM's steps; "
        "with first bias 1, 0 of 2 LSTMs and 2 of 2 GRUs meet it in 100 steps."
    )


def test_whether_another_rate_does_better_with_stacks_is_told() -> None:
    def stack(lstm: float, gru: float) -> pd.DataFrame:
        rows = [{"cell": cell, "quality": value} for cell, value in (("lstm", lstm), ("gru", gru))]
        return pd.DataFrame(rows).assign(layers=3, seed=0)

    assert outcomes.swap_decides(stack(0.8, 0.9), stack(0.7, 0.8)).startswith("Neither cell")
    assert outcomes.swap_decides(stack(0.8, 0.9), stack(0.85, 0.8)).startswith("The LSTM does better")
    assert "nothing" in outcomes.swap_decides(stack(0.8, 0.9), None)


def test_the_best_lead_on_the_way_has_its_interval() -> None:
    def table(gaps: dict[int, list[float]]) -> pd.DataFrame:
        rows = [
            {"layers": layers, "cell": cell, "seed": seed, "step": step, "accuracy": 50 + gap * (cell == "lstm")}
            for layers in analysis.DEPTHS
            for step, each in gaps.items()
            for seed, gap in enumerate(each)
            for cell in analysis.GATED
        ]
        return pd.DataFrame(rows).assign(final=0.0)

    ahead = outcomes.best_leads(table({10: [-1, -1], 20: [2, 3]}))
    assert "with 2 layers it is +2.5 [+2.0, +3.0] points at step 20 (ahead)" in ahead
    assert "holds zero" in outcomes.best_leads(table({10: [-1, 3]}))
    assert "the LSTM is ahead at no evaluation" in outcomes.best_leads(table({10: [-1, -2]}))


def test_accuracy_far_below_guessing_is_explained_only_where_it_occurs() -> None:
    def recalls(*values: float) -> pd.DataFrame:
        keys = {"task": "recall", "cell": "rnn", "match": "width"}
        return pd.DataFrame([{**keys, "seed": 0, "quality": values[-1], "curves": {"quality": list(values)}}])

    assert "at 2 evaluations of 1 seeds, down to 0 %" in outcomes.below_guessing(recalls(0.1, 0.0, 0.05, 0.6))
    assert outcomes.below_guessing(recalls(0.1, 0.6)).startswith("No evaluation of the tanh RNN")
    assert outcomes.solved(recalls(0.1, 1.0)) == "1 of 1 seeds solve it"


def test_a_quality_that_all_seeds_share_has_no_spread() -> None:
    assert captions._quality("recall", pd.Series([100.0, 100.0])).split() == ["all", "100.0", "%"]
    assert captions._quality("recall", pd.Series([100.0, 90.0])).split() == ["95.0", "±", "7.1", "%"]
    assert captions._quality("chorales", pd.Series([9.0, 9.02])).split() == ["9.01", "±", "0.01", "nats"]
