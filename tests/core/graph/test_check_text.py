"""One call for the command line and editors: everything that is wrong with a text, with what is known around it."""

import time

from graph_catalogue import catalogue

from auraos.core.document import read_document
from auraos.core.graph import apply_safe_fixes, check_text, read_workflow
from auraos.core.problems import Fix, Problem, Severity, TextEdit
from auraos.core.workflow import Workflow

HEAD = "kind: workflow\nname: example\nspec:\n"


def workflow_of(spec: str, name: str = "example") -> Workflow:
    document, _ = read_document(f"kind: workflow\nname: {name}\nspec:\n{spec}", ("workflow",))
    assert document is not None
    workflow, problems = read_workflow(document, catalogue())
    assert workflow is not None, problems
    return workflow


def codes(problems: list[Problem]) -> list[str]:
    return [problem.code for problem in problems]


def calling(name: str) -> str:
    return f"  steps:\n    child: {{type: call, with: {{workflow: {name}}}}}\n"


def test_problems_of_yaml_envelope_and_workflow_come_together_in_the_order_of_the_text() -> None:
    steps = "    a: {type: nop}\n    b: {type: noop, with: {value: !x 1}}\n"
    text = f"kind: workflow\nname: Bad Name\nextra: 1\nspec:\n  steps:\n{steps}"
    assert codes(check_text(text, catalogue())) == [
        "bad-name",
        "unknown-field",
        "several-ends",
        "unknown-type",
        "yaml-tag",
    ]


def test_a_text_that_is_no_yaml_has_one_problem() -> None:
    assert codes(check_text("kind: [", catalogue())) == ["yaml-syntax"]


def test_an_empty_text_says_what_a_document_has() -> None:
    assert codes(check_text("", catalogue())) == ["document-empty"]


def test_nothing_is_said_twice() -> None:
    problems = check_text("kind: workflow\nname: a\nspec: 5\n", catalogue())
    assert codes(problems) == ["wrong-type"]


def test_a_secret_that_does_not_exist_is_an_error_once_the_secrets_are_known() -> None:
    text = f"{HEAD}  steps:\n    a: {{type: http.request, with: {{url: 'https://a.io', secret: stok-api}}}}\n"
    assert check_text(text, catalogue()) == []
    (problem,) = check_text(text, catalogue(), secrets={"stock-api"})
    assert problem.code == "unknown-secret"
    assert problem.hint == "Did you mean 'stock-api'?"
    assert problem.fix is not None


def test_the_secret_of_an_undo_is_looked_for_too() -> None:
    text = (
        f"{HEAD}  steps:\n    a:\n      type: http.request\n      with: {{url: 'https://a.io', method: POST}}\n"
        "      undo: {type: http.request, with: {url: 'https://a.io', method: DELETE, secret: stok-api}}\n"
    )
    assert codes(check_text(text, catalogue(), secrets={"stock-api"})) == ["unknown-secret"]


def test_a_secret_written_out_is_never_repeated_in_a_message() -> None:
    text = (
        f"{HEAD}  steps:\n    a: {{type: http.request, with: {{url: 'https://a.io', secret: 'Hunter2!'}}}}\n"
    )
    (problem,) = check_text(text, catalogue())
    assert "unter2" not in problem.message + problem.hint


def test_a_called_workflow_that_does_not_exist_is_an_error_once_the_others_are_known() -> None:
    text = HEAD + calling("invoice")
    assert check_text(text, catalogue()) == []
    assert codes(check_text(text, catalogue(), others={}.get)) == ["unknown-workflow"]


def test_the_input_of_a_called_workflow_is_held_against_its_schema() -> None:
    called = workflow_of(
        "  input: {type: object, required: [id], properties: {id: {type: integer}}, additionalProperties: false}\n"
        "  steps: {a: {type: noop}}\n",
        "invoice",
    )
    head = f"{HEAD}  steps:\n    child: {{type: call, with: {{workflow: invoice"
    others = {"invoice": called}.get
    assert codes(check_text(f"{head}}}}}\n", catalogue(), others=others)) == ["missing-field"]
    assert codes(check_text(f"{head}, input: {{}}}}}}\n", catalogue(), others=others)) == ["missing-field"]
    assert codes(check_text(f"{head}, input: {{id: x}}}}}}\n", catalogue(), others=others)) == ["wrong-type"]
    assert codes(check_text(f"{head}, input: {{id: 1, x: 2}}}}}}\n", catalogue(), others=others)) == [
        "unknown-field"
    ]
    assert codes(check_text(f"{head}, input: {{id: '{{{{ [] }}}}'}}}}}}\n", catalogue(), others=others)) == [
        "type-mismatch"
    ]
    assert check_text(f"{head}, input: {{id: '{{{{ input.id }}}}'}}}}}}\n", catalogue(), others=others) == []


def test_a_circle_of_calls_that_nothing_ends_is_an_error() -> None:
    others = {"b": workflow_of(calling("c"), "b"), "c": workflow_of(calling("example"), "c")}
    (problem,) = check_text(HEAD + calling("b"), catalogue(), others=others.get)
    assert problem.code == "call-recursion"
    assert "example -> b -> c -> example" in problem.message


def test_a_circle_of_calls_that_a_condition_may_end_is_no_problem() -> None:
    spec = (
        "  steps:\n    ask: {type: if, with: {condition: '{{ input.n > 0 }}'}}\n"
        "    child: {type: call, with: {workflow: example}}\n  links: [ask.true -> child]\n"
    )
    others = {"b": workflow_of(spec, "b")}
    assert check_text(HEAD + calling("b"), catalogue(), others=others.get) == []


