"""From intervals to one word: each rule, each word, the margin's edge, and the ledger as a whole."""

from __future__ import annotations

import itertools
import json
import math
from datetime import date

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from evidence import answers, verdicts
from evidence import record as chapter
from evidence.ledger import ALWAYS, FACTORS, RULES, Claim, ledger
from evidence.significance import Equivalence
from evidence.statistics import Interval
from evidence.verdicts import (
    CONTRADICTED,
    DEPENDS,
    INCONCLUSIVE,
    LEFT_OUT,
    LESS,
    NOT_TRAINED,
    SUPPORTED,
    Evidence,
    decide,
    weigh,
)
from experiments.verdicts import figures as plots
from experiments.verdicts import tables

IDS = [
    *("A1", "A2", "A3", "A4"),
    *("M1", "M2", "M3", "M4"),
    *("P1", "P2", "P3", "P4", "P5", "P6", "P7"),
    *("U1", "U2", "U3", "U4", "U5"),
    *("F1", "F2", "F3"),
]
CLAIMS = {
    "up": Claim("up", "larger", "difference", "points", "above", "part/name", 1.0, favours="LSTM", attacks=ALWAYS),
    "down": Claim("down", "smaller", "ratio", "ratio", "below", "part/name", 0.95, favours="GRU"),
    "enough": Claim("enough", "good enough", "difference", "points", "noninferior", "part/name", 10.0, favours="LSTM"),
    "same": Claim("same", "equal", "difference", "points", "equivalent", "part/name", 2.0),
    "fact": Claim("fact", "so", "count", "", "exact", "part/name"),
    "talk": Claim("talk", "so they say", "", "", "none", "verdicts"),
}


def interval(low, high):
    return Interval((low + high) / 2, low, high)


def weighed(low, high, p, margin=2.0):
    return Evidence(interval(low, high), p=0.01, equivalence=Equivalence(p, margin, p < 0.05))


@pytest.fixture
def claims(monkeypatch):
    monkeypatch.setattr(verdicts, "ledger", lambda: CLAIMS)
    monkeypatch.setattr(tables, "ledger", lambda: CLAIMS)


@pytest.fixture(autouse=True)
def no_chapter(monkeypatch):
    monkeypatch.setattr(chapter, "_current", None)


# --- the ledger


def test_the_ledger_holds_every_claim_in_order():
    assert list(ledger()) == IDS


@pytest.mark.parametrize("id", IDS)
def test_a_claim_is_complete(id):
    claim = ledger()[id]
    assert claim.id == id
    assert claim.claim.endswith(".") and len(claim.claim) > 20 and claim.metric
    assert claim.rule in RULES
    assert claim.chapter == "verdicts" if claim.rule == "none" else "/" in claim.chapter
    if claim.rule in {"equivalent", "noninferior"}:
        assert claim.margin > 0
    if claim.rule in {"above", "below"} and claim.unit == "ratio":
        assert claim.margin > 1 if claim.rule == "above" else 0 < claim.margin < 1, "a ratio of 1 is no difference"


@pytest.mark.parametrize("id", IDS)
def test_what_could_overturn_a_verdict_on_quality_is_named_beforehand(id):
    claim = ledger()[id]
    counted = {"A1", "A2", "A3", "P1", "P2", "P5", "F3"}
    assert claim.attacks[: len(ALWAYS)] == (() if id in counted else ALWAYS)
    assert set(claim.attacks) <= set(FACTORS) and len(set(claim.attacks)) == len(claim.attacks)


def test_amendments_are_dated_and_a_rule_that_waits_for_runs_leaves_its_claim_being_redone():
    amended = {id: claim.amendments for id, claim in ledger().items() if claim.amendments}
    assert set(amended) == {"A4", "M1", "M2", "M3", "M4", "P4", "P6", "P7", "U3", "U5"}
    for id, changes in amended.items():
        for each in changes:
            assert (
                date.fromisoformat(each.date) >= date(2026, 11, 29)
                and each.old_rule
                and each.old_word
                and each.new_rule
                and each.reason
            )
        assert all(each.in_force for each in changes) or ledger()[id].redone


