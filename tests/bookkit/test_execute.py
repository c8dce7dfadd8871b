"""Execution with tiny notebooks in a temporary project: what runs again, what fails, what a kill leaves."""

from __future__ import annotations

import copy
import io
import json
import os
import pty
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from processes import processes_with, wait
from rich.console import Console

from bookkit import cli, execute, fingerprint, tasks
from bookkit.errors import BookError
from bookkit.places import Places
from bookkit.progress import Display, duration
from bookkit.tasks import Build
from bookkit.toc import chapters, parse_overrides, select

PARAMETERS = "seeds: Count = 3  # seeds of each run\nrate: Positive = 0.5"
STRAY = "import subprocess, time\nsubprocess.Popen(['sleep', '60'], start_new_session=True)\ntime.sleep(60)"
ONE_AT_A_TIME = threading.Lock()
WORK = "import json, os\nwith open(os.environ['BOOK_OUTPUT'] + '/chapter.json', 'w') as f:\n    json.dump({%s}, f)"


def cell(kind: str, number: int, source: str, tags: list[str] | None = None) -> dict:
    made = {"cell_type": kind, "id": f"c{number}", "metadata": {"tags": tags} if tags else {}, "source": source}
    return {**made, "outputs": [], "execution_count": None} if kind == "code" else made


def write_notebook(path: Path, *sources: str, prose: str = "# Title", kind: str = "light") -> None:
    cells = [cell("markdown", 0, prose), cell("code", 1, "from evidence.parameters import Count, Positive")]
    cells.append(cell("code", 2, PARAMETERS, ["parameters"]))
    cells += [cell("code", number, source) for number, source in enumerate(sources, 3)]
    metadata = {
        "kernelspec": {"name": "python3", "language": "python", "display_name": "Python 3"},
        "language_info": {"name": "python"},
        "book": {"kind": kind},
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}))


@pytest.fixture
def project(tmp_path: Path) -> Places:
    """Two chapters that print their parameters."""
    toc = "format: jb-book\nroot: chapters/index\nchapters:\n- file: chapters/one/a\n- file: chapters/one/b\n"
    (tmp_path / "_toc.yml").write_text(toc)
    write_notebook(tmp_path / "chapters/one/a.ipynb", "print('a', seeds, rate)")
    write_notebook(tmp_path / "chapters/one/b.ipynb", "print('b', seeds, rate)")
    (tmp_path / "chapters/index.md").write_text("# Book")
    return Places(tmp_path)


