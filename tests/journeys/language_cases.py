"""Workflows as text for the promises of the language: checked, and their one case played, as `auraos test` does it."""

from textwrap import indent
from typing import Any

from auraos.app.definitions.files import check_source
from auraos.app.installed import load_installed
from auraos.app.outside.pure_steps import RealPureSteps
from auraos.core.problems import Problem, format_path
from auraos.core.workflow import Workflow
from auraos.engine.trial import CaseResult, play_case

CATALOGUE = load_installed().catalogue


def document(spec: str, *, name: str = "tried") -> str:
    """Return the text of a document with this spec."""
    return f"kind: workflow\nname: {name}\nspec:\n{indent(spec.strip(), '  ')}\n"


def check(text: str, others: dict[str, str] | None = None, secrets: Any = None) -> list[Problem]:
    """Return every problem of a text, or of a spec."""
    text = text if text.lstrip().startswith("kind:") else document(text)
    found = check_source("tried.yaml", text, CATALOGUE, others=_finder(others or {}), secrets=secrets)
    return list(found.problems)


def codes(text: str, others: dict[str, str] | None = None, secrets: Any = None) -> list[str]:
    """Return the codes of the problems of a text, or of a spec."""
    return [problem.code for problem in check(text, others, secrets)]


def places(text: str, others: dict[str, str] | None = None) -> list[tuple[str, str]]:
    """Return the codes of the problems, each with the path it stands at."""
    return [(problem.code, format_path(problem.path)) for problem in check(text, others)]


def play(spec: str, case: str = "", others: dict[str, str] | None = None) -> CaseResult:
    """Play one case over a workflow with this spec; what the checks call an error fails the test."""
    given = f"tests:\n  - {{name: it, {case}}}\n" if case else "tests:\n  - {name: it}\n"
    find = _finder(others or {})
    found = check_source("tried.yaml", document(spec) + given, CATALOGUE, others=find)
    assert not found.errors, [(p.code, format_path(p.path), p.message) for p in found.errors]
    assert found.workflow is not None
    with RealPureSteps(CATALOGUE) as pure_steps:
        return play_case(
            found.cases[0].case, found.workflow, CATALOGUE, find_workflow=find, pure_steps=pure_steps
        )


def output_of(spec: str, case: str = "", others: dict[str, str] | None = None) -> Any:
    """Return the output of a run that must succeed, as it goes out."""
    result = play(spec, case, others)
    assert result.state == "succeeded", result
    return result.output


def evaluate(expression: str, given: str = "null") -> Any:
    """Return what one expression is in a run with this input, as it goes out."""
    quoted = expression.replace("'", "''")
    return output_of(f"steps: {{a: {{type: noop}}}}\noutput: '{quoted}'", f"input: {given}")


def _finder(others: dict[str, str]) -> Any:
    def find(name: str) -> Workflow | None:
        bare = name.partition("@")[0]
        if bare not in others:
            return None
        return check_source(f"{bare}.yaml", document(others[bare], name=bare), CATALOGUE).workflow

    return find


__all__ = ["check", "codes", "document", "evaluate", "output_of", "places", "play"]
