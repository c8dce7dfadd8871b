"""Sentences of the chapter *memory/gates* on how long units keep, made from its numbers."""

from __future__ import annotations

import pandas as pd

from evidence.statistics import bootstrap
from experiments.gates.analysis import ARMS, per_seed, rows, unit_table
from experiments.gates.look import LAG

LONG = 10
"""Characters beyond which a memory time counts as long."""


def memory_text(units: pd.DataFrame) -> str:
    """Shares of units that keep for long and for less than a character."""
    arms = ("lstm", "gru")
    shares: dict[str, list[str]] = {"long": [], "short": []}
    for arm in arms:
        part = units[units["arm"] == arm]
        for name, kept in (("long", part["time"] > LONG), ("short", part["time"] < 1)):
            found = bootstrap(100 * kept.groupby(part["seed"]).mean().to_numpy())
            shares[name].append(f"{ARMS[arm][2]} {found.format('{:.0f}', '%')}")
    return (
        f"Units whose gate alone keeps for more than {LONG} characters: {', '.join(shares['long'])}; for less than one character: "
        f"{', '.join(shares['short'])}."
    )


def middle_text(runs: pd.DataFrame, equal: pd.DataFrame) -> str:
    """Whether the LSTM's middle unit and its share of long memories are the same at another learning rate, same seeds."""
    seeds = rows(equal, "lstm").index
    tables = [unit_table(part) for part in (runs[runs["seed"].isin(seeds)], equal)]
    rates = [f"{rows(part, 'lstm')['learning_rate'].iloc[0]:g}" for part in (runs, equal)]
    middle = [float(per_seed(table, "lstm", "time").median()) for table in tables]
    long = [100 * float((table.loc[table["arm"] == "lstm", "time"] > LONG).mean()) for table in tables]
    moves = max(middle) > 2 * min(middle)
    text = (
        f"at the rate {rates[1]} it is {middle[1]:.1f} characters where it is {middle[0]:.1f} at {rates[0]}; the share above "
        f"{LONG} characters is {long[1]:.0f} % where it is {long[0]:.0f} % ({len(seeds)} seeds)"
    )
    if rates[0] == rates[1]:
        return "the two cells have the same rate here, so this cannot be seen"
    return f"{text}: {'take the shares, not the middle' if moves else 'here it moves little'}"


def stays_text(units: pd.DataFrame) -> str:
    """The same question asked of the state and not of the gate."""
    parts = []
    for arm in ("lstm", "gru"):
        shares = units[units["arm"] == arm].assign(kept=lambda t: t["stays"] > 0.3).groupby("seed")["kept"].mean()
        parts.append(f"{ARMS[arm][2]} {bootstrap(100 * shares.to_numpy()).format('{:.0f}', '%')}")
    return f"units whose value still says something {LAG} characters later (correlation above 0.3): {', '.join(parts)}"


def reach_text(units: pd.DataFrame, arm: str) -> str:
    """The largest |memory| of the middle unit; a bounded one that would be rounded to its bound is said to lie under it."""
    value = float(per_seed(units, arm, "reach").median())
    if 0.995 <= value <= 1:
        return "just under 1"
    return f"{value:.0f}" if value >= 10 else f"{value:.2f}"
