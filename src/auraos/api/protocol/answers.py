"""What goes out over HTTP."""

import base64
import hashlib
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any, Final, TypeAlias

import msgspec

ALWAYS: Final = {
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
}
"""What stands on every answer of the API, unless it says otherwise itself."""


Send: TypeAlias = Callable[[MutableMapping[str, Any]], Awaitable[None]]


def mark_of(body: bytes) -> str:
    """Return a mark that tells what a body says from all else."""
    return base64.urlsafe_b64encode(hashlib.blake2b(body, digest_size=12).digest()).decode()


class Reply(ABC):
    """An answer that knows how to send itself."""

    status = 200
    goes_on = False
    """Whether it is sent for as long as whoever asked is there."""

    @abstractmethod
    async def send(self, send: Send, *, with_body: bool, request: str) -> None:
        """Send it; without its body where only its head was asked for."""


class Answer(Reply):
    """A whole answer."""

    def __init__(
        self,
        status: int,
        body: bytes = b"",
        kind: str = "application/json",
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.status = status
        self.body = body
        self.headers = {**ALWAYS, **(headers or {})}
        if body:
            self.headers["content-type"] = kind

    @classmethod
    def of(cls, value: Any, status: int = 200, **headers: str) -> "Answer":
        """Return the answer that says this as JSON; nothing to say is 204. A revision is told by the `ETag` too."""
        headers = {name.replace("_", "-"): told for name, told in headers.items()}
        if value is None:
            return cls(204 if status == 200 else status, headers=headers)
        body = msgspec.json.encode(value)
        revision = getattr(value, "revision", 0)
        if revision:
            headers["etag"] = f'"{revision}.{mark_of(body)}"'
        return cls(status, body, headers=headers)

    async def send(self, send: Send, *, with_body: bool, request: str) -> None:
        """Send it in two messages."""
        headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in self.headers.items()]
        headers.append((b"x-request-id", request.encode()))
        headers.append((b"content-length", str(len(self.body)).encode()))
        await send({"type": "http.response.start", "status": self.status, "headers": headers})
        await send({"type": "http.response.body", "body": self.body if with_body else b""})
