"""Containers, calls and waits that are tried again: what is repeated, under which keys, and what never is."""

import msgspec
import pytest
from golden_scenes import GUARD
from machine_hand import Hand, read_program

from auraos.core.run import inherit
from auraos.core.run.commands import AskPerson, StartChild, Subscribe
from auraos.core.run.facts import EventReceived, Parent, RetryPlanned, WaitStarted

GUARDED = f"""{GUARD}  after: {{type: act}}
links: [guard -> after]
"""


def keys(hand, path):
    return [command.key for command in hand.executed if command.path == path]


def failed_once(text=GUARDED):
    hand = Hand(text).succeed("guard/look", 1).succeed("guard/reserve", "r").succeed("guard/bill", "b")
    return hand.fail("guard/ship", "transient")


def test_a_scope_that_failed_is_undone_first_and_tried_again_after_the_pause():
    hand = failed_once()
    assert set(hand.open) == {"guard/reserve!undo"}
    hand.succeed("guard/reserve!undo")
    assert not hand.open
    assert hand.status == "waiting"
    hand.wait(1).succeed("guard/look", 2)
    assert set(hand.open) == {"guard/reserve"}


def test_what_was_undone_is_done_again_under_a_new_key_and_what_stands_is_not_done_again():
    hand = failed_once().succeed("guard/reserve!undo").wait(1)
    hand.succeed("guard/look", 2).succeed("guard/reserve", "r2").succeed("guard/ship")
    assert len(set(keys(hand, "guard/reserve"))) == 2
    assert len(keys(hand, "guard/bill")) == 1
    assert len(set(keys(hand, "guard/ship"))) == 2
    hand.succeed("after").check_replay()
    assert hand.status == "succeeded"


def test_a_second_undo_has_a_key_and_a_number_of_its_own():
    hand = failed_once().succeed("guard/reserve!undo").wait(1)
    hand.succeed("guard/look", 2).succeed("guard/reserve", "r2").fail("guard/ship", "transient")
    hand.succeed("guard/reserve!undo").check_replay()
    first, second = [command for command in hand.executed if command.path == "guard/reserve!undo"]
    assert first.key != second.key
    assert (first.attempt, second.attempt) == (1, 2)


def test_tries_are_counted_and_then_the_failure_stands():
    hand = failed_once().succeed("guard/reserve!undo").wait(1)
    for pause in (2, 0):
        hand.succeed("guard/look").succeed("guard/reserve").fail("guard/ship", "transient")
        hand.succeed("guard/reserve!undo").wait(pause).check_replay()
    assert hand.status == "compensated"
    assert len(keys(hand, "guard/look")) == 3


def test_a_failure_that_retry_does_not_name_is_not_tried_again():
    hand = Hand(GUARDED).fail("guard/look", "permanent")
    assert hand.status == "failed"


def test_a_late_result_of_an_earlier_try_does_not_count_for_the_present_one():
    hand = Hand(GUARDED)
    late = hand.open["guard/look"]
    hand.fail("guard/look", "transient").wait(1)
    hand.open["guard/look"], present = late, hand.open["guard/look"]
    hand.succeed("guard/look", "late")
    assert not hand.open
    assert present.attempt == 2
    hand.open["guard/look"] = present
    assert "guard/reserve" in hand.succeed("guard/look", "in time").open


def test_finally_runs_in_every_try_and_its_effects_are_done_again():
    text = """
steps:
  guard:
    type: try
    retry: {attempts: 2, first: 0s}
    steps: {a: {type: act}}
    finally: {steps: {unlock: {type: act}}}
"""
    hand = Hand(text).fail("guard/a", "transient").succeed("guard/unlock").succeed("guard/a")
    hand.succeed("guard/unlock").check_replay()
    assert hand.status == "succeeded"
    assert len(set(keys(hand, "guard/unlock"))) == 2


def test_an_effect_in_doubt_is_settled_and_never_done_blindly_by_the_next_try():
    text = GUARDED.replace("bill: {type: act}", "bill: {type: act, uncertain: fail}").replace(
        "jitter: 0", "jitter: 0, on: [unknown]"
    )
    hand = Hand(text).succeed("guard/look").succeed("guard/reserve").doubt("guard/bill")
    hand.succeed("guard/reserve!undo").wait(1).succeed("guard/look").succeed("guard/reserve")
    assert "guard/bill" not in hand.open
    assert len(keys(hand, "guard/bill")) == 1
    hand.check_replay()


