"""Numbers and lists as a reader writes them, for the texts of several chapters."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from numbers import Real
from typing import Any

SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
NBSP = "\N{NO-BREAK SPACE}"
TIMES = f"{NBSP}×{NBSP}"


def listed(parts: Iterable[str], word: str = "and") -> str:
    """One or more parts in a row, such as `a, b and c`."""
    *first, last = parts
    return f"{', '.join(first)} {word} {last}" if first else last


def told(value: Any) -> str:
    """A result in words: what lies in a mapping by its name, numbers to three digits, truth as `yes` or `no`.

    Such as `LSTM 2.26; GRU 2.23` for `{"LSTM": 2.2613, "GRU": 2.2324}`; in a mapping of mappings, `a: LSTM 1; b: LSTM 2`.
    """
    if isinstance(value, Mapping):
        parts = [(str(name), told(each), isinstance(each, Mapping)) for name, each in value.items()]
        return "; ".join(f"{name}: {text}" if nested else f"{name} {text}" for name, text, nested in parts)
    if isinstance(value, list | tuple):
        return ", ".join(told(each) for each in value)
    if isinstance(value, bool) or type(value).__name__ == "bool":
        return "yes" if value else "no"
    if isinstance(value, Real):
        number = float(value)
        whole = number.is_integer() and abs(number) < 1e15
        return f"{number:{',.0f' if whole else '.3g'}}".replace("-", "−")
    return str(value)


def scientific(value: float) -> str:
    """A positive number with a power of ten, such as `5 × 10⁻⁷`."""
    digit, _, exponent = f"{value:.0e}".partition("e")
    return f"{digit}{TIMES}10{str(int(exponent)).translate(SUPERSCRIPTS)}"


def power(exponent: float) -> str:
    """Ten to this power, which may be too small for a float, such as `0.0037` or `4 × 10⁻⁷`."""
    if -3 < exponent < 4:
        value = 10**exponent
        return f"{value:,.0f}" if value >= 10 else f"{value:.2g}"
    whole = math.floor(exponent)
    digit = round(10 ** (exponent - whole))
    whole, digit = (whole + 1, 1) if digit == 10 else (whole, digit)
    raised = f"10{str(whole).translate(SUPERSCRIPTS)}"
    return raised if digit == 1 else f"{digit}{TIMES}{raised}"
