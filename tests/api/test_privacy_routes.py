"""Personal data over HTTP: found, handed out, erased and held by those who may, and named in no address."""

import pytest
from test_run_routes import publish, start

from auraos.security.audit.signing import publics_of
from auraos.security.audit.verify import verify
from private_runs import CANARY, found_in, tagged
from rooms import Room

GIVEN = {"input": {"email": CANARY}}
ASKED = {"subject": CANARY.upper(), "reason": "asked by letter"}


@pytest.fixture
async def room(house):
    room = Room(house)
    await room.runs.engine.open()
    yield room
    await room.runs.engine.close()


@pytest.fixture
async def token(room):
    """Of an admin, who has published a private workflow."""
    _, token = await room.house.signed_in("admin")
    await publish(room, token, tagged())
    return token


async def privacy(room, token, verb, body=None):
    return await room.ask(
        "POST", f"/api/v1/privacy/requests/{verb}", ASKED if body is None else body, token=token
    )


async def test_a_person_is_found_handed_out_and_erased(room, token):
    run = (await start(room, token, "greet", GIVEN)).json["run"]
    found = await privacy(room, token, "find")
    assert found.status == 200, found.json
    assert [(one["run"], one["is_erased"]) for one in found.json["runs"]] == [(run, False)]
    bundle = await privacy(room, token, "export")
    assert bundle.json["runs"][0]["facts"][0]["input"] == {"email": CANARY}
    erased = await privacy(room, token, "erase")
    assert (erased.status, erased.json["runs"]) == (200, [run])
    assert found_in(room.house.folder, CANARY) == []
    seen = await room.ask("GET", "/api/v1/runs/1/journal?reveal=true", token=token)
    assert CANARY.encode() not in seen.body
    assert b'"erased"' in seen.body
    again = await room.ask("POST", "/api/v1/runs/1/fork", {}, token=token)
    assert (again.status, again.code) == (409, "data-erased")
    listed = await room.ask("GET", "/api/v1/privacy/requests", token=token)
    assert [one["kind"] for one in listed.json["items"]] == ["find", "export", "erase"]
    assert CANARY.encode() not in listed.body
    assert [one.action for one in await room.house.entries() if one.action.startswith("privacy.")] == [
        "privacy.find", "privacy.export", "privacy.erase", "privacy.reveal",
    ]  # fmt: skip


async def test_requests_come_in_pages(room, token):
    for _ in range(3):
        await privacy(room, token, "find")
    first = (await room.ask("GET", "/api/v1/privacy/requests?limit=2", token=token)).json
    rest = (
        await room.ask("GET", f"/api/v1/privacy/requests?limit=2&after={first['next']}", token=token)
    ).json
    assert (len(first["items"]), len(rest["items"]), rest["next"]) == (2, 1, "")


async def test_what_is_held_stands_in_the_way(room, token):
    await start(room, token, "greet", GIVEN)
    body = {"kind": "subject", "thing": CANARY, "reason": "case 17"}
    held = await room.ask("POST", "/api/v1/privacy/holds", body, token=token)
    assert held.status == 201, held.json
    assert CANARY.encode() not in held.body
    twice = await room.ask("POST", "/api/v1/privacy/holds", body, token=token)
    assert (twice.status, twice.code) == (409, "already-held")
    refused = await privacy(room, token, "erase")
    assert (refused.status, refused.code) == (409, "legal-hold")
    found = await privacy(room, token, "find")
    assert found.json["held"] == "case 17"
    lifted = await room.ask("DELETE", f"/api/v1/privacy/holds/{held.json['id']}", token=token)
    assert lifted.status == 204
    assert (await room.ask("GET", "/api/v1/privacy/holds", token=token)).json == []
    assert (await privacy(room, token, "erase")).status == 200


async def test_one_workspace_knows_nothing_of_anothers_persons(room, token):
    await start(room, token, "greet", GIVEN)
    _, owner = await room.house.signed_in("owner", "*")
    await room.ask("POST", "/api/v1/workspaces", {"name": "other", "title": ""}, token=owner)
    found = await room.ask(
        "POST", "/api/v1/privacy/requests/find", ASKED, token=owner, x_auraos_workspace="other"
    )
    assert (found.status, found.json["runs"]) == (200, [])


@pytest.mark.parametrize("verb", ["find", "export", "erase"])
@pytest.mark.parametrize("subject", ["", "   ", "\x00"])
async def test_a_name_that_names_nobody_is_refused(room, token, verb, subject):
    got = await privacy(room, token, verb, {"subject": subject})
    assert got.status == 422


async def test_an_account_is_erased_by_an_owner_and_only_its_id_stays(room, token):
    person, leaving = await room.house.signed_in("editor", name="ann.leaving.881")
    await publish(room, leaving, tagged(name="by-ann"))
    _, owner = await room.house.signed_in("owner", "*")
    found = await room.ask(
        "POST", "/api/v1/privacy/requests/find", {"subject": "Ann.Leaving.881"}, token=owner
    )
    (account,) = found.json["accounts"]
    assert account["entries"] > 0
    assert "publications.author" in account["places"]
    gone = await room.ask("POST", "/api/v1/people/ann.leaving.881/erase", {}, token=owner)
    assert gone.status == 200, gone.json
    assert (await room.ask("GET", "/api/v1/people/ann.leaving.881", token=owner)).status == 404
    assert (await room.ask("GET", "/api/v1/definitions", token=leaving)).status == 401
    assert found_in(room.house.folder, "ann.leaving.881") == []
    entries = [entry for entry in await room.house.entries() if entry.actor.id == person.id]
    assert entries
    assert {entry.actor.name for entry in entries} == {f"erased-{person.id[-12:]}"}
    assert {entry.actor.address for entry in entries} == {""}
    trail = room.desk.audit
    verdict = await verify(trail.store, publics_of(await trail.checkpoints.known()))
    assert (verdict.holds, verdict.erased > 0) == (True, True)


async def test_what_the_trail_says_of_a_person_goes_with_them_and_the_rest_verifies(room, token):
    """S50, L12."""
    await room.ask(
        "PUT", "/api/v1/bindings/variable/mail", {"value": "mail to Ada@Example.org now"}, token=token
    )
    await room.ask("PUT", "/api/v1/bindings/variable/other", {"value": "ada@example.organic"}, token=token)
    gone = await privacy(room, token, "erase", {"subject": "ada@example.org"})
    assert gone.status == 200, gone.json
    first, second = await room.house.entries("definitions.bind")
    assert first.after is None
    assert "ada@example.organic" in second.after["value"]
    trail = room.desk.audit
    verdict = await verify(trail.store, publics_of(await trail.checkpoints.known()))
    assert (verdict.holds, verdict.erased) == (True, 1)


async def test_an_admin_of_a_workspace_neither_sees_nor_erases_accounts(room, token):
    await room.house.person("viewer", name="someone")
    found = await privacy(room, token, "find", {"subject": "someone"})
    assert found.json["accounts"] == []
    refused = await room.ask("POST", "/api/v1/people/someone/erase", {}, token=token)
    assert refused.status == 403
