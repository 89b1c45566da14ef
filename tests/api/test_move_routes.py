"""Moving a run to another version of its workflow over HTTP."""

import pytest

from rooms import Room

CHARGED = """kind: workflow
name: order
spec:
  steps:
    note: {type: transform, with: {set: {n: 1}}}
    paid: {type: wait.signal, with: {name: paid, expires: 3d}}
    end: {type: noop, with: {value: "{{ steps.note.n }} {{ steps.paid.data }}"}}
  links: [note -> paid, paid -> end]
"""
MENDED = (
    CHARGED.replace("paid:", "payment:")
    .replace("paid ->", "payment ->")
    .replace("-> paid", "-> payment")
    .replace("steps.paid.data", "steps.payment.data }} {{ vars.who")
    .replace("spec:", "spec:\n  variables: {who: nobody}")
)


@pytest.fixture
async def room(house):
    """A front door whose engine lets runs go."""
    room = Room(house)
    await room.runs.engine.open()
    yield room
    await room.runs.engine.close()


async def keep(room, token, text):
    files = {"files": [{"path": "order.yaml", "text": text}]}
    assert (await room.ask("POST", "/api/v1/definitions/apply", files, token=token)).status == 200


@pytest.fixture
async def token(room):
    """Of an admin, who has published the workflow, started a run of it, and published another version."""
    _, token = await room.house.signed_in("admin")
    await keep(room, token, CHARGED)
    started = await room.ask("POST", "/api/v1/workflows/order/runs", {}, token=token)
    assert started.status == 201, started.json
    await room.runs.engine.drive_until_idle()
    await keep(room, token, MENDED)
    return token


async def move(room, token, run=1, **more):
    headers = {"idempotency_key": more.pop("key")} if "key" in more else {}
    body = {"version": "live", "steps": {"paid": "payment"}, **more}
    return await room.ask("POST", f"/api/v1/runs/{run}/move", body, token=token, **headers)


async def test_a_dry_run_says_what_would_become_of_each_step_and_does_nothing(room, token):
    told = await move(room, token, dry_run=True)
    assert (told.status, told.json["is_safe"], told.json["run"]) == (200, True, None)
    shown = [(step["path"], step["was"], step["becomes"], step["to"]) for step in told.json["steps"]]
    assert shown == [("note", "finished", "kept", "note"), ("paid", "waiting", "kept", "payment")]
    assert told.json["steps"][1]["until"] > 0
    assert len((await room.ask("GET", "/api/v1/runs", token=token)).json["items"]) == 1


async def test_a_run_is_moved_and_both_tell_of_each_other_and_the_trail_of_both(room, token):
    made = await move(room, token, reason="a mend")
    assert made.status == 201, made.json
    new = made.json["run"]
    old = (await room.ask("GET", "/api/v1/runs/1", token=token)).json
    assert (old["state"], old["why"]) == ("moved", f"It goes on as run {new['run']}.")
    assert (new["parent"], new["state"]) == (old["run"], "waiting")
    why = (await room.ask("GET", "/api/v1/runs/1/why", token=token)).json
    assert new["run"] in why["waits"][0]["words"]
    listed = (await room.ask("GET", "/api/v1/runs?state=moved", token=token)).json["items"]
    assert [run["number"] for run in listed] == [1]
    (entry,) = [one for one in await room.house.entries() if one.action == "runs.move"]
    assert (entry.object.name, entry.after["run"], entry.why) == (old["run"], new["run"], "a mend")
    signal = {"name": "paid", "data": 7}
    refused = await room.ask("POST", "/api/v1/runs/1/signal", signal, token=token)
    assert (refused.status, refused.code) == (409, "request-refused-by-run")
    assert new["run"] in refused.json["detail"]
    assert (await room.ask("POST", f"/api/v1/runs/{new['run']}/signal", signal, token=token)).status == 200
    ended = await room.runs.engine.wait(new["run"])
    assert ended.output == "1 7 nobody"


async def test_under_one_key_a_run_is_moved_once(room, token):
    first = await move(room, token, key="k")
    again = await move(room, token, key="k")
    assert (first.status, again.status) == (201, 200)
    assert first.json["run"]["run"] == again.json["run"]["run"]


async def test_what_cannot_be_is_refused_with_the_reason(room, token):
    unknown = await move(room, token, version="9")
    assert (unknown.status, unknown.code) == (404, "no-version")
    same = await move(room, token, version="1")
    assert (same.status, same.code) == (409, "request-refused-by-run")
    assert "by this version already" in same.json["detail"]
    looked = await move(room, token, version="1", dry_run=True)
    assert (looked.json["is_safe"], looked.json["objections"][0]["path"]) == (False, "")


async def test_it_takes_the_rights_to_retry_and_to_cancel(room, token):
    _, reader = await room.house.signed_in("viewer")
    refused = await move(room, reader, dry_run=True)
    assert refused.status == 403
