"""Texts that cells hand over: their emphasis is set, and their HTML is shown."""

from __future__ import annotations

import pytest
from docutils import nodes

from bookkit.sphinx_ext.words import shown, words


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("a gradient *grows*.", ["#text", "emphasis", "#text"]),
        ("**supported**", ["strong"]),
        ("**all of *it***", ["strong"]),
        ("the block `f`", ["#text", "literal"]),
        ("bias $b_f$", ["#text", "math"]),
        ("2 * 3 * 4 and $5 or $6", ["#text"]),
        ("mkldnn_rnn_layer, snake_case_", ["#text"]),
        (r"\*kept\*", ["#text"]),
        ("<b>bold</b> & <img src=x>", ["#text"]),
        ("+0.4 [−0.1, 0.9](x) %", ["#text"]),
        ("1,250.50", ["#text"]),
    ],
)
def test_markdown_within_a_line_is_set_and_all_else_is_text(text: str, kinds: list[str]) -> None:
    assert [node.tagname for node in words(text)] == kinds


@pytest.mark.parametrize("text", ["<b>bold</b> & 2 * 3", "a\nb", "1,000 %", "snake_case_name"])
def test_a_text_without_markdown_stays_as_it_is(text: str) -> None:
    assert "".join(node.astext() for node in words(text)) == text


def test_emphasis_lies_within_what_is_bold() -> None:
    (bold,) = words("**all of *it***")
    assert [node.tagname for node in bold.children] == ["#text", "emphasis"]
    assert bold.astext() == "all of it"


def test_a_raw_piece_becomes_text_where_it_stands() -> None:
    between, within = nodes.raw("", "<p>", format="html"), nodes.raw("", "<b>", format="html")
    nodes.section("", between, nodes.paragraph("", "", within))
    assert isinstance(shown(between), nodes.paragraph)
    assert isinstance(shown(within), nodes.Text)
