"""Sweeps on a cluster: real schedulers and workers on this machine, each worker in a checkout of its own."""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest
from joblib.externals.loky import get_reusable_executor

from evidence import audit, engine, locking, paths, worker
from evidence.running import RunError
from evidence.sweeps import sweep

LIB = Path(__file__).parents[2] / "lib"
CODE = ("evidence", "gatedrnn", "tasks", "experiments")
TORCH = "def set_num_threads(count):\n    pass\n\n\ndef get_num_threads():\n    return 1\n"
RUNS = '''
import os, time
from pathlib import Path


def slow(*, seed, folder, wait=0.2):
    """One run, noted in a file of its own as it begins."""
    Path(folder, f"{seed}-{os.getpid()}-{time.time_ns()}").touch()
    time.sleep(wait)
    return {"score": seed / 7, "process": os.getpid(), "curves": {"step": [1, 2]}}


def fail(*, seed):
    raise ArithmeticError("first line\\n  second line")


def tensor(*, seed):
    return {"score": {1, 2}}


def die(*, seed):
    os._exit(3)
'''
PACKAGE = f"far{os.getpid()}"


class Cluster:
    """A scheduler, and workers that are started one by one; all are ended with the block."""

    def __init__(self, folder, **settings):
        self.folder, self.processes = folder, contextlib.ExitStack()
        folder.mkdir(parents=True, exist_ok=True)
        file = folder / "scheduler.json"
        options = ["--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--scheduler-file", str(file)]
        self.scheduler = self._start("scheduler", options, PYTHONPATH=str(without_book(folder / "none")), **settings)
        self.address = json.loads(waited(lambda: file.is_file() and file.read_text()))["address"]

    def worker(self, checkout, *options, wait=True, **settings):
        """A worker that imports the code of a checkout, and runs in its folder."""
        name = f"w{time.time_ns()}"
        given = [self.address, "--no-nanny", "--no-dashboard", "--name", name, "--nthreads", "1", *options]
        environment = {"PYTHONPATH": os.pathsep.join(map(str, (checkout, checkout / "lib"))), **settings}
        process = self._start("worker", given, cwd=checkout, **environment)
        if wait:
            self.wait(name)
        return process

    def wait(self, name):
        from distributed import Client

        with Client(self.address, set_as_default=False) as client:
            waited(lambda: name in {each["name"] for each in client.scheduler_info(-1)["workers"].values()})

    def _start(self, kind, options, cwd=None, **settings):
        kept = {key: value for key, value in os.environ.items() if not key.startswith("BOOK_")}
        command = [sys.executable, "-m", f"distributed.cli.dask_{kind}", *options]
        with open(self.folder / f"{kind}-{time.time_ns()}.log", "w") as log:
            process = subprocess.Popen(command, env=kept | settings, cwd=cwd or self.folder, stdout=log, stderr=log)
        self.processes.callback(end, process)
        return process


def end(process):
    process.kill()
    process.wait()


def waited(condition, seconds=30):
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)
    return found


def without_book(folder):
    """A folder that hides the code of the book from whoever looks here first."""
    (folder / "evidence").mkdir(parents=True, exist_ok=True)
    (folder / "evidence" / "__init__.py").write_text("raise ImportError('no book here')")
    return folder


def package(folder, runs=RUNS):
    """Write the tiny run functions, with a stand-in for torch beside them."""
    (folder / PACKAGE).mkdir(parents=True)
    (folder / PACKAGE / "__init__.py").write_text("")
    (folder / PACKAGE / "runs.py").write_text(runs)
    return folder


@pytest.fixture(scope="module")
def checkouts(tmp_path_factory):
    """Two whole copies of the code, and one in which a run is another."""
    pytest.importorskip("distributed", reason="the extra 'cluster' is not installed: distributed")
    folder = tmp_path_factory.mktemp("checkouts")
    for name in ("one", "two"):
        for each in CODE:
            shutil.copytree(LIB / each, folder / name / "lib" / each)
        package(folder / name)
        (folder / name / "_toc.yml").touch()
    package(folder / "other", RUNS.replace("seed / 7", "seed / 8"))
    (folder / "other" / "lib").symlink_to(LIB)
    without_book(folder / "nowhere")
    return folder


@pytest.fixture(scope="module")
def cluster(checkouts, tmp_path_factory):
    """A scheduler with two workers in two checkouts."""
    started = Cluster(tmp_path_factory.mktemp("cluster"))
    with started.processes:
        cache = str(LIB.parent / "_build" / "kernels")
        started.workers = [started.worker(checkouts / name, GATEDRNN_CACHE=cache) for name in ("one", "two")]
        yield started


