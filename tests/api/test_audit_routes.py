"""The audit trail over HTTP: who sees what of it, and in which forms it is taken along."""

import asyncio
import csv
import io
import json
import re
from pathlib import Path

import pytest

from auraos.api import stream
from auraos.api.protocol import events
from auraos.app.audit.check import check_trail
from auraos.app.audit.sources import ExportedTrail
from auraos.core.audit import Entry, Object
from auraos.security.audit.signing import publics_of
from auraos.security.audit.verify import verify
from houses import EVERYTHING, HOUSE, acting
from rooms import Room

BASE = "/api/v1/audit"
ALL = "/api/v1/installation/audit"


@pytest.fixture
async def auditor(room: Room) -> str:
    """Return the token of somebody who may look at the trail of one workspace."""
    return (await room.house.signed_in("auditor"))[1]


@pytest.fixture
async def owner(room: Room) -> str:
    """Return the token of an owner."""
    return (await room.house.signed_in("owner", "*"))[1]


async def tell(room: Room, action: str = "secrets.replace", **more: object) -> None:
    """Let something be done."""
    told = {"workspace": "default", "actor": HOUSE, "object": Object(kind="secret", name="mailer"), **more}
    await room.house.tables.change((), [Entry(at=room.house.clock.now(), action=action, **told)])


async def test_an_auditor_sees_the_entries_of_the_workspace_and_no_others(room, auditor):
    """S01, L07."""
    await tell(room, before={"version": 1}, after={"version": 2})
    await tell(room, workspace="other")
    await tell(room, workspace="")
    got = await room.ask("GET", f"{BASE}?action=secrets.replace", token=auditor)
    (item,) = got.json["items"]
    assert (item["action"], item["before"], item["after"]) == (
        "secrets.replace",
        {"version": 1},
        {"version": 2},
    )
    assert {each["workspace"] for each in (await room.ask("GET", BASE, token=auditor)).json["items"]} == {
        "default"
    }
    one = await room.ask("GET", f"{BASE}/{item['seq']}", token=auditor)
    assert one.json == item
    foreign = await room.ask("GET", f"{BASE}/{item['seq'] + 1}", token=auditor)
    nowhere = await room.ask("GET", f"{BASE}/999999", token=auditor)
    assert (foreign.status, foreign.code) == (nowhere.status, nowhere.code) == (404, "no-audit-entry")
    assert (await room.ask("GET", ALL, token=auditor)).code == "not-allowed"


async def test_an_owner_sees_everything_page_by_page(room, owner):
    """L07."""
    for number in range(5):
        await tell(room, workspace=f"w{number}")
    seen, after = [], ""
    while True:
        got = (await room.ask("GET", f"{ALL}?limit=2{after}", token=owner)).json
        seen += [item["seq"] for item in got["items"]]
        if got["next"] is None:
            break
        after = f"&after={got['next']}"
    assert seen == list(range(len(seen), 0, -1))
    assert len(seen) == len(await room.house.entries())


async def test_people_are_found_by_name_and_shown_by_it(room, owner):
    """L07: the trail holds ids, whoever reads it is told names."""
    person, _ = await room.house.signed_in("editor", name="ann")
    await tell(room, actor=acting(person), why="ann wanted it")
    (item,) = (await room.ask("GET", f"{ALL}?who=ann&action=secrets.*", token=owner)).json["items"]
    assert (item["actor"]["id"], item["actor"]["name"], item["why"]) == (person.id, "ann", "ann wanted it")
    assert (await room.ask("GET", f"{ALL}?who=nobody-has-it", token=owner)).json["items"] == []


async def test_a_report_counts_a_period_and_names_what_is_worth_a_look(room, owner):
    """L08."""
    begun = room.house.clock.now()
    room.house.clock.sleep(60)
    _, token = await room.house.signed_in("viewer", name="vic")
    refused = await room.ask("POST", "/api/v1/secrets", {"name": "x", "credential": {}}, token=token)
    assert refused.status in (403, 422)
    await room.ask("POST", "/api/v1/sign-in", {"name": "vic", "password": "wrong"})
    room.house.clock.sleep(60)
    until = room.house.clock.now()
    got = (await room.ask("GET", f"{ALL}/report?since={begun + 1}&until={until}", token=owner)).json
    assert got["refused_sign_ins"] == 1
    assert got["families"]["sign-in"] >= 2
    assert {"people.add", "access.grant"} <= {each["action"] for each in got["notable"]}
    assert got["entries"] == sum(each["count"] for each in got["counts"]) == sum(got["outcomes"].values())
    assert got["ends"]["first"] <= got["ends"]["last"]
    assert "vic" in {each["actor"] for each in got["counts"]}


