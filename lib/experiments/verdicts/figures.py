"""Who is ahead, and the evidence on every claim, drawn for the chapter *verdicts*."""

from __future__ import annotations

import math
import textwrap
from typing import Any

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from evidence.figures import ACCENTS, FAINT, INK, MARKERS, MUTED, PAPER, WIDTH
from evidence.figures import COLOURS as CELLS
from evidence.ledger import ledger
from evidence.verdicts import CONTRADICTED, INCONCLUSIVE, LEFT_OUT, LESS, SUPPORTED

COLOURS = {
    SUPPORTED: ACCENTS["good"],
    LESS: ACCENTS["bad"],
    CONTRADICTED: ACCENTS["bad"],
    INCONCLUSIVE: MUTED,
    LEFT_OUT: FAINT,
}
MARKS = {SUPPORTED: "o", LESS: "s", CONTRADICTED: "X", INCONCLUSIVE: "d", LEFT_OUT: "x"}


def leads(table: pd.DataFrame) -> pd.DataFrame:
    """Who is ahead, and does it matter: one row a comparison of the cells and condition.

    Returns:
        `id`, `claim`, `condition`, `unit`, `estimate`, `stands`, and `lead` with its interval (`low`, `high`): of the GRU,
        in units of what the ledger says would matter; negative where the LSTM is ahead. Left out are conditions that do not
        count, and those whose lead is not finite.
    """
    rows = []
    for row in table.to_dict("records"):
        claim = ledger()[row["id"]]
        sign = 1 if claim.favours == "GRU" else -1
        for stratum in row["strata"] if claim.favours and isinstance(row["strata"], list) else []:
            if stratum["word"] == LEFT_OUT:
                continue
            lead, low, high = (sign * claim.lead(stratum[part]) for part in ("estimate", "low", "high"))
            about = {"id": row["id"], "claim": claim.claim, "condition": stratum["name"], "unit": claim.unit}
            about |= {"estimate": stratum["estimate"], "lead": lead, "low": min(low, high), "high": max(low, high)}
            rows.append({**about, "stands": not row["redone"]})
    found = pd.DataFrame(rows)
    return found[found[["lead", "low", "high"]].map(math.isfinite).all(axis=1)].reset_index(drop=True)


TOPICS = {
    "A2": "fewer parameters",
    "A3": "fewer operations, less state",
    "P1": "time of a training step",
    "P2": "time of a forward pass",
    "P5": "memory",
    "P3": "time until it is learned",
    "P4": "accuracy at equal width",
    "P6": "small data sets",
    "P7": "stacked layers",
    "M2": "recall over long delays",
    "M4": "recall over short delays",
    "M3": "counting far",
    "U1": "language",
    "U2": "speech",
    "U3": "streams",
    "U4": "small devices",
}
"""What each comparison of the cells is about, in the order in which it is drawn."""


def draw_leads(rows: pd.DataFrame) -> Figure:
    """One line a topic, one mark a condition: left the LSTM is ahead, right the GRU, in the band too little to matter."""
    topics = [id for id in TOPICS if id in set(rows["id"])]
    fig, axis = plt.subplots(figsize=(WIDTH, 0.27 * len(topics) + 1.1))
    axis.set_xscale("symlog", linthresh=1, linscale=0.7)
    most = 1.3 * max(20.0, rows["lead"].abs().max())
    axis.set_xlim(-most, most)
    axis.axvspan(-1, 1, color=FAINT, alpha=0.6, linewidth=0, zorder=0)
    axis.axvline(0, color=MUTED, linewidth=1)
    for place, id in enumerate(topics):
        part = rows[rows["id"] == id].to_dict("records")
        for index, row in enumerate(part):
            y = place + 0.44 * ((index + 0.5) / len(part) - 0.5)
            cell = "gru" if row["lead"] > 0 else "lstm"
            face = CELLS[cell] if row["stands"] else PAPER
            axis.plot([row["low"], row["high"]], [y, y], color=CELLS[cell], linewidth=0.9, alpha=0.45, zorder=2)
            look: dict[str, Any] = {"color": CELLS[cell], "markerfacecolor": face, "markersize": 4.2, "zorder": 3}
            axis.plot(row["lead"], y, MARKERS[cell], markeredgewidth=1, **look)
    standing = rows.groupby("id")["stands"].first()
    names = [f"{TOPICS[id]} ({id})" + ("" if standing[id] else " *") for id in topics]
    axis.set_yticks(range(len(topics)), names)
    axis.set_ylim(len(topics) - 0.5, -0.5)
    ticks = [-100, -10, -1, 0, 1, 10, 100]
    axis.set_xticks(
        [tick for tick in ticks if abs(tick) <= most], [f"{abs(tick)}" for tick in ticks if abs(tick) <= most]
    )
    axis.minorticks_off()
    axis.set_xlabel("lead, in units of what was said to matter (shaded: less than that)")
    axis.grid(axis="y", visible=False)
    axis.text(
        0.0,
        1.01,
        "← LSTM ahead",
        color=CELLS["lstm"],
        transform=axis.transAxes,
        ha="left",
        va="bottom",
        fontweight="bold",
    )
    axis.text(
        1.0,
        1.01,
        "GRU ahead →",
        color=CELLS["gru"],
        transform=axis.transAxes,
        ha="right",
        va="bottom",
        fontweight="bold",
    )
    return fig


