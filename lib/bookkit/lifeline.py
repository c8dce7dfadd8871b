"""Run papermill so that it ends when the build ends, however the build ends.

A notebook starts processes of its own (its kernel, the workers of a sweep), some in sessions of their own. Were the
build killed, they would compute on, unseen. So this process stands between: its standard input is a pipe from the build,
and when the pipe closes, all that descends from it is ended.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import threading

import psutil

PR_SET_CHILD_SUBREAPER = 36


def main(arguments: list[str]) -> int:
    """Run `bookkit.notebook` with these arguments; returns its exit status."""
    if sys.platform == "linux":  # grandchildren whose parent dies become children of this process
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the build, which closes the pipe
    child = subprocess.Popen([sys.executable, "-m", "bookkit.notebook", *arguments], stdin=subprocess.DEVNULL)
    threading.Thread(target=_watch, daemon=True).start()
    code = child.wait()
    end_descendants()
    return code if code >= 0 else 128 - code  # as a shell says it


def end_descendants() -> None:
    """Kill every process that descends from this one."""
    while children := psutil.Process().children(recursive=True):
        for child in children:
            try:
                child.kill()
            except psutil.NoSuchProcess:
                continue
        psutil.wait_procs(children, timeout=1)


def _watch() -> None:
    while os.read(0, 1):
        pass
    end_descendants()
    os._exit(1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
