"""What asks for a proof of just now: keys, second proofs, who vouches for people, owners, whole workspaces (S39)."""

import pytest

from auraos.api.protocol.routes import Route
from auraos.security.identity.keys import KeyWish
from houses import acting
from rooms import Room

ASKS = (
    "keys.add",
    "people.providers",
    "people.reset",
    "people.disable",
    "people.enable",
    "installation.",
    "workspaces.",
)
"""Actions that nobody does in a session that somebody else may have sat down at."""
FREELY = {"workspaces.create", "workspaces.read"}
OF_ONESELF = ("/me/keys", "/me/totp", "/me/recovery-codes", "/me/passkeys", "/me/links")


def changing(room: Room) -> list[Route]:
    return [route for route in room.routes.routes if not route.is_safe]


def test_keys_providers_people_and_whole_workspaces_ask_for_a_fresh_proof(room):
    """S39: a new route of these nouns is held here without a word."""
    wrong = [
        (route.method, route.path)
        for route in changing(room)
        if route.may.startswith(ASKS) and route.may not in FREELY and not route.fresh
    ]
    assert wrong == []


def test_what_one_comes_in_by_asks_for_a_fresh_proof(room):
    """S39: to give up a key or a session is free."""
    wrong = [
        (route.method, route.path)
        for route in changing(room)
        if any(part in route.path for part in OF_ONESELF)
        and not route.fresh
        and (route.method, route.path) != ("DELETE", "/api/v1/me/keys/{id}")
    ]
    assert wrong == []


@pytest.mark.parametrize(
    ("seconds", "told", "left"),
    [(1, [201, 204], {"boss", "cleo"}), (601, ["step-up-needed", "step-up-needed"], {"boss", "ben"})],
)
async def test_an_owner_is_made_and_unmade_only_with_a_fresh_proof(room, seconds, told, left):
    """S39."""
    boss, ben, cleo = [await room.house.person(name=name) for name in ("boss", "ben", "cleo")]
    await room.house.grant("person", boss.id, "owner", "*")
    second = await room.house.grant("person", ben.id, "owner", "*")
    token = await room.house.session(boss)
    room.house.clock.sleep(seconds)
    wish = {"holder_kind": "person", "holder": cleo.name, "role": "owner", "everywhere": True}
    made = await room.ask("POST", "/api/v1/access/grants", wish, token=token)
    gone = await room.ask("DELETE", f"/api/v1/access/grants/{second}", token=token)
    assert [got.code or got.status for got in (made, gone)] == told
    owners = {each.holder for each in await room.house.identity.access.grants("*") if each.role == "owner"}
    assert owners == {each.id for each in (boss, ben, cleo) if each.name in left}


async def test_a_key_of_an_owner_makes_and_unmakes_no_owner(room):
    """S39."""
    boss = await room.house.person("owner", "*")
    known = await room.house.known(await room.house.session(boss))
    key = (await room.house.identity.keys.add_own(acting(boss), known, KeyWish(title="a key"))).token
    ben = await room.house.person("owner", "*")
    (grant,) = [each.id for each in await room.house.identity.access.grants("*") if each.holder == ben.id]
    assert (await room.ask("DELETE", f"/api/v1/access/grants/{grant}", token=key)).code == "person-needed"
    wish = {"holder_kind": "person", "holder": ben.name, "role": "owner", "everywhere": True}
    assert (await room.ask("POST", "/api/v1/access/grants", wish, token=key)).code == "person-needed"
