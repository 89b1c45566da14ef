"""Whatever is edited, only the lines that the edit means change, and the text means what a model of plain values says."""

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from auraos.core.document import Node, parse
from auraos.documents import splice
from auraos.documents.parts import Text, find_parts
from auraos.documents.splice import apply_edits
from auraos.documents.writing import as_json

KEYS = st.sampled_from(["a", "b", "c", "on", "x-y", "type", "0", "null", "with space", "é", "q:", "{"])
TEXTS = st.one_of(
    st.sampled_from(
        [
            "",
            "on",
            "12:30",
            "{{ x }}",
            "a: b",
            "# no",
            "- x",
            "it's",
            'say "x"',
            "1",
            "~",
            "x #y",
            "two\nlines\n",
        ]
    ),
    st.text(st.characters(codec="utf-8", exclude_characters="\0", exclude_categories=["Cs"]), max_size=12),
)
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    TEXTS,
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(KEYS, inner, max_size=3)),
    max_leaves=8,
)
PLAIN_WORDS = ["word", "12", "true", "two words", "http://x/y?z=1", "a -> b"]
COMMENTS = ["", "", "", "  # note", " # {x: [1"]


@st.composite
def block_texts(draw: Any) -> str:
    """Draw a text as a person might write it: indented by two or four, with comments, blank lines, all styles of values."""
    step = draw(st.sampled_from([2, 2, 4]))
    dash = draw(st.sampled_from([0, step]))
    lines = _mapping(draw, 0, 0, step, dash)
    newline = draw(st.sampled_from(["\n", "\n", "\r\n"]))
    return newline.join(lines) + draw(st.sampled_from(["", newline]))


def _mapping(draw: Any, indent: int, depth: int, step: int, dash: int) -> list[str]:
    keys = draw(
        st.lists(st.sampled_from(["a", "b", "c", '"d e"', "'f'", "g_h"]), min_size=1, max_size=4, unique=True)
    )
    lines: list[str] = []
    for key in keys:
        lines += draw(
            st.sampled_from(
                [
                    [],
                    [],
                    [""],
                    [" " * indent + "# about it"],
                    ["", " " * indent + "# x", " " * indent + "# y"],
                ]
            )
        )
        lines += _entry(draw, f"{' ' * indent}{key}:", indent, depth, step, dash)
    return lines


def _entry(draw: Any, head: str, indent: int, depth: int, step: int, dash: int) -> list[str]:
    comment = draw(st.sampled_from(COMMENTS))
    shape = draw(
        st.sampled_from(
            ["scalar", "scalar", "flow", "empty", "literal", "mapping", "sequence"]
            if depth < 3
            else ["scalar"]
        )
    )
    if shape == "scalar":
        return [f"{head} {draw(_scalar_texts())}{comment}"]
    if shape == "flow":
        return [f"{head} {draw(st.sampled_from(FLOWS))}{comment}"]
    if shape == "literal":
        header = draw(st.sampled_from(["|", "|-", ">", ">-"]))
        return [
            f"{head} {header}{comment}",
            " " * (indent + step) + "line one",
            "",
            " " * (indent + step) + "# line two",
        ]
    if shape == "mapping":
        return [head + comment, *_mapping(draw, indent + step, depth + 1, step, dash)]
    if shape == "sequence":
        return [head + comment, *_sequence(draw, indent + dash, depth + 1, step, dash)]
    return [head + comment]


def _sequence(draw: Any, indent: int, depth: int, step: int, dash: int) -> list[str]:
    lines: list[str] = []
    for _ in range(draw(st.integers(1, 3))):
        shape = draw(st.sampled_from(["scalar", "mapping", "empty", "flow"]))
        if shape == "mapping":
            inner = _mapping(draw, indent + 2, depth + 1, step, dash)
            first = next(
                index for index, line in enumerate(inner) if line.strip() and not line.strip().startswith("#")
            )
            lines += [f"{' ' * indent}- {inner[first].lstrip()}", *inner[first + 1 :]]
        elif shape == "empty":
            lines.append(" " * indent + "-" + draw(st.sampled_from(COMMENTS)))
        else:
            value = draw(_scalar_texts()) if shape == "scalar" else draw(st.sampled_from(FLOWS))
            lines.append(f"{' ' * indent}- {value}{draw(st.sampled_from(COMMENTS))}")
    return lines


FLOWS = ["{}", "[]", "{x: 1, y: [1, 2]}", "[a, {b: c}]", '{"j": 1}', "{ x: 1 }", "[ a , b, ]"]


def _scalar_texts() -> Any:
    return st.sampled_from([*PLAIN_WORDS, '"quoted # text"', "'it''s'", "null", "1.5"])


def all_paths(node: Node) -> list[tuple[Any, ...]]:
    """List the paths of everything below a node."""
    paths: list[tuple[Any, ...]] = []
    for key, entry in node.entries.items():
        paths += [(key, *rest) for rest in [(), *all_paths(entry.value)]]
    for index, item in enumerate(node.items):
        paths += [(index, *rest) for rest in [(), *all_paths(item)]]
    return paths


def lines_of(text: str, tree: Node, path: tuple[Any, ...]) -> tuple[int, int]:
    """Return the offsets between which the lines of an entry or item lie."""
    node = tree.find(path)
    part = next(part for part in find_parts(text, tree.find(path[:-1])) if part.node is node)
    return Text(text).line_start(part.start), Text(text).line_end(part.end)


