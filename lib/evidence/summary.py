"""The last cell of a notebook run by hand: does mine match what was published?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

NUMERIC = ("torch", "numpy", "scipy", "pandas")


class Summary:
    """Every value and statement of the running chapter beside the published ones; shown as Markdown."""

    def __init__(self, mine: Mapping[str, Any], published: Mapping[str, Any]) -> None:
        self.mine, self.published = mine, published

    def differences(self) -> Iterator[str]:
        """What differs from the published run before any result: parameters, versions, processor, kernel."""
        theirs = self.published
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
        """Id, published, mine, and whether they agree."""
        for name, entry in self.mine["values"].items():
            theirs = self.published.get("values", {}).get(name)
            if entry["measured"]:
                yield name, "measured anew", entry["text"], "–"
            else:
                yield name, theirs or "–", entry["text"], "✓" if theirs == entry["text"] else "differs"
        for name, entry in self.mine["checks"].items():
            yield f"{name}: holds?", "holds", f"{_word(entry)}: {entry['shown']}", "✓" if entry["holds"] else "✗"

    def _repr_markdown_(self) -> str:
        lines = [f"- {each}" for each in self.differences()] or ["- nothing: parameters, versions and processor agree"]
        table = ["| | published | mine | |", "|---|---|---|---|"]
        table += [f"| {' | '.join(text.replace('|', chr(92) + '|') for text in row)} |" for row in self.rows()]
        return "\n".join(["**What differs from the published run**", "", *lines, "", *table])


def _word(entry: Mapping[str, Any]) -> str:
    return "holds" if entry["holds"] else "does not"
