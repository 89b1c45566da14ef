"""Events that runs wait for, the turn of a run that waits to begin, and what a key of a start stands for."""

import pytest
from test_run_routes import ADA, GREET, PAID, publish, show, start, tell

from houses import HOUSE
from rooms import Room

WAITS = """kind: workflow
name: waits
spec:
  steps: {order: {type: wait.event, with: {type: order.paid}}}
  output: "{{ steps.order.data }}"
"""
ONE_AT_A_TIME = """kind: workflow
name: narrow
spec:
  settings: {concurrency: {limit: 1}}
  steps: {paid: {type: wait.signal, with: {name: paid}}}
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
    for text in (GREET, PAID, WAITS, ONE_AT_A_TIME):
        await publish(room, token, text)
    return token


async def test_an_event_reaches_every_run_of_the_workspace_that_waits_for_its_type(room, token):
    for _ in range(2):
        await start(room, token, "waits", {}, wait=0)
    await room.runs.engine.drive_until_idle()
    event = {"type": "order.paid", "data": {"amount": 7}, "id": "order-7"}
    sent = await room.ask("POST", "/api/v1/events", event, token=token)
    assert (sent.status, sent.json) == (200, {"runs": 2})
    for number in (1, 2):
        await room.runs.engine.wait((await show(room, token, number))["run"])
        assert (await show(room, token, number))["output"] == {"amount": 7}
    none = await room.ask("POST", "/api/v1/events", event, token=token)
    assert none.json == {"runs": 0}
    assert [entry.object.name for entry in await room.house.entries("events.send")] == ["order.paid"] * 2


async def test_s01_an_event_of_one_workspace_moves_no_run_of_another(room, token):
    """S01."""
    await start(room, token, "waits", {}, wait=0)
    await room.runs.engine.drive_until_idle()
    await room.house.identity.access.add_workspace(HOUSE, "other", "")
    _, theirs = await room.house.signed_in("admin", "other")
    sent = await room.ask("POST", "/api/v1/events", {"type": "order.paid"}, token=theirs, workspace="other")
    assert (sent.status, sent.json) == (200, {"runs": 0})
    await room.runs.engine.drive_until_idle()
    assert (await show(room, token, 1))["state"] == "waiting"


async def test_of_the_runs_that_wait_to_begin_the_one_that_was_put_forward_comes_first(room, token):
    for _ in range(3):
        await start(room, token, "narrow", {}, wait=0)
    await room.runs.engine.drive_until_idle()
    put = await tell(room, token, 3, "prioritize", {"priority": 9})
    assert put.status == 200
    await tell(room, token, 1, "signal", {"name": "paid"})
    await room.runs.engine.wait((await show(room, token, 1))["run"])
    await room.runs.engine.drive_until_idle()
    assert [(await show(room, token, number))["state"] for number in (2, 3)] == ["queued", "waiting"]
    over = await tell(room, token, 3, "prioritize", {"priority": 1})
    assert (over.status, over.code) == (409, "request-refused-by-run")
    beyond = await tell(room, token, 2, "prioritize", {"priority": 10})
    assert (beyond.status, beyond.code) == (422, "request-refused")


@pytest.mark.parametrize(
    "other", [{"input": {"name": "Bob"}}, {"input": {"name": "Ada", "more": 1}}], ids=["value", "field"]
)
async def test_a_key_that_stands_for_another_input_is_refused(room, token, other):
    first = await start(room, token, idempotency_key="order 7")
    path = "/api/v1/workflows/greet/runs"
    got = await room.ask("POST", path, other, token=token, idempotency_key="order 7")
    assert (got.status, got.code) == (409, "key-taken")
    again = await start(room, token, body=ADA, idempotency_key="order 7")
    assert (again.status, again.json["run"]) == (200, first.json["run"])
