"""From runs to answers, for the chapter *memory/gradients*."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from gatedrnn.figures import LABELS
from gatedrnn.initialisation import half_life
from gatedrnn.plots.gradients import scheme_name
from gatedrnn.statistics import Interval, ratio_bootstrap, wilson

GATED = ("lstm", "gru")


def fresh_grid(lags: int) -> list[dict[str, Any]]:
    """Cells and schemes that are looked at before any training."""
    schemes = ["default", "bias:0", "bias:1", "bias:3", "bias:5", f"chrono:{lags}"]
    grid = [{"cell": cell, "scheme": scheme} for cell in GATED for scheme in schemes]
    grid += [{"cell": "gru_before", "scheme": scheme} for scheme in ("default", "bias:3")]
    return [*grid, {"cell": "rnn", "scheme": "default"}]


def learned_grid(delay: int, steps: int) -> list[dict[str, Any]]:
    """Cases that are trained, each before (no steps) and after."""
    cases = [(cell, scheme) for cell in GATED for scheme in ("bias:1", f"chrono:{delay}")]
    return [{"cell": c, "scheme": s, "steps": n} for c, s in [*cases, ("rnn", "default")] for n in (0, steps)]


def evidence(runs: pd.DataFrame) -> dict[str, Interval]:
    """Half-life of a gated cell ÷ that of the tanh network with the same seed, by cell and scheme, before training.

    Half-lives that outlast the sequence count as its length, so these ratios are too small rather than too large.
    """
    rnn = runs[runs["cell"] == "rnn"].set_index("seed")["half_life"]
    found = {}
    for (cell, scheme), part in runs[runs["cell"].isin(GATED)].groupby(["cell", "scheme"], sort=False):
        own = part.set_index("seed")["half_life"]
        found[f"{LABELS[cell]}, {scheme_name(scheme)}"] = ratio_bootstrap(own, rnn.loc[own.index])
    return found


def half_life_table(runs: pd.DataFrame, lags: int) -> pd.DataFrame:
    """Median half-life, its range over seeds and the gate's own, by cell and scheme."""
    rows = []
    for (cell, scheme), part in runs.groupby(["cell", "scheme"], sort=False):
        kind, _, value = scheme.partition(":")
        alone = f"{half_life(float(value)):.1f}" if kind == "bias" else ""
        middle, low, high = (_steps(each, lags) for each in part["half_life"].quantile([0.5, 0, 1]))
        hidden = _steps(part["half_life_h"].median(), lags)
        rows.append((LABELS[cell], scheme_name(scheme), middle, f"{low} to {high}", alone, hidden))
    columns = ["cell", "start", "half-life of the memory", "range over seeds", "the gate alone", "half-life of h → h"]
    return pd.DataFrame(rows, columns=columns).set_index(["cell", "start"])


def numbers(fresh: pd.DataFrame, learned: pd.DataFrame, lags: int) -> Iterator[tuple[str, str]]:
    """Names and texts of what the prose quotes."""
    for (cell, scheme), part in fresh.groupby(["cell", "scheme"], sort=False):
        yield f"half-{cell}-{_slug(scheme)}", _steps(part["half_life"].median(), lags)
        gains = [10 ** curves["memory"][curves["lag"].index(10)] for curves in part["curves"]]
        yield f"ten-{cell}-{_slug(scheme)}", f"{np.median(gains):.2g}"
    yield "gate-0", f"{half_life(0.0):.0f}"
    yield "gate-3", f"{half_life(3.0):.0f}"
    apart = fresh[fresh["cell"].isin(["gru", "gru_before"]) & (fresh["scheme"] == "bias:3")]
    middle = apart.groupby("cell")["half_life"].median()
    yield "resets", f"{middle['gru']:.2f} and {middle['gru_before']:.2f}"
    done = learned[learned["steps"] > 0]
    for (cell, scheme), part in done.groupby(["cell", "scheme"], sort=False):
        count = int(part["solved_at"].notna().sum())
        rate = wilson(count, len(part))
        key = f"{cell}-{_slug(scheme)}"
        yield f"solved-{key}", f"{count} of {len(part)} [{100 * rate.low:.0f}, {100 * rate.high:.0f}] %"
        yield f"learned-half-{key}", _steps(part["half_life"].median(), lags)
        solved = part[part["solved_at"].notna()] if count else part
        spectra = np.median(np.array([curves["spectrum"] for curves in solved["curves"]]), axis=0)
        for name, place in (("first", 0), ("second", 1), ("eighth", part["curves"].iloc[0]["rank"].index(8))):
            yield f"{name}-{key}", _power(spectra[place])


def flow_caption(runs: pd.DataFrame, lags: int) -> str:
    """Caption of the figure of fresh cells."""
    return (
        f"By how much a random small change of the memory at one step is stretched on its way to the last, in fresh cells. "
        f"Thin lines: {runs['seed'].nunique()} seeds; thick: their medians. A gain of 1 is a perfect memory; curves end "
        f"where they fall below the smallest gain drawn. Default cells fall like the tanh network; a bias of 3 or more, or "
        f"chrono initialisation for {lags} steps, holds the gain near 1 for tens of steps."
    )


def flow_alt(runs: pd.DataFrame) -> str:
    """The same figure in words."""
    parts = []
    for (cell, scheme), part in runs.groupby(["cell", "scheme"], sort=False):
        gains = [curves["memory"][curves["lag"].index(10)] for curves in part["curves"]]
        parts.append(f"{LABELS[cell]} {scheme_name(scheme)} 10^{np.median(gains):.1f}")
    return "Curves of gain against lag, log scale. Median gain at a lag of 10 steps: " + ", ".join(parts) + "."


def half_life_alt(runs: pd.DataFrame, lags: int) -> str:
    """The figure of half-lives in words."""
    part = runs[runs["scheme"].str.startswith("bias:")]
    found = part.groupby(["cell", "scheme"], sort=False)["half_life"].median()
    texts = [f"{LABELS[c]} {scheme_name(s)} {_steps(v, lags)}" for (c, s), v in found.items() if c in GATED]
    return "Half-life of the gradient in steps against gate bias, beside the analytic curve: " + ", ".join(texts) + "."


def learned_alt(runs: pd.DataFrame, lags: int) -> str:
    """The figure of trained cells in words."""
    texts = []
    for (cell, scheme, steps), part in runs.groupby(["cell", "scheme", "steps"], sort=False):
        end = np.median([curves["memory"][-1] for curves in part["curves"]])
        when = "trained" if steps else "fresh"
        texts.append(f"{LABELS[cell]} {scheme_name(scheme)} {when} 10^{end:.1f}")
    return f"Five panels of gain against lag before and after training. Median gain at the last lag, {lags}: " + (
        ", ".join(texts) + "; and one panel of singular values."
    )


def _steps(value: float, lags: int) -> str:
    return f"more than {lags}" if value >= lags else f"{value:.1f}"


def _power(exponent: float) -> str:
    return f"{10**exponent:.2g}" if exponent > -3 else f"$10^{{{exponent:.0f}}}$"


def _slug(scheme: str) -> str:
    return scheme.partition(":")[0] if scheme.startswith("chrono") else scheme.replace(":", "-")
