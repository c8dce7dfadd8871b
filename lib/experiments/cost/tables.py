"""Tables of the chapter *performance/cost*."""

from __future__ import annotations

import pandas as pd
from IPython.display import Markdown

from evidence.format import NBSP
from evidence.statistics import Interval
from evidence.verdicts import Verdict
from experiments.cost import runs
from experiments.cost.analysis import KINDS, TITLES, span
from gatedrnn import flops


def count_table(input_size: int, hidden_size: int, batch_size: int, length: int) -> Markdown:
    """What a training step of one layer costs by count, of both cells, as a Markdown table."""
    shape = (input_size, hidden_size, batch_size, length)
    lstm, gru = flops.training_flops("lstm", *shape), flops.training_flops("gru", *shape)
    weights = flops.count_parameters("lstm", *shape[:2]), flops.count_parameters("gru", *shape[:2])
    lines = ["| | LSTM | GRU | GRU ÷ LSTM |", "|---|--:|--:|--:|"]
    for name, first, second in (
        ("matrix products, MFLOP", lstm.matmul, gru.matmul),
        ("all operations, MFLOP", lstm.total, gru.total),
    ):
        lines.append(f"| {name} | {first / 1e6:.1f} | {second / 1e6:.1f} | {second / first:.3f} |")
    lines.append(f"| parameters | {weights[0]:,} | {weights[1]:,} | {weights[1] / weights[0]:.3f} |")
    return Markdown("\n".join(lines))


def work_table(ratios: pd.DataFrame) -> Markdown:
    """Range of GRU ÷ LSTM by mode, implementation and work, as a Markdown table; `ratios` as from `runs.ratio_table`."""
    work = [runs.regime(h, b) for h, b in zip(ratios["hidden_size"], ratios["batch_size"], strict=True)]
    lines = ["| GRU ÷ LSTM, one thread of a CPU | light work | middle | heavy work |", "|---|---|---|---|"]
    for (mode, side), part in ratios.assign(work=work).groupby(["mode", "implementation"], sort=False):
        cells = [span(part[part["work"] == kind]["ratio"]) for kind in KINDS]
        lines.append(f"| {mode}, {TITLES[side]} | {' | '.join(cells)} |")
    return Markdown("\n".join(lines))


def kernel_table(kernels: pd.DataFrame) -> Markdown:
    """What PyTorch runs for each cell, from `cost_kernels.kernels`, as a Markdown table."""
    head = "| cell | oneDNN | mode | kernel | products by | calls in all | calls a step |"
    lines = [head, "|---|---|---|---|---|--:|--:|"]
    for row in kernels.itertuples():
        allowed = "allowed" if row.onednn else "forbidden"
        kernel, products = row.kernel.replace(" ", NBSP), f"`{row.products.replace(', ', '`, `')}`"
        counts = f"{row.calls:,} | {row.per_step:.0f}"
        lines.append(f"| {row.cell.upper()} | {allowed} | {row.mode} | {kernel} | {products} | {counts} |")
    return Markdown("\n".join(lines))


def latency_table(points: pd.DataFrame) -> Markdown:
    """Percentiles of single calls, from `measuring.percentiles`, as a Markdown table: a column for each shape."""
    percents = [column for column in points if str(column).startswith("p")]
    shapes = list(dict.fromkeys(zip(points["hidden_size"], points["length"], strict=True)))
    heads = [f"H = {h}, T = {t}".replace(" = ", f"{NBSP}={NBSP}") for h, t in shapes]
    lines = [
        f"| {' / '.join(map(str, percents))}, µs | {' | '.join(heads)} |",
        "|---|" + "--:|" * len(shapes),
    ]
    for name, part in points.groupby("name", sort=False):
        rows = part.set_index(["hidden_size", "length"])[percents]
        cells = [" / ".join(f"{1e6 * value:.0f}" for value in rows.loc[shape]) for shape in shapes]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return Markdown("\n".join(lines).replace(" / ", f"{NBSP}/{NBSP}"))


