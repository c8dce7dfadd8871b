"""Captions, tables and sentences of the chapter *performance/convergence*, made from its numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from IPython.display import Markdown

from gatedrnn.analyses.convergence import (
    CLOCKS,
    DEPTHS,
    GATED,
    TASK_NAMES,
    accuracy_evidence,
    depth_gap,
    difference,
    quality,
    ratio,
    ratio_table,
    scaled,
    step_ratios,
    times,
)
from gatedrnn.experiments.convergence import CELLS, KERNELS, TASKS
from gatedrnn.figures import LABELS
from gatedrnn.statistics import Interval, bootstrap, ratio_bootstrap, wilson
from gatedrnn.tuning import Tuned
from gatedrnn.verdicts import CONTRADICTED, SUPPORTED, Verdict, decide, ledger

SIZES = {"width": "equal width", "parameters": "equal parameters"}


def shown(task: str, value: float) -> str:
    """A quality with its unit."""
    return f"{value:.2f} nats" if task == "chorales" else f"{value:.1f} %"


def signed(task: str, interval: Interval) -> str:
    """A difference with its interval and unit."""
    form = "{:+.2f}" if task == "chorales" else "{:+.1f}"
    text = "{} [{}, {}]".format(*(form.format(each) for each in (interval.estimate, interval.low, interval.high)))
    return text.replace("-", "−") + (" nats" if task == "chorales" else " points")


def result_table(runs: pd.DataFrame, table: pd.DataFrame) -> Markdown:
    """A line a task, cell and size: what it had, where it ended, and how many seeds met the target."""
    lines = [
        "| task | cell | width | parameters | learning rate | final quality, mean ± SD | at the target "
        "| median steps to it | clipped |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for task in TASKS:
        for cell in CELLS:
            for size in ("width",) if cell == "lstm" else SIZES:
                rows, reached = (
                    each[(each["task"] == task) & (each["cell"] == cell) & (each["size"] == size)]
                    for each in (runs, table)
                )
                values, form = quality(runs, task, cell, size), "{:.2f}" if task == "chorales" else "{:.1f}"
                half = reached["time"].where(reached["reached"], np.inf).median()
                cells = [
                    TASK_NAMES[task],
                    LABELS[cell],
                    f"{rows['width'].iloc[0]}",
                    f"{rows['parameters'].iloc[0]:,}",
                    f"{rows['learning_rate'].iloc[0]:g}",
                    f"{form.format(values.mean())} ± {form.format(values.std())}"
                    + ("" if task == "chorales" else " %"),
                    f"{int(reached['reached'].sum())} of {len(reached)}",
                    f"{half:.0f}" if np.isfinite(half) else "censored",
                    f"{100 * rows['clipped'].mean():.0f} %",
                ]
                lines.append(f"| {' | '.join(cells)} |")
    return Markdown("\n".join(lines))


def reached(table: pd.DataFrame, task: str, cell: str) -> str:
    """Such as `9 of 10 seeds`."""
    part = table[(table["task"] == task) & (table["cell"] == cell) & (table["size"] == "width")]["reached"]
    return f"{int(part.sum())} of {len(part)} seeds"


def by_word(verdict: Verdict, said: dict[str, str], other: str) -> str:
    """The conditions of a verdict, grouped by what it says of them."""
    groups: dict[str, list[str]] = {}
    for stratum in verdict.strata:
        groups.setdefault(said.get(stratum.word, other), []).append(stratum.name)
    parts = [f"{words}: {'; '.join(names)}" for words, names in groups.items()]
    text = ". ".join(part[0].upper() + part[1:] for part in parts)
    return f"{text}."


def time_sentence(verdict: Verdict) -> str:
    """What the verdict on P3 says to a reader who has to choose."""
    return by_word(
        verdict, {SUPPORTED: "the GRU is there first", CONTRADICTED: "the GRU is not sooner"}, "cannot be told apart"
    )


def accuracy_sentence(runs: pd.DataFrame, verdict: Verdict) -> str:
    """What the verdict on P4 says to a reader who has to choose."""
    said = {SUPPORTED: "the two end within the margin", CONTRADICTED: "they end further apart than the margin"}
    text = by_word(verdict, said, "whether they end within the margin stays open")
    return f"{text} On chorales LSTM − GRU is {signed('chorales', difference(runs, 'chorales'))}."


def depth_sentence(verdict: Verdict) -> str:
    """What the verdict on P7 says to a reader who has to choose."""
    said = {SUPPORTED: "stacked, the LSTM is ahead", CONTRADICTED: "stacking does not put the LSTM ahead"}
    text = by_word(verdict, said, "too close to call")
    return text.removesuffix(".") + " (MNIST-1D, equal width)."


def finding_steps(ratios: pd.DataFrame) -> str:
    """Ratios of optimiser steps, a clause a task."""
    parts = [f"{TASK_NAMES[task]} {ratio(ratios, task, 'steps').format()}" for task in TASKS]
    return "Optimiser steps to the target, GRU ÷ LSTM: " + ", ".join(parts) + "."


def finding_clock(ratios: pd.DataFrame) -> str:
    """Ratios of seconds, by kernels."""
    parts = []
    for kernels in KERNELS:
        each = [f"{TASK_NAMES[task]} {ratio(ratios, task, kernels).estimate:.2f}" for task in TASKS]
        parts.append(f"with {kernels} kernels {', '.join(each)}")
    return "Seconds to the target, GRU ÷ LSTM: " + "; ".join(parts) + "."


def finding_accuracy(runs: pd.DataFrame) -> str:
    """Final differences at equal width and at equal parameters."""
    parts = [
        f"{TASK_NAMES[task]} {signed(task, difference(runs, task))} "
        f"(equal parameters {signed(task, difference(runs, task, 'parameters'))})"
        for task in TASKS
    ]
    return "LSTM − GRU at the end, equal width: " + "; ".join(parts) + "."


def finding_depth(depths: pd.DataFrame) -> str:
    """LSTM − GRU by layers, and what depth is worth to each cell."""
    gaps = [f"{number} layers {signed('', bootstrap(depth_gap(depths, number)))}" for number in DEPTHS]
    one = f"1 layer {signed('', bootstrap(depth_gap(depths, 1)))}"
    return f"LSTM − GRU after equal steps: {one}, {', '.join(gaps)}."


def gains(depths: pd.DataFrame) -> str:
    """What two and three layers change against one, by cell, paired by seed."""
    parts = []
    for cell in GATED:
        wide = depths[depths["cell"] == cell].pivot(index="seed", columns="layers", values="accuracy")
        each = [f"{number} layers {signed('', bootstrap(wide[number] - wide[1]))}" for number in DEPTHS]
        parts.append(f"{cell.upper()}: {', '.join(each)}")
    return "; ".join(parts)


def rates_text(tuned: Tuned) -> str:
    """How much the learning rate mattered on MNIST-1D, beside how much the cell did."""
    rows = tuned.runs[(tuned.runs["task"] == "mnist1d") & tuned.runs["cell"].isin(GATED)]
    means = 100 * rows.groupby(["cell", "learning_rate"])["score"].mean()
    best = means.groupby("cell").max()
    spread = ", ".join(f"{cell.upper()} {best[cell] - means[cell].min():.0f}" for cell in GATED)
    return (
        f"{spread} points between its best and its worst rate, {abs(best['lstm'] - best['gru']):.0f} between the cells"
    )


def start_text(runs: pd.DataFrame, starts: pd.DataFrame, goals: dict[str, float], task: str) -> str:
    """Seeds at the target and ratio of steps from the two first biases of a task."""
    parts = []
    rows = runs[(runs["task"] == task) & (runs["size"] == "width") & runs["cell"].isin(GATED)]
    for part in (rows, starts[starts["task"] == task]):
        found = times(part, goals)
        met = [found[found["cell"] == cell].set_index("seed").sort_index() for cell in GATED]
        each = ratio_bootstrap(met[1]["time"], met[0]["time"])
        ends = " and ".join(
            f"{cell.upper()} {shown(task, quality(part, task, cell).mean())}, "
            f"{int(one['reached'].sum())} of {len(one)} at the target"
            for cell, one in zip(GATED, met, strict=True)
        )
        parts.append(f"{_scheme(part['scheme'].iloc[0])}: {ends}; steps, GRU ÷ LSTM, {each.format()}")
    return ". ".join(part[0].upper() + part[1:] for part in parts) + "."


def _scheme(scheme: str) -> str:
    name, _, value = scheme.partition(":")
    return {"default": "the framework's own start", "bias": f"first bias {value}", "chrono": "chrono start"}[name]


def numbers(
    runs: pd.DataFrame,
    depths: pd.DataFrame,
    starts: pd.DataFrame,
    table: pd.DataFrame,
    goals: dict[str, float],
    baselines: dict[str, dict[str, float]],
    tuned: Tuned,
) -> dict[str, str]:
    """Texts for the prose that no clock changes, by name."""
    config = {task: runs[runs["task"] == task].iloc[0] for task in TASKS}
    parameters = runs[runs["task"] == "mnist1d"].groupby(["cell", "size"])["parameters"].first()
    found = {
        "finding-accuracy": finding_accuracy(runs),
        "finding-depth": finding_depth(depths),
        "gains": gains(depths),
        "rates": rates_text(tuned),
        "tuning-seeds": str(tuned.runs["seed"].nunique()),
        "width": str(config["mnist1d"]["hidden_size"]),
        "frame": str(config["mnist1d"]["frame"]),
        "delay": str(config["recall"]["delay"]),
        "parameters-lstm": f"{parameters['lstm', 'width']:,}",
        "parameters-gru": f"{parameters['gru', 'width']:,}",
        "parameters-share": f"{parameters['gru', 'width'] / parameters['lstm', 'width']:.2f}",
        "margin": f"{ledger()['P4'].margin:g}",
        "depth-margin": f"{ledger()['P7'].margin:g}",
        "depth-steps": str(int(min(depths.attrs["steps"], config["mnist1d"]["steps"]))),
        "chorales-train": str(CHORALES["train"]),
        "chorales-test": str(CHORALES["test"]),
    }
    for task in TASKS:
        found |= {
            f"target-{task}": shown(task, scaled(task, goals[task])),
            f"steps-{task}": str(config[task]["steps"]),
            f"every-{task}": str(config[task]["every"]),
            f"batch-{task}": str(config[task]["batch"]),
            f"gap-{task}": signed(task, difference(runs, task)),
            f"gap-{task}-parameters": signed(task, difference(runs, task, "parameters")),
        }
        for name, value in baselines[task].items():
            found[f"{task}-{name.split(' ')[0].strip(',')}"] = shown(task, value)
        for cell in CELLS:
            found[f"final-{task}-{cell}"] = shown(task, quality(runs, task, cell).mean())
            found[f"reached-{task}-{cell}"] = reached(table, task, cell)
    for task in ("mnist1d", "recall"):
        found[f"start-{task}"] = start_text(runs, starts, goals, task)
    words = {name: decide("P4", each).word for name, each in accuracy_evidence(runs, "parameters").items()}
    found["equal-parameters"] = "; ".join(f"{name}: {word}" for name, word in words.items())
    return found


CHORALES = {"train": 241, "validation": 60, "test": 60}


def timed(ratios: pd.DataFrame, milliseconds: pd.DataFrame, readings: pd.DataFrame) -> dict[str, str]:
    """Texts for the prose that rest on timings, by name."""
    found = {"finding-clock": finding_clock(ratios)}
    for task in TASKS:
        for kernels in KERNELS:
            low, half, high = np.quantile(step_ratios(readings, task, kernels), [0.25, 0.5, 0.75])
            found[f"step-ratio-{task}-{kernels}"] = f"{half:.2f} ({low:.2f} to {high:.2f})"
            found[f"ratio-{task}-{kernels}"] = ratio(ratios, task, kernels).format()
            for cell in GATED:
                found[f"ms-{task}-{kernels}-{cell}"] = f"{milliseconds.loc[task, kernels, cell]:.1f} ms"
    return found


def final_alt(runs: pd.DataFrame) -> str:
    """Final quality in words."""
    parts = [
        f"{TASK_NAMES[task]}, {LABELS[cell]}, {SIZES[size]}: {shown(task, quality(runs, task, cell, size).mean())}"
        for task in TASKS
        for cell in CELLS
        for size in (("width",) if cell == "lstm" else SIZES)
    ]
    return "Dot plot of final held-out quality. Means: " + "; ".join(parts) + f". {finding_accuracy(runs)}"


def curves_alt(runs: pd.DataFrame, baselines: dict[str, dict[str, float]]) -> str:
    """The learning curves in words."""
    parts = []
    for task in TASKS:
        ends = ", ".join(f"{LABELS[cell]} {shown(task, quality(runs, task, cell).median())}" for cell in CELLS)
        lines = ", ".join(f"{name} {shown(task, value)}" for name, value in baselines[task].items())
        parts.append(f"{TASK_NAMES[task]} ends at {ends} (medians); baselines: {lines}")
    return "Learning curves, one panel a task. " + "; ".join(parts) + "."


def seconds_alt(milliseconds: pd.DataFrame) -> str:
    """The curves over seconds in words."""
    parts = [
        f"{TASK_NAMES[task]}, {kernels}: "
        + ", ".join(f"{LABELS[cell]} {milliseconds.loc[task, kernels, cell]:.1f}" for cell in CELLS)
        for task in TASKS
        for kernels in KERNELS
    ]
    return f"The learning curves over seconds, two rows of panels. Milliseconds of a training step: {'; '.join(parts)}."


def reached_alt(table: pd.DataFrame) -> str:
    """Shares at the target in words."""
    parts = []
    for task in TASKS:
        for cell in CELLS:
            part = table[(table["task"] == task) & (table["cell"] == cell) & (table["size"] == "width")]["reached"]
            rate = wilson(int(part.sum()), len(part))
            span = f"interval {100 * rate.low:.0f} to {100 * rate.high:.0f} %"
            parts.append(f"{TASK_NAMES[task]}, {LABELS[cell]}: {int(part.sum())} of {len(part)}, {span}")
    return "Share of seeds at the target over optimiser steps. At the end: " + "; ".join(parts) + "."


def ratios_alt(ratios: pd.DataFrame) -> str:
    """The ratios of time to target in words."""
    parts = [
        f"{TASK_NAMES[task]}, {words}: {ratio(ratios, task, clock).format()}"
        for task in TASKS
        for clock, words in CLOCKS.items()
    ]
    return "Time to the target, GRU divided by LSTM, median and interval. " + "; ".join(parts) + "."


def tuning_alt(*tunings: Tuned) -> str:
    """Chosen rates in words."""
    rows: list[dict[str, Any]] = [row for tuned in tunings for row in tuned.best.to_dict("records")]
    parts = [
        f"{TASK_NAMES[row['task']]}, {row['layers']} × {LABELS[row['cell']]}: {row['learning_rate']:g}" for row in rows
    ]
    return "Validation quality against learning rate in four panels. Chosen rates: " + "; ".join(parts) + "."


def layers_alt(depths: pd.DataFrame) -> str:
    """Accuracy by layers in words."""
    means = depths.groupby(["cell", "layers"])["accuracy"].mean()
    parts = [f"{cell.upper()} {number}: {means[cell, number]:.1f} %" for cell in GATED for number in (1, *DEPTHS)]
    return f"Accuracy on MNIST-1D by number of layers. Means: {'; '.join(parts)}. {finding_depth(depths)}"


def equal_parameters(runs: pd.DataFrame, table: pd.DataFrame, readings: pd.DataFrame) -> str:
    """Ratios of steps at equal parameters."""
    found = ratio_table(table, readings, "parameters")
    return ", ".join(f"{TASK_NAMES[task]} {ratio(found, task, 'steps').format()}" for task in TASKS)
