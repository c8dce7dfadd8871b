"""The command line: bad input is one line, and nothing heavy is imported to say so."""

from __future__ import annotations

import ctypes
import http.client
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from bookkit import cli
from bookkit.errors import BookError
from bookkit.serve import open_server
from bookkit.tasks import check_variables
from bookkit.toc import parse_overrides
from evidence import engine

PROJECT = Path(__file__).resolve().parents[2]


@pytest.fixture
def book(tmp_path: Path) -> Path:
    """A project with one page and no chapter yet."""
    (tmp_path / "_toc.yml").write_text("format: jb-book\nroot: chapters/index\n")
    (tmp_path / "chapters").mkdir()
    (tmp_path / "chapters/index.md").write_text("# Book\n")
    return tmp_path


def run(book: Path, *arguments: str) -> int:
    return cli.main(["--root", str(book), *arguments])


def test_an_unknown_chapter_is_one_line(book: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(book, "chapter", "memory/recal") == 2
    assert capsys.readouterr().err == "error: no chapter 'memory/recal'; known: none\n"


def test_no_name_at_all_lists_the_chapters(book: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(book, "chapter", "") == 2
    assert capsys.readouterr().err == "error: no chapter was named; known: none\n"


def test_a_table_of_contents_that_names_nothing_is_one_line(book: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (book / "_toc.yml").write_text("root: chapters/index\nchapters:\n- file: chapters/gone\n")
    assert run(book, "book") == 2
    assert capsys.readouterr().err.endswith("names chapters/gone, which is neither a notebook nor a page\n")


@pytest.mark.parametrize("name", ["_toc.yml", "chapters/a.ipynb", "chapters/quick/a.yml"])
@pytest.mark.parametrize(
    "content",
    [
        b"{",
        b"\xff\xfe",
        b"a: [\n- b",
        b"[]",
        b'{"cells": [3]}',
        b'"text"',
        b"\0",
        pytest.param(b"[" * 100_000, id="nested"),
    ],
)
def test_a_broken_source_is_one_line(book: Path, name: str, content: bytes, capsys: pytest.CaptureFixture[str]) -> None:
    (book / "_toc.yml").write_text("root: chapters/index\nchapters:\n- file: chapters/a\n")
    (book / "chapters/a.ipynb").write_text('{"cells": [], "metadata": {}}')
    (book / "chapters/quick").mkdir()
    (book / name).write_bytes(content)
    assert run(book, "chapter", "a", "--quick") == 2
    errors = capsys.readouterr().err
    assert errors.count("\n") == 1
    assert str(book / name) in errors or "no chapter 'a'" in errors


def test_nothing_to_serve_is_one_line(book: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(book, "serve") == 2
    assert "'make book' builds it" in capsys.readouterr().err


def test_clean_keeps_the_environment(book: Path) -> None:
    for name in ("_build/html", ".venv"):
        (book / name).mkdir(parents=True)
    assert run(book, "clean") == 0
    assert not (book / "_build").exists()
    assert (book / ".venv").is_dir()


def test_overrides_are_read_as_values() -> None:
    pairs = [("a", "5"), ("b", "-0.5"), ("c", "[1, 2]"), ("d", "lstm"), ("e", "True")]
    assert parse_overrides(pairs) == {"a": 5, "b": -0.5, "c": [1, 2], "d": "lstm", "e": True}


def test_starting_imports_nothing_heavy() -> None:
    code = (
        "import sys; from bookkit import cli, tasks, results, bench, lint\n"
        "heavy = {'torch', 'pandas', 'numpy', 'matplotlib', 'sphinx', 'papermill', 'nbformat'} & set(sys.modules)\n"
        "print(sorted(heavy))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=PROJECT)
    assert done.stdout.strip() == "[]", done.stderr


def test_make_help_names_every_target() -> None:
    done = subprocess.run(["make"], cwd=PROJECT, capture_output=True, text=True)
    for target in ["book", "chapter", "test", "results", "serve", "bench", "lint", "lock", "clean"]:
        assert f"  {target} " in done.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "the following arguments are required: COMMAND; 'python -m bookkit --help' tells more"),
        (["chapter", "a", "-p", "seeds"], "argument -p: expected 2 arguments; "),
        (["chapter", "a", "-y", "x"], "unrecognized arguments: -y x; "),
        (["chapter", "a", "--parameters=-p 'seeds 5"], "PARAMETERS = \"-p 'seeds 5\" is not allowed: no closing quotation"),
        (["chapter", "a", "--parameters=; touch p"], "PARAMETERS = '; touch p' is not allowed: such as -p seeds 5"),
        (["chapter", "a", "--parameters=-p seeds"], "PARAMETERS = '-p seeds' is not allowed: such as -p seeds 5"),
        (["test", "-k 'x"], "PYTEST = \"-k 'x\" is not allowed: no closing quotation"),
        *[
            (["serve", f"--port={text}"], f"PORT = {text!r} is not allowed: a whole number from 1 to 65535")
            for text in ("99999999", "0", "-1", "http", "8000.0", "", "²", "9" * 50)
        ],
    ],
)  # fmt: skip
def test_a_wrong_option_is_one_line(
    book: Path, arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(book, *arguments) == 2
    errors = capsys.readouterr().err
    assert errors.startswith(f"error: {said}")
    assert errors.count("\n") == 1


def test_a_file_that_cannot_be_used_is_one_line(book: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """In whatever command, here in that for environment.yml and in a build."""
    assert run(book, "environment") == 2
    assert capsys.readouterr().err == f"error: {book}/constraints.txt: No such file or directory\n"
    (book / "_build").touch()
    assert run(book, "book") == 2
    assert capsys.readouterr().err == f"error: {book}/_build: File exists\n"


def without_rights() -> None:
    """Let a process of root be refused what others are refused."""
    libc = ctypes.CDLL(None)
    for capability in (1, 2):  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH
        libc.prctl(24, capability, 0, 0, 0)  # PR_CAPBSET_DROP


@pytest.mark.skipif(sys.platform != "linux", reason="takes rights from root by prctl")
@pytest.mark.parametrize("name", ["", "_build"])
def test_a_read_only_folder_is_one_line_in_every_command(book: Path, name: str) -> None:
    (book / "_build/runs").mkdir(parents=True)
    for file in ("pyproject.toml", "constraints.txt"):
        shutil.copyfile(PROJECT / file, book / file)
    (book / "results/summaries").mkdir(parents=True)
    code = (
        "import sys; from bookkit.cli import main; sys.exit(max(main([*sys.argv[1:3], each]) for each in sys.argv[3:]))"
    )
    commands = ["book", "results", "clean", "bench", *([] if name else ["environment", "check-results"])]
    command = [sys.executable, "-c", code, "--root", str(book), *commands]
    folders = [book / "_build"] if name else [book / "_build", book / "results/summaries", book]
    for folder in folders:
        folder.chmod(0o555)
    try:
        done = subprocess.run(command, capture_output=True, text=True, preexec_fn=without_rights)
    finally:
        for folder in folders:
            folder.chmod(0o755)
    said = (done.stdout + done.stderr).splitlines()
    assert all(line.endswith(("Permission denied", "0 notes")) for line in said), said
    assert len(said) == len(commands)


@pytest.fixture
def address(tmp_path: Path) -> Iterator[http.client.HTTPConnection]:
    """A connection to the server of a small site."""
    (tmp_path / "html/figures").mkdir(parents=True)
    for name in ("index.html", "figures/a.csv"):
        (tmp_path / "html" / name).write_text(name)
    (tmp_path / "secret").write_text("secret")
    server = open_server(tmp_path / "html", 0)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    assert server.server_address[0] == "127.0.0.1"
    connection = http.client.HTTPConnection(*server.server_address)
    yield connection
    connection.close()
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/", 200),
        ("/figures/a.csv", 200),
        ("/figures/", 404),
        ("/gone.html", 404),
        ("/%00", 404),
        ("/figures/a.csv%00.html", 404),
        ("/" + "a" * 5000, 404),
        ("/../secret", 404),
        ("/%2e%2e/secret", 404),
    ],
)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_the_server_gives_files_of_the_site_and_nothing_else(
    address: http.client.HTTPConnection, path: str, status: int, method: str, capfd: pytest.CaptureFixture[str]
) -> None:
    address.request(method, path)
    answer = address.getresponse()
    assert answer.status == status
    assert b"secret" not in answer.read()
    assert "Traceback" not in capfd.readouterr().err


def test_what_a_terminal_cannot_show_is_printed_in_other_words(book: Path) -> None:
    """Here in what is said of a site that cannot be built, and in an error."""
    folder = book.rename(book.with_name("Bücher ✓"))
    environment = {**os.environ, "PYTHONIOENCODING": "ascii:strict"}
    for command, status, said in [("book", 1, "site: failed: "), ("serve", 2, "error: no site in ")]:
        line = [sys.executable, "-m", "bookkit", "--root", str(folder), command]
        done = subprocess.run(line, capture_output=True, text=True, env=environment)
        assert done.returncode == status
        assert said in done.stdout + done.stderr
        assert "B\\xfccher \\u2713" in done.stdout + done.stderr
        assert "Traceback" not in done.stderr


def test_a_reader_that_goes_away_ends_it_quietly(book: Path) -> None:
    """As `head` does."""
    command = [sys.executable, "-m", "bookkit", "--root", str(book), "check-results"]
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE, text=True)
    os.close(writing)
    assert (done.returncode, done.stderr) == (128 + signal.SIGPIPE, "")


@pytest.mark.parametrize(
    ("name", "bad", "good"),
    [
        ("BOOK_BASEURL", ["book", "ftp://x", "https://", "https://a b"], ["", "https://example.org/book/"]),
        ("BOOK_WORKERS", ["abc", "-1", "1.5", "²"], ["", "0", "8"]),
        ("BOOK_ENGINE", ["8786", "tcp://host", "http://h:1", "tcp://a b:1"], ["", "tcp://h:1", "tls://[::1]:8786"]),
        ("SOURCE_DATE_EPOCH", ["", "now", "-1"], ["0", "1700000000"]),
        ("GATEDRNN_KERNELS", ["Torch", "matched"], ["", "torch"]),
    ],
)
def test_a_variable_with_a_bad_value_is_one_line(
    book: Path, name: str, bad: list[str], good: list[str],
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    for value in good:
        check_variables({name: value})
    for value in bad:
        with pytest.raises(BookError, match=name):
            check_variables({name: value})
    monkeypatch.setenv(name, bad[-1])
    assert run(book, "book") == 2
    errors = capsys.readouterr().err
    assert errors.startswith(f"error: {name} = {bad[-1]!r} is not allowed: ")
    assert errors.count("\n") == 1


def test_a_cluster_that_does_not_answer_is_one_line(
    book: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("distributed", reason="the extra 'cluster' is not installed: distributed")
    monkeypatch.setattr(engine, "PATIENCE", 0.5)
    monkeypatch.setenv("BOOK_ENGINE", "")
    assert run(book, "book", "--engine", "tcp://127.0.0.1:1") == 2
    errors = capsys.readouterr().err
    assert errors.startswith("error: BOOK_ENGINE = 'tcp://127.0.0.1:1': no scheduler answers there")
    assert errors.count("\n") == 1


@pytest.fixture
def made(tmp_path: Path) -> Path:
    """The Makefile beside a stand-in for Python that prints how it was called."""
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        shutil.copyfile(PROJECT / name, tmp_path / name)
    python = tmp_path / ".venv/bin/python"
    python.parent.mkdir(parents=True)
    python.write_text(
        f"#!{sys.executable}\nimport json, os, sys\nprint(json.dumps([sys.argv[3:], dict(os.environ)]))\n"
    )
    python.chmod(0o755)
    (tmp_path / ".venv/installed").touch()
    return tmp_path


def make(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess:
    clean = {key: value for key, value in os.environ.items() if not key.startswith("MAKE")}
    command = ["make", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, env=clean | environment)


HOSTILE = (
    "x' ; touch p ; '",
    '" ; touch p ; "',
    "$(shell touch p)",
    "${shell touch p}",
    "$(touch p)",
    "`touch p`",
    "; touch p",
    "&& touch p #",
    "-p a $$(touch p)",
    "a\n\ttouch p",
    "\\",
    "é $x % * ~",
)
VARIABLES = {
    "chapter": ("NAME", "PARAMETERS"),
    "book": ("ENGINE",),
    "results": ("ENGINE",),
    "test": ("PYTEST",),
    "serve": ("PORT",),
}


@pytest.mark.parametrize("where", ["on the command line", "in the environment"])
@pytest.mark.parametrize(("target", "name"), [(target, name) for target, names in VARIABLES.items() for name in names])
def test_what_make_is_given_reaches_python_as_it_is_and_no_shell(
    made: Path, target: str, name: str, where: str
) -> None:
    for value in HOSTILE:
        given = [f"{name}={value}"] if where == "on the command line" else []
        done = make(made, target, *given, **({} if given else {name: value}))
        assert done.returncode == 0, done.stderr
        arguments, environment = json.loads(done.stdout)
        assert arguments[0] == target
        assert value in [re.sub("^--(port|parameters|engine)=", "", argument) for argument in arguments]
        assert environment[name] == value
        assert sorted(path.name for path in made.iterdir()) == [
            ".venv",
            "Makefile",
            "constraints.txt",
            "pyproject.toml",
        ]


@pytest.mark.parametrize("value", HOSTILE)
def test_no_variable_of_make_is_a_formula(made: Path, value: str) -> None:
    """Neither its switches nor names that it uses itself, nor any other."""
    values = dict.fromkeys(("FRESH", "QUICK", "BOOK", "FLAGS", "each", "as_text", "BOOK_BASEURL", "ANY"), value)
    for given, more in ([f"{name}={value}" for name in values], {}), ([], values):
        assert json.loads(make(made, "book", *given, **more).stdout)[0] == ["book", "--fresh", "--quick"]
        assert not (made / "p").exists()


@pytest.mark.parametrize("value", HOSTILE)
def test_the_python_that_make_is_given_is_a_path_and_no_line_for_the_shell(made: Path, value: str) -> None:
    (made / ".venv/installed").unlink()
    assert make(made, "book", f"PYTHON={value}").returncode == 2
    assert make(made, "book", PYTHON=value).returncode == 2
    assert not (made / "p").exists()


def test_the_python_that_make_is_given_may_lie_in_a_folder_with_spaces(made: Path) -> None:
    (made / ".venv/installed").unlink()
    python = (made / ".venv/bin/python").rename(made / "my python")
    assert json.loads(make(made, "set-up", f"PYTHON={python}").stdout)[0] == ["set-up"]


def test_the_ways_in_which_make_is_used(made: Path) -> None:
    for given, expected in [
        (["book"], ["book"]),
        (["book", "FRESH=1", "QUICK=1"], ["book", "--fresh", "--quick"]),
        (
            ["chapter", "NAME=architecture/ablation", "PARAMETERS=-p seeds 5"],
            ["chapter", "--parameters=-p seeds 5", "--", "architecture/ablation"],
        ),
        (["chapter"], ["chapter", "--parameters=", "--", ""]),
        (["test"], ["test", "--", ""]),
        (["test", "PYTEST=tests/site"], ["test", "--", "tests/site"]),
        (["serve"], ["serve", "--port=8000"]),
        (["serve", "PORT=8001"], ["serve", "--port=8001"]),
    ]:
        assert json.loads(make(made, *given).stdout)[0] == expected


def test_parameters_and_options_of_pytest_are_told_apart_as_by_a_shell(
    book: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from bookkit import tasks

    found: list[object] = []
    monkeypatch.setattr(tasks.Build, "run", lambda build, name: found.append((name, dict(build.overrides))) or 0)
    text = "-p seeds 5 -p rates '[0.1, 1]' -p kind '; touch p'"
    assert run(book, "chapter", "--fresh", "-p", "more", "-1", f"--parameters={text}", "--", "one/a") == 0
    assert found == [("one/a", {"more": -1, "seeds": 5, "rates": [0.1, 1], "kind": "; touch p"})]

    monkeypatch.setattr(os, "execv", lambda program, arguments: found.append(arguments[3:]))
    monkeypatch.chdir(book)
    for text in ("", "tests/site -k 'a or b'"):
        run(book, "test", "--", text)
    assert found[1:] == [cli.PYTEST.split(), ["tests/site", "-k", "a or b"]]
