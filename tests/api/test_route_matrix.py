"""Every route for everybody: who is let through is what the table of roles says, and nobody else changes anything.

The routes are those that the front door has. A new one is held here without a word.
"""

import re
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

import pytest

from auraos.api.protocol.asking import Ask, Asked
from auraos.api.protocol.keeper import Keeper
from auraos.api.protocol.routes import ALWAYS, OPEN, SELF, Found, Route
from auraos.core.errors import AuraError
from auraos.security.access import ROLES, Role
from auraos.security.identity.keys import KeyWish
from auraos.security.identity.rows import Person
from example_values import example_of
from houses import EVERYTHING, HOUSE, NOBODY, House, acting
from rooms import Got, Room

REFUSED = {"not-signed-in", "not-allowed", "no-workspace", "person-needed", "step-up-needed"}
"""The codes by which somebody is told that they may not."""
WORKSPACE_ROLES = ("viewer", "operator", "approver", "editor", "auditor", "watcher", "admin")


class Watched(Keeper):
    """A keeper that notes by which code it let the last one not through, or that it did."""

    said = ""

    async def recognise(self, asked: Asked) -> Ask:
        self.said = ""
        return await self._noted(super().recognise(asked))

    async def admit(self, ask: Ask, found: Found, at: Any) -> None:
        await self._noted(super().admit(ask, found, at))

    async def _noted(self, work: Awaitable[Any]) -> Any:
        try:
            return await work
        except AuraError as error:
            self.said = error.code
            raise


@pytest.fixture
def room(house: House) -> Room:
    """Return a front door whose keeper is watched."""
    return Room(house, keeper=Watched)


class Caller(NamedTuple):
    """Somebody who asks: what they have, and how a token of theirs is got for each request."""

    has: Callable[[Route], str]
    """Return the code by which they are refused, nothing where they are let through."""
    token: Callable[[], Awaitable[str]]


def by_role(
    role: Role | None,
    *,
    here: bool = True,
    everywhere: bool = False,
    scopes: Role | None = None,
    key: bool = False,
):
    """Return what the table of roles says of somebody who has a role in the workspace, everywhere, or nowhere."""

    def code(route: Route) -> str:
        if route.may == SELF:
            return "person-needed" if needs_person(route) and key else ""
        covers = role is not None and role.covers(route.may) and (scopes is None or scopes.covers(route.may))
        if route.everywhere:
            allowed = covers and everywhere
        elif not here:
            return "no-workspace"
        else:
            allowed = covers
        if not allowed:
            return "not-allowed"
        return "person-needed" if needs_person(route) and key else ""

    return code


def needs_person(route: Route) -> bool:
    """Return whether no key comes through, whatever its owner may."""
    return route.fresh or "person-needed" in route.tells


async def nobody(house: House) -> Caller:
    async def token() -> str:
        return ""

    return Caller(lambda route: "not-signed-in", token)


async def stranger(house: House) -> Caller:
    """Somebody who does everything in another workspace."""
    await house.identity.access.add_workspace(HOUSE, "other", "")
    return Caller(
        by_role(ROLES["admin"], here=False), sessions_of(house, await house.person("admin", "other"))
    )


async def without_any_role(house: House) -> Caller:
    return Caller(by_role(None, here=False), sessions_of(house, await house.person()))


def with_role(role: str) -> Callable[[House], Awaitable[Caller]]:
    async def caller(house: House) -> Caller:
        return Caller(by_role(ROLES[role]), sessions_of(house, await house.person(role)))

    return caller


async def admin_of_all(house: House) -> Caller:
    return Caller(
        by_role(ROLES["admin"], everywhere=True), sessions_of(house, await house.person("admin", "*"))
    )


async def watcher_of_all(house: House) -> Caller:
    return Caller(
        by_role(ROLES["watcher"], everywhere=True), sessions_of(house, await house.person("watcher", "*"))
    )


async def owner(house: House) -> Caller:
    return Caller(
        by_role(ROLES["owner"], everywhere=True), sessions_of(house, await house.person("owner", "*"))
    )


async def key_of_an_owner(house: House) -> Caller:
    return Caller(by_role(ROLES["owner"], everywhere=True, key=True), await key_of_owner(house))


async def key_for_something_else(house: House) -> Caller:
    scopes = Role(name="", title="", actions=("something.else",))
    return Caller(
        by_role(ROLES["owner"], everywhere=True, scopes=scopes, key=True),
        await key_of_owner(house, scopes=scopes.actions),
    )


async def key_of_another_workspace(house: House) -> Caller:
    await house.identity.access.add_workspace(HOUSE, "other", "")
    return Caller(by_role(ROLES["owner"], here=False, key=True), await key_of_owner(house, workspace="other"))


