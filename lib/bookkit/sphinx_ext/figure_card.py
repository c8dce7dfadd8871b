"""The figure card: a numbered figure, and under it its files, its citation, its command and where it comes from."""

from __future__ import annotations

import csv
import re
from functools import partial
from pathlib import Path
from typing import Any

import yaml
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util.docutils import SphinxDirective

from bookkit.sphinx_ext.cards import card
from bookkit.sphinx_ext.records import RecordError, Sidecar, read

FOLDER = "figures"
OPENED = "full"
"""Fragment of a drawing's address where it is opened by itself."""
HINT = '<span class="book-picture-hint">Full size<span class="visually-hidden"> of figure {}</span></span>'
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")


class picture(nodes.General, nodes.Inline, nodes.Element):
    """The light and the dark drawing of one figure, at addresses that never change."""


class FigureCard(SphinxDirective):
    """`{figure-card} id`: the figure with this id, from its sidecar in `figures/`."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Make the figure and its card; a missing sidecar, an empty caption or alt text is an error."""
        folder, sidecar = self.sidecar()
        if unknown := set(sidecar.columns) - set(columns(folder / sidecar.files.csv)):
            name = sidecar.files.csv
            raise self.error(f"figure {sidecar.id!r}: column {min(unknown)!r} is described, and not in {name}")
        name = f"fig-{sidecar.id}"
        figure = nodes.figure(classes=["book-figure"])
        figure["names"].append(name)
        figure += picture(sidecar=sidecar, size=drawn_size(folder / sidecar.files.svg))
        caption = nodes.caption("", "", *self.inline(sidecar.caption))
        self.set_source_info(figure)
        self.set_source_info(caption)
        figure += caption
        self.state.document.note_explicit_target(figure, figure)
        book = yaml.safe_load((Path(self.env.srcdir) / "CITATION.cff").read_text(encoding="utf-8"))
        entry = partial(bibtex, book, sidecar, caption.astext())
        figure[0]["anchor"] = figure["ids"][0]
        context = {"figure": sidecar, "anchor": figure["ids"][0], "number": number_of, "bibtex": entry}
        context["address"] = address_of
        return [figure, card(template="figure.html", context=context)]

    def sidecar(self) -> tuple[Path, Sidecar]:
        """Folder of the figures, and the record of this one; what is missing is an error."""
        folder = Path(self.env.srcdir) / FOLDER
        path = folder / f"{self.arguments[0]}.json"
        self.env.note_dependency(str(path))
        try:
            sidecar = read(Sidecar, path)
        except RecordError as error:
            raise self.error(str(error)) from None
        missing = [name for name in sidecar.files.model_dump().values() if not (folder / name).is_file()]
        if missing:
            raise self.error(f"figure {sidecar.id!r}: {FOLDER}/{missing[0]} is missing")
        return folder, sidecar

    def inline(self, text: str) -> list[nodes.Node]:
        """Markdown within a line; HTML in it is shown, not obeyed."""
        found, _ = self.state.inline_text(" ".join(text.split()), self.lineno)
        holder = nodes.inline("", "", *found)
        for raw in list(holder.findall(nodes.raw)):
            raw.replace_self(nodes.Text(raw.astext()))
        return list(holder.children)


class FigureShown(FigureCard):
    """`{figure-shown} id`: a figure of another page, with its caption and the way to its card; it takes no number."""

    def run(self) -> list[nodes.Node]:
        """Make the picture and the line under it."""
        folder, sidecar = self.sidecar()
        shown = nodes.container(classes=["book-figure", "book-figure-shown"])
        shown += picture(sidecar=sidecar, size=drawn_size(folder / sidecar.files.svg), anchor=f"fig-{sidecar.id}")
        words = f"{sidecar.caption} Data, citation and command: {{numref}}`fig-{sidecar.id}`."
        shown += nodes.paragraph("", "", *self.inline(words), classes=["book-figure-words"])
        return [shown]


def columns(data: Path) -> list[str]:
    """Names of the columns of a CSV file."""
    with data.open(encoding="utf-8", newline="") as file:
        return next(csv.reader(file), [])


