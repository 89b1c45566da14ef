"""Flags that steps ask for: what can be known of them before anything runs."""

import pytest

from auraos.app.installed import load_installed
from auraos.core.document import read_document
from auraos.core.graph import check_text
from auraos.core.graph.check import check_workflow
from auraos.core.problems import Severity
from auraos.documents.kinds import WORKFLOW

CATALOGUE = load_installed().catalogue
HEAD = "kind: workflow\nname: example\nspec:\n  steps:\n"
KNOWN = {"fast": "boolean", "price": "number"}.get


def of(step: str, more: str = "") -> str:
    return f"{HEAD}    a: {{type: flag, with: {{{step}}}}}\n{more}"


def found(text: str, flags=KNOWN) -> list[str]:
    return [problem.code for problem in check_text(text, CATALOGUE, flags=flags)]


@pytest.mark.parametrize(
    ("step", "codes"),
    [
        ("flag: fast", []),
        ("flag: fats", ["unknown-flag"]),
        ("flag: fats, default: true", []),
        ("flag: '{{ input.name }}'", ["no-expression-here"]),
        ("flag: Fast", ["bad-name"]),
        ("flag: fast, kye: 1", ["unknown-field"]),
    ],
)
def test_a_flag_is_one_that_there_is_by_a_name_that_stands_there(step, codes):
    assert found(of(step)) == codes


def test_nobody_knows_which_flags_there_are_elsewhere():
    assert found(of("flag: fats"), None) == []


def test_a_missing_flag_is_a_warning_in_a_folder_and_an_error_in_a_workspace():
    (problem,) = check_text(of("flag: fats"), CATALOGUE, flags=KNOWN)
    assert (problem.severity, problem.path[-1], problem.place.line) == (Severity.WARNING, "flag", 5)
    document, _ = read_document(of("flag: fats"), ("workflow",))
    (problem,) = check_workflow(document, CATALOGUE, flags=KNOWN, numbered=True)
    assert (problem.severity, "in this workspace" in problem.message) == (Severity.ERROR, True)


def test_ports_of_a_boolean_flag_lead_nowhere_for_one_of_another_type():
    more = "    b: {type: noop}\n    c: {type: noop}\n  links: [a.true -> b, a -> c]\n  output: 1\n"
    assert found(of("flag: price", more)) == ["flag-port"]
    assert found(of("flag: fast", more)) == []


def test_one_of_both_ports_is_live_besides_out():
    more = (
        "    b: {type: noop}\n    c: {type: noop}\n    d: {type: noop, join: %s}\n"
        "  links: [a.true -> b, a.false -> c, b -> d, c -> d]\n  output: 1\n"
    )
    assert found(of("flag: fast", more % "2")) == ["never-starts"]
    assert found(of("flag: fast", more % "any")) == []


def test_what_follows_out_may_read_the_answer_and_what_follows_a_port_too():
    more = (
        "    b: {type: noop, with: {value: '{{ steps.a.value }}'}}\n"
        "    c: {type: noop, with: {value: '{{ steps.a.variant }}'}}\n  links: [a -> b, a.true -> c]\n  output: 1\n"
    )
    assert found(of("flag: fast", more)) == []


def test_a_workflow_names_its_flags_and_which_it_can_do_without():
    more = "    b: {type: flag, with: {flag: price, default: 1}}\n"
    document, _ = read_document(of("flag: fast", more), ("workflow",))
    meaning = WORKFLOW.read(document, CATALOGUE)
    assert [(one.kind, one.name, one.is_needed) for one in meaning.names] == [
        ("flag", "fast", True),
        ("flag", "price", False),
    ]
