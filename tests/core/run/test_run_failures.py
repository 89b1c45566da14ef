"""Failing, retrying, doubting, undoing."""

from auraos.core.run.facts import RunPaused, RunQuarantined, RunReleased, StepResolved

SAGA = """
steps:
  reserve: {type: act, undo: {type: act, with: {what: release, id: "{{ steps.reserve.id }}"}}}
  pay: {type: act, undo: {type: act, with: {what: refund}}}
  ship: {type: act}
links: [reserve -> pay, pay -> ship]
"""


def test_a_failure_undoes_what_succeeded_latest_first(drive):
    hand = drive(SAGA).succeed("reserve", {"id": 7}).succeed("pay").fail("ship")
    assert list(hand.open) == ["pay!undo"]
    assert hand.status == "compensating"
    hand.succeed("pay!undo")
    assert hand.open["reserve!undo"].parameters == {"what": "release", "id": 7}
    hand.succeed("reserve!undo").check_replay()
    assert hand.status == "compensated"
    assert hand.state.error.step == "" or hand.state.error.path == "ship"


def test_an_undo_that_keeps_failing_becomes_a_task_and_never_silence(drive):
    hand = drive(SAGA).succeed("reserve", {"id": 7}).fail("pay")
    for _ in range(5):
        hand.fail("reserve!undo", "transient").wait(600)
    assert hand.status == "compensating"
    assert [command.about for command in hand.asked if hasattr(command, "about")] == ["undo"]
    hand.tell(StepResolved(at=hand.now, path="reserve!undo", outcome="succeeded", by="ann"))
    assert hand.check_replay().status == "compensated"


def test_transient_failures_are_retried_with_growing_delays(drive):
    hand = drive("steps: {a: {type: act, retry: {attempts: 3, first: 1s, factor: 2, jitter: 0}}}").fail(
        "a", "transient"
    )
    assert hand.timers == {("a", "retry"): hand.now + 1_000_000}
    hand.wait(1).fail("a", "transient")
    assert hand.timers == {("a", "retry"): hand.now + 2_000_000}
    hand.wait(2).succeed("a", "done").check_replay()
    assert hand.state.output == "done"
    assert {command.key for command in hand.executed} == {hand.executed[0].key}


def test_retry_after_is_honoured(drive):
    hand = drive("steps: {a: {type: act, retry: {attempts: 2}}}").fail("a", "transient", retry_after=90.0)
    assert hand.timers["a", "retry"] == hand.now + 90_000_000


def test_a_permanent_failure_is_not_retried_unless_named(drive):
    assert drive("steps: {a: {type: act, retry: {attempts: 3}}}").fail("a").status == "failed"
    hand = drive("steps: {a: {type: act, retry: {attempts: 3, on: [broken]}}}").fail("a")
    assert ("a", "retry") in hand.timers


def test_an_unknown_write_is_never_repeated_but_asked_about(drive):
    hand = drive("steps: {a: {type: act, retry: {attempts: 5, on: [transient, unknown]}}}").doubt("a")
    assert not hand.open
    assert hand.asked[-1].about == "uncertain"
    assert "Nobody knows" in hand.state.activations["a"].step.id or hand.status == "waiting"


def test_an_unknown_read_is_retried(drive):
    hand = drive("steps: {a: {type: act, with: {effect: read}, retry: {attempts: 2}}}").doubt("a").wait(2)
    assert hand.open["a"].attempt == 2


def test_an_attempt_lost_with_its_process_does_not_count(drive):
    hand = drive("steps: {a: {type: act, with: {effect: idempotent}}}")
    for number in range(2, 5):
        hand.doubt("a", lost=True)
        assert hand.open["a"].attempt == number
    assert hand.doubt("a", lost=True).check_replay().status == "failed"


def test_a_doubt_is_verified_where_the_step_says_how(drive):
    text = """
steps:
  pay:
    type: act
    retry: {attempts: 2}
    verify: {type: act, with: {effect: read, id: "{{ input }}"}, done: "{{ output.found }}"}
"""
    hand = drive(text, 7).doubt("pay")
    assert hand.open["pay!verify"].parameters == {"effect": "read", "id": 7}
    assert hand.succeed("pay!verify", {"found": True}).check_replay().status == "succeeded"
    hand = drive(text, 7).doubt("pay").succeed("pay!verify", {"found": False}).wait(5)
    assert hand.open["pay"].attempt == 2
    hand = drive(text, 7).doubt("pay").succeed("pay!verify", {"found": "perhaps"})
    assert hand.asked[-1].about == "uncertain"


