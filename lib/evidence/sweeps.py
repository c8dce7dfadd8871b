"""A grid × seeds of runs over processes: found in the store or computed, never computed twice."""

from __future__ import annotations

import inspect
import itertools
import json
import math
import os
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import joblib
import numpy as np
import pandas as pd
from joblib.externals.loky.process_executor import TerminatedWorkerError
from tqdm import tqdm

from evidence import cores, engine, record, swap
from evidence.origin import Origin, Origins, changed_since_loaded
from evidence.running import RunError, compute, explained
from evidence.store import Store, kind, write_run

START = 5.0
"""Seconds of runs that are worth a new pool of processes, which takes half of that to start and import torch."""
IDLE = 240.0
"""Seconds after which a pool without work may be gone (joblib ends it after 300)."""

RECORDED = ("curves", "seconds", "train_seconds", "kernel")
"""Columns of a sweep's table that are neither configuration nor metric."""

Grid = Mapping[str, Sequence[Any]] | Iterable[Mapping[str, Any]]

_last_pool = -math.inf
"""When this process last used a pool of processes."""


def sweep(
    run: Callable[..., dict[str, Any]], grid: Grid, seeds: int | Iterable[int], *, name: str, workers: int | None = None
) -> pd.DataFrame:
    """Run a function for each configuration of a grid and each seed.

    Args:
        run: top-level function of a module; takes its configuration as keywords, `seed` among them, and returns a
            flat dict of metrics; under `curves` it may return a dict of lists. Same seed, same data: pairs share it.
        grid: lists of values by keyword (all combinations), or the configurations themselves.
        seeds: the seeds, or how many (0, 1, …).
        name: name of the sweep in the store and in the lock.
        workers: processes, one torch thread each; by default all cores, or none beside this one while the rest of the
            sweep takes less time than they would need to start (`BOOK_WORKERS` sets their number).

    Returns:
        One row a run, in the order of grid and seeds: configuration, metrics, `curves`, and what was recorded but is not part of
        the result: `seconds`, `train_seconds`, `kernel`. `attrs` holds
        `runs`, `found`, `computed`, `reasons`, `core_seconds`.

    Raises:
        ValueError: the grid or the seeds are empty, or name a keyword that `run` does not take; `run` is no
            top-level function of a module.
        RunError: a run raised an error, or its code changed on disk; finished runs stay in the store.
    """
    frame = gather(run, grid, seeds, name=name, workers=workers)
    return swap.exchanged(frame, inspect.signature(run).parameters)


def gather(
    run: Callable[..., dict[str, Any]], grid: Grid, seeds: int | Iterable[int], *, name: str, workers: int | None = None
) -> pd.DataFrame:
    """As `sweep`, the rows as they are also in the swap test."""
    started = time.perf_counter()
    configs = _configurations(run, grid, seeds, name)
    store = Store(name, Origins(run))
    origins = {each.id: each for each in map(store.origins, configs)}
    if changed := [symbol for each in origins.values() for symbol in changed_since_loaded(each)]:
        raise RunError(f"sweep {name!r}: {changed[0]} changed on disk after it was loaded; restart the kernel")
    rows: dict[str, dict[str, Any]] = {}
    missing: dict[str, dict[str, Any]] = {}
    for config in configs:
        key = store.key(config)
        if key in rows or key in missing:
            continue
        row = store.find(config)
        if row is None:
            missing[key] = config
        else:
            rows[key] = row
    found = len(rows)
    if missing and swap.asked():
        raise RunError(f"sweep {name!r}: {len(missing)} runs are not stored; the swap test computes none")
    record.progress({"event": "sweep", "name": name, "total": found + len(missing), "found": found})
    computed = _compute(run, store, list(missing.values()), workers)
    for row in tqdm(computed, name, found + len(missing), initial=found, disable=_shown_elsewhere(), mininterval=1):
        rows[row["key"]] = row
        done = {"done": len(rows), "total": found + len(missing), "found": found}
        record.progress({"event": "run", "name": name, **done, "seconds": row["recorded"]["seconds"]})
    record.progress({"event": "end", "name": name})
    frame = _frame([rows[store.key(config)] for config in configs])
    summary = {
        "runs": len(rows),
        "found": found,
        "computed": len(missing),
        "reasons": dict(store.reasons),
        "core_seconds": round(sum(row["recorded"]["seconds"] for row in rows.values()), 2),
        "kernels": sorted({row["recorded"]["kernel"] or "none" for row in rows.values()}),
        "foreign": sorted({kind(row) for row in rows.values()} - store.kinds) if store.kinds else [],
    }
    frame.attrs.update(summary)
    if running := record.current():
        seconds = round(time.perf_counter() - started, 2)
        costs = {key: row["recorded"]["seconds"] for key, row in rows.items()}
        _record(running, {"name": name, **summary, "seconds": seconds, "keys": sorted(rows)}, costs)
    return frame


def _shown_elsewhere() -> bool:
    """Whether the build of the book shows the progress of this sweep."""
    return "BOOK_PROGRESS" in os.environ


