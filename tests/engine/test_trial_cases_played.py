"""Cases are played as they are written: mocks, time, people, signals, undo, called workflows."""

import pytest

from auraos.app.installed import load_installed
from auraos.core.document import read_document
from auraos.core.graph import read_workflow
from auraos.engine.trial import play_case, read_cases

CATALOGUE = load_installed().catalogue
PAY = "pay: {type: http.request, with: {method: POST, url: 'https://bank.example'}"
GET = "type: http.request, with: {url: 'https://a.example'}"


def play(spec, case, others=None, seed=None):
    """Play the one case over the workflow with this spec, in the file's own words."""
    workflow, placed = _read(spec, case)
    return play_case(
        placed.case,
        workflow,
        CATALOGUE,
        find_workflow=lambda name: (
            _read(others[name], "name: none", name)[0] if name in (others or {}) else None
        ),
        seed=seed,
    )


def _read(spec, case, name="tried"):
    indented = "\n".join(f"  {line}" for line in spec.strip().splitlines())
    text = f"kind: workflow\nname: {name}\nspec:\n{indented}\ntests:\n  - {{{case}}}\n"
    document, problems = read_document(text)
    assert not problems, [problem.message for problem in problems]
    workflow, problems = read_workflow(document, CATALOGUE)
    assert not [p for p in problems if p.severity == "error"], [p.message for p in problems]
    cases, problems = read_cases(document, workflow)
    assert not problems, [problem.message for problem in problems]
    return workflow, cases[0]


ONE_CALL = f"steps: {{{PAY}}}}}\noutput: '{{{{ steps.pay }}}}'"
AGAIN = "retry: {attempts: 3, first: 10s, factor: 1, jitter: 0}"
RETRIED = f"steps: {{{PAY}, key: k, {AGAIN}}}}}\noutput: '{{{{ steps.pay.n }}}}'"


def test_a_mock_is_the_output_of_its_step():
    result = play(ONE_CALL, "name: x, mocks: {pay: {json: {id: r1}}}, expect: {output: {json: {id: r1}}}")
    assert result.passed, result


def test_a_list_of_outcomes_is_taken_one_per_attempt_and_time_jumps_between():
    case = (
        "name: x, mocks: {pay: [{$fail: transient}, {$fail: transient}, {n: 3}]}, "
        "expect: {output: 3, took: 20s, calls: {pay: 3}}"
    )
    assert play(RETRIED, case).passed


def test_the_last_outcome_counts_for_all_calls_that_follow():
    case = "name: x, mocks: {pay: [{$fail: transient}]}, expect: {error: transient, calls: {pay: 3}}"
    assert play(RETRIED, case).passed


def test_a_step_with_an_effect_and_without_a_mock_stops_the_case_and_says_what_to_add():
    result = play(ONE_CALL, "name: x, expect: {output: null}")
    assert (result.passed, result.error) == (
        False,
        "The step 'pay' (http.request) reaches out of the workflow and has no mock.",
    )
    assert "mocks: {pay: …}" in result.hint


def test_an_unknown_outcome_of_a_write_asks_a_person_whose_answer_counts():
    case = (
        "name: x, mocks: {pay: {$unknown: true}}, answers: {pay: {outcome: succeeded, output: {n: 1}}}, "
        "expect: {output: {n: 1}, calls: {pay: 1}}"
    )
    assert play(ONE_CALL, case).passed


def test_an_outcome_later_than_the_time_out_is_a_time_out():
    spec = f"steps: {{get: {{{GET}, timeout: 30s}}}}"
    case = "name: x, mocks: {get: {$after: 1h, $output: {}}}, expect: {error: timeout, took: 30s}"
    assert play(spec, case).passed


def test_each_item_of_a_loop_has_its_own_outcome():
    spec = f"""
steps:
  each:
    type: foreach
    with: {{items: [a, b, c], parallel: 3, collect: get}}
    steps: {{get: {{{GET}}}}}
output: "{{{{ steps.each }}}}"
"""
    case = "name: x, mocks: {each/get: {$each: [1, {$after: 5s, $output: 2}, 3]}}, expect: {output: [1, 2, 3], took: 5s}"
    assert play(spec, case).passed


def test_items_of_a_keyed_loop_are_found_by_their_place_too():
    spec = f"""
steps:
  each:
    type: foreach
    key: "{{{{ item }}}}"
    with: {{items: [a, b], collect: get}}
    steps: {{get: {{{GET}}}}}
output: "{{{{ steps.each }}}}"
"""
    case = "name: x, mocks: {each/get: '{{ index }}-{{ item }}', 'each[b]/get': own}, expect: {output: [0-a, own]}"
    assert play(spec, case).passed


