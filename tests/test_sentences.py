"""The prose of the pages: every number and every comparison of the cells carries a mark that the run evaluates."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from bookkit.prose import MARK, regions
from bookkit.stage import page_file, pages

PROJECT = Path(__file__).resolve().parents[1]
EXCEPTIONS = yaml.safe_load((PROJECT / "chapters" / "exceptions.yml").read_text(encoding="utf-8")) or {}
MOST = 3
NUMBER = re.compile(r"(?<![\w^_/.,-])\d[\d.,]*(?![\w-])")
CELLS = re.compile(r"\b(?:LSTMs?|GRUs?)\b")
COMPARING = re.compile(
    r"\b(?:more|less|fewer|better|worse|best|worst|faster|slower|sooner|later|longer|shorter|larger|smaller|higher|lower|"
    r"earlier|ahead|behind|beats?|wins?|leads?|loses?|lags?|trails?|outperforms?|than|alike|equals?|as (?:well|fast|far|long) as)\b"
)
OPEN = re.compile(
    r"\b(?:should|would|could|might|may|expect(?:ed)?|if|whether|suppose|claims?|folklore|said|says)\b|\?|[“”\"]", re.I
)
"""Words of a sentence that states no result: an expectation, a question, somebody else's claim."""


def markdown(page: str) -> str:
    """Markdown of a page as it is typed."""
    path = page_file(page, PROJECT)
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".ipynb":
        cells = json.loads(text)["cells"]
        return "\n\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown")
    return re.sub(r"\A---\n.*?\n---\n", "", text, flags=re.S)


def sentences(text: str) -> Iterator[str]:
    """Sentences of the prose: no code, no maths, no headings, no targets; roles and marks stay."""
    text = "".join("\n\n" if is_code else part for is_code, part in regions(text))
    text = re.sub(r"^\s*(?:`{3,}|~{3,}).*$", "\n", text, flags=re.M)
    text = re.sub(r"\$\$.*?\$\$|<!--.*?-->", "\n\n", text, flags=re.S)
    text = re.sub(r"^(?:#.*|\([\w-]+\)=|:::.*|:[\w-]+:.*|\|[-| :]+\|)$", "\n", text, flags=re.M)
    for part in re.split(r"\n\s*\n|^\s*(?:[-*]|\d+\.) |\|", text, flags=re.M):
        yield from re.split(r"(?<=[.!?])[*_”)]*\s+(?=[A-Z*“\[{])", " ".join(part.split()))


def bare(sentence: str) -> str:
    """A sentence without marks, code, maths, roles and addresses."""
    return re.sub(r"\{[\w:-]+\}`[^`]*`|`[^`]*`|\$[^$]*\$|\]\([^)]*\)", " ", MARK.sub("", sentence))


def marked(sentence: str) -> bool:
    """Whether a sentence carries a value, a check or a verdict."""
    return any(match["code"] is None for match in MARK.finditer(sentence))


def faults(text: str) -> Iterator[tuple[str, str]]:
    """Sentences that state a number or a comparison without a mark, and what is wrong."""
    for sentence in sentences(text):
        words = bare(sentence)
        cited = "{cite" in sentence
        if not cited and (number := NUMBER.search(words)):
            yield sentence, f"the number {number[0]} carries no mark"
        elif CELLS.search(words) and COMPARING.search(words) and not (OPEN.search(words) or marked(sentence) or cited):
            yield sentence, "it compares and carries no mark"


@pytest.mark.parametrize("page", pages(PROJECT))
def test_every_number_and_every_comparison_carries_a_mark(page: str) -> None:
    listed = EXCEPTIONS.get(page.removeprefix("chapters/"), {})
    found = dict(faults(markdown(page)))
    known = {begin: [each for each in found if each.startswith(begin)] for begin in listed}
    left = {each: why for each, why in found.items() if not any(each in those for those in known.values())}
    assert not left, "\n".join(f"{why}: {each}" for each, why in left.items())
    assert all(known.values()), (
        f"exceptions that excuse nothing: {[begin for begin, those in known.items() if not those]}"
    )


def test_exceptions_are_few_and_each_has_its_reason() -> None:
    names = {page.removeprefix("chapters/") for page in pages(PROJECT)}
    for page, listed in EXCEPTIONS.items():
        assert page in names and 1 <= len(listed) <= MOST
        assert all(len(str(reason)) >= 15 for reason in listed.values())


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("It takes 3 steps.", 1),
        ("It takes [3](value:a) steps.", 0),
        ("The GRU is faster.", 1),
        ("The GRU is faster [✓](holds:a).", 0),
        ("The GRU should be faster.", 0),
        ("People say “the GRU is faster”.", 0),
        ("Others printed 91 % {cite}`a`.", 0),
        ("| The GRU | 5.2 |", 1),
        ("$H = 64$ and `5` and MNIST-1D and int8, a 4-gram.", 0),
        ("The LSTM has a cell state. One. It is 5 [3](value:a).", 1),
        ("```{admonition} In short\nThe GRU is faster.\n```\nAnd so on.", 1),
        ("```\nThe GRU is faster by 5.\n```\nAnd so on.", 0),
    ],
)
def test_the_rule_finds_what_it_should(text: str, wrong: int) -> None:
    assert len(list(faults(text))) == wrong
