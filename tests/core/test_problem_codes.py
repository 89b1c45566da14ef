"""Every code that the core uses is in the registry, and its examples show what they say."""

import ast
import re
from pathlib import Path

import pytest
import yaml

import auraos.core
from auraos.app.definitions.code_examples import document_of, yield_of
from auraos.app.installed import load_installed
from auraos.core.errors import UnexpectedError
from auraos.core.graph import check_text
from auraos.core.problem_codes import PROBLEM_CODES, ProblemCode, find_code

CORE = Path(auraos.core.__file__).parent
CODE = re.compile(r"[a-z]+(?:-[a-z]+)+|[a-z]{4,}")
MAKERS = {"add": 0, "_add": 3, "_report": 3, "_note": 0, "refusal": 0, "CallError": 0, "ExpressionError": 0,
          "EvaluationError": 0, "BudgetError": 0, "report": 1}  # fmt: skip
SHOWN = [code for code in PROBLEM_CODES.values() if code.bad and code.shown_by != "console"]
PLACES: dict[str, str] = yaml.safe_load((Path(__file__).parent / "places_of_examples.yaml").read_text())
CATALOGUE = load_installed().catalogue


def _steps(count: int) -> str:
    return "steps:\n" + "\n".join(f"  a{number}: {{type: noop}}" for number in range(count))


def _loops(depth: int) -> str:
    levels = range(depth)
    heads = [f"{'  ' * (2 * at)}steps:\n{'  ' * (2 * at + 1)}l{at}:" for at in levels]
    loop = "type: foreach\n{0}with: {{items: [1]}}"
    return (
        "\n".join(
            f"{head}\n{'  ' * (2 * at + 2)}{loop.format('  ' * (2 * at + 2))}"
            for at, head in enumerate(heads)
        )
        + f"\n{'  ' * (2 * depth)}steps: {{a: {{type: noop}}}}"
    )


TOO_LARGE_TO_SHOW = {
    "yaml-too-many-aliases": "steps:\n  a: &a {type: noop}\n" + "\n".join(f"  b{n}: *a" for n in range(101)),
    "yaml-too-deep": f"steps:\n  a: {{type: noop, with: {{value: {'[' * 120}{']' * 120}}}}}",
    "yaml-too-long": "#" * 2_000_001,
    "too-long": f"steps:\n  a: {{type: noop, with: {{value: '{{{{ {'1 + ' * 2501}1 }}}}'}}}}",
    "too-deep": f"steps:\n  a: {{type: noop, with: {{value: '{{{{ {'(' * 101}1{')' * 101} }}}}'}}}}",
    "too-deep-nesting": _loops(17),
    "large-workflow": _steps(201),
    "too-large-workflow": _steps(2001),
}
"""Documents that no page of the reference can hold, by the code they yield."""


def codes_in(path: Path) -> set[str]:
    """Return the codes that a module names: as `code=…`, as a class's `code`, or as what makes a problem is given."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        given: list[ast.expr | None] = []
        if isinstance(node, ast.Call):
            name = getattr(node.func, "attr", getattr(node.func, "id", ""))
            given = [word.value for word in node.keywords if word.arg == "code"]
            if (
                name in MAKERS
                and not _is_set(node.func)
                and path.parent.name in ("graph", "document", "expressions")
            ):
                given += node.args[MAKERS[name] : MAKERS[name] + 1]
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            if any(getattr(target, "id", "") == "code" for target in targets):
                given = [node.value]
        found |= {
            part.value
            for expression in given
            if expression is not None
            for part in (
                [expression.body, expression.orelse] if isinstance(expression, ast.IfExp) else [expression]
            )
            if isinstance(part, ast.Constant) and isinstance(part.value, str) and CODE.fullmatch(part.value)
        }
    return found


def _is_set(function: ast.expr) -> bool:
    """Return whether this is the `add` of a set of ports rather than of findings."""
    return isinstance(function, ast.Attribute) and getattr(function.value, "attr", "") == "dead_ports"


@pytest.mark.parametrize("path", sorted(CORE.rglob("*.py")), ids=lambda path: str(path.relative_to(CORE)))
def test_every_code_of_a_module_is_registered(path: Path) -> None:
    assert codes_in(path) - PROBLEM_CODES.keys() == set()


def test_the_search_for_codes_finds_some() -> None:
    found = set().union(*(codes_in(path) for path in CORE.rglob("*.py")))
    assert {"dangling-link", "yaml-tag", "bracket", "value-refused", "run-timeout"} <= found


@pytest.mark.parametrize("code", PROBLEM_CODES.values(), ids=lambda code: code.code)
def test_a_code_has_an_example_of_wrong_and_right_or_says_why_not(code: ProblemCode) -> None:
    assert bool(code.bad) == bool(code.good) != bool(code.reason)
    assert code.reason == "" or code.reason.endswith(".")


@pytest.mark.parametrize("code", SHOWN, ids=lambda code: code.code)
def test_the_bad_example_of_a_code_yields_it_at_its_place(code: ProblemCode) -> None:
    said = [one for one in yield_of(code, code.bad, CATALOGUE) if one.code == code.code]
    assert [(one.severity, one.where) for one in said[:1]] == [
        (code.severity.value, PLACES.get(code.code, "a line in places_of_examples.yaml"))
    ]
    assert said[0].message


@pytest.mark.parametrize("code", SHOWN, ids=lambda code: code.code)
def test_the_good_example_of_a_code_does_not_yield_it(code: ProblemCode) -> None:
    found = yield_of(code, code.good, CATALOGUE)
    assert code.code not in [one.code for one in found]
    assert found == [] or code.shown_by == "run"


@pytest.mark.parametrize("code", TOO_LARGE_TO_SHOW)
def test_what_is_too_large_to_show_yields_its_code_all_the_same(code: str) -> None:
    assert code in [problem.code for problem in check_text(document_of(TOO_LARGE_TO_SHOW[code]), CATALOGUE)]


@pytest.mark.parametrize("code", PROBLEM_CODES.values(), ids=lambda code: code.code)
def test_a_code_says_why_it_matters(code: ProblemCode) -> None:
    assert code.title[0].isupper()
    assert not code.title.endswith(".")
    assert code.why.endswith(".")


def test_a_code_that_nobody_registered_is_our_own_mistake() -> None:
    with pytest.raises(UnexpectedError, match="not registered"):
        find_code("no-such-code")
