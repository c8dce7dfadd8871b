"""Sentences of the chapter *memory/gates*, made from its numbers."""

from __future__ import annotations

import pandas as pd

from evidence.statistics import Interval, bootstrap, wilson
from experiments.gates.analysis import (
    ARMS,
    COUNTS,
    arms_in,
    cut_table,
    difference,
    metric,
    probe_table,
    probed,
    untrained,
)
from experiments.gates.marks import MARKS

SHORT = {
    "bracket": "inside brackets",
    "capital": "inside a word with a capital",
    "word": "since the word began",
    "clause": "since the last punctuation mark",
    "sentence": "since the end of a sentence",
    "paragraph": "since the last line break",
    "verse": "since the verse began",
}
"""Name of each label, in text, tables and figures."""
GATE_NAMES = {"i": "input i", "f": "forget f", "o": "output o", "r": "reset r", "z": "update z"}


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


def split(runs: pd.DataFrame, kind: str, other: str = "gru") -> dict[str, dict[str, Interval]]:
    """Labels by who tells them better: `lstm`, `other` or `open`, with LSTM − other."""
    groups: dict[str, dict[str, Interval]] = {"lstm": {}, "other": {}, "open": {}}
    for label in MARKS:
        found = difference(probed(runs, "lstm", label, kind), probed(runs, other, label, kind))
        word = "open" if found.low <= 0 <= found.high else "lstm" if found.estimate > 0 else "other"
        groups[word][label] = found
    return groups


def solid(runs: pd.DataFrame, arm: str, label: str) -> bool:
    """Whether all units of trained networks tell a label better than those of the same networks before training."""
    return difference(probed(runs, arm, label, "every"), untrained(runs, arm, label, "every")).low > 0


def leading(runs: pd.DataFrame) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    """Arm and label of every lead of LSTM or GRU, all units, and those that do not beat the same network before training."""
    groups = split(runs, "every")
    leads = [("lstm", label) for label in groups["lstm"]] + [("gru", label) for label in groups["other"]]
    return leads, [(arm, label) for arm, label in leads if not solid(runs, arm, label)]


def control_text(runs: pd.DataFrame) -> str:
    """What the leads that also beat the untrained network make of the claim."""
    leads, weak = leading(runs)
    ahead = {arm for arm, label in leads if (arm, label) not in weak}
    if ahead == {"lstm", "gru"}:
        return "another control, not a finer one"
    if ahead:
        return "finer control, as the claim says" if "lstm" in ahead else "no finer control; rather the other way round"
    return "no difference in control that these probes can see"


def claim_text(runs: pd.DataFrame) -> str:
    """What the chapter adds to the claim of finer control, in words that follow the signs."""
    groups = split(runs, "every")
    counts = [label for label in groups["lstm"] if label in COUNTS]
    inside = [label for label in groups["other"] if label not in COUNTS]
    leads, weak = leading(runs)
    found = difference(metric(runs, "lstm", "bits"), metric(runs, "gru", "bits"))
    score = (
        ""
        if found.low > 0 or found.high < 0
        else " That makes no difference to the score that can be told from nothing."
    )
    text = (
        f"Read from all units, the LSTM's cell state is ahead at {len(counts)} of {len(COUNTS)} labels that count, the GRU's "
        f"state at {len(inside)} of {len(MARKS) - len(COUNTS)} that say whether one is inside something"
    )
    if leads:
        names = ", ".join(f"{ARMS[arm][2]} “{SHORT[label]}”" for arm, label in weak)
        kept = f"{len(leads) - len(weak)} of these {len(leads)} leads also beat the same network before training"
        text += f"; {kept}{f' (not: {names})' if weak else ''}"
    return f"{text}. That is {control_text(runs)}.{score}"


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


