"""The built site as a reader's browser sees it: half of its pages, then formulas, figure cards, themes and the search."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from bs4 import BeautifulSoup
from visiting import WIDE, Pages, Visit, look_at, open_page


class TestPages(Pages):
    half = 0


def test_faint_text_is_seen_though_much_text_like_it_came_before(browser: Any) -> None:
    page, visit = open_page(browser, Visit()), Visit()
    clear = "<p>clear</p><p>clear <b>and</b> clear</p>" * 20
    faint = "<p style='background: #666'>same ink, other ground</p><p style='opacity: .3'>faded</p>"
    page.set_content(f"<html lang='en'><title>t</title><body style='color: #444'><main><h1>h</h1>{clear}{faint}</main>")
    look_at(page, visit, WIDE)
    assert len(visit.violations) == 1
    nodes = page.evaluate("axe.run({runOnly: ['color-contrast']}).then(found => found.violations[0].nodes.length)")
    assert nodes == 2
    page.context.close()


def test_maths_is_native(browser: Any, address: str, site: Path, pages: list[str]) -> None:
    name = next((page for page in pages if "<math" in (site / page).read_text(encoding="utf-8")), None)
    assert name, "no page of the book holds a formula"
    page = open_page(browser, Visit())
    page.goto(f"{address}/{name}")
    box = page.locator("article math").first.bounding_box()
    assert box is not None
    assert box["width"] > 4
    assert box["height"] > 4
    assert page.evaluate("document.fonts.ready.then(() => document.fonts.check('16px \"Book Maths\"'))")
    page.context.close()


def first_figure_page(site: Path, pages: list[str]) -> str:
    for name in pages:
        if "figure-card" in (site / name).read_text(encoding="utf-8"):
            return name
    pytest.fail("no page of the book holds a figure card", pytrace=False)


def test_the_figure_card_opens_and_its_downloads_answer(
    browser: Any, address: str, site: Path, pages: list[str]
) -> None:
    name = first_figure_page(site, pages)
    page = open_page(browser, Visit())
    page.goto(f"{address}/{name}")
    card = page.locator("details.figure-card").first
    assert not card.locator(".book-card-body").is_visible()
    card.locator("summary").click()
    assert card.locator(".book-card-body").is_visible()
    text = card.inner_text()
    assert "@misc{" in text
    assert "papermill chapters/" in text
    links = card.locator("a[download]").evaluate_all("links => links.map(link => link.href)")
    assert {Path(urlsplit(link).path).suffix for link in links} == {".svg", ".pdf", ".png", ".csv"}
    for link in links:
        answer = page.request.get(link)
        assert answer.status == 200, link
        assert len(answer.body()) > 0, link
    page.context.close()


def test_the_theme_switch_shows_the_dark_drawing(browser: Any, address: str, site: Path, pages: list[str]) -> None:
    page = open_page(browser, Visit())
    page.goto(f"{address}/{first_figure_page(site, pages)}")
    light, dark = (page.locator(f".book-picture img.only-{theme}").first for theme in ("light", "dark"))
    light.wait_for(state="visible")
    assert not dark.is_visible()
    for _ in range(3):
        if page.evaluate("document.documentElement.dataset.theme") == "dark":
            break
        page.locator(".theme-switch-button").first.click()
    dark.wait_for(state="attached")
    dark.evaluate("image => image.parentElement.scrollIntoView()")  # lazy: it is fetched when it comes near
    dark.wait_for(state="visible")
    assert not light.is_visible()
    assert dark.evaluate("image => image.decode().then(() => image.naturalWidth)") > 0
    page.context.close()


@pytest.mark.parametrize("start", ["http", "file"])
def test_search_finds_a_word(start: str, browser: Any, address: str, site: Path, pages: list[str]) -> None:
    name = first_figure_page(site, pages)
    article = BeautifulSoup((site / name).read_text(encoding="utf-8"), "html.parser").select_one("article.bd-article")
    assert article is not None
    words = re.findall(r"\b[a-z]{7,14}\b", " ".join(part.get_text() for part in article.find_all("p", recursive=True)))
    word = max(words, key=lambda candidate: (len(candidate), candidate))
    root = address if start == "http" else site.as_uri()
    page = open_page(browser, Visit())
    page.goto(f"{root}/search.html?q={word}")
    page.wait_for_selector("#search-results ul.search li a", timeout=10_000)
    found = page.locator("#search-results ul.search li a").evaluate_all("links => links.map(link => link.href)")
    assert any(Path(name).name in link for link in found), f"{word!r} found on {found}"
    page.context.close()


@pytest.mark.parametrize("scheme", ["http", "file"])
def test_results_of_a_search_have_excerpts_with_the_word(
    scheme: str, browser: Any, address: str, site: Path, pages: list[str]
) -> None:
    root = address if scheme == "http" else site.as_uri()
    page = open_page(browser, visit := Visit())
    page.goto(f"{root}/search.html?q=gradients")
    page.wait_for_function("document.querySelector('.search-summary')?.innerText.includes('finished')", timeout=10_000)
    results = page.locator("#search-results ul.search > li")
    assert results.count() > 1
    assert results.evaluate_all("items => items.filter(item => !item.querySelector('p.context')).length") == 0
    excerpts = page.locator("#search-results p.context").all_inner_texts()
    assert sum("gradient" in text.lower() for text in excerpts) > len(excerpts) / 2
    assert max(len(text) for text in excerpts) < 400
    for link in page.locator("#search-results p.context a").evaluate_all("links => links.map(link => link.href)"):
        file, anchor = urlsplit(link).path.removeprefix("" if scheme == "http" else str(site)), urlsplit(link).fragment
        assert f'id="{anchor}"' in (site / file.lstrip("/")).read_text(encoding="utf-8")
    assert visit.console == []
    assert visit.failed == []
    page.context.close()


def test_what_is_searched_for_is_never_markup(browser: Any, address: str) -> None:
    page = open_page(browser, Visit())
    page.goto(f"{address}/search.html?q=<img src=x onerror=document.title=1> gradient (")
    page.wait_for_selector("#search-results ul.search li, .search-summary", timeout=10_000)
    assert page.locator("#search-results img").count() == 0
    page.context.close()


def test_the_source_of_a_page_is_downloaded(browser: Any, address: str, site: Path, pages: list[str]) -> None:
    page = open_page(browser, Visit())
    page.context.route("**/*.ipynb", lambda route: route.fulfill(body="{}", content_type="application/json"))
    page.goto(f"{address}/{first_figure_page(site, pages)}")
    page.locator(".dropdown-download-buttons > button").click()
    with page.expect_download() as download:
        page.locator("a.btn-download-source-button").click()
    assert download.value.suggested_filename.endswith(".ipynb")
    page.context.close()
