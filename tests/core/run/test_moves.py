"""Moves: a run that goes on as another one, which lives by another version of its workflow."""

import pytest

from auraos.core.run.facts import EventReceived, Parent, RunMoved, RunPaused, RunResumed, RunStarted
from auraos.core.run.moving import Plan

HOUR, DAY = 3_600, 86_400
ORDER = """
steps:
  charge: {type: act, undo: {type: act, with: {back: true}}}
  note: {type: transform, with: {set: {n: 1}}}
  approve: {type: human.approve, with: {title: May it go, expires: 3d}}
  ship: {type: act}
links: [charge -> note, note -> approve, approve.approved -> ship]
"""
OTHER = """
steps:
  pay: {type: act, undo: {type: act, with: {back: true}}}
  note: {type: transform, with: {set: {n: 2}}}
  approve: {type: human.approve, with: {title: May it really go, expires: 9d}}
  pack: {type: act, with: {n: "{{ steps.note.n }}", paid: "{{ steps.pay.id }}"}}
  ship: {type: act}
links: [pay -> note, note -> approve, approve.approved -> pack, pack -> ship]
"""


def plan_of(hand, program, *, steps=None, drop=()):
    return Plan(hand.program, program, hand.journal, steps=steps or {}, drop=drop)


def start_of(hand, program, plan):
    return RunStarted(
        at=hand.now, run="run-2", workflow="tested", version=program.version, number=2, input=hand.state.input,
        variables=plan.variables(hand.journal), origin=hand.state.origin, parent=Parent(run="run-1", kind="move"),
        inherited=tuple(plan.taken.values()), moved=plan.carried,
    )  # fmt: skip


def look(hand, read_program, text, **how):
    program = read_program(text, "v2")
    plan = plan_of(hand, program, **how)
    return plan.rehearse(start_of(hand, program, plan))


def move(drive, hand, read_program, text, **how):
    """Move a run and return the one that goes on."""
    program = read_program(text, "v2")
    plan = plan_of(hand, program, **how)
    started = start_of(hand, program, plan)
    found = plan.rehearse(started)
    assert not found.objections, found.objections
    hand.tell(RunMoved(at=hand.now, run="run-2", version="v2", by="ann")).check_replay()
    kept = {
        name: getattr(started, name) for name in RunStarted.__struct_fields__ if name not in ("at", "input")
    }
    return drive(program, started.input, began=hand.now, **kept)


def fates(found):
    return {fate.path: (fate.was, fate.becomes, fate.to) for fate in found.fates}


def words_of(found):
    return " ".join(one.words for one in found.objections)


def test_what_was_done_is_kept_under_its_new_name_and_what_waits_waits_on(drive, read_program):
    hand = drive(ORDER).succeed("charge", {"id": 7}).wait(0)
    found = look(hand, read_program, OTHER, steps={"charge": "pay"})
    assert fates(found) == {
        "charge": ("finished", "kept", "pay"),
        "note": ("finished", "kept", "note"),
        "approve": ("waiting", "kept", "approve"),
    }
    assert (found.objections, found.begins, found.ends) == ((), (), "")
    again = move(drive, hand, read_program, OTHER, steps={"charge": "pay"})
    assert hand.status == "moved"
    assert [fact.__class__.__name__ for fact in hand.journal[-2:]] == ["RunMoved", "RunFinished"]
    again.answer("approve", "approved")
    assert list(again.open) == ["pack"]
    assert again.open["pack"].parameters == {"n": 1, "paid": 7}, "what was computed is not computed again"
    assert again.succeed("pack").succeed("ship").check_replay().status == "succeeded"
    assert [one.path for one in again.executed] == ["pack", "ship"]


def test_a_wait_that_had_three_days_has_what_is_left_of_them(drive, read_program):
    hand = drive(ORDER).succeed("charge").wait(DAY)
    due = hand.timers["approve", "due"]
    hand.now += HOUR
    again = move(drive, hand, read_program, OTHER, steps={"charge": "pay"})
    assert hand.timers == {}, "the run that is over waits for nothing"
    assert again.timers == {("approve", "due"): due}
    assert again.wait(2 * DAY).how("approve") == "failed"


@pytest.mark.parametrize(
    "other", ["{type: wait.for, with: {duration: 9d}}", "{type: wait.for, with: {duration: 1s}}"]
)
def test_a_timer_fires_when_it_would_have_fired(drive, read_program, other):
    hand = drive("steps: {a: {type: wait.for, with: {duration: 3d}}}").wait(DAY)
    due = hand.timers["a", "due"]
    again = move(drive, hand, read_program, f"steps: {{a: {other}}}")
    assert again.timers["a", "due"] == due
    assert again.wait(2 * DAY).status == "succeeded"


def test_a_deadline_that_only_the_other_version_has_counts_from_when_the_wait_began(drive, read_program):
    hand = drive("steps: {a: {type: wait.signal, with: {name: go}}}")
    began = hand.now
    hand.wait(DAY)
    again = move(drive, hand, read_program, "steps: {a: {type: wait.signal, with: {name: go, expires: 3d}}}")
    assert again.timers["a", "due"] == began + 3 * DAY * 1_000_000


