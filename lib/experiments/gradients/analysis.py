"""From runs to answers, for the chapter *memory/gradients*."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from IPython.display import Markdown

from evidence.figures import LABELS
from evidence.format import NBSP
from evidence.significance import interaction
from evidence.verdicts import Evidence, weigh
from gatedrnn.initialisation import half_life

GATED = ("lstm", "gru")
TENS = 28
"""The lag, in steps, at which cells and biases are compared: tens of steps."""


def fresh_grid(lags: int) -> list[dict[str, Any]]:
    """Cells and starts that are looked at before any training."""
    starts = ["default", "bias:0", "bias:1", "bias:3", "bias:5", f"chrono:{lags}"]
    grid = [{"cell": cell, "start": start} for cell in GATED for start in starts]
    grid += [{"cell": "gru_before", "start": start} for start in ("default", "bias:3")]
    return [*grid, {"cell": "rnn", "start": "default"}]


def learned_grid(delay: int, steps: int) -> list[dict[str, Any]]:
    """Cases that are trained, each before (no steps) and after."""
    cases = [(cell, start) for cell in GATED for start in ("bias:1", f"chrono:{delay}")]
    return [{"cell": c, "start": s, "steps": n} for c, s in [*cases, ("rnn", "default")] for n in (0, steps)]


def evidence(runs: pd.DataFrame) -> dict[str, Evidence]:
    """Half-life of a gated cell ÷ that of the tanh network with the same seed, by cell and start, before training.

    Half-lives that outlast the sequence count as its length, so these ratios are too small rather than too large.
    """
    return {name: weigh("M1", values) for name, values in ratios(runs).items()}


def ratios(runs: pd.DataFrame) -> dict[str, pd.Series]:
    """What `evidence` weighs, by seed."""
    rnn = runs[runs["cell"] == "rnn"].set_index("seed")["half_life"]
    found = {}
    for (cell, start), part in runs[runs["cell"].isin(GATED)].groupby(["cell", "start"], sort=False):
        own = part.set_index("seed")["half_life"]
        found[f"{LABELS[cell]}, {start_name(start)}"] = (own / rnn.loc[own.index]).sort_index()
    return found


def differ(runs: pd.DataFrame) -> float:
    """P that the ratios are the same under all conditions."""
    return interaction(np.log(list(ratios(runs).values())))


def tidy(runs: pd.DataFrame) -> pd.DataFrame:
    """The runs without curves, with a `name` of the start and log10 of the memory's gain at `tens` and at the `end`."""
    lags = runs["curves"].iloc[0]["lag"]
    gains = {"gain": lags.index(tens(runs)), "end": len(lags) - 1}
    found = {name: [curves["memory"][at] for curves in runs["curves"]] for name, at in gains.items()}
    return runs.drop(columns="curves").assign(name=runs["start"].map(start_name), **found)


def tens(runs: pd.DataFrame) -> int:
    """The lag that is kept in these curves and lies nearest below `TENS`."""
    return max(lag for lag in runs["curves"].iloc[0]["lag"] if lag <= TENS)


def spectra(runs: pd.DataFrame) -> np.ndarray:
    """log10 of the singular values after learning, one row a run: of those that solved the task, or of all if none did."""
    solved = runs[runs["solved_at"].notna()]
    return np.array([curves["spectrum"] for curves in (runs if solved.empty else solved)["curves"]])


def half_life_table(runs: pd.DataFrame, lags: int) -> Markdown:
    """Median half-life, its range over seeds and the gate's own, by cell and start, as a Markdown table."""
    heads = ["cell", "start", "half-life of the memory", "range over seeds", "the gate alone", "half-life of h → h"]
    lines = [f"| {' | '.join(heads)} |", "|---|---|--:|--:|--:|--:|"]
    for (cell, start), part in runs.groupby(["cell", "start"], sort=False):
        kind, _, value = start.partition(":")
        alone = f"{half_life(float(value)):.1f}" if kind == "bias" else "–"
        middle, low, high = (steps(each, lags) for each in part["half_life"].quantile([0.5, 0, 1]))
        between = low if low == high else f"{low}{NBSP}to{NBSP}{high}"
        hidden = steps(part["half_life_h"].median(), lags)
        lines.append(f"| {LABELS[cell]} | {start_name(start)} | {middle} | {between} | {alone} | {hidden} |")
    return Markdown("\n".join(lines))


def steps(value: float, lags: int) -> str:
    """A half-life, censored at the length of the sequence."""
    return f">{NBSP}{lags}" if value >= lags else f"{value:.1f}"


def start_name(start: str) -> str:
    """How a start is called in a figure."""
    kind, _, value = start.partition(":")
    return {"default": "default", "bias": f"bias {value}", "chrono": "chrono"}[kind]
