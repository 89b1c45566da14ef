"""The values of the language and their two outer forms: the wire form that is stored, and the plain form that goes out.

Inside, a value is one of: None, bool, int (64 bit), finite float, Decimal, str, date, datetime with a zone, timedelta,
`FileReference`, list and dict with text keys. The wire form is JSON; what JSON lacks is written `{"$decimal": "0.10"}`,
and a user's key that begins with `$` is written `$$…`, so user data can never pose as one of these.
"""

import math
import re
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, Literal, TypeAlias

import msgspec

from auraos.core.errors import UserError

Value: TypeAlias = Any
"""A value of the language; the closed list stands in the module's docstring."""

LARGEST_INT = 2**63 - 1
SMALLEST_INT = -(2**63)
MAX_DEPTH = 100
LARGEST_EXPONENT = 6_200
"""A decimal has at most about so many places before or behind its point, whatever room its digits take."""
LONGEST_PLAIN = 200
"""A decimal with more places than this goes out with an exponent."""


class ValueRefusedError(UserError):
    """A value that the language does not have: NaN, a lone surrogate, a number over 64 bits, a foreign object."""

    code = "value-refused"


class FileReference(msgspec.Struct, frozen=True, kw_only=True):
    """A file or a large value in the blob store: named by its hash, never read out of user data."""

    hash: str
    size: int
    media_type: str = "application/octet-stream"
    name: str = ""


class ValueReference(msgspec.Struct, frozen=True, kw_only=True):
    """A large value that lies in a blob of its run. It stands for the value where that was not fetched; only journals
    hold it (see `core.run.large`), and nothing that comes from outside is ever read as one.
    """

    hash: str
    size: int
    is_list: bool = False


class Hidden(msgspec.Struct, frozen=True, kw_only=True):
    """Stands for a value that is not there to be read: it was erased, or whoever reads may not. Only journals hold it."""

    why: Literal["erased", "redacted"]


def to_wire(value: Value, _depth: int = 0) -> Any:
    """Return the JSON form of a value; raise `ValueRefusedError` for what the language does not have.

    A value that already is plain JSON comes back as it is, so that the common case copies nothing.
    """
    kind = type(value)
    if kind is dict and _depth < MAX_DEPTH:
        return _mapping_to_wire(value, _depth + 1)
    if kind is str:
        if not value.isascii():
            _refuse_surrogates(value)
        return value
    if kind is bool or value is None:
        return value
    if kind is int:
        if not SMALLEST_INT <= value <= LARGEST_INT:
            raise ValueRefusedError(
                "A whole number of more than 64 bits cannot be kept.", hint="Keep it as text or as a decimal."
            )
        return value
    if kind is float:
        if not math.isfinite(value):
            raise ValueRefusedError(f"{value} is no number that can be kept.")
        return value
    if _depth >= MAX_DEPTH:
        raise ValueRefusedError(f"Data nested more than {MAX_DEPTH} levels deep cannot be kept.")
    if isinstance(value, dict):
        return _mapping_to_wire(value, _depth + 1)
    if kind is list or kind is tuple:
        wired = [to_wire(item, _depth + 1) for item in value]
        return value if kind is list and all(map(_is_same, wired, value)) else wired
    return _special_to_wire(value)


def from_wire(wire: Any, _depth: int = 0) -> Value:
    """Return the value that `to_wire` wrote."""
    kind = type(wire)
    if kind is dict:
        if len(wire) == 1:
            (key,) = wire
            if key[:1] == "$" and key[:2] != "$$":
                return _special_from_wire(key, wire[key])
        return {
            key[1:] if key[:2] == "$$" else key: from_wire(item, _depth + 1) for key, item in wire.items()
        }
    if kind is list:
        return [from_wire(item, _depth + 1) for item in wire]
    return wire


