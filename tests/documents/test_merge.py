"""Joining two people's edits: what one of them changed is taken, what both changed is a conflict, nothing is lost."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from auraos.core.document import parse
from auraos.documents import splice
from auraos.documents.difference import find_leaves, is_same
from auraos.documents.merge import Merged, merge
from auraos.documents.parts import EditRefusedError
from auraos.documents.scopes import value_at
from auraos.documents.splice import apply_edits

BASE = """\
kind: workflow
name: shop
spec:
  settings: {timeout: 5d}
  steps:
    # asks a person
    ask: {type: human.approve, with: {group: sales}}   # sales
    reserve:
      type: http.request
      with: {method: POST, url: "https://stock.example/"}
      retry: {attempts: 3}
    total: {type: noop}
  links:
    - ask.approved -> reserve
    - reserve -> total
tests:
  - name: small
    input: {a: 1}
  - name: large
    input: {a: 2}
layout: {steps: {ask: [0, 0]}}
"""


def edited(*changes: tuple[str, str], text: str = BASE) -> str:
    for old, new in changes:
        assert text.count(old) == 1
        text = text.replace(old, new)
    return text


def read(text: str) -> Any:
    parsed = parse(text)
    assert parsed.problems == []
    assert parsed.tree is not None
    return parsed.tree.value


def test_edits_of_different_steps_are_joined_and_my_comments_stay() -> None:
    mine = edited(("group: sales}", "group: sales, title: Ask}"), ("# asks a person", "# asks somebody"))
    theirs = edited(("attempts: 3", "attempts: 5"), ("timeout: 5d", "timeout: 6d"))
    merged = merge(BASE, mine, theirs)
    assert merged == Merged(
        text=edited(("attempts: 3", "attempts: 5"), ("timeout: 5d", "timeout: 6d"), text=mine)
    )


def test_edits_of_different_fields_of_one_step_are_joined() -> None:
    merged = merge(BASE, edited(("attempts: 3", "attempts: 5")), edited(("method: POST", "method: PUT")))
    assert merged == Merged(text=edited(("attempts: 3", "attempts: 5"), ("method: POST", "method: PUT")))


def test_a_step_and_its_links_that_they_added_stand_where_they_put_them() -> None:
    theirs = edited(
        ("    total: {type: noop}", "    check: {type: noop}\n    total: {type: noop}"),
        ("reserve -> total", "reserve -> check\n    - check -> total"),
    )
    mine = edited(
        ("attempts: 3", "attempts: 5"),
        ("    - reserve -> total", "    - reserve -> total\n    - ask.rejected -> total"),
    )
    merged = merge(BASE, mine, theirs)
    assert merged.conflicts == ()
    assert list(read(merged.text)["spec"]["steps"]) == ["ask", "reserve", "check", "total"]
    assert sorted(read(merged.text)["spec"]["links"]) == [
        "ask.approved -> reserve",
        "ask.rejected -> total",
        "check -> total",
        "reserve -> check",
    ]


def test_a_step_that_they_removed_goes_with_its_comment() -> None:
    theirs = edited(
        ("    # asks a person\n    ask: {type: human.approve, with: {group: sales}}   # sales\n", ""),
        ("    - ask.approved -> reserve\n", ""),
    )
    merged = merge(BASE, edited(("attempts: 3", "attempts: 5")), theirs)
    assert merged == Merged(text=edited(("attempts: 3", "attempts: 5"), text=theirs))


@pytest.mark.parametrize(
    ("mine", "theirs", "kind", "words"),
    [
        (
            ("attempts: 3", "attempts: 4"),
            ("attempts: 3", "attempts: 5"),
            "both-changed",
            "Step `reserve`, retry attempts: mine says 4, theirs 5",
        ),
        (
            ("timeout: 5d", "timeout: 4d"),
            ("timeout: 5d", "timeout: 6d"),
            "both-changed",
            "Settings timeout: mine says 4d, theirs 6d",
        ),
        (
            ("attempts: 3", "attempts: 4"),
            ("      retry: {attempts: 3}\n", ""),
            "changed-removed",
            "Step `reserve`, retry was changed in mine and removed in theirs",
        ),
        (
            ("      retry: {attempts: 3}\n", ""),
            ("attempts: 3", "attempts: 4"),
            "removed-changed",
            "Step `reserve`, retry was removed in mine and changed in theirs",
        ),
        (
            ("    total: {type: noop}", "    total: {type: noop}\n    new: {type: a}"),
            ("    total: {type: noop}", "    total: {type: noop}\n    new: {type: b}"),
            "both-added",
            "Step `new` was added on both sides, with different content",
        ),
        (
            ("input: {a: 1}", "input: {a: 3}"),
            ("input: {a: 1}", "input: {a: 4}"),
            "both-changed",
            "Tests[0] input a: mine says 3, theirs 4",
        ),
    ],
)
def test_what_both_changed_is_a_conflict_in_which_mine_stands(
    mine: tuple[str, str], theirs: tuple[str, str], kind: str, words: str
) -> None:
    merged = merge(BASE, edited(mine), edited(theirs))
    (conflict,) = merged.conflicts
    assert (conflict.kind, conflict.words) == (kind, words)
    assert merged.text == edited(mine)


def test_a_conflict_carries_all_three_values() -> None:
    (conflict,) = merge(
        BASE, edited(("attempts: 3", "attempts: 4")), edited(("attempts: 3", "attempts: 5"))
    ).conflicts
    assert conflict.path == ("spec", "steps", "reserve", "retry", "attempts")
    assert (conflict.base, conflict.mine, conflict.theirs) == (3, 4, 5)


def test_a_link_to_a_step_that_the_other_side_removed_is_a_conflict() -> None:
    mine = edited(("    total: {type: noop}\n", ""), ("    - reserve -> total\n", ""))
    theirs = edited(("    - reserve -> total\n", "    - reserve -> total\n    - ask.rejected -> total\n"))
    merged = merge(BASE, mine, theirs)
    assert [conflict.words for conflict in merged.conflicts] == [
        "The link `ask.rejected -> total` speaks of the step `total`, which one side removed"
    ]


def test_the_same_edit_on_both_sides_is_no_conflict() -> None:
    both = edited(("attempts: 3", "attempts: 5"))
    assert merge(BASE, both, both) == Merged(text=both)


def test_cases_of_tests_are_joined_by_their_names() -> None:
    mine = edited(
        ("  - name: large\n    input: {a: 2}\n", "  - name: large\n    input: {a: 2}\n  - name: mine\n")
    )
    theirs = edited(("  - name: small\n    input: {a: 1}\n", "  - name: theirs\n"))
    merged = merge(BASE, mine, theirs)
    assert merged.conflicts == ()
    assert [case["name"] for case in read(merged.text)["tests"]] == ["large", "mine", "theirs"]


def test_what_aliases_keep_from_being_edited_is_a_conflict() -> None:
    base = "a: &x {k: 1}\nb: *x\nc: 1\n"
    merged = merge(base, base.replace("c: 1", "c: 2"), base.replace("k: 1", "k: 2").replace("*x", "{k: 1}"))
    assert merged.text == "a: &x {k: 1}\nb: *x\nc: 2\n"
    assert [conflict.kind for conflict in merged.conflicts] == ["not-editable"]


def test_a_text_that_cannot_be_read_is_refused() -> None:
    with pytest.raises(EditRefusedError, match="The text 'theirs' cannot be read as a document"):
        merge(BASE, BASE, "a: [")


SCALARS = st.sampled_from([1, 2, "x", True, None])
STEP = st.fixed_dictionaries(
    {"type": st.sampled_from(["noop", "if"])},
    optional={
        "timeout": st.sampled_from(["1s", "2s"]),
        "with": st.dictionaries(st.sampled_from("pq"), SCALARS, max_size=2),
    },
)
LINKS = st.lists(
    st.sampled_from(["a -> b", "b -> c", "c -> d", "a -> d", "a.error -> b"]), unique=True, max_size=4
)
WORKFLOWS = st.fixed_dictionaries(
    {
        "kind": st.just("workflow"),
        "name": st.just("w"),
        "spec": st.fixed_dictionaries(
            {"steps": st.dictionaries(st.sampled_from("abcd"), STEP, min_size=1), "links": LINKS},
            optional={
                "settings": st.dictionaries(st.sampled_from(["timeout", "priority"]), SCALARS),
                "output": SCALARS,
            },
        ),
    },
    optional={
        "labels": st.dictionaries(st.sampled_from("xy"), st.sampled_from("pq")),
        "tests": st.lists(
            st.fixed_dictionaries({"name": st.sampled_from("tu"), "input": SCALARS}), max_size=2
        ),
    },
)


def written(value: dict[str, Any]) -> str:
    return apply_edits("{}\n", splice.set_value("{}\n", (), value))


@given(WORKFLOWS, WORKFLOWS)
@settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
def test_if_i_changed_nothing_the_result_means_what_theirs_means(
    base: dict[str, Any], theirs: dict[str, Any]
) -> None:
    merged = merge(written(base), written(base), written(theirs))
    assert merged.conflicts == ()
    assert is_same(read(merged.text), theirs)


@given(WORKFLOWS, WORKFLOWS)
@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
def test_if_they_changed_nothing_my_text_stays_as_it_is(base: dict[str, Any], mine: dict[str, Any]) -> None:
    assert merge(written(base), written(mine), written(base)) == Merged(text=written(mine))
    assert merge(written(base), written(mine), written(mine)) == Merged(text=written(mine))


def unordered(value: Any) -> Any:
    spec = value["spec"]
    by_name = sorted(value.get("tests", []), key=str)
    return {**value, "tests": by_name, "spec": {**spec, "links": sorted(spec["links"])}}


@given(WORKFLOWS, WORKFLOWS, WORKFLOWS)
@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
def test_edits_that_fit_together_give_the_same_in_either_order(
    base: dict[str, Any], one: dict[str, Any], other: dict[str, Any]
) -> None:
    first, second = (
        merge(written(base), written(left), written(right)) for left, right in ((one, other), (other, one))
    )
    assert bool(first.conflicts) == bool(second.conflicts)
    assert first.conflicts or is_same(unordered(read(first.text)), unordered(read(second.text)))


def is_told(merged: Merged, path: tuple[Any, ...]) -> bool:
    return any(conflict.path[: len(path)] == path[: len(conflict.path)] for conflict in merged.conflicts)


@given(WORKFLOWS, WORKFLOWS, WORKFLOWS)
@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
def test_no_edit_of_either_side_is_lost_without_a_word(
    base: dict[str, Any], mine: dict[str, Any], theirs: dict[str, Any]
) -> None:
    merged = merge(written(base), written(mine), written(theirs))
    result = read(merged.text)
    for leaf in find_leaves(base, mine):
        kept = not isinstance(leaf.after, str | int | type(None)) or value_at(result, leaf.path) == leaf.after
        assert kept or "tests" in leaf.path or "links" in leaf.path or is_told(merged, leaf.path)
    for leaf in find_leaves(base, theirs):
        kept = not isinstance(leaf.after, str | int | type(None)) or value_at(result, leaf.path) == leaf.after
        assert kept or "tests" in leaf.path or "links" in leaf.path or is_told(merged, leaf.path)
    links = set(result["spec"]["links"])
    for side in (mine, theirs):
        assert set(side["spec"]["links"]) - set(base["spec"]["links"]) <= links
        assert not (set(base["spec"]["links"]) - set(side["spec"]["links"])) & links