def _record(running: record.Record, entry: dict[str, Any], costs: Mapping[str, float]) -> None:
    """Tell the chapter; a sweep that is run again, wider or elsewhere, still computed what it computed before.

    Args:
        running: the chapter's record.
        entry: the sweep, as it was just run.
        costs: seconds of each of its runs, by key.
    """
    for before in running.record["sweeps"]:
        if before["name"] == entry["name"]:
            entry["keys"] = sorted({*before["keys"], *entry["keys"]})
            entry["runs"] = len(entry["keys"])
            entry["computed"] += before["computed"]
            entry["found"] = entry["runs"] - entry["computed"]
            entry["reasons"] = dict(Counter(before["reasons"]) + Counter(entry["reasons"]))
            entry["kernels"] = sorted({*before["kernels"], *entry["kernels"]})
            entry["foreign"] = sorted({*before["foreign"], *entry["foreign"]})
            more = sum(seconds for key, seconds in costs.items() if key not in before["keys"])
            entry["core_seconds"] = round(before["core_seconds"] + more, 2)
            entry["seconds"] = round(before["seconds"] + entry["seconds"], 2)
    running.add("sweeps", entry, key="name")


def _configurations(run: Callable, grid: Grid, seeds: int | Iterable[int], name: str) -> list[dict[str, Any]]:
    if isinstance(grid, Mapping):
        for keyword, values in grid.items():
            if isinstance(values, str) or not isinstance(values, Iterable):
                raise ValueError(f"sweep {name!r}: grid[{keyword!r}] = {values!r} is not allowed: a list of values")
        points: list[dict[str, Any]] = [
            dict(zip(grid, values, strict=True)) for values in itertools.product(*grid.values())
        ]
    else:
        points = [dict(point) for point in grid]
    chosen = range(seeds) if isinstance(seeds, int) else list(seeds)
    if not points or not len(chosen):
        raise ValueError(f"sweep {name!r}: grid of {len(points)} points × {len(chosen)} seeds; both must be at least 1")
    if odd := [seed for seed in chosen if int(seed) != seed]:
        raise ValueError(f"sweep {name!r}: seed {odd[0]!r} is not allowed: a whole number")
    if len(set(chosen)) < len(chosen):
        raise ValueError(f"sweep {name!r}: seeds = {list(chosen)!r} is not allowed: a seed twice is no second run")
    signature = inspect.signature(run)
    if taken := [keyword for keyword in signature.parameters if keyword in RECORDED]:
        raise ValueError(
            f"sweep {name!r}: run takes {taken[0]!r}, a name under which the sweep itself records something"
        )
    configs = []
    for point in points:
        for seed in chosen:
            try:
                bound = signature.bind(**point, seed=int(seed))
            except TypeError as error:
                allowed = ", ".join(signature.parameters)
                raise ValueError(f"sweep {name!r}: {error}; run takes {allowed}") from None
            bound.apply_defaults()
            configs.append({keyword: _plain(name, keyword, value) for keyword, value in bound.arguments.items()})
    texts = Counter(json.dumps(config, sort_keys=True) for config in configs)
    if repeated := [text for text, count in texts.items() if count > 1]:
        raise ValueError(f"sweep {name!r}: the grid holds {repeated[0]} twice; it is one run")
    return configs


def _plain(name: str, keyword: str, value: Any) -> Any:
    """A value as it can be stored: numbers of numpy turned into those of Python."""
    value = value.item() if isinstance(value, np.generic) else value
    try:
        json.dumps(value)
    except TypeError:
        allowed = "numbers, texts, and lists or dicts of them"
        raise ValueError(f"sweep {name!r}: {keyword} = {value!r} is not allowed: {allowed}") from None
    return value


def _compute(run: Callable, store: Store, configs: list[dict[str, Any]], workers: int | None) -> Iterable[dict]:
    if configs and (address := engine.asked()):
        yield from engine.compute_all(address, store, configs)
        return
    asked = workers or asked_workers()
    global _last_pool
    started, done = time.perf_counter(), 0
    while not asked and configs and started > _last_pool + IDLE:
        yield _one(run, store.name, store.origins(configs[0]), configs[0])
        configs, done = configs[1:], done + 1
        if (time.perf_counter() - started) / done * len(configs) > START:
            break
    if not configs:
        return
    workers = min(asked or joblib.cpu_count(), len(configs))
    tasks = (joblib.delayed(_one)(run, store.name, store.origins(config), config) for config in configs)
    try:
        with cores.lend():
            pool = joblib.Parallel(n_jobs=workers, backend="loky", return_as="generator_unordered", batch_size=1)
            yield from pool(tasks)
    except TerminatedWorkerError:
        raise RunError(f"sweep {store.name!r}: a worker process was killed, perhaps for want of memory") from None
    if workers > 1:
        _last_pool = time.perf_counter()


def asked_workers() -> int:
    """Number of processes asked for in `BOOK_WORKERS`; 0 where nothing was asked.

    Raises:
        ValueError: it is no whole number from 1 to 1024.
    """
    text = os.environ.get("BOOK_WORKERS") or "0"
    if not text.isascii() or not text.isdigit() or int(text) > 1024:
        raise ValueError(f"BOOK_WORKERS = {text!r} is not allowed: a whole number from 1 to 1024")
    return int(text)


def _one(run: Callable, name: str, origin: Origin, config: dict[str, Any]) -> dict[str, Any]:
    """One run in a worker process, on one core, with one torch thread; the worker stores it itself, at once."""
    with cores.hold(), explained(name, config):
        return write_run(name, origin, config, *compute(run, origin, config))


def _frame(rows: list[dict[str, Any]]) -> pd.DataFrame:
    return pd.DataFrame(
        [{**row["config"], **row["metrics"], "curves": row["curves"], **_timing(row["recorded"])} for row in rows]
    )


def _timing(recorded: dict[str, Any]) -> dict[str, Any]:
    return {name: recorded[name] for name in ("seconds", "train_seconds", "kernel")}