async def service_account(house: House) -> Caller:
    service = await house.identity.keys.add_service(HOUSE, "default", "robot", "")
    await house.grant("service", service.id, "operator")
    wish = KeyWish(title="a key")
    made = await house.identity.keys.add_to_service(HOUSE, EVERYTHING, "default", "robot", wish)
    return Caller(by_role(ROLES["operator"], key=True), always(made.token))


CALLERS = {
    "nobody": nobody,
    "stranger": stranger,
    "without any role": without_any_role,
    **{role: with_role(role) for role in WORKSPACE_ROLES},
    "admin of all": admin_of_all,
    "owner": owner,
    "watcher of all": watcher_of_all,
    "key of an owner": key_of_an_owner,
    "key for something else": key_for_something_else,
    "key of another workspace": key_of_another_workspace,
    "service account": service_account,
}


def sessions_of(house: House, person: Person) -> Callable[[], Awaitable[str]]:
    async def token() -> str:
        return (await house.identity.sign_in.begin(NOBODY, person, ("password",))).token

    return token


def always(given: str) -> Callable[[], Awaitable[str]]:
    async def token() -> str:
        return given

    return token


async def key_of_owner(house: House, **wish: Any) -> Callable[[], Awaitable[str]]:
    person, token = await house.signed_in("owner", "*")
    known = await house.known(token)
    made = await house.identity.keys.add_own(acting(person), known, KeyWish(title="a key", **wish))
    return always(made.token)


async def asked(room: Room, route: Route, token: str, workspace: str = "default", **values: Any) -> Got:
    """Ask a route for something of the right shape that is not there."""
    at = {**(example_of(route.at) if route.at is not None else {}), **values}
    path = re.sub(r"\{([a-z_]+)\}", lambda found: str(at.pop(found[1])), route.path)
    query = "&".join(f"{name}={value}" for name, value in at.items() if name in route.parameters)
    body = example_of(route.body) if route.body is not None else None
    whole = f"{path}?{query}" if query else path
    return await room.ask(route.method, whole, body, token=token, workspace=workspace, if_match='"1"')


def guarded(room: Room) -> list[Route]:
    """Return the routes that not everybody comes through."""
    return [route for route in room.routes.routes if route.may not in (ALWAYS, OPEN)]


@pytest.mark.parametrize("who", CALLERS)
async def test_everybody_comes_through_where_the_table_of_roles_says_so_and_nowhere_else(room, who):
    """S01, S02."""
    caller = await CALLERS[who](room.house)
    wrong, seen = [], set()
    for route in guarded(room):
        got = await asked(room, route, await caller.token())
        expected = caller.has(route)
        told = room.keeper.said or (got.code if got.code == "person-needed" else "")
        seen.add(expected)
        if told != expected or got.status >= 500:
            wrong.append((route.method, route.path, expected, got.status, got.code))
    assert wrong == []
    assert seen - {""} or who == "owner"


@pytest.mark.parametrize(
    "who", ["nobody", "stranger", "without any role", "key for something else", "key of another workspace"]
)
async def test_who_is_refused_everywhere_changes_nothing(room, who):
    caller = await CALLERS[who](room.house)
    for route in guarded(room):
        if route.may != SELF:
            await asked(room, route, await caller.token())
    before = {
        "people.add",
        "people.accept",
        "access.grant",
        "keys.add",
        "sessions.begin",
        "workspaces.create",
    }
    done = [entry for entry in await room.house.entries() if entry.outcome == "done"]
    by_house = [entry for entry in done if entry.actor.kind == "house" or entry.action in before]
    assert done == by_house


@pytest.mark.parametrize("who", ["viewer", "auditor", "key for something else"])
async def test_what_is_refused_is_in_the_audit_trail_once(room, who):
    """S02, S51."""
    caller = await CALLERS[who](room.house)
    refused = [route.may for route in guarded(room) if caller.has(route) == "not-allowed"]
    for route in guarded(room):
        if caller.has(route) == "not-allowed":
            await asked(room, route, await caller.token())
    told = [entry.action for entry in await room.house.entries() if entry.outcome == "refused"]
    assert told == refused
    assert refused


async def test_who_may_do_it_to_some_things_only_is_told_that_others_are_not_there(room):
    """S01 within a workspace."""
    person = await room.house.person("editor", labels={"team": "nobody-has-it"})
    token = sessions_of(room.house, person)
    wrong = []
    for route in guarded(room):
        if route.everywhere or not ROLES["editor"].covers(route.may):
            continue
        got = await asked(room, route, await token())
        if route.about is not None:
            is_right = got.status == 404 and got.code not in REFUSED
        elif route.narrows:
            is_right = got.code not in REFUSED - {"not-allowed"}
        else:
            is_right = got.code == "not-allowed"
        if not is_right or got.status >= 500:
            wrong.append((route.method, route.path, got.status, got.code))
    assert wrong == []


