"""What happens in a run, as server-sent events: from where a reader was cut off, and no longer than they may read."""

import asyncio
import json

import pytest
from test_run_routes import GREET, PAID, publish, start

from houses import EVERYTHING, HOUSE
from rooms import Room, through


@pytest.fixture
async def room(house):
    """A front door whose engine lets runs go."""
    room = Room(house)
    await room.runs.engine.open()
    yield room
    await room.runs.engine.close()


@pytest.fixture
async def token(room):
    _, token = await room.house.signed_in("admin")
    for text in (GREET, PAID):
        await publish(room, token, text)
    return token


def events(body):
    """Return the events of a stream: number, kind, data."""
    found = []
    for block in body.decode().split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.splitlines() if not line.startswith(":"))
        if fields:
            found.append((int(fields.get("id", 0)), fields["event"], json.loads(fields["data"])))
    return found


async def test_a_run_is_told_from_its_first_fact_to_its_end(room, token):
    await start(room, token)
    got = await room.ask("GET", "/api/v1/stream?topic=runs/1", token=token)
    assert (got.status, got.headers["content-type"]) == (200, "text/event-stream; charset=utf-8")
    told = events(got.body)
    journal = (await room.ask("GET", "/api/v1/runs/1/journal", token=token)).json["items"]
    assert [(number, data["fact"]) for number, kind, data in told if kind == "fact"] == [
        (each["seq"], each["fact"]) for each in journal
    ]
    assert told[-1][1] == "end"


async def test_a_reader_who_was_cut_off_goes_on_after_the_last_event_and_misses_none(room, token):
    await start(room, token)
    whole = events((await room.ask("GET", "/api/v1/stream?topic=runs/1", token=token)).body)
    rest = await room.ask("GET", "/api/v1/stream?topic=runs/1", token=token, last_event_id="2")
    assert events(rest.body) == [each for each in whole if each[0] > 2 or each[1] == "end"]
    last = max(number for number, _, _ in whole)
    over = await room.ask("GET", "/api/v1/stream?topic=runs/1", token=token, last_event_id=str(last))
    assert [kind for _, kind, _ in events(over.body)] == ["end"]


async def test_what_happens_while_somebody_reads_is_told_as_it_does(room, token):
    await start(room, token, "paid", {}, wait=0)
    await room.runs.engine.drive_until_idle()
    reading = asyncio.create_task(room.ask("GET", "/api/v1/stream?topic=runs/1", token=token))
    sent = await room.ask(
        "POST", "/api/v1/runs/1/signal", {"name": "paid", "data": {"amount": 7}}, token=token
    )
    assert sent.status == 200
    assert events((await reading).body)[-1][1] == "end"


@pytest.mark.parametrize("last", ["x", "-1", "1.5", "01"])
async def test_a_last_event_that_is_none_is_refused(room, token, last):
    await start(room, token)
    headers = {"host": "auraos.test", "authorization": f"Bearer {token}", "last-event-id": last}
    got = await through(room.door, "GET", "/api/v1/stream?topic=runs/1", b"", headers)
    assert (got.status, got.code) == (422, "last-event-refused")


async def test_s07_nobody_reads_without_a_token_or_what_is_anothers(room, token):
    await start(room, token)
    await room.house.identity.access.add_workspace(HOUSE, "other", "")
    _, theirs = await room.house.signed_in("admin", "other")
    path = "/api/v1/stream?topic=runs/1"
    assert (await room.ask("GET", path)).status == 401
    assert (await room.ask("GET", path, token="aus_nothing")).status == 401
    foreign = await room.ask("GET", path, token=theirs, workspace="other")
    assert (foreign.status, foreign.code) == (404, "not-found")
    cookie = f"auraos-session={token}"
    evil = await room.browse(
        "GET", path, cookie=cookie, origin="https://evil.test", sec_fetch_site="cross-site"
    )
    assert (evil.status, evil.code) == (403, "foreign-origin")


async def test_s07_a_reader_who_may_not_read_any_more_is_cut_off(room, token, monkeypatch):
    monkeypatch.setattr("auraos.api.protocol.events.LOOK", 0.05)
    await start(room, token, "paid", {}, wait=0)
    person, reader = await room.house.signed_in("viewer")
    reading = asyncio.create_task(room.ask("GET", "/api/v1/stream?topic=runs/1", token=reader))
    await asyncio.wait({reading}, timeout=0.2)
    assert not reading.done()
    await room.house.identity.people.set_state(HOUSE, EVERYTHING, person.name, "disabled")
    told = events((await asyncio.wait_for(reading, 3)).body)
    assert told[-1][1:] == ("gone", {"code": "not-allowed"})


async def test_who_goes_away_leaves_nobody_listening(room, token):
    await start(room, token, "paid", {}, wait=0)
    await room.runs.engine.drive_until_idle()
    run = (await room.ask("GET", "/api/v1/runs/1", token=token)).json["run"]
    await room.ask("GET", "/api/v1/runs/1", token=token)
    coming, sent = asyncio.Queue(), []
    await coming.put({"type": "http.request", "body": b"", "more_body": False})
    scope = {
        "type": "http", "method": "GET", "path": "/api/v1/stream", "query_string": b"topic=runs/1",
        "headers": [(b"host", b"auraos.test"), (b"authorization", f"Bearer {token}".encode())], "client": ("192.0.2.7", 5),
    }  # fmt: skip
    is_there = asyncio.Event()

    async def send(message):
        sent.append(message)
        if b"event: fact" in message.get("body", b""):
            is_there.set()

    reading = asyncio.create_task(room.door(scope, coming.get, send))
    await asyncio.wait_for(is_there.wait(), 5)
    assert run in room.runs.engine._streams.listeners
    await coming.put({"type": "http.disconnect"})
    await asyncio.wait_for(reading, 5)
    assert run not in room.runs.engine._streams.listeners
