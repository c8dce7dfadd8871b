"""From the runs and readings of the chapter *applications/streaming* to its tables, intervals and evidence."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from IPython.display import Markdown

from evidence.blocks import over_time
from evidence.figures import LABELS
from evidence.format import NBSP
from evidence.ledger import ledger
from evidence.significance import t_test
from evidence.statistics import Interval
from evidence.timing import percentiles
from evidence.tuning import Tuned
from evidence.verdicts import Evidence
from experiments.streaming.runs import operations

PLAIN = {
    "persistence": "as now",
    "autoregression": "autoregression",
    "river linear": "river, linear",
    "river tree": "river, tree",
}
MODELS = (("lstm", "width"), ("gru", "width"), ("gru", "operations"), ("rnn", "width"))
MATCHES = {"width": "equal width", "operations": "equal operations", "parameters": "equal parameters"}
TOGETHER = 2
"""Neighbouring parts of the stream that are drawn together: about three days."""
SETTINGS = {
    "autoregression": (1.0, 0.9998, 0.999, 0.998),
    "river linear": (0.0003, 0.001, 0.003, 0.01),
    "river tree": (0.0003, 0.001, 0.003, 0.01),
}
"""What is tried: how much the autoregression forgets, and the learning rates of river's models."""


def label(cell: str, match: str = "width") -> str:
    """How a network is called in tables and figures."""
    return LABELS[cell] if match == "width" else f"{LABELS[cell]}, {MATCHES[match]}"


def title(name: str) -> str:
    """The same for the name of a contender, such as `gru operations` or `river tree`."""
    cell, _, match = name.partition(" ")
    return label(cell, match) if cell in LABELS else PLAIN[name]


def baseline_grid(stretch: Mapping[str, int]) -> list[dict[str, Any]]:
    """Settings of the baselines that are compared on a stretch."""
    return [{"kind": kind, "setting": value, **stretch} for kind, values in SETTINGS.items() for value in values]


def chosen(tried: pd.DataFrame) -> dict[str, float]:
    """Setting with the least error, by kind; persistence has none."""
    best = tried.loc[tried.groupby("kind", sort=False)["rmse"].idxmin()]
    return {"persistence": 0.0, **dict(zip(best["kind"], best["setting"], strict=True))}


def part(runs: pd.DataFrame, cell: str, match: str = "width") -> pd.DataFrame:
    """Runs of one network, by seed."""
    rows = runs[(runs["cell"] == cell) & (runs["match"] == match)]
    return rows.set_index("seed", drop=False).sort_index()


def ratio(runs: pd.DataFrame, match: str, metric: str = "rmse") -> Interval:
    """Error of the GRU ÷ error of the LSTM, with its interval over seeds and stretches of time, see `log_ratio`."""
    return log_ratio(runs, match, metric).mapped(math.exp)


def log_ratio(runs: pd.DataFrame, match: str, metric: str = "rmse") -> Interval:
    """Logarithm of the ratio of the errors, over all readings (`rmse`) or over the second half (`late`)."""
    tables = [
        np.array([each["block"] for each in rows["curves"]]) for rows in (part(runs, "gru", match), part(runs, "lstm"))
    ]
    half = tables[0].shape[1] // 2 if metric == "late" else 0
    return over_time(_half_log, *(each[:, half:] for each in tables), length=TOGETHER)


def _half_log(gru: np.ndarray, lstm: np.ndarray) -> np.ndarray:
    return 0.5 * np.log(gru / lstm)  # of squared errors


def ratios(runs: pd.DataFrame) -> pd.DataFrame:
    """The ratio of every seed, over all readings and over the second half: `match`, `metric`, `seed`, `ratio`."""
    parts = []
    for match in ("operations", "width"):
        for metric in ("rmse", "late"):
            found = part(runs, "gru", match)[metric] / part(runs, "lstm")[metric]
            parts.append(
                pd.DataFrame({"match": match, "metric": metric, "seed": found.index, "ratio": found.to_numpy()})
            )
    return pd.concat(parts, ignore_index=True)


def evidence(runs: pd.DataFrame) -> dict[str, Evidence]:
    """Evidence on claim U3: GRU ÷ LSTM at equal operations an update, tested on the logarithm against the margin."""
    logs = log_ratio(runs, "operations")
    p = t_test(logs, math.log(ledger()["U3"].margin))
    return {"equal operations an update": Evidence(logs.mapped(math.exp), p, p_even=t_test(logs))}


