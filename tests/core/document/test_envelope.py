"""The envelope of documents: what it asks for, and what it says when something is wrong."""

import pytest

from auraos.core.document import parse, read_document
from auraos.core.kind import Kind, Kinds
from auraos.core.problems import Problem, TextEdit

GOOD = """\
kind: workflow
name: order-intake
title: Order intake
description: Take an order.
labels: {team: sales}
spec: {steps: {}}
layout: {steps: {}}
tests: [{name: x}]
"""
KINDS = Kinds(
    [
        Kind(name=name, schema=lambda _: {}, check=lambda *_: [], read=lambda *_: None)
        for name in ("workflow", "report")
    ]
)


def problems_of(text: str) -> list[Problem]:
    return read_document(text, KINDS)[1]


def mend(text: str, problem: Problem) -> str:
    assert problem.fix is not None
    (edit,) = problem.fix.edits
    assert isinstance(edit, TextEdit)
    return text[: edit.start] + edit.text + text[edit.end :]


def test_a_good_document_is_read_whole() -> None:
    document, problems = read_document(GOOD, KINDS)
    assert problems == []
    assert document is not None
    assert (document.kind, document.name, document.title) == ("workflow", "order-intake", "Order intake")
    assert document.labels == {"team": "sales"}
    assert document.spec == {"steps": {}}
    assert document.layout == {"steps": {}}
    assert document.tests == [{"name": "x"}]
    assert document.text == GOOD
    assert document.tree.place(("name",)).line == 2


def test_what_is_left_out_reads_as_empty() -> None:
    document, problems = read_document("kind: report\nname: a\nspec: {}\n", KINDS)
    assert problems == []
    assert document is not None
    assert (document.title, document.labels, document.layout, document.tests) == ("", {}, {}, [])


def test_all_that_is_wrong_is_said_at_once() -> None:
    text = (
        "kind: workflow\nname: Order Intake\ntitel: x\nlabels: {a: 1, b: [x]}\nspec: {}\n"
        "tests: {}\nlayout: 3\nfoo: 1\ndescription: 5\n"
    )
    document, problems = read_document(text, KINDS)
    assert sorted((problem.code, problem.path) for problem in problems) == [
        ("bad-name", ("name",)),
        ("unknown-field", ("foo",)),
        ("unknown-field", ("titel",)),
        ("wrong-type", ("description",)),
        ("wrong-type", ("labels", "a")),
        ("wrong-type", ("labels", "b")),
        ("wrong-type", ("layout",)),
        ("wrong-type", ("tests",)),
    ]
    assert document is not None


@pytest.mark.parametrize(
    ("text", "code", "message"),
    [
        ("", "document-empty", "The text is empty; a document has at least `kind`, `name` and `spec`."),
        ("- a\n", "document-shape", "A document is a mapping with `kind`, `name` and `spec`, not a list."),
        ("name: a\nspec: {}\n", "missing-field", "The document has no 'kind'."),
        ("kind: report\nspec: {}\n", "missing-field", "The document has no 'name'."),
        ("kind: report\nname: a\n", "missing-field", "The document has no 'spec'."),
        ("kind: report\nname: a\nspec:\n", "wrong-type", "'spec' is empty; it must be a mapping."),
        ("kind: report\nname: a\nspec: [x]\n", "wrong-type", "'spec' is a list; it must be a mapping."),
        ("kind: report\nname: 7\nspec: {}\n", "wrong-type", "'name' is a int; it must be text."),
        ("kind: report\nname:\nspec: {}\n", "wrong-type", "'name' is empty; it must be text."),
        ("kind: [x]\nname: a\nspec: {}\n", "wrong-type", "'kind' is a list; it must be text."),
        ("kind: house\nname: a\nspec: {}\n", "unknown-kind", "No kind of document is named 'house'."),
        ("kind: report\nname: a_b\nspec: {}\n", "bad-name", "'a_b' is no name for a document."),
        (
            "kind: report\nname: " + "a" * 101 + "\nspec: {}\n",
            "bad-name",
            f"{'a' * 101!r} is no name for a document.",
        ),
    ],
)
def test_each_mistake_is_named(text: str, code: str, message: str) -> None:
    (problem,) = problems_of(text)
    assert (problem.code, problem.message) == (code, message)


@pytest.mark.parametrize(
    ("text", "mended"),
    [
        ("kind: report\nname: a\nspce: {}\n", "kind: report\nname: a\nspec: {}\n"),
        ("kind: worklfow\nname: a\nspec: {}\n", "kind: workflow\nname: a\nspec: {}\n"),
        ("kind: report\nname: My Report 7\nspec: {}\n", "kind: report\nname: my-report-7\nspec: {}\n"),
        ("kind: report\nname: a\nspec: {}\ntitle: 7\n", 'kind: report\nname: a\nspec: {}\ntitle: "7"\n'),
        (
            "kind: report\nname: a\nspec: {}\nlabels: {x: true}\n",
            'kind: report\nname: a\nspec: {}\nlabels: {x: "true"}\n',
        ),
    ],
)
def test_a_fix_mends_the_text(text: str, mended: str) -> None:
    problem = next(problem for problem in problems_of(text) if problem.fix)
    assert mend(text, problem) == mended
    assert problems_of(mended) == []


def test_an_unknown_field_asks_whether_another_was_meant() -> None:
    (problem,) = problems_of("kind: report\nname: a\nspec: {}\ndescripton: x\n")
    assert problem.hint == "Did you mean 'description'?"
    assert problem.place is not None
    assert (problem.place.line, problem.place.column, problem.place.end_column) == (4, 1, 11)


def test_problems_of_the_text_come_along() -> None:
    document, problems = read_document("kind: report\nname: a\nspec: {x: 1, x: 2}\n", KINDS)
    assert [problem.code for problem in problems] == ["yaml-duplicate-key"]
    assert document is not None
    assert read_document("a: [", KINDS)[0] is None


def test_any_kind_is_read_when_none_are_given() -> None:
    assert read_document("kind: house\nname: a\nspec: {}\n")[1] == []


def test_kinds_are_found_by_name() -> None:
    assert list(KINDS) == ["report", "workflow"]
    assert len(KINDS) == 2
    found = KINDS.find("report")
    assert found is not None
    assert found.name == "report"
    assert KINDS.find("house") is None


def test_two_kinds_of_one_name_are_refused() -> None:
    with pytest.raises(Exception, match="The kind 'workflow' is registered twice"):
        Kinds([Kind(name="workflow", schema=lambda _: {}, check=lambda *_: [], read=lambda *_: None)] * 2)


def test_every_problem_of_a_readable_text_has_a_place() -> None:
    text = "kind: 1\nname: 2\ntitle: 3\nlabels: 4\nspec: 5\ntests: 6\nlayout: 7\nx: 8\n"
    assert parse(text).problems == []
    assert [problem.place.line for problem in problems_of(text) if problem.place] == [8, 1, 2, 3, 4, 7, 6, 5]
