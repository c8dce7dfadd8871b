"""The other half of the built site's pages, for a second browser."""

from __future__ import annotations

from visiting import Pages


class TestPages(Pages):
    half = 1