@given(block_texts(), st.data())
@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
def test_setting_a_value_changes_its_own_lines_only(text: str, data: st.DataObject) -> None:
    tree = parse(text).tree
    assert tree is not None, text
    path = data.draw(st.sampled_from(all_paths(tree)))
    value = data.draw(VALUES)
    edits = splice.set_value(text, path, value)
    after = apply_edits(text, edits)
    read = parse(after)
    assert read.problems == []
    assert as_json(read.tree.find(path).value) == as_json(value)
    begin, end = lines_of(text, tree, path)
    assert all(begin <= edit.start <= edit.end <= end for edit in edits)


@st.composite
def operations(draw: Any, tree: Node) -> tuple[str, tuple[Any, ...], dict[str, Any]]:
    paths = all_paths(tree)
    path = draw(st.sampled_from([(), *paths]))
    node = tree.find(path)
    name = draw(st.sampled_from(["set_value", "insert", "remove", "rename_key", "move"]))
    if name == "insert" and node.kind == "mapping":
        after = draw(st.sampled_from([None, *node.entries]))
        key = draw(KEYS.filter(lambda key: key not in node.entries))
        return (
            "insert_entry",
            (path, key, draw(VALUES)),
            {"after": after, "first": after is None and draw(st.booleans())},
        )
    if name == "insert" and node.kind == "sequence":
        return "insert_item", (path, draw(VALUES), draw(st.integers(0, len(node.items)))), {}
    if path and name == "remove":
        return "remove", (path,), {}
    if path and isinstance(path[-1], str):
        siblings = [key for key in tree.find(path[:-1]).entries if key != path[-1]]
        if name == "rename_key":
            return "rename_key", (path, draw(KEYS.filter(lambda key: key not in siblings))), {}
        if name == "move":
            after = draw(st.sampled_from([None, *siblings]))
            return "move_entry", (path,), {"after": after, "first": after is None and draw(st.booleans())}
    if path and isinstance(path[-1], int) and name == "move":
        return "move_item", (path, draw(st.integers(0, len(tree.find(path[:-1]).items) - 1))), {}
    return "set_value", (path or ("new",), draw(VALUES)), {}


def borders(text: str, tree: Node, path: tuple[Any, ...]) -> tuple[int, int]:
    """Return the offsets between which the lines of a collection and of the key around it lie."""
    if not path:
        return 0, len(text)
    begin, end = lines_of(text, tree, path)
    column = len(text[begin:]) - len(text[begin:].lstrip(" "))
    return Text(text).comments_above(begin + column, column), text.find("\n", end) + 1 or len(text)


def comments_of(text: str) -> list[str]:
    return [
        line.strip()
        for line in text.split("\n")
        if line.strip().startswith("# ") and not line.strip().startswith("# line")
    ]


@given(block_texts(), st.data())
@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
def test_a_sequence_of_edits_is_never_refused_and_touches_only_the_collections_it_means(
    text: str, data: st.DataObject
) -> None:
    for _ in range(3):
        tree = parse(text).tree
        assert tree is not None
        name, arguments, options = data.draw(operations(tree))
        around = arguments[0] if name.startswith("insert") else arguments[0][:-1]
        begin, end = borders(text, tree, around)
        edits = getattr(splice, name)(text, *arguments, **options)
        assert all(begin <= edit.start <= edit.end <= end for edit in edits)
        text = apply_edits(text, edits)
        assert parse(text).problems == []


@given(block_texts(), st.data())
@settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
def test_moving_loses_no_comment(text: str, data: st.DataObject) -> None:
    tree = parse(text).tree
    assert tree is not None
    key = data.draw(st.sampled_from(list(tree.entries)))
    after = apply_edits(text, splice.move_entry(text, (key,), first=data.draw(st.booleans())))
    assert sorted(comments_of(after)) == sorted(comments_of(text))
    assert after.count("  # note") == text.count("  # note")


@given(block_texts(), st.data())
@settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
def test_an_added_entry_that_is_removed_again_leaves_the_text_as_it_was(
    text: str, data: st.DataObject
) -> None:
    tree = parse(text).tree
    assert tree is not None
    after = data.draw(st.sampled_from(list(tree.entries)))
    added = apply_edits(text, splice.insert_entry(text, (), "new", data.draw(VALUES), after=after))
    removed = apply_edits(added, splice.remove(added, ("new",)))
    assert parse(removed).tree.value == tree.value
    assert [line for line in removed.split("\n") if line.strip()] == [
        line for line in text.split("\n") if line.strip()
    ]


@given(st.dictionaries(KEYS, VALUES, min_size=1, max_size=4))
@settings(max_examples=80, deadline=None)
def test_what_is_written_reads_back_and_is_written_the_same_again(value: dict[str, Any]) -> None:
    written = apply_edits("{}\n", splice.set_value("{}\n", (), value))
    tree = parse(written).tree
    assert tree is not None
    assert as_json(tree.value) == as_json(value)
    assert apply_edits("{}\n", splice.set_value("{}\n", (), tree.value)) == written
    assert splice.set_value(written, (), tree.value) == []
