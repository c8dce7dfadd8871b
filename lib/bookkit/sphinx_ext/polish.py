"""Last touches on finished pages: mends of the theme's markup, and nothing on them that asks another server."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from bs4 import BeautifulSoup, Tag
from sphinx.application import Sphinx

FIRST_PAINT = """
    const stored = key => { try { return localStorage.getItem(key); } catch { return null; } };
    const dark = matchMedia("(prefers-color-scheme: dark)").matches;
    const mode = stored("mode") || "auto";
    document.documentElement.dataset.mode = mode;
    document.documentElement.dataset.theme = mode === "auto" ? (dark ? "dark" : "light") : mode;
  """
OUTSIDE = re.compile(r"fontawesome\.js|thebe|mathjax|unpkg\.com|cdn\.jsdelivr", re.IGNORECASE)
FEW_COLUMNS = 3
"""Columns that fit on a narrow screen."""
ROLES = {
    "thead, tbody, tfoot": "rowgroup",
    "tr": "row",
    "td": "cell",
    "thead th": "columnheader",
    ":is(tbody, tfoot) th": "rowheader",
}
SEARCH = r"searchtools\.js|language_data\.js|searchindex\.js"


def polish_site(app: Sphinx, error: Exception | None) -> None:
    """Mend every page of a finished HTML build."""
    if error or app.builder.format != "html":
        return
    outdir = Path(app.outdir)
    for path in sorted(outdir.rglob("*.html")):
        if "_static" in path.relative_to(outdir).parts:
            continue
        page = polish(path.read_text(encoding="utf-8"), bool(app.config.html_baseurl), path.name == "search.html")
        path.write_text(page, encoding="utf-8")
    sources = Path(app.srcdir) / "_book" / "sources"
    if sources.is_dir():
        shutil.copytree(sources, outdir / "_sources", dirs_exist_ok=True)


def polish(page: str, has_address: bool = False, searches: bool = False) -> str:
    """Mend one page.

    Args:
        page: its HTML.
        has_address: whether the address of the site is known; without one, social tags that need it are left out.
        searches: whether this is the search page, the only one that needs the index of the whole book.
    """
    soup = BeautifulSoup(page, "html.parser")
    _drop_scripts(soup, OUTSIDE if searches else re.compile(f"{OUTSIDE.pattern}|{SEARCH}", re.IGNORECASE))
    _choose_theme(soup)
    _describe(soup, has_address)
    _name_controls(soup)
    _mend_roles(soup)
    _wrap_tables(soup)
    _stack_tables(soup)
    _download_sources(soup)
    return str(soup)


def _drop_scripts(soup: BeautifulSoup, unwanted: re.Pattern[str]) -> None:
    for tag in soup.find_all(["script", "link"]):
        address = str(tag.get("src") or tag.get("href") or "")
        loads = tag.name == "script" or tag.get("rel") == ["stylesheet"]
        if loads and unwanted.search(address):
            tag.decompose()


def _choose_theme(soup: BeautifulSoup) -> None:
    """Know the theme before the first paint: the theme's own script decides later, and the page would flash."""
    for tag in soup.find_all("html"):
        tag["data-theme"] = "light"
    for tag in soup.find_all("script"):
        if "documentElement.dataset.theme" in tag.get_text():
            tag.string = FIRST_PAINT


def _describe(soup: BeautifulSoup, has_address: bool) -> None:
    for tag in soup.find_all("meta"):
        kind = str(tag.get("property") or tag.get("name") or "")
        if kind in {"og:description", "description", "og:title", "twitter:description"}:
            tag["content"] = without_tex(str(tag.get("content", "")))
        if not has_address and kind in {"og:url", "og:image"}:
            tag.decompose()
    for tag in soup.find_all("link", rel="canonical"):
        if not has_address:
            tag.decompose()


def without_tex(text: str) -> str:
    """Description of a page with its TeX turned into something that can be read aloud."""
    text = re.sub(r"\\(?:mathbf|mathrm|boldsymbol|mathbb|text|operatorname|tilde|hat)\s*\{([^{}]*)\}", r"\1", text)
    text = re.sub(r"\\(?:left|right|big|Big|,|;|!|quad)(?![a-z])", " ", text)
    text = re.sub(r"\\([a-zA-Z]+)", r"\1", text)
    text = re.sub(r"[_^]\{([^{}]*)\}", r"\1", text)
    text = re.sub(r"[{}$\\]", "", text)
    return re.sub(r"(?<=[\[(]) | (?=[\]),.;:])", "", re.sub(r"\s+", " ", text)).strip()