async def test_a_trail_taken_along_as_json_lines_verifies_without_the_server(room, owner, tmp_path):
    """S50, L08."""
    await room.desk.audit.checkpoints.sign()
    for number in range(1200):
        await tell(room, why=f"reason {number}")
    head = await room.ask("GET", f"{ALL}/head", token=owner)
    got = await room.ask("GET", f"{ALL}/export", token=owner)
    assert got.headers["content-disposition"] == 'attachment; filename="audit.jsonl"'
    file, kept = tmp_path / "audit.jsonl", tmp_path / "head.json"
    file.write_bytes(got.body)
    kept.write_bytes(head.body)
    checked = await check_trail(tmp_path / "nowhere", file=file, heads=[kept])
    assert checked.verdict.holds, checked.verdict.findings
    assert (checked.verdict.signed, checked.verdict.entries) == (2, head.json["seq"] + 1)
    lines = file.read_bytes().splitlines(keepends=True)
    await refused_as(tmp_path, kept, lines, 600, lines[600].replace(b"reason", b"season"), "changed")
    await refused_as(tmp_path, kept, lines, 600, b"", "removed")
    await refused_as(tmp_path, kept, lines, 600, lines[601] + lines[600], "reordered", drop=601)


async def refused_as(
    folder: Path, head: Path, lines: list[bytes], at: int, by: bytes, kind: str, drop: int = -1
) -> None:
    """Hold that a file with another line in one place does not verify."""
    file = folder / "bad.jsonl"
    changed = [by if number == at else b"" if number == drop else line for number, line in enumerate(lines)]
    file.write_bytes(b"".join(changed))
    (finding,) = (await check_trail(folder / "nowhere", file=file, heads=[head])).verdict.findings
    assert (finding.kind, finding.seq) == (kind, at)


async def test_an_export_cut_short_is_told_by_its_own_first_line(room, owner, tmp_path):
    """S50."""
    for _ in range(10):
        await tell(room)
    got = await room.ask("GET", f"{ALL}/export", token=owner)
    lines = [line for line in got.body.splitlines(keepends=True) if not line.startswith(b'{"signed"')]
    file = tmp_path / "audit.jsonl"
    file.write_bytes(b"".join(lines[:-3]))
    trail = ExportedTrail(file)
    (finding,) = (await verify(trail, publics_of(trail.keys))).findings
    assert finding.kind == "truncated"


async def test_taking_the_trail_along_is_in_the_trail(room, owner):
    """L07."""
    await room.ask("GET", f"{ALL}/export?form=csv&outcome=refused", token=owner)
    (entry,) = await room.house.entries("audit.export")
    assert entry.after == {"form": "csv", "outcome": "refused"}


async def test_csv_runs_no_formula_and_keeps_one_line_an_entry(room, auditor):
    """S52."""
    hostile = "=cmd|' /C calc'!A1\r\n\"x\",@SUM(1)"
    await tell(room, object=Object(kind="workflow", name=hostile), why="+1", after={"a": hostile})
    got = await room.ask("GET", f"{BASE}/export?form=csv&action=secrets.replace", token=auditor)
    header, row = list(csv.reader(io.StringIO(got.body.decode(), newline="")))
    told = dict(zip(header, row, strict=True))
    assert told["object"] == f"'{hostile}"
    assert told["why"] == "'+1"
    assert json.loads(told["after"]) == {"a": hostile}


async def test_cef_is_one_line_an_entry_whatever_stands_in_it(room, auditor):
    """S52, L08."""
    hostile = "a|b=c\\d\r\nCEF:0|x"
    await tell(room, action="secrets.replace", object=Object(kind="workflow", name=hostile), why=hostile)
    got = await room.ask("GET", f"{BASE}/export?form=cef&action=secrets.replace", token=auditor)
    (line,) = got.body.decode().splitlines()
    head, _, fields = line.partition("|secrets.replace|")
    assert re.fullmatch(r"CEF:0\|AuraOS\|Automation\|[0-9][^|]*", head)
    assert fields.startswith("secrets replace done|3|")
    assert "reason=a|b\\=c\\\\d\\r\\nCEF:0|x " in fields
    assert "cs1Label=workspace cs1=default" in fields


