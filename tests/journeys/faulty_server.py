"""A server on this machine that fails as it is told, and counts what arrived: the other side of a failure policy."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class FaultyServer(ThreadingHTTPServer):
    """Answers `/NAME` with the behaviours that were given for the name, one after another; the last one stays.

    A behaviour is a status (`500`), a status with seconds of Retry-After (`503/2`), `hang` (no answer), or `reset` (the
    connection breaks off).
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.behaviours: dict[str, list[str]] = {}
        self.requests: list[tuple[str, str]] = []
        self.keys: list[str] = []
        self.over = threading.Event()

    @property
    def place(self) -> str:
        return f"127.0.0.1:{self.server_address[1]}"

    def behave(self, **behaviours: str) -> None:
        """Say how to answer: `behave(stock="500 500 200")`."""
        self.behaviours |= {name: told.split() for name, told in behaviours.items()}

    def count(self, name: str, method: str = "") -> int:
        return sum(path == name and method in ("", verb) for verb, path in self.requests)


class _Handler(BaseHTTPRequestHandler):
    server: FaultyServer

    def do_GET(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        name = self.path.lstrip("/").partition("?")[0]
        self.server.requests.append((self.command, name))
        self.server.keys.append(self.headers.get("Idempotency-Key", ""))
        left = self.server.behaviours[name]
        told = left.pop(0) if len(left) > 1 else left[0]
        if told == "hang":
            self.server.over.wait()
        if told in ("hang", "reset"):
            self.close_connection = True
            return
        status, _, wait = told.partition("/")
        body = json.dumps({"path": name, "count": self.server.count(name)}).encode()
        self.send_response(int(status))
        if wait:
            self.send_header("Retry-After", wait)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_PUT = do_DELETE = do_GET  # noqa: N815 (names of the standard library)

    def log_message(self, *words: object) -> None:
        """Keep quiet."""


@contextmanager
def faulty_server() -> Iterator[FaultyServer]:
    """Run a server until the block ends."""
    server = FaultyServer()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.over.set()
        server.shutdown()
        thread.join()
        server.server_close()
