"""However a build ends, nothing that it started goes on: each process of the chain is killed in turn."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import minibook
import pytest
from processes import processes_with, wait

from bookkit import lifeline

BUILD = """
import sys
from bookkit import lifeline
with lifeline.heeding():
    sys.exit(lifeline.run(sys.argv[1:]).returncode)
"""
PROGRAM = """
import subprocess, sys, time
if "guarded" in sys.argv:
    from bookkit import lifeline
    lifeline.guard()
stray = [sys.executable, "-c", "import sys, time; time.sleep(60)", sys.argv[1], "stray"]
subprocess.Popen(stray, start_new_session=True)
subprocess.Popen([*stray[:2], f"import subprocess; subprocess.Popen({stray!r}, start_new_session=True)"])
time.sleep(60)
"""
"""Starts a process in a session of its own, and one whose parent ends at once."""
pytestmark = pytest.mark.skipif(not Path("/proc").is_dir(), reason="finds processes by /proc")


@pytest.fixture
def chain(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[tuple[subprocess.Popen, str]]:
    """A build, its lifeline, a program under it and what that has started, all with a mark in their command lines."""
    mark = str(tmp_path)
    program = [sys.executable, "-c", PROGRAM, mark, "program", getattr(request, "param", "guarded")]
    build = [sys.executable, "-c", BUILD, *program]
    process = subprocess.Popen(build, start_new_session=True, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
    wait(lambda: len(having(mark, "stray")) == 2)
    yield process, mark
    process.kill()
    process.wait()
    for pid in processes_with(mark):
        os.kill(pid, signal.SIGKILL)


def having(mark: str, *words: str) -> list[int]:
    return [pid for pid, line in processes_with(mark).items() if all(word in line.split("\0") for word in words)]


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
@pytest.mark.parametrize("whole_group", [False, True])
@pytest.mark.parametrize("chain", ["guarded", "plain"], indirect=True)
def test_a_build_that_ends_takes_everything_with_it(
    chain: tuple[subprocess.Popen, str], number: signal.Signals, whole_group: bool
) -> None:
    """By a signal to it alone, and to its group, as when a terminal is closed."""
    build, mark = chain
    if whole_group:
        os.killpg(build.pid, number)
    else:
        build.send_signal(number)
    assert build.wait(20) != 0
    wait(lambda: not processes_with(mark))


BY_FORCE, IN_PEACE = (signal.SIGKILL,), (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)


@pytest.mark.parametrize(
    ("chain", "who", "number"),
    [
        *(("guarded", who, number) for who in ("bookkit.lifeline", "program") for number in BY_FORCE + IN_PEACE),
        *(("plain", "program", number) for number in BY_FORCE),
        *(("plain", "bookkit.lifeline", number) for number in IN_PEACE),
    ],
    indirect=["chain"],
)
def test_each_link_of_the_chain_takes_the_rest_with_it(
    chain: tuple[subprocess.Popen, str], who: str, number: signal.Signals
) -> None:
    build, mark = chain
    links = having(mark, "bookkit.lifeline")
    pids = links if who == "bookkit.lifeline" else [pid for pid in having(mark, "program") if pid not in links]
    os.kill(next(pid for pid in pids if pid != build.pid), number)
    assert build.wait(20) != 0
    wait(lambda: not processes_with(mark))


@pytest.mark.parametrize("who", ["build", "lifeline"])
def test_sphinx_ends_with_its_build(tmp_path: Path, who: str) -> None:
    minibook.write(tmp_path)
    script = (
        "import sys; from pathlib import Path; from bookkit import site, stage; root = Path(sys.argv[1])\n"
        "site.build(stage.stage(root / '_build/executed', root / '_build/stage', root), root / '_build/html')"
    )
    build = subprocess.Popen([sys.executable, "-c", script, str(tmp_path)], stderr=subprocess.DEVNULL)
    wait(lambda: any("jupyter_book" in line for line in processes_with(str(tmp_path)).values()))
    links = [pid for pid, line in processes_with(str(tmp_path)).items() if "bookkit.lifeline\0" in line]
    os.kill(build.pid if who == "build" else links[0], signal.SIGKILL)
    wait(lambda: not any("jupyter_book" in line for line in processes_with(str(tmp_path)).values()), 4)
    assert build.wait(20) != 0
    wait(lambda: not processes_with(str(tmp_path)))
    assert not (tmp_path / "_build/html").exists()


def test_output_and_status_of_a_command_come_back() -> None:
    command = [sys.executable, "-c", "import sys; print('out'); print('no', file=sys.stderr); sys.exit(3)"]
    done = lifeline.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (3, "out\n", "no\n")


def test_a_signal_that_is_ignored_stays_ignored() -> None:
    """As under nohup."""
    code = f"import os, signal; signal.signal(signal.SIGHUP, signal.SIG_IGN)\n{BUILD}"
    command = "import os, signal, time; os.killpg(0, signal.SIGHUP); time.sleep(0.2)"
    command = f"import os, signal; assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN; {command}"
    run = [sys.executable, "-c", code, sys.executable, "-c", command]
    assert subprocess.run(run, start_new_session=True, stdin=subprocess.DEVNULL).returncode == 0