def test_calls_deeper_than_sixteen_are_an_error() -> None:
    def chain(length: int) -> dict[str, Workflow]:
        calls = {
            f"w{number}": workflow_of(calling(f"w{number + 1}"), f"w{number}") for number in range(1, length)
        }
        return {**calls, f"w{length}": workflow_of("  steps: {a: {type: noop}}\n", f"w{length}")}

    assert check_text(HEAD + calling("w1"), catalogue(), others=chain(16).get) == []
    assert codes(check_text(HEAD + calling("w1"), catalogue(), others=chain(17).get)) == ["call-too-deep"]


def test_a_large_workflow_is_a_warning_and_a_huge_one_an_error() -> None:
    def row(count: int) -> str:
        steps = "".join(f"    s{number}: {{type: noop}}\n" for number in range(count))
        return f"{HEAD}  output: null\n  steps:\n{steps}"

    assert check_text(row(200), catalogue()) == []
    assert [(problem.code, problem.severity) for problem in check_text(row(201), catalogue())] == [
        ("large-workflow", Severity.WARNING)
    ]
    assert [(problem.code, problem.severity) for problem in check_text(row(2_001), catalogue())] == [
        ("too-large-workflow", Severity.ERROR)
    ]


def test_of_a_huge_workflow_nothing_else_is_checked() -> None:
    def steps(count: int) -> str:
        first = '    bad: {type: noop, with: {value: "{{ steps.nothing + }}"}, fallback: 1}\n'
        return "  steps:\n" + first + "".join(f"    s{number}: {{type: noop}}\n" for number in range(count))

    assert "expression-syntax" in codes(check_text(HEAD + steps(3), catalogue()))
    found = check_text(HEAD + steps(2_000), catalogue())
    assert codes(found) == ["too-large-workflow"]
    assert "has 2,001 steps; a workflow has at most 2,000" in found[0].message


def test_so_many_expressions_are_too_many_in_however_few_steps() -> None:
    def with_expressions(count: int) -> str:
        values = ", ".join(['"{{ 1 + 1 }}"'] * count)
        return f"{HEAD}  steps:\n    a: {{type: noop, with: {{value: [{values}]}}}}\n"

    assert check_text(with_expressions(100), catalogue()) == []
    found = check_text(with_expressions(20_001), catalogue())
    assert codes(found) == ["too-large-workflow"]
    assert "has 20,001 expressions" in found[0].message


def test_tests_that_name_steps_and_ports_that_are_not_there_are_reported() -> None:
    text = f"""{HEAD}  steps:
    ask: {{type: if, with: {{condition: "{{{{ input.x }}}}"}}}}
    each: {{type: foreach, with: {{items: [1]}}, steps: {{price: {{type: noop}}}}}}
  links: [ask.true -> each]
tests:
  - {{name: one, mocks: {{price: 1}}, expect: {{path: [ask, eahc, ask.maybe, "each[0]/price"]}}}}
  - {{name: one, expect: {{output: [null]}}}}
  - {{name: two, inptu: 5}}
"""
    found = [(problem.code, problem.hint) for problem in check_text(text, catalogue())]
    assert found == [
        ("unknown-step", "Did you mean 'each/price'?"),
        ("unknown-step", "Did you mean 'each'?"),
        ("dangling-port", "Its ports are true, false or error."),
        ("duplicate-test", ""),
        ("test-without-expect", "Write `expect: {output: …}`."),
        ("unknown-field", "Did you mean 'input'?"),
    ]


def test_a_test_whose_input_would_be_refused_is_reported_at_the_value() -> None:
    text = (
        f"{HEAD}  input: {{type: object, properties: {{id: {{type: integer}}}}}}\n  steps: {{a: {{type: noop}}}}\n"
        "tests:\n  - {name: one, input: {id: x}, expect: {output: null}}\n"
    )
    (problem,) = check_text(text, catalogue())
    assert (problem.code, problem.path) == ("test-input", ("tests", 0, "input", "id"))


def test_a_workflow_with_an_error_is_not_handed_out() -> None:
    document, _ = read_document(HEAD + "  steps: {a: {type: nop}}\n", ("workflow",))
    assert document is not None
    workflow, problems = read_workflow(document, catalogue())
    assert workflow is None
    assert codes(problems) == ["unknown-type"]


def test_safe_fixes_are_applied_and_unsafe_ones_are_not() -> None:
    text = (
        f"{HEAD}  steps:  # all of them\n    ask: {{type: if, title: 5, with: {{condition: input.x > 1}}}}\n"
        "    log: {type: logg, timeout: 5 minutes}\n  output: null\n"
    )
    fixed = apply_safe_fixes(text, check_text(text, catalogue()))
    assert fixed == (
        f'{HEAD}  steps:  # all of them\n    ask: {{type: if, title: "5", with: {{condition: "{{{{ input.x > 1 }}}}"}}}}\n'
        "    log: {type: logg, timeout: 5m}\n  output: null\n"
    )


def test_of_two_fixes_of_the_same_characters_the_first_wins() -> None:
    def mend(start: int, end: int, text: str) -> Problem:
        return Problem(
            code="wrong-type", message="x.", fix=Fix("x", (TextEdit(start, end, text),), safe=True)
        )

    assert apply_safe_fixes("abcdef", [mend(1, 3, "X"), mend(2, 4, "Y"), mend(4, 4, "Z")]) == "aXdZef"


def time_to_check(steps: int) -> float:
    text = HEAD + "  steps:\n" + "".join(f"    s{number}: {{type: noop}}\n" for number in range(steps))
    begun = time.process_time()
    check_text(text, catalogue())
    return time.process_time() - begun


def test_eight_times_the_steps_take_about_eight_times_as_long() -> None:
    assert time_to_check(8000) < 20 * time_to_check(1000)
