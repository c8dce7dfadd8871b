"""What this chapter hands over for the table of the page *verdicts*."""

from __future__ import annotations

import math

import pandas as pd

from evidence.comparisons import Comparison
from experiments.on_device import analysis
from experiments.on_device.live import bytes_of


def comparisons(runs: pd.DataFrame, target: float) -> list[Comparison]:
    """The comparisons of this chapter: bytes at equal quality; nothing where a network misses the target."""
    frame, widths = int(runs["frame"].iloc[0]), analysis.chosen(runs, target)
    if any(math.isinf(analysis.least(runs, name, target)) for name in widths):
        return []
    networks = {"baseline": "convolution", "lstm": "lstm", "gru": "gru"}
    values = {who: float(bytes_of(name, widths[name], "float32", frame)) for who, name in networks.items()}
    ratio = analysis.byte_ratio(runs, target).format("{:.2f}")
    task, unit = f"MNIST-1D on a device, {100 * target:.0f} % right", "bytes of the smallest file"
    return [Comparison(task, unit, True, 0, "convolution", values, f"GRU ÷ LSTM {ratio}", ["U4"])]
