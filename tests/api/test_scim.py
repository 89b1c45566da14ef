"""Directories bring people and let them go (SCIM 2.0), in the shapes in which Entra ID and Okta really send it."""

import json
from typing import Any
from urllib.parse import quote

import pytest

from auraos.api.people.scim import ScimDoor
from auraos.engine.clock import SystemClock
from auraos.security.identity.keys import KeyWish
from houses import NOBODY, acting
from rooms import Got, Room, through

USER = "urn:ietf:params:scim:schemas:core:2.0:User"
GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"

ENTRA_USER = {
    "schemas": [USER, ENTERPRISE],
    "externalId": "0a21f0f2-8d2a-4f8e-bf98-7363c4aed4ef",
    "userName": "Ann.Smith@contoso.com",
    "active": True,
    "emails": [{"primary": True, "type": "work", "value": "Ann.Smith@contoso.com"}],
    "meta": {"resourceType": "User"},
    "name": {"formatted": "Ann Smith", "familyName": "Smith", "givenName": "Ann"},
    "roles": [],
    ENTERPRISE: {"department": "Sales"},
}
OKTA_USER = {
    "schemas": [USER],
    "userName": "test.user@okta.local",
    "name": {"givenName": "Test", "familyName": "User"},
    "emails": [{"primary": True, "value": "test.user@okta.local", "type": "work"}],
    "displayName": "Test User",
    "locale": "en-US",
    "externalId": "00ujl29u0le5T6Aj10h7",
    "groups": [],
    "password": "1mz050nq",
    "active": True,
}


class Directory:
    """A directory that comes in by a token."""

    def __init__(self, room: Room, token: str) -> None:
        self.door = ScimDoor(room.house.clock.now, SystemClock().new_id)
        self.door.desk = room.desk
        self.token = token

    async def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Got:
        given = {"host": "auraos.test", "authorization": f"Bearer {self.token}"}
        given |= {name.replace("_", "-"): value for name, value in headers.items()}
        if body is not None:
            given.setdefault("content-type", "application/scim+json; charset=utf-8")
        raw = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        return await through(self.door, method, f"/scim/v2{path}", raw, given)

    async def patch(self, path: str, *operations: dict[str, Any], **headers: str) -> Got:
        return await self.ask("PATCH", path, {"schemas": [PATCH], "Operations": list(operations)}, **headers)

    async def add(self, body: dict[str, Any]) -> dict[str, Any]:
        kind = "Users" if "userName" in body else "Groups"
        got = await self.ask("POST", f"/{kind}", body)
        assert got.status == 201, got.body
        return dict(got.json)


def by(test: str) -> str:
    """Return the address of the people for whom a filter holds."""
    return f"/Users?filter={quote(test)}"


@pytest.fixture
async def owner(room: Room) -> str:
    return (await room.house.signed_in("owner", "*"))[1]


@pytest.fixture
async def directory(room: Room, owner: str) -> Directory:
    made = await room.ask("POST", "/api/v1/directories", {"title": "corp"}, token=owner)
    assert made.status == 201, made.body
    return Directory(room, made.json["token"])


async def test_entra_brings_a_person_and_finds_it_again(directory):
    before = await directory.ask("GET", by('userName eq "ann.smith@contoso.com"'))
    assert (before.status, before.json["totalResults"], before.json["Resources"]) == (200, 0, [])
    got = await directory.ask("POST", "/Users", ENTRA_USER)
    assert got.status == 201
    made = got.json
    assert made["userName"] == "ann.smith@contoso.com"
    assert made["externalId"] == ENTRA_USER["externalId"]
    assert (made["active"], made["name"], made[ENTERPRISE]) == (
        True,
        ENTRA_USER["name"],
        {"department": "Sales"},
    )
    assert (
        got.headers["location"]
        == made["meta"]["location"]
        == f"http://auraos.test/scim/v2/Users/{made['id']}"
    )
    assert (got.headers["etag"], got.headers["content-type"]) == (
        made["meta"]["version"],
        "application/scim+json",
    )
    for test in (
        'userName eq "Ann.Smith@Contoso.com"',
        f'externalId eq "{ENTRA_USER["externalId"]}"',
        'emails[type eq "work"].value eq "ann.smith@contoso.com"',
        f'id eq "{made["id"]}" and active eq true',
    ):
        found = await directory.ask("GET", f"/Users?filter={quote(test)}")
        assert [each["id"] for each in found.json["Resources"]] == [made["id"]], test
    again = await directory.ask("POST", "/Users", ENTRA_USER)
    assert (again.status, again.json["scimType"], again.json["status"]) == (409, "uniqueness", "409")


