"""The audit: a random sample of the locked runs is computed again, and has to come out as it stands in the lock.

Each sweep has a chance by its share of the compute, what was audited longest ago a better one; within a sweep every run
has the same. A run that would take a large part of the time is audited by the beginning of its curve, but a third of the
sample always whole. A processor that rounds otherwise than the one of the lock cannot tell a forgery from rounding: there
the beginning of the curve has to agree within `NEAR`, or the run counts as not judged.
"""

from __future__ import annotations

import contextlib
import math
import os
import random
import tempfile
import time
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import joblib

from evidence import cores, engine, provenance
from evidence.lock import sha
from evidence.locking import locked_rows
from evidence.origin import Origins, resolve
from evidence.running import explained, one_thread
from evidence.store import DIGITS, Store, of_this_path, run_key, shortened, whole
from evidence.watch import Enough, looking

LONG = 0.05
"""Share of the time of an audit from which on a run is long."""
BEGINNING = 0.1
"""Share of the looks of a long run that are computed again."""
WHOLE = 3
"""Each such run of the sample is computed again whole, however long it is."""
QUICKER = 8.0
"""How many times as fast as the locked runs were computed an audit may be: they may have shared their core."""
NEAR = 1e-3
"""Relative distance within which curves of processors that round otherwise have to agree at their beginning."""

Row = dict[str, Any]


@dataclass(frozen=True)
class Drawn:
    """A locked run of the sample; `until`: the training step up to which it is computed again, None for all of it."""

    sweep: str
    row: Row
    until: int | None = None

    @property
    def cost(self) -> float:
        """Core-seconds that computing it again should take."""
        return cost(self.row) * (self.until / self.row["curves"]["step"][-1] if self.until else 1)


@dataclass(frozen=True)
class Finding:
    """What became of a drawn run; `outcome`: `equal`, `near` (by another processor), `not judged` or `differs`."""

    sweep: str
    key: str
    outcome: str
    seconds: float
    share: float = 1.0
    difference: str = ""


@dataclass
class Evidence:
    """The locked runs that the code of today could have made, by sweep; `stale`: how many it could not."""

    runs: dict[str, list[Row]] = field(default_factory=dict)
    stale: int = 0

    @property
    def seconds(self) -> float:
        """Core-seconds that all of it took."""
        return sum(map(cost, (row for rows in self.runs.values() for row in rows)))


def cost(row: Mapping[str, Any]) -> float:
    """Core-seconds that a run took."""
    return float(row["recorded"]["seconds"])


def evidence() -> Evidence:
    """What the locks hold."""
    found = Evidence()
    for sweep, row, origin in locked_rows():
        if whole(row) and of_this_path(row) and row["key"] == run_key(row["config"], origin):
            found.runs.setdefault(sweep, []).append(row)
        else:
            found.stale += 1
    return found


def draw(
    stock: Evidence, seconds: float, seed: int, ages: Mapping[str, float] | None = None, quicker: float = 1.0
) -> Iterator[Drawn]:
    """The sample, in the order in which it is computed again, as long as the time lasts.

    Args:
        stock: the locked runs.
        seconds: core-seconds of the audit; the last run drawn may need a little more.
        seed: equal seeds draw equal samples.
        ages: for each sweep how long ago it was audited, 0 (just now) to 1 (longest ago, or never): its chance is 1 + age times
            its share of the compute; by default all are alike.
        quicker: how many times as fast as the locked runs were computed these may be.
    """
    generator, left, count = random.Random(seed), quicker * seconds, 0
    waiting = {name: generator.sample(rows, len(rows)) for name, rows in sorted(stock.runs.items())}
    shares = {name: sum(map(cost, rows)) * (1 + (ages or {}).get(name, 0.0)) for name, rows in waiting.items()}
    while left > 0 and any(waiting.values()):
        names = [name for name, rows in waiting.items() if rows]
        (name,) = generator.choices(names, [max(shares[name], 1e-9) for name in names])
        row, count = waiting[name].pop(), count + 1
        long = cost(row) > LONG * seconds and count % WHOLE
        until = beginning(row["curves"].get("step")) if long else None
        drawn = Drawn(name, row, until)
        yield drawn
        left -= drawn.cost


def beginning(looks: Sequence[int] | None) -> int | None:
    """The step of the look with which the beginning of a curve ends; None where there is too little of it."""
    if not looks or len(looks) < 4:
        return None
    return looks[max(1, math.ceil(BEGINNING * len(looks))) - 1]


def audit(
    stock: Evidence, minutes: float, seed: int, ages: Mapping[str, float] | None = None, workers: int | None = None
) -> Iterator[Finding]:
    """Compute a sample again and compare.

    Args:
        stock: the locked runs. seed, ages: see `draw`.
        minutes: on the clock, of all processes together; nothing is begun after that.
        workers: processes, one torch thread each; all cores by default. Where `BOOK_ENGINE` names a cluster, its workers
            compute; they know no beginnings, so all runs are computed whole.
    """
    if address := engine.asked():
        yield from _on_cluster(address, draw(stock, 60 * minutes * engine.size(address), seed, ages))
        return
    workers = workers or joblib.cpu_count()
    deadline = time.monotonic() + 60 * minutes
    sample = draw(stock, 60 * minutes * workers, seed, ages, QUICKER)
    tasks = (joblib.delayed(_again)(each) for each in _in_time(sample, deadline))
    with cores.lend(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "A worker stopped", UserWarning)  # it grew; joblib starts another
        pool = joblib.Parallel(
            workers, backend="loky", return_as="generator_unordered", batch_size=1, pre_dispatch=workers
        )
        yield from pool(tasks)