# --- one condition


@pytest.mark.parametrize(
    ("id", "low", "high", "word"),
    [
        ("up", 1.1, 2.0, SUPPORTED),
        ("up", 0.9, 2.0, INCONCLUSIVE),
        ("up", 0.0, 0.9, CONTRADICTED),
        ("up", 0.1, 0.9, LESS),
        ("up", -5.0, -3.0, CONTRADICTED),
        ("up", 1.0, 2.0, INCONCLUSIVE),
        ("up", 0.5, 1.0, INCONCLUSIVE),
        ("up", 1.0, 1.0, LESS),
        ("down", 0.5, 0.9, SUPPORTED),
        ("down", 0.9, 1.0, INCONCLUSIVE),
        ("down", 0.96, 1.0, CONTRADICTED),
        ("down", 0.96, 0.99, LESS),
        ("down", 1.2, 1.5, CONTRADICTED),
        ("down", 0.5, 0.95, INCONCLUSIVE),
        ("down", 0.95, 1.5, INCONCLUSIVE),
        ("down", 0.95, 0.95, LESS),
        ("enough", -30.0, 5.0, SUPPORTED),
        ("enough", 1.0, 9.0, SUPPORTED),
        ("enough", 5.0, 15.0, INCONCLUSIVE),
        ("enough", 11.0, 15.0, CONTRADICTED),
        ("up", math.nan, math.nan, INCONCLUSIVE),
    ],
)
def test_above_and_below_by_where_the_interval_lies(claims, id, low, high, word):
    assert decide(id, interval(low, high)).word == word


@pytest.mark.parametrize(
    ("low", "high", "p", "word"),
    [
        (-1.0, 1.0, 0.01, SUPPORTED),
        (-1.0, 3.0, 0.20, INCONCLUSIVE),
        (2.1, 4.0, 0.90, CONTRADICTED),
        (-4.0, -2.1, 0.90, CONTRADICTED),
        (2.0, 4.0, 0.90, INCONCLUSIVE),
        (0.5, 1.5, 0.05, INCONCLUSIVE),
    ],
)
def test_equivalence_needs_its_test_difference_an_interval_outside(claims, low, high, p, word):
    found = decide("same", weighed(low, high, p))
    assert found.word == word
    assert found.p == {SUPPORTED: p, CONTRADICTED: 0.01, INCONCLUSIVE: p}[word]


@pytest.mark.parametrize(("low", "high", "word"), [(2.0, 3.0, SUPPORTED), (-3.0, 0.0, CONTRADICTED), (0.2, 0.8, LESS)])
def test_a_word_needs_its_test_to_agree_with_its_interval(claims, low, high, word):
    assert decide("up", Evidence(interval(low, high), p=0.049, p_even=0.01)).word == word
    assert decide("up", Evidence(interval(low, high), p=0.05, p_even=0.01)).word == INCONCLUSIVE
    if word == LESS:
        assert decide("up", Evidence(interval(low, high), p=0.01, p_even=0.06)).word == CONTRADICTED


@pytest.mark.parametrize(
    ("id", "low", "high", "p_even", "ahead", "matters"),
    [
        ("up", 2.0, 3.0, 0.01, "LSTM", "yes"),
        ("up", 0.2, 0.8, 0.01, "LSTM", "no"),
        ("up", 0.2, 1.8, 0.01, "LSTM", "open"),
        ("up", -3.0, -2.0, 0.01, "GRU", "yes"),
        ("up", -3.0, -2.0, 0.06, "neither", "open"),
        ("up", -0.5, 0.5, 0.6, "neither", "no"),
        ("down", 0.5, 0.9, 0.01, "GRU", "yes"),
        ("down", 1.01, 1.03, 0.01, "LSTM", "no"),
        ("down", 1.2, 1.3, None, "LSTM", "yes"),
        ("down", 0.0, 0.9, None, "GRU", "yes"),
        ("enough", -30.0, -20.0, 0.01, "GRU", "yes"),
    ],
)
def test_who_is_ahead_and_whether_it_matters(claims, id, low, high, p_even, ahead, matters):
    found = decide(id, Evidence(interval(low, high), p_even=p_even))
    assert (found.ahead, found.matters) == (ahead, matters)


