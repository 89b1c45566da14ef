"""How list steps read their items, by a field's name or an expression, and compare and order it."""

from collections.abc import Callable, Iterable
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, TypeAlias

from auraos.core.values import FileReference, type_name
from auraos.sdk import StepFailed, Value

Reader: TypeAlias = Callable[[Value, int], Value]


def reader(source: Any) -> Reader:
    """Return how to read an item: an expression is called, a text names a field, null is the item itself."""
    if callable(source):
        return lambda item, index: source(item=item, index=index)
    if isinstance(source, str):
        return lambda item, index: _field(item, index, source)
    if source is None:
        return _itself
    raise StepFailed(
        f"{type_name(source)} is neither the name of a field nor an expression.",
        error_class="data",
        code="settings-refused",
        hint="Write a field's name, as in `sku`, or an expression, as in {{ item.sku }}.",
    )


def predicate(source: Any) -> Callable[[Value, int], bool]:
    """Return how to ask an item a question: an expression is called, anything else is its own answer."""
    if callable(source):
        return lambda item, index: bool(source(item=item, index=index))
    answer = bool(source)
    return lambda *_: answer


def fill(pattern: Any, item: Value, index: int) -> Value:
    """Return a pattern with each expression in it answered for this item."""
    if callable(pattern):
        return pattern(item=item, index=index)
    if isinstance(pattern, dict):
        return {key: fill(part, item, index) for key, part in pattern.items()}
    if isinstance(pattern, list):
        return [fill(part, item, index) for part in pattern]
    return pattern


def identity(value: Value) -> Any:
    """Return something hashable, equal for equal values of the language: 1 equals 1.0, but true is not 1."""
    match value:
        case None | str():
            return value
        case bool():
            return ("bool", value)
        case int() | float() | Decimal():
            return ("number", value)
        case dict():
            return ("mapping", frozenset((key, identity(part)) for key, part in value.items()))
        case list() | tuple():
            return ("list", tuple(identity(part) for part in value))
        case FileReference():
            return ("file", value.hash)
        case _:
            return (type_name(value), value)


def sort_key(value: Value) -> tuple[str, Any]:
    """Return the kind of a value and what orders it among its kind; null has to be set apart before."""
    match value:
        case bool():
            return ("bool", value)
        case int() | float() | Decimal():
            return ("number", value)
        case str() | datetime() | timedelta():
            return (type_name(value), value)
        case date():
            return ("date", value)
        case _:
            raise StepFailed(
                f"A {type_name(value)} has no order.",
                error_class="data",
                code="no-order",
                hint="Sort by a field or an expression that gives numbers, texts or dates.",
            )


def one_kind(keys: Iterable[tuple[str, Any]]) -> None:
    """Refuse to order values of different kinds among each other."""
    kinds = sorted({kind for kind, _ in keys})
    if len(kinds) > 1:
        raise StepFailed(
            f"These values cannot be ordered among each other: {' and '.join(kinds)}.",
            error_class="data",
            code="no-order",
            hint="Turn them into one kind first, as with int(item.total) or str(item.total).",
        )


def _itself(item: Value, _index: int) -> Value:
    return item


def _field(item: Value, index: int, name: str) -> Value:
    if item is None:
        return None
    if not isinstance(item, dict):
        raise StepFailed(
            f"Item {index} is {type_name(item)} and has no field {name!r}.",
            error_class="data",
            code="no-field",
            hint="Name a field only where every item is a mapping; else write an expression over `item`.",
        )
    return item.get(name)
