"""Runs of the chapter *outlook/attention*: a cell with or without attention over its own states, or a small transformer."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import pandas as pd
import torch
from torch import Tensor, nn

from evidence import timing
from experiments.attention.problems import CHUNK, RECALL, Problem, problem
from gatedrnn.attention import KINDS, Attentive, Transformer
from gatedrnn.checks import require
from gatedrnn.initialisation import initialise
from gatedrnn.models import count_parameters, width_of
from gatedrnn.optimiser import Adam
from gatedrnn.training import train, train_step
from tasks import several

CELLS = ("lstm", "gru", "transformer")
KEY_SIZE, EMBEDDING, HEADS = 16, 16, 2
"""Units of queries and keys; of the embedding of symbols; heads of the transformer."""
NEAR = 2
"""Steps after a marked one that count as looking at it: their states hold the token as well."""
BYTES = 4
"""Of a number."""


class Model(nn.Module):
    """Symbols or numbers in, an answer at each of the last Q steps out.

    Args:
        core: what reads the sequence. task: what is asked of it.
    """

    def __init__(self, core: Attentive | Transformer, task: Problem) -> None:
        super().__init__()
        self.embedding = nn.Embedding(task.symbols, EMBEDDING) if task.symbols else nn.Identity()
        self.core, self.queries, self.corrected = core, task.queries, task.corrected
        self.head = nn.Linear(core.hidden_size, task.outputs)

    def forward(self, x: Tensor) -> Tensor:
        """(T, B) symbols or (T, B, I) → (Q, B, K)."""
        outputs, _ = self.core(self.embedding(x), queries=self.queries)
        answers = self.head(outputs)
        return answers if self.corrected is None else answers + x[-len(answers) :, :, [self.corrected]]


def run(
    *,
    task: str,
    cell: str,
    attention: str,
    start: str,
    match: str,
    hidden_size: int,
    length: int,
    learning_rate: float,
    steps: int,
    batch: int,
    every: int,
    seed: int,
    tuning: bool = False,
    look: bool = False,
) -> dict[str, Any]:
    """Train one model on one task until its steps are spent, the rate rising in the first twentieth, then falling to zero.

    Args:
        task, length, tuning: see `problems.problem`.
        cell: `lstm`, `gru`, or `transformer`, which has attention alone.
        attention: of a cell, over its own states: `none`, `additive` or `dot`; of the transformer `none`.
        start: start of the gates, see `gatedrnn.initialisation`; of the transformer `default`.
        match: `width`, as wide as the LSTM; or `parameters`, as many as the LSTM's whole model without attention.
        hidden_size: width of the LSTM. learning_rate, steps, batch: of the training. every: steps between looks.
        seed: of the weights and of the data stream, the same for all models.
        look: whether the curves hold what the weights look at.

    Returns:
        `error` (share of tokens named wrong; MAE in GW; bits per character), `score` (100 × the share of a plain guess's
        error that is saved), `guess`, `steps_taken`, `clipped`, `skipped`, `diverged`, `parameters`, `width`, `kept`
        (bytes kept for a sequence of this length), of attention what `looks` finds; curves: `step`, `error`.
    """
    require("cell", cell, CELLS)
    require("attention", attention, KINDS if cell != "transformer" else ("none",))
    require("match", match, ("width", "parameters"))
    asked = problem(task, length, seed, tuning)
    name = cell if attention == "none" else f"{cell}+{attention}"
    width = width_of(name, match, hidden_size, partial(build, asked))
    torch.manual_seed(seed)
    model = build(asked, name, width)
    if isinstance(model.core, Attentive):
        initialise(model.core.core, start)
    else:
        require("start", start, ("default",))
    result = train(
        model,
        asked.batches(seed, batch),
        lambda model, part: asked.loss(model(part[0]), part[1]),
        partial(judge, asked),
        steps=steps,
        learning_rate=learning_rate,
        schedule="cosine",
        warmup=steps // 20,
        every=every,
    )
    del result["solved_at"]
    found = {"score": score(result["error"], asked.guess), "guess": asked.guess}
    found |= {"parameters": count_parameters(model), "width": model.core.hidden_size}
    found["kept"] = BYTES * model.core.kept(length)
    seen, drawn = looks(task, asked, model) if attention != "none" else ({}, {})
    curves = result["curves"] | (drawn if look else {})
    return {**result, **found, "looked": None, "on_mark": None, **seen, "curves": curves}


def build(task: Problem, name: str, width: int) -> Model:
    """The model of a cell, alone or as `cell+attention`; a transformer has so many units in each head."""
    inputs = EMBEDDING if task.symbols else task.inputs
    cell, _, attention = name.partition("+")
    if cell == "transformer":
        return Model(Transformer(inputs, HEADS * width, heads=HEADS), task)
    return Model(Attentive(cell, inputs, width, attention or "none", attention_size=KEY_SIZE), task)


def score(error: float, guess: float) -> float:
    """100 × the share of a plain guess's error that is saved; 0 where the error is no number."""
    return 100 * (1 - error / guess) if math.isfinite(error) else 0.0


