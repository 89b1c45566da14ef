"""The reader: YAML 1.2 with places, all problems at once, and no way for a text to crash or stall it."""

import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auraos.core.document import Node, parse
from auraos.core.document.characters import MAX_LENGTH


def value_of(text: str) -> Any:
    parsed = parse(text)
    assert parsed.problems == []
    assert parsed.tree is not None
    return parsed.tree.value


def codes(text: str) -> list[str]:
    return [problem.code for problem in parse(text).problems]


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("on", "on"),
        ("no", "no"),
        ("Yes", "Yes"),
        ("12:30", "12:30"),
        ("2026-01-02", "2026-01-02"),
        ("true", True),
        ("False", False),
        ("TRUE", True),
        ("tRue", "tRue"),
        ("", None),
        ("~", None),
        ("null", None),
        ("Null", None),
        ("nULL", "nULL"),
        ("0o14", 12),
        ("0x1F", 31),
        ("012", 12),
        ("+12", 12),
        ("-0", 0),
        ("1_000", "1_000"),
        ("0b1", "0b1"),
        ("-0x1F", "-0x1F"),
        ("1.5", 1.5),
        (".5", 0.5),
        ("1.", 1.0),
        ("1e3", 1000.0),
        ("1e-3", 0.001),
        ("1.e", "1.e"),
        (".", "."),
        ("-", None),
        ("9223372036854775807", 2**63 - 1),
        ("-9223372036854775808", -(2**63)),
        ("'1'", "1"),
        ('"true"', "true"),
        ("!!str 1", "1"),
        ("! 1", "1"),
        ("!!int 7", 7),
        ("!!float 7", 7.0),
        ("a b", "a b"),
        ("a\u2028b", "a\u2028b"),
        ("a\x85b", "a\x85b"),
        ("😀", "😀"),
        ("٣", "٣"),
    ],
)
def test_a_scalar_means_what_the_core_schema_of_yaml_1_2_says(written: str, value: Any) -> None:
    text = f"- {written}\n" if written != "-" else "- \n"
    read = value_of(text)
    assert read == [value]
    assert type(read[0]) is type(value)


def test_keys_are_text_as_they_are_written() -> None:
    assert value_of("1: a\nnull: b\ntrue: c\n0x10: d\non: e\n") == {
        "1": "a",
        "null": "b",
        "true": "c",
        "0x10": "d",
        "on": "e",
    }


def test_block_texts_end_as_their_header_says_with_or_without_a_last_line_break() -> None:
    assert value_of("a: |\n  x\n\n  y\n\nb: |-\n  x\n\nc: >\n  x\n  y\nd: |+\n  x\n\n") == {
        "a": "x\n\ny\n",
        "b": "x",
        "c": "x y\n",
        "d": "x\n\n",
    }
    assert value_of("a: |\n  x") == {"a": "x\n"}


def test_an_empty_text_has_no_tree_and_no_problem() -> None:
    assert parse("# only a comment\n").tree is None
    assert parse("").problems == []


@pytest.mark.parametrize(
    ("text", "code", "line", "column"),
    [
        ("a: 1\nb: 2\na: 3\n", "yaml-duplicate-key", 3, 1),
        ('a: 1\n"a": 3\n', "yaml-duplicate-key", 2, 1),
        ("{a: 1, a: 2}", "yaml-duplicate-key", 1, 8),
        ("a: !!python/object/apply:os.system [id]\n", "yaml-tag", 1, 4),
        ("a: !mine 1\n", "yaml-tag", 1, 4),
        ("a: !!binary aGk=\n", "yaml-tag", 1, 4),
        ("a: !!int x\n", "yaml-tag", 1, 10),
        ("a: !!map [1]\n", "yaml-tag", 1, 4),
        ("x: &x {a: 1}\ny:\n  <<: *x\n", "yaml-merge-key", 3, 3),
        ("? [a]\n: 1\n", "yaml-key", 1, 3),
        ("?\n: 1\n", "yaml-key", 1, 2),
        ("a: &a x\n*a : 1\n", "yaml-key", 2, 1),
        ("a: .nan\n", "yaml-number", 1, 4),
        ("a: -.INF\n", "yaml-number", 1, 4),
        ("a: 1e400\n", "yaml-number", 1, 4),
        ("a: 9223372036854775808\n", "yaml-number", 1, 4),
        ("a: " + "9" * 5000, "yaml-number", 1, 4),
        ("a: *x\n", "yaml-alias", 1, 4),
        ("a: &x [*x]\n", "yaml-alias", 1, 8),
        ("a: 1\n---\nb: 2\n", "yaml-many-documents", 2, 1),
        ("a: \x00\n", "yaml-character", 1, 4),
        ("a: \x07\n", "yaml-character", 1, 4),
        ("a: \ud800\n", "yaml-character", 1, 4),
        ('a: "\\0"\n', "yaml-character", 1, 4),
        ('a: "\\ud800"\n', "yaml-syntax", 1, 7),
        ("a: 'x\n", "yaml-syntax", 1, 4),
        ("a: [1, 2\nb: 3\n", "yaml-syntax", 2, 2),
        ("a: 1\n\tb: 2\n", "yaml-syntax", 2, 1),
        ("\ta: 1\n", "yaml-syntax", 1, 1),
        ("a: @x\n", "yaml-syntax", 1, 4),
        ("a: b: c\n", "yaml-syntax", 1, 5),
        ("- a\nb: 1\n", "yaml-syntax", 2, 1),
        ("[" * 101 + "]" * 101, "yaml-too-deep", 1, 101),
        ("a: {{ input.x }}\n", "yaml-unquoted-braces", 1, 4),
        ('a: {{ input["x"] }}\n', "yaml-unquoted-braces", 1, 4),
    ],
)
def test_what_may_not_stand_in_a_document_is_reported_at_its_place(
    text: str, code: str, line: int, column: int
) -> None:
    (problem,) = parse(text).problems
    assert problem.code == code
    assert problem.place is not None
    assert (problem.place.line, problem.place.column) == (line, column)