@pytest.fixture(autouse=True)
def interpreter(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run the cells in this process instead of by papermill, in tests that are not about papermill: much faster."""
    if "papermill" in request.keywords:
        return

    def run(chapter, values, places, output, fresh, store, listen) -> int:
        notebook = copy.deepcopy(chapter.notebook)
        environment = {"BOOK_OUTPUT": str(output), "BOOK_EXECUTED": str(places.executed), "BOOK_STORE": str(store)}
        environment |= {"BOOK_FRESH": "1"} if fresh else {}
        code = 0
        with ONE_AT_A_TIME, pytest.MonkeyPatch.context() as patch, io.StringIO() as out:  # the environment is shared
            patch.setattr(os, "environ", {**os.environ, **environment})
            names = {"print": lambda *values: print(*values, file=out)}
            try:
                for each in [each for each in notebook["cells"] if each["cell_type"] == "code"]:
                    out.seek(0)
                    out.truncate()
                    exec(each["source"], names)
                    if "parameters" in each["metadata"].get("tags", []):
                        names.update(values)
                    each["outputs"] = [{"output_type": "stream", "name": "stdout", "text": out.getvalue()}]
            except Exception as error:
                code, said = 1, {"output_type": "error", "ename": type(error).__name__, "evalue": str(error)}
                each["outputs"] = [said]
        (output / "notebook.ipynb").write_text(json.dumps(notebook))
        return code

    monkeypatch.setattr(execute, "_papermill", run)


class Result:
    def __init__(self, status: int, build: Build, text: str, pages: list[Places]) -> None:
        self.status, self.executed, self.text, self.sites = status, build.executed, text, len(pages)


def build(places: Places, only: str | None = None, code: dict[str, str] | None = None, **options) -> Result:
    """One build with a stand-in for the site."""
    out, pages = io.StringIO(), []

    def site(places: Places) -> None:
        pages.append(places)
        places.site.mkdir(parents=True, exist_ok=True)
        (places.site / "index.html").write_text("site")

    display = Display(Console(file=out, width=200, highlight=False))
    made = Build(places, display, reached=lambda source: code or {}, site=site, **options)
    return Result(made.run(only), made, out.getvalue(), pages)


def outputs(places: Places, name: str) -> str:
    notebook = json.loads((places.executed / name / "notebook.ipynb").read_text())
    texts = [output["text"] for cell in notebook["cells"] for output in cell.get("outputs", [])]
    return "".join("".join(text) for text in texts)


def test_only_what_changed_runs_again(project: Places) -> None:
    """Prose does not count; code cells, parameters, library code and the lock do."""
    first = build(project)
    assert (first.status, sorted(first.executed), first.sites) == (0, ["one/a", "one/b"], 1)
    assert outputs(project, "one/a") == "a 3 0.5\n"
    again = build(project)
    assert (again.status, again.executed, again.sites) == (0, [], 0)

    source = project.root / "chapters/one/a.ipynb"
    write_notebook(source, "print('a', seeds, rate)", prose="# Another title")
    prose = build(project)
    assert (prose.executed, prose.sites) == ([], 1)
    assert outputs(project, "one/a") == "a 3 0.5\n"

    write_notebook(source, "print('A', seeds, rate)")
    changed = build(project)
    assert changed.executed == ["one/a"]
    assert "a code cell changed" in changed.text

    coded = build(project, code={"gatedrnn.cells:LSTM": "1"})
    assert sorted(coded.executed) == ["one/a", "one/b"]
    assert "code changed: cells:LSTM" in coded.text


def test_the_lock_of_a_sweep_counts(project: Places) -> None:
    source = project.root / "chapters/one/a.ipynb"
    write_notebook(
        source,
        WORK
        % "'sweeps': [{'name': 's', 'runs': 2, 'found': 1, 'computed': 1, 'reasons': {'code changed: training:train': 1}}]",
    )
    first = build(project)
    assert "s: 2 runs, 1 found, 1 computed (code changed: training:train: 1)" in first.text
    project.lock.mkdir(parents=True)
    (project.lock / "other.jsonl").write_text("")
    assert build(project).executed == []
    (project.lock / "s.jsonl").write_text("{}")
    changed = build(project)
    assert changed.executed == ["one/a"]
    assert "results lock changed: s" in changed.text


RESULT = """
import json, os
from pathlib import Path
folder = Path(os.environ["BOOK_OUTPUT"])
(folder / "figures").mkdir()
for name in ("chapter.json", "figures/x.svg", "figures/x.csv"):
    (folder / name).write_text(json.dumps({"seconds": 1.5}))
"""
FILES = ("chapter.json", "notebook.ipynb", "fingerprint.json", "figures/x.svg", "figures/x.csv")
DAMAGES = {
    "deleted": lambda path: path.unlink(),
    "truncated": lambda path: path.write_bytes(path.read_bytes()[:-3]),
    "emptied": lambda path: path.write_bytes(b""),
    "a bit flipped": lambda path: path.write_bytes(path.read_bytes()[:-3] + bytes([path.read_bytes()[-3] ^ 1, 1, 1])),
    "nested without end": lambda path: path.write_bytes(b"[" * 100_000),
    "another object": lambda path: path.write_text('{"files": {}, "inputs": []}'),
    "a folder": lambda path: (path.unlink(), path.mkdir()),
}


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("name", FILES)
def test_a_damaged_result_heals_and_says_why(project: Places, name: str, damage: str) -> None:
    write_notebook(project.root / "chapters/one/a.ipynb", RESULT)
    build(project)
    path = project.executed / "one/a" / name
    whole = path.read_bytes()
    DAMAGES[damage](path)
    alone = build(project, only="b")
    assert (alone.executed, alone.sites) == ([], 0)
    assert "Site not built: never executed, or damaged since: one/a." in alone.text
    healed = build(project)
    assert (healed.status, healed.executed) == (0, ["one/a"])
    assert f"one/a: started (its result was damaged: {name}" in healed.text
    assert path.read_bytes() == whole
    assert build(project).executed == []


def test_a_file_that_the_chapter_did_not_make_is_damage_but_hidden_ones_are_not(project: Places) -> None:
    build(project)
    (project.executed / "one/a/.hidden").mkdir()
    (project.executed / "one/a/.hidden/x").write_text("of an editor")
    assert build(project).executed == []
    (project.executed / "one/a/more.csv").write_text("1")
    assert "its result was damaged: more.csv" in build(project).text
    assert not (project.executed / "one/a/more.csv").exists()


def test_the_last_chapter_alone_does_not_read_damaged_results(project: Places) -> None:
    write_notebook(project.root / "chapters/one/b.ipynb", "x = 1", kind="last")
    build(project)
    (project.executed / "one/a/chapter.json").write_text("{")
    with pytest.raises(BookError, match="one/b reads the result of one/a, which was damaged: 'make book' computes"):
        build(project, only="b")
    assert build(project).executed == ["one/a"]


@pytest.mark.parametrize("text", ["", '{"site": {', "[]", "3", pytest.param("[" * 100_000, id="nested")])
def test_a_damaged_database_of_tasks_heals(project: Places, text: str) -> None:
    build(project)
    project.tasks.write_text(text)
    assert (build(project).status, build(project).sites) == (0, 0)


@pytest.mark.papermill
def test_a_failing_cell_is_named_and_the_old_result_stays(project: Places) -> None:
    assert build(project).status == 0
    source = project.root / "chapters/one/a.ipynb"
    write_notebook(source, "x = 1\nraise ValueError('no such data')")
    write_notebook(project.root / "chapters/one/b.ipynb", "print('new b')")
    failed = build(project)
    assert failed.status == 1
    assert failed.executed == ["one/b"]
    assert failed.sites == 0
    assert "chapters/one/a.ipynb, cell 4, line 2" in failed.text
    assert "raise ValueError('no such data')" in failed.text
    assert "ValueError: no such data" in failed.text
    assert (project.root / "_build/work/one/a/notebook.ipynb").is_file()
    assert outputs(project, "one/a") == "a 3 0.5\n"
    assert build(project).status == 1


def test_an_error_of_the_machinery_fails_the_build_too(project: Places, monkeypatch: pytest.MonkeyPatch) -> None:
    def run(chapter, *_, **__):
        raise OSError("no space left")

    monkeypatch.setattr(execute, "execute", run)
    failed = build(project)
    assert failed.status == 1
    assert failed.sites == 0
    assert "chapters/one/a.ipynb" in failed.text
    assert "OSError: no space left" in failed.text


def test_progress_is_read_by_whole_lines(tmp_path: Path) -> None:
    """A reader may see the beginning of a line before its end is written."""
    path = tmp_path / "progress.jsonl"
    with open(path, "w", encoding="utf-8") as written, open(path, encoding="utf-8") as read:
        tail = execute.Tail(read)
        seen = []
        for part in ('{"a": 1}\n{"b"', ": 2", "}\n", "\n", "{"):
            written.write(part)
            written.flush()
            seen += tail.lines()
    assert seen == ['{"a": 1}\n', '{"b": 2}\n', "\n"]


@pytest.mark.papermill
def test_bytecode_is_kept_whatever_the_environment_says(project: Places) -> None:
    write_notebook(project.root / "chapters/one/a.ipynb", "import sys\nprint(sys.dont_write_bytecode)")
    command = [sys.executable, "-m", "bookkit", "--root", str(project.root), "chapter", "one/a"]
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    subprocess.run(command, env=environment, check=True, capture_output=True, stdin=subprocess.DEVNULL)
    assert outputs(project, "one/a") == "False\n"


def test_parameters_are_checked_before_anything_runs(project: Places) -> None:
    for given, message in [
        ({"seed": 5}, "chapter one/a: parameter 'seed' is unknown; allowed: rate, seeds"),
        ({"seeds": -1}, "chapter one/a: parameter 'seeds' = -1 is not allowed"),
    ]:
        with pytest.raises(BookError, match=message):
            build(project, only="a", overrides=given)
    quick = project.root / "chapters/quick/one/b.yml"
    quick.parent.mkdir(parents=True)
    quick.write_text("seads: 1\n")
    with pytest.raises(BookError, match=r"b\.yml: parameter 'seads' is unknown"):
        build(Places(project.root, quick=True))
    assert not project.executed.exists()


@pytest.mark.papermill
def test_parameters_reach_the_notebook_and_are_hidden_on_the_page(project: Places) -> None:
    assert build(project, only="one/a", overrides=parse_overrides([("seeds", "7")])).executed == ["one/a"]
    assert outputs(project, "one/a") == "a 7 0.5\n"
    text = (project.executed / "one/a/notebook.ipynb").read_text()
    assert str(project.root) not in text
    cells = json.loads(text)["cells"]
    injected = [each for each in cells if "injected-parameters" in each["metadata"].get("tags", [])]
    assert [("remove-cell" in each["metadata"]["tags"]) for each in injected] == [True]
    assert not any("papermill" in each["metadata"] or "execution" in each["metadata"] for each in cells)
    assert build(project, only="one/a").executed == ["one/a"]


def test_quick_builds_stay_apart(project: Places) -> None:
    quick = project.root / "chapters/quick/one/a.yml"
    quick.parent.mkdir(parents=True)
    quick.write_text("seeds: 1\n")
    places = Places(project.root, quick=True)
    assert build(places).status == 0
    assert outputs(places, "one/a") == "a 1 0.5\n"
    assert not project.executed.exists()


@pytest.mark.parametrize("quick", [True, False])
def test_only_quick_builds_time_chapters_beside_others(
    project: Places, quick: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All kinds but the last run two at a time in a quick build; a published one leaves timed chapters alone."""
    toc, kinds = project.root / "_toc.yml", ("light", "timing", "sweep", "last", "sweep")
    names = [f"one/{kind}{number}" for number, kind in enumerate(kinds)]
    toc.write_text("root: chapters/index\nchapters:\n" + "".join(f"- file: chapters/{name}\n" for name in names))
    for name, kind in zip(names, kinds, strict=True):
        write_notebook(project.root / f"chapters/{name}.ipynb", "x = 1", kind=kind)
    together = threading.Barrier(2)
    running: set[str] = set()
    met: set[str] = set()
    run = execute._papermill

    def meet(chapter, *more) -> int:
        running.add(chapter.name)
        if chapter.kind != "last" and (quick or chapter.name in (names[0], names[2])):
            together.wait(timeout=20)  # breaks where no other chapter comes
        elif chapter.kind == "last" or chapter.kind == "timing":
            met.update(running - {chapter.name})
        code = run(chapter, *more)
        running.discard(chapter.name)
        return code

    monkeypatch.setattr(execute, "_papermill", meet)
    result = build(Places(project.root, quick=quick))
    assert result.status == 0, result.text
    assert result.executed[-1] == names[3]
    assert not met


@pytest.mark.papermill
def test_a_quick_chapter_keeps_to_one_core(project: Places, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BOOK_WORKERS", raising=False)
    source = "import os\nprint(os.environ.get('BOOK_WORKERS'))"
    write_notebook(project.root / "chapters/one/a.ipynb", source)
    write_notebook(project.root / "chapters/one/b.ipynb", source, kind="sweep")
    quick = Places(project.root, quick=True)
    build(quick)
    build(project)
    assert [outputs(quick, f"one/{name}") for name in "ab"] == ["1\n", "1\n"]
    assert [outputs(project, f"one/{name}") for name in "ab"] == ["None\n", "None\n"]


def test_one_chapter_alone_says_what_is_missing(project: Places) -> None:
    result = build(project, only="b")
    assert (result.status, result.executed, result.sites) == (0, ["one/b"], 0)
    assert "Site not built: never executed, or damaged since: one/a." in result.text


def test_an_unknown_chapter_lists_the_known_ones(project: Places) -> None:
    with pytest.raises(BookError, match=r"no chapter 'one/c'.*known: one/a, one/b"):
        select(chapters(project.root), "one/c")


def test_a_chapter_taken_out_of_the_book_leaves_no_result(project: Places) -> None:
    build(project)
    (project.root / "_toc.yml").write_text("root: chapters/index\nchapters:\n- file: chapters/one/a\n")
    build(project)
    assert not (project.executed / "one/b").exists()


def test_the_last_chapter_runs_after_the_others_and_again_when_they_change(project: Places) -> None:
    read = "import glob, os\nprint(len(glob.glob(os.environ['BOOK_EXECUTED'] + '/**/chapter.json', recursive=True)))"
    write_notebook(project.root / "chapters/one/a.ipynb", read, kind="last")
    write_notebook(project.root / "chapters/one/b.ipynb", WORK % "'n': 1")
    first = build(project)
    assert first.executed == ["one/b", "one/a"]
    assert outputs(project, "one/a") == "1\n"
    assert build(project).executed == []
    write_notebook(project.root / "chapters/one/b.ipynb", WORK % "'n': 2")
    assert build(project).executed == ["one/b", "one/a"]


def test_a_fresh_build_starts_empty_and_an_interrupted_one_goes_on(project: Places) -> None:
    write_notebook(project.root / "chapters/one/a.ipynb", "import os\nprint(os.environ.get('BOOK_FRESH'))")
    build(project)
    assert outputs(project, "one/a") == "None\n"
    (project.runs / "s").mkdir(parents=True)
    write_notebook(project.root / "chapters/one/b.ipynb", "raise RuntimeError('stop')", kind="sweep")
    broken = build(project, fresh=True)
    assert (broken.status, broken.executed) == (1, ["one/a"])
    assert outputs(project, "one/a") == "1\n"
    assert not (project.runs / "s").exists()

    write_notebook(project.root / "chapters/one/b.ipynb", "print('b')", kind="sweep")
    on = build(project, fresh=True)
    assert (on.status, on.executed) == (0, ["one/b"])
    assert build(project).executed == []
    assert sorted(build(project, fresh=True).executed) == ["one/a", "one/b"]


COUNTED = """
import json, os
from pathlib import Path
store = Path(os.environ["BOOK_STORE"]) / "s"
store.mkdir(parents=True, exist_ok=True)
found = sorted(path.name for path in store.glob("*.json"))
for name in ("1.json", "2.json"):
    if name not in found:
        if name in os.environ.get("STOP_BEFORE", ""):
            raise RuntimeError("stop")
        (store / name).write_text(os.environ.get("BOOK_FRESH", "from a plain build"))
print(len(found), "found")
"""
"""Two runs that are looked for in the store, like those of a sweep."""


def test_a_chapter_built_fresh_computes_every_run_again_and_goes_on_where_it_was_stopped(
    project: Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_notebook(project.root / "chapters/one/a.ipynb", COUNTED)
    runs = project.runs / "s"
    build(project)
    assert outputs(project, "one/a") == "0 found\n"
    assert (build(project, only="a").executed, build(project, only="b").executed) == ([], [])
    (runs / "0.json").write_text("of another chapter")

    monkeypatch.setenv("STOP_BEFORE", "2.json")
    assert build(project, only="a", fresh=True).status == 1
    assert {path.name: path.read_text() for path in runs.iterdir()} == {
        "0.json": "of another chapter",
        "1.json": "from a plain build",
        "2.json": "from a plain build",
    }
    monkeypatch.delenv("STOP_BEFORE")
    on = build(project, only="a", fresh=True)
    assert (on.status, on.executed) == (0, ["one/a"])
    assert "going on where computing it again was interrupted" in on.text
    assert outputs(project, "one/a") == "1 found\n"
    assert {path.name: path.read_text() for path in runs.iterdir()} == {
        "0.json": "of another chapter",
        "1.json": "1",
        "2.json": "1",
    }
    assert build(project).executed == []
    again = build(project, only="a", fresh=True)
    assert "one/a: started (every run is computed again" in again.text
    assert outputs(project, "one/a") == "0 found\n"
    assert execute.read_stamp(project.executed / "one/a")["fresh"]


def test_a_plain_build_in_between_ends_a_fresh_chapter(project: Places, monkeypatch: pytest.MonkeyPatch) -> None:
    write_notebook(project.root / "chapters/one/a.ipynb", COUNTED)
    monkeypatch.setenv("STOP_BEFORE", "2.json")
    assert build(project, only="a", fresh=True).status == 1
    monkeypatch.delenv("STOP_BEFORE")
    build(project)
    assert not project.fresh_runs.exists()
    build(project, only="a", fresh=True)
    assert outputs(project, "one/a") == "0 found\n"


def test_a_plain_build_in_between_ends_a_fresh_one(project: Places) -> None:
    write_notebook(project.root / "chapters/one/b.ipynb", "raise RuntimeError('stop')", kind="sweep")
    assert build(project, fresh=True).status == 1
    write_notebook(project.root / "chapters/one/b.ipynb", "print('b')", kind="sweep")
    assert build(project).status == 0
    assert sorted(build(project, fresh=True).executed) == ["one/a", "one/b"]


WORKERS = """
import time
from joblib import Parallel, delayed
Parallel(2)(delayed(time.sleep)(60) for _ in range(2))
"""


def start(project: Places, *arguments: str) -> subprocess.Popen:
    """A build by the command line, as in a terminal of its own."""
    command = [sys.executable, "-m", "bookkit", "--root", str(project.root), *arguments]
    pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen(command, start_new_session=True, **pipes)


def workers(project: Places) -> int:
    return sum("loky" in line and "popen" in line for line in processes_with(str(project.root)).values())


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="finds processes by /proc")
@pytest.mark.papermill
@pytest.mark.parametrize(
    ("number", "whole_group", "arguments"),
    [(signal.SIGTERM, False, ("book",)), (signal.SIGHUP, True, ("chapter", "b")), (signal.SIGINT, True, ("book",))],
)
def test_a_build_that_is_told_to_end_says_one_line_and_leaves_nothing(
    project: Places, number: signal.Signals, whole_group: bool, arguments: tuple[str, ...]
) -> None:
    """By a `kill`, by closing its terminal, by Ctrl-C; one chapter, or two side by side."""
    for name in "ab":
        write_notebook(project.root / f"chapters/one/{name}.ipynb", WORKERS, kind="sweep")
    process = start(project, *arguments)
    wait(lambda: workers(project) >= (4 if arguments == ("book",) else 2))
    (os.killpg if whole_group else os.kill)(process.pid, number)
    out, errors = process.communicate(timeout=20)
    said = "interrupted" if number == signal.SIGINT else f"ended by {number.name}"
    assert errors == f"{said}; finished runs and chapters are kept\n"
    assert process.returncode == 128 + number
    assert "failed" not in out
    assert not processes_with(str(project.root))


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="finds processes by /proc")
@pytest.mark.papermill
def test_closing_the_terminal_ends_a_build_whole(project: Places) -> None:
    """Its progress bars cannot be drawn from then on."""
    write_notebook(project.root / "chapters/one/b.ipynb", WORKERS, kind="sweep")
    command = [sys.executable, "-m", "bookkit", "--root", str(project.root), "chapter", "b"]
    child, terminal = pty.fork()
    if not child:
        os.execv(sys.executable, command)
    try:
        wait(lambda: workers(project) >= 2)
    finally:
        os.close(terminal)
        _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 128 + signal.SIGHUP
    assert not processes_with(str(project.root))


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="finds processes by /proc")
@pytest.mark.papermill
def test_a_killed_lifeline_takes_its_chapter_with_it_and_is_named(project: Places) -> None:
    write_notebook(project.root / "chapters/one/b.ipynb", WORKERS, kind="sweep")
    process = start(project, "chapter", "b")
    wait(lambda: workers(project) >= 2)
    found = processes_with(str(project.root)).items()
    os.kill(next(pid for pid, line in found if "bookkit.lifeline" in line), signal.SIGKILL)
    out, _ = process.communicate(timeout=20)
    assert "the process that watches over the notebook was ended from outside (SIGKILL)" in out
    assert process.returncode == 1
    wait(lambda: not processes_with(str(project.root)))


