"""doit as this book uses it: tasks made in code, run by threads, what is done kept in one file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from doit.api import run_tasks
from doit.cmd_base import TaskLoader2
from doit.reporter import ZeroReporter
from doit.task import Task, dict_to_task

from bookkit.places import Places, read_json


def task(name: str, action: tuple, targets: Sequence[Path], uptodate: Sequence[Any]) -> Task:
    """A task for `run`: its action, the files that it makes, and what says that it need not run."""
    return dict_to_task(
        {
            "name": name,
            "actions": [action],
            "targets": [str(path) for path in targets],
            "uptodate": list(uptodate),
            "io": {"capture": False},
            "verbosity": 0,
        }
    )


def run(places: Places, tasks: Sequence[Task], workers: int) -> int:
    """Give tasks to doit; a failed one does not stop the others. Returns its exit status."""
    if not read_json(places.tasks):
        places.tasks.unlink(missing_ok=True)  # a kill may have truncated it: then nothing is known
    settings = {
        "dep_file": str(places.tasks),
        "backend": "json",
        "reporter": ZeroReporter,
        "continue": True,
        "num_process": workers if workers > 1 else 0,
        "par_type": "thread",
        "verbosity": 0,
    }

    class Loader(TaskLoader2):
        def setup(self, opt_values: Any) -> None:
            pass

        def load_doit_config(self) -> dict[str, Any]:
            return settings

        def load_tasks(self, cmd: Any, pos_args: Any) -> list[Task]:
            return list(tasks)

    return run_tasks(Loader(), {task.name: {} for task in tasks})
