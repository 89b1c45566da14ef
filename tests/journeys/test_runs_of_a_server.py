"""The commands about runs, asked of a server: what they print and answer is what they do for a data folder."""

import asyncio
import json

import pytest

from command_line import CommandLine
from cutting_proxy import cutting
from owned_server import owned_server
from server_process import until

GREET = """kind: workflow
name: greet
spec:
  input: {type: object, required: [name], properties: {name: {type: string}}}
  steps:
    note: {type: log, with: {message: "Greeting {{ input.name }}."}}
    say: {type: noop, with: {value: "Hello, {{ input.name }}!"}}
  links: [note -> say]
  output: "{{ steps.say }}"
"""
ORDER = """kind: workflow
name: order
spec:
  steps:
    paid: {type: wait.signal, with: {name: paid}}
    sure: {type: human.approve, with: {title: "Is it right?"}}
  links: [paid -> sure]
  output: {amount: "{{ steps.paid.data.amount }}", by: "{{ steps.sure.decision }}"}
"""
BROKEN = """kind: workflow
name: broken
spec: {steps: {a: {type: fail, with: {message: "It is out of order."}}}}
"""
SPOILED = """kind: workflow
name: spoiled
spec: {steps: {a: {type: fail, with: {message: "It is spoiled."}}}}
"""
MENDED = SPOILED.replace('{type: fail, with: {message: "It is spoiled."}}', "{type: noop}")
TALKING = """kind: workflow
name: talking
spec:
  steps:
    each:
      type: foreach
      with: {items: "{{ range(550) }}"}
      steps:
        one: {type: log, with: {message: "line {{ 2 * item }}"}}
        two: {type: log, with: {message: "line {{ 2 * item + 1 }}"}}
      links: [one -> two]
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A server with three workflows in its store."""
    with owned_server(CommandLine(tmp_path_factory.mktemp("served"))) as opened:
        for text in (GREET, ORDER, BROKEN):
            made = opened.ask("POST", "/definitions", {"text": text})
            opened.publish("workflow", made["name"], made["revision"])
        yield opened


@pytest.fixture
def there(auraos, server):
    """The command line of somebody who is known to the server."""
    auraos.environment |= {"AURAOS_SERVER": server.url, "AURAOS_KEY": server.key}
    return auraos


@pytest.fixture
def here(tmp_path):
    """The command line of somebody without a server."""
    (tmp_path / "here").mkdir()
    return CommandLine(tmp_path / "here")


def test_a_run_is_started_followed_and_shown_as_one_of_this_machine_is(there, here):
    started = there("start", "greet", "--input", "name=Ada", "--wait")
    assert (started.code, started.out) == (0, '"Hello, Ada!"\n')
    assert "✓ say" in started.err
    here.write("greet.yaml", GREET)
    assert here("run", "greet.yaml", "--input", "name=Ada").code == 0
    number = there("runs", "list", "--workflow", "greet", "--json").json["runs"][0]["number"]
    for words in (("show",), ("why",), ("journal",), ("replay", "--until", "3"), ("logs",)):
        verb, *more = words
        served = there("runs", verb, str(number), *more, "--json").json
        local = here("runs", verb, "1", *more, "--json").json
        assert shape(served) == shape(local), words
        assert there("runs", verb, str(number), *more).code == 0
    shown = there("runs", "show", str(number))
    assert '"Hello, Ada!"' in shown.out


def shape(document):
    """Return a document without what differs from run to run: its keys, and what stands for steps and facts."""
    kept = ("state", "type", "how", "output", "fact", "path", "message", "level", "words", "ok", "seq", "of")
    if isinstance(document, dict):
        return {
            key: shape(value) if isinstance(value, dict | list) or key in kept else "…"
            for key, value in sorted(document.items())
        }
    return [shape(one) for one in document] if isinstance(document, list) else document


def test_a_run_is_answered_and_led_and_says_how_to(there):
    started = there("start", "order", "--json").json
    number = str(started["number"])
    until(lambda: there("runs", "show", number, "--json").json["state"] == "waiting")
    why = there("runs", "why", number)
    assert f"auraos runs signal {number} paid" in why.out
    signalled = there("runs", "signal", number, "paid", "--payload", "amount=12")
    assert signalled.code == 3
    assert f"auraos runs approve {number} --step sure" in signalled.err
    approved = there("runs", "approve", number, "--comment", "Fine.", "--json")
    assert (approved.code, approved.json["output"]) == (0, {"amount": 12, "by": "approved"})
    again = there("runs", "approve", number)
    assert (again.code, "is over: it succeeded. ada approved 'sure'" in again.err) == (2, True)


