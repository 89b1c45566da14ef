"""What whoever has the machine in hand asks of a server by commands is in the audit trail, too (S51)."""

from typing import Any

import pytest

from command_line import CommandLine
from owned_server import OwnedServer, owned_server

PAID = """kind: workflow
name: paid
spec:
  steps: {paid: {type: wait.signal, with: {name: paid}}}
"""


@pytest.fixture
def server(auraos: CommandLine):
    with owned_server(auraos) as served:
        made = served.ask("POST", "/definitions", {"text": PAID})
        served.publish("workflow", "paid", made["revision"])
        yield served


def told(server: OwnedServer, action: str) -> list[dict[str, Any]]:
    """Return the entries of an action, the oldest first."""
    found = server.ask("GET", f"/installation/audit?action={action}")["items"]
    return list(reversed(found))


def test_what_is_asked_by_commands_on_the_machine_is_told_with_its_user_and_what_came_of_it(auraos, server):
    started = auraos("start", "paid", "--data", ".auraos", "--json")
    run = started.json["run"]
    assert auraos("runs", "cancel", run, "--data", ".auraos").code in (0, 1)
    (start,) = told(server, "runs.start")
    assert (start["actor"]["kind"], start["actor"]["id"]) == ("house", "console")
    assert start["actor"]["behalf"]
    assert (start["object"]["name"], start["outcome"]) == ("paid", "done")
    (done,) = told(server, "runs.cancel")
    assert (done["outcome"], done["object"]["name"]) == ("done", run)
    assert done["actor"]["behalf"]


def test_who_takes_a_copy_of_the_store_is_told(auraos, server):
    assert auraos("backup", "copy.backup", "--data", ".auraos").code == 0
    assert [entry["outcome"] for entry in told(server, "engine.back-up")] == ["done"]


def test_to_look_is_no_change(auraos, server):
    assert auraos("runs", "list", "--data", ".auraos").code == 0
    assert auraos("engine", "status", "--data", ".auraos").code == 0
    assert auraos("runs", "prune", "--older-than", "1d", "--dry-run", "--data", ".auraos").code == 0
    assert told(server, "runs.*") + told(server, "engine.*") == []
