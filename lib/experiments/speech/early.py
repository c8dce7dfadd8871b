"""Runs of the chapter *applications/speech* on Japanese vowels: who speaks, told before the vowel is over."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from gatedrnn.checks import require
from gatedrnn.initialisation import initialise
from gatedrnn.layers import Recurrent
from gatedrnn.models import Tagger, count_parameters
from gatedrnn.training import train
from tasks import vowels
from tasks.logistic import logistic
from tasks.vowels import Utterances

CELLS = ("lstm", "gru")
KINDS = {"mean": "logistic, time-mean", "static": "logistic, four summaries"}
MARKS = (1, 2, 3, 5, 7, 10, 15, 20, 29)
"""Frames heard when an answer is read; an utterance that is shorter is heard whole."""
LOOKS = 2


def run(
    *, cell: str, hidden_size: int, learning_rate: float, steps: int, batch: int, seed: int, tuning: bool = False
) -> dict[str, Any]:
    """Train one cell to name the speaker at every frame, all frames of an utterance counting alike.

    Args:
        cell: `lstm` or `gru`. hidden_size: H.
        learning_rate, steps, batch: of the training.
        seed: of the weights and the order of the batches; the same for both cells.
        tuning: learn from the training set without its validation part, and score the latter.

    Returns:
        `accuracy` (share) when the utterances were heard whole, `early_accuracy`, its mean over `MARKS`, `parameters`, and
        the curves `frames` and `heard`: accuracy after so many frames.
    """
    require("cell", cell, CELLS)
    parts = vowels.load()
    known, held = (parts[name] for name in (("train", "validation") if tuning else ("full", "test")))
    known, held = (each.standardised(known) for each in (known, held))
    torch.manual_seed(seed)
    core = Recurrent(cell, vowels.COEFFICIENTS, hidden_size)
    initialise(core, "bias:1")
    model = Tagger(core, vowels.CLASSES)

    def evaluate(model: nn.Module) -> dict[str, float]:
        right = heard(model, held)
        return {"accuracy": right[-1], "early_accuracy": sum(right) / len(right)}

    result = train(
        model,
        batches(known, batch, seed),
        loss,
        evaluate,
        steps=steps,
        learning_rate=learning_rate,
        every=-(-steps // LOOKS),
    )
    model.eval()
    with torch.no_grad():
        curves = {"frames": list(MARKS), "heard": [round(each, 5) for each in heard(model, held)]}
    return {**result, "parameters": count_parameters(model), "curves": curves}


def baseline(*, kind: str, frames: int, seed: int) -> dict[str, Any]:
    """Logistic regression on what has been heard, without its order; fitted anew for each number of frames.

    Args:
        kind: `mean` or `static` of `vowels.summary`.
        frames: heard of each utterance, in training and test.
        seed: changes nothing; a sweep gives it.

    Returns:
        `accuracy` (share) on the test set.
    """
    require("kind", kind, KINDS)
    known, test = (prefix(vowels.load()[name], frames) for name in ("full", "test"))
    x, x_test = vowels.summary(known, kind), vowels.summary(test, kind)
    mean, deviation = x.mean(0), x.std(0).clamp(min=1e-6)  # of one frame the deviation over time is 0 for all
    right = logistic((x - mean) / deviation, known.y, (x_test - mean) / deviation, test.y, vowels.CLASSES)
    return {"accuracy": right}


def prefix(part: Utterances, frames: int) -> Utterances:
    """Each utterance up to so many frames, zero after them.

    Raises:
        ValueError: frames below 1.
    """
    if frames < 1:
        raise ValueError(f"frames = {frames!r} is not allowed: a whole number of at least 1")
    cut = Utterances(part.x, part.lengths.clamp(max=frames), part.y)
    return Utterances(part.x * cut.inside, cut.lengths, part.y)


def heard(model: nn.Module, data: Utterances) -> list[float]:
    """Share of right answers after each of `MARKS` frames, or at the true end where that comes first."""
    answers = model(data.x).argmax(-1)
    places = torch.arange(len(data.y))
    return [float((answers[data.lengths.clamp(max=frames) - 1, places] == data.y).float().mean()) for frames in MARKS]


def loss(model: nn.Module, data: tuple[Tensor, ...]) -> Tensor:
    """Cross entropy at every frame before the true end; each utterance counts alike, however long."""
    x, lengths, y = data
    each = cross_entropy(model(x).permute(1, 2, 0), y.unsqueeze(1).expand(-1, len(x)), reduction="none")  # (B, T)
    inside = torch.arange(len(x)) < lengths.unsqueeze(1)
    return ((each * inside).sum(1) / lengths).mean()


def batches(data: Utterances, batch: int, seed: int) -> Iterator[tuple[Tensor, ...]]:
    """Endless batches of x (T, B, 12), lengths and speakers, reshuffled every epoch."""
    generator = torch.Generator().manual_seed(seed)
    while True:
        order = torch.randperm(len(data.y), generator=generator)
        for start in range(0, len(order) - batch + 1, batch):
            part = data[order[start : start + batch]]
            yield part.x[: int(part.lengths.max())], part.lengths, part.y
