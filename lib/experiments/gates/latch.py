"""Does a model read as well from an empty state as from the state in which its training ended?"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn

from experiments.gates.runs import WARMUP
from gatedrnn.checks import whole
from gatedrnn.models import LanguageModel
from gatedrnn.training import train
from tasks import kjv


class Emptied(kjv.Truncated):
    """Truncated backpropagation whose carried state is emptied every `every` batches; 0: never."""

    def __init__(self, every: int) -> None:
        super().__init__()
        self.every, self.seen = every, 0

    def __call__(self, model: nn.Module, batch: tuple[Tensor, ...]) -> Tensor:
        """Loss of a language model on one batch of `lanes`, from an empty state where it is time."""
        if self.every and self.seen % self.every == 0:
            self.state = None
        self.seen += 1
        return super().__call__(model, batch)


def run(
    *, cell: str, hidden_size: int, steps: int, learning_rate: float, batch: int, length: int, empty: int, seed: int
) -> dict[str, Any]:
    """Train as `runs.run` does, then read the test text in 4 × batch lanes from two states.

    Args:
        cell: a gated cell of `gatedrnn.catalogue.CELLS`. hidden_size, steps, learning_rate, batch, length, seed: of
            `runs.run`.
        empty: batches after which the carried state is emptied in training; 0 never empties it.

    Returns:
        What `train` returns; bits a character from an empty state (`cold`) and from the last state of training, the same for
        every four lanes (`warm`).
    """
    whole("empty", empty, 0)
    torch.manual_seed(seed)
    model = LanguageModel(cell, len(kjv.symbols()), hidden_size)
    parts, loss = kjv.split(), Emptied(empty)
    given = kjv.lanes(parts.train, batch, length, seed)
    result = train(
        model,
        given,
        loss,
        lambda _: {},
        steps=steps,
        learning_rate=learning_rate,
        schedule="cosine",
        warmup=steps // WARMUP,
        every=steps,
    )
    warm = tuple(each.repeat_interleave(4, dim=-2) for each in loss.state or ())
    return {**result, **{name: read(model, parts.test, 4 * batch, at) for name, at in (("cold", None), ("warm", warm))}}


@torch.no_grad()
def read(model: nn.Module, stream: Tensor, lanes: int, state: tuple[Tensor, ...] | None) -> float:
    """Bits a character of a stream (N,), read in so many lanes, each on from a state (…, lanes, H); None: from zeros."""
    width = (len(stream) - 1) // lanes
    given, following = (stream[at : at + width * lanes].view(lanes, width).t() for at in (0, 1))
    logits, _ = model(given, state)
    return float(nn.functional.cross_entropy(logits.flatten(0, 1), following.flatten())) / math.log(2)
