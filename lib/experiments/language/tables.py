"""Tables of the chapter *applications/language*: all models, and the texts that the cells draw."""

from __future__ import annotations

import html

import pandas as pd
from IPython.display import Markdown

from evidence.figures import LABELS
from experiments.language.analysis import GATED

NAMES = {**LABELS, "width": "equal width", "parameters": "equal parameters"}


def results(runs: pd.DataFrame, baselines: pd.DataFrame) -> Markdown:
    """A line a model: what it had and where it ended."""
    lines = ["| model | width | parameters or n-grams | learning rate | clipped | test bits |", "|---" * 6 + "|"]
    for row in baselines[baselines["characters"] == 0].to_dict("records"):
        counts = row["kind"] == "ngram"
        name, size = (f"{row['order']}-gram", f"{int(row['parameters']):,}") if counts else (row["kind"], "")
        lines.append(f"| {name} | | {size} | | | {row['test']:.3f} |")
    for (cell, match), rows in runs.groupby(["cell", "match"], sort=False):
        first, test = rows.iloc[0], rows["test"].astype(float)
        values = (
            f"{NAMES[cell]}, {NAMES[match]} | {first['width']} | {first['parameters']:,} | {first['learning_rate']:g}",
            f"{100 * rows['clipped'].mean():.0f} % | {test.mean():.3f} ± {test.std():.3f}",
        )
        lines.append(f"| {' | '.join(values)} |")
    return Markdown("\n".join(lines))


def samples(runs: pd.DataFrame) -> Markdown:
    """What LSTM and GRU draw at each temperature, first seed."""
    first = {row["cell"]: row["curves"] for row in runs[runs["look"] & (runs["seed"] == 0)].to_dict("records")}
    lines = ["| temperature | cell | text |", "|---|---|---|"]
    for place, temperature in enumerate(first["lstm"]["temperature"]):
        for cell in GATED:
            lines.append(f"| {temperature:g} | {LABELS[cell]} | {plain(first[cell]['samples'][place])} |")
    return Markdown("\n".join(lines))


def plain(text: str) -> str:
    """A drawn text as one safe line of a table: line breaks as ¶, and no character that Markdown would read."""
    safe = html.escape(text.replace("\n", " ¶ ")).replace("|", "&#124;")
    return "".join(f"&#{ord(mark)};" if mark in "*_`$[]{}\\" else mark for mark in safe)
