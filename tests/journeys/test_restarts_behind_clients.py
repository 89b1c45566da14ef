"""A server is restarted again and again while programs start runs: who tries again never fails, and nothing is started twice."""

import http.client
import json
import socket
import threading
import time
from collections import Counter
from urllib.parse import urlsplit

import pytest

from owned_server import OwnedServer

CLIENTS = 4
LONGEST = 60.0
QUICK = """kind: workflow
name: quick
spec:
  input: {type: object, properties: {n: {type: integer}}}
  steps: {answer: {type: noop, with: {value: "{{ input.n }}"}}}
  output: "{{ steps.answer }}"
"""


class Client(threading.Thread):
    """Starts runs one after the other, each under a key of its own, and asks again for as long as it takes."""

    def __init__(self, server: OwnedServer, name: str, stop: threading.Event) -> None:
        super().__init__(daemon=True)
        self.address, self.key, self.name_ = urlsplit(server.url).netloc, server.key, name
        self.stop = stop
        self.done: dict[int, str] = {}
        self.wrong: list[object] = []
        self.longest = 0.0

    def run(self) -> None:
        number = 0
        while not self.stop.is_set() and not self.wrong:
            number += 1
            began = time.monotonic()
            while (told := self._start(number)) is None and time.monotonic() - began < LONGEST:
                time.sleep(0.02)
            self.longest = max(self.longest, time.monotonic() - began)
            if told is None:
                self.wrong.append(f"{number} took too long")
            else:
                self.done[number] = told

    def _start(self, number: int) -> str | None:
        """Return the run that was started; None where it is to be tried again."""
        connection = http.client.HTTPConnection(self.address, timeout=10)
        headers = {
            "authorization": f"Bearer {self.key}",
            "content-type": "application/json",
            "idempotency-key": f"{self.name_}-{number}",
        }
        body = json.dumps({"input": {"n": number}})
        try:
            connection.request("POST", "/api/v1/workflows/quick/runs?wait=5", body, headers)
            answer = connection.getresponse()
            said = json.loads(answer.read())
        except (OSError, http.client.HTTPException):
            return None
        finally:
            connection.close()
        if answer.status == 503 or (
            answer.status in (200, 201) and said["state"] not in ("succeeded", "failed")
        ):
            return None
        if answer.status not in (200, 201) or said["output"] != number:
            self.wrong.append((answer.status, said))
            return None
        return str(said["run"])


@pytest.fixture
def port() -> int:
    """Return a port that is free, and stays so long enough."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@pytest.mark.parametrize("restarts", [3, pytest.param(20, marks=pytest.mark.slow)])
@pytest.mark.timeout(400)
def test_r35_clients_that_try_again_never_fail_while_the_server_is_restarted(auraos, port, restarts):
    words = ("--port", str(port))
    server = OwnedServer(auraos, *words)
    made = server.ask("POST", "/definitions", {"text": QUICK})
    server.publish("workflow", "quick", made["revision"])
    stop = threading.Event()
    clients = [Client(server, f"client-{number}", stop) for number in range(CLIENTS)]
    for client in clients:
        client.start()
    try:
        for _ in range(restarts):
            until_more(clients)
            code, log = server.stop()
            assert (code, "api.broke" in log) == (0, False), log
            server = again(server, auraos, *words)
        until_more(clients)
    finally:
        stop.set()
        for client in clients:
            client.join(LONGEST)
    assert [client.wrong for client in clients] == [[]] * CLIENTS
    started = [run for client in clients for run in client.done.values()]
    assert max(Counter(started).values()) == 1
    assert runs_of(server) == set(started)
    assert server.stop()[0] == 0


def again(before: OwnedServer, auraos, *words: str) -> OwnedServer:
    """Serve the same folder once more."""
    server = OwnedServer.__new__(OwnedServer)
    super(OwnedServer, server).__init__(auraos, *words)
    server.folder, server.session, server.key = before.folder, before.session, before.key
    return server


def until_more(clients: list[Client]) -> None:
    """Return when each client was told of three runs more."""
    goals = [len(client.done) + 3 for client in clients]
    last = time.monotonic() + LONGEST
    while any(len(client.done) < goal for client, goal in zip(clients, goals, strict=True)):
        assert time.monotonic() < last, [client.wrong for client in clients]
        assert not any(client.wrong for client in clients), [client.wrong for client in clients]
        time.sleep(0.01)


def runs_of(server: OwnedServer) -> set[str]:
    """Return all runs that there are."""
    found: set[str] = set()
    after = ""
    while True:
        page = server.ask("GET", f"/runs?limit=1000{after}")
        found |= {run["run"] for run in page["items"]}
        if not page["next"]:
            return found
        after = f"&after={page['next']}"
