"""Cards: what a chapter cost and where it was computed, at its top and on the execution page."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from docutils import nodes
from jinja2 import Environment, PackageLoader, StrictUndefined
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from bookkit.sphinx_ext.polish import without_tex
from bookkit.sphinx_ext.records import ChapterRecord, RecordError, duration, read

EXECUTION = "chapters/execution"
MANY = 5400
"""Runs of a large sweep, for which costs are told: as many as Greff et al. made, see the page on scaling up."""


class card(nodes.General, nodes.Element):
    """A piece of the page made from a template; `template` and `context` are its attributes."""


@cache
def templates() -> Environment:
    """The templates; everything put into them is escaped."""
    environment = Environment(
        loader=PackageLoader("bookkit.sphinx_ext"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["duration"] = duration
    environment.filters["literal"] = lambda value: value if isinstance(value, str) else repr(value)
    return environment


class ChapterCard(SphinxDirective):
    """`{chapter-card} part/name`: the warning about other than published values, and the cost of the chapter."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Read the chapter's record."""
        path = Path(self.env.srcdir) / "_book" / "records" / f"{self.arguments[0]}.json"
        self.env.note_dependency(str(path))
        try:
            chapter = read(ChapterRecord, path)
        except RecordError as error:
            raise self.error(str(error)) from None
        return [card(template="chapter.html", context={"chapter": chapter, "changed": chapter.changed})]


class ExecutionTable(SphinxDirective):
    """`{execution-table} chapters|reasons|machines|costs|audits`: a table over all chapters, or what audits found."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Read every chapter's record; the order is that of the table of contents."""
        folder = Path(self.env.srcdir) / "_book" / "records"
        kinds = ("chapters", "reasons", "machines", "costs", "audits")
        if (kind := self.arguments[0]) not in kinds:
            raise self.error(f"execution-table: {kind!r} is none of {', '.join(kinds)}")
        if kind == "audits":
            path = folder.with_name("audits.json")
            self.env.note_dependency(str(path))
            return [card(template="execution_audits.html", context=json.loads(path.read_text(encoding="utf-8")))]
        try:
            chapters = [read(ChapterRecord, path) for path in sorted(folder.rglob("*.json"))]
        except RecordError as error:
            raise self.error(str(error)) from None
        return [card(template=f"execution_{kind}.html", context={"chapters": chapters, "many": MANY})]


def visit_card(translator: Any, node: card) -> None:
    """Fill the template, with addresses relative to the page."""
    builder = translator.builder
    page = builder.current_docname
    order = {name: place for place, name in enumerate(reading_order(builder.env))}
    context = {
        **node["context"],
        "builder": builder,
        "link": lambda target: builder.get_relative_uri(page, target),
        "title": lambda target: (
            without_tex(builder.env.titles[target].astext()) if target in builder.env.titles else target
        ),
        "execution": EXECUTION if EXECUTION in builder.env.found_docs else None,
        "up": "../" * page.count("/"),
        "page": page,
    }
    if "chapters" in context:
        last = len(order)
        context["chapters"].sort(key=lambda chapter: order.get(f"chapters/{chapter.chapter}", last))
        context["origins"] = origins(context["chapters"])
    translator.body.append(templates().get_template(node["template"]).render(context))
    raise nodes.SkipNode


def origins(chapters: list[ChapterRecord]) -> list[dict[str, Any]]:
    """Chapters by where, with what and from which commit they were computed."""
    groups: dict[tuple[str, str, str], list[ChapterRecord]] = {}
    for chapter in chapters:
        groups.setdefault((str(chapter.machine), chapter.software, chapter.revision), []).append(chapter)
    found = []
    for members in groups.values():
        first, last = min(members, key=lambda one: one.date), max(members, key=lambda one: one.date)
        days = first.day if first.day == last.day else f"{first.day} to {last.day}"
        found.append({"first": members[0], "chapters": members, "days": days})
    return found


def reading_order(env: Any) -> list[str]:
    """Pages in the order of the table of contents."""
    found: list[str] = []

    def walk(page: str) -> None:
        found.append(page)
        for child in env.toctree_includes.get(page, []):
            if child not in found:
                walk(child)

    walk(env.config.root_doc)
    return found


def skip_card(translator: Any, node: card) -> None:
    """Leave the card out of other formats than HTML."""
    raise nodes.SkipNode


def setup(app: Sphinx) -> None:
    """Register the node and its directives."""
    skip = (skip_card, None)
    app.add_node(card, html=(visit_card, None), latex=skip, text=skip, man=skip, texinfo=skip)
    app.add_directive("chapter-card", ChapterCard)
    app.add_directive("execution-table", ExecutionTable)
