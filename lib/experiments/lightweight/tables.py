"""Runs and readings of the chapter *outlook/lightweight* as tidy tables: what the figures show, and what the page prints."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import pandas as pd
from IPython.display import Markdown

from evidence.tuning import Tuned
from evidence.verdicts import Evidence
from experiments.lightweight import eight_bits
from experiments.lightweight.analysis import LIGHT, NEVER, name_of, table_of
from experiments.lightweight.live import Network
from experiments.lightweight.runs import build, sizes
from gatedrnn.lightweight_flops import multiply_adds
from gatedrnn.models import count_parameters

COUNTS = ("parameters", "bytes", "bytes_int8", "multiply_adds")


def costs(networks: Iterable[Network], task: str, length: int) -> pd.DataFrame:
    """What can be counted of each network: one row each, `cell`, `layers`, `width` and `COUNTS`."""
    rows = []
    for each in networks:
        model = build(task, each.cell, each.layers, each.width, length)
        inputs = [sizes(task, length)[0], *[each.width] * (each.layers - 1)]
        products = length * sum(multiply_adds(each.cell, size, each.width) for size in inputs)
        bytes_ = [eight_bits.size(model, form) for form in eight_bits.FORMS]
        rows.append((*each, count_parameters(model), *bytes_, products))
    return pd.DataFrame(rows, columns=[*Network._fields, *COUNTS])


def microseconds(readings: Iterable[pd.DataFrame]) -> pd.DataFrame:
    """Median time of a call: one row a network, one column a way."""
    rows = pd.concat(readings, ignore_index=True)
    found = rows.groupby([*Network._fields, "way"], sort=False)["seconds"].median().mul(1e6).unstack("way")
    return found.rename_axis(columns=None).reset_index()


def with_quality(runs: pd.DataFrame, counted: pd.DataFrame, timed: pd.DataFrame) -> pd.DataFrame:
    """Every run with what its network costs: what the headline figure shows."""
    names = ["cell", "layers", "width", "seed", "quality", "learning_rate", "steps", "clipped", "diverged"]
    return runs[names].merge(counted, on=list(Network._fields)).merge(timed, on=list(Network._fields))


def cost_table(shown: pd.DataFrame, runs: pd.DataFrame) -> Markdown:
    """Mean quality in float32 and in 8 bits, counts and times by network, as a Markdown table.

    Args:
        shown: from `with_quality`. runs: with `quality_int8`.
    """
    timed = [name for name in ("compiled", "torch", "int8") if name in shown]
    heads = ["network", "units", "right, %", "in 8 bits, %", "parameters", "bytes", "in 8 bits", "multiply-adds"]
    lines = [f"| {' | '.join([*heads, *(f'{name}, µs' for name in timed)])} |", "|---|" + "--:|" * (7 + len(timed))]
    small = runs.groupby(list(Network._fields))["quality_int8"].mean()
    for (cell, layers, width), part in shown.groupby(list(Network._fields), sort=False):
        one = part.iloc[0]
        row = [name_of(cell, layers), f"{width}", f"{100 * part['quality'].mean():.1f}"]
        row += [f"{100 * small[cell, layers, width]:.1f}", *(f"{one[name]:,}" for name in COUNTS)]
        lines.append(f"| {' | '.join([*row, *(f'{one[name]:.1f}' for name in timed)])} |")
    return Markdown("\n".join(lines))


def conditions(kinds: Mapping[str, Mapping[str, Evidence]]) -> pd.DataFrame:
    """Evidence by kind (as published, or an attack) and condition: `estimate`, `low`, `high`, `left_out`."""
    rows = []
    for kind, found in kinds.items():
        for name, each in found.items():
            ends = {"estimate": each.interval.estimate, "low": each.interval.low, "high": each.interval.high}
            rows.append({"kind": kind, "condition": name, **ends, "left_out": each.left_out})
    return pd.DataFrame(rows)


def told(ratio: float) -> str:
    """A ratio as the prose types it; `no` where no width was good enough."""
    return f"{ratio:.2f}" if ratio < NEVER else "no"


def parities(runs: pd.DataFrame) -> pd.DataFrame:
    """Runs on parity: `cell`, `layers`, `width`, `steps`, `seed`, `quality` and `beyond`."""
    return runs[["cell", "layers", "width", "steps", "seed", "quality", "beyond"]].reset_index(drop=True)


def best_light(runs: pd.DataFrame, value: str, cells: Iterable[str] = LIGHT) -> float:
    """The largest mean of a value over the widths and layers of some cells."""
    part = runs[runs["cell"].isin(list(cells))]
    return float(part.groupby(["cell", "layers", "width"])[value].mean().max())


def mean_at(runs: pd.DataFrame, cell: str, width: int, value: str = "quality", layers: int = 1) -> float:
    """Mean of a value over the seeds of one network."""
    return float(table_of(runs, cell, layers, value)[width].mean())


def tuning_data(tunings: Mapping[str, Tuned]) -> pd.DataFrame:
    """All tunings, one row a run; `tuned` is the score by which rates are chosen."""
    names = ["task", "cell", "layers", "width", "learning_rate", "seed", "tuned", "steps", "diverged"]
    parts = [tuned.runs.assign(tuned=tuned.runs["score"]) for tuned in tunings.values()]
    return pd.concat(parts, ignore_index=True)[names]
