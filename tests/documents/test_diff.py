"""Differences between documents: what they mean, as data and in words."""

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auraos.core.document import Document, read_document
from auraos.documents.diff import compare
from auraos.documents.difference import Change, find_leaves, is_same

TEXT = """\
kind: workflow
name: shop
labels: {team: sales}
spec:
  input: {type: object, required: [order], properties: {order: {type: object}}}
  variables: {currency: EUR}
  settings: {timeout: 5d}
  steps:
    size: {type: switch, with: {cases: {large: "{{ input.order.total > 1000 }}"}}}
    reserve:
      type: http.request
      with: {method: POST, url: "https://stock.example/reserve"}
      retry: {attempts: 3, first: 1s}
    each:
      type: foreach
      with: {items: "{{ input.order.lines }}", collect: price}
      steps:
        price: {type: http.request, with: {url: "https://prices.example/"}}
    total: {type: transform, with: {set: {amount: "{{ steps.each }}", id: "{{ steps.reserve.id }}"}}}
  links: [size.large -> reserve, reserve -> each, each -> total]
  output: "{{ steps.total.amount }}"
tests: [{name: small, input: {a: 1}}]
layout: {steps: {size: [0, 0]}}
"""


def read(text: str) -> Document:
    document, problems = read_document(text)
    assert problems == []
    assert document is not None
    return document


def words(before: str, after: str) -> list[str]:
    return [change.words for change in compare(read(before), read(after)).changes]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("attempts: 3", "attempts: 5", ["Step `reserve`: retry attempts 3 → 5"]),
        ("first: 1s}", "first: 1s}\n      timeout: 30s", ["Step `reserve`: timeout 30s added"]),
        (
            "      retry: {attempts: 3, first: 1s}\n",
            "",
            ["Step `reserve`: retry removed (was {attempts: 3, first: 1s})"],
        ),
        ("type: switch", "type: if", ["Step `size`: type switch → if"]),
        ("method: POST", "method: PUT", ["Step `reserve`: with method POST → PUT"]),
        ("    total:", "    fresh: {type: noop}\n    total:", ["Step `fresh` added (noop)"]),
        ("size.large -> reserve, ", "", ["Link `size.large -> reserve` removed"]),
        ("each -> total]", "each -> total, size.else -> total]", ["Link `size.else -> total` added"]),
        ("each -> total]", "each.out->total]", []),
        ("[size.large -> reserve, reserve -> each", "[reserve -> each, size.large -> reserve", []),
        ("timeout: 5d", "timeout: 6d", ["Setting timeout 5d → 6d"]),
        ("timeout: 5d", "timeout: 5d, priority: 7", ["Setting priority 7 added"]),
        ("  settings: {timeout: 5d}\n", "", ["Setting timeout removed (was 5d)"]),
        ("currency: EUR", "currency: USD", ["Variable currency EUR → USD"]),
        ("order: {type: object}", "order: {type: array}", ["Input field `order`: type object → array"]),
        (
            "order: {type: object}",
            "order: {type: object}, note: {type: string}",
            ["Input field `note`: {type: string} added"],
        ),
        ("required: [order]", "required: []", ["Input required [order] → []"]),
        (
            '"{{ steps.total.amount }}"',
            '"{{ steps.total }}"',
            ["Output {{ steps.total.amount }} → {{ steps.total }}"],
        ),
        ("name: shop", "name: store", ["name shop → store"]),
        ("team: sales", "team: stock", ["labels team sales → stock"]),
        ("input: {a: 1}", "input: {a: 2}", ["Test `small`: input a 1 → 2"]),
        ("{name: small, input: {a: 1}}", "{name: big}", ["Test `small` removed", "Test `big` added"]),
        ("kind: workflow", "# a comment\nkind: 'workflow'", []),
    ],
)
def test_each_change_is_said_in_words(old: str, new: str, said: list[str]) -> None:
    assert TEXT.count(old) == 1
    assert words(TEXT, TEXT.replace(old, new)) == said


def test_a_renamed_step_is_one_change_whatever_refers_to_it() -> None:
    assert words(TEXT, TEXT.replace("reserve", "book").replace("example/book", "example/reserve")) == [
        "Step `reserve` renamed to `book`"
    ]


def test_a_renamed_step_may_change_a_little_as_well() -> None:
    after = (
        TEXT.replace("reserve", "book")
        .replace("example/book", "example/reserve")
        .replace("attempts: 3", "attempts: 4")
    )
    assert words(TEXT, after) == ["Step `reserve` renamed to `book`", "Step `book`: retry attempts 3 → 4"]


def test_a_renamed_container_does_not_move_what_is_inside() -> None:
    after = (
        TEXT.replace("    each:", "    lines:")
        .replace("-> each,", "-> lines,")
        .replace("each ->", "lines ->")
        .replace("steps.each", "steps.lines")
    )
    assert words(TEXT, after) == ["Step `each` renamed to `lines`"]


def test_another_step_in_the_place_of_one_is_no_renaming() -> None:
    after = TEXT.replace("    size: {type: switch", "    other: {type: if").replace(
        "size.large", "other.large"
    )
    assert words(TEXT, after)[:2] == ["Step `size` removed (switch)", "Step `other` added (if)"]


def test_a_step_that_changes_its_scope_has_moved() -> None:
    line = '        price: {type: http.request, with: {url: "https://prices.example/"}}\n'
    after = TEXT.replace(line, "        tax: {type: noop}\n").replace("    total:", line[4:] + "    total:")
    assert words(TEXT, after) == ["Step `price` moved from `each` to the top", "Step `tax` added (noop)"]


def test_the_layout_stands_apart() -> None:
    difference = compare(read(TEXT), read(TEXT.replace("size: [0, 0]", "size: [5, 0]")))
    assert difference.means_the_same
    assert [change.words for change in difference.layout] == ["Layout: steps size[0] 0 → 5"]


def test_a_change_is_data_with_its_path() -> None:
    (change,) = compare(read(TEXT), read(TEXT.replace("attempts: 3", "attempts: 5"))).changes
    assert change == Change(
        kind="changed",
        subject="step",
        path=("spec", "steps", "reserve", "retry", "attempts"),
        before=3,
        after=5,
        words="Step `reserve`: retry attempts 3 → 5",
    )
    assert msgspec.json.encode(change)


def test_other_kinds_are_compared_field_by_field() -> None:
    before, after = (
        "kind: report\nname: a\nspec: {x: {y: 1}}\n",
        "kind: report\nname: a\nspec: {x: {y: 2}, z: 3}\n",
    )
    assert words(before, after) == ["x y 1 → 2", "z 3 added"]


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(0, 2) | st.just(1.0) | st.sampled_from("ab"),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from("xyz"), inner, max_size=3),
    max_leaves=6,
)


@given(VALUES, VALUES)
@settings(max_examples=300, deadline=None)
def test_two_values_have_no_differences_exactly_when_they_are_the_same(before: object, after: object) -> None:
    assert (find_leaves(before, after) == []) == is_same(before, after)


def test_one_is_not_true_and_not_one_point_zero() -> None:
    assert not is_same(1, True)
    assert not is_same(1, 1.0)
    assert is_same({"a": 1, "b": 2}, {"b": 2, "a": 1})
