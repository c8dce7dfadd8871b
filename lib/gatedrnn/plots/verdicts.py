"""The ledger as a table and its evidence as one figure, for the chapter *verdicts*."""

from __future__ import annotations

import math
from typing import Any

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from gatedrnn.figures import ACCENTS, INK, MUTED, WIDTH
from gatedrnn.verdicts import CONTRADICTED, DEPENDS, INCONCLUSIVE, SUPPORTED

COLOURS = {SUPPORTED: ACCENTS["good"], CONTRADICTED: ACCENTS["bad"], INCONCLUSIVE: MUTED}
SAID = {DEPENDS: "depending on a factor that is named"}
MARKS = {SUPPORTED: "o", CONTRADICTED: "X", INCONCLUSIVE: "d"}


def effect_text(row: dict[str, Any]) -> str:
    """Effect of a verdict with its interval, such as `0.75 [0.74, 0.76]`; its range where it depends; or a dash."""
    if pd.isna(row["effect"]):
        return "–"
    if row["rule"] == "exact":
        return "exact"
    form = {"ratio": "{:.2f}", "bits": "{:+.2f}"}.get(row["unit"], "{:+.1f}")
    if str(row["word"]).startswith(DEPENDS):
        estimates = [stratum["estimate"] for stratum in row["strata"]]
        text = f"{form.format(min(estimates))} to {form.format(max(estimates))} by condition"
        return text.replace("-", "−") if row["unit"] == "ratio" else f"{text}, {row['unit']}".replace("-", "−")
    text = f"{form.format(row['effect'])} [{form.format(row['low'])}, {form.format(row['high'])}]"
    return (text if row["unit"] == "ratio" else f"{text} {row['unit']}").replace("-", "−")


def ledger_table(table: pd.DataFrame) -> str:
    """The ledger as a Markdown table; `table` as from `gatedrnn.verdicts.table`."""
    lines = ["| | Claim | Verdict | Effect | p (Holm) | Evidence |", "|---|---|---|---|---|---|"]
    for row in table.to_dict("records"):
        tested = isinstance(row["figure"], str)
        evidence = f"{{numref}}`fig-{row['figure']}`" if tested else f"*{_planned(row)}*"
        p = row["p_holm"]
        shown = "–" if pd.isna(p) else ("< 0.001" if p < 0.001 else f"{p:.3f}")
        live = ", measured here" if row["measured"] is True else ""
        word = f"**{row['word']}**" if tested else row["word"]
        lines.append(f"| {row['id']} | {row['claim']} | {word}{live} | {effect_text(row)} | {shown} | {evidence} |")
    return "\n".join(lines)


def strata(table: pd.DataFrame) -> pd.DataFrame:
    """Evidence behind each verdict as tidy rows: one for each claim and condition."""
    rows = []
    for row in table.to_dict("records"):
        for stratum in row["strata"] if isinstance(row["strata"], list) else []:
            rows.append({"id": row["id"], "unit": row["unit"], "margin": row["margin"], **stratum})
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
    handles = [plt.Line2D([], [], color=COLOURS[w], marker=MARKS[w], linestyle="", label=w) for w in COLOURS]
    handles.append(plt.Line2D([], [], color=INK, linestyle=(0, (3, 2)), linewidth=1.2, label="margin of the ledger"))
    fig.legend(handles=handles, loc="outside lower center", ncols=4)
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
    for row in tested.to_dict("records"):
        found[f"word-{row['id']}"] = row["word"]
        found[f"effect-{row['id']}"] = effect_text(row)
        found[f"sentence-{row['id']}"] = row["sentence"]
        found[f"note-{row['id']}"] = note(row)
    return found


def note(row: dict[str, Any]) -> str:
    """What a chapter adds to its own word where the ledger's is another one; empty where it is the same.

    A chapter knows neither the other chapters that test its claim nor the number of claims.
    """
    reasons = ["over all chapters that test it"] if row["joined"] else []
    reasons += ["adjusted for the number of claims"] if row["word"] != row["unadjusted"] else []
    return f" (in the ledger, {' and '.join(reasons)}: {row['word']})" if reasons else ""


def _panel(axis: Axes, rows: pd.DataFrame, id: str) -> None:
    ratio = rows["unit"].iloc[0] == "ratio" and rows["low"].min() > 0  # a skill is a ratio too, and can be below 0
    for place, row in enumerate(rows.to_dict("records")):
        colour = COLOURS[row["word"]]
        axis.plot([row["low"], row["high"]], [place, place], color=colour, linewidth=2.2, solid_capstyle="round")
        axis.plot(row["estimate"], place, MARKS[row["word"]], color=colour, markersize=5.5)
    axis.axvline(rows["margin"].iloc[0], color=INK, linestyle=(0, (3, 2)), linewidth=1.2)
    axis.set_yticks(range(len(rows)), list(rows["name"]))
    axis.set_ylim(len(rows) - 0.4, -0.6)
    axis.set_title(f"{id}, {rows['unit'].iloc[0]}")
    axis.tick_params(labelsize=8)
    axis.grid(axis="y", visible=False)
    if ratio:
        axis.set_xscale("log", base=2)
        low, high = min(rows["low"].min(), 0.5), max(rows["high"].max(), 1.0)
        ticks = [2.0**k for k in range(math.floor(math.log2(low)), math.ceil(math.log2(high)) + 1)]
        axis.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
        axis.minorticks_off()


def _planned(row: dict[str, Any]) -> str:
    return "no experiment can settle it" if row["rule"] == "none" else "not yet in the book"
