"""Second looks of the chapter *performance/data_size*: what the rates, the pairing and the stopping are worth."""

from __future__ import annotations

from itertools import combinations
from math import comb
from typing import Any

import numpy as np
import pandas as pd

from evidence.statistics import Interval
from evidence.verdicts import CONTRADICTED, DEPENDS, INCONCLUSIVE, SUPPORTED, decide
from experiments.data_size.analysis import SMALL, TASK_NAMES, differences, in_points, small, tasks
from experiments.data_size.runs import LOOKS
from experiments.shared.tuned_leads import EQUAL, Leads, by_choice, draws, interval


def choice_text(leads: Leads, fixed: Leads) -> str:
    """How much wider an interval is because the rates had to be chosen."""
    parts = []
    for task in tasks(leads):
        with_choice, without = (interval(small(each, task, "width")) for each in (leads, fixed))
        ratio = (with_choice.high - with_choice.low) / max(without.high - without.low, 1e-9)
        parts.append(f"on {TASK_NAMES[task]} {in_points(without)}, the interval above {ratio:.1f} times as wide")
    return f"With the rates taken as given the leads at equal width would read, {'; '.join(parts)}."


def sensitivity(tuning_runs: pd.DataFrame, runs: pd.DataFrame, most: int = 200) -> pd.DataFrame:
    """The verdict that fewer tuning seeds would have led to, with rates taken as given.

    Args:
        tuning_runs, runs: as for `tuned_leads.leads`. most: ways to pick the tuning seeds; where there are more, so many
            are drawn.

    Returns:
        One row a number of tuning seeds: `tuning_seeds`, `ways` to pick them, the share of ways by verdict word, and by task
        the standard deviation of the lead at equal width over the ways, `sd-<task>`.
    """
    seeds, reported = tuning_runs["seed"].nunique(), runs["seed"].nunique()
    rng = np.random.default_rng(2)
    rows = []
    for count in sorted({1, 2, 3, seeds // 2, seeds - 2} & {*range(1, seeds)}) or [seeds]:
        if comb(seeds, count) <= most:
            chosen = np.array(list(combinations(range(seeds), count)))
        else:
            chosen = np.stack([rng.permutation(seeds)[:count] for _ in range(most)])
        found = by_choice(tuning_runs, runs, chosen)
        every = {(task, match): small(found, task, match) for task in tasks(found) for match in EQUAL}
        said = [
            decide("P6", {" ".join(key): interval(values[part], reported) for key, values in every.items()}).word
            for part in range(len(chosen))
        ]
        row: dict[str, Any] = {"tuning_seeds": count, "ways": len(chosen)}
        row |= {word: said.count(word) / len(chosen) for word in (SUPPORTED, CONTRADICTED, DEPENDS, INCONCLUSIVE)}
        row |= {f"sd-{task}": float(values[:, 0].std()) for (task, match), values in every.items() if match == "width"}
        rows.append(row)
    return pd.DataFrame(rows)


def fewer_text(table: pd.DataFrame) -> str:
    """How often the most frequent verdict came out with the fewest and the most tuning seeds of `sensitivity`."""
    parts = []
    for row in (table.iloc[0], table.iloc[-1]):
        word = max((SUPPORTED, CONTRADICTED, DEPENDS, INCONCLUSIVE), key=lambda each: row[each])
        seeds = f"{row['tuning_seeds']:.0f} tuning seed" + ("s" if row["tuning_seeds"] > 1 else "")
        parts.append(f"with {seeds} it would read “{word}” in {100 * row[word]:.0f} % of the ways to pick")
    return ", ".join(dict.fromkeys(parts))


def hindsight(runs: pd.DataFrame) -> str:
    """Whether stopping each run at its best look would change the difference on small sets; nobody can do that."""
    best = runs.assign(accuracy=[max(curves["accuracy"]) for curves in runs["curves"]])
    parts = []
    for task in TASK_NAMES:
        ends = [_given(differences(_few(each, task)), "difference") for each in (best, runs)]
        parts.append(f"{in_points(ends[0])} instead of {in_points(ends[1])} on {TASK_NAMES[task]}")
    return (
        f"Were every run stopped at the best of its {LOOKS} looks at the test set, which nobody can know beforehand, the lead of "
        f"the GRU at equal width on the small sets would be {' and '.join(parts)} (rates taken as given)."
    )


def overfitting(runs: pd.DataFrame) -> str:
    """Which cell is further from its training accuracy on the small sets, at equal width and the chosen rates."""
    parts = []
    for task in tasks({(name, "", 0): np.empty(0) for name in runs["task"].unique()}):
        rows = _few(runs, task).assign(gap=lambda each: each["train_accuracy"] - each["accuracy"])
        means = 100 * rows.groupby("cell")["gap"].mean()
        more = _given(differences(rows, metric="gap"), "difference")
        found = "neither overfits more, as far as can be told"
        if more.high < 0:
            found = "the LSTM overfits more"
        elif more.low > 0:
            found = "the GRU overfits more"
        parts.append(
            f"On {TASK_NAMES[task]} it is {means['lstm']:.0f} points with the LSTM and {means['gru']:.0f} with the GRU: {found} "
            f"(GRU − LSTM {in_points(more)})."
        )
    return f"Here it is averaged over the small sets, at equal width, the rates taken as given. {' '.join(parts)}"


def _few(runs: pd.DataFrame, task: str) -> pd.DataFrame:
    return runs[(runs["task"] == task) & (runs["match"] == "width") & (runs["examples"] <= SMALL)]


def _given(table: pd.DataFrame, column: str) -> Interval:
    """Mean over sets and seeds, with the same draws of seeds as the leads: equal questions get equal intervals."""
    values = table.groupby("seed")[column].mean().to_numpy()
    return interval(values[draws(len(values), 0)].mean(1))


def pairing(runs: pd.DataFrame) -> float:
    """Width of an unpaired interval ÷ that of the paired one: median over conditions of the ratio of deviations."""
    ratios = []
    for _, part in runs[runs["match"] == "width"].groupby(["task", "examples"]):
        table = part.pivot(index="seed", columns="cell", values="accuracy")
        paired = (table["gru"] - table["lstm"]).std()
        if paired > 0:
            ratios.append(float(np.hypot(table["gru"].std(), table["lstm"].std()) / paired))
    return float(np.median(ratios))


def pairing_text(ratio: float) -> str:
    """What sharing the draw is worth, in one sentence."""
    if ratio > 1.2:
        return f"It does: without the pairing an interval would be {ratio:.1f} times as wide in the middle case."
    return (
        f"It hardly does: without the pairing an interval would be {ratio:.1f} times as wide in the middle case. A draw that is "
        "lucky for one cell is not the one that is lucky for the other; what spreads the dots is each run's own path."
    )


def numbers(runs: pd.DataFrame, leads: Leads, fixed: Leads, table: pd.DataFrame) -> dict[str, str]:
    """Texts for the prose, by name.

    Args:
        runs: at the chosen rates. leads, fixed: of `tuned_leads.leads` and `given`. table: of `sensitivity`.
    """
    return {
        "hindsight": hindsight(runs),
        "overfitting": overfitting(runs),
        "pairing": pairing_text(pairing(runs)),
        "choice": choice_text(leads, fixed),
        "fewer": fewer_text(table),
    }
