"""From the runs of the chapter *performance/data_size* to its tables, numbers, sentences and verdict."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import combinations

import numpy as np
import pandas as pd

from gatedrnn.experiments.data_size import LOOKS
from gatedrnn.statistics import Interval, bootstrap, sign_flip
from gatedrnn.tuning import Tuned
from gatedrnn.verdicts import CONTRADICTED, INCONCLUSIVE, SUPPORTED, Evidence, Stratum, Verdict, ledger

SMALL = 500
"""Training sets of at most so many sequences count as small: settled before the runs that are reported."""
TASK_NAMES = {"mnist1d": "MNIST-1D", "vowels": "Japanese vowels"}
EQUAL = {"width": "equal width", "parameters": "equal parameters"}
PLACES = ("the task", "the size of the training set", "what is held equal")
KINDS = {"points": "logistic regression", "mean": "logistic, time-mean", "static": "logistic, four summaries"}


def nearest(tuned_at: Iterable[int], examples: int) -> int:
    """The tuned size nearest in ratio, the larger of two equals: its learning rates are used at `examples`."""
    return min(tuned_at, key=lambda size: (max(size / examples, examples / size), -size))


def differences(runs: pd.DataFrame, cell: str = "gru", metric: str = "accuracy") -> pd.DataFrame:
    """A metric of each run of `cell` minus that of the LSTM with the same task, training set and seed, in points.

    Args:
        runs: rows of the sweep; the LSTM's are of the size `width` alone.
        cell: whose runs.
        metric: a share between 0 and 1.

    Returns:
        One row a run of `cell`.
    """
    keys = ["task", "examples", "seed"]
    lstm = runs[runs["cell"] == "lstm"].set_index(keys)[metric]
    rows = runs[runs["cell"] == cell].copy()
    rows["difference"] = 100 * (rows[metric].to_numpy() - lstm.loc[pd.MultiIndex.from_frame(rows[keys])].to_numpy())
    return rows[[*keys, "size", "difference", metric, "width", "parameters", "learning_rate"]].reset_index(drop=True)


def at(table: pd.DataFrame, task: str, size: str, examples: int) -> pd.Series:
    """Differences at one size of the training set, by seed."""
    part = table[(table["task"] == task) & (table["size"] == size) & (table["examples"] == examples)]
    return part.set_index("seed")["difference"].sort_index()


def small(table: pd.DataFrame, task: str, size: str) -> pd.Series:
    """Differences averaged over the small training sets, by seed."""
    part = table[(table["task"] == task) & (table["size"] == size) & (table["examples"] <= SMALL)]
    return part.groupby("seed")["difference"].mean()


def evidence(table: pd.DataFrame) -> dict[str, Evidence]:
    """Evidence on claim P6 by task, small size and what is held equal: GRU − LSTM in points, paired by seed.

    The exact sign-flip test is against the margin of the ledger.
    """
    found = {}
    for (task, examples, size), _ in table[table["examples"] <= SMALL].groupby(
        ["task", "examples", "size"], sort=False
    ):
        values = at(table, task, size, examples).to_numpy()
        name = f"{TASK_NAMES[task]}, {examples} sequences, {EQUAL[size]}"
        found[name] = Evidence(bootstrap(values), sign_flip(values, ledger()["P6"].margin))
    return found


def factor(strata: list[Stratum]) -> str:
    """What tells the decided conditions apart: the fewest of task, training-set size and equality that do."""
    decided = [(stratum.name.split(", "), stratum.word) for stratum in strata if stratum.word != INCONCLUSIVE]
    for count in range(1, len(PLACES) + 1):
        for places in combinations(range(len(PLACES)), count):
            groups: dict[tuple[str, ...], set[str]] = {}
            for parts, word in decided:
                groups.setdefault(tuple(parts[place] for place in places), set()).add(word)
            if all(len(words) == 1 for words in groups.values()):
                return " and ".join(PLACES[place] for place in places)
    return "the condition"


def sentence(table: pd.DataFrame, verdict: Verdict) -> str:
    """What the verdict says to a reader who has to choose."""
    words = [stratum.word for stratum in verdict.strata]
    counts = ", ".join(
        f"{words.count(word)} {said}"
        for word, said in ((SUPPORTED, "above"), (CONTRADICTED, "below"), (INCONCLUSIVE, "on both sides of"))
    )
    parts = [f"{points(bootstrap(small(table, task, 'width')))} on {name}" for task, name in _tasks(table)]
    return (
        f"With at most {SMALL} training sequences the GRU's lead at equal width is {' and '.join(parts)}. Of "
        f"{len(words)} conditions the interval lies in {counts} the margin of {ledger()['P6'].margin:g} point."
    )


def words(verdict: Verdict) -> str:
    """The conditions by what their intervals say about the claim."""
    parts: list[str] = []
    for word, said in ((SUPPORTED, "support it"), (CONTRADICTED, "contradict it"), (INCONCLUSIVE, "decide nothing")):
        count = sum(stratum.word == word for stratum in verdict.strata)
        parts.append(f"{count} of {len(verdict.strata)} conditions {said}" if not parts else f"{count} {said}")
    return f"{', '.join(parts[:-1])} and {parts[-1]}."


def finding(table: pd.DataFrame, task: str) -> str:
    """Who is better on the small training sets of one task, at equal width and at equal parameters."""
    width, equal = (bootstrap(small(table, task, size)) for size in EQUAL)
    sizes = [n for n in sorted(table[table["task"] == task]["examples"].unique()) if n <= SMALL]
    span = f"{sizes[0]} to {sizes[-1]}" if len(sizes) > 1 else str(sizes[0])
    return (
        f"{TASK_NAMES[task]}, {span} training sequences: {says(width)} at equal width by {points(width)}, "
        f"and {says(equal)} at equal parameters by {points(equal)}."
    )


def cause(table: pd.DataFrame) -> str:
    """What of the small-set difference comes from the parameter count."""
    parts = []
    for task, name in _tasks(table):
        shift = bootstrap(small(table, task, "parameters") - small(table, task, "width"))
        found = "no difference is visible" if shift.low <= 0 <= shift.high else "so the count has a part in it"
        parts.append(f"{points(shift)} on {name} ({found})")
    return "Giving the GRU as many parameters as the LSTM moves the difference by " + " and by ".join(parts) + "."


def trend(table: pd.DataFrame, task: str) -> tuple[Interval, Interval]:
    """At equal width: the difference at the largest training set, and by how much it is larger on small ones.

    Where all sets of a task are small, the smallest one is set against the largest one.
    """
    sizes = sorted(table[table["task"] == task]["examples"].unique())
    last = at(table, task, "width", sizes[-1])
    few = small(table, task, "width") if sizes[-1] > SMALL else at(table, task, "width", sizes[0])
    return bootstrap(last), bootstrap(few - last)


def trend_text(table: pd.DataFrame, task: str) -> str:
    """Whether it is the small size that favours a cell, in one sentence."""
    sizes = sorted(table[table["task"] == task]["examples"].unique())
    last, more = trend(table, task)
    few = "the small training sets" if sizes[-1] > SMALL else f"{sizes[0]} sequences"
    found = "no larger and no smaller, as far as can be told" if more.low <= 0 <= more.high else "different"
    if more.low > 0:
        found = "larger"
    elif more.high < 0:
        found = "smaller"
    return (
        f"With {sizes[-1]} training sequences of {TASK_NAMES[task]} the difference is {points(last)}. On {few} it is "
        f"{found}: {points(more)} more."
    )


def hindsight(runs: pd.DataFrame) -> str:
    """Whether stopping each run at its best look would change the difference on small sets; nobody can do that."""
    best = runs.assign(accuracy=[max(curves["accuracy"]) for curves in runs["curves"]])
    parts = [
        f"{points(bootstrap(small(differences(best), task, 'width')))} instead of "
        f"{points(bootstrap(small(differences(runs), task, 'width')))} on {name}"
        for task, name in _tasks(runs)
    ]
    return (
        f"Were every run stopped at the best of its {LOOKS} looks at the test set, which nobody can know beforehand, the "
        f"lead of the GRU at equal width on the small sets would be {' and '.join(parts)}."
    )


def pairing(runs: pd.DataFrame) -> float:
    """Width of an unpaired interval ÷ that of the paired one: median over conditions of the ratio of deviations."""
    ratios = []
    for _, part in runs[runs["size"] == "width"].groupby(["task", "examples"]):
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


def coupled(runs: pd.DataFrame, second: pd.DataFrame) -> str:
    """How much of the GRU's lead an LSTM with coupled gates has, on the training sets for which both were run."""
    gru = differences(runs[runs["size"] == "width"])
    tied = differences(pd.concat([runs[runs["cell"] == "lstm"], second]), "lstm_coupled")
    parts = []
    for task, name in _tasks(tied):
        sizes = set(tied[tied["task"] == task]["examples"])
        lead = gru[(gru["task"] == task) & gru["examples"].isin(sizes)].groupby("seed")["difference"].mean()
        gain = tied[tied["task"] == task].groupby("seed")["difference"].mean()
        rest = bootstrap(lead - gain)
        parts.append(
            f"on {name} the coupled LSTM is {points(bootstrap(gain))} above the plain one; from there to the GRU it is "
            f"another {points(rest)}"
        )
    text = "; ".join(parts) + "."
    return text[0].upper() + text[1:]


