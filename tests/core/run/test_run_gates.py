"""A run that stands before its gates: it begins when it is let through, and nothing of it is lost if it never is."""

import pytest
from machine_hand import Hand, read_program

from auraos.core.gate import Gate
from auraos.core.run import explain, fold, outstanding, restore, snapshot
from auraos.core.run.commands import AwaitAdmission, EndGathered
from auraos.core.run.facts import RunAdmitted, RunPaused, RunRefused, RunResumed
from auraos.core.run.gates import CAPACITY, Gates, KeyRefusedError

GATE = Gate(setting="concurrency", name="c", key="ann", limit=2)


def queued(**more):
    return Hand("settings: {timeout: 1h}\nsteps: {a: {type: act}}", 7, gates=(GATE,), **more)


def admit(hand, **more):
    return hand.tell(RunAdmitted(at=hand.now, **more))


def refuse(hand, outcome="cancelled"):
    return hand.tell(RunRefused(at=hand.now, outcome=outcome, code="skipped", message="Full."))


def test_a_run_with_gates_is_queued_and_says_what_for():
    hand = queued()
    assert (hand.state.status, hand.open, hand.timers) == ("queued", {}, {})
    assert [why.words for why in explain(hand.state)] == [
        "It waits for its turn: concurrency of 'ann' (2 at a time)."
    ]
    assert outstanding(hand.state) == [AwaitAdmission()]


def test_it_begins_when_it_is_let_through_and_its_time_counts_from_then():
    hand = queued()
    hand.now += 5_000_000
    admit(hand)
    assert (hand.state.status, list(hand.open)) == ("running", ["a"])
    assert hand.timers == {("", "timeout"): hand.now + 3_600_000_000}
    assert hand.succeed("a").state.status == "succeeded"


def test_it_is_let_through_once():
    hand = admit(admit(queued()))
    assert [command.attempt for command in hand.executed] == [1]


@pytest.mark.parametrize("force", [False, True])
def test_it_can_be_cancelled_before_it_begins_and_is_not_let_through_after(force):
    hand = queued().cancel(force=force)
    assert hand.state.status == "cancelled"
    assert admit(hand).executed == []


@pytest.mark.parametrize(("outcome", "class_"), [("cancelled", "cancelled"), ("failed", "permanent")])
def test_it_can_be_refused_with_a_reason(outcome, class_):
    hand = refuse(queued(), outcome)
    error = hand.state.error
    assert (hand.state.status, error.class_, error.code, error.message) == (
        outcome,
        class_,
        "skipped",
        "Full.",
    )


def test_a_refusal_that_comes_too_late_changes_nothing():
    hand = refuse(admit(queued()))
    assert hand.state.status == "running"


def test_it_can_be_paused_before_it_is_let_through_and_begins_when_it_is_resumed():
    hand = queued()
    hand.tell(RunPaused(at=hand.now))
    assert admit(hand).state.status == "paused"
    hand.tell(RunResumed(at=hand.now))
    assert (hand.state.status, list(hand.open)) == ("running", ["a"])


def test_it_can_be_paused_and_resumed_before_it_is_let_through():
    hand = queued()
    hand.tell(RunPaused(at=hand.now)).tell(RunResumed(at=hand.now))
    assert hand.state.status == "queued"
    assert list(admit(hand).open) == ["a"]


def test_a_batch_hands_the_gathered_inputs_over_and_ends_the_other_runs():
    hand = Hand('steps: {a: {type: noop, with: {value: "{{ input }}"}}}', 1, gates=(GATE,))
    admit(hand, input=[1, 2], gathered=("run-1", "run-2"))
    assert (hand.state.status, hand.state.output) == ("succeeded", [1, 2])
    ended = [command for command in hand.commands if type(command) is EndGathered]
    assert [(one.run, one.message) for one in ended] == [
        ("run-2", "Its input went into run run-1, as one of 2.")
    ]


@pytest.mark.parametrize("happens", [lambda hand: hand, admit, refuse, lambda hand: hand.cancel()])
def test_it_comes_back_from_its_journal_and_from_a_snapshot(happens):
    hand = happens(queued())
    stored = snapshot(hand.state)
    assert snapshot(fold(hand.program, hand.journal)) == stored
    kept = restore(hand.program, stored)
    assert (kept.status, kept.gates, kept.is_admitted, kept.begun_at) == (
        hand.state.status, hand.state.gates, hand.state.is_admitted, hand.state.begun_at,
    )  # fmt: skip


# --- keys -------------------------------------------------------------------------------------------------------------

FLOW = """
settings:
  concurrency: {{key: {key}, limit: 2}}
  throttle: {{key: {other}, limit: 5, per: 1m}}
steps: {{a: {{type: noop}}}}
"""
BY_CUSTOMER = '"{{ input.customer }}"'


def gates_for(given, key=BY_CUSTOMER, other=BY_CUSTOMER, workflow="w", **more):
    gates: Gates = read_program(FLOW.format(key=key, other=other)).gates
    return gates.open_for({"input": given}, workspace="default", workflow=workflow, **more)


def test_runs_share_a_gate_by_the_value_of_its_key():
    names = [gates_for({"customer": customer})[0][0].name for customer in ("c1", "c1", "c2", 1, "1", None)]
    assert names[0] == names[1]
    assert len(set(names)) == 5


def test_the_gates_of_another_workflow_or_setting_are_others():
    one, other = gates_for({"customer": "c1"})[0], gates_for({"customer": "c1"}, workflow="v")[0]
    assert len({gate.name for gate in (*one, *other)}) == 4


def test_all_runs_that_share_a_gate_have_one_home():
    apart = {gates_for({"customer": n}, other='"{{ input.region }}"')[1] for n in range(50)}
    by_key = {gates_for({"customer": n})[1] for n in range(50)}
    assert len(apart) == 1
    assert len(by_key) > 20


def test_a_run_that_goes_on_with_another_one_passes_only_what_counts_runs():
    gates, _ = gates_for({"customer": "c1"}, only=CAPACITY)
    assert [gate.setting for gate in gates] == ["concurrency", "throttle"]


@pytest.mark.parametrize("key", ['"{{ input.a / 0 }}"', '"{{ input.a < 1 }}"', '"{{ range(100000) }}"'])
def test_a_key_without_a_value_refuses_the_start(key):
    with pytest.raises(KeyRefusedError, match="the key of its setting 'concurrency'"):
        gates_for({}, key=key)


def test_a_long_key_is_shown_cut():
    gates, _ = gates_for({"customer": "x" * 500})
    assert len(gates[0].key) == 60
