"""`auraos audit`, as an owner and whoever administers the machine call it (S50, S51, L07, L08)."""

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from command_line import CommandLine
from owned_server import OwnedServer, owned_server


@pytest.fixture
def server(auraos: CommandLine) -> Iterator[OwnedServer]:
    """Return a server that `auraos` asks as its owner."""
    with owned_server(auraos) as served:
        auraos.environment |= {"AURAOS_SERVER": served.url, "AURAOS_KEY": served.key}
        yield served


def spoil(folder: Path, *statements: str) -> None:
    """Change a database as whoever administers its machine can."""
    connection = sqlite3.connect(folder / ".auraos" / "auraos.db", isolation_level=None)
    guards = connection.execute(
        "select name from sqlite_master where type='trigger' and tbl_name like 'audit%'"
    )
    for (name,) in guards.fetchall():
        connection.execute(f"drop trigger {name}")
    for statement in statements:
        connection.execute(statement)
    connection.close()


def test_an_owner_lists_shows_and_counts_what_was_done(auraos, server):
    listed = auraos("audit", "list", "--everywhere", "--action", "keys.*", "--since", "1h")
    assert listed.code == 0, listed.err
    (line,) = listed.out.splitlines()
    assert line.split()[2:5] == ["ada", "keys.add", "person"]
    seq = line.split()[0]
    shown = auraos("audit", "show", seq, "--everywhere")
    assert "  after: {" in shown.out
    assert auraos("audit", "show", seq, "--everywhere", "--json").json["actor"]["name"] == "ada"
    report = auraos("audit", "report", "--everywhere", "--json").json
    assert report["families"]["access"] >= 2
    assert "Worth a look:" in auraos("audit", "report", "--everywhere").out
    assert auraos("audit", "show", "99999").code == 2


def test_a_trail_that_was_taken_along_verifies_by_a_head_that_was_kept(auraos, server):
    head = auraos("audit", "head")
    (auraos.folder / "head.json").write_text(head.out)
    made = auraos("audit", "export", "--everywhere", "--output", "audit.jsonl", "--json")
    assert made.json["size"] == (auraos.folder / "audit.jsonl").stat().st_size
    assert made.code == 0, made.err
    assert auraos("audit", "export", "--everywhere", "--output", "audit.jsonl").code == 2
    good = auraos("audit", "verify", "audit.jsonl", "--head", "head.json")
    assert good.code == 0, good.out
    file = auraos.folder / "audit.jsonl"
    file.write_bytes(file.read_bytes().replace(b'"ownership.claim"', b'"ownership.clone"', 1))
    bad = auraos("audit", "verify", "audit.jsonl", "--head", "head.json", "--json")
    assert bad.code == 1
    assert [(found["kind"], found["seq"]) for found in bad.json["findings"]] == [("changed", 1)]


def test_csv_and_cef_come_on_standard_output(auraos, server):
    csv = auraos("audit", "export", "--everywhere", "--form", "csv")
    assert csv.out.startswith("seq,at,workspace,")
    cef = auraos("audit", "export", "--everywhere", "--form", "cef", "--action", "ownership.claim")
    assert cef.out.startswith("CEF:0|AuraOS|Automation|")
    assert len(cef.out.splitlines()) == 1


def test_what_was_done_to_the_database_is_told_without_a_server(auraos, server):
    head = auraos.folder / "head.json"
    head.write_text(auraos("audit", "head").out)
    running = auraos("audit", "verify", "--data", ".auraos", "--head", "head.json")
    assert running.code == 0, running.out
    server.stop()
    stopped = auraos("audit", "verify", "--data", ".auraos", "--json").json
    assert (stopped["ok"], stopped["signed_until"]) == (True, stopped["last"])
    spoil(auraos.folder, "update audit set at = at + 1 where seq = 2")
    changed = auraos("audit", "verify", "--data", ".auraos", "--head", "head.json")
    assert (changed.code, "error[changed]: Entry 2" in changed.out) == (1, True)
    spoil(
        auraos.folder, "delete from audit where seq > 1", "delete from audit_checkpoints",
        "update audit_head set seq = 1, hash = (select hash from audit where seq = 1)",
    )  # fmt: skip
    cut = auraos("audit", "verify", "--data", ".auraos", "--head", "head.json", "--json").json
    assert [(found["kind"], found["seq"]) for found in cut["findings"]] == [("truncated", 2)]
    by_the_folder = auraos("audit", "verify", "--data", ".auraos", "--json").json
    assert [found["kind"] for found in by_the_folder["findings"]] == ["truncated"]


def test_a_head_that_was_changed_or_is_anothers_is_refused(auraos, server):
    text = auraos("audit", "head").out
    file = auraos.folder / "head.json"
    for wrong in ("{}", text.replace('"seq":', '"seq":1'), text[: len(text) // 2]):
        file.write_text(wrong)
        refused = auraos("audit", "verify", "--data", ".auraos", "--head", "head.json")
        assert refused.code == 2
        assert "audit-head-refused" in refused.err or "head" in refused.err
    told = json.loads(text)
    assert told["installation"]


def test_where_there_is_no_trail_it_is_said(auraos):
    assert auraos("audit", "verify", "--data", "nowhere").code == 2
    assert auraos("audit", "verify", "nowhere.jsonl").code == 2
    (auraos.folder / "empty.jsonl").write_text("no trail\n")
    assert auraos("audit", "verify", "empty.jsonl").code == 2
