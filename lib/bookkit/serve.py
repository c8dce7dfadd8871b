"""`make serve`: the built site, on this machine only."""

from __future__ import annotations

import sys
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from bookkit.errors import BookError

HOST = "127.0.0.1"


def port(text: str) -> int:
    """A port as typed.

    Raises:
        BookError: not a port that one can choose.
    """
    number = int(text) if text.isascii() and text.isdigit() and len(text) < 6 else 0
    if not 1 <= number <= 65535:
        raise BookError(f"PORT = {text!r} is not allowed: a whole number from 1 to 65535")
    return number


def open_server(site: Path, port: int) -> ThreadingHTTPServer:
    """The server of a site, open but not yet answering.

    Raises:
        BookError: no site, or the port is not free.
    """
    if not (site / "index.html").is_file():
        raise BookError(f"no site in {site}: 'make book' builds it")
    try:
        return _Server((HOST, port), partial(_Handler, directory=site))
    except OSError as error:
        raise BookError(f"port {port}: {error.strerror}; choose another with PORT=") from None


def serve(site: Path, port: int) -> int:
    """Serve a site until someone ends it."""
    with open_server(site, port) as server:
        print(f"http://{HOST}:{port}/ (Ctrl-C ends it)", flush=True)
        server.serve_forever()
    return 0


class _Handler(SimpleHTTPRequestHandler):
    """Files of the site and nothing else: folders are not listed."""

    def list_directory(self, path: Any) -> None:
        self.send_error(404, "File not found")

    def send_head(self) -> Any:
        try:
            return super().send_head()
        except ValueError:  # a zero byte in the path
            self.send_error(404, "File not found")


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        """A reader who goes away before the page is sent is no error."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)
