"""Findings of the chapter *performance/convergence* in sentences, made from its numbers."""

from __future__ import annotations

import pandas as pd

from evidence.format import listed
from evidence.statistics import Interval, bootstrap
from evidence.verdicts import CONTRADICTED, INCONCLUSIVE, SUPPORTED, Stratum, Verdict
from experiments.convergence.analysis import DEPTHS, TASK_NAMES, depth_gap, difference, ratio
from experiments.convergence.runs import KERNELS, TASKS

MATCHES = {"width": "equal width", "parameters": "equal parameters"}


def shown(task: str, value: float) -> str:
    """A quality with its unit."""
    return f"{value:.2f} nats" if task == "chorales" else f"{value:.1f}\N{NO-BREAK SPACE}%"


def signed(task: str, interval: Interval) -> str:
    """A difference with its interval and unit."""
    return interval.signed(2 if task == "chorales" else 1) + (" nats" if task == "chorales" else " points")


def time_sentence(verdict: Verdict) -> str:
    """What the verdict on P3 says to a reader who has to choose: clock by clock, who is there first on which tasks."""
    groups: dict[str, dict[str, list[str]]] = {}
    for stratum in verdict.strata:
        task, clock = stratum.name.split(", ")
        groups.setdefault(clock, {}).setdefault(_first(stratum), []).append(task)
    clauses: dict[str, list[str]] = {}
    for clock, found in groups.items():
        said = "; ".join(f"{words} on {listed(tasks)}" for words, tasks in found.items())
        clauses.setdefault(said, []).append(clock)
    text = " ".join(f"Counted in {listed(clocks)}, {said}." for said, clocks in clauses.items())
    return f"{text} Seconds are those of a CPU."


def _first(stratum: Stratum) -> str:
    if stratum.word == SUPPORTED:
        return "the GRU is there first"
    if stratum.low > 1:
        return "the LSTM is there first"
    return "the GRU is not ahead by the margin" if stratum.word == CONTRADICTED else "it stays open who is first"


def accuracy_sentence(runs: pd.DataFrame, verdict: Verdict) -> str:
    """What the verdict on P4 says to a reader who has to choose."""
    groups: dict[str, list[str]] = {}
    for stratum in verdict.strata:
        groups.setdefault(ENDS.get(stratum.word, ENDS[INCONCLUSIVE]), []).append(stratum.name)
    text = ". ".join(f"On {listed(names)} {words}" for words, names in groups.items())
    return f"{text}. On chorales LSTM − GRU is {signed('chorales', difference(runs, 'chorales'))}."


ENDS = {
    SUPPORTED: "the two end within the margin of each other",
    CONTRADICTED: "they end further apart than the margin",
    INCONCLUSIVE: "it stays open whether they end within the margin",
}
"""What a verdict on P4 says of a task."""


def depth_sentence(depths: pd.DataFrame, verdict: Verdict) -> str:
    """What the verdict on P7 says to a reader who has to choose."""
    groups: dict[str, list[str]] = {}
    for stratum in verdict.strata:
        said = "it is too close to the margin to call"
        if stratum.word == SUPPORTED:
            said = "the LSTM is ahead"
        elif stratum.word == CONTRADICTED:
            said = "the GRU is ahead" if stratum.high < 0 else "the LSTM is not ahead by the margin"
        groups.setdefault(said, []).append(stratum.name)
    parts = [
        f"with {listed(name.removesuffix(' layers') for name in names)} layers {said}" for said, names in groups.items()
    ]
    text = "; ".join(parts)
    return f"{text[0].upper()}{text[1:]} (MNIST-1D, equal width, {depths['step'].max():,} steps)."


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
    return "Seconds to the target on a CPU, GRU ÷ LSTM: " + "; ".join(parts) + "."


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
    return f"LSTM − GRU after {depths['step'].max():,} steps: {', '.join(parts)}."
