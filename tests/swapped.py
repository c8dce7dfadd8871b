"""Runs the code of a notebook on locked rows with LSTM and GRU exchanged, and prints the checks that it makes, as JSON."""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import sys
from pathlib import Path
from typing import Any


def checks(notebook: Path) -> dict[str, Any]:
    """Checks of a chapter, by id; without figures, which nothing is checked on."""
    from IPython.core.interactiveshell import InteractiveShell

    from evidence import figures, record

    figures.publish = lambda *_, **__: None
    shell = InteractiveShell.instance()
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    sources = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    last = max(number for number, source in enumerate(sources) if re.search(r"\bholds\(", source))
    for source in sources[: last + 1]:
        with contextlib.redirect_stdout(io.StringIO()) as out:
            done = shell.run_cell(source, store_history=True)
        if not done.success:
            raise SystemExit(f"{notebook}: {done.error_in_exec or done.error_before_exec!r}\n{out.getvalue()}")
    running = record.current()
    assert running is not None
    return running.record["checks"]


if __name__ == "__main__":
    os.environ["BOOK_SWAP"] = os.environ.get("BOOK_SWAP", "1")
    print(json.dumps(checks(Path(sys.argv[1]))))