@pytest.mark.parametrize(("holds", "word"), [(True, SUPPORTED), (False, CONTRADICTED)])
@pytest.mark.parametrize("kind", [bool, np.bool_])
def test_a_fact_holds_or_does_not(claims, holds, word, kind):
    found = decide("fact", kind(holds))
    assert found.word == found.text == word
    assert found.p is None


@given(st.floats(-10, 10), st.floats(0, 10), st.floats(-5, 5))
def test_below_mirrors_above(low, width, margin):
    assume(width == 0 or width > 1e-6)
    words = []
    for rule, sign in (("above", 1), ("below", -1)):
        claim = Claim("x", "", "", "points", rule, "", sign * margin)
        ends = sorted((sign * low, sign * (low + width)))
        words.append(verdicts._judge(claim, "all", interval(*ends)).word)
    assert words[0] == words[1]


# --- several conditions


@pytest.mark.parametrize("words", list(itertools.product((SUPPORTED, CONTRADICTED, LESS, INCONCLUSIVE), repeat=3)))
def test_conditions_agree_or_depend_or_leave_it_open(claims, words):
    ends = {SUPPORTED: (2, 3), CONTRADICTED: (-1, 0), LESS: (0.1, 0.9), INCONCLUSIVE: (0, 2)}
    found = decide("up", {str(i): interval(*ends[word]) for i, word in enumerate(words)}, factor="task")
    assert [stratum.word for stratum in found.strata] == list(words)
    if len(set(words)) == 1:
        assert found.word == words[0]
    else:
        mixed = SUPPORTED in words and {CONTRADICTED, LESS} & set(words)
        alike = CONTRADICTED if set(words) == {CONTRADICTED, LESS} else INCONCLUSIVE
        assert found.word == (DEPENDS if mixed else alike)
    assert found.text == ("depends (on task)" if found.word == DEPENDS else found.word)


def test_a_verdict_spans_its_conditions_and_takes_the_middle_one(claims):
    parts = {"a": interval(2, 4), "b": interval(8, 10), "c": interval(1.5, 2.5)}
    found = decide("up", parts, factor="task")
    assert (found.low, found.effect, found.high, found.unit) == (1.5, 3, 10, "points")


def test_the_p_of_a_verdict_is_the_worst_of_the_conditions_it_rests_on(claims):
    parts = {"a": Evidence(interval(2, 4), p=0.001), "b": Evidence(interval(2, 3), p=0.04)}
    assert decide("up", parts).p == 0.04
    parts["c"] = Evidence(interval(0, 9), p=0.6)
    assert (decide("up", parts).word, decide("up", parts).p) == (INCONCLUSIVE, 0.6)


def test_a_verdict_that_depends_needs_one_test_that_the_conditions_differ(claims):
    parts = {"a": Evidence(interval(2, 4), p=0.001), "b": Evidence(interval(-3, -2), p=0.004)}
    found = decide("up", parts, differ=0.003)
    assert (found.word, found.p) == (DEPENDS, 0.003)
    found = decide("up", parts, differ=0.05)
    assert (found.word, found.p) == (INCONCLUSIVE, 0.05)
    assert decide("up", parts).p is None


def test_what_tells_nothing_is_listed_and_does_not_count(claims):
    parts = {"a": interval(2, 4), "b": Evidence(interval(-9, -8), p=0.001, left_out="all at the ceiling")}
    found = decide("up", parts)
    assert (found.word, found.low, found.ahead, found.p) == (SUPPORTED, 2, "LSTM", None)
    assert [each.word for each in found.strata] == [SUPPORTED, LEFT_OUT]
    assert found.strata[1].left_out == "all at the ceiling"
    assert decide("up", {"b": parts["b"]}).word == INCONCLUSIVE


