"""Settings of the other cell: exchanged place by place, and the better ones kept."""

from __future__ import annotations

import pandas as pd
import pytest

from experiments.shared.borrowed import better, borrowed


def test_settings_are_exchanged_place_by_place_and_nothing_else() -> None:
    points = [
        {"task": task, "cell": cell, "rate": rate, "width": width}
        for task, cell, rate, width in (
            ("a", "lstm", 1, 8),
            ("a", "gru", 2, 8),
            ("b", "lstm", 3, 9),
            ("b", "gru", 4, 9),
        )
    ]
    found = borrowed([*points, {"task": "a", "cell": "rnn", "rate": 5, "width": 8}], ["task"], ["rate"])
    assert [each["rate"] for each in found] == [2, 1, 4, 3]
    assert [{**each, "rate": 0} for each in found] == [{**each, "rate": 0} for each in points]
    assert borrowed(borrowed(points, ["task"], ["rate"]), ["task"], ["rate"]) == points


@pytest.mark.parametrize("gain", [0.1, -0.1])
def test_the_better_settings_are_kept_on_the_seeds_that_both_have(gain: float) -> None:
    def runs(lstm: float, gru: float, seeds: int) -> pd.DataFrame:
        rows = [("lstm", seed, lstm + seed) for seed in range(seeds)] + [
            ("gru", seed, gru + seed) for seed in range(seeds)
        ]
        return pd.DataFrame(rows, columns=["cell", "seed", "score"]).assign(task="a")

    found = better(runs(1.0, 2.0, 9), runs(1.0 + gain, 2.0, 3), ["task"], "score").set_index(["cell", "seed"])["score"]
    assert len(found) == 6
    assert found["lstm", 1] == 2.0 + max(gain, 0) and found["gru", 1] == 3.0
