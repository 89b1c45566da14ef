"""Retries and forks: new runs that take over what an old one did."""

import pytest

from auraos.core.run import InheritanceError, effects_repeated, inherit
from auraos.core.run.commands import StartChild
from auraos.core.run.facts import Parent, StepResolved

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


def test_a_retry_goes_on_where_the_run_failed(drive):
    text = CHAIN.replace(", undo: {type: act}", "")
    hand = drive(text).succeed("a", {"n": 1}).fail("c")
    key = hand.executed[-1].key
    again = fork(drive, hand)
    assert list(again.open) == ["c"]
    assert again.open["c"].key != key, "that attempt had certainly no effect, so this is another one"
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
    again = fork(drive, hand, start_at="z").resolve("z", "retry").fail("z")
    undone = []
    while again.open:
        undone.append(next(iter(again.open)))
        again.succeed(undone[-1])
    assert undone == ["c!undo", "c/i!undo", "each!undo", "each[0]/a!undo"]
    assert again.status == "compensated"


def test_an_effect_that_was_left_open_is_found_out_about_and_never_done_blindly(drive):
    hand = drive("steps: {pay: {type: act, with: {eur: '{{ input }}'}}}", 9).doubt("pay").cancel(force=True)
    again = fork(drive, hand)
    assert not again.open
    assert again.asked[-1].about == "uncertain"
    again.tell(StepResolved(at=again.now, path="pay", outcome="retry", by="ann"))
    assert again.open["pay"].key == hand.executed[0].key
    assert again.open["pay"].parameters == {"eur": 9}
    assert again.succeed("pay").check_replay().status == "succeeded"


def test_an_open_effect_that_may_be_repeated_is_repeated_with_the_same_key_and_parameters(drive):
    text = "steps: {put: {type: act, with: {effect: idempotent, at: '{{ now() }}'}}}"
    hand = drive(text).cancel(force=True)
    again = fork(drive, hand)
    assert again.open["put"].key == hand.executed[0].key
    assert again.open["put"].parameters == hand.executed[0].parameters
    assert again.succeed("put").check_replay().status == "succeeded"


def test_a_called_run_takes_over_what_the_one_before_did(drive, read_program):
    child = "kind: workflow\nname: child\nspec: {steps: {c: {type: act}, d: {type: act}}, links: [c -> d]}"
    programs = {"child": read_program(child)}
    hand = drive("steps: {k: {type: call, with: {workflow: child}}}", programs=programs)
    first = next(iter(hand.children.values())).succeed("c").fail("d")
    hand.collect(first)
    taken = inherit(hand.program, hand.journal)
    assert [(one.path, one.finished, one.child.run) for one in taken] == [("k", False, first.state.run)]
    again = drive(hand.program, run="run-2", inherited=taken, programs=programs)
    wish = next(command for command in again.commands if isinstance(command, StartChild))
    assert wish.takes_over == taken[0].child
    below = inherit(first.program, first.journal, undone=wish.takes_over.undone)
    assert [(one.path, one.finished) for one in below] == [("c", True), ("d", False)]
