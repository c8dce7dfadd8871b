"""Numbers, sentences, captions and alternative texts of the chapter *memory/gradients*, made from its runs."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import pandas as pd

from evidence.figures import LABELS
from evidence.format import listed, power
from evidence.statistics import wilson
from experiments.gradients.analysis import GATED, counted, evidence, start_name, steps
from gatedrnn.initialisation import half_life

TENS = 28
"""The lag, in steps, at which cells and biases are compared: tens of steps."""
NEAR = 0.1
"""Share of itself by which a half-life may leave that of the gate alone and still lie on its line."""
PRECISION = -15.0
"""log10 of a ratio of singular values that double precision cannot tell from nothing."""
KEPT, DEAD = math.log10(0.5), -2.0
"""log10 of the gains above which a direction is kept, and below which it has died out."""


def numbers(fresh: pd.DataFrame, learned: pd.DataFrame, lags: int) -> Iterator[tuple[str, str]]:
    """Names and texts of what the prose quotes."""
    for (cell, start), part in fresh.groupby(["cell", "start"], sort=False):
        yield f"half-{cell}-{_slug(start)}", steps(part["half_life"].median(), lags)
        yield f"ten-{cell}-{_slug(start)}", power(float(np.median(_gains(part, 10))))
    yield "gate-0", f"{half_life(0.0):.0f}"
    yield "gate-3", f"{half_life(3.0):.0f}"
    yield "resets", resets(fresh)
    yield "bias", bias(fresh, lags)
    yield "grows", grows(fresh)
    yield "line", line(fresh, lags)
    yield "advice", advice(fresh)
    done = learned[learned["steps"] > 0]
    for (cell, start), part in done.groupby(["cell", "start"], sort=False):
        count = int(part["solved_at"].notna().sum())
        rate = wilson(count, len(part))
        text = f"{count} of {len(part)} [{100 * rate.low:.0f}, {100 * rate.high:.0f}] %"
        yield (
            f"solved-{cell}-{_slug(start)}",
            text.replace(", ", ",\N{NO-BREAK SPACE}").replace(" %", "\N{NO-BREAK SPACE}%"),
        )
        yield f"learned-half-{cell}-{_slug(start)}", steps(part["half_life"].median(), lags)
    yield "expected", expected(done)
    yield "tanh", tanh(done, lags)
    yield "directions", directions(done)


def bias(fresh: pd.DataFrame, lags: int) -> str:
    """What a first bias of 3 does to both half-lives."""
    lstm, gru = (steps(_pick(fresh, cell, "bias:3")["half_life"].median(), lags) for cell in GATED)
    return f"With a first bias of 3 in the gate that keeps, the half-life is {lstm} steps (LSTM) and {gru} (GRU)."


def verdict_sentence(fresh: pd.DataFrame, lags: int) -> str:
    """What the verdict on M1 says to a reader who has to choose."""
    beaten = all(each.high < 1 for name, each in evidence(fresh).items() if name.endswith("default"))
    first = "By default neither half-life of the gradient beats a tanh network's. " if beaten else ""
    return first + bias(fresh, lags)


def resets(fresh: pd.DataFrame) -> str:
    """Whether it matters where a GRU resets, with bias 3."""
    after, before = (_pick(fresh, cell, "bias:3")["half_life"].median() for cell in ("gru", "gru_before"))
    head = "changes nothing here" if abs(before / after - 1) < NEAR else "makes a difference"
    return f"{head}: with bias 3 their half-lives are {after:.2f} (after) and {before:.2f} steps (before)"


def grows(fresh: pd.DataFrame) -> str:
    """Which gradients grow over the whole sequence, and which cases are split between seeds."""
    last = fresh["curves"].iloc[0]["lag"][-1]
    gains = {(cell, start): float(np.median(_gains(part, last))) for (cell, start), part in _cases(fresh)}
    above = [f"the {_case(*case)} ({power(gain)})" for case, gain in gains.items() if gain > 0]
    text = f"Over all {last} steps no median gain is above 1."
    if above:
        text = f"Above 1 a gradient does not vanish but grows. Over all {last} steps it does so in {listed(above)}."
        text += " Clipping is there for such gradients."
    for case, part in _cases(fresh):
        short = part[part["half_life"] < last]["half_life"]
        if 0 < len(short) < len(part):
            range_ = f"{short.min():.0f}" if len(short) == 1 else f"{short.min():.0f} to {short.max():.0f}"
            text += f" The {_case(*case)} is on the border: in {len(short)} of {len(part)} seeds the gain falls below ½"
            text += f" (after {range_} steps), in the others it never does."
    return text


def line(fresh: pd.DataFrame, lags: int) -> str:
    """How far the half-lives lie from what the gate alone would do."""
    parts = []
    for cell in GATED:
        near, off = [], []
        for start in dict.fromkeys(fresh.loc[fresh["cell"] == cell, "start"]):
            alone = half_life(float(start[5:])) if start.startswith("bias:") else math.inf
            middle = _pick(fresh, cell, start)["half_life"].median()
            if alone >= lags:
                continue
            if abs(middle / alone - 1) < NEAR:
                near.append(start_name(start))
            else:
                at_least = "at least " if middle >= lags else ""
                off.append(f"{at_least}{middle / alone:.2g} times that with {start_name(start)}")
        text = f"The {LABELS[cell]}'s half-life is "
        if near:
            text += f"that of the gate alone, within {100 * NEAR:.0f}\N{NO-BREAK SPACE}%, with {listed(near)}"
        parts.append(text + (" but " if near and off else "") + (listed(off) if off else ""))
    return ". ".join(parts) + "."


def advice(fresh: pd.DataFrame) -> str:
    """Whether the cell or its bias matters more for carrying a gradient over tens of steps."""
    lag = _tens(fresh)
    gain = {(c, b): float(np.median(_gains(_pick(fresh, c, f"bias:{b}"), lag))) for c in GATED for b in (1, 3)}
    by_bias = [abs(gain[cell, 3] - gain[cell, 1]) for cell in GATED]
    by_cell = [abs(gain["lstm", b] - gain["gru", b]) for b in (1, 3)]
    more = "more" if min(by_bias) > max(by_cell) else "less" if max(by_bias) < min(by_cell) else "about as much"
    than = "than" if more != "about as much" else "as"
    return f"For carrying a gradient over {lag} steps the bias matters {more} {than} the cell."


def expected(done: pd.DataFrame) -> str:
    """Whether the gated runs that solved the task keep a gain that the others do not."""
    lag = _tens(done)
    gated = done[done["cell"].isin(GATED)]
    solved, failed = (gated[gated["solved_at"].notna() == each] for each in (True, False))
    if solved.empty or failed.empty:
        which = "none" if solved.empty else "every one"
        gain = f"median gain at a lag of {lag} steps: {power(float(np.median(_gains(gated, lag))))}"
        return f"Of the {len(gated)} gated runs {which} solved it ({gain}), so nothing can be compared."
    kept, lost = (float(np.median(_gains(each, lag))) for each in (solved, failed))
    word = (
        "as expected, but at this one rate" if kept > KEPT and lost < DEAD else "the expectation does not hold clearly"
    )
    text = (
        f"Of the gated runs, the {len(solved)} that solved it keep a median gain of {power(kept)} at a lag of {lag} steps, the "
        f"{len(failed)} that did not have {power(lost)}: {word}."
    )
    if count := int(_pick(done, "rnn", "default")["solved_at"].notna().sum()):
        text += (
            f" The tanh network breaks it: {count} of its runs learned with a gradient that dies within a few steps."
        )
    return text


def tanh(done: pd.DataFrame, lags: int) -> str:
    """How a tanh network can solve the task: the singular values of the runs that did."""
    part = _pick(done, "rnn", "default")
    solved = part[part["solved_at"].notna()]
    if solved.empty:
        return "None of its runs solved the task, so there is nothing to explain."
    spectra = _spectra(solved)
    first, second = np.sort(spectra[:, 0])[::-1], spectra[:, 1] - spectra[:, 0]
    values = listed([power(each) for each in first]) if len(first) < 4 else f"{power(first[0])} to {power(first[-1])}"
    small = f"at most {power(float(second.max()))} of the first"
    if second.max() < PRECISION:
        small += ", which is where double precision ends"
    runs = "one run that" if len(solved) == 1 else f"{len(solved)} runs that"
    text = (
        f"Yet {len(solved)} of {len(part)} runs solve the task. Is that a mistake? No: the half-life is an average over all "
        f"directions, and one direction is enough to keep one of eight symbols. A Jacobian has one singular value "
        f"for each independent direction. In the {runs} solved it the largest over {lags // 4} steps is {values}; the second "
        f"is {small}."
    )
    died = int((first < DEAD).sum())
    if died:
        who = "In one of them" if died == 1 else f"In {died} of them"
        text += (
            f" {who} even the one direction has died out, and the symbol is kept all the same: the state must have fallen into "
            "one of a few basins and stay there. Such a latch remembers without passing a gradient on."
        )
    return text


def directions(done: pd.DataFrame) -> str:
    """How many directions the GRU with chrono keeps beside the tanh network's few, and who learns more often."""
    gru = done[(done["cell"] == "gru") & done["start"].str.startswith("chrono")]
    solved = gru[gru["solved_at"].notna()]
    spectra = np.median(_spectra(counted(gru)), axis=0)
    eighth = gru["curves"].iloc[0]["rank"].index(8)
    text = (
        f"For the GRU with chrono the first, second and eighth are {power(spectra[0])}, {power(spectra[1])} and "
        f"{power(spectra[eighth])} (medians over {'the runs that solved it' if len(solved) else 'all its runs'})"
    )
    text += ": many directions at once, one for each unit that its gate keeps." if spectra[eighth] > KEPT else "."
    plain = _pick(done, "rnn", "default")["solved_at"].notna()
    ours, theirs = f"{len(solved)} of {len(gru)}", f"{int(plain.sum())} of {len(plain)}"
    if not plain.any():
        return f"{text} The plain cell never learned to remember here (the GRU: {ours})."
    if plain.mean() < len(solved) / len(gru):
        return f"{text} So a plain cell can remember too, but it depends on the seed ({theirs} runs; the GRU: {ours})."
    return f"{text} The plain cell learned to remember as often ({theirs} runs; the GRU: {ours})."


