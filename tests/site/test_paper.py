"""Pages as they are printed: nothing of the screen's controls, nothing cut off, and light though the screen is dark."""

from __future__ import annotations

from typing import Any

import pytest

A4 = {"width": 680, "height": 1000}  # what the margins leave of the sheet, in CSS pixels
SHEET = """
() => {
  const shown = selector => [...document.querySelectorAll(selector)].filter(tag => tag.checkVisibility());
  const names = tags => tags.map(tag => tag.outerHTML.slice(0, 100));
  const box = tag => tag.getBoundingClientRect();
  const breaks = selector => [...new Set(shown(selector).map(tag => getComputedStyle(tag).breakInside))];
  const controls = 'summary, button, .book-picture-hint, audio, video, input, nav, #jb-print-docs-body, .headerlink';
  const areas = 'article :is(.table-scroll, pre, .math-scroll, .cell_input, .cell_output)';
  const title = document.querySelector('article h1');
  const next = [...title.parentElement.children].find(tag => tag.matches('h1 ~ :is(p, div)') && tag.checkVisibility());
  return {
    controls: names(shown(controls).filter(tag => box(tag).width && !tag.closest('.chapter-card'))),
    outside: names(shown('article :is(img, table, pre, math, p, figure)').filter(tag => box(tag).right > innerWidth + 1)),
    clipped: names(shown(areas).filter(tag => getComputedStyle(tag).overflowX !== 'visible')
      .filter(tag => tag.scrollWidth > tag.clientWidth + 1 || tag.scrollHeight > tag.clientHeight + 1)),
    flowing: breaks('article :is(.admonition:not(.hide), table, .cell_input pre)'),
    whole: breaks('article :is(figure.book-figure, .cell_input, tr)'),
    tallest: Math.max(0, ...shown('figure.book-figure').map(tag => tag.offsetHeight)),
    title: title.checkVisibility() ? box(title).top : null,
    text: next ? box(next).top : 0,
  };
}
"""


@pytest.fixture(scope="module")
def sheets(browser: Any, address: str, pages: list[str]) -> dict[str, dict[str, Any]]:
    """What each article is like on paper."""
    page = browser.new_page(viewport=A4, color_scheme="light")
    page.emulate_media(media="print")
    found = {}
    for name in pages:
        if name.startswith("chapters/"):
            page.goto(f"{address}/{name}", wait_until="load")
            found[name] = page.evaluate(SHEET)
    page.close()
    return found


@pytest.mark.parametrize("fault", ["controls", "outside", "clipped"])
def test_no_control_is_printed_and_nothing_is_cut_off(fault: str, sheets: dict[str, dict[str, Any]]) -> None:
    assert {name: sheet[fault] for name, sheet in sheets.items() if sheet[fault]} == {}


def test_long_parts_flow_from_sheet_to_sheet_and_figures_stay_whole(sheets: dict[str, dict[str, Any]]) -> None:
    assert {name for name, sheet in sheets.items() if set(sheet["flowing"]) - {"auto"}} == set()
    assert {name for name, sheet in sheets.items() if set(sheet["whole"]) - {"avoid"}} == set()
    assert {name: sheet["tallest"] for name, sheet in sheets.items() if sheet["tallest"] > A4["height"]} == {}


def test_a_page_begins_with_its_title_and_text(sheets: dict[str, dict[str, Any]]) -> None:
    assert {
        name: sheet["title"] for name, sheet in sheets.items() if sheet["title"] is None or sheet["title"] > 60
    } == {}
    assert {name: sheet["text"] for name, sheet in sheets.items() if sheet["text"] > 300} == {}


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