def numbers(runs: pd.DataFrame, base: pd.DataFrame, tuned: Tuned, second: pd.DataFrame) -> dict[str, str]:
    """Texts for the prose, by name."""
    table = differences(runs)
    found = {
        "small": str(SMALL),
        "margin": f"{ledger()['P6'].margin:g}",
        "cause": cause(table),
        "hindsight": hindsight(runs),
        "coupled": coupled(runs, second),
        "pairing": pairing_text(pairing(runs)),
        "tuning-seeds": str(tuned.runs["seed"].nunique()),
        "frame": str(int(runs["frame"].iloc[0])),
        "hidden": str(int(runs["hidden_size"].iloc[0])),
        "again": _listed(second["examples"].unique()),
    }
    for kind, part in base.groupby("kind"):
        means = 100 * part.groupby("examples")["accuracy"].mean()
        found |= {f"low-{kind}": f"{means.iloc[0]:.1f} %", f"high-{kind}": f"{means.iloc[-1]:.1f} %"}
    for task, _ in _tasks(runs):
        part = runs[runs["task"] == task]
        width = part[part["size"] == "width"]
        found[f"finding-{task}"] = finding(table, task)
        found[f"trend-{task}"] = trend_text(table, task)
        found[f"steps-{task}"] = str(int(part["steps"].iloc[0]))
        found[f"batch-{task}"] = str(int(part["batch"].iloc[0]))
        few = width[width["examples"] == width["examples"].min()]
        found[f"smallest-{task}"] = str(int(width["examples"].min()))
        found[f"tuned-{task}"] = _listed(tuned.best[tuned.best["task"] == task]["examples"].unique())
        for cell in ("lstm", "gru"):
            found[f"fit-{task}-{cell}"] = f"{100 * few[few['cell'] == cell]['train_accuracy'].mean():.0f} %"
            learned = part[part["cell"] == cell].groupby("size")[["width", "parameters"]].first()
            for size in learned.index:
                found[f"model-{task}-{cell}-{size}"] = (
                    f"{learned.loc[size, 'parameters']:,.0f} parameters ({learned.loc[size, 'width']:.0f} units)"
                )
        found[f"baseline-{task}"] = against(width, base[base["task"] == task])
    return found


