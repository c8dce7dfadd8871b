"""The chapter on attention: its grids, gains and leads on rows whose answer is known, its figures and its typed code."""

from __future__ import annotations

import itertools
import json
import re
import textwrap
from dataclasses import replace
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import torch

from evidence import paths
from evidence.ledger import ledger
from evidence.tuning import Tuned
from evidence.verdicts import CONTRADICTED, LEFT_OUT, SUPPORTED, decide
from experiments.attention import analysis, grids, look_figures, table
from experiments.attention import figures as plots
from gatedrnn.attention import Attentive

SETTINGS = {
    "scattered": grids.Setting("scattered", 20, 8, 40, 4, 2),
    "demand": grids.Setting("demand", 96, 8, 20, 4, 2),
    "text": grids.Setting("text", 12, 8, 60, 4, 2),
}
CHOSEN = {
    task: {
        (cell, attention): (grids.starts(task, cell)[-1], 0.01 * (1 + place))
        for place, (cell, attention) in enumerate(grids.MODELS)
    }
    for task in SETTINGS
}
KINDS = {"scattered": "dot", "demand": "additive", "text": "dot"}
SHARES: dict[str, dict[int, float]] = {"scattered": {20: 0.5, 30: 0.25}, "demand": {96: 0.3}, "text": {12: 0.5}}


def rows(grid: list[dict[str, Any]], seeds: int = 6, score: Any = None) -> pd.DataFrame:
    """Rows as a sweep gives them, with scores that a function of the configuration makes up, 50 by default."""
    found = []
    for point, seed in itertools.product(grid, range(seeds)):
        value = 50.0 + 0.01 * seed if score is None else score(point, seed)
        length = point["length"]
        own = {"score": value, "error": 0.5, "guess": 1.0, "kept": 1000 * (1 + length), "width": 8, "parameters": 400}
        own |= {"clipped": 0.5, "diverged": False, "looked": 2.0, "on_mark": 0.5}
        curves = {"lags": [0.5, 0.3, 0.2]}
        if point["task"] == "scattered":
            curves = {"weights": [[0.0, 1.0, 0.0], [0.2, 0.3, 0.5]], "marks": [1, 2]}
        found.append({**point, **own, "seed": seed, "curves": curves})
    return pd.DataFrame(found)


def made(score: Any = None) -> pd.DataFrame:
    grid = grids.main_grid(SETTINGS, CHOSEN, KINDS)
    return analysis.told_apart(rows(grid, score=score), KINDS, SETTINGS)


def test_every_model_is_tuned_with_every_start_of_its_task() -> None:
    for task, setting in SETTINGS.items():
        points = grids.tuning_points(setting)
        assert len(points) == 6 * len(grids.STARTS[task]) + 1
        assert {each["start"] for each in points if each["cell"] == "transformer"} == {"default"}
    assert {"chrono:20", "default"} == {each["start"] for each in grids.tuning_points(SETTINGS["scattered"])}


def test_the_choice_is_the_best_start_and_rate_and_the_kind_that_serves_both_cells() -> None:
    best = [
        {"cell": cell, "attention": attention, "start": start, "learning_rate": 0.1 if start == "default" else 0.2}
        for (cell, attention), start in itertools.product(grids.MODELS, ("default", "chrono:20"))
        if cell != "transformer" or start == "default"
    ]
    scores = {"none": 1.0, "additive": 3.0, "dot": 2.0}
    frame = pd.DataFrame(best).assign(score=[scores[e["attention"]] + (e["start"] != "default") for e in best])
    tuned = Tuned(pd.DataFrame(), frame)
    assert grids.kind(tuned) == "additive"
    chosen = grids.choices(tuned)
    assert chosen["gru", "dot"] == ("chrono", 0.2) and chosen["transformer", "none"] == ("default", 0.1)
    frame.loc[(frame["cell"] == "lstm") & (frame["attention"] == "dot"), "score"] += 5
    assert grids.kind(tuned) == "dot"