async def test_entra_disables_with_a_capital_and_a_text(room, directory):
    """The shapes of Entra ID before and after its switch for SCIM compliance."""
    made = await directory.add(ENTRA_USER)
    path = f"/Users/{made['id']}"
    for op, value, expected in (
        ("Replace", "False", False), ("replace", True, True), ("Replace", [{"value": "False"}], False), ("Add", "True", True),
    ):  # fmt: skip
        got = await directory.patch(path, {"op": op, "path": "active", "value": value})
        assert (got.status, got.json["active"]) == (200, expected)
    assert (await room.house.identity.people.find("ann.smith@contoso.com")).state == "active"


async def test_entra_changes_single_values_by_paths_with_filters_and_dots(directory):
    made = await directory.add(ENTRA_USER)
    got = await directory.patch(
        f"/Users/{made['id']}",
        {"op": "Replace", "path": "displayName", "value": "Anna"},
        {"op": "Add", "path": 'emails[type eq "work"].value', "value": "anna@contoso.com"},
        {"op": "Add", "path": 'phoneNumbers[type eq "mobile"].value', "value": "+49 1"},
        {"op": "Replace", "path": "name.familyName", "value": "Smythe"},
        {"op": "Add", "path": f"{ENTERPRISE}:department", "value": "Buying"},
        {"op": "Remove", "path": "externalId"},
        {
            "op": "Replace",
            "value": {"name.givenName": "Anna", "title": "Head", f"{ENTERPRISE}": {"division": "X"}},
        },
    )
    assert got.status == 200, got.body
    told = got.json
    assert told["emails"] == [{"primary": True, "type": "work", "value": "anna@contoso.com"}]
    assert told["phoneNumbers"] == [{"type": "mobile", "value": "+49 1"}]
    assert told["name"] == {"formatted": "Ann Smith", "familyName": "Smythe", "givenName": "Anna"}
    assert told[ENTERPRISE] == {"department": "Buying", "division": "X"}
    assert (told["displayName"], told["title"], "externalId" in told) == ("Anna", "Head", False)


async def test_okta_brings_replaces_and_disables_a_person(room, directory):
    made = await directory.add(OKTA_USER)
    assert (await room.house.identity.people.find("test.user@okta.local")).password == ""
    changed = {
        **OKTA_USER,
        "id": made["id"],
        "name": {"givenName": "Another", "familyName": "User"},
        "displayName": "Another",
    }
    put = await directory.ask("PUT", f"/Users/{made['id']}", changed)
    assert (put.status, put.json["displayName"], put.json["name"]["givenName"]) == (200, "Another", "Another")
    off = await directory.patch(f"/Users/{made['id']}", {"op": "replace", "value": {"active": False}})
    assert (off.status, off.json["active"]) == (200, False)
    on = await directory.patch(f"/Users/{made['id']}", {"op": "replace", "value": {"active": True}})
    assert on.json["active"] is True


async def test_who_is_let_go_is_out_at_once_with_sessions_and_keys(room, directory):
    """S37."""
    made = await directory.add(ENTRA_USER)
    identity = room.house.identity
    person = await identity.people.find("ann.smith@contoso.com")
    await room.house.grant("person", person.id, "editor")
    session = (await identity.sign_in.begin(NOBODY, person, ("oidc",))).token
    known = await room.house.known(session)
    key = (await identity.keys.add_own(acting(person), known, KeyWish(title="a key"))).token
    for token in (session, key):
        assert (await room.ask("GET", "/api/v1/definitions", token=token)).status == 200
    await directory.patch(f"/Users/{made['id']}", {"op": "Replace", "path": "active", "value": "False"})
    for token in (session, key):
        assert (await room.ask("GET", "/api/v1/definitions", token=token)).status == 401
    await directory.patch(f"/Users/{made['id']}", {"op": "Replace", "path": "active", "value": "True"})
    for token in (session, key):
        assert (await room.ask("GET", "/api/v1/definitions", token=token)).status == 401
    (entry,) = await room.house.entries("people.disable")
    assert (entry.actor.kind, entry.actor.name, entry.object.id) == ("service", "directory corp", person.id)


