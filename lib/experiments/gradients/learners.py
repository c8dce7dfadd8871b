"""Who learns, beside the gradient that the network had at the start and on its way: chapter *memory/gradients*."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from evidence.ladder import Ladder
from experiments.gradients.analysis import DEAD, GATED, TIMED, kind

CASE = ["cell", "start", "delay"]
POINTS = 100.0
"""Success is told in points."""


def orthogonal_points(delays: list[int], known: list[tuple[str, int]]) -> list[dict[str, Any]]:
    """Tanh networks that get a rate here: both starts at each delay, but for those of which another chapter has one."""
    cases = [(start, delay) for start in ("default", "orthogonal") for delay in delays]
    return [
        {"task": "recall", "cell": "rnn", "start": start, "length": delay}
        for start, delay in cases
        if (start, delay) not in known
    ]


def joined(fresh: pd.DataFrame, outcomes: pd.DataFrame) -> pd.DataFrame:
    """One row a run that learned or did not: its case, `seed`, `solved`, `steps`, and `gain` over the delay at the start.

    Args:
        fresh: of `analysis.long`. outcomes: `cell`, `start`, `length`, `seed`, `solved`, `steps`, `steps_allowed`.
    """
    start = fresh[fresh["lag"] == fresh["delay"]].set_index([*CASE, "seed"])["gain"]
    table = outcomes.rename(columns={"length": "delay"})
    table = table.assign(start=table["start"].map(kind))
    columns = [*CASE, "seed", "solved", "steps", "steps_allowed", "learning_rate", "diverged"]
    return table[columns].join(start, on=[*CASE, "seed"], how="inner").reset_index(drop=True)


def concordance(table: pd.DataFrame, column: str = "gain") -> pd.DataFrame:
    """Kendall's τ between the gain and the haste to solve, one row a seed: among `all` runs of that seed, and by cell.

    Only runs of one delay are compared. Runs that never solved took longest, and tie with each other; where all tie there
    is nothing to predict, and τ is 0.
    """
    groups = {"all": table, **{cell: table[table["cell"] == cell] for cell in GATED}}
    return pd.DataFrame({name: rows.groupby("seed").apply(_tau, column) for name, rows in groups.items()})


def _tau(rows: pd.DataFrame, column: str) -> float:
    found = [stats.kendalltau(part[column], -part["steps"]).statistic for _, part in rows.groupby("delay")]
    return float(np.mean(np.nan_to_num(found)))


def dead_cases(table: pd.DataFrame) -> list[tuple[str, str, int]]:
    """Cell, start and delay whose gradient does not arrive at the start: a median gain below `DEAD`."""
    medians = table.groupby(CASE, sort=False)["gain"].median()
    return [key for key, gain in medians.items() if gain < DEAD]  # type: ignore[misc]


def of_cases(table: pd.DataFrame, cases: list[tuple[str, str, int]]) -> pd.DataFrame:
    """The runs of some cases."""
    return table[pd.MultiIndex.from_frame(table[CASE]).isin(cases)]


def success(table: pd.DataFrame) -> dict[str, float]:
    """Share of runs that solved, in %, by gated cell; NaN for one without runs."""
    return {cell: POINTS * table.loc[table["cell"] == cell, "solved"].mean() for cell in GATED}


def slow(tuning: pd.DataFrame, rate: float) -> pd.DataFrame:
    """Share of tuning runs at one rate that solved, by cell (a row) and start (a column)."""
    rows = tuning[(tuning["learning_rate"] == rate) & tuning["cell"].isin(GATED)]
    return rows.assign(start=rows["start"].map(kind)).pivot_table(index="cell", columns="start", values="solved")[
        [*TIMED]
    ]


def ladder(table: pd.DataFrame, cases: list[tuple[str, str, int]], margin: float) -> Ladder:
    """Success of the GRU − the LSTM in points at each budget, where no gradient arrives at the start."""
    rungs = {int(steps): success(of_cases(part, cases)) for steps, part in table.groupby("steps_allowed")}
    return Ladder({steps: each["gru"] - each["lstm"] for steps, each in rungs.items()}, margin)


def watched(runs: pd.DataFrame) -> pd.DataFrame:
    """One row a look of a run in training: `cell`, `start`, `seed`, `solved`, `step`, and log10 of the gain, `open`."""
    parts = [
        pd.DataFrame({name: row["curves"][name] for name in ("step", "open")}).assign(
            cell=row["cell"], start=kind(row["start"]), seed=row["seed"], solved=int(pd.notna(row["solved_at"]))
        )
        for row in runs.to_dict("records")
    ]
    return pd.concat(parts, ignore_index=True)


def on_the_way(runs: pd.DataFrame, step: int) -> pd.DataFrame:
    """One row a run in training: its case, `seed`, `steps` to solve, `first`: gain at the start, `later`: at the last look
    up to this step."""
    rows = []
    for row in runs.to_dict("records"):
        looks = zip(row["curves"]["step"], row["curves"]["open"], strict=True)
        seen = [gain for at, gain in looks if at <= step]
        solved = pd.notna(row["solved_at"])
        rows.append(
            {
                **{name: row[name] for name in ("cell", "delay", "seed")},
                "start": kind(row["start"]),
                "solved": int(solved),
                "steps": row["solved_at"] if solved else row["steps"],
                "first": seen[0],
                "later": seen[-1],
                "end": row["curves"]["open"][-1],
            }
        )
    return pd.DataFrame(rows)
