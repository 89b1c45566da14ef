"""Settings over HTTP: who may set what, and what follows it at once."""

import pytest

from auraos.app.settings.settings import SetTerms

LEVEL = "/api/v1/installation/settings/log.level"


@pytest.fixture
async def owner(room):
    """Return the token of somebody who may set everything."""
    return (await room.house.signed_in("owner", "*"))[1]


async def test_a_setting_is_shown_changed_over_its_revision_and_its_history_kept(room, owner):
    got = await room.ask("GET", LEVEL, token=owner)
    assert (got.json["value"], got.json["source"], got.headers["etag"][:3]) == ("info", "default", '"1.')
    put = await room.ask("PUT", LEVEL, {"value": "debug", "why": "look"}, token=owner, if_match='"1"')
    assert (put.status, put.json["value"], put.headers["etag"][:3]) == (200, "debug", '"2.')
    late = await room.ask("PUT", LEVEL, {"value": "error"}, token=owner, if_match='"1"')
    assert (late.status, late.code, late.json["data"]["revision"]) == (412, "setting-changed", 2)
    assert (await room.ask("PUT", LEVEL, {"value": "error"}, token=owner)).status == 428
    cleared = await room.ask("POST", f"{LEVEL}/clear", token=owner, if_match='"2"')
    assert (cleared.json["value"], cleared.json["source"]) == ("info", "default")
    page = (await room.ask("GET", f"{LEVEL}/history?limit=1", token=owner)).json
    assert [(each["before"], each["after"]) for each in page["items"]] == [("debug", None)]
    rest = (await room.ask("GET", f"{LEVEL}/history?before={page['next']}", token=owner)).json
    assert [(each["after"], each["why"]) for each in rest["items"]] == [("debug", "look")]
    assert rest["next"] == 0


async def test_what_cannot_be_is_told_with_what_can(room, owner):
    got = await room.ask("PUT", LEVEL, {"value": "loud"}, token=owner, if_match='"1"')
    assert (got.status, got.code, "debug, info" in got.json["hint"]) == (422, "setting-refused", True)
    missing = await room.ask("GET", "/api/v1/installation/settings/log.levle", token=owner)
    assert (missing.status, missing.code) == (404, "no-setting")
    assert (await room.ask("GET", "/api/v1/settings/log.level", token=owner)).code == "no-setting"


async def test_who_administers_a_workspace_sets_it_there_and_nowhere_else(room, owner):
    _, admin = await room.house.signed_in("admin")
    path = "/api/v1/settings/requests.largest-body"
    assert (await room.ask("PUT", path, {"value": 2000}, token=admin, if_match='"1"')).status == 200
    assert (await room.ask("PUT", LEVEL, {"value": "debug"}, token=admin, if_match='"1"')).status == 403
    names = [each["name"] for each in (await room.ask("GET", "/api/v1/settings", token=admin)).json["items"]]
    assert names[:2] == ["requests.largest-body", "runs.longest-wait"]
    assert "log.level" not in names
    viewer = (await room.house.signed_in("viewer"))[1]
    assert (await room.ask("GET", "/api/v1/settings", token=viewer)).status == 403
    (entry,) = [each for each in await room.house.entries("settings.change") if each.outcome == "done"]
    assert (entry.workspace, entry.after) == ("default", {"value": 2000})


async def test_a_body_that_became_too_large_for_its_workspace_is_refused_there_from_now_on(room, owner):
    path = "/api/v1/settings/requests.largest-body"
    await room.ask("PUT", path, {"value": 2000}, token=owner, if_match='"1"')
    text = "kind: workflow\nname: x\nspec: {steps: {a: {type: noop}}}\n# " + "x" * 3000
    got = await room.ask("POST", "/api/v1/definitions", {"text": text}, token=owner)
    assert (got.status, got.code) == (413, "body-too-large")
    await room.house.identity.access.add_workspace(
        (await room.house.entries("people.add"))[0].actor, "other", ""
    )
    elsewhere = await room.ask("POST", "/api/v1/definitions", {"text": text}, token=owner, workspace="other")
    assert elsewhere.status == 201


async def test_strangers_are_slowed_down_as_it_is_set(room, owner):
    for name in ("requests.strangers-per-second", "requests.strangers-at-once"):
        path = f"/api/v1/installation/settings/{name}"
        assert (await room.ask("PUT", path, {"value": 1}, token=owner, if_match='"1"')).status == 200
    statuses = [(await room.ask("GET", "/api/v1/owner")).status for _ in range(2)]
    assert statuses == [200, 429]


async def test_a_person_has_their_own_sessions_end_sooner_and_never_later(room):
    house = room.house
    house.identity = house.another_process(SetTerms(room.desk.settings))
    _, token = await house.signed_in("viewer")
    path = "/api/v1/me/settings/sessions.idle"
    assert (await room.ask("PUT", path, {"value": "20m"}, token=token, if_match='"1"')).json["value"] == "20m"
    assert await house.identity.recognition.principal(token) is not None
    house.clock.sleep(1300)
    assert await house.identity.recognition.principal(token) is None


async def test_no_key_sets_what_a_person_has_for_themselves(room):
    _, token = await room.house.signed_in("owner", "*")
    made = await room.ask("POST", "/api/v1/me/keys", {"title": "a key"}, token=token)
    path = "/api/v1/me/settings/sessions.idle"
    got = await room.ask("PUT", path, {"value": "20m"}, token=made.json["token"], if_match='"1"')
    assert got.code == "person-needed"