async def test_whom_somebody_here_disabled_no_directory_brings_back(room, directory, owner):
    made = await directory.add(ENTRA_USER)
    path, name = f"/Users/{made['id']}", "ann.smith@contoso.com"
    for let_go_before in (False, True):
        if let_go_before:
            await directory.patch(path, {"op": "replace", "value": {"active": False}})
        here = await room.ask("POST", f"/api/v1/people/{name}/disable", token=owner)
        assert here.json["state"] == "disabled"
        on = await directory.patch(path, {"op": "Replace", "path": "active", "value": "True"})
        assert (on.status, on.json["active"]) == (200, False)
        put = await directory.ask("PUT", path, {**ENTRA_USER, "displayName": f"Ann {let_go_before}"})
        assert (put.json["active"], put.json["displayName"]) == (False, f"Ann {let_go_before}")
        off = await directory.patch(path, {"op": "replace", "value": {"active": False}})
        assert off.json["active"] is False
        assert (await room.house.identity.people.find(name)).state == "disabled"
        again = await room.ask("POST", f"/api/v1/people/{name}/enable", token=owner)
        assert again.json["state"] == "active"
    told = [
        (entry.actor.name.partition(" ")[0], entry.outcome)
        for entry in await room.house.entries("people.enable")
    ]
    by_owner = ((await room.house.known(owner)).name, "done")
    assert told == [("directory", "refused"), ("directory", "refused"), by_owner] * 2


async def test_whom_a_directory_let_go_it_brings_back_and_people_see_who_it_was(room, directory, owner):
    made = await directory.add({**ENTRA_USER, "active": False})
    path, name = f"/Users/{made['id']}", "ann.smith@contoso.com"
    shown = await room.ask("GET", f"/api/v1/people/{name}", token=owner)
    assert (made["active"], shown.json["state"]) == (False, "let-go")
    on = await directory.patch(path, {"op": "replace", "value": {"active": True}})
    assert on.json["active"] is True
    assert [entry.outcome for entry in await room.house.entries("people.enable")] == ["done"]


async def test_who_is_removed_is_gone(room, directory):
    made = await directory.add(ENTRA_USER)
    person = await room.house.identity.people.find("ann.smith@contoso.com")
    session = (await room.house.identity.sign_in.begin(NOBODY, person, ("oidc",))).token
    await room.house.grant("person", person.id, "editor")
    assert (await directory.ask("DELETE", f"/Users/{made['id']}")).status == 204
    assert (await directory.ask("GET", f"/Users/{made['id']}")).status == 404
    assert (await directory.ask("DELETE", f"/Users/{made['id']}")).status == 404
    assert (await room.ask("GET", "/api/v1/me", token=session)).status == 401
    assert (await directory.ask("POST", "/Users", ENTRA_USER)).status == 201


async def test_the_last_owner_is_let_go_by_no_directory(room, directory, owner):
    made = await directory.add(ENTRA_USER)
    known = await room.house.known(owner)
    await room.house.grant("person", made["id"], "owner", "*")
    name = known.name
    first = await directory.ask("GET", by(f'userName eq "{name}"'))
    number = first.json["Resources"][0]["id"]
    for method, change in (
        ("PATCH", {"schemas": [PATCH], "Operations": [{"op": "replace", "path": "active", "value": False}]}),
        ("DELETE", None),
        ("PUT", {**OKTA_USER, "userName": "taken-over"}),
    ):
        got = await directory.ask(method, f"/Users/{number}", change)
        assert got.status == 403, "an owner whom no directory brought"
    people = room.house.identity.people
    await people.set_state(acting(await people.find(made["userName"])), known, name, "disabled")
    for change in ({"op": "Replace", "path": "active", "value": "False"},):
        got = await directory.patch(f"/Users/{made['id']}", change)
        assert (got.status, got.json["schemas"]) == (409, ["urn:ietf:params:scim:api:messages:2.0:Error"])
    assert (await directory.ask("DELETE", f"/Users/{made['id']}")).status == 409
    assert (await directory.ask("GET", f"/Users/{made['id']}")).json["active"] is True


