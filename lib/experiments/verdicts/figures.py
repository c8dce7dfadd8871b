"""The ledger as a table and its evidence as one figure, for the chapter *verdicts*."""

from __future__ import annotations

import math
import re
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
from evidence.verdicts import CONTRADICTED, INCONCLUSIVE, SUPPORTED, ledger

COLOURS = {SUPPORTED: ACCENTS["good"], CONTRADICTED: ACCENTS["bad"], INCONCLUSIVE: MUTED}
MARKS = {SUPPORTED: "o", CONTRADICTED: "X", INCONCLUSIVE: "d"}


def word_text(row: dict[str, Any]) -> str:
    """A verdict's word; where the adjustment for the number of claims changed it, with what it was before."""
    before = row["unadjusted"]
    if not isinstance(before, str) or before == row["word"]:
        return row["word"]
    return f"{row['word']} (before the adjustment for the number of claims: {re.sub(r'[()]', '', before)})"


def effect_text(row: dict[str, Any]) -> str:
    """Effect of a verdict with its interval, such as `0.75 [0.74, 0.76]`; of several conditions, ranges; or a dash."""
    if pd.isna(row["effect"]):
        return "–"
    if row["rule"] == "exact":
        return "exact"
    estimates = [stratum["estimate"] for stratum in row["strata"]] or [row["effect"]]
    near = row["low"] > 0.9 and row["high"] < 1.1  # a ratio whose second decimal tells nothing
    least, most, low, high = (
        _value(value, row["unit"], near) for value in (min(estimates), max(estimates), row["low"], row["high"])
    )
    unit = "" if row["unit"] == "ratio" else f" {row['unit']}"
    text = least if least == most else f"{least} to {most}"
    text += "" if (low, high) == (least, most) else f" [{low}, {high}]"
    return f"{text}{unit}".replace(" ", "\N{NO-BREAK SPACE}").replace("\N{NO-BREAK SPACE}[", " [")


def _value(value: float, unit: str, near: bool) -> str:
    if unit == "ratio":
        digits = 3 if near else 2 if abs(value) < 10 else 0
        return f"{value:.{digits}f}".replace("-", "−")
    return f"{value:{'+.3f' if unit == 'bits' else '+.1f'}}".replace("-", "−")


def margin_text(row: dict[str, Any]) -> str:
    """What would support a claim, such as `above 10 points`; empty for facts and for what no experiment can settle."""
    if row["rule"] in ("exact", "none"):
        return ""
    unit = "" if row["unit"] == "ratio" else f" {row['unit']}"
    unit = unit.removesuffix("s") if abs(row["margin"]) == 1 else unit
    side = "within ±" if row["rule"] == "equivalent" else row["rule"]
    return f"{side} {row['margin']:g}{unit}".replace("-", "−").replace("± ", "±")


def ledger_table(table: pd.DataFrame) -> str:
    """The ledger as a Markdown table; `table` as from `evidence.verdicts.table`."""
    lines = ["| | Claim, what is measured and what would support it | Verdict | Effect | p (Holm) | Evidence |"]
    lines.append("|---|---|---|---|---|---|")
    for row in table.to_dict("records"):
        tested = isinstance(row["figure"], str)
        evidence = f"{{numref}}`fig-{row['figure']}`" if tested else f"*{_planned(row)}*"
        p = row["p_holm"]
        shown = "–" if pd.isna(p) else ("< 0.001" if p < 0.001 else f"{p:.3f}")
        live = ", measured here" if row["measured"] is True else ""
        word = f"**{row['word']}**{word_text(row).removeprefix(row['word'])}" if tested else row["word"]
        word += "; **being redone**" if row["redone"] else ""
        measured = ", ".join(part for part in (row["metric"], margin_text(row)) if part)
        claim = f"{row['claim']} *{measured[0].upper()}{measured[1:]}.*" if measured else row["claim"]
        lines.append(f"| {row['id']} | {claim} | {word}{live} | {effect_text(row)} | {shown} | {evidence} |")
    return "\n".join(lines)


def redone_table(table: pd.DataFrame) -> str:
    """The claims whose answers are being redone, each with its reason, as a Markdown table."""
    rows = [row for row in table.to_dict("records") if row["redone"]]
    lines = ["| | Claim | Word so far | Being redone because |", "|---|---|---|---|"]
    lines += [f"| {row['id']} | {row['claim']} | {row['word']} | {row['redone']} |" for row in rows]
    return "\n".join(lines)


def leads(table: pd.DataFrame) -> pd.DataFrame:
    """Who is ahead, and does it matter: one row a comparison of the cells and condition.

    Returns:
        `id`, `claim`, `condition`, `unit`, `estimate`, `stands`, and `lead` with its interval (`low`, `high`): of the GRU,
        in units of what the ledger says would matter; negative where the LSTM is ahead. Without a finite lead: left out.
    """
    rows = []
    for row in table.to_dict("records"):
        claim = ledger()[row["id"]]
        sign = 1 if claim.favours == "GRU" else -1
        for stratum in row["strata"] if claim.favours and isinstance(row["strata"], list) else []:
            if claim.unit == "ratio" and stratum["low"] <= 0:
                continue
            lead, low, high = (sign * claim.lead(stratum[part]) for part in ("estimate", "low", "high"))
            about = {"id": row["id"], "claim": claim.claim, "condition": stratum["name"], "unit": claim.unit}
            about |= {"estimate": stratum["estimate"], "lead": lead, "low": min(low, high), "high": max(low, high)}
            rows.append({**about, "stands": not row["redone"]})
    found = pd.DataFrame(rows)
    return found[found["lead"].map(math.isfinite)].reset_index(drop=True)


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
    handles: list[Artist] = [
        plt.Line2D([], [], color=COLOURS[w], marker=MARKS[w], linestyle="", label=w) for w in COLOURS
    ]
    handles.append(plt.Line2D([], [], color=INK, linestyle=(0, (3, 2)), linewidth=1.2, label="margin"))
    handles.append(Patch(color=ACCENTS["good"], alpha=0.2, linewidth=0, label="would support"))
    fig.legend(handles=handles, loc="outside lower center", ncols=5)
    return fig


def without_p(tested: pd.DataFrame) -> dict[str, str]:
    """Claims that have no p: those that are counted, and those whose intervals were not tested."""
    groups: dict[str, list[str]] = {"counted": [], "untested-words": []}
    for row in tested[tested["p_holm"].isna()].to_dict("records"):
        exact = all(stratum["low"] == stratum["high"] for stratum in row["strata"])
        groups["counted" if exact else "untested-words"].append(row["id"])
    return {name: ", ".join(ids) or "none" for name, ids in groups.items()}


def note(row: dict[str, Any]) -> str:
    """What a chapter adds to its own word where the ledger's is another one; empty where it is the same.

    A chapter knows neither the other chapters that test its claim nor the number of claims.
    """
    reasons = ["over all chapters that test it"] if row["joined"] else []
    reasons += ["adjusted for the number of claims"] if row["word"] != row["unadjusted"] else []
    return f"; in the ledger, {' and '.join(reasons)}: {row['word']}" if reasons else ""


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
    ends = {"above": (margin, right), "below": (left, margin), "equivalent": (-margin, margin)}[rule]
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


def _planned(row: dict[str, Any]) -> str:
    return "no experiment can settle it" if row["rule"] == "none" else "not yet in the book"
