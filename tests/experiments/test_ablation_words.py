"""The sentences of the chapter on ablations follow the numbers."""

from __future__ import annotations

import itertools
from typing import Any

import matplotlib.pyplot as plt
import pandas as pd
import pytest

from evidence.statistics import Interval
from evidence.tuning import Tuned
from experiments.ablation import analysis
from experiments.ablation import figures as plots
from experiments.ablation.generated import captions, words
from gatedrnn.variants import VARIANTS

Ends = dict[tuple[str, str] | tuple[str, str, str], float]


def made(ends: Ends, seeds: int = 4, start: float = 0.1) -> pd.DataFrame:
    """Made-up runs: an accuracy by task and variant, also by size; 0.6 elsewhere, and curves that rise from `start`."""
    rows = []
    for task, variant, match, seed in itertools.product(
        analysis.TASK_NAMES, VARIANTS, ("width", "parameters"), range(seeds)
    ):
        cell = VARIANTS[variant].cell
        if match == "parameters" and variant == cell:
            continue
        end = ends.get((task, variant, match), ends.get((task, variant), 0.6)) + 0.001 * seed
        curve = {"step": [1, 2, 3, 4], "accuracy": [start, start, start, end]}
        solved = {"solved_at": 4.0 if end > 0.99 else None, "steps_taken": 4, "clipped": 0.2, "curves": curve}
        more = {"parameters": 3456, "width": 38, "learning_rate": 0.01, "delay": 20, "bias": 1.0, "frame": 2}
        rows.append({"task": task, "variant": variant, "match": match, "seed": seed, "accuracy": end, **solved, **more})
    return pd.DataFrame(rows).assign(hidden_size=32, steps=4)


def tuned(first: float = 0.5, second: float = 0.9) -> Tuned:
    """Two tuning seeds with these accuracies at the second of three rates, the best."""
    rows: list[dict[str, Any]] = []
    for task, variant, rate in itertools.product(analysis.TASK_NAMES, VARIANTS, (0.001, 0.01, 0.1)):
        found = (first, second) if rate == 0.01 else (0.1, 0.1)
        rows += [
            {"task": task, "variant": variant, "learning_rate": rate, "seed": 1000 + k, "accuracy": each}
            for k, each in enumerate(found)
        ]
    runs = pd.DataFrame(rows)
    best = runs[runs["learning_rate"] == 0.01].drop_duplicates(["task", "variant"]).assign(score=0.7)
    return Tuned(runs, best)


def test_gates_that_are_better_left_out_are_named_and_explained_where_a_bias_mends_them() -> None:
    table = analysis.changes(made({("recall", "lstm_no_forget"): 0.9, ("recall", "lstm_no_input"): 0.8}))
    mended, not_mended = Interval(60, 40, 70), Interval(0, -5, 5)
    text = words.left_out(table, mended)
    assert "without its forget gate (+30 [" in text and "removing the forget gate helps most" in text
    assert "where that gate starts" in text and text.endswith("remove the input gate is not explained here.")
    text = words.left_out(table, not_mended)
    assert "where that gate starts" not in text and text.endswith("the forget or input gate is not explained here.")
    assert "does not do better without any" in words.left_out(analysis.changes(made({})), mended)


def test_a_gru_without_its_update_gate_is_told_as_it_was() -> None:
    ends: Ends = {("recall", "gru_no_update"): 0.2, ("mnist1d", "gru_no_update"): 0.3}
    runs = made(ends)
    text = words.update(runs, analysis.changes(runs))
    assert "It is worth far less here" in text and "still solve" not in text
    runs = made({("recall", "gru_no_update"): 1.0})
    text = words.update(runs, analysis.changes(runs))
    assert "4 of 4 seeds still solve recall" in text and "worth far less" not in text


def test_the_move_by_more_units_has_a_direction() -> None:
    runs = made({("recall", "gru_no_update", "width"): 0.7, ("recall", "gru_no_update", "parameters"): 0.4})
    assert "The largest move is −30 points (GRU, no update gate, recall: from 70 to 40" in (
        words.sizes(analysis.changes(runs))
    )


def test_what_still_rises_is_told_from_what_is_level() -> None:
    text = words.levels(made({}, start=0.1))
    assert "whole LSTM (+50)" in text and "level" not in text
    text = words.levels(made({}, start=0.6))
    assert "still rising" not in text and "level: whole LSTM (0)" in text
    solved = made({("recall", name): 1.0 for name in VARIANTS})
    assert "on recall, every seed of every variant had solved it" in words.levels(solved)


@pytest.mark.parametrize(("first", "second", "said"), [(0.3, 1.0, "rule out little"), (0.8, 0.9, "80 to 90")])
def test_tuning_seeds_that_scatter_are_not_trusted(first: float, second: float, said: str) -> None:
    text = words.doubt(tuned(first, second))
    assert said in text and ("rule out little" in text) == (second - first > 0.2)


def test_tables_figures_and_captions_follow_from_the_runs() -> None:
    runs, chosen = made({("recall", "lstm_no_forget"): 1.0}), tuned()
    table = analysis.changes(runs)
    second = pd.concat(
        [
            runs[(runs["task"] == task) & (runs["variant"] == name) & (runs["match"] == "width")].assign(bias=bias)
            for task, name, bias in (("recall", "lstm", 3.0), ("mnist1d", "lstm_no_input", 0.0))
        ]
    )
    texts = words.numbers(runs, table, chosen, second)
    assert texts["factor"] == "1" and texts["widths"] == "38" and texts["shut"].startswith("−")
    assert "0 of 16 rings lie at the edge" in captions.tuning_caption(chosen)
    assert "The largest loss at equal width" in captions.changes_caption(table, 4)
    shown = analysis.result_table(runs, "recall").data
    assert "| LSTM,\N{NO-BREAK SPACE}no\N{NO-BREAK SPACE}forget\N{NO-BREAK SPACE}gate |" in shown and "| 4/4 |" in shown
    for fig in (plots.draw_changes(table), plots.draw_tuning(chosen.runs, chosen.best), plots.draw_curves(runs)):
        fig.canvas.draw()
        plt.close(fig)
