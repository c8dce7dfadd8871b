"""The chapter on sensors: rates and starts chosen apart, pairs by seed, and answers that follow from the rows."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pandas as pd
import pytest

from evidence.tuning import Tuned
from evidence.verdicts import decide, settled
from experiments.sensors import analysis, attacks, compared, live
from experiments.sensors import figures as plots

FACTORS = {"plaid": (1, 4, 16), "acsf1": (4,)}
BEST = {"lstm": "chrono", "gru": "default"}
"""Start that is best in the made rows."""
RATE = {"lstm": 0.03, "gru": 0.01}
LEAD = 4.0


def made_tuning(seeds: int = 3, only: int | None = None) -> Tuned:
    rows, best = [], []
    for data, factors in FACTORS.items():
        for factor, pool, start, cell in itertools.product(factors, analysis.POOLS, analysis.STARTS, analysis.GATED):
            if only not in (None, factor):
                continue
            case = dict(zip(analysis.CASE, (data, factor, pool, start, cell), strict=True))
            good = 0.8 if start == BEST[cell] else 0.7
            best.append({**case, "learning_rate": RATE[cell], "score": good})
            for rate, seed in itertools.product((0.01, 0.03), range(seeds)):
                right = good - (0.2 if rate != RATE[cell] else 0) + 0.001 * seed
                rows.append({**case, "learning_rate": rate, "seed": seed, "accuracy": right, "diverged": False})
    return Tuned(pd.DataFrame(rows), pd.DataFrame(best))


def made(lead: float = LEAD, seeds: int = 8, **more: Any) -> pd.DataFrame:
    """Runs in which the GRU leads by so many points, chrono gains 10 and a factor of 4 loses 5."""
    rows = []
    noise = np.random.default_rng(0)
    for data, factors in FACTORS.items():
        for factor, pool, start, seed in itertools.product(factors, analysis.POOLS, analysis.STARTS, range(seeds)):
            base = 0.6 + noise.normal(0, 0.02) + 0.1 * (start == "chrono") - 0.05 * (factor > 1)
            for cell, match in (("lstm", "width"), ("gru", "width"), ("gru", "parameters")):
                right = base + noise.normal(0, 0.002) + (cell == "gru") * lead / 100
                curves = {"step": [10, 20, 30, 40], "validation": [0.1, right - 0.05, right - 0.02, right]}
                place = {"data": data, "factor": factor, "pool": pool, "start": start, "cell": cell, "match": match}
                rest = {"learning_rate": RATE[cell], "seed": seed, "accuracy": right, "curves": curves}
                rows.append({**place, **rest, "steps_taken": 40, "epochs": 160, "truncate": 0, "scale": "own", **more})
    return pd.DataFrame(rows)


def baselines() -> pd.DataFrame:
    rows = itertools.product(
        ((data, each) for data in FACTORS for each in FACTORS[data]), ("summary", "kernels"), (0, 1)
    )
    return pd.DataFrame(
        [
            {"data": d, "factor": f, "kind": k, "seed": s, "accuracy": 0.5 + 0.4 * (k == "kernels")}
            for (d, f), k, s in rows
        ]
    )


def chosen(runs: pd.DataFrame) -> pd.DataFrame:
    return analysis.at_chosen(runs, analysis.best_starts(made_tuning()))


def test_each_cell_gets_its_own_start_and_rate() -> None:
    best = analysis.best_starts(made_tuning())
    assert len(best) == 4 * len(analysis.POOLS) * 2 and not best.duplicated(analysis.PLACE).any()
    assert {(row["cell"], row["start"]) for row in best.to_dict("records")} == set(BEST.items())
    assert {row["learning_rate"] for row in best[best["cell"] == "lstm"].to_dict("records")} == {0.03}


def test_elsewhere_the_best_start_runs_and_the_same_starts_where_memory_is_asked_for() -> None:
    best = analysis.best_starts(made_tuning(only=4))
    found = analysis.elsewhere(best, 1, ["default", "chrono"])
    assert all(each["factor"] == 1 and each["data"] == "plaid" for each in found)
    assert sorted((each["pool"], each["cell"], each["start"]) for each in found) == [
        *(("last", cell, start) for cell in ("gru", "lstm") for start in ("chrono", "default")),
        *(("mean", cell, start) for cell in ("gru", "lstm") for start in ("chrono", "default")),
    ], "for the mean, what either cell preferred"
    assert len(analysis.elsewhere(best, 16)) == 4


def test_every_case_is_run_once_and_the_gru_at_equal_parameters_too() -> None:
    tuned = made_tuning()
    best = analysis.best_starts(tuned)
    points = analysis.points(tuned, best, 4)
    more = analysis.enlarged(points)
    rest = analysis.others(tuned, best, 4)
    assert {each["learning_rate"] for each in points} == {0.01, 0.03} and {each["cell"] for each in more} == {"gru"}
    assert len(points) == 8 and len(more) == 4 and len(rest) == 2 * 2 * 2 * 2
    keys = [tuple(sorted(each.items())) for each in (*points, *more, *rest)]
    assert len(set(keys)) == len(keys)


def test_pairs_are_those_of_one_seed() -> None:
    runs = chosen(made())
    table = analysis.differences(runs.sample(frac=1, random_state=0))
    assert len(table) == 4 * 2 * 8
    assert table["difference"].mean() == pytest.approx(LEAD - 10, abs=0.5), "chrono is the LSTM's alone"
    equal = analysis.differences(made()[lambda rows: rows["start"] == "default"], "parameters")
    assert equal["difference"].mean() == pytest.approx(LEAD, abs=0.3)


def test_leads_count_the_choice_of_the_rate_and_give_the_evidence() -> None:
    tuned, runs = made_tuning(), made(lead=14)
    best = analysis.best_starts(tuned)
    leads = analysis.leads(tuned, runs, best)
    assert analysis.lead(leads, "plaid", "last", 1).estimate == pytest.approx(4, abs=2)
    evidence = analysis.evidence(leads, 4, 8)
    assert len(evidence) == 8 and "PLAID, last state, equal width" in evidence
    assert decide("P6", evidence, "the data set", differ=analysis.differ(leads, 4)).word == "supported"
    assert analysis.told(leads)["PLAID, last state, raw"].startswith("+")


def test_time_to_the_goal_is_a_share_of_the_budget_and_never_more() -> None:
    runs = made(lead=14)
    places = list(itertools.product(FACTORS, (1, 4, 16)))
    for goal, time in ((0.05, 25.0), (2.0, 100.0)):
        assert set(analysis.time_to(runs, dict.fromkeys(places, goal))["time"]) == {time}
    goals = {(data, factor): 0.66 - 0.05 * (factor > 1) for data in FACTORS for factor in FACTORS[data]}
    found = analysis.delays(chosen(runs), goals, (1, 4))
    assert list(found) == ["ACSF1, ÷ 4", "PLAID, raw", "PLAID, ÷ 4"] and not any(
        each.left_out for each in found.values()
    )
    never = analysis.delays(chosen(runs), dict.fromkeys(goals, 2.0), (1, 4))
    assert all(each.left_out == "no run met the goal" for each in never.values())


def test_rungs_hold_the_lead_at_each_budget_under_the_names_of_the_evidence() -> None:
    budgets = ((20, 10), (14, 40), (14.1, 160))
    climbed = pd.concat([chosen(made(lead=lead, epochs=epochs)) for lead, epochs in budgets])
    climbed = climbed[climbed["factor"] < 16]
    rungs = analysis.rungs(climbed[climbed["factor"] == 4])
    tuned, runs = made_tuning(), made(lead=14.1)
    evidence = analysis.evidence(analysis.leads(tuned, runs, analysis.best_starts(tuned)), 4, 8)
    assert set(rungs) == set(evidence) and all(list(each) == [10, 40, 160] for each in rungs.values())
    assert rungs["PLAID, last state, equal width"][10] == pytest.approx(10, abs=2)
    assert not any(each.left_out for each in settled("P6", evidence, rungs).values())
    goals = {(data, factor): 0.6 for data in FACTORS for factor in FACTORS[data]}
    late = analysis.late_rungs(climbed[climbed["match"] == "width"], goals)
    assert set(late) == set(analysis.delays(chosen(runs), goals, (1, 4)))
    assert {tuple(each) for each in late.values()} == {(10, 40, 160)}


def test_effects_are_paired_by_all_else() -> None:
    runs = made()
    width = runs[(runs["match"] == "width") & (runs["start"] == "chrono")]
    raw = analysis.effect(width[width["data"] == "plaid"], "factor", 1, 4)
    assert raw.n == 2 * 2 * 8 and raw.estimate == pytest.approx(5, abs=1.5)
    best = analysis.best_starts(made_tuning())
    gain = analysis.start_gain(runs, best, "lstm", 1)
    assert gain.estimate == pytest.approx(10, abs=2.5) and gain.n == 8
    none = analysis.start_gain(runs, best, "gru", 1)
    assert (none.estimate, none.low, none.high) == (0, 0, 0)


def test_attacks_change_one_thing_each() -> None:
    tuned = made_tuning(only=4)
    best = analysis.best_starts(tuned)
    fixed = {"hidden_size": 8, "epochs": 40}
    plain = {
        tuple(each[name] for name in analysis.PLACE): each
        for each in attacks.attacked("another split", tuned, best, 4, fixed)
    }
    assert len(plain) == 8 and all(each["exchanged"] for each in plain.values())
    for name, key, factor in (("rate × 3", "learning_rate", 3), ("rate ÷ 3", "learning_rate", 1 / 3)):
        for each in attacks.attacked(name, tuned, best, 4, fixed):
            before = plain[tuple(each[place] for place in analysis.PLACE)]
            assert each[key] == pytest.approx(factor * before[key], rel=0.01) and each["start"] == before["start"]
    for each in attacks.attacked("another start", tuned, best, 4, fixed):
        assert each["start"] != plain[tuple(each[place] for place in analysis.PLACE)]["start"]
    assert {each["hidden_size"] for each in attacks.attacked("width × 2", tuned, best, 4, fixed)} == {16}
    looks = attacks.looks(best, 4, fixed)
    assert [len(points) for points in looks.values()] == [2, 2, 2]


def test_evidence_under_attack_has_the_names_of_the_evidence() -> None:
    tuned, runs = made_tuning(), chosen(made(lead=14))
    leads = analysis.leads(tuned, made(lead=14), analysis.best_starts(tuned))
    short = runs[(runs["factor"] == 4) & (runs["match"] == "width")]
    tried = attacks.weighed({"rate × 3": short})
    assert set(tried["rate × 3"]) <= set(analysis.evidence(leads, 4, 8))
    verdict = decide("P6", analysis.evidence(leads, 4, 8), "the data set", attacks=tried)
    assert [each.outcome for each in verdict.attacks] == ["stands"]
    goals = {("plaid", 4): 0.6, ("acsf1", 4): 0.6}
    late = attacks.delayed({"rate × 3": short, "another split": short}, goals, [4], ["rate × 3"])
    assert list(late) == ["rate × 3"] and set(late["rate × 3"]) == {"PLAID, ÷ 4", "ACSF1, ÷ 4"}


def test_the_clock_joins_seconds_and_accuracy() -> None:
    steps = live.step_seconds([("lstm", 64), ("convolution", 64)], 4, 4, 85, 1)
    fits = live.fit_seconds([64], 2, 1)
    assert set(steps["model"]) == {"lstm", "convolution"} and set(fits["model"]) == {"summary", "kernels"}
    runs = chosen(made()).assign(factor=64).drop_duplicates(["data", "pool", "cell", "match", "seed"])
    convolved = pd.DataFrame([{"data": "plaid", "factor": 64, "accuracy": 0.5, "steps_taken": 40}])
    table = analysis.clock(steps, fits, runs, convolved, baselines().assign(factor=64))
    assert set(table["model"]) == {"lstm", "convolution", "summary", "kernels"} and (table["seconds"] > 0).all()


def test_the_figures_show_every_seed() -> None:
    tuned, runs = made_tuning(), made(seeds=3)
    best = analysis.best_starts(tuned)
    level = chosen(runs)
    level = level[level["match"] == "width"]
    tables = pd.concat([analysis.differences(level), analysis.differences(chosen(runs), "parameters")])
    rungs = pd.concat([level[level["factor"] == 4].assign(epochs=epochs) for epochs in (10, 160)])
    cut = pd.concat(
        [level[(level["factor"] == 1) & (level["pool"] == "last")].assign(truncate=each) for each in (0, 20)]
    )
    near = made_tuning(only=4)
    shown = {
        "accuracy": (plots.draw_accuracy(runs, baselines()), 4 * 2 * 3 * 2 * 3),
        "leads": (plots.draw_leads(tables, analysis.leads(tuned, runs, best)), 4 * 2 * 3 * 2),
        "ladder": (plots.draw_ladder(rungs), 2 * 2 * 2 * 3 * 2),
        "truncated": (plots.draw_truncated(cut), 2 * 2 * 3),
        "tuning": (plots.draw_tuning(near.runs, near.best), len(near.runs)),
    }
    for name, (fig, dots) in shown.items():
        assert sum(len(each.get_offsets()) for axis in fig.axes for each in axis.collections) == dots, name


def test_what_is_handed_over_is_told_with_the_way_to_read_off_that_did_best() -> None:
    runs = chosen(made())
    found = compared.comparisons(runs, baselines(), {"plaid": 1, "acsf1": 4})
    assert [each.leads for each in found] == ["baseline", "baseline"]
    assert "90" in found[0].published and not found[1].published