def flow_caption(runs: pd.DataFrame, lags: int) -> str:
    """Caption of the figure of fresh cells."""
    lag = _tens(runs)
    held = []
    for cell in GATED:
        names = [start_name(s) for (c, s), part in _cases(runs) if c == cell and np.median(_gains(part, lag)) > KEPT]
        held += [f"{LABELS[cell]} with {listed(names)}"] if names else []
    still = f"Still above ½ at a lag of {lag} steps: {'; '.join(held)}." if held else f"None is above ½ at {lag} steps."
    return (
        "By how much a random small change of the memory at one step is stretched on its way to the last, in fresh cells. "
        f"Thin lines: {runs['seed'].nunique()} seeds; thick: their medians. A gain of 1 is a perfect memory; curves end "
        f"where they fall below the smallest gain drawn. Chrono is that for {lags} steps. {still}"
    )


def flow_alt(runs: pd.DataFrame) -> str:
    """The same figure in words."""
    parts = [
        f"{_case(*case)} {power(float(np.median(_gains(part, 10))))}" for case, part in _cases(runs, all_cells=True)
    ]
    return "Curves of gain against lag, log scale. Median gain at a lag of 10 steps: " + ", ".join(parts) + "."


def half_life_alt(runs: pd.DataFrame, lags: int) -> str:
    """The figure of half-lives in words."""
    part = runs[runs["start"].str.startswith("bias:")]
    found = part.groupby(["cell", "start"], sort=False)["half_life"].median()
    texts = [f"{LABELS[c]} {start_name(s)} {steps(v, lags)}" for (c, s), v in found.items() if c in GATED]
    return "Half-life of the gradient in steps against gate bias, beside the analytic curve: " + ", ".join(texts) + "."


