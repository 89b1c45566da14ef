"""The world outside: an HTTP server on loopback that notes each effect with its key, on a thread of its own."""

import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType


class Witness:
    """Notes `POST /<step>` with `Idempotency-Key`; `GET /<key>` answers 200 for a key that it saw, else 404."""

    def __init__(self) -> None:
        self.effects: list[tuple[str, str]] = []
        self.changed = threading.Condition()
        self.hold = threading.Event()
        self.hold.set()
        witness = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length", 0)))
                with witness.changed:
                    witness.effects.append((self.path[1:], self.headers["Idempotency-Key"]))
                    witness.changed.notify_all()
                witness.hold.wait(20)
                self._answer(200)

            def do_GET(self) -> None:
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

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
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
