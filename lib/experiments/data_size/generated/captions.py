"""Tables, captions and descriptions of the figures of the chapter *performance/data_size*, from its runs."""

from __future__ import annotations

import pandas as pd
from IPython.display import Markdown

from evidence.figures import LABELS
from evidence.tuning import Tuned
from evidence.verdicts import CONTRADICTED, DEPENDS, INCONCLUSIVE, SUPPORTED, ledger
from experiments.data_size.analysis import KINDS, SMALL, TASK_NAMES, in_points
from experiments.shared.tuned_leads import EQUAL, Leads, interval


def tidy(runs: pd.DataFrame, base: pd.DataFrame) -> pd.DataFrame:
    """What the learning curves show: one row a run, baselines among them with their kind as `model`."""
    cells = runs.assign(model=runs["cell"] + ", equal " + runs["match"])
    keys = ["task", "model", "examples", "seed", "accuracy"]
    return pd.concat([cells[keys], base.assign(model=base["kind"])[keys]], ignore_index=True)


def curves_caption(seeds: int) -> str:
    """Caption of the learning curves."""
    return (
        f"Test accuracy against the number of training sequences. {seeds} seeds, every one a dot; lines go through the medians. "
        "Grey lines are logistic regressions on the same sequences, without a recurrent network. The two scales differ."
    )


def curves_alt(runs: pd.DataFrame, base: pd.DataFrame) -> str:
    """The learning curves in words."""
    parts = []
    for task, name in TASK_NAMES.items():
        rows, plain = runs[(runs["task"] == task) & (runs["match"] == "width")], base[base["task"] == task]
        lines = [(LABELS[cell], part) for cell, part in rows.groupby("cell")]
        lines += [(KINDS[kind], part) for kind, part in plain.groupby("kind")]
        for label, part in lines:
            middle = 100 * part.groupby("examples")["accuracy"].median()
            parts.append(f"{name}, {label}: " + ", ".join(f"{value:.0f} % at {n}" for n, value in middle.items()))
    return "Learning curves, median test accuracy by training sequences. " + "; ".join(parts) + "."


def differences_caption(leads: Leads, seeds: int) -> str:
    """Caption of the headline figure."""
    shaded = f" Shaded: small, up to {SMALL} sequences; larger sets are run at equal width alone."
    return (
        f"Accuracy of the GRU minus that of the LSTM on the same draw of training sequences, in points. {seeds} seeds at the "
        "chosen rates, every one a dot; bars are means with 95 % bootstrap intervals that count the choice of the rates. Left "
        "the GRU has the LSTM's width, right its parameters. Above the dashed line, "
        f"{ledger()['P6'].margin:g} point, the lead counts." + (shaded if max(key[2] for key in leads) > SMALL else "")
    )


def differences_alt(leads: Leads) -> str:
    """The headline figure in words."""
    parts = [
        f"{TASK_NAMES[task]}, {EQUAL[match]}, {examples} sequences: {in_points(interval(values), '')}"
        for (task, match, examples), values in leads.items()
    ]
    return "Dot plot of the difference GRU minus LSTM in points, mean with 95 % interval. " + "; ".join(parts) + "."


def tuning_caption(tuned: Tuned) -> str:
    """Caption of the tuning figure."""
    return (
        "Validation accuracy against the learning rate, a panel for each number of training sequences: means of "
        f"{tuned.runs['seed'].nunique()} tuning seeds with one standard error. A ring marks the rate chosen; filled markers are "
        "the rates that a resample of the tuning seeds may choose too, and that were run on the reported seeds."
    )


def tuning_alt(tuned: Tuned) -> str:
    """The tuning figure in words."""
    parts = [
        f"{LABELS[row['cell']]} on {TASK_NAMES[row['task']]} with {row['examples']} sequences: {100 * row['score']:.0f} % at "
        f"{row['learning_rate']:g}"
        for row in tuned.best.to_dict("records")
    ]
    return "Accuracy against learning rate. Best mean accuracy and its rate: " + "; ".join(parts) + "."


