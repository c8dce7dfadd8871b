"""A running chapter: parameters checked in the notebook itself, a true record at every moment."""

from __future__ import annotations

import json
import logging
import os
import shlex
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import nbformat
import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from IPython.core.interactiveshell import InteractiveShell

from evidence import injected
from evidence import record as chapter
from evidence.parameters import ParameterError
from evidence.statistics import Interval
from evidence.summary import Summary

DECLARED = 'seeds: Seeds = 10  # how many\ncells: Cells = ["lstm", "gru"]  # compared\nname: Text = "x"  # text'
HISTORY = ["", "import os", DECLARED]


@pytest.fixture(autouse=True)
def output(tmp_path, monkeypatch):
    monkeypatch.setenv("BOOK_OUTPUT", str(tmp_path))
    monkeypatch.setattr(chapter, "_current", None)
    return tmp_path


def record(output):
    return json.loads((output / "chapter.json").read_text())


def begin(injected=None, **values):
    namespace = {"seeds": 10, "cells": ["lstm", "gru"], "name": "x", **values}
    history = HISTORY if injected is None else [*HISTORY, f"# Parameters\n{injected}\n"]
    chapter.begin("part/name", namespace, history)
    return namespace


def test_published_values_are_told_from_others(output):
    begin()
    assert record(output)["published"] is True
    begin("seeds = 3", seeds=3)
    found = record(output)
    assert found["published"] is False
    assert found["parameters"]["seeds"] == 3 and found["published_parameters"]["seeds"] == 10


def test_a_misspelt_parameter_is_refused_though_papermill_only_logs_it():
    with pytest.raises(ParameterError, match=r"^parameter 'seedz' is unknown; allowed: cells, name, seeds$"):
        begin("seedz = 5", seedz=5)


def test_a_bad_value_is_refused(output):
    with pytest.raises(ParameterError, match=r"^parameter 'seeds' = -1 is not allowed"):
        begin("seeds = -1", seeds=-1)
    assert not (output / "chapter.json").exists()


UNKNOWN = "ParameterError: parameter {!r} is unknown; allowed: seeds, sizes"
WRONG = {
    ("seedz", "5"): UNKNOWN.format("seedz"),
    ("a-b", "5"): UNKNOWN.format("a-b"),
    ("record", "5"): UNKNOWN.format("record"),
    ("seeds", "-1"): "ParameterError: parameter 'seeds' = -1 is not allowed: it must be a whole number from 1 to 1000",
}
TYPED = "seeds: Seeds = 2  # how many\nsizes: Counts = [1]  # of what"


def test_papermill_itself_ends_with_the_one_line(tmp_path):
    """Plain papermill with a misspelt name, with what is no name, with the name of a module, and with a bad value."""
    cells = [
        nbformat.v4.new_code_cell("from evidence import record\nfrom evidence.parameters import Counts, Seeds"),
        nbformat.v4.new_code_cell(TYPED, metadata={"tags": ["parameters"]}),
        nbformat.v4.new_code_cell('record.begin("part/name")'),
    ]
    metadata = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=metadata), tmp_path / "in.ipynb")

    def papermill(given):
        command = [sys.executable, "-m", "papermill", "in.ipynb", f"{given[0]}.ipynb", "-p", *given]
        environment = {**os.environ, "BOOK_OUTPUT": str(tmp_path / given[0])}
        return subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120)

    with ThreadPoolExecutor(2) as pool:
        for expected, done in zip(WRONG.values(), pool.map(papermill, WRONG), strict=True):
            assert done.returncode == 1
            assert done.stderr.strip().splitlines()[-1] == expected
            assert done.stderr.count("ParameterError") == 1
            assert 'File "' not in done.stderr.partition("Exception encountered")[2]


