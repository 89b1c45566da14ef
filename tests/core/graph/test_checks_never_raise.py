"""Wrong input of any shape gives problems, never an error, and never takes long."""

import time
from typing import Any

import hypothesis
import pytest
import yaml
from graph_catalogue import catalogue
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from auraos.core.document import read_document
from auraos.core.graph import apply_safe_fixes, check_text, read_workflow
from auraos.core.problems import Problem
from auraos.core.run import compile_workflow

WHOLE = """
kind: workflow
name: order-intake
spec:
  input:
    type: object
    properties:
      order: {type: object, properties: {id: {}, total: {type: number}, lines: {type: array, items: {type: object}}}}
  variables: {currency: EUR, limit: {type: integer, default: 5}}
  settings:
    timeout: 5d
    concurrency: {key: "{{ input.order.id }}", limit: 1, when_full: wait}
    on_failure: {workflow: tell-the-team}
  steps:
    size: {type: switch, with: {cases: {large: "{{ input.order.total > vars.limit }}"}}}
    ask: {type: human.approve, with: {title: "Order {{ input.order.id }}", expires: 72h}}
    reserve:
      type: http.request
      with: {method: POST, url: "https://stock.example/reserve", json: "{{ input.order.lines }}", secret: stock-api}
      key: "{{ input.order.id }}"
      retry: {attempts: 5, first: 1s, factor: 2, max: 1m, on: [transient]}
      timeout: 30s
      undo: {type: http.request, with: {method: DELETE, url: "https://stock.example/{{ steps.reserve.json.id }}"}}
    each_line:
      type: foreach
      with: {items: "{{ input.order.lines }}", parallel: 4, collect: price}
      steps:
        price: {type: http.request, with: {url: "https://prices.example/{{ item.sku }}"}, fallback: null}
    pages:
      type: while
      with: {condition: "{{ last.more == true }}", limit: 10}
      steps: {page: {type: transform, with: {set: {more: "{{ index < 3 }}"}}}}
    guard:
      type: try
      steps: {risky: {type: log, with: {message: "{{ vars.currency }}"}}}
      catch: {steps: {tell: {type: log, with: {message: "{{ errors.risky.message }}"}}}}
      finally: {steps: {clean: {type: noop}}}
    first:
      type: race
      branches:
        paid: {steps: {wait_paid: {type: wait.signal, with: {name: paid}}}}
        late: {steps: {wait_late: {type: wait.for, with: {duration: 2d}}}}
    total: {type: transform, with: {set: {amount: "{{ sum(p.json.price for p in steps.each_line) }}"}}}
  links: [size.large -> ask, size.else -> reserve, ask.approved -> reserve, reserve -> each_line,
          each_line -> pages, pages -> guard, guard -> first, first.paid -> total]
  output: "{{ steps.total.amount }}"
tests:
  - name: a small order
    input: {order: {id: 7, total: 2, lines: []}}
    mocks: {reserve: {json: {id: r1}}, each_line/price: {json: {price: 20}}}
    expect: {output: 0}
"""
DATA = yaml.safe_load(WHOLE)
ODD: list[Any] = [
    None, True, False, 0, 1, -1, 2**62, 1.5, "", "x", "{{", "{{ }}", "{{ input.x }}", "}}", "a -> b", "é\u2028", [], [None],
    [[]], {}, {"": None}, {"type": "foreach"}, {"type": "noop"}, "noop", "foreach", "30s", {"steps": {}}, {"$ref": "#"},
    {"type": "object", "properties": {"x": {"$ref": "#"}}}, "steps.a", {"a": {"type": "race", "branches": {"b": 1}}},
]  # fmt: skip
WORDS = [
    "type", "with", "steps", "links", "join", "retry", "catch", "finally", "branches", "undo", "verify", "key", "input",
    "output", "variables", "settings", "cases", "items", "condition", "collect", "expect", "cache", "fallback", "a", "1", "",
]  # fmt: skip
Place = tuple[Any, ...]


def places_in(value: Any, here: Place = ()) -> list[Place]:
    """Return the paths of all parts of a value."""
    found = [here]
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in parts:
        found += places_in(part, (*here, key))
    return found


def changed(value: Any, place: Place, change: Any) -> Any:
    """Return a copy of a value with the part at a place handed to `change`, which may drop it by returning `...`."""
    if not place:
        return change(value)
    copy = dict(value) if isinstance(value, dict) else list(value) if isinstance(value, list) else value
    if not isinstance(copy, dict | list):
        return copy
    try:
        part = changed(copy[place[0]], place[1:], change)
    except (KeyError, IndexError):
        return copy
    if part is ...:
        del copy[place[0]]
    else:
        copy[place[0]] = part
    return copy


def mutated(draw: st.DrawFn, value: Any) -> Any:
    places = places_in(value)
    place = draw(st.sampled_from(places[1:] or [()]))
    other = draw(st.sampled_from(places))
    kind = draw(st.sampled_from(["odd", "drop", "copy", "rename", "add", "wrap"]))
    word, odd = draw(st.sampled_from(WORDS)), draw(st.sampled_from(ODD))
    at_other = value
    for key in other:
        at_other = at_other[key]
    match kind:
        case "odd":
            return changed(value, place, lambda _: odd)
        case "drop":
            return changed(value, place, lambda _: ...)
        case "copy":
            return changed(value, place, lambda _: at_other)
        case "rename":
            return changed(value, place[:-1], lambda part: _renamed(part, place[-1] if place else "", word))
        case "add":
            return changed(value, place, lambda part: {**part, word: odd} if isinstance(part, dict) else part)
    return changed(value, place, lambda part: [part])