@pytest.fixture
def alone(checkouts, tmp_path):
    """A scheduler with one worker, which does without torch."""
    started = Cluster(tmp_path / "alone", DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES="0")
    with started.processes:
        plain = checkouts / "plain"
        if not plain.exists():
            package(plain)
            (plain / "torch.py").write_text(TORCH)
            (plain / "lib").symlink_to(LIB)
        started.worker(plain)
        yield started


@pytest.fixture(autouse=True)
def places(tmp_path, monkeypatch):
    monkeypatch.setenv("BOOK_STORE", str(tmp_path / "store"))
    monkeypatch.setenv("BOOK_LOCK", str(tmp_path / "lock"))
    for name in ("BOOK_FRESH", "BOOK_PROGRESS", "BOOK_WORKERS", "BOOK_ENGINE", "BOOK_CORES"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def far(checkouts, monkeypatch):
    """The module of run functions as this process has it."""
    monkeypatch.syspath_prepend(str(checkouts / "one"))
    return importlib.import_module(f"{PACKAGE}.runs")


@pytest.fixture
def noted(tmp_path):
    folder = tmp_path / "noted"
    folder.mkdir()
    return folder


def on(cluster, monkeypatch):
    monkeypatch.setenv("BOOK_ENGINE", cluster.address)


def stored(name):
    rows = [json.loads(path.read_text()) for path in (paths.store() / name).glob("[0-9a-f]*-*.json")]
    return {row["key"]: row for row in rows}


def test_rows_are_those_of_processes_on_this_machine_bit_for_bit(cluster, checkouts, kernels, tmp_path, monkeypatch):
    from experiments.recall.runs import run

    grid = {"task": ["adding"], "cell": ["lstm", "gru"], "length": [20], "steps": [40], "hidden_size": [16]}
    grid |= {"start": ["default"], "match": ["width"], "learning_rate": [0.01], "every": [20], "batch": [16]}
    monkeypatch.setenv("BOOK_STORE", str(tmp_path / "near"))
    get_reusable_executor().shutdown(wait=True)  # its workers would keep the environment that they began with
    near = sweep(run, grid, 2, name="recall", workers=2)
    get_reusable_executor().shutdown(wait=True)
    here = stored("recall")
    monkeypatch.setenv("BOOK_STORE", str(tmp_path / "far"))
    on(cluster, monkeypatch)
    far = sweep(run, grid, 2, name="recall")
    assert far.attrs["computed"] == 4
    measured = ["seconds", "train_seconds"]
    pd.testing.assert_frame_equal(near.drop(columns=measured), far.drop(columns=measured), check_exact=True)
    assert far["kernel"].tolist() == ["matched"] * 4
    there = stored("recall")
    assert there.keys() == here.keys()
    for key, row in there.items():
        assert [row[part] for part in ("config", "metrics", "curves")] == [
            here[key][part] for part in ("config", "metrics", "curves")
        ]
        assert row["recorded"]["threads"] == 1
    assert not [*checkouts.rglob("runs/*.json")] and not [*checkouts.rglob("_build/runs")], "the client alone stores"


def test_an_audit_is_computed_by_the_cluster_and_finds_a_forgery(cluster, kernels, monkeypatch):
    from experiments.recall.runs import run

    grid = {"task": ["adding"], "cell": ["lstm", "gru"], "length": [20], "steps": [40], "hidden_size": [16]}
    grid |= {"start": ["default"], "match": ["width"], "learning_rate": [0.01], "every": [20], "batch": [16]}
    sweep(run, grid, 1, name="audited", workers=1)
    locking.lock_finished("audited")
    stock = audit.evidence()
    stock.runs["audited"][0]["metrics"]["quality"] += 1
    on(cluster, monkeypatch)
    before = stored("audited")
    found = {each.key: each for each in audit.audit(stock, 1, 0)}
    forged, sound = (found[row["key"]] for row in stock.runs["audited"])
    assert (forged.outcome, sound.outcome) == ("differs", "equal") and "quality" in forged.difference
    assert stored("audited") == before and not stored("audit")


def test_both_workers_compute_and_progress_is_told_as_ever(cluster, far, noted, tmp_path, monkeypatch):
    on(cluster, monkeypatch)
    monkeypatch.setenv("BOOK_PROGRESS", str(tmp_path / "progress"))
    sweep(far.slow, {"folder": [str(noted)]}, 1, name="told")
    frame = sweep(far.slow, {"folder": [str(noted)]}, 6, name="told")
    assert frame["seed"].tolist() == [*range(6)] and frame["score"].tolist() == [
        float(f"{n / 7:.7g}") for n in range(6)
    ]
    assert {*frame["process"]} == {each.pid for each in cluster.workers}
    assert frame.attrs["found"] == 1 and frame.attrs["computed"] == 5
    events = [json.loads(line) for line in (tmp_path / "progress").read_text().splitlines()]
    assert [event["event"] for event in events] == ["sweep", "run", "end", "sweep", *["run"] * 5, "end"]
    assert [event["done"] for event in events[4:9]] == [2, 3, 4, 5, 6]


def test_a_failing_run_is_one_line(cluster, far, monkeypatch):
    on(cluster, monkeypatch)
    with pytest.raises(RunError, match=r"^sweep 'fail', run\(seed=0\): ArithmeticError: first line second line$"):
        sweep(far.fail, [{}], 1, name="fail")
    with pytest.raises(RunError, match=r"^sweep 'set', run\(seed=0\): TypeError: .*set.*"):
        sweep(far.tensor, [{}], 1, name="set")
    assert not stored("set")


def test_a_killed_worker_loses_only_its_run_in_flight(cluster, checkouts, far, noted, monkeypatch):
    on(cluster, monkeypatch)
    victim = cluster.workers.pop()

    def kill():
        waited(lambda: len(stored("killed")) >= 4)
        victim.send_signal(signal.SIGKILL)

    killer = threading.Thread(target=kill)
    killer.start()
    frame = sweep(far.slow, {"folder": [str(noted)]}, 14, name="killed")
    killer.join()
    assert frame["seed"].tolist() == [*range(14)] and len(stored("killed")) == 14
    starts = [path.name.split("-")[:2] for path in noted.iterdir()]
    again = [seed for seed, process in starts if process == str(victim.pid) if [s for s, _ in starts].count(seed) > 1]
    assert victim.poll() == -signal.SIGKILL and len(starts) - 14 == len(again) <= 2
    cluster.workers.append(cluster.worker(checkouts / "two"))


def test_a_cluster_of_one_worker_computes_there(alone, far, noted, monkeypatch):
    on(alone, monkeypatch)
    frame = sweep(far.slow, {"folder": [str(noted)], "wait": [0]}, 2, name="single")
    assert os.getpid() not in {*frame["process"]}
    with pytest.raises(RunError, match=r"^sweep 'die', run\(seed=0\): every worker that .* \(1 of 1\), .*memory$"):
        sweep(far.die, [{}], 1, name="die")
    monkeypatch.setattr(engine, "ARRIVAL", 0.1)
    with pytest.raises(RunError, match=rf"^sweep 'none': the cluster has no worker; start one: .* {alone.address} "):
        sweep(far.die, [{}], 1, name="none")


def test_a_scheduler_that_goes_is_one_line_and_finished_runs_are_kept(alone, far, noted, monkeypatch, capfd):
    on(alone, monkeypatch)

    def kill():
        waited(lambda: len(stored("gone")) >= 3)
        alone.scheduler.send_signal(signal.SIGKILL)

    killer = threading.Thread(target=kill)
    killer.start()
    began = time.monotonic()
    line = f"sweep 'gone': the scheduler at BOOK_ENGINE = {alone.address!r} is gone; finished runs are kept"
    with pytest.raises(RunError, match=f"^{re.escape(line)}$"):
        sweep(far.slow, {"folder": [str(noted)]}, 30, name="gone")
    killer.join()
    assert time.monotonic() - began < 15 and 3 <= len(stored("gone")) < 30
    assert "Traceback" not in capfd.readouterr().err


@pytest.mark.parametrize(
    ("checkout", "options", "why"),
    [
        ("other", [], rf"code changed: {PACKAGE}\.runs:slow"),
        ("one", ["--nthreads", "2"], "it has 2 threads, whose runs would share .*: start it with --nthreads 1"),
        ("nowhere", [], "it cannot load the run, ImportError: no book here"),
    ],
    ids=["other code", "two threads", "no book"],
)
def test_a_worker_that_would_compute_otherwise_is_refused_by_name(
    cluster, checkouts, far, noted, monkeypatch, checkout, options, why
):
    on(cluster, monkeypatch)
    process = cluster.worker(checkouts / checkout, *options)
    try:
        with pytest.raises(RunError, match=rf"^sweep 'refused': worker tcp://127\.0\.0\.1:\d+ is refused: {why}$"):
            sweep(far.slow, {"folder": [str(noted)]}, 2, name="refused")
    finally:
        end(process)
    assert not [*noted.iterdir()], "nothing was computed"


def test_a_worker_that_comes_later_is_asked_too(cluster, checkouts, far, noted, monkeypatch):
    on(cluster, monkeypatch)

    def after_the_first_run() -> subprocess.Popen:
        until = time.monotonic() + 30
        while not any(noted.iterdir()) and time.monotonic() < until:
            time.sleep(0.05)
        return cluster.worker(checkouts / "other", wait=False)

    with ThreadPoolExecutor(1) as pool:
        coming = pool.submit(after_the_first_run)
        try:
            with pytest.raises(RunError, match=r"^sweep 'late': worker tcp://\S+ is refused: code changed: "):
                sweep(far.slow, {"folder": [str(noted)], "wait": [0.5]}, 200, name="late")
        finally:
            late = coming.result(timeout=30)
            end(late)
    assert stored("late") and str(late.pid) not in {path.name.split("-")[1] for path in noted.iterdir()}


def test_a_checkout_that_changes_under_its_worker_is_told(cluster, checkouts, far, noted, monkeypatch):
    on(cluster, monkeypatch)
    sweep(far.slow, {"folder": [str(noted)], "wait": [0]}, 4, name="changed")
    path = checkouts / "two" / PACKAGE / "runs.py"
    path.write_text(RUNS + "\n")
    with pytest.raises(RunError, match=rf"worker \S+ is refused: {PACKAGE}\.runs changed on disk .*: start the worker"):
        sweep(far.slow, {"folder": [str(noted)], "wait": [0]}, 6, name="changed")


@pytest.mark.parametrize(
    ("name", "value", "why"),
    [
        ("Python", "3.12", "Python 3.12 there, 3.11 here"),
        ("torch", "2.12.0", "torch 2.12.0 there, {torch} here"),
        ("numpy", None, "numpy None there, {numpy} here"),
        ("kernels", "torch (no compiler)", "kernels torch (no compiler) there, {kernels} here"),
    ],
)
def test_what_differs_is_named(name, value, why):
    from evidence.origin import Origin

    here = worker.report(Origin("m:f", {"m:f": "1"}, {"m": "2"}, "2.13.0"))
    assert worker.unlike(here, here) == ""
    assert worker.unlike(here, {**here, name: value}) == why.format(**here)
    data = worker.report(Origin("m:f", {"m:f": "1"}, {"m": "3"}, "2.13.0"))
    assert worker.unlike(here, data) == "data changed: m"


def test_a_worker_with_another_python_is_refused_before_it_has_to_read_anything():
    def versions():
        hosts = {"client": "3.11.7.final.0", "a": "3.11.9.final.0", "b": "3.12.1.final.0"}
        told = {name: {"host": {"python": python}} for name, python in hosts.items()}
        return {"client": told.pop("client"), "workers": told}

    assert engine._with_other_python(SimpleNamespace(get_versions=versions)) == {"b": "Python 3.12 there, 3.11 here"}


@pytest.mark.parametrize("text", ["somewhere", "tcp://host", "http://host:8786", "tcp://:8786 x", "8786"])
def test_an_address_that_is_none_is_named(monkeypatch, text):
    monkeypatch.setenv("BOOK_ENGINE", text)
    with pytest.raises(ValueError, match=rf"^BOOK_ENGINE = {re.escape(repr(text))} is not allowed: the address of a"):
        engine.asked()


def test_a_scheduler_that_does_not_answer_is_named_within_seconds(checkouts, far, monkeypatch):
    monkeypatch.setenv("BOOK_ENGINE", "tcp://127.0.0.1:1")
    monkeypatch.setattr(engine, "PATIENCE", 1.0)
    began = time.monotonic()
    with pytest.raises(RunError, match=r"^BOOK_ENGINE = 'tcp://127\.0\.0\.1:1': no scheduler answers there \(Connec"):
        sweep(far.fail, [{}], 1, name="nobody")
    with socket.create_server(("127.0.0.1", 0)) as mute:
        monkeypatch.setenv("BOOK_ENGINE", f"tcp://127.0.0.1:{mute.getsockname()[1]}")
        with pytest.raises(
            RunError, match=r"^BOOK_ENGINE = .*: no scheduler answers there \(TimeoutError: timed out\)$"
        ):
            sweep(far.fail, [{}], 1, name="mute")
    monkeypatch.setenv("BOOK_ENGINE", "tls://127.0.0.1:1")
    with pytest.raises(
        RunError, match=r"no scheduler answers there \(ValueError: no certificates in Dask's configuration"
    ):
        sweep(far.fail, [{}], 1, name="bare")
    assert time.monotonic() - began < 5


def test_without_the_package_one_line_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    line = "BOOK_ENGINE = 'tcp://h:1' needs the package distributed: .venv/bin/pip install -e '.[cluster]'"
    with pytest.raises(RunError, match=f"^{re.escape(line)}$"), engine.connected("tcp://h:1"):
        pass
