"""Secrets over HTTP: used and never seen (S08, S10, S11, S51)."""

import asyncio
import json

import msgspec
import pytest

from auraos.security.access.rows import OwnRole
from houses import EVERYTHING, HOUSE
from kept_definitions import changed, published
from rooms import Room

CANARY = "canary-ab93f0c2d4"
SECRETS = "/api/v1/secrets"


def bearer(token: str = CANARY, *hosts: str, **more) -> dict:
    return {
        "credential": {"kind": "bearer", "token": token},
        "hosts": list(hosts or ("stock.example",)),
        **more,
    }


async def admin(room: Room) -> str:
    _, token = await room.house.signed_in("admin")
    return token


async def kept(room: Room, token: str, name: str = "stock", value: dict | None = None, **more) -> dict:
    got = await room.ask("POST", SECRETS, {"name": name, "value": value or bearer(), **more}, token=token)
    assert got.status == 201, got.body
    return got.json


async def answers_of(room: Room, token: str, name: str = "stock") -> list[bytes]:
    """Return all that the routes tell of a secret."""
    paths = (SECRETS, f"{SECRETS}/{name}", "/api/v1/secret-kinds", "/api/v1/encryption-keys")
    return [(await room.ask("GET", path, token=token)).body for path in paths]


async def test_a_secret_is_kept_and_shown_without_its_value(room):
    token = await admin(room)
    made = await kept(room, token, title="Stock", labels={"team": "sales"})
    assert made["hosts"] == ["stock.example"]
    assert (made["kind"], made["version"], made["revision"]) == ("bearer", 1, 1)
    shown = await room.ask("GET", f"{SECRETS}/stock", token=token)
    assert shown.json["versions"][0]["state"] == "kept"
    assert shown.headers["etag"].startswith('"1.')
    assert not [
        body
        for body in [json.dumps(made).encode(), *await answers_of(room, token)]
        if CANARY.encode() in body
    ]


async def test_a_value_is_replaced_over_the_revision_that_was_read(room):
    token = await admin(room)
    await kept(room, token)
    stale = await room.ask("PUT", f"{SECRETS}/stock/value", {"value": bearer()}, token=token, if_match='"7"')
    assert (stale.status, stale.code) == (412, "secret-changed")
    changed = await room.ask(
        "PUT",
        f"{SECRETS}/stock/value",
        {"value": bearer("another-token", "other.example")},
        token=token,
        if_match='"1"',
    )
    assert (changed.status, changed.json["version"], changed.json["hosts"]) == (200, 2, ["other.example"])
    shown = await room.ask("GET", f"{SECRETS}/stock", token=token)
    assert [each["version"] for each in shown.json["versions"]] == [2, 1]


async def test_where_a_secret_may_go_is_narrowed_without_its_value_and_never_widened(room):
    token = await admin(room)
    await kept(room, token, value=bearer(CANARY, "*.example", "a.test", workflows=["orders", "bills"]))
    for hosts, workflows in (
        (["evil.test"], ["orders"]),
        (["*.test"], ["orders"]),
        (["*.example", "a.test", "b.test"], ["orders"]),
        (["a.test"], []),
        (["a.test"], ["orders", "others"]),
    ):
        refused = await room.ask(
            "PUT",
            f"{SECRETS}/stock/binding",
            {"hosts": hosts, "workflows": workflows},
            token=token,
            if_match='"1"',
        )
        assert (refused.status, refused.code) == (422, "secret-refused"), (hosts, workflows)
    got = await room.ask(
        "PUT", f"{SECRETS}/stock/binding", {"hosts": ["stock.example"], "workflows": ["orders"]}, token=token,
        if_match='"1"',
    )  # fmt: skip
    assert (got.json["hosts"], got.json["workflows"], got.json["version"]) == (
        ["stock.example"],
        ["orders"],
        2,
    )
    shown = await room.ask("GET", f"{SECRETS}/stock", token=token)
    assert [each["state"] for each in shown.json["versions"]] == ["kept", "revoked"]


