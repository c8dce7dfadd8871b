"""The text of a results lock: one line a run, and what all runs of a sweep share said once, in a line before them.

A sweep's rows repeat the names of their values and most of their configuration. So a header stands before the rows of
each origin. It holds what is `shared`, and the `columns` that differ; each further line is a list: the row's check,
then its values in the order of the columns, a list of decimal numbers as whole ones in a unit of their own. A row that
does not fit is written as it is. Every row carries the check of its whole content, so that an altered header is found
out by the rows that it no longer makes whole.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from math import isfinite
from pathlib import Path
from typing import Any

PARTS = ("config", "curves", "metrics", "recorded")
ABSENT = "∅"
"""Stands for a name that a row lacks."""

Row = dict[str, Any]


def pack(rows: Iterable[Row]) -> list[str]:
    """Lines of a lock: stored rows, see `evidence.store`, by origin, and sorted by configuration."""
    groups: dict[str, list[Row]] = {}
    for row in sorted(rows, key=lambda row: line(row["config"])):
        groups.setdefault(row["key"].partition("-")[2], []).append(row)
    return [each for id, group in groups.items() for each in _pack(id, group)]


def _pack(id: str, rows: Sequence[Row]) -> list[str]:
    """Lines of the rows of one origin, given by its short digest, in their order."""
    shared, columns = _split(rows)
    header: Row = {"id": id, "shared": shared, "columns": columns}
    header["check"] = check(header)
    lines = [line(header)]
    for row in rows:
        parts = ([squeezed(row.get(part, {}).get(name, ABSENT)) for name in columns[part]] for part in PARTS)
        values = [row["check"], *parts]
        packed = line(values)
        lines.append(packed if unpack(packed, header) == row else line(row))
    return lines


def unpack(text: str, header: Mapping[str, Any] | None) -> Row | None:
    """The header or row that a line holds; None where it was truncated or altered, or lacks its header."""
    try:
        value = json.loads(text)
        row = value if isinstance(value, dict) else _whole(value, header or {})
        if row["check"] == check(row):
            return row
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        pass
    return None


def read(lines: Sequence[str]) -> Iterator[Row | None]:
    """What each line of a lock holds, headers too; None for a line that is not sound."""
    header = None
    for text in lines:
        found = unpack(text, header)
        if found is not None and "columns" in found:
            header = found
        yield found


def squeezed(value: Any) -> Any:
    """A list of decimal numbers as `{"e4": [whole numbers]}`, in units of 10⁻⁴, where that is shorter."""
    if not isinstance(value, list) or not value or not all(type(each) is float and isfinite(each) for each in value):
        return value
    numbers = [Decimal(repr(each)) for each in value]
    places = max(0, *(-int(each.normalize().as_tuple().exponent) for each in numbers))
    made = {f"e{places}": [int(each.scaleb(places)) for each in numbers]}
    return made if len(line(made)) < len(line(value)) and spread(made) == value else value


def spread(value: Any) -> Any:
    """What `squeezed` was given."""
    if isinstance(value, dict) and len(value) == 1:
        ((unit, numbers),) = value.items()
        if unit[:1] == "e" and unit[1:].isdigit() and isinstance(numbers, list):
            end = f"e-{unit[1:]}"
            return [float(f"{each}{end}") for each in numbers]
    return value


def read_file(path: Path) -> Iterator[Row | None]:
    """What each line of a lock's file holds; a text in a row may hold what `str.splitlines` takes for a line's end."""
    yield from read(path.read_text(encoding="utf-8", errors="replace").removesuffix("\n").split("\n"))


def costs(folder: Path) -> dict[tuple[str, str], float]:
    """Core-seconds that each row of the locks in a folder took, by sweep and key."""
    return {
        (file.stem, row["key"]): float(row["recorded"].get("seconds", 0.0))
        for file in sorted(folder.glob("*.jsonl"))
        for row in read_file(file)
        if row and "config" in row
    }


def check(row: Mapping[str, Any]) -> str:
    """Short digest of all that a header or row says beside its check: enough to find out damage."""
    return sha({name: part for name, part in row.items() if name != "check"})[:8]


def line(value: Any) -> str:
    """A value as one line of JSON, the same for equal values."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":")) + "\n"


def sha(value: Any) -> str:
    """SHA-256 of a value's JSON."""
    return hashlib.sha256(line(value).removesuffix("\n").encode()).hexdigest()


def _split(rows: Sequence[Row]) -> tuple[dict[str, Row], dict[str, list[str]]]:
    """What all rows share, and the names of what differs, for each part."""
    shared: dict[str, Row] = {}
    columns: dict[str, list[str]] = {}
    for part in PARTS:
        values = [row.get(part, {}) for row in rows]
        names = sorted({name for each in values for name in each})
        same = {name for name in names if all(name in each for each in values)}
        same = {name for name in same if len({line(each[name]) for each in values}) == 1}
        shared[part] = {name: values[0][name] for name in names if name in same}
        columns[part] = [name for name in names if name not in same]
    return shared, columns


def _whole(values: list[Any], header: Mapping[str, Any]) -> Row:
    check, *given = values
    row: Row = {"check": check}
    for part, found in zip(PARTS, given, strict=True):
        named = zip(header["columns"][part], map(spread, found), strict=True)
        whole = header["shared"][part] | {name: value for name, value in named if value != ABSENT}
        row[part] = whole
    row["key"] = f"{sha(row['config'])[:16]}-{header['id']}"
    return row
