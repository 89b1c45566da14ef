"""The figures of a workflow over HTTP: for any window and version, to whoever may see its runs."""

import pytest
from test_run_routes import BROKEN, GREET, PAID, publish, start, tell

from auraos.security.identity.keys import KeyWish
from houses import acting
from rooms import Room


@pytest.fixture
async def room(house):
    room = Room(house)
    await room.runs.engine.open()
    yield room
    await room.runs.engine.close()


@pytest.fixture
async def token(room):
    _, token = await room.house.signed_in("admin")
    for text in (GREET, PAID, BROKEN):
        await publish(room, token, text)
    return token


async def figures(room, token, name="greet", query="", **headers):
    got = await room.ask("GET", f"/api/v1/workflows/{name}/figures{query}", token=token, **headers)
    assert got.status == 200, got.json
    return got.json


async def test_a_workflow_is_told_with_its_versions_and_steps(room, token):
    for _ in range(3):
        await start(room, token)
    await start(room, token, "broken", {})
    told = await figures(room, token)
    assert (told["all"]["begun"], told["all"]["success"], told["all"]["read"]) == (3, 100.0, 3)
    assert [(one["number"], one["begun"], one["states"]) for one in told["versions"]] == [
        (1, 3, {"succeeded": 3})
    ]
    assert [(one["path"], one["type"], one["carried_out"]) for one in told["steps"]] == [("say", "noop", 3)]
    broken = await figures(room, token, "broken")
    assert (broken["all"]["success"], broken["all"]["states"]) == (0.0, {"failed": 1})
    assert {one["path"]: one["failed"] for one in broken["steps"]} == {"first": 0, "halt": 1}


async def test_a_version_is_named_by_its_number_or_its_hash(room, token):
    await start(room, token)
    made = await room.ask("GET", "/api/v1/definitions/workflow/greet", token=token)
    text = GREET.replace("Hello", "Good day")
    path = "/api/v1/definitions/workflow/greet"
    saved = await room.ask("PUT", f"{path}/draft", {"text": text}, token=token, if_match=made.headers["etag"])
    done = await room.ask("POST", f"{path}/publish", {}, token=token, if_match=saved.headers["etag"])
    assert done.status == 200, done.json
    for _ in range(2):
        await start(room, token)
    both = await figures(room, token)
    assert [(one["number"], one["begun"]) for one in both["versions"]] == [(2, 2), (1, 1)]
    for named in ("1", both["versions"][1]["version"], both["versions"][1]["version"][:12]):
        assert (await figures(room, token, query=f"?version={named}"))["all"]["begun"] == 1
    missing = await room.ask("GET", "/api/v1/workflows/greet/figures?version=9", token=token)
    assert (missing.status, missing.code) == (404, "no-version")


async def test_a_window_of_time_holds_what_was_asked_for_within_it(room, token):
    moments = [(await start(room, token)).json["started_at"] for _ in range(3)]
    told = await figures(room, token, query=f"?since={moments[1]}&until={moments[2]}")
    assert (told["all"]["begun"], told["since"], told["until"]) == (1, moments[1], moments[2])
    usual = await figures(room, token)
    assert usual["until"] - usual["since"] == 7 * 24 * 3600 * 1_000_000


async def test_a_run_that_waits_is_counted_and_not_over(room, token):
    await start(room, token, "paid", {}, wait=0)
    told = await figures(room, token, "paid")
    assert (told["all"]["begun"], told["all"]["success"], told["all"]["took"]) == (1, None, None)
    await tell(room, token, 1, "cancel")


async def test_a_workflow_that_never_ran_has_none_and_one_that_is_not_there_is_not_found(room, token):
    assert (await figures(room, token))["all"]["begun"] == 0
    got = await room.ask("GET", "/api/v1/workflows/nothing/figures", token=token)
    assert (got.status, got.code) == (404, "not-found")


@pytest.mark.parametrize("query", ["?version=x", "?since=-1", "?until=soon", "?version=0", "?more=1"])
async def test_what_is_no_window_is_refused(room, token, query):
    got = await room.ask("GET", f"/api/v1/workflows/greet/figures{query}", token=token)
    assert (got.status, got.code) == (422, "request-refused")


async def test_whoever_may_see_some_workflows_only_sees_the_figures_of_those(room, token):
    await start(room, token, "paid", {}, wait=0)
    await start(room, token)
    _, narrow = await room.house.signed_in("viewer", labels={"team": "cash"})
    assert (await figures(room, narrow, "paid"))["all"]["begun"] == 1
    got = await room.ask("GET", "/api/v1/workflows/greet/figures", token=narrow)
    assert (got.status, got.code) == (404, "not-found")


async def test_a_key_that_may_not_read_runs_sees_no_figures(room, token):
    person, own = await room.house.signed_in("admin")
    wish = KeyWish(title="definitions only", scopes=("definitions.read",))
    made = await room.house.identity.keys.add_own(acting(person), await room.house.known(own), wish)
    got = await room.ask("GET", "/api/v1/workflows/greet/figures", token=made.token)
    assert got.status == 403
