"""Health and figures over HTTP: who may see them, and what they say of a server that works."""

import asyncio
import logging

from open_house import OpenKeeper

from auraos.api.front import route_map
from auraos.api.protocol.answers import Reply, Send
from auraos.api.protocol.door import Door
from auraos.api.protocol.routes import ALWAYS, Map, Routes
from auraos.api.protocol.traffic import Traffic
from auraos.app.health import Finding, Health
from auraos.engine.clock import SystemClock
from auraos.observability.about import told_now
from auraos.observability.exposition import exposed
from auraos.security.identity.keys import KeyWish
from houses import acting
from rooms import Room, through


def rows(text: str) -> dict[str, float]:
    """Return the rows of figures by what stands before their value."""
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines)}


class Watched(Room):
    """A room whose health a test sets."""

    def __init__(self, house) -> None:
        super().__init__(house)
        self.health = Health()
        self.traffic = Traffic()
        self.health.figures.add(self.traffic.figures)
        self.routes = route_map(self.health)
        self.door = Door(self.routes, self.keeper, SystemClock().new_id, self.traffic)


async def good() -> Finding:
    return Finding(message="All is well.")


async def poor() -> Finding:
    return Finding(standing="poor", message="It is slow.", hint="Wait.")


async def broken() -> Finding:
    raise ZeroDivisionError("the canary of a traceback")


async def test_a_key_that_may_only_watch_collects_the_figures(house):
    room = Watched(house)
    person, token = await house.signed_in("owner", "*")
    wish = KeyWish(title="scrape", scopes=("installation.read",))
    made = await house.identity.keys.add_own(acting(person), await house.known(token), wish)
    got = await room.ask("GET", "/metrics", token=made.token)
    assert (got.status, got.headers["content-type"]) == (200, "text/plain; version=0.0.4; charset=utf-8")
    assert (await room.ask("GET", "/api/v1/definitions", token=made.token)).status == 403


async def test_nobody_unknown_sees_figures_or_parts(house):
    """S53."""
    room = Watched(house)
    for path in ("/metrics", "/health"):
        assert (await room.ask("GET", path)).status == 401
        assert (await room.ask("GET", path, token=(await house.signed_in("admin"))[1])).status == 403
    live = await room.ask("GET", "/health/live")
    assert live.json == {"live": True, "phase": "starting"}


async def test_requests_are_told_apart_by_route_and_never_by_what_somebody_wrote(house):
    room = Watched(house)
    _, token = await house.signed_in("owner", "*")
    for name in ("one", "two", "three"):
        await room.ask("GET", f"/api/v1/definitions/workflow/{name}", token=token)
    await room.ask("GET", "/nowhere/at-all", token=token)
    found = rows((await room.ask("GET", "/metrics", token=token)).body.decode())
    route = 'method="GET",route="/api/v1/definitions/{kind}/{name}"'
    assert found[f'auraos_http_requests_total{{{route},status="404"}}'] == 3
    assert found[f"auraos_http_request_seconds_count{{{route}}}"] == 3
    assert found['auraos_http_requests_total{method="GET",route="(no route)",status="404"}'] == 1
    assert "nowhere" not in str(found)


async def test_the_worst_part_is_how_the_process_stands(house):
    room = Watched(house)
    _, token = await house.signed_in("watcher", "*")
    room.health.parts = {"one": good}
    assert (await room.ask("GET", "/health", token=token)).json["standing"] == "good"
    room.health = Health()
    room.health.parts = {"one": good, "two": poor}
    room.door = Door(route_map(room.health), room.keeper, SystemClock().new_id)
    got = await room.ask("GET", "/health", token=token)
    assert (got.status, got.json["standing"]) == (200, "poor")


async def test_a_part_that_breaks_is_bad_and_hides_no_other(house):
    room = Watched(house)
    _, token = await house.signed_in("watcher", "*")
    room.health.parts = {"one": broken, "two": good}
    got = await room.ask("GET", "/health", token=token)
    assert got.status == 503
    assert [(part["name"], part["standing"]) for part in got.json["parts"]] == [
        ("one", "bad"),
        ("two", "good"),
    ]
    assert b"canary" not in got.body


async def test_however_many_ask_parts_are_looked_at_once():
    health, looked = Health(), []

    async def look() -> Finding:
        looked.append(1)
        await asyncio.sleep(0)
        return Finding(message="")

    health.parts = {"one": look}
    await asyncio.gather(*(health.look() for _ in range(20)))
    assert len(looked) == 1


class Going(Reply):
    """An answer that goes on, and sees how many are connected meanwhile."""

    goes_on = True

    def __init__(self, traffic: Traffic) -> None:
        self.traffic = traffic
        self.seen = 0

    async def send(self, send: Send, *, with_body: bool, request: str) -> None:
        self.seen = self.traffic.streams
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})


async def test_a_reader_of_a_stream_is_counted_for_as_long_as_it_reads():
    traffic = Traffic()
    going, routes = Going(traffic), Routes()

    @routes.get("/going", may=ALWAYS)
    async def go() -> Going:
        return going

    door = Door(Map(routes), OpenKeeper(None, ()), lambda: "request-1", traffic)
    await through(door, "GET", "/going", b"", {})
    told = rows(exposed(traffic.figures()).decode())
    assert (going.seen, told["auraos_http_streams"]) == (1, 0)
    assert "auraos_http_request_seconds_count" not in str(told)


class Listening(logging.Handler):
    """Hears what is said, and what it is about."""

    def __init__(self) -> None:
        super().__init__()
        self.heard: list[dict[str, object]] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.heard.append({**told_now(), **record.__dict__})


async def test_every_line_that_is_said_for_a_request_names_it(room):
    handler, log = Listening(), logging.getLogger("auraos.api")
    before = log.level
    log.addHandler(handler)
    log.setLevel(logging.DEBUG)
    try:
        _, token = await room.house.signed_in("viewer")
        got = await room.ask("GET", "/api/v1/definitions", token=token)
    finally:
        log.removeHandler(handler)
        log.setLevel(before)
    (told,) = handler.heard
    assert (told["request"], told["workspace"]) == (got.headers["x-request-id"], "default")
    assert (told["route"], told["status"]) == ("/api/v1/definitions", 200)


async def test_a_problem_names_the_request_that_its_answer_names(room):
    refused = await room.ask("GET", "/api/v1/definitions")
    assert refused.json["instance"] == refused.headers["x-request-id"]