async def test_what_asks_for_a_fresh_proof_lets_nobody_through_without(room):
    """S39."""
    person = await room.house.person("owner", "*")
    token = await sessions_of(room.house, person)()
    room.house.clock.sleep(601)
    fresh = [route for route in guarded(room) if route.fresh]
    told = {(await asked(room, route, token)).code for route in fresh}
    assert told == {"step-up-needed"}


async def test_what_anybody_may_ask_is_little_and_known(room):
    """S53."""
    assert {(route.method, route.path) for route in room.routes.routes if route.may == OPEN} == {
        ("GET", "/api/v1/owner"),
        ("POST", "/api/v1/owner"),
        ("POST", "/api/v1/sign-in"),
        ("POST", "/api/v1/sign-in/passkey"),
        ("POST", "/api/v1/passkeys/challenge"),
        ("POST", "/api/v1/invitations/accept"),
        ("GET", "/api/v1/sign-in/providers"),
        ("GET", "/api/v1/sign-in/with/{name}"),
        ("GET", "/api/v1/sign-in/with/{name}/return"),
        ("GET", "/welcome"),
        ("GET", "/docs/problems"),
        ("GET", "/docs/problems/{code}"),
    }
    assert all(route.path.startswith("/health/") for route in room.routes.routes if route.may == ALWAYS)


async def test_every_action_is_one_that_somebody_but_an_owner_may_be_granted(room):
    owned = {
        "workspaces.create",
        "workspaces.change",
        "installation.rotate",
        "audit.prune",
        "installation.publish-unreviewed",
        "installation.directories",
        "workspaces.export",
        "workspaces.delete",
        "workspaces.read",
    }
    others = [role for role in ROLES.values() if role.name != "owner"]
    for route in guarded(room):
        is_known = route.may == SELF or any(role.covers(route.may) for role in others)
        assert is_known or route.may in owned, route.may


async def test_what_changes_something_is_never_a_mere_reading(room):
    """S40: what a link can do is to look."""
    for route in guarded(room):
        noun, _, verb = route.may.partition(".")
        if route.is_safe:
            assert verb in ("read", "list", "see", "") or route.may == SELF, (route.path, noun, verb)


async def test_the_things_of_another_workspace_are_as_good_as_none_on_every_route(room):
    """S01, S63: the same answer for what is another's and for what is nobody's."""
    await room.house.identity.access.add_workspace(HOUSE, "other", "")
    theirs = await room.house.person("admin", "default")
    await fill(room, await sessions_of(room.house, theirs)())
    token = sessions_of(room.house, await room.house.person("admin", "other"))
    wrong = []
    for route in guarded(room):
        if route.everywhere or not route.in_path or route.may == SELF:
            continue
        there = {name: value for name, value in THEIRS.items() if name in route.in_path}
        nowhere = {name: NOWHERE.get(name, value) for name, value in there.items()}
        foreign = await asked(room, route, await token(), "other", **there)
        unknown = await asked(room, route, await token(), "other", **nowhere)
        if normal(foreign) != normal(unknown):
            wrong.append(
                (route.method, route.path, foreign.status, foreign.code, unknown.status, unknown.code)
            )
    assert wrong == []


THEIRS = {"kind": "workflow", "name": "greet", "version": 1}
NOWHERE = {"name": "great"}


async def fill(room: Room, token: str) -> None:
    """Keep something of each kind in the workspace of whoever has this token, all under one name."""
    text = "kind: workflow\nname: greet\nspec:\n  steps:\n    a: {type: noop}\n"
    assert (await room.ask("POST", "/api/v1/definitions", {"text": text}, token=token)).status == 201
    path = "/api/v1/definitions/workflow/greet/publish"
    assert (await room.ask("POST", path, {}, token=token, if_match='"1"')).status == 200
    assert (await room.ask("POST", "/api/v1/services", {"name": "greet"}, token=token)).status == 201
    role = {"actions": ["runs.read"]}
    assert (await room.ask("PUT", "/api/v1/access/roles/greet", role, token=token)).status == 200


def normal(got: Got) -> tuple[int, bytes]:
    """Return an answer without what differs from request to request."""
    body = re.sub(rb'"(instance|id|created_at|created_by)":("[^"]*"|\d+)', b"", got.body)
    return got.status, body.replace(b"great", b"greet")
