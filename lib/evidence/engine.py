"""Sweeps on other machines: the workers of a Dask cluster compute the runs, and this process stores each as it comes.

The address of the scheduler stands in `BOOK_ENGINE`. A worker runs from a checkout of its own and shares no folder with
this one. So it says what it has, code, data, versions and kernels, and is refused by name where that is not what this
process has: at first all workers that are there, and before each run those that come later (`evidence.worker`).

Dask is asked directly. joblib's backend for it computes in this process where a cluster has one worker only, and waits
without end for a run whose workers died.
"""

from __future__ import annotations

import contextlib
import os
import re
import socket
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from uuid import uuid4

from evidence import cores, worker
from evidence.lock import sha
from evidence.running import RunError, called, explained, one_line
from evidence.store import Store, write_run

if TYPE_CHECKING:
    from distributed import Client, Future

ADDRESS = r"(tcp|tls)://\S+:\d+"
ALLOWED = "the address of a Dask scheduler, such as tcp://127.0.0.1:8786"
INSTALL = ".venv/bin/pip install -e '.[cluster]'"
PATIENCE = 5.0
"""Seconds within which a scheduler has to answer."""
ARRIVAL = 10.0
"""Seconds within which the first worker has to be there."""


def asked() -> str:
    """Address of the scheduler asked for in `BOOK_ENGINE`; empty where none was.

    Raises:
        ValueError: it is no address.
    """
    text = os.environ.get("BOOK_ENGINE", "")
    if text and not re.fullmatch(ADDRESS, text):
        raise ValueError(f"BOOK_ENGINE = {text!r} is not allowed: {ALLOWED}")
    return text


@contextlib.contextmanager
def connected(address: str) -> Iterator[Client]:
    """A client of the scheduler at this address; what `tls://` needs is read from Dask's own configuration.

    Raises:
        RunError: the package `distributed` is missing, or no scheduler answers.
    """
    try:
        from distributed import Client
        from distributed.versions import VersionMismatchWarning
    except ImportError:
        raise RunError(f"BOOK_ENGINE = {address!r} needs the package distributed: {INSTALL}") from None
    try:
        _knock(address)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", VersionMismatchWarning)  # versions that matter are in the reports
            client = Client(address, timeout=PATIENCE, set_as_default=False)
    except Exception as error:
        why = f" ({one_line(error)})"
        raise RunError(f"BOOK_ENGINE = {address!r}: no scheduler answers there{why}") from None
    with client:
        yield client


def size(address: str) -> int:
    """Number of workers of the cluster at this address, at least 1."""
    with connected(address) as client:
        return max(1, len(client.scheduler_info(n_workers=-1)["workers"]))


def _knock(address: str) -> None:
    """See that somebody is there who speaks first, as a scheduler does: a client would wait for its words without end.

    Raises:
        OSError: nobody is, or nobody speaks.
        ValueError: the port is above 65535, or there are no certificates for `tls://`.
    """
    from distributed import Security

    parts = urlsplit(address)
    if parts.scheme == "tls" and not Security().get_connection_args("client").get("ssl_context"):
        raise ValueError("no certificates in Dask's configuration, distributed.comm.tls")
    with socket.create_connection((str(parts.hostname), parts.port or 0), timeout=PATIENCE) as door:
        if parts.scheme == "tcp" and not door.recv(1):
            raise ConnectionError("it hung up")


