"""What the chapter *architecture/ablation* runs: whole cells from several starts, then each gate held, a ladder, attacks."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import pandas as pd

from evidence.tuning import Tuned
from gatedrnn.variants import VARIANTS

TASKS = ("recall", "registers", "mnist1d", "characters")
GATES = {
    "lstm": {"input": "lstm_constant_input", "forget": "lstm_constant_forget", "output": "lstm_constant_output"},
    "gru": {"update": "gru_constant_update", "reset": "gru_constant_reset"},
}
"""The variant without each gate, by cell."""
HELD = tuple(name for gates in GATES.values() for name in gates.values())
CHANGED = (*HELD[:3], "lstm_coupled", *HELD[3:])
"""Every variant that is set against its whole cell, in the order in which they are shown."""
STARTS = ("default", "bias:1", "bias:3", "chrono")
TIMED = ("recall", "registers", "mnist1d")
"""Tasks whose longest time is known, so that chrono has something to go by."""
CASE = ["task", "cell"]
Settings = Mapping[str, Mapping[str, int]]
"""By task: `hidden_size`, `length` and `batch`."""
Point = dict[str, Any]


def cell_of(variant: str) -> str:
    """The cell that a variant was made of."""
    return VARIANTS[variant].cell


def started(start: str, length: int) -> str:
    """The start as `gatedrnn.initialisation` names it: chrono takes the length as its longest time."""
    return f"chrono:{max(length, 3)}" if start == "chrono" else start


def whole_points(settings: Settings) -> list[Point]:
    """Whole cells from every start that means something on a task."""
    found = []
    for task, cell in itertools.product(settings, GATES):
        for start in STARTS if task in TIMED else STARTS[:-1]:
            given = settings[task]
            found.append({"task": task, "variant": cell, "start": started(start, given["length"]), **given})
    return found


def ranked_starts(tuned: Tuned) -> pd.DataFrame:
    """Starts of each task and cell by the score of the whole cell, the best first, with `rank` from 0."""
    rows = tuned.best.assign(cell=tuned.best["variant"]).sort_values("score", ascending=False, kind="stable")
    return rows.assign(rank=rows.groupby(CASE).cumcount())


def start_of(ranked: pd.DataFrame, task: str, cell: str, rank: int = 0) -> str:
    """The start at a rank of `ranked_starts`; where there are fewer, the last."""
    rows = ranked[(ranked["task"] == task) & (ranked["cell"] == cell)].sort_values("rank")
    return str(rows["start"].iloc[min(rank, len(rows) - 1)])


def changed_points(settings: Settings, ranked: pd.DataFrame) -> list[Point]:
    """Every changed cell, from the start at which its whole cell works best."""
    return [
        {"task": task, "variant": variant, "start": start_of(ranked, task, cell_of(variant)), **settings[task]}
        for task, variant in itertools.product(settings, CHANGED)
    ]


def main_points(settings: Settings, whole: Tuned, changed: Tuned) -> list[Point]:
    """What is reported: whole and changed cells from the best start, each at its own rate, equally wide."""
    ranked, found = ranked_starts(whole), []
    for task, cell in itertools.product(settings, GATES):
        start = start_of(ranked, task, cell)
        for variant in (cell, *(each for each in CHANGED if cell_of(each) == cell)):
            rate = (whole if variant == cell else changed).rate(task=task, variant=variant, start=start)
            case = {"task": task, "variant": variant, "start": start, **settings[task]}
            found.append({**case, "match": "width", "learning_rate": rate})
    return found


def rungs(steps: int) -> list[int]:
    """The budgets below the top, the lowest first: each a quarter of the next."""
    return [max(2, steps // part) for part in (16, 4)]


def at(points: Iterable[Point], steps: int) -> list[Point]:
    """The points at a budget."""
    return [{**each, "steps": steps} for each in points]


def enlarged(points: Iterable[Point]) -> list[Point]:
    """Cells with a gate held once more, with as many parameters as the whole cell's model."""
    return [{**each, "match": "parameters"} for each in points if each["variant"] in CHANGED]


def _times(factor: float) -> Callable[[Point, pd.DataFrame], Point]:
    return lambda point, _: {"learning_rate": float(f"{factor * point['learning_rate']:.3g}")}


ATTACKS: dict[str, Callable[[Point, pd.DataFrame], Point]] = {
    "rate × 3": _times(3),
    "rate ÷ 3": _times(1 / 3),
    "another start": lambda point, ranked: {
        "start": start_of(ranked, point["task"], cell_of(point["variant"]), rank=1)
    },
    "width × 2": lambda point, _: {"hidden_size": 2 * point["hidden_size"]},
}
"""What each attack changes in a run; the second-best start of the whole cell is the other one."""
SLUGS = {"rate × 3": "faster", "rate ÷ 3": "slower", "another start": "second-start", "width × 2": "wider"}


def attacked(points: Iterable[Point], whole: Tuned, name: str) -> list[Point]:
    """The points under an attack."""
    ranked = ranked_starts(whole)
    return [{**each, **ATTACKS[name](each, ranked)} for each in points]
