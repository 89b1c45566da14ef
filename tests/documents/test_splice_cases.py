"""Every case of splice-cases.yaml, which the editor in the browser proves as well."""

from pathlib import Path
from typing import Any

import pytest

from auraos.core.document import parse
from auraos.documents import splice
from auraos.documents.parts import EditRefusedError
from auraos.documents.renaming import rename_step
from auraos.documents.splice import apply_edits

CASES: list[dict[str, Any]] = parse(
    (Path(__file__).parent / "splice-cases.yaml").read_text(encoding="utf-8")
).tree.value  # type: ignore[union-attr]
OPERATIONS = {
    "set_value": splice.set_value,
    "insert_entry": splice.insert_entry,
    "insert_item": splice.insert_item,
    "remove": splice.remove,
    "rename_key": splice.rename_key,
    "move_entry": splice.move_entry,
    "move_item": splice.move_item,
    "rename_step": rename_step,
}
DONE = [case for case in CASES if "after" in case]
REFUSED = [case for case in CASES if "refused" in case]


def edit(case: dict[str, Any]) -> str:
    options = {
        name: tuple(value) if name == "path" else value
        for name, value in case["edit"].items()
        if name != "op"
    }
    return apply_edits(case["before"], OPERATIONS[case["edit"]["op"]](case["before"], **options))


@pytest.mark.parametrize("case", DONE, ids=[case["name"] for case in DONE])
def test_the_edit_gives_exactly_this_text(case: dict[str, Any]) -> None:
    assert edit(case) == case["after"]


@pytest.mark.parametrize("case", REFUSED, ids=[case["name"] for case in REFUSED])
def test_the_edit_is_refused(case: dict[str, Any]) -> None:
    with pytest.raises(EditRefusedError) as refused:
        edit(case)
    assert refused.value.code == case["refused"]


def test_there_are_cases_for_every_edit_and_each_has_a_name_of_its_own() -> None:
    assert len({case["name"] for case in CASES}) == len(CASES) >= 100
    assert {case["edit"]["op"] for case in CASES} == set(OPERATIONS)


def test_a_refusal_says_what_to_do() -> None:
    with pytest.raises(EditRefusedError) as refused:
        splice.set_value("base: &b {x: 1}\nuse: *b\n", ("base", "x"), 2)
    assert (
        str(refused.value)
        == "base.x belongs to &b, which aliases repeat (line 2). Write the aliases out first."
    )


@pytest.mark.parametrize(
    ("text", "edit", "message"),
    [
        (
            "a: [",
            lambda text: splice.set_value(text, ("a",), 1),
            "The text cannot be edited by parts: A value is missing.",
        ),
        (
            "",
            lambda text: splice.set_value(text, ("a",), 1),
            "The text cannot be edited by parts: It is empty.",
        ),
        ("a: 1\n", lambda text: splice.remove(text, ("b",)), "There is no b."),
        ("a: 1\n", lambda text: splice.remove(text, ()), "There is no part of that name."),
        ("a: 1\n", lambda text: splice.insert_entry(text, ("a",), "b", 1), "a is no mapping."),
        ("a: 1\n", lambda text: splice.insert_item(text, ("a",), 1), "a is no list."),
        ("a: 1\n", lambda text: splice.insert_entry(text, (), "b", 1, after="c"), "There is no c."),
        (
            "a: [1]\n",
            lambda text: splice.insert_item(text, ("a",), 1, 3),
            "a has 1 items; nothing can stand at index 3.",
        ),
        ("a: [1]\n", lambda text: splice.set_value(text, ("a", 4), 1), "There is no a[4]."),
        ("a: [1]\n", lambda text: splice.move_item(text, ("a", 0), 4), "a has no index 4."),
        (
            "a: [1]\n",
            lambda text: splice.rename_key(text, ("a", 0), "b"),
            "a[0] has no key that could be renamed.",
        ),
        (
            "? a\n: 1\n",
            lambda text: splice.set_value(text, ("a",), 2),
            "A key written with `?` can only be edited by hand.",
        ),
        (
            "a: [b: 1]\n",
            lambda text: splice.insert_entry(text, ("a", 0), "c", 1),
            "A pair without braces in a list can only be edited by hand.",
        ),
    ],
)
def test_what_cannot_be_done_is_refused_in_words(text: str, edit: Any, message: str) -> None:
    with pytest.raises(EditRefusedError) as refused:
        edit(text)
    assert refused.value.message == message


def test_edits_that_overlap_are_a_mistake_of_the_program() -> None:
    first = splice.set_value("a: 1\nb: 2\n", ("a",), 3)
    with pytest.raises(Exception, match="overlap"):
        apply_edits("a: 1\nb: 2\n", [*first, *first])


def test_a_value_that_no_document_can_hold_is_refused() -> None:
    with pytest.raises(Exception, match="cannot be written into a document"):
        splice.set_value("a: 1\n", ("a",), {"b": object()})
    with pytest.raises(Exception, match="no number that can be kept"):
        splice.set_value("a: 1\n", ("a",), float("inf"))
