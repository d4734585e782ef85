"""A proxy in front of an object store that fails when told to."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

_ERROR = b"<Error><Code>InternalError</Code><Message>An internal error.</Message></Error>"


@dataclass
class Faults:
    """What the proxy does to the next requests; afterwards it lets all through again.

    Attributes:
        url: where it listens.
        kind: 'error' answers 500, 'hang' does not answer.
        left: requests that it still does that to.
        met: requests that it has done that to.
    """

    url: str = ""
    kind: str = "error"
    left: int = 0
    met: int = 0
    released: threading.Event = field(default_factory=threading.Event)

    def fail(self, kind: str, times: int) -> None:
        """Fail the next requests."""
        self.kind, self.left, self.met = kind, times, 0


@contextmanager
def faulty(target: str) -> Iterator[Faults]:
    """Run a proxy for the time of a ``with`` block.

    Args:
        target: the object store's URL, ``http://host:port``.
    """
    faults = Faults()
    host = target.removeprefix("http://")

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _pass(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            if faults.left > 0:
                faults.left -= 1
                faults.met += 1
                self.close_connection = True
                if faults.kind == "hang":
                    faults.released.wait()
                else:
                    self._answer(500, [("Content-Type", "application/xml")], _ERROR)
                return
            behind = http.client.HTTPConnection(host, timeout=60)
            behind.request(self.command, self.path, body, dict(self.headers.items()))
            answer = behind.getresponse()
            content = answer.read()
            self._answer(answer.status, answer.getheaders(), content)
            behind.close()

        def _answer(self, status: int, headers: list[tuple[str, str]], content: bytes) -> None:
            of_head = {name.lower(): value for name, value in headers}
            self.send_response_only(status)
            for name, value in headers:
                if name.lower() not in ("content-length", "transfer-encoding", "connection"):
                    self.send_header(name, value)
            bodiless = self.command == "HEAD"
            length = of_head.get("content-length", "0") if bodiless else str(len(content))
            self.send_header("Content-Length", length)
            self.end_headers()
            if not bodiless:
                self.wfile.write(content)

        do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = _pass

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    faults.url = f"http://127.0.0.1:{server.server_address[1]}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield faults
    finally:
        faults.released.set()
        server.shutdown()
        server.server_close()