def _name_controls(soup: BeautifulSoup) -> None:
    """Give each button a name that holds the words it shows."""
    for button in soup.select("button.search-button-field"):
        button.attrs.pop("aria-label", None)
        for key in button.select(".search-button__kbd-shortcut"):
            key["aria-hidden"] = "true"
    for button in soup.select("button[title], button[aria-label], a[title]"):
        if not button.get("aria-label") and button.get("title") and not button.get_text(strip=True):
            button["aria-label"] = button["title"]
    for button in soup.select("button[data-bs-toggle=dropdown]"):
        button.attrs.pop("title", None)
    for summary in soup.select("details.hide summary[aria-label]"):
        summary.attrs.pop("aria-label")
    for icon in soup.select("i[class*=fa-], span.fa-solid"):
        icon["aria-hidden"] = "true"
        icon.attrs.pop("title", None)
    for link in soup.select("a.headerlink"):
        title = str(link.get("title") or "Link here")
        link["aria-label"] = title


def _mend_roles(soup: BeautifulSoup) -> None:
    """Take away roles that bibliography and search markup put where they are not allowed, and add missing landmarks."""
    for tag in soup.select("[role^=doc-]"):
        if tag["role"] in {"doc-biblioentry", "doc-biblioref", "doc-noteref", "doc-backlink", "doc-footnote"}:
            del tag["role"]
    for tag in soup.select("div.citation-list, div.citation"):
        tag.attrs.pop("role", None)
    for tag in soup.select("div#pst-primary-sidebar"):
        tag["role"] = "complementary"
        tag["aria-label"] = "Book"
    for tag in soup.select("div#pst-skip-link"):
        tag["role"] = "navigation"
        tag["aria-label"] = "Skip"


def _wrap_tables(soup: BeautifulSoup) -> None:
    """Let wide tables scroll by themselves instead of moving the page."""
    for table in soup.select("article table"):
        if table.find_parent(class_="table-scroll") is None and table.find_parent("table") is None:
            table.wrap(soup.new_tag("div", attrs={"class": "table-scroll"}))


def _stack_tables(soup: BeautifulSoup) -> None:
    """Prepare tables of many columns for narrow screens, where each row becomes a list of named cells.

    The style sheet makes blocks of rows and cells there, so their roles are said in words.
    """
    for table in soup.select("article table:is(.table, .book-table)"):
        heads = [head.get_text(" ", strip=True) for head in table.select("thead tr:last-child th")]
        if len(heads) <= FEW_COLUMNS or table.select("[colspan], [rowspan]"):
            continue
        _add_class(table, "book-table-stack")
        table["role"] = "table"
        for selector, role in ROLES.items():
            for part in table.select(selector):
                part["role"] = role
        above = ""
        for row in table.select(":is(tbody, tfoot) tr"):
            cells = row.find_all(["td", "th"], recursive=False)
            boxes = [_name_cell(soup, cell, head) for head, cell in zip(heads, cells, strict=True)]
            above = _carry_down(boxes[0], above)


def _name_cell(soup: BeautifulSoup, cell: Tag, head: str) -> Tag:
    """Give a cell its column's name, and put its content into one box."""
    cell["data-label"] = head
    if not cell.get_text(strip=True) and not cell.find("img"):
        _add_class(cell, "book-cell-empty")
    box = soup.new_tag("div")
    box.extend(list(cell.contents))
    cell.append(box)
    return box


def _add_class(tag: Tag, name: str) -> None:
    tag["class"] = " ".join([*(tag.get("class") or []), name])


def _carry_down(first: Tag, above: str) -> str:
    """Note in an empty first cell what stands above it: under it that means “the same”, and alone it would say nothing."""
    text = first.get_text(" ", strip=True)
    if not text and above:
        first["data-above"] = above
    return text or above


def _download_sources(soup: BeautifulSoup) -> None:
    """Let the source of a page be saved: a browser would show a notebook as the JSON that it is."""
    for link in soup.select("a.btn-download-source-button"):
        link["download"] = str(link["href"]).rpartition("/")[2]
        link.attrs.pop("target", None)


def setup(app: Sphinx) -> None:
    """Mend pages after the theme has written them and before their fonts are cut."""
    app.connect("build-finished", polish_site, priority=800)
