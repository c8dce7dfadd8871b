"""Numbers and sentences of the chapter *memory/recall*, made from its runs."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import pandas as pd

from evidence.figures import LABELS
from evidence.format import NBSP, listed
from evidence.statistics import Interval, ratio_bootstrap
from evidence.verdicts import CONTRADICTED, SUPPORTED, Verdict, ledger
from experiments.recall.analysis import (
    GATED,
    STARTS,
    TASKS,
    counts,
    difference,
    gap,
    name,
    parting,
    pick,
    success,
    tally,
)
from experiments.recall.looks import shut_at
from experiments.recall.runs import build, guessing
from gatedrnn.initialisation import half_life
from gatedrnn.models import count_parameters
from tasks import adding, recall

ALL_RATES = "solved or not, all rates"
NAMES = {
    **LABELS,
    "lstm_shut": f"LSTM whose input gate starts at {shut_at():.2f}",
    "lstm_coupled": "LSTM with tied gates",
}
FACTORS = {
    "start": "the start of the gates",
    "cell × start": "which cell with which start",
    "cell": "the cell alone",
    "seed": "what differs from run to run",
}


def count(part: pd.DataFrame) -> str:
    """Such as `9 of 10`."""
    return f"{int(part['solved'].sum())} of {len(part)}"


def rate(part: pd.DataFrame) -> str:
    """Such as `9 of 10 [60, 98] %`."""
    found = success(part)
    return f"{count(part)} [{100 * found.low:.0f},{NBSP}{100 * found.high:.0f}]{NBSP}%"


def signed(found: Interval) -> str:
    """A difference in points with its interval."""
    return f"{found.signed(0)} points".replace(", ", f",{NBSP}")


def median(part: pd.DataFrame) -> str:
    """Median steps to solve, censored where half of the runs or more were not solved."""
    middle = part["steps"].median()
    return f"{middle:.0f}" if part["solved"].mean() > 0.5 else f"more than {part['steps_allowed'].max()}"


def slug(start: str) -> str:
    """A start in the name of a number."""
    return start.replace(":", "-")


def answer(verdict: Verdict) -> str:
    """Does the start decide who wins? From the LSTM − GRU of each start."""
    behind = [each.name for each in verdict.strata if each.high < 0]
    ahead = [each.name for each in verdict.strata if each.low > 0]
    level = [each.name for each in verdict.strata if each.low <= 0 <= each.high]
    parts = [f"with {listed(group)} {text}" for group, text in _groups(behind, ahead, level)]
    if behind and ahead:
        head = "Yes"
    elif behind or ahead:
        head = f"No, no start puts the {'LSTM' if behind else 'GRU'} ahead"
    else:
        head = "No"
    return f"{head}: {'; '.join(parts)}"


def _groups(behind: list[str], ahead: list[str], level: list[str]) -> list[tuple[list[str], str]]:
    groups = [
        (behind, "the GRU learns more often"),
        (ahead, "the LSTM learns more often"),
        (level, "these runs do not tell the two apart"),
    ]
    return [each for each in groups if each[0]]


def ranges(table: pd.DataFrame, lengths: list[int]) -> str:
    """How many runs each cell solves from its worst start to its best, over both tasks and the given lengths."""
    spans, best = {}, {}
    for cell in GATED:
        by_start = {s: tally(pick(table, cell=cell, start=s, match="width", length=lengths)) for s in STARTS}
        (low, _), (high, runs) = min(by_start.values()), max(by_start.values())
        spans[cell] = str(low) if low == high else f"{low} to {high}"
        best[cell] = "" if low == high else f", most with {name(max(STARTS, key=lambda s: by_start[s]))}"
    return f"Over the starts the GRU solves {spans['gru']} of {runs} runs, the LSTM {spans['lstm']}{best['lstm']}"


def ended(table: pd.DataFrame) -> str:
    """Of the runs in which the GRU does not solve recall, those that a gradient without a finite norm ended."""
    failed = pick(table, task="recall", cell="gru", match="width", solved=0)
    return f"{int(failed['diverged'].sum())} of {len(failed)}"


def leads(table: pd.DataFrame) -> str:
    """Where the LSTM solved more runs than the GRU, task by task and length by length."""
    found, sure = [], 0
    for task, start, length in itertools.product(TASKS, STARTS, sorted(table["length"].unique())):
        which: dict[str, Any] = {"task": task, "start": start, "length": int(length)}
        (lstm, n), (gru, _) = counts(table, **which)
        if lstm > gru:
            apart = difference(table, **which)
            sure += apart.low > 0
            found.append(f"{task}, {name(start)}, T = {length} ({lstm} against {gru} of {n}, {signed(apart)})")
    if not found:
        return "Nowhere does the LSTM solve more runs than the GRU"
    text = f"The LSTM solves more runs than the GRU at {'; '.join(found)}"
    return text if sure else f"{text}; such a lead can be chance, since its interval holds zero"


def long_sentence(verdict: Verdict, table: pd.DataFrame) -> str:
    """What the verdict on M2 says to a reader who has to choose."""
    head = {
        CONTRADICTED: "a long memory is no reason to take the LSTM, whatever the start of the gates",
        SUPPORTED: "the LSTM is better at long memory, whatever the start of the gates",
    }.get(verdict.word, "it is not settled for every start of the gates whether the LSTM is better at long memory")
    return f"Within {table['steps_allowed'].max()} optimiser steps {head}."


def short_sentence(verdict: Verdict, table: pd.DataFrame, lengths: list[int]) -> str:
    """What the verdict on M4 says to a reader who has to choose."""
    margin = ledger()["M4"].margin
    if ahead := [each.name for each in verdict.strata if each.low > margin]:
        return f"With {listed(ahead)} the GRU falls short even at short lengths: take the LSTM there."
    if unsure := [each.name for each in verdict.strata if each.high >= margin]:
        return f"These runs leave open whether the GRU is enough with {listed(unsure)}."
    solved = count(pick(table, cell="gru", match="width", length=lengths))
    behind = [each.name for each in verdict.strata if each.high < -margin]
    more = f"; the LSTM falls behind with {listed(behind)}" if behind else ""
    return f"At short lengths the GRU solves {solved} runs over all starts{more}."


def default_advice(table: pd.DataFrame) -> str:
    """Which cell to take where the framework's start cannot be changed."""
    found, part = difference(table, start="default"), pick(table, start="default", match="width")
    lstm, gru = (count(pick(part, cell=cell)) for cell in GATED)
    numbers = f"within these steps the LSTM solved {lstm} runs and the GRU {gru}"
    if found.low <= 0 <= found.high:
        return f"If you must take the start that the framework gives, these runs favour neither cell: {numbers}"
    better = "LSTM" if found.low > 0 else "GRU"
    return f"If you must take the start that the framework gives, take the {better}: {numbers}"