def test_the_grids_hold_every_case_once() -> None:
    main, others = (each(SETTINGS, CHOSEN, KINDS) for each in (grids.main_grid, grids.other_grid))
    assert len(main) == 3 * 3 * 4 and len(others) == 3 * 2 + 2 * 2
    longer = grids.length_grid(SETTINGS["scattered"], CHOSEN["scattered"], iter(grids.pair("dot")), [30, 40])
    assert {each["length"] for each in longer} == {30, 40} and len(longer) == 8
    assert {each["start"] for each in longer} == {"chrono:30", "chrono:40"}
    timed = grids.timed_grid(SETTINGS, CHOSEN, SHARES)
    assert sorted(each["steps"] for each in timed if each["task"] == "scattered") == [10, 20]
    top = grids.timed_grid(SETTINGS, CHOSEN, SHARES, rung=4.0)
    assert sorted(each["steps"] for each in top if each["task"] == "scattered") == [40, 80]
    for grid in (main, others, longer, timed):
        texts = [json.dumps(each, sort_keys=True) for each in grid]
        assert len(set(texts)) == len(texts)
        assert all(1 <= each["every"] <= each["steps"] for each in grid)
    kinds = {(each["task"], each["attention"]) for each in others if each["cell"] != "transformer"}
    assert kinds == {("scattered", "additive"), ("demand", "dot"), ("text", "additive")}


@pytest.mark.parametrize("name", ledger()["F1"].attacks)
def test_an_attack_changes_what_it_says_and_nothing_else(name: str) -> None:
    for task, setting in SETTINGS.items():
        plain = grids.points(setting, CHOSEN[task], grids.pair(KINDS[task]))
        found = grids.attacked(name, setting, CHOSEN[task], KINDS[task])
        changed = {key for one, other in zip(plain, found, strict=True) for key in one if one[key] != other[key]}
        expected = {"another start": "start", "width × 2": "hidden_size", "another task": "task"}
        assert changed == {expected.get(name, "learning_rate")}
        if "rate" in name:
            factor = 3 if "×" in name else 1 / 3
            ratios = [b["learning_rate"] / a["learning_rate"] for a, b in zip(plain, found, strict=True)]
            assert ratios == pytest.approx([factor] * 4, rel=0.01)


def test_an_unknown_attack_is_named() -> None:
    with pytest.raises(ValueError, match="name = 'luck' is not allowed: one of rate × 3"):
        grids.attacked("luck", SETTINGS["text"], CHOSEN["text"], "dot")


def test_ways_and_rungs_are_told_apart() -> None:
    table = made()
    assert set(table["way"]) == {"alone", "with"} and set(table["rung"]) == set(grids.RUNGS)
    others = analysis.told_apart(rows(grids.other_grid(SETTINGS, CHOSEN, KINDS)), KINDS, SETTINGS)
    assert set(others["way"]) == {"other", "transformer"}
    begun = grids.attacked("another task", SETTINGS["scattered"], CHOSEN["scattered"], "dot")
    assert set(analysis.told_apart(rows(begun), KINDS, SETTINGS)["way"]) == {"alone", "with"}


def better(point: dict[str, Any], seed: int) -> float:
    """Attention gains 30 points on recall and 0.1 elsewhere; alone the GRU is 20 points ahead on recall."""
    noise = 0.01 * ((7 * seed + len(point["cell"])) % 5)
    if point["task"] in ("scattered", "beginning"):
        return 40 + noise + (45 if point["attention"] != "none" else 20 * (point["cell"] == "gru"))
    return 40 + noise + 0.1 * (point["attention"] != "none")