def test_an_idempotent_step_in_doubt_is_done_again_under_its_key_with_its_parameters():
    text = """
steps:
  guard:
    type: try
    retry: {attempts: 2, first: 0s, on: [unknown]}
    steps: {a: {type: act, with: {effect: idempotent, at: "{{ now() }}"}}}
"""
    hand = Hand(text)
    hand.now += 5_000_000
    hand.doubt("guard/a")
    first, second = [command for command in hand.executed if command.path == "guard/a"]
    assert (first.key, first.parameters) == (second.key, second.parameters)
    hand.succeed("guard/a").check_replay()


def test_with_a_key_the_key_says_whether_it_is_the_same_work():
    text = """
steps:
  guard:
    type: try
    retry: {attempts: 3, first: 0s}
    steps:
      look: {type: act, with: {effect: read}}
      pay: {type: act, key: "{{ steps.look }}"}
      ship: {type: act}
    links: [look -> pay, pay -> ship]
"""
    hand = Hand(text).succeed("guard/look", 1).succeed("guard/pay").fail("guard/ship", "transient")
    hand.succeed("guard/look", 1).fail("guard/ship", "transient")
    assert len(keys(hand, "guard/pay")) == 1
    hand.succeed("guard/look", 2).succeed("guard/pay").succeed("guard/ship").check_replay()
    assert len(set(keys(hand, "guard/pay"))) == 2


def test_finished_items_of_a_loop_are_not_done_again():
    text = """
steps:
  each:
    type: foreach
    with: {items: [a, b, c]}
    retry: {attempts: 2, first: 0s}
    steps: {pay: {type: act, with: {item: "{{ item }}"}}}
"""
    hand = Hand(text).succeed("each[0]/pay", 1).fail("each[1]/pay", "transient")
    assert set(hand.open) == {"each[1]/pay"}
    hand.succeed("each[1]/pay", 2).succeed("each[2]/pay", 3).check_replay()
    assert hand.state.output == [1, 2, 3]
    assert not hand.state.inherited


def test_a_loop_within_that_goes_over_other_items_fails_instead_of_taking_one_for_another():
    text = """
steps:
  guard:
    type: try
    retry: {attempts: 2, first: 0s}
    steps:
      look: {type: act, with: {effect: read}}
      each: {type: foreach, with: {items: "{{ steps.look }}"}, steps: {pay: {type: act}}}
    links: [look -> each]
"""
    hand = Hand(text).succeed("guard/look", ["a", "b"])
    hand.succeed("guard/each[0]/pay").fail("guard/each[1]/pay", "transient")
    hand.succeed("guard/look", ["x", "a", "b"]).check_replay()
    assert hand.status == "failed"
    assert not hand.open
    assert hand.state.error.code == "items-refused"


def test_a_while_that_failed_begins_with_its_first_round():
    text = """
steps:
  pages:
    type: while
    with: {condition: "{{ index < 2 }}", limit: 5}
    retry: {attempts: 2, first: 0s}
    steps: {page: {type: act, with: {effect: read, last: "{{ last }}"}}}
"""
    hand = Hand(text).succeed("pages[1]/page", "one").fail("pages[2]/page", "transient")
    assert hand.open["pages[1]/page"].parameters["last"] is None
    hand.succeed("pages[1]/page", "uno").succeed("pages[2]/page", "due").check_replay()
    assert hand.state.output == "due"


def test_a_race_is_run_again_with_all_its_branches():
    text = """
steps:
  first:
    type: race
    retry: {attempts: 2, first: 0s}
    branches:
      one: {steps: {a: {type: act, with: {effect: read}}}}
      two: {steps: {b: {type: act, with: {effect: read}}}}
"""
    hand = Hand(text).fail("first/a", "transient").fail("first/b", "cancelled")
    hand.succeed("first/b", 2)
    assert hand.fail("first/a", "cancelled").check_replay().state.output == {"winner": "two", "output": 2}


def test_what_arrived_once_is_taken_over_by_the_next_try():
    text = """
steps:
  guard:
    type: try
    retry: {attempts: 2, first: 0s}
    steps:
      ask: {type: human.approve, with: {title: May it?}}
      paid: {type: wait.signal, with: {name: paid}}
      a: {type: act, with: {effect: read}}
    links: [ask.approved -> paid, paid -> a]
"""
    hand = Hand(text).answer("guard/ask", "approved").signal("paid", 5).fail("guard/a", "transient")
    assert "guard/a" in hand.open
    assert hand.succeed("guard/a").check_replay().status == "succeeded"


def test_the_time_out_counts_for_each_try_and_the_deadline_for_all():
    text = """
steps:
  guard:
    type: try
    timeout: 10s
    deadline: 15s
    retry: {attempts: 9, first: 1s, jitter: 0, on: [timeout]}
    steps: {w: {type: wait.signal, with: {name: never}}}
"""
    hand = Hand(text).wait(10)
    assert hand.status == "waiting"
    hand.wait(1)
    assert hand.state.activations["guard"].status == "open"
    hand.wait(4).check_replay()
    assert hand.status == "failed"
    assert hand.now == 1_015_000_000


