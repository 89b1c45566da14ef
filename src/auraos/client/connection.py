"""The way to one server: every call takes it, with its key, and is repeated where that is safe.

A call that changes something is repeated only where nothing can have been done yet (nobody was reached, or the server said
so), or where it is done once under its Idempotency-Key however often it is asked for.
"""

import asyncio
import random
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final, TypeVar
from urllib.parse import quote, urlencode, urlsplit
from uuid import uuid4

import aiohttp
import msgspec

from auraos.client.errors import (
    ClientError,
    NoServerThereError,
    ProblemError,
    UnknownOutcomeError,
    UnreachableError,
    problem_of,
)

T = TypeVar("T")
PATIENCE: Final = 15.0
"""For so many seconds a call is repeated that did not get through."""
LONGEST_ANSWER: Final = 90.0
"""For so many seconds an answer may be silent; a call that waits for a run is silent for a minute."""
FIRST_PAUSE, LONGEST_PAUSE = 0.1, 3.0
_PROBLEM, _JSON = "application/problem+json", "application/json"
_COMES_BACK = ("engine-closed", "engine-gone", "not-ready", "store-unavailable")
"""What a server says that is just restarted: a call that may be repeated is."""
_BETWEEN = (502, 503, 504)
"""What a proxy answers whose server is away."""


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """One call, as it is sent."""

    method: str
    path: str
    query: Mapping[str, Any] = {}
    body: Mapping[str, Any] | None = None
    headers: Mapping[str, str] = {}

    @property
    def may_repeat(self) -> bool:
        """Return whether it can be sent again when nobody knows whether it was carried out."""
        return self.method == "GET" or bool(self.headers.get("Idempotency-Key"))


