"""Numbers of the chapter *performance/convergence* as the texts that its prose glues, by name."""

from __future__ import annotations

import numpy as np
import pandas as pd

from evidence.tuning import Tuned
from evidence.verdicts import INCONCLUSIVE, decide, ledger
from experiments.convergence.analysis import (
    GATED,
    TASK_NAMES,
    accuracy_evidence,
    quality,
    ratio,
    ratio_table,
    scaled,
    step_ratios,
)
from experiments.convergence.generated import looks, outcomes
from experiments.convergence.generated.words import ENDS, finding_accuracy, finding_clock, finding_depth, shown
from experiments.convergence.runs import CELLS, KERNELS, TAIL, TASKS

CHORALES = {"train": 241, "validation": 60, "test": 60}


def reached(table: pd.DataFrame, task: str, cell: str) -> str:
    """Such as `9 of 10`: seeds at the target, at equal width."""
    part = table[(table["task"] == task) & (table["cell"] == cell) & (table["match"] == "width")]["reached"]
    return f"{int(part.sum())} of {len(part)}"


def numbers(
    runs: pd.DataFrame,
    quick: pd.DataFrame,
    depths: pd.DataFrame,
    starts: pd.DataFrame,
    table: pd.DataFrame,
    goals: dict[str, float],
    baselines: dict[str, dict[str, float]],
    tuned: Tuned,
) -> dict[str, str]:
    """Texts for the prose that no clock changes, by name.

    Args:
        runs: at the rates chosen for the end. quick: at those chosen for speed. depths: of `depth_table`.
        starts: from another first bias. table: of `times`, from `quick`. goals: of `targets`. tuned: one layer, judged by the end.
    """
    config = {task: runs[runs["task"] == task].iloc[0] for task in TASKS}
    parameters = runs[runs["task"] == "mnist1d"].groupby(["cell", "match"])["parameters"].first()
    found = {
        "finding-accuracy": finding_accuracy(runs),
        "finding-depth": finding_depth(depths),
        "gains": looks.gains(depths),
        "level": looks.level_text(runs),
        "level-stacks": looks.level_by_layers(depths.attrs["stacked"]),
        "rates": looks.rates_text(tuned),
        "same-rate": looks.same_rate_text(tuned, goals),
        "earlier-end": looks.targets_text(tuned, runs, 1.0),
        "earlier-speed": looks.targets_text(tuned, quick, 1.0),
        "easier": looks.targets_text(tuned, quick, 0.8),
        "speed-accuracy": looks.speed_accuracy(quick),
        "end-rates": looks.end_rates_text(runs, goals),
        "rates-agree": outcomes.rates_agree(runs, quick),
        "swap-decides": outcomes.swap_decides(depths.attrs["stacked"], depths.attrs["swapped"]),
        "best-leads": outcomes.best_leads(depths),
        "rises-more": outcomes.rises_more(depths.attrs["stacked"]),
        "solved-rnn": outcomes.solved(runs),
        "below-guessing": outcomes.below_guessing(runs),
        "depth-rates": looks.depth_rates(depths),
        "tuning-seeds": str(tuned.runs["seed"].nunique()),
        "rnn-tuning-seeds": str(tuned.runs[tuned.runs["cell"] == "rnn"]["seed"].nunique()),
        "width": str(config["mnist1d"]["hidden_size"]),
        "frame": str(config["mnist1d"]["frame"]),
        "delay": str(config["recall"]["delay"]),
        "parameters-lstm": f"{parameters['lstm', 'width']:,}",
        "parameters-gru": f"{parameters['gru', 'width']:,}",
        "parameters-share": f"{parameters['gru', 'width'] / parameters['lstm', 'width']:.2f}",
        "margin": f"{ledger()['P4'].margin:g}",
        "depth-margin": f"{ledger()['P7'].margin:g} point{'s' if ledger()['P7'].margin != 1 else ''}",
        "swapped": looks.swapped_text(depths.attrs["stacked"], depths.attrs["swapped"]),
        "early-gaps": looks.early_gaps(depths),
        "depth-early": str(looks.early_step(depths)),
        "tail": str(TAIL),
        "chorales-train": str(CHORALES["train"]),
        "chorales-test": str(CHORALES["test"]),
    }
    for task in TASKS:
        found |= {
            f"target-{task}": shown(task, scaled(task, goals[task])),
            f"steps-{task}": f"{config[task]['steps']:,}",
            f"every-{task}": str(config[task]["every"]),
            f"batch-{task}": str(config[task]["batch"]),
        }
        for cell in CELLS:
            found[f"reached-{task}-{cell}"] = reached(table, task, cell)
            found[f"final-{task}-{cell}"] = shown(task, quality(runs, task, cell).mean())
        for name, value in baselines[task].items():
            found[f"{task}-{name.split(' ')[0].strip(',')}"] = shown(task, value)
    found["start-recall"] = looks.start_text(quick, starts, goals, "recall")
    found["start-moves"] = outcomes.start_moves(quick, starts, goals, "recall")
    words = {name: decide("P4", each).word for name, each in accuracy_evidence(runs, "parameters").items()}
    found["equal-parameters"] = outcomes.equal_parameters_text(words, ENDS, ENDS[INCONCLUSIVE])
    return found


def timed(ratios: pd.DataFrame, milliseconds: pd.DataFrame, readings: pd.DataFrame) -> dict[str, str]:
    """Texts for the prose that rest on timings, by name."""
    found = {"finding-clock": finding_clock(ratios)}
    for task in TASKS:
        for kernels in KERNELS:
            low, half, high = np.quantile(step_ratios(readings, task, kernels), [0.25, 0.5, 0.75])
            found[f"step-ratio-{task}-{kernels}"] = f"{half:.2f} ({low:.2f} to {high:.2f})"
    for kernels in KERNELS:
        for cell in GATED:
            found[f"ms-mnist1d-{kernels}-{cell}"] = f"{milliseconds.loc['mnist1d', kernels, cell]:.1f} ms"
    return found


def equal_parameters(table: pd.DataFrame, readings: pd.DataFrame) -> str:
    """Ratios of steps at equal parameters."""
    found = ratio_table(table, readings, "parameters")
    return ", ".join(f"{TASK_NAMES[task]} {ratio(found, task, 'steps').format()}" for task in TASKS)