def gap_caption(runs: pd.DataFrame, seeds: int) -> str:
    """Caption of the figure of training and test accuracy."""
    rows = runs[runs["match"] == "width"]
    gaps = (100 * (rows["train_accuracy"] - rows["accuracy"])).groupby([rows["task"], rows["examples"]]).mean()
    parts = [
        f"{part.iloc[0]:.0f} to {part.iloc[-1]:.0f} points on {TASK_NAMES[task]}"
        for task, part in gaps.groupby(level=0, sort=False)
    ]
    return (
        f"Accuracy on the training sequences (hollow, dashed; 1,000 at most) and on the test set (filled) at equal width, {seeds} "
        f"seeds. Averaged over the two cells, the distance between them goes from {' and from '.join(parts)}, from the smallest "
        "training set to the largest."
    )


def gap_alt(runs: pd.DataFrame) -> str:
    """The figure of training and test accuracy in words."""
    rows = runs[runs["match"] == "width"]
    means = 100 * rows.groupby(["task", "cell", "examples"], sort=False)[["train_accuracy", "accuracy"]].mean()
    parts = [
        f"{TASK_NAMES[task]}, {LABELS[cell]}, {examples}: {row['train_accuracy']:.0f} and {row['accuracy']:.0f} %"
        for (task, cell, examples), row in means.iterrows()
    ]
    return "Accuracy on training and on test sequences, means. " + "; ".join(parts) + "."


def result_table(runs: pd.DataFrame, base: pd.DataFrame, leads: Leads, task: str) -> Markdown:
    """Means and deviations over seeds on one task, a line a size, with the paired differences, as a Markdown table.

    Args:
        runs: at the chosen rates. base: of the baselines. leads: of `tuned_leads.leads`.
    """
    part, plain = runs[runs["task"] == task], base[base["task"] == task]
    kinds = list(plain["kind"].unique())
    names = ", % | ".join(KINDS[kind] for kind in kinds)
    lines = [
        "| training sequences | rates, LSTM / GRU | LSTM, % | GRU, % | GRU − LSTM, points | the same at equal parameters | "
        f"{names}, % |",
        "|---" * (6 + len(kinds)) + "|",
    ]
    for examples in sorted(part["examples"].unique()):
        rows = part[(part["examples"] == examples) & (part["match"] == "width")]
        each = [rows[rows["cell"] == cell] for cell in ("lstm", "gru")]
        cells = [f"{examples:,}", " / ".join(f"{one['learning_rate'].iloc[0]:g}" for one in each), *map(_spread, each)]
        found = [leads.get((task, match, examples)) for match in EQUAL]
        cells += ["not run" if values is None else in_points(interval(values), "") for values in found]
        cells += [_spread(plain[(plain["examples"] == examples) & (plain["kind"] == kind)]) for kind in kinds]
        lines.append(f"| {' | '.join(cell.replace(' ', chr(160)) for cell in cells)} |")
    return Markdown("\n".join(lines))


def sensitivity_table(table: pd.DataFrame) -> Markdown:
    """What fewer tuning seeds would have found, from `data_size_looks.sensitivity`, as a Markdown table."""
    words = [word for word in (SUPPORTED, CONTRADICTED, DEPENDS, INCONCLUSIVE) if table[word].any()]
    tasks = [column.removeprefix("sd-") for column in table if column.startswith("sd-")]
    head = [*(f"*{word}*" for word in words), *(f"SD of the lead, {TASK_NAMES[task]}" for task in tasks)]
    lines = [f"| tuning seeds | ways to pick them | {' | '.join(head)} |", "|---" * (2 + len(head)) + "|"]
    for row in table.to_dict("records"):
        cells = [f"{row['ways']}", *(f"{100 * row[word]:.0f}\u00a0%" for word in words)]
        cells += [f"{row[f'sd-{task}']:.1f}\u00a0points" for task in tasks]
        lines.append(f"| {row['tuning_seeds']} | {' | '.join(cells)} |")
    return Markdown("\n".join(lines))


def _spread(part: pd.DataFrame) -> str:
    return f"{100 * part['accuracy'].mean():.1f} ± {100 * part['accuracy'].std():.1f}"