def _renamed(part: Any, old: Any, new: str) -> Any:
    return (
        {(new if key == old else key): item for key, item in part.items()} if isinstance(part, dict) else part
    )


@st.composite
def documents(draw: st.DrawFn) -> str:
    value: Any = DATA
    for _ in range(draw(st.integers(1, 6))):
        value = mutated(draw, value)
        if len(places_in(value)) > 5_000:
            break
    return yaml.safe_dump(value, allow_unicode=True, sort_keys=False)


@st.composite
def plausible_steps(draw: st.DrawFn, names: list[str], level: int) -> dict[str, Any]:
    """Return a scope of steps that exist, linked forward from ports that exist, reading one another at will."""
    steps: dict[str, Any] = {}
    for _ in range(draw(st.integers(1, 4))):
        name = f"s{len(names)}"
        names.append(name)
        read = draw(st.sampled_from(names))
        value = draw(
            st.sampled_from([1, "{{ input.x }}", f"{{{{ steps.{read} }}}}", f"{{{{ steps.{read}.a or 0 }}}}"])
        )
        kind = draw(
            st.sampled_from(
                ["noop", "if", "http", "foreach", "while", "try", "race"][: 7 if level < 2 else 3]
            )
        )
        inner = {"steps": {}} if kind in ("noop", "if", "http") else draw(plausible_steps(names, level + 1))
        steps[name] = {
            "noop": {"type": "noop", "with": {"value": value}},
            "if": {
                "type": "if",
                "with": {"condition": value if isinstance(value, str) else "{{ input.x > 1 }}"},
            },
            "http": {
                "type": "http.request",
                "with": {"url": "https://a.io/{{ input.x }}"},
                "retry": {"attempts": 3},
            },
            "foreach": {"type": "foreach", "with": {"items": [1, 2]}, **inner},
            "while": {"type": "while", "with": {"condition": "{{ index < 3 }}", "limit": 5}, **inner},
            "try": {"type": "try", **inner, "catch": {"steps": {f"{name}_catch": {"type": "noop"}}}},
            "race": {
                "type": "race",
                "branches": {"one": inner, "two": {"steps": {f"{name}_two": {"type": "noop"}}}},
            },
        }[kind]
    ids = list(steps)
    links = []
    for at, target in enumerate(ids[1:], 1):
        source = draw(st.sampled_from(ids[:at]))
        ports = {"if": ["true", "false"], "race": ["out", "one", "two"]}.get(steps[source]["type"], ["out"])
        links.append(f"{source}.{draw(st.sampled_from([*ports, 'error']))} -> {target}")
    return {"steps": steps, "links": links}


@st.composite
def plausible_documents(draw: st.DrawFn) -> str:
    spec = {**draw(plausible_steps([], 0)), "output": draw(st.sampled_from([None, "{{ steps.s0 }}", 5]))}
    return yaml.safe_dump({"kind": "workflow", "name": "plausible", "spec": spec}, sort_keys=False)


def checked(text: str) -> list[Problem]:
    started = time.process_time()
    problems = check_text(text, catalogue(), secrets=["stock-api"])
    assert time.process_time() - started < 2
    return problems


def test_the_document_that_is_changed_is_clean() -> None:
    assert check_text(WHOLE, catalogue(), secrets=["stock-api"]) == []


@settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
@given(documents())
def test_any_change_of_a_document_gives_problems_and_never_an_error(text: str) -> None:
    for problem in checked(text):
        assert problem.place is None or 0 <= problem.place.start <= problem.place.end <= len(text)


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(plausible_documents())
def test_a_document_without_errors_becomes_a_program(text: str) -> None:
    errors = [problem for problem in checked(text) if problem.severity == "error"]
    hypothesis.assume(not errors)
    document, _ = read_document(text, ("workflow",))
    assert document is not None
    workflow, problems = read_workflow(document, catalogue())
    assert workflow is not None, problems
    assert compile_workflow(workflow, catalogue()).workflow is workflow


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(documents())
def test_safe_fixes_never_break_a_document(text: str) -> None:
    before = checked(text)
    after = checked(apply_safe_fixes(text, before))
    broken = {problem.code for problem in after} - {problem.code for problem in before}
    assert not {code for code in broken if code.startswith(("yaml-", "document-"))}


@settings(max_examples=200, deadline=None)
@given(st.integers(0, len(WHOLE)), st.integers(0, len(WHOLE)), st.text(max_size=5))
def test_a_text_cut_or_typed_into_anywhere_never_raises(start: int, end: int, typed: str) -> None:
    checked(WHOLE[: min(start, end)] + typed + WHOLE[max(start, end) :])


@pytest.mark.parametrize("spec", ODD, ids=repr)
def test_a_spec_of_any_shape_never_raises(spec: Any) -> None:
    for value in (
        spec,
        {"steps": spec},
        {"steps": {"a": spec}},
        {"steps": {"a": {"type": "foreach", "with": spec}}},
    ):
        assert (
            checked(yaml.safe_dump({"kind": "workflow", "name": "odd", "spec": value}, allow_unicode=True))
            is not None
        )
