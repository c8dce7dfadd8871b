"""The table of both cells beside models without recurrence: who leads, what is recorded, what is printed."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evidence import comparisons
from evidence import record as chapter
from evidence.comparisons import Comparison

LEDGER = pd.DataFrame({"id": ["U1", "U5"], "word": ["inconclusive", "contradicted"]})


def made(task: str = "a text", lower: bool = True, digits: int = 2, **values: float) -> Comparison:
    values = {"baseline": 1.9, "lstm": 2.3, "gru": 2.4, **values}
    return Comparison(task, "bits", lower, digits, "6-gram", values, "−0.1 [−0.2, 0.0]", ["U1", "U5"])


@given(st.tuples(*[st.floats(-1e6, 1e6)] * 3), st.booleans(), st.integers(0, 3))
def test_the_best_printed_value_leads(values: tuple[float, float, float], lower: bool, digits: int) -> None:
    each = made(lower=lower, digits=digits, **dict(zip(("baseline", "lstm", "gru"), values, strict=True)))
    printed = {name: round(value, digits) for name, value in each.values.items()}
    assert printed[each.leads] == (min if lower else max)(printed.values())


def test_a_tie_in_what_is_printed_goes_to_the_model_without_recurrence() -> None:
    assert made(baseline=2.301, lstm=2.299).leads == "baseline"
    assert made(lower=False, baseline=1.0, lstm=2.4, gru=2.4).leads == "lstm"


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"rnn": 1.0}, r"^values of \['baseline', 'gru', 'lstm', 'rnn'\] are not allowed: baseline, gru, lstm$"),
        ({"gru": float("nan")}, r"^values\['gru'\] = nan is not allowed: a finite number$"),
    ],
)
def test_bad_values_are_refused_by_name(values: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        made(**values)


def test_what_chapters_record_is_what_the_table_prints(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BOOK_OUTPUT", str(tmp_path / "applications" / "language"))
    monkeypatch.setenv("BOOK_EXECUTED", str(tmp_path))
    monkeypatch.setattr(chapter, "_current", chapter.Record("applications/language", {}, {}))
    comparisons.record(made(gru=9.0))
    comparisons.record(made(), made("another", lower=False, lstm=12345.678))  # the first again: it is replaced
    record = json.loads((tmp_path / "applications" / "language" / "chapter.json").read_text())
    assert sorted(each["task"] for each in record["comparisons"]) == ["a text", "another"]
    assert {each.task for _, each in comparisons.found()} == {"a text", "another"}
    lines = comparisons.table(LEDGER).splitlines()
    assert len(lines) == 4 and len({line.count("|") for line in lines}) == 1
    (row,) = [line for line in lines if "A text" in line]
    assert (
        "{ref}`A text <applications-language>`: bits" in row and "6-gram: **1.90**" in row and "| 2.30 | 2.40 |" in row
    )
    assert "U1 inconclusive; U5 contradicted" in row
    (row,) = [line for line in lines if "Another" in line]
    assert "| **12,345.68** |" in row
    told = comparisons.told()
    assert "A model without recurrence has the best value on 1 of 2: a text." in told
    assert "The LSTM has the best value on 1 of 2: another." in told and "GRU" not in told


def test_outside_a_chapter_nothing_is_recorded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(chapter, "_current", None)
    comparisons.record(made())
    assert not list(tmp_path.iterdir())
