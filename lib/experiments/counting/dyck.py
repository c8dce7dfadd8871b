"""Dyck-k: k kinds of brackets, nested; two if nothing is said. At every step, which bracket would have to be closed next?

Counting does not suffice here: every open bracket's kind must be kept, and the last one opened comes first. What is asked
is determined by the past at every step that leaves a bracket open: the kind on top of the stack. After an opening bracket
the answer has just been read; so only the answers after a *closing* bracket are scored, where an older one is needed.
Introduced in the chapter *memory/counting*.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

KINDS = 2
"""Kinds of brackets k: the symbols are open 0 … k − 1, then close 0 … k − 1."""
IGNORED = -100
"""Label of a step that is not trained on or not scored: torch's own mark."""


def walks(generator: torch.Generator, count: int, length: int, deepest: int, kinds: int = KINDS) -> Tensor:
    """Random balanced strings: at each step open or close with equal chance, where both are allowed.

    Args:
        generator: of the choices. count: B, strings.
        length: T, even. deepest: most brackets open at once. kinds: see `KINDS`.

    Returns:
        (T, B) symbols: see `KINDS`. Every prefix closes only what is open, never holds more than `deepest`, and the
        whole string closes everything.
    """
    if length < 2 or length % 2:
        raise ValueError(f"length = {length!r} is not allowed: an even number of at least 2")
    if deepest < 1 or count < 1:
        raise ValueError(f"count = {count!r}, deepest = {deepest!r} is not allowed: whole numbers of at least 1")
    rises = torch.randint(2, (length, count), generator=generator).bool()
    drawn = torch.randint(kinds, (length, count), generator=generator)
    depth = torch.zeros(count, dtype=torch.int64)
    stack = torch.zeros(deepest + 1, count, dtype=torch.int64)  # row d: kind of the bracket opened at depth d
    columns = torch.arange(count)
    found = []
    for t in range(length):
        opens = (rises[t] | (depth == 0)) & (depth < min(deepest, length - t))
        depth = depth + opens.long()
        stack[depth[opens], columns[opens]] = drawn[t, opens]
        found.append(torch.where(opens, 0, kinds) + stack[depth, columns])
        depth = depth - (~opens).long()
    return torch.stack(found)


def mountains(generator: torch.Generator, count: int, depth: int, kinds: int = KINDS) -> Tensor:
    """Strings that open `depth` brackets of random kinds and then close them all: (2 · depth, B) symbols."""
    if depth < 1 or count < 1:
        raise ValueError(f"count = {count!r}, depth = {depth!r} is not allowed: whole numbers of at least 1")
    drawn = torch.randint(kinds, (depth, count), generator=generator)
    return torch.cat([drawn, drawn.flip(0) + kinds])


def one_hot(symbols: Tensor, kinds: int = KINDS) -> Tensor:
    """(T, B) symbols as the network reads them: (T, B, 2 · kinds)."""
    return torch.nn.functional.one_hot(symbols, 2 * kinds).float()


def answers(symbols: Tensor, kinds: int = KINDS) -> tuple[Tensor, Tensor]:
    """Which bracket would have to be closed next.

    Args:
        symbols: (T, B), every prefix closing only what is open, with the right kind. kinds: see `KINDS`.

    Returns:
        y (T, B): kind of the innermost open bracket, `IGNORED` where none is open; and scored (T, B): whether the step
        closed a bracket and left another open, so that the answer was read further back.
    """
    count = symbols.shape[1]
    depth = torch.zeros(count, dtype=torch.int64)
    stack = torch.zeros(len(symbols) + 1, count, dtype=torch.int64)
    columns = torch.arange(count)
    y = torch.full_like(symbols, IGNORED)
    for t, symbol in enumerate(symbols):
        opens = symbol < kinds
        depth = depth + opens.long() - (~opens).long()
        stack[depth[opens], columns[opens]] = symbol[opens]
        y[t] = torch.where(depth > 0, stack[depth, columns], IGNORED)
    return y, (symbols >= kinds) & (y != IGNORED)


def batches(
    seed: int, batch: int, length: int, deepest: int, kinds: int = KINDS, held: int = 64
) -> Iterator[tuple[Tensor, Tensor]]:
    """Endless batches of random balanced strings.

    Args:
        seed: of the stream. batch: B. length, deepest, kinds: see `walks`.
        held: batches made at a time, because making them one by one takes longer than learning from them.

    Yields:
        x (T, B, 2 · kinds) and y (T, B), see `answers`.
    """
    generator = torch.Generator().manual_seed(seed)
    while True:
        symbols = walks(generator, batch * held, length, deepest, kinds)
        x, (y, _) = one_hot(symbols, kinds), answers(symbols, kinds)
        yield from zip(x.split(batch, 1), y.split(batch, 1), strict=True)


def window_answers(symbols: Tensor, context: int) -> Tensor:
    """The best that can be answered of two kinds from the last `context` symbols: (T, B); 0 where the bracket lies further back."""
    if context < 1:
        raise ValueError(f"context = {context!r} is not allowed: a whole number of at least 1")
    named = torch.zeros_like(symbols)
    for column in range(symbols.shape[1]):
        line = symbols[:, column].tolist()
        for t in range(len(line)):
            stack: list[int] = []
            for symbol in line[max(0, t + 1 - context) : t + 1]:
                if symbol < 2:
                    stack.append(symbol)
                elif stack:
                    stack.pop()
            named[t, column] = stack[-1] if stack else 0
    return named
