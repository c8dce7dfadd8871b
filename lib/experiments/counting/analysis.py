"""From the runs of the chapter *memory/counting* to its grids, tables, numbers and verdict."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from IPython.display import Markdown

from evidence.figures import LABELS
from evidence.statistics import Interval, bootstrap, ratio_bootstrap, sign_flip, wilson
from evidence.sweeps import sweep
from evidence.tuning import Tuned
from evidence.verdicts import CONTRADICTED, SUPPORTED, Evidence, Verdict, decide, ledger
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


def ratio(runs: pd.DataFrame, language: str, match: str = "width", cell: str = "gru") -> Interval:
    """First failing n of the LSTM ÷ that of another cell with the same seed: the median, with its interval.

    Who never failed counts as failing right after the longest string tested: for an LSTM that makes the ratio too small.
    """
    first, second = (select(runs, each, match, language=language)["fails_at"] for each in ("lstm", cell))
    return ratio_bootstrap(first.to_numpy(), second.loc[first.index].to_numpy())


def evidence(runs: pd.DataFrame, asked: pd.DataFrame) -> dict[str, Evidence]:
    """Evidence on claim M3 by language, by what is held equal and by the letters that the loss is on.

    Args:
        runs: with the loss on every letter. asked: of aⁿbⁿ at equal width, with the loss on the determined letters.
    """
    found = {}
    for language, name in LANGUAGES.items():
        for match, equal in EQUAL.items():
            found[f"{name}, {equal}, {ASKED['all']}"] = _evidence(runs, language, match)
    found[f"{LANGUAGES['anbn']}, {EQUAL['width']}, {ASKED['determined']}"] = _evidence(asked, "anbn", "width")
    return found


def _evidence(runs: pd.DataFrame, language: str, match: str) -> Evidence:
    """The ratio, and the p of its test against the ledger's margin."""
    first, second = (select(runs, each, match, language=language)["fails_at"] for each in ("lstm", "gru"))
    logs = np.log(first.to_numpy() / second.loc[first.index].to_numpy())
    return Evidence(ratio(runs, language, match), sign_flip(logs, float(np.log(ledger()["M3"].margin))))


def verdict(runs: pd.DataFrame, asked: pd.DataFrame) -> Verdict:
    """The verdict on claim M3, with what tells apart the conditions that support it from those that contradict it."""
    found = decide("M3", evidence(runs, asked))
    decided = [(*each.name.split(", "), each.word) for each in found.strata if each.word in (SUPPORTED, CONTRADICTED)]
    for place, name in ((2, "the letters that the loss is on"), (1, "what is held equal"), (0, "the language")):
        groups: dict[str, set[str]] = {}
        for parts in decided:
            groups.setdefault(parts[place], set()).add(parts[-1])
        if all(len(words) == 1 for words in groups.values()):
            return replace(found, factor=name)
    return replace(found, factor="the condition")


def share_beyond(rows: pd.DataFrame, n: int) -> Interval:
    """Share of seeds that are right for every string up to n, with its Wilson interval."""
    return wilson(int((rows["fails_at"] > n).sum()), len(rows))


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


def depth_difference(nests: pd.DataFrame, depth: int, match: str = "width", cell: str = "gru") -> Interval:
    """LSTM − another cell, share of right answers at a depth, in points, paired by seed."""
    table = at_depth(nests, depth)
    first, second = (select(table, each, match)["answered"] for each in ("lstm", cell))
    return bootstrap((first - second.loc[first.index]).to_numpy())


def depth_curves(nests: pd.DataFrame) -> pd.DataFrame:
    """One row a run and depth: cell, size, seed, depth, right."""
    parts = [
        pd.DataFrame({"depth": row["curves"]["depth"], "right": row["curves"]["right"]}).assign(
            cell=row["cell"], match=row["match"], seed=row["seed"]
        )
        for _, row in nests.iterrows()
    ]
    return pd.concat(parts, ignore_index=True)


def depth_baseline(context: int, tested_depth: int) -> pd.DataFrame:
    """Share of right answers by depth of the best answer out of a window; one row a depth."""
    right = window_curve(context, tested_depth)
    return pd.DataFrame({"depth": range(2, tested_depth + 1), "right": right, "context": context})


