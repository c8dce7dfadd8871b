"""Tables, alternative texts and sentences of the chapter *applications/music*, made from its numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from IPython.display import Markdown

from evidence.figures import LABELS
from evidence.format import listed
from evidence.statistics import Interval, paired_bootstrap
from evidence.tuning import Tuned
from evidence.verdicts import CONTRADICTED, SUPPORTED, Verdict
from experiments.music import analysis
from experiments.music.analysis import BASELINES, GATED, PUBLISHED, best_baseline, gap, head_gain, nll, reach
from experiments.music.runs import CELLS, HEADS
from tasks import chorales

HEAD_WORDS = {"keys": "each key by itself", "chord": "keys that know each other"}
HEADED = {"keys": "whose head treats each key by itself", "chord": "whose head lets keys know each other"}
CLOSE = 0.1
"""Nats within which a short memory counts as enough, fixed beforehand."""


def side(interval: Interval) -> str:
    """Who is ahead by an interval of LSTM − GRU in a score where less is better."""
    if interval.high < 0:
        return "the LSTM is ahead"
    return "the GRU is ahead" if interval.low > 0 else "neither is ahead"


def numbers(
    runs: pd.DataFrame, longer: pd.DataFrame, best: pd.DataFrame, tuned: Tuned, grid: dict[str, Any]
) -> dict[str, str]:
    """What the prose quotes, by name."""
    found = {f"longer-{cell}": f"{nll(longer, cell, 'chord').mean():.2f}" for cell in GATED}
    found["longer-gap"] = gap(longer, "chord").signed(3)
    found["longer-side"] = side(gap(longer, "chord"))
    found["longer-seeds"] = f"{longer['seed'].nunique()}"
    found["spread"], found["twice-spread"] = f"{spread(runs):.3f}", f"{2 * spread(runs):.2f}"
    found["published-puzzle"] = puzzle(runs)
    for head in HEADS:
        for cell in CELLS:
            found[f"nll-{cell}-{head}"] = f"{nll(runs, cell, head).mean():.2f}"
            found[f"rate-{cell}-{head}"] = f"{tuned.rate(cell=cell, head=head):g}"
        for match in ("width", "parameters"):
            found[f"gap-{head}-{match}"] = gap(runs, head, match).signed(3)
        found[f"side-{head}"] = side(gap(runs, head))
        name, value = best_baseline(best, head)
        found[f"baseline-{head}"], found[f"baseline-name-{head}"] = f"{value:.2f}", name
        found[f"counting-beside-{head}"] = counting(runs, best, head)
        for cell in GATED:
            found[f"skill-{cell}-{head}"] = percent(analysis.skill(runs, cell, head, value))
    for name, row in best.iterrows():
        found[f"of-{str(name).replace(' ', '-').replace(',', '')}"] = f"{float(row['test']):.2f}"
    for cell in CELLS:
        found[f"gain-{cell}"] = head_gain(runs, cell).format("{:.2f}")
    for cell in GATED:
        found[f"past-{cell}"] = past(runs, cell)
        part = runs[(runs["cell"] == cell) & (runs["head"] == "chord") & runs["look"]]
        found[f"counted-{cell}"] = f"{part['counted'].mean():.2f}"
    found["counted-gap"] = counted_gap(runs).signed(3)
    ratio = np.mean([head_gain(runs, cell).estimate for cell in GATED]) / max(1e-3, abs(gap(runs, "keys").estimate))
    found["head-over-cell"] = f"{ratio:.0f}"
    found["published-gaps"] = " and ".join(
        f"{values['lstm'] - values['gru']:.2f}" for values in PUBLISHED.values() if {"lstm", "gru"} <= {*values}
    )
    found["twins"] = twin_words(runs, best)
    found["close"] = f"{CLOSE:g}"
    found["frames"], found["penalties"], found["orders"] = (
        listed([plain(each) for each in grid[name]], "or") for name in ("frames", "penalties", "orders")
    )
    found["settings"] = settings(best)
    found["past-n-gram"] = quarters(int(best.loc["chord n-gram", "order"]) - 1, "chord")
    data = chorales.load()
    for name, part in data.items():
        found[f"pieces-{name}"], found[f"quarters-{name}"] = f"{len(part)}", f"{sum(map(len, part)):,}"
    return found


def counted_gap(runs: pd.DataFrame) -> Interval:
    """LSTM − GRU, paired by seed, where a bigram is put above the cell."""
    rows = runs[(runs["head"] == "chord") & runs["look"]]
    values = {cell: rows[rows["cell"] == cell].set_index("seed")["counted"].sort_index() for cell in GATED}
    return paired_bootstrap(values["lstm"], values["gru"])


def counting(runs: pd.DataFrame, best: pd.DataFrame, head: str) -> str:
    """The chord n-gram beside the better of the two gated cells with a head."""
    cell = min(GATED, key=lambda each: nll(runs, each, head).mean())
    difference = nll(runs, cell, head).mean() - float(best.loc["chord n-gram", "test"])
    return (
        f"{abs(difference):.2f} nats {'better' if difference > 0 else 'worse'} than the {LABELS[cell]} {HEADED[head]}"
    )


def spread(runs: pd.DataFrame) -> float:
    """Standard deviation over seeds of LSTM − GRU, each key by itself, at equal width, as the papers compare them."""
    return float((nll(runs, "lstm", "keys") - nll(runs, "gru", "keys")).std())


def puzzle(runs: pd.DataFrame) -> str:
    """The published differences beside the scatter from seed to seed, and beside the sign found here."""
    gaps = [values["lstm"] - values["gru"] for values in PUBLISHED.values() if {"lstm", "gru"} <= {*values}]
    limit = 2 * spread(runs)
    far, near = ([f"{abs(each):.2f}" for each in gaps if (abs(each) > limit) is large] for large in (True, False))
    parts = [f"{listed(far)} nats would be more than the luck of a seed"] if far else []
    parts += [f"{listed(near)} nats would not"] if near and far else []
    parts = parts or [f"{listed(near)} nats would be no more than the luck of a seed"]
    here = gap(runs, "keys")
    text = f"Against twice that deviation, {', '.join(parts)}. "
    if here.low <= 0 <= here.high:
        return text + "The papers have the GRU ahead; here neither is."
    if here.low > 0:
        return text + "The papers have the GRU ahead, and so it is here."
    return text + (
        "The puzzle is the sign: the papers have the GRU ahead, here the LSTM is. Split, network and tuning differ, and which of "
        "them turns the sign is not tested here."
    )


def settings(best: pd.DataFrame) -> str:
    """Order, window and penalty that validation chorales chose for each baseline, in one sentence."""
    order = int(best.loc["chord n-gram", "order"])
    fits = {
        name: f"{quarters(int(best.loc[name, 'frames']))} (penalty {plain(best.loc[name, 'penalty'])})"
        for name in ("regression", "regression, keys below", "n-gram over regression")
    }
    return (
        f"Validation chorales chose order {order} for the n-gram; for the regression with each key by itself "
        f"{fits['regression']}, with the keys below it {fits['regression, keys below']}, and under the bigram "
        f"{fits['n-gram over regression']}."
    )


def plain(value: float) -> str:
    """A number without an exponent, such as `0.00001`."""
    return np.format_float_positional(float(value), trim="-")


def quarters(count: int, unit: str = "quarter note") -> str:
    """Such as `4 quarter notes`."""
    return f"{count} {unit}" + ("s" if count != 1 else "")


def percent(interval: Interval) -> str:
    """A skill in per cent, with its interval."""
    scaled = Interval(100 * interval.estimate, 100 * interval.low, 100 * interval.high)
    return f"{scaled.signed(1)} %"


def past(runs: pd.DataFrame, cell: str) -> str:
    """How much of the past a cell needs to come close to its own score."""
    found = reach(analysis.context_table(runs), cell, "chord", CLOSE)
    if found is None:
        return "more quarter notes than were tried"
    return quarters(found)


def twin_words(runs: pd.DataFrame, best: pd.DataFrame) -> str:
    """How many test chorales have a twin in the training part, the scores without them, and whether the order stays."""
    left_out, total = analysis.twins(), len(chorales.load()["test"])
    said = "share more than half of their runs of four chords, in any key, with a training chorale"
    if not left_out:
        return f"None of {total} test chorales {said.replace('share', 'shares').replace('their', 'its')}."
    scores = {}
    for cell in GATED:
        rows = runs[(runs["cell"] == cell) & (runs["head"] == "chord") & (runs["match"] == "width")]
        values = [analysis.without(curves["pieces"], left_out) for curves in rows["curves"] if curves["pieces"]]
        scores[LABELS[cell]] = float(np.mean(values)), float(rows["test"].mean())
    name, value = best_baseline(best)
    scores[name] = analysis.without(best.loc[name, "curves"]["pieces"], left_out), value
    orders = [sorted(scores, key=lambda each, place=place: scores[each][place]) for place in (0, 1)]  # type: ignore[misc]
    parts = ", ".join(f"{who} {one:.3f} instead of {two:.3f}" for who, (one, two) in scores.items())
    one = len(left_out) == 1
    said = said.replace("share", "shares").replace("their", "its") if one else said
    same = "The order of the models is the same" if orders[0] == orders[1] else "The order of the models is another"
    return f"{len(left_out)} of {total} test chorales {said}. Without {'it' if one else 'them'}: {parts}. {same}."


def result_table(runs: pd.DataFrame, best: pd.DataFrame) -> Markdown:
    """A line a model: what it had and where it ended."""
    lines = [
        "| knows | model | width | parameters | learning rate | best step | clipped steps | test NLL, mean ± SD |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for head in HEADS:
        for name, (_, its) in BASELINES.items():
            if its == head:
                row = best.loc[name]
                cells = [HEAD_WORDS[head], name, "", f"{int(row['parameters']):,}", "", "", "", f"{row['test']:.3f}"]
                lines.append(f"| {' | '.join(cells)} |")
        for cell in CELLS:
            for match in ("width", "parameters") if cell == "gru" else ("width",):
                rows = runs[(runs["cell"] == cell) & (runs["head"] == head) & (runs["match"] == match)]
                cells = [
                    HEAD_WORDS[head],
                    LABELS[cell] + (", equal parameters" if match == "parameters" else ""),
                    f"{rows['width'].iloc[0]}",
                    f"{rows['parameters'].iloc[0]:,}",
                    f"{rows['learning_rate'].iloc[0]:g}",
                    f"{rows['best_step'].median():.0f}",
                    f"{100 * rows['clipped'].mean():.0f}\u00a0%",
                    f"{rows['test'].mean():.3f}\u00a0±\u00a0{rows['test'].std():.3f}",
                ]
                lines.append(f"| {' | '.join(cells)} |")
    return Markdown("\n".join(lines))


def skill_sentence(runs: pd.DataFrame, best: pd.DataFrame, verdict: Verdict) -> str:
    """What the verdict on U5 says to a reader who has to choose."""
    said = {SUPPORTED: "better", CONTRADICTED: "worse"}
    name, _ = best_baseline(best)
    parts = []
    for stratum, cell in zip(verdict.strata, GATED, strict=True):
        value = percent(Interval(stratum.estimate, stratum.low, stratum.high))
        parts.append(f"the {LABELS[cell]} is {said.get(stratum.word, 'neither better nor worse')} (skill {value})")
    return f"On Bach's chorales, against {name}, the best model without recurrence, {' and '.join(parts)}."


def advice(runs: pd.DataFrame, best: pd.DataFrame) -> str:
    """The sentence to act on."""
    gains = [head_gain(runs, cell) for cell in GATED]
    name, value = best_baseline(best)
    ahead = [LABELS[cell] for cell in GATED if nll(runs, cell, analysis.better_head(runs, cell)).mean() < value]
    first = (
        "give the head the notes of its own chord before you swap the cell"
        if min(gain.low for gain in gains) > abs(gap(runs, "chord").estimate)
        else "try both cells: the head matters no more than they do"
    )
    mark = f"a mark that {' and '.join(ahead)} beat here" if ahead else "which neither cell by itself beats"
    return f"For chords, {first}, and try counting first: {name} scores {value:.2f} nats, {mark}."


def scores_alt(runs: pd.DataFrame, best: pd.DataFrame) -> str:
    """The figure of scores in words."""
    parts = [f"{name} {float(best.loc[name, 'test']):.2f}" for name in BASELINES]
    for head in HEADS:
        parts += [f"{LABELS[cell]} ({HEAD_WORDS[head]}) {nll(runs, cell, head).mean():.2f}" for cell in CELLS]
    return "Dot plot of test NLL in nats a quarter note, lower is better: " + ", ".join(parts) + "."


def gaps_alt(runs: pd.DataFrame) -> str:
    """The figure of differences in words."""
    parts = [f"{HEAD_WORDS[h]}, equal {s} {gap(runs, h, s).signed(3)}" for h in HEADS for s in ("width", "parameters")]
    return "LSTM − GRU in nats a quarter note, every seed a dot, means and 95 % intervals: " + "; ".join(parts) + "."


def context_alt(runs: pd.DataFrame) -> str:
    """The figure of short memories in words."""
    table = analysis.context_table(runs)
    parts = []
    for cell, part in table.groupby("cell", sort=False):
        means = part.groupby("frames")["nll"].mean()
        parts.append(f"{LABELS[str(cell)]} {means[1]:.2f} with one, {means[0]:.2f} with all")
    return "Test NLL against the number of quarter notes shown to a trained cell: " + ", ".join(parts) + "."


def rolls_alt(rolls: dict[str, list[list[int]]], opening: int) -> str:
    """The piano rolls in words."""
    parts = []
    for name, frames in rolls.items():
        later = frames[opening:]
        held = np.mean([len(frame) for frame in later])
        four = sum(len(frame) == chorales.PARTS for frame in later)
        parts.append(f"{name}: {held:.1f} keys a quarter note, {four} of {len(later)} with four")
    return f"Piano rolls after the same {opening} quarter notes. " + "; ".join(parts) + "."


def tuning_alt(tuned: Tuned) -> str:
    """The figure of learning rates in words."""
    parts = [
        f"{LABELS[row['cell']]} ({HEAD_WORDS[row['head']]}) {row['learning_rate']:g}"
        for _, row in tuned.best.iterrows()
    ]
    return "Validation NLL against learning rate; rates chosen: " + ", ".join(parts) + "."


def voices(rolls: dict[str, list[list[int]]], opening: int) -> str:
    """How many of the quarter notes drawn have four keys, as Bach's mostly do."""
    parts = []
    for name, frames in rolls.items():
        later = frames[opening:]
        parts.append(f"{name} {sum(len(frame) == chorales.PARTS for frame in later)} of {len(later)}")
    return ", ".join(parts)
