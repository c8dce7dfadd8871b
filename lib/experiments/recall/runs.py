"""Runs of the chapter *memory/recall*: does a cell learn to remember, from a given start of its gates?"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, mse_loss

from experiments.recall import selective
from experiments.shared.curves import thinned
from gatedrnn.checks import require
from gatedrnn.choices import Choices
from gatedrnn.initialisation import KEEPING, initialise, set_bias
from gatedrnn.layers import Recurrent
from gatedrnn.models import Classifier, count_parameters, width_of
from gatedrnn.training import train
from gatedrnn.variants import Ablated
from tasks import adding, recall

CONTROLS = ("lstm_shut", "lstm_coupled")
"""LSTMs that start like a GRU, with an input gate as far shut as the forget gate is open; the second stays like that."""
SOLVED = 0.99
"""Share of right answers at which recall and the two registers count as solved; adding: `tasks.adding.SOLVED`."""
HELD_OUT, WATCHED = 128, 32
"""Fresh sequences on which a run is judged, and how many of them show what its gates do."""
POINTS = 24
"""Looks of a run that are kept, at most."""
Batch = tuple[Tensor, Tensor]
BATCHES: Choices[Callable[[int, int, int], Iterator[Batch]]] = Choices(
    "task", {"recall": recall.batches, "adding": adding.batches, "selective": selective.batches}
)


def run(
    *,
    task: str,
    cell: str,
    start: str,
    match: str,
    hidden_size: int,
    length: int,
    learning_rate: float,
    steps: int,
    every: int,
    batch: int,
    seed: int,
    clip: float = 1.0,
    watch: bool = False,
    random_labels: bool = False,
) -> dict[str, Any]:
    """Train one cell on one task until it is solved or the steps are spent; the learning rate rises over a twentieth of
    them and falls to zero at the last.

    Args:
        task: `recall`, `adding` or `selective`.
        cell: a name in `gatedrnn.catalogue.CELLS`; or a control: `lstm_shut`, whose input gate starts with the opposite bias of its
            forget gate, or `lstm_coupled`, where f = 1 − i at all times.
        start: start of the gates, see `gatedrnn.initialisation`; a tanh RNN has none, a control takes `bias:<number>`.
        match: `width`, as wide as the LSTM; or `parameters`, as many parameters as the LSTM's whole model.
        hidden_size: width of the LSTM.
        length: T of the sequence; of recall, the steps of noise between symbol and question.
        learning_rate, steps, batch, clip: of the training. every: steps between looks at held-out data.
        seed: of the weights and of the data stream; the same for all cells and starts.
        watch: whether the curves hold what the gates do too, see `openness` (LSTM and GRU only).
        random_labels: train on the answers of other sequences, so that there is nothing to remember.

    Returns:
        `quality` (share of right answers, of selective both registers right; of adding the mean squared error),
        `score` (larger is better, from 0 to 2: a solved run scores 1 and the share of its steps that it did not
        need), `solved` (0 or 1), `steps_taken`, `solved_at`, `clipped`, `diverged`, `parameters`, `width`, curves (of runs
        that are not watched, `POINTS` looks at most).
    """
    stream = BATCHES[task]
    require("match", match, ("width", "parameters"))
    width = width_of(cell, match, hidden_size, partial(build, task))
    torch.manual_seed(seed)
    model = build(task, cell, width, start)
    batches = stream(seed, batch, length)
    result = train(
        model,
        _relabelled(batches) if random_labels else batches,
        lambda model, data: loss(task, model(data[0]), data[1]),
        _evaluator(task, seed, length, watch),
        steps=steps,
        learning_rate=learning_rate,
        schedule="cosine",
        warmup=steps // 20,
        clip=clip,
        every=every,
        solved=lambda metrics: is_solved(task, metrics["quality"]),
    )
    solved = result["solved_at"] is not None
    score = 2 - result["solved_at"] / steps if solved else learned(task, result["quality"])
    curves = result["curves"] if watch else thinned(result["curves"], POINTS)
    return {
        **result,
        "curves": curves,
        "score": score,
        "solved": int(solved),
        "parameters": count_parameters(model),
        "width": width,
    }


def _relabelled(batches: Iterator[Batch]) -> Iterator[Batch]:
    for x, _ in batches:
        yield x, next(batches)[1]


def build(task: str, cell: str, width: int, start: str = "default") -> Classifier:
    """The model for a task: one recurrent layer and a linear head."""
    inputs, outputs = {
        "recall": (recall.SYMBOLS + 2, recall.SYMBOLS),
        "adding": (adding.INPUTS, 1),
        "selective": (selective.INPUTS, selective.REGISTERS * selective.SYMBOLS),
    }[task]
    if cell == "lstm_coupled":
        return Classifier(Ablated(cell, inputs, width, _bias(start)), outputs)
    core = Recurrent(cell.removesuffix("_shut"), inputs, width)
    initialise(core, start)
    if cell == "lstm_shut":
        set_bias(core.layers[0], "i", torch.full((width,), -_bias(start)))
    return Classifier(core, outputs)


def _bias(start: str) -> float:
    name, _, value = start.partition(":")
    if name != "bias":
        raise ValueError(f"start = {start!r} is not allowed for a control: 'bias:<number>'")
    return float(value)


def is_solved(task: str, quality: float) -> bool:
    """Whether a quality on held-out data counts as solved."""
    return quality < adding.SOLVED if task == "adding" else quality >= SOLVED


def guessing(task: str) -> float:
    """Quality without any memory: share of right guesses, or the error of always naming the mean."""
    return {"recall": recall, "adding": adding, "selective": selective}[task].baseline()


def learned(task: str, quality: float) -> float:
    """How much of a task has been learned, from 0 (guessing, or nothing finite) to 1."""
    guess = guessing(task)
    share = 1 - quality / guess if task == "adding" else (quality - guess) / (1 - guess)
    return min(max(0.0, share), 1.0)  # NaN compares as false, so 0 stays


def loss(task: str, out: Tensor, y: Tensor) -> Tensor:
    """Mean loss of a batch: squared error of adding, else cross entropy, of selective over both registers."""
    if task == "adding":
        return mse_loss(out[:, 0], y)
    return cross_entropy(out, y) if task == "recall" else cross_entropy(_registers(out).transpose(1, 2), y)


def _quality(task: str, out: Tensor, y: Tensor) -> Tensor:
    if task == "adding":
        return mse_loss(out[:, 0], y)
    if task == "recall":
        return (out.argmax(1) == y).float().mean()
    return (_registers(out).argmax(2) == y).all(1).float().mean()


def _registers(logits: Tensor) -> Tensor:
    return logits.view(len(logits), selective.REGISTERS, selective.SYMBOLS)


def _evaluator(task: str, seed: int, length: int, watch: bool) -> Callable[[nn.Module], dict[str, float]]:
    """The quality of a model on fresh sequences of a stream of its own, and what its gates do there."""
    x, y = next(BATCHES[task](1_000_000 + seed, HELD_OUT, length))

    def evaluate(model: nn.Module) -> dict[str, float]:
        quality = {"quality": float(_quality(task, model(x), y))}
        if not watch:
            return quality
        marked = x[:, :WATCHED, selective.SYMBOLS :].any(2) if task == "selective" else None
        return {**quality, **openness(cast(Classifier, model), x[:, :WATCHED], marked)}

    return evaluate


def openness(model: Classifier, x: Tensor, marked: Tensor | None = None) -> dict[str, float]:
    """Mean of the gate that keeps and of the one that writes, over units, sequences and steps between first and last.

    LSTM: f and i. GRU: z and 1 − z, which are one gate. With `marked` (T, B) the means are those over the unmarked
    steps, and `keep_marked` and `write_marked` are those over the marked ones.
    """
    core = model.core
    if not (isinstance(core, Recurrent) and core.cell in KEEPING):
        raise ValueError(f"{type(core).__name__} has no gates to watch: LSTM and GRU have")
    gates = core.trace(x).gates[0]
    keep = gates[KEEPING[core.cell]].mean(2)[1:-1]  # (T − 2, B)
    write = gates["i"].mean(2)[1:-1] if core.cell == "lstm" else 1 - keep
    if marked is None:
        return {"keep": float(keep.mean()), "write": float(write.mean())}
    here = marked[1:-1]
    means = {"keep": keep[~here], "write": write[~here], "keep_marked": keep[here], "write_marked": write[here]}
    return {name: float(each.mean()) for name, each in means.items()}
