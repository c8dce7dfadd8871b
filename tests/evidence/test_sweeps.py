"""Sweeps: every configuration once, in order, resumable after a kill; errors are one line."""

from __future__ import annotations

import contextlib
import importlib
import itertools
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from joblib.externals.loky import get_reusable_executor

from evidence import cores, locking, store, sweeps
from evidence import record as chapter
from evidence.sweeps import RunError, asked_workers, sweep

COUNTER = itertools.count()
TORCH = "def set_num_threads(count):\n    pass\n\n\ndef get_num_threads():\n    return 1\n\n\nclass Tensor:\n    pass\n"
WORK = '''
import os, sys, time
from pathlib import Path

from gatedrnn.choices import Choices


def run(*, cell="lstm", width=1, seed, folder=""):
    """One run, noted in a file of its own."""
    if folder:
        Path(folder, f"{cell}-{width}-{seed}-{os.getpid()}-{time.time_ns()}").touch()
    return {"score": width * 10 + seed, "kernel": "plain", "train_seconds": 0.5, "curves": {"step": [1, 2]}}


def slow(*, seed, folder):
    Path(folder, f"started-{seed}-{time.time_ns()}").touch()
    time.sleep(0.2)
    return {"score": seed}


def fail(*, width, seed):
    if width == 2 and seed == 1:
        raise ArithmeticError("first line\\n  second line")
    time.sleep(0.05)
    return {"score": width}


def die(*, seed):
    os._exit(3)


def tensor(*, seed):
    return {"score": {1, 2}}


def named(*, width, seed):
    return {"width": width / 2}


def timed(*, seed):
    return {"seconds": 3.0}


def by_kernel(*, kernel, seed):
    return {"score": kernel}


CELLS = Choices("cell", {"lstm": 1, "gru": 2})


def cells(*, cell, used, seed):
    sys.audit("gatedrnn.cell", used[::-1])
    return {"score": CELLS[cell]}


def curved(*, seed, lags=(1, 2)):
    return {"score": float("nan"), "curves": {"by_lag": {10: [1.0], 9: [2.0]}}}
'''