async def test_a_revoked_version_is_gone(room):
    token = await admin(room)
    await kept(room, token)
    got = await room.ask("POST", f"{SECRETS}/stock/versions/1/revoke", {"why": "leaked"}, token=token)
    assert (got.status, got.json["version"]) == (200, 0)
    again = await room.ask("POST", f"{SECRETS}/stock/versions/1/revoke", {}, token=token)
    assert (again.status, again.json["revision"]) == (200, got.json["revision"])
    none = await room.ask("POST", f"{SECRETS}/stock/versions/9/revoke", {}, token=token)
    assert (none.status, none.code) == (404, "no-secret-version")
    test = await room.ask("POST", f"{SECRETS}/stock/test", {"url": "https://stock.example"}, token=token)
    assert (test.json["works"], test.json["code"]) == (False, "secret-revoked")


USES = """kind: workflow
name: orders
spec:
  steps:
    ask: {type: http.request, with: {url: "https://stock.example/items", secret: stock}}
"""


async def test_a_secret_that_a_live_definition_names_is_not_deleted(room):
    token = await admin(room)
    await kept(room, token)
    ref = await published(room.desk.definitions, USES)
    shown = await room.ask("GET", f"{SECRETS}/stock", token=token)
    named = {(each["kind"], each["name"], each["is_live"]) for each in shown.json["named_by"]}
    assert named == {("workflow", "orders", True), ("workflow", "orders", False)}
    refused = await room.ask("DELETE", f"{SECRETS}/stock", token=token)
    assert (refused.status, refused.code) == (409, "secret-used")
    assert "workflow orders" in refused.json["detail"]
    await room.desk.definitions.archive(HOUSE, ref)
    assert (await room.ask("DELETE", f"{SECRETS}/stock", token=token)).status == 204
    assert (await room.ask("GET", f"{SECRETS}/stock", token=token)).code == "no-secret"


@pytest.mark.parametrize(
    ("value", "code"),
    [
        (bearer("abc"), "secret-refused"),
        (bearer("x" * 70_000), "secret-refused"),
        (bearer(CANARY + "\n"), "secret-refused"),
        (bearer(CANARY, "https://stock.example"), "secret-refused"),
        (bearer(CANARY, "*"), "secret-refused"),
        ({"hosts": ["x.com"]}, "secret-refused"),
        ({"credential": {"kind": "bearer", "token": CANARY}}, "request-refused"),
        ({"credential": {"kind": CANARY, "token": CANARY}, "hosts": ["x.com"]}, "request-refused"),
        ({"credential": {"kind": "bearer", "token": [CANARY]}, "hosts": ["x.com"]}, "request-refused"),
        ({"credential": {"kind": "basic", "token": CANARY}, "hosts": ["x.com"]}, "request-refused"),
        (
            {"credential": {"kind": "bearer", "token": CANARY, "more": CANARY}, "hosts": ["x.com"]},
            "request-refused",
        ),
        ({"credential": CANARY, "hosts": ["x.com"]}, "request-refused"),
        (
            {"credential": {"kind": "header", "name": CANARY + " :", "value": CANARY}, "hosts": ["x.com"]},
            "request-refused",
        ),
        ({"kind": CANARY, "hosts": ["x.com"]}, "request-refused"),
        ({"source": {"from": "file", "path": "../x"}, "hosts": ["x.com"]}, "request-refused"),
        ({"source": {"from": "file", "path": "/etc/passwd"}, "hosts": ["x.com"]}, "request-refused"),
        ({"source": {"from": "command", "name": "-x"}, "hosts": ["x.com"]}, "request-refused"),
        (
            {"source": {"from": "environment", "name": "AURAOS_MASTER_KEY"}, "hosts": ["x.com"]},
            "request-refused",
        ),
    ],
)
async def test_what_cannot_be_kept_is_refused_without_being_said_again(room, value, code):
    token = await admin(room)
    got = await room.ask("POST", SECRETS, {"name": "stock", "value": value}, token=token)
    assert (got.status, got.code) == (422, code)
    assert CANARY.encode() not in got.body
    assert (await room.ask("GET", SECRETS, token=token)).json["items"] == []


async def test_a_field_that_is_nobodys_to_set_is_refused(room):
    token = await admin(room)
    for field in ("id", "workspace", "created_by", "version", "revision", "sealed", "is_admin"):
        got = await room.ask("POST", SECRETS, {"name": "stock", "value": bearer(), field: "x"}, token=token)
        assert (got.status, got.code) == (422, "request-refused")


