"""Mistakes that the random campaigns found in the machine, each as the smallest run that shows it."""

import pytest
from machine_hand import read_program

from auraos.core.run import explain, fold, inherit, restore, snapshot
from auraos.core.run.commands import Compute, SlotOpened
from auraos.core.run.facts import (
    CancelRequested,
    RunPaused,
    RunResumed,
    SignalReceived,
    StepResolved,
    TimerFired,
)
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


def test_two_called_runs_of_one_workflow_are_undone_side_by_side(drive):
    child = "kind: workflow\nname: child\nspec: {steps: {c: {type: act, undo: {type: act}}}}"
    text = """
steps:
  first:
    type: race
    with: {on_error: continue}
    branches:
      one: {steps: {k: {type: call, with: {workflow: child}}, a: {type: act}}, links: [k -> a]}
      two: {steps: {l: {type: call, with: {workflow: child}}, b: {type: act}}, links: [l -> b]}
      three: {steps: {w: {type: wait.signal, with: {name: go}}}}
"""
    hand = drive(text, programs={"child": read_program(child)})
    for made in list(hand.children.values()):
        hand.collect(made.succeed("c"))
    hand.fail("first/a").fail("first/b")
    assert sorted(hand.open) == ["first/k/c!undo", "first/l/c!undo"]
    hand.succeed("first/k/c!undo").succeed("first/l/c!undo").signal("go").check_replay()
    assert hand.status == "succeeded"


def test_a_fallback_of_a_long_loop_stands_in_for_the_loop_and_not_for_a_page(drive):
    text = """
steps:
  each:
    type: foreach
    fallback: 7
    with: {items: "{{ range(1001) }}"}
    steps: {x: {type: fail, with: {message: broken}}}
"""
    assert drive(text).check_replay().state.output == 7


def test_a_stop_within_a_page_of_a_long_loop_ends_the_whole_run(drive):
    text = """
steps:
  each: {type: foreach, with: {items: "{{ range(1001) }}"}, steps: {x: {type: stop, with: {output: 5}}}}
  after: {type: act}
links: [each -> after]
"""
    hand = drive(text).check_replay()
    assert (hand.status, hand.state.output, hand.open) == ("succeeded", 5, {})


def test_a_stop_within_a_page_ends_a_loop_that_stands_in_a_finally(drive):
    loop = "{each: {type: foreach, with: {items: '{{ range(1001) }}'}, steps: {x: {type: stop, with: {output: 5}}}}}"
    text = f"steps: {{g: {{type: try, steps: {{n: {{type: noop}}}}, finally: {{steps: {loop}}}}}}}"
    hand = drive(text).check_replay()
    assert (hand.status, hand.state.output) == ("succeeded", 5)


def test_a_doubt_about_a_write_outlives_a_cancel_of_a_paused_run(drive):
    hand = drive("steps: {a: {type: act}}")
    hand.tell(RunPaused(at=hand.now)).doubt("a", lost=True).cancel()
    assert hand.check_replay().status == "cancelling"
    assert hand.asked[-1].about == "uncertain"


def test_a_verified_success_is_undone_when_a_paused_run_was_cancelled_meanwhile(drive):
    text = "steps: {a: {type: act, undo: {type: act}, verify: {type: act, with: {effect: read}, done: '{{ output.found }}'}}}"
    hand = drive(text).doubt("a").tell(RunPaused(at=1))
    hand.succeed("a!verify", {"found": True}).cancel(undo=True)
    assert list(hand.open) == ["a!undo"]
    assert hand.succeed("a!undo").check_replay().status == "cancelled"


def test_a_time_limit_that_passed_in_a_pause_holds_for_a_wait_that_begins_after_it(drive):
    text = "steps: {a: {type: act}, w: {type: wait.signal, timeout: 5s, with: {name: go}}}\nlinks: [a -> w]"
    hand = drive(text)
    hand.tell(RunPaused(at=hand.now)).succeed("a").wait(10).tell(RunResumed(at=hand.now))
    assert hand.check_replay().state.error.code == "deadline"


def test_a_time_limit_that_passed_while_a_doubt_was_open_forbids_another_attempt(drive):
    text = """
steps:
  a:
    type: act
    deadline: 5s
    retry: {attempts: 3}
    verify: {type: act, with: {effect: read}, done: "{{ output.found }}"}
"""
    hand = drive(text).doubt("a").wait(10).succeed("a!verify", {"found": False})
    assert hand.check_replay().status == "failed"


def test_a_time_at_the_end_of_the_calendar_is_refused_and_breaks_nothing(drive):
    hand = drive("steps: {w: {type: wait.until, with: {at: '9999-12-31T23:59:59-10:00'}}}")
    assert hand.check_replay().state.error.code == "settings-refused"


def test_a_write_that_was_lost_is_not_repeated_where_its_author_says_fail(drive):
    hand = drive("steps: {a: {type: act, uncertain: fail}}").doubt("a", lost=True)
    assert hand.check_replay().status == "failed"
    assert len(hand.executed) == 1


def test_a_late_success_counts_while_what_follows_a_doubt_is_still_to_be_decided(drive):
    hand = drive("steps: {a: {type: act}}").tell(RunPaused(at=1))
    command = hand.open["a"]
    hand.doubt("a")
    hand.open["a"] = command
    assert hand.succeed("a", 7).tell(RunResumed(at=hand.now)).check_replay().state.output == 7


def test_nobody_can_ask_for_another_attempt_in_a_run_that_is_being_cancelled(drive):
    hand = drive("steps: {a: {type: act}}").doubt("a").cancel()
    hand.tell(StepResolved(at=hand.now, path="a", outcome="retry", by="ann"))
    assert hand.check_replay().status == "cancelled"
    assert not hand.open


