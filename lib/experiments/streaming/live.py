"""Measured where the chapter *applications/streaming* is built: latencies of one stream, and streams on one core.

Every contender runs on one thread. To *predict* is one reading through the model; to *learn* is one update: for a network
forward, backward and Adam over its window, for the others one pair. Nothing here is stored.
"""

from __future__ import annotations

import pickle
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import torch

from evidence import timing
from experiments.streaming import baselines
from experiments.streaming.runs import INPUTS, Forecaster, Learner, matched_width, tensors
from tasks import glucose

TICKS = 12
"""Rounds in which all streams are served once, to see whether a core carries them."""
Call = Callable[[], Any]


@dataclass(frozen=True)
class Contender:
    """One way to forecast a stream: calls that predict and learn, and the bytes that one stream keeps."""

    predict: Call
    learn: Call
    bytes: int


def network(cell: str, width: int, window: int) -> Contender:
    """A network that has just read a window of the stream."""
    stream = glucose.load().part(0, 4 * window)
    x, change, known = tensors(stream)
    learner = Learner(Forecaster(cell, width), 1e-4, window)
    learner.advance(0, x[:window])
    model, start = learner.model, learner.state
    one = x[window : window + 1]

    def predict() -> None:
        with torch.no_grad():
            model(one, start)

    def learn() -> None:
        learner.starts = [(window, start)]
        learner.learn(x, change, known, 2 * window)

    weights = sum(each.numel() for each in learner.params)
    states = sum(each.numel() for each in start or ())
    # weights, their gradients and Adam's two means; the state now and at the window's start; the window itself
    numbers = 4 * weights + 2 * states + window * (INPUTS + 1)
    return Contender(predict, learn, 4 * numbers)


def plain(kind: str, setting: float) -> Callable[[], Contender]:
    """How to make a forecaster that is no network: a copy of one that has learned from the first thousand readings."""
    stream = glucose.load().part(0, 1000)
    features = glucose.changes(stream)
    model = baselines.build(kind, setting, features.shape[1])
    for origin in np.flatnonzero(stream.target >= 0).tolist():
        model.learn(features[origin], (stream.value[stream.target[origin]] - stream.value[origin]) / glucose.SPREAD)
    x, stored = features[-1], pickle.dumps(model)
    kept = baselines.state_bytes(model) + x.nbytes

    def make() -> Contender:
        own = pickle.loads(stored)
        return Contender(lambda: own.predict(x), lambda: own.learn(x, 0.1), kept)

    return make


def makers(hidden_size: int, window: int, settings: dict[str, float]) -> dict[str, Callable[[], Contender]]:
    """How each contender is made anew, by name: the networks first, then `settings` by kind of baseline."""
    found: dict[str, Callable[[], Contender]] = {}
    for cell, match in (("lstm", "width"), ("gru", "width"), ("gru", "operations")):
        width = matched_width(cell, match, hidden_size, window)
        found[f"{cell} {match}"] = lambda cell=cell, width=width: network(cell, width, window)  # type: ignore[misc]
    for kind, setting in settings.items():
        if kind != "persistence":  # nothing to time
            found[kind] = plain(kind, setting)
    return found


def latencies(contenders: dict[str, Contender], calls: int) -> pd.DataFrame:
    """Every single call of each contender, in turns: `name`, `what` (predict or learn), `block`, `seconds`."""
    arms = {(name, what): getattr(each, what) for name, each in contenders.items() for what in ("predict", "learn")}
    with timing.threads(1):
        readings = timing.latency({" | ".join(key): call for key, call in arms.items()}, calls)
    names = readings["name"].str.split(" | ", regex=False, expand=True)
    return readings.assign(name=names[0], what=names[1])


def carried(make: Callable[[], Contender], guess: float, deadline: float) -> int:
    """Streams, each with a model of its own that predicts and learns, that one core serves before the deadline.

    Args:
        make: a contender for one more stream. guess: seconds that one stream takes.
        deadline: seconds in which all streams must be served.

    Returns:
        How many fit into the deadline in nine of ten ticks, at the pace of a pool that takes about 3/4 of it.
    """
    pool = [make() for _ in range(max(1, int(0.75 * deadline / guess)))]

    def tick() -> None:
        for each in pool:
            each.predict()
            each.learn()

    return int(len(pool) * deadline / _usual(tick))


def shared(cell: str, width: int, deadline: float, together: int = 16_384) -> int:
    """Streams that one trained network serves side by side before the deadline, one reading each, without learning.

    Args:
        deadline: in seconds. together: streams in the batch whose pace is measured.
    """
    model = Forecaster(cell, width)
    x = torch.zeros(1, together, INPUTS)
    state = tuple(torch.zeros(1, together, width) for _ in range(2 if cell == "lstm" else 1))
    with torch.no_grad():
        return int(together * deadline / _usual(lambda: model(x, state)))


def _usual(tick: Call) -> float:
    """Seconds that a call stays below in nine of ten cases, on one thread, after two for warming up."""
    seconds = []
    with timing.threads(1):
        for _ in range(TICKS + 2):
            started = time.perf_counter()
            tick()
            seconds.append(time.perf_counter() - started)
    return float(np.quantile(seconds[2:], 0.9))


def measure(
    hidden_size: int, window: int, settings: dict[str, float], calls: int, deadline: float
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """All measurements of the chapter.

    Returns:
        The single calls of `latencies`; and by contender `bytes` a stream, `carried` streams with a model each that
        learns, and `shared` streams of one network that only predicts (NaN for the others).
    """
    ways = makers(hidden_size, window, settings)
    contenders = {name: make() for name, make in ways.items()}
    readings = latencies(contenders, calls)
    middle = readings.groupby(["name", "what"])["seconds"].median()
    rows = []
    for name, make in ways.items():
        cell, _, match = name.partition(" ")
        together = np.nan
        if cell in ("lstm", "gru"):
            together = shared(cell, matched_width(cell, match, hidden_size, window), deadline)
        rows.append((name, contenders[name].bytes, carried(make, float(middle[name].sum()), deadline), together))
    return readings, pd.DataFrame(rows, columns=["name", "bytes", "carried", "shared"])
