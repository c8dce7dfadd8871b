"""The built site on a narrow screen, dark; apart from the wide one so that two browsers look at once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from visiting import NARROW, Visit, reports, visit_all


@pytest.fixture(scope="module")
def narrow(browser: Any, address: str, site: Path, pages: list[str]) -> dict[str, Visit]:
    return visit_all(browser, address, site, pages, "dark", NARROW)


@pytest.mark.parametrize("what", ["console", "outside", "failed", "unloaded", "violations"])
def test_a_narrow_dark_page_is_as_sound_as_a_wide_one(narrow: dict[str, Visit], what: str) -> None:
    """No error, no request to another server, nothing missing, no serious barrier of the kinds that theme or width make."""
    assert {name: visit.status for name, visit in narrow.items() if visit.status != 200} == {}
    assert reports(narrow, what) == []


def test_narrow_screens_do_not_scroll_sideways(narrow: dict[str, Visit]) -> None:
    assert {name: visit.overflow for name, visit in narrow.items() if visit.overflow > 1} == {}