def test_an_expression_in_a_mock_reads_what_the_step_was_sent():
    spec = "steps: {get: {type: http.request, with: {url: 'https://a.example/{{ input.id }}'}}}\noutput: '{{ steps.get }}'"
    case = (
        "name: x, input: {id: 7}, mocks: {get: '{{ settings.url }} {{ attempt }}'}, "
        "expect: {output: https://a.example/7 1, sent: {get: {url: https://a.example/7}}}"
    )
    assert play(spec, case).passed


ASKED = """
steps:
  ask: {type: human.approve, with: {title: May we?, expires: 24h}}
  yes_then: {type: noop}
links: [ask.approved -> yes_then]
output: null
"""


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("answers: {ask: approved}", "path: [ask, yes_then]"),
        ("answers: {ask: {decision: rejected, after: 2h}}", "path: [ask], took: 2h"),
        ("mocks: {}", "error: timeout, took: 24h"),
    ],
)
def test_a_person_answers_or_not(answer, expected):
    assert play(ASKED, f"name: x, {answer}, expect: {{{expected}}}").passed


WAITING = "steps: {wait: {type: wait.signal, with: {name: paid}}}\noutput: '{{ steps.wait.data }}'"


def test_a_signal_without_a_time_comes_when_it_is_waited_for():
    assert play(WAITING, "name: x, signals: [{name: paid, data: 5}], expect: {output: 5, took: 0s}").passed


def test_a_signal_with_a_time_comes_then():
    assert play(WAITING, "name: x, signals: [{name: paid, data: 5, at: 3d}], expect: {took: 3d}").passed


def test_a_run_may_be_expected_to_wait():
    assert play(WAITING, "name: x, expect: {state: waiting, waits_for: [wait]}").passed


def test_a_run_that_unexpectedly_waits_fails_the_case_and_says_where():
    result = play(WAITING, "name: x, expect: {output: 5}")
    assert [one.words for one in result.differences] == ["it still waits at wait", "the run is waiting"]


def test_signals_and_mocks_that_nobody_wanted_are_noted():
    case = "name: x, signals: [{name: other}, {name: paid}], mocks: {wait: 1}, expect: {state: succeeded}"
    assert play(WAITING, case).notes == ("mock 'wait' was never used", "signal 'other' was never used")


def test_an_event_is_brought_to_the_wait_that_subscribed():
    spec = "steps: {wait: {type: wait.event, with: {type: stock.arrived}}}\noutput: '{{ steps.wait.data }}'"
    assert play(spec, "name: x, events: [{type: stock.arrived, data: 3}], expect: {output: 3}").passed


def test_a_run_is_cancelled_at_its_time():
    case = "name: x, control: [{do: cancel, at: 1h}], expect: {state: cancelled, took: 1h}"
    assert play(WAITING, case).passed


UNDONE = f"""
steps:
  a: {{{GET}, undo: {{{GET}}}}}
  b: {{{GET}, undo: {{{GET}}}}}
  c: {{{GET}}}
links: [a -> b, b -> c]
"""


def test_undos_run_in_reverse_and_succeed_unasked():
    case = "name: x, mocks: {a: 1, b: 2, c: {$fail: permanent}}, expect: {error: permanent, undone: [b, a]}"
    assert play(UNDONE, case).passed


PARALLEL = f"""
steps:
  one: {{{GET}}}
  two: {{{GET}}}
  end: {{type: noop, join: any}}
links: [one -> end, two -> end]
output: null
"""


@pytest.mark.parametrize(
    ("how", "path"),
    [
        ("mocks: {one: 1, two: 2}", "[one, end, two]"),
        ("mocks: {one: 1, two: 2}, order: [two, one]", "[two, end, one]"),
        ("mocks: {one: {$after: 1s, $output: 1}, two: 2}", "[two, end, one]"),
    ],
)
def test_who_finishes_first_follows_beginning_order_or_time(how, path):
    assert play(PARALLEL, f"name: x, {how}, expect: {{path: {path}}}").passed


def test_a_seed_gives_the_same_course_again_and_seeds_differ():
    case = "name: x, mocks: {one: 1, two: 2}, expect: {path: {in_any_order: [one, two, end]}}"
    courses = [tuple(play(PARALLEL, case, seed=seed).path) for seed in range(8)]
    assert courses == [tuple(play(PARALLEL, case, seed=seed).path) for seed in range(8)]
    assert len(set(courses)) == 2


