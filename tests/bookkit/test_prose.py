"""Checked prose: what is typed is what was computed, or the build says where it is not."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bookkit.prose import MARK, Statements, escaped, plain, regions, same, sentence


def record(**more: Any) -> dict[str, Any]:
    return {
        "chapter": "memory/recall",
        "published": True,
        "parameters": {"steps": 4000, "lengths": [20, 50, 100]},
        "values": {"recall-gru": {"text": "33 of 40", "measured": False}, "fast": {"text": "2 ms", "measured": True}},
        "checks": {
            "recall-gru-ahead": {"holds": True, "shown": "−3 [−5, −1]", "measured": False},
            "recall-lstm-ahead": {"holds": False, "shown": "−3 [−5, −1]", "measured": False},
            "quick": {"holds": False, "shown": "3 ms", "measured": True},
        },
        "sweeps": [{"foreign": []}],
        **more,
    }


def resolved(text: str, **more: Any) -> tuple[str, list[str]]:
    statements = Statements.of([record(**more)])
    return statements.resolved(text, "page").replace("\N{NO-BREAK SPACE}", " "), statements.problems


def test_a_mark_stays_on_the_line_of_its_sentence() -> None:
    assert "so\N{NO-BREAK SPACE}{check}" in Statements.of([record()]).resolved("It is so [✓](holds:quick).", "page")


def test_a_typed_value_that_was_computed_is_shown() -> None:
    assert resolved("It learned in [33 of 40](value:recall-gru) runs.") == ("It learned in 33 of 40 runs.", [])


def test_a_typed_value_that_was_not_computed_is_a_problem_that_names_page_sentence_and_both() -> None:
    _, problems = resolved("First. It learned in [34 of 40](value:recall-gru) runs. Last.")
    assert problems == ["page: 'recall-gru' is '33 of 40': “It learned in 34 of 40 runs.”"]


@pytest.mark.parametrize("more", [{"published": False}, {"sweeps": [{"foreign": ["another processor"]}]}])
def test_elsewhere_the_page_shows_what_was_computed_and_nothing_fails(more: dict[str, Any]) -> None:
    text = "[34 of 40](value:recall-gru), and more [✓](holds:recall-lstm-ahead)."
    assert resolved(text, **more) == ("33 of 40, and more {check}`recall-lstm-ahead`.", [])


def test_a_check_that_fails_is_a_problem_with_its_sentence_and_what_it_rests_on() -> None:
    shown, problems = resolved("The LSTM leads [✓](holds:recall-lstm-ahead). So.")
    assert shown == "The LSTM leads {check}`recall-lstm-ahead`. So."
    assert problems == ["page: 'recall-lstm-ahead' does not hold (−3 [−5, −1]): “The LSTM leads ✓.”"]


def test_what_is_measured_is_shown_and_never_judged() -> None:
    assert resolved("[9 ms](value:fast) [✓](holds:quick)") == ("2 ms {check}`quick`", [])


@pytest.mark.parametrize("mark", ["[a](value:nothing)", "[✓](holds:nothing)", "[supported](verdict:P9)"])
def test_a_mark_that_nothing_computes_is_a_problem_at_any_parameters(mark: str) -> None:
    (problem,) = resolved(mark, published=False)[1]
    assert problem.startswith("page: no chapter ")


def test_an_id_of_two_chapters_is_a_problem() -> None:
    found = Statements.of([record(), record(chapter="memory/gates")])
    assert any("value 'recall-gru' is published twice" in each for each in found.problems)
    assert any("check 'quick' is made twice" in each for each in found.problems)


def test_parameters_and_verdicts_are_values() -> None:
    more = {"values": {"ledger-p1": {"text": "depends (on the kernel)", "measured": False}}}
    text = "[4,000](value:recall.steps), [20, 50 and 100](value:recall.lengths): [depends (on the kernel)](verdict:P1)"
    assert resolved(text, **more)[1] == []
    assert resolved("[400](value:recall.steps)")[1]


def test_code_is_left_alone() -> None:
    text = "`[a](value:b)` and\n```\n[a](value:b)\n```\n"
    assert resolved(text) == (text, [])


def test_what_a_directive_holds_is_prose_and_what_a_block_of_code_holds_is_not() -> None:
    mark = "[33 of 40](value:recall-gru)"
    text = f"```{{admonition}} In short\n{mark}\n```\n{mark}\n```\n{mark}\n```\n:::{{note}}\n{mark}\n:::\n"
    shown, problems = resolved(text)
    assert shown.count(mark) == 1 and shown.count("33 of 40") == 4 and not problems


@pytest.mark.parametrize(
    "text",
    [
        "[34](value: recall-gru)",
        "[34] (value:recall-gru)",
        '[34](value:recall-gru "title")',
        "[34](<value:recall-gru>)",
        "[34](values:recall-gru)",
        "[✓](hold:recall-gru-ahead)",
        "[34][r]\n\n[r]: value:recall-gru",
        "[[a [b] c]](value:recall-gru)",
        "[a [33 of 40](value:recall-gru)](value:fast)",
        "[x\n\ny](value:recall-gru)",
        "{ref}`[34](value:recall-gru) <x>`",
        "a\n\n    ```\n\n[34](value:recall-gru)",
        ":::{note}\n[34](value: recall-gru)\n:::",
        "```{admonition} It won [34](value: recall-gru)\nx\n```",
        "| a |\n|---|\n| [34](value: recall-gru) |",
        "- > [34](value: recall-gru)",
    ],
)
def test_what_looks_like_a_mark_and_is_none_is_a_problem(text: str) -> None:
    assert any("this mark is not understood" in each for each in resolved(text)[1])


@pytest.mark.parametrize(
    "text",
    [
        "[a](https://example.org) [b](../c.md#d) [e](guide-first) <https://example.org> [f](mailto:a@b.c)",
        "$[a](b)$ and `[34](value: recall-gru)` and ``[34] (value:x) ` ``",
        "```python\n[34](value: recall-gru)\n```",
        "- a\n  ~~~\n  [34](value: recall-gru)\n  ```\n  ~~~",
        "<!-- [34](value:recall-gru) [35](value: recall-gru) -->",
        "<!--\n\n[34](value:recall-gru)\n\n-->",
        "a\n% [34](value:recall-gru)\nb",
    ],
)
def test_links_code_and_comments_are_left_alone(text: str) -> None:
    assert resolved(text) == (text, [])


@pytest.mark.parametrize(
    "text",
    [
        "```code``` [{}](value:recall-gru)",
        "``a ` b`` [{}](value:recall-gru) ``c``",
        "It is 5` [{}](value:recall-gru)\n\nand 6`.",
        "[^1]: [{}](value:recall-gru)",
        "| a |\n|---|\n| [{}](value:recall-gru) |",
        "```{{admonition}} [{}](value:recall-gru)\nx\n```",
        "[a [{}](value:recall-gru)](b)",
        "> - [{}](value:recall-gru)",
    ],
)
def test_a_mark_is_judged_wherever_a_reader_sees_it(text: str) -> None:
    assert any("is '33 of 40'" in each for each in resolved(text.format("34 of 40"))[1])
    assert not [each for each in resolved(text.format("33 of 40"))[1] if "is '33 of 40'" in each]


def test_a_title_between_backticks_cannot_hold_a_check() -> None:
    check = "[✓](holds:recall-gru-ahead)"
    (problem,) = resolved(f"```{{admonition}} So it is {check}\nx\n```\n")[1]
    assert problem.startswith("page: a title cannot hold a check: “```{admonition} So it is")
    assert resolved(f":::{{admonition}} So it is {check}\nx\n:::\n")[1] == []
    assert resolved(f"```{{admonition}} In short\nSo it is {check}\n```\n")[1] == []


def test_parameters_of_two_chapters_of_one_name_are_a_problem() -> None:
    found = Statements.of([record(values={}, checks={}), record(chapter="far/recall", values={}, checks={})])
    assert "far/recall: parameter 'recall.steps' is also one of another chapter of that name" in found.problems


def test_ids_that_nobody_published_are_known() -> None:
    statements = Statements.of([record()])
    statements.typed("[?](value:recall-gru) [?](value:no-such) [✓](holds:quick) [x](verdict:P9) <!-- [?](value:b) -->")
    assert statements.unknown() == ["ledger-p9", "no-such"]


@given(
    st.lists(
        st.sampled_from(["```\n", "```python\n", "```{note}\n", "~~~\n", "a\n", "`b`\n", ":::{tip}\n", ":::\n", "\n"])
    )
)
def test_regions_are_the_whole_text(lines: list[str]) -> None:
    assert "".join(part for _, part in regions("".join(lines))) == "".join(lines)


def test_intervals_may_stand_in_a_mark() -> None:
    values = {"gap": {"text": "−3.1 [−5, −1]", "measured": False}}
    assert resolved("[−3.1 [−5, −1]](value:gap)", values=values) == (r"−3.1 \[−5, −1\]", [])


def test_typed_values_are_written_where_they_can_be_judged() -> None:
    text = "[?](value:recall-gru) [?](value:fast) [✓](holds:quick) `[?](value:recall-gru)`"
    written = Statements.of([record()]).typed(text)
    assert written == "[33 of 40](value:recall-gru) [?](value:fast) [✓](holds:quick) `[?](value:recall-gru)`"
    assert Statements.of([record(published=False)]).typed(text) == text


def test_a_check_of_the_name_of_a_value_keeps_its_sign() -> None:
    checks = {"recall-gru": {"holds": True, "shown": "x", "measured": False}}
    assert Statements.of([record(checks=checks)]).typed("[✓](holds:recall-gru)") == "[✓](holds:recall-gru)"


def test_a_download_says_in_words_where_a_sentence_is_not_so() -> None:
    statements = Statements.of([record(published=False)])
    text = "So it is [✓](holds:recall-lstm-ahead), in [?](value:recall-gru) [✓](holds:recall-gru-ahead)."
    assert statements.plain(text) == "So it is (not so in this run: −3 [−5, −1]), in 33 of 40 ✓."


@given(st.text(alphabet="ab*_`<>[]{}|$\\~^#. ", max_size=30))
def test_an_escaped_text_holds_no_unescaped_sign(text: str) -> None:
    shown = escaped(text)
    assert shown.replace("\\\\", "").count("*") == shown.replace("\\\\", "").count("\\*")
    assert len(shown) == len(text) + sum(text.count(sign) for sign in "\\`*_{}[]<>|$~^#")


@given(st.integers(0, 10**6), st.lists(st.integers(0, 5000), min_size=1, max_size=4))
def test_parameters_are_typed_as_prose_types_them(number: int, several: list[int]) -> None:
    assert plain(number).replace(",", "") == str(number)
    assert [int(each.replace(",", "")) for each in plain(several).replace(" and ", ", ").split(", ")] == several


def test_white_space_of_any_kind_is_the_same() -> None:
    assert same("3\u00a0%", "3 %") and not same("3 %", "4 %")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("One. Two [x](value:a) here. Three.", "Two x here."),
        ("# Head\n\nOnly [x](value:a) here", "Only x here"),
        ("| a | b [x](value:a) | c |", "b x |"),
        ("Take `nn.LSTM` <!-- why --> in [x](value:a) cases.", "Take `nn.LSTM` in x cases."),
    ],
)
def test_the_sentence_around_a_mark(text: str, expected: str) -> None:
    found = next(match for match in MARK.finditer(text) if match["id"])
    assert sentence(text, found.start()) == expected
