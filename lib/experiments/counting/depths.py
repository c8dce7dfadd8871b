"""From the runs of the chapter *memory/counting* on brackets to differences by depth, and to evidence on claim P7."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from evidence.ladder import Ladder
from evidence.ledger import ledger
from evidence.significance import interaction
from evidence.statistics import Interval, mean_interval
from evidence.verdicts import Evidence, Verdict, decide, settled, weigh
from experiments.counting.analysis import EQUAL, select
from experiments.counting.nesting import window_curve

CEILING = 99.5
"""Share of right answers, in percent, from which on a run cannot be told from a perfect one."""


def at_depth(runs: pd.DataFrame, depth: int) -> pd.DataFrame:
    """Runs on brackets with `answered`: the share of right answers on mountains of one depth, in percent."""
    shares = [100 * curves["right"][curves["depth"].index(depth)] for curves in runs["curves"]]
    return runs.assign(answered=shares)


def at_length(runs: pd.DataFrame) -> pd.DataFrame:
    """Runs on brackets with `answered`: the share of right answers on long strings that are no deeper, in percent."""
    return runs.assign(answered=100 * runs["long"])


def medians_at(nests: pd.DataFrame, depth: int) -> pd.Series:
    """Median share of right answers at a depth, in percent, by cell, at equal width."""
    rows = at_depth(nests, depth)
    return rows[rows["match"] == "width"].groupby("cell", sort=False)["answered"].median()


def differences(table: pd.DataFrame, match: str = "width") -> pd.Series:
    """LSTM − GRU in points by seed; `table` with `answered`."""
    first, second = (select(table, each, match)["answered"] for each in ("lstm", "gru"))
    return (first - second).dropna()


def by_depth(nests: pd.DataFrame) -> pd.DataFrame:
    """LSTM − GRU by depth and by what is held equal: depth, match, estimate, low, high."""
    rows = []
    for match in EQUAL:
        for depth in nests["curves"].iloc[0]["depth"]:
            found = gap(nests, depth, match)
            rows.append({"depth": depth, "match": match, "estimate": found.estimate})
            rows[-1] |= {"low": found.low, "high": found.high}
    return pd.DataFrame(rows)


def gap(nests: pd.DataFrame, depth: int, match: str = "width") -> Interval:
    """LSTM − GRU, share of right answers at a depth, in points, paired by seed."""
    return mean_interval(differences(at_depth(nests, depth), match))


def conditions(nests: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """What the claim is judged on: brackets twice as deep as those trained on, and strings that are long but no deeper."""
    return {
        "brackets, twice as deep": at_depth(nests, 2 * int(nests["depth"].iloc[0])),
        "brackets, long": at_length(nests),
    }


def evidence(nests: pd.DataFrame) -> dict[str, Evidence]:
    """Evidence on claim P7 by condition and by what is held equal; left out where every run is at the ceiling."""
    found = {}
    for name, table in conditions(nests).items():
        for match, equal in EQUAL.items():
            if not len(select(table, "gru", match)):
                continue
            both = pd.concat([select(table, "lstm"), select(table, "gru", match)])
            full = "every run at the ceiling" if both["answered"].min() > CEILING else ""
            found[f"{name}, {equal}"] = weigh("P7", differences(table, match), left_out=full)
    return found


def verdict(nests: pd.DataFrame, tried: Mapping[str, pd.DataFrame], climbing: pd.DataFrame) -> Verdict:
    """The verdict of this chapter on claim P7; `climbing`: runs at every budget, at equal width."""
    climbed = ladders(climbing)
    moves = {f"{name}, {equal}": climbed[name].values for name in climbed for equal in EQUAL.values()}
    given = settled("P7", evidence(nests), moves)
    tables = conditions(nests)
    pairs: list[Any] = [differences(tables[name.rpartition(", ")[0]], match) for name, match in _counted(given)]
    moved = interaction(np.array(pairs)) if len(pairs) > 1 else None
    attacks = {name: evidence(each) for name, each in tried.items()}
    return decide("P7", given, factor="whether depth or length is asked for", differ=moved, attacks=attacks)


def _counted(given: Mapping[str, Evidence]) -> list[tuple[str, str]]:
    """Names of the conditions that are not left out, and what is held equal in each."""
    matches = {text: match for match, text in EQUAL.items()}
    return [(name, matches[name.rpartition(", ")[2]]) for name, each in given.items() if not each.left_out]


def ladders(nests: pd.DataFrame) -> dict[str, Ladder]:
    """LSTM − GRU in points at each budget of steps at equal width, by condition, against P7's margin."""
    found: dict[str, dict[int, float]] = {}
    for steps, part in nests.groupby("steps"):
        for name, table in conditions(part).items():
            found.setdefault(name, {})[int(steps)] = float(differences(table).mean())
    return {name: Ladder(values, ledger()["P7"].margin) for name, values in found.items()}


def baseline(context: int, tested_depth: int) -> pd.DataFrame:
    """Share of right answers by depth of the best answer out of a window; one row a depth."""
    right = window_curve(context, tested_depth)
    return pd.DataFrame({"depth": range(2, tested_depth + 1), "right": right, "context": context})