@pytest.mark.parametrize("name", ["a-b", "record", "class", "os.sep", "sizes[0]", "seeds, sizes", "x; seeds", "ä"])
def test_an_injected_name_that_is_no_parameter_ends_the_notebook_before_it_does_anything(name):
    shell = InteractiveShell()
    assert injected.watch(shell)
    shell.user_ns |= {"seeds": 2, "sizes": [1], "record": 1, "In": ["", "import os", TYPED]}
    done = shell.run_cell(f"# Parameters\nseeds = 3\n{name} = 5\n")
    assert isinstance(done.error_before_exec, ParameterError)
    assert f"ParameterError: {done.error_before_exec}" == UNKNOWN.format(name)
    assert (shell.user_ns["seeds"], shell.user_ns["sizes"], shell.user_ns["record"]) == (2, [1], 1)
    assert shell.run_cell("# Parameters\nseeds = 3\nsizes = [\n 1]\n").success


@pytest.mark.parametrize("source", ["# Parameters\nx = 1", "# Parameters\nseeds: Seeds = 3", "a-b = 5", "1 +"])
def test_cells_of_the_notebook_itself_are_left_alone(source):
    """Where no parameters are declared, where the cell declares them, and where papermill did not write it."""
    shell = InteractiveShell()
    assert injected.watch(shell) and injected.watch(shell) and not injected.watch(None)
    shell.user_ns["In"] = ["", "import os"] if "x" in source else HISTORY
    assert len(shell.input_transformers_cleanup) == len(InteractiveShell().input_transformers_cleanup) + 1
    assert shell.input_transformers_cleanup[-1]([line + "\n" for line in source.split("\n")])


def parsed(command):
    """What papermill itself makes of a command."""
    import papermill.cli

    found = {}
    original = papermill.cli.execute_notebook
    papermill.cli.execute_notebook = lambda **options: found.update(options["parameters"])
    try:
        result = CliRunner().invoke(papermill.cli.papermill, shlex.split(command)[1:], catch_exceptions=False)
    finally:
        papermill.cli.execute_notebook = original
    assert result.exit_code == 0, result.output
    return found


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.dictionaries(
        st.sampled_from(["seeds", "rate", "cells", "name"]),
        st.integers()
        | st.floats(allow_nan=False, allow_infinity=False)
        | st.booleans()
        | st.text(st.characters(codec="ascii", exclude_categories=["Cc"]), min_size=1)
        | st.lists(st.integers() | st.floats(1e-9, 1e9) | st.sampled_from(["lstm", "no", "it's", "1e-3"]), max_size=3),
        min_size=1,
    )
)
def test_the_printed_command_gives_the_same_parameters_again(output, values):
    running = chapter.Record("part/name", {}, values)
    assert running.command.startswith("papermill chapters/part/name.ipynb out.ipynb -")
    found = parsed(running.command)
    assert found == values
    assert {name: type(value) for name, value in found.items()} == {name: type(value) for name, value in values.items()}


def test_the_command_of_plain_parameters_reads_well():
    running = chapter.Record("part/name", {}, {"seeds": 10, "rate": 0.003, "quiet": False})
    assert running.command == "papermill chapters/part/name.ipynb out.ipynb -p seeds 10 -p rate 0.003 -p quiet False"


def test_an_entry_of_the_same_name_is_replaced_not_doubled(output):
    begin()
    running = chapter.current()
    running.add("sweeps", {"name": "a", "runs": 1}, key="name")
    running.add("sweeps", {"name": "b", "runs": 2}, key="name")
    running.add("sweeps", {"name": "a", "runs": 3}, key="name")
    running.add("figures", "one")
    running.add("figures", "one")
    assert record(output)["sweeps"] == [{"name": "b", "runs": 2}, {"name": "a", "runs": 3}]
    assert record(output)["figures"] == ["one"]


