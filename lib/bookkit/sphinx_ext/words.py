"""Texts that cells hand over to a page as Markdown: HTML in them is shown, not obeyed."""

from __future__ import annotations

from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.transforms import SphinxTransform


class ShownHtml(SphinxTransform):
    """Show HTML in what cells write as Markdown: such a text may come from data, and no page is to obey it."""

    default_priority = 400

    def apply(self, **kwargs: Any) -> None:
        """Turn each raw piece of such an output into text."""
        for output in self.document.findall(nodes.container):
            if output.get("mime_type") == "text/markdown":
                for raw in list(output.findall(nodes.raw)):
                    raw.replace_self(shown(raw))


def shown(raw: nodes.raw) -> nodes.Node:
    """The source of a raw piece as text, in a paragraph of its own where it stood between paragraphs."""
    text = nodes.Text(raw.astext())
    return text if isinstance(raw.parent, nodes.TextElement) else nodes.paragraph("", "", text)


def setup(app: Sphinx) -> None:
    """Register the transform."""
    app.add_transform(ShownHtml)
