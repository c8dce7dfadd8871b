"""Runs of the chapter *applications/language*: the King James text character by character."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from evidence import timing
from experiments.language import words
from gatedrnn.checks import require
from gatedrnn.models import LanguageModel, count_parameters, width_of
from gatedrnn.optimiser import Adam
from gatedrnn.training import train, train_step
from tasks import kjv

CELLS = ("lstm", "gru", "rnn")
CONTEXTS = (1, 2, 4, 8, 16, 32, 64)
"""Characters that a model is shown in the look at how much of the past it uses."""
PROBES = 3000
"""Places of the test text at which that is measured."""
GLANCE = 50_000
"""Characters of the validation text that the curves are measured on."""
LANES = 64
"""Lanes in which held-out text is read."""


def run(
    *,
    cell: str,
    match: str,
    hidden_size: int,
    learning_rate: float,
    steps: int,
    every: int,
    batch: int,
    length: int,
    start: str,
    seed: int,
    tuning: bool = False,
    look: bool = False,
    temperatures: list[float] | None = None,
) -> dict[str, Any]:
    """Train one cell by truncated backpropagation, the state carried from batch to batch.

    Args:
        cell: `lstm`, `gru` or `rnn`.
        match: `width`, as wide as the LSTM; or `parameters`, as many parameters as the LSTM's whole model.
        hidden_size: width of the LSTM.
        learning_rate, steps: of the training. every: steps between glances at the validation text.
        batch: lanes of the training text. length: steps back that the gradient goes.
        start: first bias of the keeping gate, see `gatedrnn.initialisation`.
        seed: of the weights, of the place where reading starts and of the samples.
        tuning: do not touch the test text.
        look: also measure where bits are lost, how much of the past is used, and draw samples.
        temperatures: of the samples.

    Returns:
        Bits per character: `validation` (a glance), `test`; `score` (larger is better), `clipped`, `diverged`,
        `parameters`, `width`, and curves: `step`, `validation`; with `look` also `context` and `shortened`, `place_bits`,
        `rarity_bits` and `gap_bits` (mean bits by the classes of `kjv_words`), `real` (share of real words a temperature) and,
        for seed 0, `samples` (a text a temperature).
    """
    require("cell", cell, CELLS)
    require("match", match, ("width", "parameters"))
    parts, symbols = kjv.split(), len(kjv.symbols())
    width = width_of(cell, match, hidden_size, lambda each, units: LanguageModel(each, symbols, units))
    torch.manual_seed(seed)
    model = LanguageModel(cell, symbols, width, start=start)
    glance = parts.valid[: GLANCE + 1]
    result = train(
        model,
        kjv.lanes(parts.train, batch, length, seed),
        kjv.Truncated(),
        lambda model: {"validation": kjv.bits_per_character(model, glance, LANES)},
        steps=steps,
        learning_rate=learning_rate,
        every=every,
    )
    curves = result["curves"]
    found = {"score": math.exp(-result["validation"]), "test": None}
    if not math.isfinite(result["validation"]):
        found["score"] = 0.0
    if not tuning:
        bits = every_bit(model, parts.test)
        found["test"] = round(float(bits.mean()), 5)
    if look:
        curves["context"], curves["shortened"] = list(CONTEXTS), [shortened(model, parts.test, k) for k in CONTEXTS]
        curves |= lost(bits, parts)
        train_text = kjv.text()[: len(parts.train)]
        curves["temperature"] = list(temperatures or [])
        drawn = [sample(model, each, 250, 8, seed) for each in curves["temperature"]]
        if seed == 0:  # the one that is printed
            curves["samples"] = [texts[0] for texts in drawn]
        curves["real"] = [round(words.real_words(" ".join(texts), train_text), 4) for texts in drawn]
    return {**result, **found, "parameters": count_parameters(model), "width": width, "curves": curves}


@torch.no_grad()
def every_bit(model: nn.Module, stream: Tensor, lanes: int = LANES) -> np.ndarray:
    """Bits that each character but the first of a stream costs, in the stream's order, state carried along each lane.

    The text is cut into `lanes` lanes, read from a zero state each; what is left over at the end is not read.
    """
    width = (len(stream) - 1) // lanes
    read = stream[: width * lanes].view(lanes, width).t()
    following = stream[1 : width * lanes + 1].view(lanes, width).t()
    state, parts = None, []
    for part, right in zip(read.split(256), following.split(256), strict=True):
        logits, state = model(part, state)
        losses = nn.functional.cross_entropy(logits.flatten(0, 1), right.flatten(), reduction="none")
        parts.append(losses.view_as(right))
    return (torch.cat(parts).t().flatten() / math.log(2)).numpy()


def probes(stream: Tensor) -> Tensor:
    """The places at which a shortened past is tried, the same for every model: increasing, (P,)."""
    generator = torch.Generator().manual_seed(0)
    room = len(stream) - CONTEXTS[-1] - 1
    return torch.randperm(room, generator=generator)[: min(PROBES, room)].sort().values + CONTEXTS[-1]


@torch.no_grad()
def shortened(model: LanguageModel, stream: Tensor, characters: int) -> float:
    """Bits per character at the probes when the model sees only so many characters before each, from a zero state."""
    at = probes(stream)
    read = stream[at - torch.arange(characters, 0, -1).unsqueeze(1)]  # (k, P)
    outputs, _ = model.core(model.embedding(read))
    loss = nn.functional.cross_entropy(model.head(outputs[-1]), stream[at])
    return round(float(loss) / math.log(2), 5)


def lost(bits: np.ndarray, parts: kjv.Split) -> dict[str, list[float | None]]:
    """Mean bits of the test characters by place in the word, by rarity of the word, and by the gap since its last use."""
    found: dict[str, list[float | None]] = {}
    for name, (numbers, names) in _classes(len(parts.train), len(parts.test)).items():
        own = numbers[1 : len(bits) + 1]
        means = [bits[own == kind] for kind in range(len(names))]
        found[name] = [round(float(each.mean()), 4) if len(each) else None for each in means]
    return found


@cache
def _classes(trained: int, held: int) -> dict[str, tuple[np.ndarray, tuple[str, ...]]]:
    """The class of every test character in three ways, and the names of the classes; the same for all runs."""
    train, test = kjv.text()[:trained], kjv.text()[-held:]
    return {
        "place_bits": (words.places(test), words.PLACES),
        "rarity_bits": (words.rarities(test, train), words.RARITIES),
        "gap_bits": (words.gaps(test, train), words.GAPS),
    }


@torch.no_grad()
def sample(model: LanguageModel, temperature: float, characters: int, texts: int, seed: int) -> list[str]:
    """Texts that a model draws after a line break, each character from its own probabilities sharpened by 1 ÷ temperature."""
    generator = torch.Generator().manual_seed(seed)
    alphabet = kjv.symbols()
    start = kjv.encode(". ").unsqueeze(1).expand(2, texts)
    logits, state = model(start)
    drawn = []
    for _ in range(characters):
        chances = (logits[-1] / temperature).softmax(-1)
        drawn.append(torch.multinomial(chances, 1, generator=generator).t())
        logits, state = model(drawn[-1], state)
    return ["".join(alphabet[number] for number in column) for column in torch.cat(drawn).t().tolist()]


def step_times(hidden_size: int, batch: int, length: int, rounds: int) -> pd.DataFrame:
    """Interleaved readings of a whole training step of each cell at equal width, one thread: forward to Adam.

    Returns:
        One row a reading: `name`, the cell, and the other columns of `measuring.interleave`.
    """
    stream = kjv.split().train
    with timing.threads(1):
        arms = {}
        for cell in CELLS:
            model = LanguageModel(cell, len(kjv.symbols()), hidden_size)
            arms[cell] = _step(model, kjv.lanes(stream, batch, length, 0))
        return timing.interleave(arms, rounds, warmup=3)


def _step(model: nn.Module, batches: Iterator[tuple[Tensor, Tensor]]) -> Callable[[], float]:
    learned = list(model.parameters())
    optimiser = Adam(learned, lr=1e-4)
    loss = kjv.Truncated()
    return lambda: train_step(model, next(batches), loss, optimiser, learned, 1.0)
