"""Streams of a workspace: how its runs stand and what is done to its definitions, bounded, and no longer than one may read."""

import asyncio
import time

import pytest
from test_run_routes import GREET, PAID, publish, start
from test_stream_routes import events

from auraos.api.protocol import events as sending
from auraos.app.serving import feeds
from auraos.engine import watching
from auraos.engine.ports import RunRow
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


class Reader:
    """Somebody who reads a stream until they go away."""

    def __init__(self, room: Room, token: str, topic: str, **headers: str) -> None:
        self.body = b""
        self._come = asyncio.Event()
        self._coming: asyncio.Queue = asyncio.Queue()
        path, _, query = f"/api/v1/stream?topic={topic}".partition("?")
        given = {"host": "auraos.test", "authorization": f"Bearer {token}", **headers}
        scope = {
            "type": "http", "method": "GET", "path": path, "query_string": query.encode(),
            "headers": [(name.encode(), value.encode()) for name, value in given.items()], "client": ("192.0.2.7", 5),
        }  # fmt: skip
        self._coming.put_nowait({"type": "http.request", "body": b"", "more_body": False})
        self.task = asyncio.create_task(room.door(scope, self._coming.get, self._send))

    async def _send(self, message: dict) -> None:
        self.body += message.get("body", b"")
        self._come.set()

    async def until(self, count: int, kind: str = "") -> list:
        """Return the events of a kind once there are so many."""
        async with asyncio.timeout(10):
            while len(found := [each for each in events(self.body) if each[1] == kind or not kind]) < count:
                self._come.clear()
                await self._come.wait()
        return found

    async def until_run(self, number: int) -> None:
        """Return once a run of this number was told."""
        count = 1
        while all(told["number"] != number for _, _, told in await self.until(count, "run")):
            count = len(await self.until(count, "run")) + 1

    async def here(self) -> "Reader":
        """Return it once it listens."""
        async with asyncio.timeout(10):
            while b": here" not in self.body:
                self._come.clear()
                await self._come.wait()
        await asyncio.sleep(0)
        return self

    async def leave(self) -> None:
        self._coming.put_nowait({"type": "http.disconnect"})
        await asyncio.wait_for(self.task, 5)


async def test_how_runs_stand_is_told_within_a_quarter_of_a_second(room, token):
    reader = await Reader(room, token, "runs").here()
    began = time.monotonic()
    await start(room, token)
    (only,) = await reader.until(1, "run")
    assert time.monotonic() - began < 0.25 + 1  # the run itself, on a machine that is busy
    assert (only[2]["workflow"], only[2]["number"], only[2]["state"]) == ("greet", 1, "succeeded")
    await start(room, token, "paid", {}, wait=0)
    await room.ask("POST", "/api/v1/runs/2/signal", {"name": "paid", "data": {"amount": 7}}, token=token)
    told = await reader.until(3, "run")
    assert [each[2]["state"] for each in told if each[2]["number"] == 2][-1] in ("waiting", "succeeded")
    assert all(number == told["changed_at"] for number, _, told in events(reader.body))
    await reader.leave()


async def test_who_was_cut_off_is_told_what_they_missed_and_of_a_gap_where_that_is_forgotten(
    room, token, monkeypatch
):
    reader = await Reader(room, token, "runs").here()
    await start(room, token, "paid", {}, wait=0)
    last = (await reader.until(1, "run"))[-1][0]
    await reader.leave()
    await start(room, token)
    again = Reader(room, token, "runs", **{"last-event-id": str(last)})
    await again.until_run(2)
    await again.leave()
    old = Reader(room, token, "runs", **{"last-event-id": "1000"})
    assert (await old.until(1))[0][1:] == ("gap", {})
    await old.leave()


async def test_only_the_runs_of_a_workflow_are_told_where_one_is_named(room, token):
    reader = await Reader(room, token, "runs&workflow=paid").here()
    await start(room, token)
    await start(room, token, "paid", {}, wait=0)
    await reader.until(1, "run")
    assert {told["workflow"] for _, _, told in events(reader.body)} == {"paid"}
    await reader.leave()


async def test_r44_who_does_not_keep_up_is_told_of_a_gap_and_holds_nobody_up(room, monkeypatch):
    """R44."""
    monkeypatch.setattr(watching, "LONGEST_QUEUE", 10)
    watch = room.runs.engine.watching.enter("default")
    rows = [row_of(number) for number in range(1, 26)]
    for row in rows:
        room.runs.engine.watching.tell(row)
    taken, had_gap = await watch.take(1)
    assert (had_gap, len(taken) <= 10, taken[-1]) == (True, True, rows[-1])
    assert (await watch.take(0.01)) == ([], False)


