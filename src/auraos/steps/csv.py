"""`csv.parse` and `csv.format`. What is written cannot pose as a formula in a spreadsheet."""

import csv
import io
import re
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any, Literal, TypeAlias

import msgspec

from auraos.core.values import ValueRefusedError, to_plain, to_wire
from auraos.sdk import Effect, Example, StepFailed, Value, step_type
from auraos.steps.json import read_json, write_json
from auraos.steps.kinds import Text, bad_text

Kind: TypeAlias = Literal["text", "int", "float", "decimal", "bool", "json"]
Delimiter: TypeAlias = Annotated[
    Literal[",", ";", "\t", "|"], msgspec.Meta(description="What stands between two cells.")
]

MOST_ROWS = 1_000_000
_FORMULA_START = re.compile(r"\s*[=+\-@＝＋－＠]|[\t\r\n]")
_PLAIN_NUMBER = re.compile(r"[+-]?\d+(?:[.,]\d+)?", re.ASCII)


class ParseSettings(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What to read, and how."""

    text: Text
    delimiter: Delimiter = ","
    header: Annotated[
        bool | list[str],
        msgspec.Meta(
            description="True: the first row names the columns; a list: these; false: rows are lists."
        ),
    ] = True
    types: Annotated[
        dict[str, Kind], msgspec.Meta(description="What columns hold; all others are text.")
    ] = {}
    trim: Annotated[bool, msgspec.Meta(description="Remove spaces around each cell.")] = False


@step_type(
    "csv.parse",
    title="Read CSV",
    effect=Effect.PURE,
    output={"type": "array"},
    examples=(
        Example(
            title="With a header",
            settings={"text": "sku,qty\nA,1\nB,2\n", "types": {"qty": "int"}},
            output=[{"sku": "A", "qty": 1}, {"sku": "B", "qty": 2}],
        ),
        Example(
            title="Rows as lists",
            settings={"text": "a;b\n", "delimiter": ";", "header": False},
            output=[["a", "b"]],
        ),
    ),
)
def parse_csv(settings: ParseSettings) -> list[Value]:
    """Reads CSV text into a list of mappings, or of lists.

    An empty cell of a column with a type is null. A row with more cells than columns fails as
    class `data`; missing cells are null.
    """
    rows = _rows(settings)
    if settings.header is False:
        return list(rows)
    names = settings.header if isinstance(settings.header, list) else next(iter(rows[:1]), [])
    if len(set(names)) != len(names):
        raise bad_text(
            "CSV", f"a column's name stands twice: {', '.join(names)}", "Name the columns in 'header'."
        )
    body = rows if isinstance(settings.header, list) else rows[1:]
    return [_mapping(names, cells, number, settings.types) for number, cells in enumerate(body, start=1)]


def _rows(settings: ParseSettings) -> list[list[str]]:
    text = settings.text.removeprefix("\ufeff")
    rows = []
    try:
        for cells in csv.reader(io.StringIO(text, newline=""), delimiter=settings.delimiter, strict=True):
            if cells:
                rows.append([cell.strip() for cell in cells] if settings.trim else cells)
            if len(rows) > MOST_ROWS:
                raise bad_text("CSV", f"it has more than {MOST_ROWS:,} rows")
    except csv.Error as error:
        raise bad_text("CSV", f"{error}, after {len(rows)} rows") from None
    return rows


def _mapping(names: list[str], cells: list[str], number: int, types: dict[str, Kind]) -> dict[str, Value]:
    if len(cells) > len(names):
        raise bad_text("CSV", f"row {number} has {len(cells)} cells for {len(names)} columns")
    row: dict[str, Value] = dict.fromkeys(names)
    for name, cell in zip(names, cells, strict=False):
        row[name] = _typed(cell, types[name], name, number) if name in types else cell
    return row


def _typed(cell: str, kind: Kind, name: str, number: int) -> Value:
    if kind == "text":
        return cell
    if not cell.strip():
        return None
    try:
        value = _READERS[kind](cell.strip())
        to_wire(value)
    except (ValueError, InvalidOperation, KeyError, ValueRefusedError, StepFailed):
        raise bad_text("CSV", f"{cell[:40]!r} in column {name!r} of row {number} is no {kind}") from None
    return value


def _digits(cell: str) -> str:
    """Return what writes a number to everybody: Python alone also takes 1_000 and the digits of all scripts."""
    if not cell.isascii() or "_" in cell:
        raise ValueError(cell)
    return cell


_READERS: dict[Kind, Callable[[str], Value]] = {
    "int": lambda cell: int(_digits(cell)),
    "float": lambda cell: float(_digits(cell)),
    "decimal": lambda cell: Decimal(_digits(cell)),
    "bool": lambda cell: {"true": True, "false": False, "1": True, "0": False}[cell.lower()],
    "json": read_json,
}


class FormatSettings(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What to write, and how."""

    items: Annotated[list[Any], msgspec.Meta(description="The rows: mappings, or lists of cells.")]
    columns: Annotated[
        list[str],
        msgspec.Meta(description="The columns and their order; all fields as they appear when left out."),
    ] = []
    delimiter: Delimiter = ","
    header: Annotated[bool, msgspec.Meta(description="Write the names of the columns first.")] = True
    formulas: Annotated[
        Literal["disarm", "keep"],
        msgspec.Meta(description="`disarm` puts an apostrophe before text that a spreadsheet would run."),
    ] = "disarm"


@step_type(
    "csv.format",
    title="Write CSV",
    effect=Effect.PURE,
    output={"type": "string"},
    examples=(
        Example(
            title="A table",
            settings={"items": [{"sku": "A", "qty": 1}, {"sku": "B,C", "qty": None}]},
            output='sku,qty\r\nA,1\r\n"B,C",\r\n',
        ),
        Example(
            title="A formula is disarmed",
            settings={"items": [["=1+1", -5]], "header": False},
            output="'=1+1,-5\r\n",
        ),
    ),
)
def format_csv(settings: FormatSettings) -> str:
    """Writes rows as CSV text (RFC 4180).

    Text that begins like a formula gets an apostrophe, so that opening the file in a spreadsheet runs
    nothing. Numbers stay numbers. Lists and mappings in a cell are written as JSON.
    """
    columns = settings.columns or _columns(settings.items)
    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter=settings.delimiter, lineterminator="\r\n")
    safe = settings.formulas == "disarm"
    if settings.header and columns:
        writer.writerow([_cell(name, safe) for name in columns])
    for number, item in enumerate(settings.items):
        writer.writerow([_cell(value, safe) for value in _cells(item, columns, number)])
    return out.getvalue()


def _columns(items: list[Any]) -> list[str]:
    return list(dict.fromkeys(name for item in items if isinstance(item, dict) for name in item))


def _cells(item: Value, columns: list[str], number: int) -> list[Value]:
    if isinstance(item, dict):
        return [item.get(name) for name in columns]
    if isinstance(item, list):
        return item
    raise StepFailed(
        f"Item {number} is neither a mapping nor a list of cells.",
        error_class="data",
        code="settings-refused",
    )


def _cell(value: Value, safe: bool) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict | list):
        value = write_json(value)
    plain = to_plain(value)
    if not isinstance(value, str):
        return str(plain)
    text = str(plain)
    return "'" + text if safe and _FORMULA_START.match(text) and not _PLAIN_NUMBER.fullmatch(text) else text
