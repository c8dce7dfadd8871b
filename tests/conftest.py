"""What several tests share: the book, built once with quick parameters."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

if "PYTEST_XDIST_WORKER" in os.environ:  # one core each: threads that wait for a busy core make small products slow
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # read when torch is imported

PROJECT = Path(__file__).resolve().parents[1]
FIRST, SECOND = "test_browser.py", "test_other_half.py"  # the longest two that need the book, one for each worker
WITHOUT_KERNELS = {"test_execute.py", "test_speech.py", "test_statistics.py"}
"""Files to begin with, as they have something to do while the kernels are compiled."""
NEED_THE_BOOK = {"built_book", "built_site", "site"}


def pytest_configure() -> None:
    """Hear the signals that whoever started the tests may have ignored (nohup, a shell's background job)."""
    for each, handler in ((signal.SIGHUP, signal.SIG_DFL), (signal.SIGINT, signal.default_int_handler)):
        if signal.getsignal(each) == signal.SIG_IGN:
            signal.signal(each, handler)


def pytest_sessionstart(session: pytest.Session) -> None:
    """Let the kernels be compiled while the tests are collected and the first ones run."""
    if getattr(session.config.option, "numprocesses", None):
        code = "from gatedrnn.kernels import matched; matched.available()"
        subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Start the build of the book at once on one worker, and put its other readers last, where it is done (pytest -n)."""
    readers = {item.path for item in items if NEED_THE_BOOK & set(getattr(item, "fixturenames", ()))}

    def place(item: pytest.Item) -> int:
        name = item.path.name
        if name == FIRST:
            return 0
        if item.path in readers:
            return 3 if name == SECOND else 4
        return 1 if name in WITHOUT_KERNELS else 2

    items.sort(key=place)


@pytest.fixture(scope="session")
def kernels() -> None:
    """The compiled kernels; a test that asks for them is skipped where they cannot be compiled."""
    from gatedrnn.kernels import matched

    if not matched.available():
        pytest.skip(f"matched kernels: {matched.problem()}")


@pytest.fixture(scope="session")
def built_book() -> Path:
    """`_build/quick` after a build with quick parameters; only what changed is executed."""
    command = [sys.executable, "-m", "bookkit", "--root", str(PROJECT), "book", "--quick"]
    environment = {key: value for key, value in os.environ.items() if not key.startswith("BOOK_")}
    while True:
        done = subprocess.run(command, capture_output=True, text=True, env=environment, stdin=subprocess.DEVNULL)
        if "another build is running here" not in done.stderr:
            break
        time.sleep(2)  # another worker of this test run builds it: wait, then find everything done
    if done.returncode:
        pytest.fail(f"the quick build failed:\n{done.stdout}{done.stderr}", pytrace=False)
    return PROJECT / "_build" / "quick"


@pytest.fixture(scope="session")
def built_site(request: pytest.FixtureRequest) -> Path:
    """Folder of the site under test: `BOOK_SITE`, or the quick build's."""
    if folder := os.environ.get("BOOK_SITE"):
        return Path(folder).resolve()
    return request.getfixturevalue("built_book") / "html"
