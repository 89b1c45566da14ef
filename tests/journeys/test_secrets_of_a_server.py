"""Secrets of a server that serves: who may still use them, when they are over, and how their keys change while they are used."""

import base64
import threading
import time
from http.server import BaseHTTPRequestHandler

import pytest

from served_house import ServedHouse
from server_process import answering, until

SECRETS = "/api/v1/secrets"
ASKING = """kind: workflow
name: asker
spec:
  steps:
    go: {{type: wait.signal, with: {{name: go}}}}
    ask: {{type: http.request, with: {{url: "{url}/x", secret: stock}}}}
  links: [go -> ask]
  output: "{{{{ steps.ask.status }}}}"
"""
QUICK = """kind: workflow
name: quick
spec:
  steps:
    ask: {{type: http.request, with: {{url: "{url}/x", secret: stock}}}}
  output: "{{{{ steps.ask.status }}}}"
"""
PLAIN = "kind: workflow\nname: asker\nspec: {steps: {a: {type: noop}}}\n"


class Outside(BaseHTTPRequestHandler):
    """Answers whoever brings the token."""

    def do_GET(self) -> None:
        self.server.seen.append(self.headers.get("Authorization", ""))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        return


@pytest.fixture
def outside():
    with answering(Outside, seen=[]) as server:
        server.url = f"http://127.0.0.1:{server.server_port}"
        server.words = ("--allow-net", f"127.0.0.1:{server.server_port}")
        yield server


@pytest.fixture(params=["sqlite", "postgres"])
def house(request, auraos, outside):
    if request.param == "postgres":
        auraos.environment |= {"AURAOS_DATABASE": request.getfixturevalue("postgres_url")}
    opened = ServedHouse(auraos, *outside.words)
    yield opened
    opened.end()


def keep(house: ServedHouse, token: str = "canary-b0a1d2", **more) -> dict:
    value = {"credential": {"kind": "bearer", "token": token}, "hosts": ["127.0.0.1"]}
    return house.ask("POST", SECRETS, {"name": "stock", "value": value, **more}, status=201)


def now() -> int:
    return time.time_ns() // 1000


def test_whatever_may_still_use_a_secret_is_told_and_what_is_over_is_not_started(house, outside):
    """X05."""
    keep(house, ends_at=now() + 6_000_000)
    house.publish(ASKING.format(url=outside.url))
    run = house.start("asker")["run"]
    house.publish(QUICK.format(url=outside.url))
    house.publish(PLAIN)
    shown = house.ask("GET", f"{SECRETS}/stock")
    named = {(one["name"], one["is_live"]) for one in shown["named_by"]}
    assert named == {("quick", True), ("quick", False)}
    assert [(one["workflow"], one["runs"]) for one in shown["in_flight"]] == [("asker", 1)]
    (soon,) = house.ask("GET", "/api/v1/secret-expiry?days=1")
    assert (soon["name"], soon["is_over"]) == ("stock", False)
    assert {one["name"] for one in soon["named_by"]} == {"quick"}
    assert house.start("quick", wait=20)["output"] == 200
    (over,) = until(lambda: house.ask("GET", "/api/v1/secret-expiry?days=0"))
    assert over["is_over"]
    refused = house.ask("POST", "/api/v1/workflows/quick/runs", {}, status=409)
    assert (refused["code"], "is expired" in refused["detail"]) == ("secret-over", True)
    house.ask("POST", f"/api/v1/runs/{run}/signal", {"name": "go"})
    state = until(lambda: (row := house.ask("GET", f"/api/v1/runs/{run}/state"))["finished_at"] and row)
    assert (state["state"], state["error"]["code"]) == ("failed", "secret-expired")
    parts = {part["name"]: part for part in house.ask("GET", "/health")["parts"]}
    assert (parts["expiry"]["standing"], parts["expiry"]["message"]) == (
        "poor",
        "1 expired, 0 within 7 days.",
    )


def test_keys_change_while_runs_use_what_they_seal(house, outside):
    """L06: no run fails meanwhile, and nobody is given a key."""
    keep(house)
    house.publish(QUICK.format(url=outside.url))
    before = house.ask("GET", "/api/v1/encryption-keys")
    outputs, failed = [], []
    over = threading.Event()

    def use() -> None:
        while not over.is_set():
            row = house.start("quick", wait=30)
            (outputs if row["state"] == "succeeded" else failed).append(row)

    users = [threading.Thread(target=use) for _ in range(3)]
    for user in users:
        user.start()
    for round_ in range(4):
        reached = (round_ + 1) * 4
        until(lambda reached=reached: len(outputs) >= reached or failed)
        assert house.ask("POST", "/api/v1/encryption-keys/rotate")["sealed_anew"] == 1
        assert house.ask("POST", "/api/v1/encryption-keys/rotate-master")["sealed_anew"] >= 1
    over.set()
    for user in users:
        user.join()
    assert failed == []
    after = house.ask("GET", "/api/v1/encryption-keys")
    assert [key["version"] for key in after] == [5, 4, 3, 2, 1]
    assert {key["state"] for key in after[1:]} == {"retired"}
    assert {key["master"] for key in after}.isdisjoint({key["master"] for key in before})
    assert all(set(key) == {"id", "version", "state", "master", "created_at", "retired_at"} for key in after)
    house.kill_and_start()
    assert house.start("quick", wait=20)["output"] == 200
    assert set(outside.seen) == {"Bearer canary-b0a1d2"}


def test_a_version_that_is_revoked_opens_in_no_process_any_more(auraos, outside, postgres_url):
    auraos.environment |= {
        "AURAOS_DATABASE": postgres_url,
        "AURAOS_MASTER_KEY": base64.b64encode(b"k" * 32).decode(),
    }
    one = ServedHouse(auraos, *outside.words)
    two = one.another(auraos, *outside.words, "--data", "second")
    try:
        keep(one)
        one.publish(QUICK.format(url=outside.url))
        assert [each.start("quick", wait=20)["output"] for each in (one, two)] == [200, 200]
        one.ask("POST", f"{SECRETS}/stock/versions/1/revoke", {"why": "it leaked"})
        asked = len(outside.seen)
        assert one.ask("POST", "/api/v1/workflows/quick/runs", {}, status=409)["code"] == "secret-over"
        time.sleep(1.0)  # for so long another process may believe what it has read
        assert two.ask("POST", "/api/v1/workflows/quick/runs", {}, status=409)["code"] == "secret-over"
        assert len(outside.seen) == asked
    finally:
        two.end()
        one.end()