def test_a_run_is_paused_resumed_and_cancelled(there):
    number = str(there("start", "order", "--json").json["number"])
    assert there("runs", "pause", number, "--json").json["state"] == "paused"
    assert there("runs", "resume", number, "--no-wait", "--json").json["state"] == "waiting"
    cancelled = there("runs", "cancel", number, "--comment", "Not any more.")
    assert (cancelled.code, "cancelled" in cancelled.err) == (0, True)
    assert [one["state"] for one in there("runs", "list", "--state", "cancelled", "--json").json["runs"]] == [
        "cancelled"
    ]


def test_a_failed_run_fails_the_command_and_is_retried_as_a_new_one(there):
    failed = there("start", "broken", "--wait")
    assert (failed.code, "It is out of order." in failed.err) == (1, True)
    number = there("runs", "list", "--json").json["runs"][0]["number"]
    retried = there("runs", "retry", str(number), "--json")
    assert (retried.code, retried.json["number"] > number) == (1, True)
    assert f"a retry of run {number}" in there("runs", "show", str(retried.json["number"])).out


def test_failed_runs_are_shown_by_their_cause_and_taken_up_again_at_once(there, server):
    made = server.ask("POST", "/definitions", {"text": SPOILED})
    server.publish("workflow", made["name"], made["revision"])
    for _ in range(2):
        assert there("start", "spoiled", "--wait").code == 1
    groups = there("runs", "failed", "--workflow", "spoiled", "--json").json["groups"]
    assert [(one["step"], one["class"], one["count"]) for one in groups] == [("a", "permanent", 2)]
    assert "2 × spoiled" in there("runs", "failed", "--workflow", "spoiled").out
    assert (
        there("runs", "failed", "--workflow", "spoiled", "--code", "another").out
        == "There are no such failed runs.\n"
    )
    before = there("runs", "retry", "--failed", "--workflow", "spoiled", "--dry-run", "--json").json
    assert (len(before["runs"]), before["dry_run"]) == (2, True)
    there.write("mended.yaml", MENDED)
    unknown = there("runs", "retry", "--failed", "--workflow", "spoiled", "--on", "mended.yaml")
    assert (unknown.code, "no version of 'spoiled' there has the text of mended.yaml" in unknown.err) == (
        2,
        True,
    )
    server.ask("POST", "/definitions/apply", {"files": [{"path": "spoiled.yaml", "text": MENDED}]})
    done = there("runs", "retry", "--failed", "--workflow", "spoiled", "--on", "mended.yaml", "--json")
    assert (done.code, [one["retried_as"]["state"] for one in done.json["runs"]]) == (0, ["succeeded"] * 2)
    assert there("runs", "failed", "--workflow", "spoiled").out == "There are no such failed runs.\n"


def test_a_run_is_moved_to_a_version_that_the_server_keeps(there, server):
    number = str(there("start", "order", "--json").json["number"])
    until(lambda: there("runs", "show", number, "--json").json["state"] == "waiting")
    other = (
        ORDER.replace("paid:", "money:").replace("paid ->", "money ->").replace("steps.paid", "steps.money")
    )
    server.ask("POST", "/definitions/apply", {"files": [{"path": "order.yaml", "text": other}]})
    looked = there("runs", "move", number, "--to", "live", "--step", "paid=money", "--dry-run", "--json")
    assert (looked.code, [one["becomes"] for one in looked.json["steps"]]) == (0, ["kept"])
    there.write("other.yaml", other)
    moved = there("runs", "move", number, "--to", "other.yaml", "--step", "paid=money", "--json")
    assert (moved.code, moved.json["state"]) == (3, "waiting")
    assert f"goes on as run {moved.json['number']}: waiting" in there("runs", "show", number).out
    late = there("runs", "signal", number, "paid")
    assert (late.code, "It goes on as run" in late.err) == (2, True)
    new = str(moved.json["number"])
    assert there("runs", "signal", new, "paid", "--payload", "amount=3").code == 3
    assert there("runs", "approve", new, "--json").json["output"] == {"amount": 3, "by": "approved"}


def test_a_log_of_more_than_a_page_is_shown_whole(there, server):
    made = server.ask("POST", "/definitions", {"text": TALKING})
    server.publish("workflow", made["name"], made["revision"])
    number = str(there("start", "talking", "--wait", "--json").json["number"])
    lines = there("runs", "logs", number, "--limit", "5000", "--json").json["lines"]
    assert [line["message"] for line in lines] == [f"line {at}" for at in range(1_100)]
    assert len(there("runs", "logs", number, "--limit", "1001", "--json").json["lines"]) == 1_001