async def test_the_key_that_signs_changes_and_all_former_heads_still_hold(room, owner):
    """S50."""
    before = (await room.ask("GET", f"{ALL}/head", token=owner)).json
    got = await room.ask("POST", f"{ALL}/rotate-key", token=owner)
    assert got.status == 200, got.body
    after = (await room.ask("GET", f"{ALL}/head", token=owner)).json
    assert before["key_id"] != got.json["id"] == after["key_id"]
    listed = (await room.ask("GET", f"{ALL}/heads", token=owner)).json
    assert {key["id"] for key in listed["keys"]} == {before["key_id"], after["key_id"]}
    trail = room.desk.audit
    verdict = await verify(trail.store, publics_of(await trail.checkpoints.known()))
    assert (verdict.holds, verdict.signed) == (True, len(listed["items"]))
    assert "audit.rotate-key" in {entry.action for entry in await room.house.entries()}


async def test_the_secret_half_of_the_key_is_for_its_owner_only_and_not_in_the_store(room, owner):
    """S50, S54."""
    await room.ask("GET", f"{ALL}/head", token=owner)
    file = room.house.folder / "keys" / "audit.key"
    assert file.stat().st_mode & 0o777 == 0o600
    secret = file.read_bytes().strip()
    stored = b"".join(each.read_bytes() for each in room.house.folder.glob("auraos.db*"))
    assert secret not in stored


async def test_old_entries_go_and_that_is_told(room, owner):
    """S50."""
    await room.desk.audit.checkpoints.sign()
    room.house.clock.sleep(40 * 24 * 3600)
    _, token = await room.house.signed_in("owner", "*")
    got = await room.ask("POST", f"{ALL}/prune", {"older_than_days": 30}, token=token)
    assert got.json["until"] > 0
    (entry,) = await room.house.entries("audit.prune")
    assert entry.after == {"until": got.json["until"]}
    verdict = await verify(room.desk.audit.store, publics_of(await room.desk.audit.checkpoints.known()))
    assert verdict.holds, verdict.findings


async def test_new_entries_are_told_live_and_a_reader_goes_on_after_the_last(room, auditor, monkeypatch):
    """L08, J11."""
    monkeypatch.setattr(stream, "LOOK_FOR_ENTRIES", 0.01)
    await tell(room, why="before")
    reading = asyncio.create_task(room.ask("GET", "/api/v1/stream?topic=audit", token=auditor))
    await asyncio.sleep(0.2)
    await tell(room, why="while somebody reads")
    await tell(room, workspace="other", why="elsewhere")
    got = (await reading).body.decode()
    assert "while somebody reads" in got
    assert "elsewhere" not in got
    assert "before" not in re.findall(r'"why":"([^"]*)"', got)
    number = int(re.findall(r"id: (\d+)", got)[0])
    again = await room.ask("GET", "/api/v1/stream?topic=audit", token=auditor, last_event_id=str(number - 1))
    assert re.findall(r"id: (\d+)", again.body.decode()) == [str(number)]


async def test_s07_a_reader_of_the_trail_who_may_not_any_more_is_cut_off(room, monkeypatch):
    monkeypatch.setattr(events, "LOOK", 0.05)
    person = await room.house.person("viewer")
    grant = await room.house.grant("person", person.id, "auditor")
    token = await room.house.session(person)
    reading = asyncio.create_task(room.ask("GET", "/api/v1/stream?topic=audit", token=token))
    await asyncio.sleep(0.1)
    await room.house.identity.access.revoke(HOUSE, EVERYTHING, "default", grant)
    got = await asyncio.wait_for(reading, 4)
    assert '"code":"not-allowed"' in got.body.decode()


async def test_s07_nobody_follows_a_trail_that_they_may_not_read(room, auditor):
    _, viewer = await room.house.signed_in("viewer")
    assert (await room.ask("GET", "/api/v1/stream?topic=audit", token=viewer)).code == "not-allowed"
    assert (
        await room.ask("GET", "/api/v1/stream?topic=installation/audit", token=auditor)
    ).code == "not-allowed"
    refused = [entry.action for entry in await room.house.entries() if entry.outcome == "refused"]
    assert refused == ["audit.read", "audit.read"]
