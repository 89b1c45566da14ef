"""Mistakes that the random campaigns found in the machine, each as the smallest run that shows it."""

from auraos.core.run import explain, fold, restore, snapshot
from auraos.core.run.commands import Compute, SlotOpened
from auraos.core.run.facts import CancelRequested, RunPaused, SignalReceived, TimerFired
from auraos.core.run.machine import advance


def test_a_nudge_that_decides_nothing_leaves_no_mark_that_the_journal_does_not_have(drive):
    hand = drive("steps: {a: {type: act}}").tell(RunPaused(at=1))
    advance(hand.program, hand.state, SlotOpened("a", hand.now + 5_000_000))
    hand.check_replay()


def test_a_run_whose_budget_ended_says_that_it_goes_on(drive):
    hand = drive(
        "steps: {a: {type: wait.for, with: {duration: 1s}}, b: {type: noop}, c: {type: noop}}\nlinks: [a -> b, a -> c]"
    )

    advance(hand.program, hand.state, TimerFired(at=hand.now, path="a", timer="due"), budget=1)
    assert "goes on" in explain(hand.state)[0].words


def test_a_snapshot_plans_anew_what_is_being_computed(drive):
    hand = drive(
        """
steps:
  w: {type: wait.signal, with: {name: go}}
  a: {type: noop, with: {value: "{{ sum(i for i in range(30000)) }}"}}
links: [w -> a]
"""
    )

    made = advance(hand.program, hand.state, SignalReceived(at=hand.now, name="go"))
    assert [type(command) for command in made.commands] == [Compute]
    assert snapshot(fold(hand.program, hand.journal + made.facts)) == snapshot(hand.state)


def test_a_run_that_was_ended_by_force_within_a_container_can_be_restored(drive):
    hand = drive("steps: {g: {type: try, steps: {a: {type: act}}}}").tell(CancelRequested(at=1, force=True))
    assert restore(hand.program, snapshot(hand.state)).status == "cancelled"


def test_a_loop_within_a_loop_leaves_the_names_of_the_outer_one_in_place(drive):
    text = """
steps:
  each:
    type: foreach
    with: {items: [7]}
    steps:
      rounds:
        type: while
        with: {condition: "{{ index < 1 }}", limit: 2}
        steps:
          keyed: {type: foreach, key: "{{ item }}", with: {items: [1]}, steps: {x: {type: noop}}}
          after: {type: noop, with: {value: "{{ item }}"}}
        links: [keyed -> after]
output: "{{ steps.each }}"
"""
    assert drive(text).check_replay().state.output == [7]


def test_a_key_of_an_item_may_hold_any_sign(drive):
    text = "steps: {each: {type: foreach, key: '{{ item }}', with: {items: ['a!b/[c]']}, steps: {a: {type: act}}}}"
    hand = drive(text)
    (path,) = hand.open
    assert hand.program.find(path).id == "a"
    assert hand.check_replay().succeed(path).status == "succeeded"