def test_several_conditions_are_told_by_how_many(claims):
    found = decide("up", {"a": interval(2, 4), "b": interval(2, 3), "c": interval(-0.5, 0.5)})
    assert (found.ahead, found.matters) == ("LSTM in 2, neither in 1 of 3", "yes in 2, no in 1 of 3")
    sizes = {"a": Interval(3, 2, 4, n=10), "b": Interval(3, 2, 4, n=20)}
    assert (
        decide("up", sizes).sample == "10 to 20 seeds"
        and decide("up", sizes["a"], sample="rounds").sample == "10 rounds"
    )
    assert decide("up", interval(2, 4)).sample == "counted"


# --- attacks and ladders


def test_a_verdict_stands_or_falls_with_what_the_ledger_named(claims):
    whole = {"a": interval(2, 4), "b": interval(2, 3)}
    stood = decide("up", whole, attacks={"rate × 3": whole, "width × 2": {"a": interval(1.5, 9), "b": interval(0, 9)}})
    assert [each.outcome for each in stood.attacks] == ["stands", "open"] and stood.word == SUPPORTED
    fell = decide("up", whole, factor="task", attacks={"another start": {"a": interval(-2, -1), "b": interval(2, 3)}})
    assert fell.text == "depends (on the start)" and fell.attacks[0].outcome == "falls"
    both = decide(
        "up",
        whole,
        attacks={"rate ÷ 3": interval(0.1, 0.2), "rate × 3": interval(-2, -1), "width × 2": interval(-2, -1)},
    )
    assert both.text == "depends (on the learning rate and the width)"
    with pytest.raises(ValueError, match=r"attack 'luck' was not named beforehand; allowed: rate × 3, rate ÷ 3, "):
        decide("up", whole, attacks={"luck": whole})


def test_a_claim_that_fails_in_another_way_has_not_turned(claims):
    """Contradicted, or ahead by less than the margin: neither way does the claim hold."""
    found = decide("up", interval(-3, -2), attacks={"rate × 3": interval(0.1, 0.9), "rate ÷ 3": interval(2, 3)})
    assert [each.outcome for each in found.attacks] == ["open", "falls"]


def test_an_attack_cannot_overturn_what_is_open(claims):
    found = decide("up", interval(0, 2), attacks={"rate × 3": interval(2, 3)})
    assert (found.word, found.attacks[0].outcome) == (INCONCLUSIVE, "open")


@pytest.mark.parametrize("ends", [(2, 3), (-1, 0), (0.1, 0.9)])
def test_a_ladder_that_still_rises_yields_no_answer(claims, ends):
    assert decide("up", interval(*ends), flat=False).word == NOT_TRAINED
    assert decide("up", interval(0, 2), flat=False).word == INCONCLUSIVE


def test_a_condition_that_still_hangs_on_the_budget_is_left_out(claims):
    found = {"still": Evidence(interval(2, 4)), "moves": Evidence(interval(2, 4)), "far": Evidence(interval(8, 9))}
    rungs = {"still": {1: 3.1, 4: 3.0}, "moves": {1: 6.0, 4: 3.0}, "far": {1: 10.0, 4: 8.5}}
    kept = verdicts.settled("up", found | {"other": Evidence(interval(2, 3))}, rungs)
    left = {name: each.left_out for name, each in kept.items()}
    assert left == {"still": "", "moves": NOT_TRAINED, "far": "", "other": ""}
    assert decide("up", kept).word == SUPPORTED
    assert decide("up", {"moves": kept["moves"]}).word == NOT_TRAINED
    full = {"full": Evidence(interval(2, 4), left_out="all at the ceiling")}
    assert verdicts.settled("up", full, {"full": {1: 9.0, 4: 3.0}})["full"].left_out == "all at the ceiling"


def test_a_ratio_is_weighed_on_its_logarithm(claims):
    """Below 0.95 counts: from 0.60 to 0.57 is one margin on, far from the margin's other side; from 0.99 to 0.94 is not."""
    found = {"far": Evidence(interval(0.56, 0.58)), "near": Evidence(interval(0.93, 0.949))}
    kept = verdicts.settled("down", found, {"far": {1: 0.6, 4: 0.57}, "near": {1: 0.9, 4: 0.94}})
    assert {name: each.left_out for name, each in kept.items()} == {"far": "", "near": NOT_TRAINED}


