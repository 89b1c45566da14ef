"""What a step asks is answered by those whom it asks: the members of its group, or the people it names."""

import pytest

from auraos.security.identity.keys import KeyWish
from houses import EVERYTHING, HOUSE
from rooms import Room

ASKING = """kind: workflow
name: asking
spec:
  steps:
    ask: {type: human.approve, with: {title: "Pay?", group: finance, approvers: [cleo]}}
    anybody: {type: human.approve, with: {title: "Fine?"}}
    go: {type: noop, with: {value: done}}
  links: [ask.approved -> anybody, anybody.approved -> go]
"""


@pytest.fixture
async def room(house):
    """A front door whose engine lets runs go, and a workflow that asks."""
    room = Room(house)
    await room.runs.engine.open()
    _, token = await house.signed_in("admin")
    made = await room.ask("POST", "/api/v1/definitions", {"text": ASKING}, token=token)
    path = "/api/v1/definitions/workflow/asking/publish"
    done = await room.ask("POST", path, {}, token=token, if_match=made.headers["etag"])
    assert done.status == 200, done.json
    yield room
    await room.runs.engine.close()


async def start(room):
    _, token = await room.house.signed_in("operator")
    got = await room.ask("POST", "/api/v1/workflows/asking/runs?wait=2", {}, token=token)
    return got.json["run"]


async def answer(room, run, token, **more):
    body = {"decision": "approved", **more}
    return await room.ask("POST", f"/api/v1/runs/{run}/approve", body, token=token)


async def test_whoever_is_not_asked_is_refused_by_name_and_the_run_waits_on(room):
    run = await start(room)
    _, token = await room.house.signed_in("approver", name="ben")
    got = await answer(room, run, token)
    assert (got.status, got.code) == (403, "not-allowed")
    assert got.json["detail"] == "Step 'ask' asks the group 'finance' or 'cleo', and 'ben' is not among them."
    shown = await room.ask("GET", f"/api/v1/runs/{run}", token=token)
    assert shown.json["state"] == "waiting"
    refusals = [entry for entry in await room.house.entries() if entry.outcome == "refused"]
    assert [(entry.action, entry.actor.name) for entry in refusals] == [("runs.approve", "ben")]


async def test_a_member_of_the_group_and_whoever_is_named_may_answer(room):
    for name, group in (("ben", "finance"), ("cleo", "")):
        run = await start(room)
        person, token = await room.house.signed_in("approver", name=name)
        if group:
            access = room.house.identity.access
            await access.add_group(HOUSE, group, "Finance")
            await access.put_members(HOUSE, EVERYTHING, group, [person.id])
        assert (await answer(room, run, token)).status == 200
        assert (await answer(room, run, token)).status == 200, "the second step asks anybody who may approve"


async def test_a_service_account_does_not_answer_for_the_person_it_is_called_like(room):
    """S64."""
    run, keys = await start(room), room.house.identity.keys
    service = await keys.add_service(HOUSE, "default", "cleo", "")
    await room.house.grant("service", service.id, "approver")
    wish = KeyWish(title="", workspace="default")
    made = await keys.add_to_service(HOUSE, EVERYTHING, "default", "cleo", wish)
    assert (await answer(room, run, made.token)).status == 403


async def test_nobody_answers_by_an_ancestor_of_what_is_asked(room):
    run = await start(room)
    _, token = await room.house.signed_in("approver", name="ben")
    assert (await answer(room, run, token, step="anybody")).code == "request-refused-by-run"
    assert (await answer(room, run, token, step="ask")).status == 403
