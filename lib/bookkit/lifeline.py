"""Run a command so that it ends when the build ends, however the build ends.

A notebook starts processes of its own (its kernel, the workers of a sweep), some in sessions of their own. Were the
build killed, they would compute on, unseen. So a process stands between, the lifeline: its standard input is a pipe from
the build, and when the pipe closes, all that descends from it is ended. A program that calls `guard` holds on to the
lifeline in the same way, for the case that the lifeline alone is killed.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from types import FrameType
from typing import IO, Any

PR_SET_CHILD_SUBREAPER = 36
ENDING = (signal.SIGTERM, signal.SIGHUP)
"""Signals that ask a build to end, beside Ctrl-C: a `kill`, and a terminal that was closed."""

ended = threading.Event()
"""Set once this build was told to end: what fails from then on is no news."""
_pipes: dict[subprocess.Popen, IO] = {}


class Ended(KeyboardInterrupt):
    """A signal asked this process to end."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


def main(command: Sequence[str]) -> int:
    """Run a command as the lifeline between it and the build; returns its exit status."""
    for each in (*_heeded(), signal.SIGINT):
        signal.signal(each, _end_with)
    child = subprocess.Popen(command, stdin=subprocess.PIPE)
    guard()
    code = child.wait()
    end_descendants()
    return code if code >= 0 else 128 - code  # as a shell says it


def guard() -> None:
    """End this process and all that descends from it as soon as the pipe at its standard input closes."""
    if sys.platform == "linux":  # grandchildren whose parent dies become children of this process
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    threading.Thread(target=_watch, daemon=True).start()


@contextmanager
def started(command: Sequence[str], **options: Any) -> Iterator[subprocess.Popen]:
    """A command under a lifeline (`options` as for `Popen`); what is left of it is ended with the block.

    It has a session of its own: what the terminal or a `kill -9` does to the build's group reaches it by the pipe.
    """
    line = [sys.executable, "-m", "bookkit.lifeline", *command]
    process = subprocess.Popen(line, stdin=subprocess.PIPE, start_new_session=True, **options)
    pipe, process.stdin = process.stdin, None  # or `communicate` would close it
    assert pipe is not None
    _pipes[process] = pipe
    try:
        yield process
    finally:
        pipe.close()
        process.wait()
        del _pipes[process]


def run(command: Sequence[str], **options: Any) -> subprocess.CompletedProcess:
    """Like `subprocess.run`, under a lifeline."""
    with started(command, **options) as process:
        out, errors = process.communicate()
    return subprocess.CompletedProcess(command, process.returncode, out, errors)


@contextmanager
def heeding() -> Iterator[None]:
    """Let the signals of `ENDING` end this block like Ctrl-C, and with it all that runs under lifelines."""

    numbers: list[int] = []

    def end(number: int, frame: FrameType | None) -> None:
        numbers.append(number)
        ended.set()
        raise Ended(number)

    before: Mapping[signal.Signals, Any] = {each: signal.signal(each, end) for each in _heeded()}
    ended.clear()
    try:
        yield
    except BaseException as error:
        if numbers:  # what else fails on the way, such as progress on a closed terminal, is no news
            raise Ended(numbers[0]) from None
        if isinstance(error, KeyboardInterrupt):
            ended.set()
        raise
    finally:
        for process, pipe in list(_pipes.items()):  # of other threads, which nobody waits for
            pipe.close()
            process.wait()
        for each, handler in before.items():
            signal.signal(each, handler or signal.SIG_DFL)


def end_descendants() -> None:
    """Kill every process that descends from this one."""
    import psutil  # not here yet when a set-up runs

    while children := psutil.Process().children(recursive=True):
        for child in children:
            with suppress(psutil.NoSuchProcess):
                child.kill()
        psutil.wait_procs(children, timeout=1)


def _heeded() -> list[signal.Signals]:
    """Those of `ENDING` that whoever started this process does not ignore, as `nohup` does."""
    return [each for each in ENDING if signal.getsignal(each) is not signal.SIG_IGN]


def _end_with(number: int, frame: FrameType | None) -> None:
    end_descendants()
    os._exit(128 + number)


def _watch() -> None:
    while os.read(0, 1):
        pass
    end_descendants()
    os._exit(1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
