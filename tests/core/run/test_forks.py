"""Retries and forks: new runs that take over what an old one did."""

import pytest

from auraos.core.run import InheritanceError, effects_repeated, inherit
from auraos.core.run.facts import Parent

CHAIN = """
steps:
  a: {type: act, undo: {type: act}}
  b: {type: transform, with: {set: {n: "{{ steps.a.n + 1 }}"}}}
  c: {type: act, with: {n: "{{ steps.b.n }}"}}
  d: {type: act}
links: [a -> b, b -> c, c -> d]
"""


def fork(drive, hand, **how):
    taken = inherit(hand.program, hand.journal, **how)
    parent = Parent(run="run-1", kind="fork")
    return drive(
        hand.program, hand.state.input, run="run-2", origin=hand.state.origin, parent=parent, inherited=taken
    )


def test_a_retry_goes_on_where_the_run_failed_under_the_same_keys(drive):
    text = CHAIN.replace(", undo: {type: act}", "")
    hand = drive(text).succeed("a", {"n": 1}).fail("c")
    key = hand.executed[-1].key
    again = fork(drive, hand)
    assert list(again.open) == ["c"]
    assert again.open["c"].key == key
    assert again.open["c"].parameters == {"n": 2}
    assert again.succeed("c").succeed("d").check_replay().status == "succeeded"
    assert [how for path, how in again.settled[:2]] == ["inherited", "inherited"]


def test_what_was_undone_is_done_again_under_another_key(drive):
    hand = drive(CHAIN).succeed("a", {"n": 1}).fail("c").succeed("a!undo")
    assert hand.status == "compensated"
    again = fork(drive, hand)
    assert list(again.open) == ["a"]
    assert again.open["a"].key != hand.executed[0].key


def test_an_inherited_success_is_undone_when_the_new_run_fails(drive):
    hand = drive(CHAIN).succeed("a", {"n": 1}).succeed("c").succeed("d")
    again = fork(drive, hand, start_at="c", again=True)
    assert again.open["c"].key != hand.executed[1].key
    assert list(again.fail("c").open) == ["a!undo"]
    assert again.succeed("a!undo").check_replay().status == "compensated"


def test_a_fork_from_a_step_repeats_effects_only_knowingly(drive):
    hand = drive(CHAIN).succeed("a", {"n": 1}).succeed("c").succeed("d")
    assert effects_repeated(hand.program, hand.journal, "c") == ["c", "d"]


def test_a_fork_with_another_output_does_anew_what_follows(drive):
    hand = drive(CHAIN).succeed("a", {"n": 1}).succeed("c").succeed("d")
    again = fork(drive, hand, changes={"a": {"n": 41}}, again=True)
    assert again.open["c"].parameters == {"n": 42}


def test_a_step_that_is_not_there_cannot_be_set_or_started_at(drive):
    hand = drive(CHAIN)
    with pytest.raises(InheritanceError, match="'x'"):
        inherit(hand.program, hand.journal, start_at="x")
    with pytest.raises(InheritanceError, match="'x'"):
        inherit(hand.program, hand.journal, changes={"x": 1})


def test_an_approval_that_was_given_is_not_asked_for_again(drive):
    text = """
steps:
  ask: {type: human.approve, with: {title: May I}}
  do: {type: act}
links: [ask.approved -> do]
"""
    hand = drive(text).answer("ask", "approved").fail("do")
    again = fork(drive, hand)
    assert list(again.open) == ["do"]


def test_finished_items_of_a_loop_are_kept(drive):
    text = """
steps:
  each: {type: foreach, with: {items: [1, 2, 3]}, steps: {a: {type: act}}}
"""
    hand = drive(text).succeed("each[0]/a", "x").fail("each[1]/a")
    again = fork(drive, hand)
    assert list(again.open) == ["each[1]/a"]
    again.succeed("each[1]/a", "y").succeed("each[2]/a", "z")
    assert again.check_replay().state.output == ["x", "y", "z"]


def test_the_undo_of_an_inherited_container_or_call_comes_before_those_of_what_it_did(drive, read_program):
    child = read_program("steps: {i: {type: act, undo: {type: act}}}")
    text = """
steps:
  each: {type: foreach, with: {items: [1]}, undo: {type: act}, steps: {a: {type: act, undo: {type: act}}}}
  c: {type: call, with: {workflow: child}, undo: {type: act}}
  z: {type: act}
links: [each -> c, c -> z]
"""
    hand = drive(text, programs={"child": child}).succeed("each[0]/a")
    called = hand.children[next(iter(hand.children))].succeed("i")
    hand.collect(called)
    again = fork(drive, hand, start_at="z").fail("z")
    undone = []
    while again.open:
        undone.append(next(iter(again.open)))
        again.succeed(undone[-1])
    assert undone == ["c!undo", "c/i!undo", "each!undo", "each[0]/a!undo"]
    assert again.status == "compensated"
