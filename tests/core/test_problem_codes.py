"""Every code that the core uses is in the registry, and its examples show what they say."""

import ast
import re
from pathlib import Path

import pytest

import auraos.core
from auraos.app.installed import load_installed
from auraos.core.errors import UnexpectedError
from auraos.core.graph import check_text
from auraos.core.problem_codes import PROBLEM_CODES, ProblemCode, find_code

CORE = Path(auraos.core.__file__).parent
CODE = re.compile(r"[a-z]+(?:-[a-z]+)+|[a-z]{4,}")
MAKERS = {"add": 0, "_add": 3, "_report": 3, "_note": 0, "refusal": 0, "CallError": 0, "ExpressionError": 0,
          "EvaluationError": 0, "BudgetError": 0, "report": 1}  # fmt: skip
SHOWN = [code for code in PROBLEM_CODES.values() if code.bad]


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


def document_of(example: str) -> str:
    if example.startswith("kind:"):
        return example
    return "kind: workflow\nname: example\nspec:\n" + "".join(f"  {line}\n" for line in example.split("\n"))


@pytest.mark.parametrize("path", sorted(CORE.rglob("*.py")), ids=lambda path: str(path.relative_to(CORE)))
def test_every_code_of_a_module_is_registered(path: Path) -> None:
    assert codes_in(path) - PROBLEM_CODES.keys() == set()


def test_the_search_for_codes_finds_some() -> None:
    found = set().union(*(codes_in(path) for path in CORE.rglob("*.py")))
    assert {"dangling-link", "yaml-tag", "bracket", "value-refused", "run-timeout"} <= found


@pytest.mark.parametrize("code", SHOWN, ids=lambda code: code.code)
def test_the_bad_example_of_a_code_yields_it(code: ProblemCode) -> None:
    problems = check_text(document_of(code.bad), load_installed().catalogue)
    assert (code.code, code.severity) in [(problem.code, problem.severity) for problem in problems]


@pytest.mark.parametrize("code", SHOWN, ids=lambda code: code.code)
def test_the_good_example_of_a_code_has_no_problem_at_all(code: ProblemCode) -> None:
    assert code.good
    assert check_text(document_of(code.good), load_installed().catalogue) == []


@pytest.mark.parametrize("code", PROBLEM_CODES.values(), ids=lambda code: code.code)
def test_a_code_says_why_it_matters(code: ProblemCode) -> None:
    assert code.title[0].isupper()
    assert not code.title.endswith(".")
    assert code.why.endswith(".")


def test_a_code_that_nobody_registered_is_our_own_mistake() -> None:
    with pytest.raises(UnexpectedError, match="not registered"):
        find_code("no-such-code")
