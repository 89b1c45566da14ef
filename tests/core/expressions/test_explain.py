"""Why a condition came out as it did."""

from typing import Any

import pytest

from auraos.core.expressions import compile_expression, explain

CASES: list[tuple[str, dict[str, Any], list[tuple[str, Any]]]] = [
    ("amount > 1000", {"amount": 950}, [("amount > 1000", False)]),
    ("amount > 1000 and country == 'DE'", {"amount": 950, "country": "DE"}, [("amount > 1000", False)]),
    ("a > 1 and (b or c < 2)", {"a": 2, "b": None, "c": 1}, [("a > 1", True), ("b", None), ("c < 2", True)]),
    ("not vip and total > 5", {"vip": False, "total": 7}, [("vip", False), ("total > 5", True)]),
    ("x > 1 if big else x > 0", {"big": False, "x": 1}, [("big", False), ("x > 0", True)]),
]


@pytest.mark.parametrize(("source", "scope", "terms"), CASES)
def test_the_terms_that_were_looked_at_are_told_with_their_values(
    source: str, scope: dict[str, Any], terms: list[tuple[str, Any]]
) -> None:
    assert [(term.source, term.value) for term in explain(compile_expression(source), scope)] == terms


def test_a_comparison_tells_what_it_compared() -> None:
    (term,) = explain(
        compile_expression("order.total > limits[0]"), {"order": {"total": 950}, "limits": [1000]}
    )
    assert term.parts == (("order.total", 950), ("limits[0]", 1000))


def test_a_term_that_failed_says_why_and_is_the_last() -> None:
    terms = explain(compile_expression("a and b > 1 and c"), {"a": True, "b": None, "c": 1})
    assert [(term.source, term.error) for term in terms] == [
        ("a", ""),
        ("b > 1", "b is null, so it cannot be compared with `>`."),
    ]
