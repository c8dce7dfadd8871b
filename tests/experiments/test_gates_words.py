"""Sentences of the chapter on gates: they follow the numbers, whichever way these point."""

from __future__ import annotations

import pandas as pd
import pytest

from evidence.statistics import Interval
from experiments.gates import marks, memory
from experiments.gates.generated import words


def test_words_follow_the_sign_of_the_whole_interval():
    assert words.ahead(Interval(-1.0, -2.0, -0.5), "the LSTM is", "the GRU is", lower=True) == "the LSTM is ahead"
    assert words.ahead(Interval(-1.0, -2.0, -0.5), "the LSTM is", "the GRU is") == "the GRU is ahead"
    assert words.ahead(Interval(0.1, -0.1, 0.3), "the LSTM is", "the GRU is") == "cannot be told apart"


def labelled(lstm: float, gru: float, before: float) -> pd.DataFrame:
    """Runs in which all units tell every label so well, trained and untrained, in every seed."""
    scores = {"lstm": ("c", lstm), "gru": ("h", gru)}
    rows = []
    for cell, (state, value) in scores.items():
        for seed in range(3):
            curves = {f"{state} {kind}": [value] * len(marks.MARKS) for kind in ("single", "every", "chosen")}
            curves |= {f"fresh {kind}": [before] * len(marks.MARKS) for kind in ("single", "every")}
            rows.append(
                {"cell": cell, "match": "width", "seed": seed, "curves": curves, "bits": 2 + seed * (cell == "gru")}
            )
    return pd.DataFrame(rows)


@pytest.mark.parametrize(
    ("lstm", "gru", "before", "said", "kept"),
    [
        (0.8, 0.5, 0.3, "finer control, as the claim says", "; 7 of these 7 leads also beat"),
        (0.5, 0.8, 0.3, "rather the other way round", "; 7 of these 7 leads also beat"),
        (0.8, 0.5, 0.9, "no difference in control", "; 0 of these 7 leads also beat"),
        (0.5, 0.5, 0.3, "no difference in control", "inside something. That is"),
    ],
)
def test_a_lead_counts_only_where_it_beats_the_untrained_network(lstm, gru, before, said, kept):
    text = words.claim_text(labelled(lstm, gru, before))
    assert said in text and kept in text
    assert ("(not: " in text) == (before > lstm)


def test_the_middle_unit_is_warned_of_where_it_moves_with_the_rate():
    def run(rate, times):
        curves = {"time": times, "stays": times, "reach": times, "fresh time": times, "fresh stays": times}
        rows = [{"cell": "lstm", "match": "width", "seed": seed, "curves": curves} for seed in range(2)]
        return pd.DataFrame(rows).assign(learning_rate=rate, start="default")

    slow, fast = run(0.01, [0.5, 9.0, 20.0]), run(0.02, [0.5, 0.9, 20.0])
    moved = memory.middle_text(fast, slow)
    assert "at the rate 0.01 it is 9.0 characters where it is 0.9 at 0.02" in moved and "not the middle" in moved
    assert "moves little" in memory.middle_text(fast, run(0.01, [0.5, 1.0, 20.0]))
    assert "same rate" in memory.middle_text(fast, fast)
    bound = pd.DataFrame({"arm": "gru", "seed": [0, 1], "reach": [0.999, 1.0]})
    assert memory.reach_text(bound, "gru") == "just under 1"
    assert memory.reach_text(bound.assign(reach=12.4), "gru") == "12"
    assert memory.reach_text(bound.assign(reach=0.5), "gru") == "0.50"


def test_n_grams_are_told_by_the_best_of_them():
    runs = pd.DataFrame(
        {"cell": ["lstm", "gru"], "match": "width", "seed": 0, "bits": [2.4, 2.6], "clipped": [0.0, 0.2]}
    )
    base = pd.DataFrame({"order": [2, 3], "bits": [3.0, 2.0]})
    assert words.ngram_text(runs, base) == "The best of them, the 3-gram, beats every network here"
    assert words.ngram_text(runs, base.assign(bits=[3.0, 2.5])).endswith("beats 1 of the 2 networks")
    assert words.ngram_text(runs, base.assign(bits=[3.0, 2.9])).startswith("Every network here beats")
    assert words.clipped_text(runs).endswith("LSTM 0 %, GRU 20 %")
    assert "0 % of the steps, in every cell" in words.clipped_text(runs.assign(clipped=0.0))
