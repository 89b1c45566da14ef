"""Runs over HTTP, on a real engine: started once under a key, looked at as they were, answered and led, and never foreign."""

import pytest

from houses import HOUSE
from rooms import Room

GREET = """kind: workflow
name: greet
spec:
  input: {type: object, required: [name], properties: {name: {type: string}}}
  steps: {say: {type: noop, with: {value: "Hello, {{ input.name }}!"}}}
  output: "{{ steps.say }}"
"""
PAID = """kind: workflow
name: paid
labels: {team: cash}
spec:
  steps: {paid: {type: wait.signal, with: {name: paid}}}
  output: "{{ steps.paid.data.amount }}"
"""
BROKEN = """kind: workflow
name: broken
spec:
  steps:
    first: {type: noop, with: {value: 7}}
    halt: {type: fail, with: {message: "It cannot be.", code: no-way}}
  links: [first -> halt]
"""
ADA = {"input": {"name": "Ada"}}


@pytest.fixture
async def room(house):
    """A front door whose engine lets runs go."""
    room = Room(house)
    await room.runs.engine.open()
    yield room
    await room.runs.engine.close()


@pytest.fixture
async def token(room):
    """Of an admin, who has published all workflows of these tests."""
    _, token = await room.house.signed_in("admin")
    for text in (GREET, PAID, BROKEN):
        await publish(room, token, text)
    return token


async def publish(room, token, text):
    made = await room.ask("POST", "/api/v1/definitions", {"text": text}, token=token)
    assert made.status == 201, made.json
    path = f"/api/v1/definitions/workflow/{made.json['name']}/publish"
    done = await room.ask("POST", path, {}, token=token, if_match=made.headers["etag"])
    assert done.status == 200, done.json


async def start(room, token, name="greet", body=ADA, wait=5, **headers):
    got = await room.ask("POST", f"/api/v1/workflows/{name}/runs?wait={wait}", body, token=token, **headers)
    assert got.status in (200, 201), got.json
    return got


async def show(room, token, run, what=""):
    got = await room.ask("GET", f"/api/v1/runs/{run}{what}", token=token)
    assert got.status == 200, got.json
    return got.json


async def tell(room, token, run, verb, body=None):
    return await room.ask("POST", f"/api/v1/runs/{run}/{verb}", body or {}, token=token)


async def test_a_run_is_started_and_its_end_is_waited_for(room, token):
    got = await start(room, token)
    assert (got.status, got.json["state"], got.json["output"]) == (201, "succeeded", "Hello, Ada!")
    assert got.json["by"].startswith("admin-")
    assert (await show(room, token, got.json["number"]))["run"] == got.json["run"]


async def test_whoever_does_not_wait_is_told_of_the_run_as_it_is(room, token):
    got = await start(room, token, "paid", {}, wait=0)
    assert (got.status, got.json["finished_at"], got.json["output"]) == (201, None, None)


async def test_under_one_key_a_run_is_started_once(room, token):
    first = await start(room, token, idempotency_key="order 7")
    again = await start(room, token, idempotency_key="order 7")
    assert (first.status, again.status, again.json) == (201, 200, first.json)
    other = await room.ask("POST", "/api/v1/workflows/paid/runs", {}, token=token, idempotency_key="order 7")
    assert (other.status, other.code) == (409, "key-taken")
    too_long = await room.ask(
        "POST", "/api/v1/workflows/paid/runs", {}, token=token, idempotency_key="x" * 201
    )
    assert (too_long.status, too_long.code) == (422, "key-refused")
    assert len((await room.ask("GET", "/api/v1/runs", token=token)).json["items"]) == 1


@pytest.mark.parametrize(
    ("name", "body", "status", "code"),
    [
        ("greet", {"input": {"name": 7}}, 422, "input-refused"),
        ("greet", {}, 422, "input-refused"),
        ("nothing-like-it", {}, 404, "not-found"),
        ("greet@9", ADA, 404, "no-version"),
        ("greet", {"inputs": 1}, 422, "request-refused"),
    ],
)
async def test_what_cannot_be_started_is_refused_with_the_reason(room, token, name, body, status, code):
    got = await room.ask("POST", f"/api/v1/workflows/{name}/runs", body, token=token)
    assert (got.status, got.code) == (status, code)
    assert (await room.ask("GET", "/api/v1/runs", token=token)).json["items"] == []


