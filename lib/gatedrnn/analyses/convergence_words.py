"""Findings of the chapter *performance/convergence* in sentences, made from its numbers."""

from __future__ import annotations

import pandas as pd

from gatedrnn.analyses.convergence import DEPTHS, TASK_NAMES, depth_gap, difference, ratio
from gatedrnn.experiments.convergence import KERNELS, TASKS
from gatedrnn.statistics import Interval, bootstrap
from gatedrnn.verdicts import CONTRADICTED, SUPPORTED, Verdict

SIZES = {"width": "equal width", "parameters": "equal parameters"}


def shown(task: str, value: float) -> str:
    """A quality with its unit."""
    return f"{value:.2f} nats" if task == "chorales" else f"{value:.1f} %"


def signed(task: str, interval: Interval) -> str:
    """A difference with its interval and unit."""
    form = "{:+.2f}" if task == "chorales" else "{:+.1f}"
    text = "{} [{}, {}]".format(*(form.format(each) for each in (interval.estimate, interval.low, interval.high)))
    return text.replace("-", "−") + (" nats" if task == "chorales" else " points")


def by_word(verdict: Verdict, said: dict[str, str], other: str) -> str:
    """The conditions of a verdict, grouped by what it says of them."""
    groups: dict[str, list[str]] = {}
    for stratum in verdict.strata:
        groups.setdefault(said.get(stratum.word, other), []).append(stratum.name)
    parts = [f"{words}: {'; '.join(names)}" for words, names in groups.items()]
    text = ". ".join(part[0].upper() + part[1:] for part in parts)
    return f"{text}."


def time_sentence(verdict: Verdict) -> str:
    """What the verdict on P3 says to a reader who has to choose: by what it says and by task, the clocks."""
    said = {SUPPORTED: "The GRU is there first", CONTRADICTED: "The GRU is not sooner"}
    groups: dict[str, dict[str, list[str]]] = {}
    for stratum in verdict.strata:
        task, clock = stratum.name.split(", ")
        groups.setdefault(said.get(stratum.word, "Open"), {}).setdefault(task, []).append(clock)
    parts = []
    for words, tasks in groups.items():
        names = [f"{task} ({', '.join(clocks).replace(', seconds with', ',')})" for task, clocks in tasks.items()]
        parts.append(f"{words}: {'; '.join(names)}.")
    return " ".join(parts)


def accuracy_sentence(runs: pd.DataFrame, verdict: Verdict) -> str:
    """What the verdict on P4 says to a reader who has to choose."""
    said = {SUPPORTED: "the two end within the margin", CONTRADICTED: "they end further apart than the margin"}
    text = by_word(verdict, said, "whether they end within the margin stays open")
    return f"{text} On chorales LSTM − GRU is {signed('chorales', difference(runs, 'chorales'))}."


def depth_sentence(depths: pd.DataFrame, verdict: Verdict) -> str:
    """What the verdict on P7 says to a reader who has to choose."""
    said = {SUPPORTED: "stacked, the LSTM is ahead", CONTRADICTED: "stacking does not put the LSTM ahead"}
    text = by_word(verdict, said, "too close to the margin to call").removesuffix(".")
    return f"{text} (MNIST-1D, equal width, {depths['step'].max()} steps)."


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
    """Final differences at equal width and at equal parameters, where there is no ceiling."""
    parts = [
        f"{TASK_NAMES[task]} {signed(task, difference(runs, task))} "
        f"(equal parameters {signed(task, difference(runs, task, 'parameters'))})"
        for task in ("mnist1d", "chorales")
    ]
    return "LSTM − GRU at the end, equal width: " + "; ".join(parts) + "."


def layers_named(number: int) -> str:
    """Such as `1 layer` or `2 layers`."""
    return f"{number} layer{'s' if number > 1 else ''}"


def finding_depth(depths: pd.DataFrame) -> str:
    """LSTM − GRU at the end by number of layers."""
    parts = [f"{layers_named(number)} {signed('', bootstrap(depth_gap(depths, number)))}" for number in (1, *DEPTHS)]
    return f"LSTM − GRU after {depths['step'].max()} steps: {', '.join(parts)}."
