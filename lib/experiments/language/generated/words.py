"""Tables, alternative texts and sentences of the chapter *applications/language*, made from its numbers."""

from __future__ import annotations

import html

import numpy as np
import pandas as pd
from IPython.display import Markdown

from evidence.figures import LABELS
from evidence.statistics import Interval
from evidence.tuning import Tuned
from evidence.verdicts import CONTRADICTED, SUPPORTED, Verdict, decide, ledger
from experiments.language import analysis
from experiments.language.analysis import (
    CLASSES,
    GATED,
    MATCHES,
    bits,
    class_gap,
    class_mean,
    class_table,
    gap,
    strongest,
)
from experiments.language.runs import CELLS
from experiments.language.words import RARITIES
from tasks import kjv

NEAR = 0.05
"""Bits within which a shorter past counts as good as the longest one shown."""


def result_table(runs: pd.DataFrame, baselines: pd.DataFrame) -> Markdown:
    """A line a model: what it had and where it ended."""
    lines = [
        "| model | width | parameters or n-grams | learning rate | clipped | test bits per character, mean ± SD |",
        "|---|---|---|---|---|---|",
    ]
    for row in baselines[baselines["characters"] == 0].to_dict("records"):
        name = f"{row['order']}-gram" if row["kind"] == "ngram" else row["kind"]
        match = f"{int(row['parameters']):,}" if row["kind"] == "ngram" else ""
        lines.append(f"| {name} | | {match} | | | {row['test']:.3f} |")
    for cell in CELLS:
        for match in MATCHES if cell == "gru" else ("width",):
            rows = runs[(runs["cell"] == cell) & (runs["match"] == match)]
            cells = [
                LABELS[cell] + (", equal parameters" if match == "parameters" else ""),
                f"{rows['width'].iloc[0]}",
                f"{rows['parameters'].iloc[0]:,}",
                f"{rows['learning_rate'].iloc[0]:g}",
                f"{100 * rows['clipped'].mean():.0f} %",
                f"{bits(runs, cell, match).mean():.3f} ± {bits(runs, cell, match).std():.3f}",
            ]
            lines.append(f"| {' | '.join(cells)} |")
    return Markdown("\n".join(lines))


def verdict_sentence(verdict: Verdict) -> str:
    """What the verdict on U1 says to a reader who has to choose."""
    said = {SUPPORTED: "the LSTM's lead beats the margin", CONTRADICTED: "the LSTM has no lead that beats the margin"}
    parts = []
    for each in verdict.strata:
        ahead = "the LSTM is ahead, perhaps by less than the margin" if each.high < 0 else "it is open who is ahead"
        words = said.get(each.word, ahead if each.low < 0 else "the GRU is ahead or level")
        gap = Interval(each.estimate, each.low, each.high).signed(3)
        parts.append(f"at {each.name} {words} (LSTM − GRU {gap} bits)")
    return f"After seconds of training, {'; '.join(parts)}."


