"""People, groups, service accounts and keys over HTTP."""

import pytest

from houses import PASSWORD


@pytest.fixture
async def boss(room) -> str:
    """Return the token of an owner."""
    return (await room.house.signed_in("owner", "*"))[1]


async def test_somebody_is_added_invited_renamed_and_found(room, boss):
    added = await room.ask("POST", "/api/v1/people", {"name": "ann", "title": "Ann"}, token=boss)
    assert (added.status, added.json["person"]["has_password"]) == (201, False)
    assert added.json["token"].startswith("aui_")
    assert (await room.ask("POST", "/api/v1/people", {"name": "ann"}, token=boss)).code == "name-taken"
    await room.ask("POST", "/api/v1/invitations/accept", {"token": added.json["token"], "password": PASSWORD})
    changed = await room.ask("PUT", "/api/v1/people/ann", {"title": "Anna"}, token=boss)
    assert (changed.json["title"], changed.json["has_password"]) == ("Anna", True)
    assert (await room.ask("GET", "/api/v1/people/ann", token=boss)).json == changed.json
    assert (await room.ask("GET", "/api/v1/people/nobody", token=boss)).status == 404


async def test_no_answer_about_people_holds_what_they_sign_in_by(room, boss):
    person = await room.house.person()
    kept = await room.house.identity.people.find(person.name)
    told = (await room.ask("GET", "/api/v1/people", token=boss)).body
    assert kept.password.encode() not in told
    assert b"argon2" not in told


async def test_people_are_listed_in_pages(room, boss):
    for name in ("a1", "a2", "a3"):
        await room.house.person(name=name)
    first = (await room.ask("GET", "/api/v1/people?limit=2", token=boss)).json
    assert [each["name"] for each in first["items"]] == ["a1", "a2"]
    second = (await room.ask("GET", f"/api/v1/people?limit=2&after={first['next']}", token=boss)).json
    assert second["items"][0]["name"] == "a3"
    assert second["next"] == ""


@pytest.mark.parametrize(
    "more", [{"state": "active"}, {"id": "1"}, {"password": "x"}, {"epoch": 9}, {"totp": ""}]
)
async def test_nothing_else_of_a_person_can_be_written(room, boss, more):
    """S03."""
    await room.house.person(name="ann")
    for method, path, body in (
        ("POST", "/api/v1/people", {"name": "bob"}),
        ("PUT", "/api/v1/people/ann", {"title": "Anna"}),
    ):
        assert (await room.ask(method, path, {**body, **more}, token=boss)).code == "request-refused"


async def test_who_is_disabled_is_out_and_who_is_enabled_comes_in_again(room, boss):
    person, token = await room.house.signed_in("viewer")
    disabled = await room.ask("POST", f"/api/v1/people/{person.name}/disable", token=boss)
    assert disabled.json["state"] == "disabled"
    assert (await room.ask("GET", "/api/v1/me", token=token)).status == 401
    assert (await room.ask("POST", f"/api/v1/people/{person.name}/enable", token=boss)).json[
        "state"
    ] == "active"
    assert await room.house.session(person)


async def test_the_last_owner_is_not_disabled_not_even_by_themselves(room, boss):
    name = (await room.ask("GET", "/api/v1/me", token=boss)).json["name"]
    got = await room.ask("POST", f"/api/v1/people/{name}/disable", token=boss)
    assert (got.status, got.code) == (409, "last-owner")


async def test_a_reset_revokes_the_keys_of_a_person_where_nothing_else_is_said(room, boss):
    person, token = await room.house.signed_in()
    made = await room.ask("POST", "/api/v1/me/keys", {"title": "mine"}, token=token)
    path = f"/api/v1/people/{person.name}/reset"
    kept = await room.ask("POST", path, {"keys": "keep"}, token=boss)
    assert (kept.json["keys_revoked"], kept.json["keys_left"]) == (0, 1)
    assert (await room.ask("GET", "/api/v1/me", token=made.json["token"])).status == 200
    reset = await room.ask("POST", path, {}, token=boss)
    assert (reset.json["keys_revoked"], reset.json["keys_left"]) == (1, 0)
    assert (await room.ask("GET", "/api/v1/me", token=made.json["token"])).status == 401
    assert (await room.ask("POST", path, {"keys": "some"}, token=boss)).code == "request-refused"


async def test_a_reset_gives_a_new_choice(room, boss):
    person, token = await room.house.signed_in()
    path = f"/api/v1/people/{person.name}/reset"
    reset = await room.ask("POST", path, {"second_proof": True}, token=boss)
    assert (await room.ask("GET", "/api/v1/me", token=token)).status == 401
    assert (reset.json["keys_revoked"], reset.json["keys_left"]) == (0, 0)
    wish = {"token": reset.json["token"], "password": "another way home"}
    assert (await room.ask("POST", "/api/v1/invitations/accept", wish)).status == 204


