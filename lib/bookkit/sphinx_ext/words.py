"""Texts that cells hand over to a page: Markdown in glued ones is set, and HTML in any of them is shown, not obeyed."""

from __future__ import annotations

from typing import Any

from docutils import nodes
from markdown_it import MarkdownIt
from mdit_py_plugins.dollarmath import dollarmath_plugin
from sphinx.application import Sphinx
from sphinx.transforms import SphinxTransform
from sphinx.transforms.post_transforms import SphinxPostTransform

GLUED = "pasted-text"
INLINE = MarkdownIt("zero").enable(["emphasis", "backticks", "escape"]).use(dollarmath_plugin, allow_digits=False)
SPANS = {"em_open": nodes.emphasis, "strong_open": nodes.strong}
LEAVES = {"code_inline": nodes.literal, "math_inline": nodes.math}


def words(text: str) -> list[nodes.Node]:
    """A text with its emphasis, code and maths as nodes; all else in it, HTML too, is text."""
    holder = nodes.inline()
    around: list[nodes.Element] = [holder]
    for token in INLINE.parseInline(text)[0].children or []:
        if token.type in SPANS:
            around[-1] += (span := SPANS[token.type]())
            around.append(span)
        elif token.nesting == -1:
            around.pop()
        elif token.type in LEAVES:
            around[-1] += LEAVES[token.type](token.content, token.content)
        elif text := "\n" if token.type == "softbreak" else token.content:
            around[-1] += nodes.Text(text)
    return list(holder.children)


class GluedWords(SphinxPostTransform):
    """Set the Markdown in glued texts, once those of other pages are in place as well."""

    default_priority = 6  # MyST-NB puts in the texts of other pages at 5

    def run(self, **kwargs: Any) -> None:
        """Replace the text of each glued node."""
        for node in list(self.document.findall(nodes.inline)):
            if GLUED in node["classes"]:
                text, node.children = node.astext(), []
                node.extend(words(text))


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
    """Register both transforms."""
    app.add_transform(ShownHtml)
    app.add_post_transform(GluedWords)
