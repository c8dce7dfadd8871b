"""The table of the chapter *performance/convergence*, and its figures in words."""

from __future__ import annotations

import numpy as np
import pandas as pd
from IPython.display import Markdown

from evidence.figures import LABELS
from evidence.statistics import wilson
from evidence.tuning import Tuned
from experiments.convergence.analysis import CLOCKS, DEPTHS, GATED, TASK_NAMES, quality, ratio
from experiments.convergence.generated.words import MATCHES, finding_accuracy, finding_depth, shown
from experiments.convergence.runs import CELLS, KERNELS, TASKS


def result_table(runs: pd.DataFrame, quick: pd.DataFrame, table: pd.DataFrame) -> Markdown:
    """A line a task, cell and size: what it had, where it ended, and how soon its seeds met the target.

    Args:
        runs: at the rates chosen for the end. quick: at those chosen for speed. table: of `times`, from `quick`.
    """
    heads = ["task", "cell", "width", "parameters", "rate for the end", "final quality, mean ± SD", "clipped there"]
    heads += ["rate for speed", "at the target", "median steps to it"]
    lines = [f"| {' | '.join(heads)} |", "|---|---|" + "--:|" * (len(heads) - 2)]
    for task in TASKS:
        for cell in CELLS:
            for match in MATCHES if cell == "gru" else ("width",):
                rows, fast, reached = (
                    each[(each["task"] == task) & (each["cell"] == cell) & (each["match"] == match)]
                    for each in (runs, quick, table)
                )
                half = reached["time"].where(reached["reached"], np.inf).median()
                cells = [
                    TASK_NAMES[task].replace("-", "\N{NON-BREAKING HYPHEN}"),
                    LABELS[cell] if match == "width" else f"{LABELS[cell]}, {MATCHES[match]}",
                    f"{rows['width'].iloc[0]}",
                    f"{rows['parameters'].iloc[0]:,}",
                    f"{rows['learning_rate'].iloc[0]:g}",
                    _quality(task, quality(runs, task, cell, match)),
                    f"{100 * rows['clipped'].mean():.0f} %",
                    f"{fast['learning_rate'].iloc[0]:g}",
                    f"{int(reached['reached'].sum())}/{len(reached)}",
                    f"{half:.0f}" if np.isfinite(half) else "censored",
                ]
                lines.append(f"| {' | '.join(cells)} |".replace(" %", "\N{NO-BREAK SPACE}%"))
    return Markdown("\n".join(lines))


def _quality(task: str, values: pd.Series) -> str:
    """Mean and standard deviation with their unit, on one line; one value where every seed has it."""
    form, unit = ("{:.2f}", " nats") if task == "chorales" else ("{:.1f}", " %")
    mean, spread = form.format(values.mean()), form.format(values.std())
    text = f"all {mean}{unit}" if len({form.format(value) for value in values}) == 1 else f"{mean} ± {spread}{unit}"
    return text.replace(" ", "\N{NO-BREAK SPACE}")


def final_alt(runs: pd.DataFrame) -> str:
    """Final quality in words."""
    parts = [
        f"{TASK_NAMES[task]}, {LABELS[cell]}, {MATCHES[match]}: {shown(task, quality(runs, task, cell, match).mean())}"
        for task in TASKS
        for cell in CELLS
        for match in (MATCHES if cell == "gru" else ("width",))
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


def ratios_alt(ratios: pd.DataFrame) -> str:
    """The ratios of time to target in words."""
    parts = [
        f"{TASK_NAMES[task]}, {words}: {ratio(ratios, task, clock).format()}"
        for task in TASKS
        for clock, words in CLOCKS.items()
    ]
    return "Time to the target, GRU divided by LSTM, median and interval. " + "; ".join(parts) + "."


def tuning_alt(tuned: Tuned, sooner: Tuned, deep: Tuned) -> str:
    """Chosen rates in words."""
    parts = []
    for end, speed in zip(tuned.best.to_dict("records"), sooner.best.to_dict("records"), strict=True):
        rates = f"{end['learning_rate']:g} for the end, {speed['learning_rate']:g} for speed"
        parts.append(f"{TASK_NAMES[end['task']]}, {LABELS[end['cell']]}: {rates}")
    parts += [
        f"{row['layers']} × {LABELS[row['cell']]}: {row['learning_rate']:g}" for row in deep.best.to_dict("records")
    ]
    return (
        "Against the learning rate: above the final validation quality in four panels, below the steps to the target in three. "
        f"Chosen rates: {'; '.join(parts)}."
    )


def layers_alt(depths: pd.DataFrame) -> str:
    """Accuracy by layers in words."""
    last = depths[depths["step"] == depths["step"].max()]
    means = last.groupby(["cell", "layers"])["final"].mean()
    parts = [f"{LABELS[cell]}, {number}: {means[cell, number]:.1f} %" for cell in GATED for number in (1, *DEPTHS)]
    return (
        "MNIST-1D by number of layers: left, final accuracy; middle, LSTM minus GRU at the end; right, the same over steps. "
        f"Final means: {'; '.join(parts)}. {finding_depth(depths)}"
    )


def reached_alt(table: pd.DataFrame) -> str:
    """Shares at the target in words."""
    parts = []
    for task in TASKS:
        for cell in CELLS:
            part = table[(table["task"] == task) & (table["cell"] == cell) & (table["match"] == "width")]["reached"]
            rate = wilson(int(part.sum()), len(part))
            span = f"interval {100 * rate.low:.0f} to {100 * rate.high:.0f} %"
            parts.append(f"{TASK_NAMES[task]}, {LABELS[cell]}: {int(part.sum())} of {len(part)}, {span}")
    return "Share of seeds at the target over optimiser steps. At the end: " + "; ".join(parts) + "."
