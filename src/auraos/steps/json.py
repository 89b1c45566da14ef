"""`json.parse` and `json.format`: strict JSON, within the bounds of the language's numbers and depth."""

import json
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any, NoReturn

import msgspec

from auraos.core.values import LARGEST_INT, SMALLEST_INT, ValueRefusedError, to_plain, to_wire
from auraos.sdk import Effect, Example, Value, step_type
from auraos.steps.kinds import Text, bad_text


class ParseSettings(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What to read."""

    text: Text
    lines: Annotated[bool, msgspec.Meta(description="One document per line; the output is their list.")] = (
        False
    )
    decimals: Annotated[
        bool, msgspec.Meta(description="Read numbers with a point as decimals, exact to the last digit.")
    ] = False


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

    Whole numbers of more than 64 bits become decimals. NaN, Infinity and trailing text are refused.
    """
    if not settings.lines:
        return read_json(settings.text, decimals=settings.decimals)
    return [read_json(line, decimals=settings.decimals) for line in settings.text.split("\n") if line.strip()]


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


def read_json(text: str | bytes, *, decimals: bool = False) -> Value:
    """Return the values of a JSON text; fail as class `data` with the place of the mistake."""
    try:
        value = json.loads(
            text,
            parse_int=_whole_number,
            parse_float=_decimal if decimals else _number,
            parse_constant=_no_constant,
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