def ngram_text(runs: pd.DataFrame, base: pd.DataFrame) -> str:
    """The best n-gram model beside the networks."""
    best = base.loc[base["bits"].idxmin()]
    means = {arm: metric(runs, arm, "bits").mean() for arm in arms_in(runs)}
    beaten = [arm for arm, value in means.items() if best["bits"] < value]
    name = f"The best of them, the {int(best['order'])}-gram,"
    if len(beaten) == len(means):
        return f"{name} beats every network here"
    if not beaten:
        return f"Every network here beats the best of them, the {int(best['order'])}-gram"
    return f"{name} beats {len(beaten)} of the {len(means)} networks"


def clipped_text(runs: pd.DataFrame) -> str:
    """How often the gradient was cut."""
    shares = {ARMS[arm][2]: f"{100 * metric(runs, arm, 'clipped').mean():.0f} %" for arm in arms_in(runs)}
    if len(set(shares.values())) == 1:
        return f"The gradient's norm was cut in {next(iter(shares.values()))} of the steps, in every cell"
    each = ", ".join(f"{name} {share}" for name, share in shares.items())
    return f"The gradient's norm was cut in so many of the steps: {each}"


def strip_text(strips: pd.DataFrame, passage: str) -> str:
    """What is to be seen in the strip: how far each unit for brackets moves inside them, within what range."""
    mask = pd.Series(inside(passage))
    parts = []
    for _, part in strips[strips["label"] == "bracket"].groupby("row", sort=False):
        values = part.sort_values("place")["value"].reset_index(drop=True)
        means = [f"{values[each].mean():.2f}".replace("-", "−") for each in (mask, ~mask)]
        parts.append(f"{ARMS[str(part['arm'].iloc[0])][2]} {means[0]} inside, {means[1]} outside")
    return "; ".join(parts)


def inside(passage: str) -> list[bool]:
    """Whether each character of a passage lies in brackets that it opens."""
    found, depth = [], 0
    for symbol in passage:
        depth += (symbol == "[") - (symbol == "]")
        found.append(depth > 0)
    return found


def closing_text(runs: pd.DataFrame) -> str:
    """Bits for each closing bracket, and LSTM − GRU there and at the ends of sentences."""
    table = cut_table(runs)
    means = table.groupby("arm", sort=False)["closing"].mean()
    found = {name: difference(metric(runs, "lstm", name), metric(runs, "gru", name)) for name in ("closing", "stops")}
    said = {name: ahead(each, "the LSTM is", "the GRU is", lower=True) for name, each in found.items()}
    return (
        f"Each closing bracket costs {', '.join(f'{ARMS[arm][2]} {value:.1f}' for arm, value in means.items())} bits. "
        f"LSTM − GRU at equal width: {found['closing'].signed(1)} bits ({said['closing']}); at the ends of sentences, where "
        f"counting should help, {found['stops'].signed(2)} bits ({said['stops']})."
    )


def cut_text(runs: pd.DataFrame) -> str:
    """Bits lost at closing brackets without the probe's unit, against another unit."""
    parts = []
    for arm, part in cut_table(runs).groupby("arm", sort=False):
        chosen, others = (bootstrap(part[name].to_numpy()) for name in ("chosen", "others"))
        parts.append(f"{ARMS[str(arm)][2]} {chosen.signed(2)} (another unit: {others.signed(2)})")
    return "; ".join(parts)


def chance_text(runs: pd.DataFrame) -> str:
    """The largest mean correlation found with labels of another stretch of text."""
    table = probe_table(runs)
    means = table[table["state"] == "shifted"].groupby(["arm", "label"])[["single", "every"]].mean().abs()
    return f"{means['single'].max():.3f} for one unit and {means['every'].max():.3f} for all"


def learned_text(runs: pd.DataFrame) -> str:
    """Labels that the memory, all units, tells better or worse than before training."""
    parts = []
    for arm in ("lstm", "gru"):
        better, worse = [], []
        for label in MARKS:
            before = untrained(runs, arm, label, "every")
            after = probed(runs, arm, label, "every")
            found = difference(after, before)
            said = f"“{SHORT[label]}” ({before.mean():.2f} → {after.mean():.2f})"
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
    return "; ".join(f"“{SHORT[label]}” {', '.join(f'{lstm[label, way]:.2f}' for way in ways)}" for label in wanted)
