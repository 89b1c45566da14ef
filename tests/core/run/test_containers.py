"""foreach, while, try, race."""

EACH = """
steps:
  each:
    type: foreach
    with: {items: "{{ input }}", parallel: 2, on_error: ON_ERROR}
    steps: {a: {type: act, with: {n: "{{ item }}", i: "{{ index }}"}, undo: {type: act}}}
output: "{{ steps.each }}"
"""


def test_foreach_keeps_the_order_of_the_items_whoever_finishes_first(drive):
    hand = drive(EACH.replace("ON_ERROR", "stop"), [10, 20, 30])
    assert sorted(hand.open) == ["each[0]/a", "each[1]/a"]
    assert hand.open["each[1]/a"].parameters == {"n": 20, "i": 1}
    hand.succeed("each[1]/a", "b").succeed("each[2]/a", "c").succeed("each[0]/a", "a")
    assert hand.check_replay().state.output == ["a", "b", "c"]


def test_foreach_over_nothing_gives_an_empty_list(drive):
    assert drive(EACH.replace("ON_ERROR", "stop"), []).check_replay().state.output == []


def test_foreach_over_no_list_is_an_error(drive):
    hand = drive(EACH.replace("ON_ERROR", "stop"), {"a": 1})
    assert hand.state.error.code == "items-refused"


def test_a_failing_item_stops_the_loop_and_undoes_the_finished_ones_in_reverse(drive):
    hand = drive(EACH.replace("ON_ERROR", "stop"), [1, 2, 3, 4])
    hand.succeed("each[0]/a").succeed("each[1]/a").fail("each[2]/a")
    assert list(hand.open) == ["each[3]/a"]
    hand.succeed("each[3]/a")
    hand.succeed("each[3]/a!undo").succeed("each[1]/a!undo").succeed("each[0]/a!undo")
    assert hand.check_replay().status == "compensated"
    assert [path for path, how in hand.settled if how == "undone"] == [
        "each[3]/a!undo",
        "each[1]/a!undo",
        "each[0]/a!undo",
    ]


def test_on_error_continue_puts_null_and_report_lists_the_failures(drive):
    hand = drive(EACH.replace("ON_ERROR", "continue"), [1, 2]).fail("each[0]/a").succeed("each[1]/a", "b")
    assert hand.check_replay().state.output == [None, "b"]
    hand = (
        drive(EACH.replace("ON_ERROR", "report"), [1, 2])
        .fail("each[0]/a", code="no")
        .succeed("each[1]/a", "b")
    )
    output = hand.check_replay().state.output
    assert output["results"] == [None, "b"]
    assert [
        (failure["index"], failure["item"], failure["error"]["code"]) for failure in output["failures"]
    ] == [(0, 1, "no")]


def test_items_are_named_by_their_key_in_paths(drive):
    text = """
steps:
  each:
    type: foreach
    key: "{{ item.sku }}"
    with: {items: "{{ input }}"}
    steps: {a: {type: act}}
"""
    hand = drive(text, [{"sku": "X"}, {"sku": "Y"}])
    assert list(hand.open) == ["each[X]/a"]
    assert hand.succeed("each[X]/a").succeed("each[Y]/a").check_replay().status == "succeeded"
    assert drive(text, [{"sku": "X"}, {"sku": "X"}]).status == "failed"


def test_a_loop_in_a_loop_sees_its_own_names(drive):
    text = """
steps:
  rows:
    type: foreach
    with: {items: "{{ input }}"}
    steps:
      row: {type: transform, with: {set: {at: "{{ index }}"}}}
      cells:
        type: foreach
        key: "{{ item }}"
        with: {items: "{{ item }}"}
        steps: {cell: {type: transform, with: {set: {v: "{{ item * 10 + steps.row.at }}", i: "{{ index }}"}}}}
      after: {type: noop, with: {value: "{{ [item, index, steps.cells] }}"}}
    links: [row -> cells, cells -> after]
output: "{{ steps.rows }}"
"""
    hand = drive(text, [[1, 2], [3]])
    assert hand.check_replay().state.output == [
        [[1, 2], 0, [{"v": 10, "i": 0}, {"v": 20, "i": 1}]],
        [[3], 1, [{"v": 31, "i": 0}]],
    ]


