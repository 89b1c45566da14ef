"""What an attempt tells others of the trace that it works in."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager
from datetime import timedelta

from auraos.observability.traces import read, span_of
from auraos.sdk import Http
from auraos.sdk.protocols import Answer


def header_for(trace: str, run: str, path: str, attempt: int) -> str:
    """Return the `traceparent` that what an attempt asks of others carries; nothing where nobody traces."""
    within = read(trace)
    return "" if within is None else within.at(span_of(run, path, attempt)).header


def header_for_child(trace: str, caller: str) -> str:
    """Return the trace that a run belongs to which another run calls."""
    within = read(trace)
    return "" if within is None else within.at(span_of(caller)).header


class TracedHttp:
    """The way out of one attempt, which tells others the trace that it works in. What the author wrote goes before it."""

    def __init__(self, http: Http, header: str) -> None:
        self._http = http
        self._header = header

    def request(  # noqa: PLR0913 (as in the port)
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | AsyncIterator[bytes] | None = None,
        secret: str | None = None,
        secret_in: str = "bearer",  # noqa: S107 (a place, not a password)
        follow_redirects: bool = True,
        timeout: timedelta | None = None,
    ) -> AbstractAsyncContextManager[Answer]:
        """Send a request that tells its trace."""
        told = dict(headers or {})
        if not any(name.lower() == "traceparent" for name in told):
            told["traceparent"] = self._header
        return self._http.request(
            method, url, headers=told, body=body, secret=secret, secret_in=secret_in, follow_redirects=follow_redirects,
            timeout=timeout,
        )  # fmt: skip
