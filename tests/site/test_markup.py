"""No markup is left as text on a page: neither Markdown's nor roles'."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from bs4 import BeautifulSoup, SoupStrainer

CODE = "pre, code, math, kbd, script, style, .highlight"
MARKUP = {
    "emphasis": re.compile(r"(?<![\w*])\*[^\s*](?:[^*\n]{0,80}[^\s*])?\*(?![\w*])"),
    "bold": re.compile(r"\*\*\S"),
    "role": re.compile(r"\{[a-z][a-z:-]*\}`?"),
    "code": re.compile(r"`[^`\s][^`]*`"),
    "link": re.compile(r"\]\((?:https?:|[\w./-]+\.(?:md|ipynb|html))"),
}


def prose(page: str) -> str:
    article = BeautifulSoup(page, "html.parser", parse_only=SoupStrainer("article"))
    for tag in article.select(CODE):
        tag.replace_with(" … ")
    return article.get_text()


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("does not vanish but *grows*. Over", "emphasis"),
        ("**supported**, measured here", "bold"),
        ("see {numref}`fig-x` and", "role"),
        ("{check}`a`", "role"),
        ("use `nn.LSTM` here", "code"),
        ("[there](chapters/x.md)", "link"),
    ],
)
def test_markup_is_told_from_text(text: str, kind: str) -> None:
    assert MARKUP[kind].search(text)
    assert not any(pattern.search("2 * 3 * 4 = 24; f* and g*; [0, 1] (of 10); {1, 2}") for pattern in MARKUP.values())


def test_no_markup_is_left_as_text(site: Path, pages: list[str]) -> None:
    found = []
    for name in pages:
        text = prose((site / name).read_text(encoding="utf-8"))
        for kind, pattern in MARKUP.items():
            found += [
                f"{name}: {kind}: {text[max(match.start() - 30, 0) : match.end() + 30]!r}"
                for match in pattern.finditer(text)
            ]
    assert found == []