def learned_caption(delay: int, lags: int) -> str:
    """Caption of the figure of trained cells."""
    return (
        f"Gain before (dashed grey) and after (full lines) learning recall over {delay} steps; thin lines are seeds. Chrono "
        f"is that for {delay} steps. Last panel: singular values of the memory's Jacobian over {lags // 4} steps after "
        "training, medians over the seeds that solved the task, or over all where none did; full: chrono and, in grey, "
        "the tanh network; dashed: bias 1."
    )


def learned_alt(runs: pd.DataFrame, lags: int) -> str:
    """The figure of trained cells in words."""
    texts = []
    for (cell, start, count), part in runs.groupby(["cell", "start", "steps"], sort=False):
        end = np.median([curves["memory"][-1] for curves in part["curves"]])
        texts.append(f"{_case(cell, start)} {'trained' if count else 'fresh'} {power(float(end))}")
    return f"Five panels of gain against lag before and after training. Median gain at the last lag, {lags}: " + (
        ", ".join(texts) + "; and one panel of singular values."
    )


def _cases(runs: pd.DataFrame, all_cells: bool = False) -> Iterator[tuple[tuple[str, str], pd.DataFrame]]:
    rows = runs if all_cells else runs[runs["cell"].isin(GATED)]
    for (cell, start), part in rows.groupby(["cell", "start"], sort=False):
        yield (str(cell), str(start)), part


def _case(cell: str, start: str) -> str:
    start = "the default start" if start == "default" else start_name(start)
    return LABELS[cell] if cell == "rnn" else f"{LABELS[cell]} with {start}"


def _pick(runs: pd.DataFrame, cell: str, start: str) -> pd.DataFrame:
    return runs[(runs["cell"] == cell) & (runs["start"] == start)]


def _gains(part: pd.DataFrame, lag: int) -> list[float]:
    return [curves["memory"][curves["lag"].index(lag)] for curves in part["curves"]]


def _tens(runs: pd.DataFrame) -> int:
    return max(lag for lag in runs["curves"].iloc[0]["lag"] if lag <= TENS)


def _spectra(part: pd.DataFrame) -> np.ndarray:
    return np.array([curves["spectrum"] for curves in part["curves"]])


def _slug(start: str) -> str:
    return start.partition(":")[0] if start.startswith("chrono") else start.replace(":", "-")
