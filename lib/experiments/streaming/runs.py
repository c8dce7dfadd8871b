"""Runs of the chapter *applications/streaming*: forecast, then learn, one reading after another."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from experiments.streaming import baselines
from gatedrnn import flops
from gatedrnn.checks import require
from gatedrnn.initialisation import initialise
from gatedrnn.layers import Recurrent
from gatedrnn.models import count_parameters, width_of
from gatedrnn.optimiser import Adam
from gatedrnn.training import train_step
from tasks import glucose

CELLS = ("lstm", "gru", "rnn")
MATCHES = ("width", "operations", "parameters")
INPUTS = 3
"""Of a network: the level, the change since the reading before, and the minutes that it took."""
BLOCKS = 24
"""Parts of a stretch in which the error is kept."""


class Forecaster(nn.Module):
    """The change of the next 30 minutes, at every step, and the state to go on from."""

    def __init__(self, cell: str, hidden_size: int) -> None:
        super().__init__()
        self.core = Recurrent(cell, INPUTS, hidden_size)
        self.head = nn.Linear(hidden_size, 1)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)  # starts as persistence: no change

    def forward(self, x: Tensor, state: tuple[Tensor, ...] | None = None) -> tuple[Tensor, tuple[Tensor, ...]]:
        """(T, B, 3) → (T, B) changes, in units of `glucose.SPREAD`."""
        outputs, last = self.core(x, state)
        return self.head(outputs).squeeze(-1), last


class Learner:
    """A network that lives on one stream: predicts every reading, learns every few.

    Args:
        model: the network. learning_rate: of Adam. window: readings that the truncated backpropagation goes back at least.

    `advance` reads new readings and carries the state on. `learn` takes one step of Adam on a window that ends
    at the last reading whose target is known, from the state that was carried to the window's start.
    """

    def __init__(self, model: Forecaster, learning_rate: float, window: int) -> None:
        self.model, self.window = model, window
        self.params = list(model.parameters())
        self.optimiser = Adam(self.params, lr=learning_rate)
        self.reset()

    def reset(self) -> None:
        """Forget the state: a gap."""
        self.state: tuple[Tensor, ...] | None = None
        self.starts: list[tuple[int, tuple[Tensor, ...] | None]] = []

    def advance(self, place: int, x: Tensor) -> Tensor:
        """Forecasts (T,) for readings x (T, 1, 3), the first of which is reading `place`."""
        self.starts.append((place, self.state))
        with torch.no_grad():
            forecast, self.state = self.model(x, self.state)
        return forecast[:, 0]

    def learn(self, x: Tensor, change: Tensor, known: Tensor, end: int) -> float:
        """One step of Adam; returns the gradient's norm.

        Args:
            x, change, known: of the whole stream, (N, 1, 3), (N, 1), (N, 1). end: one after the last known target's origin.
        """
        while len(self.starts) > 1 and self.starts[1][0] <= end - self.window:
            self.starts.pop(0)
        first, state = self.starts[0]
        window = slice(first, end)
        batch = (x[window], change[window], known[window], *(state or ()))
        return train_step(self.model, batch, _loss, self.optimiser, self.params, 1.0)


def _loss(model: nn.Module, batch: tuple[Tensor, ...]) -> Tensor:
    x, change, known, *state = batch
    forecast, _ = model(x, tuple(state) or None)
    return ((forecast - change).square() * known).sum() / known.sum()


def run(
    *,
    cell: str,
    match: str,
    hidden_size: int,
    learning_rate: float,
    every: int,
    window: int,
    first: int,
    end: int,
    start: str,
    seed: int,
) -> dict[str, Any]:
    """Let one network live on a stretch of the stream, from fresh weights.

    Args:
        cell: `lstm`, `gru` or `rnn`.
        match: the LSTM's `width`; or as many `operations` an update, or `parameters`, as the LSTM of that width.
        hidden_size: width of the LSTM. learning_rate: of Adam.
        every: readings between two updates. window: readings that an update goes back.
        first, end: stretch of the stream. start: see `initialise`.
        seed: of the first weights.

    Returns:
        `rmse` in mg/dL over all forecasts, `late` over the second half, `score` (persistence ÷ rmse), `steps_taken`,
        `clipped`, `diverged`, `parameters`, `width`, `operations` of an update; curve `block`: mean squared error in parts.
    """
    require("cell", cell, CELLS)
    require("match", match, MATCHES)
    stream = glucose.load().part(first, end)
    width = matched_width(cell, match, hidden_size, window)
    torch.manual_seed(seed)
    model = Forecaster(cell, width)
    initialise(model.core, start)
    learner = Learner(model, learning_rate, window)
    x, change, known = tensors(stream)
    forecast, norms = live(learner, stream, x, change, known, every)
    return {
        **judge(stream, forecast),
        "steps_taken": len(norms),
        "clipped": float(np.mean([norm > 1.0 for norm in norms])),
        "diverged": not all(math.isfinite(norm) for norm in norms),
        "kernel": model.core.path,
        "parameters": count_parameters(model),
        "width": width,
        "operations": operations(cell, width, window),
    }


def live(
    learner: Learner, stream: glucose.Stream, x: Tensor, change: Tensor, known: Tensor, every: int
) -> tuple[np.ndarray, list[float]]:
    """Forecasts (N,) in mg/dL of a learner that meets the stream in order, and the gradient's norm at each update."""
    forecast, norms = np.empty(len(stream)), []
    edges: list[int] = np.flatnonzero(np.diff(stream.segment, prepend=-1)).tolist()
    for begin, stop in zip(edges, [*edges[1:], len(stream)], strict=True):
        learner.reset()
        arrived = begin
        for place in range(begin, stop, every):
            now = min(place + every, stop)
            forecast[place:now] = learner.advance(place, x[place:now]).numpy()
            while arrived < now and (stream.target[arrived] < now):  # its target has arrived, or never will
                arrived += 1
            if arrived > begin and bool(known[max(begin, arrived - learner.window) : arrived].any()):
                norms.append(learner.learn(x, change, known, arrived))
    return stream.value + glucose.SPREAD * forecast, norms