def progress(kinds: Mapping[str, pd.DataFrame], seeds: int) -> pd.DataFrame:
    """First failing n of LSTM and GRU over training on aⁿbⁿ: one row a run and look.

    Args:
        kinds: runs by what is done differently. seeds: only the first so many.
    """
    parts = []
    for kind, runs in kinds.items():
        rows = runs[runs["cell"].isin(["lstm", "gru"]) & (runs["match"] == "width") & (runs["language"] == "anbn")]
        for _, row in rows[rows["seed"] < seeds].iterrows():
            part = pd.DataFrame({"step": row["curves"]["look"], "fails_at": row["curves"]["horizon"]})
            parts.append(part.assign(kind=kind, cell=row["cell"], seed=row["seed"]))
    return pd.concat(parts, ignore_index=True)


def typical_seed(runs: pd.DataFrame, cell: str, language: str = "anbn") -> int:
    """The seed whose first failing n is the lower median of its cell: the one that is drawn."""
    order = select(runs, cell, language=language)["fails_at"].sort_values(kind="stable")
    return int(order.index[(len(order) - 1) // 2])


def follow(run: Callable[..., dict[str, Any]], points: Iterable[Mapping[str, Any]], runs: pd.DataFrame) -> pd.DataFrame:
    """The counting unit of the typical run of each cell over strings: one row a cell, n shown and step.

    Args:
        run: as for `sweep`. points: configurations with `shown`, those of `runs` otherwise.
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


def tidy(runs: pd.DataFrame, base: pd.DataFrame) -> pd.DataFrame:
    """What the headline figure shows, one row a run, the tables of last letters among them as cell `table`."""
    names = [
        "language",
        "cell",
        "match",
        "seed",
        "fails_at",
        "censored",
        "learned",
        "right",
        "early",
        "fit",
        "chosen_at",
    ]
    names += ["follows", "pace", "width", "parameters", "learning_rate", "steps", "clipped", "context"]
    table = base.assign(cell="table", learned=base["fails_at"] > int(runs["longest"].iloc[0]))
    return pd.concat([runs, table], ignore_index=True).reindex(columns=names)


def tuning_data(tunings: Mapping[str, Tuned]) -> pd.DataFrame:
    """All tunings by task, one row a run."""
    names = ["task", "cell", "learning_rate", "seed", "fit", "fails_at", "steps", "diverged"]
    return pd.concat([tuned.runs.assign(task=task) for task, tuned in tunings.items()], ignore_index=True)[names]


def horizon_table(runs: pd.DataFrame) -> Markdown:
    """First failing n by language, cell and size as a Markdown table: median, range, how many seeds got how far.

    A length that no seed of the table got to has no column.
    """
    longest, tested = int(runs["longest"].iloc[0]), int(runs["tested"].iloc[0])
    lengths = [n for n in (longest, 2 * longest, WEISS, tested) if n <= tested]
    lengths = [n for n in dict.fromkeys(lengths) if n == longest or (runs["fails_at"] > n).any()]
    heads = ["strings", "cell", "units", "parameters", "rate", "first failing n, median (range)"]
    heads += [f"right to n\N{NO-BREAK SPACE}=\N{NO-BREAK SPACE}{n}" for n in lengths]
    lines = [f"| {' | '.join(heads)} |", "|---|---|" + "--:|" * (len(heads) - 2)]
    for (language, cell, match), part in runs.groupby(["language", "cell", "match"], sort=False):
        low, middle, high = (
            f"{each:g}" if each <= tested else f">\N{NO-BREAK SPACE}{tested}"
            for each in part["fails_at"].quantile([0, 0.5, 1])
        )
        reach = f"{middle} ({low} to {high})".replace(" ", "\N{NO-BREAK SPACE}")
        row = [LANGUAGES[language], LABELS[cell] if match == "width" else f"{LABELS[cell]}, equal parameters"]
        row += [f"{int(part['width'].iloc[0])}", f"{int(part['parameters'].iloc[0]):,}"]
        row += [f"{part['learning_rate'].iloc[0]:g}", reach]
        row += [f"{int((part['fails_at'] > n).sum())}/{len(part)}" for n in lengths]
        lines.append(f"| {' | '.join(row)} |")
    return Markdown("\n".join(lines))