WHILE = """
steps:
  pages:
    type: while
    with: {condition: "{{ last.more }}", limit: 3, output: page}
    steps: {page: {type: act, with: {effect: read, after: "{{ last.cursor }}", n: "{{ index }}"}}}
output: "{{ steps.pages }}"
"""


def test_while_runs_its_first_round_and_goes_on_while_the_condition_holds(drive):
    hand = drive(WHILE)
    assert hand.open["pages[1]/page"].parameters == {"effect": "read", "after": None, "n": 0}
    hand.succeed("pages[1]/page", {"more": True, "cursor": "x"})
    assert hand.open["pages[2]/page"].parameters == {"effect": "read", "after": "x", "n": 1}
    hand.succeed("pages[2]/page", {"more": False, "cursor": "y"})
    assert hand.check_replay().state.output == {"more": False, "cursor": "y"}


def test_while_fails_past_its_limit(drive):
    hand = drive(WHILE)
    for number in (1, 2, 3):
        hand.succeed(f"pages[{number}]/page", {"more": True})
    assert hand.check_replay().state.error.code == "loop-limit"


def test_while_refuses_a_condition_that_is_neither_true_nor_false(drive):
    assert drive(WHILE).succeed("pages[1]/page", {"more": 1}).state.error.code == "condition-not-boolean"


TRY = """
steps:
  guard:
    type: try
    steps:
      a: {type: act, undo: {type: act}}
      b: {type: act}
    links: [a -> b]
    catch: {steps: {tell: {type: act, with: {why: "{{ errors.b.code }}", had: "{{ steps.a }}"}}}}
    finally: {steps: {clean: {type: act}}}
  after: {type: act, with: {got: "{{ steps.guard }}"}}
links: [guard -> after]
"""


def test_try_undoes_then_catches_then_cleans_up(drive):
    hand = drive(TRY).succeed("guard/a", 1).fail("guard/b", code="no-stock")
    assert list(hand.open) == ["guard/a!undo"]
    hand.succeed("guard/a!undo")
    assert hand.open["guard/tell"].parameters == {"why": "no-stock", "had": 1}
    hand.succeed("guard/tell", "told")
    assert list(hand.open) == ["guard/clean"]
    hand.succeed("guard/clean")
    assert hand.open["after"].parameters == {"got": "told"}
    assert hand.succeed("after").check_replay().status == "succeeded"


def test_try_without_failure_skips_catch_and_cleans_up(drive):
    hand = drive(TRY).succeed("guard/a").succeed("guard/b", 2).succeed("guard/clean")
    assert hand.open["after"].parameters == {"got": 2}
    assert hand.succeed("after").check_replay().status == "succeeded"


def test_a_failing_catch_is_the_failure_of_the_step_after_finally(drive):
    hand = drive(TRY).fail("guard/a", code="first").fail("guard/tell", code="second").succeed("guard/clean")
    assert hand.check_replay().state.error.code == "second"
    assert hand.status == "failed"


def test_what_a_try_did_is_undone_when_the_scope_around_fails_later(drive):
    hand = drive(TRY).succeed("guard/a").succeed("guard/b").succeed("guard/clean").fail("after")
    assert list(hand.open) == ["guard/a!undo"]
    assert hand.succeed("guard/a!undo").check_replay().status == "compensated"


RACE = """
steps:
  first:
    type: race
    branches:
      paid: {steps: {a: {type: act, undo: {type: act}}, a2: {type: act}}, links: [a -> a2]}
      late: {steps: {b: {type: wait.for, with: {duration: 10s}}}}
  ship: {type: act}
  stop: {type: act}
links: [first.paid -> ship, first.late -> stop]
"""


def test_the_first_branch_to_succeed_wins_and_the_other_is_cancelled(drive):
    hand = drive(RACE).succeed("first/a").succeed("first/a2", 5)
    assert list(hand.open) == ["ship"]
    assert hand.how("stop") == "skipped"
    assert not hand.timers
    assert hand.state.root.outputs["first"] == {"winner": "paid", "output": 5}
    assert hand.succeed("ship").check_replay().status == "succeeded"