def judge(task: Problem, model: nn.Module) -> dict[str, float]:
    """Error on the data held out."""
    parts = zip(*(each.split(CHUNK, dim=1) for each in task.held), strict=True)
    return {"error": sum(task.error(model(x), y) * y.shape[1] for x, y in parts) / task.held[1].shape[1]}


@torch.no_grad()
def looks(task: str, asked: Problem, model: Model) -> tuple[dict[str, float], dict[str, list]]:
    """What the weights look at, on the first held-out sequences.

    Returns:
        `looked`, how many states it looks at, the exponential of the mean entropy; of recall also `on_mark`, the weight on
        the token that is asked for, up to `NEAR` steps after it. Then for the curves: of recall `weights` of the first
        sequence, query by query, and its `marks`; else `lags`, the mean weight by steps back.
    """
    assert isinstance(model.core, Attentive)
    x = asked.held[0][:, :CHUNK]
    weights = model.core.attend(model.embedding(x), queries=asked.queries).weights  # (B, Q, T)
    assert weights is not None
    found = {"looked": float(torch.special.entr(weights).sum(2).mean().exp())}
    if task not in RECALL:
        return found, {"lags": lags(weights)}
    marks = several.marked(x).T.unsqueeze(2)  # (B, n, 1)
    places = torch.arange(x.shape[0])
    near = (places >= marks) & (places <= marks + NEAR)
    found["on_mark"] = float((weights * near).sum(2).mean())
    return found, {"weights": weights[0].tolist(), "marks": marks[0, :, 0].tolist()}


def lags(weights: Tensor) -> list[float]:
    """Mean weight (B, Q, T) by steps back, from 0 to T − 1: over sequences and the queries that reach so far."""
    queries, steps = weights.shape[1:]
    times = torch.arange(steps - queries, steps).unsqueeze(1)
    back = times - torch.arange(steps)  # (Q, T)
    mean = weights.mean(0)
    return [float(mean[back == lag].mean()) for lag in range(steps)]


def step_times(
    task: str, lengths: Sequence[int], models: Sequence[tuple[str, str]], hidden_size: int, batch: int, rounds: int
) -> pd.DataFrame:
    """Interleaved readings of a whole training step at equal parameters, one thread: forward to Adam.

    Returns:
        One row a reading: `length`, `cell`, `attention`, `kept` (bytes for a sequence), and the columns of
        `timing.interleave`.
    """
    arms, kept = {}, {}
    for length, (cell, attention) in itertools.product(lengths, models):
        asked = problem(task, length, 0)
        name = cell if attention == "none" else f"{cell}+{attention}"
        width = width_of(name, "parameters", hidden_size, partial(build, asked))
        model, arm = build(asked, name, width), f"{length} {cell} {attention}"
        arms[arm], kept[arm] = _step(asked, model, batch), BYTES * model.core.kept(length)
    with timing.threads(1):
        readings = timing.interleave(arms, rounds, warmup=3)
    given = readings["name"].str.split(expand=True).set_axis(["length", "cell", "attention"], axis=1)
    return pd.concat([given.astype({"length": int}), readings], axis=1).assign(kept=readings["name"].map(kept))


def _step(asked: Problem, model: nn.Module, batch: int) -> Callable[[], float]:
    part, learned = next(asked.batches(0, batch)), list(model.parameters())
    optimiser = Adam(learned, lr=1e-4)

    def loss(model: nn.Module, part: tuple[Tensor, ...]) -> Tensor:
        return asked.loss(model(part[0]), part[1])

    return lambda: train_step(model, part, loss, optimiser, learned, 1.0)
