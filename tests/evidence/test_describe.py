"""Alternative texts follow the data that are drawn."""

from __future__ import annotations

import pandas as pd
import pytest

from evidence.describe import describe

DATA = pd.DataFrame(
    {"cell": ["lstm"] * 3 + ["gru"] * 2 + ["rnn"], "n": [3, 1, 2, 5, 5, 9.0], "bad": [float("nan")] * 6}
)


def test_each_group_is_told_in_the_order_of_the_data() -> None:
    text = describe(DATA, "n", by="cell", what="Length by cell", names={"lstm": "LSTM"})
    assert text == "Length by cell. LSTM: median 2, from 1 to 3 (3 values). gru: 5 (2 values, all alike). rnn: 9."


def test_of_many_groups_the_ends_and_the_middle_are_told() -> None:
    many = pd.DataFrame({"k": range(20), "n": range(20)})
    text = describe(many, "n", by=["k"], what="Many.")
    assert text.count(":") == 3 and "0: 0" in text and "19: 19" in text


@pytest.mark.parametrize(
    ("y", "by", "message"), [("m", "cell", "column 'm'"), ("n", "x", "column 'x'"), ("bad", "cell", "no finite")]
)
def test_what_cannot_be_told_is_refused(y: str, by: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        describe(DATA, y, by=by, what="x")
