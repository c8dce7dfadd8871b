"""Texts of the pages for the search, so that its results have excerpts; a script holds them, as pages opened from a
disk may load scripts and may not fetch each other."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

from bs4 import BeautifulSoup, SoupStrainer, Tag
from sphinx.application import Sphinx
from sphinx.config import Config

from bookkit.sphinx_ext.polish import without_tex

TEXTS = "_static/searchtexts.js"
BLOCKS = ["p", "li", "dt", "dd", "tr", "pre"]
UNREAD = ".book-card, .headerlink, .book-picture, script, style, summary"
Section = tuple[str, str, list[str]]


def no_fetching(app: Sphinx, config: Config) -> None:
    """Keep Sphinx from fetching the page of each result: the excerpts come from the script."""
    config.html_show_search_summary = False


def write_texts(app: Sphinx, error: Exception | None) -> None:
    """Write the texts of all pages, and load what shows them on the page of the search."""
    outdir = Path(app.outdir)
    search = outdir / "search.html"
    if error or app.builder.format != "html" or not search.is_file():
        return
    pages = [name for page in sorted(app.env.found_docs) if (outdir / (name := f"{page}.html")).is_file()]
    texts = {name: sections((outdir / name).read_text(encoding="utf-8")) for name in pages}
    lines = ",\n".join(f"{json.dumps(name)}: {json.dumps(found, ensure_ascii=False)}" for name, found in texts.items())
    (outdir / TEXTS).write_text(f"const BOOK_TEXTS = {{\n{lines}\n}};\n", encoding="utf-8")
    loading = '<script defer src="_static/search.js"></script>\n</body>'
    search.write_text(search.read_text(encoding="utf-8").replace("</body>", loading), encoding="utf-8")


def sections(page: str) -> list[Section]:
    """Sections of a page: anchor, heading and the texts directly in them, a paragraph, point or row each."""
    article = BeautifulSoup(page, "html.parser", parse_only=SoupStrainer("article"))
    for tag in article.select(UNREAD):
        tag.decompose()
    for formula in article.select("math"):
        formula.replace_with(without_tex(str(formula.get("alttext", ""))))
    found = []
    for section in article.find_all("section"):
        heading = section.find(re.compile(r"^h[1-6]$"))
        title = plain(heading) if heading else ""
        found.append((str(section.get("id", "")), title, list(_texts(section))))
    return found


def plain(tag: Tag) -> str:
    """Text of a tag on one line; the cells of a row are set apart."""
    cells = tag.find_all(["td", "th"]) if tag.name == "tr" else []
    text = " · ".join(filter(None, (cell.get_text().strip() for cell in cells))) if cells else tag.get_text()
    return " ".join(text.split())


def _texts(section: Tag) -> Iterator[str]:
    for tag in section.find_all(BLOCKS):
        inner = tag.name != "tr" and (tag.find(BLOCKS) or tag.find_parent("tr"))
        if not inner and tag.find_parent("section") is section and (text := plain(tag)):
            yield text


def setup(app: Sphinx) -> None:
    """Write the texts once the pages are mended."""
    app.connect("config-inited", no_fetching)
    app.connect("build-finished", write_texts, priority=850)