def test_gains_and_leads_are_paired_by_seed() -> None:
    top = analysis.pick(made(better), rung=4.0)
    assert analysis.gains(top, "lstm", task="scattered") == pytest.approx(np.full(6, 45.0))
    assert analysis.gains(top, "gru", task="scattered") == pytest.approx(np.full(6, 25.0))
    short = top[~((top["way"] == "with") & (top["seed"] == 5))]
    assert len(analysis.gains(short, "lstm", task="text")) == 5
    apart = analysis.apart(top, task="scattered")
    assert apart.alone.estimate == pytest.approx(-20, abs=0.1) and abs(apart.attentive.estimate) < 0.1
    assert apart.p < 0.05 and apart.sides[0] == -1


def test_the_verdict_follows_the_gains() -> None:
    top = analysis.pick(made(better), rung=4.0)
    found = analysis.evidence(top)
    assert list(found) == [f"{task}, {cell}" for task in ("recall", "demand", "text") for cell in ("LSTM", "GRU")]
    verdict = decide("F1", found, factor="the task", differ=analysis.differ(top))
    assert verdict.text == "depends (on the task)"
    words = {each.name: each.word for each in verdict.strata}
    assert words["recall, GRU"] == SUPPORTED and words["demand, LSTM"] != SUPPORTED
    assert decide("F1", analysis.evidence(top, ["scattered"])).word == SUPPORTED
    assert decide("F1", analysis.evidence(analysis.pick(made(), rung=4.0))).word == CONTRADICTED


def test_what_everybody_solves_is_left_out() -> None:
    table = analysis.pick(made(lambda point, seed: 99.5 if point["task"] == "scattered" else 50.0 + seed), rung=4.0)
    words = {each.name: each.word for each in decide("F1", analysis.evidence(table)).strata}
    assert [words[f"recall, {cell}"] for cell in ("LSTM", "GRU")] == [LEFT_OUT] * 2


def test_a_ladder_is_flat_where_its_gain_stands_still() -> None:
    def still(point: dict[str, Any], seed: int) -> float:
        moving = point["steps"] / 100 if point["task"] == "text" else 0.0
        return 50 + (10 + moving) * (point["attention"] != "none") + 0.01 * seed

    rungs = analysis.ladders(made(still), SETTINGS)
    assert len(rungs) == 3 * 2 * 3 and list(rungs["steps"][:3]) == [10, 40, 160]
    flat = analysis.flat(rungs)
    assert flat["recall, LSTM"] and flat["demand, GRU"] and not flat["text, GRU"]


@pytest.fixture
def everything() -> pd.DataFrame:
    longer = grids.length_grid(SETTINGS["scattered"], CHOSEN["scattered"], grids.pair("dot"), [30])
    parts = [grids.main_grid(SETTINGS, CHOSEN, KINDS), grids.other_grid(SETTINGS, CHOSEN, KINDS), longer]
    told = [analysis.told_apart(rows(each, score=better), KINDS, SETTINGS) for each in parts]
    timed = [
        rows(grids.timed_grid(SETTINGS, CHOSEN, SHARES, rung)).assign(way="seconds", rung=rung) for rung in (1.0, 4.0)
    ]
    return pd.concat([*told, *timed], ignore_index=True)


def test_every_seed_is_drawn(everything: pd.DataFrame) -> None:
    shown = analysis.pick(everything, task="scattered", rung=1.0)
    shown = shown[shown["way"] != "other"]
    fig = plots.draw_lengths(shown)
    dots = sum(len(line.get_xdata()) for axis in fig.axes for line in axis.lines if line.get_linestyle() == "None")
    assert dots == len(shown)
    plt.close(fig)
    top = analysis.pick(everything, rung=4.0)
    fig = plots.draw_tasks(top)
    assert sum(len(each.get_offsets()) for axis in fig.axes for each in axis.collections) == len(top)
    plt.close(fig)


