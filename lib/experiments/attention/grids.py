"""What is run in the chapter *outlook/attention*: tasks and budgets, what tuning chooses, and the grids of its sweeps."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from evidence.ledger import ledger
from evidence.tuning import Tuned

GATED = ("lstm", "gru")
KINDS = ("additive", "dot")
MODELS = (*itertools.product(GATED, ("none", *KINDS)), ("transformer", "none"))
"""Cell and attention of all that is compared."""
STARTS = {"scattered": ("default", "chrono"), "demand": ("default", "bias:1"), "text": ("bias:1",)}
"""Starts of the gates that are tried; a text has no time scale that is known, and one start saves time."""
RUNGS = (0.25, 1.0, 4.0)
"""Budgets of the ladder, in those of its middle."""
Choice = tuple[str, float]
"""Start and learning rate."""
Chosen = Mapping[str, Mapping[tuple[str, str], Choice]]
"""By task, then by cell and attention."""


@dataclass(frozen=True)
class Setting:
    """How a task is trained: at which length and width, and for how long."""

    task: str
    length: int
    hidden_size: int
    steps: int
    batch: int
    looks: int
    """How often a run is judged; the last time counts."""

    def fixed(self, rung: float = 1.0) -> dict[str, Any]:
        """Keywords of a run that all models share, at a rung of the ladder."""
        steps = max(1, round(rung * self.steps))
        names = ("task", "length", "hidden_size", "batch")
        return {name: getattr(self, name) for name in names} | {"steps": steps, "every": -(-steps // self.looks)}


def start_at(start: str, length: int) -> str:
    """The start as `gatedrnn.initialisation` names it: chrono takes the length as its longest time."""
    return f"chrono:{length}" if start == "chrono" else start


def plain_start(start: str) -> str:
    """The start without its time."""
    return start.partition(":")[0] if start.startswith("chrono") else start


def starts(task: str, cell: str) -> tuple[str, ...]:
    """Starts that are tried."""
    return STARTS[task] if cell in GATED else ("default",)


def tuning_points(setting: Setting) -> list[dict[str, Any]]:
    """What gets a learning rate of its own: every model with every start of its gates."""
    return [
        {"cell": cell, "attention": attention, "start": start_at(start, setting.length)}
        for cell, attention in MODELS
        for start in starts(setting.task, cell)
    ]


def choices(tuned: Tuned) -> dict[tuple[str, str], Choice]:
    """Start and rate with the best mean score on the tuning seeds, by cell and attention."""
    best = tuned.best.sort_values("score", ascending=False, kind="stable").drop_duplicates(["cell", "attention"])
    rows = best.set_index(["cell", "attention"])
    return {key: (plain_start(row["start"]), float(row["learning_rate"])) for key, row in rows.iterrows()}


def kind(tuned: Tuned) -> str:
    """The kind of attention with the better tuning score, both cells together, each with its best start and rate."""
    best = tuned.best.groupby(["attention", "cell"])["score"].max().groupby("attention").mean()
    return max(KINDS, key=lambda each: best[each])


def points(
    setting: Setting,
    chosen: Mapping[tuple[str, str], Choice],
    models: Iterable[tuple[str, str]],
    rung: float = 1.0,
    **more: Any,
) -> list[dict[str, Any]]:
    """Configurations of some models at their chosen start and rate; `more` replaces what is given."""
    found = []
    for cell, attention in models:
        start, rate = chosen[cell, attention]
        own = {"cell": cell, "attention": attention, "start": start_at(start, setting.length), "learning_rate": rate}
        found.append({**setting.fixed(rung), "match": "parameters", **own, **more})
    return found


def pair(kind: str) -> list[tuple[str, str]]:
    """Both cells alone and with this kind of attention."""
    return list(itertools.product(GATED, ("none", kind)))


def attacked(name: str, setting: Setting, chosen: Mapping[tuple[str, str], Choice], kind: str) -> list[dict[str, Any]]:
    """Configurations of an attack of the ledger, both cells with and without attention.

    `another task` names the tokens at the beginning; its rates and starts are those of the scattered ones.

    Raises:
        ValueError: an unknown attack.
    """
    models = pair(kind)
    if name in ("rate × 3", "rate ÷ 3"):
        factor = 3 if name == "rate × 3" else 1 / 3
        moved = {key: (start, float(f"{factor * rate:.3g}")) for key, (start, rate) in chosen.items()}
        return points(setting, moved, models)
    if name == "another start":
        moved = {key: (_other(setting.task, key[0], start), rate) for key, (start, rate) in chosen.items()}
        return points(setting, moved, models)
    if name == "width × 2":
        return points(replace(setting, hidden_size=2 * setting.hidden_size), chosen, models)
    if name == "another task":
        return points(replace(setting, task="beginning"), chosen, models)
    raise ValueError(f"name = {name!r} is not allowed: one of {', '.join(ledger()['F1'].attacks)}")


def _other(task: str, cell: str, start: str) -> str:
    return next((each for each in (*starts(task, cell), "default") if each != start), start)


def main_grid(settings: Mapping[str, Setting], chosen: Chosen, kinds: Mapping[str, str]) -> list[dict[str, Any]]:
    """Both cells, alone and with the kind of attention chosen for the task, at every rung; at the top with a look."""
    return [
        each
        for (task, setting), rung in itertools.product(settings.items(), RUNGS)
        for each in points(setting, chosen[task], pair(kinds[task]), rung, look=rung == RUNGS[-1])
    ]


def other_grid(settings: Mapping[str, Setting], chosen: Chosen, kinds: Mapping[str, str]) -> list[dict[str, Any]]:
    """The other kind of attention at the middle rung; and the transformer there and at the top, but for recall, where it is
    a matter of length."""
    found = []
    for task, setting in settings.items():
        (other,) = (each for each in KINDS if each != kinds[task])
        found += points(setting, chosen[task], itertools.product(GATED, [other]))
        if task != "scattered":
            for rung in RUNGS[1:]:
                found += points(setting, chosen[task], [("transformer", "none")], rung)
    return found


def length_grid(
    setting: Setting,
    chosen: Mapping[tuple[str, str], Choice],
    models: Iterable[tuple[str, str]],
    lengths: Sequence[int],
) -> list[dict[str, Any]]:
    """Some models at several lengths."""
    known = list(models)
    return [each for length in lengths for each in points(replace(setting, length=length), chosen, known)]


def timed_grid(
    settings: Mapping[str, Setting], chosen: Chosen, shares: Mapping[str, Mapping[int, float]], rung: float = 1.0
) -> list[dict[str, Any]]:
    """Transformers that train for as many seconds as an LSTM with attention does at a rung.

    Args:
        shares: by task and length, the steps of a transformer in the time of one step of that LSTM.
    """
    found = []
    for task, setting in settings.items():
        for length, share in shares[task].items():
            short = replace(setting, length=length, steps=max(1, round(rung * share * setting.steps)))
            found += points(short, chosen[task], [("transformer", "none")])
    return found
