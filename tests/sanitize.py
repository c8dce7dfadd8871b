"""The tests of the compiled kernels under AddressSanitizer and UndefinedBehaviorSanitizer: `make sanitize`.

Needs GCC; takes some minutes.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

FLAGS = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-fno-omit-frame-pointer", "-g1", "-O1")
NAMES = ("test_matched.py", "test_light_kernels.py", "test_trouble.py")
TESTS = [str(Path(__file__).parent / "gatedrnn" / name) for name in NAMES]
ELSEWHERE = "not torch_compile and not exported"
"""Tests left out: torch's own compiler, which the sanitizers slow down beyond measure."""


def main() -> int:
    """Start again with the sanitizer loaded first, then compile the kernels with it and run their tests."""
    if "ASAN_OPTIONS" not in os.environ:
        # its runtime has to find the C++ one, or the first exception ends it
        names = ("libasan.so", "libubsan.so", "libstdc++.so")
        paths = [subprocess.run(["c++", f"-print-file-name={each}"], capture_output=True, text=True) for each in names]
        environment = {
            "LD_PRELOAD": " ".join(each.stdout.strip() for each in paths),
            "ASAN_OPTIONS": "detect_leaks=0",  # Python itself leaves much allocated at its end
            "GATEDRNN_CACHE": str(Path(__file__).parents[1] / "_build" / "sanitized"),
        }
        return subprocess.run([sys.executable, __file__], env={**os.environ, **environment}).returncode
    import pytest

    from gatedrnn.kernels import library

    library.FLAGS = (*library.FLAGS, *FLAGS)
    if not library.available():
        print(library.problem(), file=sys.stderr)
        return 1
    print(f"kernels compiled with {' '.join(FLAGS)}, {os.environ['LD_PRELOAD']} loaded", flush=True)
    return int(pytest.main([*TESTS, "--capture=sys", "-p", "no:cacheprovider", "-k", ELSEWHERE]))


if __name__ == "__main__":
    sys.exit(main())