async def test_another_workspace_has_none_of_it(room):
    token = await admin(room)
    await room.house.identity.access.add_workspace(HOUSE, "sales", "")
    _, other = await room.house.signed_in("admin", "sales")
    await kept(room, token)
    asked = [
        ("GET", f"{SECRETS}/stock", None),
        ("POST", f"{SECRETS}/stock/test", {"url": "https://evil.example"}),
        ("POST", f"{SECRETS}/stock/versions/1/revoke", {}),
        ("DELETE", f"{SECRETS}/stock", None),
    ]
    for method, path, body in asked:
        theirs = await room.ask(method, path, body, token=other, workspace="sales")
        unknown = await room.ask(method, path.replace("stock", "never"), body, token=other, workspace="sales")
        assert (theirs.status, theirs.code) == (unknown.status, unknown.code) == (404, "no-secret")
    assert (await room.ask("GET", SECRETS, token=other, workspace="sales")).json["items"] == []
    assert (await room.ask("GET", f"{SECRETS}/stock", token=token)).json["secret"]["version"] == 1


async def test_who_may_use_some_secrets_sees_and_tries_no_others(room):
    token = await admin(room)
    await kept(room, token, labels={"team": "sales"})
    await kept(room, token, "other", labels={"team": "stock"})
    _, narrow = await room.house.signed_in("editor", labels={"team": "sales"})
    listed = await room.ask("GET", SECRETS, token=narrow)
    assert [each["name"] for each in listed.json["items"]] == ["stock"]
    assert (await room.ask("GET", f"{SECRETS}/stock", token=narrow)).status == 200
    got = await room.ask("POST", f"{SECRETS}/other/test", {"url": "https://stock.example"}, token=narrow)
    assert got.code == "no-secret"


async def test_pages_follow_one_another(room):
    token = await admin(room)
    for number in range(5):
        await kept(room, token, f"s-{number}")
    names: list[str] = []
    after = ""
    for _ in range(3):
        page = (await room.ask("GET", f"{SECRETS}?limit=2&after={after}", token=token)).json
        names += [each["name"] for each in page["items"]]
        after = page["next"]
    assert names == [f"s-{number}" for number in range(5)]
    assert after == ""


async def test_of_two_who_keep_one_name_one_does(room):
    token = await admin(room)
    body = {"name": "stock", "value": bearer()}
    got = await asyncio.gather(*(room.ask("POST", SECRETS, body, token=token) for _ in range(4)))
    assert sorted(each.status for each in got) == [201, 409, 409, 409]


async def test_every_change_and_trial_is_in_the_audit_trail_without_values(room):
    token = await admin(room)
    await kept(room, token)
    about = {"title": "Stock", "labels": {}, "ends_at": 5}
    await room.ask("PUT", f"{SECRETS}/stock/about", about, token=token, if_match='"1"')
    await room.ask(
        "PUT", f"{SECRETS}/stock/value", {"value": bearer(CANARY + "2")}, token=token, if_match='"2"'
    )
    await room.ask(
        "PUT", f"{SECRETS}/stock/binding", {"hosts": ["stock.example"]}, token=token, if_match='"3"'
    )
    await room.ask("POST", f"{SECRETS}/stock/test", {"url": "https://evil.example/?q=1"}, token=token)
    await room.ask(
        "POST", "/api/v1/secret-tests", {"value": bearer(), "url": "https://evil.example"}, token=token
    )
    await room.ask("POST", f"{SECRETS}/stock/versions/3/revoke", {"why": "leaked"}, token=token)
    await room.ask("POST", "/api/v1/encryption-keys/rotate", token=token)
    await room.ask("DELETE", f"{SECRETS}/stock", token=token)
    entries = [entry for entry in await room.house.entries() if entry.action.startswith("secrets.")]
    assert [(entry.action, entry.outcome) for entry in entries] == [
        ("secrets.create", "done"),
        ("secrets.describe", "done"),
        ("secrets.replace", "done"),
        ("secrets.narrow", "done"),
        ("secrets.test", "failed"),
        ("secrets.test", "failed"),
        ("secrets.revoke", "done"),
        ("secrets.rotate", "done"),
        ("secrets.delete", "done"),
    ]
    assert {entry.actor.kind for entry in entries} == {"person"}
    assert CANARY not in msgspec.json.encode(entries).decode()


