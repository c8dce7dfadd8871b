"""Captions and alternative texts of the figures of the chapter *architecture/ablation*."""

from __future__ import annotations

import pandas as pd

from evidence.statistics import bootstrap
from evidence.tuning import Tuned
from experiments.ablation.analysis import TASK_NAMES, change, points_text
from experiments.ablation.runs import TASKS
from gatedrnn.variants import VARIANTS


def tuning_caption(tuned: Tuned) -> str:
    """Caption of the tuning figure."""
    rates = sorted(tuned.runs["learning_rate"].unique())
    edges = 0
    for row in tuned.best.to_dict("records"):
        part = tuned.runs[(tuned.runs["task"] == row["task"]) & (tuned.runs["variant"] == row["variant"])]
        edges += row["learning_rate"] in (part["learning_rate"].min(), part["learning_rate"].max())
    at_edge = f"{edges} of {len(tuned.best)} rings lie" if edges != 1 else f"1 of {len(tuned.best)} rings lies"
    return (
        f"Mean held-out accuracy on {tuned.runs['seed'].nunique()} tuning seeds against the learning rate, "
        f"{rates[0]:g} to {rates[-1]:g}; a dot is a rate tried. The ring is the rate chosen, of equally good ones the "
        f"quickest. {at_edge} at the edge of what was tried, where a better rate may lie beyond."
    )


def tuning_alt(tuned: Tuned) -> str:
    """The tuning figure in words."""
    best = tuned.best
    parts = [
        f"{called(row['variant'])} on {TASK_NAMES[row['task']]}: {100 * row['score']:.0f} % at {row['learning_rate']:g}"
        for row in best.to_dict("records")
    ]
    return "Accuracy against learning rate, four panels. Best mean accuracy and its rate: " + "; ".join(parts) + "."


def changes_caption(table: pd.DataFrame, seeds: int) -> str:
    """Caption of the headline figure."""
    worst = table[table["match"] == "width"].groupby(["task", "variant"])["change"].mean()
    task, variant = worst.idxmin()
    cell = VARIANTS[variant].cell.upper()
    return (
        f"Change of test accuracy when a gate is taken out, against the whole cell with the same seed. {seeds} seeds, every "
        "one a dot; bars are means with 95 % bootstrap intervals. The largest loss at equal width is "
        f"{-worst.min():.0f} points: {cell}, {VARIANTS[variant].label}, on {TASK_NAMES[task]}."
    )


def changes_alt(table: pd.DataFrame) -> str:
    """The headline figure in words."""
    parts = []
    for task in TASKS:
        for variant in [name for name, each in VARIANTS.items() if name != each.cell]:
            interval = bootstrap(change(table, task, variant))
            cell = VARIANTS[variant].cell.upper()
            parts.append(f"{TASK_NAMES[task]}, {cell} {VARIANTS[variant].label}: {points_text(interval)}")
    return "Dot plot of the change of accuracy without each gate at equal width. " + "; ".join(parts) + "."


def curves_caption(seeds: int) -> str:
    """Caption of the learning curves."""
    return (
        f"Test accuracy over optimiser steps at equal width: {seeds} seeds thin, their mean thick. A run of recall that "
        "has been solved stops and keeps its last value."
    )


def curves_alt(runs: pd.DataFrame) -> str:
    """The learning curves in words."""
    rows = runs[runs["match"] == "width"]
    parts = [
        f"{TASK_NAMES[task]}, {called(variant)}: {100 * part['accuracy'].mean():.0f} %"
        for (task, variant), part in rows.groupby(["task", "variant"])
    ]
    return "Learning curves in four panels. Mean accuracy at the end: " + "; ".join(parts) + "."


def called(variant: str) -> str:
    """A variant in words, such as `whole LSTM` or `GRU, no reset gate`."""
    cell, label = VARIANTS[variant].cell, VARIANTS[variant].label
    return f"whole {cell.upper()}" if variant == cell else f"{cell.upper()}, {label}"
