"""A learning rate is chosen on tuning seeds, by score and then by speed, and the grid widens at an edge."""

from __future__ import annotations

import math
import sys
from pathlib import Path

import pytest

from evidence import tuning

MODULE = '''
import math


def run(*, best, learning_rate, seed, quick=0.0, breaks=1e9):
    """Score falls with the distance from the best rate, in decades; seeds below 1000 would be a mistake.

    Rates from `breaks` on do best with the first two seeds, and fail with all others.
    """
    assert seed >= 1000
    score = 1.0 if quick else 1 - abs(math.log10(learning_rate / best))
    if learning_rate >= breaks:
        score = 2.0 if seed < 1002 else 0.0
    return {"accuracy": score, "diverged": False, "steps_taken": round(100 / learning_rate)}
'''


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "tuned_task.py").write_text(MODULE)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setenv("BOOK_STORE", str(tmp_path / "store"))
    monkeypatch.setenv("BOOK_LOCK", str(tmp_path / "lock"))
    monkeypatch.setenv("BOOK_WORKERS", "1")
    import tuned_task

    yield tuned_task.run
    sys.modules.pop("tuned_task", None)


def test_the_best_mean_score_wins(run) -> None:
    found = tuning.tune(run, [{"best": 0.01}, {"best": 0.03}], [0.003, 0.01, 0.03, 0.1], seeds=2, name="t")
    assert found.rate(best=0.01) == 0.01
    assert found.rate(best=0.03) == 0.03
    assert set(found.runs["seed"]) == {1000, 1001}


@pytest.mark.parametrize("best", [0.001, 0.3])
def test_the_grid_widens_at_the_edge_that_wins(run, best: float) -> None:
    found = tuning.tune(run, [{"best": best}], [0.003, 0.01, 0.03, 0.1], seeds=1, name="t")
    assert len(set(found.runs["learning_rate"])) == 5
    assert math.isclose(found.rate(best=best), best, rel_tol=0.2)


def test_of_equals_the_quickest_wins(run) -> None:
    found = tuning.tune(run, [{"best": 0.01}], [0.003, 0.01, 0.03], seeds=1, name="t", quick=1.0)
    assert found.rate(best=0.01) == max(found.runs["learning_rate"])


def test_one_rate_is_no_grid(run) -> None:
    with pytest.raises(ValueError, match="at least two"):
        tuning.tune(run, [{"best": 0.01}], [0.01], seeds=1, name="t")


def test_an_unknown_configuration_has_no_rate(run) -> None:
    found = tuning.tune(run, [{"best": 0.01}], [0.003, 0.01, 0.03], seeds=1, name="t")
    with pytest.raises(ValueError, match="matches 0"):
        found.rate(best=0.5)


def test_a_lucky_rate_does_not_stand_more_seeds(run) -> None:
    """At 0.03 and above two seeds are lucky: asked again with six, those rates lose to what is sure."""
    rates = [0.003, 0.01, 0.03, 0.1]
    lucky = tuning.tune(run, [{"best": 0.01}], rates, seeds=2, name="t", breaks=0.03)
    sure = tuning.tune(run, [{"best": 0.01}], rates, seeds=2, name="t", breaks=0.03, sure=6)
    assert lucky.rate(best=0.01) >= 0.03 and sure.rate(best=0.01) == 0.01
    asked = sure.runs.groupby("learning_rate")["seed"].nunique()
    assert asked[0.01] == 6 and asked[0.003] == 2, "who never leads is not asked again"
    assert set(asked[asked.index >= 0.03]) == {6}


def test_more_seeds_for_the_winner_change_nothing_where_it_has_them(run) -> None:
    few = tuning.tune(run, [{"best": 0.01}], [0.003, 0.01, 0.03], seeds=3, name="t")
    same = tuning.tune(run, [{"best": 0.01}], [0.003, 0.01, 0.03], seeds=3, name="t", sure=3)
    assert few.runs["seed"].tolist() == same.runs["seed"].tolist() and few.best.equals(same.best)
