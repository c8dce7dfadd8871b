"""Configurations of the second looks of the chapter *memory/recall*, and of its task with two registers."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any

import pandas as pd

from evidence.tuning import Tuned
from experiments.recall.analysis import GATED, LEARNED, STARTS, TASKS, cases, outcomes, pick, point, rate
from experiments.recall.runs import CONTROLS

PATIENCE = 3
"""How many times the steps a run gets that is to show whether a start is slow or hopeless."""
ORDER = ("lstm", *CONTROLS, "gru")
"""From the LSTM to the GRU, by what is changed."""
START = "bias:1"
"""The start of the LSTMs between LSTM and GRU."""


def shut_at() -> float:
    """How far open an input gate starts that has the opposite bias of its forget gate: `lstm_shut`."""
    return 1 / (1 + math.exp(float(START.partition(":")[2])))


def control_points(length: int) -> list[dict[str, Any]]:
    """The LSTMs between LSTM and GRU, with bias 1, on both tasks."""
    return [point({"task": t, "cell": c, "start": START}, length) for t, c in itertools.product(TASKS, CONTROLS)]


def at_rates(
    given: list[dict[str, Any]], tied: Tuned, tuned: Tuned, length: int, fixed: dict[str, Any]
) -> list[dict[str, Any]]:
    """The tuned controls at another length, each at its chosen rate.

    A control that no rate taught anything takes the rate that was best for the LSTM with chrono, as an LSTM would.
    """
    found = []
    for each in given:
        best = pick(tied.best, **each).iloc[0]
        chosen = float(best["learning_rate"])
        if best["score"] < LEARNED:
            chosen = rate(tuned, {"task": each["task"], "cell": "lstm", "start": "chrono"}, each["length"])
        found.append({**each, "length": length, "learning_rate": chosen, "match": "width", **fixed})
    return found


def control_table(table: pd.DataFrame, controls: pd.DataFrame, length: int) -> pd.DataFrame:
    """Outcomes of the controls beside those of LSTM and GRU with the same start and length."""
    whole = pick(table, cell=list(GATED), start="bias:1", match="width", length=length)
    return pd.concat([whole, outcomes(controls)], ignore_index=True)


def watched_points(tuned: Tuned, length: int, tuned_at: int, fixed: dict[str, Any]) -> list[dict[str, Any]]:
    """LSTM and GRU with bias 1 on recall, their gates watched as they learn, from true and from random labels."""
    found = []
    for random, cell in itertools.product((False, True), GATED):
        case = {"task": "recall", "cell": cell, "start": "bias:1"}
        more = {"match": "width", "watch": True, "random_labels": random, "learning_rate": rate(tuned, case, tuned_at)}
        found.append(point(case, length, **{**fixed, **more}))
    return found


def watched_table(runs: pd.DataFrame) -> pd.DataFrame:
    """One row a run and look: `cell`, `random_labels`, `seed`, `step`, and the gates `keep` and `write`."""
    names = ("step", "quality", "keep", "write")
    parts = [
        pd.DataFrame({name: row["curves"][name] for name in names}).assign(
            cell=row["cell"], random_labels=row["random_labels"], seed=row["seed"]
        )
        for _, row in runs.iterrows()
    ]
    return pd.concat(parts, ignore_index=True)


def patience_points(length: int, learning_rate: float, fixed: dict[str, Any]) -> list[dict[str, Any]]:
    """LSTMs with each start, at a modest rate and with many steps: slow, or hopeless?"""
    more = {**fixed, "match": "width", "steps": PATIENCE * fixed["steps"], "learning_rate": learning_rate}
    found = itertools.product(TASKS, STARTS)
    return [point({"task": task, "cell": "lstm", "start": start}, length, **more) for task, start in found]


def wider_points(tuned: Tuned, length: int, fixed: dict[str, Any]) -> list[dict[str, Any]]:
    """Both cells with chrono and twice the units, on both tasks, at the rates of the narrower ones."""
    more = {**fixed, "match": "width", "hidden_size": 2 * fixed["hidden_size"]}
    found = [case for case in cases(rnn=False) if case["start"] == "chrono"]
    return [point(case, length, learning_rate=rate(tuned, case, length), **more) for case in found]


def climb(
    sweep: Callable[[list[dict[str, Any]]], pd.DataFrame],
    tuned: Tuned,
    lengths: list[int],
    tuned_at: int,
    fixed: dict[str, Any],
) -> pd.DataFrame:
    """Adding at ever longer lengths, with chrono and the rates of the long lengths; who solves none climbs no further.

    Args:
        sweep: runs configurations; is given those before, too.
        tuned: rates of the long lengths, found at length `tuned_at`.
        lengths: increasing.
        fixed: what all runs share.

    Returns:
        `outcomes` of all lengths that were run.
    """
    climbing = [case for case in cases(["adding"], rnn=False) if case["start"] == "chrono"]
    points: list[dict[str, Any]] = []
    found = pd.DataFrame()
    for length in sorted(lengths):
        points += [
            point(case, length, learning_rate=rate(tuned, case, tuned_at), match="width", **fixed) for case in climbing
        ]
        found = outcomes(sweep(points))
        here = found[found["length"] == length]
        climbing = [case for case in climbing if pick(here, cell=case["cell"])["solved"].any()]
        if not climbing:
            break
    return found


def selective_points(tuned: Tuned, length: int, fixed: dict[str, Any]) -> list[dict[str, Any]]:
    """The task with two registers, every start and both cells, their gates watched."""
    more = {"match": "width", "watch": True, **fixed}
    found = cases(["selective"], rnn=False)
    return [point(case, length, learning_rate=rate(tuned, case, length), **more) for case in found]


def selective_table(runs: pd.DataFrame) -> pd.DataFrame:
    """Outcomes and gates; `contrast`: how much wider the writing gate is open at marked steps than elsewhere."""
    gates = ["keep", "keep_marked", "write", "write_marked"]
    found = outcomes(runs)
    found[gates] = runs[gates].to_numpy()
    return found.assign(contrast=found["write_marked"] - found["write"])
