"""What private runs are about, over HTTP: hidden from all who look, revealed to those who may, and that is written down."""

import pytest
from test_run_routes import publish, start

from private_runs import CANARY, tagged
from rooms import Room

GIVEN = {"input": {"email": CANARY}}
FAILS = tagged(
    """\
  steps:
    a: {type: fail, with: {message: "no mail for {{ input.email }}"}}
""",
    name="fails",
)
WAITS = tagged(
    """\
  steps:
    w: {type: wait.signal, with: {name: go}}
  output: "{{ input.email }}"
""",
    name="waits",
)
LOOKS = ("", "/state", "/state?seq=1", "/journal", "/why", "/logs")


@pytest.fixture
async def room(house):
    room = Room(house)
    await room.runs.engine.open()
    yield room
    await room.runs.engine.close()


@pytest.fixture
async def token(room):
    """Of an admin, who has published all workflows of these tests."""
    _, token = await room.house.signed_in("admin")
    for text in (tagged(), FAILS, WAITS):
        await publish(room, token, text)
    return token


def with_reveal(path: str) -> str:
    return f"{path}{'&' if '?' in path else '?'}reveal=true"


@pytest.mark.parametrize("name", ["greet", "fails", "waits"])
async def test_nobody_sees_what_a_private_run_is_about_without_asking_for_it(room, token, name):
    got = await start(room, token, name, GIVEN, wait=2 if name != "waits" else 0)
    assert CANARY.encode() not in got.body
    for look in LOOKS:
        seen = await room.ask("GET", f"/api/v1/runs/1{look}", token=token)
        assert seen.status == 200, seen.json
        assert CANARY.encode() not in seen.body
    listed = await room.ask("GET", "/api/v1/runs", token=token)
    assert CANARY.encode() not in listed.body
    if name != "waits":
        told = await room.ask("GET", "/api/v1/stream?topic=runs/1", token=token)
        assert b"event: fact" in told.body
        assert CANARY.encode() not in told.body
    assert await room.house.entries("privacy.reveal") == []


async def test_whoever_may_reveal_sees_it_and_each_time_is_written_down(room, token):
    await start(room, token, "greet", GIVEN)
    for number, look in enumerate(("", "/state", "/journal", "/logs"), 1):
        seen = await room.ask("GET", with_reveal(f"/api/v1/runs/1{look}"), token=token)
        assert seen.status == 200, seen.json
        assert CANARY.encode() in seen.body
        entries = await room.house.entries("privacy.reveal")
        assert len(entries) == number
    told = await room.ask("GET", "/api/v1/stream?topic=runs/1&reveal=true", token=token)
    assert CANARY.encode() in told.body
    assert [entry.after["what"] for entry in await room.house.entries("privacy.reveal")] == [
        "output", "state", "journal", "logs", "stream",
    ]  # fmt: skip


@pytest.mark.parametrize("role", ["viewer", "operator", "editor", "approver", "auditor"])
async def test_a_role_without_the_right_is_refused(room, token, role):
    await start(room, token, "greet", GIVEN)
    _, other = await room.house.signed_in(role)
    for look in LOOKS:
        seen = await room.ask("GET", with_reveal(f"/api/v1/runs/1{look}"), token=other)
        assert (seen.status, seen.code) == (403, "not-allowed")
        assert CANARY.encode() not in seen.body


async def test_to_reveal_a_run_that_is_not_private_takes_no_right(room, token):
    await publish(room, token, "kind: workflow\nname: open\nspec:\n  steps: {a: {type: noop}}\n")
    await start(room, token, "open", {})
    _, viewer = await room.house.signed_in("viewer")
    seen = await room.ask("GET", "/api/v1/runs/1?reveal=true", token=viewer)
    assert seen.status == 200
    assert await room.house.entries("privacy.reveal") == []


async def test_the_output_of_a_start_is_revealed_only_to_those_who_may(room, token):
    got = await room.ask("POST", "/api/v1/workflows/greet/runs?wait=5&reveal=true", GIVEN, token=token)
    assert got.json["output"] == f"Hello {CANARY}"
    _, operator = await room.house.signed_in("operator")
    got = await room.ask("POST", "/api/v1/workflows/greet/runs?wait=5", GIVEN, token=operator)
    assert (got.status, got.json["output"]) == (201, {"hidden": "redacted"})


async def test_what_does_not_fit_is_told_without_the_value(room, token):
    refused = await room.ask(
        "POST", "/api/v1/workflows/greet/runs", {"input": {"email": [CANARY]}}, token=token
    )
    assert (refused.status, refused.code) == (422, "input-refused")
    assert CANARY.encode() not in refused.body
    assert "(hidden)" in refused.body.decode()


async def test_no_trace_of_a_private_value_stands_in_the_audit_trail(room, token):
    await start(room, token, "greet", GIVEN)
    await start(room, token, "fails", GIVEN)
    await room.ask("GET", "/api/v1/runs/1?reveal=true", token=token)
    told = await room.house.tables.all(
        "select facts || told || origin from audit", (), lambda row: str(row[0])
    )
    assert told
    assert not any(CANARY in entry for entry in told)


async def test_a_private_run_that_is_moved_stays_private(room, token):
    await start(room, token, "waits", GIVEN, wait=0)
    await room.runs.engine.drive_until_idle()
    other = WAITS.replace("name: go", "name: on")
    files = {"files": [{"path": "waits.yaml", "text": other}]}
    assert (await room.ask("POST", "/api/v1/definitions/apply", files, token=token)).status == 200
    moved = await room.ask("POST", "/api/v1/runs/1/move", {"version": "live"}, token=token)
    assert moved.status == 201, moved.json
    made = moved.json["run"]["run"]
    for run in ("1", made):
        for look in LOOKS:
            assert (
                CANARY.encode() not in (await room.ask("GET", f"/api/v1/runs/{run}{look}", token=token)).body
            )
    assert (await room.ask("POST", f"/api/v1/runs/{made}/signal", {"name": "on"}, token=token)).status == 200
    assert (await room.runs.engine.wait(made)).output == CANARY
