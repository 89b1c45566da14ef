"""Who changed something sees it changed with the next request: nothing kept in memory outlives a change of the same process."""

import asyncio

import pytest
from test_run_routes import publish

from auraos.app.serving.figures import memory_figures
from auraos.security.identity.keys import KeyWish
from houses import EVERYTHING, HOUSE, acting
from rooms import Room

FLAG = "kind: flag\nname: fast\nspec:\n  type: boolean\n  default: {variant}\n"
GREET = "kind: workflow\nname: greet\nspec:\n  steps: {{a: {{type: noop}}}}\n  output: {number}\n"
TIMES = 5


@pytest.fixture
async def room(house):
    room = Room(house)
    await room.runs.engine.open()
    yield room
    await room.runs.engine.close()


async def change_draft(room, token, kind, name, text):
    path = f"/api/v1/definitions/{kind}/{name}"
    tag = (await room.ask("GET", path, token=token)).headers["etag"]
    saved = await room.ask("PUT", f"{path}/draft", {"text": text}, token=token, if_match=tag)
    done = await room.ask("POST", f"{path}/publish", {}, token=token, if_match=saved.headers["etag"])
    assert done.status == 200, done.json


async def crowd(room, path, token, until):
    """Ask for something again and again, as long as it is there, so that somebody looks at it at every moment."""
    while not until.is_set() and (await room.ask("GET", path, token=token)).status == 200:
        pass


@pytest.fixture
async def busy(room):
    """Let others ask while a test changes something; return what begins that."""
    over, tasks = asyncio.Event(), []

    def begin(path, token):
        tasks.extend(asyncio.create_task(crowd(room, path, token, over)) for _ in range(2))

    yield begin
    over.set()
    await asyncio.gather(*tasks)


async def test_a_setting_holds_with_the_next_request(room, busy):
    _, token = await room.house.signed_in("admin")
    path = "/api/v1/settings/requests.largest-body"
    busy(path, token)
    for wanted in range(3000, 3000 + TIMES):
        before = await room.ask("GET", path, token=token)
        others = [asyncio.create_task(room.desk.settings.look()) for _ in range(3)]
        put = await room.ask("PUT", path, {"value": wanted}, token=token, if_match=before.headers["etag"])
        assert put.status == 200, put.json
        await asyncio.gather(*others)
        assert (await room.ask("GET", path, token=token)).json["value"] == wanted


async def test_a_grant_opens_with_the_next_request_and_closes_with_it(room, busy):
    person, token = await room.house.signed_in("watcher", "*")
    path = "/api/v1/definitions"
    busy("/api/v1/me", token)
    for _ in range(TIMES):
        assert (await room.ask("GET", path, token=token)).status == 403
        grant = await room.house.grant("person", person.id, "viewer")
        assert (await room.ask("GET", path, token=token)).status == 200
        await room.house.identity.access.revoke(HOUSE, EVERYTHING, "default", grant)


async def test_a_key_that_was_revoked_opens_nothing_with_the_next_request(room, busy):
    person, token = await room.house.signed_in("admin")
    who = await room.house.known(token)
    for _ in range(2):
        made = await room.house.identity.keys.add_own(acting(person), who, KeyWish(title="k"))
        busy("/api/v1/me", made.token)
        assert (await room.ask("GET", "/api/v1/me", token=made.token)).status == 200
        gone = await room.ask("DELETE", f"/api/v1/me/keys/{made.key.id}", token=token)
        assert gone.status == 204
        assert (await room.ask("GET", "/api/v1/me", token=made.token)).status == 401


async def test_a_flag_gives_what_was_published_or_switched_with_the_next_request(room, busy):
    _, token = await room.house.signed_in("admin")
    assert (
        await room.ask("POST", "/api/v1/definitions", {"text": FLAG.format(variant="off")}, token=token)
    ).status == 201
    await change_draft(room, token, "flag", "fast", FLAG.format(variant="on"))
    path = "/ofrep/v1/evaluate/flags/fast"

    async def given():
        got = await room.ask("POST", path, {"context": {}}, token=token)
        assert got.status == 200, got.body
        return got.json["value"]

    busy("/api/v1/flags", token)
    for _ in range(TIMES):
        assert await given() is True
        await change_draft(room, token, "flag", "fast", FLAG.format(variant="off"))
        assert await given() is False
        await change_draft(room, token, "flag", "fast", FLAG.format(variant="on"))


async def test_a_run_begins_on_the_version_that_was_published_just_before(room, busy):
    _, token = await room.house.signed_in("admin")
    await publish(room, token, GREET.format(number=0))
    busy("/api/v1/definitions/workflow/greet", token)
    for number in range(1, TIMES):
        await change_draft(room, token, "workflow", "greet", GREET.format(number=number))
        got = await room.ask("POST", "/api/v1/workflows/greet/runs?wait=5", {}, token=token)
        assert got.json["output"] == number


async def test_whoever_was_looked_up_before_a_change_is_not_believed_after_it(house):
    """The store answers a look at a key only after the key was revoked: what it says is of before."""
    person, token = await house.signed_in("admin")
    made = await house.identity.keys.add_own(acting(person), await house.known(token), KeyWish(title="k"))
    recognition, reading, go_on = house.identity.recognition, asyncio.Event(), asyncio.Event()
    real = recognition._by_key

    async def slow(key, now):
        found = await real(key, now)
        reading.set()
        await go_on.wait()
        return found

    recognition._by_key = slow
    looking = asyncio.create_task(recognition.principal(made.token))
    await reading.wait()
    await house.identity.keys.revoke_own(acting(person), await house.known(token), made.key.id)
    go_on.set()
    await looking
    recognition._by_key = real
    assert await recognition.principal(made.token) is None


class Kept:
    """What figures are told of, over a room."""

    def __init__(self, room: Room) -> None:
        self.identity = room.house.identity
        self.flags = room.desk.flags
        self.published = room.runs._definitions


async def test_looks_into_memory_are_counted(room):
    _, token = await room.house.signed_in("admin")
    await publish(room, token, GREET.format(number=1))
    for _ in range(3):
        await room.ask("POST", "/api/v1/workflows/greet/runs?wait=5", {}, token=token)
    (figure,) = memory_figures(Kept(room))
    told = {dict(row.labels)["cache"] + " " + dict(row.labels)["outcome"]: row.value for row in figure.rows}
    assert (told["definitions miss"], told["definitions hit"]) == (1, 2)
    assert told["recognition hit"] > told["recognition miss"] > 0
    assert told["programs miss"] == 1
    assert figure.name == "auraos_cache_lookups_total"
