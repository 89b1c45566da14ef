"""What the language promises of links, ports, containers, waits and names, each as a case that is played."""

import pytest
from language_cases import codes, output_of, play

from core.run.machine_hand import Hand

LOOK = "type: http.request, with: {url: 'https://a.example'}"
CHARGE = "type: http.request, with: {method: POST, url: 'https://pay.example'}"
BACK = "{type: http.request, with: {method: DELETE, url: 'https://pay.example'}}"
BREAK = "type: fail, with: {message: no}"


def passes(spec, case, others=None):
    result = play(spec, case, others)
    assert result.passed, result


# --- steps fire once, are skipped, and absorb late tokens ---

THREE = f"""
steps:
  a: {{{LOOK}}}
  b: {{{LOOK}}}
  c: {{{LOOK}}}
  z: {{type: noop, join: JOIN}}
links: [a -> z, b -> z, c -> z]
"""


@pytest.mark.parametrize(
    ("join", "mocks", "path"),
    [
        ("all", "{a: 1, b: {$after: 1s}, c: {$after: 2s}}", "[a, b, c, z]"),
        ("any", "{a: 1, b: {$after: 1s}, c: {$after: 2s}}", "[a, z, b, c]"),
        ("2", "{a: 1, b: {$after: 1s}, c: {$after: 2s}}", "[a, b, z, c]"),
    ],
)
def test_a_step_fires_once_when_enough_links_are_live_and_slower_branches_go_on(join, mocks, path):
    passes(THREE.replace("JOIN", join), f"mocks: {mocks}, expect: {{path: {path}}}")


def test_join_all_counts_the_links_that_are_not_dead_and_a_number_is_skipped_when_too_few_can_come():
    spec = """
steps:
  pick: {type: switch, with: {mode: all, cases: {one: true, two: false}}}
  all: {type: noop}
  both: {type: noop, join: 2}
links: [pick.one -> all, pick.two -> all, pick.one -> both, pick.two -> both]
"""
    passes(spec, "expect: {path: [pick, all], not_run: [both]}")


def test_a_token_on_an_unlinked_port_ends_there():
    passes("steps: {pick: {type: switch, with: {cases: {one: true}}}}", "expect: {path: [pick]}")


def test_switch_takes_the_first_match_or_every_match_or_else():
    spec = """
steps:
  pick: {type: switch, with: {mode: MODE, cases: {a: "{{ input > 1 }}", b: "{{ input > 2 }}"}}}
  at_a: {type: noop}
  at_b: {type: noop}
  at_else: {type: noop}
links: [pick.a -> at_a, pick.b -> at_b, pick.else -> at_else]
"""
    first, every = spec.replace("MODE", "first"), spec.replace("MODE", "all")
    passes(first, "input: 3, expect: {path: [pick, at_a], steps: {pick: a}}")
    passes(every, "input: 3, expect: {path: [pick, at_a, at_b], steps: {pick: [a, b]}}")
    passes(every, "input: 2, expect: {path: [pick, at_a]}")
    passes(first, "input: 0, expect: {path: [pick, at_else]}")
    passes(every, "input: 0, expect: {path: [pick, at_else]}")


def test_success_kills_error_and_a_caught_failure_kills_all_other_ports():
    spec = f"""
steps:
  a: {{{LOOK}}}
  good: {{type: noop}}
  bad: {{type: noop, with: {{value: "{{{{ errors.a.code }}}}"}}}}
links: [a -> good, a.error -> bad]
"""
    passes(spec, "mocks: {a: 1}, expect: {path: [a, good]}")
    case = "mocks: {a: {$fail: {class: permanent, code: gone}}}, expect: {path: [a, bad], steps: {bad: gone}}"
    passes(spec, case)