def test_leads_and_gains_are_drawn_with_their_intervals(everything: pd.DataFrame) -> None:
    cases = [{"task": "scattered", "length": each, "rung": 1.0} for each in (20, 30)] + [{"task": "text", "rung": 4.0}]
    between = analysis.apart_table(everything, cases)
    assert list(between["case"].unique()) == ["recall, T = 20", "recall, T = 30", "text"] and len(between) == 6
    rungs = analysis.ladders(everything[everything["way"].isin(["alone", "with"])], SETTINGS)
    for fig in (plots.draw_apart(between), plots.draw_ladder(rungs, 1.0)):
        assert sum(len(axis.containers) for axis in fig.axes) in (2, 6)
        plt.close(fig)


def test_costs_and_tuning_are_drawn_for_every_model() -> None:
    readings = pd.DataFrame(
        [(c, a, t, 0.001 * t, 100 * t) for (c, a), t in itertools.product(grids.MODELS, (20, 40))],
        columns=["cell", "attention", "length", "seconds", "kept"],
    )
    fig = plots.draw_costs(readings)
    assert [len(axis.lines) for axis in fig.axes] == [7, 7]
    plt.close(fig)
    grid = [{**each, "task": "text"} for each in grids.tuning_points(SETTINGS["text"])]
    runs = pd.concat([rows([{**e, "length": 12, "learning_rate": rate} for e in grid], 2) for rate in (0.01, 0.1)])
    best = pd.DataFrame([{**each, "learning_rate": 0.1, "score": 1.0} for each in grid])
    fig = plots.draw_tuning({"text": Tuned(runs, best)})
    rings = [line for axis in fig.axes for line in axis.lines if line.get_markersize() == 9]
    assert len(rings) == 7
    plt.close(fig)


def test_weights_are_told_place_by_place(everything: pd.DataFrame) -> None:
    top = analysis.pick(everything, rung=4.0)
    found = look_figures.look_table(top)
    recall = analysis.pick(found, task="scattered", cell="gru")
    assert set(recall["seed"]) == {0} and len(recall) == 2 * 3
    assert list(recall[recall["marked"] == 1]["weight"]) == [1.0, 0.5]
    assert len(analysis.pick(found, task="text", cell="lstm")) == 6 * 3
    fig = look_figures.draw_looks(found)
    assert len(fig.axes) == 4
    plt.close(fig)


def test_the_table_has_a_line_a_model_and_budget(everything: pd.DataFrame) -> None:
    short = everything[everything["length"].isin([each.length for each in SETTINGS.values()])]
    lines = table.result_table(short[short["way"] != "seconds"]).data.splitlines()[2:]
    assert len(lines) == 3 * (3 * 4 + 2) + 2 * 2
    assert all(line.count("|") == len(table.HEADS) + 1 for line in lines)
    told = {256: "256 bytes", 2048: "2.0 KiB", 65536: "64 KiB"}
    assert all(table.size(count) == text.replace(" ", "\N{NO-BREAK SPACE}") for count, text in told.items())


def test_the_lines_typed_on_the_page_attend_as_the_layer_does() -> None:
    notebook = json.loads((paths.root() / "drafts" / "outlook" / "attention.ipynb").read_text(encoding="utf-8"))
    text = "".join(line for each in notebook["cells"] if each["cell_type"] == "markdown" for line in each["source"])
    lines = re.search(r"```python\n(.*?)```", text, re.S)
    assert lines
    known: dict[str, Any] = {"torch": torch}
    exec(textwrap.dedent(lines[1].replace("```", "")), known)
    layer = Attentive("gru", 3, 5, "dot", attention_size=4)
    x = torch.randn(7, 2, 3)
    states = layer.core(x)[0].transpose(0, 1)
    found = known["attend"](states, layer.scores.query, layer.scores.key, layer.mix)
    torch.testing.assert_close(found.transpose(0, 1), layer(x)[0])


def test_a_setting_at_another_length_or_budget_is_looked_at_as_often() -> None:
    fixed = replace(SETTINGS["scattered"], steps=10).fixed(0.25)
    assert fixed == {"task": "scattered", "length": 20, "hidden_size": 8, "batch": 4, "steps": 2, "every": 1}
