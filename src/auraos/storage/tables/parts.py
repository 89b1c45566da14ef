"""Tests of which definitions are in a part of a workspace."""

from collections.abc import Sequence
from typing import Any

from auraos.documents.definitions.rows import Part


def label_tests(
    workspace: str, labels: Sequence[tuple[str, str]], tests: list[str], values: list[Any], table: str = ""
) -> None:
    """Add the tests of what has these labels, and their values; `table` is as in `definitions.`."""
    for label, value in labels:
        valued = " and value=?" if value else ""
        tests.append(f"{table}id in (select id from definition_labels where workspace=? and label=?{valued})")
        values += [workspace, label, *([value] if value else [])]


def part_tests(workspace: str, part: Part, values: list[Any], table: str = "") -> str:
    """Return the test of what is in a part, and add its values."""
    tests: list[str] = []
    for column, wanted in (("kind", part.kind), ("name", part.name)):
        if wanted:
            tests.append(f"{table}{column}=?")
            values.append(wanted)
    label_tests(workspace, part.labels, tests, values, table)
    return f"({' and '.join(tests) or '1=1'})"
