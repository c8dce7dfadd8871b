"""Sentences of the chapter *memory/gates*, made from its numbers."""

from __future__ import annotations

import pandas as pd

from gatedrnn.analyses.gates import (
    ARMS,
    COUNTS,
    arms_in,
    clamp_table,
    cut_table,
    difference,
    metric,
    per_seed,
    probe_table,
    probed,
    ratio,
)
from gatedrnn.experiments.gates_look import LAG
from gatedrnn.statistics import Interval, bootstrap, wilson
from gatedrnn.tasks.marks import MARKS

SHORT = {
    "bracket": "brackets",
    "capital": "capitals",
    "word": "place in the word",
    "clause": "place in the clause",
    "sentence": "place in the sentence",
    "paragraph": "place in the paragraph",
    "verse": "place in the verse",
}


def ahead(found: Interval, first: str, second: str, *, lower: bool = False) -> str:
    """Who is ahead by the sign of a whole interval of first − second; `lower`: less is better."""
    if found.low <= 0 <= found.high:
        return "cannot be told apart"
    return f"{first if (found.estimate < 0) == lower else second} ahead"


def bits_text(runs: pd.DataFrame) -> str:
    """Bits per character of LSTM and GRU and their difference, at equal width and equal parameters."""
    parts = []
    for arm, name in (("gru", "at equal width"), ("gru-parameters", "at equal parameters")):
        found = difference(metric(runs, "lstm", "bits"), metric(runs, arm, "bits"))
        parts.append(f"{name} {found.signed(3)} bits ({ahead(found, 'the LSTM is', 'the GRU is', lower=True)})")
    means = ", ".join(f"{ARMS[arm][2]} {metric(runs, arm, 'bits').mean():.2f}" for arm in ("lstm", "gru"))
    return f"Bits per character: {means}. LSTM − GRU: {'; '.join(parts)}."


def coupled_bits_text(runs: pd.DataFrame) -> str:
    """What the second gate is worth in bits."""
    found = difference(metric(runs, "coupled", "bits"), metric(runs, "lstm", "bits"))
    said = {True: "a loss", False: "a gain"}[found.estimate > 0]
    word = "not to be told from nothing" if found.low <= 0 <= found.high else said
    return f"{found.signed(3)} bits per character, {word}"


def memory_text(units: pd.DataFrame) -> str:
    """Memory times of the middle and of the slowest tenth of the units."""
    middle = ratio(per_seed(units, "lstm", "time"), per_seed(units, "gru", "time"))
    parts = []
    for arm in ("lstm", "gru"):
        times = [per_seed(units, arm, "time", quantile).median() for quantile in (0.5, 0.9)]
        fresh = per_seed(units, arm, "fresh_time").median()
        parts.append(
            f"{ARMS[arm][2]} {times[0]:.1f} characters, a tenth of the units more than {times[1]:.1f} (before training {fresh:.1f})"
        )
    return f"The middle unit keeps, by its gate, for: {'; '.join(parts)}. Ratio of the middle units, LSTM ÷ GRU: {middle.format()}."


def stays_text(units: pd.DataFrame) -> str:
    """The same question asked of the state and not of the gate."""
    parts = []
    for arm in ("lstm", "gru"):
        shares = units[units["arm"] == arm].assign(kept=lambda t: t["stays"] > 0.3).groupby("seed")["kept"].mean()
        parts.append(f"{ARMS[arm][2]} {bootstrap(100 * shares.to_numpy()).format('{:.0f}', '%')}")
    return f"units whose value still says something {LAG} characters later (r above 0.3): {', '.join(parts)}"


def split(runs: pd.DataFrame, kind: str, other: str = "gru") -> dict[str, dict[str, Interval]]:
    """Labels by who tells them better: `lstm`, `other` or `open`, with LSTM − other."""
    groups: dict[str, dict[str, Interval]] = {"lstm": {}, "other": {}, "open": {}}
    for label in MARKS:
        found = difference(probed(runs, "lstm", label, kind), probed(runs, other, label, kind))
        word = "open" if found.low <= 0 <= found.high else "lstm" if found.estimate > 0 else "other"
        groups[word][label] = found
    return groups


def claim_text(runs: pd.DataFrame) -> str:
    """What the chapter adds to the claim of finer control, in words that follow the signs."""
    groups = split(runs, "every")
    counts = [label for label in groups["lstm"] if label in COUNTS]
    inside = [label for label in groups["other"] if label not in COUNTS]
    lead, trail = len(groups["lstm"]), len(groups["other"])
    if lead and trail:
        word = "another control, not a finer one"
    elif lead:
        word = "finer control, as the claim says"
    elif trail:
        word = "no finer control; rather the other way round"
    else:
        word = "no difference in control that these probes can see"
    found = difference(metric(runs, "lstm", "bits"), metric(runs, "gru", "bits"))
    score = (
        ""
        if found.low > 0 or found.high < 0
        else " That makes no difference to the score that can be told from nothing."
    )
    return (
        f"The LSTM's cell state is ahead at {len(counts)} of {len(COUNTS)} labels that count, the GRU at {len(inside)} of "
        f"{len(MARKS) - len(COUNTS)} that say whether one is inside something: {word}.{score}"
    )


