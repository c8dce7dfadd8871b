"""`python -m bookkit`: what the Makefile calls."""

from __future__ import annotations

import argparse
import os
import re
import shlex
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

from bookkit import lifeline
from bookkit.errors import BookError
from bookkit.serve import port, serve

PYTEST = "-n 2 --dist loadfile --no-loadscope-reorder"
"""How all tests are run: side by side, the longest files first."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; errors that a person can mend are one line. Returns the exit status."""
    for stream in (sys.stdout, sys.stderr):  # a path may hold what the terminal cannot show
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    try:
        with lifeline.heeding():
            options = _parser().parse_args(arguments)
            if getattr(options, "engine", None):
                os.environ["BOOK_ENGINE"] = options.engine
            status = options.run(options) or 0
            sys.stdout.flush()
            return status
    except BookError as error:
        return _end(f"error: {error}", 2)
    except lifeline.Ended as end:
        name = signal.Signals(end.number).name
        return _end(f"ended by {name}; finished runs and chapters are kept", 128 + end.number)
    except KeyboardInterrupt:
        return _end("interrupted; finished runs and chapters are kept", 130)
    except BrokenPipeError:
        return _end("", 128 + signal.SIGPIPE)  # as of `make book | head`
    except OSError as error:
        return _end(f"error: {error.filename}: {error.strerror}" if error.filename else f"error: {error}", 2)


def _end(line: str, status: int) -> int:
    """Say why it ends, also where nobody listens any more."""
    with suppress(OSError):
        print(line, end="\n" if line else "", file=sys.stderr, flush=True)
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:  # Python would fail on it again when it ends
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
    return status


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise BookError(f"{message}; '{self.prog} --help' tells more")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="python -m bookkit", description="Build the book.")
    parser.add_argument("--root", type=Path, default=None, help="folder of the project (default: found from here)")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def add(name: str, run, help: str) -> argparse.ArgumentParser:
        command = commands.add_parser(name, help=help, description=help)
        command.set_defaults(run=run)
        return command

    book = add("book", _book, "execute the chapters that changed and build the site")
    chapter = add("chapter", _book, "execute one chapter, then build the site")
    chapter.add_argument("name", help="such as memory/recall")
    chapter.add_argument(
        "-p", dest="overrides", nargs=2, action="append", default=[], metavar=("NAME", "VALUE"), help="a parameter"
    )
    chapter.add_argument("--parameters", default="", metavar="TEXT", help="such options in one text, as make has them")
    for command in (book, chapter):
        command.add_argument("--quick", action="store_true", help="quick parameters, built apart in _build/quick")
        command.add_argument("--fresh", action="store_true", help="use no stored run and no results lock")
        command.add_argument("--build", type=Path, default=None, help="folder to build in (default: _build)")
    results = add("results", _results, "compute what is missing and write the results lock and the summaries")
    results.add_argument("--prune", action="store_true", help="let go of locked runs that no chapter uses")
    results.add_argument(
        "--finished", default="", metavar="SWEEPS", help="only put the finished runs of these sweeps into the lock"
    )
    for command in (book, chapter, results):
        command.add_argument("--engine", metavar="ADDRESS", help="send runs to the Dask scheduler there (BOOK_ENGINE)")
    add("check-results", _check_results, "compare the executed chapters with the committed summaries")
    audit = add("audit", _audit, "compute a random sample of the locked runs again and compare")
    audit.add_argument("--engine", metavar="ADDRESS", help="send runs to the Dask scheduler there (BOOK_ENGINE)")
    audit.add_argument("--minutes", default="15", help="on the clock (default: 15)")
    audit.add_argument("--seed", default="", help="repeats the sample of an audit (default: drawn anew)")
    carry = add("carry", _carry, "give the locked runs the key of today's code, where that changes none of them")
    carry.add_argument("since", help="commit whose code made them")
    add("prose", _prose, "write computed values into the sentences that type them, and name checks that fail")
    serve = add("serve", _serve, "serve the built site on this machine")
    serve.add_argument("--port", default="8000")
    test = add("test", _test, "run every test, or what is named")
    test.add_argument("options", nargs="?", default="", metavar="TEXT", help=f"options of pytest (default: {PYTEST})")
    add("bench", _bench, "measure the cells on this machine, at quick size")
    add("lint", _lint, "style, types, layout, notebooks, citation file")
    add("clean", _clean, "delete all that was built")
    add("set-up", _set_up, "create .venv and install what the book needs")
    environment = add("environment", _environment, "write environment.yml from pyproject.toml and constraints.txt")
    environment.add_argument("--check", action="store_true", help="only tell whether it is as it should be")
    add("lock", _lock, "write constraints.txt from what is installed in .venv")
    return parser


