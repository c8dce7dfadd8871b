"""The two cells beside the best model without recurrence, task by task: what each chapter on real data hands over.

A chapter records its comparisons; the chapter *verdicts* puts them into one table.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import pandas as pd

from evidence.answers import records
from evidence.ledger import ledger
from evidence.record import current
from evidence.statistics import paired_difference

GATED = ("lstm", "gru")
LED = {"baseline": "a model without recurrence", "lstm": "the LSTM", "gru": "the GRU"}


@dataclass(frozen=True)
class Comparison:
    """One task at equal width.

    Args:
        task: what is predicted, in a few words.
        metric: what is measured, with its unit.
        lower: whether less is better.
        digits: decimals of the values.
        baseline: name of the best model without recurrence, chosen as its chapter says.
        values: of `baseline`, `lstm` and `gru`, means over seeds.
        gap: the difference between the cells with its interval, as a text.
        claims: claims of the ledger that the task bears on.
        published: what is printed elsewhere, in Markdown; empty where the chapter knows of nothing comparable.
    """

    task: str
    metric: str
    lower: bool
    digits: int
    baseline: str
    values: Mapping[str, float]
    gap: str
    claims: Sequence[str]
    published: str = ""

    def __post_init__(self) -> None:
        if set(self.values) != set(LED):
            raise ValueError(f"values of {sorted(self.values)} are not allowed: {', '.join(sorted(LED))}")
        if bad := [name for name, value in self.values.items() if not math.isfinite(value)]:
            raise ValueError(f"values[{bad[0]!r}] = {self.values[bad[0]]!r} is not allowed: a finite number")

    @property
    def leads(self) -> str:
        """Whose value is best as it is printed: `baseline`, `lstm` or `gru`; a tie goes to the simplest, in this order."""
        sign = 1 if self.lower else -1
        return min(LED, key=lambda name: sign * round(self.values[name], self.digits))


def record(*comparisons: Comparison) -> None:
    """Keep comparisons in the record of the running chapter, where there is one."""
    if running := current():
        for each in comparisons:
            entry = asdict(each) | {"values": {name: float(f"{value:.7g}") for name, value in each.values.items()}}
            running.add("comparisons", entry | {"claims": list(each.claims)}, key="task")


def found() -> list[tuple[str, Comparison]]:
    """Every comparison of the book, with the chapter that made it, in the order of the ledger."""
    entries = [(each["chapter"], Comparison(**entry)) for each in records() for entry in each.get("comparisons", [])]
    return sorted(entries, key=lambda each: list(ledger()).index(each[1].claims[0]))


def table(claims: pd.DataFrame) -> str:
    """All comparisons as a Markdown table; `claims` as from `evidence.answers.table`."""
    words = claims.set_index("id")["word"]
    heads = ["Task", "Best without recurrence", "LSTM", "GRU", "LSTM − GRU", "Printed elsewhere", "Verdict"]
    lines = [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    for name, each in found():
        verdicts = "; ".join(f"{id} {words[id]}" for id in each.claims)
        arrow = "↓" if each.lower else "↑"
        task = f"{{ref}}`{each.task[0].upper()}{each.task[1:]} <{_anchor(name)}>`: {each.metric} {arrow}"
        cells = [task, f"{each.baseline}: {_value(each, 'baseline')}", _value(each, "lstm"), _value(each, "gru")]
        lines.append(f"| {' | '.join([*cells, each.gap, each.published or '–', verdicts])} |")
    return "\n".join(lines)


def told() -> str:
    """Who leads where, in a sentence each."""
    entries = [each for _, each in found()]
    parts = []
    for name, words in LED.items():
        tasks = [each.task for each in entries if each.leads == name]
        if tasks:
            parts.append(
                f"{words[0].upper()}{words[1:]} has the best value on {len(tasks)} of {len(entries)}: {'; '.join(tasks)}."
            )
    return " ".join(parts)


def _value(comparison: Comparison, name: str) -> str:
    text = f"{comparison.values[name]:,.{comparison.digits}f}"
    return f"**{text}**" if comparison.leads == name else text


def _anchor(name: str) -> str:
    return name.replace("/", "-")


def values_of(baseline: float, lstm: pd.Series, gru: pd.Series) -> dict[str, float]:
    """`values` of a comparison: the baseline's, and each cell's mean over its seeds."""
    return {"baseline": float(baseline), "lstm": float(lstm.mean()), "gru": float(gru.mean())}


def gap_text(lstm: pd.Series, gru: pd.Series, digits: int) -> str:
    """LSTM − GRU, paired by seed, with its interval."""
    return paired_difference(lstm, gru).signed(digits)
