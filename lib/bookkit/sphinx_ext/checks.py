"""`{check}`: the mark after a checked sentence; it opens to what was checked and says where the sentence is not so."""

from __future__ import annotations

import json
from html import escape
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxRole


class check(nodes.General, nodes.Inline, nodes.Element):
    """The mark of one check: `id`, `holds` and `shown` are its attributes."""


class CheckRole(SphinxRole):
    """The role: its text is the id of a check in `_book/checks.json`."""

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        """Make the mark; an unknown check is an error."""
        path = Path(self.env.srcdir) / "_book" / "checks.json"
        self.env.note_dependency(str(path))
        known = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
        if self.text not in known:
            message = self.inliner.reporter.error(f"check {self.text!r} is unknown", line=self.lineno)
            return [self.inliner.problematic(self.rawtext, self.rawtext, message)], [message]
        found = known[self.text]
        return [check(id=self.text, holds=found["holds"], shown=found["shown"])], []


def visit_check(translator: Any, node: check) -> None:
    """A button that opens a note, without any script; where the check fails, the sentence says so."""
    translator.book_checks = getattr(translator, "book_checks", 0) + 1
    place, shown = f"check-{translator.book_checks}", escape(node["shown"])
    words = "checked" if node["holds"] else "checked: not so in this run"
    kind = "" if node["holds"] else " book-check-fails"
    sign = "✓" if node["holds"] else "✗"
    translator.body.append(
        f'<button type="button" class="book-check{kind}" popovertarget="{place}" aria-label="{words}">{sign}</button>'
        f'<span popover id="{place}" class="book-check-note"><b>{words.capitalize()}</b> '
        f"<code>{escape(node['id'])}</code> {shown}</span>"
    )
    if not node["holds"]:
        translator.body.append(f'<span class="book-check-said">not so in this run: {shown}</span>')
    raise nodes.SkipNode


def skip_check(translator: Any, node: check) -> None:
    """Other formats than HTML show only what fails."""
    if not node["holds"]:
        translator.body.append(f" (not so in this run: {node['shown']})")
    raise nodes.SkipNode


def setup(app: Sphinx) -> None:
    """Register node and role."""
    skip = (skip_check, None)
    app.add_node(check, html=(visit_check, None), latex=skip, text=skip, man=skip, texinfo=skip)
    app.add_role("check", CheckRole())
