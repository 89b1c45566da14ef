"""What is checked of a request before anything is sent: its address, its headers, and where its secret goes."""

import base64
import re
from collections.abc import Mapping
from typing import Any

import msgspec
from yarl import URL

from auraos.sdk import StepFailed
from auraos.security.opened import Opened

LONGEST_URL = 16_000
MOST_HEADER_BYTES = 64_000

_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_HEADER_VALUE = re.compile("[\t\x20-\x7e\x80-\ud7ff\ue000-\U0010ffff]*")
_URL_TEXT = re.compile(r"[^\x00-\x20\x7f\\\u2028\u2029]+")
_WELL_FORMED = re.compile(r"(?:[A-Za-z0-9\-._~:/?\[\]@!$&'()*+,;=]|%[0-9A-Fa-f]{2})+")
_OURS = frozenset(
    """host content-length transfer-encoding connection te trailer upgrade keep-alive expect accept-encoding
    proxy-authorization proxy-connection http2-settings""".split()  # noqa: SIM905 (reads better)
)
_KEPT_ELSEWHERE = frozenset(
    ("accept", "accept-language", "content-type", "content-language", "user-agent", "range")
)
_METHODS = frozenset(("GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"))


class Outgoing(msgspec.Struct, frozen=True, kw_only=True):
    """A request that was checked; `url` may hold a secret, `shown` never does."""

    method: str
    url: URL
    shown: str
    headers: dict[str, str]
    body: Any = None
    carries_secret: bool = False
    certificate: Opened | None = None
    """With what the client proves itself when the encrypted connection begins."""

    @property
    def host(self) -> str:
        """Return the host as the client will use it."""
        return self.url.raw_host or ""

    @property
    def port(self) -> int:
        """Return the port as the client will use it."""
        return self.url.port or 0


def read_request(
    method: str, url: str, headers: Mapping[str, str] | None, body: Any, *, carries_secret: bool = False
) -> Outgoing:
    """Return a request that may be sent as it is; fail before anything is sent when it may not."""
    if method.upper() not in _METHODS:
        message = f"{method[:20]!r} is no method that can be sent."
        raise StepFailed(
            message, error_class="data", code="bad-method", hint=f"Use {', '.join(sorted(_METHODS))}."
        )
    parsed = read_url(url)
    return Outgoing(
        method=method.upper(), url=parsed, shown=show(parsed), headers=read_headers(headers or {}), body=body,
        carries_secret=carries_secret,
    )  # fmt: skip


def read_url(text: str) -> URL:
    """Return the parsed form that is checked and then used as it is: nobody else parses it again."""
    if not isinstance(text, str) or not _URL_TEXT.fullmatch(text) or len(text) > LONGEST_URL:
        raise _bad_url(
            str(text), "it has spaces, line breaks, backslashes or control characters, or is too long"
        )
    try:
        url = URL(text)
        host, port = url.raw_host, url.port
    except ValueError as error:  # of yarl, and of the encoding of host names
        raise _bad_url(text, str(error)) from None
    if url.scheme not in ("http", "https"):
        raise _bad_url(text, "only http and https are allowed")
    if not host or not port:
        raise _bad_url(text, "it names no host")
    if url.raw_user is not None or url.raw_password is not None:
        raise _bad_url(
            text, "user names and passwords do not belong into an address", "Use the setting `secret`."
        )
    return _as_written(text.partition("#")[0], url.with_fragment(None))


def _as_written(text: str, url: URL) -> URL:
    """Return the address letter for letter where it is well formed: signed addresses break when they are spelt anew."""
    if not _WELL_FORMED.fullmatch(text):
        return url
    exact = URL(text, encoded=True)
    same = (exact.scheme, exact.raw_authority) == (url.scheme, url.raw_authority) and exact.raw_path
    return exact if same else url


