"""A step gets another name everywhere, and nothing else changes."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auraos.core.document import parse
from auraos.documents.parts import EditRefusedError
from auraos.documents.references import find_references
from auraos.documents.renaming import rename_step
from auraos.documents.splice import apply_edits

TEXT = """\
kind: workflow
name: x
spec:
  steps:
    ask: {type: noop}   # asks
    guard:
      type: try
      steps: {risky: {type: noop, with: {a: "{{ steps.ask.x }}"}}}
      catch: {steps: {tell: {type: noop, with: {a: "{{ errors.risky.message }}"}}}, links: []}
      finally:
        steps:
          clean: {type: noop}
          more: {type: noop}
        links:
          - clean -> more  # in order
    fast:
      type: race
      branches:
        one: {steps: {left: {type: noop}, right: {type: noop}}, links: ["left -> right"]}
    pages: {type: while, with: {condition: "{{ last.more }}", limit: 3, output: page}, steps: {page: {type: noop}}}
  links: [ask -> guard, "guard.error -> fast"]
tests:
  - name: ask
    mocks: {guard/risky: 1, "ask!undo": 2, "pages[2]/page": 3}
    order: [ask, guard]
    answers: {ask: {decision: approved}}
    expect: {path: [ask, guard, guard/risky]}
layout: {steps: {ask: [0, 0]}, groups: {first: [ask, guard]}}
"""


def renamed(old: str, new: str) -> str:
    return apply_edits(TEXT, rename_step(TEXT, old, new))


def changed_lines(after: str) -> list[str]:
    return [new.strip() for old, new in zip(TEXT.split("\n"), after.split("\n"), strict=True) if old != new]


def test_a_step_at_the_top_is_renamed_in_links_expressions_tests_and_layout() -> None:
    assert changed_lines(renamed("ask", "query")) == [
        "query: {type: noop}   # asks",
        'steps: {risky: {type: noop, with: {a: "{{ steps.query.x }}"}}}',
        'links: [query -> guard, "guard.error -> fast"]',
        'mocks: {guard/risky: 1, "query!undo": 2, "pages[2]/page": 3}',
        "order: [query, guard]",
        "answers: {query: {decision: approved}}",
        "expect: {path: [query, guard, guard/risky]}",
        "layout: {steps: {query: [0, 0]}, groups: {first: [query, guard]}}",
    ]


@pytest.mark.parametrize(
    ("old", "lines"),
    [
        (
            "risky",
            [
                'steps: {new: {type: noop, with: {a: "{{ steps.ask.x }}"}}}',
                'catch: {steps: {tell: {type: noop, with: {a: "{{ errors.new.message }}"}}}, links: []}',
                'mocks: {guard/new: 1, "ask!undo": 2, "pages[2]/page": 3}',
                "expect: {path: [ask, guard, guard/new]}",
            ],
        ),
        ("clean", ["new: {type: noop}", "- new -> more  # in order"]),
        ("right", ['one: {steps: {left: {type: noop}, new: {type: noop}}, links: ["left -> new"]}']),
        (
            "page",
            [
                'pages: {type: while, with: {condition: "{{ last.more }}", limit: 3, output: new}, steps: {new: {type: noop}}}',
                'mocks: {guard/risky: 1, "ask!undo": 2, "pages[2]/new": 3}',
            ],
        ),
    ],
)
def test_a_step_inside_a_container_is_renamed_in_its_scope(old: str, lines: list[str]) -> None:
    assert changed_lines(renamed(old, "new")) == lines


def test_renaming_back_gives_the_same_text() -> None:
    there = renamed("guard", "shield")
    assert there != TEXT
    assert apply_edits(there, rename_step(there, "shield", "guard")) == TEXT


def test_the_same_name_changes_nothing() -> None:
    assert rename_step(TEXT, "ask", "ask") == []


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("gone", "x", "There is no step 'gone'."),
        ("ask", "guard", "There is a step 'guard' already."),
        ("ask", "risky", "There is a step 'risky' already."),
        ("ask", "Ask", "'Ask' is no name for a step."),
        ("ask", "input", "'input' is no name for a step."),
        ("ask", "if", "'if' is no name for a step."),
    ],
)
def test_a_name_that_cannot_be_is_refused(old: str, new: str, message: str) -> None:
    with pytest.raises(EditRefusedError) as refused:
        rename_step(TEXT, old, new)
    assert refused.value.message == message


@pytest.mark.parametrize(
    ("expression", "found"),
    [
        ("steps.a", 1),
        ("steps.a.b + steps.a", 2),
        ("steps . a", 1),
        ("errors.a", 1),
        ("steps['a'].b", 1),
        ('steps["a"]', 1),
        ("steps.ab", 0),
        ("x.steps.a", 0),
        ("x . steps.a", 0),
        ("'steps.a'", 0),
        ('"it\'s steps.a"', 0),
        ("'\\'' + steps.a", 1),
        ("f'{steps.a}'", 1),
        ("f'{{steps.a}}'", 0),
        ("f'{f\"{steps.a}\"}'", 1),
        ("r'\\' + steps.a", 1),
        ("{'x': {'y': steps.a}}", 1),
        ("[steps.a for steps_a in x]", 1),
        ("vars.a", 0),
        ("mysteps.a", 0),
        ("'''a ' steps.a''' + steps.a", 1),
        ("steps", 0),
        ("steps[a]", 0),
    ],
)
@pytest.mark.parametrize("style", ["plain", "single", "double", "literal"])
def test_a_reference_is_found_in_code_and_not_in_text(expression: str, found: int, style: str) -> None:
    content = f"steps.a {{{{ {expression} }}}} steps.a"
    raw = {
        "single": "'" + content.replace("'", "''") + "'",
        "double": '"' + content.replace("\\", "\\\\").replace('"', '\\"') + '"',
    }.get(style, content)
    spans = find_references(raw, style, "a")  # type: ignore[arg-type]
    assert [raw[start:end] for start, end in spans] == ["a"] * found


@given(st.text(alphabet="steps.a[]{}'\"fr\\ \n", max_size=60))
@settings(max_examples=500, deadline=None)
def test_no_expression_stalls_or_crashes_the_search(content: str) -> None:
    for start, end in find_references("{{" + content, "plain", "a"):
        assert ("{{" + content)[start:end] == "a"


def test_an_unread_text_is_refused() -> None:
    with pytest.raises(EditRefusedError):
        rename_step("a: [", "a", "b")
    assert parse(TEXT).problems == []
