"""Another way to read a sequence, chapter *performance/data_size*: off the mean of all states, not off the last one.

What the last state has to say it must have carried there; a mean of all states asks less of the cell.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from evidence.tuning import Tuned
from experiments.data_size.drawing import CLASSES, batches, parts
from experiments.data_size.grids import DAMPINGS, GATED, PLACE, SMALL, TOP, Point, scaled
from experiments.data_size.runs import WARMUP, accuracy
from gatedrnn.initialisation import initialise
from gatedrnn.layers import Recurrent
from gatedrnn.models import Classifier, count_parameters
from gatedrnn.training import train

DAMPING = {name: DAMPINGS["dropout and decay"][name] for name in ("dropout", "weight_decay")}


class Averaged(Classifier):
    """One label a sequence, read off the mean of the states up to its true end."""

    def forward(self, x: Tensor, lengths: Tensor | None = None) -> Tensor:
        """(T, B, I), true lengths (B,) or all of them → (B, K) logits."""
        outputs, _ = self.core(x)
        lengths = torch.full((x.shape[1],), len(x)) if lengths is None else lengths
        inside = (torch.arange(len(x)).unsqueeze(1) < lengths).unsqueeze(2)
        return self.head(self.drop((outputs * inside).sum(0) / lengths.unsqueeze(1)))


def run_mean(
    *,
    task: str,
    cell: str,
    start: str,
    hidden_size: int,
    examples: int,
    learning_rate: float,
    dropout: float,
    weight_decay: float,
    steps: int,
    batch: int,
    frame: int,
    seed: int,
    tuning: bool = False,
) -> dict[str, Any]:
    """As `experiments.data_size.runs.run` at equal width and without early stopping, but read off the mean of all states."""
    given = parts(task, examples, seed, tuning=tuning, frame=frame)
    longest, _, inputs = given.train[0].shape
    torch.manual_seed(seed)
    model = Averaged(Recurrent(cell, inputs, hidden_size), CLASSES[task])
    initialise(model.core, f"chrono:{max(longest, 3)}" if start == "chrono" else start)  # type: ignore[arg-type]

    def loss(model: nn.Module, part: tuple[Tensor, ...]) -> Tensor:
        return cross_entropy(model(part[0], part[1]), part[2])

    result = train(
        model,
        batches(given.train, batch, seed),
        loss,
        lambda model: {"loss": float(loss(model, given.test))},
        steps=steps,
        learning_rate=learning_rate,
        schedule="cosine",
        warmup=steps // WARMUP,
        dropout=dropout,
        weight_decay=weight_decay,
        every=max(1, steps // 2),
    )
    kept = {name: value for name, value in result.items() if name != "loss"}
    return {
        **kept,
        "accuracy": accuracy(model, given.test),
        "parameters": count_parameters(model),
        "width": hidden_size,
    }


def cases(
    sizes: Mapping[str, Iterable[int]], budget: Mapping[str, Mapping[str, int]], starts: Iterable[str]
) -> list[Point]:
    """What is tuned: both cells on every small training set with every start, with dropout and weight decay."""
    return [
        {"task": task, "cell": cell, "examples": examples, "start": start, **DAMPING, **budget[task]}
        for task in sizes
        for examples, cell, start in itertools.product(sizes[task], GATED, starts)
        if examples <= SMALL
    ]


def points(tuned: Tuned) -> list[Point]:
    """What is reported: the best start of each, at its rate, with all steps."""
    best = tuned.best.sort_values("score", ascending=False, kind="stable").drop_duplicates(PLACE).sort_index()
    return scaled(best[[*PLACE, "start", *DAMPING, "learning_rate", "steps", "batch"]].to_dict("records"), TOP)