async def test_groups_are_filled_as_entra_and_okta_do(room, directory):
    ann, test = await directory.add(ENTRA_USER), await directory.add(OKTA_USER)
    group = await directory.add({"schemas": [GROUP], "externalId": "8aa1a0c0", "displayName": "Sales EMEA"})
    assert group["members"] == []
    path = f"/Groups/{group['id']}"
    entra = await directory.patch(
        path, {"op": "Add", "path": "members", "value": [{"$ref": None, "value": ann["id"]}]}
    )
    assert [each["value"] for each in entra.json["members"]] == [ann["id"]]
    okta = await directory.patch(
        path, {"op": "add", "path": "members", "value": [{"value": test["id"], "display": "x"}]}
    )
    assert {each["value"] for each in okta.json["members"]} == {ann["id"], test["id"]}
    gone = await directory.patch(path, {"op": "remove", "path": f'members[value eq "{ann["id"]}"]'})
    assert [each["value"] for each in gone.json["members"]] == [test["id"]]
    await directory.patch(path, {"op": "Add", "path": "members", "value": [{"value": ann["id"]}]})
    gone = await directory.patch(path, {"op": "Remove", "path": "members", "value": [{"value": ann["id"]}]})
    assert [each["value"] for each in gone.json["members"]] == [test["id"]]
    named = await directory.patch(
        path, {"op": "replace", "value": {"id": group["id"], "displayName": "Sales"}}
    )
    assert named.json["displayName"] == "Sales"
    found = await directory.ask(
        "GET", "/Groups?excludedAttributes=members&filter=" + quote('displayName eq "Sales"')
    )
    assert [(each["id"], "members" in each) for each in found.json["Resources"]] == [(group["id"], False)]
    probe = f'id eq "{group["id"]}" and members eq "{test["id"]}"'
    assert (await directory.ask("GET", f"/Groups?filter={quote(probe)}")).json["totalResults"] == 1
    user = (await directory.ask("GET", f"/Users/{test['id']}")).json
    assert [each["display"] for each in user["groups"]] == ["Sales"]
    put = await directory.ask(
        "PUT", path, {"schemas": [GROUP], "displayName": "Sales", "members": [{"value": ann["id"]}]}
    )
    assert [each["value"] for each in put.json["members"]] == [ann["id"]]
    unknown = await directory.patch(path, {"op": "add", "path": "members", "value": [{"value": "0-0"}]})
    assert (unknown.status, unknown.json["scimType"]) == (400, "invalidValue")
    assert (await directory.ask("DELETE", path)).status == 204


async def test_what_a_group_of_a_directory_is_granted_its_people_have_and_lose(room, directory):
    ann = await directory.add(ENTRA_USER)
    group = await directory.add(
        {"schemas": [GROUP], "displayName": "Sales", "members": [{"value": ann["id"]}]}
    )
    await room.house.grant("group", group["id"], "viewer")
    person = await room.house.identity.people.find(ann["userName"])
    session = (await room.house.identity.sign_in.begin(NOBODY, person, ("oidc",))).token
    assert (await room.ask("GET", "/api/v1/definitions", token=session)).status == 200
    await directory.patch(
        f"/Groups/{group['id']}", {"op": "remove", "path": f'members[value eq "{ann["id"]}"]'}
    )
    assert (await room.ask("GET", "/api/v1/definitions", token=session)).code == "no-workspace"


