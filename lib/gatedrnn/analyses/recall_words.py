"""Captions, tables and sentences of the chapter *memory/recall*, made from its numbers."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import Any

import pandas as pd
from IPython.display import Markdown

from gatedrnn.analyses.recall import GATED, STARTS, TASKS, cases, difference, name, parting, pick, success
from gatedrnn.experiments.recall import build
from gatedrnn.figures import LABELS
from gatedrnn.initialisation import half_life
from gatedrnn.models import parameters
from gatedrnn.statistics import Interval
from gatedrnn.tasks import adding, recall, selective
from gatedrnn.tuning import Tuned
from gatedrnn.verdicts import CONTRADICTED, SUPPORTED, Verdict

NAMES = {**LABELS, "lstm_shut": "LSTM with its input gate shut at first", "lstm_coupled": "LSTM with tied gates"}


def count(part: pd.DataFrame) -> str:
    """Such as `9 of 10`."""
    return f"{int(part['solved'].sum())} of {len(part)}"


def rate(part: pd.DataFrame) -> str:
    """Such as `9 of 10 (90 %, interval 60 to 98 %)`."""
    found = success(part)
    return f"{count(part)} ({100 * found.estimate:.0f} %, interval {100 * found.low:.0f} to {100 * found.high:.0f} %)"


def signed(gap: Interval) -> str:
    """A difference in points with its interval."""
    numbers = (f"{round(each):+d}".replace("-", "−") for each in (gap.estimate, gap.low, gap.high))
    return "{} [{}, {}] points".format(*("0" if each == "+0" else each for each in numbers))


def median(part: pd.DataFrame) -> str:
    """Median steps to solve, censored where half of the runs or more were not solved."""
    middle = part["steps"].median()
    return f"{middle:.0f}" if part["solved"].mean() > 0.5 else f"more than {part['steps_allowed'].max()}"


def result_table(table: pd.DataFrame) -> Markdown:
    """A line a task, start and cell: rates, seeds that solved it by length, median steps, share of clipped steps."""
    lengths = sorted(table["length"].unique())
    heads = [f"T = {length}" for length in lengths]
    lines = [
        f"| task | start | cell | learning rates | {' | '.join(heads)} | clipped |",
        "|---" * (5 + len(heads)) + "|",
    ]
    for case in cases():
        sizes = ("width", "parameters") if case["cell"] == "gru" else ("width",)
        for size in sizes:
            rows = pick(table, **case, size=size)
            if rows.empty:
                continue
            by_length = [pick(rows, length=length) for length in lengths]
            shown = [f"{count(each)}, {median(each)}" if len(each) else "" for each in by_length]
            label = NAMES[case["cell"]] + (f", width {rows['width'].iloc[0]}" if size == "parameters" else "")
            rates = ", ".join(f"{each:g}" for each in dict.fromkeys(rows.sort_values("length")["learning_rate"]))
            cells = [case["task"], name(case["start"]), label, rates, *shown, f"{100 * rows['clipped'].mean():.0f} %"]
            lines.append(f"| {' | '.join(cells)} |")
    return Markdown("\n".join(lines))


def long_sentence(verdict: Verdict) -> str:
    """What the verdict on M2 says to a reader who has to choose."""
    parts = [f"{stratum.name} {_stratum(stratum)}" for stratum in verdict.strata]
    head = {
        CONTRADICTED: "No long memory is a reason to take the LSTM here",
        SUPPORTED: "For long memory take the LSTM",
    }.get(verdict.word, "Whether the LSTM remembers longer is decided by how its gates start")
    return f"{head}. Runs that learn it, LSTM − GRU, by start: {'; '.join(parts)}."


def short_sentence(verdict: Verdict) -> str:
    """What the verdict on M4 says to a reader who has to choose."""
    behind = [each for each in verdict.strata if each.high < 0 and each.word == CONTRADICTED]
    equal = [each for each in verdict.strata if each.word == SUPPORTED]
    ahead = [each for each in verdict.strata if each.low > 0 and each.word == CONTRADICTED]
    parts = []
    if equal:
        parts.append(f"the two cells are equal with {_and(each.name for each in equal)}")
    if behind:
        parts.append(f"with {_and(each.name for each in behind)} they are not, because the *LSTM* falls behind")
    if ahead:
        parts.append(f"with {_and(each.name for each in ahead)} the GRU falls behind")
    unsure = [each.name for each in verdict.strata if each not in (*behind, *equal, *ahead)]
    if unsure:
        parts.append(f"with {_and(unsure)} these runs cannot tell within the margin")
    numbers = "; ".join(f"{each.name} {_stratum(each)}" for each in verdict.strata)
    text = "; ".join(parts)
    return f"At short lengths {text}. LSTM − GRU, by start: {numbers}."


def _stratum(stratum: Any) -> str:
    return signed(Interval(stratum.estimate, stratum.low, stratum.high))


def numbers(table: pd.DataFrame, kinds: dict[str, list[int]], shares: pd.DataFrame) -> Iterator[tuple[str, str]]:
    """Names and texts of what the prose quotes about the main sweep."""
    for start in STARTS:
        slug = start.replace(":", "-")
        for kind, lengths in kinds.items():
            for cell in GATED:
                rows = pick(table, start=start, cell=cell, size="width", length=lengths)
                yield f"{kind}-{cell}-{slug}", rate(rows)
                for task in TASKS:
                    yield f"{kind}-{cell}-{task}-{slug}", count(pick(rows, task=task))
                    yield f"{kind}-median-{cell}-{task}-{slug}", median(pick(rows, task=task))
        for task in TASKS:
            found = parting(table, task, start)
            yield f"part-{task}-{slug}", f"from T = {found} on" if found else "nowhere"
        equal = kinds["long"][:1]
        yield f"equal-{slug}", signed(difference(table, size="parameters", start=start, length=equal))
        yield f"wide-{slug}", signed(difference(table, start=start, length=equal))
    yield "equal-length", str(kinds["long"][0])
    for task in TASKS:
        yield f"rnn-{task}", rate(pick(table, cell="rnn", task=task))
        wide = pick(table, task=task, cell="gru", size="parameters")["width"].iloc[0]
        yield f"equal-width-{task}", str(wide)
        hidden = int(pick(table, cell="lstm")["width"].iloc[0])
        for cell, width in (("lstm", hidden), ("gru", hidden), ("gru-wide", int(wide))):
            yield f"parameters-{cell}-{task}", str(parameters(build(task, cell.removesuffix("-wide"), width)))
    for source, slug in (("at tuned rates", "tuned"), ("over all rates tried", "tried")):
        for row in pick(shares, source=source, outcome="solved").to_dict("records"):
            yield f"share-{slug}-{row['factor'].replace(' ', '-').replace('_', '-')}", f"{row['share']:.0f} %"
        top = pick(shares, source=source, outcome="solved").sort_values("share", ascending=False).iloc[:2]
        yield f"share-{slug}-top", _and(f"{_factor(row.factor)} ({row.share:.0f} %)" for row in top.itertuples())
    yield "guess-recall", f"{100 * recall.baseline():.1f} %"
    yield "guess-adding", f"{adding.baseline():.4f}"
    yield "guess-selective", f"{100 * selective.baseline():.2f} %"
    yield "solved-adding", f"{adding.SOLVED:g}"
    yield "symbols", str(recall.SYMBOLS)
    yield "half-life-1", f"{half_life(1.0):.1f}"
    yield "short", _and(map(str, kinds["short"]))
    yield "long", _and(map(str, kinds["long"]))


def looks(
    coupling: pd.DataFrame, watched: pd.DataFrame, patience: pd.DataFrame, far: pd.DataFrame, chosen: pd.DataFrame
) -> Iterator[tuple[str, str]]:
    """Names and texts of the second looks and of the task with two registers."""
    for task in TASKS:
        for cell in ("lstm", "lstm_shut", "lstm_coupled", "gru"):
            part = pick(coupling, task=task, cell=cell)
            yield f"coupling-{task}-{cell.replace('_', '-')}", count(part)
            yield f"coupling-median-{task}-{cell.replace('_', '-')}", median(part)
    for cell, random in itertools.product(GATED, (False, True)):
        keep = [each["keep"] for each in pick(watched, cell=cell, random_labels=random)["curves"]]
        for when, take in (("first", lambda each: each[0]), ("last", lambda each: each[-1]), ("most", max)):
            text = f"{pd.Series([take(each) for each in keep]).median():.2f}"
            yield f"keep-{cell}-{'random' if random else 'true'}-{when}", text
    yield "watched-rate", f"{watched['learning_rate'].iloc[0]:g}"
    for start in patience["start"].unique():
        part = pick(patience, start=start)
        yield f"patience-{start.replace(':', '-')}", f"{count(part)}, median {median(part)} steps"
    yield "patience-steps", str(patience["steps_allowed"].max())
    yield "patience-length", str(patience["length"].iloc[0])
    yield "patience-rate", f"{patience['learning_rate'].iloc[0]:g}"
    for cell in GATED:
        part = pick(far, cell=cell)
        yield f"far-{cell}", f"{count(part)}, median {median(part)} steps, final error {part['quality'].median():.2g}"
        for start in STARTS:
            part = pick(chosen, cell=cell, start=start)
            slug = start.replace(":", "-")
            yield f"selective-{cell}-{slug}", count(part)
            yield f"selective-exact-{cell}-{slug}", f"{100 * part['quality'].median():.0f} %"
    yield "far-steps", str(far["steps_allowed"].max())
    yield "far-length", str(far["length"].iloc[0])


def map_caption(table: pd.DataFrame) -> str:
    """Caption of the headline figure."""
    return (
        f"Who learns to remember, by start of the gates. Above: seeds that solved the task within {table['steps_allowed'].max()} "
        f"steps, of {table['seed'].nunique()}, with 95 % Wilson intervals. Below: steps that each seed needed; open dots in the "
        "grey band are seeds that did not solve it. LSTM and GRU of equal width; the open square is a GRU with as many "
        "parameters as the LSTM."
    )


def map_alt(table: pd.DataFrame) -> str:
    """The headline figure in words."""
    parts = []
    for case in cases():
        rows = pick(table, **case, size="width")
        shown = ", ".join(f"{each['solved'].sum():.0f} at {length}" for length, each in rows.groupby("length"))
        parts.append(f"{case['task']}, {name(case['start'])}, {LABELS[case['cell']]}: {shown}")
    return (
        f"Twelve panels. Seeds of {table['seed'].nunique()} that solved the task, by length: " + "; ".join(parts) + "."
    )


def coupling_alt(table: pd.DataFrame, watched: pd.DataFrame) -> str:
    """The figure of the second look in words."""
    parts = [
        f"{task}, {NAMES[cell]}: {count(pick(table, task=task, cell=cell))} solved, "
        f"median {median(pick(table, task=task, cell=cell))} steps"
        for task in TASKS
        for cell in ("lstm", "lstm_shut", "lstm_coupled", "gru")
    ]
    gates = []
    for cell, random in itertools.product(GATED, (False, True)):
        curves = pick(watched, cell=cell, random_labels=random)["curves"]
        first, last = (pd.Series([each["keep"][place] for each in curves]).median() for place in (0, -1))
        gates.append(f"{NAMES[cell]}, {'random' if random else 'true'} labels, {first:.2f} to {last:.2f}")
    return f"Openness of the keeping gate from first to last: {', '.join(gates)}. Steps to solve: {'; '.join(parts)}."


def selective_alt(table: pd.DataFrame) -> str:
    """The figure of the two registers in words."""
    parts = [
        f"{name(start)}, {NAMES[cell]}: {count(rows)} solved, median {100 * rows['quality'].median():.0f} % right"
        for start in STARTS
        for cell in GATED
        if len(rows := pick(table, start=start, cell=cell))
    ]
    return "Dots, one a seed, by start and cell. " + "; ".join(parts) + "."


def shares_alt(shares: pd.DataFrame) -> str:
    """The figure of shares in words."""
    parts = []
    for (source, outcome), part in shares.groupby(["source", "outcome"], sort=False):
        what = "success" if outcome == "solved" else "log steps"
        text = ", ".join(f"{_factor(row.factor)} {row.share:.0f} %" for row in part.itertuples())
        parts.append(f"{what}, {source}: {text}")
    return "Bars of shares of variance. " + "; ".join(parts) + "."


def tuning_alt(tuned: dict[str, Tuned]) -> str:
    """The tuning figure in words."""
    parts = []
    for kind, given in tuned.items():
        for row in pick(given.best, cell=list(GATED)).to_dict("records"):
            parts.append(f"{kind} {row['task']} {row['scheme']} {LABELS[row['cell']]} {row['learning_rate']:g}")
    return "Steps to solve against learning rate. Rates chosen: " + ", ".join(parts) + "."


def _factor(factor: str) -> str:
    return {"start": "start of the gates", "learning_rate": "learning rate"}.get(factor, factor)


def _and(parts: Any) -> str:
    listed: Sequence[str] = list(parts)
    return listed[0] if len(listed) == 1 else f"{', '.join(listed[:-1])} and {listed[-1]}"
