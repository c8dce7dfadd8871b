"""Narrow screens: no column is out of sight, and figures open at full size, with and without JavaScript."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from test_browser import first_figure_page

PHONE = {"width": 360, "height": 800}
OUT_OF_SIGHT = """
() => [...document.querySelectorAll('table.book-table-stack :is(tbody, tfoot) :is(td, th)')]
  .filter(cell => cell.checkVisibility())
  .filter(cell => { const box = cell.getBoundingClientRect(); return box.left < 0 || box.right > innerWidth; })
  .map(cell => cell.outerHTML.slice(0, 100))
"""
HIDDEN = """
() => [...document.querySelectorAll('table.book-table-stack :is(tbody, tfoot) :is(td, th)')]
  .filter(cell => cell.innerText.trim() && !cell.checkVisibility()).map(cell => cell.outerHTML.slice(0, 100))
"""
LABELS = """
() => [...document.querySelectorAll('table.book-table-stack :is(tbody, tfoot) :is(td, th)')]
  .filter(cell => cell.checkVisibility() && cell.dataset.label)
  .filter(cell => !getComputedStyle(cell, '::before').content.startsWith(JSON.stringify(cell.dataset.label)))
  .map(cell => cell.outerHTML.slice(0, 100))
"""


def with_stacked_tables(site: Path, pages: list[str]) -> list[str]:
    found = [name for name in pages if "book-table-stack" in (site / name).read_text(encoding="utf-8")]
    assert found, "no page of the book holds a table of many columns"
    return found


def test_no_column_is_out_of_sight(browser: Any, address: str, site: Path, pages: list[str]) -> None:
    page = browser.new_page(viewport=PHONE)
    for name in with_stacked_tables(site, pages):
        page.goto(f"{address}/{name}", wait_until="load")
        for script in (OUT_OF_SIGHT, HIDDEN, LABELS):
            assert page.evaluate(script) == [], name
    page.close()


def test_a_wide_screen_shows_a_table(browser: Any, address: str, site: Path, pages: list[str]) -> None:
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.goto(f"{address}/{with_stacked_tables(site, pages)[0]}", wait_until="load")
    cell = page.locator("table.book-table-stack tbody td").first
    assert cell.evaluate("cell => getComputedStyle(cell).display") == "table-cell"
    assert cell.evaluate("cell => getComputedStyle(cell, '::before').content") == "none"
    page.close()


@pytest.mark.parametrize(
    ("scheme", "script", "ground"),
    [("light", True, "rgb(255, 255, 255)"), ("dark", True, "rgb(18, 18, 18)"), ("light", False, "rgb(255, 255, 255)")],
)
def test_a_figure_opens_at_full_size_by_keyboard(
    scheme: str, script: bool, ground: str, browser: Any, address: str, site: Path, pages: list[str]
) -> None:
    context = browser.new_context(viewport=PHONE, color_scheme=scheme, java_script_enabled=script)
    page = context.new_page()
    page.goto(f"{address}/{first_figure_page(site, pages)}", wait_until="load")
    link = page.locator(f".book-picture-open.only-{scheme}").first
    assert link.locator(".book-picture-hint").is_visible()
    link.focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/figures/*.svg#full")
    assert urlsplit(page.url).path.endswith(".dark.svg") is (scheme == "dark")
    drawing = page.locator("svg#full")
    box = drawing.bounding_box()
    assert box is not None
    assert box["width"] >= 2.5 * PHONE["width"]
    assert drawing.evaluate("svg => getComputedStyle(svg).backgroundColor") == ground
    context.close()
