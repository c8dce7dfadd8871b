"""Glucose of one person, read every five minutes by a sensor under the skin: what will it be in 30 minutes?

Shape: 52,281 readings from 24 March to 10 October 2010, in mg/dL (40 to 400), mostly five minutes apart, with 181 gaps of more
than ten. A gap ends a *segment*: no target reaches across it, and whoever carries a state starts afresh. Source: a
CSV file inside the package `bokeh-sampledata` (public domain), read from the installed package without importing it.
Introduced in the chapter *applications/streaming*.
"""

from __future__ import annotations

import gzip
import hashlib
import io
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pandas as pd

HORIZON, TOLERANCE = 30.0, 2.5
"""Minutes ahead, and by how many minutes the reading that counts as the target may be early or late."""
GAP = 10.0
"""Minutes without a reading that end a segment."""
LAGS = 24
"""Readings that the models without a state look back on."""
MIDDLE, SPREAD = 140.0, 55.0
"""mg/dL; a fixed scale for all, because a stream has no future to take a mean from."""
INSTALL = "pip install --no-deps bokeh-sampledata==2026.1"
SHA256 = "91fdad8325541a4487d88cb59b2fc9f6ed821c7c01eaabed0606bbb7089be8de"


@dataclass(frozen=True)
class Stream:
    """Readings in order, (N,) each.

    `value` in mg/dL; `elapsed` minutes since the reading before, 0 for the first of a segment; `segment` its number;
    `target` the place of the reading that is 30 minutes later, −1 where there is none.
    """

    value: np.ndarray
    elapsed: np.ndarray
    segment: np.ndarray
    target: np.ndarray

    def __len__(self) -> int:
        return len(self.value)

    def part(self, first: int, end: int) -> Stream:
        """Readings `first` up to, not with, `end`, as a stream of its own: targets beyond its end are lost.

        Raises:
            ValueError: not 0 ≤ first < end ≤ N.
        """
        if not 0 <= first < end <= len(self):
            raise ValueError(f"first = {first!r}, end = {end!r} is not allowed: 0 ≤ first < end ≤ {len(self)}")
        inside = slice(first, end)
        target = np.where((self.target[inside] >= 0) & (self.target[inside] < end), self.target[inside] - first, -1)
        elapsed = self.elapsed[inside].copy()
        elapsed[0] = 0.0
        return Stream(self.value[inside], elapsed, self.segment[inside] - self.segment[first], target)


@cache
def load() -> Stream:
    """The whole stream.

    Raises:
        RuntimeError: the package `bokeh-sampledata` is missing, or its file is another; the line names what to install.
    """
    packed = _path().read_bytes()
    found = hashlib.sha256(packed).hexdigest()
    if found != SHA256:
        raise RuntimeError(f"data set glucose: checksum {found} differs; {INSTALL}")
    table = pd.read_csv(io.BytesIO(gzip.decompress(packed)), parse_dates=["datetime"])
    since = table["datetime"] - table["datetime"].iloc[0]
    return stream(since.dt.total_seconds().to_numpy() / 60, table["glucose"].to_numpy(float))


def stream(minutes: np.ndarray, value: np.ndarray) -> Stream:
    """Segments and targets of readings at `minutes` (N,), which never decrease.

    The target of a reading is the one nearest to 30 minutes later, if it is in the same segment and no more than 2.5
    minutes off.
    """
    elapsed = np.diff(minutes, prepend=minutes[0])
    segment = np.cumsum(elapsed > GAP)
    after = np.searchsorted(minutes, minutes + HORIZON)  # first reading at that time or later
    near = np.stack([np.clip(after - 1, 0, len(value) - 1), np.clip(after, 0, len(value) - 1)])
    off = np.abs(minutes[near] - minutes - HORIZON)
    target = np.where(off[0] < off[1], near[0], near[1])
    good = (off.min(0) <= TOLERANCE) & (segment[target] == segment)
    return Stream(value, np.where(elapsed > GAP, 0.0, elapsed), segment, np.where(good, target, -1))


def changes(stream: Stream, lags: int = LAGS) -> np.ndarray:
    """What the models without a state see at each reading: the level and the last `lags` − 1 changes, (N, lags).

    Scaled by `SPREAD`, the level around `MIDDLE`. Changes from before the segment are zero.
    """
    step = np.diff(stream.value, prepend=stream.value[0])
    step[np.diff(stream.segment, prepend=-1) != 0] = 0.0
    found = np.zeros((len(stream), lags))
    found[:, 0] = stream.value - MIDDLE
    for lag in range(lags - 1):
        same = stream.segment[lag:] == stream.segment[: len(stream) - lag]
        found[lag:, 1 + lag] = step[: len(stream) - lag] * same
    return found / SPREAD


def rmse(stream: Stream, forecast: np.ndarray, first: int = 0) -> float:
    """Root mean square error in mg/dL of forecasts (N,) over the readings from `first` on that have a target."""
    asked = np.flatnonzero(stream.target >= 0)
    asked = asked[asked >= first]
    return float(np.sqrt(np.mean((forecast[asked] - stream.value[stream.target[asked]]) ** 2)))


def _path() -> Path:
    spec = find_spec("bokeh_sampledata")
    places = spec.submodule_search_locations if spec else None
    path = Path(places[0]) / "_data" / "CGM.csv.gz" if places else None
    if path is None or not path.is_file():
        raise RuntimeError(f"data set glucose: package 'bokeh-sampledata' is missing; {INSTALL}")
    return path
