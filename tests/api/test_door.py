"""The way of a request: found, recognised, allowed, read, carried out, answered."""

import json
import re
from typing import Annotated, Any

import msgspec
import pytest

from auraos.api.protocol.answers import Answer
from auraos.api.protocol.asking import Ask, Asked
from auraos.api.protocol.door import LARGEST_OF_STRANGERS, Door
from auraos.api.protocol.routes import Map, Routes
from auraos.core.errors import OperationalError, UserError
from auraos.security.access import Principal
from auraos.security.access.errors import NotAllowedError


class NotSignedInError(UserError):
    """Nobody knows you."""

    code = "not-signed-in"


class At(msgspec.Struct):
    name: str
    limit: Annotated[int, msgspec.Meta(ge=1)] = 10
    label: tuple[str, ...] = ()


class Body(msgspec.Struct, forbid_unknown_fields=True):
    count: int
    tags: list[str] = []


class Thing(msgspec.Struct):
    name: str
    revision: int = 3


class Keeper:
    """Knows Ann by the header `who`, and lets her do all but what is called `never`."""

    async def recognise(self, asked: Asked) -> Ask:
        who = asked.headers.get("who")
        if who is None and not asked.is_open:
            raise NotSignedInError("Sign in.")
        known = Principal(kind="person", id="1", name=who) if who else None
        return Ask(asked=asked, desk=None, workspace="default", who=known)

    async def admit(self, ask: Ask, found: Any, at: Any) -> None:
        if found.route.may == "never":
            raise NotAllowedError("You may not.")

    async def refused(self, ask: Ask, found: Any, error: NotAllowedError) -> None:
        self.heard = str(error)


@pytest.fixture
def carried_out() -> list[Any]:
    """Return what handlers carried out."""
    return []


@pytest.fixture
def door(carried_out) -> Door:
    routes = Routes()

    @routes.get("/things/{name}", may="things.read")
    async def show(ask: Ask, at: At) -> Thing:
        """Show a thing."""
        carried_out.append(at)
        return Thing(at.name)

    @routes.post("/things", may="things.make", status=201)
    async def make(ask: Ask, body: Body) -> Thing:
        """Make a thing."""
        carried_out.append(body)
        return Thing("new")

    @routes.put("/things/{name}", may="things.change", over=True)
    async def change(ask: Ask, at: At) -> None:
        """Change a thing."""
        carried_out.append(ask.revision)

    @routes.get("/never", may="never")
    async def never(ask: Ask) -> None:
        """Never."""
        carried_out.append("never")

    @routes.get("/open", may="open")
    async def open_(ask: Ask) -> Answer:
        """Answer anybody."""
        return Answer(200, b"hello", "text/plain")

    @routes.post("/open", may="open")
    async def come_in(ask: Ask, body: Body) -> None:
        """Come in."""

    @routes.get("/broken", may="open")
    async def broken(ask: Ask) -> None:
        """Break."""
        raise RuntimeError("secret of the house")

    @routes.get("/away", may="open")
    async def away(ask: Ask) -> None:
        """Fail for what is outside."""
        raise OperationalError("The disk is full.")

    return Door(Map(routes), Keeper(), lambda: "request-1")


class Got(msgspec.Struct):
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


async def ask(door: Door, method: str, path: str, body: bytes | None = None, **headers: str) -> Got:
    path, _, query = path.partition("?")
    given = {"who": "Ann", **({"content-type": "application/json"} if body is not None else {}), **headers}
    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "query_string": query.encode(),
        "headers": [
            (name.replace("_", "-").encode(), value.encode()) for name, value in given.items() if value
        ],
        "client": ("127.0.0.1", 5),
    }
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body or b"", "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    await door(scope, receive, send)
    start, end = sent
    told = {name.decode(): value.decode() for name, value in start["headers"]}
    return Got(start["status"], told, end["body"])


async def test_what_is_found_is_answered_as_json_with_its_revision(door):
    """S42."""
    got = await ask(door, "GET", "/things/lamp?limit=3&label=a&label=b")
    assert (got.status, got.json) == (200, {"name": "lamp", "revision": 3})
    assert re.fullmatch('"3\\.[A-Za-z0-9_-]{16}"', got.headers["etag"])
    assert got.headers["cache-control"] == "no-store"
    assert got.headers["x-content-type-options"] == "nosniff"
    assert got.headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"
    assert got.headers["x-request-id"] == "request-1"


async def test_the_head_of_an_answer_has_no_body(door):
    got = await ask(door, "HEAD", "/things/lamp")
    assert (got.status, got.body) == (200, b"")
    assert int(got.headers["content-length"]) > 0


