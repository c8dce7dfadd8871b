"""A table by name whose entries stand apart: what a run depends on is the entry that it names, not the table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NoReturn, TypeVar

from gatedrnn.checks import require

T = TypeVar("T")


class Choices(dict[str, T]):
    """Entries by name.

    Args:
        argument: what the name is called where a user gives it. entries: by name; a literal dict, so that a reader of the
            source sees each entry by itself (a new one changes nothing for those that are there).

    Looking up another name raises a ValueError that says which are allowed.
    """

    def __init__(self, argument: str, entries: Mapping[str, T]) -> None:
        super().__init__(entries)
        self.argument = argument

    def __missing__(self, name: str) -> NoReturn:
        require(self.argument, name, self)
        raise AssertionError