async def test_a_key_is_rotated_and_no_route_gives_it_away(room):
    token = await admin(room)
    await kept(room, token)
    got = await room.ask("POST", "/api/v1/encryption-keys/rotate", token=token)
    assert got.json == {"version": 2, "sealed_anew": 1}
    listed = (await room.ask("GET", "/api/v1/encryption-keys", token=token)).json
    assert [each["state"] for each in listed] == ["live", "retired"]
    assert listed[0].keys() == {"id", "version", "state", "master", "created_at", "retired_at"}


async def test_the_master_key_is_the_owners_affair(room):
    token = await admin(room)
    await kept(room, token)
    refused = await room.ask("POST", "/api/v1/encryption-keys/rotate-master", token=token)
    assert (refused.status, refused.code) == (403, "not-allowed")
    _, owner = await room.house.signed_in("owner", "*")
    got = await room.ask("POST", "/api/v1/encryption-keys/rotate-master", token=owner)
    assert got.status == 200, got.body
    assert got.json["sealed_anew"] >= 1


async def test_kinds_are_described_for_forms(room):
    token = await admin(room)
    kinds = {each["kind"]: each for each in (await room.ask("GET", "/api/v1/secret-kinds", token=token)).json}
    assert kinds["basic"]["schema"]["properties"]["password"]["writeOnly"] is True
    assert kinds["bearer"]["goes"] == {"token": "the header Authorization: Bearer"}


async def test_a_secret_is_used_only_by_who_may_use_it(room):
    """S08: neither a text, nor a publication, a folder, a bundle or an old version brings in somebody else's secret."""
    token = await admin(room)
    await kept(room, token, labels={"team": "sales"})
    person, narrow = await room.house.signed_in("editor", labels={"team": "stock"})
    mine = USES.replace("name: orders", "name: mine\nlabels: {team: stock}")
    plain = "kind: workflow\nname: mine\nlabels: {team: stock}\nspec: {steps: {a: {type: noop}}}\n"
    at = "/api/v1/definitions/workflow/mine"

    refused = await room.ask("POST", "/api/v1/definitions", {"text": mine}, token=narrow)
    assert (refused.status, refused.code) == (403, "not-allowed")
    assert "secret 'stock'" in refused.json["detail"]
    assert (await room.ask("POST", "/api/v1/definitions", {"text": plain}, token=narrow)).status == 201
    saved = await room.ask("PUT", f"{at}/draft", {"text": mine}, token=narrow, if_match='"1"')
    assert saved.code == "not-allowed"

    theirs = await room.ask("PUT", f"{at}/draft", {"text": mine}, token=token, if_match='"1"')
    assert theirs.status == 200
    published = await room.ask("POST", f"{at}/publish", {}, token=narrow, if_match='"2"')
    assert published.code == "not-allowed"
    assert (await room.ask("POST", f"{at}/publish", {}, token=token, if_match='"2"')).status == 200
    refusals = [entry for entry in await room.house.entries() if entry.outcome == "refused"]
    assert {entry.actor.id for entry in refusals} == {person.id}
    assert len(refusals) == 3


async def test_neither_folders_nor_bundles_nor_old_versions_bring_in_a_secret(room):
    """S08, S59, S60: what was allowed once to somebody else is asked for now."""
    token = await admin(room)
    await kept(room, token)
    planner = OwnRole(workspace="default", name="planner", actions=("definitions.*",))
    await room.house.identity.access.put_role(HOUSE, EVERYTHING, planner)
    _, planner = await room.house.signed_in("planner")
    ref = await published(room.desk.definitions, USES)
    plain = USES.replace(", secret: stock", "")
    await changed(room.desk.definitions, ref, plain)
    at = "/api/v1/definitions"
    files = [{"path": "orders.yaml", "text": USES}]
    for path, body, match in (
        (f"{at}/apply", {"files": files}, ""),
        (f"{at}/import", {"files": files}, ""),
        (f"{at}/workflow/orders/restore", {"version": 1}, '"2"'),
        (f"{at}", {"text": USES.replace("orders", "others")}, ""),
    ):
        got = await room.ask("POST", path, body, token=planner, **({"if_match": match} if match else {}))
        assert (got.status, got.code) == (403, "not-allowed"), (path, got.body)
        assert "secret 'stock'" in got.json["detail"]
    assert (await room.desk.definitions.find(ref)).text == plain
