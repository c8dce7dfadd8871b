"""Style, script, icons and fonts of the site, cut down to what its pages use."""

from __future__ import annotations

import re
from collections.abc import Iterable
from importlib import resources
from pathlib import Path
from typing import Any

from fontTools import subset
from fontTools.ttLib import TTFont
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.util import logging

STATIC = Path(__file__).parent / "static"
THEME_CSS = "styles/pydata-sphinx-theme.css"
ICON_FONTS = "vendor/fontawesome/webfonts"
ICON_RULE = re.compile(r'((?:\.fa-[\w-]+:before,?)+)\{content:"\\([0-9a-f]+)"\}')

logger = logging.getLogger(__name__)


def add_files(app: Sphinx, config: Config) -> None:
    """Put the book's style and script on every page."""
    config.html_static_path.append(str(STATIC))
    app.add_css_file("book.css")
    app.add_js_file("book.js", loading_method="defer")


def add_favicon(app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: Any) -> None:
    """Name the icon, as a drawing and as pixels."""
    address = context["pathto"]
    context["metatags"] = context.get("metatags", "") + (
        f'<link rel="icon" type="image/svg+xml" href="{address("_static/favicon.svg", 1)}">\n'
        f'<link rel="alternate icon" type="image/png" sizes="32x32" href="{address("_static/favicon.png", 1)}">\n'
    )


def shrink(app: Sphinx, error: Exception | None) -> None:
    """Cut fonts and icon rules down to what the finished pages use, and drop files that no page loads."""
    if error or app.builder.format != "html":
        return
    static = Path(app.outdir) / "_static"
    pages = [path.read_text(encoding="utf-8") for path in sorted(Path(app.outdir).rglob("*.html"))]
    scripts = [path.read_text(encoding="utf-8", errors="ignore") for path in (static / "scripts").glob("*theme.js")]
    used = set(re.findall(r"\bfa-[a-z0-9-]+", " ".join([*pages, *scripts])))
    keep_icons(static, used)
    write_maths_font(static / "fonts" / "maths.woff2", maths_characters(pages))
    for path in [*static.rglob("*.map"), *static.rglob("fontawesome.js*"), *static.glob("sphinx-thebe*")]:
        path.unlink(missing_ok=True)
    for path in (*static.rglob("*.js"), *static.rglob("*.css")):
        text = path.read_text(encoding="utf-8")
        shorter = re.sub(r"\n?(//|/\*)# sourceMappingURL=\S+?( ?\*/)?$", "", text.rstrip())
        if shorter != text.rstrip():
            path.write_text(shorter + "\n", encoding="utf-8")


def keep_icons(static: Path, used: set[str]) -> None:
    """Cut the icon fonts, and the theme's rules about them, down to the icons in use."""
    sheet = static / THEME_CSS
    css = sheet.read_text(encoding="utf-8")
    points: set[int] = set()

    def kept(match: re.Match[str]) -> str:
        if used.isdisjoint(re.findall(r"fa-[\w-]+", match[1])):
            return ""
        points.add(int(match[2], 16))
        return match[0]

    css = ICON_RULE.sub(kept, css)
    css = re.sub(r',url\([^)]*\.ttf\) format\("truetype"\)', "", css)
    sheets = [css, *(path.read_text(encoding="utf-8") for path in static.rglob("*.css") if path != sheet)]
    points.update(
        int(code, 16) for text in sheets for code in re.findall(r'"\\([ef][0-9a-f]{3})"', ICON_RULE.sub("", text))
    )
    points.update(ord(character) for text in sheets for character in text if "\ue000" <= character <= "\uf8ff")
    sheet.write_text(css, encoding="utf-8")
    for path in sorted((static / ICON_FONTS).glob("*.woff2")):
        write_subset(path, path, points, features=[])
    for path in (static / ICON_FONTS).glob("*.ttf"):
        path.unlink()


def maths_characters(pages: Iterable[str]) -> set[int]:
    """Characters inside the formulas of the pages, the slanted forms of letters and the signs of roots included."""
    from html import unescape

    from bookkit.sphinx_ext.maths import styled

    formulas = [formula for page in pages for formula in re.findall(r"<math\b.*?</math>", page, re.S)]
    text = "".join(unescape(re.sub(r"<[^>]*>", "", formula)) for formula in formulas)
    if any(re.search(r"<m(sqrt|root)\b", formula) for formula in formulas):
        text += "\u221a"  # the sign of a root is an element's, not a character in it
    letters = {character for character in text if not character.isspace()}
    slanted = {styled(character, "ITALIC") for character in letters} | {"\u210e"}
    return {ord(character) for character in letters | slanted | {" "}}


def write_maths_font(target: Path, characters: set[int]) -> None:
    """Write STIX Two Math (SIL Open Font License) with these characters and its table of maths layout."""
    source = resources.files("ziamath") / "fonts" / "STIXTwoMath-Regular.ttf"
    with resources.as_file(source) as path:
        write_subset(path, target, characters, features=["ssty", "dtls", "flac"])


def write_subset(source: Path, target: Path, characters: set[int], features: list[str]) -> None:
    """Write a font with these characters only, compressed for the web; the same input gives the same bytes."""
    options = subset.Options(
        flavor="woff2", layout_features=features, hinting=False, desubroutinize=True, notdef_outline=True
    )
    options.recalc_timestamp = False
    options.name_IDs = [0, 1, 2, 13, 14]
    options.drop_tables = [*options.drop_tables, "DSIG"]
    font = TTFont(source, recalcTimestamp=False, lazy=True)
    subsetter = subset.Subsetter(options)
    subsetter.populate(unicodes=characters)
    subsetter.subset(font)
    font.flavor = "woff2"
    target.parent.mkdir(parents=True, exist_ok=True)
    beside = target.with_suffix(".new")
    font.save(beside)
    font.close()
    beside.replace(target)


def setup(app: Sphinx) -> None:
    """Connect the parts."""
    app.connect("config-inited", add_files)
    app.connect("html-page-context", add_favicon, priority=800)
    app.connect("build-finished", shrink, priority=900)