async def test_what_is_made_is_answered_with_the_status_of_its_route(door, carried_out):
    got = await ask(door, "POST", "/things", b'{"count": 2, "tags": ["a"]}')
    assert got.status == 201
    assert carried_out == [Body(2, ["a"])]


async def test_nothing_to_say_is_204(door):
    got = await ask(door, "PUT", "/things/lamp", if_match='"7"')
    assert (got.status, got.body) == (204, b"")


@pytest.mark.parametrize(
    ("asked", "status", "code"),
    [
        (("GET", "/nothing", None, {}), 404, "no-route"),
        (("GET", "/things/", None, {}), 404, "no-route"),
        (("GET", "//things/lamp", None, {}), 404, "no-route"),
        (("GET", "/things/lamp/", None, {}), 404, "no-route"),
        (("GET", "/THINGS/lamp", None, {}), 404, "no-route"),
        (("DELETE", "/things/lamp", None, {}), 405, "method-not-allowed"),
        (("TRACE", "/things/lamp", None, {}), 405, "method-not-allowed"),
        (("GET", "/things/lamp", None, {"who": ""}), 401, "not-signed-in"),
        (("GET", "/never", None, {}), 403, "not-allowed"),
        (("GET", "/things/lamp?limit=0", None, {}), 422, "request-refused"),
        (("GET", "/things/lamp?limit=1.0", None, {}), 422, "request-refused"),
        (("GET", "/things/lamp?limit=%EF%BC%91", None, {}), 422, "request-refused"),
        (("GET", "/things/lamp?limit=1&limit=2", None, {}), 422, "request-refused"),
        (("GET", "/things/lamp?name=other", None, {}), 422, "request-refused"),
        (("GET", "/things/lamp?unknown=1", None, {}), 422, "request-refused"),
        (("GET", "/things/lamp?limit=%FF", None, {}), 422, "request-refused"),
        (("POST", "/things", b"", {}), 400, "request-unparsable"),
        (("POST", "/things", b"{", {}), 400, "request-unparsable"),
        (("POST", "/things", b"\xff", {}), 400, "request-unparsable"),
        (("POST", "/things", b"[" * 100_000, {}), 400, "request-unparsable"),
        (("POST", "/things", b'{"count": ' + b"9" * 5000 + b"}", {}), 400, "request-unparsable"),
        (("POST", "/things", b'{"count": NaN}', {}), 400, "request-unparsable"),
        (("POST", "/things", b'{"count": 1, "count": 2}', {}), 422, "request-refused"),
        (("POST", "/things", b'{"count": "1"}', {}), 422, "request-refused"),
        (("POST", "/things", b'{"count": 1.5}', {}), 422, "request-refused"),
        (("POST", "/things", b"[]", {}), 422, "request-refused"),
        (("POST", "/things", b'{"count": 1, "is_admin": true}', {}), 422, "request-refused"),
        (("POST", "/things", b'{"count": 1}', {"content_type": "text/plain"}), 415, "wrong-content-type"),
        (("POST", "/things", b" " * 9_000_000, {}), 413, "body-too-large"),
        (("PUT", "/things/lamp", None, {}), 428, "revision-needed"),
        (("PUT", "/things/lamp", None, {"if_match": "W/x"}), 428, "revision-needed"),
        (("GET", "/broken", None, {}), 500, "unexpected-error"),
        (("GET", "/away", None, {}), 503, "operational-error"),
    ],
)
async def test_what_is_refused_says_why_and_changes_nothing(door, carried_out, asked, status, code):
    method, path, body, headers = asked
    got = await ask(door, method, path, body, **headers)
    assert (got.status, got.json["code"]) == (status, code)
    assert got.headers["content-type"] == "application/problem+json"
    assert got.json["detail"]
    assert carried_out == []


async def test_everything_that_is_wrong_with_a_body_is_told_at_once(door):
    got = await ask(door, "POST", "/things", b'{"count": "x", "tags": [1, "b"], "more": 1}')
    assert {problem["path"] for problem in got.json["problems"]} == {"count", "tags[0]", ""}


async def test_of_what_broke_only_the_id_is_told(door):
    got = await ask(door, "GET", "/broken")
    assert b"secret" not in got.body
    assert got.json["instance"] == "request-1"


async def test_anybody_is_answered_where_the_door_is_open(door):
    assert (await ask(door, "GET", "/open", who="")).body == b"hello"


async def test_the_methods_of_an_address_are_told(door):
    assert (await ask(door, "DELETE", "/things/lamp")).headers["allow"] == "GET, PUT"


async def test_where_anybody_may_ask_a_body_is_short(door):
    """S46."""
    long = b'{"x":"' + b"x" * LARGEST_OF_STRANGERS + b'"}'
    got = await ask(door, "POST", "/open", long, who="")
    assert (got.status, got.json["code"]) == (413, "body-too-large")
