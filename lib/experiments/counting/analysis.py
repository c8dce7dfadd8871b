"""From the runs of the chapter *memory/counting* to its grids, intervals, checks and verdict."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from evidence.significance import interaction, sign_flip
from evidence.statistics import Interval, mean_interval, paired_ratio
from evidence.sweeps import sweep
from evidence.tuning import Tuned
from evidence.verdicts import CONTRADICTED, LESS, SUPPORTED, Evidence, Verdict, decide, weigh
from experiments.counting import strings
from experiments.counting.nesting import window_curve
from experiments.counting.runs import judged

CELLS = ("lstm", "gru", "gru_before", "rnn", "relu")
GATED = ("lstm", "gru", "gru_before")
LANGUAGES = {"anbn": "aⁿbⁿ", "anbncn": "aⁿbⁿcⁿ"}
EQUAL = {"width": "equal width", "parameters": "equal parameters"}
ASKED = {"all": "loss on every letter", "determined": "loss on the determined letters"}
WEISS = 256
"""Length up to which Weiss et al. (2018) saw an LSTM count."""
CONTEXTS = (1, 10, 30)
"""Letters that the finite-context baselines remember."""


def points(tuned: Tuned, cells: Iterable[str], **of: Any) -> list[dict[str, Any]]:
    """Cells at their chosen rates, at equal width; the GRU at equal parameters too, as the claim is about it.

    Args:
        tuned: from `tuning.tune`. cells: which. of: further keywords of the runs, the same for all.
    """
    return [
        {**of, "cell": cell, "match": match, "learning_rate": tuned.rate(cell=cell)}
        for cell in cells
        for match in EQUAL
        if match == "width" or cell == "gru"
    ]


def select(runs: pd.DataFrame, cell: str, match: str = "width", **of: Any) -> pd.DataFrame:
    """Runs of one cell, by seed; the LSTM has one size."""
    rows = runs[(runs["cell"] == cell) & (runs["match"] == ("width" if cell == "lstm" else match))]
    for name, value in of.items():
        rows = rows[rows[name] == value]
    return rows.set_index("seed").sort_index()


def further(first: pd.DataFrame, second: pd.DataFrame) -> Interval:
    """First failing n of some runs ÷ that of others with the same seed: the mean ratio, with its interval.

    Who never failed counts as failing right after the longest string tested: in `first` that makes the ratio too small.

    Args:
        first, second: runs by seed, from `select`.
    """
    there = second.loc[first.index, "fails_at"]
    return paired_ratio(first["fails_at"].to_numpy(), there.to_numpy())


def ratio(runs: pd.DataFrame, language: str, match: str = "width", cell: str = "gru") -> Interval:
    """First failing n of the LSTM ÷ that of another cell, see `further`."""
    return further(*(select(runs, each, match, language=language) for each in ("lstm", cell)))


def leads(runs: pd.DataFrame, language: str) -> int:
    """In how many seeds the LSTM fails later than the GRU, at equal width."""
    first, second = (select(runs, cell, language=language)["fails_at"] for cell in ("lstm", "gru"))
    return int((first > second.loc[first.index]).sum())


def shift(runs: pd.DataFrame, asked: pd.DataFrame) -> Evidence:
    """By what factor the ratio LSTM ÷ GRU on aⁿbⁿ is larger with the loss on every letter, and the p that it is not.

    One test of whether the two conditions differ at all: the interaction of cell and loss, seed by seed.

    Args:
        runs: with the loss on every letter. asked: on the determined letters.
    """
    first, second = (_logs(each, "anbn", "width") for each in (runs, asked))
    seeds = first.index.intersection(second.index)
    moved = (first - second).loc[seeds].to_numpy()
    return Evidence(paired_ratio(np.exp(moved), np.ones_like(moved)), sign_flip(moved))


def evidence(runs: pd.DataFrame, asked: pd.DataFrame) -> dict[str, Evidence]:
    """Evidence on claim M3 by language, by what is held equal and by the letters that the loss is on.

    Args:
        runs: with the loss on every letter. asked: of aⁿbⁿ at equal width, with the loss on the determined letters.
    """
    return {name: weigh("M3", np.exp(logs.to_numpy())) for name, logs in _conditions(runs, asked).items()}


def differ(runs: pd.DataFrame, asked: pd.DataFrame) -> float:
    """P that the ratio is the same under all conditions, on the seeds that all have."""
    return interaction(pd.concat(_conditions(runs, asked), axis=1, join="inner").T.to_numpy())


def _conditions(runs: pd.DataFrame, asked: pd.DataFrame) -> dict[str, pd.Series]:
    """Logarithms of the ratio by seed, by condition, see `evidence`."""
    found = {}
    for language, name in LANGUAGES.items():
        for match, equal in EQUAL.items():
            found[f"{name}, {equal}, {ASKED['all']}"] = _logs(runs, language, match)
    found[f"{LANGUAGES['anbn']}, {EQUAL['width']}, {ASKED['determined']}"] = _logs(asked, "anbn", "width")
    return found


def _logs(runs: pd.DataFrame, language: str, match: str) -> pd.Series:
    """Logarithm of the ratio LSTM ÷ GRU, by seed."""
    first, second = (select(runs, cell, match, language=language)["fails_at"] for cell in ("lstm", "gru"))
    return np.log(first / second.loc[first.index])


def verdict(runs: pd.DataFrame, asked: pd.DataFrame) -> Verdict:
    """The verdict on claim M3, with what tells apart the conditions that support it from those that contradict it."""
    found = decide("M3", evidence(runs, asked), differ=differ(runs, asked))
    decided = [
        (*each.name.split(", "), each.word) for each in found.strata if each.word in (SUPPORTED, CONTRADICTED, LESS)
    ]
    for place, name in ((2, "the letters that the loss is on"), (1, "what is held equal"), (0, "the language")):
        groups: dict[str, set[str]] = {}
        for parts in decided:
            groups.setdefault(parts[place], set()).add(parts[-1])
        if all(len(words) == 1 for words in groups.values()):
            return replace(found, factor=name)
    return replace(found, factor="the condition")


def spread(tuned: Tuned) -> tuple[int, int]:
    """The earliest first failing n of an LSTM and the latest of a GRU, over all rates that were tried for both."""
    runs = tuned.runs
    rates = set.intersection(*(set(runs.loc[runs["cell"] == cell, "learning_rate"]) for cell in ("lstm", "gru")))
    shared = runs[runs["learning_rate"].isin(rates)].groupby("cell")["fails_at"]
    return int(shared.min()["lstm"]), int(shared.max()["gru"])


def baselines(longest: int, tested: int) -> pd.DataFrame:
    """First failing n of tables that remember the last letters, by language; one row a context."""
    rows = []
    for language in LANGUAGES:
        _, y, scored = strings.strings(language, range(1, tested + 1))
        for context in (*CONTEXTS, strings.LETTERS[language] * longest + 1):
            named = strings.window_answers(language, context, longest, tested)
            rows.append({"language": language, "context": context, **judged(named, y, scored)})
    return pd.DataFrame(rows)


def at_depth(runs: pd.DataFrame, depth: int) -> pd.DataFrame:
    """Runs on brackets with `answered`: the share of right answers on mountains of one depth, in percent."""
    shares = [100 * curves["right"][curves["depth"].index(depth)] for curves in runs["curves"]]
    return runs.assign(answered=shares)


def medians_at(nests: pd.DataFrame, depth: int) -> pd.Series:
    """Median share of right answers at a depth, in percent, by cell, at equal width."""
    rows = at_depth(nests, depth)
    return rows[rows["match"] == "width"].groupby("cell", sort=False)["answered"].median()


def depth_difference(nests: pd.DataFrame, depth: int, match: str = "width") -> Interval:
    """LSTM − GRU, share of right answers at a depth, in points, paired by seed."""
    table = at_depth(nests, depth)
    first, second = (select(table, each, match)["answered"] for each in ("lstm", "gru"))
    return mean_interval((first - second.loc[first.index]).to_numpy())


def depth_differences(nests: pd.DataFrame) -> pd.DataFrame:
    """LSTM − GRU by depth and by what is held equal: depth, match, estimate, low, high."""
    rows = []
    for match in EQUAL:
        for depth in nests["curves"].iloc[0]["depth"]:
            found = depth_difference(nests, depth, match)
            rows.append({"depth": depth, "match": match, "estimate": found.estimate})
            rows[-1] |= {"low": found.low, "high": found.high}
    return pd.DataFrame(rows)


def depth_baseline(context: int, tested_depth: int) -> pd.DataFrame:
    """Share of right answers by depth of the best answer out of a window; one row a depth."""
    right = window_curve(context, tested_depth)
    return pd.DataFrame({"depth": range(2, tested_depth + 1), "right": right, "context": context})


def typical_seed(runs: pd.DataFrame, cell: str, language: str = "anbn") -> int:
    """The seed whose first failing n is the lower median of its cell: the one that is drawn."""
    order = select(runs, cell, language=language)["fails_at"].sort_values(kind="stable")
    return int(order.index[(len(order) - 1) // 2])


def follow(run: Callable[..., dict[str, Any]], points: Iterable[Mapping[str, Any]], runs: pd.DataFrame) -> pd.DataFrame:
    """The counting unit of the typical run of each cell over strings: one row a cell, n shown and step.

    Args:
        run: as for `sweep`. points: configurations with `shown`, those of `runs` otherwise.
        runs: as they were computed, from `sweeps.gather`: which of them is drawn is no result.
    """
    parts = []
    for point in points:
        seed = typical_seed(runs, point["cell"])
        found = sweep(run, [point], [seed], name=f"counting-units-{point['cell']}-{point['shown']}").iloc[0]
        values = np.copysign(1.0, found["follows"]) * np.array(found["curves"]["counter"])  # turned to rise with a
        steps = range(1, len(values) + 1)
        part = pd.DataFrame({"step": steps, "memory": values})
        parts.append(part.assign(cell=point["cell"], shown=point["shown"], seed=seed, fails_at=found["fails_at"]))
    return pd.concat(parts, ignore_index=True)