def advice_text(runs: pd.DataFrame) -> str:
    """Which cell the bits speak for, at equal width and at equal parameters."""
    said = []
    for arm in ("gru", "gru-parameters"):
        found = difference(metric(runs, "lstm", "bits"), metric(runs, arm, "bits"))
        said.append(ahead(found, "the LSTM is", "the GRU is", lower=True))
    if said[0] == said[1]:
        return (
            f"In bits per character they {said[0]}."
            if "told" in said[0]
            else f"In bits per character {said[0]}, either way."
        )
    each = [f"they {word}" if "told" in word else word for word in said]
    return (
        f"At equal width {each[0]}; at equal parameters {each[1]}. The choice between cells is then one of what you spend, "
        "not of what their gates can do."
    )


def flags_text(runs: pd.DataFrame, least: float = 0.7) -> str:
    """How many seeds have a unit that follows the brackets closely."""
    parts = []
    for arm in arms_in(runs):
        found = probed(runs, arm, "bracket", "single") > least
        rate = wilson(int(found.sum()), len(found))
        parts.append(f"{ARMS[arm][2]} {found.sum()} of {len(found)} [{100 * rate.low:.0f}, {100 * rate.high:.0f}] %")
    return f"above {least:g}: {', '.join(parts)}"


def level_text(runs: pd.DataFrame, label: str, kind: str) -> str:
    """Mean correlation of each arm with one label."""
    parts = [f"{ARMS[arm][2]} {probed(runs, arm, label, kind).mean():.2f}" for arm in ("lstm", "coupled", "gru")]
    return ", ".join(parts)


def closing_text(runs: pd.DataFrame) -> str:
    """Bits for each closing bracket, and LSTM − GRU there and at the ends of sentences."""
    table = cut_table(runs)
    means = table.groupby("arm", sort=False)["closing"].mean()
    found = {name: difference(metric(runs, "lstm", name), metric(runs, "gru", name)) for name in ("closing", "stops")}
    said = {name: ahead(each, "the LSTM is", "the GRU is", lower=True) for name, each in found.items()}
    return (
        f"Each closing bracket costs {', '.join(f'{ARMS[arm][2]} {value:.2f}' for arm, value in means.items())} bits. "
        f"LSTM − GRU at equal width: {found['closing'].signed(2)} bits ({said['closing']}); at the ends of sentences, where "
        f"counting should help, {found['stops'].signed(2)} bits ({said['stops']})."
    )


def cut_text(runs: pd.DataFrame) -> str:
    """Bits lost at closing brackets without the probe's unit, against another unit."""
    parts = []
    for arm, part in cut_table(runs).groupby("arm", sort=False):
        chosen, others = (bootstrap(part[name].to_numpy()) for name in ("chosen", "others"))
        parts.append(f"{ARMS[str(arm)][2]} {chosen.format()} (another unit: {others.format()})")
    return "; ".join(parts)


def clamps_text(runs: pd.DataFrame, what: str) -> str:
    """Bits lost with each gate `shut`, `open` or at its `mean`."""
    table = clamp_table(runs)
    parts = []
    for arm in ("lstm", "gru"):
        part = table[(table["arm"] == arm) & table["clamp"].str.endswith(what)]
        each = [
            f"{name.split()[0]} {bootstrap(group['lost'].to_numpy()).format()}"
            for name, group in part.groupby("clamp", sort=False)
        ]
        parts.append(f"{ARMS[arm][2]} {', '.join(each)}")
    return "; ".join(parts)


def chance_text(runs: pd.DataFrame) -> str:
    """The largest mean correlation found with labels of another stretch of text."""
    table = probe_table(runs)
    means = table[table["state"] == "shifted"].groupby(["arm", "label"])[["single", "every"]].mean().abs()
    return f"{means['single'].max():.3f} for one unit and {means['every'].max():.3f} for all"


def learned_text(runs: pd.DataFrame) -> str:
    """Labels that the memory, all units, tells better or worse than before training."""
    table = probe_table(runs)
    parts = []
    for arm in ("lstm", "gru"):
        better, worse = [], []
        for label in MARKS:
            part = table[(table["arm"] == arm) & (table["label"] == label) & (table["state"] == "fresh")]
            before = part.set_index("seed")["every"]
            after = probed(runs, arm, label, "every")
            found = difference(after, before)
            said = f"{SHORT[label]} ({before.mean():.2f} → {after.mean():.2f})"
            if found.low > 0:
                better.append(said)
            elif found.high < 0:
                worse.append(said)
        parts.append(f"{ARMS[arm][2]}: better {', '.join(better) or 'none'}; worse {', '.join(worse) or 'none'}")
    return ". ".join(parts)


def reading_text(runs: pd.DataFrame) -> str:
    """What all units of the LSTM tell when read as c, as tanh c and as the output h."""
    table = probe_table(runs)
    lstm = table[table["arm"] == "lstm"].groupby(["label", "state"])["every"].mean()
    wanted = ("bracket", "capital", "clause", "sentence", "verse")
    ways = ("c", "tanh c", "h")
    return "; ".join(f"{SHORT[label]} {', '.join(f'{lstm[label, way]:.2f}' for way in ways)}" for label in wanted)