def to_plain(value: Value) -> Any:
    """Return the form that goes out to the world: decimals as text, dates as RFC 3339, durations as ISO 8601."""
    match value:
        case None | bool() | int() | float() | str():
            return value
        case dict():
            return {key: to_plain(item) for key, item in value.items()}
        case list() | tuple():
            return [to_plain(item) for item in value]
        case Decimal():
            return format(value, "f") if -LONGEST_PLAIN < value.adjusted() < LONGEST_PLAIN else str(value)
        case datetime():
            return format_datetime(value)
        case date():
            return value.isoformat()
        case timedelta():
            return format_duration(value)
        case FileReference():
            return {
                "file": value.name or value.hash,
                "hash": value.hash,
                "size": value.size,
                "media_type": value.media_type,
            }
        case ValueReference():
            return {"large_value": value.hash, "size": value.size}
        case Hidden():
            return {"hidden": value.why}
    raise ValueRefusedError(f"{type(value).__name__} is no value of the language.")


def type_name(value: Value) -> str:
    """Say what kind of value this is, in the words of the language."""
    kind = type(value)
    found = _NAMES.get(kind)
    if found is None:
        found = next((name for known, name in _NAMES.items() if isinstance(value, known)), kind.__name__)
    return found


_NAMES: dict[type, str] = {
    type(None): "null",
    bool: "bool",
    int: "int",
    float: "float",
    Decimal: "decimal",
    str: "text",
    datetime: "datetime",
    date: "date",
    timedelta: "duration",
    FileReference: "file",
    ValueReference: "large value",
    Hidden: "hidden value",
    list: "list",
    tuple: "list",
    dict: "mapping",
}


def format_datetime(value: datetime) -> str:
    """Write a point in time as RFC 3339, `Z` for UTC."""
    text = value.isoformat()
    return text[:-6] + "Z" if text.endswith("+00:00") else text


