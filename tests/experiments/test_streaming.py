"""The stream of glucose readings, its online learners, and the chapter *applications/streaming* built on them."""

from __future__ import annotations

import gzip
import hashlib

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import torch

from evidence.tuning import Tuned
from evidence.verdicts import decide
from experiments.streaming import analysis, baselines, live
from experiments.streaming import figures as plots
from experiments.streaming import runs as experiment
from tasks import glucose

SMALL = {"hidden_size": 4, "every": 4, "window": 12, "start": "bias:1", "first": 1000, "end": 1300}


def test_the_stream_is_the_one_that_was_published():
    stream = glucose.load()
    assert len(stream) == 52_281
    assert stream.segment[-1] == 181  # gaps of more than ten minutes
    assert (stream.value.min(), stream.value.max()) == (40, 400)
    assert (stream.elapsed >= 0).all() and stream.elapsed.max() <= glucose.GAP


def test_targets_are_half_an_hour_later_in_the_same_segment():
    """By a slow search apart from the loader's own."""
    generator = np.random.default_rng(0)
    minutes = np.cumsum(generator.choice([1.0, 4.0, 5.0, 5.0, 5.0, 10.0, 40.0], 300))
    stream = glucose.stream(minutes, np.arange(300.0))
    for place in range(300):
        gaps = np.flatnonzero(np.diff(minutes[place:]) > 10)
        reach = place + (gaps[0] if len(gaps) else 299 - place)
        off = {other: abs(minutes[other] - minutes[place] - 30) for other in range(place, reach + 1)}
        good = [other for other, value in off.items() if value <= 2.5]
        if not good:
            assert stream.target[place] == -1
        else:
            assert off[int(stream.target[place])] == min(off.values())
    assert (stream.target >= 0).any() and (stream.target < 0).any()


def test_a_part_keeps_to_itself():
    whole = glucose.load()
    part = whole.part(5000, 5400)
    assert len(part) == 400 and part.segment[0] == 0 and part.target.max() < 400
    known = part.target >= 0
    assert np.array_equal(part.value[part.target[known]], whole.value[whole.target[5000:5400][known]])
    for first, end in ((-1, 5), (5, 5), (0, 60_000)):
        with pytest.raises(ValueError, match=f"first = {first}, end = {end} is not allowed"):
            whole.part(first, end)


def test_changes_never_reach_across_a_gap():
    stream = glucose.load().part(0, 3000)
    x = glucose.changes(stream, 6)
    for place in (10, 500, *np.flatnonzero(np.diff(stream.segment))[:3] + 3):
        expected = [stream.value[place] - glucose.MIDDLE]
        for lag in range(5):
            here, before = place - lag, place - lag - 1
            inside = before >= 0 and stream.segment[before] == stream.segment[place]
            expected.append(stream.value[here] - stream.value[before] if inside else 0.0)
        assert x[place] == pytest.approx(np.array(expected) / glucose.SPREAD)


@pytest.mark.parametrize("forgetting", [1.0, 0.98])
def test_recursive_least_squares_is_least_squares(forgetting):
    generator = np.random.default_rng(1)
    x, y = generator.normal(size=(60, 4)), generator.normal(size=60)
    model = baselines.RecursiveLeastSquares(4, forgetting, ridge=0.1)
    for row, value in zip(x, y, strict=True):
        model.learn(row, value)
    full = np.column_stack([x, np.ones(60)])
    weight = forgetting ** np.arange(59, -1, -1)
    normal = full.T @ (weight[:, None] * full) + 0.1 * forgetting**60 * np.eye(5)
    assert model.w == pytest.approx(np.linalg.solve(normal, full.T @ (weight * y)))
    assert model.predict(x[0]) == pytest.approx(model.w[:-1] @ x[0] + model.w[-1])


def future(monkeypatch, place):
    """The stream as it would be if everything from reading `place` on were different."""
    whole = glucose.load()
    value = whole.value.copy()
    value[place:] = 400 - value[place:]
    other = glucose.Stream(value, whole.elapsed, whole.segment, whole.target)
    monkeypatch.setattr(glucose, "load", lambda: other)