def test_problems_are_reported_all_at_once_in_the_order_of_the_text() -> None:
    assert codes("a: !x 1\nb: .inf\na: 2\n<<: {}\nc: *d\n") == [
        "yaml-tag",
        "yaml-number",
        "yaml-duplicate-key",
        "yaml-merge-key",
        "yaml-alias",
    ]


def test_a_duplicate_key_is_told_with_its_path_and_the_line_of_the_first() -> None:
    (problem,) = parse("a:\n  b:\n    - x: 1\n      x: 2\n").problems
    assert problem.path == ("a", "b", 0)
    assert problem.message == "The key 'x' stands here a second time; it is already on line 3."


@pytest.mark.parametrize(
    ("text", "mended"),
    [
        ("a: {{ input.x }}\nb: 1\n", 'a: "{{ input.x }}"\nb: 1\n'),
        ('a: {{ f("x", 1) }} # c\n', "a: '{{ f(\"x\", 1) }}' # c\n"),
        ('- url: {{ x["y"] }}\n', "- url: '{{ x[\"y\"] }}'\n"),
    ],
)
def test_braces_without_quotes_are_mended_by_quotes(text: str, mended: str) -> None:
    (problem,) = parse(text).problems
    assert problem.fix is not None
    assert problem.fix.safe
    (edit,) = problem.fix.edits
    assert text[: edit.start] + edit.text + text[edit.end :] == mended
    assert parse(mended).problems == []


def test_a_hundred_levels_are_read() -> None:
    text = "[" * 100 + "]" * 100
    assert parse(text).problems == []


def test_aliases_repeat_the_value_and_share_nothing_that_could_be_changed() -> None:
    read = value_of("a: &x {k: [1]}\nb: *x\nc: &s text\nd: *s\n")
    assert read == {"a": {"k": [1]}, "b": {"k": [1]}, "c": "text", "d": "text"}
    read["a"]["k"].append(2)
    assert read["b"] == {"k": [1]}


def test_an_alias_bomb_is_refused_in_no_time() -> None:
    """S28."""
    levels = [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 10)]
    begun = time.process_time()
    assert codes("a0: &a0 [x, x, x, x, x, x, x, x, x]\n" + "\n".join(levels)) == ["yaml-too-many-aliases"]
    assert time.process_time() - begun < 1


def test_more_than_a_hundred_aliases_are_refused() -> None:
    assert codes("a: &a x\nb: [" + ", ".join(["*a"] * 100) + "]") == []
    assert codes("a: &a x\nb: [" + ", ".join(["*a"] * 101) + "]") == ["yaml-too-many-aliases"]


def test_aliases_cannot_nest_deeper_than_the_text_itself_may() -> None:
    text = "a0: &a0 [x]\n" + "\n".join(f"a{n}: &a{n} [[[*a{n - 1}]]]" for n in range(1, 40))
    assert "yaml-too-deep" in codes(text)


def test_a_text_that_is_too_long_is_refused_unread() -> None:
    assert codes("a" * (MAX_LENGTH + 1)) == ["yaml-too-long"]


@pytest.mark.parametrize(
    "text",
    [
        "a: " + "x" * 1_000_000,
        "x" * 1_000_000 + ": 1",
        "- " * 500_000,
        "[" * 1_000_000,
        "{a: " * 300_000,
        '"' * 1_000_000,
        "a\n" * 500_000,
        "? " * 500_000,
        "&a " * 300_000,
        "!" * 1_000_000,
        "*a " * 300_000,
        "# c\n" * 400_000,
        "[" + "a, " * 300_000 + "]",
        "a: |\n" + "  x\n" * 400_000,
        "\ufeff" * 1_000_000,
    ],
)
def test_a_hostile_text_of_a_megabyte_stalls_nothing(text: str) -> None:
    begun = time.process_time()
    parse(text)
    assert time.process_time() - begun < 10


