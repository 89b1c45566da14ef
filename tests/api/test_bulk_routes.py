"""One wish for many runs over HTTP: looked at first, done to each, held after the first, stopped, and never to foreign ones."""

import pytest
from test_run_routes import BROKEN, GREET, PAID, publish, show, start

from houses import HOUSE
from rooms import Room


@pytest.fixture
async def room(house):
    """A front door whose engine lets runs go."""
    room = Room(house)
    await room.runs.engine.open()
    yield room
    await room.desk.bulks.close()
    await room.runs.engine.close()


@pytest.fixture
async def token(room):
    """Of an admin, who has published the workflows, and started five runs that wait and two that fail."""
    _, token = await room.house.signed_in("admin")
    for text in (GREET, PAID, BROKEN):
        await publish(room, token, text)
    for _ in range(5):
        await start(room, token, "paid", {}, wait=0)
    for _ in range(2):
        await start(room, token, "broken", {})
    await room.runs.engine.drive_until_idle()
    return token


async def wish(room, token, action, body, wait=10, **headers):
    return await room.ask("POST", f"/api/v1/bulks/{action}?wait={wait}", body, token=token, **headers)


async def states(room, token):
    listed = await room.ask("GET", "/api/v1/runs?limit=100", token=token)
    return {run["number"]: run["state"] for run in listed.json["items"]}


async def test_what_would_be_meant_is_told_and_nothing_is_done(room, token):
    got = await wish(room, token, "cancel", {"filter": {"workflow": "paid"}, "dry_run": True})
    assert (got.status, got.json["state"], got.json["total"]) == (200, "preview", 5)
    seen = got.json["preview"]
    assert (seen["more"], seen["states"]) == (False, {"waiting": 5})
    assert [run["number"] for run in seen["runs"]] == [5, 4, 3, 2, 1]
    assert (await room.ask("GET", "/api/v1/bulks", token=token)).json["items"] == []
    bounded = await wish(room, token, "cancel", {"filter": {}, "limit": 2, "dry_run": True})
    assert (bounded.json["total"], bounded.json["preview"]["more"]) == (2, True)


async def test_it_is_done_to_all_that_are_meant_and_told_of_each(room, token):
    got = await wish(
        room, token, "cancel", {"filter": {"workflow": "paid"}, "expect": 5, "how": {"reason": "x"}}
    )
    assert (got.status, got.json["state"], got.json["done"], got.json["refused"]) == (200, "over", 5, 0)
    for number in range(1, 6):
        await room.runs.engine.wait((await show(room, token, number))["run"])
    assert await states(room, token) == {**dict.fromkeys(range(1, 6), "cancelled"), 6: "failed", 7: "failed"}
    detail = (await room.ask("GET", f"/api/v1/bulks/{got.json['id']}?limit=3", token=token)).json
    assert [(run["number"], run["became"]) for run in detail["runs"]] == [
        (5, "done"),
        (4, "done"),
        (3, "done"),
    ]
    rest = (await room.ask("GET", f"/api/v1/bulks/{got.json['id']}?after={detail['next']}", token=token)).json
    assert [run["number"] for run in rest["runs"]] == [2, 1]
    entries = [entry for entry in await room.house.entries("runs.cancel") if entry.object.kind == "bulk"]
    assert [(entry.object.name, entry.why, entry.after["runs"]) for entry in entries] == [
        (got.json["id"], "x", 5)
    ]


async def test_runs_are_meant_by_name_too_and_what_is_refused_says_why(room, token):
    body = {"runs": ["1", "6", "999", "1"]}
    got = await wish(room, token, "pause", body)
    assert (got.json["total"], got.json["done"], got.json["refused"]) == (3, 1, 2)
    told = (await room.ask("GET", f"/api/v1/bulks/{got.json['id']}", token=token)).json["runs"]
    assert [(run["became"], run["code"]) for run in told] == [
        ("done", ""),
        ("refused", "request-refused-by-run"),
        ("refused", "not-found"),
    ]
    resumed = await wish(room, token, "resume", {"filter": {}})
    assert (resumed.json["total"], resumed.json["done"]) == (1, 1)


async def test_failed_runs_are_begun_once_more_and_only_once(room, token):
    got = await wish(room, token, "retry", {"filter": {"code": "no-way"}})
    assert (got.json["total"], got.json["done"]) == (2, 2)
    told = (await room.ask("GET", f"/api/v1/bulks/{got.json['id']}", token=token)).json["runs"]
    for run in told:
        await room.runs.engine.wait(run["made"])
        made = await show(room, token, run["made"])
        assert (made["parent"], made["state"]) == (run["run"], "failed")
    again = await wish(room, token, "retry", {"filter": {"code": "no-way"}, "dry_run": True})
    assert {run["run"] for run in again.json["preview"]["runs"]} == {run["made"] for run in told}


