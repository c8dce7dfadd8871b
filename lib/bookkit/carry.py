"""`make carry`: locked runs take the key of today's code, where a sample shows that it changes none of them."""

from __future__ import annotations

import os

from bookkit.errors import BookError
from bookkit.places import Places
from bookkit.progress import Display


def carry(places: Places, display: Display, since: str) -> int:
    """Carry the locked rows over the changes since a commit.

    Raises:
        BookError: nothing is carried; the message says why.
    """
    from evidence import carry as rows

    if not since or since.startswith("-"):
        raise BookError(f"SINCE = {since!r} is not allowed: a commit, such as make carry SINCE=HEAD~1")
    os.environ |= {"BOOK_LOCK": str(places.lock)}
    try:
        carried = rows.carry(since)
    except rows.Refused as error:
        raise BookError(str(error)) from None
    for sweep, count in sorted(carried.items()):
        display.say(f"{sweep}: {count} runs carried")
    return 0