def test_a_limit_of_a_step_and_of_the_run_counts_on(drive, read_program):
    text = """
settings: {timeout: 5d}
steps:
  a: {type: wait.signal, with: {name: go}, timeout: 2d, deadline: 3d}
"""
    hand = drive(
        "kind: workflow\nname: tested\nspec:\n" + "\n".join("  " + line for line in text.splitlines())
    )
    timers = dict(hand.timers)
    hand.wait(DAY)
    again = move(drive, hand, read_program, text)
    assert again.timers == timers


def test_signals_that_nobody_took_go_along_and_one_that_was_taken_stays_taken(drive, read_program):
    text = """
steps:
  one: {type: wait.signal, with: {name: first}}
  two: {type: wait.signal, with: {name: second}}
  three: {type: wait.signal, with: {name: third}}
links: [one -> two, two -> three]
"""
    hand = drive(text).signal("first", 1, sent_as="s1").signal("third", 3, sent_as="s3")
    again = move(drive, hand, read_program, text)
    again.signal("first", 1, sent_as="s1").signal("second", 2)
    assert again.status == "succeeded"
    assert again.state.root.outputs["three"]["data"] == 3
    assert again.check_replay().state.mailbox_size == 0


def test_an_event_that_came_already_is_not_taken_again(drive, read_program):
    text = "steps: {a: {type: wait.event, with: {type: paid}}, b: {type: wait.event, with: {type: paid}}}\nlinks: [a -> b]"
    hand = drive(text)
    hand.tell(EventReceived(at=hand.now, id="e1", type="paid", event={"id": "e1"}))
    again = move(drive, hand, read_program, text)
    again.tell(EventReceived(at=again.now, id="e1", type="paid", event={"id": "e1"}))
    assert again.status == "waiting"


def test_a_paused_run_stays_paused_and_its_waits_go_on(drive, read_program):
    text = """
steps:
  hold: {type: wait.for, with: {duration: 3d}}
  each: {type: foreach, with: {items: "{{ input }}"}, steps: {a: {type: wait.signal, with: {name: "go {{ item }}"}}}}
  do: {type: act, with: {effect: read}}
links: [hold -> do]
"""
    hand = drive(text, ["x", "y"]).signal("go x")
    hand.tell(RunPaused(at=hand.now, by="ann", reason="a look")).wait(DAY)
    due = hand.timers["hold", "due"]
    again = move(drive, hand, read_program, text)
    assert (again.status, again.state.pause_reason) == ("paused", "a look")
    assert again.timers == {("hold", "due"): due}
    assert [path for path, act in again.state.activations.items() if act.status == "waiting"] == [
        "hold",
        "each[1]/a",
    ]
    again.signal("go y").wait(2 * DAY)
    assert (again.status, again.open) == ("paused", {}), "nothing new begins in a pause"
    again.tell(RunResumed(at=again.now, by="ann")).check_replay()
    assert again.succeed("do").status == "succeeded"


def test_variables_that_were_changed_stay_changed(drive, read_program):
    hand = drive(ORDER, variables={"a": 1, "b": 1}).succeed("charge")
    hand.tell(RunPaused(at=hand.now)).tell(RunResumed(at=hand.now, variables={"a": 2}))
    again = move(drive, hand, read_program, OTHER, steps={"charge": "pay"})
    assert again.state.variables == {"a": 2, "b": 1}


def test_what_was_carried_over_is_undone_by_its_own_way_back(drive, read_program):
    hand = drive(ORDER).succeed("charge", {"id": 7})
    again = move(drive, hand, read_program, OTHER, steps={"charge": "pay"})
    again.answer("approve", "approved").fail("pack")
    assert list(again.open) == ["pay!undo"]
    assert again.succeed("pay!undo").check_replay().status == "compensated"


def test_a_loop_goes_on_over_the_items_that_it_began_with(drive, read_program):
    text = """
steps:
  each:
    type: foreach
    with: {items: "{{ input }}"}
    steps:
      a: {type: act, undo: {type: act}}
      b: {type: wait.signal, with: {name: go}}
    links: [a -> b]
"""
    other = (
        text.replace("{{ input }}", "{{ ['other'] }}")
        .replace("name: go", "name: on")
        .replace("a -> b", "a -> b, b -> c")
    )
    other = other.replace("    links: [", "      c: {type: act, with: {of: '{{ item }}'}}\n    links: [")
    hand = drive(text, ["x", "y", "z"]).succeed("each[0]/a").signal("go").succeed("each[1]/a")
    found = look(hand, read_program, other)
    assert fates(found)["each"] == ("open", "kept", "each")
    assert found.begins == ("each[0]/c",), "the first item is done again only as far as something is new"
    again = move(drive, hand, read_program, other)
    assert again.open["each[0]/c"].parameters == {"of": "x"}
    again.succeed("each[0]/c").signal("on").succeed("each[1]/c").succeed("each[2]/a").signal("on")
    assert again.succeed("each[2]/c").check_replay().status == "succeeded"
    assert [one.path for one in again.executed] == ["each[0]/c", "each[1]/c", "each[2]/a", "each[2]/c"]


