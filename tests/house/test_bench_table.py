"""`make bench` prints what it measured, aligned, and refuses rows that are none."""

import importlib.util

import pytest

from repository import ROOT

SPEC = importlib.util.spec_from_file_location("bench_main", ROOT / "bench" / "__main__.py")
bench = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(bench)


def test_a_row_gets_every_column_and_its_source():
    row = bench.complete({"name": "a rule", "ours": 1.5}, source="expressions")
    assert set(row) == {*bench.COLUMNS, "source"}
    assert row["source"] == "expressions"
    assert row["met"] is None


def test_a_row_with_a_column_that_nobody_knows_is_refused():
    with pytest.raises(ValueError, match="not one"):
        bench.complete({"name": "a rule", "ours": 1, "speed": 2}, source="expressions")


def test_the_table_is_aligned_and_says_what_was_missed():
    rows = [
        bench.complete({"name": "short", "ours": 1.2345, "ratio": 2, "met": True}, source="x"),
        bench.complete({"name": "a longer name", "ours": 12345.6, "met": False}, source="x"),
    ]
    head, rule, first, second = bench.table(rows).splitlines()
    assert head.split() == list(bench.COLUMNS)
    assert set(rule) == {"-", " "}
    assert first.split() == ["short", "1.23", "2", "yes"]
    assert second.split() == ["a", "longer", "name", "12,346", "NO"]
    assert head.index("ours") + len("ours") == first.index("1.23") + len("1.23")


def test_every_benchmark_of_the_folder_is_found_by_its_function():
    known = bench.modules()
    assert "limit" not in known
    assert all("\ndef rows(" in (ROOT / "bench" / f"{name}.py").read_text() for name in known)
