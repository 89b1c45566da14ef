"""R32: definitions change, go back, go away and come back while runs of them are in flight, and the process is killed in the
midst. Each run keeps the version and the text that it began with, and so does what it calls.
"""

import pytest

from served_house import ServedHouse
from server_process import until

WAITING = """kind: workflow
name: {name}
spec:
  steps:
    go: {{type: wait.signal, with: {{name: go}}}}
    say: {{type: transform, with: {{set: {{said: "{said}"}}}}}}
  links: [go -> say]
  output: "{{{{ steps.say.said }}}}"
"""
CALLING = """kind: workflow
name: {name}
spec:
  steps:
    go: {{type: wait.signal, with: {{name: go}}}}
    ask: {{type: call, with: {{workflow: {called}}}}}
  links: [go -> ask]
  output: "{{{{ steps.ask }}}}"
"""
CALLED = """kind: workflow
name: called
spec:
  steps: {{say: {{type: transform, with: {{set: {{said: "{said}"}}}}}}}}
  output: "{{{{ steps.say.said }}}}"
"""
FAILING = """kind: workflow
name: failing
spec:
  steps:
    say: {{type: transform, with: {{set: {{said: "{said}"}}}}}}
    stop: {{type: fail, with: {{message: "no"}}}}
  links: [say -> stop]
"""
AT_ONCE = 20


@pytest.fixture(params=["sqlite", "postgres"])
def house(request, auraos):
    """Return an owned server on either database."""
    if request.param == "postgres":
        auraos.environment |= {"AURAOS_DATABASE": request.getfixturevalue("postgres_url")}
    opened = ServedHouse(auraos)
    yield opened
    opened.end()


def finished(house: ServedHouse, run: str) -> dict:
    """Let a run go on, and return it as it is once it has ended."""
    house.ask("POST", f"/api/v1/runs/{run}/signal", {"name": "go"})
    path = f"/api/v1/runs/{run}/state"
    return until(lambda: (row := house.ask("GET", path))["finished_at"] is not None and row)


def versions(house: ServedHouse, name: str) -> dict[int, str]:
    """Return the hashes of the versions of a workflow by their numbers."""
    rows = house.ask("GET", f"/api/v1/definitions/workflow/{name}/versions")["items"]
    return {row["version"]: row["hash"] for row in rows}


def started(house: ServedHouse, run: str) -> dict:
    """Return what the first fact of a run says."""
    return house.ask("GET", f"/api/v1/runs/{run}/journal")["items"][0]["fact"]


def test_runs_in_flight_keep_their_version_through_changes_and_a_kill(house):
    path = "/api/v1/definitions/workflow/greet"
    house.publish(WAITING.format(name="greet", said="first"))
    first = [house.start("greet")["run"] for _ in range(AT_ONCE)]
    house.publish(WAITING.format(name="greet", said="second"))
    second = [house.start("greet")["run"] for _ in range(AT_ONCE)]
    house.kill_and_start()
    row = house.ask("GET", path)
    house.ask("POST", f"{path}/restore", {"version": 1}, If_Match=f'"{row["revision"]}"')
    row = house.ask("GET", path)
    assert house.ask("POST", f"{path}/publish", {}, If_Match=f'"{row["revision"]}"')["version"] == 3
    third = [house.start("greet")["run"] for _ in range(AT_ONCE)]
    house.ask("POST", f"{path}/archive", {})
    assert house.ask("POST", "/api/v1/workflows/greet/runs", {}, status=409)["code"] == "definition-archived"
    house.kill_and_start()
    ended = [finished(house, run) for run in (*first[1:], *second[1:], *third[1:])]
    others = AT_ONCE - 1
    assert [row["output"] for row in ended] == ["first"] * others + ["second"] * others + ["first"] * others
    house.ask("POST", f"{path}/bring-back", {})
    house.publish(WAITING.format(name="greet", said="fourth"))
    assert [finished(house, run)["output"] for run in (first[0], second[0], third[0])] == [
        "first",
        "second",
        "first",
    ]
    hashes = versions(house, "greet")
    assert sorted(hashes) == [1, 2, 3, 4]
    assert (ended[0]["version"], ended[others]["version"]) == (hashes[1], hashes[2])
    assert hashes[1] == hashes[3]


@pytest.mark.parametrize(
    ("called", "said"), [("called", "first"), ("called@latest", "first"), ("called@1", "zeroth")]
)
def test_what_a_run_calls_is_taken_when_it_begins_and_stays_so(house, called, said):
    house.publish(CALLED.format(said="zeroth"))
    house.publish(CALLED.format(said="first"))
    house.publish(CALLING.format(name="caller", called=called))
    run = house.start("caller")["run"]
    house.publish(CALLED.format(said="second"))
    house.ask("POST", "/api/v1/definitions/workflow/caller/archive", {})
    house.ask("POST", "/api/v1/definitions/workflow/called/archive", {})
    house.kill_and_start()
    assert finished(house, run)["output"] == said
    number = {"zeroth": 1, "first": 2}[said]
    assert started(house, run)["resolved"] == {called: versions(house, "called")[number]}


def test_a_retry_and_a_fork_say_which_version_they_take(house):
    house.publish(FAILING.format(said="first"))
    run = house.start("failing", wait=30)
    assert run["state"] == "failed"
    house.publish(CALLED.format(said="other").replace("name: called", "name: failing"))
    hashes = versions(house, "failing")
    same = house.ask("POST", f"/api/v1/runs/{run['run']}/retry", {}, status=201)
    assert (run["version"], same["version"]) == (hashes[1], hashes[1])
    live = house.ask("POST", f"/api/v1/runs/{run['run']}/retry", {"version": "live"}, status=201)
    assert live["version"] == hashes[2]
    forked = house.ask(
        "POST", f"/api/v1/runs/{run['run']}/fork", {"version": "1", "start_at": "say"}, status=201
    )
    assert forked["version"] == hashes[1]
    row = until(lambda: (row := house.ask("GET", f"/api/v1/runs/{live['run']}/state"))["finished_at"] and row)
    assert row["state"] == "succeeded"  # it has no step that fails any more, and keeps what was done before
    assert house.ask("GET", f"/api/v1/runs/{run['run']}/state")["version"] == hashes[1]
