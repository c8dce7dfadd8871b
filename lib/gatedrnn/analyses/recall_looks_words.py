"""Captions, alternative texts and the numbers of the second looks of the chapter *memory/recall*."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pandas as pd

from gatedrnn.analyses.recall import GATED, STARTS, TASKS, cases, difference, name, pick
from gatedrnn.analyses.recall_looks import ORDER
from gatedrnn.analyses.recall_words import NAMES, control_advice, count, listed, median, rate, slug
from gatedrnn.figures import LABELS
from gatedrnn.tuning import Tuned

ROSE = 0.1
"""Rise of a gate's mean openness that the prose calls opening."""


def looks(
    controls: pd.DataFrame, watched: pd.DataFrame, patience: pd.DataFrame, far: pd.DataFrame, chosen: pd.DataFrame
) -> Iterator[tuple[str, str]]:
    """Names and texts of the second looks and of the task with two registers.

    Args:
        controls: from `control_table`. watched: from `watched_table`. patience, far: `outcomes`.
        chosen: from `selective_table`.
    """
    for task, cell in itertools.product(TASKS, ORDER):
        part = pick(controls, task=task, cell=cell)
        yield f"control-{task}-{cell.replace('_', '-')}", f"{count(part)} (median {median(part)} steps)"
    for cell, random in itertools.product(GATED, (False, True)):
        which = "random" if random else "true"
        first, last = keeping(watched, cell, random)
        yield f"keep-{cell}-{which}", f"from {first:.2f} to {last:.2f}"
    yield "keep-reading", reading(watched)
    yield "advice-controls", control_advice(controls)
    for task, start in itertools.product(TASKS, STARTS):
        part = pick(patience, task=task, start=start)
        yield f"patience-{task}-{slug(start)}", f"{count(part)}, median {median(part)} steps"
    yield "patience-seeds", str(patience["seed"].nunique())
    yield "patience-steps", str(patience["steps_allowed"].max())
    yield "patience-length", str(patience["length"].iloc[0])
    yield "patience-rate", f"{patience['learning_rate'].iloc[0]:g}"
    for cell in GATED:
        part = pick(far, cell=cell)
        yield f"far-{cell}", listed([climbed(length, at) for length, at in part.groupby("length")])
        yield f"far-end-{cell}", climb_end(cell, part)
        for start in STARTS:
            part = pick(chosen, cell=cell, start=start)
            yield f"selective-{cell}-{slug(start)}", rate(part)
        solved = pick(chosen, cell=cell, solved=1)
        text = f"{solved['write'].median():.2f} and {solved['write_marked'].median():.2f}"
        yield f"selective-write-{cell}", text if len(solved) else "(none solved it)"
    yield "far-seeds", str(far["seed"].nunique())


def wider(narrow: pd.DataFrame, wide: pd.DataFrame) -> Iterator[tuple[str, str]]:
    """Names and texts of the look at twice the units: both with chrono, at one length, both tasks together."""
    length, width = (int(wide[column].iloc[0]) for column in ("length", "width"))
    yield "wider-length", str(length)
    yield "wider-width", str(width)
    same = pick(narrow, start="chrono", length=length, size="width", cell=list(GATED))
    for which, rows in (("narrow", same), ("wide", wide)):
        for cell in GATED:
            yield f"wider-{cell}-{which}", rate(pick(rows, cell=cell))
        yield f"wider-gap-{which}", f"{difference(rows).signed(0)} points"


def climbed(length: int, runs: pd.DataFrame) -> str:
    """How many solved adding at one length, and how."""
    error = f"median last error {runs['quality'].median():.2g}"
    return f"{count(runs)} at T = {length} ({f'median {median(runs)} steps' if runs['solved'].any() else error})"


def climb_end(cell: str, runs: pd.DataFrame) -> str:
    """Whether a cell was driven to a length at which all of its runs fail."""
    longest = runs["length"].max()
    if pick(runs, length=longest)["solved"].any():
        return f"The {LABELS[cell]} was not driven to where it fails: T = {longest} is the longest that was tried"
    return f"The {LABELS[cell]} solved none at T = {longest}, and was asked for nothing longer"


def keeping(watched: pd.DataFrame, cell: str, random: bool) -> tuple[float, float]:
    """Openness of the keeping gate at the first and at the last look, medians over seeds."""
    runs = pick(watched, cell=cell, random_labels=random).sort_values("step").groupby("seed")["keep"]
    return float(runs.first().median()), float(runs.last().median())


