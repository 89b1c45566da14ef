"""What the language promises of failure: the shape of an error, retries, fallbacks, what is expected, undo."""

import pytest
from language_cases import output_of, play

from core.run.machine_hand import Hand

CHARGE = "type: http.request, with: {method: POST, url: 'https://pay.example'}"
LOOK = "type: http.request, with: {url: 'https://a.example'}"
BACK = "{type: http.request, with: {method: DELETE, url: 'https://pay.example'}}"
BREAK = "type: fail, with: {message: no}"


# --- the error ---


def test_an_error_has_every_field_of_its_shape_and_its_data_keep_their_kinds():
    spec = """
steps:
  a: {type: fail, with: {message: m, class: data, code: c-d, data: {cost: "{{ decimal('0.10') }}"}}}
  b: {type: noop, with: {value: "{{ errors.a }}"}}
  c: {type: noop, with: {value: "{{ errors.a.data.cost + 1 }}"}}
  d: {type: noop, with: {value: "{{ now() - errors.a.at }}"}}
links: [a.error -> b, a.error -> c, a.error -> d]
output: "{{ [steps.b, steps.c, steps.d] }}"
"""
    error, cost, since = output_of(spec)
    named = {name: error[name] for name in ("class", "code", "message", "step", "path", "cause", "data")}
    assert named == {
        "class": "data",
        "code": "c-d",
        "message": "m",
        "step": "a",
        "path": "a",
        "cause": None,
        "data": {"cost": {"$decimal": "0.10"}},
    }
    assert error["at"] == {"$datetime": "2026-01-05T09:00:00Z"}
    assert "attempt" in error
    assert (cost, since) == ({"$decimal": "1.10"}, {"$duration": "0s"})


def test_an_error_says_the_attempt_and_the_step_inside_of_a_loop():
    spec = f"""
steps:
  each:
    type: foreach
    with: {{items: [1, 2], on_error: report}}
    steps: {{look: {{{LOOK}, retry: {{attempts: 2, jitter: 0}}}}}}
output: "{{{{ [[f.index, f.item, f.error.step, f.error.path, f.error.attempt] for f in steps.each.failures] }}}}"
"""
    case = "mocks: {each/look: {$each: [{n: 1}, {$fail: transient}]}}"
    assert output_of(spec, case) == [[1, 2, "look", "each[1]/look", 2]]


def test_what_is_not_caught_goes_up_with_the_first_cause():
    spec = f"""
steps:
  guard:
    type: try
    steps:
      each: {{type: foreach, with: {{items: [1]}}, steps: {{a: {{{BREAK}}}}}}}
    catch: {{steps: {{b: {{type: noop}}, c: {{type: fail, with: {{message: "again {{{{ errors.guard.path }}}}"}}}}}}}}
"""
    assert play(spec, "expect: {error: {message: 'again guard/each[0]/a', path: guard/c}}").passed


def test_a_failed_called_run_fails_the_step_with_its_cause():
    child = f"steps: {{a: {{{BREAK}}}}}"
    spec = "steps: {c: {type: call, with: {workflow: child}}}"
    case = "expect: {error: {path: c, code: called-run-failed, cause: {path: a, message: 'no'}}}"
    assert play(spec, case, {"child": child}).passed


# --- retry ---


def tries(step, mocks, expect):
    case = f"mocks: {{a: {mocks}}}, expect: {expect}"
    return play(f"steps: {{a: {{{step}}}}}", case)


AGAIN = "retry: {attempts: 3, first: 10s, factor: 2, jitter: 0}"


def test_one_attempt_is_the_default():
    assert tries(LOOK, "{$fail: transient}", "{error: transient, calls: {a: 1}}").passed


def test_only_transient_failures_are_retried_by_default_and_the_pause_grows():
    assert tries(
        f"{LOOK}, {AGAIN}", "{$fail: transient}", "{error: transient, calls: {a: 3}, took: 30s}"
    ).passed
    assert tries(f"{LOOK}, {AGAIN}", "{$fail: permanent}", "{error: permanent, calls: {a: 1}}").passed


