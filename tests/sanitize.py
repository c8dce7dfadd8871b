"""The tests of the compiled kernels under AddressSanitizer: `make sanitize`. GCC only; takes some minutes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

FLAGS = ("-fsanitize=address", "-fno-omit-frame-pointer", "-g")
TESTS = Path(__file__).parent / "gatedrnn" / "test_matched.py"


def main() -> int:
    """Start again with the sanitizer loaded first, then compile the kernels with it and run their tests."""
    library = subprocess.run(["c++", "-print-file-name=libasan.so"], capture_output=True, text=True, check=True)
    if os.environ.get("LD_PRELOAD") != (runtime := library.stdout.strip()):
        options = "detect_leaks=0:halt_on_error=1"  # Python itself leaves much allocated at its end
        folder = str(Path(__file__).parents[1] / "_build" / "sanitized")
        environment = {"LD_PRELOAD": runtime, "ASAN_OPTIONS": options, "TORCH_EXTENSIONS_DIR": folder}
        return subprocess.run([sys.executable, __file__], env={**os.environ, **environment}).returncode
    import pytest

    from gatedrnn.kernels import matched

    matched.FLAGS = (*matched.FLAGS, *FLAGS)
    print(f"AddressSanitizer: {runtime}; kernels {'loaded' if matched.available() else matched.problem()}", flush=True)
    # the tests of other processes start compilers and Pythons of their own, without the flags set here
    return int(
        pytest.main([str(TESTS), "-p", "no:cacheprovider", "-k", "not without_the_kernels and not load_at_once"])
    )


if __name__ == "__main__":
    sys.exit(main())
