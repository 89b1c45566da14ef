"""What comes in over HTTP, read strictly: one reading of each value, unknown fields refused, all that is wrong told at once."""

import json
import re
from collections import Counter
from typing import Any, NoReturn, TypeVar
from urllib.parse import parse_qsl

import msgspec

from auraos.api.protocol.names import plain
from auraos.api.protocol.routes import Route
from auraos.core.errors import UserError
from auraos.core.schemas import Mismatch, SchemaCheck

DEEPEST_BODY = 200
MOST_PARAMETERS = 100
LONGEST_TOLD = 100
"""So many characters of what was sent are told again."""

T = TypeVar("T")
_NO_WHOLE_NUMBER = re.compile(r"Expected `int( \| [a-z |]+)?`, got `float`")
_WHOLE = re.compile(r"-?[0-9]{1,18}\.0{1,18}", re.ASCII)
_HALF = re.compile(rb"\\u[dD][89a-fA-F]")


class UnparsableError(UserError):
    """The body of a request is no JSON."""

    code = "request-unparsable"


class RequestRefusedError(UserError):
    """A request says something that it must not say so; `mismatches` says all of it."""

    code = "request-refused"

    def __init__(self, message: str, mismatches: list[Mismatch]) -> None:
        super().__init__(message, hint="The description of the API says what is expected.")
        self.mismatches = mismatches


class BodyTooLargeError(UserError):
    """The body of a request is larger than it may be."""

    code = "body-too-large"


def read_body(raw: bytes, wanted: type[T]) -> T:
    """Return a body as data; raise `UnparsableError` or `RequestRefusedError`."""
    _refuse_ambiguous(raw)
    try:
        return _decoded(raw, wanted)
    except msgspec.ValidationError as error:
        raise RequestRefusedError(
            "The body is not as it must be.", _mismatches(raw, wanted, error)
        ) from error
    except (msgspec.DecodeError, RecursionError, ValueError) as error:
        raise UnparsableError(f"The body is no JSON: {error}.") from error


def _decoded(raw: bytes, wanted: type[T]) -> T:
    """Return a body as data. `8.0` is a whole number to whoever reads schemas, so it is one here."""
    try:
        return msgspec.json.decode(raw, type=wanted)
    except msgspec.ValidationError as error:
        if not _NO_WHOLE_NUMBER.match(str(error)):
            raise
        return msgspec.convert(json.loads(raw, parse_float=_whole_if_it_is), wanted)


def _whole_if_it_is(text: str) -> int | float:
    return int(text.partition(".")[0]) if _WHOLE.fullmatch(text) else float(text)


def read_parameters(path: dict[str, str], query: bytes, route: Route) -> Any:
    """Return what path and query say as data. A parameter that comes twice is refused unless a list is expected."""
    given = _gathered(query, route) if query else {}
    if route.at is None:
        return None
    for name, value in path.items():
        _refuse_nul(name, value)
    read = {name: route.parameters[name].read(value) for name, value in path.items()}
    twice = sorted(given.keys() & path.keys())
    if twice:
        _refuse(twice[0], "is part of the path already")
    try:
        return msgspec.convert({**given, **read}, route.at)
    except msgspec.ValidationError as error:
        text = str(error)
        message, _, place = text.partition(" - at `$")
        raise RequestRefusedError(
            "A parameter is not as it must be.", [Mismatch(place.rstrip("`"), message)]
        ) from error


def _gathered(query: bytes, route: Route) -> dict[str, Any]:
    """Return the parameters of a query by name."""
    try:
        pairs = parse_qsl(
            query.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=MOST_PARAMETERS
        )
    except ValueError as error:
        raise RequestRefusedError(f"The query cannot be read: {error}.", []) from error
    given: dict[str, Any] = {}
    for name, value in pairs:
        parameter = route.parameters.get(name)
        if parameter is None:
            _refuse(name, "is not a parameter of this route")
        _refuse_nul(name, value)
        if parameter.is_list:
            given.setdefault(name, []).append(parameter.read(value))
        elif name in given:
            _refuse(name, "is given twice")
        else:
            given[name] = parameter.read(value)
    return given


def _refuse_nul(name: str, value: str) -> None:
    """Refuse a character that means nothing and that not every database can compare with."""
    if "\0" in value:
        _refuse(name, "holds a character with the number 0")


def _refuse(name: str, why: str) -> NoReturn:
    raise RequestRefusedError(f"The parameter {name!r} {why}.", [Mismatch(f".{name}", why)])


def _refuse_ambiguous(raw: bytes) -> None:
    """Refuse what two readers could read differently: keys that come twice, numbers that are none, half characters."""
    try:
        json.loads(raw, object_pairs_hook=_once, parse_constant=_no_number)
        if _HALF.search(raw):  # Python reads halves of characters, which nothing could be answered with
            msgspec.json.decode(raw)
    except _AmbiguousError as error:
        raise RequestRefusedError(str(error), [Mismatch("", str(error))]) from error
    except (ValueError, RecursionError, msgspec.DecodeError) as error:
        raise UnparsableError(f"The body is no JSON: {error}.", hint="Send UTF-8.") from error


class _AmbiguousError(Exception):
    """Two readers could read it differently."""


def _once(pairs: list[tuple[str, Any]]) -> None:
    if len({key for key, _ in pairs}) < len(pairs):
        twice = next(key for key, times in Counter(key for key, _ in pairs).items() if times > 1)
        raise _AmbiguousError(f"The field {twice[:LONGEST_TOLD]!r} is given twice in one object.")


def _no_number(text: str) -> NoReturn:
    raise ValueError(f"{text} is no number in JSON")


def _mismatches(raw: bytes, wanted: type[Any], error: msgspec.ValidationError) -> list[Mismatch]:
    """Return everything in a body that is not as it must be."""
    schema = plain(msgspec.json.schema(wanted))
    hides = "'writeOnly': True" in repr(schema)
    message, _, place = str(error).partition(" - at `$")
    told = Mismatch(place.rstrip("`"), message)
    if hides and message.startswith(_WITHOUT_VALUES):
        return [told]
    found = SchemaCheck(schema, mask="what was sent" if hides else "").mismatches(json.loads(raw))
    return found or [told if not hides else Mismatch(told.path, "it is not as it must be")]


_WITHOUT_VALUES = ("Expected", "Object missing")
"""So begins what names types and fields only."""