def chrono_advice(table: pd.DataFrame) -> str:
    """What chrono did for each cell, beside the advice of a bias of 1."""
    parts = []
    for cell in GATED:
        chrono, bias = (tally(pick(table, cell=cell, start=s, match="width")) for s in ("chrono", "bias:1"))
        gained = gap(chrono, bias)
        word = "helps" if gained.low > 0 else "hurts" if gained.high < 0 else "changes little for"
        parts.append(f"it {word} the {LABELS[cell]} ({signed(gained)})")
    return f"If you know the time scale of your data, try chrono: against a bias of 1, {' and '.join(parts)}"


def control_advice(controls: pd.DataFrame) -> str:
    """What each control did for the LSTM with bias 1, both tasks together."""
    parts = []
    for cell, what in (
        ("lstm_shut", f"an input gate that starts at {shut_at():.2f}"),
        ("lstm_coupled", "tying its gates, f = 1 − i,"),
    ):
        changed, plain = (pick(controls, cell=each) for each in (cell, "lstm"))
        gained = gap(tally(changed), tally(plain))
        word = (
            "helps"
            if gained.low > 0
            else "hurts"
            if gained.high < 0
            else "makes no difference that these runs can tell"
        )
        parts.append(f"{what} {word} ({count(changed)} runs solved, {count(plain)} without)")
    return f"For an LSTM with a forget bias of 1, {' and '.join(parts)}"


