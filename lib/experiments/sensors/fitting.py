"""How everything with weights is trained in the chapter *memory/sensors*: one division, one loop, the best look on validation."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from gatedrnn.models import count_parameters
from gatedrnn.training import evaluated, train
from tasks import sensors
from tasks.sensors import Recordings

LEAST = 5
"""Training steps of an epoch at least: where recordings are few, a batch has fewer."""
LOOKS = 40
"""Looks at the validation part during a training at most, evenly spread."""
APART = 5
"""Training steps between two looks at least."""
WARMUP = 20
"""One step in so many is a step of warm-up."""
SORTED = 4
"""Batches that are drawn together and then sorted by length, so that little of a batch is padding."""
AT_ONCE = 128
"""Recordings that are judged together."""
Batch = tuple[Tensor, Tensor, Tensor]
"""Values x (T, B, C), true lengths (B,) and classes y (B,)."""


@dataclass(frozen=True)
class Parts:
    """Recordings to train on, to validate on and to be judged by, on the scale of the first."""

    train: Recordings
    validation: Recordings
    test: Recordings

    @property
    def inputs(self) -> int:
        """C, values a step."""
        return self.train.x.shape[-1]


def parts(data: str, factor: int, scale: str, seed: int, exchanged: bool = False) -> Parts:
    """A data set, shortened and scaled.

    Args:
        data: `plaid` or `acsf1`. factor: steps that are averaged to one. scale: see `tasks.sensors`.
        seed: of the division of what is learned from into training and validation.
        exchanged: learn from the published test part, and be judged by the published training part.
    """
    names = reversed(sensors.PARTS) if exchanged else sensors.PARTS
    known, test = (_shortened(data, factor)[name] for name in names)
    kept, held = sensors.divide(known.y, seed)
    train = known[kept]
    return Parts(*(each.standardised(train, scale) for each in (train, known[held], test)))


@lru_cache(maxsize=4)
def _shortened(data: str, factor: int) -> dict[str, Recordings]:
    return {name: part.shortened(factor) for name, part in sensors.load(data).items()}


def batches(part: Recordings, batch: int, seed: int) -> Iterator[Batch]:
    """Endless batches of recordings of like length, each recording once an epoch; the last batch may be smaller."""
    generator = torch.Generator().manual_seed(seed)
    while True:
        order = torch.randperm(len(part), generator=generator)
        pools = [each[part.lengths[each].argsort(stable=True)] for each in order.split(SORTED * batch)]
        ready = [each for pool in pools for each in pool.split(batch)]
        for place in torch.randperm(len(ready), generator=generator).tolist():
            chosen = part[ready[place]]
            yield chosen.x, chosen.lengths, chosen.y


def judge(model: nn.Module, part: Recordings) -> tuple[float, float]:
    """Share of right answers, and mean cross entropy in nats."""
    right, loss = 0, 0.0
    for chosen in part.lengths.argsort(stable=True).split(AT_ONCE):
        some = part[chosen]
        logits = model(some.x, some.lengths)
        right += int((logits.argmax(1) == some.y).sum())
        loss += float(cross_entropy(logits, some.y, reduction="sum"))
    return right / len(part), loss / len(part)


class Best:
    """Looks at the validation part, and keeps the weights of the look that was right most often; of equals the least loss."""

    def __init__(self, part: Recordings) -> None:
        self.part = part
        self.look, self.best = -1, 0
        self.rank = (-1.0, 0.0)
        self.weights: dict[str, Tensor] = {}

    def __call__(self, model: nn.Module) -> dict[str, float]:
        """What `train` asks for at each look: `validation` and `validation_loss`."""
        self.look += 1
        accuracy, loss = judge(model, self.part)
        if (accuracy, -loss) > self.rank:
            self.rank, self.best = (accuracy, -loss), self.look
            self.weights = {name: each.clone() for name, each in model.state_dict().items()}
        return {"validation": accuracy, "validation_loss": loss}


def fit(
    model: nn.Module,
    given: Parts,
    *,
    learning_rate: float,
    epochs: int,
    batch: int,
    seed: int,
    dropout: float,
    weight_decay: float,
    tuning: bool,
) -> dict[str, Any]:
    """Train a model with a rate that rises and then falls to zero, and judge it by its best look on the validation part.

    Args:
        model: takes x and lengths; trained in place.
        given: what it learns from and is judged by.
        learning_rate: the highest. epochs: passes over the training part. batch: recordings a step, at most a
            fifth of those trained on.
        seed: of the order of the batches.
        dropout, weight_decay: as for `gatedrnn.training.train`.
        tuning: judge on the validation part, and leave the test part alone.

    Returns:
        `accuracy` on the test part (share; where tuning, on the validation part), `validation` at the best look, its step
        `best_step`, `train_accuracy` and `train_loss` (nats) there, `parameters`, and what `train` returns.
    """
    batch = batch_of(given.train, batch)
    steps = epochs * -(-len(given.train) // batch)
    best = Best(given.validation)
    result = train(
        model,
        batches(given.train, batch, seed),
        lambda model, part: cross_entropy(model(part[0], part[1]), part[2]),
        best,
        steps=steps,
        learning_rate=learning_rate,
        schedule="cosine",
        warmup=steps // WARMUP,
        dropout=dropout,
        weight_decay=weight_decay,
        every=max(APART, -(-steps // LOOKS)),
    )
    model.load_state_dict(best.weights)
    judged = {
        "train": judged_on(model, given.train),
        "held": judged_on(model, given.validation if tuning else given.test),
    }
    return {
        **{name: value for name, value in result.items() if name != "validation_loss"},
        "validation": best.rank[0],
        "accuracy": judged["held"]["accuracy"],
        "train_accuracy": judged["train"]["accuracy"],
        "train_loss": judged["train"]["loss"],
        "best_step": result["curves"]["step"][best.best],
        "parameters": count_parameters(model),
    }


def batch_of(part: Recordings, batch: int) -> int:
    """Recordings in a training step: `batch`, or a fifth of the part if that is less."""
    return max(1, min(batch, len(part) // LEAST))


def judged_on(model: nn.Module, part: Recordings) -> dict[str, float]:
    """`accuracy` and `loss` of a trained model."""
    return evaluated(model, lambda each: dict(zip(("accuracy", "loss"), judge(each, part), strict=True)))
