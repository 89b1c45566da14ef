"""What a key was used for is shown with it, and what a route that goes says of itself."""

from datetime import date

import pytest
from open_house import OpenHouse

from auraos.api.protocol.asking import Ask
from auraos.api.protocol.deprecation import Deprecated
from auraos.api.protocol.openapi import describe
from auraos.api.protocol.routes import Routes
from auraos.security.identity.keys import KeyWish
from houses import acting
from rooms import Room


@pytest.fixture
def room(house) -> Room:
    return Room(house)


async def test_requests_of_a_key_are_counted_and_those_that_came_too_fast_told_apart(room):
    person, token = await room.house.signed_in("admin")
    who = await room.house.known(token)
    wish = KeyWish(title="fast", per_second=1)
    key = await room.house.identity.keys.add_own(acting(person), who, wish)
    answers = [(await room.ask("GET", "/api/v1/me", token=key.token)).status for _ in range(5)]
    assert (answers.count(200), answers.count(429)) == (2, 3)
    (shown,) = (await room.ask("GET", "/api/v1/me/keys", token=token)).json
    assert shown["usage"] == {"today": 5, "refused_today": 3, "days_30": 5, "refused_days_30": 3}
    room.house.clock.sleep(24 * 3600)
    token = await room.house.session(person)
    (shown,) = (await room.ask("GET", "/api/v1/me/keys", token=token)).json
    assert shown["usage"] == {"today": 0, "refused_today": 0, "days_30": 5, "refused_days_30": 3}


async def test_whoever_may_read_the_keys_of_a_service_sees_how_they_are_used(room):
    person, token = await room.house.signed_in("admin")
    who = await room.house.known(token)
    keys = room.house.identity.keys
    await keys.add_service(acting(person), "default", "shop", "")
    made = [
        await keys.add_to_service(acting(person), who, "default", "shop", KeyWish(title=title))
        for title in ("one", "two")
    ]
    for _ in range(3):
        await room.ask("GET", "/api/v1/me", token=made[0].token)
    listed = (await room.ask("GET", "/api/v1/services/shop/keys", token=token)).json
    assert {key["title"]: key["usage"]["today"] for key in listed} == {"one": 3, "two": 0}


async def test_a_route_that_goes_says_so_with_each_answer_and_in_the_description():
    routes = Routes()
    going = Deprecated(since=date(2026, 11, 1), until=date(2027, 1, 1), instead="/api/v1/new")

    @routes.get("/api/v1/old", may="runs.read", deprecated=going)
    async def show_old(ask: Ask) -> dict[str, int]:
        """Show what goes."""
        return {"one": 1}

    @routes.get("/api/v1/new", may="runs.read")
    async def show_new(ask: Ask) -> dict[str, int]:
        """Show what stays."""
        return {"one": 1}

    house = OpenHouse(routes, None)
    old, new = await house.ask("GET", "/api/v1/old"), await house.ask("GET", "/api/v1/new")
    assert (old.status, old.headers["deprecation"]) == (200, "@1793491200")
    assert old.headers["sunset"] == "Fri, 01 Jan 2027 00:00:00 GMT"
    assert old.headers["link"] == '</api/v1/new>; rel="successor-version"'
    assert not {"deprecation", "sunset", "link"} & new.headers.keys()
    paths = describe(routes)["paths"]
    assert paths["/api/v1/old"]["get"]["deprecated"] is True
    assert "deprecated" not in paths["/api/v1/new"]["get"]
