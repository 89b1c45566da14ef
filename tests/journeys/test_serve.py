"""The engine as a process: it takes starts and answers from others, says how it is, and leaves in good order."""

import json
import signal
import socket

import pytest

from server_process import WAITING, Server, until

GREET = """kind: workflow
name: greet
spec:
  input: {type: object, required: [name], properties: {name: {type: string}}}
  steps: {say: {type: noop, with: {value: "Hello, {{ input.name }}!"}}}
  output: "{{ steps.say }}"
"""

MANY = """kind: workflow
name: many
spec:
  input:
    type: object
    required: [items]
    properties: {items: {type: integer}, words: {type: string, default: nine hundred times these words are a large value}}
  steps:
    each:
      type: foreach
      with: {items: "{{ [{'at': at, 'words': input.words} for at in range(input.items)] }}"}
      steps: {one: {type: transform, with: {set: {at: "{{ item.at }}", words: "{{ item.words }}"}}}}
  output: "{{ len(steps.each) }}"
"""


@pytest.fixture
def server(auraos):
    """A server that knows the workflows of a folder."""
    (auraos.folder / "flows").mkdir()
    auraos.write("flows/greet.yaml", GREET)
    auraos.write("flows/waiting.yaml", WAITING)
    opened = Server(auraos, "--files", "flows")
    yield opened
    opened.kill()


def state_of(auraos, number):
    return auraos("runs", "show", str(number), "--json").json["state"]


def test_a_run_is_started_by_the_name_of_its_workflow_and_ends(auraos, server):
    started = auraos("start", "greet", "--input", "name=Ada", "--json")
    assert (started.code, started.json["number"], started.json["workflow"]) == (0, 1, "greet")
    until(lambda: state_of(auraos, 1) == "succeeded")
    waited = auraos("start", "greet", "--input", "name=Bob", "--wait")
    assert (waited.code, waited.out) == (0, '"Hello, Bob!"\n')


def test_a_run_is_started_from_a_file_that_the_server_never_saw(auraos, server):
    auraos.write("other.yaml", GREET.replace("Hello", "Welcome"))
    assert auraos("start", "other.yaml", "--input", "name=Ada", "--wait").out == '"Welcome, Ada!"\n'


def test_a_workflow_that_came_into_the_folder_later_is_known_too(auraos, server):
    auraos.write("flows/late.yaml", GREET.replace("name: greet", "name: late"))
    assert auraos("start", "late", "--input", "name=Ada", "--wait").out == '"Hello, Ada!"\n'


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (("start", "nothing-like-it"), 2, "error[not-found]: There is no workflow named 'nothing-like-it'"),
        (("start", "greet", "--input", "name=7"), 2, "error[input-refused]"),
        (("start", "absent.yaml"), 2, "error[unreadable-file]"),
    ],
)
def test_what_cannot_be_started_is_refused_with_the_reason(auraos, server, words, code, told):
    done = auraos(*words)
    assert done.code == code
    assert told in done.err
    assert auraos("runs", "list", "--json").json["runs"] == []


def test_under_an_id_of_its_own_a_run_is_started_once(auraos, server):
    words = ("start", "greet", "--input", "name=Ada", "--id", "order-7")
    first, second = auraos(*words), auraos(*words)
    assert (first.code, "run 1 of greet is started" in first.out) == (0, True)
    assert (second.code, "run 1 of greet was started under this id before" in second.out) == (0, True)
    assert auraos(*words, "--wait").out == '"Hello, Ada!"\n'
    other = auraos("start", "waiting", "--id", "order-7")
    assert (other.code, "The id 'order-7' belongs to run 1, which is one of 'greet'." in other.err) == (
        2,
        True,
    )
    wrong = auraos("start", "greet", "--input", "name=Ada", "--id", "7")
    assert (wrong.code, "cannot be the id of a run" in wrong.err) == (2, True)
    assert len(auraos("runs", "list", "--json").json["runs"]) == 1