def test_the_record_is_whole_at_every_moment(output, monkeypatch):
    begin()
    before = (output / "chapter.json").read_bytes()

    def killed(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", killed)
    with pytest.raises(KeyboardInterrupt):
        chapter.current().add("figures", "one")
    assert (output / "chapter.json").read_bytes() == before


def test_outside_a_notebook_begin_says_so():
    with pytest.raises(RuntimeError, match=r"^record.begin\(\) runs inside a notebook; elsewhere pass"):
        chapter.begin("part/name")


def test_the_record_says_where_it_comes_from(output, monkeypatch):
    begin()
    found = record(output)
    assert {"commit", "dirty", "date", "machine", "versions", "seconds"} <= found.keys()
    assert found["versions"].keys() >= {"python", "torch", "numpy"}
    assert {"cpu", "cores", "system", "capability"} <= found["machine"].keys()


@pytest.fixture
def running(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> chapter.Record:
    monkeypatch.setenv("BOOK_OUTPUT", str(tmp_path))
    monkeypatch.setattr(chapter, "_current", chapter.Record("part/name", {"seeds": 5}, {"seeds": 5}))
    return chapter._current


def test_values_and_checks_are_kept_at_once_in_the_record(running: chapter.Record, tmp_path: Path) -> None:
    chapter.value("name-count", "3 of 4")
    chapter.holds("name-ahead", True, shown=Interval(-3.0, -5.0, -1.0), symmetric=False)
    kept = json.loads((tmp_path / "chapter.json").read_text())
    assert kept["values"] == {"name-count": {"text": "3 of 4", "measured": False}}
    assert kept["checks"]["name-ahead"] == {
        "holds": True,
        "shown": "−3 [−5, −1]",
        "measured": False,
        "symmetric": False,
    }


def test_an_id_says_one_thing_in_a_chapter(running: chapter.Record) -> None:
    chapter.value("name-count", "3 of 4")
    chapter.value("name-count", "3 of 4")
    with pytest.raises(ValueError, match="id 'name-count' is used twice in this chapter"):
        chapter.value("name-count", "4 of 4")


@pytest.mark.parametrize("id", ["", "Name", "a_b", "a--b", "a b", "-a"])
def test_a_bad_id_is_refused(id: str) -> None:
    with pytest.raises(ValueError, match="is not allowed: kebab-case"):
        chapter.value(id, "x")


@pytest.mark.parametrize("text", ["", " ", "one\ntwo", "[0, 1)", "a]", "[a [b] c]"])
def test_a_text_that_no_mark_can_hold_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"value 'a': text = .* is not allowed"):
        chapter.value("a", text)
    chapter.value("a", "−3.1 [−5, −1]")


def test_a_check_needs_one_truth_and_something_to_show() -> None:
    with pytest.raises(TypeError, match=r"^check 'a': condition = None is not allowed: True or False$"):
        chapter.holds("a", None, shown="x")
    with pytest.raises(ValueError, match="shown = ' ' is not allowed"):
        chapter.holds("a", True, shown=" ")
    chapter.holds("a", np.bool_(True), shown="x")


@pytest.mark.parametrize(
    ("shown", "text"),
    [
        ({"LSTM": 2.26133, "GRU": np.float64(-2.2)}, "LSTM 2.26; GRU −2.2"),
        ({"right at n = 100": {"LSTM": True, "ReLU": np.bool_(False)}}, "right at n = 100: LSTM yes; ReLU no"),
        ({"solved": [0, 40], "share": (0.5, 97.0)}, "solved 0, 40; share 0.5, 97"),
        (Interval(-3.0, -5.0, -1.0), "−3 [−5, −1]"),
        ({"LSTM − GRU": Interval(-3.0, -5.0, -1.0)}, "LSTM − GRU −3 [−5, −1]"),
        (12900, "12,900"),
        ("+0.4 [−0.1, +1.6] (20 seeds), depends (on the task)", "+0.4 [−0.1, +1.6] (20 seeds), depends (on the task)"),
    ],
)
def test_what_a_check_rests_on_is_told_in_words(running: chapter.Record, shown: object, text: str) -> None:
    chapter.holds("name-ahead", True, shown=shown)
    assert running.record["checks"]["name-ahead"]["shown"] == text


@pytest.mark.parametrize(
    "shown",
    [f"shares { ({'lstm': 1}) }", f"{[('a', 1)]}", f"{pd.Series([1, 2])}", f"{np.float64(3)!r}"],
)
def test_values_of_python_are_no_words(running: chapter.Record, shown: str) -> None:
    with pytest.raises(ValueError, match=r"^check 'name-ahead': shown holds .*, which a reader cannot read"):
        chapter.holds("name-ahead", True, shown=shown)


def test_the_summary_sets_mine_beside_the_published(running: chapter.Record, monkeypatch: pytest.MonkeyPatch) -> None:
    chapter.value("name-same", "3 of 4")
    chapter.value("name-other", "1 | 2")
    chapter.value("name-time", "2 ms", measured=True)
    chapter.holds("name-ahead", False, shown="−3")
    chapter.holds("name-behind", True, shown="4")
    chapter.holds("name-fast", True, shown="2 ms", measured=True)
    published = {"values": {"name-same": "3 of 4", "name-other": "2", "name-gone": "7"}, "parameters": {"seeds": 10}}
    published |= {"checks": {"name-ahead": True, "name-behind": True, "name-lost": False}, "machine": "x"}
    text = Summary(running.record, published)._repr_markdown_()
    assert "parameter seeds: published 10, mine 5" in text and "processor: published x" in text
    assert "| name-same | 3 of 4 | 3 of 4 | ✓ |" in text
    assert r"| name-other | 2 | 1 \| 2 | differs |" in text
    assert "| name-time | measured anew | 2 ms | – |" in text
    assert "| name-ahead: holds? | holds | does not: −3 | ✗ |" in text
    assert "| name-behind: holds? | holds | holds: 4 | ✓ |" in text
    assert "| name-fast: holds? | measured anew | holds: 2 ms | – |" in text
    assert "| name-gone | 7 | not computed | – |" in text
    assert "| name-lost: holds? | does not | not computed | – |" in text


def test_the_summary_of_what_nobody_published_claims_no_agreement(running: chapter.Record) -> None:
    chapter.value("name-count", "3 of 4")
    chapter.holds("name-ahead", True, shown="−3")
    text = Summary(running.record, {})._repr_markdown_()
    assert "nothing of this chapter is published to compare with" in text and "agree" not in text
    assert "| name-count | not published | 3 of 4 | – |" in text
    assert "| name-ahead: holds? | not published | holds: −3 | – |" in text


def test_a_broken_summary_is_named(running: chapter.Record, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chapter.paths, "root", lambda: tmp_path)
    (tmp_path / "results" / "summaries").mkdir(parents=True)
    (tmp_path / "results" / "summaries" / "part-name.json").write_text("{")
    with pytest.raises(ValueError, match=r"part-name\.json: not the record of a chapter"):
        chapter.summary()


@pytest.fixture
def library() -> Iterator[logging.Logger]:
    """The logger of the cells' library, as nobody has listened to it yet."""
    logger = logging.getLogger("gatedrnn")
    before, logger.handlers, logger.propagate = (logger.handlers, logger.propagate), [], True
    yield logger
    logger.handlers, logger.propagate = before


def test_a_build_hears_what_the_library_has_to_say_once(
    library: logging.Logger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    told = tmp_path / "progress.jsonl"
    monkeypatch.setenv("BOOK_PROGRESS", str(told))
    chapter.hear_notes()
    chapter.hear_notes()
    logging.getLogger("gatedrnn.kernels").warning("kernels: %s", "compiled")
    logging.getLogger("gatedrnn.kernels").debug("nothing for a reader")
    assert [json.loads(line) for line in told.read_text().splitlines()] == [
        {"event": "note", "text": "kernels: compiled"}
    ]
    assert not caplog.records, "and nobody else does: a page shows no warning"


def test_outside_a_build_warnings_of_the_library_go_where_they_always_go(
    library: logging.Logger, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.delenv("BOOK_PROGRESS", raising=False)
    chapter.hear_notes()
    logging.getLogger("gatedrnn.kernels").warning("kernels: none")
    assert library.handlers == [] and [each.getMessage() for each in caplog.records] == ["kernels: none"]