def test_a_cancel_during_the_pause_ends_the_run_at_once():
    hand = failed_once().succeed("guard/reserve!undo").cancel(by="ann").check_replay()
    assert hand.status == "cancelled"
    assert not hand.timers


def test_a_run_that_began_under_the_rules_of_before_fails_at_once():
    hand = failed_once().succeed("guard/reserve!undo")
    started, *rest, planned = hand.journal
    assert started.semantics == 2
    assert isinstance(planned, RetryPlanned)
    run = Hand.resume(hand.program, [msgspec.structs.replace(started, semantics=1), *rest])
    assert run.check_replay().status == "compensated"


def test_a_wait_is_waited_for_again_and_then_takes_its_port():
    text = """
steps:
  ask: {type: human.approve, with: {title: May it?, expires: 1h}, retry: {attempts: 2, first: 0s}}
  late: {type: noop}
links: [ask.expired -> late]
"""
    hand = Hand(text).wait(3600)
    assert sum(isinstance(command, AskPerson) for command in hand.asked) == 2
    assert hand.state.activations["ask"].status == "waiting"
    assert hand.wait(3600).check_replay().how("late") == "succeeded"


def test_an_event_is_subscribed_to_anew():
    text = """
steps:
  stock: {type: wait.event, with: {type: arrived, expires: 1m}, retry: {attempts: 3, first: 5s, jitter: 0}}
"""
    hand = Hand(text).wait(60).wait(5)
    assert sum(isinstance(command, Subscribe) for command in hand.asked) == 2
    hand.tell(EventReceived(at=hand.now, id="e1", type="arrived", event=1)).check_replay()
    assert hand.status == "succeeded"


CHILD = """
kind: workflow
name: child
spec:
  steps:
    reserve: {type: act, undo: {type: act}}
    bill: {type: act}
    ship: {type: act}
  links: [reserve -> bill, bill -> ship]
"""
CALL = """
steps:
  k: {type: call, with: {workflow: child, input: 7}, retry: {attempts: 3, first: 1s, jitter: 0}}
"""


def calling(text=CALL):
    return Hand(text, programs={"child": read_program(CHILD)}, resolved={"child": "v1"})


def child_of(hand):
    return list(hand.all_children.values())[-1]


def failed_call(hand):
    child = child_of(hand).succeed("reserve", "r").succeed("bill", "b").fail("ship", "transient")
    hand.collect(child.succeed("reserve!undo"))
    return hand


def test_a_failed_call_is_made_again_by_a_new_run_that_takes_over_what_the_first_had_done():
    hand = failed_call(calling())
    first = child_of(hand)
    assert hand.status == "waiting"
    assert len(hand.all_children) == 1
    second = child_of(hand.wait(1))
    assert second is not first
    assert set(second.open) == {"reserve"}
    second.succeed("reserve", "r2").succeed("ship", "s")
    hand.collect(second)
    assert hand.check_replay().status == "succeeded"
    assert keys(first, "reserve") != keys(second, "reserve")
    assert keys(first, "ship") != keys(second, "ship")
    assert not keys(second, "bill")


def test_the_run_of_each_try_has_an_id_of_its_own_that_the_journal_names():
    hand = failed_call(calling(CALL.replace("first: 1s", "first: 0s")))
    named = [fact.run for fact in hand.journal if isinstance(fact, WaitStarted)]
    started = [command.run for command in hand.commands if isinstance(command, StartChild)]
    assert named == started == list(hand.all_children)
    assert len(set(named)) == 2


def test_a_call_is_not_made_again_for_a_failure_that_retry_does_not_name():
    hand = calling()
    hand.collect(child_of(hand).fail("reserve", "permanent"))
    assert hand.status == "failed"


def test_a_call_that_succeeded_is_undone_with_its_scope_and_called_again():
    text = """
steps:
  guard:
    type: try
    retry: {attempts: 2, first: 0s}
    steps:
      k: {type: call, with: {workflow: child, input: 7}}
      then: {type: act}
    links: [k -> then]
"""
    hand = calling(text)
    first = child_of(hand).succeed("reserve", "r").succeed("bill", "b").succeed("ship", "s")
    hand.collect(first)
    hand.fail("guard/then", "transient").succeed("guard/k/reserve!undo")
    second = child_of(hand)
    assert second is not first
    assert set(second.open) == {"reserve"}
    hand.collect(second.succeed("reserve", "r2"))
    assert "guard/then" in hand.open
    hand.fail("guard/then", "permanent").succeed("guard/k/reserve!undo").check_replay()
    assert hand.status == "compensated"