def test_without_a_server_nothing_is_started_and_the_way_out_is_named(auraos):
    done = auraos("start", "greet", "--data", "nowhere")
    assert done.code == 4
    assert "error[no-server]: No process serves nowhere." in done.err
    assert "auraos serve --data nowhere" in done.err


def test_a_run_is_answered_paused_and_ended_through_the_server(auraos, server):
    for _ in range(3):
        assert auraos("start", "waiting").code == 0
    assert auraos("runs", "signal", "1", "paid", "--payload", "amount=7").out == "7\n"
    assert auraos("runs", "pause", "2").code == 3
    assert state_of(auraos, 2) == "paused"
    assert auraos("runs", "resume", "2").code == 3
    assert auraos("runs", "cancel", "3").code == 0
    assert [state_of(auraos, number) for number in (1, 2, 3)] == ["succeeded", "waiting", "cancelled"]


@pytest.mark.parametrize("items", [900, 3_000], ids=["in one journal", "page by page"])
def test_a_loop_whose_items_are_large_is_followed_to_its_end(auraos, server, items):
    auraos.write("flows/many.yaml", MANY)
    done = auraos("start", "many", "--input", f"items={items}", "--wait")
    assert (done.code, done.out) == (0, f"{items}\n")
    assert "✓ each" in done.err


def test_a_folder_that_is_served_is_pruned_by_its_server(auraos, server):
    auraos("start", "greet", "--input", "name=Ada", "--wait")
    auraos("start", "waiting")
    assert auraos("runs", "prune", "--older-than", "1ms", "--dry-run").out == "1 run would be deleted.\n"
    assert auraos("runs", "prune", "--older-than", "1ms").out == "1 run deleted.\n"
    assert [row["workflow"] for row in auraos("runs", "list", "--json").json["runs"]] == ["waiting"]
    assert auraos("runs", "prune", "--data", "nowhere").code == 2


def test_it_says_that_it_lives_and_that_it_is_ready(server):
    assert server.get("/health/live") == (200, {"live": True, "phase": "serving"})
    assert server.get("/health/ready") == (200, {"ready": True, "phase": "serving", "reasons": []})
    assert server.get("/anything")[0] == 404


def test_it_leaves_in_good_order_and_a_restart_goes_on(auraos, server):
    auraos("start", "waiting")
    code, log = server.stop()
    assert code == 0
    assert "serve.told_to_leave  signal=SIGTERM" in log
    assert "serve.left" in log
    assert not (auraos.folder / ".auraos" / "engine.sock").exists()
    again = Server(auraos)
    assert auraos("runs", "signal", "1", "paid", "--payload", "amount=3").out == "3\n"
    assert again.stop(signal.SIGINT)[0] == 0


def test_of_a_second_server_on_a_folder_it_is_the_folder_that_is_told_not_the_port(auraos, server):
    done = auraos("serve", "--port", server.url.rpartition(":")[2])
    assert done.code == 4
    assert "error[folder-in-use]" in done.err
    assert f".auraos is in use by another process (number {server.process.pid})." in done.err


def test_a_port_that_is_taken_is_said_plainly_and_the_folder_is_left_alone(auraos):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = auraos("serve", "--port", str(taken.getsockname()[1]))
    assert done.code == 4
    assert "error[port-refused]" in done.err
    assert "another program listens there" in done.err
    assert not (auraos.folder / ".auraos").exists()


def test_a_folder_is_served_by_one_process(auraos, server):
    done = auraos("serve", "--port", "0")
    assert done.code == 4
    assert "error[folder-in-use]" in done.err


def test_log_lines_are_json_for_a_collector(auraos):
    server = Server(auraos, "--log-format", "json")
    _, log = server.stop()
    lines = [json.loads(line) for line in log.splitlines()]
    assert lines[0]["event"] == "serve.ready"
    assert lines[0]["url"] == server.url
    assert {"at", "level", "logger"} <= set(lines[0])