@pytest.mark.papermill
def test_a_refusal_of_papermill_is_one_line(project: Places) -> None:
    """Here of a notebook of a format that is still to come."""
    path = project.root / "chapters/one/b.ipynb"
    notebook = json.loads(path.read_text())
    path.write_text(json.dumps({**notebook, "nbformat": 99}))
    failed = build(project, only="b")
    assert failed.status == 1
    said = (
        "\nFAILED chapters/one/b.ipynb\nNBFormatError: Unsupported nbformat version 99\nPartial notebook: none; log in "
    )
    assert said in failed.text
    assert len(failed.text.splitlines()) == 6


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="finds processes by /proc")
@pytest.mark.papermill
def test_a_killed_build_leaves_no_process_and_goes_on(project: Places) -> None:
    write_notebook(project.root / "chapters/one/b.ipynb", STRAY, kind="sweep")
    script = (
        "import sys; from pathlib import Path; from rich.console import Console\n"
        "from bookkit.places import Places; from bookkit.progress import Display; from bookkit.tasks import Build\n"
        "places = Places(Path(sys.argv[1]))\n"
        "Build(places, Display(), reached=lambda source: {}, site=lambda places: None).run()"
    )
    process = subprocess.Popen([sys.executable, "-c", script, str(project.root)], stdout=subprocess.DEVNULL)
    running = project.work / "one/b/progress.jsonl"
    try:
        wait(lambda: (project.executed / "one/a/fingerprint.json").is_file() and running.is_file())
        wait(lambda: any("sleep" in name for name in processes_with(str(project.root)).values()))
        with pytest.raises(BookError, match="another build is running"):
            build(project)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    wait(lambda: not processes_with(str(project.root)))
    write_notebook(project.root / "chapters/one/b.ipynb", "print('b')", kind="sweep")
    result = build(project)
    assert (result.status, result.executed) == (0, ["one/b"])


