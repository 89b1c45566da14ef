"""The health and the figures of a real server, on both stores: what they say while all is well, and of what is not."""

import json
import urllib.error
import urllib.request

import pytest

from owned_server import OwnedServer
from server_process import until

PARTS = {"database", "engine", "disk", "clock", "audit", "secrets", "settings"}
GREET = "kind: workflow\nname: greet\nspec:\n  steps:\n    a: {type: wait.for, with: {duration: 0.05s}}\n"


@pytest.fixture(params=["sqlite", "postgres"])
def server(request, auraos):
    if request.param == "postgres":
        auraos.environment["AURAOS_DATABASE"] = request.getfixturevalue("postgres_url")
    opened = OwnedServer(auraos)
    yield opened
    opened.kill()


def health(server: OwnedServer) -> tuple[str, dict[str, dict[str, str]]]:
    told = whole(server, "/health")
    return told["standing"], {part["name"]: part for part in told["parts"]}


def whole(server: OwnedServer, path: str):
    return json.loads(read(server, path))


def read(server: OwnedServer, path: str) -> str:
    request = urllib.request.Request(f"{server.url}{path}")
    request.add_header("Authorization", f"Bearer {server.key}")
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.read().decode()


def figures(server: OwnedServer) -> dict[str, float]:
    lines = [line for line in read(server, "/metrics").splitlines() if not line.startswith("#")]
    return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines)}


def test_every_part_of_a_server_that_works_is_good(server, request):
    standing, parts = health(server)
    shared = "postgres" in request.node.name
    assert set(parts) >= PARTS
    assert ("leases" in parts) is shared
    assert (standing, {part["standing"] for part in parts.values()}) == ("good", {"good"})
    assert parts["audit"]["message"].startswith("The trail has")


def test_what_runs_do_is_counted_by_workflow_and_by_how_they_end(server):
    made = server.ask("POST", "/definitions", {"text": GREET})
    server.publish("workflow", "greet", made["revision"])
    for _ in range(3):
        assert server.ask("POST", "/workflows/greet/runs?wait=20", {})["state"] == "succeeded"
    found = figures(server)
    labels = 'workspace="default",workflow="greet"'
    assert found[f"auraos_runs_started_total{{{labels}}}"] == 3
    assert found[f'auraos_runs_ended_total{{{labels},state="succeeded"}}'] == 3
    assert found['auraos_run_seconds_count{state="succeeded"}'] == 3
    assert found["auraos_commit_seconds_count"] >= 3
    assert found['auraos_phase{phase="serving"}'] == 1
    assert found["auraos_shards_owned"] == 256


def test_a_master_key_that_is_gone_is_bad_and_good_again_when_it_is_back(auraos, server):
    value = {"credential": {"kind": "text", "value": "something long enough"}, "hosts": ["a.example"]}
    server.ask("POST", "/secrets", {"name": "one", "value": value})
    key = next(path for path in auraos.folder.rglob("master.key"))
    hidden = key.with_name("hidden")
    key.rename(hidden)

    def stands() -> str:
        return health(server)[1]["secrets"]["standing"]

    until(lambda: stands() == "bad")
    standing, parts = health(server)
    assert (standing, "gone" in parts["secrets"]["message"]) == ("bad", True)
    assert server.get("/health/ready")[0] == 200
    hidden.rename(key)
    until(lambda: stands() == "good")
