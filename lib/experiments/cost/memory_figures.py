"""The memory figure of the chapter *performance/cost*."""

from __future__ import annotations

from typing import Any

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure

from evidence.figures import INK, WIDTH
from experiments.cost.figures import LOOKS

NEED = "#f2c14e"
WHATS = ["kept for backward", "peak of training", "peak of inference"]
FILLS: dict[str, dict[str, Any]] = {"native": {"alpha": 0.35}, "matched": {"hatch": "////", "alpha": 0.75}}
"""How bars differ: full for what PyTorch runs by default, pale without oneDNN, hatched for the matched kernels."""


def memory_bars(table: pd.DataFrame) -> Figure:
    """Floats for each hidden unit and time step: kept for the backward pass, and peaks of a fresh process.

    Bars are medians over batch sizes, dashes the batch sizes, yellow lines what the equations need.

    Args:
        table: from `experiments.cost_memory.memory`.
    """
    fig, (model, rest) = plt.subplots(1, 2, figsize=(WIDTH, 3.4), width_ratios=[1, 4.4])
    sizes = table[table["what"] == "model"].groupby("name", sort=False)["bytes"].first() / 1e3
    for place, name in enumerate(("LSTM, oneDNN", "GRU")):
        model.bar(place, sizes[name], 0.62, color=LOOKS[name]["color"])
        model.text(place, sizes[name], f"{sizes[name]:.0f}", ha="center", va="bottom", fontsize=8.5)
    model.set_xticks(range(2), ["LSTM", "GRU"])
    model.set_ylabel("kilobytes")
    model.set_title("Model")
    names = [name for name in LOOKS if name in set(table["name"])]
    wide = 0.84 / len(names)
    for group, what in enumerate(WHATS):
        for order, name in enumerate(names):
            part = table[(table["what"] == what) & (table["name"] == name)]["floats"]
            middle, spot = float(part.median()), group + (order - (len(names) - 1) / 2) * wide
            rest.bar(spot, middle, wide * 0.9, **_bar(name))
            rest.plot([spot] * len(part), part, "_", color=INK, markersize=5, markeredgewidth=0.9)
            top = max(middle, part.max())
            rest.text(spot, top + 0.35, f"{middle:.1f}", ha="center", va="bottom", fontsize=8)
            if what == "kept for backward":
                need = table[(table["what"] == "needed for backward") & (table["name"] == name)]["floats"].median()
                rest.plot([spot - wide * 0.45, spot + wide * 0.45], [need, need], color=NEED, linewidth=2.2)
    rest.set_xticks(range(3), ["Kept for backward", "Peak of training", "Peak of inference"])
    rest.set_ylabel("floats for each unit and step")
    rest.set_title("Activations")
    bars: list[Any] = [plt.Rectangle((0, 0), 1, 1, **_bar(name)) for name in names]
    bars.append(plt.Line2D([], [], color=NEED, linewidth=2.2))
    fig.legend(bars, [*names, "least that backward needs"], loc="outside lower center", ncols=3)
    for ax in (model, rest):
        ax.grid(axis="x", visible=False)
    return fig


def _bar(name: str) -> dict[str, Any]:
    look = next((look for kind, look in FILLS.items() if kind in name), {})
    return {"facecolor": LOOKS[name]["color"], "edgecolor": INK if "hatch" in look else "none", "linewidth": 0, **look}