def test_a_late_definite_answer_ends_the_doubt(drive):
    hand = drive("steps: {a: {type: act}}")
    command = hand.open["a"]
    hand.doubt("a")
    hand.open["a"] = command
    assert hand.succeed("a", "after all").check_replay().state.output == "after all"


def test_the_error_port_catches(drive):
    text = """
steps:
  a: {type: act}
  b: {type: act, with: {why: "{{ errors.a.code }}"}}
  c: {type: act}
links: [a.error -> b, a -> c]
"""
    hand = drive(text).fail("a", code="no-stock")
    assert hand.how("a") == "caught"
    assert hand.how("c") == "skipped"
    assert hand.open["b"].parameters == {"why": "no-stock"}
    assert hand.succeed("b").check_replay().status == "succeeded"


def test_a_fallback_stands_in_for_a_failure(drive):
    hand = drive("steps: {a: {type: act, fallback: {price: 0}}}").fail("a")
    assert hand.check_replay().state.output == {"price": 0}


def test_an_output_not_as_expected_is_a_failure_of_class_data_and_is_undone(drive):
    text = "steps: {a: {type: act, expect: {type: object, required: [id]}, undo: {type: act}}}"
    hand = drive(text).succeed("a", {"no": 1})
    assert hand.open["a!undo"]
    assert hand.succeed("a!undo").check_replay().state.error.code == "not-as-expected"


def test_a_key_makes_a_write_repeatable_under_the_same_key(drive):
    text = "steps: {a: {type: act, key: '{{ input }}', retry: {attempts: 2}}}"
    first, second = drive(text, 7), drive(text, 7, run="run-2")
    assert first.open["a"].key == second.open["a"].key
    assert first.open["a"].effect == "idempotent"
    assert first.doubt("a").wait(2).open["a"].attempt == 2


def test_when_a_scope_fails_a_running_write_is_awaited_and_a_read_is_cancelled(drive):
    text = """
steps:
  a: {type: act}
  write: {type: act, undo: {type: act}}
  read: {type: act, with: {effect: read}}
"""
    hand = drive(text).fail("a")
    assert hand.cancelled == ["read"]
    hand.fail("read", "cancelled")
    assert hand.status == "compensating"
    hand.succeed("write", "late")
    assert list(hand.open) == ["write!undo"]
    assert hand.succeed("write!undo").check_replay().status == "compensated"


def test_a_deadline_ends_the_tries(drive):
    hand = drive("steps: {a: {type: act, deadline: 10s, retry: {attempts: 9, first: 30s, max: 30s}}}")
    hand.fail("a", "transient").wait(11)
    assert hand.check_replay().status == "failed"
    assert hand.state.error.code == "deadline"


def test_a_run_timeout_fails_the_run(drive):
    hand = drive("settings: {timeout: 1h}\nsteps: {a: {type: wait.for, with: {duration: 5h}}}").wait(3601)
    assert hand.check_replay().state.error.code == "run-timeout"
    assert hand.status == "failed"


def test_cancel_runs_finally_but_not_catch_and_undoes_only_when_asked(drive):
    text = """
steps:
  guard:
    type: try
    steps:
      a: {type: act, undo: {type: act}}
      b: {type: wait.signal, with: {name: go}}
    links: [a -> b]
    catch: {steps: {tell: {type: act}}}
    finally: {steps: {clean: {type: act}}}
"""
    hand = drive(text).succeed("guard/a").cancel()
    assert list(hand.open) == ["guard/clean"]
    assert hand.succeed("guard/clean").check_replay().status == "cancelled"
    assert not [c for c in hand.executed if c.purpose == "undo"]
    hand = drive(text).succeed("guard/a").cancel(undo=True)
    assert list(hand.open) == ["guard/a!undo"]
    hand.succeed("guard/a!undo").succeed("guard/clean").check_replay()
    assert hand.status == "cancelled"


def test_cancel_during_compensation_changes_nothing_and_force_ends_it(drive):
    hand = drive(SAGA).succeed("reserve", {"id": 7}).fail("pay").cancel()
    assert list(hand.open) == ["reserve!undo"]
    hand.cancel(force=True)
    assert hand.check_replay().status == "cancelled"
    assert hand.asked[-2].about == "forced"


