"""How long the models of the chapter *memory/sensors* take here: read off the clock where the book is built."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable
from typing import Any

import pandas as pd
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from evidence import timing
from experiments.sensors import fitting
from experiments.sensors.baselines import KINDS, fitted
from experiments.sensors.fitting import Parts
from experiments.sensors.models import Convolution, Reader
from gatedrnn.layers import Recurrent
from gatedrnn.optimiser import Adam
from gatedrnn.training import train_step
from tasks import sensors


def step_seconds(
    models: Iterable[tuple[str, int]], hidden_size: int, channels: int, batch: int, rounds: int
) -> pd.DataFrame:
    """Seconds of a training step on PLAID, a mean over one epoch, on one thread, in turns.

    Args:
        models: a cell or `convolution`, and steps averaged to one. hidden_size: of both cells. channels: of the convolution.
        batch: recordings a step. rounds: readings of each.

    Returns:
        One row a reading: `model`, `factor`, `round`, `seconds`.
    """
    with timing.threads(1):
        arms = {f"{model} {factor}": _epoch(model, factor, hidden_size, channels, batch) for model, factor in models}
        readings = timing.interleave({key: call for key, (call, _) in arms.items()}, rounds, warmup=1)
    seconds = readings["seconds"] / readings["name"].map({key: count for key, (_, count) in arms.items()})
    return _named(readings.assign(seconds=seconds))


def fit_seconds(factors: Iterable[int], per_kernel: int, rounds: int) -> pd.DataFrame:
    """Seconds to fit each of the models without a network on PLAID, from recordings to weights; columns as above."""
    given = {factor: fitting.parts("plaid", factor, "own", 0) for factor in factors}
    with timing.threads(1):
        arms = {f"{kind} {factor}": _fit(kind, given[factor], per_kernel) for kind in KINDS for factor in given}
        return _named(timing.interleave(arms, rounds, warmup=1))


def _named(readings: pd.DataFrame) -> pd.DataFrame:
    split = readings["name"].str.split(" ")
    readings = readings.assign(model=split.str[0], factor=split.str[1].astype(int))
    return readings[["model", "factor", "round", "seconds"]]


def _epoch(model: str, factor: int, hidden_size: int, channels: int, batch: int) -> tuple[Callable[[], None], int]:
    """A function that trains for one epoch, and how many steps that is."""
    given = fitting.parts("plaid", factor, "own", 0)
    batch = fitting.batch_of(given.train, batch)
    count = -(-len(given.train) // batch)
    ready = list(itertools.islice(fitting.batches(given.train, batch, 0), count))
    torch.manual_seed(0)
    made: Any = Convolution(given.inputs, channels, sensors.CLASSES["plaid"])
    if model != "convolution":
        made = Reader(Recurrent(model, given.inputs, hidden_size), sensors.CLASSES["plaid"], "last")
    params = list(made.parameters())
    optimiser = Adam(params, lr=1e-4)

    def loss(each: nn.Module, part: tuple[torch.Tensor, ...]) -> torch.Tensor:
        return cross_entropy(each(part[0], part[1]), part[2])

    def epoch() -> None:
        for part in ready:
            train_step(made, part, loss, optimiser, params, 1.0)

    return epoch, count


def _fit(kind: str, given: Parts, per_kernel: int) -> Callable[[], Any]:
    return lambda: fitted(kind, given, 0, per_kernel)
