"""Whoever answers too late is told who answered; whoever looks is told how often a question was asked again."""

import re

import pytest

ASK = """kind: workflow
name: ask
spec:
  steps:
    ask: {type: human.approve, with: {title: "Send it?", remind: 1s}}
    go: {type: wait.signal, with: {name: go}}
  links: [ask.approved -> go]
"""


@pytest.fixture
def asking(auraos):
    assert auraos("run", auraos.write("ask.yaml", ASK)).code == 3
    auraos.environment["LOGNAME"] = "ada"
    return auraos


@pytest.mark.parametrize("second", ["approve", "reject"])
def test_a_second_answer_is_refused_and_says_who_gave_the_first(asking, second):
    assert asking("runs", "approve", "1", "--comment", "fine").code == 3
    asking.environment["LOGNAME"] = "grace"
    late = asking("runs", second, "1", "--step", "ask")
    assert late.code == 2
    assert "Nobody is asked there any more: ada approved 'ask' at " in late.err
    assert "with the comment 'fine'" in late.err


def test_an_answer_to_a_run_that_is_over_is_refused_and_says_who_gave_the_first(asking):
    asking("runs", "approve", "1")
    assert asking("runs", "signal", "1", "go").code == 0
    late = asking("runs", "approve", "1")
    assert late.code == 2
    assert "Run 1 is over: it succeeded. ada approved 'ask' at " in late.err


def test_an_answer_to_a_step_that_never_asked_is_refused_without_a_word_on_others(asking):
    asking("runs", "approve", "1")
    late = asking("runs", "approve", "1", "--step", "go")
    assert late.code == 2
    assert "ada" not in late.err


def test_a_reminder_is_seen_in_the_live_output_and_when_the_run_is_looked_at(asking):
    staying = asking.begin("runs", "resume", "1", "--wait")
    assert any("ask  is asked again" in line for line in staying.stderr)
    for verb in ("why", "show"):
        assert re.search(r"Asked again \d+ times?, last at \d\d:\d\d:\d\d\.", asking("runs", verb, "1").out)
    (waiting,) = asking("runs", "why", "1", "--json").json["why"]
    assert len(waiting["reminders"]) >= 1
    assert asking("runs", "approve", "1").code == 3
    staying.kill()
    staying.communicate()
    assert "Asked again" not in asking("runs", "why", "1").out


BOTH = """kind: workflow
name: both
spec:
  steps:
    first: {type: human.approve, with: {title: "Send it?"}}
    other: {type: human.approve, with: {title: "Bill it?"}}
"""


def test_a_refusal_calls_a_run_as_the_person_did_and_names_the_steps_that_are_meant(auraos):
    assert auraos("run", auraos.write("both.yaml", BOTH)).code == 3
    whole = auraos("runs", "show", "1", "--json").json["run"]
    unclear = auraos("runs", "approve", "1")
    assert "Several steps of run 1 wait: first, other." in unclear.err
    many = auraos("runs", "approve", "1", "--step", "nix")
    assert "No step 'nix' of run 1 asks a person; 'first' and 'other' do." in many.err
    assert auraos("runs", "approve", "1", "--step", "first").code == 3
    single = auraos("runs", "approve", whole, "--step", "nix", "--json")
    assert single.json["error"]["message"] == f"No step 'nix' of run {whole} asks a person; 'other' does."
    nothing = auraos("runs", "resolve", "1", "--failed")
    assert "No step of run 1 is in doubt." in nothing.err
    begun = auraos("runs", "prioritize", "1", "7")
    assert "Run 1 does not wait to begin" in begun.err
