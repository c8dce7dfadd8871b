"""A claim that several chapters test has one answer, to which each of them counts."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import pytest

from evidence import answers
from evidence.ledger import FACTORS, ledger
from evidence.statistics import Interval
from evidence.verdicts import CONTRADICTED, DEPENDS, INCONCLUSIVE, NOT_TRAINED, SUPPORTED, Evidence, decide

CLAIM = ledger()["M2"]
FIRST, SECOND = CLAIM.chapter, CLAIM.also[0]
AHEAD, BEHIND = 3 * CLAIM.margin, -3 * CLAIM.margin
ATTACK = CLAIM.attacks[0]


def given(name: str, lead: float) -> dict[str, Evidence]:
    """Twenty seeds, all of them near `lead`, against which nothing can be said."""
    return {name: Evidence(Interval(lead, lead - 1, lead + 1, n=20), p=1e-6, p_even=1e-6)}


def part(chapter: str, lead: float, *, attack: float | None = None, flat: bool = True) -> dict[str, Any]:
    """What a chapter records."""
    attacks = {} if attack is None else {ATTACK: given(chapter, attack)}
    verdict = decide("M2", given(chapter, lead), attacks=attacks, flat=flat)
    entry = {**asdict(verdict), "text": verdict.text, "figure": "a-figure", "sentence": chapter, "measured": False}
    return {"chapter": chapter, "verdicts": [entry]}


def answer(monkeypatch: pytest.MonkeyPatch, *parts: dict[str, Any]) -> dict[str, Any]:
    monkeypatch.setattr(answers, "records", lambda: list(parts))
    return answers.table().set_index("id").loc["M2"].to_dict()


def test_chapters_that_agree_say_it_once(monkeypatch):
    found = answer(monkeypatch, part(FIRST, AHEAD), part(SECOND, AHEAD))
    assert found["word"] == SUPPORTED
    assert found["joined"]
    assert len(found["strata"]) == 2


def test_chapters_that_disagree_make_it_depend(monkeypatch):
    assert answer(monkeypatch, part(FIRST, AHEAD), part(SECOND, BEHIND))["word"].startswith(DEPENDS)


@pytest.mark.parametrize("order", [(FIRST, SECOND), (SECOND, FIRST)])
def test_an_attack_that_overturned_one_of_them_counts_for_all(monkeypatch, order):
    whole, fallen = order
    found = answer(monkeypatch, part(whole, AHEAD, attack=AHEAD), part(fallen, AHEAD, attack=BEHIND))
    assert found["word"] == f"{DEPENDS} (on {FACTORS[ATTACK]})"
    assert sorted(each["outcome"] for each in found["attacks"]) == ["falls", "stands"]


@pytest.mark.parametrize("order", [(FIRST, SECOND), (SECOND, FIRST)])
def test_a_chapter_that_is_not_trained_out_tells_nothing(monkeypatch, order):
    whole, short = order
    found = answer(monkeypatch, part(whole, AHEAD), part(short, BEHIND, flat=False))
    assert found["word"] == SUPPORTED
    assert [each["left_out"] for each in found["strata"] if each["left_out"]] == [NOT_TRAINED]


def test_where_no_chapter_is_trained_out_the_answer_is_not(monkeypatch):
    assert answer(monkeypatch, part(FIRST, AHEAD, flat=False), part(SECOND, BEHIND, flat=False))["word"] == NOT_TRAINED


def test_an_open_answer_stays_open_under_an_attack_that_fell(monkeypatch):
    open_part = part(FIRST, CLAIM.margin)
    assert answer(monkeypatch, open_part, part(SECOND, AHEAD, attack=BEHIND))["word"] == INCONCLUSIVE


def test_one_chapter_is_enough(monkeypatch):
    found = answer(monkeypatch, part(FIRST, BEHIND))
    assert found["word"] == CONTRADICTED
    assert not found["joined"]