async def test_an_administrator_of_everything_does_not_become_an_owner(room, boss):
    _, admin = await room.house.signed_in("admin", "*")
    name = (await room.ask("GET", "/api/v1/me", token=boss)).json["name"]
    for path in (f"/api/v1/people/{name}/reset", f"/api/v1/people/{name}/disable"):
        got = await room.ask("POST", path, {}, token=admin)
        assert (got.status, got.code) == (403, "not-allowed")
    refused = [entry.outcome for entry in await room.house.entries() if entry.action == "people.reset"]
    assert refused == ["refused"]


async def test_groups_are_made_filled_and_let_go(room, boss):
    await room.house.person(name="ann")
    assert (await room.ask("POST", "/api/v1/groups", {"name": "team"}, token=boss)).status == 201
    assert (await room.ask("POST", "/api/v1/groups", {"name": "team"}, token=boss)).code == "name-taken"
    filled = await room.ask("PUT", "/api/v1/groups/team/members", {"people": ["ann"]}, token=boss)
    assert filled.json == {"name": "team", "title": "", "outside": "", "people": ["ann"]}
    unknown = await room.ask("PUT", "/api/v1/groups/team/members", {"people": ["nobody"]}, token=boss)
    assert unknown.status == 404
    assert (await room.ask("GET", "/api/v1/groups", token=boss)).json == [filled.json]
    assert (await room.ask("DELETE", "/api/v1/groups/team", token=boss)).status == 204
    assert (await room.ask("GET", "/api/v1/groups/team", token=boss)).status == 404


async def test_who_belongs_to_a_workspace_is_seen_in_it(room):
    await room.house.person("editor", name="ann")
    await room.house.person("editor", "elsewhere", name="eve")
    viewer, token = await room.house.signed_in("viewer")
    names = [each["name"] for each in (await room.ask("GET", "/api/v1/members", token=token)).json]
    assert names == ["ann", viewer.name]


# --- keys ---


async def test_a_key_of_ones_own_is_made_used_listed_and_revoked(room):
    _, token = await room.house.signed_in("editor")
    made = (
        await room.ask("POST", "/api/v1/me/keys", {"title": "mine", "scopes": ["runs.*"]}, token=token)
    ).json
    assert (await room.ask("GET", "/api/v1/definitions", token=made["token"])).status == 403
    me = (await room.ask("GET", "/api/v1/me", token=made["token"])).json
    assert (me["key"], me["session"]) == (made["key"]["id"], "")
    (listed,) = (await room.ask("GET", "/api/v1/me/keys", token=token)).json
    assert listed["used_at"] > 0
    assert made["token"] not in str(listed)
    assert (await room.ask("DELETE", f"/api/v1/me/keys/{made['key']['id']}", token=token)).status == 204
    assert (await room.ask("GET", "/api/v1/me", token=made["token"])).status == 401


@pytest.mark.parametrize(
    "wish",
    [
        {"scopes": ["runs"]},
        {"scopes": ["*.*"]},
        {"scopes": ["runs.*\n"]},
        {"days": 0},
        {"days": 100_000},
        {"workspace": "*"},
        {"owner": "1"},
        {"id": "1"},
    ],
)
async def test_a_key_is_for_what_makes_sense(room, wish):
    _, token = await room.house.signed_in("editor")
    assert (await room.ask("POST", "/api/v1/me/keys", {"title": "x", **wish}, token=token)).status == 422


async def test_a_service_account_lives_in_its_workspace(room, boss):
    assert (await room.ask("POST", "/api/v1/services", {"name": "robot"}, token=boss)).status == 201
    assert (await room.ask("POST", "/api/v1/services", {"name": "robot"}, token=boss)).code == "name-taken"
    wish = {"holder_kind": "service", "holder": "robot", "role": "viewer"}
    assert (await room.ask("POST", "/api/v1/access/grants", wish, token=boss)).status == 201
    made = (await room.ask("POST", "/api/v1/services/robot/keys", {"title": "prod"}, token=boss)).json
    assert (await room.ask("GET", "/api/v1/definitions", token=made["token"])).status == 200
    assert [
        each["id"] for each in (await room.ask("GET", "/api/v1/services/robot/keys", token=boss)).json
    ] == [made["key"]["id"]]
    await room.ask("POST", "/api/v1/services/robot/disable", token=boss)
    assert (await room.ask("GET", "/api/v1/definitions", token=made["token"])).status == 401
    await room.ask("POST", "/api/v1/services/robot/enable", token=boss)
    assert (await room.ask("GET", "/api/v1/definitions", token=made["token"])).status == 200
    path = f"/api/v1/services/robot/keys/{made['key']['id']}"
    assert (await room.ask("DELETE", path, token=boss)).status == 204
    assert (await room.ask("GET", "/api/v1/definitions", token=made["token"])).status == 401
    assert (await room.ask("DELETE", "/api/v1/services/robot", token=boss)).status == 204
    assert (await room.ask("GET", "/api/v1/services", token=boss)).json == []
    for path in ("/api/v1/services/robot", "/api/v1/services/robot/keys"):
        assert (await room.ask("GET", path, token=boss)).status == 404
