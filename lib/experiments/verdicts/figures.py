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

from evidence.figures import ACCENTS, INK, MUTED, WIDTH
from evidence.verdicts import CONTRADICTED, DEPENDS, INCONCLUSIVE, SUPPORTED

COLOURS = {SUPPORTED: ACCENTS["good"], CONTRADICTED: ACCENTS["bad"], INCONCLUSIVE: MUTED}
SAID = {DEPENDS: "depending on a factor that is named"}
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
        measured = ", ".join(part for part in (row["metric"], margin_text(row)) if part)
        claim = f"{row['claim']} *{measured[0].upper()}{measured[1:]}.*" if measured else row["claim"]
        lines.append(f"| {row['id']} | {claim} | {word}{live} | {effect_text(row)} | {shown} | {evidence} |")
    return "\n".join(lines)


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


def evidence_alt(rows: pd.DataFrame) -> str:
    """The figure in words."""
    parts = []
    for id, part in rows.groupby("id", sort=False):
        counts = part["word"].value_counts()
        words = ", ".join(f"{count} {word}" for word, count in counts.items())
        low, high = part["estimate"].min(), part["estimate"].max()
        parts.append(
            f"{id}: estimates from {low:.2f} to {high:.2f} against a margin of {part['margin'].iloc[0]:g}, {words}"
        )
    return "Intervals of each claim's conditions against its margin. " + ". ".join(parts) + "."


def sentences(table: pd.DataFrame) -> str:
    """What each verdict means for the reader's choice, as a Markdown list."""
    rows = [row for row in table.to_dict("records") if isinstance(row["sentence"], str)]
    return "\n".join(f"- **{row['id']}, {row['word']}.** {row['sentence']}" for row in rows)


def numbers(table: pd.DataFrame) -> dict[str, str]:
    """Counts, words and sentences for the prose of this page and of the first page."""
    tested = table[table["figure"].notna()]
    words = tested["word"].str.partition(" ")[0].value_counts()
    found = {
        "claims": str(len(table)),
        "tested": str(len(tested)),
        "untested": str(len(table) - len(tested)),
        "summary": ", ".join(f"{count} {SAID.get(word, word)}" for word, count in words.items()),
    }
    found |= without_p(tested)
    for row in tested.to_dict("records"):
        found[f"word-{row['id']}"] = word_text(row)
        found[f"effect-{row['id']}"] = effect_text(row)
        found[f"sentence-{row['id']}"] = row["sentence"].replace("'", "’")  # the first page takes it as it is
        found[f"note-{row['id']}"] = note(row)
    return found


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
