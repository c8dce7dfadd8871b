"""Cores shared among processes: never more at work than there are, given back at any end, all of them for a timing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import joblib
import pytest

from evidence import cores

PRELUDE = "import os, sys, time\nfrom pathlib import Path\nfrom evidence import cores\ncores._count = lambda: 2\n"
NOTE = (
    "def note(name):\n    Path(os.environ['BOOK_CORES'], name).touch()\n"
    "def wait(name):\n    while not Path(os.environ['BOOK_CORES'], name).exists():\n        time.sleep(0.01)\n"
)
Start = Callable[[str], subprocess.Popen[str]]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start a process with two cores to share."""
    begun: list[subprocess.Popen[str]] = []

    def run(source: str) -> subprocess.Popen[str]:
        environment = os.environ | {"BOOK_CORES": str(tmp_path)}
        command = [sys.executable, "-c", PRELUDE + NOTE + source]
        begun.append(subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True))
        return begun[-1]

    yield run
    for process in begun:
        process.kill()
        process.wait()


def appears(path: Path, seconds: float = 30.0) -> bool:
    end = time.monotonic() + seconds
    while not path.exists() and time.monotonic() < end:
        time.sleep(0.01)
    return path.exists()


def test_no_more_hold_a_core_than_there_are(start: Start, tmp_path: Path) -> None:
    """Five processes, each several times; each time it counts who is inside."""
    log = tmp_path / "log"
    source = (
        f"log = os.open({str(log)!r}, os.O_WRONLY | os.O_APPEND | os.O_CREAT)\n"
        "for _ in range(8):\n    with cores.hold(), cores.hold():\n"  # the second is the same core
        "        os.write(log, b'+')\n        time.sleep(0.01)\n        os.write(log, b'-')\n"
    )
    for process in [start(source) for _ in range(5)]:
        assert process.wait(timeout=60) == 0
    inside, most = 0, 0
    for sign in log.read_text():
        inside += 1 if sign == "+" else -1
        most = max(most, inside)
    assert (inside, most, len(log.read_text())) == (0, 2, 80)


def test_a_killed_process_gives_its_core_back(start: Start, tmp_path: Path) -> None:
    killed = [start(f"cores.take()\nnote('held{number}')\ntime.sleep(600)\n") for number in range(2)]
    assert all(appears(tmp_path / f"held{number}") for number in range(2))
    third = start("note('asks')\ncores.take()\nnote('third')\n")
    assert appears(tmp_path / "asks")
    assert not appears(tmp_path / "third", 0.3)
    killed[0].send_signal(signal.SIGKILL)
    assert appears(tmp_path / "third")
    assert third.wait(timeout=30) == 0


def test_who_waits_for_workers_lends_its_core(start: Start, tmp_path: Path) -> None:
    start("cores.take()\nnote('other')\ntime.sleep(600)\n")
    assert appears(tmp_path / "other")
    lender = start("cores.take()\nnote('mine')\nwith cores.lend():\n    wait('worked')\nnote('back')\n")
    assert appears(tmp_path / "mine")
    worker = start("with cores.hold():\n    note('worked')\n")
    assert worker.wait(timeout=30) == 0
    assert lender.wait(timeout=30) == 0
    assert (tmp_path / "back").exists()


def test_time_is_taken_alone_and_two_that_want_it_take_turns(start: Start, tmp_path: Path) -> None:
    log = tmp_path / "log"
    source = (
        f"log = os.open({str(log)!r}, os.O_WRONLY | os.O_APPEND | os.O_CREAT)\ncores.take()\n"
        "for _ in range(5):\n    with cores.alone(), cores.alone(), cores.hold():\n"
        "        os.write(log, b'(')\n        time.sleep(0.01)\n        os.write(log, b')')\n"
    )
    worker = (
        f"log = os.open({str(log)!r}, os.O_WRONLY | os.O_APPEND)\n"
        "while True:\n    with cores.hold():\n        os.write(log, b'+-')\n"
    )
    timers = [start(source) for _ in range(2)]
    assert appears(log)
    start(worker)
    assert [timer.wait(timeout=60) for timer in timers] == [0, 0]
    text = log.read_text().replace("+-", "")
    assert text == "()" * 10
    assert "(+" not in log.read_text()


def test_without_a_build_nothing_is_shared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BOOK_CORES", raising=False)
    with cores.alone(), cores.hold(), cores.lend():
        cores.take()
        assert cores._held is None
    cores.give()


def test_as_many_files_as_cores(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    files = cores._files(str(tmp_path / "deep" / "cores"))
    assert len(files) == joblib.cpu_count() == len(list((tmp_path / "deep" / "cores").iterdir()))
    for file in files:
        file.close()
