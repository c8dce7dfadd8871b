"""What the second looks of the chapter *performance/convergence* come to, in sentences that branch on the numbers."""

from __future__ import annotations

import numpy as np
import pandas as pd

from evidence.figures import LABELS
from evidence.format import listed
from evidence.statistics import Interval, bootstrap, paired_bootstrap, ratio_bootstrap
from experiments.convergence.analysis import (
    DEPTHS,
    GATED,
    TASK_NAMES,
    depth_gap,
    difference,
    pair,
    quality,
    ratio,
    rises,
    scaled,
    times,
)
from experiments.convergence.generated.words import layers_named, signed
from experiments.convergence.runs import TASKS
from tasks import recall


def bounded(table: pd.DataFrame, task: str) -> tuple[Interval, str]:
    """Ratio of steps to the target, GRU ÷ LSTM, and how much of it can be told: `interval`, `below`, `above` or `nothing`.

    A run that never met the target counts with all its steps. Where half of a cell's runs or more did not, the median is
    no estimate: a bound where every run of the other cell did, else nothing.

    Args:
        table: of `times`.
    """
    lstm, gru = pair(table, task)
    missed = [1 - float(np.mean(each)) for each in pair(table, task, column="reached")]
    found = ratio_bootstrap(gru, lstm)
    if max(missed) < 0.5:
        return found, "interval"
    if missed[0] >= 0.5 and missed[1] == 0:
        return found, "below"
    if missed[1] >= 0.5 and missed[0] == 0:
        return found, "above"
    return found, "nothing"


def told(table: pd.DataFrame, task: str, steps: int) -> str:
    """The same in words, such as `0.44 [0.36, 0.55]` or `below 0.12 (no LSTM got there in 250 steps)`."""
    found, kind = bounded(table, task)
    if kind == "interval":
        return found.format()
    reached = dict(zip(GATED, pair(table, task, column="reached"), strict=True))
    if kind == "nothing":
        each = " and ".join(f"{int(met.sum())} of {len(met)} {LABELS[cell]}s" for cell, met in reached.items())
        return f"not to be told ({each} got there)"
    cell = "lstm" if kind == "below" else "gru"
    met = reached[cell]
    few = f"{int(met.sum())} of {len(met)} {LABELS[cell]}s" if met.any() else f"no {LABELS[cell]}"
    return f"{kind} {found.estimate:.2f} ({few} got there in {steps} steps)"


def rate_decides(runs: pd.DataFrame, ratios: pd.DataFrame, goals: dict[str, float]) -> str:
    """Whether the order of the cells is another one at the rates for the end than at those for speed."""
    table = times(runs, goals)
    turned, open_ = [], []
    for task in TASKS:
        there, kind = bounded(table, task)
        here = ratio(ratios, task, "steps")
        if kind == "nothing":
            open_.append(TASK_NAMES[task])
        elif (here.estimate < 1) != (there.estimate < 1):
            turned.append(f"{TASK_NAMES[task]} ({here.estimate:.2f} at the rates for speed, {there.estimate:.2f} here)")
    left = f" On {listed(open_)} it cannot be told." if open_ else ""
    if not turned:
        return f"The order of the cells is nowhere another one than above.{left}"
    return f"The order turns on {listed(turned)}: there the rate decides and not the cell.{left}"


def rates_agree(runs: pd.DataFrame, quick: pd.DataFrame) -> str:
    """Whether LSTM − GRU at the end is the same at the rates for the end and for speed."""
    apart = []
    for task in ("mnist1d", "chorales"):
        first, second = difference(runs, task), difference(quick, task)
        if first.high < second.low or second.high < first.low:
            apart.append(TASK_NAMES[task])
    if not apart:
        return "The intervals at the two choices of rates overlap"
    return f"On {listed(apart)} the two intervals lie apart: neither knows of the other's rate, so trust neither sign there"


def swap_decides(stacked: pd.DataFrame, swapped: pd.DataFrame | None) -> str:
    """Whether a cell does better at the other cell's rate with the deepest stacks."""
    if swapped is None:
        return "So this gap owes nothing to a difference of rates"
    own = stacked[(stacked["layers"] == DEPTHS[-1]) & stacked["seed"].isin(swapped["seed"])]
    better = [
        LABELS[cell]
        for cell in GATED
        if swapped.loc[swapped["cell"] == cell, "quality"].mean() > own.loc[own["cell"] == cell, "quality"].mean()
    ]
    if better:
        return f"The {listed(better)} does better at the other's rate: part of the gap belongs to the rate"
    return "Neither cell does better at the other's rate, so the gap is not made by this choice"


