"""`join: collect`: a step that fires once all of its links are decided, and reads what arrived."""

import pytest
from machine_hand import Hand

from auraos.core.run import explain, fold, inherit, loops, restore, snapshot

SURVEY = """
steps:
  north: {type: act}
  south: {type: act}
  west: {type: act}
  sum: {type: act, join: collect, with: {got: "{{ arrived }}"}}
links: [north -> sum, south -> sum, south.error -> sum, west -> sum]
"""
ONE_DEAD = """
steps:
  choose: {type: switch, with: {mode: all, cases: {a: "{{ input.a }}", b: "{{ input.b }}"}}}
  one: {type: act}
  sum: {type: act, join: collect, with: {got: "{{ arrived }}"}}
links: [choose.b -> sum, choose.a -> one, one -> sum]
"""


def arrival(step, output, port="out"):
    return {"step": step, "port": port, "output": output}


@pytest.mark.parametrize("order", [("north", "south", "west"), ("west", "south", "north")])
def test_it_waits_for_every_link_and_lists_what_came_in_the_order_of_the_links(order):
    hand = Hand(SURVEY)
    for name in order:
        assert "sum" not in hand.open
        hand.succeed(name, name.upper()).check_replay()
    assert hand.open["sum"].parameters == {
        "got": [arrival("north", "NORTH"), arrival("south", "SOUTH"), arrival("west", "WEST")]
    }
    assert hand.succeed("sum").check_replay().status == "succeeded"
    assert [command.path for command in hand.executed].count("sum") == 1


def test_a_caught_failure_arrives_as_the_error():
    hand = Hand(SURVEY).succeed("west", 3).fail("south", code="closed").succeed("north", 1)
    got = hand.open["sum"].parameters["got"]
    assert [(one["step"], one["port"]) for one in got] == [
        ("north", "out"),
        ("south", "error"),
        ("west", "out"),
    ]
    assert (got[1]["output"]["code"], got[1]["output"]["class"]) == ("closed", "permanent")
    assert hand.check_replay().succeed("sum").check_replay().status == "succeeded"


@pytest.mark.parametrize(
    ("given", "done", "expected"),
    [
        ({"a": True, "b": True}, ["one"], ["choose", "one"]),
        ({"a": True, "b": False}, ["one"], ["one"]),
        ({"a": False, "b": True}, [], ["choose"]),
        ({"a": False, "b": False}, [], []),
    ],
)
def test_dead_links_are_left_out_and_it_fires_even_when_all_are_dead(given, done, expected):
    hand = Hand(ONE_DEAD, given)
    for name in done:
        assert "sum" not in hand.open
        hand.succeed(name)
    assert [one["step"] for one in hand.open["sum"].parameters["got"]] == expected
    assert hand.check_replay().succeed("sum").check_replay().how("sum") == "succeeded"


def test_without_a_link_it_starts_at_once_with_nothing():
    hand = Hand('steps: {sum: {type: act, join: collect, with: {got: "{{ arrived }}"}}}')
    assert hand.open["sum"].parameters == {"got": []}


def test_two_ports_of_one_step_arrive_each_for_itself():
    text = """
steps:
  choose: {type: switch, with: {mode: all, cases: {a: "{{ true }}", b: "{{ true }}", c: "{{ false }}"}}}
  sum: {type: noop, join: collect, with: {value: "{{ [one.port for one in arrived] }}"}}
links: [choose.c -> sum, choose.b -> sum, choose.a -> sum]
"""
    assert Hand(text).check_replay().state.output == ["b", "a"]


def test_every_field_of_the_step_reads_what_arrived():
    text = """
steps:
  a: {type: act}
  b: {type: act, disabled: true}
  sum:
    type: act
    join: collect
    key: "{{ arrived[0].output }}"
    with: {n: "{{ len(arrived) }}"}
    undo: {type: act, with: {of: "{{ arrived[0].step }}"}}
  hopeless: {type: act, join: collect, fallback: "{{ [one.output for one in arrived] }}"}
  end: {type: fail, with: {message: end}}
links: [a -> sum, b -> sum, a -> hopeless, b -> hopeless, sum -> end, hopeless -> end]
"""
    hand = Hand(text).succeed("a", "K")
    assert hand.open["sum"].parameters == {"n": 2}
    other = Hand(text).succeed("a", "L")
    assert hand.open["sum"].key != other.open["sum"].key
    hand.fail("hopeless").succeed("sum")
    assert hand.state.root.outputs["hopeless"] == ["K", None]
    assert hand.open["sum!undo"].parameters == {"of": "a"}
    assert hand.succeed("sum!undo").check_replay().status == "compensated"


@pytest.mark.parametrize(
    "kind",
    [
        "{type: foreach, with: {items: '{{ arrived }}'}, steps: {x: {type: noop, with: {value: '{{ item.output }}'}}}}",
        "{type: while, with: {condition: '{{ index < len(arrived) }}', limit: 9}, steps: {x: {type: noop, with: {value: 1}}}}",
        "{type: transform, with: {set: {n: '{{ [one.output for one in arrived] }}'}}}",
        "{type: list.filter, with: {items: [1, 2, 5], where: '{{ item <= len(arrived) }}'}}",
    ],
)
def test_every_kind_of_step_can_collect(kind):
    text = f"""
steps:
  a: {{type: act}}
  b: {{type: act}}
  sum: {kind.replace("{type", "{join: collect, type", 1)}
links: [b -> sum, a -> sum]
output: "{{{{ steps.sum }}}}"
"""
    outputs = {"foreach": ["B", "A"], "while": 1, "transform": {"n": ["B", "A"]}, "list.filter": [1, 2]}
    hand = Hand(text).succeed("a", "A").succeed("b", "B")
    assert hand.check_replay().state.output == outputs[kind[7:].partition(",")[0]]


