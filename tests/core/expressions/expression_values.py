"""Values and shorthands for the tests of expressions."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from auraos.core.expressions import LocatedError, compile_expression
from auraos.core.values import FileReference

SCOPE: dict[str, Any] = {
    "x": {"a": 1},
    "text": "abc",
    "items": [1, 2],
    "number": 5,
    "moment": datetime(2026, 11, 20, tzinfo=UTC),
    "day": date(2026, 11, 20),
    "span": timedelta(hours=1),
    "money": Decimal("1.50"),
    "file": FileReference(hash="h", size=1),
    "input": {"field": 7},
    "$now": datetime(2026, 11, 20, tzinfo=UTC),
    "$seed": "run",
}
PLAIN_TYPES = (type(None), bool, int, float, Decimal, str, date, datetime, timedelta, FileReference)


def evaluate(source: str, **names: Any) -> Any:
    """Return the value of an expression over these names."""
    return compile_expression(source).evaluate(names)


def outcome(source: str, scope: dict[str, Any]) -> dict[str, Any]:
    """Return what becomes of an expression: refused or fails with a code, or a value; anything else is raised."""
    try:
        expression = compile_expression(source)
    except LocatedError as error:
        check_place(error, source)
        return {"refused": error.code}
    try:
        return {"value": expression.evaluate(scope)}
    except LocatedError as error:
        check_place(error, source)
        return {"fails": error.code}


def check_place(error: LocatedError, source: str) -> None:
    """Check that an error stands within its source and says something."""
    assert error.source == source
    assert 0 <= error.start <= error.end <= len(source)
    assert error.line >= 1 <= error.column
    assert error.message


def is_plain(value: Any) -> bool:
    """Return whether a value is one of the language, through and through."""
    if type(value) is list:
        return all(map(is_plain, value))
    if type(value) is dict:
        return all(type(key) is str and is_plain(item) for key, item in value.items())
    return type(value) in PLAIN_TYPES
