"""A real web server on 127.0.0.1 that serves what a test gives it, as badly as the test wants."""

from __future__ import annotations

import hashlib
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType

LONG_AGO = formatdate(1_700_000_000, usegmt=True)


@dataclass
class Page:
    """What is at a path. `etag` "auto" is of the content; `ranges`: parts are served.

    `cuts` are after how many bytes of an answer the line breaks, each for one answer. `hold` stops each answer after
    `hold_at` bytes until it is set. `promised` is a length that is not true, -1 for none; `fails` are answers to give
    first; `then` is done after each.
    """

    data: bytes = b""
    etag: str = "auto"
    modified: str = ""
    ranges: bool = True
    cuts: list[int] = field(default_factory=list)
    hold: threading.Event | None = None
    hold_at: int = 0
    promised: int | None = None
    fails: list[int] = field(default_factory=list)
    redirect: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    then: Callable[[], None] | None = None

    @property
    def tag(self) -> str:
        """The ETag, with its quotes."""
        return f'"{hashlib.sha256(self.data).hexdigest()[:12]}"' if self.etag == "auto" else self.etag


class Web:
    """The server; use it as a context manager. `pages` are by path, `asked` each request's path and Range.

    `unchanged` are the paths that were not sent, since who asked had them.
    """

    def __init__(self, certificate: Path | None = None) -> None:
        self.pages: dict[str, Page] = {}
        self.asked: list[tuple[str, str]] = []
        self.unchanged: list[str] = []
        self.holding = threading.Event()
        web = self

        class Handler(_Handler):
            served = web

        self._server = _Server(("127.0.0.1", 0), Handler)
        self.scheme = "http"
        if certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
            self.scheme = "https"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))

    def serve(self, path: str, data: bytes = b"", **more: object) -> str:
        """Put `data` at `path`; returns its address. `more` are fields of `Page`."""
        self.pages[path] = Page(data, **more)  # type: ignore[arg-type]
        return self.url(path)

    def url(self, path: str, host: str = "127.0.0.1") -> str:
        """The address of `path`."""
        return f"{self.scheme}://{host}:{self._server.server_address[1]}{path}"

    def ranges(self, path: str) -> list[str]:
        """The Range of each request for `path`, empty where there was none."""
        return [asked for name, asked in self.asked if name == path]

    def __enter__(self) -> Web:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        for page in self.pages.values():
            if page.hold is not None:
                page.hold.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def handle_error(self, request: object, client_address: object) -> None:
        """A runner that is killed, or does not trust the certificate: that is what some tests are about."""


class _Handler(BaseHTTPRequestHandler):
    served: Web
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        """Answer as the page says."""
        path = self.path.partition("?")[0]
        self.served.asked.append((path, self.headers.get("Range", "")))
        page = self.served.pages.get(path, Page(fails=[404]))
        if page.fails:
            self._say(page.fails.pop(0), {"Content-Length": "0"})
        elif page.redirect:
            self._say(302, {"Location": page.redirect, "Content-Length": "0"})
        elif self._has(page):
            self.served.unchanged.append(path)
            self._say(304, {"ETag": page.tag, "Content-Length": "0"})
        else:
            self._send(page)

    def _has(self, page: Page) -> bool:
        """Whether the one who asks has it already (RFC 9110, 13.2.2)."""
        tag, since = self.headers.get("If-None-Match"), self.headers.get("If-Modified-Since")
        return tag == page.tag if tag is not None else since is not None and since == page.modified

    def _send(self, page: Page) -> None:
        start = self._start(page)
        size = len(page.data)
        headers = {"ETag": page.tag, "Last-Modified": page.modified, **page.headers}
        if start is not None and start >= size:
            self._say(416, {"Content-Range": f"bytes */{size}", "Content-Length": "0"})
            return
        body = page.data[start or 0 :]
        length = len(body) if page.promised is None else page.promised - (start or 0)
        headers["Content-Length"] = str(length) if page.promised != -1 else ""
        if start is not None:
            headers["Content-Range"] = f"bytes {start}-{size - 1}/{size}"
        self._say(200 if start is None else 206, headers)
        self._body(page, body)
        if length != len(body):
            self.close_connection = True

    def _start(self, page: Page) -> int | None:
        """Where the part that is asked for begins; None for all of it."""
        wanted = self.headers.get("Range", "")
        if not page.ranges or not wanted.startswith("bytes="):
            return None
        if self.headers.get("If-Range") not in (None, page.tag, page.modified):
            return None
        return int(wanted[6:].partition("-")[0])

    def _body(self, page: Page, body: bytes) -> None:
        end = min(page.cuts.pop(0), len(body)) if page.cuts else None
        if page.hold is not None and len(body) > page.hold_at:
            self._write(body[: page.hold_at])
            self.served.holding.set()
            page.hold.wait(60)
            self._write(body[page.hold_at : end])
        else:
            self._write(body[:end])
        if end is not None:
            self.close_connection = True
        if page.then is not None:
            page.then()

    def _write(self, data: bytes) -> None:
        self.wfile.write(data)
        self.wfile.flush()

    def _say(self, status: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            if value:
                self.send_header(name, value)
        if not headers.get("Content-Length"):
            self.close_connection = True
            self.send_header("Connection", "close")
        self.end_headers()
