"""Runs of the chapter *applications/demand*: tomorrow's 48 half-hours of electricity demand, season by season."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from experiments.demand import baselines
from gatedrnn.checks import require
from gatedrnn.initialisation import initialise
from gatedrnn.layers import Recurrent
from gatedrnn.models import count_parameters, width_of
from gatedrnn.training import train
from tasks import demand

CELLS = ("lstm", "gru", "rnn")
HORIZONS = ("day", "step")
KINDS = ("yesterday", "last week", "linear", "trees", "persistence", "autoregression")
QUANTILES = (0.05, 0.5, 0.95)
"""What the network forecasts of every half-hour; the median is the forecast that is scored by its absolute error."""
PAST = 1
"""Days read before the day that is forecast."""
LOOKS, SNAPSHOTS = 10, 4
"""Times at which a training stops to forecast, evenly spread; the mean of the last four forecasts is the one that counts, or
with a constant learning rate the very last step would decide too much."""
HARMONICS = (1, 2, 3)
"""Of the time of day."""


class Forecaster(nn.Module):
    """Quantiles of the demand at the last 48 steps, each a step from a guess that is among the inputs.

    Args:
        cell, hidden_size: of the recurrent layer. inputs: I. guess: channel of the inputs that the head corrects.
    """

    def __init__(self, cell: str, inputs: int, hidden_size: int, guess: int) -> None:
        super().__init__()
        self.core = Recurrent(cell, inputs, hidden_size)
        self.head = nn.Linear(hidden_size, len(QUANTILES))
        self.guess = guess

    def forward(self, x: Tensor) -> Tensor:
        """(T, B, I) → (48, B, Q) quantiles in the unit of the inputs."""
        outputs, _ = self.core(x)
        last = slice(-demand.SLOTS, None)
        return self.head(outputs[last]) + x[last, :, self.guess].unsqueeze(-1)


def run(
    *,
    horizon: str,
    season: str,
    cell: str,
    match: str,
    hidden_size: int,
    learning_rate: float,
    steps: int,
    batch: int,
    start: str,
    seed: int,
    tuning: bool = False,
) -> dict[str, Any]:
    """Train one cell on all days before a season, and forecast the season.

    Args:
        horizon: `day`, the next 48 half-hours at midnight; or `step`, each half-hour from the one before it.
        season: one of `demand.FOLDS`.
        cell: `lstm`, `gru` or `rnn`.
        match: `width`, as wide as the LSTM; or `parameters`, as many parameters as the LSTM's whole model.
        hidden_size: width of the LSTM. steps, batch, learning_rate: of the training. start: see `initialise`.
        seed: of the weights and the order of the days, the same for all cells.
        tuning: forecast the last days before the season instead, after learning from those before them.

    Returns:
        The scores and curves of `judge`, and `steps_taken`, `clipped`, `diverged`, `parameters`, `width`. The curve
        `peak`, which is drawn for one seed, is kept for seed 0 alone.
    """
    for name, value, allowed in (("horizon", horizon, HORIZONS), ("cell", cell, CELLS)):
        require(name, value, allowed)
    require("match", match, ("width", "parameters"))
    width = width_of(cell, match, hidden_size, partial(build, horizon))
    learned, asked = demand.split(season, tuning)
    torch.manual_seed(seed)
    model = build(horizon, cell, width)
    initialise(model.core, start)
    (x, y), (x_asked, _), scale = tensors(horizon, learned, asked)
    seen: list[Tensor] = []

    def look(model: nn.Module) -> dict[str, float]:
        seen.append(model(x_asked))
        return {}

    trained = train(
        model,
        batches(x, y, batch, seed),
        lambda model, part: pinball(model(part[0]), part[1]),
        look,
        steps=steps,
        learning_rate=learning_rate,
        every=max(1, steps // LOOKS),
    )
    judged = judge(gigawatts(seen[-SNAPSHOTS:], scale), asked)
    if seed:
        del judged["curves"]["peak"]
    return {
        **{key: trained[key] for key in ("steps_taken", "clipped", "diverged", "kernel", "train_seconds")},
        **judged,
        "parameters": count_parameters(model),
        "width": width,
    }


def baseline(
    *,
    kind: str,
    season: str,
    setting: float = 0.0,
    weather: bool = True,
    quantiles: bool = False,
    rounds: int = 200,
    tuning: bool = False,
    seed: int,
) -> dict[str, Any]:
    """Forecast a season without a recurrent network, after learning from all days before it.

    Args:
        kind: `yesterday`, `last week`, `linear`, `trees`; one step ahead: `persistence`, `autoregression`.
        season, tuning: as for `run`. setting: penalty of `linear`, leaves of `trees`.
        weather: whether the temperatures of the forecast day are known. quantiles: of the trees, beside the median.
        rounds: of the boosting. seed: unused, these are deterministic.

    Returns:
        The scores and curves of `judge`.
    """
    require("kind", kind, KINDS)
    flat = demand.load().demand.ravel()
    learned, asked = days = demand.split(season, tuning)
    ways: dict[str, Callable[[], np.ndarray]] = {
        "yesterday": lambda: demand.naive(asked, 1),
        "last week": lambda: demand.naive(asked, demand.WEEK),
        "linear": lambda: baselines.linear(learned, asked, setting, weather),
        "trees": lambda: baselines.trees(learned, asked, int(setting), weather, None, rounds),
        "persistence": lambda: flat[asked[:, None] * demand.SLOTS + np.arange(demand.SLOTS) - 1],
        "autoregression": lambda: baselines.autoregression(learned, asked),
    }
    found = [ways[kind]()]
    if quantiles:
        low, high = (baselines.trees(*days, int(setting), weather, q, rounds) for q in QUANTILES[::2])
        found = [low, *found, high]
    return judge(np.stack(found, axis=-1), asked)


def judge(forecast: np.ndarray, asked: np.ndarray) -> dict[str, Any]:
    """Scores of a forecast (N, 48, Q) in GW of the days asked, Q being `QUANTILES` or the median alone.

    Returns:
        `days`, `mae` (of the median, GW), `score` (yesterday's error ÷ this), with quantiles also `pinball` (GW) and
        `covered` (share of half-hours between the outer ones); the curves `day`, the mean absolute error of each day,
        and `peak`, the forecast of the day with the highest demand, (48, Q).
    """
    real = demand.load().demand[asked]
    error = np.abs(real - forecast[..., forecast.shape[-1] // 2])
    plain = np.abs(real - demand.naive(asked, 1)).mean()
    found: dict[str, Any] = {"days": len(asked), "mae": float(error.mean())}
    found["score"] = float(plain / max(found["mae"], 1e-9)) if np.isfinite(found["mae"]) else 0.0
    peak = np.round(forecast[real.max(1).argmax()], 3)
    curves = {"day": np.round(error.mean(1), 4).tolist(), "peak": peak.tolist()}
    if forecast.shape[-1] > 1:
        off = real[..., None] - forecast
        misses = np.maximum(off * QUANTILES, off * (np.array(QUANTILES) - 1))
        found["pinball"] = float(misses.mean())
        found["covered"] = float(((off[..., 0] >= 0) & (off[..., -1] <= 0)).mean())
    return {**found, "curves": curves}


def build(horizon: str, cell: str, width: int) -> Forecaster:
    """The model of a horizon: the day ahead corrects yesterday's demand, a step ahead the half-hour before."""
    return Forecaster(cell, len(channels(horizon, np.array([demand.WEEK + 1]))), width, guess=0)


def channels(horizon: str, days: np.ndarray) -> dict[str, np.ndarray]:
    """What the network reads at each half-hour of the days before and the day itself, each (N, 96), unscaled.

    The demand is read a day and a week late, so that nothing after midnight is known; one step ahead also the
    half-hour before, and then no temperature, which the autoregression has not either.
    """
    year = demand.load()
    flat, warm, work = (each.ravel() for each in (year.demand, year.temperature, year.workday))
    day, week = demand.SLOTS, demand.SLOTS * demand.WEEK
    places = (days[:, None] - PAST) * day + np.arange((PAST + 1) * day)
    found = {"demand a day before": flat[places - day], "demand a week before": flat[places - week]}
    if horizon == "step":
        found = {"demand a step before": flat[places - 1], **found}
    else:
        found |= {"temperature": warm[places], "temperature a day before": warm[places - day]}
    found |= {f"working day {lag} days before": work[places - lag * day] for lag in (0, 1, demand.WEEK)}
    angle = 2 * np.pi * (places % day) / day
    for harmonic in HARMONICS:
        found |= {f"sine {harmonic}": np.sin(harmonic * angle), f"cosine {harmonic}": np.cos(harmonic * angle)}
    weekday = demand.weekday(places // day)
    return found | {"Saturday": (weekday == 5).astype(float), "Sunday": (weekday == 6).astype(float)}


def tensors(
    horizon: str, learned: np.ndarray, asked: np.ndarray
) -> tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor], tuple[float, float]]:
    """Inputs (96, N, I) and targets (48, N) to learn from and to forecast, on the scale of the days learned from.

    Returns:
        The two pairs, and mean and deviation of the demand in GW.
    """
    year = demand.load()
    scales = {
        "demand": (year.demand[learned].mean(), year.demand[learned].std()),
        "temperature": (year.temperature[learned].mean(), year.temperature[learned].std()),
    }
    mean, deviation = scales["demand"]

    def pair(days: np.ndarray) -> tuple[Tensor, Tensor]:
        scaled = []
        for name, values in channels(horizon, days).items():
            shift, scale = scales.get(name.split()[0], (0.0, 1.0))
            scaled.append((values - shift) / scale)
        x = torch.from_numpy(np.stack(scaled, axis=-1)).float().transpose(0, 1).contiguous()
        return x, torch.from_numpy((year.demand[days] - mean) / deviation).float().T.contiguous()

    return pair(learned), pair(asked), (float(mean), float(deviation))


def batches(x: Tensor, y: Tensor, batch: int, seed: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Endless batches of days, reshuffled every epoch."""
    generator = torch.Generator().manual_seed(seed)
    while True:
        order = torch.randperm(x.shape[1], generator=generator)
        for start in range(0, len(order) - batch + 1, batch):
            chosen = order[start : start + batch]
            yield x[:, chosen], y[:, chosen]


def pinball(quantiles: Tensor, y: Tensor) -> Tensor:
    """Mean pinball loss of quantiles (48, B, Q) for targets (48, B); its minimum is at the true quantiles."""
    levels = torch.tensor(QUANTILES)
    off = y.unsqueeze(-1) - quantiles
    return torch.maximum(levels * off, (levels - 1) * off).mean()


def gigawatts(seen: list[Tensor], scale: tuple[float, float]) -> np.ndarray:
    """Quantiles (N, 48, Q) in GW, in increasing order: the mean of several forecasts (48, N, Q) on the scale of the model."""
    mean = torch.stack(seen).mean(0).transpose(0, 1).sort(-1).values
    return mean.double().numpy() * scale[1] + scale[0]
