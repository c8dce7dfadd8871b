"""What could overturn the answers of the chapter *memory/sensors*, tried at a smaller budget, and looks at its settings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from evidence.tuning import Tuned
from evidence.verdicts import Evidence, weigh
from experiments.sensors.analysis import (
    CASE,
    DATA_NAMES,
    PLACE,
    POOL_NAMES,
    Goals,
    delays,
    differences,
)
from experiments.shared.tuned_leads import EQUAL

TIMES = {"rate × 3": 3.0, "rate ÷ 3": 1 / 3}
ATTACKS = {
    "rate × 3": "faster",
    "rate ÷ 3": "slower",
    "another start": "second-start",
    "width × 2": "wider",
    "another split": "exchanged",
}
"""Attacks by their name in the ledger, and what their sweeps are called."""
LOOKS: dict[str, dict[str, Any]] = {
    "shared-scale": {"scale": "shared"},
    "no-dropout": {"dropout": 0.0},
    "weight-decay": {"weight_decay": 0.1},
}
"""Settings in which a run differs from the reported ones."""


def attacked(
    name: str, tuned: Tuned, best: pd.DataFrame, factor: int, fixed: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """Points of both cells at one factor under an attack.

    Args:
        name: one of `ATTACKS`. tuned: all tuning at that factor. best: of `analysis.best_starts`. fixed: keywords of all.
    """
    rows = best[best["factor"] == factor]
    if name == "another start":
        rows = second_starts(tuned, best, factor)
    found = []
    for row in rows[[*CASE, "learning_rate"]].to_dict("records"):
        point = {**fixed, **row, "match": "width"}
        if name in TIMES:
            point["learning_rate"] = float(f"{row['learning_rate'] * TIMES[name]:.3g}")
        elif name == "width × 2":
            point["hidden_size"] = 2 * fixed["hidden_size"]
        elif name == "another split":
            point["exchanged"] = True
        found.append(point)
    return found


def second_starts(tuned: Tuned, best: pd.DataFrame, factor: int) -> pd.DataFrame:
    """The start of each case that scored highest in tuning after its best."""
    rows = tuned.best[tuned.best["factor"] == factor].merge(best[CASE], on=CASE, how="left", indicator=True)
    rows = rows[rows["_merge"] == "left_only"].sort_values("score", ascending=False, kind="stable")
    return rows.drop_duplicates(PLACE)


def weighed(runs: Mapping[str, pd.DataFrame]) -> dict[str, dict[str, Evidence]]:
    """Evidence on P6 under each attack, by its conditions at equal width."""
    return {
        name: {
            f"{DATA_NAMES[data]}, {POOL_NAMES[pool]}, {EQUAL['width']}": weigh("P6", part["difference"])
            for (data, pool), part in differences(rows).groupby(["data", "pool"], sort=False)
        }
        for name, rows in runs.items()
    }


def delayed(
    runs: Mapping[str, pd.DataFrame], goals: Goals, factors: Iterable[int], allowed: Iterable[str]
) -> dict[str, dict[str, Evidence]]:
    """Evidence on M2 under those attacks that its ledger names."""
    known = list(factors)
    return {name: delays(rows, goals, known) for name, rows in runs.items() if name in set(allowed)}


def looks(best: pd.DataFrame, factor: int, fixed: Mapping[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """Points of PLAID at one factor, last state, under each of `LOOKS`."""
    rows = best[(best["factor"] == factor) & (best["data"] == "plaid") & (best["pool"] == "last")]
    points = [{**fixed, **row, "match": "width"} for row in rows[[*CASE, "learning_rate"]].to_dict("records")]
    return {name: [{**point, **changed} for point in points] for name, changed in LOOKS.items()}
