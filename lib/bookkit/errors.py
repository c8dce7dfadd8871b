"""Errors that a person reads: one line each."""

from __future__ import annotations


class BookError(Exception):
    """Something in the book or in a command is wrong; the message is one line."""