async def test_runs_are_listed_in_pages_the_newest_first(room, token):
    for _ in range(3):
        await start(room, token)
    await start(room, token, "paid", {}, wait=0)
    numbers, after = [], ""
    while True:
        page = await room.ask("GET", f"/api/v1/runs?limit=3{after}", token=token)
        numbers += [run["number"] for run in page.json["items"]]
        if not page.json["next"]:
            break
        after = f"&after={page.json['next']}"
    assert numbers == [4, 3, 2, 1]
    only = await room.ask("GET", "/api/v1/runs?workflow=greet&state=succeeded&state=failed", token=token)
    assert [run["number"] for run in only.json["items"]] == [3, 2, 1]


async def test_a_run_is_shown_as_it_was_after_each_of_its_facts(room, token):
    await start(room, token)
    facts = (await show(room, token, 1, "/journal"))["items"]
    assert [fact["seq"] for fact in facts] == list(range(1, len(facts) + 1))
    first = await show(room, token, 1, "/state?seq=1")
    last = await show(room, token, 1, "/state")
    assert (first["output"], first["facts"]) == (None, len(facts))
    assert (last["state"], last["output"], last["seq"]) == ("succeeded", "Hello, Ada!", len(facts))
    assert [(step["path"], step["output"]) for step in last["steps"]] == [("say", "Hello, Ada!")]
    beyond = await room.ask("GET", "/api/v1/runs/1/state?seq=999", token=token)
    assert (beyond.status, beyond.code) == (404, "no-fact")


async def test_a_journal_comes_in_pages(room, token):
    await start(room, token)
    whole = (await show(room, token, 1, "/journal"))["items"]
    page = await show(room, token, 1, "/journal?limit=1")
    rest = await show(room, token, 1, f"/journal?after={page['next']}")
    assert (page["items"] + rest["items"], rest["next"]) == (whole, None)


async def test_a_run_says_what_it_waits_for_and_goes_on_by_a_signal(room, token):
    await start(room, token, "paid", {}, wait=0)
    await room.runs.engine.drive_until_idle()
    told = await show(room, token, 1, "/why")
    assert (told["state"], [wait["path"] for wait in told["waits"]]) == ("waiting", ["paid"])
    done = await tell(room, token, 1, "signal", {"name": "paid", "data": {"amount": 7}})
    assert done.status == 200
    run = (await show(room, token, 1))["run"]
    await room.runs.engine.wait(run)
    assert (await show(room, token, 1))["output"] == 7


async def test_a_run_is_paused_resumed_and_ended(room, token):
    await start(room, token, "paid", {}, wait=0)
    await room.runs.engine.drive_until_idle()
    assert (await tell(room, token, 1, "pause", {"reason": "lunch"})).status == 200
    assert (await show(room, token, 1))["state"] == "paused"
    changed = await tell(room, token, 1, "resume", {"variables": {"limit": 5}})
    assert changed.status == 200
    (entry,) = [one for one in await room.house.entries() if one.action == "runs.resume"]
    assert entry.after == {"variables": ["limit"]}, "what they are now is for those who may read the journal"
    told = await tell(room, token, 1, "resume", {"variables": {"limit": 6}})
    assert (told.status, told.code) == (409, "request-refused-by-run")
    assert (await tell(room, token, 1, "cancel", {"reason": "enough"})).status == 200
    await room.runs.engine.wait((await show(room, token, 1))["run"])
    assert (await show(room, token, 1))["state"] == "cancelled"
    over = await tell(room, token, 1, "pause")
    assert (over.status, over.code) == (409, "request-refused-by-run")