def forecasts(monkeypatch, function, **keywords):
    kept = {}
    judge = experiment.judge

    def keep(stream, forecast):
        kept["forecast"] = forecast.copy()
        return judge(stream, forecast)

    monkeypatch.setattr(experiment, "judge", keep)
    function(**keywords, seed=0)
    monkeypatch.setattr(experiment, "judge", judge)
    return kept["forecast"]


@pytest.mark.parametrize("kind", ["lstm", "gru", *baselines.KINDS])
def test_nobody_knows_what_has_not_been_read(monkeypatch, kind):
    """A changed future changes no forecast made before it, though the models learn all the while."""
    if kind in experiment.CELLS:
        call = {"function": experiment.run, "cell": kind, "match": "width", "learning_rate": 0.01, **SMALL}
    else:
        setting = 1.0 if kind == "autoregression" else 0.01
        call = {"function": experiment.baseline, "kind": kind, "setting": setting, "first": 1000, "end": 1300}
    before = forecasts(monkeypatch, **call)
    future(monkeypatch, 1203)
    after = forecasts(monkeypatch, **call)
    assert np.array_equal(before[:203], after[:203])
    assert not np.array_equal(before[203:], after[203:])


@pytest.mark.parametrize("every", [1, 7])
def test_without_learning_the_carried_state_is_that_of_one_long_pass(every):
    """Chunks carry the state on within a segment, and every segment starts from nothing."""
    torch.manual_seed(0)
    model = experiment.Forecaster("gru", 5)
    torch.nn.init.normal_(model.head.weight)
    stream = glucose.load().part(0, 900)
    x, change, known = experiment.tensors(stream)
    learner = experiment.Learner(model, 1e-30, 12)
    found, norms = experiment.live(learner, stream, x, change, known, every)
    assert len(norms) > 900 / every / 2
    expected = stream.value.copy()
    with torch.no_grad():
        for segment in np.unique(stream.segment):
            inside = np.flatnonzero(stream.segment == segment)
            expected[inside] += glucose.SPREAD * model(x[inside])[0][:, 0].numpy()
    assert found == pytest.approx(expected, abs=1e-3)
    assert len(np.unique(stream.segment)) > 1


def test_a_window_is_long_enough_and_ends_at_the_last_known_target():
    model = experiment.Forecaster("lstm", 4)
    learner = experiment.Learner(model, 0.01, 12)
    seen = []
    stream = glucose.load().part(0, 600)
    x, change, known = experiment.tensors(stream)
    learner.learn = lambda x, change, known, end: seen.append((end, list(learner.starts))) or 0.0
    experiment.live(learner, stream, x, change, known, 4)
    for end, starts in seen:
        now = starts[-1][0] + 4
        assert (stream.target[:end] < now).all()  # every target within has arrived
        assert stream.segment[end - 1] == stream.segment[starts[0][0]]


def test_a_fresh_network_says_as_now_and_learning_helps():
    fixed = {"cell": "gru", "match": "width", **SMALL, "hidden_size": 8}
    still = experiment.run(**{**fixed, "end": 1100}, learning_rate=1e-12, seed=0)
    assert still["score"] == pytest.approx(1, abs=1e-4)
    late = {"first": 50_000, "end": 52_281}
    longer = experiment.run(**{**fixed, **late}, learning_rate=0.003, seed=0)
    line = experiment.baseline(kind="autoregression", setting=1.0, **late, seed=0)
    assert line["score"] > 1.1 and longer["score"] > 1.1


def test_equal_work_is_nearly_equal():
    width = experiment.matched_width("gru", "operations", 16, 24)
    work = [experiment.operations(cell, match, 24) for cell, match in (("lstm", 16), ("gru", width))]
    assert width > 16 and abs(work[0] - work[1]) < 0.05 * work[0]
    near = [abs(experiment.operations("gru", other, 24) - work[0]) for other in (width - 1, width, width + 1)]
    assert near[1] == min(near)


