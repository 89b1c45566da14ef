"""Roles, grants and workspaces over HTTP, and the answer to who may do what."""

import pytest

from kept_definitions import workflow


@pytest.fixture
async def boss(room) -> str:
    """Return the token of somebody who administers the workspace."""
    return (await room.house.signed_in("admin"))[1]


async def grant(room, token: str, holder: str, role: str, **more) -> dict:
    wish = {"holder_kind": "person", "holder": holder, "role": role, **more}
    got = await room.ask("POST", "/api/v1/access/grants", wish, token=token)
    return {"status": got.status, "code": got.code, **got.json}


async def test_a_role_is_granted_listed_and_taken_back(room, boss):
    person, token = await room.house.signed_in()
    assert (await room.ask("GET", "/api/v1/definitions", token=token)).status == 404
    made = await grant(room, boss, person.name, "viewer")
    assert (made["holder"], made["workspace"]) == (person.name, "default")
    assert (await room.ask("GET", "/api/v1/definitions", token=token)).status == 200
    listed = (await room.ask("GET", "/api/v1/access/grants", token=boss)).json
    assert (person.name, "viewer") in {(each["holder"], each["role"]) for each in listed}
    assert (await room.ask("DELETE", f"/api/v1/access/grants/{made['id']}", token=boss)).status == 204
    assert (await room.ask("GET", "/api/v1/definitions", token=token)).status == 404


@pytest.mark.parametrize(
    ("wish", "code"),
    [
        ({"role": "viewer", "everywhere": True}, "not-allowed"),
        ({"role": "owner", "everywhere": True}, "not-allowed"),
        ({"role": "owner"}, "role-refused"),
        ({"role": "no-such-role"}, "role-refused"),
        ({"role": "viewer", "holder": "nobody"}, "not-found"),
        ({"role": "viewer", "holder_kind": "service"}, "not-found"),
        ({"role": "viewer", "holder_kind": "house"}, "request-refused"),
        ({"role": "viewer", "workspace": "other"}, "request-refused"),
    ],
)
async def test_what_cannot_be_granted_says_why(room, boss, wish, code):
    person = await room.house.person()
    assert (await grant(room, boss, **{"holder": person.name, **wish}))["code"] == code


async def test_an_owner_is_made_by_an_owner_with_a_fresh_proof(room):
    """S39."""
    _, owner = await room.house.signed_in("owner", "*")
    person = await room.house.person()
    room.house.clock.sleep(601)
    wish = {"role": "owner", "everywhere": True}
    assert (await grant(room, owner, person.name, **wish))["code"] == "step-up-needed"
    assert (await grant(room, owner, person.name, "viewer"))["status"] == 201
    proved = await room.ask("POST", "/api/v1/me/prove", {"password": "a long way home"}, token=owner)
    assert (await grant(room, proved.json["token"], person.name, **wish))["status"] == 201


async def test_a_workspace_has_roles_of_its_own(room, boss):
    wish = {"title": "Plans", "actions": ["runs.start", "definitions.read"]}
    assert (await room.ask("PUT", "/api/v1/access/roles/planner", wish, token=boss)).status == 200
    person, token = await room.house.signed_in()
    made = await grant(room, boss, person.name, "planner")
    assert (await room.ask("GET", "/api/v1/definitions", token=token)).status == 200
    listed = (await room.ask("GET", "/api/v1/access/roles", token=boss)).json
    assert [each["name"] for each in listed if not each["is_of_house"]] == ["planner"]
    assert (await room.ask("DELETE", "/api/v1/access/roles/planner", token=boss)).code == "role-held"
    await room.ask("DELETE", f"/api/v1/access/grants/{made['id']}", token=boss)
    assert (await room.ask("DELETE", "/api/v1/access/roles/planner", token=boss)).status == 204
    more = {"actions": ["workspaces.create"]}
    assert (await room.ask("PUT", "/api/v1/access/roles/more", more, token=boss)).code == "not-allowed"
    assert (await room.ask("PUT", "/api/v1/access/roles/owner", wish, token=boss)).code == "role-refused"


async def test_it_is_explained_who_may_do_what(room, boss):
    person = await room.house.person("editor", labels={"team": "sales"})

    async def explained(query: str) -> tuple[bool, str]:
        told = (await room.ask("GET", f"/api/v1/access/explain?{query}", token=boss)).json
        return told["allowed"], told["why"]

    asked = f"who={person.name}&action=definitions.save"
    assert await explained(f"{asked}&kind=workflow&name=x&label=team=sales") == (
        True, f"{person.name} is editor in workspace 'default', for label team=sales.",
    )  # fmt: skip
    allowed, why = await explained(f"{asked}&kind=workflow&name=x&label=team=it")
    assert not allowed
    assert "editor in workspace 'default', for label team=sales" in why
    assert (
        await room.ask("GET", "/api/v1/access/explain?who=nobody&action=runs.read", token=boss)
    ).status == 404
    assert (await room.ask("GET", "/api/v1/access/explain?who=nobody&action=runs", token=boss)).status == 422


async def test_the_labels_of_a_definition_are_known_where_none_are_given(room, boss):
    person = await room.house.person("editor", labels={"team": "sales"})
    labelled = workflow("invoice").replace("spec:", "labels: {team: sales}\nspec:")
    assert (await room.ask("POST", "/api/v1/definitions", {"text": labelled}, token=boss)).status == 201
    query = f"who={person.name}&action=definitions.save&kind=workflow&name=invoice"
    assert (await room.ask("GET", f"/api/v1/access/explain?{query}", token=boss)).json["allowed"]


async def test_workspaces_are_made_by_owners_and_seen_by_those_who_have_a_role_there(room, boss):
    assert (await room.ask("POST", "/api/v1/workspaces", {"name": "sales"}, token=boss)).status == 403
    _, owner = await room.house.signed_in("owner", "*")
    assert (await room.ask("POST", "/api/v1/workspaces", {"name": "sales"}, token=owner)).status == 201
    assert (
        await room.ask("POST", "/api/v1/workspaces", {"name": "sales"}, token=owner)
    ).code == "workspace-exists"
    assert [each["name"] for each in (await room.ask("GET", "/api/v1/workspaces", token=boss)).json] == [
        "default"
    ]
    assert len((await room.ask("GET", "/api/v1/workspaces", token=owner)).json) == 2
    assert (await room.ask("GET", "/api/v1/definitions", token=owner, workspace="sales")).status == 200


async def test_what_was_refused_by_rank_is_told_to_the_audit_trail(room, boss):
    person = await room.house.person()
    await grant(room, boss, person.name, "viewer", everywhere=True)
    (refused,) = [entry for entry in await room.house.entries("access.grant") if entry.outcome == "refused"]
    assert "viewer" in refused.why or "definitions.read" in refused.why