def _words(name: str, text: str) -> list[str]:
    """The words of a text, as a shell would tell them apart, but nothing in it is executed."""
    try:
        return shlex.split(text)
    except ValueError as error:
        raise BookError(f"{name} = {text!r} is not allowed: {str(error).lower()}") from None


def _pairs(text: str) -> list[tuple[str, str]]:
    """Parameters as make is given them, such as `-p seeds 5 -p rates "[0.1, 1]"`."""
    words = _words("PARAMETERS", text)
    if len(words) % 3 or any(word != "-p" for word in words[::3]):
        raise BookError(f"PARAMETERS = {text!r} is not allowed: such as -p seeds 5, as often as you like")
    return list(zip(words[1::3], words[2::3], strict=True))


def _root(options: argparse.Namespace) -> Path:
    if options.root:
        return options.root.resolve()
    for folder in (Path.cwd(), *Path.cwd().parents, *Path(__file__).resolve().parents):
        if (folder / "_toc.yml").is_file() or (folder / "constraints.txt").is_file():
            return folder
    raise BookError("no _toc.yml here or above: run this inside the project, or give --root")


def _book(options: argparse.Namespace) -> int:
    from bookkit.places import Places
    from bookkit.progress import Display
    from bookkit.tasks import Build
    from bookkit.toc import parse_overrides

    places = Places(_root(options), options.quick, options.build and options.build.resolve())
    build = Build(places, Display(), options.fresh)
    name = getattr(options, "name", None)
    if name is not None:
        build.overrides = parse_overrides([*options.overrides, *_pairs(options.parameters)])
    return build.run(name)


def _results(options: argparse.Namespace) -> int:
    from bookkit.places import Places
    from bookkit.progress import Display
    from bookkit.results import write, write_finished

    places = Places(_root(options))
    if names := _words("FINISHED", options.finished):
        return write_finished(places, Display(), names)
    return write(places, Display(), options.prune)


def _check_results(options: argparse.Namespace) -> int:
    from bookkit.places import Places
    from bookkit.results import check

    return check(Places(_root(options)))


def _audit(options: argparse.Namespace) -> int:
    from bookkit.audit import write
    from bookkit.places import Places
    from bookkit.progress import Display

    minutes, seed = options.minutes or "15", options.seed
    if not re.fullmatch(r"[0-9]+(\.[0-9]+)?", minutes):
        raise BookError(f"MINUTES = {minutes!r} is not allowed: a number, such as 15")
    if not re.fullmatch(r"[0-9]{0,9}", seed):
        raise BookError(f"SEED = {seed!r} is not allowed: a whole number from 0 to 999999999")
    return write(Places(_root(options)), Display(), float(minutes), int(seed) if seed else None)


def _carry(options: argparse.Namespace) -> int:
    from bookkit.carry import carry
    from bookkit.places import Places
    from bookkit.progress import Display

    return carry(Places(_root(options)), Display(), options.since)


def _prose(options: argparse.Namespace) -> int:
    from bookkit.places import Places
    from bookkit.proofread import proofread

    return proofread(Places(_root(options)))


def _serve(options: argparse.Namespace) -> int:
    return serve(_root(options) / "_build" / "html", port(options.port))


def _test(options: argparse.Namespace) -> int:
    words = _words("PYTEST", options.options) or _words("PYTEST", PYTEST)
    os.chdir(_root(options))
    os.execv(sys.executable, [sys.executable, "-m", "pytest", *words])


def _bench(options: argparse.Namespace) -> int:
    from bookkit.bench import bench

    return bench(_root(options))


def _lint(options: argparse.Namespace) -> int:
    from bookkit.lint import lint

    return lint(_root(options))


def _clean(options: argparse.Namespace) -> int:
    from bookkit.places import remove

    root = _root(options)
    for name in ("_build", ".pytest_cache", ".mypy_cache", ".ruff_cache", ".hypothesis", ".import_linter_cache"):
        remove(root / name)
    return 0


def _set_up(options: argparse.Namespace) -> int:
    from bookkit.environment import set_up

    set_up(_root(options))
    return 0


def _environment(options: argparse.Namespace) -> int:
    from bookkit.environment import conda

    path, text = _root(options) / "environment.yml", conda(_root(options))
    if options.check:
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            raise BookError("environment.yml differs from pyproject.toml: run 'python -m bookkit environment'")
        return 0
    path.write_text(text, encoding="utf-8")
    return 0


def _lock(options: argparse.Namespace) -> int:
    from bookkit.environment import lock

    lock(_root(options))
    return 0
