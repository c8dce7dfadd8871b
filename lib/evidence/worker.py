"""What a worker of a cluster does: it says what it would compute with, and computes a run only with what is expected."""

from __future__ import annotations

import importlib
import platform
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

from evidence.digest import reached
from evidence.lock import sha
from evidence.origin import Origin, Origins, changed_since_loading
from evidence.running import compute, explained, one_line
from evidence.store import kernels_here

if TYPE_CHECKING:
    from distributed import Worker

PACKAGES = ("torch", "numpy", "distributed")
"""Whose versions must be the same on all machines."""
Report = dict[str, Any]
"""All that a process would compute a run with, beside its configuration; or an `error`, where it cannot load the run."""


def report(origin: Origin) -> Report:
    """What this process has; `threads` and `changed` are as they should be on a worker.

    Args:
        origin: of the run, as it is found here.
    """
    return {
        "Python": ".".join(platform.python_version_tuple()[:2]),
        **{name: _version(name) for name in PACKAGES},
        "kernels": kernels_here(),
        "origin": {**vars(origin), "code": {**_machinery(), **origin.code}},
        "threads": 1,
        "changed": None,
    }


def unlike(here: Report, there: Report) -> str:
    """How the report of a worker differs from what is expected here, in a few words; empty where it does not."""
    if "error" in there:
        return f"it cannot load the run, {there['error']}"
    for name in ("Python", *PACKAGES, "kernels"):
        if there[name] != here[name]:
            return f"{name} {there[name]} there, {here[name]} here"
    if there["threads"] != here["threads"]:
        return f"it has {there['threads']} threads, whose runs would share their random numbers: start it with --nthreads 1"
    if there["changed"] != here["changed"]:
        return f"{there['changed']} changed on disk after it was loaded: start the worker again"
    if there["origin"] != here["origin"]:
        return Origin(**here["origin"]).difference(Origin(**there["origin"]))
    return ""


def computed(name: str, function: str, config: dict[str, Any], expected: str) -> tuple[str, Report | None, Any]:
    """One run on this worker, if that has what is expected.

    Args:
        name: of the sweep.
        function: the run function, as `module:name`.
        config: keywords of the run.
        expected: digest of the report that this worker should give.

    Returns:
        Its address; its report, where that is another; and the result, where it is not, as `evidence.running.compute`
        gives it.

    Raises:
        RunError: the run failed.
    """
    from distributed import get_worker

    this = get_worker()
    if other := differing(function, [(config, expected)], this):
        return this.address, other[expected], None
    with explained(name, config):
        origins = _origins(function)
        return this.address, None, compute(origins.function, origins(config), config)


def differing(function: str, wanted: Iterable[tuple[Mapping[str, Any], str]], dask_worker: Worker) -> dict[str, Report]:
    """Reports of this worker that are other than expected, by the digests of those that were.

    Args:
        function: the run function, as `module:name`.
        wanted: configurations, each with the digest of the report that is expected.
        dask_worker: this worker; Dask hands it over by this name.
    """
    found = {expected: _found(function, config, dask_worker.state.nthreads) for config, expected in wanted}
    return {expected: each for expected, each in found.items() if sha(each) != expected}


def _found(function: str, config: Mapping[str, Any], threads: int) -> Report:
    try:
        found = report(_origins(function)(config))
        changed = changed_since_loading(Origin(**found["origin"]))
    except Exception as error:
        return {"error": one_line(error)}
    return {**found, "threads": threads, "changed": changed}


@cache
def _origins(function: str) -> Origins:
    """Origins of the runs of a function: of the code as this process met it first."""
    module, _, name = function.partition(":")
    return Origins(getattr(importlib.import_module(module), name))


@cache
def _machinery() -> dict[str, str]:
    """Digest of what a worker runs around a run."""
    return reached(computed).code


@cache
def _version(package: str) -> str | None:
    try:
        return version(package).partition("+")[0]
    except PackageNotFoundError:
        return None
