"""Options that several commands share, and how what people type is read."""

import re
import shlex
from pathlib import Path
from typing import Annotated, Any, TypeAlias, TypeVar

import msgspec
from cyclopts import Parameter

from auraos.cli.failures import WrongInputError

Json: TypeAlias = Annotated[
    bool, Parameter(name="--json", negative="", help="Print one JSON document instead of text.")
]
Data: TypeAlias = Annotated[
    Path, Parameter(name="--data", help="The folder that holds runs, journals and files.")
]
AllowNet: TypeAlias = Annotated[
    tuple[str, ...],
    Parameter(
        name="--allow-net",
        negative="",
        help="Let steps reach HOST:PORT on this machine or a private network. May be given again and again.",
    ),
]
Pools: TypeAlias = Annotated[
    tuple[str, ...],
    Parameter(
        name="--pool",
        negative="",
        help="How many units a pool has: NAME=NUMBER. May be given again and again. A pool that is not named has no limit.",
    ),
]
Database: TypeAlias = Annotated[
    str,
    Parameter(
        env_var="AURAOS_DATABASE",
        help="postgresql://…: the database, where runs are kept in one. AURAOS_DATABASE names it, too.",
    ),
]
Number = TypeVar("Number", int, float)
DEFAULT_DATA = Path(".auraos")
NO_FOLDER = Path()
"""What stands where runs are not in a folder of this machine."""
_SIZE = re.compile(r"([0-9]{1,12}) ?(B|KB|MB|GB)?", re.ASCII | re.IGNORECASE)
_BYTES = {"": 1, "B": 1, "KB": 1_000, "MB": 1_000_000, "GB": 1_000_000_000}
_POOL = re.compile(r"([a-z][a-z0-9_-]*)=([0-9]{1,7})", re.ASCII)


def runs_command(data: Path, verb: str, *words: Any) -> str:
    """Return the words of a command about the same runs, as a person would type them."""
    from auraos.cli.target import words_of_wish  # noqa: PLC0415 (most of what needs these options prints no command)

    folder = [] if data in (DEFAULT_DATA, NO_FOLDER) else ["--data", str(data)]
    return shlex.join(["auraos", "runs", verb, *(str(word) for word in words), *folder, *words_of_wish()])


def read_json(text: str, what: str, option: str = "--input") -> Any:
    """Return the value of a JSON text; say where it is wrong, with the line and a caret."""
    try:
        return msgspec.json.decode(text.encode())
    except msgspec.DecodeError as error:
        raise WrongInputError(
            f"{what} is no JSON: {_words_of(str(error), text)}.", hint=_hint_of(text, option)
        ) from None
    except RecursionError:
        raise WrongInputError(f"{what} is nested too deep.") from None


def read_input(given: tuple[str, ...], option: str = "--input") -> Any:
    """Return the input of a run, or what else an option takes: one JSON text, `@file` or `-`, or any number of `key=value`."""
    if not given:
        return None
    if len(given) == 1 and not _is_pair(given[0]):
        return _read_whole(given[0], option)
    fields: dict[str, Any] = {}
    for one in given:
        if not _is_pair(one):
            raise WrongInputError(
                f"{one!r} is no `key=value`.", hint="Give one JSON text, one @file, or only key=value pairs."
            )
        key, value = read_pair(one)
        fields[key] = value
    return fields


def read_pools(given: tuple[str, ...]) -> dict[str, int]:
    """Return pools, `name=number` each, as a mapping."""
    pools: dict[str, int] = {}
    for one in given:
        found = _POOL.fullmatch(one)
        if found is None:
            raise WrongInputError(
                f"{one!r} is no pool with its number.",
                hint="Write a name in small letters and a number: --pool erp=3.",
            )
        if found[1] in pools:
            raise WrongInputError(f"The pool {found[1]!r} is given twice.")
        pools[found[1]] = int(found[2])
    return pools


def read_size(text: str, *, most: int) -> int:
    """Return a size in bytes, from one byte to the most that it may be."""
    hint = f"Write a number and B, KB, MB or GB, as 64MB; the most is {most // 1_000_000}MB."
    found = _SIZE.fullmatch(text.strip())
    if found is None:
        raise WrongInputError(f"{text!r} is no size.", hint=hint)
    size = int(found[1]) * _BYTES[(found[2] or "").upper()]
    if not 1 <= size <= most:
        raise WrongInputError(f"{text!r} is too {'small' if size < 1 else 'large'}.", hint=hint)
    return size


def read_number(number: Number, option: str, least: Number, most: Number) -> Number:
    """Return the number that an option was given; refuse one that it does not take."""
    if not least <= number <= most:  # also what is no number at all
        raise WrongInputError(
            f"{option} {number} is not possible.", hint=f"It takes numbers from {least:,} to {most:,}."
        )
    return number


def read_pairs(given: tuple[str, ...]) -> dict[str, Any]:
    """Return `key=value` pairs as a mapping."""
    return dict(read_pair(one) for one in given)


def read_pair(text: str) -> tuple[str, Any]:
    """Return the key and value of `key=value`; a value that is no JSON is text, `key=@file` is the JSON of a file."""
    key, equals, value = text.partition("=")
    if not equals or not key:
        raise WrongInputError(f"{text!r} is no `key=value`.")
    if value.startswith("@"):
        return key, _read_whole(value, "--input")
    try:
        return key, msgspec.json.decode(value.encode())
    except (msgspec.DecodeError, RecursionError):
        return key, value


def _is_pair(text: str) -> bool:
    key, equals, _ = text.partition("=")
    return (
        bool(equals)
        and not text.lstrip().startswith(("{", "[", '"', "@"))
        and key.replace("_", "a").replace("-", "a").isalnum()
    )


def _read_whole(given: str, option: str) -> Any:
    from auraos.app.definitions.files import STDIN, read_source  # noqa: PLC0415 (most runs are given their input on the command line)

    if given in ("-", STDIN):
        return read_json(read_source(STDIN), "Standard input")
    if given.startswith("@"):
        return read_json(read_source(given[1:]), given[1:])
    return read_json(given, "The input" if option == "--input" else f"What {option} is given", option)


def _words_of(message: str, text: str) -> str:
    found = message.rpartition("(byte ")[2].rstrip(")")
    if not found.isdigit():
        return message
    before = text.encode()[: int(found)].decode(errors="replace")
    line, column = before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1
    words = message.removeprefix("JSON is malformed: ").partition(" (byte")[0]
    return f"line {line}, column {column}: {words}"


def _hint_of(text: str, option: str) -> str:
    if "'" in text and '"' not in text:
        return (
            f'JSON wants double quotes; put single quotes around the whole: {option} \'{{"name": "Ada"}}\'.'
        )
    return f'Write {option} \'{{"name": "Ada"}}\', {option} @file.json or {option} name=Ada.'
