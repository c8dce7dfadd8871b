"""Counting strings: a^n b^n and a^n b^n c^n, read letter by letter, the next letter named where it is determined.

After the first `b` the whole rest of such a string follows from what was read: how many letters of each kind are still
to come, and where the string ends. A network that names all of them right must have counted. (Gers and Schmidhuber 2001
and Weiss et al. 2018 used these languages.) Introduced in the chapter *memory/counting*.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import torch
from torch import Tensor

from gatedrnn.checks import require

LETTERS = {"anbn": 2, "anbncn": 3}
"""Languages, and how many letters each has; the end of the string is one more class."""
IGNORED = -100
"""Label of a step after the end of a string: torch's own mark."""
ASKED = ("all", "determined")


def strings(language: str, counts: Iterable[int]) -> tuple[Tensor, Tensor, Tensor]:
    """The strings of a language with the given n, one a column.

    Args:
        language: `anbn` or `anbncn`, of k letters.
        counts: n of each string, all at least 1.

    Returns:
        x (T, B, k), one-hot letters, T = k · the largest n, zeros after a string's end; y (T, B), the letter that
        follows, k for the end of the string, `IGNORED` after it; and scored (T, B), whether the past determines what
        follows: from the first `b` on. While `a` is read, another `a` and the first `b` are both possible.
    """
    require("language", language, LETTERS)
    n = torch.as_tensor(list(counts), dtype=torch.int64)
    if not len(n) or int(n.min()) < 1:
        raise ValueError(f"counts = {n.tolist()} is not allowed: whole numbers of at least 1")
    letters = LETTERS[language]
    steps = torch.arange(letters * int(n.max())).unsqueeze(1)  # (T, 1)
    read = steps // n  # (T, B), which letter stands there
    inside = read < letters
    x = torch.nn.functional.one_hot(read.clamp(max=letters - 1), letters) * inside.unsqueeze(2)
    y = ((steps + 1) // n).masked_fill(~inside, IGNORED)
    return x.float(), y, inside & (read > 0)


def batches(seed: int, language: str, batch: int, longest: int, asked: str = "all") -> Iterator[tuple[Tensor, Tensor]]:
    """Endless batches of strings, n drawn evenly from 1 to `longest`.

    Args:
        seed: of the stream. language: see `strings`. batch: B. longest: largest n.
        asked: `all`, every next letter is to be named, the first ones by their odds; or `determined`, only those that
            the past determines.

    Yields:
        x (T, B, k) and y (T, B), see `strings`; y is `IGNORED` where nothing is asked.
    """
    for name, value in (("batch", batch), ("longest", longest)):
        if value < 1:
            raise ValueError(f"{name} = {value!r} is not allowed: a whole number of at least 1")
    require("asked", asked, ASKED)
    x, y, scored = strings(language, range(1, longest + 1))
    if asked == "determined":
        y = y.masked_fill(~scored, IGNORED)
    generator = torch.Generator().manual_seed(seed)
    while True:
        drawn = torch.randint(longest, (batch,), generator=generator)
        end = LETTERS[language] * (int(drawn.max()) + 1)
        yield x[:end, drawn], y[:end, drawn]


def first_failure(wrong: Tensor) -> tuple[int, bool]:
    """The least n whose string is wrong, for strings with n = 1, 2, …, N; N + 1 and True where none is.

    Args:
        wrong: (N,) whether each string has a mistake.

    Returns:
        n, and whether it is censored: nothing failed up to the longest string that was tested.
    """
    found = wrong.nonzero()
    return (int(found[0]) + 1, False) if len(found) else (len(wrong) + 1, True)


def window_answers(language: str, context: int, longest: int, tested: int) -> Tensor:
    """What a table of the last `context` letters answers: the commonest next letter after that window in training.

    The window sees the string's beginning when that is near enough. A window that was never met falls back on its last
    letter, repeated.

    Args:
        language: see `strings`. context: letters remembered, at least 1.
        longest: trained on n = 1 … longest. tested: asked for n = 1 … tested.

    Returns:
        The letters named (T, B); `IGNORED` where the past does not determine them.
    """
    if context < 1:
        raise ValueError(f"context = {context!r} is not allowed: a whole number of at least 1")
    letters = LETTERS[language]
    seen: dict[str, list[int]] = {}
    for n in range(1, longest + 1):
        text = _text(letters, n)
        for t in range(n, letters * n):
            seen.setdefault(_window(text, t, context), [0] * (letters + 1))[_follows(letters, n, t)] += 1
    named = torch.full((letters * tested, tested), IGNORED)
    for n in range(1, tested + 1):
        text = _text(letters, n)
        for t in range(n, letters * n):
            counts = seen.get(_window(text, t, context))
            named[t, n - 1] = t // n if counts is None else counts.index(max(counts))
    return named


def _text(letters: int, n: int) -> str:
    return "^" + "".join(letter * n for letter in "abc"[:letters])


def _window(text: str, t: int, context: int) -> str:
    """The last letters up to step t; `^` stands before the first."""
    return text[max(0, t + 2 - context) : t + 2]


def _follows(letters: int, n: int, t: int) -> int:
    return (t + 1) // n
