"""From the staged tree to the site: built beside the old one, checked, and swapped in whole."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from html import escape
from pathlib import Path

import yaml

from bookkit import lifeline
from bookkit.errors import BookError
from bookkit.places import swap_in
from bookkit.sphinx_ext.figure_card import OPENED
from bookkit.stage import pages

FRONT_DOOR = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>{title}</title>
<meta http-equiv="refresh" content="0; url={page}">
</head>
<body><p><a href="{page}">{title}</a></p></body>
</html>
"""
GROUNDS = ("#ffffff", "#121212")
"""Grounds of a light and of a dark page."""
FIGURE_ENDINGS = (".svg", ".pdf", ".png", ".csv")


class SiteError(BookError):
    """The site could not be built; the old one stays. The message holds what was wrong, a line each."""


def build(stage: Path, site: Path) -> Path:
    """Build the site.

    Args:
        stage: source tree, see `bookkit.stage.stage`.
        site: folder of the site; it is replaced in one step once the new one is whole.

    Returns:
        `site`.

    Raises:
        SiteError: Sphinx warned about something, or a page or a figure of the book is missing.
    """
    beside = site.with_name(f".{site.name}.new")
    shutil.rmtree(beside, ignore_errors=True)
    beside.mkdir(parents=True)
    start = "import sys; from bookkit.lifeline import guard; guard(); from jupyter_book.cli.main import main; sys.exit(main())"
    command = [sys.executable, "-c", start, "build", str(stage), "--path-output", str(beside)]
    environment = {"SOURCE_DATE_EPOCH": _epoch(stage), **os.environ, "PYTHONHASHSEED": "0", "NO_COLOR": "1"}
    environment["PYTHONIOENCODING"] = "utf-8"  # it prints paths, whatever they hold
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "encoding": "utf-8"}
    done = lifeline.run([*command, "-W", "-n", "--keep-going", "--all"], env=environment, **pipes)
    log = beside / "build.log"
    log.write_text(done.stdout + done.stderr, encoding="utf-8")
    html = beside / "_build" / "html"
    if done.returncode:
        lines = complaints(done.stdout + done.stderr)
        raise SiteError("\n".join(["the site could not be built; the old one stays", *lines, f"whole log: {log}"]))
    _add_front_door(stage, html)
    _add_figures(stage / "figures", html / "figures")
    check(stage, html)
    swap_in(html, site)
    shutil.rmtree(beside, ignore_errors=True)
    return site


def check(stage: Path, html: Path) -> None:
    """Refuse a site that lacks a page of the table of contents or a file of a figure."""
    names = [f"{page}.html" for page in [*pages(stage), "search", "index"]]
    names += [f"figures/{path.name}" for path in (stage / "figures").glob("*") if path.suffix in FIGURE_ENDINGS]
    missing = [name for name in names if not (html / name).is_file() or not (html / name).stat().st_size]
    if missing:
        raise SiteError(f"the site lacks {', '.join(sorted(missing))}; the old one stays")


def complaints(log: str, limit: int = 12) -> list[str]:
    """The warnings and errors in the log of a build, the root of their paths cut off."""
    found = []
    for line in re.sub(r"\x1b\[[0-9;]*m", "", log).splitlines():
        if re.search(r"\b(WARNING|ERROR|CRITICAL|SEVERE|\w*Error):", line) and line.strip() not in found:
            found.append(line.strip())
    if len(found) > limit:
        found[limit:] = [f"… and {len(found) - limit} more"]
    return found or log.strip().splitlines()[-5:]


def _add_front_door(stage: Path, html: Path) -> None:
    """Lead from the site's address to the first page; the page that Jupyter Book writes for it lacks a language."""
    first = f"{pages(stage)[0]}.html"
    if first != "index.html":
        title = yaml.safe_load((stage / "_config.yml").read_text(encoding="utf-8"))["title"]
        (html / "index.html").write_text(FRONT_DOOR.format(title=escape(title), page=first), encoding="utf-8")


def _add_figures(source: Path, target: Path) -> None:
    target.mkdir(parents=True, exist_ok=True)
    for path in sorted(source.glob("*")):
        if path.suffix == ".svg":
            drawing = path.read_text(encoding="utf-8")
            (target / path.name).write_text(openable(drawing, dark=".dark" in path.suffixes), encoding="utf-8")
        elif path.suffix in FIGURE_ENDINGS:
            shutil.copyfile(path, target / path.name)


def openable(drawing: str, dark: bool) -> str:
    """A drawing that stays as it is within a page; opened by itself, it fills the window and has the page's ground."""
    style = f"#{OPENED}:target {{ width: max(100vw, 960px); height: auto; background: {GROUNDS[dark]} }}"
    return re.sub(r"<svg\b([^>]*)>", rf'<svg id="{OPENED}"\1><style>{style}</style>', drawing, count=1)


def _epoch(stage: Path) -> str:
    """Time that Sphinx prints: that of the youngest chapter, so that the same book gives the same pages."""
    records = [path.stat().st_mtime for path in (stage / "_book").rglob("*.json")]
    return str(int(max(records, default=0)))
