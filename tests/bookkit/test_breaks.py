"""Lines do not break between a word, its mark and its stop."""

from __future__ import annotations

import pytest
from docutils import nodes

from bookkit.sphinx_ext.breaks import GAP, KEPT, SPACES, keep_together
from bookkit.sphinx_ext.checks import check


@pytest.mark.parametrize(
    ("before", "after", "kept"),
    [
        ("The GRU is ahead\N{NO-BREAK SPACE}", ". Then", ("ahead\N{NO-BREAK SPACE}", ".")),
        ("one (of two\N{NO-BREAK SPACE}", "), or", ("two\N{NO-BREAK SPACE}", "),")),
        ("ahead\N{NO-BREAK SPACE}", " (Figure 2)", ("ahead\N{NO-BREAK SPACE}", "")),
        ("", ".", ("", ".")),
    ],
)
def test_a_mark_stays_with_its_word_and_its_stop(before: str, after: str, kept: tuple[str, str]) -> None:
    mark = check(id="a-b", holds=True, shown="1")
    whole = nodes.paragraph("", "", nodes.Text(before), mark, nodes.Text(after))
    keep_together(mark)
    (box,) = [each for each in whole.children if isinstance(each, nodes.inline)]
    word, gap, found, stop = box.children
    assert box["classes"] == [KEPT] and gap["classes"] == [GAP] and found is mark
    assert (word.astext() + gap.astext(), stop.astext()) == kept
    assert not gap.astext().strip(), "goes with the mark where it is not printed"
    assert whole.astext() == before + after


def test_a_mark_between_other_things_is_boxed_alone() -> None:
    mark = check(id="a-b", holds=True, shown="1")
    nodes.paragraph("", "", nodes.emphasis("", "ahead"), mark, nodes.strong("", "and"))
    keep_together(mark)
    assert mark.parent.children == [mark]


def test_a_number_stays_with_its_sign() -> None:
    shown = SPACES.sub("~", "95 % of 8.92 ± 0.03 in Figure 3, no % and a ± b")
    assert shown == "95~% of 8.92~±~0.03 in Figure~3, no % and a ± b"