def baseline(*, kind: str, setting: float, first: int, end: int, seed: int) -> dict[str, Any]:
    """The same for a forecaster that is no recurrent network; it learns at every reading.

    Args:
        kind, setting: see `glucose_baselines.build`. first, end: as for `run`. seed: unused.

    Returns:
        `rmse`, `late`, `score`, and the curve `block`.
    """
    stream = glucose.load().part(first, end)
    features = glucose.changes(stream)
    model = baselines.build(kind, setting, features.shape[1])
    origins: dict[int, list[int]] = {}
    for origin in np.flatnonzero(stream.target >= 0).tolist():
        origins.setdefault(int(stream.target[origin]), []).append(origin)
    forecast = np.empty(len(stream))
    for place in range(len(stream)):
        for origin in origins.get(place, ()):
            model.learn(features[origin], (stream.value[place] - stream.value[origin]) / glucose.SPREAD)
        forecast[place] = model.predict(features[place])
    return judge(stream, stream.value + glucose.SPREAD * forecast)


def judge(stream: glucose.Stream, forecast: np.ndarray) -> dict[str, Any]:
    """Scores of forecasts (N,) in mg/dL: `rmse`, `late`, `score`, and the curve `block` of mean squared errors."""
    asked = np.flatnonzero(stream.target >= 0)
    squares = (forecast[asked] - stream.value[stream.target[asked]]) ** 2
    found = glucose.rmse(stream, forecast)
    blocks = [float(np.mean(part)) for part in np.array_split(squares, min(BLOCKS, len(squares)))]
    return {
        "rmse": found,
        "late": glucose.rmse(stream, forecast, len(stream) // 2),
        "score": glucose.rmse(stream, stream.value) / found if math.isfinite(found) else 0.0,
        "curves": {"block": [round(each, 2) for each in blocks]},
    }


def tensors(stream: glucose.Stream) -> tuple[Tensor, Tensor, Tensor]:
    """Inputs (N, 1, 3), changes until the target (N, 1) and whether there is one (N, 1), scaled."""
    level = (stream.value - glucose.MIDDLE) / glucose.SPREAD
    step = 5 * glucose.changes(stream, 2)[:, 1]  # a usual change of five minutes is a tenth of the spread
    x = np.stack([level, step, stream.elapsed / 5 - 1], axis=-1)
    known = stream.target >= 0
    change = np.where(known, stream.value[stream.target] - stream.value, 0.0) / glucose.SPREAD
    return tuple(torch.from_numpy(np.asarray(each, "float32")).unsqueeze(1) for each in (x, change, known))  # type: ignore[return-value]


def operations(cell: str, width: int, window: int) -> int:
    """FLOPs of an update: forward and backward over the window, head and Adam (12 for each parameter) included."""
    core = flops.training_flops(cell, INPUTS, width, 1, window).total  # type: ignore[arg-type]
    numbers = flops.count_parameters(cell, INPUTS, width) + width + 1  # type: ignore[arg-type]
    return core + 6 * width * window + 12 * numbers


def matched_width(cell: str, match: str, hidden_size: int, window: int) -> int:
    """Width of a cell: the LSTM's own, or the one at which operations or parameters come nearest to the LSTM's."""
    if match != "operations" or cell == "lstm":
        return width_of(cell, match, hidden_size, Forecaster)
    wanted = operations("lstm", hidden_size, window)
    near: Callable[[int], int] = lambda width: abs(operations(cell, width, window) - wanted)  # noqa: E731
    return min(range(1, 8 * hidden_size), key=near)
