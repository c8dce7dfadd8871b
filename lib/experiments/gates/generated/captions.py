"""Captions and alternative texts of the chapter *memory/gates*, made from its numbers."""

from __future__ import annotations

import pandas as pd

from evidence.tuning import Tuned
from experiments.gates.analysis import ARMS, clamp_table, cut_table, gate_table, per_seed, plane, probed, unit_table
from experiments.gates.generated.words import SHORT, strip_text
from experiments.gates.marks import MARKS


def tuning_caption(tuned: Tuned) -> str:
    """What the tuning found."""
    names = {cell: name for cell, match, name in ARMS.values() if match == "width"}
    found = ", ".join(f"{names[row.cell]} {row.learning_rate:g}" for row in tuned.best.itertuples())
    return f"Learning rates tried and chosen, on seeds that are not reported; every dot is one. Chosen: {found}."


def tuning_alt(tuned: Tuned) -> str:
    """The tuning figure in words."""
    means = tuned.runs.groupby(["cell", "learning_rate"])["score"].mean()
    names = {cell: name for cell, match, name in ARMS.values() if match == "width"}
    each = "; ".join(f"{names[cell]} at {rate:g}: {value:.2f}" for (cell, rate), value in means.items())
    return f"Validation bits against learning rate for three cells. Bits saved against guessing, means: {each}."


def saturation_caption(runs: pd.DataFrame) -> str:
    """How to read the saturation plot."""
    seeds = runs["seed"].nunique()
    return (
        "How often each unit's gate is shut (below 0.1) and open (above 0.9) on test text, after Karpathy et al. (2015). A "
        f"faint dot is a unit, a larger mark the mean of one of {seeds} seeds. On the grey line a gate is never in between."
    )


def saturation_alt(runs: pd.DataFrame) -> str:
    """The saturation plot in words."""
    table = gate_table(runs)
    means = table[table["arm"].isin(("lstm", "gru"))].groupby(["arm", "gate"], sort=False)[["left", "right"]].mean()
    each = [f"{arm.upper()} {gate}: shut {row.left:.2f}, open {row.right:.2f}" for (arm, gate), row in means.iterrows()]
    return f"Five panels, share of characters open against share shut, a dot a unit. Means: {'; '.join(each)}."


def memory_caption(runs: pd.DataFrame, started: pd.DataFrame) -> str:
    """How to read the memory times."""
    darkest = 100 * float(plane(runs).max())
    return (
        "Left and middle: share of units whose keeping gate alone would keep a memory longer than so many characters; thin "
        f"lines: seeds ({runs['seed'].nunique()} with the default start, {started['seed'].nunique()} with chrono), thick ones "
        "all units. Right: where the LSTM's pairs of forget and input gate are: the darker, the more of the characters and units "
        f"(darkest square {darkest:.0f} %, shade by the square root), with the shares of the corners. The GRU, and an LSTM "
        "with f = 1 − i, have the line alone."
    )


def memory_alt(runs: pd.DataFrame, started: pd.DataFrame) -> str:
    """The memory times in words."""
    parts = []
    for name, table in (("default start", unit_table(runs)), ("chrono start", unit_table(started))):
        arms = [arm for arm in ("lstm", "gru", "coupled") if (table["arm"] == arm).any()]
        each = [f"{ARMS[arm][2]} {per_seed(table, arm, 'time').median():.1f}" for arm in arms]
        parts.append(f"{name}: {', '.join(each)}")
    return (
        f"Curves of the share of units against memory time, log axis. Medians in characters, {'; '.join(parts)}. And a map of "
        "the LSTM's gate pairs."
    )


def probes_caption(runs: pd.DataFrame) -> str:
    """How to read the probes."""
    return (
        "Probes chosen and fitted on one held-out text and scored on another: correlation with what a person could name. A dot is "
        f"one of {runs['seed'].nunique()} seeds; grey bars: the same network untrained, mean. Left: the one unit "
        "that fits best. Right: ridge regression on all units."
    )


def probes_alt(runs: pd.DataFrame) -> str:
    """The probes in words."""
    parts = []
    for label in MARKS:
        each = [
            f"{ARMS[arm][2]} {probed(runs, arm, label, 'single').mean():.2f} and {probed(runs, arm, label, 'every').mean():.2f}"
            for arm in ("lstm", "gru", "coupled")
        ]
        parts.append(f"{SHORT[label]}: {', '.join(each)}")
    return f"Correlations by label, one unit and all units. {'; '.join(parts)}."


def strip_caption(strips: pd.DataFrame, passage: str) -> str:
    """How to read the strip."""
    breaks = " ¶ is a line break." if "\n" in passage else ""
    pairs = passage.count("]")
    return (
        "The same test text, each character on a ground coloured by the state of one unit after reading it. The colour goes from "
        "pale at the lowest state to full at the highest, in each row by itself: the two numbers above the row. The units were "
        f"chosen by the probe, the seeds by the middle score.{breaks} The stretch is the one of {len(passage)} characters in which "
        f"most brackets open; it closes {pairs}."
    )


def strip_alt(strips: pd.DataFrame, passage: str) -> str:
    """The strip in words: how far apart a unit's mean is inside and outside brackets."""
    start = " ".join(passage.split())[:40]
    return (
        f"Lines of coloured text from “{start}…”. Mean state of the units for brackets: {strip_text(strips, passage)}."
    )


def clamps_caption(runs: pd.DataFrame) -> str:
    """How to read the clamps."""
    return (
        "Bits per character lost on test text when one gate of the trained model is held at a value; every dot is one "
        f"of {runs['seed'].nunique()} seeds. The mean is each unit's own, taken on other text. Last row: the "
        "input gate is made to be one minus the forget gate."
    )


def clamps_alt(runs: pd.DataFrame) -> str:
    """The clamps in words."""
    means = clamp_table(runs).groupby(["arm", "clamp"], sort=False)["lost"].mean()
    each = [f"{arm.upper()} {clamp} {means[arm, clamp]:.2f}" for arm, clamp in means.index if arm in ("lstm", "gru")]
    return f"Bits per character lost by clamp, means: {'; '.join(each)}.".replace(" -", " −")


def cuts_caption(runs: pd.DataFrame, counted: dict[str, int]) -> str:
    """How to read the cuts."""
    return (
        f"Left: bits for each closing bracket, of {counted['closing']}. Middle: bits for each end of a sentence, of "
        f"{counted['stops']}. Right: bits lost at each closing "
        "bracket when nothing reads the unit that the probe chose for brackets; grey: when nothing reads one of a few "
        f"other units (mean). Every dot is one of {runs['seed'].nunique()} seeds."
    )


def cuts_alt(runs: pd.DataFrame) -> str:
    """The cuts in words."""
    means = cut_table(runs).groupby("arm", sort=False)[["closing", "stops", "chosen", "others"]].mean()
    each = [
        f"{ARMS[str(arm)][2]}: {row.closing:.2f} bits at ], {row.stops:.2f} at . ? !, {row.chosen:.2f} lost without the unit, "
        f"{row.others:.2f} without another"
        for arm, row in means.iterrows()
    ]
    return f"Three panels, a dot a seed. Means: {'; '.join(each)}.".replace("-0.00", "0.00").replace(" -", " −")
