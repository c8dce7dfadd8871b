"""Runs of the chapter *performance/convergence*: how far, and how soon, each cell gets on three tasks."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import pandas as pd
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from evidence import timing
from gatedrnn.checks import require
from gatedrnn.initialisation import initialise
from gatedrnn.layers import STOCK, Recurrent
from gatedrnn.models import Classifier, Tagger, count_parameters, width_of
from gatedrnn.optimiser import Adam
from gatedrnn.training import train, train_step
from tasks import chorales, mnist1d, recall

TASKS = ("mnist1d", "chorales", "recall")
CELLS = ("lstm", "gru", "rnn")
KERNELS = ("matched", "stock")
SOLVED = 0.995
"""Accuracy at which recall counts as solved, and a run of it stops."""
TAIL = 3
"""Evaluations at the end whose mean is the final quality: at a constant learning rate a single one jumps about."""
Batch = tuple[Tensor, ...]


def run(
    *,
    task: str,
    cell: str,
    match: str,
    hidden_size: int,
    layers: int,
    learning_rate: float,
    steps: int,
    every: int,
    batch: int,
    seed: int,
    start: str,
    held_out: str = "test",
    frame: int = 2,
    delay: int = 20,
) -> dict[str, Any]:
    """Train one cell on one task.

    Args:
        task: `mnist1d`, `chorales` or `recall`.
        cell: `lstm`, `gru` or `rnn`.
        match: `width`, as wide as the LSTM; or `parameters`, as many parameters as the LSTM's whole model.
        hidden_size: width of the LSTM. layers: stacked.
        learning_rate, steps, batch: of the training. every: steps between evaluations.
        seed: of the weights and of the data stream; the same for all cells.
        start: first bias of the keeping gate, see `gatedrnn.initialisation`; a tanh RNN has none.
        held_out: part that is scored: `validation` when tuning, else `test`. Recall draws fresh sequences.
        frame: points of MNIST-1D read in one step. delay: of recall; a run stops when it is solved.

    Returns:
        `quality` (share of right answers; chorales: NLL in nats a step) and `score` (larger is better, above 0), means over
        the last `TAIL` evaluations or, where the run stopped, the last one; `steps_taken`, `solved_at`, `clipped`,
        `diverged`, `parameters`, `width`, and curves.
    """
    for name, value, allowed in (
        ("task", task, TASKS),
        ("cell", cell, CELLS),
        ("match", match, ("width", "parameters")),
    ):
        require(name, value, allowed)
    width = width_of(cell, match, hidden_size, lambda each, units: build(task, each, units, layers, frame))
    torch.manual_seed(seed)
    model = build(task, cell, width, layers, frame)
    initialise(model.core, start)
    result = train(
        model,
        stream(task, seed, batch, frame, delay),
        LOSSES[task],
        _evaluator(task, seed, held_out, frame, delay),
        steps=steps,
        learning_rate=learning_rate,
        every=every,
        solved=(lambda metrics: metrics["quality"] >= SOLVED) if task == "recall" else None,
    )
    last = 1 if result["solved_at"] is not None or result["diverged"] else TAIL
    for name in ("quality", "score"):
        tail = result["curves"][name][-last:]
        result[name] = sum(tail) / len(tail)
    return {**result, "parameters": count_parameters(model), "width": width}


def build(task: str, cell: str, width: int, layers: int = 1, frame: int = 2, stock: bool = False) -> Any:
    """The model for a task: recurrent layers and a linear head; `stock` layers are those of torch.nn."""
    inputs = {"mnist1d": frame, "chorales": chorales.KEYS, "recall": recall.SYMBOLS + 2}[task]
    core: Any = STOCK[cell](inputs, width, layers) if stock else Recurrent(cell, inputs, width, layers)  # type: ignore[arg-type]
    if task == "chorales":
        tagger = Tagger(core, chorales.KEYS)
        with torch.no_grad():
            tagger.head.bias.copy_(chorales.key_logits())  # or the first hundred steps would learn only that
        return tagger
    return Classifier(core, mnist1d.CLASSES if task == "mnist1d" else recall.SYMBOLS)


def stream(task: str, seed: int, batch: int, frame: int = 2, delay: int = 20) -> Iterator[Batch]:
    """Endless training batches of a task."""
    if task == "mnist1d":
        return mnist1d.batches(seed, batch, frame)
    return chorales.batches(seed, batch) if task == "chorales" else recall.batches(seed, batch, delay)


def _label_loss(model: nn.Module, batch: Batch) -> Tensor:
    return cross_entropy(model(batch[0]), batch[1])


def _frame_loss(model: nn.Module, batch: Batch) -> Tensor:
    return chorales.nll(model(batch[0]), batch[1], batch[2])


LOSSES: dict[str, Callable[[nn.Module, Batch], Tensor]] = {
    "mnist1d": _label_loss,
    "chorales": _frame_loss,
    "recall": _label_loss,
}


def _evaluator(task: str, seed: int, held_out: str, frame: int, delay: int) -> Callable[[nn.Module], dict[str, float]]:
    """The metrics of a model on held-out data; recall: 256 sequences of a stream of its own."""
    if task == "chorales":
        whole = chorales.together(chorales.load()[held_out])

        def listen(model: nn.Module) -> dict[str, float]:
            found = float(chorales.nll(model(whole.x), whole.y, whole.lengths))
            return {"quality": found, "score": math.exp(-found / chorales.KEYS) if math.isfinite(found) else 0.0}

        return listen
    if task == "mnist1d":
        part = mnist1d.load()[held_out]
        x, y = mnist1d.frames(part.x, frame), part.y
    else:
        x, y = next(recall.batches(1_000_000 + seed, 256, delay))

    def answer(model: nn.Module) -> dict[str, float]:
        share = float((model(x).argmax(1) == y).float().mean())
        return {"quality": share, "score": share}

    return answer


def step_times(budget: dict[str, dict[str, Any]], hidden_size: int, frame: int, rounds: int) -> pd.DataFrame:
    """Interleaved readings of a whole training step of each cell at equal width, with matched and with stock kernels.

    A step is forward, loss, backward, clipping and Adam on one thread, on the first batch of the stream.

    Args:
        budget: by task, with `batch` and for recall `delay`. rounds: readings of each.

    Returns:
        One row a reading: `task`, `cell`, `kernels`, and the columns of `measuring.interleave`.
    """
    tables = []
    with timing.threads(1):
        for task, given in budget.items():
            first = next(stream(task, 0, given["batch"], frame, given.get("delay", 20)))
            arms = {
                (cell, kernels): _step(build(task, cell, hidden_size, 1, frame, kernels == "stock"), task, first)
                for kernels in KERNELS
                for cell in CELLS
            }
            readings = timing.interleave({" ".join(key): arm for key, arm in arms.items()}, rounds, warmup=3)
            names = readings["name"].str.split(" ", expand=True)
            tables.append(readings.assign(task=task, cell=names[0], kernels=names[1]))
    return pd.concat(tables, ignore_index=True)


def _step(model: nn.Module, task: str, batch: Batch) -> Callable[[], float]:
    learned = list(model.parameters())
    optimiser = Adam(learned, lr=1e-4)
    return lambda: train_step(model, batch, LOSSES[task], optimiser, learned, 1.0)