@pytest.fixture(autouse=True)
def places(shared, tmp_path, monkeypatch):
    """One store for all tests, as worker processes keep the environment that they began with; one sweep name a test."""
    monkeypatch.setenv("BOOK_STORE", str(shared[0] / "store"))
    monkeypatch.setenv("BOOK_LOCK", str(tmp_path / "lock"))
    for name in ("BOOK_FRESH", "BOOK_PROGRESS", "BOOK_WORKERS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(chapter, "_current", None)


def package(folder):
    """Write a package of tiny run functions, with a stand-in for torch beside it: nothing here needs the real one."""
    name = f"work{os.getpid()}_{next(COUNTER)}"
    (folder / name).mkdir()
    (folder / name / "__init__.py").write_text("")
    (folder / name / "tasks.py").write_text(WORK)
    (folder / "torch.py").write_text(TORCH)
    importlib.invalidate_caches()
    return f"{name}.tasks"


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    folder = tmp_path_factory.mktemp("work")
    return folder, package(folder)


@pytest.fixture
def torchless(monkeypatch):
    monkeypatch.delitem(sys.modules, "torch", raising=False)
    yield
    sys.modules.pop("torch", None)


@pytest.fixture
def work(shared, torchless, monkeypatch):
    """The module of run functions, importable here and in worker processes."""
    folder, name = shared
    monkeypatch.syspath_prepend(str(folder))
    return importlib.import_module(name)


@pytest.fixture(scope="module")
def processes():
    """Worker processes of these tests alone."""
    get_reusable_executor().shutdown(wait=True)
    yield 2
    get_reusable_executor().shutdown(wait=True)


def calls(folder):
    return sorted(path.name.rsplit("-", 2)[0] for path in folder.iterdir())


@pytest.fixture
def noted(tmp_path):
    folder = tmp_path / "noted"
    folder.mkdir()
    return folder


def test_rows_come_in_the_order_of_grid_and_seeds_whichever_finishes_first(work, noted, processes):
    grid = {"width": [3, 1, 2], "cell": ["lstm", "gru"], "folder": [str(noted)]}
    frame = sweep(work.run, grid, [4, 0], name="order", workers=processes)
    expected = [(w, c, s) for w in (3, 1, 2) for c in ("lstm", "gru") for s in (4, 0)]
    assert list(zip(frame["width"], frame["cell"], frame["seed"], strict=True)) == expected
    assert list(frame["score"]) == [w * 10 + s for w, _, s in expected]
    assert frame.attrs["runs"] == frame.attrs["computed"] == 12
    assert frame.attrs["found"] == 0 and frame.attrs["reasons"] == {"no stored run": 12}
    assert frame.attrs["core_seconds"] == pytest.approx(frame["seconds"].sum(), abs=0.01)
    again = sweep(work.run, grid, [4, 0], name="order", workers=processes)
    assert again.attrs["found"] == 12 and again.attrs["computed"] == 0 and again.attrs["reasons"] == {}
    pd.testing.assert_frame_equal(frame, again)
    assert len(calls(noted)) == 12


def test_seeds_are_paired_over_the_grid(work):
    frame = sweep(work.run, {"cell": ["lstm", "gru"], "width": [1, 2]}, 3, name="pairs", workers=1)
    assert {tuple(group["seed"]) for _, group in frame.groupby(["cell", "width"])} == {(0, 1, 2)}


@pytest.mark.parametrize(
    ("points", "seeds", "message"),
    [
        ([{"width": 1}], [0, 0], "seeds = [0, 0] is not allowed: a seed twice is no second run"),
        ([{"width": 1}, {"width": 2}, {}], 1, "twice; it is one run"),
    ],
)
def test_one_run_never_counts_as_two(work, noted, points, seeds, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        sweep(work.run, [{**point, "folder": str(noted)} for point in points], seeds, name="twice", workers=1)
    assert not calls(noted)


@pytest.mark.parametrize("text", ["abc", "-1", "2.5", "²", "99999"])
def test_a_bad_number_of_workers_is_named(monkeypatch, text):
    monkeypatch.setenv("BOOK_WORKERS", text)
    with pytest.raises(ValueError, match=rf"^BOOK_WORKERS = {re.escape(repr(text))} is not allowed: a whole number"):
        asked_workers()


def test_only_what_is_missing_is_computed(work, noted):
    sweep(work.run, {"width": [1, 2], "folder": [str(noted)]}, 2, name="grow", workers=1)
    frame = sweep(work.run, {"width": [1, 2, 3], "folder": [str(noted)]}, 3, name="grow", workers=1)
    assert (frame.attrs["found"], frame.attrs["computed"]) == (4, 5)
    assert len(calls(noted)) == len(set(calls(noted))) == 9


def test_workers_use_the_core_that_their_notebook_lends(work, noted, tmp_path, monkeypatch):
    """All cores but one belong to others, and the notebook holds the last: its workers get it, one after another."""
    monkeypatch.setenv("BOOK_CORES", str(tmp_path / "cores"))
    get_reusable_executor().shutdown(wait=True)  # workers keep the environment that they began with
    with contextlib.ExitStack() as held:
        for file in cores._files(str(tmp_path / "cores"))[1:]:
            assert cores._locked(held.enter_context(open(file.name, "ab")))
        held.callback(lambda: get_reusable_executor().shutdown(wait=True))
        held.callback(cores.give)
        cores.take()
        frame = sweep(work.slow, {"folder": [str(noted)]}, 4, name="lent", workers=2)
        starts = sorted(int(path.name.rsplit("-", 1)[1]) for path in noted.iterdir())
        assert list(frame["score"]) == [0, 1, 2, 3]
        assert min(np.diff(starts)) >= 0.19e9, "two runs at once on one core"
        assert cores._held is not None, "the notebook goes on with a core"


def test_a_pool_that_runs_is_used_at_once(work, noted, processes, monkeypatch):
    """Only a pool that must be started has to be worth it."""
    monkeypatch.setattr(sweeps, "_last_pool", -float("inf"))
    used = []
    monkeypatch.setattr(sweeps.joblib, "cpu_count", lambda: used.append(1) or processes)
    sweep(work.run, {"width": [1]}, 3, name="cold")
    assert not used
    sweep(work.run, {"width": [2]}, 3, name="warm up", workers=processes)
    used.clear()
    sweep(work.run, {"width": [3]}, 3, name="warm")
    assert used


def test_what_is_recorded_beside_a_run_is_no_metric(work):
    frame = sweep(work.run, [{}], 1, name="recorded", workers=1)
    assert frame.loc[0, ["train_seconds", "kernel"]].tolist() == [0.5, "plain"]
    (stored,) = (store.paths.store() / "recorded").glob("[0-9a-f]*.json")
    assert json.loads(stored.read_text())["metrics"] == {"score": 10}
    assert frame.loc[0, "curves"] == {"step": [1, 2]}


def test_computed_and_found_rows_are_alike(work):
    """Tuples, whole-number keys and NaN come back from a file as they came from the run."""
    first = sweep(work.curved, [{}, {"lags": (3,)}], 1, name="alike", workers=1)
    again = sweep(work.curved, [{}, {"lags": (3,)}], 1, name="alike", workers=1)
    assert again.attrs["computed"] == 0
    pd.testing.assert_frame_equal(first, again)


def test_numbers_of_numpy_are_plain_numbers(work, noted):
    grid = {"width": [1, 2], "folder": [str(noted)]}
    plain = sweep(work.run, grid, 1, name="numpy", workers=1)
    numpy = sweep(work.run, {**grid, "width": np.array([1, 2])}, np.arange(1), name="numpy", workers=1)
    assert numpy.attrs["found"] == 2
    pd.testing.assert_frame_equal(plain, numpy)


@pytest.mark.parametrize(
    ("grid", "seeds", "message"),
    [
        ({"wdith": [1]}, 1, r"'wdith'; run takes cell, width, seed, folder$"),
        ({"seed": [1]}, 1, r"'seed'; run takes "),
        ({}, 0, r"grid of 1 points × 0 seeds; both must be at least 1$"),
        ({}, -1, r"× 0 seeds"),
        ({"width": [1]}, [0.5], r"seed 0.5 is not allowed: a whole number$"),
        ({"width": []}, 1, r"grid of 0 points × 1 seeds"),
        ([], 1, r"grid of 0 points × 1 seeds"),
        ({"cell": "lstm"}, 1, r"grid\['cell'\] = 'lstm' is not allowed: a list of values$"),
        ({"width": 3}, 1, r"grid\['width'\] = 3 is not allowed: a list of values$"),
        ({"width": [{1, 2}]}, 1, r"width = \{1, 2\} is not allowed: numbers, texts, and lists or dicts of them$"),
    ],
)
def test_a_wrong_grid_is_one_line_that_names_it(work, grid, seeds, message):
    with pytest.raises(ValueError, match=r"^sweep 'wrong': .*" + message) as caught:
        sweep(work.run, grid, seeds, name="wrong", workers=1)
    assert "\n" not in str(caught.value)
    assert not (store.paths.store() / "wrong").exists()


def test_a_failing_run_is_one_line_and_finished_runs_stay(work, processes):
    grid = {"width": [1, 2, 3]}
    with pytest.raises(RunError) as caught:
        sweep(work.fail, grid, 2, name="fail", workers=processes)
    expected = "sweep 'fail', run(width=2, seed=1): ArithmeticError: first line second line"
    assert str(caught.value) == expected
    rows = [json.loads(path.read_text()) for path in (store.paths.store() / "fail").glob("[0-9a-f]*.json")]
    kept = sum(row["config"]["width"] != 2 for row in rows)
    frame = sweep(work.fail, {"width": [1, 3]}, 2, name="fail", workers=1)
    assert kept >= 1 and frame.attrs["found"] >= kept
    assert list(frame["score"]) == [1, 1, 3, 3]


def test_a_killed_worker_is_one_line(work, processes):
    with pytest.raises(RunError, match=r"^sweep 'die': a worker process was killed, perhaps for want of memory$"):
        sweep(work.die, [{}], 3, name="die", workers=processes)


def test_a_result_that_cannot_be_stored_is_one_line(work):
    with pytest.raises(RunError, match=r"^sweep 'set', run\(seed=0\): TypeError: .*set.*"):
        sweep(work.tensor, [{}], 1, name="set", workers=1)


def test_a_cell_that_no_argument_names_is_refused(work):
    """Its key would not change with that cell's code."""
    assert sweep(work.cells, {"cell": ["lstm"], "used": ["mtsl"]}, 1, name="named")["score"].tolist() == [1]
    with pytest.raises(RunError, match=r"the run used the cell 'gru', which no argument names"):
        sweep(work.cells, {"cell": ["lstm"], "used": ["urg"]}, 1, name="unnamed")


def test_a_metric_with_the_name_of_a_keyword_is_refused(work):
    """In the table it would take the place of the configuration."""
    with pytest.raises(RunError, match=r"^sweep 'named', run\(width=3, seed=0\): .*'width' has the name of a keyword"):
        sweep(work.named, {"width": [3]}, 1, name="named", workers=1)


def test_what_the_sweep_records_itself_is_no_name_for_anything_else(work):
    with pytest.raises(RunError, match=r"^sweep 'timed', run\(seed=0\): .*'seconds' has the name of what the sweep"):
        sweep(work.timed, [{}], 1, name="timed", workers=1)
    with pytest.raises(ValueError, match=r"^sweep 'kernels': run takes 'kernel', a name under which the sweep itself"):
        sweep(work.by_kernel, {"kernel": ["a"]}, 1, name="kernels", workers=1)


def test_the_cost_of_a_sweep_that_is_run_in_parts_is_that_of_all_its_runs(work, noted, tmp_path, monkeypatch):
    monkeypatch.setenv("BOOK_OUTPUT", str(tmp_path))
    chapter.begin("part/name", {}, [])
    for seeds in ([0, 1], [1, 2]):
        sweep(work.slow, {"folder": [str(noted)]}, seeds, name="parts", workers=1)
    (entry,) = chapter.current().record["sweeps"]
    assert entry["runs"] == 3 and entry["core_seconds"] >= 0.6, "three of 0.2 seconds"


def test_a_run_defined_in_a_notebook_is_refused(work):
    with pytest.raises(ValueError, match=r"a top-level function of a module$"):
        sweep(lambda seed: {"score": seed}, [{}], 1, name="lambda")


def test_code_edited_under_a_running_kernel_is_refused(torchless, tmp_path, monkeypatch):
    """The code in memory would run, and its result be stored under the name of the code on disk."""
    monkeypatch.syspath_prepend(str(tmp_path))
    work = importlib.import_module(package(tmp_path))
    sweep(work.run, [{}], 1, name="edited", workers=1)
    with open(work.__file__, "a", encoding="utf-8") as file:
        file.write("\n\nCHANGED = 1\n")
    assert sweep(work.run, [{}], 1, name="edited", workers=1).attrs["found"] == 1
    path = Path(work.__file__)
    path.write_text(path.read_text().replace("width * 10 + seed", "width * 10 - seed"))
    with pytest.raises(RunError, match=r"^sweep 'edited': .*tasks:run changed on disk after it was loaded; restart"):
        sweep(work.run, [{}], 2, name="edited", workers=1)


def test_progress_is_told_run_by_run(work, tmp_path, monkeypatch):
    monkeypatch.setenv("BOOK_PROGRESS", str(tmp_path / "progress"))
    sweep(work.run, [{}], 1, name="told", workers=1)
    sweep(work.run, [{}], 3, name="told", workers=1)
    events = [json.loads(line) for line in (tmp_path / "progress").read_text().splitlines()]
    assert [event["event"] for event in events] == ["sweep", "run", "end", "sweep", "run", "run", "end"]
    assert events[3] == {"event": "sweep", "name": "told", "total": 3, "found": 1}
    assert [(event["done"], event["total"], event["found"]) for event in events[4:6]] == [(2, 3, 1), (3, 3, 1)]


def test_the_chapter_keeps_what_a_sweep_used(work, tmp_path, monkeypatch):
    monkeypatch.setenv("BOOK_OUTPUT", str(tmp_path / "output"))
    chapter.begin("part/name", {"seeds": 2}, ["seeds: int = 2"])
    sweep(work.run, [{}], 2, name="kept", workers=1)
    record = json.loads((tmp_path / "output" / "chapter.json").read_text())
    (entry,) = record["sweeps"]
    assert (entry["name"], entry["runs"], entry["found"], entry["computed"]) == ("kept", 2, 0, 2)
    assert entry["reasons"] == {"no stored run": 2}
    path = locking.lock_sweep("kept", entry["keys"])
    assert len(path.read_text().splitlines()) == 3


def test_a_damaged_row_is_computed_again_and_the_reason_counted(work, noted):
    grid = {"width": [1, 2, 3], "folder": [str(noted)]}
    sweep(work.run, grid, 1, name="hurt", workers=1)
    hurt = sorted((store.paths.store() / "hurt").glob("[0-9a-f]*.json"))[0]
    hurt.write_text(hurt.read_text()[:50])
    frame = sweep(work.run, grid, 1, name="hurt", workers=1)
    assert list(frame["score"]) == [10, 20, 30]
    assert frame.attrs["reasons"] == {"stored row truncated or altered": 1}
    assert (frame.attrs["found"], frame.attrs["computed"]) == (2, 1)
    assert sweep(work.run, grid, 1, name="hurt", workers=1).attrs["computed"] == 0


def test_a_sweep_killed_with_9_loses_only_the_runs_in_flight(work, shared, noted):
    code = (
        f"from {work.__package__}.tasks import slow\nfrom evidence.sweeps import asked_workers, sweep\n"
        f"sweep(slow, {{'folder': [{str(noted)!r}]}}, 40, name='killed', workers=2)\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(shared[0])}
    process = subprocess.Popen([sys.executable, "-c", code], env=environment, start_new_session=True)
    folder = store.paths.store() / "killed"
    try:
        deadline = time.monotonic() + 60
        while len(list(folder.glob("[0-9a-f]*.json"))) < 4:
            assert process.poll() is None and time.monotonic() < deadline
            time.sleep(0.02)
    finally:
        os.killpg(process.pid, signal.SIGKILL)  # the group that this test started: parent and workers
        process.wait()
    started = len(list(noted.glob("started-*")))
    stored = len(list(folder.glob("[0-9a-f]*.json")))
    assert 4 <= stored < 40 and started - stored <= 2
    frame = sweep(work.slow, {"folder": [str(noted)]}, stored + 3, name="killed", workers=1)
    assert list(frame["score"]) == list(range(stored + 3))
    assert frame.attrs["found"] >= stored - 2 and frame.attrs["found"] + frame.attrs["computed"] == stored + 3
    assert set(frame.attrs["reasons"]) == {"no stored run"}
    assert len(list(noted.glob("started-*"))) == started + frame.attrs["computed"]