def start_moves(runs: pd.DataFrame, starts: pd.DataFrame, goals: dict[str, float], task: str) -> str:
    """Whether the ratio of steps is another one from another first bias."""
    rows = runs[(runs["task"] == task) & (runs["match"] == "width") & runs["cell"].isin(GATED)]
    (first, kind), (second, other) = (
        bounded(times(part, goals), task) for part in (rows, starts[starts["task"] == task])
    )
    if "nothing" in (kind, other) or (kind != "interval" and other != "interval"):
        return "Whether the ratio moves with the start cannot be told from these runs"
    low = {"interval": second.high < first.low, "below": second.estimate < first.low}.get(other, False)
    high = {"interval": second.low > first.high, "above": second.estimate > first.high}.get(other, False)
    if kind != "interval":
        low, high = False, False
    if low or high:
        return (
            f"The ratio moved {'down' if low else 'up'} with the start: part of “the GRU converges faster” is then about first "
            "biases and not about cells"
        )
    return "That the ratio moves with the start cannot be told from these runs, so it may be the cell's own"


def best_leads(depths: pd.DataFrame) -> str:
    """The largest lead of the LSTM on the way, by number of layers, with its interval."""
    steps = [int(step) for step in np.sort(depths["step"].unique())]
    parts = []
    for number in DEPTHS:
        found = {step: bootstrap(depth_gap(depths, number, step)) for step in steps}
        best = max(steps, key=lambda step: found[step].estimate)
        each = found[best]
        if each.estimate <= 0:
            parts.append(f"with {layers_named(number)} the LSTM is ahead at no evaluation")
            continue
        said = "ahead" if each.low > 0 else "an interval that holds zero"
        parts.append(f"with {layers_named(number)} it is {signed('', each)} at step {best:,} ({said})")
    return "; ".join(parts)


def rises_more(stacked: pd.DataFrame) -> str:
    """Whether one cell still rises more than the other, by number of layers."""
    parts = []
    for number in DEPTHS:
        rows = stacked[stacked["layers"] == number]
        lstm, gru = (rises(rows, cell) for cell in GATED)
        found = paired_bootstrap(lstm, gru.loc[lstm.index])
        said = (
            "no difference can be told" if found.low <= 0 <= found.high else "the LSTM may gain more from a longer run"
        )
        if found.high < 0:
            said = "the GRU may gain more from a longer run"
        parts.append(f"with {layers_named(number)} {signed('', found)} ({said})")
    return ", ".join(parts)


def solved(runs: pd.DataFrame, cell: str = "rnn") -> str:
    """How many seeds of a cell solve recall, beside the mean of all: a mean of a split outcome says little."""
    values = quality(runs, "recall", cell)
    done = int((values >= 99.5).sum())
    return f"{done} of {len(values)} seeds solve it"


def below_guessing(runs: pd.DataFrame, cell: str = "rnn") -> str:
    """Evaluations on recall at which a cell names hardly any symbol rightly, and what that means."""
    rows = runs[(runs["task"] == "recall") & (runs["cell"] == cell) & (runs["match"] == "width")]
    low = [sum(value < recall.baseline() / 2 for value in curves["quality"]) for curves in rows["curves"]]
    if not any(low):
        return f"No evaluation of the {LABELS[cell]} on recall lies far below guessing."
    times_ = f"{sum(low)} evaluation{'s' if sum(low) > 1 else ''} of {sum(each > 0 for each in low)} seeds"
    worst = min(min(curves["quality"]) for curves in rows["curves"])
    return (
        f"On recall the {LABELS[cell]} falls far below guessing at {times_}, down to {scaled('recall', worst):.0f} %. It has not "
        "forgotten then: who knows nothing is right by chance. A likely reason, not tested here: it "
        "still tells the symbols apart and answers each with another one, because its state goes on turning through the noise and "
        "a few steps of training shift where it stands when the question comes."
    )


def equal_parameters_text(words: dict[str, str], said: dict[str, str], other: str) -> str:
    """Tasks by what a verdict says of them."""
    groups: dict[str, list[str]] = {}
    for name, word in words.items():
        groups.setdefault(said.get(word, other), []).append(name)
    return "; ".join(f"{phrase} on {listed(names)}" for phrase, names in groups.items())
