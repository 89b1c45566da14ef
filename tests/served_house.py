"""A server with an owner, and what the owner asks of it over HTTP; it may be killed and started again."""

import http.client
import json
import signal
from collections.abc import Sequence
from contextlib import closing
from typing import Any
from urllib.parse import urlsplit

from server_process import Server

PASSWORD = "a long way home"


class ServedHouse:
    """`auraos serve` in a process of its own, with its first owner."""

    def __init__(self, auraos: Any, *words: str, environment: dict[str, str] | None = None) -> None:
        self._start = lambda: Server(auraos, *words, environment=environment)
        self.server = self._start()
        wish = {
            "token": self.server.ready["first_owner"],
            "name": "ada",
            "password": PASSWORD,
            "carry": "token",
        }
        self.token = ""
        self.token = self.ask("POST", "/api/v1/owner", wish, status=201)["token"]

    def send(
        self, method: str, path: str, body: Any = None, **headers: str
    ) -> tuple[int, dict[str, str], bytes]:
        """Return the status, the headers and the body of an answer."""
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.token:
            given.setdefault("Authorization", f"Bearer {self.token}")
        if body is not None:
            given["Content-Type"] = "application/json"
        with closing(http.client.HTTPConnection(urlsplit(self.server.url).netloc, timeout=30)) as connection:
            connection.request(method, path, None if body is None else json.dumps(body), given)
            answer = connection.getresponse()
            return answer.status, dict(answer.getheaders()), answer.read()

    def ask(
        self, method: str, path: str, body: Any = None, *, status: int | Sequence[int] = 200, **headers: str
    ) -> Any:
        """Return the document of an answer, which must have this status."""
        found, _, text = self.send(method, path, body, **headers)
        assert found in ((status,) if isinstance(status, int) else status), (method, path, found, text)
        return json.loads(text) if text else None

    def publish(self, text: str, workspace: str = "default") -> int:
        """Keep and publish a workflow, in place of its draft where there is one; return the version."""
        within = {"X_AuraOS_Workspace": workspace}
        name = next(line.removeprefix("name: ") for line in text.splitlines() if line.startswith("name: "))
        path = f"/api/v1/definitions/workflow/{name}"
        found, _, raw = self.send("GET", path, **within)
        if found == 404:
            row = self.ask("POST", "/api/v1/definitions", {"text": text}, status=201, **within)
        else:
            before = json.loads(raw)["revision"]
            row = self.ask("PUT", f"{path}/draft", {"text": text}, If_Match=f'"{before}"', **within)
        made = self.ask("POST", f"{path}/publish", {}, If_Match=f'"{row["revision"]}"', **within)
        return int(made["version"])

    def start(self, workflow: str, given: Any = None, *, wait: int = 0) -> dict[str, Any]:
        """Start a run."""
        body = {"input": given} if given is not None else {}
        path = f"/api/v1/workflows/{workflow}/runs?wait={wait}"
        made: dict[str, Any] = self.ask("POST", path, body, status=(200, 201, 202))
        return made

    def another(self, auraos: Any, *words: str) -> "ServedHouse":
        """Return another process on the same database, asked by the same owner."""
        other = ServedHouse.__new__(ServedHouse)
        other._start = lambda: Server(auraos, *words)
        other.server, other.token = other._start(), self.token
        return other

    def kill_and_start(self) -> None:
        """End the process in the hardest way, and start another one on what it left."""
        self.server.process.send_signal(signal.SIGKILL)
        self.server.process.communicate()
        self.server = self._start()

    def end(self) -> None:
        """End the process, if it is still there."""
        self.server.kill()
