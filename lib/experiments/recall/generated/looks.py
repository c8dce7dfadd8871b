"""Captions, alternative texts and the numbers of the second looks of the chapter *memory/recall*."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pandas as pd

from evidence.figures import LABELS
from evidence.format import listed
from evidence.tuning import Tuned
from experiments.recall import analysis
from experiments.recall.analysis import GATED, STARTS, TASKS, cases, difference, gap, name, outcomes, pick, tally
from experiments.recall.generated.words import NAMES, control_advice, count, median, rate, signed, slug
from experiments.recall.looks import ORDER, PATIENCE, shut_at

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
        yield f"keep-{cell}-{which}", listed([f"{each:.2f}" for each in keeping(watched, cell, random)])
    yield "first-look", str(watched["step"].min())
    yield "keep-reading", reading(watched)
    yield "advice-controls", control_advice(controls)
    yield "controls-reading", controls_reading(controls)
    yield "patience-reading", patience_reading(patience)
    yield "selective-reading", selective_reading(chosen)
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
            yield f"selective-{cell}-{slug(start)}", count(part)
        solved = pick(chosen, cell=cell, solved=1)
        text = f"{solved['write'].median():.2f} and {solved['write_marked'].median():.2f}"
        yield f"selective-write-{cell}", text if len(solved) else "(none solved it)"
    yield "far-seeds", str(far["seed"].nunique())


def wider(narrow: pd.DataFrame, wide: pd.DataFrame) -> Iterator[tuple[str, str]]:
    """Names and texts of the look at twice the units: both with chrono, at one length, both tasks together."""
    length, width = (int(wide[column].iloc[0]) for column in ("length", "width"))
    yield "wider-length", str(length)
    yield "wider-width", str(width)
    same = pick(narrow, start="chrono", length=length, match="width", cell=list(GATED))
    for which, rows in (("narrow", same), ("wide", wide)):
        for cell in GATED:
            yield f"wider-{cell}-{which}", rate(pick(rows, cell=cell))
        yield f"wider-gap-{which}", signed(difference(rows))
    yield "wider-reading", wider_reading(pick(same, cell="lstm"), pick(wide, cell="lstm"))


def wider_reading(narrow: pd.DataFrame, wide: pd.DataFrame) -> str:
    """Whether more units are what the LSTM lacked."""
    gained = gap(tally(wide), tally(narrow))
    said = "there is no sign that width is what it lacked, though so few runs could miss it"
    if gained.low > 0 or gained.high < 0:
        said = "width was a part of what it lacked" if gained.low > 0 else "more units do not help it"
    return f"Twice the units change the LSTM's share of solved runs by {signed(gained)}: {said}"


def patience_reading(patience: pd.DataFrame) -> str:
    """Where the LSTM was slow at most, and where it fails with many steps too."""
    learned: list[str] = []
    failed: list[str] = []
    for task in TASKS:
        solved = {start: bool(pick(patience, task=task, start=start)["solved"].any()) for start in STARTS}
        for found, word in ((learned, True), (failed, False)):
            starts = [name(start) for start in STARTS if solved[start] is word]
            if starts:
                found.append(f"{task} with {'every start' if len(starts) == len(STARTS) else listed(starts)}")
    parts = [f"learns {' and '.join(learned)}, so there it is slow at most"] if learned else []
    parts += [f"fails with {PATIENCE} times the steps too on {' and '.join(failed)}"] if failed else []
    return f"The LSTM {'; it '.join(parts)}"


def controls_reading(controls: pd.DataFrame) -> str:
    """Whether the tie alone makes an LSTM learn like a GRU, and whether a shut input gate alone does."""
    parts = {cell: pick(controls, cell=cell) for cell in ORDER}
    tied, shut = (
        gap(tally(parts[one]), tally(parts[other])) for one, other in (("lstm_coupled", "gru"), ("lstm_shut", "lstm"))
    )
    helps = gap(tally(parts["lstm_coupled"]), tally(parts["lstm"])).low > 0
    beside = f"({count(parts['lstm_coupled'])} and {count(parts['gru'])} runs solved, both tasks)"
    if tied.low <= 0 <= tied.high:
        text = f"The tied LSTM stands with the GRU {beside}" + (": the tie is enough" if helps else "")
    else:
        text = f"The tied LSTM solves {'more' if tied.low > 0 else 'fewer'} runs than the GRU {beside}"
    beside = f"({count(parts['lstm_shut'])} and {count(parts['lstm'])})"
    start = f"The one whose input gate starts at {shut_at():.2f}"
    if shut.low <= 0 <= shut.high:
        return f"{text}. {start} stands with the plain LSTM {beside}: that start of the input gate alone is not enough"
    return f"{text}. {start} solves {'more' if shut.low > 0 else 'fewer'} runs than the plain LSTM {beside}"


def selective_reading(chosen: pd.DataFrame) -> str:
    """With which starts separate gates are an advantage on the two registers."""
    found = {s: gap(*(tally(pick(chosen, cell=cell, start=s)) for cell in GATED)) for s in STARTS}
    ahead = [name(start) for start, apart in found.items() if apart.low > 0]
    return (
        f"Separate gates are an advantage with {listed(ahead)}" if ahead else "Separate gates bring no advantage here"
    )


def tuning_reading(tuned: dict[str, Tuned], kinds: dict[str, list[int]]) -> str:
    """Whether tuning seeds succeeded at another rate than the one used, and which cases no rate taught anything."""
    missed, hopeless, total = [], [], 0
    for kind, given in tuned.items():
        runs = outcomes(given.runs)
        for case in cases(rnn=False):
            part = pick(runs, **case)
            solved = part.groupby("learning_rate")["solved"].sum()
            used = solved.get(analysis.rate(given, case, kinds[kind][0]), 0)
            total += 1
            label = f"{LABELS[case['cell']]} with {name(case['start'])}"
            missed += [f"{case['task']}, T = {part['length'].iloc[0]}, {label}"] if solved.max() > used else []
            hopeless += [label] if not solved.any() else []
    text = f"In none of the {total} cases did more tuning seeds succeed at another rate than at the one used"
    if missed:
        text = f"In {len(missed)} of the {total} cases more tuning seeds succeeded at another rate than at the one used"
        text += f" ({'; '.join(missed)})"
    if hopeless:
        kinds_ = "; ".join(f"{label}: {hopeless.count(label)}" for label in dict.fromkeys(hopeless))
        text += f". In {len(hopeless)} cases no rate taught a tuning seed the task ({kinds_})"
    return text


def climbed(length: int, runs: pd.DataFrame) -> str:
    """How many solved adding at one length, and how."""
    error = f"median last error {runs['quality'].median():.2g}"
    return f"{count(runs)} at T = {length} ({f'median {median(runs)} steps' if runs['solved'].any() else error})"


def climb_end(cell: str, runs: pd.DataFrame) -> str:
    """Whether a cell was driven to a length at which all of its runs fail."""
    longest, seeds = runs["length"].max(), runs["seed"].nunique()
    at_end = pick(runs, length=longest)
    if not at_end["solved"].any():
        return f"Within these steps the {LABELS[cell]} solved none at T = {longest}, and was asked for nothing longer"
    if at_end["solved"].all():
        return f"The {LABELS[cell]} was not driven to where it fails: T = {longest} is the longest that was tried"
    return (
        f"The {LABELS[cell]} solves some runs and fails others at T = {longest}, the longest that was tried; with {seeds} "
        "seeds no trend over lengths can be read"
    )


def keeping(watched: pd.DataFrame, cell: str, random: bool) -> tuple[float, float, float]:
    """Openness of the keeping gate at the first look, at its highest and at the last look, medians over seeds."""
    runs = pick(watched, cell=cell, random_labels=random).sort_values("step").groupby("seed")["keep"]
    return float(runs.first().median()), float(runs.max().median()), float(runs.last().median())


def reading(watched: pd.DataFrame) -> str:
    """What the gates did on random labels, in a sentence."""
    rise = {cell: keeping(watched, cell, True)[2] - keeping(watched, cell, True)[0] for cell in GATED}
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
        rows = pick(table, **case, match="width")
        seen = ", ".join(f"{each['solved'].sum():.0f} at {length}" for length, each in rows.groupby("length"))
        parts.append(f"{case['task']}, {name(case['start'])}, {LABELS[case['cell']]}: {seen}")
    bars = ", ".join(f"{row.factor} {row.share:.0f} %" for row in pick(shares, panel="solved or not").itertuples())
    return (
        f"Six panels of success rate against length. Seeds of {table['seed'].nunique()} that solved the task: "
        f"{'; '.join(parts)}. Three panels of shares of variance; of solved or not: {bars}."
    )


def steps_caption(table: pd.DataFrame, every: int) -> str:
    """Caption of the figure of steps; a look comes `every` so many."""
    return (
        f"Optimiser steps until the task is solved; every dot is one of {table['seed'].nunique()} seeds, open in the grey "
        f"band where {table['steps_allowed'].max()} steps were not enough. Lines join the medians. A look comes every {every} "
        f"steps, so {every} is the least that can be found."
    )


def steps_alt(table: pd.DataFrame) -> str:
    """The figure of steps in words."""
    parts = []
    for case in cases():
        rows = pick(table, **case, match="width")
        seen = ", ".join(f"{median(each)} at {length}" for length, each in rows.groupby("length"))
        parts.append(f"{case['task']}, {name(case['start'])}, {LABELS[case['cell']]}: {seen}")
    return "Six panels of steps to solve against length, a dot a seed. Median steps: " + "; ".join(parts) + "."


def controls_alt(table: pd.DataFrame, watched: pd.DataFrame) -> str:
    """The figure of the gates and the controls in words."""
    gates = []
    for cell, random in itertools.product(GATED, (False, True)):
        values = listed([f"{each:.2f}" for each in keeping(watched, cell, random)])
        gates.append(f"{LABELS[cell]}, {'random' if random else 'true'} labels, {values}")
    parts = [
        f"{task}, {NAMES[cell]}: {count(rows)} solved, median {median(rows)}"
        for task, cell in itertools.product(TASKS, ORDER)
        if len(rows := pick(table, task=task, cell=cell))
    ]
    opened = f"Openness of the keeping gate at first, at its highest and at last: {'; '.join(gates)}."
    return f"{opened} Steps to solve: {'; '.join(parts)}."


def selective_alt(table: pd.DataFrame) -> str:
    """The figure of the two registers in words."""
    parts = [
        f"{name(start)}, {LABELS[cell]}: {count(rows)} solved, median {100 * rows['quality'].median():.0f} % right, "
        f"write gate {_signed(rows['contrast'].median())} at marks"
        for start, cell in itertools.product(STARTS, GATED)
        if len(rows := pick(table, start=start, cell=cell))
    ]
    return f"Three panels of dots, one a seed, by start and cell. {'; '.join(parts)}."


def tuning_caption() -> str:
    """Caption of the tuning figure."""
    return (
        "The whole tuning: steps to solve against learning rate. Marks: tuning seeds, full on recall and open on adding; "
        "lines: their medians, in the grey band where half of the seeds or more did not solve it. Rings: the rate used, "
        "which is the best, or where none taught the cell anything the best with chrono. Seeds here are none of those reported."
    )


def tuning_alt(tuned: dict[str, Tuned]) -> str:
    """The tuning figure in words."""
    parts = []
    for given in tuned.values():
        length = int(given.best["length"].iloc[0])
        for case in cases(tuple(dict.fromkeys(given.best["task"])), rnn=False):
            used = analysis.rate(given, case, length)
            parts.append(f"{case['task']}, T = {length}, {name(case['start'])}, {LABELS[case['cell']]}: {used:g}")
    return f"Steps to solve against learning rate on tuning seeds. Rates used: {listed(parts)}."


def _signed(value: float) -> str:
    return f"{value:+.2f}".replace("-", "−") if abs(value) >= 0.005 else "0"
