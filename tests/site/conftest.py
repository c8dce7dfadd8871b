"""The built site, a server for it on this machine, and a browser."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

pytest.register_assert_rewrite("visiting")

FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
]


@pytest.fixture(scope="session")
def site(built_site: Path) -> Path:
    """Folder of the built site: `BOOK_SITE`, or a build with quick parameters made for the tests."""
    if not (built_site / "index.html").is_file():
        pytest.fail(f"no built site in {built_site}: 'make book' builds it, BOOK_SITE names another", pytrace=False)
    return built_site


@pytest.fixture(scope="session")
def pages(site: Path) -> list[str]:
    """Addresses of all pages, relative to the site."""
    found = [path.relative_to(site).as_posix() for path in sorted(site.rglob("*.html"))]
    return [name for name in found if not name.startswith(("_static/", "_sources/"))]


@pytest.fixture(scope="session")
def address(site: Path) -> Iterator[str]:
    """Address of a server that serves the site."""

    class Quiet(SimpleHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(site)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="session")
def browser() -> Iterator[object]:
    """A headless Chromium; without one these tests are skipped, and fail in CI."""
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    program = next((found for name in names if (found := shutil.which(name))), None)
    if program is None:
        message = f"no Chromium found (looked for {', '.join(names)}): browser tests did not run"
        if os.environ.get("CI"):
            pytest.fail(message, pytrace=False)
        pytest.skip(message)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=program, args=FLAGS)
        yield running
        running.close()


@pytest.fixture(scope="class")
def visits(request: pytest.FixtureRequest, browser: object, address: str, site: Path, pages: list[str]) -> object:
    """What each page of one half of the book did when it was opened; `half` of the class says which."""
    from visiting import visit_all

    return visit_all(browser, address, site, pages[request.cls.half :: 2])
