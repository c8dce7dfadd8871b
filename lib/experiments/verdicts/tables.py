"""The ledger in words, as Markdown tables for the chapter *verdicts*."""

from __future__ import annotations

import math
import re
from typing import Any

import pandas as pd

from evidence.coverage import INTERVALS
from evidence.format import power
from evidence.ledger import ledger
from evidence.verdicts import LEFT_OUT


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
    estimates = [each["estimate"] for each in row["strata"] if each.get("word") != LEFT_OUT] or [row["effect"]]
    near = row["low"] > 0.9 and row["high"] < 1.1  # a ratio whose second decimal tells nothing
    least, most, low, high = (
        _value(value, row["unit"], near) for value in (min(estimates), max(estimates), row["low"], row["high"])
    )
    unit = "" if row["unit"] in ("ratio", "skill") else f" {row['unit']}"
    text = least if least == most else f"{least} to {most}"
    text += "" if (low, high) == (least, most) else f" [{low}, {high}]"
    return f"{text}{unit}".replace(" ", "\N{NO-BREAK SPACE}").replace("\N{NO-BREAK SPACE}[", " [")


def _value(value: float, unit: str, near: bool) -> str:
    if unit == "ratio" and value > 0 and not 1e-3 < value < 1e4:
        return power(math.log10(value))
    if unit == "ratio":
        digits = 3 if near else 2 if abs(value) < 10 else 0
        return f"{value:.{digits}f}".replace("-", "−")
    if unit == "skill":
        return f"{value:+.2f}".replace("-", "−")
    return f"{value:{'+.3f' if unit == 'bits' else '+.1f'}}".replace("-", "−")


def margin_text(row: dict[str, Any]) -> str:
    """What would support a claim, such as `above 10 points`; empty for facts and for what no experiment can settle."""
    if row["rule"] in ("exact", "none"):
        return ""
    unit = "" if row["unit"] in ("ratio", "skill") else f" {row['unit']}"
    unit = unit.removesuffix("s") if abs(row["margin"]) == 1 else unit
    side = {"equivalent": "within ±", "noninferior": "below"}.get(row["rule"], row["rule"])
    return f"{side} {row['margin']:g}{unit}".replace("-", "−").replace("± ", "±")


def sure_text(row: dict[str, Any]) -> str:
    """How sure a verdict is, such as `10 seeds; p = 0.012; stands in 3 of 4 attacks`."""
    if not isinstance(row["figure"], str):
        return "–"
    p = row["p_holm"]
    parts = [row["sample"] if isinstance(row["sample"], str) and row["sample"] else "measured here"]
    parts += [] if pd.isna(p) else ["p < 0.001" if p < 0.001 else f"p = {p:.3f}"]
    out = sum(each.get("word") == LEFT_OUT for each in row["strata"] or [])
    parts += [f"{out} of {len(row['strata'])} conditions left out"] if out else []
    return "; ".join([*parts, *attack_texts(row)]).replace("= ", "=\N{NO-BREAK SPACE}")


def attack_texts(row: dict[str, Any]) -> list[str]:
    """What became of the verdict under the attacks that the ledger names; nothing where it names none."""
    tried = row["attacks"] if isinstance(row["attacks"], list) else []
    if not ledger()[row["id"]].attacks:
        return []
    if not tried:
        return ["no attack run yet"]
    fallen = [each["name"] for each in tried if each["outcome"] == "falls"]
    stood = sum(each["outcome"] == "stands" for each in tried)
    text = f"stands in {stood} of {len(tried)} attacks"
    return [text, *(f"falls with {name}" for name in fallen)]


def ledger_table(table: pd.DataFrame) -> str:
    """The ledger as a Markdown table: the four parts of each answer and its word; `table` as from `evidence.answers.table`."""
    heads = [
        "",
        "Claim, what is measured and what would support it",
        "Ahead",
        "By how much",
        "Does it matter?",
        "How sure",
    ]
    lines = [f"| {' | '.join([*heads, 'Word', 'Evidence'])} |", "|---" * 8 + "|"]
    for row in table.to_dict("records"):
        tested = isinstance(row["figure"], str)
        evidence = f"{{numref}}`fig-{row['figure']}`" if tested else f"*{_planned(row)}*"
        live = ", measured here" if row["measured"] is True else ""
        word = f"**{row['word']}**{word_text(row).removeprefix(row['word'])}" if tested else row["word"]
        word += live + ("; **being redone**" if row["redone"] else "")
        measured = ", ".join(part for part in (row["metric"], margin_text(row)) if part)
        claim = f"{row['claim']} *{measured[0].upper()}{measured[1:]}.*" if measured else row["claim"]
        told = [row[name] if isinstance(row[name], str) and row[name] else "–" for name in ("ahead", "matters")]
        cells = [row["id"], claim, told[0], effect_text(row), told[1], sure_text(row), word, evidence]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def redone_table(table: pd.DataFrame) -> str:
    """The claims whose answers are being redone, each with its reason, as a Markdown table."""
    rows = [row for row in table.to_dict("records") if row["redone"]]
    lines = ["| | Claim | Word so far | Being redone because |", "|---|---|---|---|"]
    lines += [f"| {row['id']} | {row['claim']} | {row['word']} | {row['redone']} |" for row in rows]
    return "\n".join(lines)


def amendment_table(table: pd.DataFrame) -> str:
    """Rules that were changed after their experiments had run, with the word under the old and the new one, as Markdown."""
    words = table.set_index("id")["word"]
    lines = ["| | Rule until then | Rule now | Changed because | Old word | Word now |", "|---|---|---|---|---|---|"]
    for claim in ledger().values():
        for each in claim.amendments:
            now = words[claim.id] if each.in_force else "not judged by it yet"
            cells = [claim.id, each.old_rule, each.new_rule, f"{each.reason} ({each.date})", each.old_word, now]
            lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def attack_table() -> str:
    """What could overturn each verdict on quality, as named in the ledger, as a Markdown table."""
    lines = ["| | Claim | What could overturn the answer |", "|---|---|---|"]
    named = [claim for claim in ledger().values() if claim.attacks]
    lines += [f"| {claim.id} | {claim.claim} | {', '.join(claim.attacks)} |" for claim in named]
    return "\n".join(lines)


def coverage_table(held: pd.DataFrame, rates: pd.DataFrame) -> str:
    """How often each interval holds the truth, in percent, by data and seeds, as a Markdown table.

    Args:
        held: from `evidence.coverage.table`. rates: from `evidence.coverage.rates`.
    """
    ns, kinds = sorted(held["n"].unique()), list(dict.fromkeys(held["data"]))
    wide = held.pivot(index="interval", columns=["data", "n"], values="held")
    lines = [
        f"| Interval, with {', '.join(map(str, ns))} seeds | {' | '.join(kinds)} |",
        "|---" * (len(kinds) + 1) + "|",
    ]
    for name in INTERVALS:
        cells = [", ".join(f"{100 * wide.loc[name, (kind, n)]:.0f}" for n in ns) for kind in kinds]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    for name, part in rates.groupby("interval", sort=False):
        found = ", ".join(f"{100 * value:.0f}" for value in part.sort_values("n")["held"])
        lines.append(f"| {name}, mean over true rates | {found} |" + " – |" * (len(kinds) - 1))
    return "\n".join(lines)


def _planned(row: dict[str, Any]) -> str:
    return "no experiment can settle it" if row["rule"] == "none" else "not yet in the book"
