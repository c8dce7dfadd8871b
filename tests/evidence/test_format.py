"""Numbers and lists read as a reader would write them."""

from __future__ import annotations

import pytest

from evidence.format import listed, scientific

SPACE = "\N{NO-BREAK SPACE}"


@pytest.mark.parametrize(
    ("parts", "text"), [(["a"], "a"), (["a", "b"], "a and b"), (["a", "b", "c"], "a, b and c"), (iter("ab"), "a and b")]
)
def test_parts_stand_in_a_row(parts: list[str], text: str) -> None:
    assert listed(parts) == text


def test_the_last_word_may_be_another() -> None:
    assert listed(["1", "2", "3"], "or") == "1, 2 or 3"


@pytest.mark.parametrize(
    ("value", "text"), [(5.3e-7, "5 × 10⁻⁷"), (1e-15, "1 × 10⁻¹⁵"), (9.6e-7, "1 × 10⁻⁶"), (2e3, "2 × 10³")]
)
def test_small_numbers_have_a_power_of_ten(value: float, text: str) -> None:
    assert scientific(value).replace(SPACE, " ") == text
