"""`auraos serve` in a process of its own, as an operator would start it, and what is asked of it from outside."""

import http.client
import json
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

WAITING = """kind: workflow
name: waiting
spec:
  steps:
    paid: {type: wait.signal, with: {name: paid}}
  output: "{{ steps.paid.data.amount }}"
"""


def until(condition: Callable[[], object], seconds: float = 60.0) -> Any:
    """Return what a condition that another process brings about says, once it says something."""
    last = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < last, "it never came about"
        time.sleep(0.05)
    return found


class Server:
    """A process that serves; it is ready when this is made."""

    def __init__(
        self, auraos: Any, *words: str, before: Sequence[str] = (), environment: dict[str, str] | None = None
    ) -> None:
        port = () if "--port" in words else ("--port", "0")
        self.process = subprocess.Popen(
            [*before, auraos.binary, "serve", *port, "--json", *words],
            cwd=auraos.folder,
            env={**auraos.environment, **(environment or {})},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        told = ""
        while not told.endswith("}\n"):
            line = self.process.stdout.readline()
            assert line, self.process.communicate()
            told += line
        self.ready: dict[str, Any] = json.loads(told)
        self.url: str = self.ready["url"]

    def get(self, path: str, timeout: float = 10.0) -> tuple[int, dict[str, Any]]:
        """Return the status and the document at a path."""
        connection = http.client.HTTPConnection(urlsplit(self.url).netloc, timeout=timeout)
        with closing(connection):
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())

    def stop(self, number: int = signal.SIGTERM, timeout: float = 40.0) -> tuple[int, str]:
        """Send a signal; return the exit code and all that was logged."""
        self.process.send_signal(number)
        return self.end(timeout)

    def end(self, timeout: float = 40.0) -> tuple[int, str]:
        """Wait for the end of the process; return its exit code and all that was logged."""
        _, log = self.process.communicate(timeout=timeout)
        return self.process.returncode, log

    def kill(self) -> None:
        """End it in the hardest way, if it is still there."""
        self.process.kill()
        self.process.communicate()


@contextmanager
def answering(handler: type[BaseHTTPRequestHandler], **known: Any) -> Iterator[ThreadingHTTPServer]:
    """Let a handler answer on a port of this machine; what it is to know stands on its server."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    for name, value in known.items():
        setattr(server, name, value)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class HeldAnswers:
    """A server of the world outside that answers a request only when it is told to, and notes who asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.answer = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()
        self.address = f"127.0.0.1:{self._server.server_port}"
        self.workflow = (
            "kind: workflow\nname: write\nspec:\n  steps:\n    send:\n      type: http.request\n"
            f'      with: {{method: POST, url: "http://{self.address}/orders", json: {{n: 1}}}}\n'
        )

    def close(self) -> None:
        """Answer whoever waits, and end."""
        self.answer.set()
        self._server.shutdown()
        self._server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        noted, answer = self.asked, self.answer

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length", 0)))
                noted.append(self.headers.get("Idempotency-Key", ""))
                answer.wait(60)
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                return

        return Handler
