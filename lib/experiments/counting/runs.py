"""Runs of the chapter *memory/counting*: how far a cell counts that was trained on short strings."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache, partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from experiments.counting import counters
from experiments.counting import strings as tasks
from experiments.shared.curves import thinned
from gatedrnn.checks import require
from gatedrnn.initialisation import initialise
from gatedrnn.layers import Recurrent
from gatedrnn.models import Tagger, count_parameters, width_of
from gatedrnn.training import train

MATCHES = ("width", "parameters")
LOOKS = 40
"""How often a run looks at its fit; the weights of the best look are the ones that are tested."""
POINTS = 9
"""Looks of a run that are kept, at most."""


def run(
    *,
    language: str,
    cell: str,
    match: str,
    hidden_size: int,
    longest: int,
    tested: int,
    steps: int,
    batch: int,
    learning_rate: float,
    seed: int,
    start: str = "default",
    asked: str = "all",
    clip: float = 1.0,
    shown: int = 0,
) -> dict[str, Any]:
    """Train one cell on short strings, then find the shortest string that it gets wrong.

    The learning rate rises over a twentieth of the steps and falls to zero at the last.

    Args:
        language: see `experiments.counting.strings`.
        cell: a name in `gatedrnn.catalogue.CELLS`.
        match: `width`, as wide as the LSTM; or `parameters`, as many parameters as the LSTM's whole model.
        hidden_size: width of the LSTM.
        longest: trained on n = 1 … longest. tested: on n = 1 … tested.
        steps, batch, learning_rate, clip: of the training.
        seed: of the weights and of the data stream, the same for all cells.
        start: of the gates, see `start_at`; a network without gates has none.
        asked: which letters are trained on, see `strings.batches`.
        shown: n of a string through which the counting unit is followed; 0 for none.

    Returns:
        `fails_at`, least n with a wrong letter at a step that the past determines (tested + 1 where there is none, then
        `censored`); `learned`, whether it lies beyond `longest`; `right`, share of all tested strings; `early`, whether the
        first wrong letter came too early (None where none was); `fit`, geometric mean of the probability of the right
        letter at these steps for n ≤ longest; `chosen_at`, step of the look with the best fit, whose weights these are;
        `follows` and `pace` of the counting unit, see `counters`; `width`, `parameters`, what `train` returns, and
        the curves `step` and `fit` over training, or `counter`, the counting unit over the string with n = shown.
    """
    require("match", match, MATCHES)
    width = width_of(cell, match, hidden_size, partial(build, language))
    torch.manual_seed(seed)
    model = build(language, cell, width)
    initialise(model.core, start_at(start, tasks.LETTERS[language] * longest))
    keeper = Keeper(model, fit_of(tasks.strings(language, range(1, longest + 1))))
    every = max(1, steps // LOOKS)
    result = train(
        model,
        tasks.batches(seed, language, batch, longest, asked),
        loss,
        lambda _: {"fit": keeper.look()},
        steps=steps,
        learning_rate=learning_rate,
        schedule="cosine",
        warmup=steps // 20,
        clip=clip,
        every=every,
    )
    keeper.restore()
    unit, follows = counters.counter(model.core, language, longest)
    curves: dict[str, list[Any]] = thinned(result["curves"], POINTS)
    if shown:
        x, _, _ = tasks.strings(language, [shown])
        curves = {"counter": [round(value, 4) for value in counters.memory(model.core, x)[:, 0, unit].tolist()]}
    found = evaluate(model, language, tested)
    return {
        **result,
        **found,
        "learned": found["fails_at"] > longest,
        "fit": keeper.best,
        "chosen_at": min(keeper.at * every, steps),
        "follows": round(follows, 4),
        "pace": round(counters.pace(model.core, language, longest), 4),
        "width": width,
        "parameters": count_parameters(model),
        "curves": curves,
    }


def start_at(start: str, length: int) -> str:
    """The start as `gatedrnn.initialisation` names it: `chrono` takes the longest string trained on as its longest time."""
    return f"chrono:{max(length, 3)}" if start == "chrono" else start


class Keeper:
    """Keeps the weights of a model at the look with the best fit.

    Args:
        model: that is being trained.
        fit: of the model, larger is better.
    """

    def __init__(self, model: nn.Module, fit: Callable[[nn.Module], float]) -> None:
        self.model, self.fit = model, fit
        self.best, self.at, self.looks = 0.0, 0, 0
        self.weights = _copy(model)

    def look(self) -> float:
        """Measure the fit; the first of equals is kept."""
        self.looks += 1
        found = self.fit(self.model)
        if found > self.best:
            self.best, self.at, self.weights = found, self.looks, _copy(self.model)
        return found

    def restore(self) -> None:
        """Give the model its best weights."""
        self.model.load_state_dict(self.weights)


def loss(model: nn.Module, batch: tuple[Tensor, ...]) -> Tensor:
    """Mean cross-entropy over all steps with a label."""
    return cross_entropy(model(batch[0]).flatten(0, 1), batch[1].flatten())


def fit_of(held: tuple[Tensor, Tensor, Tensor]) -> Callable[[nn.Module], float]:
    """Geometric mean of the probability of the right label, over the scored steps of x, y, scored."""
    x, y, scored = held

    def fit(model: nn.Module) -> float:
        found = math.exp(-float(cross_entropy(model(x)[scored], y[scored])))
        return found if math.isfinite(found) else 0.0

    return fit


def evaluate(model: nn.Module, language: str, tested: int) -> dict[str, Any]:
    """How far a model counts: see `run`. The letter named is the one with the largest logit."""
    x, y, scored = _tested(language, tested)
    named = torch.full_like(y, tasks.IGNORED)
    with torch.no_grad():
        for few in torch.arange(tested).split(max(1, tested // 4)):  # short strings together: less of the rest to read
            end = tasks.LETTERS[language] * (int(few[-1]) + 1)
            named[:end, few] = model(x[:end, few]).argmax(2)
    return judged(named, y, scored)


@cache
def _tested(language: str, tested: int) -> tuple[Tensor, Tensor, Tensor]:
    return tasks.strings(language, range(1, tested + 1))


def judged(named: Tensor, y: Tensor, scored: Tensor) -> dict[str, Any]:
    """How far answers are right: `fails_at`, `censored`, `right`, `early`; strings n = 1, 2, … in columns."""
    bad = (named != y) & scored
    wrong = bad.any(0)
    fails_at, censored = tasks.first_failure(wrong)
    early = None
    if not censored:
        step = int(bad[:, fails_at - 1].nonzero()[0])
        early = bool(named[step, fails_at - 1] > y[step, fails_at - 1])
    return {"fails_at": fails_at, "censored": censored, "right": 1 - float(wrong.float().mean()), "early": early}


def build(language: str, cell: str, width: int) -> Tagger:
    """Recurrent layer and linear head: one letter in, the next one out."""
    require("language", language, tasks.LETTERS)
    letters = tasks.LETTERS[language]
    return Tagger(Recurrent(cell, letters, width), letters + 1)


def _copy(model: nn.Module) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in model.state_dict().items()}
