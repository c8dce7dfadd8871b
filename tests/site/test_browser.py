"""The built site as a reader's browser sees it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from bs4 import BeautifulSoup

LIMIT = 1_000_000  # bytes a page may weigh before its figures: HTML, CSS, JS, fonts, uncompressed
NARROW = 400
AXE = {"preload": False, "resultTypes": ["violations"]}  # without preload, since axe fetches style sheets wrongly
AXE_NARROW = {**AXE, "runOnly": ["color-contrast", "scrollable-region-focusable"]}  # what theme and width can change
SIZES = "performance.getEntriesByType('resource').map(e => [e.name, e.decodedBodySize])"
UNLOADED = """
async () => {
  const shown = [...document.querySelectorAll('img')].filter(i => getComputedStyle(i).display !== 'none');
  for (const image of shown) { image.loading = 'eager'; await image.decode().catch(() => null); }
  return shown.filter(i => !i.naturalWidth).map(i => i.src);
}
"""


OPENED = """
async () => {
  for (const fold of document.querySelectorAll('details')) fold.open = true;
  await new Promise(drawn => requestAnimationFrame(() => requestAnimationFrame(drawn)));
  await Promise.allSettled(document.getAnimations().map(animation => animation.finished));
}
"""  # folds fade in: half faded text has another contrast than the text that a reader sees


@dataclass
class Visit:
    """What one page did when it was opened."""

    status: int = 0
    console: list[str] = field(default_factory=list)
    outside: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    unloaded: list[str] = field(default_factory=list)
    weight: int = 0
    scripts: list[str] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)
    overflow: int = 0


def open_page(browser: Any, visit: Visit, scheme: str = "light", width: int = 1280) -> Any:
    page = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme).new_page()

    def guard(route: Any) -> None:
        if urlsplit(route.request.url).hostname in {"127.0.0.1", None}:
            route.continue_()
        else:
            visit.outside.append(route.request.url)
            route.abort()

    page.route("**/*", guard)
    page.on("console", lambda message: visit.console.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: visit.console.append(str(error)))
    page.on("requestfailed", lambda request: visit.failed.append(request.url))
    page.on("response", lambda answer: visit.failed.append(answer.url) if answer.status >= 400 else None)
    return page


@pytest.fixture(scope="module")
def visits(browser: Any, address: str, site: Path, pages: list[str]) -> dict[str, Visit]:
    """Every page, opened once wide and light, once narrow and dark."""
    from axe_playwright_python.sync_playwright import Axe

    found = {}
    for name in pages:
        visit = found[name] = Visit()
        if name == "index.html":  # only sends the reader on to the first page
            page = open_page(browser, visit)
            visit.status = page.request.get(f"{address}/{name}").status
            page.context.close()
            continue
        for scheme, width in (("light", 1280), ("dark", NARROW)):
            page = open_page(browser, visit, scheme, width)
            answer = page.goto(f"{address}/{name}", wait_until="load")
            visit.status = answer.status
            if scheme == "light" and width == 1280:
                visit.scripts = page.eval_on_selector_all("script[src]", "tags => tags.map(t => t.src)")
                sizes = [size for url, size in page.evaluate(SIZES) if not is_figure(url)]
                visit.weight = int(sum(sizes)) + (site / name).stat().st_size
            visit.unloaded += page.evaluate(UNLOADED)
            visit.overflow = max(visit.overflow, page.evaluate("document.documentElement.scrollWidth") - width)
            page.evaluate(OPENED)
            for violation in Axe().run(page, options=AXE if width > NARROW else AXE_NARROW).response["violations"]:
                if violation["impact"] in {"serious", "critical"}:
                    where = violation["nodes"][0]["html"][:120]
                    visit.violations.append(f"{scheme}, {width} px: {violation['id']}: {where}")
            page.context.close()
    return found


def is_figure(url: str) -> bool:
    path = urlsplit(url).path
    return path.startswith(("/figures/", "/_images/")) or path.endswith((".png", ".jpg"))


def reports(visits: dict[str, Visit], field_name: str) -> list[str]:
    return [f"{name}: {entry}" for name, visit in visits.items() for entry in getattr(visit, field_name)]


def test_every_page_answers(visits: dict[str, Visit]) -> None:
    assert {name: visit.status for name, visit in visits.items() if visit.status != 200} == {}


def test_no_page_complains_in_the_console(visits: dict[str, Visit]) -> None:
    assert reports(visits, "console") == []


def test_no_page_asks_another_server(visits: dict[str, Visit]) -> None:
    assert reports(visits, "outside") == []


def test_everything_a_page_asks_for_is_there(visits: dict[str, Visit]) -> None:
    assert reports(visits, "failed") == []


def test_pictures_are_loaded(visits: dict[str, Visit]) -> None:
    assert reports(visits, "unloaded") == []


def test_pages_are_light(visits: dict[str, Visit]) -> None:
    weights = {name: visit.weight for name, visit in visits.items()}
    print({name: f"{weight / 1e6:.2f} MB" for name, weight in weights.items()})
    assert {name: weight for name, weight in weights.items() if weight > LIMIT} == {}


def test_accessibility_has_no_serious_violation(visits: dict[str, Visit]) -> None:
    assert reports(visits, "violations") == []


def test_narrow_screens_do_not_scroll_sideways(visits: dict[str, Visit]) -> None:
    assert {name: visit.overflow for name, visit in visits.items() if visit.overflow > 1} == {}


def test_maths_is_native(visits: dict[str, Visit], browser: Any, address: str, site: Path, pages: list[str]) -> None:
    assert not [script for visit in visits.values() for script in visit.scripts if "mathjax" in script.lower()]
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
    page = open_page(browser, Visit(), "light")
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


@pytest.mark.parametrize("scheme", ["http", "file"])
def test_search_finds_a_word(scheme: str, browser: Any, address: str, site: Path, pages: list[str]) -> None:
    name = first_figure_page(site, pages)
    article = BeautifulSoup((site / name).read_text(encoding="utf-8"), "html.parser").select_one("article.bd-article")
    assert article is not None
    words = re.findall(r"\b[a-z]{7,14}\b", " ".join(part.get_text() for part in article.find_all("p", recursive=True)))
    word = max(words, key=lambda candidate: (len(candidate), candidate))
    root = address if scheme == "http" else site.as_uri()
    page = open_page(browser, Visit())
    page.goto(f"{root}/search.html?q={word}")
    page.wait_for_selector("#search-results ul.search li a", timeout=10_000)
    found = page.locator("#search-results ul.search li a").evaluate_all("links => links.map(link => link.href)")
    assert any(Path(name).name in link for link in found), f"{word!r} found on {found}"
    page.context.close()