CALLING = "steps: {child: {type: call, with: {workflow: other, input: {n: 2}}}}\noutput: '{{ steps.child }}'"
CALLED = f"steps: {{get: {{{GET}}}}}\noutput: '{{{{ input.n + steps.get }}}}'"


def test_a_called_workflow_runs_too_and_its_steps_are_mocked_below_the_call():
    case = "name: x, mocks: {child/get: 40}, expect: {output: 42, path: [child/get, child]}"
    assert play(CALLING, case, {"other": CALLED}).passed


def test_a_called_workflow_can_be_mocked_as_a_whole():
    case = "name: x, mocks: {child: {$after: 1h, $output: 7}}, expect: {output: 7, took: 1h}"
    assert play(CALLING, case).passed


def test_a_called_workflow_that_is_not_there_stops_the_case():
    result = play(CALLING, "name: x, expect: {output: 7}")
    assert "calls the workflow 'other', which is neither here nor mocked" in result.error


def test_a_run_that_goes_round_for_ever_ends_the_case():
    spec = """
steps:
  again:
    type: while
    with: {condition: true, limit: 1000000, output: nap}
    steps: {nap: {type: wait.for, with: {duration: 1s}}}
"""
    assert "does not end" in play(spec, "name: x, expect: {state: succeeded}").error


def test_links_that_were_taken_are_told():
    spec = """
steps:
  size: {type: switch, with: {cases: {big: "{{ input > 5 }}"}}}
  a: {type: noop}
  b: {type: noop}
links: [size.big -> a, size.else -> b]
output: null
"""
    result = play(spec, "name: x, input: 9, expect: {path: [size, a]}")
    assert result.passed
    assert [str(link) for link in result.coverage.missing] == ["size.else -> b"]
    assert result.coverage.percent == 50


def test_a_long_loop_in_pages_is_one_step_and_every_item_is_mocked():
    spec = f"""
steps:
  each:
    type: foreach
    with: {{items: "{{{{ range(0, 1200) }}}}", parallel: 50, collect: get}}
    steps: {{get: {{{GET}}}}}
output: "{{{{ sum(steps.each) }}}}"
"""
    case = "name: x, mocks: {each/get: '{{ item + index }}'}, expect: {output: 1438800, path: [each], calls: {each/get: 1200}}"
    result = play(spec, case)
    assert result.passed, result.differences


def test_what_runs_after_a_failure_is_played_too():
    spec = "settings: {on_failure: {workflow: other}}\nsteps: {bad: {type: fail, with: {message: no}}}"
    case = "name: x, mocks: {on_failure/get: 1}, input: {n: 1}, expect: {error: no, ran: [on_failure/get]}"
    assert play(spec, case, {"other": f"steps: {{get: {{{GET}}}}}"}).passed


def test_a_called_workflow_that_pins_a_version_is_refused_as_a_run_of_it_would_be():
    spec = "steps: {c: {type: call, with: {workflow: middle}}}"
    others = {
        "middle": "steps: {d: {type: call, with: {workflow: VERSION}}}",
        "child": "steps: {a: {type: noop, with: {value: 3}}}",
    }
    latest = {**others, "middle": others["middle"].replace("VERSION", "child@latest")}
    pinned = {**others, "middle": others["middle"].replace("VERSION", "child@3")}
    assert play(spec, "name: x, expect: {output: 3}", latest).passed
    refused = play(spec, "name: x, expect: {output: 3}", pinned)
    assert (refused.passed, "pins version 3 of the workflow 'child'" in refused.error) == (False, True)
    assert play(spec, "name: x, mocks: {c/d: 4}, expect: {output: 4}", pinned).passed


BATCHES = """
steps:
  each:
    type: foreach
    with: {items: "{{ input }}", batch: 2, on_error: report}
    steps: {save: {type: http.request, with: {method: POST, url: "https://a.example", json: "{{ item }}"}}}
output: "{{ [steps.each.results, [[one.index, one.item] for one in steps.each.failures]] }}"
"""


def test_each_batch_of_a_loop_has_a_mock_of_its_own_and_is_one_call():
    case = (
        "name: x, input: [1, 2, 3], "
        "mocks: {each/save: {$each: [{n: '{{ len(item) + index }}'}, {$fail: {class: data, message: 'no'}}]}}, "
        "expect: {calls: {each/save: 2}, output: [[{n: 2}, null], [[1, [3]]]]}"
    )
    result = play(BATCHES, case)
    assert result.passed, result


COLLECTING = f"""
steps:
  a: {{{GET}}}
  b: {{{GET}}}
  sum: {{type: noop, join: collect, with: {{value: "{{{{ [[one.step, one.port] for one in arrived] }}}}"}}}}
links: [a -> sum, b -> sum, b.error -> sum]
"""