def read_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """Return headers that cannot end the head of the request early or change whom it goes to."""
    read: dict[str, str] = {}
    present: set[str] = set()
    for name, value in headers.items():
        if not _TOKEN.fullmatch(name):
            raise _bad_header(name, "that is no name of a header")
        if name.lower() in _OURS:
            raise _bad_header(name, "the client sets it itself")
        if name.lower() in present:
            raise _bad_header(name, "it is set twice")
        present.add(name.lower())
        if not isinstance(value, str) or not _HEADER_VALUE.fullmatch(value):
            raise _bad_header(name, "its value has a line break or a control character, or is no text")
        read[name] = value.strip()
    if (
        sum(len(name) + len(value.encode("utf-8", "surrogatepass")) for name, value in read.items())
        > MOST_HEADER_BYTES
    ):
        raise StepFailed("The headers are too long.", error_class="data", code="bad-header")
    return read


def with_secret(request: Outgoing, value: str, secret_in: str) -> Outgoing:
    """Return the request with a revealed secret in its place."""
    place, _, name = secret_in.partition(":")
    if place == "query" and name:
        added = request.url.extend_query({name: value})
        return msgspec.structs.replace(request, url=added, carries_secret=True)
    match place:
        case "bearer" if not name:
            header, content = "Authorization", f"Bearer {value}"
        case "basic":
            pair = f"{name}:{value}" if name else value
            header, content = "Authorization", "Basic " + base64.b64encode(pair.encode()).decode()
        case "header" if _TOKEN.fullmatch(name):
            header, content = name, value
        case _:
            raise StepFailed(
                f"{secret_in!r} says no place for a secret.",
                error_class="data",
                code="settings-refused",
                hint="Use bearer, basic, basic:USER, header:NAME or query:NAME.",
            )
    headers = read_headers({**request.headers, header: content})
    if header in request.headers:
        raise _bad_header(header, "it is set twice, by the headers and by the secret")
    return msgspec.structs.replace(request, headers=headers, carries_secret=True)


def next_hop(request: Outgoing, status: int, location: str) -> Outgoing:
    """Return the request that a redirect asks for; to another origin it carries no secrets and no headers of its own."""
    try:
        url = request.url.join(URL(location))
    except ValueError as error:
        raise _bad_url(location, str(error)) from None
    target = read_url(str(url))
    headers = request.headers
    keeps_secret, certificate = request.carries_secret, request.certificate
    if target.origin() != request.url.origin():
        headers = {name: value for name, value in headers.items() if name.lower() in _KEPT_ELSEWHERE}
        keeps_secret, certificate = False, None
    method, body = request.method, request.body
    if becomes_get(method, status):
        method, body = "GET", None
        headers = {name: value for name, value in headers.items() if name.lower() != "content-type"}
    elif body is not None and not isinstance(body, bytes):
        message = f"{request.shown} redirects, and a body that is sent piece by piece cannot be sent again."
        raise StepFailed(message, code="redirect-needs-body", hint=f"Ask {show(target)} directly.")
    return Outgoing(
        method=method, url=target, shown=show(target), headers=headers, body=body, carries_secret=keeps_secret,
        certificate=certificate,
    )  # fmt: skip


def becomes_get(method: str, status: int) -> bool:
    """Return whether a redirect with this status is followed by GET, as browsers do."""
    if status == 303:
        return method not in ("GET", "HEAD")
    return status in (301, 302) and method == "POST"


def show(url: URL) -> str:
    """Return an address for people: without its query, which may hold what is not meant for them."""
    return str(url.with_query(None).with_fragment(None))


def _bad_url(text: str, fault: str, hint: str = "") -> StepFailed:
    shown = text.partition("?")[0][:200]
    shown = re.sub(r"//[^/@]*@", "//…@", shown)
    return StepFailed(f"{shown!r} cannot be asked: {fault}.", code="bad-url", hint=hint)


def _bad_header(name: str, fault: str) -> StepFailed:
    message = f"The header {name[:60]!r} cannot be sent: {fault}."
    return StepFailed(message, error_class="data", code="bad-header")