def reading(watched: pd.DataFrame) -> str:
    """What the gates did on random labels, in a sentence."""
    rise = {cell: keeping(watched, cell, True)[1] - keeping(watched, cell, True)[0] for cell in GATED}
    opened = [LABELS[cell] for cell in GATED if rise[cell] > ROSE]
    shut = [LABELS[cell] for cell in GATED if rise[cell] <= ROSE]
    if opened and shut:
        return f"With nothing to remember the keeping gate of the {opened[0]} opens all the same; that of the {shut[0]} does not"
    return f"With nothing to remember {'both keeping gates open' if opened else 'neither keeping gate opens'}"


def map_caption(table: pd.DataFrame) -> str:
    """Caption of the headline figure."""
    return (
        f"Who learns to remember within {table['steps_allowed'].max()} optimiser steps, by start of the gates: share of "
        f"{table['seed'].nunique()} seeds with 95 % Wilson intervals, LSTM and GRU of equal width; the open square is a GRU "
        "with as many parameters as the LSTM. Below, what the variance of the outcome goes with; whiskers are bootstrap "
        "intervals over seeds. Last panel: the tuning runs, every learning rate included."
    )


def map_alt(table: pd.DataFrame, shares: pd.DataFrame) -> str:
    """The headline figure in words."""
    parts = []
    for case in cases():
        rows = pick(table, **case, size="width")
        seen = ", ".join(f"{each['solved'].sum():.0f} at {length}" for length, each in rows.groupby("length"))
        parts.append(f"{case['task']}, {name(case['start'])}, {LABELS[case['cell']]}: {seen}")
    bars = ", ".join(f"{row.factor} {row.share:.0f} %" for row in pick(shares, panel="solved or not").itertuples())
    return (
        f"Six panels of success rate against length. Seeds of {table['seed'].nunique()} that solved the task: "
        f"{'; '.join(parts)}. Three panels of shares of variance; of solved or not: {bars}."
    )


def steps_caption(table: pd.DataFrame) -> str:
    """Caption of the figure of steps."""
    return (
        f"Optimiser steps until the task is solved; every dot is one of {table['seed'].nunique()} seeds, open in the grey "
        f"band where {table['steps_allowed'].max()} steps were not enough. Lines join the medians."
    )


def steps_alt(table: pd.DataFrame) -> str:
    """The figure of steps in words."""
    parts = []
    for case in cases():
        rows = pick(table, **case, size="width")
        seen = ", ".join(f"{median(each)} at {length}" for length, each in rows.groupby("length"))
        parts.append(f"{case['task']}, {name(case['start'])}, {LABELS[case['cell']]}: {seen}")
    return "Six panels of steps to solve against length, a dot a seed. Median steps: " + "; ".join(parts) + "."


def controls_alt(table: pd.DataFrame, watched: pd.DataFrame) -> str:
    """The figure of the gates and the controls in words."""
    gates = []
    for cell, random in itertools.product(GATED, (False, True)):
        first, last = keeping(watched, cell, random)
        gates.append(f"{LABELS[cell]}, {'random' if random else 'true'} labels, {first:.2f} to {last:.2f}")
    parts = [
        f"{task}, {NAMES[cell]}: {count(rows)} solved, median {median(rows)}"
        for task, cell in itertools.product(TASKS, ORDER)
        if len(rows := pick(table, task=task, cell=cell))
    ]
    return f"Openness of the keeping gate from first to last: {'; '.join(gates)}. Steps to solve: {'; '.join(parts)}."


def selective_alt(table: pd.DataFrame) -> str:
    """The figure of the two registers in words."""
    parts = [
        f"{name(start)}, {LABELS[cell]}: {count(rows)} solved, median {100 * rows['quality'].median():.0f} % right, "
        f"write gate {rows['contrast'].median():+.2f} at marks"
        for start, cell in itertools.product(STARTS, GATED)
        if len(rows := pick(table, start=start, cell=cell))
    ]
    return f"Three panels of dots, one a seed, by start and cell. {'; '.join(parts)}."


def tuning_alt(tuned: dict[str, Tuned]) -> str:
    """The tuning figure in words."""
    parts = []
    for given in tuned.values():
        for row in pick(given.best, cell=list(GATED)).to_dict("records"):
            where = f"{row['task']}, T = {row['length']}, {row['scheme'].partition(':')[0]}"
            parts.append(f"{where}, {LABELS[row['cell']]}: {row['learning_rate']:g}")
    return f"Steps to solve against learning rate on tuning seeds. Best rates: {listed(parts)}."