def numbers(table: pd.DataFrame, kinds: dict[str, list[int]], shares: pd.DataFrame) -> Iterator[tuple[str, str]]:
    """Names and texts of what the prose quotes about the main sweep."""
    for kind, lengths in kinds.items():
        yield kind, listed([str(each) for each in lengths])
    for task in TASKS:
        parts = {start: parting(table, task, start) for start in STARTS}
        apart = [f"{name(s)} at T = {listed([str(x) for x in found])}" for s, found in parts.items() if found]
        yield f"part-{task}", "; ".join(apart) if apart else "nowhere"
        yield f"ratio-{task}", f"{step_ratio(pick(table, task=task, start='chrono')).format('{:.1f}')}"
        yield f"rnn-{task}", rate(pick(table, cell="rnn", task=task))
    hidden, wide = (
        int(pick(table, task="recall", cell="gru", match=match)["width"].iloc[0]) for match in ("width", "parameters")
    )
    yield "width", str(wide)
    for who, cell, width in (("lstm", "lstm", hidden), ("gru", "gru", hidden), ("wide", "gru", wide)):
        yield f"parameters-{who}", listed([f"{count_parameters(build(task, cell, width)):,}" for task in TASKS])
    yield "equal-length", str(kinds["long"][0])
    for match in ("width", "parameters"):
        found = [(s, difference(table, match=match, start=s, length=kinds["long"][0])) for s in STARTS]
        yield f"equal-{match}", "; ".join(f"{name(start)} {signed(each)}" for start, each in found)
    for panel, part in shares.groupby("panel"):
        known = part[~part["factor"].isin(["learning_rate", "other combinations"])].nlargest(3, "share")
        yield (
            f"share-{_panel(panel)}-top",
            listed([f"{_factor(r.factor)} ({r.share:.0f}{NBSP}%)" for r in known.itertuples()]),
        )
    for panel, factor in (("solved or not", "length"), ("solved or not", "start"), (ALL_RATES, "learning_rate")):
        share = pick(shares, panel=panel, factor=factor)["share"].iloc[0]
        yield f"share-{_panel(panel)}-{factor.replace('_', '-')}", f"{share:.0f}{NBSP}%"
    yield "ranges", ranges(table, kinds["long"])
    yield "ended", ended(table)
    yield "leads", leads(table)
    yield "margin-M4", f"{ledger()['M4'].margin:g}"
    yield "shut-at", f"{shut_at():.2f}"
    yield "advice-default", default_advice(table)
    yield "advice-chrono", chrono_advice(table)
    yield "guess-recall", f"{100 * guessing('recall'):.1f} %"
    yield "guess-adding", f"{guessing('adding'):.4f}"
    yield "guess-selective", f"{100 * guessing('selective'):.1f} %"
    yield "solved-adding", f"{adding.SOLVED:g}"
    yield "symbols", str(recall.SYMBOLS)
    yield "half-life-1", f"{half_life(1.0):.1f}"
    yield "half-life-0", f"{half_life(0.0):.0f}"


def step_ratio(part: pd.DataFrame) -> Interval:
    """Steps to solve, LSTM ÷ GRU of the same length and seed, the median; what was not solved counts its budget."""
    steps = [pick(part, cell=cell, match="width").sort_values(["length", "seed"])["steps"].to_numpy() for cell in GATED]
    return ratio_bootstrap(*steps)


def _panel(panel: str) -> str:
    return {"solved or not": "solved", "log of steps": "steps"}.get(panel, "tried")


def _factor(factor: str) -> str:
    return FACTORS.get(factor, "the " + factor.replace("_", " "))
