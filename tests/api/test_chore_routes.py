"""A whole workspace is exported and deleted (N04): what is in the file, what is gone, and what stays."""

import io
import json
import zipfile
from typing import Any

import pytest
from cryptography.exceptions import InvalidTag

from auraos.app.chores.exporting import key_of, open_secret
from auraos.storage.tables.chores import ChoreTables
from auraos.storage.tables.statement import Statement
from houses import HOUSE
from kept_definitions import workflow
from rooms import Room

WAITING = """kind: workflow
name: waiting
spec:
  steps: {wait: {type: wait.signal, with: {name: go}}}
"""
VALUE = {"credential": {"kind": "text", "value": "the canary value"}, "hosts": ["example.com"]}
PASSPHRASE = "a long way to another house"


@pytest.fixture
async def room(house):
    """A front door whose engine lets runs go."""
    room = Room(house)
    await room.runs.engine.open()
    yield room
    await room.desk.chores.close()
    await room.runs.engine.close()


@pytest.fixture
async def owner(room: Room) -> str:
    return (await room.house.signed_in("owner", "*"))[1]


async def filled(room: Room, workspace: str) -> str:
    """Fill a workspace with one of each, and return the token of its admin."""
    if workspace != "default":
        await room.house.identity.access.add_workspace(HOUSE, workspace, "")
    token = (await room.house.signed_in("admin", workspace))[1]

    async def ask(method: str, path: str, body: Any = None, **headers: str) -> Any:
        got = await room.ask(method, f"/api/v1{path}", body, token=token, workspace=workspace, **headers)
        assert got.status < 300, got.body
        return got.json if got.body else None

    for text, name in ((workflow(), "greet"), (WAITING, "waiting")):
        await ask("POST", "/definitions", {"text": text})
        await ask("POST", f"/definitions/workflow/{name}/publish", {}, if_match="1")
    await ask("POST", "/secrets", {"name": "stock", "value": VALUE})
    await ask("PUT", "/access/roles/planner", {"actions": ["runs.read"]})
    await ask("POST", "/services", {"name": "robot"})
    await ask("POST", "/services/robot/keys", {"title": "a key"})
    await ask("POST", "/workflows/greet/runs?wait=5", {})
    await ask("POST", "/workflows/waiting/runs", {})
    return token


async def chore_of(room: Room, token: str, path: str, body: Any) -> dict[str, Any]:
    begun = await room.ask("POST", f"/api/v1/workspaces/{path}", body, token=token)
    assert begun.status == 202, begun.body
    await room.desk.chores.settled(begun.json["id"])
    return dict((await room.ask("GET", f"/api/v1/chores/{begun.json['id']}", token=token)).json)


async def exported(room: Room, owner: str, workspace: str, body: Any) -> tuple[zipfile.ZipFile, bytes]:
    done = await chore_of(room, owner, f"{workspace}/export", body)
    assert (done["state"], done["workspace"], done["kind"]) == ("done", workspace, "export"), done
    got = await room.ask("GET", f"/api/v1/chores/{done['id']}/file", token=owner)
    assert (got.status, got.headers["content-type"]) == (200, "application/zip")
    return zipfile.ZipFile(io.BytesIO(got.body)), got.body


async def test_an_export_holds_all_of_one_workspace_and_nothing_of_another(room, owner):
    await filled(room, "sales")
    await filled(room, "default")
    await room.ask("POST", "/api/v1/definitions", {"text": workflow("foreign")}, token=owner)
    bundle, raw = await exported(room, owner, "sales", {})
    assert [entry.object.name for entry in await room.house.entries("workspaces.export")] == ["sales"]
    manifest = json.loads(bundle.read("manifest.json"))
    assert (manifest["workspace"], manifest["format"]) == ("sales", 1)
    counts = manifest["counts"]
    assert (counts["definitions"], counts["publications"], counts["secrets"], counts["runs"]) == (2, 2, 1, 2)
    assert (counts["services"], counts["roles"]) == (1, 1)
    assert bundle.read("definitions/workflow/greet.yaml").decode() == workflow()
    assert "definitions/workflow/foreign.yaml" not in bundle.namelist()
    runs = [name for name in bundle.namelist() if name.startswith("runs/")]
    lines = [json.loads(line) for line in bundle.read(runs[0]).splitlines()]
    assert lines[0]["run"]["workspace"] == "sales"
    assert len(lines) > 2
    for name in bundle.namelist():
        if name.startswith("tables/"):
            rows = [json.loads(line) for line in bundle.read(name).splitlines()]
            assert {row["workspace"] for row in rows} <= {"sales"}, name
    (secret,) = [json.loads(line) for line in bundle.read("secrets.jsonl").splitlines()]
    assert (secret["name"], "sealed" in secret) == ("stock", False)
    assert not any(b"the canary value" in bundle.read(name) for name in bundle.namelist())
    assert b"the canary value" not in raw


async def test_secrets_leave_only_under_the_seal_of_a_passphrase(room, owner):
    """S08."""
    await filled(room, "sales")
    bundle, _ = await exported(room, owner, "sales", {"passphrase": PASSPHRASE})
    assert not any(b"the canary value" in bundle.read(name) for name in bundle.namelist())
    sealing = json.loads(bundle.read("manifest.json"))["secrets"]
    (secret,) = [json.loads(line) for line in bundle.read("secrets.jsonl").splitlines()]
    key = key_of(PASSPHRASE, bytes.fromhex(sealing["salt"]))
    assert open_secret(secret["sealed"], key, "sales", "stock")["credential"]["value"] == "the canary value"
    with pytest.raises(InvalidTag):
        open_secret(secret["sealed"], key, "sales", "another")
    short = await room.ask("POST", "/api/v1/workspaces/sales/export", {"passphrase": "short"}, token=owner)
    assert short.code == "request-refused"


