"""Start papermill so that it ends when the build ends, however the build ends."""

from __future__ import annotations

import ctypes
import os
import runpy
import signal
import sys

PR_SET_PDEATHSIG = 1


def tie(parent: int) -> None:
    """Ask the kernel (Linux) to end this process when its parent ends, kill -9 included."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:
            sys.exit("the build has ended")


if __name__ == "__main__":
    tie(int(sys.argv[1]))
    sys.argv = ["papermill", *sys.argv[2:]]
    runpy.run_module("papermill", run_name="__main__", alter_sys=True)