def test_a_condition_that_does_not_count_cannot_fall(claims):
    parts = {"a": Evidence(interval(2, 4)), "b": Evidence(interval(-3, -2), left_out=NOT_TRAINED)}
    found = decide("up", parts, attacks={"rate × 3": {"a": interval(2, 4), "b": interval(2, 4)}})
    assert (found.word, found.attacks[0].outcome) == (SUPPORTED, "stands")


def test_a_ladder_is_flat_where_its_last_step_is_small_against_the_margin(claims):
    assert verdicts.is_flat("up", [5.0, 1.0, 1.2]) and not verdicts.is_flat("up", [1.0, 1.3])
    assert verdicts.is_flat("down", [0.9, 0.91]) and not verdicts.is_flat("down", [0.9, 0.95])
    with pytest.raises(ValueError, match="at least 2 budgets"):
        verdicts.is_flat("up", [1.0])


# --- from paired results


def test_paired_results_are_weighed_against_the_margin_and_against_no_difference(claims):
    found = weigh("up", [2.0, 2.1, 2.2, 2.3, 2.4, 2.5])
    assert found.p == found.p_even == pytest.approx(2 / 64) and decide("up", found).word == SUPPORTED
    assert decide("up", weigh("up", [2.0, 2.1, 2.2, 2.3, 2.4])).word == INCONCLUSIVE, "five pairs are never enough"
    ratio = weigh("down", [0.96, 0.965, 0.97, 0.96, 0.966, 0.972])
    assert decide("down", ratio).word == LESS and ratio.interval.estimate == pytest.approx(0.966, abs=0.001)
    same = weigh("same", [0.1, -0.2, 0.3, 0.0, -0.1, 0.1])
    assert same.equivalence.equivalent and decide("same", same).word == SUPPORTED
    apart = weigh("same", [-3.1, -3.2, -2.9, -3.0, -3.3, -3.1])
    assert decide("same", apart).word == CONTRADICTED


@pytest.mark.parametrize(
    ("id", "given", "message"),
    [
        ("X9", True, r"^claim 'X9' is unknown; allowed: up, down, enough, same, fact, talk$"),
        ("talk", True, r"^claim 'talk' has the rule 'none': no experiment can settle it$"),
        ("up", True, r"^claim 'up' has the rule 'above': it needs an interval, not True$"),
        ("fact", Interval(1, 0, 2), r"^claim 'fact' has the rule 'exact': it needs True or False, not an interval$"),
        ("up", {}, r"^claim 'up': no evidence was given$"),
        ("same", Interval(0, 0, 0), r"^claim 'same' has the rule 'equivalent': evidence 'all' lacks its test$"),
        (
            "same",
            {"a": weighed(-1, 1, 0.01, margin=3.0)},
            r"^claim 'same': evidence 'a' was tested against ± 3.0; the ledger's margin is 2.0$",
        ),
    ],
)
def test_what_does_not_fit_the_ledger_is_named(claims, id, given, message):
    with pytest.raises(ValueError, match=message):
        decide(id, given)


# --- the table


@pytest.fixture
def executed(tmp_path, monkeypatch):
    """Writes the verdicts of chapters as executed."""
    monkeypatch.setenv("BOOK_EXECUTED", str(tmp_path))

    def write(name, **found):
        entries = [
            {
                "id": id,
                "word": word,
                "text": f"{word} (on task)" if word == DEPENDS else word,
                "effect": 1.0,
                "low": 0.0,
                "high": 2.0,
                "unit": "points",
                "factor": "task",
                "p": p,
                "figure": "some-figure",
                "sentence": "It is so.",
                "measured": False,
                "strata": [],
            }
            for id, (word, p) in found.items()
        ]
        path = tmp_path / name / "chapter.json"
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps({"chapter": name, "verdicts": entries}))

    return write


def test_claims_without_an_experiment_say_so(executed):
    table = answers.table().set_index("id")
    assert list(table.index) == IDS
    assert table.loc["F3", "word"] == "not an experiment"
    assert set(table.drop("F3")["word"]) == {"no experiment yet"}


