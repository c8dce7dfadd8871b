"""Time on the clock: interleaved readings, latencies of single calls, and which kernels ran.

A reading means something only beside another one taken under the same conditions, so `interleave` takes turns: one
short reading of every alternative, then the next round. A machine that slows down for a second slows all of them, and
the ratio within a round stays true. Introduced in the chapter `performance/cost`.
"""

from __future__ import annotations

import contextlib
import os
import time
import timeit
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch.utils import benchmark

from evidence import cores

os.environ.setdefault("KINETO_LOG_LEVEL", "6")  # the profiler reports its own start and stop on stderr otherwise

Setting = Callable[[], contextlib.AbstractContextManager[Any]]


@dataclass(frozen=True)
class Arm:
    """One alternative of a comparison: what is called, and the setting that holds while it is.

    `setting` makes a fresh context manager; it is entered outside the timed region.
    """

    call: Callable[[], Any]
    setting: Setting = contextlib.nullcontext


@contextlib.contextmanager
def threads(count: int) -> Iterator[None]:
    """Let torch use `count` threads within an operator, and restore the number afterwards.

    Raises:
        ValueError: `count` is not a whole number from 1 to the number of CPUs.
    """
    cpus = os.cpu_count() or 1
    if isinstance(count, bool) or not isinstance(count, int) or not 1 <= count <= cpus:
        raise ValueError(f"count = {count!r} is not allowed: whole numbers from 1 to {cpus}, the CPUs of this machine")
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextlib.contextmanager
def onednn(enabled: bool) -> Iterator[None]:
    """Allow or forbid PyTorch to call oneDNN, and restore the choice afterwards.

    Raises:
        ValueError: `enabled` is not True or False, or oneDNN is asked for in a PyTorch built without it.
    """
    if not isinstance(enabled, bool):
        raise ValueError(f"enabled = {enabled!r} is not allowed: True and False")
    if enabled and not torch.backends.mkldnn.is_available():
        raise ValueError("enabled = True: this PyTorch was built without oneDNN, only False is allowed")
    with contextlib.ExitStack() as stack:
        with warnings.catch_warnings():  # the flags warn about TF32 on a GPU, which plays no part here
            warnings.simplefilter("ignore")
            stack.enter_context(torch.backends.mkldnn.flags(enabled=enabled))
        try:
            yield
        finally:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                stack.close()


def interleave(
    alternatives: Mapping[str, Arm | Callable[[], Any]],
    rounds: int = 10,
    min_seconds: float = 0.002,
    warmup: int = 2,
) -> pd.DataFrame:
    """Time several alternatives in turns.

    Each is called `warmup` times first; the last of these calls tells how many calls make a reading of at least
    `min_seconds`. The order turns by one place from round to round, so that nobody always follows the same neighbour.
    The clock is that of `torch.utils.benchmark`; its `Timer.timeit` is not used because it repeats its own warm-up
    before every reading, which would triple the price of the large shapes.

    Args:
        alternatives: name -> `Arm`, or a function without arguments.
        rounds: readings of each alternative.
        min_seconds: shortest reading, in seconds.
        warmup: untimed calls of each alternative.

    Returns:
        One row a reading: `name`, `round`, `position` in the round, `calls` in the reading, `seconds` for one call.

    Raises:
        ValueError: no alternatives, or a number out of range.
    """
    if not alternatives:
        raise ValueError("alternatives = {}: at least one is needed")
    for name, value in (("rounds", rounds), ("warmup", warmup)):
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise ValueError(f"{name} = {value!r} is not allowed: whole numbers from 1")
    if not min_seconds >= 0:
        raise ValueError(f"min_seconds = {min_seconds!r} is not allowed: numbers from 0")
    arms = {name: arm if isinstance(arm, Arm) else Arm(arm) for name, arm in alternatives.items()}
    names = list(arms)
    rows = []
    with cores.alone():
        calls = {name: _calls(arm, min_seconds, warmup) for name, arm in arms.items()}
        for turn in range(rounds):
            shift = turn % len(names)
            for position, name in enumerate(names[shift:] + names[:shift]):
                with arms[name].setting():
                    # timeit also keeps the garbage collector out of the reading
                    seconds = timeit.Timer(arms[name].call, timer=benchmark.timer).timeit(calls[name]) / calls[name]
                rows.append((name, turn, position, calls[name], seconds))
    return pd.DataFrame(rows, columns=["name", "round", "position", "calls", "seconds"])


def _calls(arm: Arm, min_seconds: float, warmup: int) -> int:
    with arm.setting():
        timer = timeit.Timer(arm.call, timer=benchmark.timer)
        if warmup > 1:
            timer.timeit(warmup - 1)
        once = timer.timeit(1)
        # a short call is timed once more over many, or the first reading would be all noise
        if 0 < once < min_seconds / 10:
            many = max(1, int(min_seconds / 4 / once))
            once = timer.timeit(many) / many
    return max(1, int(np.ceil(min_seconds / max(once, 1e-9))))


