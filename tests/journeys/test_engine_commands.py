"""`auraos engine`: how a process stands, that it leaves, and that nothing leaves a step that writes half done."""

import signal
import time

import pytest

from server_process import WAITING, HeldAnswers, Server, until

SLOW = """kind: workflow
name: slow
spec:
  steps:
    begun: {type: noop, with: {value: 1}}
    nap: {type: wait.for, with: {duration: 300ms}}
  links: [begun -> nap]
  output: 5
"""


@pytest.fixture
def server(auraos):
    (auraos.folder / "flows").mkdir()
    auraos.write("flows/waiting.yaml", WAITING)
    auraos.write("flows/slow.yaml", SLOW)
    opened = Server(auraos, "--files", "flows")
    yield opened
    opened.kill()


@pytest.fixture
def witness_server():
    opened = HeldAnswers()
    yield opened
    opened.close()


def test_the_status_tells_of_owner_runs_queues_and_writes(auraos, server):
    auraos("start", "waiting")
    auraos("start", "slow", "--wait")
    told = until(
        lambda: (found := auraos("engine", "status", "--json").json)["unfinished"]["asleep"] and found
    )
    assert (told["ok"], told["phase"], told["process"]) == (True, "serving", server.process.pid)
    assert told["load"]["shards"] == 256
    assert told["load"]["pools"][""] == {"limit": 100, "free": 100, "waiting": 0}
    assert (told["load"]["unwritten"], told["unfinished"]["asleep"]) == (0, 1)
    assert 0 < told["write_takes"] < 5
    assert told["memory"] > 10_000_000
    shown = auraos("engine", "status").out
    assert f"serving  process {server.process.pid}" in shown
    assert "slots    100 of 100 free" in shown


def test_a_drain_ends_the_process_and_loses_nothing(auraos, server):
    auraos("start", "waiting")
    done = auraos("engine", "drain")
    assert (done.code, done.out) == (0, "The process has gone.\n")
    assert server.end()[0] == 0
    assert auraos("runs", "list", "--json").json["runs"][0]["state"] == "waiting"


def test_without_a_server_the_way_out_is_named(auraos):
    for words in (("engine", "status"), ("engine", "drain")):
        done = auraos(*words)
        assert done.code == 4
        assert "error[no-server]" in done.err


def test_a_command_that_leads_a_run_is_no_server(auraos):
    auraos.write("waiting.yaml", WAITING)
    leading = auraos.begin("run", "waiting.yaml", "--wait")
    until((auraos.folder / ".auraos" / "engine.sock").exists)
    done = auraos("engine", "status")
    leading.kill()
    leading.communicate()
    assert done.code == 2
    assert "error[no-steward]" in done.err


def test_a_start_that_meets_a_restart_is_carried_out_once(auraos, server):
    starting = [auraos.begin("start", "slow", "--json") for _ in range(3)]
    server.process.send_signal(signal.SIGTERM)
    assert server.end()[0] == 0
    again = Server(auraos, "--files", "flows")
    ended = [process.communicate(timeout=60) for process in starting]
    begun = [process.returncode for process in starting].count(0)
    rows = auraos("runs", "list", "--json").json["runs"]
    again.kill()
    assert len(rows) == begun, ended


@pytest.fixture
def draining(auraos, witness_server):
    """A process that was told to end, and waits for a write whose answer is held back."""
    auraos.write("write.yaml", witness_server.workflow)
    server = Server(auraos, "--allow-net", witness_server.address)
    assert auraos("start", "write.yaml").code == 0
    until(lambda: witness_server.asked)
    server.process.send_signal(signal.SIGTERM)
    until(lambda: server.get("/health/ready")[1]["phase"] == "draining")
    yield server
    server.kill()


def test_the_second_signal_ends_the_process_at_once(draining, witness_server):
    began = time.monotonic()
    code, _ = draining.stop(signal.SIGTERM)
    assert code == -signal.SIGTERM
    assert time.monotonic() - began < 10
    witness_server.answer.set()


def test_a_step_that_writes_is_waited_for_before_the_process_leaves(auraos, draining, witness_server):
    assert draining.get("/health/ready")[0] == 503
    refused = auraos("start", "write.yaml", "--data", "elsewhere")
    assert refused.code == 4
    witness_server.answer.set()
    assert draining.end()[0] == 0
    assert auraos("runs", "list", "--json").json["runs"][0]["state"] == "succeeded"
    assert len(witness_server.asked) == 1