def test_a_retried_run_does_not_repeat_what_a_second_try_had_done():
    hand = failed_once().succeed("guard/reserve!undo").wait(1)
    hand.succeed("guard/look", 2).succeed("guard/reserve", "r2").succeed("guard/ship").fail("after")
    undone = [path for path in hand.open if path.endswith("!undo")]
    hand.succeed(undone[0])
    taken = {one.path: one for one in inherit(hand.program, hand.journal)}
    assert taken["guard/reserve"].generation == 2
    assert not taken["guard/reserve"].finished
    assert taken["guard/bill"].finished
    assert taken["guard/ship"].finished


def test_a_retried_run_keeps_what_a_second_try_had_done_and_nobody_undid():
    hand = failed_once().succeed("guard/reserve!undo").wait(1)
    hand.succeed("guard/look", 2).succeed("guard/reserve", "r2").succeed("guard/ship").cancel(by="ann")
    hand.succeed("after")
    taken = inherit(hand.program, hand.journal)
    again = Hand(
        hand.program, run="run-2", origin="run-1", parent=Parent(run="run-1", kind="retry"), inherited=taken
    )
    assert again.status == "succeeded"
    assert not again.executed


def test_a_run_whose_output_cannot_be_evaluated_is_undone_and_says_where():
    text = """
steps: {a: {type: act, undo: {type: act}}}
output: "{{ 1 / input.zero }}"
"""
    hand = Hand(text, {"zero": 0}).succeed("a")
    assert set(hand.open) == {"a!undo"}
    hand.succeed("a!undo").check_replay()
    assert hand.status == "compensated"
    assert hand.state.error.path == "output"


@pytest.mark.parametrize("kind", ["foreach", "while"])
def test_a_long_loop_that_is_tried_again_takes_over_the_pages_that_were_done(kind, small_pages_here):
    settings = {
        "foreach": '{items: "{{ range(5) }}"}',
        "while": '{condition: "{{ index < 5 }}", limit: 9}',
    }[kind]
    hand = Hand(
        f"steps: {{loop: {{type: {kind}, with: {settings}, retry: {{attempts: 2, first: 0s}}, steps: {{a: {{type: act}}}}}}}}"
    )
    acted = {}
    failures = 1
    for _ in range(60):
        if hand.state.is_final:
            break
        if hand.open:
            path = next(iter(hand.open))
            acted.setdefault(path, []).append(hand.open[path].key)
            hand.succeed(path, path)
            continue
        child = child_of(hand)
        path = next(iter(child.open), None)
        if path is None:
            hand.collect(child)
        elif failures and "4]" in path:
            failures -= 1
            hand.collect(child.fail(path, "transient"))
        else:
            acted.setdefault(path, []).append(child.open[path].key)
            hand.collect(child.succeed(path, path))
    assert hand.check_replay().status == "succeeded"
    assert [keys_of for keys_of in acted.values() if len(keys_of) > 1] == []


OWN_UNDO = """
steps:
  guard:
    type: try
    retry: {attempts: 2, first: 0s}
    steps:
      order:
        type: foreach
        with: {items: [1]}
        undo: {type: act, with: {what: everything}}
        steps: {pay: {type: act}}
      ship: {type: act}
    links: [order -> ship]
"""


def test_what_the_own_undo_of_a_container_took_back_is_done_again_by_the_next_try():
    hand = Hand(OWN_UNDO).succeed("guard/order[0]/pay").fail("guard/ship", "transient")
    hand.succeed("guard/order!undo").succeed("guard/order[0]/pay").fail("guard/ship", "transient")
    hand.succeed("guard/order!undo").check_replay()
    assert len(set(keys(hand, "guard/order[0]/pay"))) == 2
    assert len(set(keys(hand, "guard/order!undo"))) == 2


def test_what_the_own_undo_of_a_container_took_back_is_done_again_by_a_retried_run():
    hand = Hand(OWN_UNDO).succeed("guard/order[0]/pay").fail("guard/ship", "permanent")
    hand.succeed("guard/order!undo")
    taken = inherit(hand.program, hand.journal)
    parent = Parent(run="run-1", kind="retry")
    again = Hand(hand.program, run="run-2", origin="run-1", parent=parent, inherited=taken)
    assert keys(again, "guard/order[0]/pay") != keys(hand, "guard/order[0]/pay")
    again.succeed("guard/order[0]/pay").fail("guard/ship", "permanent").succeed("guard/order!undo")
    assert keys(again, "guard/order!undo") != keys(hand, "guard/order!undo")