def _in_time(sample: Iterable[Drawn], deadline: float) -> Iterator[Drawn]:
    """Those of a sample that can be expected to end before a time of `time.monotonic`, by what they took before."""
    for each in sample:
        left = deadline - time.monotonic()
        if left <= 0:
            return
        if each.cost <= left:
            yield each


def _on_cluster(address: str, sample: Iterable[Drawn]) -> Iterator[Finding]:
    """The sample, computed by the workers of a cluster; their rows are kept in a folder that goes again."""
    drawn: dict[str, list[Drawn]] = {}
    for each in sample:
        drawn.setdefault(each.row["recorded"]["function"], []).append(each)
    with tempfile.TemporaryDirectory() as folder, _store_in(folder):
        for function, some in drawn.items():
            store = Store("audit", Origins(resolve(function)))
            known = {each.row["key"]: each for each in some}
            for made in engine.compute_all(address, store, [each.row["config"] for each in known.values()]):
                kept, about = known[made["key"]], made["recorded"]
                result = {**made["metrics"], "curves": made["curves"]}
                yield compare(kept.sweep, kept.row, result, None, about["machine"], about["seconds"])


@contextlib.contextmanager
def _store_in(folder: str) -> Iterator[None]:
    before = os.environ.get("BOOK_STORE")
    os.environ["BOOK_STORE"] = folder
    try:
        yield
    finally:
        os.environ.pop("BOOK_STORE")
        if before is not None:
            os.environ["BOOK_STORE"] = before


def _again(drawn: Drawn) -> Finding:
    """Compute a run again, on one core with one torch thread, and compare it with the locked one.

    A beginning that is not the same may be that of another training than the one whose curve is kept, or the curve may have
    been made later: only all of the run can tell.
    """
    found = _computed(drawn, drawn.until)
    return found if drawn.until is None or found.outcome == "equal" else _computed(drawn, None)


def _computed(drawn: Drawn, until: int | None) -> Finding:
    """What comes of a run that is computed up to a step, or whole."""
    started = time.perf_counter()
    run, config = resolve(drawn.row["recorded"]["function"]), drawn.row["config"]
    with cores.hold(), explained(drawn.sweep, config), one_thread(), looking(until) as seen:
        try:
            result, until = dict(run(**config)), None
        except Enough:
            result = {"curves": seen}
    here = provenance.machine()["kind"]
    return compare(drawn.sweep, drawn.row, result, until, here, time.perf_counter() - started)


def compare(sweep: str, row: Row, result: Mapping[str, Any], until: int | None, here: str, seconds: float) -> Finding:
    """A locked run beside what came out now.

    Args:
        sweep: its name. row: as locked. result: as the run function returned it, or its curves up to the step `until`.
        here: kind of this processor. seconds: that it took.
    """
    key, share = row["key"], 1.0
    if until is not None:
        share = until / row["curves"]["step"][-1]
        difference = _differ_until(row["curves"], result["curves"], until, 0.0)
    else:
        recorded = {"kernel", "train_seconds"}
        found = {
            "metrics": {name: value for name, value in result.items() if name not in {"curves", *recorded}},
            "curves": dict(result.get("curves", {})),
        }
        parts = (_differ(row[part], shortened(values, DIGITS[part])) for part, values in found.items())
        difference = next(filter(None, parts), "")
    if not difference:
        return Finding(sweep, key, "equal", seconds, share)
    if row["recorded"].get("machine") == here:
        return Finding(sweep, key, "differs", seconds, share, difference)
    looks = row["curves"].get("step")
    first = until or beginning(looks)
    near = first and not _differ_until(row["curves"], result.get("curves", {}), first, NEAR)
    return Finding(sweep, key, "near" if near else "not judged", seconds, share if near else 0.0, difference)


def _differ(kept: Mapping[str, Any], found: Mapping[str, Any]) -> str:
    """The first value that differs, by name, with both values; empty where all are equal."""
    for name in sorted({*kept, *found}):
        before, now = kept.get(name), found.get(name)
        if sha(before) != sha(now):
            return f"{name} = {_brief(before)} in the lock, {_brief(now)} here"
    return ""


def _differ_until(kept: Mapping[str, Any], found: Mapping[str, Any], until: int, near: float) -> str:
    """The first point of the curves up to a step that differs by more than a relative distance."""
    places = {step: place for place, step in enumerate(found.get("step", ()))}
    digits = DIGITS["curves"]
    for place, step in enumerate(kept["step"]):
        if step > until:
            break
        for name in sorted(kept):
            before = kept[name][place]
            now = found[name][places[step]] if name in found and step in places else None
            if now is None or (sha(before) != sha(shortened(now, digits)) and not _close(before, now, near)):
                return f"{name} at step {step} = {_brief(before)} in the lock, {_brief(now)} here"
    return ""


def _close(before: Any, now: Any, near: float) -> bool:
    numbers = all(isinstance(each, int | float) for each in (before, now))
    return numbers and near > 0 and abs(before - now) <= near * max(abs(before), abs(now))


def _brief(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 40 else text[:37] + "..."
