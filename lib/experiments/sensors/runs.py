"""Runs of the chapter *memory/sensors*: which appliance was it, told from a long recording of its current?"""

from __future__ import annotations

from typing import Any

import torch

from experiments.sensors.fitting import fit, parts
from experiments.sensors.models import Convolution, Reader
from gatedrnn.checks import require
from gatedrnn.initialisation import initialise
from gatedrnn.layers import Recurrent
from gatedrnn.models import width_of
from tasks import sensors

MATCHES = ("width", "parameters")


def run(
    *,
    data: str,
    cell: str,
    start: str,
    match: str,
    hidden_size: int,
    factor: int,
    pool: str,
    truncate: int,
    learning_rate: float,
    epochs: int,
    batch: int,
    seed: int,
    dropout: float = 0.0,
    weight_decay: float = 0.0,
    scale: str = "own",
    exchanged: bool = False,
    tuning: bool = False,
) -> dict[str, Any]:
    """Train one cell on the recordings of one data set.

    Args:
        data: `plaid` or `acsf1`. cell: a name in `gatedrnn.catalogue.CELLS`.
        start: of the gates: `default`, `bias:<number>`, or `chrono`, whose longest time is the longest recording.
        match: `width`, as wide as the LSTM; or `parameters`, as many parameters as the LSTM's whole model.
        hidden_size: width of the LSTM.
        factor: steps of a recording that are averaged to one; 1 reads it raw.
        pool: read off the `last` state, or off the `mean` of all states.
        truncate: steps after which the gradient is cut; 0 is backpropagation through the whole recording.
        learning_rate, epochs, batch, dropout, weight_decay, tuning: see `fitting.fit`; dropout is before the head.
        seed: of the division into training and validation, the first weights and the order of the batches.
        scale: of the values, `own` or `shared`, see `tasks.sensors`.
        exchanged: learn from the published test part, and be judged by the published training part.

    Returns:
        What `fitting.fit` returns, and the `width` of the cell.
    """
    for name, value, allowed in (("data", data, sensors.CLASSES), ("match", match, MATCHES)):
        require(name, value, allowed)
    given = parts(data, factor, scale, seed, exchanged)
    classes = sensors.CLASSES[data]

    def build(each: str, units: int) -> Reader:
        return Reader(Recurrent(each, given.inputs, units), classes, pool, truncate)

    width = width_of(cell, match, hidden_size, build)
    torch.manual_seed(seed)
    model = build(cell, width)
    initialise(model.core, start_at(start, data, factor))
    rest: dict[str, Any] = {"dropout": dropout, "weight_decay": weight_decay, "tuning": tuning}
    result = fit(model, given, learning_rate=learning_rate, epochs=epochs, batch=batch, seed=seed, **rest)
    return {**result, "width": width}


def start_at(start: str, data: str, factor: int) -> str:
    """The start as `gatedrnn.initialisation` names it: chrono takes the steps of the longest recording as its longest time."""
    return f"chrono:{max(3, -(-sensors.LONGEST[data] // factor))}" if start == "chrono" else start


def convolve(
    *,
    data: str,
    channels: int,
    factor: int,
    learning_rate: float,
    epochs: int,
    batch: int,
    seed: int,
    dropout: float = 0.0,
    weight_decay: float = 0.0,
    scale: str = "own",
    tuning: bool = False,
) -> dict[str, Any]:
    """Train a small convolution as `run` trains a cell; arguments and results as there.

    Args:
        channels: of each of its three layers.
    """
    given = parts(data, factor, scale, seed)
    torch.manual_seed(seed)
    model = Convolution(given.inputs, channels, sensors.CLASSES[data])
    rest: dict[str, Any] = {"dropout": dropout, "weight_decay": weight_decay, "tuning": tuning}
    return fit(model, given, learning_rate=learning_rate, epochs=epochs, batch=batch, seed=seed, **rest)
