"""The table of all models of the chapter *applications/music*."""

from __future__ import annotations

import pandas as pd
from IPython.display import Markdown

from evidence.figures import LABELS
from experiments.music.analysis import BASELINES

HEADS = {"keys": "each key by itself", "chord": "keys that know each other"}
NAMES = {**LABELS, **HEADS, "width": "equal width", "parameters": "equal parameters", "0": "all"}


def results(runs: pd.DataFrame, best: pd.DataFrame) -> Markdown:
    """A line a model: what it had and where it ended."""
    heads = ("knows", "model", "width", "parameters", "learning rate", "best step", "clipped", "test NLL")
    rows = [heads, ["---", "---", *["---:"] * (len(heads) - 2)]]
    for name, (_, head) in BASELINES.items():
        size, test = best.loc[name, "parameters"], best.loc[name, "test"]
        rows.append([HEADS[head], name, "", f"{int(size):,}", "", "", "", f"{test:.3f}"])
    for (head, cell, match), part in runs.groupby(["head", "cell", "match"], sort=False):
        first, test = part.iloc[0], part["test"]
        size = [f"{first['width']}", f"{first['parameters']:,}", f"{first['learning_rate']:g}"]
        training = [f"{part['best_step'].median():.0f}", f"{100 * part['clipped'].mean():.0f} %"]
        score = f"{test.mean():.3f} ± {test.std():.3f}"
        rows.append([HEADS[head], f"{LABELS[cell]}, {NAMES[match]}", *size, *training, score])
    return Markdown("\n".join(f"| {' | '.join(row)} |" for row in rows))
