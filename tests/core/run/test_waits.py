"""Times, signals, events, people, called runs; pausing; and what the run says while it waits."""

from auraos.core.run import explain
from auraos.core.run.facts import EventReceived, RunPaused, RunResumed

SIGNAL = """
steps:
  w: {type: wait.signal, with: {name: paid, key: "{{ input }}", expires: 1h}}
  a: {type: act, with: {got: "{{ steps.w.data }}"}}
links: [w -> a]
"""


def test_a_wait_ends_at_its_time(drive):
    hand = drive("steps: {w: {type: wait.for, with: {duration: 1h30m}}}")
    assert hand.status == "waiting"
    assert hand.wait(5399).status == "waiting"
    assert hand.wait(1).check_replay().status == "succeeded"


def test_a_wait_until_a_time_that_has_passed_does_not_wait(drive):
    hand = drive("steps: {w: {type: wait.until, with: {at: '1970-01-01T00:00:00Z'}}}").wait(0)
    assert hand.check_replay().status == "succeeded"


def test_a_signal_that_came_early_is_taken_at_once(drive):
    hand = drive("steps: {a: {type: act}, w: {type: wait.signal, with: {name: paid}}}\nlinks: [a -> w]")
    hand.signal("paid", 1).signal("paid", 2).signal("other").succeed("a")
    assert hand.check_replay().state.output["data"] == 1


def test_a_signal_goes_to_the_wait_of_its_name_and_key(drive):
    hand = drive(SIGNAL, 7).signal("paid", "wrong", key="8").signal("paid", "right", key="7")
    assert hand.open["a"].parameters == {"got": "right"}
    assert hand.check_replay().succeed("a").status == "succeeded"


def test_a_signal_sent_twice_with_one_id_counts_once(drive):
    text = "steps: {w: {type: wait.signal, with: {name: s}}, v: {type: wait.signal, with: {name: s}}}\nlinks: [w -> v]"
    hand = drive(text).signal("s", 1, sent_as="x").signal("s", 1, sent_as="x")
    assert hand.check_replay().status == "waiting"


def test_a_wait_that_expires_goes_on_at_its_port_or_fails(drive):
    assert drive(SIGNAL, 7).wait(3600).check_replay().state.error.class_ == "timeout"
    hand = drive(SIGNAL.replace("w -> a", "w.expired -> a"), 7).wait(3600)
    assert hand.open["a"].parameters == {"got": None}


def test_an_approval_takes_the_first_answer_and_its_port(drive):
    text = """
steps:
  ask: {type: human.approve, with: {title: "Order {{ input }}", group: sales, expires: 2d, remind: 1d}}
  yes: {type: act, with: {by: "{{ steps.ask.by }}"}}
  no_: {type: act}
links: [ask.approved -> yes, ask.rejected -> no_]
"""
    hand = drive(text, 7)
    assert "sales" in explain(hand.state)[0].words
    assert hand.wait(86_400).asked[-1].again
    hand.answer("ask", "approved", by="ann").answer("ask", "rejected", by="bob")
    assert hand.open["yes"].parameters == {"by": "ann"}
    assert hand.how("no_") == "skipped"
    assert not hand.timers
    hand.check_replay()


def test_an_event_is_taken_by_the_wait_whose_condition_holds(drive):
    text = "steps: {w: {type: wait.event, with: {type: stock, match: '{{ event.sku == input }}'}}}"
    hand = drive(text, "B")
    for number, sku in enumerate("AB"):
        hand.tell(EventReceived(at=hand.now, id=str(number), type="stock", event={"sku": sku}))
    assert hand.check_replay().state.output == {"sku": "B"}


def test_a_paused_run_starts_nothing_and_goes_on_with_changed_variables(drive):
    text = "variables: {n: 1}\nsteps: {a: {type: act}, b: {type: act, with: {n: '{{ vars.n }}'}}}\nlinks: [a -> b]"
    hand = drive(text)
    hand.tell(RunPaused(at=hand.now, by="ann", reason="lunch")).succeed("a")
    assert hand.status == "paused"
    assert not hand.open
    assert "lunch" in explain(hand.state)[0].words
    hand.tell(RunResumed(at=hand.now, variables={"n": 2}))
    assert hand.check_replay().open["b"].parameters == {"n": 2}


CHILD = """
kind: workflow
name: child
spec:
  steps: {c: {type: act, undo: {type: act, with: {of: "{{ input }}"}}}}
"""


def test_a_called_run_brings_its_output_and_is_undone_with_the_caller(drive, read_program):
    programs = {"child": read_program(CHILD)}
    text = "steps: {k: {type: call, with: {workflow: child, input: 7}}, z: {type: act}}\nlinks: [k -> z]"
    hand = drive(text, programs=programs)
    child = next(iter(hand.children.values()))
    assert "child" in explain(hand.state)[0].words
    child.succeed("c", "made")
    hand.collect(child)
    assert hand.state.root.outputs["k"] == "made"
    hand.fail("z")
    assert hand.open["k/c!undo"].parameters == {"of": 7}
    assert hand.succeed("k/c!undo").check_replay().status == "compensated"


def test_a_called_run_that_fails_fails_the_step_with_its_cause(drive, read_program):
    hand = drive("steps: {k: {type: call, with: {workflow: child}}}", programs={"child": read_program(CHILD)})
    child = next(iter(hand.children.values()))
    child.fail("c", code="inner")
    hand.collect(child)
    assert hand.check_replay().state.error.cause.code == "inner"


def test_calls_may_not_be_nested_without_end(drive, read_program):
    text = "kind: workflow\nname: tested\nspec: {steps: {k: {type: call, with: {workflow: tested}}}}"
    programs = {}
    programs["tested"] = read_program(text)
    hand = drive(text, programs=programs)
    depth = 0
    while hand.children:
        hand = next(iter(hand.children.values()))
        depth += 1
    assert depth == 16
    assert hand.state.error.code == "call-too-deep"


def test_a_call_without_waiting_goes_on_with_the_run_it_started(drive, read_program):
    text = "steps: {k: {type: call, with: {workflow: child, wait: false}}}"
    hand = drive(text, programs={"child": read_program(CHILD)})
    assert hand.check_replay().state.output["run"] in hand.children
