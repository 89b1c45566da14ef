"""Two commands on one data folder: the second one talks to the first; Ctrl-C leaves a run kindly; a kill loses nothing."""

import signal
import time

import pytest

WAITING = """kind: workflow
name: waiting
spec:
  steps:
    nap: {type: wait.for, with: {duration: NAP}}
    paid: {type: wait.signal, with: {name: paid}}
  links: [nap -> paid]
  output: "{{ steps.paid.data.amount }}"
"""


def until(condition, seconds=60.0):
    """Return once something holds that another process brings about."""
    last = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < last, "it never came about"
        time.sleep(0.05)


@pytest.fixture
def waiting(auraos):
    """A run in another process, which stays with it until its end."""
    auraos.write("waiting.yaml", WAITING.replace("NAP", "10ms"))
    process = auraos.begin("run", "waiting.yaml", "--wait")
    until((auraos.folder / ".auraos" / "engine.sock").exists)
    until(lambda: '"state": "waiting"' in auraos("runs", "list", "--json").out)
    yield process
    process.kill()
    process.communicate()


def test_a_signal_from_a_second_process_goes_to_the_first(auraos, waiting):
    assert "paid" in auraos("runs", "why", "1").out
    sent = auraos("runs", "signal", "1", "paid", "--payload", "amount=7")
    assert (sent.code, sent.out) == (0, "7\n")
    assert "Another process holds .auraos" in sent.err
    out, _ = waiting.communicate(timeout=60)
    assert (waiting.returncode, out) == (0, "7\n")


def test_a_second_run_is_started_in_the_first_process(auraos, waiting):
    auraos.write(
        "quick.yaml", "kind: workflow\nname: quick\nspec:\n  steps: {a: {type: noop, with: {value: 1}}}\n"
    )
    done = auraos("run", "quick.yaml", "--json")
    assert (done.code, done.json["number"], done.json["output"]) == (0, 2, 1)


def test_an_interrupt_leaves_the_run_and_says_how_to_go_on(auraos, waiting):
    waiting.send_signal(signal.SIGINT)
    _, err = waiting.communicate(timeout=60)
    assert waiting.returncode == 130
    assert "auraos runs resume 1" in err
    resumed = auraos("runs", "signal", "1", "paid", "--payload", "amount=3")
    assert (resumed.code, resumed.out) == (0, "3\n")


def test_a_killed_process_loses_nothing(auraos, waiting):
    waiting.kill()
    waiting.communicate()
    done = auraos("runs", "signal", "1", "paid", "--payload", "amount=5")
    assert (done.code, done.out) == (0, "5\n")


def test_a_paused_run_stays_until_it_is_resumed(auraos):
    auraos.write("waiting.yaml", WAITING.replace("NAP", "10ms"))
    assert auraos("run", "waiting.yaml").code == 3
    assert auraos("runs", "pause", "1").code == 3
    assert auraos("runs", "list", "--state", "paused", "--json").json["runs"][0]["number"] == 1
    resumed = auraos("runs", "resume", "1")
    assert (resumed.code, "auraos runs signal 1 paid" in resumed.err) == (3, True)
    cancelled = auraos("runs", "cancel", "1")
    assert (cancelled.code, "cancelled" in cancelled.err) == (0, True)


def test_without_patience_a_wait_for_time_ends_the_command_and_resume_goes_on(auraos):
    auraos.write("waiting.yaml", WAITING.replace("NAP", "1s"))
    begun = auraos("run", "waiting.yaml", "--no-wait", "--json")
    assert (begun.code, begun.json["state"], begun.json["waits"][0]["path"]) == (3, "waiting", "nap")
    assert auraos("runs", "resume", "1", "--json").json["waits"][0]["path"] == "paid"


def test_answering_a_called_run_leads_its_caller_on_too(auraos):
    asking = (
        "kind: workflow\nname: asking\nspec:\n  steps: {ask: {type: human.approve, with: {title: May we?}}}\n"
    )
    auraos.write("asking.yaml", asking + "  output: yes\n")
    calling = (
        "kind: workflow\nname: calling\nspec:\n  steps: {child: {type: call, with: {workflow: asking}}}\n"
    )
    begun = auraos("run", auraos.write("calling.yaml", calling + "  output: 'it said {{ steps.child }}'\n"))
    assert (begun.code, "run 2, ask" in begun.err) == (3, True)
    done = auraos("runs", "approve", "2")
    assert (done.code, done.out) == (0, '"it said yes"\n')


def test_a_run_that_was_left_in_the_middle_says_that_nobody_leads_it_on(auraos):
    auraos.write("waiting.yaml", WAITING.replace("NAP", "1h"))
    process = auraos.begin("run", "waiting.yaml", "--wait")
    until((auraos.folder / ".auraos" / "engine.sock").exists)
    until(lambda: '"state": "waiting"' in auraos("runs", "list", "--json").out)
    assert auraos("runs", "why", "1", "--json").json["driven"] is True
    assert "No process leads it on" not in auraos("runs", "why", "1").out
    process.kill()
    process.communicate()
    assert auraos("runs", "list", "--json").json["driven"] is False
    for verb in ("why", "show"):
        told = auraos("runs", verb, "1").out
        assert "No process leads it on now; `auraos runs resume 1` does so." in told


def test_a_run_that_waits_for_a_person_needs_no_process(auraos):
    auraos.write("waiting.yaml", WAITING.replace("NAP", "10ms"))
    assert auraos("run", "waiting.yaml").code == 3
    assert "No process" not in auraos("runs", "why", "1").out
