"""Runs computed under a tracer, unrounded, with the lines of the project that they executed: a program for `evidence.carry`.

It is handed to `python -c` as text, in front of the library of another commit, so it imports nothing of ours by itself.
Reads a JSON list of `[function, configuration]` from its first argument, writes to its second: `results`, each as JSON with
numbers as `float.hex`; `lines`, by file relative to the library; and `origins`, their short digests.
"""

from __future__ import annotations

import importlib
import json
import sys
import threading
from pathlib import Path
from typing import Any

NOT_RESULTS = ("kernel", "train_seconds")


def exact(value: Any) -> Any:
    """A value in which no number is rounded."""
    if isinstance(value, dict):
        return {str(name): exact(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [exact(each) for each in value]
    return value.hex() if isinstance(value, float) else value


def origin(function: str, config: dict[str, Any]) -> str:
    """Short digest of a run's origin, as the library at hand sees it."""
    from evidence.origin import Origins

    module, _, name = function.partition(":")
    return Origins(getattr(sys.modules[module], name))(config).id


def main(tasks: str, out: str, library: str) -> None:
    """Compute the tasks in a file."""
    root = str(Path(library).resolve()) + "/"
    lines: dict[str, set[int]] = {}

    def trace(frame: Any, event: str, _: Any) -> Any:
        name = frame.f_code.co_filename
        if not name.startswith(root):
            return None
        lines.setdefault(name[len(root) :], set()).add(frame.f_lineno)
        return trace

    sys.settrace(trace)
    threading.settrace(trace)
    results = []
    for function, config in json.loads(Path(tasks).read_text(encoding="utf-8")):
        import torch

        torch.set_num_threads(1)
        module, _, name = function.partition(":")
        found = dict(getattr(importlib.import_module(module), name)(**config))
        results.append(json.dumps(exact({k: v for k, v in found.items() if k not in NOT_RESULTS}), sort_keys=True))
    sys.settrace(None)
    ids = [origin(function, config) for function, config in json.loads(Path(tasks).read_text(encoding="utf-8"))]
    executed = {name: sorted(numbers) for name, numbers in lines.items()}
    Path(out).write_text(json.dumps({"results": results, "lines": executed, "origins": ids}), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
