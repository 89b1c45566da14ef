"""A server that somebody owns, in a process of its own, and what programs ask it by."""

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from server_process import Server

PASSWORD = "a long way home"


class OwnedServer(Server):
    """A server whose owner is `ada`; `session` is what carries a session of hers, `key` an API key."""

    def __init__(self, auraos: Any, *words: str) -> None:
        super().__init__(auraos, *words)
        self.folder: Path = auraos.folder
        claim = {"token": self.ready["first_owner"], "name": "ada", "password": PASSWORD, "carry": "token"}
        self.session: str = self.ask("POST", "/owner", claim, token="")["token"]
        self.key, self.key_id = self.new_key("for tests")

    def publish(self, kind: str, name: str, revision: int) -> None:
        """Publish a draft."""
        self.ask("POST", f"/definitions/{kind}/{name}/publish", {}, If_Match=f'"{revision}"')

    def ask(
        self, method: str, path: str, body: Any = None, *, token: str | None = None, **headers: str
    ) -> Any:
        """Return what the server answers under /api/v1, by the session of the owner where no other token is given."""
        raw = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.url}/api/v1{path}", raw, method=method)
        request.add_header("Content-Type", "application/json")
        for name, value in headers.items():
            request.add_header(name.replace("_", "-"), value)
        token = self.session if token is None else token
        if token:
            request.add_header("Authorization", f"Bearer {token}")
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                said = answer.read()
        except urllib.error.HTTPError as error:
            raise AssertionError(error.read()) from error
        return json.loads(said) if said else None

    def new_key(self, title: str, **more: Any) -> tuple[str, str]:
        """Return a new key of the owner, and its id."""
        made = self.ask("POST", "/me/keys", {"title": title, **more})
        return made["token"], made["key"]["id"]


@contextmanager
def owned_server(auraos: Any, *words: str) -> Iterator[OwnedServer]:
    """Serve for as long as it is wanted."""
    server = OwnedServer(auraos, *words)
    try:
        yield server
    finally:
        server.kill()
