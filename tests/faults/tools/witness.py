"""The world outside: an HTTP server on loopback that notes each effect with its key, on a thread of its own.

Whoever asks whether it saw a key hears of everything that was on its way when he asked: it takes connections in their order
and drops none, and it answers only after all that came before was read.
"""

import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socket import socket
from types import TracebackType
from typing import Any

READ_WITHIN = 10.0


class _Server(ThreadingHTTPServer):
    """Takes many connections at once, and knows which of them it has not read yet."""

    daemon_threads = True
    request_queue_size = 1024

    def __init__(self, handler: type[BaseHTTPRequestHandler]) -> None:
        super().__init__(("127.0.0.1", 0), handler)
        self.unread: dict[Any, None] = {}
        self.was_read = threading.Condition()

    def process_request(self, request: "socket | tuple[bytes, socket]", client_address: Any) -> None:
        with self.was_read:
            self.unread[client_address] = None
        super().process_request(request, client_address)

    def process_request_thread(self, request: "socket | tuple[bytes, socket]", client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self.read(client_address)

    def read(self, client_address: Any) -> None:
        """Hear that what a connection said was read."""
        with self.was_read:
            self.unread.pop(client_address, None)
            self.was_read.notify_all()

    def wait_for_earlier(self, client_address: Any) -> None:
        """Return when all that came before this connection was read."""
        with self.was_read:
            earlier = set()
            for each in self.unread:
                if each == client_address:
                    break
                earlier.add(each)
            self.was_read.wait_for(lambda: not earlier & self.unread.keys(), READ_WITHIN)
            self.unread.pop(client_address, None)
            self.was_read.notify_all()


class Witness:
    """Notes `POST /<step>` with `Idempotency-Key`; `GET /<key>` answers 200 for a key that it saw, else 404."""

    def __init__(self) -> None:
        self.effects: list[tuple[str, str]] = []
        self.changed = threading.Condition()
        self.hold = threading.Event()
        self.hold.set()
        witness = self

        class Handler(BaseHTTPRequestHandler):
            server: _Server

            def do_POST(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length", 0)))
                with witness.changed:
                    witness.effects.append((self.path[1:], self.headers["Idempotency-Key"]))
                    witness.changed.notify_all()
                self.server.read(self.client_address)
                witness.hold.wait(20)
                self._answer(200)

            def do_GET(self) -> None:
                self.server.wait_for_earlier(self.client_address)
                self._answer(200 if self.path[1:] in {key for _, key in witness.effects} else 404)

            def _answer(self, status: int) -> None:
                try:
                    self.send_response(status)
                    self.send_header("Content-Length", "0")
                    self.end_headers()
                except OSError:
                    return

            def log_message(self, format: str, *args: object) -> None:
                return

        self._server = _Server(Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    @property
    def port(self) -> int:
        return self._server.server_address[1]

    def wait_for(self, count: int, *, ended: Callable[[], object] = lambda: None) -> None:
        """Return when this many effects were seen, or when `ended` says something."""
        with self.changed:
            for _ in range(400):
                if len(self.effects) >= count or ended() is not None:
                    return
                self.changed.wait(0.05)
        raise TimeoutError(f"Only {len(self.effects)} of {count} effects were seen.")

    def times(self, step: str) -> int:
        """Return how often a step had its effect."""
        return sum(name == step for name, _ in self.effects)

    def keys(self) -> set[str]:
        return {key for _, key in self.effects}

    def __enter__(self) -> "Witness":
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.hold.set()
        self._server.shutdown()
        self._server.server_close()
