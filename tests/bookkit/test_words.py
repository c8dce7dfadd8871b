"""Texts that cells hand over as Markdown: their HTML is shown."""

from __future__ import annotations

from docutils import nodes

from bookkit.sphinx_ext.words import shown


def test_a_raw_piece_becomes_text_where_it_stands() -> None:
    between, within = nodes.raw("", "<p>", format="html"), nodes.raw("", "<b>", format="html")
    nodes.section("", between, nodes.paragraph("", "", within))
    assert isinstance(shown(between), nodes.paragraph)
    assert isinstance(shown(within), nodes.Text)