def test_the_site_is_built_again_when_its_sources_change(project: Places) -> None:
    build(project)
    (project.root / "chapters/index.md").write_text("# Other")
    assert build(project).sites == 1
    (project.root / "chapters/more.md").write_text("# More")
    assert build(project).sites == 1
    (project.root / "chapters/more.md").unlink()
    assert build(project).sites == 1
    assert build(project).sites == 0
    (project.site / "index.html").unlink()
    assert build(project).sites == 1


@pytest.mark.parametrize("name", ["building/", "tasks.json/", "work", "executed", "fresh", "stage", "html"])
def test_what_cannot_be_written_is_named_without_a_traceback(
    project: Places, name: str, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Here a folder stands where a file has to be, or the other way round."""

    def site(places: Places) -> None:
        for folder in (places.stage, places.site):
            folder.mkdir(parents=True, exist_ok=True)

    monkeypatch.setattr(tasks, "build_site", site)
    path = project.base / name
    project.base.mkdir()
    (path.mkdir if name.endswith("/") else path.touch)()
    status = cli.main(["--root", str(project.root), "book"])
    said = "".join(capfd.readouterr())
    assert status in (1, 2)
    assert str(path) in said
    assert "Traceback" not in said


def test_a_source_of_the_same_size_and_time_counts(project: Places) -> None:
    build(project)
    index = project.root / "chapters/index.md"
    before = index.stat()
    index.write_text(index.read_text().swapcase())
    os.utime(index, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert build(project).sites == 1


def test_a_source_that_is_edited_while_the_site_is_built_counts(project: Places) -> None:
    def site(places: Places) -> None:
        places.site.mkdir(parents=True)
        (places.site / "index.html").write_text("site")
        (places.root / "chapters/index.md").write_text("# Edited")

    assert Build(project, Display(Console(file=io.StringIO())), reached=lambda source: {}, site=site).run() == 0
    assert build(project).sites == 1
    assert build(project).sites == 0


def test_a_damaged_site_heals(project: Places) -> None:
    build(project)
    (project.site / "index.html").write_text("sit")
    assert build(project).sites == 1
    (project.site / "more.html").write_text("more")
    assert build(project).sites == 1


@pytest.mark.papermill
def test_a_notebook_that_is_edited_before_its_turn_runs_as_it_was_read(project: Places) -> None:
    """Else its result would pass for one of a text that it does not come from."""
    source = project.root / "chapters/one/a.ipynb"
    chapter = chapters(project.root)[0]
    before = source.read_text()
    assert chapter.notebook
    write_notebook(source, "print('edited')")
    execute.execute(chapter, {}, project, {})
    assert outputs(project, "one/a") == "a 3 0.5\n"
    assert sorted(path.name for path in (project.executed / "one/a").iterdir()) == [
        "fingerprint.json",
        "notebook.ipynb",
    ]
    source.write_text(before)


def test_a_site_that_cannot_be_built_is_an_error(project: Places) -> None:
    def site(places: Places) -> None:
        raise RuntimeError("a broken link")

    out = io.StringIO()
    made = Build(project, Display(Console(file=out, width=200)), reached=lambda source: {}, site=site)
    assert made.run() == 1
    assert "a broken link" in out.getvalue()
    assert build(project).status == 0


def test_results_are_scrubbed_of_this_machine(tmp_path: Path) -> None:
    text = f"{tmp_path}/lib/x.py:3: warning\n/tmp/ipykernel_12/34.py:1"
    output = {"output_type": "stream", "name": "stderr", "text": text}
    notebook = {"metadata": {"papermill": {}}, "cells": [cell("code", 1, "x") | {"outputs": [output]}]}
    scrubbed = execute.scrub(notebook, tmp_path)
    assert scrubbed["cells"][0]["outputs"][0]["text"] == "lib/x.py:3: warning\n<cell>:1"
    assert scrubbed["metadata"] == {}


def test_magics_do_not_hide_the_code(project: Places) -> None:
    write_notebook(project.root / "chapters/one/a.ipynb", "%matplotlib inline\nx = 1", "y = (")
    seen = []
    chapter = chapters(project.root)[0]
    fingerprint.take(
        chapter, {}, project, fingerprint.Surroundings.of(project), lambda source: seen.append(source) or {}
    )
    assert "x = 1" in seen[0]
    assert "y = (" not in seen[0]


def test_durations_read_well() -> None:
    assert [duration(seconds) for seconds in (0.4, 59, 60, 3661)] == ["0 s", "59 s", "1:00", "1:01:01"]