def test_holm_runs_over_all_tested_claims_of_the_book(executed):
    executed("part/one", A4=(SUPPORTED, 0.01), M2=(CONTRADICTED, 0.02), A1=(SUPPORTED, None))
    executed("part/two", P6=(DEPENDS, 0.04), U1=(INCONCLUSIVE, 0.5))
    table = answers.table().set_index("id")
    assert table.loc[["A4", "M2", "P6", "U1"], "p_holm"].tolist() == pytest.approx([0.04, 0.06, 0.08, 0.5])
    assert table.loc[["A4", "M2", "P6", "U1", "A1"], "word"].tolist() == [
        SUPPORTED,
        INCONCLUSIVE,
        INCONCLUSIVE,
        INCONCLUSIVE,
        SUPPORTED,
    ]


def test_a_verdict_that_depends_names_its_factor_in_the_table(executed):
    executed("part/one", A4=(DEPENDS, 0.001), P1=(SUPPORTED, 0.05))
    table = answers.table().set_index("id")
    assert table.loc["A4", "word"] == "depends (on task)"
    assert table.loc["P1", "word"] == INCONCLUSIVE, "an adjusted p of exactly 0.05 is not below it"


def test_the_chapter_that_owns_a_claim_has_the_last_word(executed):
    """Another chapter may look at the claim too; the ledger says which one settles it, whatever their order."""
    executed("memory/aside", M2=(CONTRADICTED, 0.001))
    executed("memory/recall", M2=(SUPPORTED, 0.001))
    executed("memory/zebra", M2=(CONTRADICTED, 0.001))
    assert answers.table().set_index("id").loc["M2", "word"] == SUPPORTED


def test_chapters_that_the_ledger_names_together_are_weighed_together(executed, tmp_path):
    def with_strata(name, word, **estimates):
        executed(name, U5=(word, 0.001))
        path = tmp_path / name / "chapter.json"
        record = json.loads(path.read_text())
        (entry,) = record["verdicts"]
        entry["sentence"] = f"So says {name}."
        entry["strata"] = [
            {
                "name": f"{name} {at}",
                "estimate": value,
                "low": value - 0.1,
                "high": value + 0.1,
                "word": word,
                "p": 0.001,
            }
            for at, value in estimates.items()
        ]
        path.write_text(json.dumps(record))

    with_strata("applications/music", SUPPORTED, lstm=0.3, gru=0.4)
    assert answers.table().set_index("id").loc["U5", "word"] == SUPPORTED
    with_strata("applications/streaming", CONTRADICTED, lstm=-0.9)
    assert answers.table().set_index("id").loc["U5", "word"] == SUPPORTED, "the ledger does not name it"
    with_strata("applications/demand", CONTRADICTED, lstm=-0.5)
    row = answers.table().set_index("id").loc["U5"]
    assert row["word"] == "depends (on task)"
    assert (row["low"], row["effect"], row["high"]) == pytest.approx((-0.6, 0.3, 0.5))
    assert [each["name"] for each in row["strata"]] == [
        "applications/demand lstm", "applications/music lstm", "applications/music gru",
    ]  # fmt: skip
    assert row["sentence"] == "So says applications/demand. So says applications/music."


