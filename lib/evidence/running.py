"""One run: on one torch thread, listened to, timed; what goes wrong is one line."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from evidence import provenance, record
from evidence.origin import Origin, changed_since_loaded
from evidence.store import asked_path
from evidence.watch import heard


class RunError(RuntimeError):
    """A run failed. The message is one line: sweep, configuration, error."""


def compute(run: Callable, origin: Origin, config: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Compute one run in this process; nothing is stored.

    Args:
        run: the run function. origin: of this run, as the code stands on disk here. config: keywords of the run.

    Returns:
        The result, its `metrics` and `curves`, and what is recorded beside it, as `evidence.store.write_run` takes both.

    Raises:
        RuntimeError: the code changed on disk after it was loaded.
        ValueError: the run used a cell that its configuration does not name, or a metric has a name that is taken.
        Exception: whatever the run raises.
    """
    import torch

    record.hear_notes()
    started = time.perf_counter()
    with one_thread():
        if changed := changed_since_loaded(origin):
            raise RuntimeError(f"{changed[0]} changed on disk while the sweep ran; start it again")
        with heard() as cells:
            result = dict(run(**config))
        _check(result, cells, origin, config)
        curves = result.pop("curves", {})
        recorded = {
            "function": origin.function,
            "seconds": round(time.perf_counter() - started, 3),
            "machine": provenance.machine()["kind"],
            "threads": torch.get_num_threads(),
            "kernel": result.pop("kernel", None),
            **({"asked": asked_path()} if asked_path() != "default" else {}),
            "train_seconds": result.pop("train_seconds", None),
        }
        return {"metrics": result, "curves": curves}, recorded


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """One torch thread within this block; as many as before afterwards: a run may be made in the notebook's own process."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def _check(result: Mapping[str, Any], cells: set[str], origin: Origin, config: Mapping[str, Any]) -> None:
    if unnamed := sorted(each for each in cells if not any(key.endswith(f"[{each}]") for key in origin.code)):
        raise ValueError(
            f"the run used the cell {unnamed[0]!r}, which no argument names: its key would not know of a change there"
        )
    if twice := sorted({*result} & {*config}):
        raise ValueError(f"metric {twice[0]!r} has the name of a keyword of run; give it another")
    if "seconds" in result:
        raise ValueError("metric 'seconds' has the name of what the sweep measures; give it another")


@contextlib.contextmanager
def explained(name: str, config: Mapping[str, Any]) -> Iterator[None]:
    """Turn what goes wrong with a run of the sweep `name` into one line that names both.

    Raises:
        RunError: something was raised within this block.
    """
    try:
        yield
    except Exception as error:
        raise RunError(f"{called(name, config)}: {one_line(error)}") from error


def one_line(error: BaseException) -> str:
    """An error's kind and message."""
    return " ".join(f"{type(error).__name__}: {error}".split())


def called(name: str, config: Mapping[str, Any]) -> str:
    """A run as messages name it: its sweep and its configuration."""
    values = ", ".join(f"{key}={value!r}" for key, value in config.items())
    return f"sweep {name!r}, run({values})"
