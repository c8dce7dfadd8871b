"""Opening every page of the built site once, and what each did then: wide and light, narrow and dark."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

LIMIT = 1_000_000  # bytes a page may weigh before its figures: HTML, CSS, JS, fonts, uncompressed
NARROW = 400
BETWEEN = (1100, 1000, 768)
AXE = {"preload": False, "resultTypes": ["violations"]}  # without preload, since axe fetches style sheets wrongly
WIDE = {**AXE, "rules": {"color-contrast": {"enabled": False}}}
NARROW_SCREEN = {**AXE, "runOnly": ["scrollable-region-focusable"]}  # what the width can change
CONTRAST = {**AXE, "runOnly": ["color-contrast"]}
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
  for (const animation of document.getAnimations()) animation.finish();
}
"""  # folds fade in: half faded text has another contrast than the text that a reader sees
THINNED = """
() => {
  const looks = new Set(), again = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const text = walker.currentNode, style = getComputedStyle(text.parentElement);
    const look = [style.color, style.fontSize, style.fontWeight];
    for (let around = text.parentElement; around; around = around.parentElement) {
      const {backgroundColor, backgroundImage, opacity} = getComputedStyle(around);
      const ground = [backgroundColor, backgroundImage, opacity].join();
      if (ground !== 'rgba(0, 0, 0, 0),none,1') look.push(ground);
    }
    const key = look.join();
    if (looks.has(key)) again.push(text); else if (text.data.trim()) looks.add(key);
  }
  for (const text of again) text.data = ' ';
}
"""  # contrast follows from ink, size and grounds: one text of each look is enough, and a page has thousands


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
    overflow: dict[int, int] = field(default_factory=dict)


def open_context(browser: Any) -> Any:
    return browser.new_context(viewport={"width": 1280, "height": 900}, color_scheme="light")


def open_page(browser: Any, visit: Visit, context: Any = None) -> Any:
    page = (context or open_context(browser)).new_page()

    def see(request: Any) -> None:
        if urlsplit(request.url).hostname not in {"127.0.0.1", None}:
            visit.outside.append(request.url)

    page.on("request", see)
    page.on("console", lambda message: visit.console.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: visit.console.append(str(error)))
    page.on("requestfailed", lambda request: visit.failed.append(request.url))
    page.on("response", lambda answer: visit.failed.append(answer.url) if answer.status >= 400 else None)
    return page


def visit_all(browser: Any, address: str, site: Path, pages: list[str]) -> dict[str, Visit]:
    """Every page but the first, which only sends the reader on: wide and light, then again dark and narrow."""
    found = {}
    context = open_context(browser)
    for name in pages:
        visit = found[name] = Visit()
        if name == "index.html":
            visit.status = context.request.get(f"{address}/{name}").status
            continue
        page = open_page(browser, visit, context=context)
        visit.status = page.goto(f"{address}/{name}", wait_until="load").status
        visit.scripts = page.eval_on_selector_all("script[src]", "tags => tags.map(t => t.src)")
        sizes = [size for url, size in page.evaluate(SIZES) if not is_figure(url)]
        visit.weight = int(sum(sizes)) + (site / name).stat().st_size
        look_at(page, visit, WIDE)
        for width in BETWEEN:
            page.set_viewport_size({"width": width, "height": 900})
            visit.overflow[width] = overflow(page)
        page.goto("about:blank")  # else what the dark page fetches at once is called off by the second visit
        page.emulate_media(color_scheme="dark")
        page.set_viewport_size({"width": NARROW, "height": 900})
        page.goto(f"{address}/{name}", wait_until="load")
        visit.overflow[NARROW] = overflow(page)
        look_at(page, visit, NARROW_SCREEN)
        page.close()
    context.close()
    return found


def overflow(page: Any) -> int:
    """Pixels by which a page is wider than its window."""
    return page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")


def look_at(page: Any, visit: Visit, rules: dict[str, Any]) -> None:
    """Pictures that do not load, and barriers for readers, on a page as it stands."""
    from axe_playwright_python.sync_playwright import Axe

    visit.unloaded += page.evaluate(UNLOADED)
    page.evaluate(OPENED)
    theme = page.evaluate("document.documentElement.dataset.theme")
    found = Axe().run(page, options=rules).response["violations"]
    page.evaluate(THINNED)
    found += Axe("null").run(page, options=CONTRAST).response["violations"]  # axe is on the page by now
    for violation in found:
        if violation["impact"] in {"serious", "critical"}:
            visit.violations.append(f"{theme}: {violation['id']}: {violation['nodes'][0]['html'][:120]}")


class Pages:
    """What holds for every page of one half of the book; two files take a half each, so that two browsers look at once."""

    half: int

    def test_every_page_answers(self, visits: dict[str, Visit]) -> None:
        assert {name: visit.status for name, visit in visits.items() if visit.status != 200} == {}

    def test_no_page_complains_in_the_console(self, visits: dict[str, Visit]) -> None:
        assert reports(visits, "console") == []

    def test_no_page_asks_another_server(self, visits: dict[str, Visit]) -> None:
        assert reports(visits, "outside") == []

    def test_everything_a_page_asks_for_is_there(self, visits: dict[str, Visit]) -> None:
        assert reports(visits, "failed") == []

    def test_pictures_are_loaded(self, visits: dict[str, Visit]) -> None:
        assert reports(visits, "unloaded") == []

    def test_pages_are_light(self, visits: dict[str, Visit]) -> None:
        weights = {name: visit.weight for name, visit in visits.items()}
        print({name: f"{weight / 1e6:.2f} MB" for name, weight in weights.items()})
        assert {name: weight for name, weight in weights.items() if weight > LIMIT} == {}

    def test_accessibility_has_no_serious_violation(self, visits: dict[str, Visit]) -> None:
        assert reports(visits, "violations") == []

    def test_no_screen_scrolls_sideways(self, visits: dict[str, Visit]) -> None:
        assert {
            name: visit.overflow for name, visit in visits.items() if max(visit.overflow.values(), default=0) > 1
        } == {}

    def test_no_script_sets_the_maths(self, visits: dict[str, Visit]) -> None:
        assert not [script for visit in visits.values() for script in visit.scripts if "mathjax" in script.lower()]


def is_figure(url: str) -> bool:
    path = urlsplit(url).path
    return path.startswith(("/figures/", "/_images/")) or path.endswith((".png", ".jpg"))


def reports(visits: dict[str, Visit], field_name: str) -> list[str]:
    return [f"{name}: {entry}" for name, visit in visits.items() for entry in getattr(visit, field_name)]