def against(runs: pd.DataFrame, base: pd.DataFrame) -> str:
    """The best baseline of one task against the better of the two cells, at the smallest and the largest set."""
    parts = []
    for examples in sorted(runs["examples"].unique())[:: max(1, runs["examples"].nunique() - 1)]:
        cells = 100 * runs[runs["examples"] == examples].groupby("cell")["accuracy"].mean()
        kinds = 100 * base[base["examples"] == examples].groupby("kind")["accuracy"].mean()
        parts.append(
            f"with {examples} sequences {kinds.max():.1f} % ({KINDS[kinds.idxmax()]}) against {cells.max():.1f} % "
            f"({cells.idxmax().upper()})"
        )
    return ", ".join(parts)


def points(interval: Interval, unit: str = " points") -> str:
    """Such as `+3.1 [+2.0, +4.2] points`."""
    return interval.signed() + unit


def says(interval: Interval) -> str:
    """Who leads, where the interval of GRU − LSTM excludes zero."""
    if interval.low > 0:
        return "the GRU leads"
    return "the LSTM leads" if interval.high < 0 else "neither is shown to lead"


def _tasks(rows: pd.DataFrame) -> list[tuple[str, str]]:
    return [(task, name) for task, name in TASK_NAMES.items() if task in set(rows["task"])]


def _listed(values: Iterable[int]) -> str:
    *first, last = [str(value) for value in sorted(values)]
    return f"{', '.join(first)} and {last}" if first else last
