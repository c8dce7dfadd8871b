"""Where a line must not break: between a word, the mark that checks it and the stop after it, and at a number."""

from __future__ import annotations

import re
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.transforms.post_transforms import SphinxPostTransform

from bookkit.sphinx_ext.checks import check

KEPT, GAP = "book-kept", "book-gap"
"""Classes of what stays on one line, and of the space before a mark, which goes with it where pages are printed."""
LAST_WORD, STOP = re.compile(r"[^ \n]*$"), re.compile(r"[^\w\s(\[“]*")
SPACES = re.compile(r"(?<=\d) (?=%)|(?<=\d) (?=± ?\d)|(?<=±) (?=\d)|(?<=\bFigure) (?=\d)")
"""Within a number or beside one: `95 %`, `8.92 ± 0.03`, `Figure 3`."""
AS_TYPED = (nodes.literal, nodes.literal_block, nodes.raw, nodes.math, nodes.math_block, nodes.comment)


class KeptTogether(SphinxPostTransform):
    """Browsers may break a line on either side of a button, even before a full stop."""

    default_priority = 700
    formats = ("html",)

    def run(self, **kwargs: Any) -> None:
        """Put each mark into a box with its word and its stop."""
        for text in list(self.document.findall(nodes.Text)):
            if SPACES.search(text) and not isinstance(text.parent, AS_TYPED):
                text.parent.replace(text, nodes.Text(SPACES.sub("\N{NO-BREAK SPACE}", text)))
        for mark in list(self.document.findall(check)):
            keep_together(mark)


def keep_together(mark: check) -> None:
    """Move a mark, the last word before it and the punctuation after it into an inline of their own."""
    parent = mark.parent
    box = nodes.inline(classes=[KEPT])
    place = parent.index(mark)
    before, after = (parent[at] if 0 <= at < len(parent) else None for at in (place - 1, place + 1))
    parent.replace(mark, box)
    if isinstance(before, nodes.Text):
        cut = LAST_WORD.search(before).start()  # type: ignore[union-attr]
        word = before[cut:].rstrip()
        gap = nodes.Text(before[cut + len(word) :])
        box += [nodes.Text(word), nodes.inline("", "", gap, classes=[GAP])]
        parent.replace(before, nodes.Text(before[:cut]))
    box += mark
    if isinstance(after, nodes.Text):
        cut = STOP.match(after).end()  # type: ignore[union-attr]
        box += nodes.Text(after[:cut])
        parent.replace(after, nodes.Text(after[cut:]))


def setup(app: Sphinx) -> None:
    """Register the transform."""
    app.add_post_transform(KeptTogether)
