"""Configurations of the second looks of the chapter *memory/recall*, and of its task with two registers."""

from __future__ import annotations

import itertools
from typing import Any

import pandas as pd

from gatedrnn.analyses.recall import GATED, TASKS, cases, outcomes, pick, point, rate
from gatedrnn.experiments.recall import CONTROLS
from gatedrnn.tuning import Tuned

PATIENCE = 4
"""How many times the steps a run gets that is to show whether a start is slow or hopeless."""


def control_cases(length: int) -> list[dict[str, Any]]:
    """The LSTMs between LSTM and GRU, with bias 1, on both tasks."""
    return [point({"task": t, "cell": c, "start": "bias:1"}, length) for t, c in itertools.product(TASKS, CONTROLS)]


def tuned_points(given: list[dict[str, Any]], tuned: Tuned, fixed: dict[str, Any]) -> list[dict[str, Any]]:
    """The same configurations at their chosen rates."""
    return [{**each, "learning_rate": tuned.rate(**each), "size": "width", **fixed} for each in given]


def coupling_table(table: pd.DataFrame, controls: pd.DataFrame, length: int) -> pd.DataFrame:
    """Outcomes of the controls beside those of LSTM and GRU with the same start and length."""
    whole = pick(table, cell=list(GATED), start="bias:1", size="width", length=length)
    return pd.concat([whole, outcomes(controls)], ignore_index=True)


def watched_points(length: int, learning_rate: float, fixed: dict[str, Any]) -> list[dict[str, Any]]:
    """LSTM and GRU with bias 1 on recall, their gates watched as they learn, from true and from random labels."""
    more = {**fixed, "size": "width", "every": 10, "watch": True, "steps": max(10, fixed["steps"] // 4)}
    found = itertools.product((False, True), GATED)
    return [
        point(
            {"task": "recall", "cell": c, "start": "bias:1"},
            length,
            **more,
            learning_rate=learning_rate,
            random_labels=r,
        )
        for r, c in found
    ]


def patience_points(length: int, learning_rate: float, fixed: dict[str, Any]) -> list[dict[str, Any]]:
    """LSTMs on recall with other starts, a low rate and many steps: slow, or hopeless?"""
    more = {**fixed, "size": "width", "steps": PATIENCE * fixed["steps"], "learning_rate": learning_rate}
    starts = ("default", "bias:1", "bias:3")
    return [point({"task": "recall", "cell": "lstm", "start": start}, length, **more) for start in starts]


def far_points(tuned: Tuned, length: int, tuned_at: int, fixed: dict[str, Any]) -> list[dict[str, Any]]:
    """Adding at a length far beyond, with chrono and the rates of the long lengths."""
    found = [case for case in cases(["adding"], rnn=False) if case["start"] == "chrono"]
    return [point(case, length, learning_rate=rate(tuned, case, tuned_at), size="width", **fixed) for case in found]
