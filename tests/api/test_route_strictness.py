"""Every route reads strictly: nothing that it does not ask for, nothing that two could read differently (S03, S04)."""

import re
from urllib.parse import quote

import pytest

from auraos.api.protocol.routes import ALWAYS, Route
from example_values import example_of
from rooms import Got, Room

SMUGGLED = (
    "owner_id",
    "tenant_id",
    "workspace_id",
    "role",
    "is_admin",
    "created_at",
    "id",
    "state",
    "__proto__",
)
ODD_NUMBERS = ("1.0", " 1", "1 ", "１", "0x1", "1\0", "01", "+1", "1e0", "[1]", '{"$ne":0}', "", "9" * 30)
ODD_NAMES = ("A", " a", "a ", "a\n", "a\0", "а", "a/b", "../a", "..", "*", "~", "a" * 2000)


@pytest.fixture
async def owner(room: Room) -> str:
    """Return the token of somebody who comes through everywhere."""
    return (await room.house.signed_in("owner", "*"))[1]


def path_of(route: Route, **values: str) -> str:
    """Return the path of a route with values in it, as they are written in an address."""
    at = {**(example_of(route.at) if route.at is not None else {}), **values}
    return re.sub(r"\{([a-z_]+)\}", lambda found: quote(str(at[found[1]]), safe=""), route.path)


async def asked(room: Room, route: Route, path: str, token: str, body: object = None) -> Got:
    return await room.ask(route.method, path, body, token=token, if_match='"1"')


def with_body(room: Room) -> list[Route]:
    return [route for route in room.routes.routes if route.body is not None]


async def test_a_field_that_is_not_asked_for_is_refused_by_every_route(room, owner):
    """S03."""
    wrong, count = [], 0
    for route in with_body(room):
        known = getattr(route.body, "__struct_encode_fields__", ())
        for name in SMUGGLED:
            if name in known:
                continue
            got = await asked(room, route, path_of(route), owner, {**example_of(route.body), name: "x"})
            count += 1
            if (got.status, got.code) != (422, "request-refused"):
                wrong.append((route.method, route.path, name, got.status, got.code))
    assert wrong == []
    assert count > len(SMUGGLED)


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (b"", 400), (b"{", 400), (b"\xff", 400), (b"NaN", 400), (b"[" * 20_000, 400), (b"9" * 5000, 400),
        (b"[]", 422), (b"null", 422), (b'"x"', 422), (b"1", 422), (b'{"a": 1, "a": 2}', 422),
    ],
)  # fmt: skip
async def test_what_is_no_body_is_read_by_no_route(room, owner, raw, status):
    """S04, S47."""
    wrong = []
    for route in with_body(room):
        got = await asked(room, route, path_of(route), owner, raw)
        if got.status != status:
            wrong.append((route.method, route.path, got.status, got.code))
    assert wrong == []


async def test_a_number_in_an_address_is_written_in_one_way_alone(room, owner):
    """S04."""
    wrong = []
    for route in room.routes.routes:
        numbers = [name for name in route.in_path if isinstance(example_of(route.at)[name], int)]
        for name in numbers:
            for text in ODD_NUMBERS:
                got = await asked(room, route, path_of(route, **{name: text}), owner)
                if got.status not in (404, 422) or got.code not in ("request-refused", "no-route"):
                    wrong.append((route.path, text, got.status, got.code))
    assert wrong == []


async def test_an_odd_name_in_an_address_is_refused_or_names_nothing(room, owner):
    """S05, S06."""
    wrong = []
    for route in room.routes.routes:
        texts = [name for name in route.in_path if isinstance(example_of(route.at)[name], str)]
        for name in texts:
            for text in ODD_NAMES:
                got = await asked(room, route, path_of(route, **{name: text}), owner)
                if got.status < 400 or got.status >= 500:
                    wrong.append((route.method, route.path, text, got.status, got.code))
    assert wrong == []


async def test_a_parameter_that_is_not_known_or_comes_twice_is_refused(room, owner):
    """S04."""
    wrong = []
    for route in room.routes.routes:
        if route.may == ALWAYS:
            continue
        once = [
            name
            for name, parameter in route.parameters.items()
            if name not in route.in_path and not parameter.is_list
        ]
        queries = [
            "unknown=1",
            *(f"{name}=1&{name}=1" for name in once),
            *(f"{name}=1" for name in route.in_path),
        ]
        for query in queries:
            got = await asked(room, route, f"{path_of(route)}?{query}", owner)
            if got.code != "request-refused":
                wrong.append((route.path, query, got.status, got.code))
    assert wrong == []


async def test_a_character_with_the_number_0_is_refused_in_every_parameter_and_title(room, owner):
    """S04: SQLite keeps it, and PostgreSQL takes it in no text."""
    wrong, count = [], 0
    for route in room.routes.routes:
        at = example_of(route.at) if route.at is not None else {}
        body = example_of(route.body) if route.body is not None else None
        for name in (each for each in at if isinstance(at[each], str)):
            path = path_of(route, **{name: "a\0b"})
            query = "" if name in route.in_path else f"?{name}=a%00b"
            wrong += [
                (route.method, route.path, name, await status_of(room, route, path + query, owner, body))
            ]
        if "title" in getattr(route.body, "__struct_encode_fields__", ()):
            given = {**(body or {}), "title": "a\0b"}
            wrong += [
                (
                    route.method,
                    route.path,
                    "title",
                    await status_of(room, route, path_of(route), owner, given),
                )
            ]
    count, wrong = len(wrong), [each for each in wrong if each[-1] not in (401, 404, 422)]
    assert wrong == []
    assert count > 50


async def status_of(room: Room, route: Route, path: str, token: str, body: object) -> int:
    return (await asked(room, route, path, token, body)).status
