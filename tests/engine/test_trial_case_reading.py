"""Reading cases reports every mistake in them, each at its place."""

import pytest

from auraos.app.installed import load_installed
from auraos.core.document import read_document
from auraos.core.errors import UserError
from auraos.core.graph import read_workflow
from auraos.engine.trial import MockError, read_cases
from auraos.engine.trial.mocks import Call, Mocks

CATALOGUE = load_installed().catalogue
HEAD = """kind: workflow
name: tried
spec:
  steps:
    a: {type: noop}
    each: {type: foreach, with: {items: []}, steps: {b: {type: noop}}}
tests:
"""


def problems_of(case):
    document, _ = read_document(HEAD + case)
    workflow, _ = read_workflow(document, CATALOGUE)
    return [
        (problem.code, problem.message, problem.place.line) for problem in read_cases(document, workflow)[1]
    ]


@pytest.mark.parametrize(
    ("case", "code", "words"),
    [
        ("  - just text", "wrong-type", "A test case is a mapping, not text."),
        ("  - {expect: {}}", "missing-field", "A test case needs a `name`."),
        ("  - {name: x, mock: {}}", "unknown-field", "A test case has no field 'mock'."),
        ("  - {name: x, mocks: []}", "wrong-type", "'mocks' must be a mapping, not list."),
        ("  - {name: x, expect: {outputs: 1}}", "unknown-field", "'expect' has no field 'outputs'."),
        ("  - {name: x, expect: {path: [a, c]}}", "unknown-step-in-test", "The workflow has no step 'c'."),
        (
            "  - {name: x, expect: {calls: {each/c: 1}}}",
            "unknown-step-in-test",
            "The workflow has no step 'each/c'.",
        ),
        (
            "  - {name: x, mocks: {a: {$fail: x, also: 1}}}",
            "unknown-field",
            "An outcome has no field 'also'.",
        ),
        ("  - {name: x, signals: [{at: 1h}]}", "missing-field", "An entry of 'signals' needs a `name`."),
        (
            "  - {name: x, control: [{do: stop, when: 1h}]}",
            "unknown-field",
            "An entry of 'control' has no field 'when'.",
        ),
        ("  - {name: x, at: tomorrow}", "wrong-type", "'tomorrow' is no point in time."),
    ],
)
def test_a_mistake_in_a_case_is_told_at_its_place(case, code, words):
    assert problems_of(case) == [(code, words, 8)]


def test_two_cases_of_one_name_are_told():
    assert [code for code, _, _ in problems_of("  - {name: x}\n  - {name: x}")] == ["duplicate-test"]


def test_activations_undos_and_parts_of_loops_can_be_named():
    assert problems_of("  - {name: x, mocks: {'each[2]/b': 1, a!undo: 2, on_failure: 3}}") == []


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ({"a": []}, "The list of outcomes of 'a' is empty."),
        ({"a": {"$fail": {"class": "odd"}}}, "There is no class of errors 'odd'."),
        ({"a": {"$after": "soon"}}, "'soon' is no duration."),
        ({"a": {"$each": [1]}}, "'a' is in no loop, so its mock cannot say $each."),
    ],
)
def test_a_mock_that_no_step_can_do_is_refused(written, words):
    with pytest.raises(UserError) as caught:
        Mocks(written).answer(Call(path="a"))
    assert caught.value.message == words


def test_a_loop_with_more_items_than_outcomes_is_refused():
    with pytest.raises(MockError, match="has outcomes for 1 items, and item 1 was called"):
        Mocks({"each/b": {"$each": [1]}}).answer(Call(path="each[1]/b", index=1))
