"""`foreach` with `batch`: the items come in lists."""

import pytest
from machine_hand import Hand

from auraos.core.run import explain, inherit, loops

EACH = """
steps:
  each:
    type: foreach
    with: {items: "{{ input.rows }}", batch: "{{ input.size }}", parallel: 2, on_error: ON_ERROR}
    steps: {a: {type: act, with: {rows: "{{ item }}", number: "{{ index }}"}}}
output: "{{ steps.each }}"
"""
SUMS = """
steps:
  each:
    type: foreach
    with: {items: "{{ input.rows }}", batch: BATCH}
    steps: {a: {type: transform, with: {set: {number: "{{ index }}", count: "{{ len(item) }}", sum: "{{ sum(item) }}"}}}}
output: "{{ steps.each }}"
"""


def started(rows, size, on_error="stop"):
    return Hand(EACH.replace("ON_ERROR", on_error), {"rows": rows, "size": size})


@pytest.mark.parametrize(
    ("rows", "size", "batches"),
    [
        ([], 3, []),
        ([1], 3, [[1]]),
        ([1, 2, 3], 3, [[1, 2, 3]]),
        ([1, 2, 3, 4], 3, [[1, 2, 3], [4]]),
        ([1, 2], 1, [[1], [2]]),
        ([1, 2], 10_000_000, [[1, 2]]),
        ([[1], [2], [3]], 2, [[[1], [2]], [[3]]]),
    ],
)
def test_the_items_come_in_lists_of_at_most_as_many_as_batch_says(rows, size, batches):
    hand = started(rows, size)
    for number, batch in enumerate(batches):
        command = hand.open[f"each[{number}]/a"]
        assert command.parameters == {"rows": batch, "number": number}
        hand.check_replay().succeed(f"each[{number}]/a", {"saved": len(batch)})
    assert hand.check_replay().state.output == [{"saved": len(batch)} for batch in batches]


def test_ten_thousand_items_in_batches_of_fifty_stay_in_one_journal():
    hand = Hand(SUMS.replace("BATCH", "50"), {"rows": list(range(10_000))})
    output = hand.check_replay().state.output
    assert len(output) == 200
    assert {one["count"] for one in output} == {50}
    assert [one["number"] for one in output] == list(range(200))
    assert sum(one["sum"] for one in output) == sum(range(10_000))
    assert not hand.children


def test_more_than_a_thousand_batches_go_page_by_page_and_keep_their_numbers():
    hand = Hand(SUMS.replace("BATCH", "8"), {"rows": list(range(10_004))})
    assert [len(child.program.workflow.scope.steps) for child in hand.children.values()] == [1, 1, 1]
    assert [len(child.state.page.items) for child in hand.children.values()] == [500, 500, 251]
    output = hand.check_replay().state.output
    assert [one["number"] for one in output] == list(range(1_251))
    assert output[-1] == {"number": 1_250, "count": 4, "sum": 10_000 + 10_001 + 10_002 + 10_003}
    assert sum(one["sum"] for one in output) == sum(range(10_004))


def test_pages_are_counted_in_batches_when_small_ones_are_played(monkeypatch):
    monkeypatch.setattr(loops, "PAGE_ABOVE", 3)
    monkeypatch.setattr(loops, "PAGE_SIZE", 2)
    hand = Hand(SUMS.replace("BATCH", "2"), {"rows": [1, 2, 3, 4, 5, 6, 7]})
    assert [child.state.page.items for child in hand.children.values()] == [[[1, 2], [3, 4]], [[5, 6], [7]]]
    assert [one["sum"] for one in hand.check_replay().state.output] == [3, 7, 11, 7]


@pytest.mark.parametrize("size", [0, -1, "two", "2", 1.5, True, None, [2]])
def test_a_batch_that_is_no_whole_number_from_one_is_refused_where_the_loop_is(size):
    state = started([1, 2], size).check_replay().state
    assert state.status == "failed"
    assert (state.error.code, state.error.path) == ("items-refused", "each")
    assert "`batch` must be a whole number from 1" in state.error.message


def test_the_report_of_failures_names_the_number_and_the_list():
    hand = started([1, 2, 3], 2, "report").fail("each[0]/a", code="no").succeed("each[1]/a", "b")
    output = hand.check_replay().state.output
    assert output["results"] == [None, "b"]
    assert [(one["index"], one["item"], one["error"]["code"]) for one in output["failures"]] == [
        (0, [1, 2], "no")
    ]


def test_a_key_names_batches_and_sees_the_list():
    text = """
steps:
  each:
    type: foreach
    key: "{{ item[0].sku }}-{{ len(item) }}-{{ index }}"
    with: {items: "{{ input }}", batch: 2}
    steps: {a: {type: act}}
"""
    hand = Hand(text, [{"sku": "X"}, {"sku": "Y"}, {"sku": "Z"}])
    assert list(hand.open) == ["each[X-2-0]/a"]
    hand.succeed("each[X-2-0]/a")
    assert list(hand.open) == ["each[Z-1-1]/a"]
    assert hand.succeed("each[Z-1-1]/a").check_replay().status == "succeeded"


def test_enough_counts_batches():
    text = """
steps:
  each:
    type: foreach
    with: {items: "{{ range(5000) }}", batch: 10, enough: "{{ len(results) >= 2 }}"}
    steps: {a: {type: noop, with: {value: "{{ item[0] }}"}}}
output: "{{ steps.each }}"
"""
    output = Hand(text).check_replay().state.output
    assert output[:3] == [0, 10, None]
    assert len(output) == 500
    too_many = Hand(text.replace("batch: 10", "batch: 4")).state
    assert "there may be 1,000 batches at most" in too_many.error.message


def test_batches_within_batches_have_their_own_names():
    text = """
steps:
  outer:
    type: foreach
    with: {items: "{{ range(5) }}", batch: 4}
    steps:
      inner:
        type: foreach
        with: {items: "{{ item }}", batch: 3}
        steps: {a: {type: noop, with: {value: "{{ [index, item] }}"}}}
      after: {type: noop, with: {value: "{{ [index, item, steps.inner] }}"}}
    links: [inner -> after]
output: "{{ steps.outer }}"
"""
    assert Hand(text).check_replay().state.output == [
        [0, [0, 1, 2, 3], [[0, [0, 1, 2]], [1, [3]]]],
        [1, [4], [[0, [4]]]],
    ]


def test_a_retry_takes_over_the_batches_that_were_done():
    hand = started([1, 2, 3], 2).succeed("each[0]/a", "done").fail("each[1]/a")
    again = Hand(
        hand.program,
        hand.state.input,
        run="run-2",
        origin="run-1",
        inherited=inherit(hand.program, hand.journal),
    )
    assert list(again.open) == ["each[1]/a"]
    assert again.open["each[1]/a"].parameters == {"rows": [3], "number": 1}
    assert again.succeed("each[1]/a", "too").check_replay().state.output == ["done", "too"]
    assert explain(again.state)[0].state == "succeeded"
