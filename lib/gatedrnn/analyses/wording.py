"""Numbers as a reader writes them, for the texts of several chapters."""

from __future__ import annotations

SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def scientific(value: float, digits: int = 0) -> str:
    """A number with a power of ten, such as `5 × 10⁻⁷`.

    Args:
        value: finite.
        digits: decimals of the mantissa.
    """
    mantissa, _, exponent = f"{value:.{digits}e}".partition("e")
    power = str(int(exponent)).translate(SUPERSCRIPTS)
    return f"{mantissa.replace('-', '−')}\N{NO-BREAK SPACE}×\N{NO-BREAK SPACE}10{power}"
