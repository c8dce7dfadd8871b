"""Runs of the chapter *architecture/ablation*: a cell with one gate held at a constant, on four tasks."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import nn

from experiments.ablation.problems import held_at, held_text, most_bits, problem
from experiments.shared.curves import thinned
from gatedrnn.checks import require
from gatedrnn.models import count_parameters, width_for
from gatedrnn.training import train
from gatedrnn.variants import VARIANTS
from tasks import kjv

MATCHES = ("width", "parameters")
LOOKS = 32
"""Looks at held-out data in a run that may end early; a run that never does is looked at once, at its end."""
POINTS = 8
"""Looks that are kept."""


def run(
    *,
    task: str,
    variant: str,
    start: str,
    match: str,
    hidden_size: int,
    length: int,
    learning_rate: float,
    steps: int,
    batch: int,
    seed: int,
    clip: float = 1.0,
    tuning: bool = False,
) -> dict[str, Any]:
    """Train one variant of a cell on one task; the rate rises over a twentieth of the steps and falls to zero at the last.

    Args:
        task, length, batch: see `problems.problem`. Recall and registers stop early when every answer is right.
        variant: a name in `gatedrnn.variants.VARIANTS`. start: of its gates, see `frozen.Frozen`.
        match: `width`, as wide as the whole cell; or `parameters`, as many as the whole cell's model.
        hidden_size: width of the whole cell.
        learning_rate, steps, clip: of the training.
        seed: of the weights and of the data; the same for all variants.
        tuning: score the validation part, where there is one.

    Returns:
        `accuracy`, share of right answers on held-out data, or of characters `bits` per character (the other is None);
        `score`, by which rates and starts are chosen: the accuracy, and once every answer is right 1 and the share of the
        steps that was not needed; of characters the bits saved against guessing; where a constant gate is held (`held_low`,
        `held`, `held_high`: quantiles over units), `parameters`, `width`, and what `train` returns.
    """
    require("match", match, MATCHES)
    given = problem(task, length, batch, seed, tuning)
    cell = VARIANTS[variant].cell
    width = hidden_size
    if match == "parameters" and variant != cell:
        budget = count_parameters(given.build(cell, hidden_size, start))
        width = width_for(budget, lambda units: given.build(variant, units, start), 8 * hidden_size)
    torch.manual_seed(seed)
    model = given.build(variant, width, start)

    def look(model: nn.Module) -> dict[str, float]:
        return {"result": given.judge(model)}

    result = train(
        model,
        given.batches,
        given.loss,
        look,
        steps=steps,
        learning_rate=learning_rate,
        schedule="cosine",
        warmup=steps // 20,
        clip=clip,
        every=steps if given.endless else max(1, steps // LOOKS),
        solved=None if given.endless else lambda metrics: metrics["result"] == 1,
    )
    found = round(result.pop("result"), 5)
    scored = {"accuracy": found, "bits": None, "score": found}
    if result["solved_at"] is not None:
        scored["score"] = 2 - result["solved_at"] / steps
    if task == "characters":
        saved = most_bits() - found
        scored = {"accuracy": None, "bits": found, "score": saved if math.isfinite(saved) else 0.0}
    curves = thinned(result["curves"], POINTS)
    sizes = {"parameters": count_parameters(model), "width": width}
    return {**result, **scored, **sizes, **held_at(model), "curves": curves}


def baseline(*, order: int, seed: int) -> dict[str, Any]:
    """Bits per character of an n-gram model of the training text on the text that scores the cells.

    Args:
        order: n; 1 knows how frequent each character is and nothing else. seed: changes nothing; every run has one.
    """
    return {"bits": round(kjv.ngram_bits(order, kjv.split().train, held_text(tuning=False)), 5)}