class Connection:
    """The way to one server. It is opened by the first call, and closed by whoever made it."""

    def __init__(
        self, url: str, key: str, *, patience: float = PATIENCE, tls: ssl.SSLContext | None = None
    ) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.username:
            raise NoServerThereError(
                f"{url!r} is not the address of a server.", "Write it as https://auraos.example.com."
            )
        self.url = f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}"
        self.patience = patience
        self._key = key
        self._tls = tls
        self._session: aiohttp.ClientSession | None = None

    def __repr__(self) -> str:
        return f"Connection({self.url!r})"

    async def close(self) -> None:
        """Close what is open."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def ask(self, wanted: type[T], call: Call) -> T:
        """Return what a call answers; raise `ProblemError`, `UnreachableError` and the others."""
        kind, body = await self.fetch(call)
        self._expect(_JSON, kind)
        try:
            return msgspec.json.decode(body, type=wanted)
        except msgspec.DecodeError as error:
            raise NoServerThereError(
                f"What {self.url} answers to {call.method} {call.path} is not as this client knows it: {error}.",
                "The server may be of another version.",
            ) from error

    async def fetch(self, call: Call) -> tuple[str, bytes]:
        """Return the kind and the bytes of what a call answers."""
        last = asyncio.get_running_loop().time() + self.patience
        pause = FIRST_PAUSE
        refused: ClientError
        wait: float | None
        while True:
            try:
                return await self._once(call)
            except UnreachableError as error:
                is_hopeless = isinstance(
                    error.__cause__, aiohttp.ClientSSLError | aiohttp.ClientConnectorDNSError
                )
                refused, wait = error, None if is_hopeless else pause
            except UnknownOutcomeError as error:
                refused, wait = error, pause if call.may_repeat else None
            except ProblemError as error:
                refused, wait = error, _wait_after(error, call, pause)
            if wait is None or asyncio.get_running_loop().time() + wait > last:
                raise refused
            await asyncio.sleep(wait * random.uniform(1.0, 1.2))  # noqa: S311 (only so that not all come at once)
            pause = min(pause * 2, LONGEST_PAUSE)

    @asynccontextmanager
    async def stream(
        self, call: Call, *, silence: float, kind: str = "text/event-stream"
    ) -> AsyncIterator[aiohttp.StreamReader]:
        """Open an answer that goes on, of this kind; silence for so many seconds ends it."""
        limits = aiohttp.ClientTimeout(total=None, sock_connect=10.0, sock_read=silence)
        async with self._sent(call, limits) as answer:
            if answer.status != 200:
                _, body = await self._read(answer)
                raise NoServerThereError(f"{self.url} answers {answer.status} and {len(body)} bytes.")
            self._expect(kind, answer.content_type)
            yield answer.content

    async def _once(self, call: Call) -> tuple[str, bytes]:
        limits = aiohttp.ClientTimeout(total=None, sock_connect=10.0, sock_read=LONGEST_ANSWER)
        async with self._sent(call, limits) as answer:
            return await self._read(answer)

    @asynccontextmanager
    async def _sent(self, call: Call, limits: aiohttp.ClientTimeout) -> AsyncIterator[aiohttp.ClientResponse]:
        """Send a call; what breaks on the way is told as it is to be understood."""
        headers = {"Accept": f"{_JSON}, */*", **call.headers}
        if self._key:
            headers["Authorization"] = f"Bearer {self._key}"
        data = None
        if call.body is not None:
            data = msgspec.json.encode(call.body)
            headers["Content-Type"] = _JSON
        query = _query(call.query)
        try:
            async with self._opened().request(
                call.method, f"{self.url}{call.path}{'?' * bool(query)}{query}", data=data, headers=headers,
                timeout=limits, allow_redirects=False,
            ) as answer:  # fmt: skip
                yield answer
        except aiohttp.ClientConnectorError as error:
            raise UnreachableError(
                f"Nobody answers at {self.url}: {_words(error)}.",
                "Is the server running, and the address right?",
            ) from error
        except aiohttp.ConnectionTimeoutError as error:
            raise UnreachableError(
                f"Nobody answers at {self.url} in time.", "Is the address right, and the way to it free?"
            ) from error
        except (aiohttp.ClientError, TimeoutError, ConnectionError) as error:
            raise UnknownOutcomeError(
                f"{self.url} was asked for {call.method} {call.path}, and no whole answer came.",
                "" if call.may_repeat else "Look whether it was done before you ask again.",
            ) from error

    async def _read(self, answer: aiohttp.ClientResponse) -> tuple[str, bytes]:
        body = await answer.read()
        if 200 <= answer.status < 300:
            return answer.content_type, body
        retry_after = _seconds(answer.headers.get("Retry-After", ""))
        if answer.status >= 400 and answer.content_type == _PROBLEM:
            raise problem_of(answer.status, body, retry_after)
        if answer.status in _BETWEEN:
            raise UnreachableError(
                f"Nobody answers behind {self.url} ({answer.status}).", "The server may be away for a moment."
            )
        where = answer.headers.get("Location", "")
        raise NoServerThereError(
            f"What answers at {self.url} is no server of AuraOS: {answer.status} {where}".rstrip() + ".",
            "Is the address right?",
        )

    def _expect(self, wanted: str, kind: str) -> None:
        if kind != wanted:
            raise NoServerThereError(
                f"What answers at {self.url} is no server of AuraOS: it sends {kind or 'nothing'}.",
                "Is the address right?",
            )

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            connector = aiohttp.TCPConnector(ssl=self._tls if self._tls is not None else True)
            self._session = aiohttp.ClientSession(
                connector=connector,
                headers={"User-Agent": "auraos-client"},
                cookie_jar=aiohttp.DummyCookieJar(),
            )
        return self._session


def in_path(text: str | int) -> str:
    """Return a part of a path as it is sent."""
    if text in ("", ".", ".."):
        raise ValueError(f"{text!r} is no name.")
    return quote(str(text), safe="")


def body_of(**fields: Any) -> dict[str, Any]:
    """Return the fields of a body that were given."""
    return {name: value for name, value in fields.items() if value is not msgspec.UNSET}


def new_key() -> str:
    """Return a key under which something is done once; a call without one of its own gets it, so that it can be repeated."""
    return uuid4().hex


def headers_of(**told: str | int | None) -> dict[str, str]:
    """Return headers that were given; a revision is told in quotes, as an ETag is."""
    return {
        name.replace("_", "-"): f'"{value}"' if isinstance(value, int) else value
        for name, value in told.items()
        if value not in (None, "")
    }


def _query(query: Mapping[str, Any]) -> str:
    pairs: list[tuple[str, str]] = []
    for name, value in query.items():
        values = value if isinstance(value, tuple | list) else (value,)
        pairs += [(name, _text(one)) for one in values if one is not None]
    return urlencode(pairs)


def _text(value: Any) -> str:
    return ("true" if value else "false") if isinstance(value, bool) else str(value)


def _wait_after(error: ProblemError, call: Call, pause: float) -> float | None:
    """Return after how many seconds a refused call is sent again; None where it is not."""
    if error.status in (429, 503) and error.retry_after is not None:
        return error.retry_after
    return pause if call.may_repeat and error.code in _COMES_BACK else None


def _seconds(text: str) -> float | None:
    return float(text) if text.isascii() and text.isdigit() and len(text) < 6 else None


def _words(error: aiohttp.ClientConnectorError) -> str:
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return "the name is not known"
    if isinstance(error, aiohttp.ClientSSLError):
        return f"its certificate is not trusted ({error.os_error.strerror or error.os_error})"
    return (error.os_error.strerror or str(error.os_error)).rstrip(".")