def test_a_recorded_verdict_is_kept(tmp_path, monkeypatch):
    monkeypatch.setenv("BOOK_OUTPUT", str(tmp_path))
    monkeypatch.setenv("BOOK_EXECUTED", str(tmp_path))
    chapter.begin("architecture/ablation", {"seeds": 2}, ["seeds: int = 2"])
    evidence = {"recall": Evidence(interval(2, 4), p=0.002), "mnist1d": Evidence(interval(-3, 0), p=0.004)}
    verdicts.record(decide("A4", evidence, "task", differ=0.004), figure="ablation-loss", sentence="It depends.")
    verdicts.record(
        decide("A4", evidence, "task", differ=0.004), figure="ablation-loss", sentence="It depends on the task."
    )
    record = json.loads((tmp_path / "chapter.json").read_text())
    (entry,) = record["verdicts"]
    assert entry["text"] == "depends (on task)"
    assert entry["sentence"] == "It depends on the task."
    assert {
        "id",
        "word",
        "effect",
        "low",
        "high",
        "unit",
        "factor",
        "p",
        "figure",
        "measured",
        "strata",
        "ahead",
        "matters",
        "sample",
        "attacks",
    } <= entry.keys()
    assert entry["strata"][1] == {
        **{"name": "mnist1d", "estimate": -1.5, "low": -3, "high": 0},
        **{"word": CONTRADICTED, "p": 0.004, "n": 0, "ahead": "", "matters": "no", "left_out": ""},
    }
    row = answers.table().set_index("id").loc["A4"]
    assert (row["word"], row["p_holm"], row["figure"]) == ("depends (on task)", pytest.approx(0.004), "ablation-loss")


def ledger_row(**over):
    row = {"word": SUPPORTED, "unadjusted": SUPPORTED, "rule": "below", "unit": "ratio", "margin": 0.95}
    row |= {"effect": 0.5, "low": 0.4, "high": 0.6, "strata": [{"estimate": 0.5, "low": 0.4, "high": 0.6}]} | over
    return row


@pytest.mark.parametrize(
    ("over", "text"),
    [
        ({}, "0.50 [0.40, 0.60]"),
        ({"strata": [{"estimate": 0.45}, {"estimate": 0.5}]}, "0.45 to 0.50 [0.40, 0.60]"),
        ({"strata": [{"estimate": 0.987}], "low": 0.986, "high": 0.992}, "0.987 [0.986, 0.992]"),
        ({"strata": [{"estimate": 162.4}], "low": 62.1, "high": 167.0}, "162 [62, 167]"),
        ({"strata": [{"estimate": 0.75}], "low": 0.75, "high": 0.75}, "0.75"),
        (
            {"strata": [{"estimate": 3e-31}, {"estimate": 1e43}], "low": 2e-32, "high": 1e47},
            "3 × 10⁻³¹ to 10⁴³ [2 × 10⁻³², 10⁴⁷]",
        ),
        ({"unit": "points", "strata": [{"estimate": -3.0}], "low": -6.0, "high": 0.5}, "−3.0 [−6.0, +0.5] points"),
        ({"unit": "skill", "strata": [{"estimate": -0.086}], "low": -0.1, "high": 0.0}, "−0.09 [−0.10, +0.00]"),
        ({"strata": [{"estimate": 0.5}, {"estimate": 9.0, "word": LEFT_OUT}]}, "0.50 [0.40, 0.60]"),
        ({"rule": "exact"}, "exact"),
        ({"effect": None}, "–"),
    ],
)
def test_an_effect_is_an_estimate_or_the_range_of_several_with_all_that_the_intervals_span(over, text):
    assert tables.effect_text(ledger_row(**over)).replace("\N{NO-BREAK SPACE}", " ") == text


def test_a_word_that_the_adjustment_changed_says_what_it_was():
    assert tables.word_text(ledger_row()) == SUPPORTED
    changed = tables.word_text(ledger_row(word=INCONCLUSIVE, unadjusted="depends (on the cell)"))
    assert changed == "inconclusive (before the adjustment for the number of claims: depends on the cell)"


def test_margins_are_said_with_their_side():
    assert tables.margin_text(ledger_row()) == "below 0.95"
    assert tables.margin_text(ledger_row(rule="above", unit="points", margin=10.0)) == "above 10 points"
    assert tables.margin_text(ledger_row(rule="below", unit="bits", margin=-0.02)) == "below −0.02 bits"
    assert tables.margin_text(ledger_row(rule="equivalent", unit="points", margin=2.0)) == "within ±2 points"
    assert tables.margin_text(ledger_row(rule="above", unit="points", margin=1.0)) == "above 1 point"
    assert tables.margin_text(ledger_row(rule="noninferior", unit="points", margin=10.0)) == "below 10 points"
    assert tables.margin_text(ledger_row(rule="above", unit="skill", margin=0.0)) == "above 0"
    assert tables.margin_text(ledger_row(rule="exact")) == ""