async def test_groups_made_here_are_not_seen_nor_filled_by_a_directory(room, directory, owner):
    """S01: else a directory could give itself what such a group was granted."""
    made = await room.ask("POST", "/api/v1/groups", {"name": "admins"}, token=owner)
    assert made.status == 201
    group = await room.house.identity.access.group("admins")
    ann = await directory.add(ENTRA_USER)
    assert (await directory.ask("GET", "/Groups")).json["totalResults"] == 0
    for got in (
        await directory.ask("GET", f"/Groups/{group.id}"),
        await directory.patch(
            f"/Groups/{group.id}", {"op": "add", "path": "members", "value": [{"value": ann["id"]}]}
        ),
        await directory.ask("DELETE", f"/Groups/{group.id}"),
    ):
        assert got.status == 404


async def test_lists_come_in_pages(directory):
    for number in range(5):
        await directory.add({"schemas": [USER], "userName": f"user-{number}"})
    got = (await directory.ask("GET", "/Users?startIndex=2&count=2")).json
    assert (got["totalResults"], got["startIndex"], got["itemsPerPage"]) == (6, 2, 2)
    seen = []
    for start in range(1, 8, 2):
        page = (await directory.ask("GET", f"/Users?startIndex={start}&count=2&attributes=userName")).json
        seen += [each["userName"] for each in page["Resources"]]
        assert all(set(each) == {"schemas", "id", "userName"} for each in page["Resources"])
    assert seen == sorted(seen)
    assert len(seen) == 6
    assert (await directory.ask("GET", "/Users?count=0")).json["Resources"] == []
    assert (await directory.ask("GET", "/Users?count=x")).status == 400


async def test_a_change_over_what_was_read_holds_only_while_it_is_so(directory):
    made = await directory.add(ENTRA_USER)
    path, tag = f"/Users/{made['id']}", made["meta"]["version"]
    assert (await directory.ask("GET", path, if_none_match=tag)).status == 304
    change = {"op": "replace", "path": "title", "value": "Head"}
    got = await directory.patch(path, change, if_match=tag)
    assert (got.status, got.headers["etag"] != tag) == (200, True)
    assert (await directory.patch(path, change, if_match=tag)).status == 412
    assert (await directory.ask("DELETE", path, if_match=tag)).status == 412


async def test_what_scim_says_of_itself(directory):
    config = (await directory.ask("GET", "/ServiceProviderConfig")).json
    assert (config["patch"], config["etag"], config["bulk"]["supported"]) == (
        {"supported": True},
        {"supported": True},
        False,
    )
    types = (await directory.ask("GET", "/ResourceTypes")).json
    assert [each["id"] for each in types["Resources"]] == ["User", "Group"]
    assert (await directory.ask("GET", "/ResourceTypes/User")).json["schema"] == USER
    schemas = (await directory.ask("GET", "/Schemas")).json
    assert [each["id"] for each in schemas["Resources"]] == [USER, GROUP, ENTERPRISE]
    assert (await directory.ask("GET", f"/Schemas/{quote(USER)}")).json["name"] == "User"


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "kind"),
    [
        ("GET", "/Users?filter=userName%20co%20%22a%22", None, 400, "invalidFilter"),
        ("GET", "/Users?filter=" + "(" * 3000, None, 400, "invalidFilter"),
        ("POST", "/Users", {"userName": "no good name!"}, 400, "invalidValue"),
        ("POST", "/Users", {"userName": "__proto__"}, 400, "invalidValue"),
        ("POST", "/Users", {"userName": 5}, 400, "invalidValue"),
        ("POST", "/Users", {"userName": "a", "active": "perhaps"}, 400, "invalidValue"),
        ("POST", "/Users", {"userName": "a", "name": {"formatted": "x" * 40_000}}, 400, "tooMany"),
        ("POST", "/Users", b"{", 400, "invalidSyntax"),
        ("POST", "/Users", b'{"userName": "a", "userName": "b"}', 400, "invalidSyntax"),
        ("POST", "/Groups", {"displayName": " "}, 400, "invalidValue"),
        ("POST", "/Groups", {"displayName": "x", "members": "all"}, 400, "invalidValue"),
        ("GET", "/Users/..%2fGroups", None, 404, None),
        ("GET", "/Nothing", None, 404, None),
        ("DELETE", "/Users", None, 405, None),
        ("POST", "/Bulk", {}, 404, None),
    ],
)  # fmt: skip
async def test_what_cannot_be_is_refused_in_the_words_of_scim(directory, method, path, body, status, kind):
    """S03, S04, S06."""
    got = await directory.ask(method, path, body)
    assert (got.status, got.json.get("scimType")) == (status, kind)
    assert got.json["schemas"] == ["urn:ietf:params:scim:api:messages:2.0:Error"]


