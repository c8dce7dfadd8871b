"""The tables of the chapter *memory/recall*."""

from __future__ import annotations

import pandas as pd
from IPython.display import Markdown

from evidence.figures import LABELS
from evidence.format import NBSP
from experiments.recall.analysis import GATED, cases, name, pick


def result_table(table: pd.DataFrame) -> Markdown:
    """LSTM and GRU of equal width, a line a task, start and cell: solved seeds and median steps by length."""
    lengths = sorted(table["length"].unique())
    heads = ["task, start", "cell", "rates", *(f"T{NBSP}={NBSP}{each}" for each in lengths), "clipped"]
    lines = [f"| {' | '.join(heads)} |", "|---|---|---" + "|--:" * (len(lengths) + 1) + "|"]
    before = ""
    for case in cases(rnn=False):
        rows = pick(table, **case, match="width")
        label = f"{case['task']}, {name(case['start'])}".replace("framework ", "")
        seen = [_seen(pick(rows, length=length)) for length in lengths]
        cells = ["" if label == before else label, LABELS[case["cell"]], _rates(rows), *seen, _cut(rows)]
        lines.append(f"| {' | '.join(cells)} |")
        before = label
    return Markdown("\n".join(lines))


def other_table(table: pd.DataFrame) -> Markdown:
    """What ran at some lengths only: the GRU with as many parameters as the LSTM, and the tanh network."""
    lines = ["| cell | task, start | rate | length | solved · steps | clipped |", "|---|---|---|--:|--:|--:|"]
    others = [(case, "parameters") for case in cases(rnn=False) if case["cell"] == "gru"]
    others += [(case, "width") for case in cases() if case["cell"] not in GATED]
    for case, match in others:
        for length, rows in pick(table, **case, match=match).groupby("length"):
            label = case["task"] + (
                f", {name(case['start'])}".replace("framework ", "") if match == "parameters" else ""
            )
            cell = f"{LABELS[case['cell']]}, {rows['width'].iloc[0]} units"
            cells = [cell, label, _rates(rows), str(length), _seen(rows), _cut(rows)]
            lines.append(f"| {' | '.join(cells)} |")
    return Markdown("\n".join(lines))


def _seen(rows: pd.DataFrame) -> str:
    """Such as `9/10 · 170`; steps are censored where half of the runs or more were not solved."""
    if rows.empty:
        return ""
    steps = f"{rows['steps'].median():.0f}" if rows["solved"].mean() > 0.5 else f">{rows['steps_allowed'].max()}"
    return f"{int(rows['solved'].sum())}/{len(rows)}{NBSP}·{NBSP}{steps}"


def _rates(rows: pd.DataFrame) -> str:
    return ", ".join(f"{each:g}" for each in dict.fromkeys(rows.sort_values("length")["learning_rate"]))


def _cut(rows: pd.DataFrame) -> str:
    return f"{100 * rows['clipped'].mean():.0f}{NBSP}%"