def test_a_loop_that_collects_knows_what_arrived_in_every_one_of_its_journals(monkeypatch):
    monkeypatch.setattr(loops, "ROUNDS_IN_ONE_JOURNAL", 2)
    text = """
steps:
  a: {type: act}
  again:
    type: while
    join: collect
    with: {condition: "{{ index < arrived[0].output }}", limit: 99}
    steps: {x: {type: noop, with: {value: "{{ index }}"}}}
links: [a -> again]
output: "{{ steps.again }}"
"""
    hand = Hand(text).succeed("a", 7)
    assert len(hand.children) == 3
    assert hand.check_replay().state.output == 6


def test_a_scope_that_fails_starts_nothing_that_collects():
    hand = Hand(SURVEY).succeed("north").fail("west")
    hand.succeed("south")
    assert "sum" not in hand.open
    assert hand.check_replay().status == "failed"


def test_a_run_that_waits_says_which_links_are_undecided():
    hand = Hand(SURVEY)
    assert [why.path for why in explain(hand.state)] == ["north", "south", "west"]
    hand.succeed("north")
    why = explain(hand.state)[-1]
    assert (why.path, why.state) == ("sum", "collecting")
    assert why.words == "It collects; 3 of its 4 links are undecided: south, south.error, west."
    assert explain(Hand(SURVEY).succeed("north").succeed("south").state)[-1].words == (
        "It collects; 1 of its 4 links is undecided: west."
    )
    assert why.data == {"type": "act", "undecided": ["south", "south.error", "west"], "links": 4}
    hand.succeed("south").succeed("west")
    assert [why.path for why in explain(hand.state)] == ["sum"]


def test_a_snapshot_keeps_what_has_arrived_so_far():
    hand = Hand(SURVEY).succeed("west", "W").fail("south", code="closed")
    hand.state = restore(hand.program, snapshot(hand.state))
    hand.succeed("north", "N")
    got = hand.open["sum"].parameters["got"]
    assert [(one["step"], one["port"]) for one in got] == [
        ("north", "out"),
        ("south", "error"),
        ("west", "out"),
    ]
    assert hand.check_replay().succeed("sum").status == "succeeded"


def test_a_folded_run_goes_on_with_what_had_arrived():
    hand = Hand(SURVEY).succeed("west", "W").succeed("south", "S")
    hand.state = fold(hand.program, hand.journal)
    hand.succeed("north", "N")
    assert [one["output"] for one in hand.open["sum"].parameters["got"]] == ["N", "S", "W"]


def test_what_a_retry_takes_over_arrives_as_it_did():
    hand = Hand(SURVEY).succeed("west", "W").fail("south", code="closed").succeed("north", "N").fail("sum")
    again = Hand(hand.program, run="run-2", origin="run-1", inherited=inherit(hand.program, hand.journal))
    assert list(again.open) == ["sum"]
    assert again.open["sum"].parameters == hand.executed[-1].parameters
    assert again.check_replay().succeed("sum").status == "succeeded"


def test_a_fork_that_changes_an_output_collects_the_changed_one():
    hand = Hand(SURVEY).succeed("west", "W").succeed("south", "S").succeed("north", "N").succeed("sum")
    taken = inherit(hand.program, hand.journal, start_at="sum", changes={"south": "other"}, again=True)
    fork = Hand(hand.program, run="run-2", inherited=taken)
    assert [one["output"] for one in fork.open["sum"].parameters["got"]] == ["N", "other", "W"]


def test_the_scope_within_and_the_scope_around_collect_each_their_own():
    text = """
steps:
  a: {type: noop, with: {value: A}}
  b: {type: noop, with: {value: B}}
  each:
    type: foreach
    join: collect
    with: {items: "{{ [one.output for one in arrived] }}"}
    steps:
      x: {type: noop, with: {value: "{{ item }}x"}}
      y: {type: if, with: {condition: "{{ item == 'A' }}"}}
      sum: {type: noop, join: collect, with: {value: "{{ [one.step for one in arrived] }}"}}
    links: [x -> sum, y.true -> sum]
links: [a -> each, b -> each]
output: "{{ steps.each }}"
"""
    assert Hand(text).check_replay().state.output == [["x", "y"], ["x"]]


def test_a_loop_over_what_arrived_that_is_tried_again_goes_over_the_same():
    text = """
steps:
  a: {type: act}
  b: {type: act}
  each:
    type: foreach
    join: collect
    retry: {attempts: 2, first: 0s, jitter: 0, on: [permanent]}
    with: {items: "{{ arrived }}", batch: 2}
    steps: {x: {type: act, with: {effect: read, got: "{{ [one.output for one in item] }}"}}}
links: [b -> each, a -> each]
"""
    hand = Hand(text, semantics=2).succeed("a", "A").succeed("b", "B")
    assert hand.open["each[0]/x"].parameters["got"] == ["B", "A"]
    hand.fail("each[0]/x").wait(1)
    assert hand.open["each[0]/x"].parameters["got"] == ["B", "A"]
    assert hand.succeed("each[0]/x", "done").check_replay().state.output == ["done"]
