"""The tasks of the chapter *outlook/attention*, each with the same face: batches, a loss, and an error to be made small."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, l1_loss

from gatedrnn.checks import require
from tasks import dayahead, demand, kjv, several

TASKS = ("scattered", "beginning", "demand", "text")
RECALL = ("scattered", "beginning")
SEASON = "spring"
"""Season that is forecast; all days before it are learned from."""
HELD_OUT = 256
"""Sequences of recall, and windows of text, on which a run is judged: of text four times as many."""
CHUNK = 128
"""Windows of text that are judged at once."""
Pair = tuple[Tensor, Tensor]


@dataclass(frozen=True)
class Problem:
    """What a task asks of a model that maps x to answers (Q, B, outputs) at the last Q steps.

    `symbols` is how many different numbers x (T, B) holds, or 0 where it is (T, B, inputs). `held` is the data judged.
    `guess` is the error of a plain guess: any symbol, last week's demand, the frequencies of letters. `corrected` is the
    channel of x that answers are steps from, if any.
    """

    inputs: int
    symbols: int
    outputs: int
    queries: int | None
    batches: Callable[[int, int], Iterator[Pair]]
    loss: Callable[[Tensor, Tensor], Tensor]
    error: Callable[[Tensor, Tensor], float]
    held: Pair
    guess: float
    corrected: int | None = None


def problem(task: str, length: int, seed: int, tuning: bool = False) -> Problem:
    """A task at a length.

    Args:
        task: `scattered` or `beginning`, recall of several tokens; `demand`, the day ahead; `text`, the next character.
        length: T; of demand 48 for the day and for each of 1 to 7 days before it.
        seed: of the sequences of recall that are judged.
        tuning: judge demand and text on what lies before the part that is reported.

    Raises:
        ValueError: an unknown task, or a length that it does not have.
    """
    require("task", task, TASKS)
    if task == "demand":
        return _demand(length, tuning)
    return _text(length, tuning) if task == "text" else _recall(task, length, seed)


def _recall(placing: str, length: int, seed: int) -> Problem:
    def batches(seed: int, batch: int) -> Iterator[Pair]:
        return several.batches(seed, batch, length, placing)

    return Problem(
        inputs=several.SYMBOLS + 2,
        symbols=0,
        outputs=several.SYMBOLS,
        queries=several.TOKENS,
        batches=batches,
        loss=lambda out, y: cross_entropy(out.flatten(0, 1), y.flatten()),
        error=lambda out, y: float((out.argmax(2) != y).float().mean()),
        held=next(batches(1_000_000 + seed, HELD_OUT)),
        guess=1 - several.baseline(),
    )


def _demand(length: int, tuning: bool) -> Problem:
    past, rest = divmod(length, demand.SLOTS)
    if rest or not 2 <= past <= 1 + dayahead.FURTHEST:
        allowed = f"48 for the day and for each of 1 to {dayahead.FURTHEST} days before it"
        raise ValueError(f"length = {length!r} is not allowed for demand: {allowed}")
    learned, asked = demand.split(SEASON, tuning)
    (x, y), held, unit = dayahead.tensors(learned, asked, past - 1)
    return Problem(
        inputs=x.shape[2],
        symbols=0,
        outputs=1,
        queries=demand.SLOTS,
        batches=lambda seed, batch: dayahead.batches(x, y, batch, seed),
        loss=lambda out, y: l1_loss(out[..., 0], y),
        error=lambda out, y: unit * float(l1_loss(out[..., 0], y)),
        held=held,
        guess=float(np.abs(demand.naive(asked, demand.WEEK) - demand.load().demand[asked]).mean()),
        corrected=dayahead.GUESS,
    )


def _text(length: int, tuning: bool) -> Problem:
    parts = kjv.split()
    held = windows(parts.valid if tuning else parts.test, length)

    def bits(out: Tensor, y: Tensor) -> float:  # the second half, where every model has some past
        late = length // 2
        return float(cross_entropy(out[late:].flatten(0, 1), y[late:].flatten())) / math.log(2)

    return Problem(
        inputs=0,
        symbols=len(kjv.symbols()),
        outputs=len(kjv.symbols()),
        queries=None,
        batches=lambda seed, batch: drawn(parts.train, batch, length, seed),
        loss=lambda out, y: cross_entropy(out.flatten(0, 1), y.flatten()),
        error=bits,
        held=held,
        guess=letters(tuning),
    )


def windows(stream: Tensor, length: int) -> Pair:
    """Windows of a text, evenly spread over it, and the symbol that follows each of theirs, (T, N) both."""
    starts = torch.linspace(0, len(stream) - length - 1, 4 * HELD_OUT).long()
    rows = torch.arange(length).unsqueeze(1) + starts
    return stream[rows], stream[rows + 1]


def drawn(stream: Tensor, batch: int, length: int, seed: int) -> Iterator[Pair]:
    """Endless batches of windows from anywhere in a text, and the symbols that follow, (T, B) both."""
    generator = torch.Generator().manual_seed(seed)
    steps = torch.arange(length).unsqueeze(1)
    while True:
        rows = steps + torch.randint(len(stream) - length, (batch,), generator=generator)
        yield stream[rows], stream[rows + 1]


@cache
def letters(tuning: bool) -> float:
    """Bits per character of a model that knows the frequencies of the training text alone."""
    parts = kjv.split()
    return kjv.ngram_bits(1, parts.train, parts.valid if tuning else parts.test)
