"""Runs of the chapter *memory/counting*, second part: how deep a cell keeps brackets apart that it saw nested four deep."""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from experiments.counting import dyck
from experiments.counting.runs import LOOKS, MATCHES, Keeper, fit_of, loss, start_at
from gatedrnn.checks import require
from gatedrnn.initialisation import initialise
from gatedrnn.layers import Recurrent
from gatedrnn.models import Tagger, count_parameters, width_of
from gatedrnn.training import train

HELD = 64
"""Strings of each kind that are tested: the same for every run."""
SOUND = 0.95
"""Share of right answers under which a depth counts as failed."""
FIRST_HELD_SEED = 3_000_000


def run(
    *,
    cell: str,
    match: str,
    hidden_size: int,
    depth: int,
    length: int,
    tested_depth: int,
    tested_length: int,
    steps: int,
    batch: int,
    learning_rate: float,
    seed: int,
    start: str = "default",
    kinds: int = dyck.KINDS,
) -> dict[str, Any]:
    """Train one cell on shallow bracket strings, then test it on deeper and on longer ones.

    Args:
        cell, match, hidden_size, steps, batch, learning_rate, seed, start: as for `experiments.counting.runs`.
        depth: most brackets open at once in training. length: of the training strings, even.
        tested_depth: deepest mountains tested, see `dyck.mountains`. tested_length: of the long strings, even.
        kinds: of brackets.

    Returns:
        `fails_at`, least depth of a mountain of which fewer than `SOUND` of the scored answers are right (tested_depth + 1
        where there is none, then `censored`); `learned`, whether it lies beyond `depth`; `within`, share of right answers
        on fresh strings as in training; `long`, on strings of `tested_length` no deeper; `fit` and `chosen_at` as for
        counting; `width`, `parameters`, what `train` returns, and the curves `depth` (2 …) and `right`, share by depth of
        the mountain.
    """
    require("match", match, MATCHES)
    width = width_of(cell, match, hidden_size, partial(build, kinds=kinds))
    torch.manual_seed(seed)
    model = build(cell, width, kinds)
    initialise(model.core, start_at(start, length))
    held = dyck.walks(_generator(0), HELD, length, depth, kinds)
    keeper = Keeper(model, fit_of((dyck.one_hot(held, kinds), *dyck.answers(held, kinds))))
    every = max(1, steps // LOOKS)
    result = train(
        model,
        dyck.batches(seed, batch, length, depth, kinds),
        loss,
        lambda _: {"fit": keeper.look()},
        steps=steps,
        learning_rate=learning_rate,
        schedule="cosine",
        warmup=steps // 20,
        every=every,
    )
    keeper.restore()

    def right(symbols: Tensor) -> float:
        return _share(*rightness(model, symbols, kinds))

    depths = list(range(2, tested_depth + 1))
    by_depth = [right(dyck.mountains(_generator(each), HELD, each, kinds)) for each in depths]
    failed = [each for each, share in zip(depths, by_depth, strict=True) if share < SOUND]
    return {
        **result,
        "fails_at": failed[0] if failed else tested_depth + 1,
        "censored": not failed,
        "learned": not failed or failed[0] > depth,
        "within": right(held),
        "long": right(dyck.walks(_generator(1), HELD, tested_length, depth, kinds)),
        "fit": keeper.best,
        "chosen_at": min(keeper.at * every, steps),
        "width": width,
        "parameters": count_parameters(model),
        "curves": {"depth": depths, "right": [round(share, 4) for share in by_depth]},
    }


def rightness(model: nn.Module, symbols: Tensor, kinds: int = dyck.KINDS) -> tuple[Tensor, Tensor]:
    """Which answers are right, and which are scored: both (T, B)."""
    y, scored = dyck.answers(symbols, kinds)
    with torch.no_grad():
        named = model(dyck.one_hot(symbols, kinds)).argmax(2)
    return named == y, scored


def window_curve(context: int, tested_depth: int) -> list[float]:
    """Share of right answers by depth of the mountain, from 2 on, of the best answer out of the last `context` symbols."""
    found = []
    for depth in range(2, tested_depth + 1):
        symbols = dyck.mountains(_generator(depth), HELD, depth)
        y, scored = dyck.answers(symbols)
        found.append(_share(dyck.window_answers(symbols, context) == y, scored))
    return found


def build(cell: str, width: int, kinds: int = dyck.KINDS) -> Tagger:
    """Recurrent layer and linear head: a bracket in, the kind of the innermost open one out."""
    return Tagger(Recurrent(cell, 2 * kinds, width), kinds)


def _generator(which: int) -> torch.Generator:
    return torch.Generator().manual_seed(FIRST_HELD_SEED + which)


def _share(right: Tensor, scored: Tensor) -> float:
    return float(right[scored].float().mean())
