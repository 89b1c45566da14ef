"""Failed runs that nobody has taken up again, and logs page by page, over HTTP."""

import pytest
from test_run_routes import BROKEN, publish, start

from rooms import Room

TALKS = """kind: workflow
name: talks
spec:
  steps: {a: {type: log, with: {message: one}}, b: {type: log, with: {message: two}}, c: {type: log, with: {message: three}}}
  links: [a -> b, b -> c]
"""


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
    for text in (BROKEN, TALKS):
        await publish(room, token, text)
    return token


async def test_a_failed_run_is_listed_with_its_cause_until_somebody_takes_it_up(room, token):
    await start(room, token, "broken", {})
    listed = await room.ask("GET", "/api/v1/failures?workflow=broken&code=no-way", token=token)
    (failure,) = listed.json["items"]
    assert (failure["run"]["number"], failure["step"], failure["code"]) == (1, "halt", "no-way")
    assert listed.json["more"] is False
    for query in ("?workflow=talks", "?code=another", "?since=9000000000000000"):
        assert (await room.ask("GET", f"/api/v1/failures{query}", token=token)).json["items"] == []
    assert (await room.ask("POST", "/api/v1/runs/1/retry", {}, token=token)).status == 201
    await room.runs.engine.drive_until_idle()
    listed = await room.ask("GET", "/api/v1/failures", token=token)
    assert [one["run"]["number"] for one in listed.json["items"]] == [2], (
        "the retry that failed stands for both"
    )


async def test_a_log_comes_in_pages(room, token):
    await start(room, token, "talks", {})
    first = (await room.ask("GET", "/api/v1/runs/1/logs?limit=2", token=token)).json
    rest = (await room.ask("GET", f"/api/v1/runs/1/logs?limit=2&after={first['next']}", token=token)).json
    assert [line["message"] for line in first["items"] + rest["items"]] == ["one", "two", "three"]
    assert (first["next"], rest["next"]) == (2, None)