@pytest.mark.parametrize("word", ["credential", "http-429"])
def test_retry_names_classes_or_codes(word):
    step = f"{LOOK}, retry: {{attempts: 2, on: [{word}]}}"
    mocks = "[{$fail: {class: credential, code: http-429}}, {n: 1}]"
    assert tries(step, mocks, "{calls: {a: 2}}").passed


def test_a_class_that_is_not_named_is_not_retried():
    step = f"{LOOK}, retry: {{attempts: 2, on: [credential]}}"
    assert tries(step, "{$fail: transient}", "{error: transient, calls: {a: 1}}").passed


def test_retry_after_is_honoured_where_it_is_longer_than_the_pause():
    fails = "{$fail: {class: transient, retry_after: 5m}}"
    assert tries(f"{LOOK}, {AGAIN}", f"[{fails}, {{n: 1}}]", "{took: 5m, calls: {a: 2}}").passed


@pytest.mark.parametrize("key", ["", ", key: '{{ run.id }}'"])
def test_a_time_out_of_what_may_be_repeated_counts_as_transient(key):
    step = (LOOK if not key else CHARGE) + key
    mocks = "[{$after: 1m, $output: late}, {n: 2}]"
    assert tries(f"{step}, timeout: 5s, {AGAIN}", mocks, "{output: {n: 2}, took: 15s, calls: {a: 2}}").passed


def test_a_time_out_that_is_not_repeated_keeps_its_class():
    step = f"{LOOK}, timeout: 5s, retry: {{attempts: 3, on: [credential]}}"
    assert tries(step, "{$after: 1m}", "{error: {class: timeout, code: timeout}, calls: {a: 1}}").passed


def test_a_time_out_of_a_write_is_never_repeated_and_a_person_is_asked():
    step = f"{CHARGE}, timeout: 5s, {AGAIN}"
    assert tries(
        step, "{$after: 1m, $output: late}", "{state: waiting, waits_for: [a], calls: {a: 1}}"
    ).passed


def test_an_unknown_read_counts_as_transient():
    assert tries(f"{LOOK}, {AGAIN}", "[{$unknown: true}, {n: 2}]", "{output: {n: 2}}").passed


def test_attempts_lost_with_a_process_do_not_count_and_three_are_lost_at_most():
    hand = Hand("steps: {a: {type: act, with: {effect: read}}}")
    for _ in range(3):
        hand.doubt("a", lost=True)
    assert hand.open["a"].attempt == 4
    hand.doubt("a", lost=True)
    assert (hand.status, hand.state.error.class_) == ("failed", "unknown")


# --- deadline, fallback, expect, undo: on every sort of step ---

CHILD = {"child": "steps: {a: {type: noop, with: {value: x}}}"}
BEHAVIOURS = {
    "computed": ("type: noop, with: {value: x}", ""),
    "executed": (LOOK, "mocks: {a: x}"),
    "waited for": ("type: wait.signal, with: {name: s}", "signals: [{name: s}]"),
    "asked": ("type: human.approve, with: {title: t}", "answers: {a: approved}"),
    "called": ("type: call, with: {workflow: child}", ""),
    "started": ("type: call, with: {workflow: child, wait: false}", ""),
    "foreach": ("type: foreach, with: {items: [1]}, steps: {i: {type: noop}}", ""),
    "while": ("type: while, with: {condition: '{{ last == 1 }}', limit: 2}, steps: {i: {type: noop}}", ""),
    "try": ("type: try, steps: {i: {type: noop}}, catch: {steps: {j: {type: noop}}}", ""),
    "race": ("type: race, branches: {x: {steps: {i: {type: noop}}}, y: {steps: {j: {type: noop}}}}", ""),
}
EVERY = pytest.mark.parametrize("sort", BEHAVIOURS)


def run_one(sort, fields, expect, *, then="", links=""):
    step, world = BEHAVIOURS[sort]
    spec = f"steps:\n  a: {{{step}, {fields}}}\n{then}" + (f"\nlinks: [{links}]" if links else "")
    case = ", ".join(part for part in (world, f"expect: {expect}") if part)
    return play(spec, case, CHILD)


@EVERY
def test_an_output_unlike_what_is_expected_is_a_failure_of_class_data(sort):
    result = run_one(
        sort, "expect: {type: integer}", "{error: {class: data, code: not-as-expected, path: a}}"
    )
    assert result.passed, result