@given(
    st.one_of(
        st.text(max_size=60),
        st.text(alphabet="ab:-[]{},&*!|>'\"%@`#? \n\t\r~<.0e\u2028\x85\ud800", max_size=60),
    )
)
@settings(max_examples=1500, deadline=None)
def test_no_text_crashes_the_reader(text: str) -> None:
    parsed = parse(text)
    assert all(
        problem.place is not None and 0 <= problem.place.start <= problem.place.end <= len(text)
        for problem in parsed.problems
    )
    if parsed.tree is not None:
        check_places(parsed.tree, len(text))


@given(st.binary(max_size=200))
@settings(max_examples=300, deadline=None)
def test_no_bytes_crash_the_reader(raw: bytes) -> None:
    parse(raw.decode("latin-1"))
    parse(raw.decode("utf-8", "surrogateescape"))


def check_places(node: Node, limit: int) -> None:
    assert 0 <= node.outer <= limit
    assert node.start <= node.end <= limit
    assert node.line >= 1
    assert node.column >= 1
    if node.alias is None:
        for entry in node.entries.values():
            assert node.outer <= entry.key.outer
            assert entry.key.end <= entry.value.start
            check_places(entry.value, limit)
        for item in node.items:
            check_places(item, limit)


def test_a_workflow_of_two_thousand_steps_is_read_in_a_moment() -> None:
    step = '    step{}:\n      type: http.request\n      with: {{method: POST, json: "{{{{ input.x }}}}", url: "https://x/{}"}}\n'
    text = "kind: workflow\nspec:\n  steps:\n" + "".join(
        step.format(number, number) for number in range(2000)
    )
    begun = time.process_time()
    assert parse(text).problems == []
    assert time.process_time() - begun < 0.6  # measured: 0.08 to 0.13 s


TEXT = """\
# head
kind: workflow  # k
spec:
  steps:
    charge:
      type: "x"
      with:
        - a
        - {b: [1, 2]}
  text: |
    one

  last:
"""


@pytest.mark.parametrize(
    ("path", "key", "slice_"),
    [
        (("kind",), False, "workflow"),
        (("kind",), True, "kind"),
        (("spec", "steps", "charge", "type"), False, '"x"'),
        (("spec", "steps", "charge"), True, "charge"),
        (("spec", "steps", "charge", "with", 1), False, "{b: [1, 2]}"),
        (("spec", "steps", "charge", "with", 1, "b", 0), False, "1"),
        (("spec", "steps", "charge", "with"), False, "- a\n        - {b: [1, 2]}"),
        (("spec", "text"), False, "|\n    one"),
        (("spec", "last"), False, ""),
        (("spec", "steps", "charge", "timeout"), False, "charge"),
        (("spec", "steps", "gone", "timeout"), True, "steps"),
        (("spec", "steps", "charge", "with", 1, "c"), False, "{b: [1, 2]}"),
        (("spec", "steps", "charge", "with", 7), False, "with"),
    ],
)
def test_a_place_is_that_of_the_value_or_of_what_is_nearest(
    path: tuple[Any, ...], key: bool, slice_: str
) -> None:
    tree = parse(TEXT).tree
    assert tree is not None
    place = tree.place(path, key)
    assert TEXT[place.start : place.end] == slice_


def test_lines_and_columns_are_counted_from_one_in_characters() -> None:
    tree = parse("é: 1\r\nb: 😀 x\n").tree
    assert tree is not None
    place = tree.place(("b",))
    assert (place.line, place.column, place.end_line, place.end_column) == (2, 4, 2, 7)


def test_a_byte_order_mark_is_passed_over() -> None:
    tree = parse("\ufeffa: 1\n").tree
    assert tree is not None
    assert tree.value == {"a": 1}
    assert tree.place(("a",)).start == 4


@pytest.mark.parametrize(
    ("text", "style"),
    [
        ("x", "plain"),
        ("'x'", "single"),
        ('"x"', "double"),
        ("|\n  x", "literal"),
        (">\n  x", "folded"),
        ("[x]", "flow"),
        ("\n  - x", "block"),
    ],
)
def test_a_node_knows_how_it_was_written(text: str, style: str) -> None:
    tree = parse(f"a: {text}\n").tree
    assert tree is not None
    node = tree.find(("a",))
    assert node is not None
    assert node.style == style


def test_anchors_and_tags_stand_before_the_node() -> None:
    text = "a: &x !!map\n  b: &y c\nd: !!str &z 1\n"
    tree = parse(text).tree
    assert tree is not None
    inner, scalar = tree.find(("a",)), tree.find(("d",))
    assert inner is not None
    assert scalar is not None
    assert text[inner.outer : inner.end] == "&x !!map\n  b: &y c"
    assert text[inner.start : inner.end] == "b: &y c"
    assert text[scalar.start : scalar.end] == "1"
    assert scalar.anchor == "z"