def test_errors_are_one_line_that_names_the_package(monkeypatch, tmp_path):
    load = glucose.load.__wrapped__
    monkeypatch.setattr(glucose, "find_spec", lambda name: None)
    with pytest.raises(RuntimeError, match=r"package 'bokeh-sampledata' is missing; pip install"):
        load()
    (tmp_path / "file").write_bytes(gzip.compress(b"other,data"))
    monkeypatch.setattr(glucose, "_path", lambda: tmp_path / "file")
    digest = hashlib.sha256((tmp_path / "file").read_bytes()).hexdigest()
    with pytest.raises(RuntimeError, match=f"checksum {digest} differs; pip install"):
        load()
    for name in ("cell", "match"):
        point = {"cell": "gru", "match": "width", name: "large"}
        with pytest.raises(ValueError, match=f"{name} = 'large' is not allowed"):
            experiment.run(**point, **SMALL, learning_rate=0.01, seed=0)
    with pytest.raises(ValueError, match="kind = 'oracle' is not allowed"):
        baselines.build("oracle", 1.0, 24)


def test_streams_on_a_core_follow_the_pace_of_a_pool(monkeypatch):
    made = []
    monkeypatch.setattr(live, "_usual", lambda tick: 0.02 * len(made))  # 20 ms a stream, whatever was guessed
    for guess in (0.01, 0.02, 0.5):
        made.clear()
        assert live.carried(lambda: made.append(1), guess, 0.101) == 5
    assert len(made) == 1
    monkeypatch.setattr(live, "_usual", lambda tick: 0.05)
    assert live.shared("gru", 4, 0.1, 100) == 200


def test_tables_and_evidence_follow_from_the_runs():
    def frame(function, points, seeds=1):
        return pd.DataFrame([{**p, "seed": s, **function(**p, seed=s)} for p in points for s in range(seeds)])

    fixed = {**SMALL, "learning_rate": 0.01}
    runs = frame(experiment.run, [{**fixed, "cell": cell, "match": match} for cell, match in analysis.MODELS], 2)
    stretch = {"first": 1000, "end": 1300}
    tried = frame(experiment.baseline, analysis.baseline_grid(stretch))
    settings = analysis.chosen(tried)
    base = frame(experiment.baseline, [{"kind": k, "setting": v, **stretch} for k, v in settings.items()])
    assert list(settings) == list(baselines.KINDS)
    readings, streams = live.measure(4, 12, settings, 20, 0.002)
    assert (streams["bytes"] >= 0).all() and streams.set_index("name").loc["lstm width", "bytes"] > 1000
    latency = analysis.latency_table(readings)
    tuned = Tuned(runs[runs["match"] == "width"], fixed_rates(runs))
    table, pairs = plots.tidy(runs, base), analysis.ratios(runs)
    for fig in (
        plots.draw_errors(table, runs, base, 300),
        plots.draw_ratios(pairs, {key: analysis.ratio(runs, *key) for key, _ in pairs.groupby(["match", "metric"])}),
        plots.draw_latencies(latency),
        plots.draw_tuning(tuned.runs, tuned.best),
    ):
        fig.canvas.draw()
        plt.close(fig)
    found = analysis.evidence(runs)
    assert decide("U3", found).word in ("supported", "contradicted", "inconclusive")
    own = [analysis.part(runs, "gru", "operations")["rmse"], analysis.part(runs, "lstm")["rmse"]]
    pooled = np.sqrt(np.square(own[0]).mean() / np.square(own[1]).mean())  # over seeds and readings
    assert found["equal operations an update"].interval.estimate == pytest.approx(pooled, rel=1e-3)
    assert analysis.fairness_table(tuned, runs).data.count("\n| ") == len(analysis.MODELS)
    assert analysis.result_table(runs, base, 12).data.count("\n| ") == len(analysis.MODELS) + len(base)
    assert analysis.cost_table(latency, streams).data.count("\n| ") == len(streams)


def fixed_rates(runs):
    return runs[runs["match"] == "width"].drop_duplicates("cell")[["cell", "learning_rate"]]
