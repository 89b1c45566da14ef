"""A person's data on a server, from the first run to the letter that asks for it to be erased; also across a kill."""

import json

import pytest

from command_line import CommandLine
from owned_server import OwnedServer, owned_server
from private_runs import CANARY, found_in, tagged
from server_process import Server, until

WAITS = tagged(
    """\
  steps:
    paid: {type: wait.signal, with: {name: paid}}
    tell: {type: log, with: {message: "paid by {{ input.email }}"}}
  links: [paid -> tell]
  output: "{{ [input.email, steps.paid.data] }}"
""",
    name="waits",
)
FAILS = tagged(
    """\
  steps:
    a: {type: fail, with: {message: "no mail for {{ input.email }}"}}
""",
    name="fails",
)
REVEAL = "reveal=true"


@pytest.fixture
def line(tmp_path):
    return CommandLine(tmp_path)


def publish(server: OwnedServer, *texts: str) -> None:
    for text in texts:
        made = server.ask("POST", "/definitions", {"text": text})
        server.publish("workflow", made["name"], made["revision"])


def remote(line: CommandLine, server: OwnedServer, *words: str):
    line.environment |= {"AURAOS_SERVER": server.url, "AURAOS_KEY": server.key}
    return line(*words)


def test_what_a_server_knows_of_a_person_is_hidden_revealed_and_erased(line, tmp_path):
    with owned_server(line) as server:
        publish(server, tagged(), FAILS)
        given = {"input": {"email": CANARY, "note": CANARY}}
        for name in ("greet", "fails"):
            ended = server.ask("POST", f"/workflows/{name}/runs?wait=10", given)
            assert CANARY not in json.dumps(ended)
        for words in (
            ("runs", "show", "1"),
            ("runs", "journal", "1"),
            ("runs", "logs", "1"),
            ("runs", "why", "2"),
            ("runs", "list"),
        ):
            done = remote(line, server, *words)
            assert done.code == 0, done.err
            assert CANARY not in done.out + done.err
        assert server.ask("GET", f"/runs/1?{REVEAL}")["output"] == f"Hello {CANARY}"
        assert server.ask("GET", f"/runs/2?{REVEAL}")["error"]["message"] == f"no mail for {CANARY}"

        assert CANARY in remote(line, server, "runs", "show", "1", "--reveal").out
        assert CANARY in remote(line, server, "runs", "logs", "1", "--reveal").out

        found = remote(line, server, "privacy", "find", CANARY, "--json").json
        assert len(found["runs"]) == 2
        done = remote(line, server, "privacy", "erase", CANARY, "--reason", "a letter", "--yes", "--json")
        assert len(done.json["runs"]) == 2, done.err
        assert server.ask("GET", f"/runs/1?{REVEAL}")["output"] == {"hidden": "erased"}
        assert server.ask("GET", "/runs/1/state")["state"] == "succeeded"
        kinds = [one["kind"] for one in server.ask("GET", "/privacy/requests")["items"]]
        assert kinds == ["find", "erase"]
        assert found_in(tmp_path / ".auraos", CANARY) == []
        code, log = server.stop()
        assert code == 0
        assert CANARY not in log
    assert found_in(tmp_path, CANARY) == []
    line.environment.pop("AURAOS_SERVER")
    assert line("audit", "verify").code == 0
    assert line("journal", "verify", "--all").code == 0


def test_a_private_run_outlives_the_process_that_began_it_and_lies_sealed_meanwhile(line, tmp_path):
    with owned_server(line) as server:
        publish(server, WAITS)
        run = server.ask("POST", "/workflows/waits/runs", {"input": {"email": CANARY}})["run"]
        until(lambda: server.ask("GET", f"/runs/{run}")["state"] == "waiting")
        session = server.session
        server.kill()
    assert found_in(tmp_path, CANARY) == []
    again = Server(line)
    try:
        asked = OwnedServer.__new__(OwnedServer)
        asked.url, asked.session = again.url, session
        asked.ask("POST", f"/runs/{run}/signal", {"name": "paid", "data": {"by": CANARY}})
        until(lambda: asked.ask("GET", f"/runs/{run}")["state"] == "succeeded")
        assert asked.ask("GET", f"/runs/{run}?{REVEAL}")["output"] == [CANARY, {"by": CANARY}]
        assert found_in(tmp_path, CANARY) == []
    finally:
        again.kill()


def test_on_a_database_too_nothing_of_a_person_is_left_but_in_its_log(line, tmp_path, postgres, postgres_url):
    with owned_server(line, "--database", postgres_url) as server:
        publish(server, tagged())
        server.ask("POST", "/workflows/greet/runs?wait=10", {"input": {"email": CANARY}})
        assert server.ask("GET", f"/runs/1?{REVEAL}")["output"] == f"Hello {CANARY}"
        hold = {"kind": "subject", "thing": CANARY, "reason": "case 17"}
        held = server.ask("POST", "/privacy/holds", hold)
        refused = remote(line, server, "privacy", "erase", CANARY, "--yes")
        assert "legal-hold" in refused.err
        server.ask("DELETE", f"/privacy/holds/{held['id']}")
        done = server.ask("POST", "/privacy/requests/erase", {"subject": CANARY})
        assert len(done["runs"]) == 1
        assert any("log of the database" in one for one in done["left"])
        assert server.ask("GET", f"/runs/1?{REVEAL}")["output"] == {"hidden": "erased"}
        assert server.stop()[0] == 0
    assert found_in(tmp_path, CANARY) == []
    assert found_in(postgres.folder, CANARY) == []
