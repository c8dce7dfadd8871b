"""From intervals to one word: each rule, each word, the margin's edge, and the ledger as a whole."""

from __future__ import annotations

import itertools
import json
import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from evidence import record as chapter
from evidence import verdicts
from evidence.statistics import Equivalence, Interval
from evidence.verdicts import CONTRADICTED, DEPENDS, INCONCLUSIVE, SUPPORTED, Claim, Evidence, decide
from experiments.verdicts import figures as plots

IDS = [
    *("A1", "A2", "A3", "A4"),
    *("M1", "M2", "M3", "M4"),
    *("P1", "P2", "P3", "P4", "P5", "P6", "P7"),
    *("U1", "U2", "U3", "U4", "U5"),
    *("F1", "F2", "F3"),
]
CLAIMS = {
    "up": Claim("up", "larger", "difference", "points", "above", "part/name", 1.0),
    "down": Claim("down", "smaller", "ratio", "ratio", "below", "part/name", 0.95),
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


@pytest.fixture(autouse=True)
def no_chapter(monkeypatch):
    monkeypatch.setattr(chapter, "_current", None)


# --- the ledger


def test_the_ledger_holds_every_claim_in_order():
    assert list(verdicts.ledger()) == IDS


@pytest.mark.parametrize("id", IDS)
def test_a_claim_is_complete(id):
    claim = verdicts.ledger()[id]
    assert claim.id == id
    assert claim.claim.endswith(".") and len(claim.claim) > 20 and claim.metric
    assert claim.rule in {"above", "below", "equivalent", "exact", "none"}
    assert claim.chapter == "verdicts" if claim.rule == "none" else "/" in claim.chapter
    if claim.rule == "equivalent":
        assert claim.margin > 0
    if claim.rule in {"above", "below"} and claim.unit == "ratio" and id != "U5":
        assert claim.margin > 1 if claim.rule == "above" else 0 < claim.margin < 1, "a ratio of 1 is no difference"


# --- one condition


@pytest.mark.parametrize(
    ("id", "low", "high", "word"),
    [
        ("up", 1.1, 2.0, SUPPORTED),
        ("up", 0.9, 2.0, INCONCLUSIVE),
        ("up", 0.0, 0.9, CONTRADICTED),
        ("up", -5.0, -3.0, CONTRADICTED),
        ("up", 1.0, 2.0, INCONCLUSIVE),
        ("up", 0.5, 1.0, INCONCLUSIVE),
        ("up", 1.0, 1.0, CONTRADICTED),
        ("down", 0.5, 0.9, SUPPORTED),
        ("down", 0.9, 1.0, INCONCLUSIVE),
        ("down", 0.96, 1.0, CONTRADICTED),
        ("down", 1.2, 1.5, CONTRADICTED),
        ("down", 0.5, 0.95, INCONCLUSIVE),
        ("down", 0.95, 1.5, INCONCLUSIVE),
        ("down", 0.95, 0.95, CONTRADICTED),
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
        claim = Claim("x", "", "", "", rule, "", sign * margin)
        ends = sorted((sign * low, sign * (low + width)))
        words.append(verdicts._judge(claim, "all", interval(*ends)).word)
    assert words[0] == words[1]


# --- several conditions


@pytest.mark.parametrize("words", list(itertools.product((SUPPORTED, CONTRADICTED, INCONCLUSIVE), repeat=3)))
def test_conditions_agree_or_depend_or_leave_it_open(claims, words):
    ends = {SUPPORTED: (2, 3), CONTRADICTED: (-1, 0), INCONCLUSIVE: (0, 2)}
    found = decide("up", {str(i): interval(*ends[word]) for i, word in enumerate(words)}, factor="task")
    assert [stratum.word for stratum in found.strata] == list(words)
    if len(set(words)) == 1:
        assert found.word == words[0]
    else:
        assert found.word == (DEPENDS if {SUPPORTED, CONTRADICTED} <= set(words) else INCONCLUSIVE)
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


def test_a_verdict_that_depends_needs_one_sure_condition_on_each_side(claims):
    parts = {"a": Evidence(interval(2, 4), p=0.001), "b": Evidence(interval(2, 3), p=0.2)}
    parts |= {"c": Evidence(interval(-3, -2), p=0.004), "d": Evidence(interval(0, 9), p=0.6)}
    found = decide("up", parts)
    assert (found.word, found.p) == (DEPENDS, pytest.approx(4 * 0.004)), "the best of each side, for four conditions"
    assert decide("up", {**parts, "c": Evidence(interval(-3, -2), p=0.4)}).p == 1.0
    assert decide("up", {name: Evidence(each.interval) for name, each in parts.items()}).p is None


@pytest.mark.parametrize(
    ("id", "given", "message"),
    [
        ("X9", True, r"^claim 'X9' is unknown; allowed: up, down, same, fact, talk$"),
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
    table = verdicts.table().set_index("id")
    assert list(table.index) == IDS
    assert table.loc["F3", "word"] == "not an experiment"
    assert set(table.drop("F3")["word"]) == {"no experiment yet"}


def test_holm_runs_over_all_tested_claims_of_the_book(executed):
    executed("part/one", A4=(SUPPORTED, 0.01), M2=(CONTRADICTED, 0.02), A1=(SUPPORTED, None))
    executed("part/two", P6=(DEPENDS, 0.04), U1=(INCONCLUSIVE, 0.5))
    table = verdicts.table().set_index("id")
    assert table.loc[["A4", "M2", "P6", "U1"], "p_holm"].tolist() == pytest.approx([0.04, 0.06, 0.08, 0.5])
    assert table.loc[["A4", "M2", "P6", "U1", "A1"], "word"].tolist() == [
        SUPPORTED,
        INCONCLUSIVE,
        INCONCLUSIVE,
        INCONCLUSIVE,
        SUPPORTED,
    ]


def test_a_chapter_notes_where_the_ledger_has_another_word(executed):
    """Its own word is from before Holm, and from its own conditions alone."""
    executed("part/one", A4=(SUPPORTED, 0.01), M2=(CONTRADICTED, 0.03), P6=(SUPPORTED, 0.04), A1=(SUPPORTED, None))
    notes = {row["id"]: plots.note(row) for row in verdicts.table().to_dict("records")}
    assert notes["A4"] == notes["A1"] == ""
    assert notes["M2"] == "; in the ledger, adjusted for the number of claims: inconclusive"
    row = {"joined": True, "word": INCONCLUSIVE, "unadjusted": INCONCLUSIVE}
    assert plots.note(row) == "; in the ledger, over all chapters that test it: inconclusive"
    assert " and adjusted for the number of claims: " in plots.note({**row, "unadjusted": SUPPORTED})


def test_a_verdict_that_depends_names_its_factor_in_the_table(executed):
    executed("part/one", A4=(DEPENDS, 0.001), P1=(SUPPORTED, 0.05))
    table = verdicts.table().set_index("id")
    assert table.loc["A4", "word"] == "depends (on task)"
    assert table.loc["P1", "word"] == INCONCLUSIVE, "an adjusted p of exactly 0.05 is not below it"


def test_the_chapter_that_owns_a_claim_has_the_last_word(executed):
    """Another chapter may look at the claim too; the ledger says which one settles it, whatever their order."""
    executed("memory/aside", M2=(CONTRADICTED, 0.001))
    executed("memory/recall", M2=(SUPPORTED, 0.001))
    executed("memory/zebra", M2=(CONTRADICTED, 0.001))
    assert verdicts.table().set_index("id").loc["M2", "word"] == SUPPORTED


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
    assert verdicts.table().set_index("id").loc["U5", "word"] == SUPPORTED
    with_strata("applications/streaming", CONTRADICTED, lstm=-0.9)
    assert verdicts.table().set_index("id").loc["U5", "word"] == SUPPORTED, "the ledger does not name it"
    with_strata("applications/demand", CONTRADICTED, lstm=-0.5)
    row = verdicts.table().set_index("id").loc["U5"]
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
    verdicts.record(decide("A4", evidence, factor="task"), figure="ablation-loss", sentence="It depends.")
    verdicts.record(decide("A4", evidence, factor="task"), figure="ablation-loss", sentence="It depends on the task.")
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
    } <= entry.keys()
    assert entry["strata"][1] == {
        **{"name": "mnist1d", "estimate": -1.5, "low": -3, "high": 0},
        **{"word": CONTRADICTED, "p": 0.004},
    }
    row = verdicts.table().set_index("id").loc["A4"]
    assert (row["word"], row["p_holm"], row["figure"]) == ("depends (on task)", pytest.approx(0.008), "ablation-loss")


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
        ({"unit": "points", "strata": [{"estimate": -3.0}], "low": -6.0, "high": 0.5}, "−3.0 [−6.0, +0.5] points"),
        ({"rule": "exact"}, "exact"),
        ({"effect": None}, "–"),
    ],
)
def test_an_effect_is_an_estimate_or_the_range_of_several_with_all_that_the_intervals_span(over, text):
    assert plots.effect_text(ledger_row(**over)).replace("\N{NO-BREAK SPACE}", " ") == text


def test_a_word_that_the_adjustment_changed_says_what_it_was():
    assert plots.word_text(ledger_row()) == SUPPORTED
    changed = plots.word_text(ledger_row(word=INCONCLUSIVE, unadjusted="depends (on the cell)"))
    assert changed == "inconclusive (before the adjustment for the number of claims: depends on the cell)"


def test_margins_are_said_with_their_side():
    assert plots.margin_text(ledger_row()) == "below 0.95"
    assert plots.margin_text(ledger_row(rule="above", unit="points", margin=10.0)) == "above 10 points"
    assert plots.margin_text(ledger_row(rule="below", unit="bits", margin=-0.02)) == "below −0.02 bits"
    assert plots.margin_text(ledger_row(rule="equivalent", unit="points", margin=2.0)) == "within ±2 points"
    assert plots.margin_text(ledger_row(rule="above", unit="points", margin=1.0)) == "above 1 point"
    assert plots.margin_text(ledger_row(rule="exact")) == ""


def test_claims_without_a_p_are_counted_or_were_not_tested():
    counted = ledger_row(id="A2", p_holm=None, strata=[{"low": 0.75, "high": 0.75}])
    measured = ledger_row(id="P1", p_holm=None)
    tested = ledger_row(id="M2", p_holm=0.01)
    assert plots.without_p(pd.DataFrame([counted, measured, tested])) == {"counted": "A2", "untested-words": "P1"}


@pytest.mark.parametrize(
    ("rule", "ends"), [("above", (2.0, None)), ("below", (None, 2.0)), ("equivalent", (-2.0, 2.0))]
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
    skill = {**condition, "id": "U5", "rule": "above", "estimate": -0.1, "low": -0.2, "high": 0.1}
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
