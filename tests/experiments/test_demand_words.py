"""The sentences of the chapter *applications/demand* say what the numbers say."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from experiments.demand import analysis
from experiments.demand.generated import words


def made(lstm, gru, seeds=4):
    """Runs and baselines in which each network errs by the given share of the linear model's error, alike on all days."""
    day = np.random.default_rng(0).uniform(0.1, 0.2, 30)
    share = {("lstm", "width"): lstm, ("gru", "width"): gru, ("gru", "parameters"): gru, ("rnn", "width"): 1.5}
    rows = []
    for (cell, match), each in share.items():
        for seed in range(seeds):
            own = day * each * (1 + 0.001 * (seed % 2))
            curves = {season: list(own) for season in analysis.SEASONS}
            rows.append({"cell": cell, "match": match, "seed": seed, "mae": own.mean(), "curves": curves})
    others = {"linear": 1.0, "trees": 1.2, "yesterday": 2.0, "last week": 2.0}
    base = [
        {"kind": kind, "mae": each * day.mean(), "curves": {season: list(each * day) for season in analysis.SEASONS}}
        for kind, each in others.items()
    ]
    return pd.DataFrame(rows), pd.DataFrame(base).set_index("kind")


@pytest.mark.parametrize(
    ("lstm", "gru", "served", "gain", "season", "pick"),
    [
        (
            0.8,
            0.9,
            "both cells beat it",
            "It is there",
            "Both cells are clearly ahead of the linear",
            "LSTM errs less here",
        ),
        (
            1.2,
            1.1,
            "both cells lose to it",
            "do not show",
            "Both cells are clearly behind the linear",
            "GRU errs less here",
        ),
        (
            0.9,
            1.1,
            "the LSTM beats it",
            "Only the LSTM",
            "the LSTM is ahead and the GRU is behind",
            "LSTM errs less here",
        ),
        (
            1.1,
            1.1,
            "both cells lose to it",
            "do not show",
            "Both cells are clearly behind the linear",
            "do not rank them",
        ),
    ],
)
def test_words_follow_the_numbers(lstm, gru, served, gain, season, pick):
    runs, base = made(lstm, gru)
    assert served in words.served_text(runs, base) and gain in words.gain_text(runs, base)
    assert season in words.seasons_text(runs, base) and pick in words.advice(runs, base)
    assert words.rivals_text(runs, base) == ""


def test_days_that_disagree_leave_it_open_and_a_rival_of_one_season_is_named():
    runs, base = made(1.0, 1.0)
    for curves in runs["curves"]:
        for days in curves.values():
            days[::2], days[1::2] = [0.9 * each for each in days[::2]], [1.1 * each for each in days[1::2]]
    base.loc["trees", "curves"]["spring"] = [0.01] * 30
    assert "neither cell is clearly better or worse" in words.served_text(runs, base)
    text = words.seasons_text(runs, base)
    assert "intervals over days of both cells hold zero" in text and "in spring (the boosted trees, 10" in text
    assert "neither errs clearly less" in words.cells_text(runs)
