"""Captions, tables and sentences of the chapter *performance/convergence*, made from its numbers."""

from __future__ import annotations

import numpy as np
import pandas as pd

from gatedrnn.analyses.convergence import (
    CLOCKS,
    DEPTH,
    SURE,
    TASK_NAMES,
    accuracy_evidence,
    depth_gap,
    difference,
    pair,
    ratio,
    ratio_table,
    scaled,
    step_ratios,
    still_rising,
    times,
)
from gatedrnn.analyses.convergence_rates import same_rate
from gatedrnn.experiments.convergence import CELLS, KERNELS, TAIL, TASKS
from gatedrnn.figures import LABELS
from gatedrnn.statistics import Interval, bootstrap, ratio_bootstrap
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
    """Final differences at equal width and at equal parameters."""
    parts = [
        f"{TASK_NAMES[task]} {signed(task, difference(runs, task))} "
        f"(equal parameters {signed(task, difference(runs, task, 'parameters'))})"
        for task in TASKS
    ]
    return "LSTM − GRU at the end, equal width: " + "; ".join(parts) + "."


def finding_depth(depths: pd.DataFrame) -> str:
    """LSTM − GRU with one layer and with two, at the end and early on."""
    ends = [signed("", bootstrap(depth_gap(depths, number))) for number in (1, DEPTH)]
    early = early_step(depths)
    before = [signed("", bootstrap(depth_gap(depths, number, early))) for number in (1, DEPTH)]
    return (
        f"LSTM − GRU after {depths['step'].max()} steps: 1 layer {ends[0]}, {DEPTH} layers {ends[1]}. After {early} steps it "
        f"was {before[0]} and {before[1]}."
    )


def early_step(depths: pd.DataFrame) -> int:
    """The evaluation nearest to 3/10 of the steps."""
    steps = np.sort(depths["step"].unique())
    return int(steps[np.abs(steps - 0.3 * steps[-1]).argmin()])


def gains(depths: pd.DataFrame) -> str:
    """What the second layer changes at the end and early on, by cell, paired by seed."""
    parts = []
    for cell in CELLS:
        rows = depths[depths["cell"] == cell]
        texts = []
        for step, column in ((early_step(depths), "accuracy"), (depths["step"].max(), "final")):
            wide = rows[rows["step"] == step].pivot(index="seed", columns="layers", values=column)
            texts.append(f"{signed('', bootstrap(wide[DEPTH] - wide[1]))} after {step} steps")
        parts.append(f"{LABELS[cell]} {', '.join(texts)}")
    return "; ".join(parts)


def level_text(runs: pd.DataFrame) -> str:
    """Whether MNIST-1D has levelled off: what the last evaluations gained over those before them."""
    found = still_rising(runs)
    parts = [f"{LABELS[cell]} {signed('', each)}" for cell, each in found.items()]
    steps = TAIL * int(runs[runs["task"] == "mnist1d"]["every"].iloc[0])
    return f"from the last but one to the last {steps} steps: {', '.join(parts)}"


def same_rate_text(tuned: Tuned, goals: dict[str, float]) -> str:
    """Ratios of steps at equal learning rates, from the tuning runs."""
    table = same_rate(tuned, goals)
    parts = []
    for task in TASKS:
        rows = table[table["task"] == task].sort_values("learning_rate")
        each = ", ".join(f"{row['ratio']:.2f} at {row['learning_rate']:g}" for row in rows.to_dict("records"))
        parts.append(f"{TASK_NAMES[task]} {each or 'at no rate did all runs meet the target'}")
    return "; ".join(parts)


def end_rates_text(runs: pd.DataFrame, goals: dict[str, float]) -> str:
    """Ratio of steps to the target at the rates chosen for the end."""
    table = times(runs, goals)
    parts = []
    for task in TASKS:
        lstm, gru = pair(table, task)
        parts.append(f"{TASK_NAMES[task]} {ratio_bootstrap(gru, lstm).format()}")
    return ", ".join(parts)


def targets_text(quick: pd.DataFrame, goals: dict[str, float]) -> str:
    """Ratio of steps to an easier and to a harder target, at the rates for speed."""
    parts = []
    for task, by in (("mnist1d", 0.1), ("chorales", -0.2)):
        rows = quick[quick["task"] == task]
        each = []
        for goal in (goals[task] - by, goals[task] + by / 2):
            table = times(rows, {task: goal})
            lstm, gru = pair(table, task)
            missed = int((~table[table["size"] == "width"]["reached"]).sum())
            note = f", {missed} runs censored" if missed else ""
            each.append(f"{ratio_bootstrap(gru, lstm).format()} to {shown(task, scaled(task, goal))}{note}")
        parts.append(f"{TASK_NAMES[task]} {' and '.join(each)}")
    return "; ".join(parts)


def speed_accuracy(quick: pd.DataFrame) -> str:
    """Final differences at the rates for speed, where there is no ceiling."""
    parts = [f"{TASK_NAMES[task]} {signed(task, difference(quick, task))}" for task in ("mnist1d", "chorales")]
    return "; ".join(parts)


