"""Whether something else kept the processor busy while threads were timed.

For the chapter *performance/cost*.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass

import psutil

LIMIT = 0.25
"""Cores that others may keep busy, on average, before times on several threads say nothing."""


@dataclass
class Others:
    """What other processes did meanwhile."""

    cores: float = float("nan")
    """Cores that they kept busy on average."""

    @property
    def quiet(self) -> bool:
        """Whether times on several threads may count."""
        return self.cores <= LIMIT


@contextlib.contextmanager
def watched() -> Iterator[Others]:
    """Watch other processes while the body runs; what was found is there when it ends."""
    found = Others()
    wall, busy, own = time.perf_counter(), _busy(), time.process_time()
    yield found
    seconds = time.perf_counter() - wall
    found.cores = max(0.0, (_busy() - busy) - (time.process_time() - own)) / seconds


def _busy() -> float:
    """Seconds that all processors together have worked."""
    times = psutil.cpu_times()
    return float(times.user + times.system + getattr(times, "nice", 0.0))
