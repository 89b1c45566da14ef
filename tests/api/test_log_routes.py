"""The logs of all runs over HTTP: to whoever may see the runs, and of private ones only what may be revealed."""

import pytest
from test_run_routes import publish, start

from auraos.security.identity.keys import KeyWish
from houses import acting
from private_runs import CANARY, tagged
from rooms import Room

SAYS = """kind: workflow
name: {name}
labels: {{team: {team}}}
spec:
  steps:
    say: {{type: log, with: {{message: "{name} says {{{{ input.word }}}}", level: {level}, fields: {{n: 7}}}}}}
"""


@pytest.fixture
async def room(house):
    room = Room(house)
    await room.runs.engine.open()
    yield room
    await room.runs.engine.close()


@pytest.fixture
async def token(room):
    _, token = await room.house.signed_in("admin")
    for name, team, level in (("cash", "cash", "warning"), ("mail", "mail", "info")):
        await publish(room, token, SAYS.format(name=name, team=team, level=level))
    await publish(room, token, tagged())
    for name, word in (("cash", "one"), ("mail", "two"), ("cash", "three")):
        await start(room, token, name, {"input": {"word": word}})
    return token


async def search(room, token, query="", **headers):
    got = await room.ask("GET", f"/api/v1/logs{query}", token=token, **headers)
    assert got.status == 200, got.json
    return got.json


def said(told):
    return [line["message"] for line in told["items"]]


async def test_lines_of_all_runs_are_found_the_newest_run_first(room, token):
    told = await search(room, token)
    assert said(told) == ["cash says three", "mail says two", "cash says one"]
    assert (told["next"], told["runs"], told["lines"]) == ("", 3, 3)
    first = told["items"][0]
    assert (first["number"], first["workflow"], first["path"], first["level"]) == (
        3,
        "cash",
        "say",
        "warning",
    )
    assert first["fields"] == {"n": 7}
    for query, wanted in (
        ("?order=oldest", ["cash says one", "mail says two", "cash says three"]),
        ("?q=SAYS%20T", ["cash says three", "mail says two"]),
        ("?workflow=mail", ["mail says two"]),
        ("?level=warning", ["cash says three", "cash says one"]),
        ("?run=2", ["mail says two"]),
        ("?step=other", []),
        (f"?since={first['at']}", ["cash says three"]),
    ):
        assert said(await search(room, token, query)) == wanted, query


async def test_pages_go_on_where_the_one_before_ended(room, token):
    messages, query = [], "?limit=1"
    while True:
        told = await search(room, token, query)
        messages += said(told)
        if not told["next"]:
            break
        query = f"?limit=1&after={told['next']}"
    assert messages == ["cash says three", "mail says two", "cash says one"]
    one = await search(room, token, "?run=1&limit=1")
    assert said(await search(room, token, f"?run=1&after={one['next']}")) == []
    got = await room.ask("GET", "/api/v1/logs?after=7", token=token)
    assert (got.status, got.code) == (422, "cursor-refused")
    assert (await room.ask("GET", "/api/v1/logs?run=99", token=token)).status == 404


async def test_whoever_may_see_some_runs_finds_lines_of_those_only(room, token):
    _, narrow = await room.house.signed_in("viewer", labels={"team": "mail"})
    told = await search(room, narrow)
    assert said(told) == ["mail says two"]
    assert (await room.ask("GET", "/api/v1/logs?run=1", token=narrow)).status == 404
    _, foreign = await room.house.signed_in("admin", "elsewhere")
    assert (await room.ask("GET", "/api/v1/logs", token=foreign)).status == 404


async def test_what_private_runs_said_is_found_by_those_who_may_reveal_it_and_that_is_written_down(
    room, token
):
    await start(room, token, "greet", {"input": {"email": CANARY}})
    hidden = await room.ask("GET", "/api/v1/logs?run=4", token=token)
    assert (len(hidden.json["items"]), CANARY.encode() in hidden.body) == (1, False)
    assert said(await search(room, token, "?q=canary")) == []
    assert await room.house.entries("privacy.reveal") == []
    shown = await search(room, token, "?q=canary&reveal=true")
    assert said(shown) == [f"mail for {CANARY}"]
    entry, *others = await room.house.entries("privacy.reveal")
    assert (entry.after, entry.object.name, others) == ({"what": "logs"}, shown["items"][0]["run"], [])
    person, own = await room.house.signed_in("admin")
    wish = KeyWish(title="reader", scopes=("runs.read",))
    made = await room.house.identity.keys.add_own(acting(person), await room.house.known(own), wish)
    assert len((await search(room, made.token))["items"]) == 4
    refused = await room.ask("GET", "/api/v1/logs?q=canary&reveal=true", token=made.token)
    assert (refused.status, refused.code) == (403, "not-allowed")