def parse_datetime(text: str) -> datetime:
    """Read an RFC 3339 point in time; one without a zone is refused, for nobody could say when it was."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ValueRefusedError(
            f"{text!r} is no point in time.", hint="Write it as 2026-11-20T17:30:00Z."
        ) from None
    if moment.tzinfo is None:
        raise ValueRefusedError(
            f"{text!r} has no time zone.", hint=f"Write {text}Z for UTC, or {text}+01:00."
        )
    return moment


_UNITS = {"w": 604800, "d": 86400, "h": 3600, "m": 60, "s": 1}
_SHORT = re.compile(
    r"(?:(\d+)w)?(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+(?:\.\d{1,6})?)s)?(?:(\d+)ms)?", re.ASCII
)
_ISO = re.compile(r"P(?:(\d+)W)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d{1,6})?)S)?)?", re.ASCII)
LONGEST_DURATION = timedelta(days=36525)


def parse_duration(text: str) -> timedelta:
    """Read `1h30m`, `72h`, `250ms`, `1.5s`, `5d` or ISO 8601 (`PT5M`); at most a hundred years."""
    negative = text.startswith("-")
    body = text[1:] if negative else text
    found = (_ISO if body.startswith("P") else _SHORT).fullmatch(body)
    if not found or not any(found.groups()) or len(body) > 40:
        raise ValueRefusedError(f"{text!r} is no duration.", hint="Write it as 30s, 5m, 1h30m, 72h or 5d.")
    groups = [*found.groups(), None][:6]
    weeks, days, hours, minutes, seconds, milliseconds = (Decimal(part or 0) for part in groups)
    total = weeks * 604800 + days * 86400 + hours * 3600 + minutes * 60 + seconds + milliseconds / 1000
    if total > LONGEST_DURATION.total_seconds():
        raise ValueRefusedError(f"{text!r} is longer than a hundred years.")
    span = timedelta(microseconds=int(total * 1_000_000))
    return -span if negative else span


def format_duration(span: timedelta) -> str:
    """Write a duration the short way that `parse_duration` reads: `1h30m`, `0s`, `1.5s`."""
    micros = span // timedelta(microseconds=1)
    sign, micros = ("-", -micros) if micros < 0 else ("", micros)
    seconds, micros = divmod(micros, 1_000_000)
    text = ""
    for unit in ("d", "h", "m"):
        count, seconds = divmod(seconds, _UNITS[unit])
        text += f"{count}{unit}" if count else ""
    if seconds or micros or not text:
        text += (f"{seconds}.{micros:06}".rstrip("0") if micros else str(seconds)) + "s"
    return sign + text


def _is_same(left: object, right: object) -> bool:
    return left is right


def _mapping_to_wire(value: dict[Any, Any], depth: int) -> dict[str, Any]:
    """Return the mapping itself where all of it is plain, as almost all data is; so nothing is built before it must be."""
    changes: dict[str, Any] | None = None if type(value) is dict else {}
    for key, item in value.items():
        if type(key) is not str or not key.isascii():
            _refuse_key(key)
        kind = type(item)
        if (
            (kind is str and item.isascii())
            or (kind is int and SMALLEST_INT <= item <= LARGEST_INT)
            or kind is bool
            or item is None
        ):
            wire = item
        else:
            wire = to_wire(item, depth)
        if wire is not item or key[0:1] == "$":
            changes = {} if changes is None else changes
            changes[key] = wire
    if changes is None:
        return value
    return {"$" + key if key[:1] == "$" else key: changes.get(key, item) for key, item in value.items()}


def _refuse_key(key: Any) -> None:
    if type(key) is not str:
        raise ValueRefusedError(f"A mapping has text keys only, not {type_name(key)} {key!r}.")
    _refuse_surrogates(key)


def _special_to_wire(value: Value) -> Any:
    match value:
        case Decimal():
            if not value.is_finite():
                raise ValueRefusedError(f"{value} is no number that can be kept.")
            if abs(value.adjusted()) > LARGEST_EXPONENT:
                raise ValueRefusedError(f"A number with {abs(value.adjusted()):,} places cannot be kept.")
            return {"$decimal": str(value)}
        case datetime():
            if value.tzinfo is None:
                raise ValueRefusedError("A point in time without a zone cannot be kept.")
            zone = getattr(value.tzinfo, "key", None)
            return {"$datetime": format_datetime(value) + (f"[{zone}]" if zone and zone != "UTC" else "")}
        case date():
            return {"$date": value.isoformat()}
        case timedelta():
            return {"$duration": format_duration(value)}
        case FileReference():
            return {"$file": msgspec.to_builtins(value)}
        case ValueReference():
            named = {"hash": value.hash, "size": value.size}
            return [{"$items": named}] if value.is_list else {"$blob": named}
        case Hidden():
            return {"$hidden": value.why}
        case bool() | int() | float() | str():  # a subclass: keep what it says, not what it is
            return to_wire(value.__class__.__mro__[-2](value))
    raise ValueRefusedError(f"{type(value).__name__} is no value of the language.")


def _special_from_wire(key: str, wire: Any) -> Value:
    try:
        match key:
            case "$decimal":
                return Decimal(wire)
            case "$datetime":
                return _datetime_from_wire(wire)
            case "$date":
                return date.fromisoformat(wire)
            case "$duration":
                return parse_duration(wire)
            case "$file":
                return msgspec.convert(wire, FileReference)
    except (ArithmeticError, AttributeError, LookupError, OSError, TypeError, ValueError) as error:
        raise ValueRefusedError(f"{str(wire)[:200]!r} cannot be read as {key[1:]}.") from error
    raise ValueRefusedError(f"{key!r} is no kind of value.")


def _datetime_from_wire(wire: str) -> datetime:
    text, _, zone = wire.partition("[")
    moment = parse_datetime(text)
    if zone:
        from zoneinfo import ZoneInfo  # noqa: PLC0415 (most journals hold no zoned time)

        return moment.astimezone(ZoneInfo(zone.rstrip("]")))
    return moment.astimezone(UTC) if moment.utcoffset() == timedelta(0) else moment


def _refuse_surrogates(text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise ValueRefusedError(
            f"Character {error.start + 1} of a text is half of a character (a lone surrogate)."
        ) from None