@pytest.mark.parametrize(
    "operations",
    [
        [], [{"op": "move", "path": "x"}], [{"op": "replace"}], [{"op": "remove"}], [{"op": "add", "path": "a b"}],
        [{"op": "add", "path": "emails[type eq", "value": "x"}], [{"op": "replace", "path": "active"}], "x",
    ],
)  # fmt: skip
async def test_a_change_that_cannot_be_read_changes_nothing(directory, operations):
    made = await directory.add(ENTRA_USER)
    got = await directory.ask("PATCH", f"/Users/{made['id']}", {"schemas": [PATCH], "Operations": operations})
    assert got.status == 400
    assert (await directory.ask("GET", f"/Users/{made['id']}")).json == made


async def test_nothing_but_its_own_token_opens_the_door_of_directories(room, directory, owner):
    """S01, S02, S07: and that one opens nothing else."""
    person, session = await room.house.signed_in("admin", "*")
    known = await room.house.known(session)
    key = (await room.house.identity.keys.add_own(acting(person), known, KeyWish(title="a key"))).token
    for token in ("", "x", owner, session, key, directory.token[:-1], directory.token.upper()):
        got = await Directory(room, token).ask("GET", "/Users")
        assert (got.status, got.headers["www-authenticate"]) == (401, "Bearer")
    for path in ("/api/v1/me", "/api/v1/people", "/api/v1/definitions"):
        assert (await room.ask("GET", path, token=directory.token)).status == 401
    (row,) = (await room.ask("GET", "/api/v1/directories", token=owner)).json
    assert "token" not in row
    assert "digest" not in row
    assert (await room.ask("DELETE", f"/api/v1/directories/{row['id']}", token=owner)).status == 204
    told = [(entry.object.name, entry.outcome) for entry in await room.house.entries("people.directories")]
    assert told == [("corp", "done"), ("corp", "done")]
    assert (await directory.ask("GET", "/Users")).status == 401


async def test_who_tries_tokens_is_slowed_down(room):
    """S38."""
    stranger = Directory(room, "aud_" + "x" * 43)
    statuses = [(await stranger.ask("GET", "/Users")).status for _ in range(30)]
    assert statuses[:20] == [401] * 20
    assert 429 in statuses[20:]


async def test_letting_a_directory_in_asks_for_an_owner_and_a_fresh_proof(room):
    """S39."""
    admin = (await room.house.signed_in("admin", "*"))[1]
    assert (await room.ask("POST", "/api/v1/directories", {"title": "x"}, token=admin)).code == "not-allowed"
    owner = (await room.house.signed_in("owner", "*"))[1]
    room.house.clock.sleep(601)
    assert (
        await room.ask("POST", "/api/v1/directories", {"title": "x"}, token=owner)
    ).code == "step-up-needed"


async def test_who_is_brought_by_the_directory_of_a_provider_signs_in_by_it(room, owner):
    """S36: known by issuer and subject; and nobody who was here before is handed over."""
    provider = {"issuer": "https://login.example.com", "client_id": "auraos", "creates_people": False}
    assert (await room.ask("PUT", "/api/v1/providers/corp", provider, token=owner)).status == 200
    made = await room.ask("POST", "/api/v1/directories", {"title": "corp", "provider": "corp"}, token=owner)
    directory = Directory(room, made.json["token"])
    there = await room.house.person(name="ben")
    ann = await directory.add({**OKTA_USER, "userName": "ann"})
    await directory.ask(
        "PUT", f"/Users/{there.id}", {"userName": "ben", "externalId": "somebody-else", "active": True}
    )
    found = await room.house.tables.all("select subject, person from identities", (), tuple)
    assert found == [(OKTA_USER["externalId"], ann["id"])]