def test_a_while_goes_on_with_the_round_that_it_was_in(drive, read_program):
    text = """
steps:
  turn:
    type: while
    with: {condition: "{{ index < 3 }}", limit: 9}
    steps: {a: {type: act}}
"""
    hand = drive(text).succeed("turn[1]/a", 1)
    hand.tell(RunPaused(at=hand.now))
    assert "under way" in words_of(look(hand, read_program, text))
    hand.succeed("turn[2]/a", 2)
    again = move(drive, hand, read_program, text.replace("index < 3", "index < 1"))
    again.tell(RunResumed(at=again.now))
    assert (again.status, again.executed) == ("succeeded", []), (
        "it is asked again only after the rounds that were"
    )


def test_a_step_that_only_reads_is_begun_again(drive, read_program):
    text = "steps: {a: {type: act, with: {effect: read}}}"
    hand = drive(text)
    assert fates(look(hand, read_program, text)) == {"a": ("open", "anew", "a")}
    again = move(drive, hand, read_program, text)
    assert hand.cancelled == ["a"]
    assert again.succeed("a").status == "succeeded"


def test_an_effect_under_way_or_in_doubt_keeps_a_run_from_being_moved(drive, read_program):
    hand = drive("steps: {a: {type: act}}")
    assert "is under way" in words_of(look(hand, read_program, "steps: {a: {type: act}}"))
    hand.doubt("a")
    assert "Nobody knows" in words_of(look(hand, read_program, "steps: {a: {type: act}}"))


def test_an_effect_that_has_no_place_keeps_a_run_from_being_moved_unless_it_is_dropped(drive, read_program):
    hand = drive(ORDER).succeed("charge")
    assert [one.path for one in look(hand, read_program, OTHER).objections] == ["charge"]
    found = look(hand, read_program, OTHER, drop=["charge"])
    assert found.objections == ()
    assert fates(found)["charge"] == ("finished", "dropped", "")
    assert found.begins == ("pay",)


def test_an_effect_that_the_other_version_does_not_come_to_keeps_a_run_from_being_moved(drive, read_program):
    hand = drive(ORDER).succeed("charge")
    other = """
steps:
  never: {type: if, with: {condition: "{{ false }}"}}
  charge: {type: act}
  approve: {type: human.approve, with: {title: May it go}}
links: [never.true -> charge]
"""
    assert "does not come to it" in words_of(look(hand, read_program, other))


def test_a_version_by_which_the_run_would_fail_at_once_is_refused(drive, read_program):
    hand = drive(ORDER).succeed("charge")
    other = ORDER.replace("May it go", "{{ 1 / 0 }}")
    assert "would fail at once" in words_of(look(hand, read_program, other))


@pytest.mark.parametrize(
    ("steps", "words"),
    [
        ({"nobody": "note"}, "no step 'nobody'"),
        ({"charge": "nobody"}, "no step 'nobody' in the other"),
        ({"charge": "note"}, "would both become 'note'"),
    ],
)
def test_names_that_do_not_fit_are_told(drive, read_program, steps, words):
    hand = drive(ORDER).succeed("charge")
    assert words in words_of(look(hand, read_program, ORDER, steps=steps))


def test_a_run_that_is_failing_or_over_is_not_moved(drive, read_program):
    hand = drive(ORDER).succeed("charge").answer("approve", "approved").fail("ship")
    assert "compensating" in words_of(look(hand, read_program, ORDER))
    hand.succeed("charge!undo")
    assert "over" in words_of(look(hand, read_program, ORDER))


def test_a_try_that_handles_its_failure_is_not_moved(drive, read_program):
    text = "steps: {t: {type: try, steps: {a: {type: act}}, catch: {steps: {b: {type: wait.signal, with: {name: go}}}}}}"
    hand = drive(text).fail("t/a")
    assert "`catch`" in words_of(look(hand, read_program, text))


def test_a_wait_that_is_gone_is_dropped_and_the_run_goes_on(drive, read_program):
    hand = drive(ORDER).succeed("charge")
    other = "steps: {charge: {type: act}, ship: {type: act}}\nlinks: [charge -> ship]"
    found = look(hand, read_program, other)
    assert fates(found)["approve"] == ("waiting", "dropped", "")
    assert found.begins == ("ship",)


def test_a_run_that_waits_for_one_that_it_called_is_not_moved(drive, read_program):
    child = read_program("kind: workflow\nname: child\nspec:\n  steps: {c: {type: act}}")
    text = "steps: {a: {type: call, with: {workflow: child}}}"
    hand = drive(text, programs={"child": child})
    assert "answer to a run that is over" in words_of(look(hand, read_program, text))


def test_nobody_hears_of_a_run_that_was_moved(drive, read_program):
    text = ORDER.replace("steps:", "settings: {on_failure: alarm}\nsteps:", 1)
    hand = drive(text).succeed("charge")
    before = len(hand.commands)
    move(drive, hand, read_program, text)
    kinds = {type(command).__name__ for command in hand.commands[before:]}
    assert kinds == {"StopTimer", "Withdraw", "EndRun"}