def compute_all(address: str, store: Store, configs: Sequence[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Compute runs on the workers of a cluster, and store each in this process as soon as it is there.

    Args:
        address: of the scheduler.
        store: of the sweep.
        configs: of the runs.

    Yields:
        Stored rows, in the order in which they come.

    Raises:
        RunError: the scheduler does not answer or is gone, it has no worker, a worker is refused, or a run failed.
            Rows that were yielded are stored.
    """
    with cores.lend(), connected(address) as client:
        from distributed import as_completed

        reports = {store.origins(config).id: worker.report(store.origins(config)) for config in configs}
        try:
            _check_workers(client, address, store, configs, reports)
            waiting = _submit(client, store, configs, reports)
        except OSError:
            raise _gone(store, address) from None
        for future, answer in as_completed([*waiting], loop=client.loop, with_results=True, raise_errors=False):
            config = waiting.pop(future)
            origin = store.origins(config)
            if future.status == "error":
                raise _failed(store, config, future)
            if future.status != "finished":
                raise _gone(store, address)
            name, other, result = answer
            if other:
                raise _refused(store, {name: worker.unlike(reports[origin.id], other)})
            with explained(store.name, config):
                row = write_run(store.name, origin, config, *result)
            yield row


def _check_workers(
    client: Client, address: str, store: Store, configs: Sequence[dict[str, Any]], reports: Mapping[str, worker.Report]
) -> None:
    """Ask all workers for what they have before anything is computed.

    Args:
        reports: what is expected, by the short digest of the origin.

    Raises:
        RunError: there is no worker, or one is refused.
    """
    try:
        client.wait_for_workers(1, timeout=ARRIVAL)
    except TimeoutError:
        start = f".venv/bin/dask worker {address} --nthreads 1"
        raise RunError(f"sweep {store.name!r}: the cluster has no worker; start one: {start}") from None
    if wrong := _with_other_python(client) or _with_other_reports(client, store, configs, reports):
        raise _refused(store, wrong)


def _with_other_python(client: Client) -> dict[str, str]:
    """Workers, by address, that could not even read what is sent to them, and why."""
    versions: Any = client.get_versions()
    here = _python(versions["client"])
    found = {name: _python(each) for name, each in versions["workers"].items()}
    return {name: f"Python {there} there, {here} here" for name, there in found.items() if there != here}


def _python(versions: Mapping[str, Any]) -> str:
    return ".".join(versions["host"]["python"].split(".")[:2])


def _with_other_reports(
    client: Client, store: Store, configs: Sequence[dict[str, Any]], reports: Mapping[str, worker.Report]
) -> dict[str, str]:
    """Workers, by address, that would compute otherwise, and why."""
    digest = {id: sha(each) for id, each in reports.items()}
    expected = {digest[id]: each for id, each in reports.items()}
    pairs = [(config, digest[id]) for id, config in {store.origins(config).id: config for config in configs}.items()]
    function = store.origins(configs[0]).function
    wrong: dict[str, str] = {}
    for name, answer in client.run(_differing(), function, pairs, on_error="return").items():
        if isinstance(answer, dict):
            wrong.update((name, worker.unlike(expected[key], each)) for key, each in answer.items())
        elif not isinstance(answer, OSError):  # which says that it has just gone
            wrong[name] = worker.unlike({}, {"error": one_line(answer)})
    return wrong


def _submit(
    client: Client, store: Store, configs: Iterable[dict[str, Any]], reports: Mapping[str, worker.Report]
) -> dict[Future, dict[str, Any]]:
    """Hand all runs to the scheduler; returns their configurations by what is to come of each."""
    computed, waiting = _computed(), {}
    expected = {id: sha(each) for id, each in reports.items()}
    for config in configs:
        origin = store.origins(config)
        task = (store.name, origin.function, config, expected[origin.id])
        waiting[client.submit(computed, *task, key=f"{store.name}-{uuid4().hex}")] = config
    return waiting


def _differing() -> Callable:
    """`worker.differing` as it travels: a function within a function is sent whole, and loads the book's code where it runs.

    It runs beside the worker's run in flight, in a thread, so that the worker goes on to answer.
    """

    async def differing(function: str, wanted: Any, dask_worker: Any) -> Any:
        import asyncio

        from evidence import worker

        return await asyncio.to_thread(worker.differing, function, wanted, dask_worker)

    return differing


def _computed() -> Callable:
    """`worker.computed` as it travels: the scheduler unpacks it too, and has nothing of the book."""

    def computed(*arguments: Any) -> Any:
        from evidence import worker

        return worker.computed(*arguments)

    return computed


def _refused(store: Store, wrong: Mapping[str, str]) -> RunError:
    name, why = sorted(wrong.items())[0]
    more = f" (and {len(wrong) - 1} more)" if len(wrong) > 1 else ""
    return RunError(f"sweep {store.name!r}: worker {name} is refused: {why}{more}")


def _gone(store: Store, address: str) -> RunError:
    return RunError(f"sweep {store.name!r}: the scheduler at BOOK_ENGINE = {address!r} is gone; finished runs are kept")


def _failed(store: Store, config: Mapping[str, Any], future: Future) -> RunError:
    from distributed import KilledWorker

    error = future.exception()
    if isinstance(error, RunError):
        return error
    if isinstance(error, KilledWorker):
        count = error.allowed_failures + 1
        why = f"every worker that computed it ended ({count} of {count}), perhaps for want of memory"
        return RunError(f"{called(store.name, config)}: {why}")
    return RunError(f"{called(store.name, config)}: {one_line(error)}")