def fewer(runs: pd.DataFrame) -> str:
    """What half as many seeds would have said at equal width, and whether more seeds changed the word."""
    chosen = sorted(runs["seed"].unique())
    part = runs[runs["seed"].isin(chosen[: max(2, len(chosen) // 2)])]
    few, all_of_them = (decide("U1", analysis.evidence(each)).strata[0] for each in (part, runs))
    same = "the same" if few.word == all_of_them.word else f"another: {few.word}"
    gap = f"LSTM − GRU is {Interval(few.estimate, few.low, few.high).signed(3)} bits at equal width"
    return f"With the first {part['seed'].nunique()} seeds alone {gap}, and the word for it is {same}."


def skill_sentence(verdict: Verdict, baselines: pd.DataFrame) -> str:
    """What the verdict on U5 says to a reader who has to choose."""
    name, value = strongest(baselines)
    parts = []
    for each, cell in zip(verdict.strata, GATED, strict=True):
        sign = -1 if each.estimate < 0 else 1
        ends = sorted(100 * sign * end for end in (each.low, each.high))
        more = f"{100 * sign * each.estimate:.1f} [{ends[0]:.1f}, {ends[1]:.1f}] %".replace("-", "−")
        parts.append(f"the {LABELS[cell]} needs {more} {'more' if sign < 0 else 'fewer'} bits")
    return f"On this text and budget the best model without recurrence is the {name} ({value:.2f} bits): {', '.join(parts)}."


def numbers(
    runs: pd.DataFrame, long_runs: pd.DataFrame, baselines: pd.DataFrame, tuned: Tuned, read: int
) -> dict[str, str]:
    """What the prose quotes, by name."""
    found = {f"bits-{cell}": f"{bits(runs, cell).mean():.3f}" for cell in CELLS}
    found["bits-gru-parameters"] = f"{bits(runs, 'gru', 'parameters').mean():.3f}"
    for match in MATCHES:
        found[f"gap-{match}"] = gap(runs, match).signed(3)
    for row in baselines[baselines["characters"] == 0].to_dict("records"):
        name = f"{row['order']}-gram" if row["kind"] == "ngram" else row["kind"]
        found[f"bits-{name}"] = f"{row['test']:.2f}"
    found["best"], value = strongest(baselines)
    found["best-bits"] = f"{value:.2f}"
    same = analysis.best_order(baselines, read)
    found["same-reading"] = f"{int(same['order'])}-gram {same['test']:.2f} bits"
    counted = analysis.best_order(baselines)
    found["tables"] = f"the {int(counted['order'])}-gram counts {int(counted['parameters']):,} n-grams"
    found["weights"] = ", ".join(
        f"{LABELS[cell]} {runs[(runs['cell'] == cell) & (runs['match'] == 'width')]['parameters'].iloc[0]:,}"
        for cell in CELLS
    )
    small = baselines[(baselines["kind"] == "ngram") & (baselines["characters"] == 0)]
    limit = runs["parameters"].max()
    fits = small[small["parameters"].astype(float) <= limit]
    found["equal-size"] = "no table is as small as a cell"
    if len(fits):
        row = fits.loc[fits["order"].idxmax()]
        found["equal-size"] = f"a {int(row['order'])}-gram is the largest table that fits, with {row['test']:.2f} bits"
    found["read"], found["whole"] = f"{read:,}", f"{baselines.attrs['whole']:,}"
    found["read-share"] = f"{100 * read / baselines.attrs['whole']:.0f} %"
    for cell in GATED:
        last = long_runs[long_runs["cell"] == cell]["curves"].iloc[0]
        found[f"long-{cell}"] = f"{long_runs[long_runs['cell'] == cell]['test'].astype(float).iloc[0]:.3f}"
        found[f"trend-{cell}"] = f"{analysis.trend(long_runs, cell):.2f}"
        found["long-steps"] = f"{last['step'][-1]:,}"
    ends = {cell: float(long_runs[long_runs["cell"] == cell]["test"].iloc[0]) for cell in GATED}
    leader = min(ends, key=lambda cell: ends[cell])
    found["long-order"] = f"the {LABELS[leader]} is {max(ends.values()) - min(ends.values()):.3f} bits ahead"
    contexts = analysis.context_table(runs)
    for cell in CELLS:
        means = contexts[contexts["cell"] == cell].groupby("characters")["bits"].mean()
        enough = [k for k, value in means.items() if value <= means.iloc[-1] + NEAR]
        found[f"past-{cell}"] = f"{min(enough)}"  # type: ignore[type-var]
    found |= {"near": f"{NEAR:g}", "often": RARITIES[-1]}
    found["past-longest"] = f"{contexts['characters'].max()}"
    found |= where(runs)
    for cell in GATED:
        curves = runs[(runs["cell"] == cell) & runs["look"]]["curves"]
        real = np.mean([each["real"] for each in curves], axis=0)
        found[f"real-{cell}"] = ", ".join(f"{100 * value:.0f} %" for value in real)
        found[f"rate-{cell}"] = f"{tuned.rate(cell=cell):g}"
    return found


def where(runs: pd.DataFrame) -> dict[str, str]:
    """Where bits are lost: means of the classes at both ends, and the largest difference between the cells."""
    table = class_table(runs)
    found = {}
    for cell in GATED:
        for by, kinds in (("place", ("1st letter", "5th or later")), ("rarity", (RARITIES[0], RARITIES[-1]))):
            values = [class_mean(table, by, kind, cell) for kind in kinds]
            found[f"{by}-{cell}"] = " and ".join(f"{value:.2f}" for value in values)
        values = [class_mean(table, "gap", kind, cell) for kind in ("first time", "≤ 100")]
        found[f"gap-{cell}"] = " and ".join(f"{value:.2f}" for value in values)
    named = [
        (by, kind) for by, kinds in CLASSES.items() for kind in kinds if kind in set(table[table["by"] == by]["kind"])
    ]
    gaps = {f"{by} “{kind}”": class_gap(table, by, kind) for by, kind in named}
    apart = {name: each for name, each in gaps.items() if each.low > 0 or each.high < 0}
    found["classes"] = f"{len(gaps)}"
    lstm = [name for name, each in apart.items() if each.estimate < 0]
    gru = [name for name, each in apart.items() if each.estimate > 0]
    found["classes-lstm"], found["classes-gru"] = f"{len(lstm)}", f"{len(gru)}"
    largest = max(gaps, key=lambda name: abs(gaps[name].estimate))
    found["largest"] = f"{largest}, LSTM − GRU {gaps[largest].signed(2)} bits"
    return found


def timed(
    step_seconds: dict[str, float], counting: dict[int, tuple[float, float]], runs: pd.DataFrame
) -> dict[str, str]:
    """Numbers that rest on times."""
    steps = int(runs["steps"].iloc[0])
    found = {f"ms-{cell}": f"{1e3 * step_seconds[cell]:.1f} ms" for cell in CELLS}
    found |= {f"train-{cell}": f"{steps * step_seconds[cell]:.1f} s" for cell in CELLS}
    order, (seconds, _) = max(counting.items())
    found["counting"] = f"{seconds:.1f} s"
    found["counting-order"] = f"{order}"
    found["step-ratio"] = f"{step_seconds['gru'] / step_seconds['lstm']:.2f}"
    return found


def advice(runs: pd.DataFrame, baselines: pd.DataFrame, verdict: Verdict) -> str:
    """The sentence to act on."""
    name, value = strongest(baselines)
    beaten = [LABELS[cell] for cell in GATED if bits(runs, cell).mean() < value]
    faster = "take the cell that is faster where you run it: the LSTM's lead is below the margin"
    first = {SUPPORTED: "take the LSTM for a small character model", CONTRADICTED: faster}.get(
        verdict.word,
        "choose the cell by its speed: neither has a lead that counts at equal width and at equal parameters",
    )
    if beaten:
        return f"With seconds of one core, {first}; {' and '.join(beaten)} beat the {name} already."
    return f"With seconds of one core, count: the {name} needs no tuning and beats both cells. If it must be recurrent, {first}."


def samples(runs: pd.DataFrame) -> Markdown:
    """What LSTM and GRU draw at each temperature, first seed."""
    lines = ["| temperature | cell | text |", "|---|---|---|"]
    firsts = {}
    for cell in GATED:
        part = runs[(runs["cell"] == cell) & runs["look"]].sort_values("seed")
        firsts[cell] = part["curves"].iloc[0]
    for place, temperature in enumerate(firsts["lstm"]["temperature"]):
        for cell in GATED:
            lines.append(f"| {temperature:g} | {LABELS[cell]} | {plain(firsts[cell]['samples'][place])} |")
    return Markdown("\n".join(lines))


def plain(text: str) -> str:
    """A drawn text as one safe line of a table: line breaks as ¶, and no character that Markdown would read."""
    safe = html.escape(text.replace("\n", " ¶ ")).replace("|", "&#124;")
    for mark in "*_`$[]{}\\":
        safe = safe.replace(mark, f"&#{ord(mark)};")
    return safe


def read_alt(runs: pd.DataFrame, baselines: pd.DataFrame) -> str:
    """The figure against reading and parameters in words."""
    parts = [f"{LABELS[cell]} {bits(runs, cell).mean():.2f}" for cell in CELLS]
    for row in baselines[(baselines["characters"] == 0)].to_dict("records"):
        parts.append(
            f"{row['order']}-gram {row['test']:.2f}" if row["kind"] == "ngram" else f"{row['kind']} {row['test']:.2f}"
        )
    return "Bits per character against characters read, and against parameters. Test bits: " + ", ".join(parts) + "."


def seconds_alt(step_seconds: dict[str, float], runs: pd.DataFrame) -> str:
    """The figure of seconds in words."""
    steps = int(runs["steps"].iloc[0])
    ends = [f"{LABELS[cell]} {steps * step_seconds[cell]:.1f} s" for cell in CELLS]
    return "Validation bits against seconds of training on a log axis; the runs end after " + ", ".join(ends) + "."


def gap_alt(runs: pd.DataFrame) -> str:
    """The figure of differences in words."""
    parts = [f"equal {match} {gap(runs, match).signed(3)}" for match in MATCHES]
    return "Test bits of every seed, and LSTM − GRU in bits with 95 % intervals: " + "; ".join(parts) + "."


def context_alt(runs: pd.DataFrame) -> str:
    """The figure of short memories in words."""
    table = analysis.context_table(runs)
    parts = []
    for cell in CELLS:
        means = table[table["cell"] == cell].groupby("characters")["bits"].mean()
        listed = ", ".join(f"{value:.2f} at {k}" for k, value in means.items())
        parts.append(f"{LABELS[cell]} {listed}")
    return "Bits against characters of the past shown. " + "; ".join(parts) + "."


def classes_alt(runs: pd.DataFrame) -> str:
    """The figure of where bits are lost in words."""
    table = class_table(runs)
    parts = []
    for (by, kind), _ in table.groupby(["by", "kind"], sort=False):
        parts.append(
            f"{kind} {class_mean(table, str(by), str(kind), 'lstm'):.2f} / {class_mean(table, str(by), str(kind), 'gru'):.2f}"
        )
    return "Mean bits by class of characters, LSTM / GRU: " + ", ".join(parts) + "."


def tuning_alt(tuned: Tuned) -> str:
    """The figure of learning rates in words."""
    parts = [f"{LABELS[row['cell']]} {row['learning_rate']:g}" for _, row in tuned.best.iterrows()]
    return "Validation bits per character against learning rate; rates chosen: " + ", ".join(parts) + "."


def settings(
    hidden_size: int,
    batch: int,
    length: int,
    seeds: int,
    steps: int,
    temperatures: list[float],
) -> dict[str, str]:
    """Parameters and sizes of the text, for the prose."""
    return {
        "symbols": f"{len(kjv.symbols())}",
        "held": f"{len(kjv.split().test):,}",
        "margin": f"{ledger()['U1'].margin:g}".replace("-", "−"),
        "width": f"{hidden_size}",
        "batch": f"{batch}",
        "length": f"{length}",
        "seeds": f"{seeds}",
        "steps": f"{steps}",
        "temperatures": ", ".join(f"{each:g}" for each in temperatures),
    }
