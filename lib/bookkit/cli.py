"""`python -m bookkit`: what the Makefile calls."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from bookkit.errors import BookError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; errors that a person can mend are one line. Returns the exit status."""
    options = _parser().parse_args(arguments)
    try:
        return options.run(options) or 0
    except BookError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("interrupted; finished runs and chapters are kept", file=sys.stderr)
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bookkit", description="Build the book.")
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
    for command in (book, chapter):
        command.add_argument("--quick", action="store_true", help="quick parameters, built apart in _build/quick")
        command.add_argument("--fresh", action="store_true", help="use no stored run and no results lock")
        command.add_argument("--build", type=Path, default=None, help="folder to build in (default: _build)")
    add("results", _results, "compute what is missing and write the results lock and the summaries")
    add("check-results", _check_results, "compare the executed chapters with the committed summaries")
    add("prose", _prose, "write computed values into the sentences that type them, and name checks that fail")
    serve = add("serve", _serve, "serve the built site on this machine")
    serve.add_argument("--port", type=int, default=8000)
    add("bench", _bench, "measure the cells on this machine, at quick size")
    add("lint", _lint, "style, types, layout, notebooks, citation file")
    add("clean", _clean, "delete all that was built")
    add("set-up", _set_up, "create .venv and install what the book needs")
    environment = add("environment", _environment, "write environment.yml from pyproject.toml and constraints.txt")
    environment.add_argument("--check", action="store_true", help="only tell whether it is as it should be")
    add("lock", _lock, "write constraints.txt from what is installed in .venv")
    return parser


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
        build.overrides = parse_overrides(options.overrides)
    return build.run(name)


def _results(options: argparse.Namespace) -> int:
    from bookkit.places import Places
    from bookkit.progress import Display
    from bookkit.results import write

    return write(Places(_root(options)), Display())


def _check_results(options: argparse.Namespace) -> int:
    from bookkit.places import Places
    from bookkit.results import check

    return check(Places(_root(options)))


def _prose(options: argparse.Namespace) -> int:
    from bookkit.places import Places
    from bookkit.proofread import proofread

    return proofread(Places(_root(options)))


def _serve(options: argparse.Namespace) -> int:
    from functools import partial
    from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

    site = _root(options) / "_build" / "html"
    if not (site / "index.html").is_file():
        raise BookError(f"no site in {site}: 'make book' builds it")
    try:
        server = ThreadingHTTPServer(("127.0.0.1", options.port), partial(SimpleHTTPRequestHandler, directory=site))
    except OSError as error:
        raise BookError(f"port {options.port}: {error.strerror}; choose another with PORT=") from None
    print(f"http://127.0.0.1:{options.port}/ (Ctrl-C ends it)", flush=True)
    with server:
        server.serve_forever()
    return 0


def _bench(options: argparse.Namespace) -> int:
    from bookkit.bench import bench

    return bench(_root(options))


def _lint(options: argparse.Namespace) -> int:
    from bookkit.lint import lint

    return lint(_root(options))


def _clean(options: argparse.Namespace) -> int:
    import shutil

    root = _root(options)
    for name in ("_build", ".pytest_cache", ".mypy_cache", ".ruff_cache", ".hypothesis", ".import_linter_cache"):
        shutil.rmtree(root / name, ignore_errors=True)
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
