"""The chapter on ablations: changes paired by seed, evidence on the right gates, and checks that can fail."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from evidence.format import NBSP
from evidence.verdicts import decide
from experiments.ablation import analysis
from experiments.ablation import figures as plots
from gatedrnn.variants import VARIANTS

PROJECT = Path(__file__).resolve().parents[2]
Ends = dict[tuple[str, str] | tuple[str, str, str], float]


def made(ends: Ends, seeds: int = 6, start: float = 0.1) -> pd.DataFrame:
    """Made-up runs: an accuracy by task and variant, also by match; 0.6 elsewhere, and curves that rise at their end."""
    rows = []
    cases = itertools.product(analysis.TASK_NAMES, analysis.SHOWN, ("width", "parameters"), range(seeds))
    for task, variant, match, seed in cases:
        if match == "parameters" and variant == VARIANTS[variant].cell:
            continue
        end = ends.get((task, variant, match), ends.get((task, variant), 0.6)) + 0.001 * seed
        curves = {"step": [1, 2, 3, 4], "accuracy": [start, start, start, end]}
        row = {"task": task, "variant": variant, "match": match, "seed": seed, "accuracy": end, "curves": curves}
        row |= {"parameters": 3456, "width": 38, "learning_rate": 0.01, "steps_taken": 4, "clipped": 0.2}
        rows.append({**row, "solved_at": 4.0 if end > 0.99 else None})
    return pd.DataFrame(rows)


def test_a_loss_is_against_the_whole_cell_of_the_same_seed() -> None:
    table = analysis.changes(made({("recall", "lstm_no_forget"): 0.9, ("recall", "gru_no_update", "parameters"): 0.2}))
    assert set(table["variant"]) == {*analysis.SHOWN} - {"lstm", "gru"}
    assert np.allclose(analysis.change(table, "recall", "lstm_no_forget"), 30)
    found = analysis.loss(table, "recall", "gru_no_update", "parameters")
    assert found.estimate == pytest.approx(40) and analysis.loss(table, "recall", "gru_no_update").high == 0


@pytest.mark.parametrize(("ends", "word"), [(0.1, "supported"), (0.6, "contradicted")])
def test_the_evidence_sets_the_gate_bet_on_against_the_worst_other_one(ends: float, word: str) -> None:
    bet = {(task, name): ends for task in analysis.TASK_NAMES for name in ("lstm_no_forget", "gru_no_update")}
    other = {(task, name): 0.3 for task in analysis.TASK_NAMES for name in ("lstm_no_output", "gru_no_reset")}
    found = analysis.evidence(analysis.changes(made({**bet, **other})))
    assert {name.split(", ")[0] for name in found} == {"LSTM", "GRU"} and len(found) == 4
    assert all(each.interval.estimate == pytest.approx(100 * (0.3 - ends)) for each in found.values())
    assert decide("A4", found).word == word


def test_another_first_bias_is_set_against_the_same_seeds_at_equal_width() -> None:
    runs = made({("recall", "lstm"): 0.3})
    rows = runs[(runs["task"] == "recall") & (runs["variant"] == "lstm")]
    gain = analysis.gains(runs, rows.assign(accuracy=rows["accuracy"] + 0.5).sample(frac=1, random_state=0))
    assert gain["recall"].estimate == pytest.approx(50) and gain["recall"].low == pytest.approx(50)


def test_the_rise_is_that_of_the_last_quarter() -> None:
    assert analysis.rise(made({}, start=0.1, seeds=1), "mnist1d", "lstm") == pytest.approx(50)
    assert analysis.rise(made({}, start=0.6, seeds=1), "mnist1d", "lstm") == pytest.approx(0)


def test_tables_have_a_line_a_variant_and_figures_a_dot_a_run() -> None:
    runs = made({("recall", "lstm_no_forget"): 1.0})
    lines = analysis.result_table(runs, "recall").data.splitlines()
    assert len(lines) == 2 + len(analysis.SHOWN) and "solved" in lines[0]
    assert [line.split(" | ")[0] for line in lines if "6/6" in line] == [f"| LSTM,{NBSP}no{NBSP}forget{NBSP}gate"]
    assert "solved" not in analysis.result_table(runs, "mnist1d").data
    table = analysis.changes(runs)
    fig = plots.draw_changes(table)
    assert sum(len(each.get_offsets()) for axis in fig.axes for each in axis.collections) == len(table)


EXCHANGED = """
import json, sys
from pathlib import Path
from evidence import swap
swap.KEPT, swap.OTHER = (), {other!r}
sys.path.insert(0, {tests!r})
import swapped
print(json.dumps(swapped.checks(Path({notebook!r}))))
"""
PAIRS = (
    {"lstm": "lstm_no_forget", "gru_no_reset": "gru_no_update"},
    {"lstm_no_input": "lstm_no_forget", "gru": "gru_no_update"},
)
STAY = {"ablation-still-learning", "ablation-rates-apart", "ablation-input-unexplained"}
"""Checks that rest on the tuning and on the second look, whose rows are not exchanged."""


def test_no_check_holds_whatever_the_gates_do(tmp_path: Path) -> None:
    """No gate of one cell is one of the other: the swap test says nothing here, so variants of one cell are exchanged."""
    folders = {"BOOK_STORE": tmp_path / "store", "BOOK_LOCK": PROJECT / "results" / "runs", "BOOK_OUTPUT": tmp_path}
    environment = {**os.environ, **{name: str(path) for name, path in folders.items()}, "BOOK_SWAP": "1"}
    environment.pop("BOOK_FRESH", None)
    notebook = str(PROJECT / "chapters" / "architecture" / "ablation.ipynb")
    held = []
    for pairs in PAIRS:
        other = {**pairs, **{second: first for first, second in pairs.items()}}
        code = EXCHANGED.format(other=other, tests=str(PROJECT / "tests"), notebook=notebook)
        command = [sys.executable, "-c", code]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        checks = json.loads(done.stdout.splitlines()[-1])
        held.append({name for name, each in checks.items() if each["holds"]})
    assert set.intersection(*held) == STAY
