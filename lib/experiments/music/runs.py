"""Runs of the chapter *applications/music*: recurrent cells, and models that are none, on Bach's chorales."""

from __future__ import annotations

import math
from collections.abc import Callable
from copy import deepcopy
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from experiments.music import chords
from gatedrnn.checks import require
from gatedrnn.initialisation import initialise
from gatedrnn.layers import Recurrent
from gatedrnn.models import count_parameters, width_of
from gatedrnn.training import train
from tasks import chorales

CELLS = ("lstm", "gru", "rnn")
HEADS = ("keys", "chord")
CONTEXTS = (1, 2, 4, 8, 16, 32)
"""Frames that a model is given in the look at how much of the past it uses."""


class Composer(nn.Module):
    """A recurrent core over frames and a head over the 88 keys of the next frame.

    Args:
        cell, hidden_size: of the core.
        head: `keys`, each key by itself, as in the published models; or `chord`, each key sees the keys below it.
        start: first bias of the keeping gate, see `gatedrnn.initialisation`.
        dropout: share of the core's outputs that is hidden from the head in training.
    """

    def __init__(self, cell: str, hidden_size: int, head: str, start: str = "default", dropout: float = 0.0) -> None:
        super().__init__()
        self.core = Recurrent(cell, chorales.KEYS, hidden_size)
        initialise(self.core, start)
        self.dropout = nn.Dropout(dropout)
        self.head = chords.Head(hidden_size, head == "chord")

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """Frames before, and the frames themselves, each (T, B, 88) → logits (T, B, 88)."""
        return self.head(self.dropout(self.core(x)[0]), y)


def run(
    *,
    cell: str,
    head: str,
    match: str,
    hidden_size: int,
    learning_rate: float,
    steps: int,
    every: int,
    batch: int,
    start: str,
    dropout: float,
    seed: int,
    look: bool = False,
    opening: int = 16,
    continuation: int = 24,
) -> dict[str, Any]:
    """Train one cell on the chorales; the state of the training with the best validation score is the one reported.

    Args:
        cell: `lstm`, `gru` or `rnn`. head: `keys` or `chord`, see `Composer`.
        match: `width`, as wide as the LSTM; or `parameters`, as many parameters as the LSTM's whole model.
        hidden_size: width of the LSTM.
        learning_rate, steps, batch: of the training. every: steps between evaluations.
        start: first bias of the keeping gate. dropout: see `Composer`.
        seed: of the weights, the data stream and the notes that are drawn.
        look: also measure how much of the past is used, and let the model continue a chorale of the test part.
        opening: quarter notes given. continuation: quarter notes drawn.

    Returns:
        NLL in nats a quarter note at the best step: `validation`, `test`, with `look` also `counted` (test, a bigram over
        chords put above the model); `best_step`, `score` (larger is better),
        `clipped`, `diverged`, `parameters`, `width`, and curves: `step`, `validation`, `test`; `pieces`, the NLL of each test
        chorale at the best step; with `look` also `context` and `shortened` (NLL with so many frames of the past), and
        `notes`, the keys of each frame drawn.
    """
    for name, value, allowed in (
        ("cell", cell, CELLS),
        ("head", head, HEADS),
        ("match", match, ("width", "parameters")),
    ):
        require(name, value, allowed)
    width = width_of(cell, match, hidden_size, lambda each, width: Composer(each, width, head))
    torch.manual_seed(seed)
    model = Composer(cell, width, head, start, dropout)
    best: dict[str, Any] = {"validation": math.inf}
    result = train(
        model,
        chorales.batches(seed, batch),
        lambda model, data: chorales.nll(model(data[0], data[1]), data[1], data[2]),
        _evaluator(best),
        steps=steps,
        learning_rate=learning_rate,
        every=every,
    )
    curves = {**result["curves"], "pieces": best.get("pieces", [])}
    summary = {"validation": best["validation"], "test": best.get("test", math.inf), "score": 0.0, "best_step": None}
    summary["counted"] = None
    if "state" in best:
        summary["score"] = math.exp(-best["validation"] / 10)
        summary["best_step"] = curves["step"][curves["validation"].index(min(curves["validation"]))]
        model.load_state_dict(best["state"])
        model.eval()  # training ends in training mode, and there the dropout would blur what is looked at
        if look:
            curves["context"], curves["shortened"] = list(CONTEXTS), [shortened(model, each) for each in CONTEXTS]
            summary["counted"] = counted(model)
            first = continued(opening + continuation)
            drawn = compose(model, first[:opening], continuation, seed)
            curves["notes"] = [row.nonzero().flatten().tolist() for row in drawn]
    return {**result, **summary, "parameters": count_parameters(model), "width": width, "curves": curves}