def test_a_time_limit_of_the_run_changes_nothing_once_all_steps_have_ended(drive):
    text = """
settings: {timeout: 1h}
steps: {a: {type: act, undo: {type: act}}, w: {type: wait.signal, with: {name: go}}}
"""
    hand = drive(text).succeed("a", 7).tell(RunPaused(at=1)).signal("go").wait(3_601)
    hand.tell(RunResumed(at=hand.now)).wait(1)
    assert hand.check_replay().status == "succeeded"


GUARDED = """
steps:
  guard: {type: try, steps: {a: {type: act, undo: {type: act}}}}
  b: {type: act}
links: [guard -> b]
"""


def retry(drive, hand, run="run-2"):
    taken = inherit(hand.program, hand.journal)
    return drive(hand.program, run=run, origin="run-1", inherited=taken)


def test_a_retry_does_anew_what_was_undone_within_a_container(drive):
    hand = drive(GUARDED).succeed("guard/a").fail("b").succeed("guard/a!undo")
    again = retry(drive, hand)
    assert list(again.open) == ["guard/a"]
    assert again.open["guard/a"].key != hand.executed[0].key


def test_a_retry_does_anew_what_may_have_been_undone_when_the_run_was_ended_by_force(drive):
    hand = drive(GUARDED).succeed("guard/a").fail("b").cancel(force=True)
    assert list(retry(drive, hand).open) == ["guard/a"]


def test_a_retry_undoes_what_an_inherited_container_did(drive):
    hand = drive(GUARDED).succeed("guard/a").cancel(force=True)
    again = retry(drive, hand).resolve("b", "retry").fail("b")
    assert list(again.open) == ["guard/a!undo"]
    once_more = retry(drive, again.succeed("guard/a!undo").check_replay(), run="run-3")
    assert list(once_more.open) == ["guard/a"]
    assert once_more.open["guard/a"].key != hand.executed[0].key


def test_a_retry_keeps_a_race_whose_loser_was_undone(drive):
    text = """
steps:
  first:
    type: race
    branches:
      one: {steps: {a: {type: act}}}
      two: {steps: {b: {type: act, undo: {type: act}}, w: {type: wait.signal, with: {name: go}}}, links: [b -> w]}
  after: {type: act}
links: [first -> after]
"""
    hand = drive(text).succeed("first/b").succeed("first/a").succeed("first/b!undo").fail("after")
    assert list(retry(drive, hand).open) == ["after"]


def test_a_retry_calls_again_what_was_undone_within_a_call(drive):
    child = "kind: workflow\nname: child\nspec: {steps: {c: {type: act, undo: {type: act}}}}"
    text = "steps: {k: {type: call, with: {workflow: child}}, z: {type: act}}\nlinks: [k -> z]"
    programs = {"child": read_program(child)}
    hand = drive(text, programs=programs)
    (made,) = hand.children.values()
    hand.collect(made.succeed("c"))
    hand.fail("z").succeed("k/c!undo")
    taken = inherit(hand.program, hand.journal)
    again = drive(hand.program, run="run-2", origin="run-1", inherited=taken, programs=programs)
    assert len(again.children) == 1


NEST = """
steps:
  deep:
    type: while
    with: {condition: "{{ index < 99 }}", limit: 200}
    steps: {a: {type: noop, with: {value: "{{ [last] }}"}}}
  use: USE
links: [deep -> use]
"""


@pytest.mark.parametrize(
    "use",
    [
        "{type: noop, with: {value: '{{ [[steps.deep]] }}'}}",
        "{type: act, with: {n: '{{ [[steps.deep]] }}'}}",
        "{type: foreach, with: {items: '{{ [[[steps.deep]]] }}'}, steps: {x: {type: noop}}}",
        "{type: human.approve, with: {title: x, data: '{{ [[steps.deep]] }}'}}",
        "{type: call, with: {workflow: child, input: '{{ [[steps.deep]] }}'}}",
    ],
)
def test_what_is_nested_too_deep_to_be_kept_is_an_error_of_the_run(drive, use):
    hand = drive(NEST.replace("USE", use)).check_replay()
    assert hand.state.error.code in ("value-refused", "items-refused", "settings-refused")


def test_a_time_to_wait_that_nobody_could_mean_is_not_believed(drive):
    hand = drive("steps: {a: {type: act, retry: {attempts: 3}}}").fail(
        "a", "transient", retry_after=float("inf")
    )
    assert hand.timers["a", "retry"] == hand.now + 366 * 86_400_000_000


def test_nobody_is_reminded_more_than_once_a_second(drive):
    hand = drive("steps: {a: {type: human.approve, with: {title: x, remind: 0s}}}")
    assert hand.timers["a", "remind"] == hand.now + 1_000_000


def test_a_wait_without_what_it_needs_is_an_error_of_the_run(drive):
    hand = drive("steps: {a: {type: wait.for, with: {}}}")
    assert hand.check_replay().state.error.message == "`duration` is missing."


def test_a_verification_whose_outcome_is_not_known_leads_to_a_question_about_the_step(drive):
    text = "steps: {a: {type: act, verify: {type: act, with: {effect: write}, done: '{{ output.d }}'}}}"
    hand = drive(text).doubt("a").doubt("a!verify")
    assert hand.asked[-1].path == "a"
    assert list(hand.state.activations) == ["a"]


def test_an_answer_about_an_earlier_attempt_does_not_count_for_a_later_one(drive):
    hand = drive("steps: {a: {type: act}}").doubt("a")
    answer = StepResolved(at=hand.now, path="a", outcome="retry", attempt=hand.asked[-1].attempt, by="ann")
    hand.tell(answer).doubt("a").tell(answer)
    assert hand.check_replay().asked[-1].attempt == 2
    assert not hand.open