async def test_it_waits_after_the_first_ones_until_somebody_says_to_go_on(room, token):
    body = {"filter": {"workflow": "paid"}, "first": 2, "how": {"name": "paid", "data": {"amount": 3}}}
    got = await wish(room, token, "signal", body)
    assert (got.status, got.json["state"], got.json["done"]) == (200, "waiting", 2)
    await room.runs.engine.drive_until_idle()
    assert (
        sorted((await states(room, token)).values()) == ["failed"] * 2 + ["succeeded"] * 2 + ["waiting"] * 3
    )
    path = f"/api/v1/bulks/{got.json['id']}"
    assert (await room.ask("POST", f"{path}/go-on", token=token)).status == 200
    bulk = await room.desk.bulks.find("default", got.json["id"])
    assert (await room.desk.bulks.settled(bulk, 10)).done == 5
    over = await room.ask("POST", f"{path}/go-on", token=token)
    assert (over.status, over.code) == (409, "bulk-state")


async def test_what_was_stopped_does_nothing_more(room, token):
    got = await wish(room, token, "pause", {"filter": {"workflow": "paid"}, "first": 1})
    path = f"/api/v1/bulks/{got.json['id']}"
    stopped = await room.ask("POST", f"{path}/stop", token=token)
    assert (stopped.status, stopped.json["state"]) == (200, "stopped")
    assert sorted((await states(room, token)).values()).count("paused") == 1
    listed = (await room.ask("GET", "/api/v1/bulks", token=token)).json["items"]
    assert [(bulk["id"], bulk["state"]) for bulk in listed] == [(got.json["id"], "stopped")]


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({}, 422, "bulk-refused"),
        ({"runs": ["1"], "filter": {}}, 422, "bulk-refused"),
        ({"filter": {"workflow": "paid"}, "expect": 4}, 409, "bulk-changed"),
        ({"filter": {"flow": "paid"}}, 422, "request-refused"),
        ({"filter": {}, "limit": 10_001}, 422, "request-refused"),
    ],
)
async def test_a_wish_that_does_not_say_which_runs_is_refused(room, token, body, status, code):
    got = await wish(room, token, "cancel", body)
    assert (got.status, got.code) == (status, code)


async def test_s01_runs_and_wishes_of_another_workspace_are_as_good_as_none(room, token):
    """S01."""
    await room.house.identity.access.add_workspace(HOUSE, "other", "")
    _, theirs = await room.house.signed_in("admin", "other")
    run = (await show(room, token, 1))["run"]
    named = await wish(room, theirs, "cancel", {"runs": [run, "1"]}, workspace="other")
    assert (named.json["total"], named.json["refused"]) == (2, 2)
    none = await wish(room, theirs, "cancel", {"filter": {}}, workspace="other")
    assert none.json["total"] == 0
    ours = await wish(room, token, "pause", {"runs": ["1"]})
    foreign = await room.ask("GET", f"/api/v1/bulks/{ours.json['id']}", token=theirs, workspace="other")
    assert (foreign.status, foreign.code) == (404, "no-bulk")


async def test_s01_who_may_lead_some_runs_only_leads_no_others_in_bulk(room, token):
    """S01."""
    _, narrow = await room.house.signed_in("operator", labels={"team": "cash"})
    got = await wish(room, narrow, "cancel", {"filter": {"state": ["waiting", "failed"]}})
    assert (got.json["total"], got.json["done"]) == (5, 5)
    named = await wish(room, narrow, "retry", {"runs": ["6"]})
    told = (await room.ask("GET", f"/api/v1/bulks/{named.json['id']}", token=narrow)).json["runs"]
    assert [(run["became"], run["code"]) for run in told] == [("refused", "not-found")]
    _, viewer = await room.house.signed_in("viewer")
    refused = await wish(room, viewer, "cancel", {"filter": {}})
    assert (refused.status, refused.code) == (403, "not-allowed")


async def test_under_one_key_a_run_is_begun_once_more_once(room, token):
    path = "/api/v1/runs/6/retry"
    first = await room.ask("POST", path, {}, token=token, idempotency_key="again")
    again = await room.ask("POST", path, {}, token=token, idempotency_key="again")
    assert (first.status, again.status, again.json["run"]) == (201, 200, first.json["run"])
    other = await room.ask("POST", "/api/v1/runs/7/retry", {}, token=token, idempotency_key="again")
    assert (other.status, other.code) == (409, "key-taken")


async def test_a_run_is_begun_once_more_by_the_version_that_is_live_now(room, token):
    mended = BROKEN.replace('{type: fail, with: {message: "It cannot be.", code: no-way}}', "{type: noop}")
    draft = await room.ask("GET", "/api/v1/definitions/workflow/broken", token=token)
    saved = await room.ask(
        "PUT", "/api/v1/definitions/workflow/broken/draft", {"text": mended}, token=token,
        if_match=draft.headers["etag"],
    )  # fmt: skip
    path = "/api/v1/definitions/workflow/broken/publish"
    await room.ask("POST", path, {}, token=token, if_match=saved.headers["etag"])
    made = await room.ask("POST", "/api/v1/runs/6/retry", {"version": "live"}, token=token)
    assert made.status == 201, made.json
    await room.runs.engine.wait(made.json["run"])
    assert (await show(room, token, made.json["number"]))["state"] == "succeeded"
    missing = await room.ask("POST", "/api/v1/runs/6/retry", {"version": "9"}, token=token)
    assert (missing.status, missing.code) == (404, "no-version")
