"""Configurations of the second looks of the chapter *memory/recall*, and of its task with two registers."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any

import pandas as pd

from evidence.tuning import Tuned
from experiments.recall.analysis import GATED, LEARNED, TASKS, cases, outcomes, pick, point, rate
from experiments.recall.runs import CONTROLS

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


def at_rates(given: list[dict[str, Any]], tied: Tuned, tuned: Tuned, fixed: dict[str, Any]) -> list[dict[str, Any]]:
    """The tuned controls, each at its chosen rate.

    A control that no rate taught anything takes the rate that was best for the LSTM with chrono, as an LSTM would.
    """
    found = []
    for each in given:
        best = pick(tied.best, **each).iloc[0]
        chosen = float(best["learning_rate"])
        if best["score"] < LEARNED:
            chosen = rate(tuned, {"task": each["task"], "cell": "lstm", "start": "chrono"}, each["length"])
        found.append({**each, "learning_rate": chosen, "match": "width", **fixed})
    return found


def control_table(table: pd.DataFrame, controls: pd.DataFrame, length: int) -> pd.DataFrame:
    """Outcomes of the controls beside those of LSTM and GRU with the same start, length and seeds."""
    whole = pick(table, cell=list(GATED), start=START, match="width", length=length)
    return pd.concat([whole[whole["seed"].isin(controls["seed"])], outcomes(controls)], ignore_index=True)


def watched_points(length: int, rates: Sequence[float], fixed: dict[str, Any]) -> list[dict[str, Any]]:
    """LSTM and GRU with bias 1 on recall, their gates watched as they learn, from true and from random labels, at each rate."""
    found = []
    for learning_rate, random, cell in itertools.product(rates, (False, True), GATED):
        more = {"match": "width", "watch": True, "random_labels": random, "learning_rate": learning_rate}
        found.append(point({"task": "recall", "cell": cell, "start": START}, length, **{**fixed, **more}))
    return found


def watched_table(runs: pd.DataFrame) -> pd.DataFrame:
    """One row a run and look: `cell`, `random_labels`, `learning_rate`, `seed`, `step`, and the gates `keep` and `write`."""
    names = ("step", "quality", "keep", "write")
    parts = [
        pd.DataFrame({name: row["curves"][name] for name in names}).assign(
            **{each: row[each] for each in ("cell", "random_labels", "learning_rate", "seed")}
        )
        for _, row in runs.iterrows()
    ]
    return pd.concat(parts, ignore_index=True)


def far_points(tuned: Tuned, length: int, fixed: dict[str, Any]) -> list[dict[str, Any]]:
    """Both tasks far beyond the lengths that are reported, with the start that knows the delay; rates of the longest."""
    found = [case for case in cases(rnn=False) if case["start"] == "chrono"]
    return [point(c, length, learning_rate=far_rate(tuned, c), match="width", **fixed) for c in found]


def far_rate(tuned: Tuned, case: dict[str, str]) -> float:
    """The rate of a case at the longest length that was tuned."""
    return rate(tuned, case, int(tuned.best["length"].max()))


def published_points(tuned: Tuned, lengths: Sequence[int], fixed: dict[str, Any]) -> list[dict[str, Any]]:
    """Adding at the lengths of a published table, by default, with bias 1 and with chrono, at the rates of the longest."""
    found = [case for case in cases(["adding"], rnn=False) if case["start"] != "bias:3"]
    return [
        point(c, length, learning_rate=far_rate(tuned, c), match="width", **fixed)
        for length, c in itertools.product(lengths, found)
    ]


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
