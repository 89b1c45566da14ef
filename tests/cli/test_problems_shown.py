"""A problem is shown with its place, the line of the source, a caret under the very characters, and the way out."""

import io

import pytest

from auraos.cli.problems import count_words, problem_document, show_problem
from auraos.cli.screen import Screen
from auraos.core.problems import Fix, Place, Problem, Severity, TextEdit


def shown(text, problem):
    stream = io.StringIO()
    show_problem(Screen(stream), "a.yaml", text, problem)
    return stream.getvalue()


def at(line, column, end_line, end_column):
    return Place(line, column, end_line, end_column, 0, 0)


def test_everything_about_a_problem_is_shown():
    problem = Problem(
        code="unknown-type",
        message="There is no step type 'htp'.",
        place=at(2, 9, 2, 12),
        hint="Did you mean 'http.request'?",
        fix=Fix("Write http.request", (TextEdit(0, 0, ""),), safe=True),
    )
    assert shown("a: 1\n  type: htp\n", problem) == (
        "a.yaml:2:9: error[unknown-type]: There is no step type 'htp'.\n"
        "   2 |   type: htp\n"
        "     |         ^^^\n"
        "      = help: Did you mean 'http.request'?\n"
        "      = fix: Write http.request (--fix does it)\n"
        "\n"
    )


@pytest.mark.parametrize(
    ("text", "place", "caret"),
    [
        ("日本: x", at(1, 5, 1, 6), "     |       ^"),
        ("\tx", at(1, 2, 1, 3), "     |  ^"),
        ("abc", at(1, 2, 3, 1), "     |  ^^"),
        ("", at(1, 1, 1, 1), "     | ^"),
        ("abc", at(1, 4, 1, 4), "     |    ^"),
    ],
)
def test_the_caret_stands_under_the_characters(text, place, caret):
    assert shown(text, Problem(code="x", message="m", place=place)).splitlines()[2] == caret


def test_of_a_long_line_the_part_around_the_place_is_shown():
    lines = shown(
        "x" * 500 + "HERE" + "y" * 500, Problem(code="x", message="m", place=at(1, 501, 1, 505))
    ).splitlines()
    assert len(lines[1]) < 120
    assert lines[1].index("HERE") == lines[2].index("^^^^")


def test_a_control_character_of_the_file_does_not_reach_the_terminal():
    assert "\x1b" not in shown("a: \x1b[2J", Problem(code="x", message="bad \x1b[2J", place=at(1, 4, 1, 8)))


def test_a_place_behind_the_text_and_none_at_all_are_borne():
    assert shown("a", Problem(code="x", message="m", place=at(9, 1, 9, 2))) == "a.yaml:9:1: error[x]: m\n\n"
    assert (
        shown("a", Problem(code="x", message="m", severity=Severity.WARNING)) == "a.yaml: warning[x]: m\n\n"
    )


def test_as_data_a_problem_says_the_same():
    told = problem_document(Problem(code="x", message="m", path=("spec", "steps", 0), place=at(2, 9, 2, 12)))
    assert told == {
        "code": "x", "severity": "error", "message": "m", "path": "spec.steps[0]",
        "line": 2, "column": 9, "end_line": 2, "end_column": 12,
    }  # fmt: skip


def test_counts_are_in_words():
    assert [count_words(1, 0), count_words(2, 1)] == ["1 error, 0 warnings", "2 errors, 1 warning"]
