"""The last cell of a notebook run by hand: does mine match what was published?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

NUMERIC = ("torch", "numpy", "scipy", "pandas")
MEASURED, NOT_THERE = "measured anew", "not published"


class Summary:
    """Every value and statement of the running chapter beside the published ones; shown as Markdown."""

    def __init__(self, mine: Mapping[str, Any], published: Mapping[str, Any]) -> None:
        self.mine, self.published = mine, published

    def differences(self) -> Iterator[str]:
        """What differs from the published run before any result: parameters, versions, processor, kernel."""
        theirs = self.published
        if not theirs:
            yield "nothing of this chapter is published to compare with"
            return
        for name, value in self.mine["parameters"].items():
            if name in theirs.get("parameters", {}) and value != theirs["parameters"][name]:
                yield f"parameter {name}: published {theirs['parameters'][name]!r}, mine {value!r}"
        for name in NUMERIC:
            pair = theirs.get("versions", {}).get(name), self.mine["versions"].get(name)
            if pair[0] and pair[0] != pair[1]:
                yield f"{name}: published {pair[0]}, mine {pair[1]}"
        if theirs.get("machine") and theirs["machine"] != self.mine["machine"]["kind"]:
            yield f"processor: published {theirs['machine']}, mine {self.mine['machine']['kind']}"
        kernels = sorted({each for sweep in self.mine["sweeps"] for each in sweep["kernels"]})
        if theirs.get("kernels") and kernels and theirs["kernels"] != kernels:
            yield f"kernels: published {', '.join(theirs['kernels'])}, mine {', '.join(kernels)}"

    def rows(self) -> Iterator[tuple[str, str, str, str]]:
        """Id, published, mine, and whether they agree; what was published and is not computed comes last."""
        texts, held = self.published.get("values", {}), self.published.get("checks", {})
        for name, entry in self.mine["values"].items():
            theirs = MEASURED if entry["measured"] else texts.get(name, NOT_THERE)
            agree = "✓" if theirs == entry["text"] else "differs"
            yield name, theirs, entry["text"], "–" if theirs in (MEASURED, NOT_THERE) else agree
        for name, entry in self.mine["checks"].items():
            theirs = MEASURED if entry["measured"] else _word(held[name]) if name in held else NOT_THERE
            known = "–" if theirs in (MEASURED, NOT_THERE) else "✓"
            yield (
                f"{name}: holds?",
                theirs,
                f"{_word(entry['holds'])}: {entry['shown']}",
                known if entry["holds"] else "✗",
            )
        yield from (
            (name, text, "not computed", "–") for name, text in texts.items() if name not in self.mine["values"]
        )
        gone = ((name, said) for name, said in held.items() if name not in self.mine["checks"])
        yield from ((f"{name}: holds?", _word(said), "not computed", "–") for name, said in gone)

    def _repr_markdown_(self) -> str:
        lines = [f"- {each}" for each in self.differences()] or ["- nothing: parameters, versions and processor agree"]
        table = ["| | published | mine | |", "|---|---|---|---|"]
        table += [f"| {' | '.join(text.replace('|', chr(92) + '|') for text in row)} |" for row in self.rows()]
        return "\n".join(["**What differs from the published run**", "", *lines, "", *table])


def _word(holds: bool) -> str:
    return "holds" if holds else "does not"