async def test_what_was_asked_of_a_run_is_in_the_audit_trail_and_its_journal_names_who_asked(room, token):
    await start(room, token, "paid", {}, wait=0)
    await room.runs.engine.drive_until_idle()
    await tell(room, token, 1, "cancel", {"reason": "enough"})
    run = await show(room, token, 1)
    entries = [entry for entry in await room.house.entries() if entry.action.startswith("runs.")]
    assert [(entry.action, entry.object.name, entry.why) for entry in entries] == [
        ("runs.start", "paid", ""),
        ("runs.cancel", run["run"], "enough"),
    ]
    assert {entry.actor.name for entry in entries} == {run["by"]}
    facts = (await show(room, token, 1, "/journal"))["items"]
    assert run["by"] in [fact["fact"].get("by") for fact in facts if "reason" in fact["fact"]]


@pytest.mark.parametrize("verb", ["retry", "fork"])
async def test_a_failed_run_is_begun_once_more_as_another(room, token, verb):
    failed = await start(room, token, "broken", {})
    assert (failed.json["state"], failed.json["error"]["code"]) == ("failed", "no-way")
    again = await tell(room, token, 1, verb, {"start_at": "halt"})
    assert (again.status, again.json["number"], again.json["parent"]) == (201, 2, failed.json["run"])


async def test_the_log_of_a_run_is_empty_where_nothing_was_logged(room, token):
    await start(room, token)
    assert await show(room, token, 1, "/logs") == {"items": [], "next": None}


@pytest.mark.parametrize("what", ["", "/state", "/journal", "/why", "/logs"])
async def test_s01_a_run_of_another_workspace_is_as_good_as_none(room, token, what):
    run = (await start(room, token)).json["run"]
    await room.house.identity.access.add_workspace(HOUSE, "other", "")
    _, theirs = await room.house.signed_in("admin", "other")
    for name in (run, "1", run[:8]):
        foreign = await room.ask("GET", f"/api/v1/runs/{name}{what}", token=theirs, workspace="other")
        assert (foreign.status, foreign.code) == (404, "not-found")
    assert (await room.ask("GET", "/api/v1/runs", token=theirs, workspace="other")).json["items"] == []


@pytest.mark.parametrize("verb", ["pause", "resume", "cancel", "retry", "fork"])
async def test_s01_nobody_leads_a_run_of_another_workspace(room, token, verb):
    run = (await start(room, token, "paid", {}, wait=0)).json["run"]
    await room.house.identity.access.add_workspace(HOUSE, "other", "")
    _, theirs = await room.house.signed_in("admin", "other")
    foreign = await room.ask("POST", f"/api/v1/runs/{run}/{verb}", {}, token=theirs, workspace="other")
    assert (foreign.status, foreign.code) == (404, "not-found")


async def test_one_key_of_two_workspaces_starts_two_runs(room, token):
    await room.house.identity.access.add_workspace(HOUSE, "other", "")
    _, theirs = await room.house.signed_in("admin", "other")
    made = await room.ask("POST", "/api/v1/definitions", {"text": GREET}, token=theirs, workspace="other")
    path = "/api/v1/definitions/workflow/greet/publish"
    await room.ask("POST", path, {}, token=theirs, workspace="other", if_match=made.headers["etag"])
    here = await start(room, token, idempotency_key="one")
    there = await start(room, theirs, idempotency_key="one", workspace="other")
    assert (here.status, there.status) == (201, 201)
    assert here.json["run"] != there.json["run"]


async def test_who_may_lead_one_workflow_sees_and_leads_its_runs_only(room, token):
    await start(room, token)
    await start(room, token, "paid", {}, wait=0)
    _, narrow = await room.house.signed_in("operator", labels={"team": "cash"})
    seen = await room.ask("GET", "/api/v1/runs", token=narrow)
    assert [run["workflow"] for run in seen.json["items"]] == ["paid"]
    assert (await room.ask("GET", "/api/v1/runs/1", token=narrow)).status == 404
    assert (await room.ask("GET", "/api/v1/runs/2", token=narrow)).status == 200
    refused = await room.ask("POST", "/api/v1/workflows/greet/runs", ADA, token=narrow)
    assert refused.status == 404
    assert (await start(room, narrow, "paid", {}, wait=0)).status == 201