def test_a_final_run_accepts_nothing_more(drive):
    hand = drive("steps: {a: {type: act}}").succeed("a", 1)
    before = len(hand.journal)
    hand.cancel().signal("x")
    assert hand.status == "succeeded"
    assert len(hand.journal) == before


def test_a_failing_expression_is_an_error_of_the_run(drive):
    hand = drive('steps: {a: {type: transform, with: {set: {x: "{{ input.n > 3 }}"}}}}', {})
    assert hand.check_replay().status == "failed"
    assert hand.state.error.class_ == "data"
    assert hand.state.error.path == "a"


def test_stop_ends_the_whole_run_with_an_output(drive):
    hand = drive("steps: {s: {type: stop, with: {output: 5}}, w: {type: wait.for, with: {duration: 5d}}}")
    assert hand.check_replay().status == "succeeded"
    assert hand.state.output == 5


def test_an_attempt_may_take_no_longer_than_what_is_left_of_the_deadline(drive):
    hand = drive(
        "steps: {a: {type: act, timeout: 30s, deadline: 40s, retry: {attempts: 3, first: 1s, jitter: 0}}}"
    )
    assert hand.open["a"].timeout == 30
    assert hand.wait(30).fail("a", "transient").wait(1).open["a"].timeout == 9


def test_a_computation_that_is_too_large_for_a_turn_is_done_elsewhere(drive):
    text = 'steps: {a: {type: noop, with: {value: "{{ sum(x * y for x in range(input) for y in range(300)) }}"}}}'
    hand = drive(text, 300)
    assert [type(command).__name__ for command in hand.commands][:1] == ["Compute"]
    assert hand.check_replay().state.output == sum(x * y for x in range(300) for y in range(300))


def test_a_fallback_stands_in_for_a_computation_that_fails_elsewhere(drive):
    text = """
steps: {a: {type: noop, fallback: 7, with: {value: "{{ sum(1 / (x - 50000) for x in range(input)) }}"}}}
"""
    hand = drive(text, 60_000)
    assert hand.check_replay().state.output == 7


def test_an_undo_that_cannot_be_evaluated_becomes_a_task_when_its_turn_comes(drive):
    text = 'steps: {a: {type: act, undo: {type: act, with: {id: "{{ steps.a.id + 1 }}"}}}}'
    hand = drive(text).succeed("a", {"id": "text"})
    assert hand.status == "compensating"
    assert hand.asked[-1].about == "undo"
    hand.tell(StepResolved(at=hand.now, path="a!undo", outcome="retry", by="ann"))
    assert not hand.open
    hand.tell(StepResolved(at=hand.now, path="a!undo", outcome="succeeded", by="ann"))
    assert hand.check_replay().status == "compensated"


def test_what_may_have_taken_effect_is_repeated_until_it_is_known_and_then_undone(drive):
    text = """
steps:
  put: {type: act, with: {effect: idempotent}, retry: {attempts: 2}, undo: {type: act}}
  other: {type: act}
"""
    hand = drive(text).doubt("put").fail("other").wait(60)
    assert hand.open["put"].attempt == 2
    hand.succeed("put", {"id": 1}).succeed("put!undo")
    assert hand.check_replay().status == "compensated"


def test_what_never_becomes_known_is_asked_about(drive):
    text = "steps: {put: {type: act, with: {effect: idempotent}, undo: {type: act}}}"
    hand = drive(text)
    for _ in range(5):
        hand.doubt("put").wait(600)
    assert hand.asked[-1].about == "uncertain"
    hand.tell(StepResolved(at=hand.now, path="put", outcome="failed", by="ann"))
    assert hand.check_replay().status == "failed"


def test_a_cancel_during_compensation_leaves_a_pause_alone(drive):
    hand = drive(SAGA).succeed("reserve", {"id": 7}).fail("pay")
    hand.tell(RunPaused(at=hand.now)).cancel()
    assert hand.check_replay().status == "paused"


def test_a_paused_run_that_was_quarantined_and_released_stays_paused(drive):
    hand = drive(SAGA)
    hand.tell(RunPaused(at=hand.now)).tell(RunQuarantined(at=hand.now, reason="x")).tell(
        RunReleased(at=hand.now)
    )
    assert hand.check_replay().status == "paused"
