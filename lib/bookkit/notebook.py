"""Execute one notebook by papermill; in a process of its own, which `bookkit.lifeline` starts.

This does what papermill's command does, and ends the kernel at once when the last cell is done: all that a notebook
makes is written by then, and a kernel that goes by itself first waits for the workers of its sweeps, for seconds.
"""

from __future__ import annotations

import sys
import traceback
from pathlib import Path

import papermill
import yaml

from bookkit import lifeline


def main(notebook: str, folder: str, output: str, parameters: str, save: str) -> None:
    """Execute a notebook.

    Args:
        notebook: path of the notebook.
        folder: where it runs.
        output: path of the executed notebook.
        parameters: path of a YAML file with values to inject.
        save: `each`: the output is written after each cell, so that an interrupted one is left; or `last`.

    Raises:
        PapermillExecutionError: a cell raised an error; the output holds it.
    """
    papermill.execute_notebook(
        notebook,
        output,
        parameters=yaml.safe_load(Path(parameters).read_text(encoding="utf-8")),
        kernel_name="python3",
        cwd=folder,
        progress_bar=False,
        request_save_on_cell_execute=save == "each",
        shutdown_kernel="immediate",
    )


if __name__ == "__main__":
    lifeline.guard()
    try:
        main(*sys.argv[1:])
    except Exception as error:  # the last line of the log is what the build shows
        traceback.print_exc()
        sys.exit(f"{type(error).__name__}: {' '.join(str(error).split())}")