def test_the_list_goes_on_page_by_page(there):
    for at in range(3):
        assert there("start", "greet", "--input", f"name=N{at}").code == 0
    first = there("runs", "list", "--workflow", "greet", "--limit", "2")
    assert "There are more: auraos runs list --workflow greet --limit 2 --after" in first.out
    page = there("runs", "list", "--workflow", "greet", "--limit", "2", "--json").json
    more = there(
        "runs", "list", "--workflow", "greet", "--limit", "2", "--after", page["next"], "--json"
    ).json
    assert not {one["run"] for one in page["runs"]} & {one["run"] for one in more["runs"]}


async def test_a_start_whose_answer_is_lost_on_the_way_is_asked_for_again_and_happens_once(there, server):
    async with cutting(server.url) as proxy:
        there.environment["AURAOS_SERVER"] = proxy.url
        proxy.cuts = 2
        done = await asyncio.to_thread(there, "start", "greet", "--input", "name=Cut", "--json")
    assert (proxy.cuts, done.code) == (0, 0)
    runs = server.ask("GET", "/runs?workflow=greet")["items"]
    inputs = [
        server.ask("GET", f"/runs/{one['run']}/journal?limit=1")["items"][0]["fact"]["input"] for one in runs
    ]
    assert inputs.count({"name": "Cut"}) == 1


async def test_a_run_that_is_followed_is_followed_on_when_the_way_breaks(there, server):
    async with cutting(server.url) as proxy:
        there.environment["AURAOS_SERVER"] = proxy.url
        proxy.cut_at = b"event: fact\n"
        done = await asyncio.to_thread(there, "start", "greet", "--input", "name=Ada", "--wait")
    assert (proxy.cut_at, done.code, done.out) == (b"", 0, '"Hello, Ada!"\n')
    assert done.err.count("✓ say") == 1


def test_an_id_of_ones_own_starts_a_run_once(there):
    words = ("start", "greet", "--input", "name=Eve", "--id", "order-99", "--json")
    assert there(*words).json["run"] == there(*words).json["run"]
    other = there("start", "greet", "--input", "name=Bob", "--id", "order-99")
    assert (other.code, "error[key-taken]" in other.err) == (2, True)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("start", "nothing-like-it"), "error[not-found]: There is no workflow named 'nothing-like-it'"),
        (("start", "greet", "--input", "name=7"), "error[input-refused]"),
        (("start", "greet.yaml"), "a server starts what was published there"),
        (("runs", "show", "nope"), "error[not-found]: There is no run 'nope'"),
        (("runs", "replay", "1", "--until", "9999"), "has facts 1 to"),
        (("runs", "resume", "1", "--allow-net", "10.0.0.1:80"), "--allow-net is for runs of this machine"),
        (("runs", "retry", "--failed", "--on", "3"), "--on names a version of one workflow."),
        (("runs", "retry", "--failed", "--data", "nowhere"), "no data folder"),
        (("runs", "list", "--data", "."), "no data folder"),
        (("check", "--server", "https://auraos.example"), "`auraos check` asks no server"),
    ],
)
def test_what_cannot_be_done_is_told_with_a_stable_code(there, words, told):
    assert there("start", "greet", "--input", "name=Ada").code == 0
    done = there(*words)
    assert done.code == 2
    assert told in done.err


def test_a_revoked_key_an_absent_server_and_a_missing_right_are_told_as_what_they_are(there, server):
    key, key_id = server.new_key("to be revoked")
    there.environment["AURAOS_KEY"] = key
    assert there("runs", "list").code == 0
    server.ask("DELETE", f"/me/keys/{key_id}")
    revoked = there("runs", "list")
    assert (revoked.code, f"{server.url} does not know you" in revoked.err) == (2, True)
    assert f"auraos login {server.url}" in revoked.err
    there.environment["AURAOS_KEY"], _ = server.new_key("only reads", scopes=["runs.read"])
    refused = there("start", "greet", "--input", "name=Ada", "--json")
    assert (refused.code, refused.json["error"]["code"]) == (2, "not-allowed")
    there.environment["AURAOS_SERVER"] = "http://127.0.0.1:9"
    lost = there("runs", "list", "--json")
    assert (lost.code, json.loads(lost.out)["error"]["code"]) == (4, "server-unreachable")