async def test_what_is_done_to_definitions_is_told_and_gone_on_with_after_any_event(room, token):
    reader = await Reader(room, token, "definitions").here()
    await publish(room, token, "kind: workflow\nname: new\nspec:\n  steps:\n    a: {type: noop}\n")
    told = await reader.until(2, "definition")
    assert [(each[2]["name"], each[2]["action"]) for each in told] == [
        ("new", "definitions.create"),
        ("new", "definitions.publish"),
    ]
    await reader.leave()
    rest = Reader(room, token, "definitions", **{"last-event-id": str(told[0][0])})
    assert await rest.until(1, "definition") == told[1:]
    await rest.leave()


async def test_s07_who_may_see_some_workflows_only_is_told_of_no_others(room, token):
    """S07."""
    _, narrow = await room.house.signed_in("viewer", labels={"team": "cash"})
    readers = [await Reader(room, narrow, topic).here() for topic in ("runs", "definitions")]
    await start(room, token)
    await start(room, token, "paid", {}, wait=0)
    await publish(room, token, "kind: workflow\nname: new\nspec:\n  steps:\n    a: {type: noop}\n")
    await publish(room, token, PAID.replace("name: paid\n", "name: paid2\n", 1))
    await readers[0].until(1, "run")
    await readers[1].until(2, "definition")
    assert {told["workflow"] for _, _, told in events(readers[0].body)} == {"paid"}
    assert {told["name"] for _, _, told in events(readers[1].body)} == {"paid2"}
    for reader in readers:
        await reader.leave()


async def test_s07_grants_that_were_narrowed_count_for_a_stream_that_goes_on(room, token, monkeypatch):
    """S07."""
    monkeypatch.setattr(sending, "LOOK", 0.05)
    await start(room, token, "paid", {}, wait=0)
    person = await room.house.person()
    wide = await room.house.grant("person", person.id, "viewer")
    reader_token = await room.house.session(person)
    whole, one = Reader(room, reader_token, "runs"), Reader(room, reader_token, "runs/1")
    await whole.here()
    await one.here()
    await room.house.grant("person", person.id, "viewer", labels={"team": "nobody-has-it"})
    await room.house.identity.access.revoke(HOUSE, EVERYTHING, "default", wide)
    await asyncio.wait_for(one.task, 10)
    assert events(one.body)[-1][1:] == ("gone", {"code": "not-allowed"})
    await asyncio.sleep(0.2)
    seen = len(events(whole.body))
    await start(room, token, "paid", {}, wait=0)
    await asyncio.sleep(0.2)
    assert len(events(whole.body)) == seen
    await whole.leave()


async def test_s07_other_workspaces_hear_nothing(room, token):
    """S07."""
    await room.house.identity.access.add_workspace(HOUSE, "other", "")
    _, theirs = await room.house.signed_in("admin", "other")
    reader = await Reader(room, theirs, "runs", **{"x-auraos-workspace": "other"}).here()
    own = await Reader(room, token, "runs").here()
    await start(room, token)
    await own.until(1, "run")
    assert events(reader.body) == []
    for each in (own, reader):
        await each.leave()


async def test_one_person_reads_so_many_streams_and_no_more(room, token, monkeypatch):
    monkeypatch.setattr(feeds, "MOST_OF_ONE", 2)
    readers = [await Reader(room, token, "runs").here() for _ in range(2)]
    refused = await room.ask("GET", "/api/v1/stream?topic=runs", token=token)
    assert (refused.status, refused.code, refused.headers["retry-after"]) == (429, "too-many-streams", "5")
    await readers[0].leave()
    third = await Reader(room, token, "runs").here()
    for reader in (readers[1], third):
        await reader.leave()
    head = {"host": "auraos.test", "authorization": f"Bearer {token}"}
    for _ in range(3):
        assert (await through(room.door, "HEAD", "/api/v1/stream?topic=runs", b"", head)).status == 200


async def test_readers_are_sent_elsewhere_when_the_process_leaves(room, token):
    reader = await Reader(room, token, "runs").here()
    room.desk.feeds.close()
    await asyncio.wait_for(reader.task, 5)
    assert events(reader.body)[-1][1:] == ("bye", {})


def row_of(number: int):
    return RunRow(
        workspace="default", run=f"r{number}", number=number, workflow="w", version="v", state="running",
        started_at=number, changed_at=number,
    )  # fmt: skip