def best(base: pd.DataFrame) -> str:
    """Kind of the baseline with the least error."""
    return str(base.set_index("kind")["rmse"].idxmin())


def result_table(runs: pd.DataFrame, base: pd.DataFrame, window: int) -> Markdown:
    """Errors over the stretch and over its second half, and what each network is, as a Markdown table."""
    lines = [
        "| RMSE, mg/dL | all readings | second half | units | parameters | thousand FLOPs an update |",
        "|---|--:|--:|--:|--:|--:|",
    ]
    for row in base.to_dict("records"):
        lines.append(f"| {PLAIN[row['kind']]} | {row['rmse']:.2f} | {row['late']:.2f} | – | – | – |")
    for cell, match in MODELS:
        own = part(runs, cell, match)
        texts = [f"{own[each].mean():.2f}{NBSP}±{NBSP}{own[each].std():.2f}" for each in ("rmse", "late")]
        width = int(own["width"].iloc[0])
        texts += [str(width), f"{own['parameters'].iloc[0]:,}", f"{operations(cell, width, window) / 1000:,.0f}"]
        lines.append(f"| {label(cell, match)} | {' | '.join(texts)} |")
    note = f"± is the standard deviation over {runs['seed'].nunique()} seeds; the others have no seeds."
    return Markdown("\n".join(lines) + f"\n\n{note}")


def latency_table(readings: pd.DataFrame) -> pd.DataFrame:
    """Percentiles of single calls in seconds: `name`, `what`, `p50`, `p95`, `p99`."""
    return percentiles(readings, ("name", "what"))


def cost_table(latency: pd.DataFrame, streams: pd.DataFrame) -> Markdown:
    """Latencies in microseconds, bytes a stream, and streams on one core before the deadline, as a Markdown table."""
    lines = [
        "| median / 95th / 99th | predict, µs | learn, µs | bytes a stream | streams that learn | streams, shared weights |",
        "|---|--:|--:|--:|--:|--:|",
    ]
    for row in streams.to_dict("records"):
        found = latency[latency["name"] == row["name"]].set_index("what")
        times = [
            " / ".join(micro(found.loc[what, point]) for point in ("p50", "p95", "p99")).replace(" ", NBSP)
            for what in ("predict", "learn")
        ]
        together = "–" if np.isnan(row["shared"]) else about(row["shared"])
        texts = [title(row["name"]), *times, f"{row['bytes']:,}", about(row["carried"]), together]
        lines.append(f"| {' | '.join(texts)} |")
    return Markdown("\n".join(lines))


def fairness_table(tuned: Tuned, runs: pd.DataFrame) -> Markdown:
    """Chosen rates, what was tried for them, updates of a run, and how often the gradient was cut, as a Markdown table."""
    lines = [
        "| network | rates tried | tuning runs | rate chosen | updates | gradient cut |",
        "|---|---|--:|--:|--:|--:|",
    ]
    for cell, match in MODELS:
        own, tries = part(runs, cell, match), tuned.runs[tuned.runs["cell"] == cell]
        rates = sorted(tries["learning_rate"].unique())
        tried = [", ".join(f"{rate:g}" for rate in rates), str(len(tries))]
        texts = [label(cell, match), *(tried if match == "width" else [f"as {LABELS[cell]}", "–"])]
        texts += [f"{own['learning_rate'].iloc[0]:g}", f"{own['steps_taken'].iloc[0]:,}"]
        lines.append(f"| {' | '.join(texts)} | {100 * own['clipped'].mean():.0f}{NBSP}% |")
    return Markdown("\n".join(lines))


def micro(seconds: float) -> str:
    """Microseconds: whole from a hundred on, with one decimal below."""
    value = 1e6 * seconds
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}"


def about(count: float) -> str:
    """A number of streams to two digits, such as `1.4 million` or `730,000`; whole below a thousand."""
    if count < 1000:
        return f"{count:.0f}"
    rounded = float(f"{count:.1e}")
    return f"{rounded / 1e6:.2g}{NBSP}million" if rounded > 1e6 else f"{rounded:,.0f}"
