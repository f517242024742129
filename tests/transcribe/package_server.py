"""A web server on this machine that behaves like a package index or a download site, well or badly."""

from __future__ import annotations

import base64
import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class PackageServer:
    """What the server holds and how it behaves; tests change it while it runs."""

    files: dict[str, bytes] = field(default_factory=dict)
    """By name; each is on the index as a wheel, and at /files/NAME."""
    port: int = 0
    break_after: int | None = None
    """Bytes after which every answer's connection is dropped."""
    half: threading.Event | None = None
    """Where given, the next file stops half-way until it is set, and then as `breaks` says."""
    breaks: bool = False
    """The file that stopped half-way is not gone on with."""
    password: str = ""
    """Where given, "user:password" that every request must bring."""
    ranges: bool = True
    silent: threading.Event = field(default_factory=threading.Event)
    """Not set: the server keeps every request waiting until it is."""
    index_there: bool = True
    asked: list[tuple[str, str | None, str | None]] = field(default_factory=list)
    """(path, Range, Authorization) of every request."""

    @property
    def index(self) -> str:
        return f"http://127.0.0.1:{self.port}/simple"

    def url(self, name: str) -> str:
        return f"http://127.0.0.1:{self.port}/files/{name}"

    def page(self, project: str) -> bytes:
        """The project's page of the simple index (PEP 503)."""
        stem = project.replace("-", "_") + "-"
        links = [
            f'<a href="../../files/{name}#sha256={hashlib.sha256(content).hexdigest()}">{name}</a><br>'
            for name, content in self.files.items()
            if name.startswith(stem)
        ]
        return f"<!DOCTYPE html><html><body>{''.join(links)}</body></html>".encode()

    def lets_in(self, authorization: str | None) -> bool:
        return not self.password or authorization == "Basic " + base64.b64encode(self.password.encode()).decode()


@contextmanager
def serving() -> Iterator[PackageServer]:
    """A running server, answering at once."""
    state = PackageServer()
    state.silent.set()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler_of(state))
    server.daemon_threads = True
    state.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, name="package server")
    thread.start()
    try:
        yield state
    finally:
        state.silent.set()
        server.shutdown()
        thread.join(timeout=10)
        server.server_close()


def _handler_of(state: PackageServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:
            """Quiet."""

        def do_GET(self) -> None:
            state.asked.append((self.path, self.headers.get("Range"), self.headers.get("Authorization")))
            state.silent.wait(timeout=60)
            kind, _, name = self.path.strip("/").partition("/")
            if not state.lets_in(self.headers.get("Authorization")):
                self._send(401, b"who are you?")
            elif kind == "simple" and state.index_there:
                self._send(200, state.page(name), "text/html")
            elif name in state.files:
                self._send_file(state.files[name])
            else:
                self._send(404, b"not here")

        def _send_file(self, content: bytes) -> None:
            asked = self.headers.get("Range")
            if not asked or not state.ranges:
                self._send(200, content)
                return
            start = int(asked.removeprefix("bytes=").removesuffix("-"))
            if start >= len(content):
                self._send(416, b"")
            else:
                self._send(206, content[start:])

        def _send(self, status: int, body: bytes, kind: str = "application/octet-stream") -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            if status == 401:
                self.send_header("WWW-Authenticate", 'Basic realm="packages"')
            self.end_headers()
            self.wfile.write(
                body[: state.break_after] if state.half is None or kind == "text/html" else self._half(body)
            )
            self.close_connection = True

        def _half(self, body: bytes) -> bytes:
            """Send half of a file, wait, and return what is still to be sent."""
            middle = len(body) // 2
            half, breaks, state.half = state.half, state.breaks, None
            self.wfile.write(body[:middle])
            self.wfile.flush()
            if half is not None:
                half.wait(timeout=60)
            return b"" if breaks else body[middle:]

    return Handler