def test_how_sure_counts_seeds_tests_and_attacks(claims):
    row = ledger_row(id="up", figure="some", sample="10 seeds", p_holm=0.0123, attacks=[])
    assert tables.sure_text(row).replace("\N{NO-BREAK SPACE}", " ") == "10 seeds; p = 0.012; no attack run yet"
    tried = [{"name": name, "word": SUPPORTED, "outcome": "stands"} for name in ALWAYS]
    assert tables.attack_texts({**row, "attacks": tried}) == ["stands in 4 of 4 attacks"]
    tried[2]["outcome"] = "falls"
    assert tables.attack_texts({**row, "attacks": tried}) == ["stands in 3 of 4 attacks", "falls with another start"]
    assert tables.attack_texts({**row, "id": "fact"}) == [], "nothing is trained"
    out = {**row, "p_holm": None, "strata": [{"word": LEFT_OUT}, {"word": SUPPORTED}]}
    assert tables.sure_text(out) == "10 seeds; 1 of 2 conditions left out; no attack run yet"
    assert tables.sure_text({**row, "figure": None}) == "–"


def test_tables_have_as_many_cells_in_every_row(executed):
    executed("part/one", A4=(DEPENDS, 0.001), M4=(SUPPORTED, 0.001))
    table = answers.table()
    for text in (
        tables.ledger_table(table),
        tables.redone_table(table),
        tables.amendment_table(table),
        tables.attack_table(),
    ):
        assert len({line.count("|") for line in text.splitlines()}) == 1
    amended = tables.amendment_table(table)
    lines = [line for line in amended.splitlines() if line.startswith("| M4")]
    assert len(lines) == len(ledger()["M4"].amendments) and all(
        "| inconclusive | supported |" in line for line in lines
    )
    assert all("not judged by it yet" in line for line in amended.splitlines() if line.startswith("| P4"))


@pytest.mark.parametrize(
    ("rule", "ends"),
    [("above", (2.0, None)), ("below", (None, 2.0)), ("noninferior", (None, 2.0)), ("equivalent", (-2.0, 2.0))],
)
def test_the_side_that_would_support_a_claim_is_shaded(rule, ends):
    row = {
        "id": "X",
        "metric": "score",
        "unit": "points",
        "rule": rule,
        "margin": 2.0,
        "name": "all",
        "word": INCONCLUSIVE,
    }
    fig = plots.draw_strata(pd.DataFrame([{**row, "estimate": 1.0, "low": 0.0, "high": 3.0}]))
    (axis,) = fig.axes
    shaded = axis.patches[0].get_extents().transformed(axis.transData.inverted())
    low, high = (edge if end is None else end for end, edge in zip(ends, axis.get_xlim(), strict=True))
    assert (shaded.x0, shaded.x1) == (pytest.approx(low), pytest.approx(high))
    plots.plt.close(fig)


def test_ratios_are_drawn_on_a_logarithmic_axis_and_skills_below_zero_on_a_linear_one():
    condition = {"name": "music: LSTM", "word": CONTRADICTED, "unit": "ratio", "margin": 0.0, "metric": "score"}
    skill = {**condition, "id": "U5", "unit": "skill", "rule": "above", "estimate": -0.1, "low": -0.2, "high": 0.1}
    time = {**condition, "id": "P1", "rule": "below", "margin": 0.95, "estimate": 1.5, "low": 1.2, "high": 3.0}
    close = {**time, "id": "U3", "margin": 0.98, "estimate": 0.987, "low": 0.986, "high": 0.992}
    fig = plots.draw_strata(pd.DataFrame([skill, time, close]))
    assert [axis.get_xscale() for axis in fig.axes] == ["linear", "log", "linear"]
    low, high = fig.axes[2].get_xlim()
    assert high - low < 0.05  # what is measured fills the panel
    for axis, row in zip(fig.axes, (skill, time, close), strict=True):
        low, high = axis.get_xlim()
        assert low <= row["low"] < row["high"] <= high
    plots.plt.close(fig)