def test_what_the_loser_of_a_race_did_is_undone_before_the_race_is_over(drive):
    hand = drive(RACE).succeed("first/a").wait(10)
    assert list(hand.open) == ["first/a2"]
    hand.succeed("first/a2").succeed("first/a!undo")
    assert list(hand.open) == ["stop"]
    assert hand.succeed("stop").check_replay().status == "succeeded"


RACE_OF_TWO = """
steps:
  r:
    type: race
    with: {on_error: ON_ERROR}
    branches: {x: {steps: {a: {type: act}}}, y: {steps: {b: {type: act, with: {effect: read}}}}}
"""


def test_a_race_fails_with_its_first_branch_that_fails(drive):
    hand = drive(RACE_OF_TWO.replace("ON_ERROR", "stop")).fail("r/a", code="one")
    assert hand.cancelled == ["r/b"]
    assert hand.fail("r/b", "cancelled").check_replay().state.error.code == "one"


def test_a_race_that_goes_on_fails_when_all_its_branches_do(drive):
    hand = drive(RACE_OF_TWO.replace("ON_ERROR", "continue")).fail("r/a", code="one")
    assert hand.status == "running"
    assert hand.fail("r/b", code="two").check_replay().state.error.code == "one"
    hand = drive(RACE_OF_TWO.replace("ON_ERROR", "continue")).fail("r/a", code="one").succeed("r/b", 2)
    assert hand.check_replay().state.output == {"winner": "y", "output": 2}


def test_a_container_that_takes_too_long_is_given_up(drive):
    text = """
steps:
  g: {type: try, timeout: 5s, steps: {a: {type: wait.for, with: {duration: 1h}}}}
  e: {type: act}
links: [g.error -> e]
"""
    hand = drive(text).wait(6)
    assert list(hand.open) == ["e"]
    assert hand.succeed("e").check_replay().status == "succeeded"


def test_a_container_falls_back(drive):
    hand = drive(
        "steps: {g: {type: try, fallback: 3, steps: {a: {type: act, undo: {type: act}}, b: {type: act}}, links: [a -> b]}}"
    )
    hand.succeed("g/a").fail("g/b").succeed("g/a!undo")
    assert hand.check_replay().state.output == 3


def test_a_long_foreach_goes_page_by_page_in_runs_of_their_own(drive):
    text = """
steps:
  each:
    type: foreach
    with: {items: "{{ range(input) }}", on_error: report}
    steps: {a: {type: transform, with: {set: {n: "{{ item * 2 }}"}}}}
output: "{{ [len(steps.each.results), steps.each.results[1200].n, len(steps.each.failures)] }}"
"""
    hand = drive(text, 1201)
    assert hand.check_replay().state.output == [1201, 2400, 0]
    assert len(hand.children) == 3
    assert [child.status for child in hand.children.values()] == ["succeeded"] * 3
    pages = list(hand.children.values())
    assert pages[1].check_replay().settled[0][0] == "each[500]/a"


def test_a_long_while_goes_on_in_fresh_journals(drive):
    text = """
steps:
  w:
    type: while
    with: {condition: "{{ last < input }}", limit: 5000}
    steps: {a: {type: noop, with: {value: "{{ (last or 0) + 1 }}"}}}
output: "{{ steps.w }}"
"""
    hand = drive(text, 2500)
    assert hand.check_replay().state.output == 2500
    assert len(hand.children) == 2


QUORUM = """
steps:
  quotes:
    type: foreach
    with: {items: "{{ input }}", parallel: 9, enough: "{{ len(results) >= 2 }}"}
    steps: {ask: {type: act, undo: {type: act}}}
output: "{{ steps.quotes }}"
"""


def test_foreach_ends_early_when_it_has_enough_and_undoes_the_late(drive):
    hand = drive(QUORUM, ["a", "b", "c", "d"]).succeed("quotes[2]/ask", "C").succeed("quotes[0]/ask", "A")
    assert hand.state.output is None
    hand.succeed("quotes[1]/ask", "late").succeed("quotes[1]/ask!undo").fail("quotes[3]/ask").check_replay()
    assert hand.state.output == ["A", None, "C", None]
    assert hand.status == "succeeded"


def test_foreach_without_enough_results_ends_with_its_items(drive):
    hand = drive(QUORUM, ["a"]).succeed("quotes[0]/ask", "A")
    assert hand.check_replay().state.output == ["A"]
