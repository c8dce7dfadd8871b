"""From the runs of the chapter *memory/counting* on strings to its ratios, its evidence, its ladder and its verdict."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from evidence.significance import interaction, sign_flip
from evidence.statistics import Interval, paired_ratio
from evidence.sweeps import sweep
from evidence.tuning import Tuned
from evidence.verdicts import CONTRADICTED, LESS, SUPPORTED, Evidence, Verdict, decide, settled, weigh
from experiments.counting import strings
from experiments.counting.grids import STRINGS
from experiments.counting.runs import judged

LANGUAGES = {"anbn": "aⁿbⁿ", "anbncn": "aⁿbⁿcⁿ"}
EQUAL = {"width": "equal width", "parameters": "equal parameters"}
LETTERS = {"all": "every letter", "determined": "determined letters"}
ASKED = {name: f"loss on {'the ' if name == 'determined' else ''}{text}" for name, text in LETTERS.items()}
WEISS = (100, 256)
"""Largest n that Weiss et al. (2018) trained on, and up to which they saw an LSTM count."""
CONTEXTS = (1, 10, 30)
"""Letters that the finite-context baselines remember."""


def select(runs: pd.DataFrame, cell: str, match: str = "width", **of: Any) -> pd.DataFrame:
    """Runs of one cell, by seed; the LSTM has one size."""
    rows = runs[(runs["cell"] == cell) & (runs["match"] == ("width" if cell == "lstm" else match))]
    for name, value in of.items():
        rows = rows[rows[name] == value]
    return rows.set_index("seed").sort_index()


def further(first: pd.DataFrame, second: pd.DataFrame) -> Interval:
    """First failing n of some runs ÷ that of others with the same seed: the geometric mean of the ratios, with its interval.

    Who never failed counts as failing right after the longest string tested: in `first` that makes the ratio too small.

    Args:
        first, second: runs by seed, from `select`.
    """
    return paired_ratio(*_paired(first, second))


def among_learned(runs: pd.DataFrame) -> dict[str, Interval]:
    """`ratio` over the pairs of which both learned the whole training range, by language and loss; two pairs at least."""
    able, found = runs[runs["learned"].astype(bool)], {}
    for language, asked in itertools.product(LANGUAGES, ASKED):
        pair = _paired(*(select(able, cell, language=language, asked=asked) for cell in ("lstm", "gru")))
        if len(pair[0]) > 1:
            found[f"{LANGUAGES[language]}, {ASKED[asked]}"] = paired_ratio(*pair)
    return found


def logs(runs: pd.DataFrame, match: str = "width", cell: str = "gru", **of: Any) -> pd.Series:
    """Logarithm of the ratio LSTM ÷ another cell of the first failing n, by seed; `of`: columns of the runs."""
    first, second = _paired(*(select(runs, each, match, **of) for each in ("lstm", cell)))
    return np.log(first / second)


def ratio(runs: pd.DataFrame, match: str = "width", cell: str = "gru", **of: Any) -> Interval:
    """First failing n of the LSTM ÷ that of another cell, see `further`."""
    return further(*(select(runs, each, match, **of) for each in ("lstm", cell)))


def medians(runs: pd.DataFrame, **of: Any) -> float:
    """Ratio of the medians, LSTM ÷ GRU at equal width: what one run that trips over a short string cannot move."""
    return float(np.divide(*(select(runs, cell, **of)["fails_at"].median() for cell in ("lstm", "gru"))))


def leads(runs: pd.DataFrame, **of: Any) -> int:
    """In how many seeds the LSTM fails later than the GRU, at equal width."""
    return int((logs(runs, **of) > 0).sum())


def shift(runs: pd.DataFrame) -> Evidence:
    """By what factor the ratio LSTM ÷ GRU is larger with the loss on every letter, and the p that it is not.

    One test of the interaction of cell and loss, seed by seed, over both languages at equal width.
    """
    every, scored = (
        sum(logs(runs, language=language, asked=asked) for language in LANGUAGES) / len(LANGUAGES) for asked in ASKED
    )
    moved = (every - scored).dropna().to_numpy()
    return Evidence(paired_ratio(np.exp(moved), np.ones_like(moved)), sign_flip(moved))


def conditions(runs: pd.DataFrame) -> dict[str, dict[str, Any]]:
    """Conditions under which both cells ran, by their name: the letters of the loss, the language, what is held equal."""
    found: dict[str, dict[str, Any]] = {}
    for place, match in itertools.product(STRINGS, EQUAL):
        if len(select(runs, "lstm", **place)) and len(select(runs, "gru", match, **place)):
            name = f"{LANGUAGES[place['language']]}, {EQUAL[match]}, {ASKED[place['asked']]}"
            found[name] = {**place, "match": match}
    return found


def evidence(runs: pd.DataFrame) -> dict[str, Evidence]:
    """Evidence on claim M3 by language, by what is held equal and by the letters that the loss is on."""
    return {name: weigh("M3", np.exp(logs(runs, **of).to_numpy())) for name, of in conditions(runs).items()}


def differ(runs: pd.DataFrame) -> float:
    """P that the ratio is the same under all conditions, on the seeds that all have."""
    table = [logs(runs, **of) for of in conditions(runs).values()]
    return interaction(pd.concat(table, axis=1, join="inner").T.to_numpy())


def verdict(runs: pd.DataFrame, tried: Mapping[str, pd.DataFrame], climbed: pd.DataFrame) -> Verdict:
    """The verdict on claim M3, with what tells apart the conditions that support it from those that contradict it.

    Args:
        runs: at the top of the ladder. tried: runs under attack, by its name in the ledger. climbed: from `climb`.
    """
    attacks = {name: evidence(each) for name, each in tried.items()}
    counted = settled("M3", evidence(runs), rungs(runs, climbed))
    found = decide("M3", counted, factor="the condition", differ=differ(runs), attacks=attacks)
    decided = [
        (*each.name.split(", "), each.word) for each in found.strata if each.word in (SUPPORTED, CONTRADICTED, LESS)
    ]
    if found.factor != "the condition":  # an attack fell
        return found
    for place, name in ((2, "the letters that the loss is on"), (1, "what is held equal"), (0, "the language")):
        groups: dict[str, set[str]] = {}
        for parts in decided:
            groups.setdefault(parts[place], set()).add("" if parts[-1] == SUPPORTED else CONTRADICTED)
        if all(len(words) == 1 for words in groups.values()):
            return replace(found, factor=name)
    return found


def climb(runs: pd.DataFrame) -> pd.DataFrame:
    """The ratio LSTM ÷ GRU at equal width at each budget: language, asked, steps, estimate, low, high."""
    rows = []
    for (language, asked, steps), part in runs.groupby(["language", "asked", "steps"], sort=True):
        found = ratio(part)
        rows.append({"language": language, "asked": asked, "steps": steps, "estimate": found.estimate})
        rows[-1] |= {"low": found.low, "high": found.high}
    return pd.DataFrame(rows)


def rungs(runs: pd.DataFrame, climbed: pd.DataFrame) -> dict[str, dict[int, float]]:
    """The ratio at each budget by condition; at equal parameters the GRU takes its moves from that of equal width."""
    return {
        name: climbed[(climbed["language"] == of["language"]) & (climbed["asked"] == of["asked"])]
        .set_index("steps")["estimate"]
        .to_dict()
        for name, of in conditions(runs).items()
    }


def latest(tuned: Tuned, cell: str, **of: Any) -> float:
    """The best median first failing n of a cell over all rates and starts that were tried for it; `of`: which runs."""
    rows = tuned.runs[tuned.runs["cell"] == cell]
    for name, value in of.items():
        rows = rows[rows[name] == value]
    return float(rows.groupby(["start", "learning_rate"])["fails_at"].median().max())


def baselines(longest: int, tested: int) -> pd.DataFrame:
    """First failing n of tables that remember the last letters, by language; one row a context."""
    rows = []
    for language in LANGUAGES:
        _, y, scored = strings.strings(language, range(1, tested + 1))
        for context in (*CONTEXTS, strings.LETTERS[language] * longest + 1):
            named = strings.window_answers(language, context, longest, tested)
            rows.append({"language": language, "context": context, **judged(named, y, scored)})
    return pd.DataFrame(rows)


def typical_seed(runs: pd.DataFrame, cell: str) -> int:
    """The seed whose first failing n is the lower median of its cell: the one that is drawn."""
    order = select(runs, cell)["fails_at"].sort_values(kind="stable")
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


def _paired(first: pd.DataFrame, second: pd.DataFrame) -> tuple[pd.Series, pd.Series]:
    """First failing n of the seeds that both have, in one order."""
    seeds = first.index.intersection(second.index)
    return first.loc[seeds, "fails_at"], second.loc[seeds, "fails_at"]