def strata(table: pd.DataFrame) -> pd.DataFrame:
    """Evidence behind each verdict as tidy rows: one for each claim and condition."""
    rows = []
    for row in table.to_dict("records"):
        for stratum in row["strata"] if isinstance(row["strata"], list) else []:
            about = {key: row[key] for key in ("id", "metric", "unit", "rule", "margin")}
            rows.append({**about, **stratum})
    return pd.DataFrame(rows)


def draw_strata(rows: pd.DataFrame) -> Figure:
    """One panel a claim, one line a condition: its interval against the margin that the ledger fixed."""
    ids = list(dict.fromkeys(rows["id"]))
    heights = [len(rows[rows["id"] == id]) + 1.2 for id in ids]
    fig, axes = plt.subplots(
        len(ids), 1, figsize=(WIDTH, 0.235 * sum(heights) + 0.5), gridspec_kw={"height_ratios": heights}, squeeze=False
    )
    for axis, id in zip(axes[:, 0], ids, strict=True):
        _panel(axis, rows[rows["id"] == id], id)
    words = [word for word in COLOURS if word in set(rows["word"])]
    handles: list[Artist] = [
        plt.Line2D([], [], color=COLOURS[w], marker=MARKS[w], linestyle="", label=w) for w in words
    ]
    handles.append(plt.Line2D([], [], color=INK, linestyle=(0, (3, 2)), linewidth=1.2, label="margin"))
    handles.append(Patch(color=ACCENTS["good"], alpha=0.2, linewidth=0, label="would support"))
    fig.legend(handles=handles, loc="outside lower center", ncols=4)
    return fig


def _panel(axis: Axes, rows: pd.DataFrame, id: str) -> None:
    unit, rule, margin = rows["unit"].iloc[0], rows["rule"].iloc[0], float(rows["margin"].iloc[0])
    low, high = min(rows["low"].min(), margin), max(rows["high"].max(), margin)
    if rule == "equivalent":
        low = min(low, -margin)
    wide = unit == "ratio" and low > 0 and high > 3 * low  # a skill is a ratio too, and can be below 0
    room = (high / low) ** 0.06 if wide else 0.06 * (high - low)
    left, right = (low / room, high * room) if wide else (low - room, high + room)
    if wide:
        axis.set_xscale("log", base=2)
        ticks = [2.0**k for k in range(math.ceil(math.log2(left)), math.floor(math.log2(right)) + 1)]
        axis.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
        axis.minorticks_off()
    else:
        axis.xaxis.set_major_locator(MaxNLocator(6))
    axis.set_xlim(left, right)
    ends = {
        "above": (margin, right),
        "below": (left, margin),
        "noninferior": (left, margin),
        "equivalent": (-margin, margin),
    }[rule]
    axis.axvspan(*ends, color=ACCENTS["good"], alpha=0.1, linewidth=0, zorder=0)
    for line in {margin, -margin} if rule == "equivalent" else {margin}:
        axis.axvline(line, color=INK, linestyle=(0, (3, 2)), linewidth=1.2)
    for place, row in enumerate(rows.to_dict("records")):
        colour = COLOURS[row["word"]]
        axis.plot([row["low"], row["high"]], [place, place], color=colour, linewidth=2.2, solid_capstyle="round")
        axis.plot(row["estimate"], place, MARKS[row["word"]], color=colour, markersize=5.5)
    axis.set_yticks(range(len(rows)), list(rows["name"]))
    axis.set_ylim(len(rows) - 0.4, -0.6)
    title = f"{id}: {rows['metric'].iloc[0]}" + (
        "" if unit == "ratio" or unit in rows["metric"].iloc[0] else f", {unit}"
    )
    axis.set_title(textwrap.fill(title, 54))
    axis.tick_params(labelsize=8)
    axis.grid(axis="y", visible=False)