def latency(
    alternatives: Mapping[str, Arm | Callable[[], Any]], calls: int = 1000, blocks: int = 10, warmup: int = 20
) -> pd.DataFrame:
    """Time every single call: what a user waits who asks for one answer at a time.

    Alternatives take turns in `blocks` blocks; the garbage collector is left as it is, because a user meets it too.

    Returns:
        One row a call: `name`, `block`, `seconds`.

    Raises:
        ValueError: no alternatives, or a number that is not a whole number from 1.
    """
    if not alternatives:
        raise ValueError("alternatives = {}: at least one is needed")
    for label, value in (("calls", calls), ("blocks", blocks), ("warmup", warmup)):
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise ValueError(f"{label} = {value!r} is not allowed: whole numbers from 1")
    arms = {name: arm if isinstance(arm, Arm) else Arm(arm) for name, arm in alternatives.items()}
    each = -(-calls // blocks)
    parts = []
    with cores.alone():
        for block in range(blocks):
            for name, arm in arms.items():
                stamps = np.empty(each + 1, dtype=np.int64)
                with arm.setting():
                    for _ in range(warmup):
                        arm.call()
                    stamps[0] = time.perf_counter_ns()
                    for index in range(each):
                        arm.call()
                        stamps[index + 1] = time.perf_counter_ns()
                parts.append(pd.DataFrame({"name": name, "block": block, "seconds": np.diff(stamps) / 1e9}))
    return pd.concat(parts, ignore_index=True)


def percentiles(
    readings: pd.DataFrame, by: Sequence[str] = ("name",), at: Sequence[int] = (50, 95, 99)
) -> pd.DataFrame:
    """Percentiles of `seconds` within each group: columns `p50`, `p95`, `p99`.

    Raises:
        ValueError: a percentile outside 0 to 100.
    """
    if bad := [point for point in at if not 0 <= point <= 100]:
        raise ValueError(f"at = {bad[0]!r} is not allowed: percentiles from 0 to 100")
    groups = readings.groupby(list(by), sort=False)["seconds"]
    return pd.DataFrame({f"p{point}": groups.quantile(point / 100) for point in at}).reset_index()


def quartiles(readings: pd.DataFrame, by: Sequence[str] = ("name",), value: str = "seconds") -> pd.DataFrame:
    """Median and quartiles of `value` within each group: columns `low`, `median`, `high`, `readings`."""
    groups = readings.groupby(list(by), sort=False)[value]
    table = {"low": groups.quantile(0.25), "median": groups.median(), "high": groups.quantile(0.75)}
    return pd.DataFrame({**table, "readings": groups.size()}).reset_index()


def ratios(readings: pd.DataFrame, over: str, under: str, by: Sequence[str] = (), name: str = "name") -> pd.DataFrame:
    """Time of `over` divided by the time of `under`, round by round.

    Args:
        readings: what `interleave` returned, perhaps several joined with columns that tell them apart.
        over: name of the alternative above the line.
        under: name of the alternative below it.
        by: columns that tell the measurements apart.
        name: column that holds the names.

    Returns:
        One row a round and group: `by`, `round`, `ratio` and its natural logarithm `log_ratio`.

    Raises:
        ValueError: a name without readings.
    """
    for side in (over, under):
        if not (readings[name] == side).any():
            raise ValueError(f"{name} = {side!r}: no such readings; there are {sorted(readings[name].unique())}")
    keys = [*by, "round"]
    top = readings[readings[name] == over].set_index(keys)["seconds"]
    bottom = readings[readings[name] == under].set_index(keys)["seconds"]
    table = (top / bottom).dropna().rename("ratio").reset_index()
    return table.assign(log_ratio=np.log(table["ratio"]))


def operators(call: Callable[[], Any], setting: Setting = contextlib.nullcontext) -> pd.DataFrame:
    """Operators that one call ran, from `torch.profiler`.

    Returns:
        One row an operator of the `aten` library: `operator`, `calls`, `microseconds` (its own, without those it
        called), longest first. Times carry the profiler's own cost: read them as shares.
    """
    with setting():
        call()
        with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as profile:
            call()
    rows = [(event.key, event.count, event.self_cpu_time_total) for event in profile.key_averages()]
    table = pd.DataFrame(rows, columns=["operator", "calls", "microseconds"])
    table = table[table["operator"].str.startswith("aten::")]
    return table.sort_values("microseconds", ascending=False, ignore_index=True)


def is_fused(table: pd.DataFrame) -> bool:
    """Tell whether `operators` saw oneDNN's kernel for a whole layer."""
    return bool(table["operator"].str.startswith("aten::mkldnn_rnn_layer").any())