@EVERY
def test_an_output_as_expected_goes_on(sort):
    result = run_one(sort, "expect: {not: {type: integer}}", "{state: succeeded}")
    assert result.passed, result


@EVERY
def test_a_fallback_stands_in_for_an_output_unlike_what_is_expected(sort):
    result = run_one(sort, "expect: {type: integer}, fallback: 5", "{output: 5}")
    assert result.passed, result


@EVERY
def test_the_error_port_catches_an_output_unlike_what_is_expected(sort):
    then = "  b: {type: noop, with: {value: '{{ errors.a.code }}'}}"
    result = run_one(
        sort, "expect: {type: integer}", "{output: not-as-expected}", then=then, links="a.error -> b"
    )
    assert result.passed, result


@pytest.mark.parametrize("sort", sorted(set(BEHAVIOURS) - {"computed"}))
def test_every_step_that_takes_time_may_say_how_it_is_undone(sort):
    port = ".approved" if sort == "asked" else ""
    fields = f"undo: {BACK}"
    step, world = BEHAVIOURS[sort]
    if sort == "executed":
        step = CHARGE
    spec = f"steps:\n  a: {{{step}, {fields}}}\n  z: {{{BREAK}}}\nlinks: [a{port} -> z]"
    case = ", ".join(part for part in (world, "expect: {state: compensated, undone: [a]}") if part)
    result = play(spec, case, CHILD)
    assert result.passed, result


def test_the_undo_of_a_container_comes_before_the_undos_of_what_it_consists_of():
    inner = f"i: {{{CHARGE}, undo: {BACK}}}"
    spec = f"""
steps:
  each: {{type: foreach, with: {{items: [1, 2]}}, undo: {BACK}, steps: {{{inner}}}}}
  z: {{{BREAK}}}
links: [each -> z]
"""
    case = "mocks: {each/i: {}}, expect: {state: compensated, undone: [each, 'each[1]/i', 'each[0]/i']}"
    result = play(spec, case)
    assert result.passed, result


def test_what_a_container_did_is_undone_when_its_output_is_unlike_what_is_expected():
    inner = f"i: {{{CHARGE}, undo: {BACK}}}"
    spec = f"steps:\n  each: {{type: foreach, with: {{items: [1]}}, expect: {{maxItems: 0}}, fallback: [], steps: {{{inner}}}}}"
    result = play(spec, "mocks: {each/i: {}}, expect: {undone: [each/i], output: []}")
    assert result.passed, result


def test_a_fallback_stands_in_for_a_failure():
    spec = f"steps: {{a: {{{LOOK}, fallback: {{n: 0}}}}}}"
    assert play(spec, "mocks: {a: {$fail: permanent}}, expect: {output: {n: 0}}").passed


def test_a_deadline_bounds_all_attempts_together():
    step = f"{LOOK}, deadline: 25s, retry: {{attempts: 10, first: 10s, factor: 1, jitter: 0}}"
    assert tries(
        step, "{$fail: transient}", "{error: {class: timeout, code: deadline}, calls: {a: 3}, took: 25s}"
    ).passed


# --- undo of called runs ---

EARLY = f"""
steps:
  book: {{{CHARGE}, undo: {BACK}}}
  guard:
    type: try
    steps: {{pay: {{{CHARGE}, undo: {BACK}}}, done: {{type: stop, with: {{output: early}}}}}}
    links: [pay -> done]
links: [book -> guard]
"""


def test_a_called_run_that_ended_early_by_stop_is_undone_with_its_caller():
    spec = f"steps:\n  c: {{type: call, with: {{workflow: child}}}}\n  z: {{{BREAK}}}\nlinks: [c -> z]"
    case = "mocks: {c/book: {}, c/guard/pay: {}}, expect: {state: compensated, undone: [c/guard/pay, c/book], steps: {c: early}}"
    result = play(spec, case, {"child": EARLY})
    assert result.passed, result


def test_a_run_that_ends_early_by_stop_undoes_nothing_itself():
    assert play(EARLY, "mocks: {book: {}, guard/pay: {}}, expect: {output: early, undone: []}").passed
