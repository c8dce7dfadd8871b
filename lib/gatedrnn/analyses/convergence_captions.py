"""The table of the chapter *performance/convergence*, and its figures in words."""

from __future__ import annotations

import numpy as np
import pandas as pd
from IPython.display import Markdown

from gatedrnn.analyses.convergence import CLOCKS, DEPTH, TASK_NAMES, quality, ratio
from gatedrnn.analyses.convergence_words import SIZES, finding_accuracy, finding_depth, shown
from gatedrnn.experiments.convergence import CELLS, KERNELS, TASKS
from gatedrnn.figures import LABELS
from gatedrnn.tuning import Tuned


def result_table(runs: pd.DataFrame, quick: pd.DataFrame, table: pd.DataFrame) -> Markdown:
    """A line a task, cell and size: what it had, where it ended, and how soon its seeds met the target.

    Args:
        runs: at the rates chosen for the end. quick: at those chosen for speed. table: of `times`, from `quick`.
    """
    lines = [
        "| task | cell | width | parameters | rate for the end | final quality, mean ± SD | clipped | rate for speed "
        "| at the target | median steps to it |",
        "|---" * 10 + "|",
    ]
    for task in TASKS:
        for cell in CELLS:
            for size in ("width",) if cell == "lstm" else SIZES:
                rows, fast, reached = (
                    each[(each["task"] == task) & (each["cell"] == cell) & (each["size"] == size)]
                    for each in (runs, quick, table)
                )
                values, form = quality(runs, task, cell, size), "{:.2f}" if task == "chorales" else "{:.1f}"
                half = reached["time"].where(reached["reached"], np.inf).median()
                unit = "" if task == "chorales" else " %"
                cells = [
                    TASK_NAMES[task],
                    LABELS[cell],
                    f"{rows['width'].iloc[0]}",
                    f"{rows['parameters'].iloc[0]:,}",
                    f"{rows['learning_rate'].iloc[0]:g}",
                    f"{form.format(values.mean())} ± {form.format(values.std())}{unit}",
                    f"{100 * rows['clipped'].mean():.0f} %",
                    f"{fast['learning_rate'].iloc[0]:g}",
                    f"{int(reached['reached'].sum())} of {len(reached)}",
                    f"{half:.0f}" if np.isfinite(half) else "censored",
                ]
                lines.append(f"| {' | '.join(cells)} |")
    return Markdown("\n".join(lines))


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
    parts += [f"{DEPTH} × {LABELS[row['cell']]}: {row['learning_rate']:g}" for row in deep.best.to_dict("records")]
    return (
        "Against the learning rate: above the final validation quality in four panels, below the steps to the target in three. "
        f"Chosen rates: {'; '.join(parts)}."
    )


def layers_alt(depths: pd.DataFrame) -> str:
    """Accuracy by layers in words."""
    last = depths[depths["step"] == depths["step"].max()]
    means = last.groupby(["cell", "layers"])["final"].mean()
    parts = [f"{LABELS[cell]}, {number}: {means[cell, number]:.1f} %" for cell in CELLS for number in (1, DEPTH)]
    return (
        "Left, accuracy on MNIST-1D over steps with one layer and two; right, LSTM minus GRU over steps. Final means: "
        f"{'; '.join(parts)}. {finding_depth(depths)}"
    )
