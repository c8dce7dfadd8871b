"""Runs of the chapter *applications/speech*: digits read off synthetic speech in unseen voices, and vowels from their beginning."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

import torch
from torch import Tensor, nn

from experiments.speech.transcribing import NETWORKS, Transcriber, error_rate, loss, read
from gatedrnn.checks import require
from gatedrnn.models import count_parameters, width_of
from gatedrnn.training import train
from tasks import spoken

MATCHES = ("width", "parameters")
CLASSES = len(spoken.WORDS) + 1
LOOKS = 4
"""Evaluations during a training, evenly spread; the last one is the result."""
KNOWN = 100
"""Training strings on which the errors are counted too."""
POOL = 8
"""Batches that are drawn together and sorted by length, so that little of a batch is padding."""
Batch = tuple[Tensor, Tensor, Tensor, Tensor]
"""Frames (T, B, 60), lengths (B,), digits (B, 9), counts (B,)."""


def run(
    *,
    network: str,
    directions: int,
    match: str,
    hidden_size: int,
    learning_rate: float,
    steps: int,
    batch: int,
    seed: int,
    tuning: bool = False,
    bias: float = 1.0,
) -> dict[str, Any]:
    """Train one network to read strings of digits.

    Args:
        network: see `experiments.speech.transcribing.Transcriber`.
        directions: 1 or 2.
        match: `width`, as wide as the LSTM; or `parameters`, with as many parameters as the LSTM of as many directions.
        hidden_size: width of the LSTM.
        learning_rate, steps, batch: of the training.
        seed: of the weights and the order of the batches; the same for all networks.
        tuning: score the strings for tuning and not the test, once, at the end.
        bias: first bias of the keeping gate.

    Returns:
        `label_accuracy`, 1 − label error rate, in held-out voices; `errors`, the label error rate; `exact`, share of strings
        without an error; `train_errors` on `KNOWN` training strings; `parameters`, `width`, and what `train` returns.
    """
    require("network", network, NETWORKS)
    require("match", match, MATCHES)

    def build(which: str, width: int) -> Transcriber:
        return Transcriber(which, spoken.INPUTS, width, CLASSES, directions, bias)

    width = width_of(network, match, hidden_size, build)
    torch.manual_seed(seed)
    model = build(network, width)
    held, known = part("validation" if tuning else "test"), _take(part("train"), torch.arange(KNOWN))

    def evaluate(model: nn.Module) -> dict[str, float]:
        errors, exact = score(model, held)
        return {"label_accuracy": 1 - errors, "errors": errors, "exact": exact, "train_errors": score(model, known)[0]}

    result = train(
        model,
        batches(part("train"), batch, seed),
        lambda model, data: loss(model(data[0], data[1]), data[1], data[2], data[3]),
        evaluate,
        steps=steps,
        learning_rate=learning_rate,
        every=steps if tuning else max(1, steps // LOOKS),
    )
    return {**result, "parameters": count_parameters(model), "width": width}


def score(model: nn.Module, data: Batch) -> tuple[float, float]:
    """Label error rate, and share of strings without an error."""
    x, lengths, digits, counts = data
    found = read(model(x, lengths), lengths)
    right = [row[:count] for row, count in zip(digits.tolist(), counts.tolist(), strict=True)]
    exact = sum(a == b for a, b in zip(found, right, strict=True)) / len(right)
    return error_rate(found, right), exact


@cache
def part(name: str) -> Batch:
    """A part of the spoken strings as tensors."""
    data = spoken.load()[name]
    return tuple(torch.from_numpy(each) for each in (data.x, data.lengths, data.digits, data.counts))  # type: ignore[return-value]


def batches(data: Batch, batch: int, seed: int) -> Iterator[Batch]:
    """Endless batches, reshuffled every epoch; each holds strings of about one length, and batches come in random order."""
    generator = torch.Generator().manual_seed(seed)
    count = len(data[1])
    while True:
        order = torch.randperm(count, generator=generator)
        for start in range(0, count - batch + 1, batch * POOL):
            pool = order[start : start + batch * POOL]
            pool = pool[torch.argsort(data[1][pool], stable=True)]
            groups = pool[: len(pool) // batch * batch].split(batch)
            for place in torch.randperm(len(groups), generator=generator).tolist():
                yield _take(data, groups[place])


def _take(data: Batch, chosen: Tensor) -> Batch:
    x, lengths, digits, counts = data
    longest = int(lengths[chosen].max())
    return x[:longest, chosen], lengths[chosen], digits[chosen], counts[chosen]
