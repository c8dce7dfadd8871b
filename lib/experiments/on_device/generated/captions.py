"""Captions, descriptions and data of the figures of the chapter *applications/on_device*."""

from __future__ import annotations

import math
from collections.abc import Iterable

import onnx
import pandas as pd

from evidence import timing
from evidence.tuning import Tuned
from experiments.on_device import deployment
from experiments.on_device.analysis import NAMES, SHIPPED, losses, table_of
from experiments.on_device.live import Model, bytes_of, file
from experiments.on_device.runs import METRICS


def shares(models: Iterable[Model], frame: int) -> dict[Model, float]:
    """Share of 8-bit integers among the stored numbers of each model."""
    return {model: deployment.share_of_integers(onnx.ModelProto.FromString(file(*model, frame))) for model in models}


def tuning_caption(tuned: Tuned) -> str:
    """Caption of the tuning figure."""
    return (
        f"Mean validation accuracy on {tuned.runs['seed'].nunique()} tuning seeds against the learning rate; the number is the "
        "width. A ring marks the rate chosen; each reported width uses the rate of the nearest tuned one."
    )


def tuning_alt(tuned: Tuned) -> str:
    """The tuning figure in words."""
    parts = [
        f"{NAMES[row['network']]} of width {row['width']}: {100 * row['score']:.0f} % at {row['learning_rate']:g}"
        for row in tuned.best.to_dict("records")
    ]
    return "Validation accuracy against learning rate. Best mean and its rate: " + "; ".join(parts) + "."


def sizes_caption(runs: pd.DataFrame, target: float) -> str:
    """Caption of the headline figure."""
    low = runs[runs["accuracy"] < floor(runs)]
    groups = low.groupby(["network", "width"], sort=False)["accuracy"]
    told = [
        f"{_count(len(each))} the {NAMES[name]} of width {width} at {100 * each.mean():.0f} %"
        for (name, width), each in groups
    ]
    beyond = f" Below the axis, marked at its edge and counted in the means: {', '.join(told)}." if told else ""
    return (
        f"Test accuracy on MNIST-1D against the size of the ONNX file, {runs['seed'].nunique()} seeds a size, every one a marker; "
        f"lines are means. Left the weights are float32, right 8-bit integers. Further left is smaller, higher is better. Green: "
        f"the target of {100 * target:.0f} %.{beyond}"
    )


def floor(runs: pd.DataFrame) -> float:
    """Accuracy at which the axis of the headline figure begins: a tenth below the least mean, in steps of 0.05."""
    least = min(float(table_of(runs, name, form).mean().min()) for name in NAMES for form in SHIPPED)
    return max(0.0, math.floor(20 * (least - 0.1) + 1e-9) / 20)


def _count(runs: int) -> str:
    return "a run of" if runs == 1 else f"{runs} runs of"


def sizes_alt(runs: pd.DataFrame) -> str:
    """The headline figure in words."""
    frame, parts = int(runs["frame"].iloc[0]), []
    for network, name in NAMES.items():
        for form in SHIPPED:
            means = 100 * table_of(runs, network, form).mean()
            sizes = [bytes_of(network, int(width), form, frame) for width in means.index]
            texts = [f"{value:.0f} % with {size:,} bytes" for size, value in zip(sizes, means, strict=True)]
            parts.append(f"{name}, {form}: " + ", ".join(texts))
    return "Accuracy against file size. " + "; ".join(parts) + "."


def sizes_data(runs: pd.DataFrame, base: pd.DataFrame) -> pd.DataFrame:
    """One row a run and format: network, width, seed, form, bytes, accuracy; the logistic regression among them."""
    frame, parts = int(runs["frame"].iloc[0]), []
    for form in SHIPPED:
        rows = runs[["network", "width", "seed"]].assign(form=form, accuracy=runs[METRICS[form]])
        rows["bytes"] = [bytes_of(n, int(w), form, frame) for n, w in zip(rows["network"], rows["width"], strict=True)]
        parts.append(rows)
    plain = base[["seed", "accuracy", "bytes"]].assign(network="logistic", form="float32")
    return pd.concat([*parts, plain], ignore_index=True)


def targets_caption(runs: pd.DataFrame, target: float) -> str:
    """Caption of the figure of ratios."""
    return (
        f"The smallest GRU that reaches an accuracy, divided by the smallest LSTM that does: bytes of the file (left; hollow: "
        f"8-bit weights) and time of a call (right, float32). Bars are 95 % intervals, from resampling {runs['seed'].nunique()} "
        f"seeds and, for the time, the rounds. Below the dashed line counts for the GRU. Dotted: the target, {100 * target:.0f} %."
    )


def targets_alt(table: pd.DataFrame) -> str:
    """The figure of ratios in words."""
    parts = [
        f"{row['what']} at {100 * row['target']:.0f} %: {row['estimate']:.2f} [{row['low']:.2f}, {row['high']:.2f}]"
        for row in table.to_dict("records")
    ]
    return "Ratio of the smallest GRU to the smallest LSTM by accuracy asked for. " + "; ".join(parts) + "."


def losses_caption(runs: pd.DataFrame) -> str:
    """Caption of the figure of lost accuracy."""
    return (
        f"Accuracy lost on the test set against float32, in points; {runs['seed'].nunique()} seeds, every one a marker; lines are "
        "means. A value below zero is an accuracy gained by chance."
    )


def losses_alt(runs: pd.DataFrame) -> str:
    """The figure of lost accuracy in words."""
    means = losses(runs).groupby(["form", "network", "width"], sort=False)["lost"].mean()
    parts = [
        f"{form}, {NAMES[network]} of {width}: {value:+.2f}".replace("-", "−")
        for (form, network, width), value in means.items()
    ]
    return "Mean accuracy lost in points: " + "; ".join(parts) + "."


def waits_caption(waits: pd.DataFrame, calls: int) -> str:
    """Caption of the figure of latencies."""
    widths = waits.groupby("network")["width"].first()
    parts = ", ".join(f"{NAMES[name]} {width}" for name, width in widths.items())
    return (
        f"Latency of a call with one curve in ONNX Runtime, one thread, {calls} calls each: the smallest networks that reach the "
        f"target (widths: {parts})."
    )


def waits_alt(waits: pd.DataFrame) -> str:
    """The figure of latencies in words."""
    points = timing.percentiles(waits, by=("network", "form"))
    parts = [
        f"{NAMES[row['network']]}, {row['form']}: p50 {1e6 * row['p50']:.1f}, p99 {1e6 * row['p99']:.1f} µs"
        for row in points.to_dict("records")
    ]
    return "Latency of single calls: " + "; ".join(parts) + "."
