"""The table of documents with mistakes: each yields exactly the problems that stand beside it."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from graph_catalogue import catalogue

from auraos.core.graph import apply_safe_fixes, check_text
from auraos.core.problem_codes import PROBLEM_CODES
from auraos.core.problems import Problem, Severity, format_path

CASES = yaml.safe_load((Path(__file__).parent / "cases.yaml").read_text())
IDS = [case["name"] for case in CASES]


def document_of(case: dict[str, Any]) -> str:
    if "document" in case:
        return str(case["document"])
    lines = case["spec"].rstrip("\n").split("\n")
    return "kind: workflow\nname: example\nspec:\n" + "".join(f"  {line}\n" for line in lines)


def found_in(text: str, case: dict[str, Any]) -> list[Problem]:
    return check_text(text, catalogue(), secrets=case.get("secrets"))


@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_a_document_yields_the_problems_that_stand_beside_it(case: dict[str, Any]) -> None:
    problems = found_in(document_of(case), case)
    places = [(problem.place.line, problem.place.column) if problem.place else (0, 0) for problem in problems]
    found = [
        [problem.code, format_path(problem.path), *place]
        for problem, place in zip(problems, places, strict=True)
    ]
    assert found == case["expect"]


@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_a_problem_points_at_characters_and_speaks_in_sentences(case: dict[str, Any]) -> None:
    text = document_of(case)
    for problem in found_in(text, case):
        assert problem.place is not None
        assert 0 <= problem.place.start <= problem.place.end <= len(text)
        assert problem.message.endswith((".", "?", "!"))
        assert problem.hint == "" or problem.hint.endswith((".", "?", "!"))
        assert problem.code in PROBLEM_CODES


@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_a_fix_that_is_applied_mends_its_problem(case: dict[str, Any]) -> None:
    text = document_of(case)
    for problem in found_in(text, case):
        if problem.fix is not None:
            mended = text
            for edit in sorted(problem.fix.edits, key=lambda edit: edit.start, reverse=True):
                mended = mended[: edit.start] + edit.text + mended[edit.end :]
            assert (problem.code, problem.message) not in [
                (left.code, left.message) for left in found_in(mended, case)
            ]


@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_safe_fixes_leave_no_safe_fix_and_no_new_error(case: dict[str, Any]) -> None:
    text = document_of(case)
    before = found_in(text, case)
    after = found_in(apply_safe_fixes(text, before), case)
    assert not [problem for problem in after if problem.fix is not None and problem.fix.safe]
    errors = [problem for problem in before if problem.severity is Severity.ERROR]
    assert len([problem for problem in after if problem.severity is Severity.ERROR]) <= len(errors)


def test_the_table_holds_more_than_a_hundred_documents() -> None:
    assert len(CASES) >= 100