def drawn_size(svg: Path) -> tuple[int, int] | None:
    """Width and height of a drawing in pixels, so that the page keeps room for it while it loads."""
    head = svg.read_text(encoding="utf-8", errors="replace")[:4000]
    box = re.search(r'viewBox="[\d.]+ [\d.]+ ([\d.]+) ([\d.]+)"', head)
    return (round(float(box[1]) * 4 / 3), round(float(box[2]) * 4 / 3)) if box else None


def number_of(builder: Any, page: str, anchor: str) -> str:
    """Number of a figure in this build, such as `7`, or an empty text."""
    numbers = builder.env.toc_fignumbers.get(page, {}).get("figure", {}).get(anchor, ())
    return ".".join(str(part) for part in numbers)


def address_of(builder: Any, page: str, anchor: str) -> str:
    """Address of a figure on the web, or an empty text where that of the site is not known."""
    base = builder.config.html_baseurl.rstrip("/")
    return f"{base}/{builder.get_target_uri(page)}#{anchor}" if base else ""


def bibtex(book: dict[str, Any], figure: Sidecar, caption: str, number: str, address: str = "") -> str:
    """BibTeX entry for one figure of the book; of the caption it takes the first sentence."""
    author = " and ".join(f"{{{entry.get('name') or entry['family-names']}}}" for entry in book["authors"])
    title = re.split(r"(?<=[.!?])\s", caption)[0].rstrip(".")
    where = f"Figure {number} ({figure.id})" if number else f"Figure {figure.id}"
    revision = f" Commit {figure.revision}." if figure.commit else ""
    fields = {
        "author": f"{{{author}}}",
        "title": f"{{{tex(title)}}}",
        "howpublished": f"{{{where} in: {tex(book['title'])}}}",
        "year": f"{{{figure.date.year}}}",
        "month": MONTHS[figure.date.month - 1],
        **({"url": f"{{{address}}}"} if address else {}),
        "note": f"{{Chapter {tex(figure.chapter)}, computed on {figure.day}.{revision}}}",
    }
    lines = [f"  {name:<12} = {value}," for name, value in fields.items()]
    return "\n".join([f"@misc{{lstm-vs-gru-{figure.id},", *lines, "}"])


def tex(text: str) -> str:
    """Text with TeX's special characters escaped."""
    special = {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}
    return "".join(special.get(char, "\\" + char if char in "&%$#_{}" else char) for char in text)


def visit_picture(translator: Any, node: picture) -> None:
    """Write both drawings, each a link to itself at full size; the theme shows the one that fits."""
    sidecar: Sidecar = node["sidecar"]
    page = translator.builder.current_docname
    up = "../" * page.count("/")
    hint = HINT.format(number_of(translator.builder, page, node["anchor"]) or sidecar.id)
    size = {"width": node["size"][0], "height": node["size"][1]} if node["size"] else {}
    # The box keeps the theme from hiding the caption together with the drawing before it.
    translator.body.append('<div class="book-picture">\n')
    for name, theme in ((sidecar.files.svg, "only-light"), (sidecar.files.dark, "only-dark")):
        attributes = {"src": f"{up}{FOLDER}/{name}", "alt": sidecar.alt, "loading": "lazy", **size}
        opened = {"class": f"book-picture-open {theme}", "href": f"{attributes['src']}#{OPENED}"}
        link = translator.starttag(node, "a", "", **opened)
        image = translator.emptytag(node, "img", "", CLASS=theme, **attributes)
        translator.body.append(f"{link}{image}{hint}</a>\n")
    translator.body.append("</div>\n")
    raise nodes.SkipNode


class PictureForPrint(SphinxPostTransform):
    """LaTeX takes the PDF."""

    default_priority = 5
    formats = ("latex",)

    def run(self, **kwargs: Any) -> None:
        """Replace each picture by an image."""
        for node in list(self.document.findall(picture)):
            name = f"{FOLDER}/{node['sidecar'].files.pdf}"
            self.env.images.add_file(self.env.docname, name)
            node.replace_self(nodes.image(uri=name, candidates={"application/pdf": name}, alt=node["sidecar"].alt))


def setup(app: Sphinx) -> None:
    """Register the directive and the drawing's node."""
    app.add_node(picture, html=(visit_picture, None))
    app.add_directive("figure-card", FigureCard)
    app.add_directive("figure-shown", FigureShown)
    app.add_post_transform(PictureForPrint)
