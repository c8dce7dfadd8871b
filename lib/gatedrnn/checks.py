"""One-line refusals of arguments: the name, the value, and what is allowed."""

from __future__ import annotations

import operator
from collections.abc import Iterable
from typing import Any


def require(name: str, value: str, allowed: Iterable[str]) -> None:
    """Refuse a value that is not one of some names.

    Args:
        name: of the argument, for the message. value: as it was given. allowed: the names.

    Raises:
        ValueError: the value is none of them; the message names argument, value and what is allowed.
    """
    names = tuple(allowed)
    if value not in names:
        raise ValueError(f"{name} = {value!r} is not allowed: one of {', '.join(map(repr, names))}")


def whole(name: str, value: Any, least: int = 1) -> int:
    """A whole number of any type (NumPy's too) as an int.

    Args:
        name: of the argument, for the message. value: as it was given. least: the smallest allowed.

    Raises:
        ValueError: not a whole number of at least `least`; the message names argument, value and what is allowed.
    """
    try:
        number = None if isinstance(value, bool) else operator.index(value)
    except TypeError:
        number = None
    if number is None or number < least:
        raise ValueError(f"{name} = {value!r} is not allowed: a whole number of at least {least}")
    return number
