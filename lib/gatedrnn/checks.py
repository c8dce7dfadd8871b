"""The one-line refusal of a name that is none of those allowed."""

from __future__ import annotations

from collections.abc import Iterable


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
