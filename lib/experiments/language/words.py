"""Places in the King James text: where in its word a character stands, how common the word is, how long ago it came.

For looking at where a language model loses its bits. A word is a run of letters. Introduced in the chapter
*applications/language*.
"""

from __future__ import annotations

import bz2
import lzma
import re
from collections import Counter
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from gatedrnn.checks import require

WORD = re.compile(r"[A-Za-z]+")
PLACES = ("1st letter", "2nd", "3rd", "4th", "5th or later", "after a word", "between words")
"""Of a character: in its word; the one right after a word's last letter; all others."""
RARITIES = ("never", "1–9", "10–99", "100–999", "1000 or more")
GAPS = ("first time", "≤ 100", "101–500", "501–2500", "longer ago")
"""Characters since the same word was last seen in this part of the text."""


@lru_cache(maxsize=2)
def vocabulary(text: str) -> Counter[str]:
    """How often each word stands in a text."""
    return Counter(WORD.findall(text))


def places(text: str) -> np.ndarray:
    """Index into `PLACES` of every character, (N,)."""
    found = np.full(len(text), PLACES.index("between words"))
    for match in WORD.finditer(text):
        start, end = match.span()
        found[start:end] = np.minimum(np.arange(end - start), 4)
        if end < len(text):
            found[end] = PLACES.index("after a word")
    return found


def rarities(text: str, train: str) -> np.ndarray:
    """Index into `RARITIES` of every letter by how often its word stands in the training text; −1 elsewhere, (N,)."""
    counts = vocabulary(train)
    found = np.full(len(text), -1)
    for match in WORD.finditer(text):
        found[slice(*match.span())] = np.searchsorted([1, 10, 100, 1000], counts[match[0]], side="right")
    return found


def gaps(text: str, train: str, rarest: int = 100) -> np.ndarray:
    """Index into `GAPS` of every letter of a word seen fewer than `rarest` times in training; −1 elsewhere, (N,)."""
    counts = vocabulary(train)
    found = np.full(len(text), -1)
    last: dict[str, int] = {}
    for match in WORD.finditer(text):
        word, (start, end) = match[0], match.span()
        if counts[word] < rarest:
            ago = np.searchsorted([100, 500, 2500], start - last[word]) + 1 if word in last else 0
            found[start:end] = ago
        last[word] = start
    return found


def real_words(text: str, train: str) -> float:
    """Share of the words of a text that the training text has; the first and last may be cut off and do not count."""
    known = vocabulary(train)
    words = WORD.findall(text)[1:-1]
    return float(np.mean([word in known for word in words])) if words else 0.0


def compressed_bits(method: str, train: str, test: str) -> float:
    """Bits a character that a compressor adds for the test text after the training text: size of both − size of one.

    Args:
        method: `bz2` (forgets after 900,000 bytes) or `lzma` (remembers all of it).
    """
    require("method", method, ("bz2", "lzma"))
    size = {
        "bz2": lambda text: len(bz2.compress(text.encode(), 9)),
        "lzma": lambda text: len(lzma.compress(text.encode(), preset=9)),
    }[method]
    return 8 * (size(train + test) - size(train)) / len(test)


def same_reading(stream: Tensor, lanes: int, characters: int) -> Tensor:
    """As much text as a network has read, from the same number of places: (about `characters`,) symbol numbers.

    Args:
        stream: (N,). lanes: places, evenly spread. characters: read in all; at most N.
    """
    width = (len(stream) - 1) // lanes
    each = min(width, max(1, characters // lanes))
    return torch.cat([stream[start * width : start * width + each] for start in range(lanes)])
