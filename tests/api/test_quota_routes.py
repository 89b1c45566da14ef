"""Quotas: how much a workspace may have and do; what is refused is told with what, where and what to do (N04, N05)."""

import asyncio

import pytest

from houses import HOUSE
from kept_definitions import workflow
from rooms import Room

WAITING = """kind: workflow
name: waiting
spec:
  steps: {wait: {type: wait.signal, with: {name: go}}}
"""
LIVE = "/api/v1/definitions/workflow/waiting"


@pytest.fixture
async def token(room: Room) -> str:
    """Return the token of an admin of the default workspace."""
    return (await room.house.signed_in("admin"))[1]


async def give(room: Room, workspace: str = "default", **quotas: int) -> None:
    """Give a workspace these quotas."""
    _, owner = await room.house.signed_in("owner", "*")
    got = await room.ask("PUT", f"/api/v1/workspaces/{workspace}/quotas", quotas, token=owner)
    assert got.status == 200, got.body


async def test_no_more_definitions_are_kept_than_there_may_be(room, token):
    """N04."""
    await give(room, definitions=2)
    for name in ("one", "two"):
        made = await room.ask("POST", "/api/v1/definitions", {"text": workflow(name)}, token=token)
        assert made.status == 201
    refused = await room.ask("POST", "/api/v1/definitions", {"text": workflow("three")}, token=token)
    assert (refused.status, refused.code) == (403, "quota-full")
    assert refused.json["data"] == {"what": "definitions", "workspace": "default", "most": 2}
    assert refused.json["hint"]
    files = [{"path": f"{name}.yaml", "text": workflow(name)} for name in ("one", "four")]
    for path in ("apply", "import"):
        got = await room.ask("POST", f"/api/v1/definitions/{path}", {"files": files}, token=token)
        assert got.code == "quota-full"
    usage = (await room.ask("GET", "/api/v1/usage", token=token)).json
    assert usage["definitions"] == {"used": 2, "most": 2}
    await give(room, definitions=3)
    again = await room.ask("POST", "/api/v1/definitions", {"text": workflow("three")}, token=token)
    assert again.status == 201


async def test_a_full_workspace_leaves_the_room_of_others(room, token):
    """N04."""
    await room.house.identity.access.add_workspace(HOUSE, "other", "")
    await give(room, definitions=1)
    other = (await room.house.signed_in("admin", "other"))[1]
    for name in ("one", "two"):
        got = await room.ask(
            "POST", "/api/v1/definitions", {"text": workflow(name)}, token=other, workspace="other"
        )
        assert got.status == 201


async def test_no_more_secrets_are_kept_than_there_may_be(room, token):
    await give(room, secrets=1)
    value = {"kind": "text", "credential": {"kind": "text", "value": "long enough"}, "hosts": ["example.com"]}
    statuses = []
    for name in ("one", "two"):
        got = await room.ask("POST", "/api/v1/secrets", {"name": name, "value": value}, token=token)
        statuses.append((got.status, got.code))
    assert statuses == [(201, ""), (403, "quota-full")]


async def test_no_more_runs_are_under_way_than_may_be_nor_begun_in_a_day(room, token):
    """N04, N05: 429, with the time after which it is worth trying again."""
    await room.runs.engine.open()
    await publish(room, token)
    await give(room, running_runs=2, runs_a_day=4)
    started = [await start(room, token) for _ in range(3)]
    assert [got.status for got in started] == [201, 201, 429]
    assert (started[2].code, started[2].json["data"]["what"]) == ("too-many-runs", "running_runs")
    assert started[2].headers["retry-after"] == "1"
    usage = (await room.ask("GET", "/api/v1/usage", token=token)).json
    assert (usage["running_runs"], usage["runs_a_day"]["most"]) == ({"used": 2, "most": 2}, 4)
    for got in started[:2]:
        done = await room.ask(
            "POST", f"/api/v1/runs/{got.json['run']}/cancel", {"reason": "room"}, token=token
        )
        assert done.status == 200
        await room.runs.engine.wait(got.json["run"])
    room.house.clock.sleep(1)
    more = [await start(room, token) for _ in range(2)]
    assert [got.status for got in more] == [201, 201]
    await give(room, running_runs=9, runs_a_day=4)
    room.house.clock.sleep(6)
    over = await start(room, token)
    assert (over.status, over.json["data"]["what"]) == (429, "runs_a_day")
    assert 0 < int(over.headers["retry-after"]) <= 24 * 3600
    room.house.clock.sleep(24 * 3600)
    fresh = (await room.house.signed_in("admin"))[1]
    assert (await start(room, fresh)).status == 201
    await room.runs.engine.close()


async def test_a_workspace_that_is_as_large_as_it_may_be_begins_no_more_runs(room, token):
    await room.runs.engine.open()
    await publish(room, token)
    assert (await start(room, token)).status == 201
    await room.desk.usage.measure("default")
    usage = (await room.ask("GET", "/api/v1/usage", token=token)).json
    assert usage["bytes"]["used"] > 100
    await give(room, bytes=usage["bytes"]["used"] + 1_000_000)
    assert (await start(room, token)).status == 201
    await give(room, bytes=usage["bytes"]["used"])
    refused = await start(room, token)
    assert (refused.status, refused.code, refused.json["data"]["what"]) == (403, "quota-full", "bytes")
    tried = await room.ask("POST", "/api/v1/trials", {"text": WAITING}, token=token)
    assert (tried.status, tried.code) == (403, "quota-full"), "a trial keeps what it does, too"
    await room.runs.engine.close()


async def test_two_who_make_definitions_in_the_same_moment_do_not_go_beyond(room, token):
    await give(room, definitions=3)
    made = await asyncio.gather(
        *(
            room.ask("POST", "/api/v1/definitions", {"text": workflow(f"w{each}")}, token=token)
            for each in range(8)
        )
    )
    assert sorted(got.status for got in made) == [201] * 3 + [403] * 5


async def publish(room: Room, token: str) -> None:
    assert (await room.ask("POST", "/api/v1/definitions", {"text": WAITING}, token=token)).status == 201
    done = await room.ask("POST", f"{LIVE}/publish", {}, token=token, if_match="1")
    assert done.status == 200


async def start(room: Room, token: str):
    return await room.ask("POST", "/api/v1/workflows/waiting/runs", {}, token=token)
