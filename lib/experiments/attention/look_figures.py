"""What the weights look at, as a table and as a picture: chapter *outlook/attention*."""

from __future__ import annotations

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.colors import LinearSegmentedColormap, to_rgba
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from evidence.figures import COLOURS, INK, LABELS, WIDTH
from experiments.attention.analysis import TASK_NAMES, pick
from experiments.attention.grids import GATED
from tasks.demand import SLOTS

SHOWN = 0
"""Seed of which the weights of recall are drawn."""


def look_table(runs: pd.DataFrame) -> pd.DataFrame:
    """Weights of the runs with `look` and the chosen kind, tidy: of recall one sequence of one seed, else by steps back.

    Columns `task`, `cell`, `seed`, `question` (of recall), `place`, `weight`, `marked`.
    """
    rows: list[tuple] = []
    for run in pick(runs, way="with").to_dict("records"):
        given, curves = (run["task"], run["cell"], run["seed"]), run["curves"]
        if run["task"] == "scattered" and run["seed"] == SHOWN:
            for question, (weights, mark) in enumerate(zip(curves["weights"], curves["marks"], strict=True)):
                rows += [(*given, question, place, weight, int(place == mark)) for place, weight in enumerate(weights)]
        elif "lags" in curves:
            rows += [(*given, None, place, weight, 0) for place, weight in enumerate(curves["lags"])]
    return pd.DataFrame(rows, columns=["task", "cell", "seed", "question", "place", "weight", "marked"])


def draw_looks(table: pd.DataFrame) -> Figure:
    """Above, weights of recall question by question, rings on the tokens asked for; below, mean weights by steps back."""
    fig = plt.figure(figsize=(WIDTH, 4.6))
    grid = fig.add_gridspec(2, 2, height_ratios=[1, 1.2])
    for column, cell in enumerate(GATED):
        axis = fig.add_subplot(grid[0, column])
        rows = pick(table, task="scattered", cell=cell)
        weights = rows.pivot(index="question", columns="place", values="weight").to_numpy()
        ends = [to_rgba(COLOURS[cell], share) for share in (0.0, 1.0)]  # transparent, for a page of any colour
        shades = LinearSegmentedColormap.from_list(cell, ends)
        axis.imshow(weights, aspect="auto", cmap=shades, vmin=0, vmax=1, interpolation="nearest")
        marks = rows[rows["marked"] == 1]
        axis.plot(marks["place"], marks["question"], "o", markerfacecolor="none", color=INK, markersize=9)
        axis.set(title=f"recall, {LABELS[cell]}", xlabel="step looked at", ylabel="question")
        axis.set_yticks(range(len(weights)), [str(each + 1) for each in range(len(weights))])
        axis.xaxis.set_major_locator(MaxNLocator(integer=True))
        axis.grid(visible=False)
    for column, task in enumerate(("demand", "text")):
        axis = fig.add_subplot(grid[1, column])
        for cell in GATED:
            lines = pick(table, task=task, cell=cell).pivot(index="place", columns="seed", values="weight")
            axis.plot(lines, color=COLOURS[cell], linewidth=0.6, alpha=0.4)
            axis.plot(lines.mean(axis=1), color=COLOURS[cell], linewidth=1.8, label=LABELS[cell])
        unit = "half-hours" if task == "demand" else "characters"
        axis.set(title=TASK_NAMES[task], xlabel=f"{unit} back", ylabel="mean weight", ylim=(0, None))
        last = int(pick(table, task=task)["place"].max())
        if task == "demand":
            for day in range(SLOTS, last + 1, SLOTS):
                axis.axvline(day, color=INK, linewidth=0.6, linestyle=":")
    handles, names = axis.get_legend_handles_labels()
    fig.legend(handles, names, loc="outside lower center", ncols=2)
    return fig
