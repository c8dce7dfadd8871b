"""The four tasks of the chapter *architecture/ablation*: their data, their models and what is scored."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from experiments.ablation.frozen import Frozen
from experiments.shared import selective
from gatedrnn.choices import Choices
from gatedrnn.models import Classifier, LanguageModel
from gatedrnn.variants import VARIANTS
from tasks import kjv, mnist1d, recall

Batch = tuple[Tensor, ...]
HELD_OUT = 512
"""Fresh sequences of recall and of the two registers on which a run is scored."""
HELD_SEED = 1_000_000
"""Such sequences have a stream of their own, which begins this far from that of the training."""
HELD_TEXT = 50_000
"""Characters of the validation or the test text on which a run is scored, its first ones."""


@dataclass(frozen=True)
class Problem:
    """What is trained and how it is judged."""

    build: Callable[[str, int, str], nn.Module]
    """Variant, width and start → a model with a `core`."""
    batches: Iterator[Batch]
    loss: Callable[[nn.Module, Batch], Tensor]
    judge: Callable[[nn.Module], float]
    """Share of right answers on held-out data; of characters bits per character."""
    endless: bool
    """Whether a run goes on once all answers are right."""


def problem(task: str, length: int, batch: int, seed: int, tuning: bool) -> Problem:
    """A task, ready to train.

    Args:
        task: `recall`, `registers`, `mnist1d` or `characters`.
        length: steps of noise in recall, steps of a sequence in registers, steps in which a curve of MNIST-1D is read,
            characters back that the gradient goes. batch: sequences a step.
        seed: of the data. tuning: score the validation part of MNIST-1D and of the text, not the test part.
    """
    return PROBLEMS[task](length, batch, seed, tuning)


def _recall(length: int, batch: int, seed: int, tuning: bool) -> Problem:
    x, y = next(recall.batches(HELD_SEED + seed, HELD_OUT, length))
    stream = recall.batches(seed, batch, length)
    return _labelled(recall.SYMBOLS + 2, recall.SYMBOLS, stream, x, y, endless=False)


def _mnist1d(length: int, batch: int, seed: int, tuning: bool) -> Problem:
    frame = mnist1d.POINTS // length
    part = mnist1d.load()["validation" if tuning else "test"]
    x, stream = mnist1d.frames(part.x, frame), mnist1d.batches(seed, batch, frame)
    return _labelled(frame, mnist1d.CLASSES, stream, x, part.y, endless=True)


def _labelled(inputs: int, classes: int, stream: Iterator[Batch], x: Tensor, y: Tensor, *, endless: bool) -> Problem:
    return Problem(
        lambda variant, width, start: Classifier(Frozen(variant, inputs, width, start), classes),
        stream,
        lambda model, data: cross_entropy(model(data[0]), data[1]),
        lambda model: float((model(x).argmax(1) == y).float().mean()),
        endless,
    )


def _registers(length: int, batch: int, seed: int, tuning: bool) -> Problem:
    x, y = next(selective.batches(HELD_SEED + seed, HELD_OUT, length))
    outputs = selective.REGISTERS * selective.SYMBOLS

    def answers(model: nn.Module, x: Tensor) -> Tensor:
        return model(x).view(x.shape[1], selective.REGISTERS, selective.SYMBOLS)

    return Problem(
        lambda variant, width, start: Classifier(Frozen(variant, selective.INPUTS, width, start), outputs),
        selective.batches(seed, batch, length),
        lambda model, data: cross_entropy(answers(model, data[0]).transpose(1, 2), data[1]),
        lambda model: float((answers(model, x).argmax(2) == y).float().mean()),
        endless=False,
    )


def _characters(length: int, batch: int, seed: int, tuning: bool) -> Problem:
    held = held_text(tuning)
    return Problem(
        _language_model,
        kjv.lanes(kjv.split().train, batch, length, seed),
        kjv.Truncated(),
        lambda model: kjv.bits_per_character(model, held),
        endless=True,
    )


def held_text(tuning: bool) -> Tensor:
    """What is scored of the validation text when tuning, else of the test text."""
    parts = kjv.split()
    return (parts.valid if tuning else parts.test)[: HELD_TEXT + 1]


def _language_model(variant: str, width: int, start: str) -> LanguageModel:
    model = LanguageModel(VARIANTS[variant].cell, len(kjv.symbols()), width)
    setattr(model, "core", Frozen(variant, model.embedding.embedding_dim, width, start))  # noqa: B010
    return model


PROBLEMS: Choices[Callable[[int, int, int, bool], Problem]] = Choices(
    "task", {"recall": _recall, "registers": _registers, "mnist1d": _mnist1d, "characters": _characters}
)


def most_bits() -> float:
    """Bits per character of guessing among all symbols alike."""
    return math.log2(len(kjv.symbols()))


def held_at(model: nn.Module) -> dict[str, float | None]:
    """Where the units hold a constant gate: the tenth part of them below `held_low`, half below `held`, and so on."""
    values = cast(Frozen, model.core).held()
    if values is None:
        return {"held_low": None, "held": None, "held_high": None}
    low, middle, high = torch.quantile(values, torch.tensor([0.1, 0.5, 0.9])).tolist()
    return {"held_low": round(low, 4), "held": round(middle, 4), "held_high": round(high, 4)}