def rates_text(tuned: Tuned) -> str:
    """How much the learning rate mattered on MNIST-1D, beside how much the cell did."""
    rows = tuned.runs[tuned.runs["task"] == "mnist1d"]
    means = 100 * rows.groupby(["cell", "learning_rate"])["score"].mean()
    best = means.groupby("cell").max()
    spread = ", ".join(f"{LABELS[cell]} {best[cell] - means[cell].min():.0f}" for cell in CELLS)
    return (
        f"{spread} points between its best and its worst rate, {abs(best['lstm'] - best['gru']):.0f} between the cells"
    )


def start_text(runs: pd.DataFrame, starts: pd.DataFrame, goals: dict[str, float], task: str) -> str:
    """Seeds at the target and ratio of steps from the two first biases of a task."""
    parts = []
    rows = runs[(runs["task"] == task) & (runs["size"] == "width")]
    for part in (rows, starts[starts["task"] == task]):
        found = times(part, goals)
        met = [found[found["cell"] == cell].set_index("seed").sort_index() for cell in CELLS]
        each = ratio_bootstrap(met[1]["time"], met[0]["time"])
        ends = " and ".join(
            f"{LABELS[cell]} {int(one['reached'].sum())} of {len(one)}" for cell, one in zip(CELLS, met, strict=True)
        )
        parts.append(f"{_scheme(part['scheme'].iloc[0])}: at the target {ends}; steps, GRU ÷ LSTM, {each.format()}")
    return ". ".join(part[0].upper() + part[1:] for part in parts) + "."


def _scheme(scheme: str) -> str:
    name, _, value = scheme.partition(":")
    return {"bias": f"first bias {value}", "chrono": "chrono start"}[name]


def numbers(
    runs: pd.DataFrame,
    quick: pd.DataFrame,
    depths: pd.DataFrame,
    starts: pd.DataFrame,
    goals: dict[str, float],
    baselines: dict[str, dict[str, float]],
    tuned: Tuned,
) -> dict[str, str]:
    """Texts for the prose that no clock changes, by name.

    Args:
        runs: at the rates chosen for the end. quick: at those chosen for speed. depths: of `depth_table`.
        starts: from other first biases. goals: of `targets`. tuned: one layer, judged by the end.
    """
    config = {task: runs[runs["task"] == task].iloc[0] for task in TASKS}
    parameters = runs[runs["task"] == "mnist1d"].groupby(["cell", "size"])["parameters"].first()
    found = {
        "finding-accuracy": finding_accuracy(runs),
        "finding-depth": finding_depth(depths),
        "gains": gains(depths),
        "level": level_text(runs),
        "level-stacks": level_text(depths.attrs["stacked"]),
        "rates": rates_text(tuned),
        "same-rate": same_rate_text(tuned, goals),
        "targets": targets_text(quick, goals),
        "speed-accuracy": speed_accuracy(quick),
        "end-rates": end_rates_text(runs, goals),
        "depth-rates": depth_rates(depths),
        "tuning-seeds": str(tuned.runs["seed"].nunique()),
        "width": str(config["mnist1d"]["hidden_size"]),
        "frame": str(config["mnist1d"]["frame"]),
        "delay": str(config["recall"]["delay"]),
        "parameters-lstm": f"{parameters['lstm', 'width']:,}",
        "parameters-gru": f"{parameters['gru', 'width']:,}",
        "parameters-share": f"{parameters['gru', 'width'] / parameters['lstm', 'width']:.2f}",
        "margin": f"{ledger()['P4'].margin:g}",
        "depth-margin": f"{ledger()['P7'].margin:g}",
        "depth-early": str(early_step(depths)),
        "tail": str(TAIL),
        "sure": f"{100 * SURE:.1f} %",
        "conditions": str(len(TASKS) * len(CLOCKS)),
        "chorales-train": str(CHORALES["train"]),
        "chorales-test": str(CHORALES["test"]),
    }
    for task in TASKS:
        found |= {
            f"target-{task}": shown(task, scaled(task, goals[task])),
            f"steps-{task}": str(config[task]["steps"]),
            f"every-{task}": str(config[task]["every"]),
            f"batch-{task}": str(config[task]["batch"]),
        }
        for name, value in baselines[task].items():
            found[f"{task}-{name.split(' ')[0].strip(',')}"] = shown(task, value)
    found["start-recall"] = start_text(quick, starts, goals, "recall")
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
    for kernels in KERNELS:
        for cell in CELLS:
            found[f"ms-mnist1d-{kernels}-{cell}"] = f"{milliseconds.loc['mnist1d', kernels, cell]:.1f} ms"
    return found


def depth_rates(depths: pd.DataFrame) -> str:
    """Learning rates by cell and layers."""
    rates = depths.groupby(["layers", "cell"])["learning_rate"].first()
    parts = [f"{LABELS[cell]} {number}: {rates[number, cell]:g}" for number in (1, DEPTH) for cell in CELLS]
    return ", ".join(parts)


def equal_parameters(table: pd.DataFrame, readings: pd.DataFrame) -> str:
    """Ratios of steps at equal parameters."""
    found = ratio_table(table, readings, "parameters")
    return ", ".join(f"{TASK_NAMES[task]} {ratio(found, task, 'steps').format()}" for task in TASKS)
