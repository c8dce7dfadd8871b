"""The chapter on ablations: cells that start like the whole one, losses paired by seed, and checks that can fail."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from evidence.tuning import Tuned
from evidence.verdicts import LEFT_OUT, decide
from experiments.ablation import analysis, plan
from experiments.ablation import figures as plots
from experiments.ablation import table as tables
from experiments.ablation.frozen import Frozen
from experiments.ablation.runs import run
from experiments.recall import selective as first
from experiments.shared import selective
from gatedrnn.initialisation import KEEPING, initialise
from gatedrnn.layers import Recurrent
from gatedrnn.variants import VARIANTS

PROJECT = Path(__file__).resolve().parents[2]
SETTINGS = {task: {"hidden_size": 4, "length": 8, "batch": 4} for task in plan.TASKS}
ENDS = (4.0, 2.0)
"""Bits per character of the letter frequencies and of the n-gram."""


def made(ends: dict[tuple[str, str], float], seeds: int = 6, steps: int = 64) -> pd.DataFrame:
    """Made-up runs: points by task and variant, and 80 elsewhere; 0.1 more with every seed."""
    rows = []
    for task, variant, seed in itertools.product(plan.TASKS, (*plan.GATES, *plan.CHANGED), range(seeds)):
        points = ends.get((task, variant), 80.0) + 0.1 * seed
        text = task == "characters"
        found = {"accuracy": None if text else points / 100, "bits": 4 - points / 50 if text else None}
        row = {"task": task, "variant": variant, "match": "width", "seed": seed, "steps": steps, **found}
        row |= {"start": "bias:1", "learning_rate": 0.01, "width": 4, "parameters": 99, "clipped": 0.1}
        rows.append({**row, "diverged": False, "held_low": 0.1, "held": 0.5, "held_high": 0.9})
    return pd.DataFrame(rows)


def scored(ends: dict[tuple[str, str], float], **more: int) -> pd.DataFrame:
    """Made-up runs with their points."""
    return analysis.scored(made(ends, **more), ENDS)


@pytest.mark.parametrize("start", ["default", "bias:3", "chrono:20"])
@pytest.mark.parametrize("variant", [*plan.GATES, *plan.CHANGED])
def test_a_changed_cell_starts_like_the_whole_one(variant: str, start: str) -> None:
    changed = VARIANTS[variant]
    torch.manual_seed(3)
    made = Frozen(variant, 5, 6, start)
    torch.manual_seed(3)
    Recurrent(changed.cell, 5, 6)  # the kernel that a variant runs on draws first
    whole = Recurrent(changed.cell, 5, 6)
    initialise(whole, start)
    mine, theirs = made.weights(), whole.state_dict()
    blocks = made.blocks
    for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"):
        pairs = zip(
            mine[f"layers.0.{name}"].chunk(len(blocks)), theirs[f"layers.0.{name}"].chunk(len(blocks)), strict=True
        )
        for block, (a, b) in zip(blocks, pairs, strict=True):
            tied = {*changed.opposite, *changed.opposite.values()}
            held = block in changed.constant and name != "bias_ih"
            if block not in tied and not held:
                assert torch.equal(a, b), (block, name)
            assert not (held and a.any())
    if changed.opposite:
        keep = blocks.index(KEEPING[changed.cell])
        biases = [
            sum(each[f"layers.0.{name}"].chunk(4)[keep] for name in ("bias_ih", "bias_hh")) for each in (mine, theirs)
        ]
        assert torch.equal(*biases)


def test_a_gate_that_is_held_hears_nothing_and_keeps_its_constant() -> None:
    torch.manual_seed(0)
    layer = Frozen("gru_constant_update", 3, 5, "bias:1")
    held = layer.held()
    assert held is not None and torch.allclose(held, torch.full((5,), 1.0).sigmoid())
    assert Frozen("gru", 3, 5, "bias:1").held() is None
    gates = Recurrent("gru", 3, 5)
    gates.load_state_dict(layer.weights())
    z = gates.trace(torch.randn(7, 2, 3)).gates[0]["z"]
    assert torch.allclose(z, held.expand_as(z))


def test_a_state_that_is_handed_on_makes_one_sequence_of_two() -> None:
    torch.manual_seed(0)
    layer, x = Frozen("lstm_constant_forget", 3, 5, "default"), torch.randn(9, 2, 3)
    whole, _ = layer(x)
    begun, state = layer(x[:4])
    assert torch.allclose(torch.cat([begun, layer(x[4:], state)[0]]), whole, atol=1e-6)


def test_two_registers_are_those_of_the_chapter_on_recall() -> None:
    mine, theirs = (next(each.batches(3, 4, 16)) for each in (selective, first))
    assert all(torch.equal(a, b) for a, b in zip(mine, theirs, strict=True))
    with pytest.raises(ValueError, match="length = 7 is not allowed"):
        next(selective.batches(0, 1, 7))


@pytest.mark.parametrize("task", plan.TASKS)
def test_a_run_is_a_function_of_its_configuration(task: str) -> None:
    config: dict[str, Any] = {
        "task": task,
        "start": "default",
        "hidden_size": 4,
        "length": 8,
        "batch": 4,
        "steps": 3,
        "seed": 5,
    }
    one, two = (
        run(variant="gru_constant_reset", match="parameters", learning_rate=0.01, tuning=True, **config) for _ in "ab"
    )
    assert {**one, "train_seconds": 0} == {**two, "train_seconds": 0}
    whole = run(variant="gru", match="width", learning_rate=0.01, tuning=True, **config)
    assert abs(one["parameters"] - whole["parameters"]) <= 0.12 * whole["parameters"]
    assert (whole["held"], whole["width"]) == (None, 4) and 0 < one["held_low"] <= one["held"] <= one["held_high"] < 1
    assert (one["bits"] is None) is (task != "characters")


def test_bad_names_are_refused_in_one_line() -> None:
    good: dict[str, Any] = {"task": "recall", "variant": "gru", "match": "width", "start": "default"}
    sizes: dict[str, Any] = {"hidden_size": 4, "length": 8, "batch": 2, "learning_rate": 0.1, "steps": 1, "seed": 0}
    for name, value in (("task", "recal"), ("variant", "gruu"), ("match", "wide"), ("start", "bias")):
        with pytest.raises(ValueError, match=f"{name} = '{value}' is not allowed") as error:
            run(**{**good, name: value}, **sizes)
        assert "\n" not in str(error.value)


def test_whole_cells_try_chrono_where_the_longest_time_is_known() -> None:
    points = plan.whole_points(SETTINGS)
    timed = {point["task"] for point in points if point["start"] == "chrono:8"}
    assert timed == set(plan.TIMED) and len(points) == 2 * (3 * 4 + 3)


def test_every_variant_runs_from_the_best_start_of_its_whole_cell_at_a_rate_of_its_own() -> None:
    points = plan.whole_points(SETTINGS)
    scores = [{**each, "learning_rate": 0.1, "score": 0.9 if each["start"] == "bias:3" else 0.5} for each in points]
    whole = Tuned(pd.DataFrame(scores), pd.DataFrame(scores))
    given = plan.changed_points(SETTINGS, plan.ranked_starts(whole))
    assert {each["start"] for each in given} == {"bias:3"} and len(given) == len(plan.CHANGED) * 4
    best = pd.DataFrame([{**each, "learning_rate": 0.01, "score": 1.0} for each in given])
    found = plan.main_points(SETTINGS, whole, Tuned(best, best))
    assert {each["learning_rate"] for each in found if each["variant"] in plan.GATES} == {0.1}
    assert {each["learning_rate"] for each in found if each["variant"] in plan.CHANGED} == {0.01}
    assert {each["start"] for each in plan.attacked(found, whole, "another start")} == {"default"}
    assert {each["hidden_size"] for each in plan.attacked(found, whole, "width × 2")} == {8}
    slow = plan.attacked(found, whole, "rate ÷ 3")
    assert {each["learning_rate"] for each in slow} == {0.0333, 0.00333}
    assert {each["variant"] for each in plan.enlarged(found)} == {*plan.CHANGED}


def test_points_are_right_answers_or_the_way_from_letters_to_the_n_gram() -> None:
    table = scored({("characters", "lstm"): 50.0, ("recall", "gru"): 30.0}, seeds=1)
    points = table.set_index(["task", "variant"])["points"]
    assert points["characters", "lstm"] == pytest.approx(50) and points["recall", "gru"] == pytest.approx(30)
    runs = made({}, seeds=1)
    assert analysis.scored(runs.assign(bits=None, diverged=True), ENDS)["points"].notna().all()


def test_a_loss_is_against_the_whole_cell_of_the_same_seed() -> None:
    lost = analysis.losses(scored({("recall", "lstm_constant_forget"): 50.0}).sample(frac=1, random_state=0))
    assert set(lost["variant"]) == {*plan.CHANGED}
    assert np.allclose(analysis.pick(lost, task="recall", variant="lstm_constant_forget")["loss"], 30)
    assert analysis.loss(lost, "recall", "gru_constant_update").high == pytest.approx(0)


@pytest.mark.parametrize(("points", "word"), [(40.0, "supported"), (79.5, "contradicted")])
def test_the_evidence_sets_the_gate_bet_on_against_the_worst_other_one(points: float, word: str) -> None:
    bet = {(task, name): points for task in plan.TASKS for name in ("lstm_constant_forget", "gru_constant_update")}
    other = {(task, name): 60.0 for task in plan.TASKS for name in ("lstm_constant_output", "gru_constant_reset")}
    table = scored({**bet, **other})
    found = analysis.evidence(table)
    assert len(found) == 8
    assert all(each.interval.estimate == pytest.approx(60 - points) for each in found.values())
    assert decide("A4", found).word == word
    assert analysis.most_missed(analysis.losses(table), "lstm", "recall") == ("forget" if points < 60 else "output")


def test_a_condition_that_tells_nothing_is_left_out() -> None:
    solved = {("recall", name): 100.0 for name in ("lstm", *plan.GATES["lstm"].values())}
    runs = made({**solved, ("mnist1d", "gru"): 20.0})
    runs["accuracy"] = runs["accuracy"].clip(upper=1.0)
    table = analysis.scored(runs, ENDS)
    left_out = {
        each.name for each in decide("A4", analysis.evidence(table), "the task").strata if each.word == LEFT_OUT
    }
    assert left_out == {"LSTM, recall", "GRU, MNIST-1D"}


def test_the_ladder_is_flat_only_where_the_bet_stands_still() -> None:
    low, top = (
        made({("mnist1d", "gru_constant_update"): each}, steps=steps) for each, steps in ((30.0, 16), (60.0, 64))
    )
    found = analysis.ladders(analysis.scored(pd.concat([low, top], ignore_index=True), ENDS))
    assert found["GRU, MNIST-1D"].moved == pytest.approx(30) and not found["GRU, MNIST-1D"].flat
    assert found["LSTM, MNIST-1D"].flat


def test_figures_and_table_show_every_variant() -> None:
    table = scored({("recall", "gru_constant_update"): 20.0})
    lost = analysis.losses(table)
    fig = plots.draw_losses(lost)
    assert sum(len(each.get_offsets()) for axis in fig.axes for each in axis.collections) == len(lost)
    two = pd.concat([table, table.assign(steps=16)], ignore_index=True)
    lines = [len(axis.get_lines()) for axis in plots.draw_ladder(two).axes]
    assert lines == [11] * 4 + [7] * 4  # dots and a line a variant, and what guessing scores
    assert len(plots.draw_held(analysis.held(table)).axes) == 4
    text = tables.result_table(table, lost.assign(match="parameters"), plan.TASKS).data
    assert len(text.splitlines()) == 2 + 4 * (len(plan.CHANGED) + 2)


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
    {"lstm_constant_forget": "lstm_constant_input", "gru": "gru_constant_update"},
    {"lstm_constant_forget": "lstm_constant_output", "gru_constant_reset": "gru_constant_update"},
    {"lstm": "lstm_constant_output", "gru": "gru_constant_reset"},
    {"lstm": "lstm_coupled", "gru": "gru_constant_update"},
)
STAY = {"ablation-none-diverged", "ablation-recall-none", "ablation-rates-apart", "ablation-starts-apart"}
"""Checks that rest on the tuning, whose rows are not exchanged, and two that are about every run alike."""


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