@pytest.mark.parametrize(
    ("mock", "arrived"),
    [("{$after: 1s}", "[[a, out], [b, out]]"), ("{$fail: permanent}", "[[a, out], [b, error]]")],
)
def test_a_step_that_collects_reads_what_arrived_in_the_order_of_the_links(mock, arrived):
    case = f"name: x, mocks: {{a: {{$after: 9s, $output: 1}}, b: {mock}}}, expect: {{output: {arrived}}}"
    result = play(COLLECTING, case)
    assert result.passed, result


def test_a_scope_that_is_tried_again_is_undone_first_and_repeats_nothing_that_stands():
    spec = f"""
steps:
  guard:
    type: try
    {AGAIN}
    steps:
      {PAY}, undo: {{{GET}}}}}
      bill: {{type: http.request, with: {{method: POST, url: 'https://bill.example'}}}}
      ship: {{{GET}}}
    links: [pay -> bill, bill -> ship]
"""
    case = (
        "name: x, mocks: {guard/pay: 1, guard/bill: 2, guard/ship: [{$fail: transient}, 3]}, "
        "expect: {state: succeeded, took: 10s, calls: {guard/pay: 2, guard/bill: 1, guard/ship: 2}}"
    )
    assert play(spec, case).passed


def test_a_call_that_is_tried_again_takes_over_what_the_called_run_had_done():
    child = f"steps: {{{PAY}}}, ship: {{{GET}}}}}\nlinks: [pay -> ship]\noutput: '{{{{ steps.ship }}}}'"
    spec = f"steps: {{k: {{type: call, with: {{workflow: child}}, {AGAIN}}}}}"
    case = (
        "name: x, mocks: {k/pay: 1, k/ship: [{$fail: transient}, 3]}, "
        "expect: {output: 3, took: 10s, calls: {k/pay: 1, k/ship: 2}}"
    )
    assert play(spec, case, {"child": child}).passed


def test_a_step_with_cache_gets_its_mock_each_time():
    spec = f"""
steps:
  first: {{{GET}, cache: {{ttl: 1h}}}}
  second: {{{GET}, cache: {{ttl: 1h}}}}
links: [first -> second]
output: ['{{{{ steps.first.n }}}}', '{{{{ steps.second.n }}}}']
"""
    case = "name: x, mocks: {first: {n: 1}, second: {n: 2}}, expect: {output: [1, 2], calls: {first: 1, second: 1}}"
    assert play(spec, case).passed


SHARED = """
steps:
  a: {type: call, key: "{{ input.id }}", with: {workflow: other, input: {n: 2}}}
  b: {type: call, key: "{{ input.id }}", with: {workflow: other, input: {n: 2}}}
  c: {type: call, key: "{{ input.id }}", with: {workflow: other, input: {n: 2}, wait: false}}
  d: {type: call, key: "{{ input.id }}", with: {workflow: other, input: {n: 3}}, fallback: refused}
links: [b -> c, c -> d]
output: {a: "{{ steps.a }}", b: "{{ steps.b }}", d: "{{ steps.d }}"}
"""


def test_calls_under_one_key_share_a_run():
    case = (
        "name: x, input: {id: o1}, mocks: {a/pay: {$output: 5, $after: 1m}}, "
        "expect: {output: {a: 5, b: 5, d: refused}, took: 1m, calls: {a/pay: 1}}"
    )
    result = play(SHARED, case, {"other": f"steps: {{{PAY}}}}}"})
    assert result.passed, result


WITH_INPUT = """
input: {type: object, required: [id], properties: {id: {type: integer}, n: {type: integer, default: 3}}}
steps: {a: {type: noop}}
output: "{{ input }}"
"""


def test_a_case_whose_input_no_run_would_begin_with_fails():
    result = play(WITH_INPUT, "name: x, input: {id: one}, expect: {state: succeeded}")
    assert not result.passed
    assert "would refuse this input" in result.error
    assert "input.id" in result.error


def test_a_case_is_given_the_defaults_of_the_input():
    assert play(WITH_INPUT, "name: x, input: {id: 1}, expect: {output: {id: 1, n: 3}}").passed


def test_a_called_workflow_refuses_its_input_in_a_case_as_in_a_run():
    spec = "steps: {k: {type: call, with: {workflow: other, input: {id: one}}}}"
    result = play(spec, "name: x, expect: {error: called-run-failed}", {"other": WITH_INPUT})
    assert result.passed, result
