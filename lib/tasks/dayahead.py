"""The day ahead as sequences for a network: half-hour by half-hour through the days before, then through the day itself.

The data, and what is known at midnight, are those of `tasks.demand`; with one day before, these are the sequences on which
the chapter *applications/demand* trains its networks (a test holds the two together).
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from tasks import demand

HARMONICS = (1, 2, 3)
"""Of the time of day."""
GUESS = 0
"""Channel that holds the demand a day before: the guess that a network corrects."""
FURTHEST = demand.WEEK
"""Most days before that a sequence may begin with."""
Pair = tuple[Tensor, Tensor]


def channels(days: np.ndarray, past: int = 1) -> dict[str, np.ndarray]:
    """What a network reads at each half-hour of the days before and of the day itself, each (N, 48·(past + 1)), unscaled.

    The demand is read a day and a week late, so that nothing after midnight is known.

    Args:
        days: (N,) day numbers, each at least past + 7. past: days before, 1 to 7.

    Raises:
        ValueError: past out of range, or a day whose week before lies outside of the year.
    """
    if not 1 <= past <= FURTHEST:
        raise ValueError(f"past = {past!r} is not allowed: a whole number from 1 to {FURTHEST}")
    if days.min() < past + demand.WEEK:
        raise ValueError(
            f"days = {days.min()} is not allowed: days from {past + demand.WEEK} on, or no week lies before"
        )
    year, day, week = demand.load(), demand.SLOTS, demand.SLOTS * demand.WEEK
    flat, warm, work = (each.ravel() for each in (year.demand, year.temperature, year.workday))
    places = (days[:, None] - past) * day + np.arange((past + 1) * day)
    found = {"demand a day before": flat[places - day], "demand a week before": flat[places - week]}
    found |= {"temperature": warm[places], "temperature a day before": warm[places - day]}
    found |= {f"working day {lag} days before": work[places - lag * day] for lag in (0, 1, demand.WEEK)}
    angle = 2 * np.pi * (places % day) / day
    for harmonic in HARMONICS:
        found |= {f"sine {harmonic}": np.sin(harmonic * angle), f"cosine {harmonic}": np.cos(harmonic * angle)}
    weekday = demand.weekday(places // day)
    return found | {"Saturday": (weekday == 5).astype(float), "Sunday": (weekday == 6).astype(float)}


def tensors(learned: np.ndarray, asked: np.ndarray, past: int = 1) -> tuple[Pair, Pair, float]:
    """Inputs (T, N, I) and targets (48, N) to learn from and to forecast, on the scale of the days learned from.

    Args:
        learned, asked: day numbers, as from `demand.split`; days to learn from that have too little before them are left
            out. past: days before, 1 to 7; T = 48·(past + 1).

    Returns:
        The two pairs, and the deviation of the demand in GW: what one unit is.
    """
    year, learned = demand.load(), learned[learned >= past + demand.WEEK]
    scales = {name: (values[learned].mean(), values[learned].std()) for name, values in vars(year).items()}

    def pair(days: np.ndarray) -> Pair:
        scaled = []
        for name, values in channels(days, past).items():
            mean, deviation = scales.get(name.split()[0], (0.0, 1.0))
            scaled.append((values - mean) / deviation)
        x = torch.from_numpy(np.stack(scaled, axis=-1)).float().transpose(0, 1).contiguous()
        mean, deviation = scales["demand"]
        return x, torch.from_numpy((year.demand[days] - mean) / deviation).float().T.contiguous()

    return pair(learned), pair(asked), float(scales["demand"][1])


def batches(x: Tensor, y: Tensor, batch: int, seed: int) -> Iterator[Pair]:
    """Endless batches of days, reshuffled every epoch: x (T, B, I) and y (48, B)."""
    generator = torch.Generator().manual_seed(seed)
    while True:
        order = torch.randperm(x.shape[1], generator=generator)
        for start in range(0, len(order) - batch + 1, batch):
            chosen = order[start : start + batch]
            yield x[:, chosen], y[:, chosen]
