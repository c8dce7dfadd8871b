"""The ledger of claims: what each one's experiment measures and what would count, named before it ran."""

from __future__ import annotations

import math
import tomllib
from dataclasses import dataclass
from functools import cache
from importlib import resources

RULES = ("above", "below", "equivalent", "noninferior", "exact", "none")
FACTORS = {
    "rate × 3": "the learning rate",
    "rate ÷ 3": "the learning rate",
    "another start": "the start",
    "width × 2": "the width",
    "no clipping": "clipping",
    "another task": "the task",
    "another split": "the split",
    "another text": "the text",
    "another stream": "the stream",
    "another voice": "the voices",
    "another budget": "the budget",
    "the other's setting": "the settings",
    "another read-out": "the read-out",
}
"""What could overturn a verdict → what the answer then depends on."""
ALWAYS = ("rate × 3", "rate ÷ 3", "another start", "width × 2")
"""Attacks on every verdict on quality."""


@dataclass(frozen=True)
class Amendment:
    """A rule that was changed after its experiment had run, in the open."""

    date: str
    old_rule: str
    old_word: str
    new_rule: str
    reason: str
    in_force: bool
    """Whether the runs of today are judged by the new rule; otherwise they still are by the old one."""


@dataclass(frozen=True)
class Claim:
    """A line of the ledger; its margin was fixed before the experiment ran."""

    id: str
    claim: str
    metric: str
    unit: str
    rule: str
    chapter: str
    margin: float = 0.0
    also: tuple[str, ...] = ()
    """Further chapters whose conditions count as much as those of `chapter`."""
    favours: str = ""
    """The cell that is ahead where the metric lies on the margin's side of no difference: `LSTM`, `GRU`, or neither."""
    redone: str = ""
    """Why the answer is being redone; empty where it stands."""
    attacks: tuple[str, ...] = ()
    """What could overturn a verdict on quality; empty where nothing is trained."""
    amendments: tuple[Amendment, ...] = ()

    @property
    def even(self) -> float:
        """The metric where there is no difference."""
        return 1.0 if self.unit == "ratio" else 0.0

    @property
    def sign(self) -> int:
        """1 where a large metric speaks for the claim, −1 where a small one does."""
        return 1 if self.rule == "above" else -1

    def lead(self, estimate: float) -> float:
        """An estimate in units of the margin: 1 is just what was said to matter, in favour of `favours`; 0 is no difference.

        A ratio of 0 or less, the end of an interval that says nothing, is infinitely far.
        """
        if self.unit == "ratio":
            return (math.log(estimate) if estimate > 0 else -math.inf) / math.log(self.margin)
        return estimate / self.margin


@cache
def ledger() -> dict[str, Claim]:
    """All claims of the book, by id."""
    text = resources.files("evidence").joinpath("ledger.toml").read_text(encoding="utf-8")
    claims = {}
    for key, entry in tomllib.loads(text).items():
        entry |= {name: tuple(entry.get(name, ())) for name in ("also", "attacks")}
        entry["amendments"] = tuple(Amendment(**each) for each in entry.get("amendments", ()))
        claims[key] = Claim(id=key, **entry)
    return claims
