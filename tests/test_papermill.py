"""A notebook run by plain papermill, as the README says, without make."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from bookkit.toc import chapters, select

PROJECT = Path(__file__).resolve().parents[1]
CHAPTER = select(chapters(PROJECT), "memory/gradients")
assert CHAPTER.quick_values()


def papermill(folder: Path, *more: str) -> subprocess.CompletedProcess[str]:
    """The chapter at quick parameters, from another folder than the project's."""
    program = str(Path(sys.executable).parent / "papermill")
    command = [program, str(CHAPTER.path), str(folder / "out.ipynb"), "-f", str(CHAPTER.quick_path), *more]
    environment = {key: value for key, value in os.environ.items() if not key.startswith("BOOK_")}
    return subprocess.run(
        [*command, "--no-progress-bar"],
        cwd=folder,
        capture_output=True,
        text=True,
        env=environment,
        stdin=subprocess.DEVNULL,
    )


def test_it_works_from_any_folder_and_says_that_these_are_other_parameters(tmp_path: Path) -> None:
    done = papermill(tmp_path)
    assert done.returncode == 0, done.stderr
    assert "**Not the published parameters:**" in (tmp_path / "out.ipynb").read_text(encoding="utf-8")


def test_a_wrong_parameter_is_one_line(tmp_path: Path) -> None:
    done = papermill(tmp_path, "-p", "no_such_parameter", "1")
    assert done.returncode == 1
    assert "parameter 'no_such_parameter' is unknown" in done.stderr
