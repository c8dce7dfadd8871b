"""Runs of the chapter *performance/data_size*: what a cell makes of ever fewer training sequences, trained to its plateau."""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from experiments.data_size.drawing import CLASSES, Batch, batches, parts, take
from experiments.shared.curves import thinned
from gatedrnn.checks import require
from gatedrnn.initialisation import initialise
from gatedrnn.layers import Recurrent
from gatedrnn.models import Classifier, count_parameters, width_of
from gatedrnn.training import evaluated, train

LOOKS = 40
"""Looks at what was held back during a training, evenly spread; two where nothing was."""
POINTS = 8
"""Looks of a run that are kept, at most."""
WARMUP = 20
"""One step in so many is a step of warm-up."""


def run(
    *,
    task: str,
    cell: str,
    start: str,
    match: str,
    hidden_size: int,
    examples: int,
    learning_rate: float,
    dropout: float,
    weight_decay: float,
    stopping: bool,
    steps: int,
    batch: int,
    frame: int,
    seed: int,
    tuning: bool = False,
    exchanged: bool = False,
) -> dict[str, Any]:
    """Train one cell on a few sequences; the rate rises over a twentieth of the steps and falls to zero at the last.

    Args:
        task: `mnist1d` or `vowels`. cell: a name in `gatedrnn.catalogue.CELLS`.
        start: of the gates, `default`, `bias:<number>` or `chrono`, which takes the longest sequence as its longest time.
        match: `width`, as wide as the LSTM; or `parameters`, with as many parameters as the LSTM's whole model.
        hidden_size: width of the LSTM.
        examples: sequences drawn, classes in turn; larger draws of a seed contain the smaller ones.
        learning_rate, dropout (before the head), weight_decay, steps, batch: of the training.
        stopping: whether a fifth of each class is held back, and the weights are taken at the look that was right most
            often there, of equals at the one with the least loss.
        frame: points of MNIST-1D read in one step.
        seed: of the draw, the weights and the order of the batches; the same for all cells.
        tuning, exchanged: where is drawn from and what judges, see `drawing.parts`.

    Returns:
        `accuracy` (share) on the sequences that judge, `train_accuracy` on those trained on (1000 at most), `stopped_at`
        (share of the steps), `steps_taken`, `clipped`, `diverged`, `parameters`, `width`, and curves.
    """
    require("match", match, ("width", "parameters"))
    given = parts(task, examples, seed, holding=stopping, tuning=tuning, exchanged=exchanged, frame=frame)
    longest, _, inputs = given.train[0].shape
    width = width_of(cell, match, hidden_size, partial(build, task, inputs))
    torch.manual_seed(seed)
    model = build(task, inputs, cell, width)
    initialise(model.core, f"chrono:{max(longest, 3)}" if start == "chrono" else start)  # type: ignore[arg-type]
    best = Best(given.held or take(given.train, slice(200)))
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
        every=max(1, steps // (LOOKS if stopping else 2)),
    )
    if stopping:
        model.load_state_dict(best.weights)
    stopped = result["curves"]["step"][best.place if stopping else -1]
    return {
        **{name: value for name, value in result.items() if name != "loss"},
        "curves": thinned(result["curves"], POINTS),
        "accuracy": accuracy(model, given.test),
        "train_accuracy": accuracy(model, take(given.train, slice(1000))),
        "stopped_at": stopped / steps,
        "parameters": count_parameters(model),
        "width": width,
    }


def build(task: str, inputs: int, cell: str, width: int) -> Classifier:
    """The model for a task: one recurrent layer and a linear head on its last state."""
    return Classifier(Recurrent(cell, inputs, width), CLASSES[task])


class Best:
    """Looks at some sequences, and keeps the weights of the look that was right most often; of equals the least loss."""

    def __init__(self, data: Batch) -> None:
        self.data, self.looks, self.place = data, 0, 0
        self.rank = (-1.0, 0.0)
        self.weights: dict[str, Tensor] = {}

    def __call__(self, model: nn.Module) -> dict[str, float]:
        """What `train` asks for at each look: `loss`, in nats."""
        x, lengths, y = self.data
        logits = model(x, lengths)
        loss, right = float(cross_entropy(logits, y)), float((logits.argmax(1) == y).float().mean())
        if (right, -loss) > self.rank or not self.weights:  # a loss that is no number is never better
            self.rank, self.place = (right, -loss), self.looks
            self.weights = {name: each.clone() for name, each in model.state_dict().items()}
        self.looks += 1
        return {"loss": loss}


def accuracy(model: nn.Module, data: Batch) -> float:
    """Share of right answers, without dropout."""
    x, lengths, y = data

    def share(model: nn.Module) -> dict[str, float]:
        return {"share": float((model(x, lengths).argmax(1) == y).float().mean())}

    return evaluated(model, share)["share"]
