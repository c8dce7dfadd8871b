"""Tables of the chapter *performance/data_size*: what its figures show, and means with intervals for its appendix."""

from __future__ import annotations

import pandas as pd
from IPython.display import Markdown

from evidence.format import NBSP
from evidence.statistics import Interval
from evidence.tuning import Tuned
from evidence.verdicts import Verdict
from experiments.data_size.analysis import KINDS, TASK_NAMES, by_seed, differences, resampled, wider
from experiments.data_size.grids import DAMPINGS, GATED, PLACE
from experiments.shared.tuned_leads import EQUAL, Leads


def tidy(runs: pd.DataFrame, base: pd.DataFrame) -> pd.DataFrame:
    """What the learning curves show: one row a run, baselines among them with their kind as `model`."""
    cells = runs.assign(model=runs["cell"].str.upper() + ", " + runs["match"].map(EQUAL))
    keys = ["task", "model", "examples", "seed", "accuracy"]
    return pd.concat([cells[keys], base.assign(model=base["kind"].map(KINDS))[keys]], ignore_index=True)


def named_damping(frame: pd.DataFrame) -> pd.Series:
    """What was done against learning by heart, in words."""
    known = {tuple(each.values()): name for name, each in DAMPINGS.items()}
    return pd.Series(
        [known[key] for key in frame[list(DAMPINGS["none"])].itertuples(index=False, name=None)], frame.index
    )


def settings(tuned: Tuned) -> pd.DataFrame:
    """What tuning chose: one row a cell and training set."""
    best = tuned.best
    return best.assign(damping=named_damping(best))[[*PLACE, "start", "damping", "learning_rate", "score"]]


def settings_table(tuned: Tuned) -> Markdown:
    """The same as a Markdown table, a line a training set and a column a cell: start, damping, rate."""
    rows = settings(tuned)
    cells = list(dict.fromkeys(rows["cell"]))
    lines = [f"| task | sequences | {' | '.join(cell.upper() for cell in cells)} |", "|---" * (2 + len(cells)) + "|"]
    for (task, examples), part in rows.groupby(["task", "examples"], sort=False):
        by_cell = part.set_index("cell")
        texts = [
            f"{by_cell.loc[cell, 'start']}, {by_cell.loc[cell, 'damping']}, {by_cell.loc[cell, 'learning_rate']:g}"
            for cell in cells
        ]
        lines.append(f"| {TASK_NAMES[str(task)]} | {examples:,} | {' | '.join(texts)} |")
    return Markdown("\n".join(lines))


def result_table(runs: pd.DataFrame, base: pd.DataFrame, leads: Leads, task: str) -> Markdown:
    """Means over seeds on one task, of the cells with deviations, a line a size, with the paired differences, as a Markdown table.

    Args:
        runs: at the chosen rates. base: of the baselines. leads: of `tuned_leads.leads`.
    """
    part, plain = runs[(runs["task"] == task) & (runs["match"] == "width")], base[base["task"] == task]
    table = differences(runs)
    kinds = list(plain["kind"].unique())
    heads = ["training sequences", "LSTM, %", "GRU, %", "GRU − LSTM, points", "equal parameters"]
    heads += [f"{KINDS[kind]}, %" for kind in kinds] + ["diverged"]
    lines = [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    for examples, rows in part.groupby("examples"):
        each = [rows[rows["cell"] == cell] for cell in GATED]
        cells = [f"{examples:,}", *map(_spread, each)]
        for match in EQUAL:
            known = (task, match, int(examples)) in leads
            where = (task, match, [int(examples)])
            cells.append(_wrapped(wider(by_seed(table, *where), resampled(leads, *where))) if known else "not run")
        means = plain[plain["examples"] == examples].groupby("kind")["accuracy"].mean()
        cells += [f"{100 * means[kind]:.1f}" for kind in kinds]
        cells.append(f"{NBSP}/{NBSP}".join(f"{one['diverged'].astype(bool).sum()}" for one in each))
        lines.append(f"| {' | '.join(cells)} |")
    return Markdown("\n".join(lines))


def attack_table(verdict: Verdict, weighed: dict[str, dict]) -> Markdown:
    """Each condition under attack, a line an attack: GRU − LSTM in points with its interval, and what became of the answer.

    Args:
        verdict: of the chapter. weighed: evidence by attack and condition.
    """
    names = list(dict.fromkeys(name for each in weighed.values() for name in each))
    outcomes = {each.name: each.outcome for each in verdict.attacks}
    lines = [f"| attack | {' | '.join(names)} | the answer |", "|---" * (2 + len(names)) + "|"]
    for attack, each in weighed.items():
        texts = [each[name].interval.signed().replace(" ", NBSP) if name in each else "not run" for name in names]
        lines.append(f"| {attack} | {' | '.join(texts)} | {outcomes[attack]} |")
    return Markdown("\n".join(lines))


def _spread(part: pd.DataFrame) -> str:
    return f"{100 * part['accuracy'].mean():.1f}{NBSP}±{NBSP}{100 * part['accuracy'].std():.1f}"


def _wrapped(found: Interval) -> str:
    """An interval that may be broken before its bracket alone."""
    return found.signed().replace(", ", f",{NBSP}")