async def test_a_deleted_workspace_is_gone_with_its_keys_and_the_trail_stays(room, owner):
    token = await filled(room, "sales")
    await filled(room, "default")
    before = await room.house.entries()
    wish = {"name": "sales", "runs": "cancel", "why": "the customer left"}
    done = await chore_of(room, owner, "sales/delete", wish)
    assert (done["state"], done["what"]) == ("done", ""), done
    rows = ChoreTables(room.house.tables)
    assert await rows.count_runs("sales") == 0
    tables = await room.house.tables.all(
        "select m.name from sqlite_master m, pragma_table_info(m.name) c where m.type='table' and c.name='workspace'",
        (), lambda row: str(row[0]),
    )  # fmt: skip
    left = {}
    for table in tables:
        count = await room.house.tables.one(
            f"select count(*) from {table} where workspace='sales'", (), lambda row: int(row[0])
        )
        if count:
            left[table] = count
    assert set(left) == {"audit"}
    assert not (room.house.folder / "blobs" / "sales").exists() or not list(
        (room.house.folder / "blobs" / "sales").iterdir()
    )
    assert (
        await room.ask("GET", "/api/v1/definitions", token=token, workspace="sales")
    ).code == "no-workspace"
    after = await room.house.entries()
    assert after[: len(before)] == before
    (deleted,) = await room.house.entries("workspaces.delete")
    assert (deleted.why, deleted.object.name) == ("the customer left", "sales")
    assert [entry.object.name for entry in await room.house.entries("workspaces.deleted")] == ["sales"]
    listed = (await room.ask("GET", "/api/v1/definitions", token=owner)).json["items"]
    assert {each["name"] for each in listed} == {"greet", "waiting"}
    again = await room.ask("POST", "/api/v1/workspaces", {"name": "sales"}, token=owner)
    assert again.status == 201
    assert (await room.ask("GET", "/api/v1/definitions", token=owner, workspace="sales")).json["items"] == []
    assert (
        await room.ask("GET", "/api/v1/definitions", token=token, workspace="sales")
    ).code == "no-workspace"


async def test_a_deletion_waits_for_runs_where_that_is_wished_and_nobody_gets_in_meanwhile(room, owner):
    token = await filled(room, "sales")
    running = (await room.ask("GET", "/api/v1/runs?state=waiting", token=token, workspace="sales")).json[
        "items"
    ]
    wish = {"name": "sales", "runs": "wait", "why": "the customer left"}
    begun = await room.ask("POST", "/api/v1/workspaces/sales/delete", wish, token=owner)
    for who in (token, owner):
        got = await room.ask("GET", "/api/v1/definitions", token=who, workspace="sales")
        assert got.code == "no-workspace"
    assert (
        await room.ask("POST", "/api/v1/workspaces/sales/delete", wish, token=owner)
    ).code == "no-workspace"
    told = (await room.ask("GET", f"/api/v1/chores/{begun.json['id']}", token=owner)).json
    assert told["state"] == "working"
    await room.runs.engine.signal(running[0]["run"], "go")
    done = await room.desk.chores.settled(begun.json["id"])
    assert done.state == "done"


async def test_a_deletion_that_was_broken_off_goes_on(room, owner):
    await filled(room, "sales")
    wish = {"name": "sales", "runs": "wait", "why": "the customer left"}
    begun = await room.ask("POST", "/api/v1/workspaces/sales/delete", wish, token=owner)
    await room.desk.chores.close()
    assert (await room.desk.chores.find(begun.json["id"])).state == "working"
    (run,) = await ChoreTables(room.house.tables).under_way("sales")
    await room.runs.engine.signal(run, "go")
    await room.desk.chores.resume()
    assert (await room.desk.chores.settled(begun.json["id"])).state == "done"


@pytest.mark.parametrize(
    ("path", "wish", "code"),
    [
        ("sales", {"name": "sale"}, "chore-refused"), ("sales", {"why": " "}, "request-refused"),
        ("default", {"name": "default"}, "chore-refused"), ("nowhere", {"name": "nowhere"}, "no-workspace"),
    ],
)  # fmt: skip
async def test_a_workspace_is_not_deleted_by_mistake(room, owner, path, wish, code):
    await room.house.identity.access.add_workspace(HOUSE, "sales", "")
    body = {"name": "sales", "runs": "cancel", "why": "so", **wish}
    assert (await room.ask("POST", f"/api/v1/workspaces/{path}/delete", body, token=owner)).code == code


async def test_what_the_law_wants_kept_is_not_deleted(room, owner):
    await room.house.identity.access.add_workspace(HOUSE, "sales", "")
    await room.house.tables.change(
        [Statement("insert into legal_holds values('1', 'sales', 'workspace', '', 'the court', 1, 'ann')")]
    )
    body = {"name": "sales", "runs": "cancel", "why": "so"}
    got = await room.ask("POST", "/api/v1/workspaces/sales/delete", body, token=owner)
    assert got.code == "chore-refused"


async def test_both_ask_for_an_owner_and_a_fresh_proof(room, owner):
    """S39."""
    admin = (await room.house.signed_in("admin", "*"))[1]
    calls = (("export", {}), ("delete", {"name": "default", "runs": "cancel", "why": "so"}))
    for path, body in calls:
        got = await room.ask("POST", f"/api/v1/workspaces/default/{path}", body, token=admin)
        assert got.code == "not-allowed"
    room.house.clock.sleep(601)
    for path, body in calls:
        got = await room.ask("POST", f"/api/v1/workspaces/default/{path}", body, token=owner)
        assert got.code == "step-up-needed"
