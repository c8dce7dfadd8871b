"""Tables, captions and descriptions of the figures of the chapter *performance/data_size*, from its runs."""

from __future__ import annotations

import pandas as pd
from IPython.display import Markdown

from gatedrnn.analyses.data_size import EQUAL, KINDS, SMALL, TASK_NAMES, at, differences, points
from gatedrnn.figures import LABELS
from gatedrnn.statistics import bootstrap
from gatedrnn.tuning import Tuned
from gatedrnn.verdicts import ledger


def tidy(runs: pd.DataFrame, base: pd.DataFrame) -> pd.DataFrame:
    """What the learning curves show: one row a run, baselines among them with their kind as `model`."""
    cells = runs.assign(model=runs["cell"] + ", equal " + runs["size"])
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
        rows, plain = runs[(runs["task"] == task) & (runs["size"] == "width")], base[base["task"] == task]
        lines = [(LABELS[cell], part) for cell, part in rows.groupby("cell")]
        lines += [(KINDS[kind], part) for kind, part in plain.groupby("kind")]
        for label, part in lines:
            middle = 100 * part.groupby("examples")["accuracy"].median()
            parts.append(f"{name}, {label}: " + ", ".join(f"{value:.0f} % at {n}" for n, value in middle.items()))
    return "Learning curves, median test accuracy by training sequences. " + "; ".join(parts) + "."


def differences_caption(table: pd.DataFrame, seeds: int) -> str:
    """Caption of the headline figure."""
    return (
        f"Accuracy of the GRU minus that of the LSTM on the same draw of training sequences, in points. {seeds} seeds, every "
        f"one a dot; bars are means with 95 % bootstrap intervals. Left the GRU has the LSTM's width, right its parameters. "
        f"Above the dashed line, {ledger()['P6'].margin:g} point, the lead counts. "
        + (
            f"Shaded: up to {SMALL} sequences; the vowels are small throughout."
            if table["examples"].max() > SMALL
            else ""
        )
    ).strip()


def differences_alt(table: pd.DataFrame) -> str:
    """The headline figure in words."""
    parts = [
        f"{TASK_NAMES[task]}, {EQUAL[size]}, {examples} sequences: {points(bootstrap(at(table, task, size, examples)), '')}"
        for (task, size, examples), _ in table.groupby(["task", "size", "examples"], sort=False)
    ]
    return "Dot plot of the difference GRU minus LSTM in points, mean with 95 % interval. " + "; ".join(parts) + "."


def tuning_caption(tuned: Tuned) -> str:
    """Caption of the tuning figure."""
    return (
        f"Mean validation accuracy on {tuned.runs['seed'].nunique()} tuning seeds against the learning rate. The number at the "
        "end of a pair of lines is the number of training sequences; a ring marks the rate chosen."
    )


def tuning_alt(tuned: Tuned) -> str:
    """The tuning figure in words."""
    parts = [
        f"{LABELS[row['cell']]} on {TASK_NAMES[row['task']]} with {row['examples']} sequences: {100 * row['score']:.0f} % at "
        f"{row['learning_rate']:g}"
        for row in tuned.best.to_dict("records")
        if row["cell"] in LABELS
    ]
    return "Accuracy against learning rate. Best mean accuracy and its rate: " + "; ".join(parts) + "."


def gap_caption(runs: pd.DataFrame, seeds: int) -> str:
    """Caption of the figure of training and test accuracy."""
    rows = runs[runs["size"] == "width"]
    gaps = (100 * (rows["train_accuracy"] - rows["accuracy"])).groupby([rows["task"], rows["examples"]]).mean()
    parts = [
        f"from {part.iloc[0]:.0f} to {part.iloc[-1]:.0f} points on {TASK_NAMES[task]}"
        for task, part in gaps.groupby(level=0, sort=False)
    ]
    return (
        f"Accuracy on the training sequences (hollow, dashed; 1000 at most) and on the test set (filled) at equal width, {seeds} "
        f"seeds. The distance between them shrinks {' and '.join(parts)} from the smallest training set to the largest."
    )


def gap_alt(runs: pd.DataFrame) -> str:
    """The figure of training and test accuracy in words."""
    rows = runs[runs["size"] == "width"]
    means = 100 * rows.groupby(["task", "cell", "examples"], sort=False)[["train_accuracy", "accuracy"]].mean()
    parts = [
        f"{TASK_NAMES[task]}, {LABELS[cell]}, {examples}: {row['train_accuracy']:.0f} and {row['accuracy']:.0f} %"
        for (task, cell, examples), row in means.iterrows()
    ]
    return "Accuracy on training and on test sequences, means. " + "; ".join(parts) + "."


def result_table(runs: pd.DataFrame, base: pd.DataFrame, task: str) -> Markdown:
    """Means and deviations over seeds on one task, a line a size, with the paired differences, as a Markdown table."""
    table, part, plain = differences(runs), runs[runs["task"] == task], base[base["task"] == task]
    kinds = list(plain["kind"].unique())
    names = " | ".join(KINDS[kind] for kind in kinds)
    lines = [
        f"| training sequences | LSTM, % | GRU, % | GRU − LSTM, points | GRU − LSTM at equal parameters | {names} |",
        "|---" * (5 + len(kinds)) + "|",
    ]
    for examples in sorted(part["examples"].unique()):
        rows = part[(part["examples"] == examples) & (part["size"] == "width")]
        cells = [str(examples), *(_spread(rows[rows["cell"] == cell]) for cell in ("lstm", "gru"))]
        found = [at(table, task, size, examples) for size in EQUAL]
        cells += [points(bootstrap(values), "") if len(values) else "not run" for values in found]
        cells += [_spread(plain[(plain["examples"] == examples) & (plain["kind"] == kind)]) for kind in kinds]
        lines.append(f"| {' | '.join(cells)} |")
    return Markdown("\n".join(lines))


def _spread(part: pd.DataFrame) -> str:
    return f"{100 * part['accuracy'].mean():.1f} ± {100 * part['accuracy'].std():.1f}"