def speeds(table: pd.DataFrame) -> Markdown:
    """How many times as fast as stock PyTorch the others run the same cell, by work, as a Markdown table."""
    work = [runs.regime(h, b) for h, b in zip(table["hidden_size"], table["batch_size"], strict=True)]
    lines = ["| cell | mode | implementation | light work | middle | heavy work |", "|---|---|---|---|---|---|"]
    groups = table.assign(work=work).groupby(["cell", "mode", "implementation"], sort=False)
    for (cell, mode, side), part in groups:
        cells = [span(part[part["work"] == kind]["ratio"], "{:.1f}") for kind in KINDS]
        lines.append(f"| {cell.upper()} | {mode} | {TITLES[side]} | {' | '.join(cells)} |")
    return Markdown("\n".join(lines))


def slope_table(slopes: pd.DataFrame) -> Markdown:
    """Log-log slopes as a Markdown table: first to last stretch of each axis."""
    lines = ["| training step of | hidden size (products: 2) | batch size (1) | length (1) |", "|---|---|---|---|"]
    for name, part in slopes.groupby("name", sort=False):
        ends = part.set_index("axis")
        cells = [
            f"{ends.loc[axis, 'start']:.2f}{NBSP}→{NBSP}{ends.loc[axis, 'end']:.2f}" if axis in ends.index else "–"
            for axis in ("hidden_size", "batch_size", "length")
        ]
        lines.append(f"| {name} | {' | '.join(cells)} |".replace("-", "−"))
    return Markdown("\n".join(lines))


def choice_table(readings: pd.DataFrame, mode: str) -> Markdown:
    """Which layer to call at which size and batch: a Markdown table from `workloads.grid`, one row a hidden size.

    The quicker of torch's own layers stands first, *alike* where the two are within 5 % of each other; after it how many
    times as fast the same cell runs on `gatedrnn.nn`, where that was measured.
    """
    times = readings[readings["mode"] == mode].groupby(["hidden_size", "batch_size", "name"])["seconds"].median()
    sizes = sorted(readings["hidden_size"].unique())
    batches = sorted(readings["batch_size"].unique())
    lines = ["| " + mode + " | " + " | ".join(f"B{NBSP}={NBSP}{batch}" for batch in batches) + " |"]
    lines.append("|---|" + "---|" * len(batches))
    for size in sizes:
        cells = []
        for batch in batches:
            case = times.loc[size, batch]
            ratio = case["GRU"] / case["LSTM, oneDNN"]
            cell = "LSTM" if ratio > 1 else "GRU"
            word = "alike" if abs(ratio - 1) < 0.05 else f"`nn.{cell}`"
            stock, ours = ("LSTM, oneDNN", "LSTM, matched") if cell == "LSTM" else ("GRU", "GRU, matched")
            gain = f", ×{NBSP}{case[stock] / case[ours]:.1f}" if ours in case.index else ""
            cells.append(word + gain)
        lines.append(f"| H{NBSP}={NBSP}{size} | {' | '.join(cells)} |")
    return Markdown("\n".join(lines))


def peak_table(limits: list[dict[str, float]]) -> Markdown:
    """GFLOP/s of a large product by each library, from `roofline.peaks`, best of some measurements, as a Markdown table."""
    users = {
        "MKL": "`nn.GRU`; `nn.LSTM` without oneDNN",
        "oneDNN": "`nn.LSTM`",
        "ONNX Runtime": "both cells in ONNX Runtime",
    }
    lines = ["| library | GFLOP/s of a large product | who multiplies with it |", "|---|--:|---|"]
    for name in limits[0]:
        lines.append(f"| {name} | {max(each[name] for each in limits):.0f} | {users[name]} |")
    return Markdown("\n".join(lines))


def evidence_table(found: dict[str, Interval], verdict: Verdict) -> pd.DataFrame:
    """Print-ready table of a verdict's conditions: condition, ratio with interval, what it says.

    A dagger marks where two runtimes' threads compete for the cores: ONNX Runtime on more than one.
    """
    crowded = {name: " †" for name in found if name.startswith("ONNX Runtime") and not name.endswith(" 1 thread")}
    rows = [(part.name + crowded.get(part.name, ""), found[part.name].format(), part.word) for part in verdict.strata]
    return pd.DataFrame(rows, columns=["condition", "GRU ÷ LSTM", "the claim is"]).set_index("condition")
