"""Pages as they are printed: nothing of the screen's controls, nothing cut off, and light though the screen is dark."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

A4 = {"width": 680, "height": 1000}  # what the margins leave of the sheet, in CSS pixels
CONTROLS = "summary, button, audio, video, input, nav, .sidebar, #jb-print-docs-body, .copybtn, .headerlink"
SHOWN = "tag => tag.checkVisibility() && tag.getClientRects().length > 0"
STICKING_OUT = """
() => [...document.querySelectorAll('article :is(img, table, pre, math, p, figure)')]
  .filter(tag => tag.checkVisibility() && tag.getBoundingClientRect().right > innerWidth + 1)
  .map(tag => tag.outerHTML.slice(0, 80))
"""
CLIPPED = """
() => [...document.querySelectorAll('article :is(.table-scroll, pre, .math-scroll, .cell_input, .cell_output)')]
  .filter(tag => tag.checkVisibility() && getComputedStyle(tag).overflowX !== 'visible')
  .filter(tag => tag.scrollWidth > tag.clientWidth + 1 || tag.scrollHeight > tag.clientHeight + 1)
  .map(tag => tag.outerHTML.slice(0, 80))
"""
BREAKS = """
selector => [...document.querySelectorAll(`article ${selector}`)].map(tag => getComputedStyle(tag).breakInside)
"""


@pytest.fixture(scope="module")
def sheets(browser: Any, address: str, pages: list[str]) -> Iterator[tuple[Any, list[str]]]:
    """A window that shows pages as paper does, and the addresses of all articles."""
    context = browser.new_context(viewport=A4, color_scheme="light")
    page = context.new_page()
    page.emulate_media(media="print")
    yield page, [f"{address}/{name}" for name in pages if name.startswith("chapters/")]
    context.close()


def test_no_control_is_printed(sheets: tuple[Any, list[str]]) -> None:
    page, addresses = sheets
    for link in addresses:
        page.goto(link, wait_until="load")
        found = page.locator(CONTROLS).evaluate_all(
            f"tags => tags.filter({SHOWN}).filter(tag => !tag.closest('.chapter-card')).map(tag => tag.outerHTML)"
        )
        assert [html[:100] for html in found] == [], link


def test_nothing_sticks_out_of_the_sheet_or_is_clipped(sheets: tuple[Any, list[str]]) -> None:
    page, addresses = sheets
    for link in addresses:
        page.goto(link, wait_until="load")
        assert page.evaluate(STICKING_OUT) == [], link
        assert page.evaluate(CLIPPED) == [], link


def test_long_parts_flow_from_sheet_to_sheet_and_figures_stay_whole(sheets: tuple[Any, list[str]]) -> None:
    page, addresses = sheets
    for link in addresses:
        page.goto(link, wait_until="load")
        assert set(page.evaluate(BREAKS, ":is(.admonition:not(.hide), table, pre)")) <= {"auto"}, link
        assert set(page.evaluate(BREAKS, ":is(figure.book-figure, .cell_input, tr)")) <= {"avoid"}, link
        heights = page.locator("figure.book-figure").evaluate_all(
            f"tags => tags.filter({SHOWN}).map(t => t.offsetHeight)"
        )
        assert max(heights, default=0) <= A4["height"], link


def test_the_page_begins_with_its_title_and_text(sheets: tuple[Any, list[str]]) -> None:
    page, addresses = sheets
    for link in addresses:
        page.goto(link, wait_until="load")
        title = page.locator("article h1")
        assert title.is_visible(), link
        assert title.bounding_box()["y"] < 60, link
        assert page.locator("article h1 ~ p, article h1 ~ div").first.bounding_box()["y"] < 300, link


def test_what_a_reader_opened_is_printed(browser: Any, address: str, site: Any, pages: list[str]) -> None:
    name = next(name for name in pages if "above-input" in (site / name).read_text(encoding="utf-8"))
    page = browser.new_page(viewport=A4)
    page.goto(f"{address}/{name}", wait_until="load")
    code = page.locator("details.hide.above-input").first
    code.locator("summary").click()
    page.emulate_media(media="print")
    assert code.locator("pre").is_visible()
    assert not page.locator("details.hide.above-input").nth(1).is_visible()
    page.close()


def test_a_dark_page_is_printed_light(browser: Any, address: str, site: Any, pages: list[str]) -> None:
    name = next(name for name in pages if "book-picture" in (site / name).read_text(encoding="utf-8"))
    page = browser.new_page(viewport=A4, color_scheme="dark")
    page.goto(f"{address}/{name}", wait_until="load")
    page.evaluate("""() => addEventListener('beforeprint', () => {
      const shown = [...document.querySelectorAll('.book-picture img')].filter(image => image.checkVisibility());
      window.seen = [document.documentElement.dataset.theme, ...new Set(shown.map(image => image.className))];
    })""")
    assert len(page.pdf()) > 10_000
    assert page.evaluate("window.seen") == ["light", "only-light"]
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    page.close()
