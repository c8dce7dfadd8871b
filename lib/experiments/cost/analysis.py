"""Names and ranges that tables and figures of the chapter *performance/cost* share."""

from __future__ import annotations

import pandas as pd

from gatedrnn.kernels import matched

MISSING = "not measured here"
KINDS = ("light", "middle", "heavy")

TITLES = {
    "oneDNN": "PyTorch, default",
    "native": "PyTorch, no oneDNN",
    "ONNX Runtime": "ONNX Runtime",
    "matched": "matched kernels",
}


def availability() -> str:
    """Whether the matched kernels took part, in one sentence."""
    if matched.available():
        return "They were compiled on the machine that built this page."
    return f"They could not be compiled on the machine that built this page ({matched.problem()}), so they are missing."


def span(values: pd.Series, form: str = "{:.2f}") -> str:
    """Print the range of some values, such as `1.20 to 5.90`."""
    values = values.dropna()
    if values.empty:
        return MISSING
    low, high = form.format(values.min()), form.format(values.max())
    return low if low == high else f"{low} to {high}"
