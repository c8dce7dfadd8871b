"""Sphinx extension of the book: figure cards, chapter cards, offline maths, and pages that need nothing from outside."""

from __future__ import annotations

from typing import Any

from sphinx.application import Sphinx

from bookkit.sphinx_ext import assets, breaks, cards, checks, figure_card, maths, polish, search, words


def setup(app: Sphinx) -> dict[str, Any]:
    """Register every part of the extension."""
    for part in (maths, cards, checks, breaks, figure_card, words, assets, polish, search):
        part.setup(app)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