def test_a_missing_output_is_that_of_the_only_end_step_else_null_with_a_warning():
    assert (
        output_of(
            "steps: {a: {type: noop, with: {value: 1}}, b: {type: noop, with: {value: 2}}}\nlinks: [a -> b]"
        )
        == 2
    )
    two = "steps: {a: {type: noop, with: {value: 1}}, b: {type: noop, with: {value: 2}}}"
    assert (output_of(two), codes(two)) == (None, ["several-ends"])


def test_the_output_is_evaluated_when_every_step_is_decided_and_nothing_runs():
    spec = f"steps: {{a: {{{LOOK}}}, b: {{type: noop}}}}\noutput: '{{{{ steps.a }}}}'"
    passes(spec, "mocks: {a: {$after: 1h, $output: late}}, expect: {output: late, took: 1h}")


# --- containers: nothing, one, ten thousand ---


@pytest.mark.parametrize("count", [0, 1, 10_000])
@pytest.mark.parametrize("parallel", [1, 100])
def test_foreach_gives_a_list_in_item_order_for_nothing_one_and_ten_thousand(count, parallel):
    spec = f"""
steps:
  each:
    type: foreach
    with: {{items: "{{{{ range({count}) }}}}", parallel: {parallel}}}
    steps: {{a: {{type: noop, with: {{value: "{{{{ item * 2 + index - item }}}}"}}}}}}
output: "{{{{ [len(steps.each), sum(steps.each)] }}}}"
"""
    assert output_of(spec) == [count, count * (count - 1) // 1 if count > 1 else 0]


@pytest.mark.parametrize("count", [0, 1, 10_000])
def test_foreach_reports_and_continues_for_nothing_one_and_ten_thousand(count):
    spec = f"""
steps:
  each:
    type: foreach
    with: {{items: "{{{{ range({count}) }}}}", on_error: HOW, parallel: 10}}
    steps: {{a: {{type: noop, with: {{value: "{{{{ 10 / (item % 2) }}}}"}}}}}}
output: "OUTPUT"
"""
    odd = count // 2
    report = "{{ [len(steps.each.results), len(steps.each.failures), [f.index for f in steps.each.failures][:2]] }}"
    assert output_of(spec.replace("HOW", "report").replace("OUTPUT", report)) == [
        count,
        count - odd,
        [0, 2][: count - odd],
    ]
    nulls = "{{ [len(steps.each), len([x for x in steps.each if x == null])] }}"
    assert output_of(spec.replace("HOW", "continue").replace("OUTPUT", nulls)) == [count, count - odd]


@pytest.mark.parametrize(("limit", "rounds"), [(1, 1), (3, 3), (10_000, 10_000)])
def test_while_runs_its_first_round_always_and_then_as_long_as_the_condition_holds(limit, rounds):
    spec = f"""
steps:
  pages:
    type: while
    with: {{condition: "{{{{ last.n < {rounds} }}}}", limit: {limit}, output: page}}
    steps: {{page: {{type: transform, with: {{set: {{n: "{{{{ (last.n or 0) + 1 }}}}"}}}}}}}}
"""
    assert output_of(spec) == {"n": rounds}


def test_the_first_round_of_while_runs_even_where_the_condition_never_holds_and_sees_no_last():
    spec = """
steps:
  once:
    type: while
    with: {condition: "{{ last == 'no' }}", limit: 5}
    steps: {a: {type: noop, with: {value: "{{ [last, index] }}"}}}
"""
    assert output_of(spec) == [None, 0]


def test_the_limit_of_while_is_obligatory_and_past_it_the_loop_fails():
    spec = "steps: {w: {type: while, with: {condition: '{{ input.more }}'LIMIT}, steps: {a: {type: noop}}}}"
    assert "unbounded-loop" in codes(spec.replace("LIMIT", ""))
    passes(spec.replace("LIMIT", ", limit: 2"), "input: {more: true}, expect: {error: loop-limit}")


def test_the_size_of_the_branches_of_a_switch_does_not_matter_for_nothing_one_and_ten_thousand():
    spec = """
steps:
  pick: {type: if, with: {condition: "{{ input }}", value: "{{ len(input) }}"}}
  some: {type: noop}
  none: {type: noop}
links: [pick.true -> some, pick.false -> none]
output: "{{ steps.pick }}"
"""
    passes(spec, "input: [], expect: {path: [pick, none], output: 0}")
    passes(spec, "input: [1], expect: {path: [pick, some], output: 1}")
    many = "[" + "1," * 9_999 + "1]"
    passes(spec, f"input: {many}, expect: {{path: [pick, some], output: 10000}}")


def test_collect_names_the_step_whose_output_is_kept_and_a_skipped_one_is_null():
    spec = """
steps:
  each:
    type: foreach
    with: {items: [1, 2, 3], collect: odd}
    steps:
      pick: {type: if, with: {condition: "{{ item % 2 }}"}}
      odd: {type: noop, with: {value: "{{ item }}"}}
    links: [pick.true -> odd]
"""
    assert output_of(spec) == [1, None, 3]


def test_foreach_stops_at_the_first_failure_and_undoes_what_the_items_did():
    spec = f"""
steps:
  each:
    type: foreach
    with: {{items: [1, 2, 3]}}
    steps: {{a: {{{CHARGE}, undo: {BACK}}}, b: {{{CHARGE}}}}}
    links: [a -> b]
"""
    case = (
        "mocks: {each/a: {}, each/b: {$each: [{}, {$fail: permanent}, {}]}}, "
        "expect: {error: {path: 'each[1]/b'}, state: compensated, undone: ['each[1]/a', 'each[0]/a'], calls: {each/a: 2}}"
    )
    passes(spec, case)


ORDER = f"""
steps:
  first: {{{CHARGE}, undo: {BACK}}}
  guard:
    type: try
    steps:
      inner: {{{CHARGE}, undo: {BACK}}}
      each: {{type: foreach, with: {{items: [1, 2]}}, steps: {{a: {{{CHARGE}, undo: {BACK}}}}}}}
      book: {{type: call, with: {{workflow: child}}}}
    links: [inner -> each, each -> book]
  final: {{{CHARGE}, undo: {BACK}}}
  broken: {{{BREAK}}}
links: [first -> guard, guard -> final, final -> broken]
"""


def test_undo_runs_in_reverse_order_of_success_through_scopes_iterations_and_called_runs():
    child = f"steps: {{x: {{{CHARGE}, undo: {BACK}}}, y: {{{CHARGE}, undo: {BACK}}}}}\nlinks: [x -> y]"
    done = "first: {}, final: {}, guard/inner: {}, guard/each/a: {}, guard/book/x: {}, guard/book/y: {}"
    undone = "[final, guard/book/y, guard/book/x, 'guard/each[1]/a', 'guard/each[0]/a', guard/inner, first]"
    passes(ORDER, f"mocks: {{{done}}}, expect: {{state: compensated, undone: {undone}}}", {"child": child})


GUARDED = f"""
steps:
  guard:
    type: try
    steps: {{pay: {{{CHARGE}, undo: {BACK}}}, ship: {{{CHARGE}}}}}
    links: [pay -> ship]
    catch: {{steps: {{tell: {{{LOOK}}}}}}}
    finally: {{steps: {{clean: {{{LOOK}}}}}}}
"""


def test_try_undoes_then_catches_and_always_runs_finally():
    done = "guard/pay: {}, guard/clean: {}"
    case = (
        f"mocks: {{{done}, guard/ship: {{$fail: permanent}}, guard/tell: told}}, "
        "expect: {state: succeeded, output: told, path: [guard/pay, guard/ship, guard/tell, guard/clean, guard], "
        "undone: [guard/pay]}"
    )
    passes(GUARDED, case)
    case = (
        f"mocks: {{{done}, guard/ship: {{$fail: permanent}}, guard/tell: {{$fail: data}}}}, "
        "expect: {state: compensated, error: {path: guard/tell}, ran: [guard/clean]}"
    )
    passes(GUARDED, case)
    passes(
        GUARDED,
        f"mocks: {{{done}, guard/ship: shipped}}, expect: {{output: shipped, ran: [guard/clean], not_run: [guard/tell]}}",
    )


@pytest.mark.parametrize(("undo", "undone"), [("true", "[guard/pay]"), ("false", "[]")])
def test_cancel_never_catches_always_runs_finally_and_undoes_only_where_asked(undo, undone):
    case = (
        "mocks: {guard/pay: {}, guard/ship: {$after: 1h}, guard/clean: {}}, "
        f"control: [{{do: cancel, at: 1m, undo: {undo}}}], expect: {{state: cancelled, error: cancelled, "
        f"ran: [guard/clean, guard/ship], not_run: [guard/tell], undone: {undone}}}"
    )
    passes(GUARDED, case)


def test_catch_sees_the_errors_and_the_outputs_of_the_body():
    spec = f"""
steps:
  guard:
    type: try
    steps: {{a: {{type: noop, with: {{value: 7}}}}, b: {{{BREAK}}}}}
    links: [a -> b]
    catch: {{steps: {{c: {{type: noop, with: {{value: "{{{{ [steps.a, errors.b.message, errors.guard.path] }}}}"}}}}}}}}
"""
    assert output_of(spec) == [7, "no", "guard/b"]


def test_race_puts_out_the_winner_at_its_port_and_cancels_and_undoes_the_losers():
    spec = f"""
steps:
  first:
    type: race
    branches:
      paid: {{steps: {{a: {{{LOOK}}}}}}}
      late: {{steps: {{b: {{{CHARGE}, undo: {BACK}}}, c: {{{LOOK}}}}}, links: [b -> c]}}
  won: {{type: noop}}
  lost: {{type: noop}}
links: [first.paid -> won, first.late -> lost]
output: "{{{{ steps.first }}}}"
"""
    case = (
        "mocks: {first/a: {$after: 1m, $output: x}, first/b: {}, first/c: {$after: 1h}}, expect: {undone: [first/b], "
        "output: {winner: paid, output: x}, ran: [won], not_run: [lost], took: 1m}"
    )
    passes(spec, case)


CHILD = {"child": "steps: {a: {type: noop, with: {value: '{{ input.id * 2 }}'}}}"}


def test_call_gives_the_output_of_the_child_or_the_id_of_its_run():
    spec = "steps: {c: {type: call, with: {workflow: child, input: {id: 7}, wait: WAIT}}}"
    assert output_of(spec.replace("WAIT", "true"), "", CHILD) == 14
    started = output_of(spec.replace("WAIT", "false"), "", CHILD)
    assert list(started) == ["run"]


def test_a_file_calls_the_latest_of_a_workflow_and_can_pin_no_version():
    spec = "steps: {c: {type: call, with: {workflow: child@VERSION, input: {id: 1}}}}"
    assert output_of(spec.replace("VERSION", "latest"), "", CHILD) == 2
    assert codes(spec.replace("VERSION", "3"), CHILD) == ["pinned-call"]


def test_the_containers_of_the_language_page_hold():
    spec = """
steps:
  each:
    type: foreach
    with: {items: "{{ input.rows }}", parallel: 8, collect: save, on_error: stop}
    steps: {save: {type: noop}}
  pages:
    type: while
    with: {condition: "{{ last.more }}", limit: 100, output: page}
    steps: {page: {type: noop, with: {value: "{{ input }}"}}}
  guard: {type: try, steps: {risky: {type: noop}}, catch: {steps: {tell: {type: noop}}}, finally: {steps: {clean: {type: noop}}}}
  first: {type: race, branches: {paid: {steps: {a: {type: noop}}}, late: {steps: {b: {type: noop}}}}}
  child: {type: call, with: {workflow: invoice, input: {id: 7}, wait: true}}
output: "{{ [steps.each, steps.pages, steps.first, steps.child] }}"
"""
    others = {"invoice": "steps: {a: {type: noop, with: {value: '{{ input.id }}'}}}"}
    assert codes(spec, others) == []
    assert output_of(spec, "input: {rows: [1, 2], more: false}", others) == [
        [None, None],
        {"rows": [1, 2], "more": False},
        {"winner": "paid", "output": None},
        7,
    ]


@pytest.mark.parametrize("port", ["out", "error"])
def test_each_container_has_a_port_out_and_a_port_error_of_its_own(port):
    inner = BREAK if port == "error" else "type: noop"
    for container in (
        f"type: foreach, with: {{items: [1]}}, steps: {{i: {{{inner}}}}}",
        f"type: while, with: {{condition: '{{{{ last == 1 }}}}', limit: 2}}, steps: {{i: {{{inner}}}}}",
        f"type: try, steps: {{i: {{{inner}}}}}, finally: {{steps: {{j: {{type: noop}}}}}}",
        f"type: race, branches: {{x: {{steps: {{i: {{{inner}}}}}}}, y: {{steps: {{j: {{{inner}}}}}}}}}",
    ):
        spec = f"steps: {{c: {{{container}}}, out: {{type: noop}}, error: {{type: noop}}}}\nlinks: [c -> out, c.error -> error]"
        passes(spec, f"expect: {{ran: [{port}], not_run: [{'error' if port == 'out' else 'out'}]}}")


# --- waits ---


@pytest.mark.parametrize(
    "wait", ["type: wait.signal, with: {name: s, expires: 1h}", "type: wait.event, with: {type: e, expires: 1h}",
             "type: human.approve, with: {title: t, expires: 1h}"],
)  # fmt: skip
def test_what_expires_goes_on_at_its_port_or_fails_as_a_time_out(wait):
    linked = f"steps: {{a: {{{wait}}}, late: {{type: noop}}, b: {{type: noop}}}}\nlinks: [a.expired -> late]"
    passes(linked, "expect: {ran: [late], took: 1h}")
    passes(f"steps: {{a: {{{wait}}}}}", "expect: {error: {class: timeout, code: expired, path: a}, took: 1h}")


def test_an_approval_goes_on_at_approved_or_rejected():
    spec = """
steps: {a: {type: human.approve, with: {title: t}}, yes: {type: noop}, no: {type: noop}}
links: [a.approved -> yes, a.rejected -> no]
"""
    spec = (
        spec.replace("yes:", "good:")
        .replace("-> yes", "-> good")
        .replace("no:", "bad:")
        .replace("-> no", "-> bad")
    )
    passes(spec, "answers: {a: approved}, expect: {path: [a, good]}")
    passes(spec, "answers: {a: rejected}, expect: {path: [a, bad]}")


def test_waits_for_a_time_count_from_their_start_and_a_past_moment_does_not_wait():
    spec = """
steps:
  a: {type: wait.for, with: {duration: 90m}}
  b: {type: wait.until, with: {at: "2026-01-05T12:00:00Z"}}
  c: {type: wait.until, with: {at: "2020-01-01T00:00:00Z"}}
links: [a -> b, b -> c]
"""
    passes(spec, "expect: {took: 3h, path: [a, b, c]}")


def test_an_event_is_matched_by_type_key_and_condition_and_counts_from_its_subscription():
    spec = """
steps: {a: {type: wait.event, with: {type: paid, key: "{{ input.id }}", match: "{{ event.amount > 10 }}"}}}
output: "{{ steps.a.amount }}"
"""
    spec = spec.replace("event.amount", "event.data.amount").replace("steps.a.amount", "steps.a.data.amount")
    events = (
        "{type: other, key: k, data: {amount: 90}, at: 1m}, {type: paid, key: x, data: {amount: 91}, at: 2m}, "
        "{type: paid, key: k, data: {amount: 1}, at: 3m}, {type: paid, key: k, data: {amount: 92}, at: 4m}"
    )
    passes(spec, f"input: {{id: k}}, events: [{events}], expect: {{output: 92, took: 4m}}")


def test_one_wait_takes_one_signal_first_come_first_served_and_the_others_are_listed():
    steps = ", ".join(
        f"{step}: {{type: wait.signal, with: {{name: {name}}}}}" for step, name in ("as", "bs", "cz")
    )
    hand = Hand(f"steps: {{{steps}}}\nlinks: [a -> b, b -> c]")
    hand.signal("t", 0).signal("s", 1).signal("s", 2).signal("s", 3)
    assert hand.status == "waiting"
    assert [hand.state.root.outputs[step]["data"] for step in "ab"] == [1, 2]
    assert sorted(name for name, _ in hand.state.mailbox) == ["s", "t"]


# --- names ---


def test_inner_steps_see_outer_outputs_and_never_the_reverse():
    spec = """
steps:
  a: {type: noop, with: {value: 5}}
  each: {type: foreach, with: {items: [1]}, steps: {b: {type: noop, with: {value: "{{ steps.a + item }}"}}}}
links: [a -> each]
output: "{{ steps.each }}"
"""
    assert output_of(spec) == [6]
    assert "reads-inner" in codes(spec.replace("steps.each }}", "steps.b }}"))


def test_a_loop_in_a_loop_has_its_own_item_and_index_and_the_outer_ones_come_back():
    spec = """
steps:
  outer:
    type: foreach
    with: {items: [10, 20], collect: after}
    steps:
      inner: {type: foreach, with: {items: [1, 2]}, steps: {x: {type: noop, with: {value: "{{ [item, index] }}"}}}}
      after: {type: noop, with: {value: "{{ [item, index, steps.inner] }}"}}
    links: [inner -> after]
"""
    inner = [[1, 0], [2, 1]]
    assert output_of(spec) == [[10, 0, inner], [20, 1, inner]]


def test_a_disabled_step_passes_null_on():
    spec = f"""
steps:
  a: {{{CHARGE}, disabled: true}}
  b: {{type: noop, with: {{value: "{{{{ steps.a == null }}}}"}}}}
links: [a -> b]
"""
    passes(spec, "expect: {output: true, calls: {a: 0}}")


def test_the_run_and_its_trigger_can_be_read():
    names = "run.workflow, run.started_at, trigger.type, len(run.id) > 0, run.number, run.version != null"
    spec = f"steps: {{a: {{type: noop}}}}\noutput: '{{{{ [{names}] }}}}'"
    expected = ["tried", {"$datetime": "2026-01-05T09:00:00Z"}, "mail", True, 1, True]
    assert output_of(spec, "trigger: {type: mail}") == expected


# --- the end ---


def test_a_run_over_its_time_fails_as_a_time_out_and_is_undone():
    spec = f"""
settings: {{timeout: 1h}}
steps: {{a: {{{CHARGE}, undo: {BACK}}}, b: {{type: wait.signal, with: {{name: s}}}}}}
links: [a -> b]
"""
    passes(
        spec,
        "mocks: {a: {}}, expect: {state: compensated, error: {class: timeout, code: run-timeout}, undone: [a], took: 1h}",
    )


def test_on_failure_starts_a_workflow_that_hears_of_it():
    spec = f"settings: {{on_failure: {{workflow: tell}}}}\nsteps: {{a: {{{BREAK}}}}}"
    others = {"tell": f"steps: {{t: {{{CHARGE[:-1]}, json: '{{{{ [input.error.path, input.state] }}}}'}}}}}}"}
    passes(
        spec,
        "mocks: {on_failure/t: {}}, expect: {state: failed, sent: {on_failure/t: {json: [a, failed]}}}",
        others,
    )
