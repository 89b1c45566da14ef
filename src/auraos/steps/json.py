"""`json.parse` and `json.format`: strict JSON, within the bounds of the language's numbers and depth."""

import json
import re
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any, Literal, NoReturn

import msgspec

from auraos.core.values import LARGEST_INT, SMALLEST_INT, ValueRefusedError, to_plain, to_wire
from auraos.sdk import Effect, Example, Value, step_type
from auraos.steps.kinds import Text, bad_text

_MARKS = re.compile(r'[{}\[\]]|(?P<text>"(?:[^"\\]|\\.)*+")\s*(?P<colon>:)?', re.DOTALL)
"""What tells the keys of a JSON text: brackets, and texts with the colon behind a key."""


class ParseSettings(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What to read."""

    text: Text
    lines: Annotated[bool, msgspec.Meta(description="One document per line; the output is their list.")] = (
        False
    )
    decimals: Annotated[
        bool, msgspec.Meta(description="Read numbers with a point as decimals, exact to the last digit.")
    ] = False
    doubles: Annotated[
        Literal["refuse", "last"],
        msgspec.Meta(
            description="What to do about a key that stands twice in a mapping: fail, or keep the last."
        ),
    ] = "refuse"


@step_type(
    "json.parse",
    title="Read JSON",
    effect=Effect.PURE,
    examples=(
        Example(title="A document", settings={"text": '{"id": 7}'}, output={"id": 7}),
        Example(
            title="Lines",
            settings={"text": '{"id": 7}\n{"id": 8}\n', "lines": True},
            output=[{"id": 7}, {"id": 8}],
        ),
    ),
)
def parse_json(settings: ParseSettings) -> Value:
    """Reads JSON text into values.

    Whole numbers of more than 64 bits become decimals. NaN, Infinity and trailing text are refused, and so is a key that
    stands twice in a mapping, for one of its values would silently be lost.
    """
    if not settings.lines:
        return _parse(settings.text, settings)
    lines = enumerate(settings.text.split("\n"), start=1)
    return [_parse(text, settings, line) for line, text in lines if text.strip()]


class _DoubleKey(Exception):  # noqa: N818 (it never leaves this module)
    pass


def _parse(text: str, settings: ParseSettings, line: int = 1) -> Value:
    """Read one document, which begins in this line."""
    try:
        return read_json(text, decimals=settings.decimals, keep_last=settings.doubles == "last")
    except _DoubleKey:
        fault = f"the key {_find_double(text, line)}"
        raise bad_text("JSON", fault, "To keep the last one, set `doubles: last`.") from None


def _find_double(text: str, line: int) -> str:
    """Say which key of a text stands twice in a mapping, and where for the second time."""
    scopes: list[set[str]] = []
    for found in _MARKS.finditer(text):
        if found[0] in "{[":
            scopes.append(set())
        elif found[0] in "}]":
            scopes.pop()
        elif found["colon"]:
            key = _key_of(found["text"])
            if key in scopes[-1]:
                before = text[: found.start()]
                place = f"line {before.count(chr(10)) + line} column {len(before) - before.rfind(chr(10))}"
                return f"{key[:100]!r} stands twice in a mapping, again at {place}"
            scopes[-1].add(key)
    raise AssertionError("a text with a key that stands twice was read without it")


def _key_of(text: str) -> str:
    return str(json.loads(text))


def _refuse_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    mapping = dict(pairs)
    if len(mapping) != len(pairs):
        raise _DoubleKey
    return mapping


class FormatSettings(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What to write, and how."""

    value: Annotated[Any, msgspec.Meta(description="What to write.")]
    indent: Annotated[int, msgspec.Meta(description="Spaces per level; 0 for one line.", ge=0, le=8)] = 0
    sort_keys: Annotated[bool, msgspec.Meta(description="Write the fields of mappings in order of name.")] = (
        False
    )


@step_type(
    "json.format",
    title="Write JSON",
    effect=Effect.PURE,
    output={"type": "string"},
    examples=(
        Example(title="On one line", settings={"value": {"b": 1, "a": None}}, output='{"b":1,"a":null}'),
        Example(
            title="In order", settings={"value": {"b": 1, "a": 2}, "sort_keys": True}, output='{"a":2,"b":1}'
        ),
    ),
)
def format_json(settings: FormatSettings) -> str:
    """Writes a value as JSON text.

    Decimals are written as text, dates and durations as RFC 3339 and ISO 8601 text.
    """
    return write_json(settings.value, indent=settings.indent, sort_keys=settings.sort_keys)


def write_json(value: Value, *, indent: int = 0, sort_keys: bool = False) -> str:
    """Return a value as JSON text, in its plain form."""
    return json.dumps(
        to_plain(value),
        ensure_ascii=False,
        allow_nan=False,
        indent=indent or None,
        separators=(",", ": ") if indent else (",", ":"),
        sort_keys=sort_keys,
    )


def read_json(text: str | bytes, *, decimals: bool = False, keep_last: bool = True) -> Value:
    """Return the values of a JSON text; fail as class `data` with the place of the mistake."""
    try:
        value = json.loads(
            text,
            parse_int=_whole_number,
            parse_float=_decimal if decimals else _number,
            parse_constant=_no_constant,
            object_pairs_hook=None if keep_last else _refuse_doubles,
        )
        to_wire(value)
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise bad_text("JSON", str(error)) from None
    except ValueRefusedError as error:
        raise bad_text("JSON", error.message.rstrip(".")) from None
    except RecursionError:
        raise bad_text("JSON", "it is nested too deep") from None
    return value


def _whole_number(digits: str) -> int | Decimal:
    if len(digits) > 1000:
        raise ValueRefusedError(f"A number of {len(digits):,} digits cannot be kept.")
    number = Decimal(digits) if len(digits) > 19 else int(digits)
    return int(number) if SMALLEST_INT <= number <= LARGEST_INT else Decimal(digits)


def _decimal(digits: str) -> Decimal:
    try:
        return Decimal(digits)
    except InvalidOperation:
        raise ValueRefusedError(f"{digits[:40]} is no number that can be kept.") from None


def _number(digits: str) -> float:
    number = float(digits)
    if number in (float("inf"), float("-inf")):
        raise ValueRefusedError(f"{digits[:40]} is no number that can be kept.")
    return number


def _no_constant(name: str) -> NoReturn:
    raise ValueRefusedError(f"{name} is no number that can be kept.")
