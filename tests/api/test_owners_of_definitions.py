"""Who owns a definition: somebody who is there, and belongs to the workspace."""

from houses import HOUSE
from kept_definitions import workflow

OWNER = "/api/v1/definitions/workflow/greet/owner"


async def test_a_definition_is_given_to_whoever_belongs_to_the_workspace_and_to_nobody_else(room):
    person, token = await room.house.signed_in("admin")
    assert (await room.ask("POST", "/api/v1/definitions", {"text": workflow()}, token=token)).status == 201
    await room.house.identity.access.add_workspace(HOUSE, "other", "")
    colleague = await room.house.person("viewer")
    stranger = await room.house.person("viewer", "other")
    service = await room.house.identity.keys.add_service(HOUSE, "default", "robot", "")
    for owner in (stranger.id, "0-0", "00000000-0000-7000-8000-000000000000"):
        got = await room.ask("PUT", OWNER, {"owner": owner}, token=token)
        assert (got.status, got.code) == (404, "not-found")
    shown = await room.ask("GET", OWNER.removesuffix("/owner"), token=token)
    assert shown.json["owner"] == person.id
    for owner in (colleague.id, service.id):
        got = await room.ask("PUT", OWNER, {"owner": owner}, token=token)
        assert (got.status, got.json["owner"]) == (200, owner)
    known = await room.house.known(token)
    await room.house.identity.keys.set_service_state(HOUSE, known, "default", "robot", "disabled")
    assert (await room.ask("PUT", OWNER, {"owner": service.id}, token=token)).code == "not-found"