def _evaluator(best: dict[str, Any]) -> Callable[[nn.Module], dict[str, float]]:
    """Metrics on both held-out parts; keeps the weights with the best validation score in `best`."""
    parts = {name: chorales.together(chorales.load()[name]) for name in ("validation", "test")}

    def listen(model: nn.Module) -> dict[str, float]:
        losses, found = {}, {}
        for name, part in parts.items():
            inside = torch.arange(len(part.y)).unsqueeze(1) < part.lengths
            losses[name] = -chords.log_likelihood(model(part.x, part.y), part.y) * inside
            found[name] = float(losses[name].sum() / inside.sum())
        if found["validation"] < best["validation"]:
            pieces = losses["test"].sum(0) / parts["test"].lengths
            rounded = [round(float(each), 4) for each in pieces]
            best.update(found, state=deepcopy(model.state_dict()), pieces=rounded)
        return found

    return listen


@torch.no_grad()
def shortened(model: Composer, frames: int) -> float:
    """Test NLL of a model that sees only the last `frames` frames before each, after a silent one as in training."""
    part = chorales.together(chorales.load()["test"])
    inside = torch.arange(len(part.y)).unsqueeze(1) < part.lengths  # (T, B)
    losses = -chords.log_likelihood(model(part.x, part.y), part.y)
    if frames < len(part.x) - 1:
        windows = part.y[:-1].unfold(0, frames, 1)[inside[frames:]]  # (N, 88, k): the frames before each
        y = part.y[frames:][inside[frames:]]
        outputs, _ = model.core(pad(windows.permute(2, 0, 1), (0, 0, 0, 0, 1, 0)))
        losses[frames:][inside[frames:]] = -chords.log_likelihood(model.head(outputs[-1], y), y)
    return round(float((losses * inside).sum() / inside.sum()), 5)


@torch.no_grad()
def counted(model: Composer) -> float:
    """Test NLL of a chord bigram that falls back on the model for what it has not counted."""
    part = chorales.together(chorales.load()["test"])
    inside = (torch.arange(len(part.y)).unsqueeze(1) < part.lengths).T  # (B, T)
    likely = chords.log_likelihood(model(part.x, part.y), part.y).T[inside]
    train, test = ([chords.chords(piece) for piece in chorales.load()[name]] for name in ("train", "test"))
    return round(-float(chords.ngram(train, test, 2, likely).mean()), 5)


def continued(least: int) -> Tensor:
    """The chorale that is continued: the first of the test part with at least so many quarter notes, (T, 88).

    Raises:
        ValueError: no chorale is that long.
    """
    for piece in chorales.load()["test"]:
        if len(piece) >= least:
            return piece
    raise ValueError(f"opening + continuation = {least} is not allowed: no test chorale has so many quarter notes")


@torch.no_grad()
def compose(model: Composer, opening: Tensor, frames: int, seed: int) -> Tensor:
    """Frames (N, 88) that a model draws after an opening (T, 88), each from its own probabilities given all before."""
    generator = torch.Generator().manual_seed(seed)
    start = torch.cat([torch.zeros(1, chorales.KEYS), opening])
    outputs, state = model.core(start.unsqueeze(1))
    drawn = [model.head.draw(outputs[-1, 0], generator)]
    while len(drawn) < frames:
        outputs, state = model.core(drawn[-1].view(1, 1, -1), state)
        drawn.append(model.head.draw(outputs[-1, 0], generator))
    return torch.stack(drawn)


def baseline(*, kind: str, order: int, frames: int, penalty: float, together: bool, seed: int) -> dict[str, Any]:
    """A model that is no recurrent network.

    Args:
        kind: `counts`, an n-gram over whole chords above the keys' frequencies; `regression`, a logistic regression
            a key; `both`, the n-gram above the regression.
        order: of the n-gram. frames, penalty, together: of the regression, see `chords.logistic`.
        seed: nothing here is random; 0.

    Returns:
        `validation` and `test`, NLL in nats a quarter note; `parameters`: weights, or different n-grams counted.
    """
    require("kind", kind, ("counts", "regression", "both"))
    data = chorales.load()
    regression = None if kind == "counts" else chords.logistic(data["train"], frames, penalty, together)
    learned = count_parameters(regression) if regression else chorales.KEYS
    train = [chords.chords(piece) for piece in data["train"]]
    if kind != "regression":
        learned += sum(
            len({tuple(p[at : at + n]) for p in train for at in range(len(p) - n + 1)}) for n in range(1, order + 1)
        )
    found: dict[str, Any] = {"parameters": learned, "curves": {}}
    for name in ("validation", "test"):
        x, y = chords.windows(data[name], max(1, frames))
        with torch.no_grad():
            likely = chords.log_likelihood(regression(x, y) if regression else chorales.key_logits().expand_as(y), y)
        if kind != "regression":
            likely = chords.ngram(train, [chords.chords(piece) for piece in data[name]], order, likely)
        found[name] = round(float(-likely.mean()), 5)
        if name == "test":
            pieces = likely.split([len(piece) for piece in data[name]])
            found["curves"]["pieces"] = [round(-float(each.mean()), 4) for each in pieces]
    return found
